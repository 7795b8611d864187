package tokens_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/certificates"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
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
