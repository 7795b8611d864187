package onboard

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// work is one run with what its steps read. Steps change Run (and Grant); Advance saves.
type work struct {
	Run   broker.Run
	Grant broker.Grant // zero while nobody has consented
	Link  broker.Link
	App   broker.App
	s     *Service
}

// step does the work behind one missing fact. It returns pause when the run cannot go on by itself.
type step func(ctx context.Context, w *work) (outcome, error)

type outcome bool

const (
	goOn  outcome = true
	pause outcome = false
)

// next decides from the record alone what is to be done; nil when nothing is, or only a person can.
func next(w *work, now time.Time) step {
	r, g := w.Run, w.Grant
	watched := !r.DueAt.IsZero() && !r.DueAt.After(now)
	switch {
	case r.Ended != "" && r.GrantEndedAt.IsZero() && g.ID != "":
		return windDown
	case r.Over():
		return nil
	case r.Problem != nil && !watched:
		return nil
	case g.Status == broker.GrantRedeeming:
		return exchange
	case unconfirmed(r) && !now.Before(r.FinaliseBy):
		return giveUp
	case !r.ActivatedAt.IsZero():
		return end
	case g.ID == "":
		return nil // waits for a consent
	case g.Status != broker.GrantHeld, !g.AccessExpiresAt.After(now.Add(time.Minute)):
		return setupTimeOver
	case r.BoundAt.IsZero():
		return bind
	case unconfirmed(r):
		return nil
	case r.AccountConfirmedAt.IsZero():
		return confirm
	case w.Link.Connects == broker.KindUser:
		return keepConsent
	case r.ChecksPassedAt.IsZero():
		return check
	case r.CertificateID == "":
		return makeKey
	case r.UploadedAt.IsZero():
		return upload
	case r.TestedAt.IsZero():
		return test
	case r.TasksDone < len(w.App.Tasks):
		return doTask
	}
	return activate
}

// unconfirmed tells that the app's backend has not yet finalised the run of a session link.
func unconfirmed(r broker.Run) bool { return r.FinaliseCodeHash != "" && r.FinalisedAt.IsZero() }

// Advance does the first step whose fact is missing from the record, saves, and looks again. It returns when the run is
// over, waits for somebody, or somebody else has it: another process, or another call of this one.
func (s *Service) Advance(ctx context.Context, id string) error {
	holder := s.newHolder()
	for {
		lease, ours, err := s.Store.AcquireLease(ctx, "run/"+id, holder, s.LeaseTTL)
		if err != nil || !ours {
			return err
		}
		more, err := s.advanceOnce(ctx, id)
		if err != nil || !more {
			return errors.Join(err, s.release(ctx, lease))
		}
	}
}

// newHolder names one worker in a lease. A process has many, and a lease is extended for its holder, so they must not share a name.
func (s *Service) newHolder() string { return s.Holder + "/" + broker.NewID("worker") }

// release gives a lease back, so that the next process need not wait for its end. One that ran out meanwhile is nobody's loss.
func (s *Service) release(ctx context.Context, lease broker.Lease) error {
	err := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease)
	if errors.Is(err, broker.ErrConflict) {
		return nil
	}
	return err
}

func (s *Service) advanceOnce(ctx context.Context, id string) (bool, error) {
	w, err := s.load(ctx, id)
	if err != nil {
		return false, err
	}
	do := next(w, s.Now())
	if do == nil {
		return false, s.rest(ctx, w)
	}
	out, err := do(ctx, w)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, ctx.Err() // we are being stopped: the step is repeated by the next process
	case errors.Is(err, broker.ErrConflict):
		return true, nil // a person's wish changed what the step had read: it is read again
	case unstored(err):
		return false, err // says nothing about NetSuite: the run stays due, and the step is repeated when the database is back
	case err != nil:
		out = w.fail(err)
	case out == goOn:
		w.Run.Problem, w.Run.Attempts, w.Run.DueAt = nil, 0, s.Now()
	}
	w.Run.UpdatedAt = s.Now()
	// Kept even when the step failed or the process is being stopped; refused if somebody moved the run on, and then read again.
	err = s.Store.SaveRun(context.WithoutCancel(ctx), &w.Run, nil, nil, s.news(&w.Run)...)
	if errors.Is(err, broker.ErrConflict) {
		return true, nil
	}
	return out == goOn, err
}

// rest takes a run that waits out of the list of what is due.
func (s *Service) rest(ctx context.Context, w *work) error {
	if w.Run.DueAt.IsZero() || w.Run.DueAt.After(s.Now()) {
		return nil
	}
	w.Run.DueAt = time.Time{}
	if unconfirmed(w.Run) && !w.Run.Over() {
		w.Run.DueAt = w.Run.FinaliseBy
	}
	err := s.Store.SaveRun(ctx, &w.Run, nil, nil, s.news(&w.Run)...)
	if errors.Is(err, broker.ErrConflict) {
		return nil // somebody moved it on and made it due again
	}
	return err
}

func (s *Service) load(ctx context.Context, id string) (*work, error) {
	w := &work{s: s}
	var err error
	if w.Run, err = s.Store.Run(ctx, id); err != nil {
		return nil, err
	}
	if w.Link, err = s.Store.Link(ctx, w.Run.LinkID); err != nil {
		return nil, err
	}
	if w.App, err = s.Store.App(ctx, w.Run.App); err != nil {
		return nil, err
	}
	if w.Run.GrantID != "" {
		if w.Grant, err = s.Store.Grant(ctx, w.Run.GrantID); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// RunOnce advances every run that is due and ends every grant that is due, one after the other.
func (s *Service) RunOnce(ctx context.Context) error {
	return s.sweep(ctx, func(f func()) { f() })
}

// Run is the background worker: it advances what is due and what was kicked, until ctx ends, and waits for its steps.
func (s *Service) Run(ctx context.Context) error {
	var (
		steps sync.WaitGroup
		slots = make(chan struct{}, 16)
		tick  = time.NewTicker(time.Second)
	)
	defer steps.Wait()
	defer tick.Stop()
	spawn := func(f func()) {
		slots <- struct{}{}
		steps.Go(func() {
			defer func() { <-slots }()
			f()
		})
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-s.wake:
			spawn(func() { s.advance(ctx, id) })
		case <-tick.C:
			if err := s.sweep(ctx, spawn); err != nil && ctx.Err() == nil {
				s.Logger.Error("cannot look for onboarding work", "err", err)
			}
		}
	}
}

// sweep finds what is due. Two sweeps may find the same run: the lease lets one of them act.
func (s *Service) sweep(ctx context.Context, spawn func(func())) error {
	runs, err := s.Store.DueRuns(ctx, s.Now(), 100)
	if err != nil {
		return err
	}
	for _, id := range runs {
		spawn(func() { s.advance(ctx, id) })
	}
	grants, err := s.Store.DueGrants(ctx, s.Now(), 100)
	if err != nil {
		return err
	}
	for _, id := range grants {
		spawn(func() { s.endDueGrant(ctx, id) })
	}
	return nil
}

func (s *Service) advance(ctx context.Context, id string) {
	if err := s.Advance(ctx, id); err != nil && ctx.Err() == nil {
		s.Logger.Error("an onboarding step failed inside the server", "run", id, "err", err)
	}
}
