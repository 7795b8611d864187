package tokens

import (
	"context"
	"errors"
	"fmt"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// This file is for whoever looks after the health of connections.

// Renew gets a token of a connection that is connected, whatever its health is: the present one while it is good, undoubted and not
// the one that was refused, else a new one from NetSuite. It is broker.CodeConflict while another one is being asked for.
func (s *Service) Renew(ctx context.Context, connectionID string, refused netsuite.Secret) (netsuite.Secret, error) {
	lease, ours, err := s.Store.AcquireLease(ctx, broker.MintLease(connectionID), s.holder()+"/"+broker.NewID("renewal"), s.leaseTTL())
	switch {
	case err != nil:
		return netsuite.Secret{}, fmt.Errorf("lease for the mint of connection %s: %w", connectionID, err)
	case !ours:
		return netsuite.Secret{}, broker.Errorf(broker.CodeConflict, "connection %s is being asked for by somebody else", connectionID).WithDo("Wait a moment, then look again.")
	}
	ctx, done := s.holding(ctx, lease)
	defer done()
	for {
		b, row, t, err := s.look(ctx, connectionID, leastLife)
		if err != nil {
			return netsuite.Secret{}, err
		}
		if t, err = s.undoubted(ctx, t, refused); t != nil || err != nil {
			return t.reveal(), err
		}
		if err := s.current(); err != nil {
			return netsuite.Secret{}, err
		}
		t, again, err := s.mintNow(ctx, b, row)
		if !again {
			s.Forget(connectionID)
			return t.reveal(), err
		}
	}
}

// undoubted is the token while nothing says that it may no longer work.
func (s *Service) undoubted(ctx context.Context, t *heldToken, refused netsuite.Secret) (*heldToken, error) {
	if t == nil || t.secret.Equal(refused) {
		return nil, nil
	}
	_, doubted, err := s.Health.Rests(ctx, t.connection)
	if doubted {
		return nil, err
	}
	return t, err
}

// reveal is the token itself, empty for none.
func (t *heldToken) reveal() netsuite.Secret {
	if t == nil {
		return netsuite.Secret{}
	}
	return t.secret
}

// Living is the connection's last token while it has not ended, however little it has left; nothing is asked for.
func (s *Service) Living(ctx context.Context, connectionID string) (netsuite.Secret, bool, error) {
	b, err := s.readConnection(ctx, connectionID)
	if err != nil {
		return netsuite.Secret{}, false, err
	}
	row, err := s.Store.AccessToken(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) || (err == nil && !s.now().Before(row.ExpiresAt)) {
		return netsuite.Secret{}, false, nil
	}
	if err != nil {
		return netsuite.Secret{}, false, err
	}
	plain, err := s.Vault.Open(b.place(), row.Token)
	return netsuite.NewSecret(string(plain)), err == nil, err
}

// ForOperator hands the operator a token of a connection, for a command beside the database. refused is one that NetSuite has just
// refused; empty for none. Errors are a *Refusal, broker.ErrNotFound, or those of Renew.
func (s *Service) ForOperator(ctx context.Context, connectionID string, refused netsuite.Secret) (HandOut, error) {
	b, err := s.readConnection(ctx, connectionID)
	if err != nil {
		return HandOut{}, err
	}
	t, err := s.token(ctx, b, s.now())
	if err != nil {
		return HandOut{}, err
	}
	if t.secret.Equal(refused) {
		if _, err := s.Renew(ctx, connectionID, refused); err != nil {
			return HandOut{}, err
		}
		if t, err = s.token(ctx, b, s.now()); err != nil {
			return HandOut{}, err
		}
	}
	line := broker.AuditLine{At: s.now(), Event: broker.AuditTokenHandedOut, Actor: "operator", App: b.app, Object: b.connection, Result: "ok"}
	if err := s.Audit.Record(ctx, line); err != nil {
		return HandOut{}, broker.Errorf(broker.CodeAudit, "the audit line could not be stored, so no token was handed out").WithCause(err)
	}
	return b.handOut(t, s.now()), nil
}
