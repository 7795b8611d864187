package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// RepairLink returns the link by which a connection gets a new consent, and makes one when there is none that still works. The run
// that it starts keeps the connection's ID, settings, history and clients. Its token is kept sealed beside its hash, so that every
// reminder carries the same link.
func (s *Service) RepairLink(ctx context.Context, connectionID string) (broker.Link, string, error) {
	conn, err := s.Store.Connection(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Link{}, "", broker.Errorf(broker.CodeNotFound, "there is no connection %q", connectionID).WithDo("suitekey connection list")
	}
	if err != nil {
		return broker.Link{}, "", err
	}
	if conn.State != broker.ConnectionConnected {
		return broker.Link{}, "", broker.Errorf(broker.CodeSetupState, "connection %s is %s, so there is nothing to repair", conn.ID, conn.State).
			WithDo("Make a link for a new connection: suitekey link create --app " + conn.App)
	}
	known, err := s.Store.LinksOfConnection(ctx, conn.ID)
	if err != nil {
		return broker.Link{}, "", err
	}
	for _, link := range known {
		if usable, err := s.repairs(ctx, link); err != nil {
			return link, "", err
		} else if usable {
			token, err := s.Vault.Open(linkPlace(link), link.Token)
			return link, s.PublicURL.JoinPath("c", string(token)).String(), err
		}
	}
	made, err := s.issue(ctx, broker.Link{
		ID: broker.NewID("ol"), App: conn.App, Kind: broker.LinkSent, Customer: conn.Customer, Metadata: conn.Metadata,
		Expect: []netsuite.AccountID{conn.Account}, Connects: conn.Kind, EndUser: conn.EndUser, ConnectionID: conn.ID,
	})
	return made.Link, made.URL, err
}

// repairs reports that a link may still be followed: not withdrawn, not too old, and its run is not over.
func (s *Service) repairs(ctx context.Context, link broker.Link) (bool, error) {
	if len(link.Token) == 0 || !link.RevokedAt.IsZero() || !s.Now().Before(link.ExpiresAt) {
		return false, nil
	}
	if link.RunID == "" {
		return true, nil
	}
	run, err := s.Store.Run(ctx, link.RunID)
	return !run.Over(), err
}

func linkPlace(l broker.Link) broker.Place {
	return broker.Place{Table: "links", Column: "token", Row: l.ID, App: l.App}
}
