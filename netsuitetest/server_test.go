package netsuitetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// safeBuffer is a log that may be read while it is written.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *safeBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	vendor := netsuitetest.AccountConfig{ID: "TSTDRV1", Vendor: true}
	good := netsuitetest.AccountConfig{ID: "1234567"}
	for _, tt := range []struct {
		name string
		cfg  netsuitetest.Config
		want string
	}{
		{"only a vendor", netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{vendor}}, "at least one"},
		{"account twice", netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{good, {ID: " 1234567"}}}, "given twice"},
		{"bad account ID", netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{{ID: "evil.example/"}}}, "account ID"},
		{"empty account ID", netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{{}}}, "account ID"},
		{"unknown feature", netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{{ID: "1", Features: map[string]bool{"X": true}}}}, "feature"},
		{"bad integration", netsuitetest.Config{Integrations: []netsuitetest.Integration{{Name: "x"}}}, "grants"},
		{"server algorithm", netsuitetest.Config{Settings: netsuitetest.Settings{ServerAlgorithm: "none"}}, "ServerAlgorithm"},
		{"approval stage", netsuitetest.Config{Settings: netsuitetest.Settings{ApprovalBlocks: "never"}}, "ApprovalBlocks"},
		{"redirect order", netsuitetest.Config{Settings: netsuitetest.Settings{RedirectParamOrder: []string{"code"}}}, "RedirectParamOrder"},
	} {
		if _, err := netsuitetest.New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that names %q", tt.name, err, tt.want)
		}
	}
}

func TestAddIntegrationRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := func() netsuitetest.Integration {
		return netsuitetest.Integration{Name: "A", CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"restlets"}}
	}
	for _, tt := range []struct {
		name   string
		change func(*netsuitetest.Integration)
		want   string
	}{
		{"no name", func(i *netsuitetest.Integration) { i.Name = " " }, "name"},
		{"no grant", func(i *netsuitetest.Integration) { i.CodeGrant = false }, "grants"},
		{"short client ID", func(i *netsuitetest.Integration) { i.ClientID = "abc" }, "client ID"},
		{"client ID taken", func(i *netsuitetest.Integration) { i.ClientID = w.public.ClientID }, "taken"},
		{"bad secret", func(i *netsuitetest.Integration) { i.ClientSecret = "abc" }, "client secret"},
		{"public with a secret", func(i *netsuitetest.Integration) { i.Public, i.ClientSecret = true, strings.Repeat("a", 64) }, "client secret"},
		{"public without code grant", func(i *netsuitetest.Integration) { i.Public, i.CodeGrant, i.ClientCredentials = true, false, true }, "public client"},
		{"unknown owner", func(i *netsuitetest.Integration) { i.OwnerAccount = "X" }, "owner account"},
		{"no redirect URI", func(i *netsuitetest.Integration) { i.RedirectURIs = nil }, "redirect URI"},
		{"http", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{"http://app.example/"} }, "http"},
		{"http localhost", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{"http://localhost:8780/callback"} }, "localhost"},
		{"relative", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{"/callback"} }, "absolute"},
		{"fragment", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{callback + "#x"} }, "fragment"},
		{"user name", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{"https://a@b.example/"} }, "user name"},
		{"javascript", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{"javascript://x"} }, "scheme"},
		{"no host", func(i *netsuitetest.Integration) { i.RedirectURIs = []string{"https:///x"} }, "scheme"},
		{"no scope", func(i *netsuitetest.Integration) { i.Scopes = nil }, "scope"},
		{"unknown scope", func(i *netsuitetest.Integration) { i.Scopes = []string{"all"} }, "scope"},
		{"scope twice", func(i *netsuitetest.Integration) { i.Scopes = []string{"restlets", "restlets"} }, "twice"},
		{"mcp with others", func(i *netsuitetest.Integration) { i.Scopes = []string{"mcp", "restlets"} }, "mcp"},
		{"mcp by machine", func(i *netsuitetest.Integration) { i.Scopes, i.ClientCredentials = []string{"mcp"}, true }, "mcp"},
		{"mcp never asked", func(i *netsuitetest.Integration) { i.Scopes, i.ConsentPolicy = []string{"mcp"}, "Never Ask" }, "Never Ask"},
		{"unknown policy", func(i *netsuitetest.Integration) { i.ConsentPolicy = "Sometimes" }, "consent policy"},
		{"validity", func(i *netsuitetest.Integration) { i.RefreshHours = 721 }, "720"},
		{"rotation", func(i *netsuitetest.Integration) { i.RotationHours = -1 }, "720"},
	} {
		i := base()
		tt.change(&i)
		if _, err := w.srv.AddIntegration(i); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that names %q", tt.name, err, tt.want)
		}
	}
	i := base()
	i.RedirectURIs = []string{callback, "acme.app://back"}
	got, err := w.srv.AddIntegration(i)
	if err != nil || len(got.ClientID) != 64 || len(got.ClientSecret) != 64 || len(got.ApplicationID) != 36 || got.OwnerAccount != "TSTDRV1000001" || got.RefreshHours != 48 || got.RotationHours != 168 {
		t.Errorf("a good one: %v %+v", err, got)
	}
	demo := newWorld(t, netsuitetest.Settings{AllowHTTPLoopbackRedirects: true})
	for uri, ok := range map[string]bool{"http://127.0.0.1:8780/callback/x": true, "http://localhost:1/x": true, "http://example.com/": false, "http://127.0.0.1.evil.example/": false} {
		i := base()
		i.RedirectURIs = []string{uri}
		if _, err := demo.srv.AddIntegration(i); (err == nil) != ok {
			t.Errorf("%s with the setting: %v", uri, err)
		}
	}
}

func TestStaysOnLoopback(t *testing.T) {
	t.Parallel()
	for _, allow := range []bool{false, true} {
		srv, err := netsuitetest.New(netsuitetest.Config{AllowNonLoopback: allow, Accounts: smallAccounts()})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- srv.Serve(ctx, ln) }()
		if allow {
			_, port, _ := net.SplitHostPort(ln.Addr().String())
			resp, err := http.Get("http://127.0.0.1:" + port + "/_emulator/healthz")
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			cancel()
		}
		if err := <-done; (err == nil) != allow {
			t.Errorf("AllowNonLoopback %v: %v", allow, err)
		}
		cancel()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHosts: every form of a host, and none that is not ours. An answer of 404 for a stranger is also what keeps a
// rebound name of a web page away from the admin face.
func TestHosts(t *testing.T) {
	t.Parallel()
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	const keys = "/services/rest/auth/oauth2/v1/keys"
	for _, tt := range []struct {
		host, path string
		status     int
		rule       string
	}{
		{"1234567.suitetalk.api.netsuite.com", keys, 200, ""},
		{"1234567.SuiteTalk.api.NetSuite.com:443", keys, 200, ""},
		{"1234567-sb1.suitetalk.localhost:8790", keys, 200, ""},
		{"127.0.0.1:8790", keys, 200, ""},
		{"localhost", keys, 200, ""},
		{"[::1]:8790", keys, 200, ""},
		{"1234567.app.netsuite.com", keys, 404, "wrong service"},
		{"1234567.extforms.netsuite.com", keys, 404, "wrong service"},
		{"system.netsuite.com", keys, 404, "wrong service"},
		{"1234567.suitetalk.api.netsuite.com", "/app/login/oauth2/authorize.nl", 404, "wrong service"},
		{"1234567.suitetalk.api.netsuite.com", "/nowhere", 404, "no such path"},
		{"7654321.suitetalk.api.netsuite.com", keys, 404, "no account"},
		{"1234567_SB1.suitetalk.localhost", keys, 404, "Host header"},
		{"a.1234567.suitetalk.localhost", keys, 404, "Host header"},
		{"suitetalk.localhost", keys, 404, "Host header"},
		{"evil.example", keys, 404, "Host header"},
		{"evil.example", "/_emulator/ledger.json", 404, "Host header"},
		{"1234567.suitetalk.api.netsuite.com.evil.example", keys, 404, "Host header"},
		{"", keys, 404, "Host header"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://x"+tt.path, nil)
		r.Host = tt.host
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		all := srv.Ledger().Entries()
		if rule := all[len(all)-1].Rule; rec.Code != tt.status || !strings.Contains(rule, tt.rule) {
			t.Errorf("%q %s: %d, rule %q; want %d, %q", tt.host, tt.path, rec.Code, rule, tt.status, tt.rule)
		}
	}
}

// FuzzHost: whatever the Host header says, the answer names no host that is not ours and nothing breaks.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"1234567.app.netsuite.com", "x@evil", "a..app.localhost", "[::1", "1234567.app.localhost:99999999", "\x00"} {
		f.Add(host)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest(http.MethodGet, "http://x/rest/datacenterurls?account=1234567", nil)
		r.Host = host
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		if rec.Code == 200 && strings.Contains(rec.Body.String(), "evil") {
			t.Errorf("host %q: %s", host, rec.Body)
		}
	})
}

// FuzzAssertion: no assertion without the key gives a token, whatever its text.
func FuzzAssertion(f *testing.F) {
	for _, a := range []string{"", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJ4IiwiYXVkIjpbXSwiaWF0IjoxLCJleHAiOjJ9.AA"} {
		f.Add(a)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, assertion string) {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/services/rest/auth/oauth2/v1/token", strings.NewReader(m2mForm(assertion).Encode()))
		r.Host = "127.0.0.1"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		if rec.Code != 400 {
			t.Errorf("%q: %d %s, want 400", assertion, rec.Code, rec.Body)
		}
	})
}

// TestFaults: each kind strikes as often as told, and the effect happens or not as its name says.
func TestFaults(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	onToken := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/token") }
	minted := func() int {
		return w.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return e.GrantType == "client_credentials" && e.OK })
	}
	send := func(ctx context.Context) (int, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.tokenURL(), strings.NewReader(m2mForm(w.assertion(k).sign(t, k.private)).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := w.client().Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, err
	}

	w.srv.Fault(netsuitetest.Fault{Match: onToken, Times: 1, Kind: netsuitetest.FaultCutBefore})
	if status, err := send(t.Context()); err == nil || minted() != 0 {
		t.Errorf("cut before: status %d, %d minted; want an error and none", status, minted())
	}
	w.srv.Fault(netsuitetest.Fault{Match: onToken, Times: 1, Kind: netsuitetest.FaultCutAfter})
	if status, err := send(t.Context()); err == nil || minted() != 1 || w.last().Status != 0 || w.last().Fault != "cut-after" {
		t.Errorf("cut after: status %d, %d minted; want an error and one (%+v)", status, minted(), w.last())
	}
	if status, err := send(t.Context()); err != nil || status != 200 {
		t.Errorf("afterwards: %d %v, want 200", status, err)
	}

	seen := 0
	remove := w.srv.Fault(netsuitetest.Fault{OnMatch: func(*http.Request) { seen++ }})
	w.srv.Fault(netsuitetest.Fault{Match: onToken, Times: 1, Kind: netsuitetest.FaultStatus, Status: 503, Body: "down"})
	if status, _ := send(t.Context()); status != 503 || minted() != 2 || seen != 1 {
		t.Errorf("status: %d, %d minted, %d observed; want 503, 2, 1", status, minted(), seen)
	}
	remove()
	w.srv.Fault(netsuitetest.Fault{Match: onToken, Times: 1, Kind: netsuitetest.FaultDelay, Delay: time.Millisecond})
	if status, _ := send(t.Context()); status != 200 || seen != 1 {
		t.Errorf("delay: %d, %d observed; want 200, 1", status, seen)
	}

	// Blocked after the effect: the request has been done, its answer is not there yet.
	reached, release := make(chan struct{}), make(chan struct{})
	w.srv.Fault(netsuitetest.Fault{Match: onToken, Times: 1, Kind: netsuitetest.FaultBlock, Release: release, OnMatch: func(*http.Request) { close(reached) }})
	done := make(chan int, 1)
	go func() {
		status, _ := send(context.Background())
		done <- status
	}()
	<-reached
	if minted() != 3 {
		t.Errorf("while blocked: %d minted, want 3", minted())
	}
	close(release)
	if status := <-done; status != 200 || minted() != 4 {
		t.Errorf("released: %d, %d minted; want 200, 4", status, minted())
	}

	// A client that gives up while it is blocked: nothing is done.
	gone := make(chan struct{})
	w.srv.Fault(netsuitetest.Fault{Match: onToken, Times: 1, Kind: netsuitetest.FaultBlock, OnMatch: func(*http.Request) { close(gone) }})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-gone
		cancel()
	}()
	if _, err := send(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v, want context canceled", err)
	}
	e, err := w.srv.Ledger().Wait(t.Context(), func(e netsuitetest.Entry) bool { return strings.Contains(e.Rule, "gave up") })
	if err != nil || e.OK || minted() != 4 {
		t.Errorf("given up: %+v %v, %d minted; want 4", e, err, minted())
	}
}

// TestStopsWhileBlocked: the end of the test is not held up by a fault.
func TestStopsWhileBlocked(t *testing.T) {
	t.Parallel()
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, ln) }()
	srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultBlock, OnMatch: func(*http.Request) { cancel() }})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	if resp, err := client.Get("http://" + ln.Addr().String() + "/emulator.css"); err == nil {
		_ = resp.Body.Close()
		t.Error("the request was answered")
	}
	if err := errors.Join(<-done, srv.Close()); err != nil {
		t.Error(err)
	}
}

func TestLedgerWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	go func() { w.m2m("a.b.c") }()
	e, err := w.srv.Ledger().Wait(t.Context(), func(e netsuitetest.Entry) bool { return e.GrantType == "client_credentials" })
	if err != nil || e.OK || e.N == 0 {
		t.Errorf("%+v %v", e, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.srv.Ledger().Wait(ctx, func(netsuitetest.Entry) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

// TestHealthyAtOnce: an emulator of three accounts answers well within 300 ms.
func TestHealthyAtOnce(t *testing.T) {
	began := time.Now()
	srv := netsuitetest.Start(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL() + "/_emulator/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if took := time.Since(began); resp.StatusCode != 200 || took > 300*time.Millisecond {
		t.Errorf("healthy after %s with %d, want 200 below 300 ms", took, resp.StatusCode)
	}
}
