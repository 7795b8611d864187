package app_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/tokens"
)

// watched is a load on one server, with what came of it.
type watched struct {
	server  *app.App
	request tokens.Request

	mu      sync.Mutex
	given   int       // guarded by mu
	last    time.Time // guarded by mu; when a token was last handed out
	refused error     // guarded by mu; the last one
}

func (w *watched) ask(ctx context.Context) {
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		_, err := w.server.Tokens.HandOut(ctx, w.request)
		if ctx.Err() != nil {
			return
		}
		w.mu.Lock()
		if w.refused = err; err == nil {
			w.given, w.last = w.given+1, time.Now()
		}
		w.mu.Unlock()
		<-pace.C
	}
}

func (w *watched) result() (given int, last time.Time, refused error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.given, w.last, w.refused
}

// Two servers share a database only. A client that is withdrawn by one of them, and a connection that ends, get their last token
// from either within five seconds, under load; others notice nothing.
func TestTE09_RevocationIsSeenByAllReplicas(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true, Database: pgtest.Start(t), Work: true})
	other := e.Replica(t, apptest.Config{Work: true})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	connection := e.Connected(t, link).ConnectionID
	client := func() tokens.Request {
		t.Helper()
		id, secret, err := e.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{connection})
		if err != nil {
			t.Fatal(err)
		}
		return tokens.Request{ClientID: id, Secret: secret}
	}
	withdrawn, staying := client(), client()

	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	load := func(server *app.App, r tokens.Request) *watched {
		w := &watched{server: server, request: r}
		for range 8 {
			all.Go(func() { w.ask(ctx) })
		}
		return w
	}
	ending := []*watched{load(e.App, withdrawn), load(other, withdrawn)}
	going := []*watched{load(e.App, staying), load(other, staying)}
	defer all.Wait()
	defer stop()
	for _, w := range append(ending, going...) {
		e.Eventually(t, "hand-outs on both servers", func() bool { given, _, _ := w.result(); return given > 20 }, func() any { return "" })
	}

	if err := other.Tokens.RevokeClient(t.Context(), withdrawn.ClientID); err != nil {
		t.Fatal(err)
	}
	lastTokens(t, "client withdrawn", time.Now(), ending, tokens.InvalidClient)
	for _, w := range going {
		if _, _, err := w.result(); err != nil {
			t.Errorf("another client of the same connection: %v", err)
		}
	}

	conn, err := other.Store.Connection(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	conn.State = broker.ConnectionDisconnected
	if err := other.Store.SaveConnection(t.Context(), &conn); err != nil {
		t.Fatal(err)
	}
	lastTokens(t, "connection ended", time.Now(), going, tokens.InvalidGrant)
}

// lastTokens watches a load for a second longer than tokens may still be handed out, which is five seconds.
func lastTokens(t *testing.T, what string, at time.Time, load []*watched, want tokens.Reason) {
	t.Helper()
	<-time.After(6 * time.Second) // that nothing more comes can only be seen by waiting
	for i, w := range load {
		given, last, err := w.result()
		after := last.Sub(at)
		t.Logf("%s: server %d handed out %d tokens, the last one %s after", what, i, given, after.Round(time.Millisecond))
		if after > 5*time.Second {
			t.Errorf("%s: server %d handed out a token %s later", what, i, after)
		}
		var refusal *tokens.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != want {
			t.Errorf("%s: server %d now says %v, want %s", what, i, err, want)
		}
	}
}
