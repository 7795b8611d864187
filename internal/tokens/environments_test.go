package tokens_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
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
	resource := func(account string) string {
		return must(w.site.BaseURL(netsuite.AccountID(account), netsuite.ServiceSuiteTalk))(t).String()
	}
	var callers sync.WaitGroup
	for range 16 {
		for _, account := range family {
			callers.Go(func() {
				ask := r
				ask.Resource = resource(account)
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
