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

// defaultOverlap is Service.Overlap when it is zero.
const defaultOverlap = 24 * time.Hour

// job is one thing to do with a connection.
type job struct {
	key        string // of its rest; one for each kind of job
	connection string
	failed     string // what the log says when it failed
	do         func(ctx context.Context) error
}

// RunOnce rotates every certificate whose time has come, and revokes those that were replaced a day ago, but for connections
// that rest after a failure. A failure is logged and does not stop the others; the error is of the scan itself.
func (s *Service) RunOnce(ctx context.Context) error {
	jobs, err := s.jobs(ctx)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, atOnce)
	for _, j := range jobs {
		if s.resting(j.key) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		running.Go(func() {
			defer func() { <-slots }()
			s.settle(ctx, j, s.alone(ctx, j.connection, j.do))
		})
	}
	return nil
}

// jobs finds what is due. Revocations come first: they free places for uploads.
func (s *Service) jobs(ctx context.Context) (jobs []job, err error) {
	overlap := s.Overlap
	if overlap == 0 {
		overlap = defaultOverlap
	}
	replaced, err := s.Store.RetiringCertificates(ctx, s.now().Add(-overlap))
	if err != nil {
		return nil, err
	}
	due, err := s.Store.DueCertificates(ctx, s.now(), mostAtOne)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, c := range replaced {
		if !seen[c.ConnectionID] { // retire takes all of a connection
			seen[c.ConnectionID] = true
			jobs = append(jobs, job{
				"retire/" + c.ConnectionID, c.ConnectionID, "a replaced certificate could not be revoked; it stays good at NetSuite",
				func(ctx context.Context) error { return s.retire(ctx, c.ConnectionID) },
			})
		}
	}
	for _, c := range due {
		jobs = append(jobs, job{
			"rotate/" + c.ConnectionID, c.ConnectionID, "a certificate could not be rotated; the connection works until it ends",
			func(ctx context.Context) error { return s.rotateDue(ctx, c.ConnectionID) },
		})
	}
	return jobs, nil
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
	_, err = s.rotate(ctx, connectionID, "schedule")
	return err
}

// settle notes how a job ended.
func (s *Service) settle(ctx context.Context, j job, err error) {
	switch {
	case ctx.Err() != nil || broker.CodeOf(err) == broker.CodeConflict:
		return // we are stopping, or another process is at it
	case err == nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.rests, j.key)
		return
	}
	failures, pause := s.rest(j.key)
	s.log().WarnContext(ctx, j.failed, "connection", j.connection, "failures", failures, "again_in", pause, "err", err)
}

// rest lets a job rest, longer with every failure.
func (s *Service) rest(key string) (failures int, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rests[key]
	pause = ladder[min(r.failures, len(ladder)-1)]
	if s.rests == nil {
		s.rests = map[string]rest{}
	}
	s.rests[key] = rest{r.failures + 1, s.now().Add(pause)}
	return r.failures + 1, pause
}

func (s *Service) resting(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Before(s.rests[key].until)
}

// alone does something with a connection while its lease is ours.
func (s *Service) alone(ctx context.Context, connectionID string, do func(context.Context) error) error {
	lease, ours, err := s.Store.AcquireLease(ctx, "rotate/"+connectionID, s.Holder+"/"+broker.NewID("rotation"), rotateWithin)
	if err != nil {
		return fmt.Errorf("lease for the rotation of connection %s: %w", connectionID, err)
	}
	if !ours {
		return broker.Errorf(broker.CodeConflict, "connection %s is being rotated by another process", connectionID).WithDo("Wait until it has finished, then look at the connection.")
	}
	err = do(ctx)
	if releaseErr := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease); !errors.Is(releaseErr, broker.ErrConflict) {
		err = errors.Join(err, releaseErr) // one that ran out meanwhile is nobody's loss
	}
	return err
}
