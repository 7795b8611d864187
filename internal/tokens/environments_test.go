package tokens_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// family are the environments of one company, with names that differ little.
var family = []string{"1234567", "1234567_SB1", "1234567_SB10", "1234567_RP"}

// TestTE04_EnvironmentsAreNeverConfused: one client has connections to all of them, and asks for all at once. Each token is of the
// environment that was asked for, by its own certificate, which is known in that account alone.
func TestTE04_EnvironmentsAreNeverConfused(t *testing.T) {
	w := newWorld(t, family...)
	connections := map[string]broker.Connection{}
	var all []broker.Connection
	for _, account := range family {
		connections[account] = w.connect(account)
		all = append(all, connections[account])
	}
	r := client(t, w.Env, all...)
	var callers sync.WaitGroup
	for range 16 {
		for _, account := range family {
			callers.Go(func() {
				ask := w.at(r, account)
				out, err := w.Tokens.HandOut(t.Context(), ask)
				if err != nil {
					t.Errorf("%s: %v", account, err)
					return
				}
				claims, err := netsuite.ReadClaims(out.AccessToken)
				if err != nil || claims.Account.String() != account || out.ConnectionID != connections[account].ID || out.BaseURL != ask.Resource {
					t.Errorf("asked for %s, got a token of %s, connection %s, %v", account, claims.Account, out.ConnectionID, err)
				}
			})
		}
	}
	callers.Wait()
	for _, e := range w.srv.Ledger().Entries() {
		if !tokenRequest(e) {
			continue
		}
		if own := connections[e.Account]; e.CertificateID != own.CertificateID || e.Status != 200 {
			t.Errorf("account %s was asked with certificate %s, status %d", e.Account, e.CertificateID, e.Status)
		}
	}
	for _, account := range family {
		listed := w.srv.Account(account).Certificates()
		if len(listed) != 1 || listed[0].ID != connections[account].CertificateID {
			t.Errorf("account %s knows certificates %+v", account, listed)
		}
	}
}

// Spellings that mean an environment to people, but are not what a client has.
func TestTE04_NoSpellingLeadsElsewhere(t *testing.T) {
	w := newWorld(t, "1234567", "1234567_SB1")
	sandbox := client(t, w.Env, w.connect("1234567_SB1"))
	production := w.connect("1234567")
	good := must(w.site.BaseURL("1234567_SB1", netsuite.ServiceSuiteTalk))(t).String()
	foreign := must(w.site.BaseURL(production.Account, netsuite.ServiceSuiteTalk))(t).String()
	before := w.mints()
	for _, resource := range []string{
		foreign, "1234567", "1234567_SB1", "1234567-sb1", strings.ToUpper(good), good + "/", good + "?x", good + "#x", strings.Replace(good, "-sb1", "_sb1", 1),
		strings.Replace(good, "-sb1", "-sb10", 1), strings.Replace(good, "-sb1", "", 1), good + "@" + foreign, "//" + good,
	} {
		ask := sandbox
		ask.Resource = resource
		refusal := new(tokens.Refusal)
		if _, err := w.Tokens.HandOut(t.Context(), ask); !errors.As(err, &refusal) || refusal.Reason != tokens.InvalidRequest {
			t.Errorf("resource %q: %v, want invalid_request", resource, err)
		}
	}
	if n := w.mints() - before; n != 0 {
		t.Errorf("%d tokens were asked for", n)
	}
	ask := sandbox
	ask.Resource = good
	out := must(w.Tokens.HandOut(t.Context(), ask))(t)
	api := &netsuite.API{Account: production.Account, Site: w.site, Token: out.AccessToken}
	if _, err := api.SuiteQL(t.Context(), "SELECT 1 AS ok FROM dual", 1, 0); !errors.Is(err, netsuite.ErrLogin) {
		t.Errorf("production took the sandbox's token: %v", err)
	}
	accounts := []string{}
	for _, e := range w.srv.Ledger().Entries() {
		if tokenRequest(e) && !slices.Contains(accounts, e.Account) {
			accounts = append(accounts, e.Account)
		}
	}
	if !slices.Equal(accounts, []string{"1234567_SB1"}) {
		t.Errorf("tokens were asked for at %v, want the sandbox alone", accounts)
	}
}

// TestTE04_RefreshTokensStayInTheirAccount: one person has consented in all of them. Each refresh token goes to its own account, or
// NetSuite would have refused it.
func TestTE04_RefreshTokensStayInTheirAccount(t *testing.T) {
	p := newPortal(t, "", true, family...)
	users, connections := of(p.usersClient(), "ann"), map[string]broker.Connection{}
	for _, account := range family {
		connections[account] = p.person(account, "ann")
	}
	const rounds = 2
	for range rounds {
		var callers sync.WaitGroup
		for _, account := range family {
			for range 4 {
				callers.Go(func() {
					out, err := p.Tokens.HandOut(t.Context(), p.at(users, account))
					if err != nil {
						t.Errorf("%s: %v", account, err)
						return
					}
					claims, err := netsuite.ReadClaims(out.AccessToken)
					if err != nil || claims.Account.String() != account || out.ConnectionID != connections[account].ID {
						t.Errorf("asked for %s, got a token of %s, connection %s, %v", account, claims.Account, out.ConnectionID, err)
					}
				})
			}
		}
		callers.Wait()
		p.srv.Clock().Advance(time.Hour)
	}
	for _, account := range family {
		if n := p.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return isRefresh(e) && e.Account == account && e.OK }); n != rounds {
			t.Errorf("account %s refreshed %d times, want %d", account, n, rounds)
		}
	}
	if n := p.spentUses(); n != 0 {
		t.Errorf("NetSuite had to refuse %d refreshes", n)
	}

	// The judge does refuse a sandbox's refresh token in production.
	sandbox := p.grant("1234567_SB1")
	g := netsuite.CodeGrant{ClientID: p.client.ClientID, RedirectURI: callbackURL, Scopes: p.client.Scopes, Site: p.site, Now: p.srv.Clock().Now}
	if _, err := g.Refresh(t.Context(), "1234567", sandbox.RefreshToken); !errors.Is(err, netsuite.ErrInvalidGrant) {
		t.Errorf("production took the sandbox's refresh token: %v", err)
	}
}

// at asks for the token of one account.
func (w *world) at(r tokens.Request, account string) tokens.Request {
	w.t.Helper()
	r.Resource = must(w.site.BaseURL(netsuite.AccountID(account), netsuite.ServiceSuiteTalk))(w.t).String()
	return r
}

// While one environment is being disconnected, or has lost its consent, the others go on, and nobody gets their tokens in its place.
func TestTE04_OneEnvironmentEndsTheOthersStay(t *testing.T) {
	p := newPortal(t, "", true, family...)
	persons := of(p.usersClient(), "ann")
	ending := p.person("1234567_SB1", "ann") // the oldest, so the first that is found
	machines := []broker.Connection{p.connect("1234567_SB1"), p.connect("1234567")}
	machine := client(t, p.Env, machines...)
	p.person("1234567", "ann")
	for _, conn := range []broker.Connection{ending, machines[0]} {
		conn.State = broker.ConnectionDisconnecting
		if err := p.Store.SaveConnection(t.Context(), &conn); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]tokens.Request{"person": persons, "machine": machine} {
		if out, err := p.Tokens.HandOut(t.Context(), p.at(r, "1234567")); err != nil || out.Account != "1234567" {
			t.Errorf("%s: production gave %s, %v", name, out.Account, err)
		}
		if out, err := p.Tokens.HandOut(t.Context(), p.at(r, "1234567_SB1")); err == nil {
			t.Errorf("%s: the ending sandbox gave a token of %s", name, out.Account)
		}
		if out, err := p.Tokens.HandOut(t.Context(), r); err == nil {
			t.Errorf("%s: no choice gave a token of %s", name, out.Account)
		}
	}
	for _, e := range p.srv.Ledger().Entries() {
		if (isRefresh(e) || tokenRequest(e)) && e.Account != "1234567" {
			t.Errorf("account %s was asked for a token", e.Account)
		}
	}
}
