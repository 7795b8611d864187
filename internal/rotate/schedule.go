package rotate

import (
	"context"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Rotation by itself is a scan of what is due, not a timer for each certificate: a process that was away for a month finds
// all that came due meanwhile.

const (
	// ScanEvery is the pause between two scans.
	ScanEvery = 5 * time.Minute
	// AtOnce is how many rotations are under way at the same time, over all processes.
	AtOnce = 4

	mostAtOnce     = 500            // rotations begun by one scan
	defaultOverlap = 24 * time.Hour // Service.Overlap when it is zero
)

// ladder is how long a connection rests after each failure in a row, the last one from then on until the certificate ends
// (RO-05). The first keeps a lost right or a refreshed sandbox from being asked about more often (RO-06).
var ladder = []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// Work is one of the two kinds of work that the service does by itself: Due finds the connections, Do does it with one. Do looks
// again before it acts, and keeps failures to itself: it lets the connection rest from the work, in the database, so that no
// other process tries it sooner. Its error says that even that failed, or that ctx ended.
type Work struct {
	Name string
	Due  func(ctx context.Context) (connectionIDs []string, err error)
	Do   func(ctx context.Context, connectionID string) error

	failed string // what the log says of a failure
}

const (
	workRetire = "retire"
	workRotate = "rotate"
)

// Works are what the service does by itself. Revocations come first: they free places for uploads.
func (s *Service) Works() []Work {
	retire := Work{Name: workRetire, Due: s.dueToRetire, failed: "a replaced certificate could not be revoked; it stays good at NetSuite"}
	retire.Do = func(ctx context.Context, id string) error { return s.attempt(ctx, retire, id, s.retire) }
	rotate := Work{Name: workRotate, Due: s.dueToRotate, failed: "a certificate could not be rotated; the connection works until it ends"}
	rotate.Do = func(ctx context.Context, id string) error { return s.attempt(ctx, rotate, id, s.rotateDue) }
	return []Work{retire, rotate}
}

// dueToRetire finds the connections with a certificate that was replaced a day ago.
func (s *Service) dueToRetire(ctx context.Context) ([]string, error) {
	overlap := s.Overlap
	if overlap == 0 {
		overlap = defaultOverlap
	}
	now := s.now()
	replaced, err := s.Store.RetiringCertificates(ctx, workRetire, now, now.Add(-overlap))
	return connections(replaced), err
}

// dueToRotate finds the connections whose certificate has come to its time.
func (s *Service) dueToRotate(ctx context.Context) ([]string, error) {
	due, err := s.Store.DueCertificates(ctx, workRotate, s.now(), mostAtOnce)
	return connections(due), err
}

// connections names each connection once.
func connections(certificates []broker.Certificate) (ids []string) {
	seen := map[string]bool{}
	for _, c := range certificates {
		if !seen[c.ConnectionID] {
			seen[c.ConnectionID] = true
			ids = append(ids, c.ConnectionID)
		}
	}
	return ids
}

// rotateDue rotates a certificate that is still due now that the lease is ours: another process may have replaced it since the
// scan.
func (s *Service) rotateDue(ctx context.Context, connectionID string) error {
	conn, err := s.Store.Connection(ctx, connectionID)
	if err != nil {
		return err
	}
	c, err := s.Store.Certificate(ctx, conn.CertificateID)
	if err != nil || s.now().Before(c.RotateAt()) || conn.State != broker.ConnectionConnected {
		return err
	}
	if _, rests, err := s.Health.Rests(ctx, connectionID); err != nil || rests {
		return err // the connection does not work at all: it is asked for again when its health says so (RO-06)
	}
	_, err = s.rotate(ctx, connectionID, "schedule")
	return err
}

// attempt does a work with a connection, unless another process is at it or the connection rests from it.
func (s *Service) attempt(ctx context.Context, w Work, connectionID string, do func(context.Context, string) error) error {
	err := s.inPlace(ctx, func(ctx context.Context) error {
		return s.alone(ctx, connectionID, func(bounded context.Context) error {
			rest, err := s.Store.Rest(bounded, w.Name, connectionID)
			switch {
			case errors.Is(err, broker.ErrNotFound):
				rest = broker.Rest{Work: w.Name, Item: connectionID}
			case err != nil:
				return err
			case s.now().Before(rest.Until):
				return nil // it failed in another process since the scan
			}
			err = do(bounded, connectionID)
			if ctx.Err() != nil {
				return ctx.Err() // we are stopping
			}
			return s.settle(context.WithoutCancel(bounded), w, rest, err)
		})
	})
	if leave(err) {
		return nil
	}
	return err
}

// leave tells that it is not for this process to go on: another one is at it, or it must first be heard of again. A later scan
// finds what is left.
func leave(err error) bool { return broker.IsConflict(err) || broker.CodeOf(err) == broker.CodeStale }

// settle notes how an attempt ended.
func (s *Service) settle(ctx context.Context, w Work, rest broker.Rest, err error) error {
	switch {
	case leave(err):
		return err
	case err == nil && rest.Failures == 0:
		return nil
	case err == nil:
		return s.Store.DeleteRest(ctx, w.Name, rest.Item)
	}
	pause := ladder[min(rest.Failures, len(ladder)-1)]
	rest.Failures, rest.Until = rest.Failures+1, s.now().Add(pause)
	s.log().WarnContext(ctx, w.failed, "connection", rest.Item, "failures", rest.Failures, "again_in", pause, "err", err)
	if w.Name == workRotate {
		if tellErr := s.tell(ctx, rest, err); tellErr != nil {
			return tellErr
		}
	}
	return s.Store.SaveRest(ctx, rest)
}
