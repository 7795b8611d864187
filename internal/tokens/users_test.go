package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/consents"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// portal is a world whose app has user connections, by a public or a confidential client.
type portal struct {
	*world
	client netsuitetest.Integration
}

func newPortal(t *testing.T, database string, public bool, accounts ...string) *portal {
	t.Helper()
	p := &portal{world: newWorldOn(t, database, accounts...)}
	p.client = must(p.srv.AddIntegration(netsuitetest.Integration{
		Name: "Acme Portal", CodeGrant: true, Public: public, RedirectURIs: []string{callbackURL}, Scopes: []string{"rest_webservices", "restlets"},
	}))(t)
	p.App.Integration.User = &broker.UserClient{ClientID: p.client.ClientID, Public: public}
	p.App.Complete()
	if !public {
		p.App.UserClientSecret = must(p.Vault.Seal(broker.ClientSecretPlace(p.App.Name, broker.KindUser), []byte(p.client.ClientSecret)))(t)
	}
	if err := p.Store.SaveApp(t.Context(), &p.App); err != nil {
		t.Fatal(err)
	}
	return p
}

// consents is what the service asks NetSuite with.
func (p *portal) consents() *consents.Service {
	p.t.Helper()
	inner, ok := p.Tokens.Consents.(*consents.Service)
	if !ok {
		p.t.Fatalf("consents are %T", p.Tokens.Consents)
	}
	return inner
}

// grant lets the integration user consent, and returns the tokens.
func (p *portal) grant(account string) *netsuite.Token {
	p.t.Helper()
	a := p.srv.Account(account)
	for _, err := range []error{a.InstallBundle(123456), a.AssignRole(integrator, acmeRole)} {
		if err != nil {
			p.t.Fatal(err)
		}
	}
	g := netsuite.CodeGrant{
		ClientID: p.client.ClientID, ClientSecret: netsuite.NewSecret(p.client.ClientSecret), RedirectURI: callbackURL,
		Scopes: []string{"rest_webservices", "restlets"}, Site: p.site, Now: p.srv.Clock().Now,
	}
	if p.client.Public {
		g.ClientSecret = netsuite.Secret{}
	}
	verifier := netsuite.NewCodeVerifier()
	address := must(g.AuthorizeURL(netsuite.AccountID(account), netsuite.NewState(), verifier, ""))(p.t)
	back := must(url.Parse(must(a.Consent(address, integrator, acmeRole))(p.t)))(p.t)
	cb := must(netsuite.ParseCallback(back.Query()))(p.t)
	return must(g.Exchange(p.t.Context(), cb.Account, cb.Code, verifier))(p.t)
}

// person makes a user connection as package onboard leaves it, but without an access token that is still good.
func (p *portal) person(account, endUser string) broker.Connection {
	p.t.Helper()
	token := p.grant(account)
	claims := must(token.Claims())(p.t)
	conn := broker.Connection{
		ID: broker.NewID("conn"), App: p.App.Name, Account: netsuite.AccountID(account), Kind: broker.KindUser, EndUser: endUser, Customer: "Globex Inc.",
		State: broker.ConnectionConnected, RoleID: claims.Role, Entity: claims.Entity,
	}
	if err := p.Store.SaveConnection(p.t.Context(), &conn); err != nil {
		p.t.Fatal(err)
	}
	p.consented(conn, token)
	return conn
}

// again lets the person consent once more. What becomes of the consent before is package onboard's.
func (p *portal) again(conn broker.Connection) { p.consented(conn, p.grant(conn.Account.String())) }

// consented stores a consent that was given now, in the place of the one before.
func (p *portal) consented(conn broker.Connection, token *netsuite.Token) {
	p.t.Helper()
	before, err := p.Store.UserGrant(p.t.Context(), conn.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		p.t.Fatal(err)
	}
	now := p.srv.Clock().Now()
	g := broker.UserGrant{ConnectionID: conn.ID, App: conn.App, Public: p.client.Public, CreatedAt: now.UTC().Truncate(time.Millisecond), Version: before.Version}
	g.RefreshToken = must(p.Vault.Seal(broker.RefreshTokenPlace(conn.App, conn.ID), []byte(token.RefreshToken.Reveal())))(p.t)
	refresh := must(netsuite.ReadClaims(token.RefreshToken))(p.t)
	consentBy := refresh.Expiry
	if g.Public {
		consentBy = now.Add(168 * time.Hour)
	}
	g.Begin(now, refresh.Expiry, consentBy)
	if err := p.Store.SaveUserGrant(p.t.Context(), &g); err != nil {
		p.t.Fatal(err)
	}
}

func (p *portal) usersClient() tokens.Request {
	p.t.Helper()
	id, secret, err := p.Tokens.CreateUsersClient(p.t.Context(), p.App.Name, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return tokens.Request{ClientID: id, Secret: secret}
}

func of(r tokens.Request, endUser string) tokens.Request {
	r.EndUser = endUser
	return r
}

func (p *portal) refreshes() int { return p.srv.Ledger().Count(isRefresh) }

func isRefresh(e netsuitetest.Entry) bool {
	return strings.HasSuffix(e.Path, "/token") && e.GrantType == "refresh_token"
}

// spentUses counts requests with a refresh token that NetSuite had seen before, or that it refused.
func (p *portal) spentUses() int {
	return p.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return isRefresh(e) && e.Status != http.StatusOK })
}

// kinds are the two kinds of integration records that persons may consent to.
var kinds = map[string]bool{"public": true, "confidential": false}

// RO-08, RO-10 and RO-11, and the same for machine connections: three replicas, 600 callers at expiry, and NetSuite slower than any
// lease: one request, and no refresh token used twice.
func TestRO08_OneRefreshForThreeReplicas(t *testing.T) {
	for engine, database := range map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "PostgreSQL": pgtest.Start} {
		for kind, public := range kinds {
			t.Run(engine+" "+kind, func(t *testing.T) {
				t.Parallel()
				p := newPortal(t, database(t), public, "1234567")
				p.person("1234567", "ann")
				p.expireThrice(of(p.usersClient(), "ann"), p.refreshes)
				if n := p.spentUses(); n != 0 {
					t.Errorf("%d uses of a spent refresh token", n)
				}
			})
		}
		t.Run(engine+" machine", func(t *testing.T) {
			t.Parallel()
			w := newWorldOn(t, database(t), "1234567")
			p := &portal{world: w}
			p.expireThrice(client(t, w.Env, w.connect("1234567")), w.mints)
		})
	}
}

// expireThrice asks with 600 callers on three replicas, each time that the token has ended.
func (p *portal) expireThrice(r tokens.Request, asked func() int) {
	p.t.Helper()
	replicas := []*tokens.Service{p.Tokens, p.Replica("replica-2"), p.Replica("replica-3")}
	for _, s := range replicas {
		s.LeaseTTL = time.Second
	}
	p.t.Cleanup(func() {
		for _, s := range replicas[1:] {
			s.Close()
		}
	})
	p.srv.Fault(netsuitetest.Fault{Match: tokenEndpoint, Kind: netsuitetest.FaultDelay, Delay: 2500 * time.Millisecond})
	for expiry := range 3 {
		before := asked()
		var (
			callers sync.WaitGroup
			mu      sync.Mutex
			got     = map[string]int{}
		)
		for i := range 600 {
			callers.Go(func() {
				out, err := replicas[i%3].HandOut(p.t.Context(), r)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					p.t.Errorf("expiry %d: %v", expiry, err)
					return
				}
				got[out.AccessToken.Reveal()]++
			})
		}
		callers.Wait()
		if n := asked() - before; n != 1 || len(got) != 1 {
			p.t.Errorf("expiry %d: %d requests and %d tokens for 600 callers, want one of each", expiry, n, len(got))
		}
		p.srv.Clock().Advance(time.Hour)
	}
}

var tokenEndpoint = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") }

// RO-09: the answer is cut off after NetSuite has taken the token. It is never sent again, the person is asked, and the cause is named.
func TestRO09_LostAnswerEndsAPublicConsent(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	r := of(p.usersClient(), "ann")
	p.srv.Fault(netsuitetest.Fault{Match: tokenEndpoint, Times: 1, Kind: netsuitetest.FaultCutAfter})
	for range 100 {
		_, err := p.Tokens.HandOut(t.Context(), r)
		wantRefusal(t, err, tokens.InvalidGrant, broker.CodeBroken)
		p.srv.Clock().Advance(time.Minute)
	}
	if n := p.refreshes(); n != 1 {
		t.Errorf("%d refreshes, want the one that was cut", n)
	}
	h := must(p.Store.Health(t.Context(), conn.ID))(t)
	if h.State != broker.HealthNeedsConsent || h.Cause != broker.CauseResponseLost || h.RepairLinkID == "" {
		t.Errorf("health %+v, want needs_consent for response_lost with a link", h)
	}
	g := must(p.Store.UserGrant(t.Context(), conn.ID))(t)
	if g.EndedAt.IsZero() || len(g.RefreshToken) != 0 {
		t.Errorf("the consent %+v is not ended and wiped", g)
	}
}

// A confidential client's refresh token may be sent again (netsuite-oauth2 2.4).
func TestLostAnswerIsRepeatedByAConfidentialClient(t *testing.T) {
	p := newPortal(t, "", false, "1234567")
	p.person("1234567", "ann")
	r := of(p.usersClient(), "ann")
	p.srv.Fault(netsuitetest.Fault{Match: tokenEndpoint, Times: 1, Kind: netsuitetest.FaultCutAfter})
	_, err := p.Tokens.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable)
	p.srv.Clock().Advance(2 * time.Minute)
	must(p.Tokens.HandOut(t.Context(), r))(t)
	if n := p.refreshes(); n != 2 {
		t.Errorf("%d refreshes, want 2", n)
	}
}

// A process died after it had marked the token: its successor waits as long as an answer may take, and then asks the person.
func TestRO09_DeadProcessLeavesItsMark(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	r := of(p.usersClient(), "ann")
	g := must(p.Store.UserGrant(t.Context(), conn.ID))(t)
	g.SentAt = p.srv.Clock().Now()
	if err := p.Store.SaveUserGrant(t.Context(), &g); err != nil {
		t.Fatal(err)
	}
	_, err := p.Tokens.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable)
	p.srv.Clock().Advance(4 * time.Minute)
	_, err = p.Tokens.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.InvalidGrant, broker.CodeBroken)
	if n := p.refreshes(); n != 0 {
		t.Errorf("%d refreshes with a token that may be spent", n)
	}
}

// late gives the answer of a refresh only when the test says so.
type late struct {
	*consents.Service
	answered, goOn chan struct{}
}

func (l late) Refresh(ctx context.Context, app string, account netsuite.AccountID, refreshToken netsuite.Secret) (*netsuite.Token, error) {
	token, err := l.Service.Refresh(ctx, app, account, refreshToken)
	l.answered <- struct{}{}
	<-l.goOn
	return token, err
}

// A process was paused with the answer in hand, and another one gave the consent up meanwhile. What the first one has is kept.
func TestRO09_LateAnswerRevivesTheConsent(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	r := of(p.usersClient(), "ann")
	paused := late{p.consents(), make(chan struct{}), make(chan struct{})}
	p.Tokens.Consents = paused
	first := ask(t, p.Tokens, r)
	<-paused.answered
	p.srv.Clock().Advance(5 * time.Minute) // the lease is over, too
	other := p.Replica("replica-2")
	defer other.Close()
	_, err := other.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.InvalidGrant, broker.CodeBroken)
	close(paused.goOn)
	if got := <-first; got.err != nil {
		t.Fatalf("the answer that came late: %v", got.err)
	}
	g := must(p.Store.UserGrant(t.Context(), conn.ID))(t)
	h := must(p.Store.Health(t.Context(), conn.ID))(t)
	if !g.EndedAt.IsZero() || !g.SentAt.IsZero() || len(g.RefreshToken) == 0 || h.State != broker.HealthOK {
		t.Errorf("consent %+v, health %+v: want both alive", g, h)
	}
	p.Tokens.Consents = paused.Service
	p.srv.Clock().Advance(time.Hour)
	must(p.Tokens.HandOut(t.Context(), r))(t)
	if n := p.spentUses(); n != 0 {
		t.Errorf("%d uses of a spent refresh token", n)
	}
}

// RO-10: the person or an administrator ended the consent. One refusal is enough.
func TestRO10_RevokedConsentIsNotAskedAgain(t *testing.T) {
	for kind, public := range kinds {
		t.Run(kind, func(t *testing.T) {
			p := newPortal(t, "", public, "1234567")
			conn := p.person("1234567", "ann")
			p.srv.Account("1234567").Refresh()
			for range 100 {
				_, err := p.Tokens.HandOut(t.Context(), of(p.usersClient(), "ann"))
				wantRefusal(t, err, tokens.InvalidGrant, broker.CodeBroken)
				p.srv.Clock().Advance(time.Hour)
			}
			if n := p.refreshes(); n != 1 {
				t.Errorf("%d refreshes, want 1", n)
			}
			if h := must(p.Store.Health(t.Context(), conn.ID))(t); h.Cause != broker.CauseConsentEnded {
				t.Errorf("cause %s, want consent_ended", h.Cause)
			}
		})
	}
}

// RO-11: one request, also when NetSuite does not accept the client; no second one in another style.
func TestRO11_OneStyleOfAuthentication(t *testing.T) {
	for kind, public := range kinds {
		t.Run(kind, func(t *testing.T) {
			p := newPortal(t, "", public, "1234567")
			p.person("1234567", "ann")
			asked := func() int {
				return p.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return strings.HasSuffix(e.Path, "/token") })
			}
			before := asked()
			p.srv.Fault(netsuitetest.Fault{Match: tokenEndpoint, Times: 1, Kind: netsuitetest.FaultUnauthorized})
			if _, err := p.Tokens.HandOut(t.Context(), of(p.usersClient(), "ann")); err == nil {
				t.Error("a token in spite of 401")
			}
			if n := asked() - before; n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestRefusedRefreshMayBeSentAgain(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	p.person("1234567", "ann")
	r := of(p.usersClient(), "ann")
	for _, fault := range []netsuitetest.FaultKind{netsuitetest.FaultTooManyRequests, netsuitetest.FaultMaintenance} {
		p.srv.Fault(netsuitetest.Fault{Match: tokenEndpoint, Times: 1, Kind: fault})
		_, err := p.Tokens.HandOut(t.Context(), r)
		wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable)
		p.srv.Clock().Advance(2 * time.Hour)
		must(p.Tokens.HandOut(t.Context(), r))(t)
		p.srv.Clock().Advance(time.Hour)
	}
}

// The consent of a confidential client ends after seven days, the chain of a public one after the record's hours, however often it
// is refreshed (netsuite-oauth2 2.4).
func TestConsentEndsWhenNetSuiteSays(t *testing.T) {
	for kind, public := range kinds {
		t.Run(kind, func(t *testing.T) {
			p := newPortal(t, "", public, "1234567")
			p.person("1234567", "ann")
			r := of(p.usersClient(), "ann")
			for h := range 167 {
				if _, err := p.Tokens.HandOut(t.Context(), r); err != nil {
					t.Fatalf("after %d hours: %v", h, err)
				}
				p.srv.Clock().Advance(time.Hour)
			}
			p.srv.Clock().Advance(2 * time.Hour)
			_, err := p.Tokens.HandOut(t.Context(), r)
			wantRefusal(t, err, tokens.InvalidGrant, broker.CodeBroken)
			if n := p.spentUses(); n != 0 {
				t.Errorf("%d requests that NetSuite had to refuse", n)
			}
		})
	}
}

func TestChoosingAPerson(t *testing.T) {
	p := newPortal(t, "", true, "1234567", "7654321")
	ann, _ := p.person("1234567", "ann"), p.person("1234567", "bob")
	both := p.person("7654321", "ann")
	users, machine := p.usersClient(), client(t, p.Env, p.connect("1234567"))
	foreign := p.App
	foreign.Name, foreign.Version = "other-app", 0
	if err := p.Store.SaveApp(t.Context(), &foreign); err != nil {
		t.Fatal(err)
	}
	id, secret, err := p.Tokens.CreateUsersClient(t.Context(), "other-app", nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := tokens.Request{ClientID: id, Secret: secret}

	refused := func(name string, r tokens.Request, reason tokens.Reason) string {
		t.Helper()
		_, err := p.Tokens.HandOut(t.Context(), r)
		refusal := new(tokens.Refusal)
		if !errors.As(err, &refusal) || refusal.Reason != reason {
			t.Errorf("%s: %v, want %s", name, err, reason)
			return ""
		}
		return refusal.Error()
	}
	unknown := refused("unknown person", of(users, "carol"), tokens.InvalidGrant)
	for name, r := range map[string]tokens.Request{
		"a client without the right": of(machine, "bob"), "a client of another app": of(stranger, "bob"), "another case": of(users, "BOB"),
	} {
		if got := refused(name, r, tokens.InvalidGrant); got != unknown {
			t.Errorf("%s: %q differs from %q (TE-01)", name, got, unknown)
		}
	}
	for name, endUser := range map[string]string{
		"space": "b ob", "control": "bob\x00", "huge": strings.Repeat("x", 129), "not ASCII": "bøb", "line": "bob\n",
	} {
		refused(name, of(users, endUser), tokens.InvalidRequest)
	}
	refused("no person for a client of users", users, tokens.UnauthorizedClient)
	refused("two accounts and no choice", of(users, "ann"), tokens.InvalidRequest)

	chosen := of(users, "ann")
	chosen.Resource = "https://nowhere.example"
	refused("an account that is not hers", chosen, tokens.InvalidRequest)
	for _, conn := range []broker.Connection{ann, both} {
		base := must(p.site.BaseURL(conn.Account, netsuite.ServiceSuiteTalk))(t)
		chosen.Resource = base.String()
		if out := must(p.Tokens.HandOut(t.Context(), chosen))(t); out.ConnectionID != conn.ID || out.Account != conn.Account {
			t.Errorf("got connection %s of %s, want %s of %s", out.ConnectionID, out.Account, conn.ID, conn.Account)
		}
	}
	if out := must(p.Tokens.HandOut(t.Context(), machine))(t); out.ConnectionID == ann.ID {
		t.Error("a machine client got a person's token")
	}
}

// TE-03 for persons: many of one account, refreshed at once, each gets their own.
func TestTE03_PersonsAreNotMixed(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	own := map[string]string{}
	for i := range 8 {
		name := fmt.Sprintf("person-%d", i)
		own[name] = p.person("1234567", name).ID
	}
	users := p.usersClient()
	for range 3 {
		var (
			callers sync.WaitGroup
			mu      sync.Mutex
			owner   = map[string]string{}
		)
		for name, connection := range own {
			for range 4 {
				callers.Go(func() {
					out, err := p.Tokens.HandOut(t.Context(), of(users, name))
					if err != nil || out.ConnectionID != connection {
						t.Errorf("%s got connection %s, %v", name, out.ConnectionID, err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if other, taken := owner[out.AccessToken.Reveal()]; taken && other != name {
						t.Errorf("%s and %s got one token", name, other)
					}
					owner[out.AccessToken.Reveal()] = name
				})
			}
		}
		callers.Wait()
		p.srv.Clock().Advance(time.Hour)
	}
}

// A token in use is replaced before it is too short to be handed out; one that nobody asks for is not.
func TestTokensInUseAreRenewedAhead(t *testing.T) {
	w := newWorld(t, "1234567", "7654321")
	used, idle := client(t, w.Env, w.connect("1234567")), client(t, w.Env, w.connect("7654321"))
	first := must(w.Tokens.HandOut(t.Context(), used))(t)
	must(w.Tokens.HandOut(t.Context(), idle))(t)
	arrived, release := w.hold()
	w.srv.Clock().Advance(50 * time.Minute)
	if again := must(w.Tokens.HandOut(t.Context(), used))(t); !again.AccessToken.Equal(first.AccessToken) {
		t.Error("the caller waited for the next token")
	}
	<-arrived // the next one is asked for meanwhile
	release()
	next := first
	for next.AccessToken.Equal(first.AccessToken) && t.Context().Err() == nil { // until the next one has arrived
		next = must(w.Tokens.HandOut(t.Context(), used))(t)
	}
	w.srv.Clock().Advance(6 * time.Minute) // the first is too short now
	if again := must(w.Tokens.HandOut(t.Context(), used))(t); !again.AccessToken.Equal(next.AccessToken) {
		t.Error("the token was replaced twice")
	}
	if n := w.mints(); n != 3 {
		t.Errorf("%d mints, want one for the idle connection and two for the other", n)
	}
}
