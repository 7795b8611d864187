package onboard_test

import (
	"slices"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
)

func TestOnboardingIsTold(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	consent(t, e, admin, link.URL)
	run := e.Connected(t, link)
	events, err := e.App.Store.EventsOf(t.Context(), run.ConnectionID, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var phases []string // from the key on: before it there is no connection
	for _, x := range events {
		if x.Object != run.ID {
			t.Errorf("event %+v is about something else", x)
		}
		phases = append(phases, x.Detail)
	}
	if want := []string{"testing", "finishing", "connected"}; !slices.Equal(phases, want) {
		t.Errorf("told %v, want %v", phases, want)
	}
	if last := events[len(events)-1]; last.Type != broker.EventOnboardingCompleted || last.ConnectionID != run.ConnectionID {
		t.Errorf("the end was told as %+v", last)
	}
}

func TestExpiredLinkIsToldOnce(t *testing.T) {
	e := apptest.Start(t, apptest.Config{})
	unused, used := e.Link(t, broker.LinkSent, apptest.Account), e.Link(t, broker.LinkSent, apptest.Account)
	withdrawn := e.Link(t, broker.LinkSent, apptest.Account)
	consent(t, e, admin, used.URL)
	if err := e.App.Onboard.RevokeLink(t.Context(), withdrawn.Link.ID); err != nil {
		t.Fatal(err)
	}
	e.Clock.Advance(8 * 24 * time.Hour)
	due, err := e.App.Onboard.ExpiredLinks(t.Context())
	if err != nil || !slices.Equal(due, []string{unused.Link.ID}) {
		t.Fatalf("expired: %v, %v; want %s alone", due, err, unused.Link.ID)
	}
	for range 2 {
		if err := e.App.Onboard.TellExpiry(t.Context(), unused.Link.ID); err != nil {
			t.Fatal(err)
		}
	}
	if due, err := e.App.Onboard.ExpiredLinks(t.Context()); err != nil || len(due) != 0 {
		t.Errorf("due again: %v, %v", due, err)
	}
	link, err := e.App.Store.Link(t.Context(), unused.Link.ID)
	if err != nil || link.ExpiryToldAt.IsZero() || link.Version != unused.Link.Version+1 {
		t.Errorf("the link %+v, %v: want one change", link, err)
	}
}
