package onboard_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
)

// From the link like a connection to a connection of the sandbox's own; the model stays as it is.
func TestTE04_LikeLinkConnectsTheSibling(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	e.Prepare(t, apptest.Sandbox)
	metadata := map[string]string{"tenant": "42"}
	first, err := e.App.Onboard.CreateLink(t.Context(), onboard.LinkRequest{
		App: apptest.AppName, Customer: "Globex Inc.", Expect: []string{apptest.Account}, Metadata: metadata,
	})
	if err != nil {
		t.Fatal(err)
	}
	consent(t, e, admin, first.URL)
	model := connectionOf(t, e, first)

	like, err := e.App.Onboard.LikeLink(t.Context(), model.ID, "1234567-sb1")
	if err != nil {
		t.Fatal(err)
	}
	consent(t, e, admin, like.URL)
	made := connectionOf(t, e, like)
	if made.App != model.App || made.Customer != model.Customer || made.Account != apptest.Sandbox || !maps.Equal(made.Metadata, metadata) {
		t.Errorf("connection %+v, want the customer's sandbox with the metadata %v", made, metadata)
	}
	after, err := e.App.Store.Connection(t.Context(), model.ID)
	if err != nil || after.Version != model.Version || made.ID == model.ID || made.CertificateID == model.CertificateID {
		t.Errorf("the model is now %+v, %v; the new connection is %+v", after, err, made)
	}
}

func connectionOf(t *testing.T, e *apptest.Env, link onboard.NewLink) broker.Connection {
	t.Helper()
	conn, err := e.App.Store.Connection(t.Context(), e.Connected(t, link).ConnectionID)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// A link like a person's connection is for the same person.
func TestLikeLinkOfAPerson(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Users: true})
	link := userLink(t, e, "u_42")
	consent(t, e, admin, link.URL)
	like, err := e.App.Onboard.LikeLink(t.Context(), e.Connected(t, link).ConnectionID, apptest.Sandbox)
	if err != nil || like.Link.EndUser != "u_42" || like.Link.Connects != broker.KindUser || !like.Link.Expects(apptest.Sandbox) || like.Link.Expects(apptest.Account) {
		t.Errorf("link %+v, %v", like.Link, err)
	}
}

// What only looks like a relative is refused, in a few words, and makes no link.
func TestTE04_LikeLinkRefusesStrangers(t *testing.T) {
	e := apptest.Start(t, apptest.Config{})
	conn := broker.Connection{ID: "co_model", App: apptest.AppName, Customer: "Globex Inc.", Account: apptest.Sandbox, Kind: broker.KindMachine, State: broker.ConnectionConnected}
	if err := e.App.Store.SaveConnection(t.Context(), &conn); err != nil {
		t.Fatal(err)
	}
	for _, expect := range []string{
		"", "7654321", "7654321_SB1", "12345678", "12345678_SB1", "234567_SB1", "1234567_SBX", "1234567SB1", "1234567_SB", "SB1", "1234567-sb1",
		"1234567.evil.example", "1234567,1234567_SB2", strings.Repeat("1", 1<<16),
	} {
		made, err := e.App.Onboard.LikeLink(t.Context(), conn.ID, expect)
		if broker.CodeOf(err) != broker.CodeInvalid || made.URL != "" || len(err.Error()) > 300 || !strings.Contains(err.Error(), `"expect"`) {
			t.Errorf("expect %.40q: link %q, %v", expect, made.URL, err)
		}
	}
	if _, err := e.App.Onboard.LikeLink(t.Context(), strings.Repeat("x", 1<<16), apptest.Account); broker.CodeOf(err) != broker.CodeNotFound || len(err.Error()) > 300 {
		t.Errorf("a connection with a long name: %.400v", err)
	}
	if links, err := e.App.Store.Links(t.Context(), apptest.AppName); err != nil || len(links) != 0 {
		t.Errorf("links %v, %v; want none", links, err)
	}
}

// The link that made a machine's connection does not bring it back once it was disconnected.
func TestOldLinkOfADisconnectedMachine(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	if _, err := e.App.Offboard.Disconnect(t.Context(), e.Connected(t, link).ConnectionID, "operator", false); err != nil {
		t.Fatal(err)
	}
	page, err := e.Customer(t).Open(t.Context(), link.URL)
	refused(t, "the link that made it", page, err, broker.CodeLinkRevoked)
	_, err = e.App.Onboard.Start(t.Context(), token(link), true)
	wantCode(t, err, broker.CodeLinkRevoked)
}
