package onboard

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	// ExpireEvery is how often we look for links that nobody used in time.
	ExpireEvery = time.Minute
	mostExpired = 500
)

// news is what is told of a run that is about to be saved: its phase, when others have not heard of it yet.
func (s *Service) news(r *broker.Run) []broker.Event {
	phase := r.Phase()
	if phase == r.Told {
		return nil
	}
	r.Told = phase
	kind := broker.EventOnboardingStep
	switch {
	case phase == broker.PhaseConnected:
		kind = broker.EventOnboardingCompleted
	case r.Over():
		kind = broker.EventOnboardingExited
	}
	e := broker.NewEvent(kind, s.Now(), r.App, r.ConnectionID, r.ID)
	e.Detail = string(phase)
	return []broker.Event{e}
}

// ExpiredLinks lists the links that nobody used in time, and of which that was not told yet.
func (s *Service) ExpiredLinks(ctx context.Context) ([]string, error) {
	return s.Store.ExpiredLinks(ctx, s.Now(), mostExpired)
}

// TellExpiry tells that nobody used a link in time.
func (s *Service) TellExpiry(ctx context.Context, linkID string) error {
	link, err := s.Store.Link(ctx, linkID)
	if err != nil || link.RunID != "" || !link.ExpiryToldAt.IsZero() || s.Now().Before(link.ExpiresAt) {
		return err
	}
	link.ExpiryToldAt = s.Now()
	return s.Store.SaveLink(ctx, &link, broker.NewEvent(broker.EventLinkExpired, s.Now(), link.App, link.ConnectionID, link.ID))
}
