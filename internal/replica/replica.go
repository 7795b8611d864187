// Package replica lets serving processes that share a database know of each other: who lives, and what each of them acts on.
//
// A replica beats every five seconds. With a beat it says up to which switch of a certificate it acts on what the database says;
// so an old certificate is revoked only when nobody signs with it any more (RO-02). No clocks are compared for that: switches are
// numbered in the order of their commits, and a replica says a number only when it has read it and all that it may have
// remembered from before has ended.
//
// Two times bound what cannot be known. A replica that has not beaten for StaleAfter does nothing outward until it beats again
// (Current); one that nobody has seen for GivenUpAfter is not waited for. The second is far longer than the first.
package replica

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	// BeatEvery is the pause between two beats.
	BeatEvery = 5 * time.Second
	// StaleAfter is how long a replica may act without a beat.
	StaleAfter = time.Minute
	// GivenUpAfter is how long others wait for one that they do not see.
	GivenUpAfter = 10 * time.Minute

	// beatWithin bounds one beat.
	beatWithin = 4 * time.Second
)

type store interface {
	Beat(ctx context.Context, r broker.Replica) (switches int64, err error)
	RemoveReplica(ctx context.Context, id string) error
	UnawareReplicas(ctx context.Context, connectionID string, within time.Duration) ([]broker.Replica, error)
}

// Service is this process among the others. A struct literal works; use it by pointer. A process that never serves, such as a
// command, uses Unaware alone.
type Service struct {
	Store store
	ID    string // no other process has it
	// Now is the process's own clock, which nobody else sets; nil: time.Now.
	Now    func() time.Time
	Logger *slog.Logger // nil: silence

	wakeOnce sync.Once
	wake     chan struct{}

	mu      sync.Mutex
	started time.Time // guarded by mu; zero before the first beat
	beaten  time.Time // guarded by mu; when the last successful beat began
	actsOn  int64     // guarded by mu
	read    int64     // guarded by mu; the newest switch that was read, and when
	readAt  time.Time // guarded by mu
}

// While beats for as long as do runs. The first beat comes before do, and the replica leaves when do has ended.
func (s *Service) While(ctx context.Context, do func(context.Context) error) error {
	defer s.leave(ctx)
	if err := s.Beat(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it began
		}
		return fmt.Errorf("first beat of this process: %w", err)
	}
	// Beats go on while do ends in its own time after ctx has.
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { s.beatUntil(beating) })
	err := do(ctx)
	stop()
	running.Wait()
	return err
}

// Beat says that this process lives and what it acts on.
func (s *Service) Beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	now := s.now()
	me := s.stand(now)
	newest, err := s.Store.Beat(ctx, me)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beaten, s.actsOn = now, me.ActsOn
	if newest != s.read || s.readAt.IsZero() {
		s.read, s.readAt = newest, s.now()
	}
	return nil
}

// stand is what this process can say at a moment: it acts on the newest switch that it has read once everything that it read
// before that has ended.
func (s *Service) stand(now time.Time) broker.Replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started.IsZero() {
		s.started = now
	}
	me := broker.Replica{ID: s.ID, StartedAt: s.started, ActsOn: s.actsOn}
	if !s.readAt.IsZero() && now.Sub(s.readAt) >= broker.BelievedFor {
		me.ActsOn = s.read
	}
	return me
}

// Hurry asks for a beat now, so that a switch made by this process is acknowledged soon.
func (s *Service) Hurry() {
	select {
	case s.waking() <- struct{}{}:
	default: // one is asked for already
	}
}

func (s *Service) waking() chan struct{} {
	s.wakeOnce.Do(func() { s.wake = make(chan struct{}, 1) })
	return s.wake
}

func (s *Service) beatUntil(ctx context.Context) {
	timer := time.NewTimer(s.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.waking():
		}
		if err := s.Beat(ctx); err != nil && ctx.Err() == nil {
			s.log().WarnContext(ctx, "this process cannot tell the others that it lives", "err", err)
		}
		timer.Reset(s.pause())
	}
}

// pause is shorter while there is something to acknowledge.
func (s *Service) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read != s.actsOn {
		return broker.BelievedFor
	}
	return BeatEvery
}

// leave takes this process out, so that nobody waits for it.
func (s *Service) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatWithin)
	defer cancel()
	if err := s.Store.RemoveReplica(ctx, s.ID); err != nil {
		s.log().WarnContext(ctx, "this process could not take its leave; it is given up later", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started, s.beaten, s.readAt = time.Time{}, time.Time{}, time.Time{}
	s.actsOn, s.read = 0, 0
}

// Current is an error when this process has not reached the database for so long that others may have given it up: it must not
// act outward until it has beaten again. Both its clocks are asked, since some machines stop one of them while they sleep.
func (s *Service) Current() error {
	s.mu.Lock()
	beaten := s.beaten
	s.mu.Unlock()
	if beaten.IsZero() {
		return nil // it does not serve: it lives for one act, and has just read what it acts on
	}
	now := s.now()
	if silent := max(now.Sub(beaten), now.Round(0).Sub(beaten.Round(0))); silent >= StaleAfter {
		return broker.Errorf(broker.CodeStale, "this process has not reached its database for %s", silent.Round(time.Second))
	}
	return nil
}

// Unaware names the replicas that may still sign with what the connection's newest certificate replaced.
func (s *Service) Unaware(ctx context.Context, connectionID string) (ids []string, err error) {
	replicas, err := s.Store.UnawareReplicas(ctx, connectionID, GivenUpAfter)
	for _, r := range replicas {
		ids = append(ids, r.ID)
	}
	return ids, err
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Service) log() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}
