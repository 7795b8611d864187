package rotate

import (
	"context"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	awaitReplicas = 30 * time.Second // Service.AwaitReplicas when it is zero
	lookEvery     = 100 * time.Millisecond
)

// retire revokes what the connection no longer signs with, with a token of what it signs with now.
func (s *Service) retire(ctx context.Context, connectionID string) error {
	if err := s.allAware(ctx, connectionID); err != nil {
		return err
	}
	if err := s.passMint(ctx, connectionID); err != nil {
		return err
	}
	conn, app, err := s.load(ctx, connectionID)
	if err != nil {
		return err
	}
	api, err := s.api(ctx, app, conn)
	if err != nil {
		return err
	}
	if err := s.Replicas.Current(); err != nil {
		return err
	}
	return s.Certificates.Retire(ctx, app, conn, api)
}

// allAware is CodeConflict while a serving process may sign with what the connection's newest certificate replaced (RO-02).
func (s *Service) allAware(ctx context.Context, connectionID string) error {
	ids, err := s.Replicas.Unaware(ctx, connectionID)
	if err != nil || len(ids) == 0 {
		return err
	}
	return broker.Errorf(broker.CodeConflict,
		"connection %s signs with its new certificate, but not yet all servers have said that they know (missing: %s), so the old one is still good",
		connectionID, strings.Join(ids, ", ")).
		WithDo("Nothing: the old certificate is revoked by itself, when all know and its day of overlap is over.")
}

// awaitReplicas waits until all serving processes sign with the connection's new certificate.
func (s *Service) awaitReplicas(ctx context.Context, connectionID string) error {
	patience := s.AwaitReplicas
	if patience == 0 {
		patience = awaitReplicas
	}
	look, over := time.NewTicker(lookEvery), time.NewTimer(patience)
	defer look.Stop()
	defer over.Stop()
	for {
		err := s.allAware(ctx, connectionID)
		if broker.CodeOf(err) != broker.CodeConflict {
			return err
		}
		select {
		case <-look.C:
		case <-over.C:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passMint takes the connection's lease for minting and gives it back. A mint that was under way has then ended, and every later
// one reads the connection under the lease, and so signs with the new certificate.
func (s *Service) passMint(ctx context.Context, connectionID string) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		passed, err := s.under(ctx, broker.MintLease(connectionID), time.Minute, func(context.Context) error { return nil })
		if passed || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
