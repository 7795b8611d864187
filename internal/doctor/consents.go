package doctor

import (
	"context"
	"fmt"

	"github.com/suitekey/suitekey/internal/broker"
)

// DueConsents lists the user connections whose consent is to be kept alive, or asked for anew, now.
func (s *Service) DueConsents(ctx context.Context) ([]string, error) {
	return s.Store.DueUserGrants(ctx, s.now(), mostAtOnce)
}

// KeepConsent refreshes an idle user connection before its refresh token ends, and tells ahead of time when the person must consent
// again, which no refresh can put off.
func (s *Service) KeepConsent(ctx context.Context, connectionID string) error {
	g, err := s.Store.UserGrant(ctx, connectionID)
	if err != nil {
		return err
	}
	if now := s.now(); g.EndedAt.IsZero() && g.AskedAt.IsZero() && !now.Before(g.AskAt) {
		if err := s.askAhead(ctx, &g); err != nil {
			return err
		}
	}
	if !g.EndedAt.IsZero() || g.RefreshAt.IsZero() || s.now().Before(g.RefreshAt) {
		return nil
	}
	h, err := s.health(ctx, connectionID)
	if err != nil || s.now().Before(h.AskAgain()) && h.Cause != "" {
		return err
	}
	present, _, err := s.Tokens.Living(ctx, connectionID)
	if err == nil {
		_, err = s.Tokens.Renew(ctx, connectionID, present)
	}
	if err != nil {
		_, err = s.noted(ctx, h, err)
	}
	return err
}

// askAhead tells that the consent will end, and has the link ready, while the connection still works.
func (s *Service) askAhead(ctx context.Context, g *broker.UserGrant) error {
	if _, _, err := s.Links.RepairLink(ctx, g.ConnectionID); err != nil {
		return fmt.Errorf("link of connection %s: %w", g.ConnectionID, err)
	}
	e := broker.NewEvent(broker.EventConnectionNeedsConsent, s.now(), g.App, g.ConnectionID, g.ConnectionID)
	e.Cause = broker.CauseConsentEnded
	e.Detail = "The person's consent ends on " + g.ConsentBy.UTC().Format("2 January 2006 15:04 MST") + ". Until then the connection works."
	g.AskedAt = s.now()
	return s.Store.SaveUserGrant(ctx, g, e)
}
