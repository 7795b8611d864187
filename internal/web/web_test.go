package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/web/storybook"
)

func body(tb testing.TB, res *http.Response) string {
	tb.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	good := &url.URL{Scheme: "https", Host: "connect.acme.example"}
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"no service":    {Config{PublicURL: good}, "Onboarding"},
		"no address":    {Config{Onboarding: storybook.Onboarding{}}, "PublicURL"},
		"other scheme":  {Config{Onboarding: storybook.Onboarding{}, PublicURL: &url.URL{Scheme: "ftp", Host: "x"}}, "https"},
		"no host":       {Config{Onboarding: storybook.Onboarding{}, PublicURL: &url.URL{Scheme: "https"}}, "PublicURL"},
		"path":          {Config{Onboarding: storybook.Onboarding{}, PublicURL: good.JoinPath("below")}, "path"},
		"user":          {Config{Onboarding: storybook.Onboarding{}, PublicURL: &url.URL{Scheme: "https", Host: "x", User: url.UserPassword("a", "hidden")}}, "user"},
		"no dev folder": {Config{Onboarding: storybook.Onboarding{}, PublicURL: good, Dev: true}, "static"},
	} {
		_, err := New(test.cfg)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: New = %v, want an error that names %q", name, err, test.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for _, path := range []string{
		"/c/welcome", "/c/unknown", "/c/x/y/z", "/callback/acme-sync?code=x", "/r/connected", "/r/connected/done", "/r/connected/status",
		"/r/connected/receipt.json", "/errors/SK-ONB-201", "/errors/none", "/brand/acme-sync.css", "/brand/initech-ledger/logo", "/static/none.css",
	} {
		h := get(t, mux, path).Header
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=31536000",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: content policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") && !strings.HasSuffix(path, "/logo") {
			t.Errorf("%s: content policy %q allows inline code", path, policy)
		}
		if h.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no Permissions-Policy", path)
		}
		if own := !strings.HasPrefix(path, "/brand/"); own && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control = %q, want no-store", path, h.Get("Cache-Control"))
		}
	}
	policy := get(t, mux, "/c/welcome").Header.Get("Content-Security-Policy")
	if want := "form-action 'self' https://*.app.netsuite.com;"; !strings.Contains(policy, want) {
		t.Errorf("content policy of the welcome page %q lacks %q", policy, want)
	}
	policy = get(t, mux, "/r/confirm-account/allow").Header.Get("Content-Security-Policy")
	if want := "form-action 'self' https://*.app.netsuite.com https://app.acme.example;"; !strings.Contains(policy, want) {
		t.Errorf("content policy of a run's page %q lacks %q: browsers would stop the way back to the app", policy, want)
	}
	plain := newMux(t, func(c *Config) { c.PublicURL = &url.URL{Scheme: "http", Host: "127.0.0.1:8780"} })
	if got := get(t, plain, "/c/welcome").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("http: Strict-Transport-Security = %q, want none", got)
	}
}

func TestOriginOfPosts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, site, origin string
		pass               bool
	}{
		{"own form, no-referrer policy", "same-origin", "null", true},
		{"own form", "same-origin", "https://connect.acme.example", true},
		{"own form, other host name inside", "", "https://connect.acme.example", true},
		{"no browser", "", "", true},
		{"foreign form", "cross-site", "https://evil.example", false},
		{"foreign form without origin", "cross-site", "null", false},
		{"sibling host", "same-site", "https://evil.acme.example", false},
		{"old browser, foreign form", "", "https://evil.example", false},
		{"old browser, hidden origin", "", "null", false},
	} {
		for _, path := range []string{"/c/welcome", "/r/two-to-do/check", "/r/two-to-do/consent"} {
			o := &recorder{Onboarding: storybook.Onboarding{Leads: netsuitePage}}
			mux := newMux(t, func(c *Config) { c.Onboarding = o })
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://10.0.0.7:8780"+path, nil)
			for name, value := range map[string]string{"Sec-Fetch-Site": test.site, "Origin": test.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			res := serve(mux, r)
			want, changes := http.StatusSeeOther, 1
			if !test.pass {
				want, changes = http.StatusBadRequest, 0
			}
			if res.StatusCode != want || len(o.noted()) != changes {
				t.Errorf("%s: POST %s = %d with changes %q, want %d with %d changes", test.name, path, res.StatusCode, o.noted(), want, changes)
			}
		}
	}
}

func TestBadForms(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		name, path, media, body string
		want                    int
	}{
		{"unknown field", "/c/welcome", form, "colour=blue", 400},
		{"repeated field", "/c/welcome", form, "reconnect=1&reconnect=1", 400},
		{"other value", "/c/welcome", form, "reconnect=yes", 400},
		{"field in the address", "/c/welcome?reconnect=1", form, "", 400},
		{"JSON", "/c/welcome", "application/json", `{"reconnect":1}`, 400},
		{"multipart", "/c/welcome", "multipart/form-data; boundary=x", "--x--", 400},
		{"no media type at all", "/c/welcome", ";;;", "reconnect=1", 400},
		{"bad escape", "/c/welcome", form, "reconnect=%zz", 400},
		{"huge", "/c/welcome", form, "reconnect=" + strings.Repeat("1", 70<<10), 413},
		{"long value", "/r/several-holders/holder", form, "value=" + strings.Repeat("1", 201), 400},
		{"bytes that are no text", "/r/five-certificates/certificate", form, "value=%ff%fe", 400},
		{"no holder", "/r/several-holders/holder", form, "", 400},
		{"holder by name", "/r/several-holders/holder", form, "value=Ada", 400},
		{"holder by SQL", "/r/several-holders/holder", form, "value=1%20OR%201=1", 400},
		{"no certificate", "/r/five-certificates/certificate", form, "", 400},
		{"a way that does not exist", "/r/denied/consent", form, "value=https://evil.example", 400},
		{"a value for a button without one", "/r/two-to-do/check", form, "value=1", 400},
		{"unknown action", "/r/two-to-do/upload", form, "", 404},
		{"step as action", "/r/two-to-do/done", form, "", 404},
		{"token of 10,000 characters", "/c/" + strings.Repeat("x", 10_000), form, "", 404},
		{"run of 10,000 characters", "/r/" + strings.Repeat("x", 10_000) + "/check", form, "", 400},
	} {
		o := &recorder{}
		mux := newMux(t, func(c *Config) { c.Onboarding = o })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.path, strings.NewReader(test.body))
		r.Header.Set("Content-Type", test.media)
		res := serve(mux, r)
		if res.StatusCode != test.want || len(o.noted()) != 0 {
			t.Errorf("%s: status %d, changes %q; want %d and no change", test.name, res.StatusCode, o.noted(), test.want)
		}
		if page := body(t, res); !strings.Contains(page, "SK-") || strings.Contains(page, "evil.example") {
			t.Errorf("%s: the page has no code, or repeats the input", test.name)
		}
		if len(res.Cookies()) != 0 {
			t.Errorf("%s: a refusal sets a cookie", test.name)
		}
	}
}

func TestButtonsReachTheService(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, form, want, location string }{
		{"/r/denied/consent", "", "act consent ", netsuitePage},
		{"/r/wrong-account/consent", "value=other", "act consent other", netsuitePage},
		{"/r/two-to-do/check", "", "act check ", "/r/two-to-do"},
		{"/r/confirm-account/account", "value=1234567_SB1", "act account 1234567_SB1", "/r/confirm-account"},
		{"/r/several-holders/holder", "value=87", "act holder 87", "/r/several-holders"},
		{"/r/five-certificates/certificate", "value=abc", "act certificate abc", "/r/five-certificates"},
		{"/r/test-failed/retry", "", "act retry ", "/r/test-failed"},
		{"/c/connected", "reconnect=1", "start", netsuitePage},
	} {
		o := &recorder{Onboarding: storybook.Onboarding{Leads: netsuitePage}}
		mux := newMux(t, func(c *Config) { c.Onboarding = o })
		res := post(t, mux, test.path, test.form)
		if got := strings.Join(o.noted(), ","); got != test.want {
			t.Errorf("POST %s did %q, want %q", test.path, got, test.want)
		}
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != test.location {
			t.Errorf("POST %s = %d to %q, want 303 to %q", test.path, res.StatusCode, got, test.location)
		}
	}
}

func TestStepAddresses(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for run, want := range map[string]string{
		"consenting": "allow", "denied": "allow", "wrong-account": "allow", "confirm-account": "allow", "checking": "prepare", "two-to-do": "prepare",
		"time-over": "prepare", "provisioning": "connect", "five-certificates": "connect", "test-failed": "connect", "connected": "done", "cancelled": "prepare",
	} {
		if got := get(t, mux, "/r/"+run).Header.Get("Location"); got != "/r/"+run+"/"+want {
			t.Errorf("GET /r/%s leads to %q, want the step %q", run, got, want)
		}
		for _, s := range steps {
			res := get(t, mux, "/r/"+run+"/"+s.name)
			if s.name == want && res.StatusCode != http.StatusOK {
				t.Errorf("GET /r/%s/%s = %d, want the page", run, s.name, res.StatusCode)
			}
			if s.name != want && (res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/r/"+run) {
				t.Errorf("GET /r/%s/%s = %d to %q, want 303 to the run", run, s.name, res.StatusCode, res.Header.Get("Location"))
			}
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	res := get(t, mux, "/r/two-to-do/status")
	if got, want := strings.TrimSpace(body(t, res)), `{"version":7,"step":"prepare","phase":"needs_action","minutes_left":41}`; got != want {
		t.Errorf("status = %s, want %s", got, want)
	}
	res = get(t, mux, "/r/foreign/status")
	if got := body(t, res); res.StatusCode != 400 || !strings.Contains(got, `"code":"SK-ONB-401"`) || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("status of a foreign run = %d %s, want 400 with the code", res.StatusCode, got)
	}
}

func TestMinutesLeft(t *testing.T) {
	t.Parallel()
	now := storybook.Now()
	for _, test := range []struct {
		name string
		run  broker.Run
		want int
	}{
		{"no permission", broker.Run{}, 0},
		{"a begun minute counts", broker.Run{Facts: broker.Facts{GrantExpiresAt: now.Add(4*time.Minute + time.Second)}}, 5},
		{"whole minutes", broker.Run{Facts: broker.Facts{GrantExpiresAt: now.Add(4 * time.Minute)}}, 4},
		{"over", broker.Run{Facts: broker.Facts{GrantExpiresAt: now.Add(-time.Second)}}, 0},
		{"ended by us", broker.Run{Facts: broker.Facts{GrantExpiresAt: now.Add(time.Hour), GrantEndedAt: now}}, 0},
	} {
		if got := minutesLeft(test.run, now); got != test.want {
			t.Errorf("%s: %d minutes, want %d", test.name, got, test.want)
		}
	}
}

func TestReceiptFile(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	res := get(t, mux, "/r/connected/receipt.json")
	if got, want := res.Header.Get("Content-Disposition"), `attachment; filename="suitekey-receipt-connected.json"`; got != want {
		t.Errorf("Content-Disposition = %q, want %q", got, want)
	}
	var receipt broker.Receipt
	if err := json.NewDecoder(res.Body).Decode(&receipt); err != nil || len(receipt.Calls) != 8 || receipt.Account != "1234567" {
		t.Errorf("receipt = %+v, %v; want 8 calls of account 1234567", receipt, err)
	}
	if got := body(t, get(t, mux, "/r/consenting/receipt.json")); !strings.Contains(got, `"calls": []`) {
		t.Errorf("empty receipt = %s, want an empty list", got)
	}
}

func TestSituationPages(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for code, s := range broker.Situations {
		res, doc := openScreen(t, mux, storybook.Screen{Path: "/errors/" + string(code)})
		if got := textOf(elements(doc, "h1")[0]); res.StatusCode != 200 || got != s.Title {
			t.Errorf("/errors/%s = %d %q, want %q", code, res.StatusCode, got, s.Title)
		}
	}
	if got := get(t, mux, "/errors/SK-XXX-999").StatusCode; got != 404 {
		t.Errorf("unknown code = %d, want 404", got)
	}
}

func TestStaticFiles(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	_, doc := openScreen(t, mux, storybook.Screen{Path: "/c/welcome-other"})
	var addresses []string
	for _, n := range elements(doc, "link", "script", "img") {
		addresses = append(addresses, attribute(n, "href")+attribute(n, "src"))
	}
	if len(addresses) != 5 {
		t.Fatalf("the page uses %q, want icon, two style sheets, script and logo", addresses)
	}
	for _, address := range addresses {
		res := get(t, mux, address)
		if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("GET %s = %d, Cache-Control %q; want 200, kept for good", address, res.StatusCode, res.Header.Get("Cache-Control"))
		}
	}
	for path, want := range map[string]int{
		"/static/wizard.css": 404, "/static/wizard.0000000000.css": 404, "/static/..%2ftemplates%2fpage.html": 404, "/static/": 404,
		"/brand/acme-sync": 404, "/brand/nobody.css": 404, "/brand/..%2f.css": 404, "/brand/acme-sync/logo": 404, "/brand/hostile/logo": 404,
		"/brand/initech-ledger/logo": 200, "/brand/acme-sync.css?v=old": 200,
	} {
		res := get(t, mux, path)
		if res.StatusCode != want {
			t.Errorf("GET %s = %d, want %d", path, res.StatusCode, want)
		}
		if strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("GET %s is kept for good, but its address does not name its content", path)
		}
	}
	logo := get(t, mux, "/brand/initech-ledger/logo")
	if got := logo.Header.Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") {
		t.Errorf("policy of an SVG logo = %q, want a sandbox", got)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := storybook.Now()
	o := &recorder{Onboarding: storybook.Onboarding{Leads: netsuitePage}}
	mux := newMux(t, func(c *Config) { c.Onboarding, c.Now = o, func() time.Time { return now } })
	ask := func(method, path, from, forwarded string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.RemoteAddr = from
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
			r.Header.Set("Forwarded", "for="+forwarded)
		}
		return serve(mux, r)
	}
	for i := range anonymousBurst {
		if res := ask(http.MethodPost, "/c/welcome", "192.0.2.1:1000", ""); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("request %d = %d, want 303", i+1, res.StatusCode)
		}
	}
	before := len(o.noted())
	for _, forwarded := range []string{"", "198.51.100.7"} {
		res := ask(http.MethodPost, "/c/welcome", "192.0.2.1:2000", forwarded)
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("one too many (forwarded %q) = %d, want 429 with Retry-After", forwarded, res.StatusCode)
		}
	}
	if res := ask(http.MethodGet, "/callback/acme-sync?state=x", "192.0.2.1:3000", ""); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("callback of the same address = %d, want 429", res.StatusCode)
	}
	if got := len(o.noted()); got != before {
		t.Errorf("%d refused requests reached the service", got-before)
	}
	if res := ask(http.MethodGet, "/c/welcome", "192.0.2.1:4000", ""); res.StatusCode != http.StatusOK {
		t.Errorf("reading the welcome page = %d, want 200", res.StatusCode)
	}
	if res := ask(http.MethodPost, "/c/welcome", "192.0.2.2:1000", ""); res.StatusCode != http.StatusSeeOther {
		t.Errorf("another address = %d, want 303", res.StatusCode)
	}
	now = now.Add(2 * time.Second)
	if res := ask(http.MethodPost, "/c/welcome", "192.0.2.1:5000", ""); res.StatusCode != http.StatusSeeOther {
		t.Errorf("two seconds later = %d, want 303", res.StatusCode)
	}
}

func TestRateLimitMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(storybook.Now)
	for i := range 5 * clientsPerGeneration {
		r := &http.Request{RemoteAddr: fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff)}
		l.allow(clientOf(r))
	}
	if got := len(l.young) + len(l.old); got > 2*clientsPerGeneration {
		t.Errorf("%d clients are remembered, want at most %d", got, 2*clientsPerGeneration)
	}
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"192.0.2.1:1000": "192.0.2.1/32", "[::ffff:192.0.2.1]:1": "192.0.2.1/32", "[2001:db8:1:2:3::9]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
		"@": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := clientOf(&http.Request{RemoteAddr: from}).String(); got != want {
			t.Errorf("clientOf(%q) = %s, want %s", from, got, want)
		}
	}
}

func TestInternalErrorsShowTheirNumberOnly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	const inner = "dial tcp 10.1.2.3:5432: password of suitekey_app refused"
	for name, err := range map[string]error{
		"no code":       errors.New(inner),
		"code of ours":  broker.Errorf(broker.CodeTampered, "row 12").WithCause(errors.New(inner)),
		"unknown code":  &broker.Error{Code: "SK-XXX-000", What: inner},
		"configuration": broker.Errorf(broker.CodeConfig, inner),
	} {
		log.Reset()
		o := &recorder{view: func(string, string) (broker.View, error) { return broker.View{}, err }}
		mux := newMux(t, func(c *Config) { c.Onboarding, c.Logger = o, slog.New(slog.NewTextHandler(&log, nil)) })
		res := get(t, mux, "/r/any/done")
		page := body(t, res)
		_, number, _ := strings.Cut(log.String(), "request_id=")
		number, _, _ = strings.Cut(number, " ")
		if res.StatusCode != 500 || strings.Contains(page, "10.1.2.3") || !strings.Contains(page, number) || number == "" {
			t.Errorf("%s: status %d, number %q; want a page with the number and nothing of the cause", name, res.StatusCode, number)
		}
		if !strings.Contains(log.String(), "10.1.2.3") {
			t.Errorf("%s: the log lacks the cause: %s", name, log.String())
		}
	}
}

// A server that is cut off from its database says that this passes, and nothing of the cause.
func TestDatabaseIsAway(t *testing.T) {
	t.Parallel()
	err := broker.Errorf(broker.CodeDatabase, "the database does not answer").WithCause(errors.New("dial tcp 10.1.2.3:5432"))
	o := &recorder{view: func(string, string) (broker.View, error) { return broker.View{}, err }}
	mux := newMux(t, func(c *Config) { c.Onboarding = o })
	for _, path := range []string{"/r/any/done", "/r/any/status"} {
		res := get(t, mux, path)
		if page := body(t, res); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || strings.Contains(page, "10.1.2.3") || !strings.Contains(page, "database does not answer") {
			t.Errorf("%s: status %d, Retry-After %q: %s", path, res.StatusCode, res.Header.Get("Retry-After"), page)
		}
	}
}

func TestRequestIDReachesTheService(t *testing.T) {
	t.Parallel()
	if got := RequestID(context.Background()); got != "" {
		t.Errorf("RequestID outside of a request = %q, want none", got)
	}
	h := &Handler{}
	var seen string
	h.identified(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = RequestID(r.Context()) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if !strings.HasPrefix(seen, "req_") {
		t.Errorf("RequestID = %q, want one", seen)
	}
}

// Whoever presses "Check again" just after the run went on sees the run, not a refusal.
func TestCheckAgainComesTooLate(t *testing.T) {
	t.Parallel()
	late := tooLate{}
	mux := newMux(t, func(c *Config) { c.Onboarding = late })
	for path, want := range map[string]int{"/r/checking/check": 303, "/r/checking/retry": 303, "/r/checking/cancel": 409, "/r/checking/account": 409} {
		if got := post(t, mux, path, "").StatusCode; got != want {
			t.Errorf("POST %s = %d, want %d", path, got, want)
		}
	}
}

type tooLate struct{ storybook.Onboarding }

func (tooLate) Act(context.Context, string, string, broker.Action) (broker.Outcome, error) {
	return broker.Outcome{}, &broker.Error{Code: broker.CodeWrongStep}
}

func TestMailto(t *testing.T) {
	t.Parallel()
	raw := mailto("Acme & Co", "Globex + Söhne?", "https://connect.acme.example/c/abc", storybook.Now())
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "mailto" || u.Opaque != "" || strings.Contains(u.RawQuery, "+") {
		t.Fatalf("mailto = %q, %v; want no recipient and no plus signs", raw, err)
	}
	q := u.Query()
	if q.Get("subject") != "Please connect our NetSuite to Acme & Co" || !strings.Contains(q.Get("body"), "https://connect.acme.example/c/abc") || len(q) != 2 {
		t.Errorf("mailto fields = %q", q)
	}
}

func TestDevReadsFromDisk(t *testing.T) {
	t.Chdir("../..")
	mux := newMux(t, func(c *Config) { c.Dev = true })
	if got := get(t, mux, "/c/welcome").StatusCode; got != 200 {
		t.Errorf("GET in dev mode = %d, want 200", got)
	}
	_, doc := openScreen(t, mux, storybook.Screen{Path: "/c/welcome"})
	if got := get(t, mux, attribute(elements(doc, "script")[0], "src")).Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control of a script in dev mode = %q, want no-store", got)
	}
}
