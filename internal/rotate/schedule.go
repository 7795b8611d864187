package rotate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Rotation by itself is a scan of what is due, not a timer for each certificate: a process that was away for a month finds
// all that came due meanwhile.

const (
	scanEvery = 15 * time.Minute
	mostAtOne = 500 // rotations begun by one scan
	atOnce    = 4   // of them at the same time
)

// ladder is how long a connection rests after each failure in a row, the last one from then on until the certificate ends
// (RO-05). The first keeps a lost right or a refreshed sandbox from being asked about more often (RO-06).
var ladder = []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// rest is how often a rotation failed and when it is tried again. Each process keeps its own: the lease keeps them apart.
type rest struct {
	failures int
	until    time.Time
}

// Run rotates what is due, at once and then every quarter of an hour, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for {
		if err := s.RunOnce(ctx); err != nil && ctx.Err() == nil {
			s.log().ErrorContext(ctx, "cannot look for certificates to rotate", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// RunOnce rotates every certificate whose time has come and whose connection is not resting after a failure. A failure is
// logged and does not stop the others; the error is of the scan itself.
func (s *Service) RunOnce(ctx context.Context) error {
	due, err := s.Store.DueCertificates(ctx, s.now(), mostAtOne)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, atOnce)
	for _, c := range due {
		if s.resting(c.ConnectionID) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		running.Go(func() {
			defer func() { <-slots }()
			s.settle(ctx, c, s.rotateDue(ctx, c.ConnectionID))
		})
	}
	return nil
}

// rotateDue is Rotate for a certificate that is still due when the lease is ours: another process may have replaced it since
// the scan.
func (s *Service) rotateDue(ctx context.Context, connectionID string) error {
	_, err := s.alone(ctx, connectionID, func(ctx context.Context) (Rotated, error) {
		conn, err := s.Store.Connection(ctx, connectionID)
		if err != nil {
			return Rotated{}, err
		}
		c, err := s.Store.Certificate(ctx, conn.CertificateID)
		if err != nil || s.now().Before(c.RotateAt()) || conn.State != broker.ConnectionConnected {
			return Rotated{}, err
		}
		return s.rotate(ctx, connectionID, "schedule")
	})
	return err
}

// settle notes how a rotation ended.
func (s *Service) settle(ctx context.Context, c broker.Certificate, err error) {
	switch {
	case ctx.Err() != nil || broker.CodeOf(err) == broker.CodeConflict:
		return // we are stopping, or another process is at it
	case err == nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.rests, c.ConnectionID)
		return
	}
	s.mu.Lock()
	r := s.rests[c.ConnectionID]
	pause := ladder[min(r.failures, len(ladder)-1)]
	r.failures, r.until = r.failures+1, s.now().Add(pause)
	if s.rests == nil {
		s.rests = map[string]rest{}
	}
	s.rests[c.ConnectionID] = r
	s.mu.Unlock()
	s.log().WarnContext(ctx, "a certificate could not be rotated; the connection works until it ends",
		"connection", c.ConnectionID, "certificate", c.ID, "valid_until", c.ValidUntil, "failures", r.failures, "again_in", pause, "err", err)
}

func (s *Service) resting(connectionID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Before(s.rests[connectionID].until)
}

// alone does something with a connection while its lease is ours.
func (s *Service) alone(ctx context.Context, connectionID string, do func(context.Context) (Rotated, error)) (Rotated, error) {
	lease, ours, err := s.Store.AcquireLease(ctx, "rotate/"+connectionID, s.Holder+"/"+broker.NewID("rotation"), rotateWithin)
	if err != nil {
		return Rotated{}, fmt.Errorf("lease for the rotation of connection %s: %w", connectionID, err)
	}
	if !ours {
		return Rotated{}, broker.Errorf(broker.CodeConflict, "connection %s is being rotated by another process", connectionID).WithDo("Wait until it has finished, then look at the connection.")
	}
	done, err := do(ctx)
	if releaseErr := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease); !errors.Is(releaseErr, broker.ErrConflict) {
		err = errors.Join(err, releaseErr) // one that ran out meanwhile is nobody's loss
	}
	return done, err
}
