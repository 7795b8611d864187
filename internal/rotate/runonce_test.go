package rotate

import "context"

// What the engine of background work does with package rotate, for tests that move the clock by hand.

// RunOnce does what is due now, one after the other.
func (s *Service) RunOnce(ctx context.Context) error {
	for _, w := range s.Works() {
		ids, err := w.Due(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := w.Do(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}
