// Package storybook holds a canned invitation or run for every screen of the wizard, so that each can be looked at, tested
// and photographed without a NetSuite account. Screens lists them; Onboarding answers for them behind the real web.Handler.
//
// Nothing here is part of the server: what a run looks like in each situation is written down by hand.
package storybook

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Screen is one page of the wizard.
type Screen struct {
	// Name for people, unique.
	Name string
	// Path opens it.
	Path string
	// Post holds the form's fields when the page is the answer to a POST; nil for a GET.
	Post url.Values
}

// Now is the moment at which all canned runs stand.
func Now() time.Time { return time.Date(2026, time.November, 24, 14, 32, 0, 0, time.UTC) }

// Onboarding answers from the canned runs. Every browser may see all of them.
type Onboarding struct {
	// Leads is where the buttons go that lead to NetSuite; an absolute address.
	Leads string
}

// Screens lists every screen, edge screens and hostile variants included, in the order of a customer's way.
func Screens() []Screen {
	var screens []Screen
	for _, l := range links() {
		screens = append(screens, Screen{Name: l.name, Path: "/c/" + l.token})
	}
	screens = append(screens, Screen{Name: "Welcome: send to my administrator", Path: "/c/welcome/send"})
	for _, s := range runs() {
		screens = append(screens, Screen{Name: s.name, Path: "/r/" + s.view.Run.ID})
	}
	return append(screens,
		Screen{Name: "Hand over", Path: "/r/two-to-do/send"},
		Screen{Name: "Hand over: the link", Path: "/r/two-to-do/handover", Post: url.Values{}},
		Screen{Name: "Receipt", Path: "/r/connected/receipt"},
		Screen{Name: "Receipt: nothing yet", Path: "/r/consenting/receipt"},
		Screen{Name: "Receipt: hostile names", Path: "/r/hostile-connected/receipt"},
		Screen{Name: "401 another browser", Path: "/r/foreign"},
		Screen{Name: "402 the step is gone", Path: "/r/two-to-do/cancel", Post: url.Values{}},
		Screen{Name: "400 a field too many", Path: "/c/welcome", Post: url.Values{"colour": {"blue"}}},
		Screen{Name: "404 no such page", Path: "/r/connected/nothing"},
		Screen{Name: "429 too many requests", Path: "/c/busy", Post: url.Values{}},
		Screen{Name: "500 our own error", Path: "/c/broken"},
		Screen{Name: "The page of a code", Path: "/errors/SK-ONB-207"},
	)
}

// link is a canned invitation, or the refusal of one.
type link struct {
	name, token string
	inv         broker.Invitation
	err         error
}

func (Onboarding) Open(_ context.Context, token string) (broker.Invitation, error) {
	for _, l := range links() {
		if l.token == token {
			return l.inv, l.err
		}
	}
	return broker.Invitation{}, &broker.Error{Code: broker.CodeLinkUnknown}
}

func (o Onboarding) Start(_ context.Context, token string, _ bool) (broker.Departure, error) {
	if token == "busy" {
		return broker.Departure{}, &broker.Error{Code: broker.CodeTooMany}
	}
	return o.departure("consenting"), nil
}

func (o Onboarding) departure(run string) broker.Departure {
	return broker.Departure{RunID: run, Browser: broker.NewToken(), URL: o.Leads}
}

func (Onboarding) Callback(context.Context, string, url.Values, string) (string, error) {
	return "", &broker.Error{Code: broker.CodeContinue}
}

func (Onboarding) View(_ context.Context, runID, _ string) (broker.View, error) {
	for _, s := range runs() {
		if s.view.Run.ID == runID {
			return s.view, nil
		}
	}
	return broker.View{}, &broker.Error{Code: broker.CodeContinue}
}

func (o Onboarding) Act(_ context.Context, runID, _ string, a broker.Action) (broker.Outcome, error) {
	switch a.Kind {
	case broker.ActConsent:
		d := o.departure(runID)
		return broker.Outcome{Departure: &d}, nil
	case broker.ActHandover:
		return broker.Outcome{HandoverURL: "https://connect.acme.example/c/" + sampleToken, HandoverExpires: Now().AddDate(0, 0, 7)}, nil
	case broker.ActCancel:
		return broker.Outcome{}, &broker.Error{Code: broker.CodeWrongStep}
	}
	return broker.Outcome{}, nil
}

func (o Onboarding) Receipt(ctx context.Context, runID, browser string) (broker.Receipt, error) {
	v, err := o.View(ctx, runID, browser)
	if err != nil {
		return broker.Receipt{}, err
	}
	r := broker.Receipt{
		App: v.App.DisplayName, Customer: v.Link.Customer, Account: v.Run.Account.String(), RunID: runID,
		Role: v.Run.RoleName, Entity: v.Run.EntityName, CertificateID: v.Run.CertificateID, GrantEndedAt: v.Run.GrantEndedAt,
	}
	if v.Calls > 0 {
		r.ConsentGivenAt, r.Calls = Now().Add(-19*time.Minute), calls(v.App.DisplayName)
	}
	return r, nil
}

func (Onboarding) Brand(_ context.Context, app string) (broker.App, error) {
	for _, a := range []broker.App{acme(), initech(), hostileApp()} {
		if a.Name == app {
			return a, nil
		}
	}
	return broker.App{}, broker.ErrNotFound
}

// errBroken stands for any failure of ours that has no code.
var errBroken = errors.New("the database does not answer")
