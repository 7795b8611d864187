package notify

import (
	"context"
	"errors"
	"sync"
)

// What the engine of background work does with package notify, for tests that move the clock by hand.

// RunOnce dispatches all events and makes one attempt at each delivery that is due, until nothing is. What came meanwhile has its turn
// between two looks.
func (s *Service) RunOnce(ctx context.Context) error {
	for {
		dispatchErr := s.dispatchAll(ctx)
		attempts, err := s.deliverDue(ctx)
		if err := errors.Join(dispatchErr, err); err != nil || attempts == 0 {
			return err
		}
	}
}

// dispatchAll goes on while it gets on: an event waits for the older ones of its connection.
func (s *Service) dispatchAll(ctx context.Context) error {
	for progress := true; progress; {
		progress = false
		due, err := s.DueEvents(ctx)
		if err != nil {
			return err
		}
		var errs []error
		for _, id := range due {
			done, err := s.dispatch(ctx, id)
			progress = progress || done
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// deliverDue makes the attempts of one look. Each moves its delivery's time ahead, so that looking goes on to others.
func (s *Service) deliverDue(ctx context.Context) (attempts int, err error) {
	due, err := s.DueDeliveries(ctx)
	if err != nil {
		return 0, err
	}
	var (
		running sync.WaitGroup
		slots   = make(chan struct{}, AtOnce)
		errs    = make([]error, len(due))
	)
	for i, id := range due {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.Deliver(ctx, id)
		})
	}
	running.Wait()
	return len(due), errors.Join(errs...)
}
