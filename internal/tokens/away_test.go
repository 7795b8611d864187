package tokens_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/certificates"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// Processes that were away: paused, cut off, or kept waiting by NetSuite for longer than their lease.

// pausing stops a process once, right before or right after NetSuite is asked for a token.
type pausing struct {
	*certificates.Service
	before  bool
	reached chan struct{}
	goOn    chan struct{}
	once    chan struct{} // holds one: the pause that is left
}

func pause(s *tokens.Service, inner *certificates.Service, before bool) *pausing {
	p := &pausing{inner, before, make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)}
	p.once <- struct{}{}
	s.Certificates = p
	return p
}

func (p *pausing) Obtain(ctx context.Context, account netsuite.AccountID, clientID string, scopes []string, id string) (*netsuite.Token, error) {
	if p.before {
		p.stop()
	}
	token, err := p.Service.Obtain(ctx, account, clientID, scopes, id)
	if !p.before {
		p.stop()
	}
	return token, err
}

func (p *pausing) stop() {
	select {
	case <-p.once:
		p.reached <- struct{}{}
		<-p.goOn
	default:
	}
}

// saving is the store, and tells how a token was saved.
type saving struct {
	*store.DB
	saved chan error
}

func (s saving) SaveAccessToken(ctx context.Context, t *broker.AccessToken) error {
	err := s.DB.SaveAccessToken(ctx, t)
	s.saved <- err
	return err
}

// handed is what a caller got.
type handed struct {
	out tokens.HandOut
	err error
}

func ask(t *testing.T, s *tokens.Service, r tokens.Request) <-chan handed {
	got := make(chan handed, 1)
	go func() {
		out, err := s.HandOut(t.Context(), r)
		got <- handed{out, err}
	}()
	return got
}

func (h handed) token(t *testing.T) netsuite.Secret {
	t.Helper()
	if h.err != nil {
		t.Fatal(h.err)
	}
	return h.out.AccessToken
}

// A process waits for NetSuite longer than its lease; another one takes over. What the first one brings home is not stored and
// not handed out, whether it comes after the other has finished or before: its callers get the token of the other.
func TestLateMintChangesNothing(t *testing.T) {
	for name, early := range map[string]bool{"after the other": false, "before the other": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "1234567")
			conn := w.connect("1234567")
			r := client(t, w.Env, conn)
			slow, fast := w.Tokens, w.Replica("replica-2")
			defer fast.Close()
			refused := saving{w.Store, make(chan error, 1)}
			slow.Store = refused
			late, other := pause(slow, w.Certificates, false), pause(fast, w.Certificates, false)

			fromSlow := ask(t, slow, r)
			<-late.reached
			w.srv.Clock().Advance(46 * time.Second) // the lease ends
			fromFast := ask(t, fast, r)
			<-other.reached
			var err error
			if early {
				close(late.goOn)
				err = <-refused.saved
			}
			close(other.goOn)
			kept := (<-fromFast).token(t)
			row := must(w.Store.AccessToken(t.Context(), conn.ID))(t)
			if !early {
				close(late.goOn)
				err = <-refused.saved
			}
			if !errors.Is(err, broker.ErrLeaseLost) {
				t.Errorf("the late save: %v, want %v", err, broker.ErrLeaseLost)
			}
			if got := (<-fromSlow).token(t); !got.Equal(kept) {
				t.Error("the late process handed out a token of its own")
			}
			if now := must(w.Store.AccessToken(t.Context(), conn.ID))(t); now.Version != 1 || now.Version != row.Version {
				t.Errorf("the stored token has version %d, want the one of the process that took over, version 1", now.Version)
			}
			if n := w.mints(); n != 2 {
				t.Errorf("%d mints, want 2: the late one and the one that counts", n)
			}
		})
	}
}

// A process is stopped between reading the connection and asking NetSuite. Meanwhile the certificate is replaced and the old one
// revoked. NetSuite refuses the old key; the process reads again, and its callers notice nothing.
func TestRO02_ReplacedKeyIsNoFailure(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	r := client(t, w.Env, conn)
	old := conn.CertificateID
	away := pause(w.Tokens, w.Certificates, true)
	got := ask(t, w.Tokens, r)
	<-away.reached
	api := &netsuite.API{Account: "1234567", Site: w.site, Token: w.consent("1234567")}
	if err := w.rotate(&conn, api); err != nil {
		t.Fatal(err)
	}
	if err := api.RevokeCertificate(t.Context(), w.record.ClientID, old); err != nil {
		t.Fatal(err)
	}
	close(away.goOn)
	(<-got).token(t)
	if row := must(w.Store.AccessToken(t.Context(), conn.ID))(t); row.CertificateID != conn.CertificateID || row.CertificateID == old {
		t.Errorf("the stored token is by certificate %s, want the new one", row.CertificateID)
	}
	if n := w.mints(); n != 2 {
		t.Errorf("%d requests for a token, want the refused one and one more", n)
	}
}

// A process that others may have given up hands out what it has, and asks NetSuite for nothing.
func TestRO02_StaleReplicaDoesNotMint(t *testing.T) {
	w := newWorld(t, "1234567")
	r := client(t, w.Env, w.connect("1234567"))
	stale := true
	w.Tokens.Current = func() error {
		if stale {
			return broker.Errorf(broker.CodeStale, "away for a minute")
		}
		return nil
	}
	_, err := w.Tokens.HandOut(t.Context(), r)
	if refusal := wantRefusal(t, err, tokens.Unavailable, broker.CodeStale); refusal.RetryAfter <= 0 {
		t.Error("the refusal does not say when to ask again")
	}
	if w.mints() != 0 {
		t.Fatalf("%d mints by a stale process", w.mints())
	}
	stale = false
	before := (<-ask(t, w.Tokens, r)).token(t)
	stale = true
	if after := (<-ask(t, w.Tokens, r)).token(t); !after.Equal(before) || w.mints() != 1 {
		t.Errorf("a cached token was not handed out (%d mints)", w.mints())
	}
	w.Tokens.Current = func() error { return errors.New("of another kind") }
	w.srv.Clock().Advance(time.Hour)
	_, err = w.Tokens.HandOut(t.Context(), r)
	wantRefusal(t, err, tokens.Unavailable, broker.CodeInternal)
}

// faltering is a database that goes away as a token is to be stored, before it has stored it or before it says so.
type faltering struct {
	*store.DB
	late bool

	mu    sync.Mutex
	fails int // guarded by mu
}

func (f *faltering) SaveAccessToken(ctx context.Context, t *broker.AccessToken) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == 0 {
		return f.DB.SaveAccessToken(ctx, t)
	}
	f.fails--
	away := broker.Errorf(broker.CodeDatabase, "the database does not answer")
	if !f.late {
		return away
	}
	unheard := *t // of the answer, the new version too is lost
	return errors.Join(away, f.DB.SaveAccessToken(ctx, &unheard))
}

// The database goes away between NetSuite's answer and the save. The token is not lost, and NetSuite is not asked twice.
func TestMintOutlastsADatabaseOutage(t *testing.T) {
	for name, database := range map[string]*faltering{"not stored": {fails: 3}, "stored, and the answer lost": {fails: 1, late: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "1234567")
			conn := w.connect("1234567")
			r := client(t, w.Env, conn)
			database.DB = w.Store
			w.Tokens.Store = database
			got := (<-ask(t, w.Tokens, r)).token(t)
			if n := w.mints(); n != 1 {
				t.Errorf("%d mints, want 1", n)
			}
			other := w.Replica("replica-2")
			defer other.Close()
			if again := (<-ask(t, other, r)).token(t); !again.Equal(got) || w.mints() != 1 {
				t.Errorf("another replica does not hand out the token that was kept (%d mints)", w.mints())
			}
		})
	}
}

// DO-02: two hours of maintenance in one account, with callers on three replicas all the time. It is asked at most once a minute, by
// all of them together; its last token is handed out while it lives; the other account notices nothing.
func TestDO02_TwoHoursOfMaintenance(t *testing.T) {
	w := newWorld(t, "1234567", "7654321")
	down, well := client(t, w.Env, w.connect("1234567")), client(t, w.Env, w.connect("7654321"))
	replicas := []*tokens.Service{w.Tokens, w.Replica("replica-2"), w.Replica("replica-3")}
	for _, s := range replicas[1:] {
		defer s.Close()
	}
	(<-ask(t, w.Tokens, down)).token(t)
	heal := w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Account: "1234567"})
	began := w.srv.Clock().Now()
	asked := map[time.Duration]int{} // by minute, as the ledger has it
	seen := w.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return e.Account == "1234567" })
	for past := time.Duration(0); past < 2*time.Hour; past += 30 * time.Second {
		for _, s := range replicas {
			_, err := s.HandOut(t.Context(), down)
			if past < 54*time.Minute && err != nil {
				t.Fatalf("after %s the token that still lives was not handed out: %v", past, err)
			}
			if err != nil {
				if refusal := wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable); refusal.RetryAfter <= 0 {
					t.Error("the refusal does not say when to ask again")
				}
			}
			if _, err := s.HandOut(t.Context(), well); err != nil {
				t.Fatalf("the other account, after %s: %v", past, err)
			}
		}
		w.srv.Clock().Advance(30 * time.Second)
	}
	w.Tokens.Close() // background renewals have ended, and stand in the ledger
	calls := w.srv.Ledger().Entries(func(e netsuitetest.Entry) bool { return e.Account == "1234567" })[seen:]
	for _, e := range calls {
		asked[e.At.Sub(began).Truncate(time.Minute)]++
	}
	for minute, n := range asked {
		if n > 1 {
			t.Errorf("in minute %s the account was asked %d times, want once at most", minute, n)
		}
	}
	t.Logf("%d requests in two hours", len(calls))
	if len(calls) == 0 || len(calls) > 120 {
		t.Errorf("%d requests in two hours, want a few, 120 at most", len(calls))
	}
	heal()
	w.srv.Clock().Advance(31 * time.Minute) // the longest pause between two looks
	(<-ask(t, replicas[1], down)).token(t)
}
