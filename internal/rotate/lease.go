package rotate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	// rotateWithin is how long a rotation stays with a process that has died. The rotation itself is cut before that.
	rotateWithin = 150 * time.Second
	cutAfter     = 120 * time.Second
	// placeWithin is how long a rotation waits for one of the places; then a later scan finds it again.
	placeWithin = 30 * time.Second
)

// alone does something with a connection while its lease is ours. What is written meanwhile is refused once it is not any more.
func (s *Service) alone(ctx context.Context, connectionID string, do func(context.Context) error) error {
	if err := s.Replicas.Current(); err != nil {
		return err
	}
	ours, err := s.under(ctx, broker.CertificatesLease(connectionID), rotateWithin, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, cutAfter)
		defer cancel()
		return do(ctx)
	})
	if err == nil && !ours {
		return broker.Errorf(broker.CodeConflict, "connection %s is being rotated by another process", connectionID).WithDo("Wait until it has finished, then look at the connection.")
	}
	return err
}

// under does something under a lease, and tells whether it could take it.
func (s *Service) under(ctx context.Context, name string, ttl time.Duration, do func(context.Context) error) (ours bool, err error) {
	lease, ours, err := s.Store.AcquireLease(ctx, name, s.Holder+"/"+broker.NewID("rotation"), ttl)
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", name, err)
	}
	if !ours {
		return false, nil
	}
	ctx = broker.UnderLease(ctx, lease)
	err = do(ctx)
	if releaseErr := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease); !errors.Is(releaseErr, broker.ErrConflict) {
		err = errors.Join(err, releaseErr) // one that ran out meanwhile is nobody's loss
	}
	return true, err
}

// inPlace does something in one of the few places for rotations that all processes share (RO-05). An operator's Rotate needs none.
func (s *Service) inPlace(ctx context.Context, do func(context.Context) error) error {
	look, over := time.NewTicker(lookEvery), time.NewTimer(placeWithin)
	defer look.Stop()
	defer over.Stop()
	for {
		for _, n := range rand.Perm(AtOnce) {
			if ours, err := s.under(ctx, fmt.Sprint("rotation/", n+1), rotateWithin, do); ours || err != nil {
				return err
			}
		}
		select {
		case <-look.C:
		case <-over.C:
			return broker.Errorf(broker.CodeConflict, "%d other rotations are under way", AtOnce)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
