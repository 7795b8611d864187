package notify_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/internal/outbound"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// A whole server sends what was stored before it started, and stops when it is told to.
func TestServerDelivers(t *testing.T) {
	came := make(chan string, 1)
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.Header.Get("webhook-id") }))
	t.Cleanup(hooks.Close)
	allow, err := outbound.ParseExceptions(strings.TrimPrefix(hooks.URL, "http://"))
	must(t, err)
	site, err := netsuite.EmulatorSite("127.0.0.1:9")
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	a, err := app.Open(t.Context(), app.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "suitekey.db"), MasterKey: vault.NewMasterKey(), Site: site,
		PublicURL: &url.URL{Scheme: "http", Host: ln.Addr().String()}, NotifyAllow: allow,
	})
	must(t, err)
	_, err = a.Notify.Create(t.Context(), notify.EndpointRequest{Kind: broker.EndpointWebhook, Address: netsuite.NewSecret(hooks.URL)})
	must(t, err)
	event := broker.NewEvent(broker.EventOnboardingCompleted, time.Now(), "acme", "", "run_1")
	must(t, a.Store.SaveEvents(t.Context(), event))

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, ln) }()
	select {
	case id := <-came:
		if id != event.ID {
			t.Errorf("event %s came, want %s", id, event.ID)
		}
	case <-time.After(15 * time.Second):
		t.Error("no event came")
	}
	stop()
	if err := errors.Join(<-done, a.Close()); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the server ended with %v", err)
	}
}
