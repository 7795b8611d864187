package tokens_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/consents"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
)

// Refreshes that something overtakes: a new consent, the end of the connection, or a save whose answer is lost.

// overtaken does something once, before or after NetSuite has answered a refresh.
type overtaken struct {
	*consents.Service
	before, after func()
}

func overtake(p *portal, before, after func()) {
	once := func(do func()) func() {
		if do == nil {
			return func() {}
		}
		return sync.OnceFunc(do)
	}
	p.Tokens.Consents = overtaken{p.consents(), once(before), once(after)}
}

func (o overtaken) Refresh(ctx context.Context, app string, account netsuite.AccountID, refreshToken netsuite.Secret) (*netsuite.Token, error) {
	o.before()
	token, err := o.Service.Refresh(ctx, app, account, refreshToken)
	o.after()
	return token, err
}

// states are those of the consents at NetSuite, the oldest first.
func (p *portal) states() []string {
	var states []string
	for _, g := range p.srv.Account("1234567").Grants() {
		if g.ClientID == p.client.ClientID {
			states = append(states, g.State)
		}
	}
	return states
}

func (p *portal) wantStates(want ...string) {
	p.t.Helper()
	got := p.states()
	if len(got) != len(want) {
		p.t.Fatalf("consents at NetSuite are %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			p.t.Errorf("consents at NetSuite are %v, want %v", got, want)
		}
	}
}

// RO-08: the consent was replaced and revoked while its token was on the way. The refusal is of the old one, so nothing has died.
func TestRO08_RefusalOfAReplacedConsentIsReadAgain(t *testing.T) {
	for kind, public := range kinds {
		t.Run(kind, func(t *testing.T) {
			p := newPortal(t, "", public, "1234567")
			conn := p.person("1234567", "ann")
			overtake(p, func() {
				p.srv.Clock().Advance(time.Second)
				p.srv.Account("1234567").RevokeGrant(p.srv.Account("1234567").Grants()[0].ID)
				p.again(conn)
			}, nil)
			must(p.Tokens.HandOut(t.Context(), of(p.usersClient(), "ann")))(t)
			g := must(p.Store.UserGrant(t.Context(), conn.ID))(t)
			h, err := p.Store.Health(t.Context(), conn.ID)
			if !g.EndedAt.IsZero() || (err == nil && h.State != broker.HealthOK) {
				t.Errorf("consent %+v, health %+v: want both alive", g, h)
			}
			if n := p.refreshes(); n != 2 {
				t.Errorf("%d refreshes, want the refused one and one with the new consent", n)
			}
			p.wantStates("revoked", "live")
		})
	}
}

// The person consented anew while NetSuite answered a refresh of the consent before. What came of that is nobody's: it is ended, and
// the new consent is left alone.
func TestRefreshOvertakenByANewConsentIsEnded(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	overtake(p, nil, func() {
		p.srv.Clock().Advance(time.Second)
		p.again(conn)
	})
	r := of(p.usersClient(), "ann")
	must(p.Tokens.HandOut(t.Context(), r))(t)
	p.wantStates("revoked", "live")
	p.srv.Clock().Advance(time.Hour)
	must(p.Tokens.HandOut(t.Context(), r))(t)
	if n := p.spentUses(); n != 0 {
		t.Errorf("%d uses of a spent refresh token", n)
	}
}

// The consent was replaced right before its token would have been sent: what is read then belongs to another consent than was asked
// for.
func TestConsentReplacedBeforeARefresh(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	p.Tokens.Store = &replacing{DB: p.Store, at: 2, do: func() {
		p.srv.Clock().Advance(time.Second)
		p.again(conn)
	}}
	must(p.Tokens.HandOut(t.Context(), of(p.usersClient(), "ann")))(t)
	g, row := must(p.Store.UserGrant(t.Context(), conn.ID))(t), must(p.Store.AccessToken(t.Context(), conn.ID))(t)
	if row.CertificateID != g.Consent() || p.refreshes() != 1 {
		t.Errorf("the token is of %q, want %q; %d refreshes, want 1", row.CertificateID, g.Consent(), p.refreshes())
	}
}

// replacing does something when the sealed copy is looked at for the nth time.
type replacing struct {
	*store.DB
	at int
	do func()
}

func (r *replacing) AccessToken(ctx context.Context, connectionID string) (broker.AccessToken, error) {
	if r.at--; r.at == 0 {
		r.do()
	}
	return r.DB.AccessToken(ctx, connectionID)
}

// The connection is ended while NetSuite answers a refresh: nothing comes back to life, here or at NetSuite.
func TestRefreshOvertakenByTheEnd(t *testing.T) {
	for kind, public := range kinds {
		t.Run(kind, func(t *testing.T) {
			p := newPortal(t, "", public, "1234567")
			conn := p.person("1234567", "ann")
			overtake(p, nil, func() {
				end := broker.Disconnection{ConnectionID: conn.ID, App: conn.App, AskedAt: p.srv.Clock().Now()}
				if err := p.Store.Disconnect(t.Context(), &end, &conn); err != nil {
					t.Error(err)
				}
			})
			_, err := p.Tokens.HandOut(t.Context(), of(p.usersClient(), "ann"))
			wantRefusal(t, err, tokens.InvalidGrant, broker.CodeSetupState)
			g := must(p.Store.UserGrant(t.Context(), conn.ID))(t)
			if len(g.RefreshToken) != 0 || g.EndedAt.IsZero() {
				t.Errorf("the consent came back: %+v", g)
			}
			if _, err := p.Store.AccessToken(t.Context(), conn.ID); !errors.Is(err, broker.ErrNotFound) {
				t.Errorf("the access token came back: %v", err)
			}
			if public {
				p.wantStates("revoked")
			}
		})
	}
}

// The end has begun, and is not over: the token that its revocation knows is spent, so the next one is ended here.
func TestRefreshOvertakenByTheBeginningOfTheEnd(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	overtake(p, nil, func() {
		conn.State = broker.ConnectionDisconnecting
		if err := p.Store.SaveConnection(t.Context(), &conn); err != nil {
			t.Error(err)
		}
	})
	_, err := p.Tokens.HandOut(t.Context(), of(p.usersClient(), "ann"))
	wantRefusal(t, err, tokens.InvalidGrant, broker.CodeSetupState)
	p.wantStates("revoked")
}

// forgetful stores what a refresh brought, once, and says that it has not.
type forgetful struct {
	*store.DB
	mu    sync.Mutex
	times int // guarded by mu
}

func (f *forgetful) SaveRefreshed(ctx context.Context, g *broker.UserGrant, a *broker.AccessToken) error {
	saved, token := *g, *a
	err := f.DB.SaveRefreshed(ctx, &saved, &token)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times--; f.times >= 0 {
		return errors.New("the answer to the commit was lost")
	}
	*g, *a = saved, token
	return err
}

// A commit whose answer is lost has happened: the consent that it stored must not be taken for somebody else's, and ended.
func TestLostAnswerToACommitEndsNothing(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	p.person("1234567", "ann")
	p.Tokens.Store = &forgetful{DB: p.Store, times: 1}
	r := of(p.usersClient(), "ann")
	for range 3 {
		must(p.Tokens.HandOut(t.Context(), r))(t)
		p.srv.Clock().Advance(time.Hour)
	}
	p.wantStates("live")
	if p.refreshes() != 3 || p.spentUses() != 0 {
		t.Errorf("%d refreshes, %d of them refused; want 3 and none", p.refreshes(), p.spentUses())
	}
}

// Nothing was sent, so nothing is spent: a consent survives that NetSuite cannot be reached.
func TestUnreachableNetSuiteCostsNoConsent(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	conn := p.person("1234567", "ann")
	r, inner := of(p.usersClient(), "ann"), p.consents()
	nobody := must(netsuite.EmulatorSite("127.0.0.1:1"))(t) // reserved; nothing listens
	p.Tokens.Consents = &consents.Service{Store: p.Store, Vault: p.Vault, Site: nobody, PublicURL: &url.URL{Scheme: "https", Host: "connect.acme.example"}, Now: p.srv.Clock().Now}
	_, err := p.Tokens.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable)
	if g := must(p.Store.UserGrant(t.Context(), conn.ID))(t); !g.SentAt.IsZero() || !g.EndedAt.IsZero() {
		t.Errorf("the consent %+v is marked or ended", g)
	}
	p.Tokens.Consents = inner
	p.srv.Clock().Advance(2 * time.Minute)
	must(p.Tokens.HandOut(t.Context(), r))(t)
}

// One account is being disconnected, with NetSuite away: the person's other one works on.
func TestEndOfOneAccountLeavesTheOther(t *testing.T) {
	p := newPortal(t, "", true, "1234567", "7654321")
	first, second := p.person("1234567", "ann"), p.person("7654321", "ann")
	first.State = broker.ConnectionDisconnecting
	if err := p.Store.SaveConnection(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	r := of(p.usersClient(), "ann")
	for _, tt := range []struct {
		conn broker.Connection
		ok   bool
	}{{first, false}, {second, true}} {
		r.Resource = must(p.site.BaseURL(tt.conn.Account, netsuite.ServiceSuiteTalk))(t).String()
		out, err := p.Tokens.HandOut(t.Context(), r)
		switch {
		case !tt.ok:
			wantRefusal(t, err, tokens.InvalidGrant, broker.CodeSetupState)
		case err != nil || out.ConnectionID != second.ID:
			t.Errorf("%s: got connection %s, %v", tt.conn.Account, out.ConnectionID, err)
		}
	}
}

// TE-02: a client with a machine connection and the right to persons gets neither by leaving out the person.
func TestTE02_NoPersonIsNoWishForTheMachine(t *testing.T) {
	p := newPortal(t, "", true, "1234567")
	p.person("1234567", "ann")
	machine := p.connect("1234567")
	id, secret, err := p.Tokens.CreateUsersClient(t.Context(), p.App.Name, []string{machine.ID})
	if err != nil {
		t.Fatal(err)
	}
	r := tokens.Request{ClientID: id, Secret: secret}
	_, err = p.Tokens.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.InvalidRequest, broker.CodeInvalid)
	r.Resource = must(p.site.BaseURL("1234567", netsuite.ServiceSuiteTalk))(t).String()
	if out := must(p.Tokens.HandOut(t.Context(), r))(t); out.ConnectionID != machine.ID {
		t.Errorf("got connection %s, want the machine's", out.ConnectionID)
	}
	if out := must(p.Tokens.HandOut(t.Context(), of(r, "ann")))(t); out.ConnectionID == machine.ID {
		t.Error("got the machine's token for a person")
	}
}
