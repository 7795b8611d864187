package tokens

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	// keepWithin is how long the database may be away without a loss of what NetSuite gave; with askWithin, it is over when the answer
	// to a refresh counts as lost.
	keepWithin = time.Minute
	keepPause  = 250 * time.Millisecond
)

// insist stores what NetSuite gave, also when the database is away for a while: a token would have to be asked for once more, and a
// refresh token exists nowhere else. Another process that was faster ends it.
func (s *Service) insist(ctx context.Context, b *binding, save func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	ticker := time.NewTicker(keepPause)
	defer ticker.Stop()
	for {
		err := save(ctx)
		if err == nil || broker.IsConflict(err) {
			return err
		}
		s.log().WarnContext(ctx, "what NetSuite gave cannot be stored yet; we try again", "connection", b.connection, "err", err)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return err
		}
	}
}
