package onboard_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
)

func TestLinkLikeAConnection(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true, Users: true})
	e.Prepare(t, apptest.Sandbox)
	first, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
		App: apptest.AppName, Customer: "Globex Inc.", Expect: []string{apptest.Account}, Metadata: map[string]string{"tenant": "42", "stage": "live"},
	})
	if err != nil {
		t.Fatal(err)
	}
	consent(t, e, admin, first.URL)
	production := e.Connected(t, first).ConnectionID

	like, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
		Like: production, Expect: []string{"1234567-sb1"}, Metadata: map[string]string{"stage": "test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	person := e.Customer(t)
	person.Company = apptest.Sandbox
	if _, err := person.Consent(t.Context(), like.URL); err != nil {
		t.Fatal(err)
	}
	made, err := e.App.Store.Connection(t.Context(), e.Connected(t, like).ConnectionID)
	want := map[string]string{"tenant": "42", "stage": "test"}
	if err != nil || made.App != apptest.AppName || made.Customer != "Globex Inc." || made.Account != apptest.Sandbox || !maps.Equal(made.Metadata, want) {
		t.Errorf("connection %+v, %v; want the customer's sandbox with the metadata %v", made, err, want)
	}
	kept, err := e.App.Store.Connection(t.Context(), production)
	if err != nil || kept.Metadata["stage"] != "live" || kept.Account != apptest.Account {
		t.Errorf("the connection that was taken as a model is now %+v, %v", kept, err)
	}
}

// A link like a person's connection is for the same person.
func TestLinkLikeAPersonsConnection(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Users: true})
	link := userLink(t, e, "u_42")
	consent(t, e, admin, link.URL)
	like, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{Like: e.Connected(t, link).ConnectionID, Expect: []string{apptest.Sandbox}})
	if err != nil || like.Link.EndUser != "u_42" || like.Link.Connects != broker.KindUser || !like.Link.Expects(apptest.Sandbox) || like.Link.Expects(apptest.Account) {
		t.Errorf("link %+v, %v", like.Link, err)
	}
}

func TestTE04_LinkLikeRefusesStrangers(t *testing.T) {
	e := apptest.Start(t, apptest.Config{})
	conn := broker.Connection{ID: "co_model", App: apptest.AppName, Customer: "Globex Inc.", Account: apptest.Sandbox, Kind: broker.KindMachine, State: broker.ConnectionConnected}
	if err := e.App.Store.SaveConnection(t.Context(), &conn); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		q    onboard.LinkRequest
		code broker.Code
		says string
	}{
		{"unknown connection", onboard.LinkRequest{Like: "co_none", Expect: []string{"1234567"}}, broker.CodeNotFound, `"like"`},
		{"hostile connection", onboard.LinkRequest{Like: strings.Repeat("x", 1<<16), Expect: []string{"1234567"}}, broker.CodeNotFound, `"like"`},
		{"no account", onboard.LinkRequest{Like: conn.ID}, broker.CodeInvalid, `"expect"`},
		{"empty account", onboard.LinkRequest{Like: conn.ID, Expect: []string{""}}, broker.CodeInvalid, "empty"},
		{"hostile account", onboard.LinkRequest{Like: conn.ID, Expect: []string{"1234567.evil.example"}}, broker.CodeInvalid, `"expect"`},
		{"its own account", onboard.LinkRequest{Like: conn.ID, Expect: []string{"1234567-SB1"}}, broker.CodeInvalid, "itself"},
		{"another company", onboard.LinkRequest{Like: conn.ID, Expect: []string{"7654321_SB1"}}, broker.CodeInvalid, "7654321"},
		{"begins alike", onboard.LinkRequest{Like: conn.ID, Expect: []string{"12345678"}}, broker.CodeInvalid, "12345678"},
		{"looks like a mark", onboard.LinkRequest{Like: conn.ID, Expect: []string{"1234567_SBX"}}, broker.CodeInvalid, "1234567_SBX"},
		{"one of two", onboard.LinkRequest{Like: conn.ID, Expect: []string{"1234567", "7654321"}}, broker.CodeInvalid, "7654321"},
		{"app given", onboard.LinkRequest{Like: conn.ID, App: "other-app", Expect: []string{"1234567"}}, broker.CodeInvalid, `"app"`},
		{"customer given", onboard.LinkRequest{Like: conn.ID, Customer: "Initech", Expect: []string{"1234567"}}, broker.CodeInvalid, `"customer"`},
		{"person given", onboard.LinkRequest{Like: conn.ID, EndUser: "u_1", Expect: []string{"1234567"}}, broker.CodeInvalid, `"user"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made, err := e.App.Onboard.CreateLink(t.Context(), tt.q)
			if broker.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) || made.URL != "" {
				t.Errorf("link %q, %v; want %s with %q", made.URL, err, tt.code, tt.says)
			}
			if coded := new(broker.Error); errors.As(err, &coded) && len(coded.What) > 300 {
				t.Errorf("the refusal has %d characters", len(coded.What))
			}
		})
	}
	if links, err := e.App.Store.Links(t.Context(), apptest.AppName); err != nil || len(links) != 0 {
		t.Errorf("links %v, %v; want none", links, err)
	}
}
