package web

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/web/storybook"
)

// A run of a session link goes to the app's registered return URL with its code, and to no other address (ON-01, ON-07).
func TestON01_UnconfirmedRunGoesBackToTheApp(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"https://app.acme.example/netsuite/connected?suitekey_code=c&suitekey_link=l": "https://app.acme.example/netsuite/connected?suitekey_code=c&suitekey_link=l",
		"": "/r/unconfirmed/prepare",
		"https://evil.example/netsuite/connected?suitekey_code=c": "/r/unconfirmed/prepare",
	} {
		v, err := storybook.Onboarding{}.View(t.Context(), "unconfirmed", "")
		if err != nil {
			t.Fatal(err)
		}
		v.ReturnTo = to
		mux := newMux(t, func(c *Config) {
			c.Onboarding = &recorder{view: func(string, string) (broker.View, error) { return v, nil }}
		})
		res := get(t, mux, "/r/unconfirmed")
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("ReturnTo %q: %d to %q, want 303 to %q", to, res.StatusCode, got, want)
		}
	}
	res, doc := openScreen(t, newMux(t, nil), storybook.Screen{Path: "/r/unconfirmed"})
	if got := textOf(elements(doc, "h1")[0]); res.StatusCode != 200 || got != "Waiting for Acme Sync" {
		t.Errorf("without a code: %d %q, want the waiting page", res.StatusCode, got)
	}
}

func TestON03_CookieBelongsToTheConsentThatItAsked(t *testing.T) {
	t.Parallel()
	departures := []broker.Departure{
		{RunID: "run_A", Browser: broker.NewToken(), URL: "https://1234567.app.netsuite.com/x?state=state-A"},
		{RunID: "run_B", Browser: broker.NewToken(), URL: "https://1234567.app.netsuite.com/x?state=state-B"},
		{RunID: "run_A", Browser: broker.NewToken(), URL: "https://1234567.app.netsuite.com/x?state=state-C"}, // asked once more
	}
	next := 0
	o := &recorder{}
	o.start = func() (broker.Departure, error) { next++; return departures[next-1], nil }
	o.callback = func(_ string, _ url.Values, browser string) (string, error) { return "run_A", nil }
	mux := newMux(t, func(c *Config) { c.Onboarding = o })
	var cookie *http.Cookie
	for range departures {
		var held []*http.Cookie
		if cookie != nil {
			held = append(held, cookie)
		}
		res := post(t, mux, "/c/welcome", "", held...)
		if len(res.Cookies()) != 1 {
			t.Fatalf("start sets %d cookies, want one", len(res.Cookies()))
		}
		cookie = res.Cookies()[0]
	}
	if cookie.Name != "__Host-suitekey-run" || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" {
		t.Errorf("cookie = %v, want __Host-, Secure, HttpOnly, Path=/, SameSite=Lax, no domain", cookie)
	}
	for i, state := range []string{"state-A", "state-B", "state-C"} {
		get(t, mux, "/callback/acme-sync?code=c&state="+state, cookie)
		changes := o.noted()
		if got, want := changes[len(changes)-1], "callback "+departures[i].Browser; got != want {
			t.Errorf("callback of %s got the secret %q, want %q", state, got, want)
		}
	}

	forged := []*http.Cookie{
		{Name: "state-A", Value: "1"},
		{Name: "__Host-suitekey-run", Value: "1"},
		{Name: "__Host-suitekey-run", Value: "state-A"},
		{Name: "__Host-suitekey-run", Value: "run_A..1"},
		{Name: "__Host-suitekey-run", Value: strings.Repeat("run_A.x.y~", 1000)},
		{Name: "suitekey-run", Value: cookie.Value}, // the name without the prefix, which a sibling host could set
	}
	for _, c := range forged {
		get(t, mux, "/callback/acme-sync?code=c&state=state-A", c)
		changes := o.noted()
		if got := changes[len(changes)-1]; got != "callback " {
			t.Errorf("forged cookie %.40s gave the secret %q, want none", c, got)
		}
	}
}

// Both secrets of a run open it until the service says which one counts.
func TestON03_OlderSecretOpensTheRunUntilTheNewConsentIsGiven(t *testing.T) {
	t.Parallel()
	v, err := storybook.Onboarding{}.View(t.Context(), "denied", "")
	if err != nil {
		t.Fatal(err)
	}
	var tried []string
	o := &recorder{view: func(_, browser string) (broker.View, error) {
		tried = append(tried, browser)
		if browser != "old" {
			return broker.View{}, &broker.Error{Code: broker.CodeContinue}
		}
		return v, nil
	}}
	mux := newMux(t, func(c *Config) { c.Onboarding = o })
	res := get(t, mux, "/r/denied/allow", &http.Cookie{Name: "__Host-suitekey-run", Value: "denied.m1.new~other.m2.foreign~denied.m3.old"})
	if got := strings.Join(tried, " "); res.StatusCode != 200 || got != "new old" {
		t.Errorf("status %d after trying %q, want 200 after %q", res.StatusCode, got, "new old")
	}
	tried = nil
	if res := get(t, mux, "/r/denied/allow"); res.StatusCode != 400 || len(tried) != 1 {
		t.Errorf("without cookie: status %d after %d tries, want 400 after one", res.StatusCode, len(tried))
	}
}

func TestCookieHoldsTheNewestRuns(t *testing.T) {
	t.Parallel()
	c := cookies{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for i := range 2 * maxEntries {
		w := httptest.NewRecorder()
		c.add(w, r, broker.Departure{RunID: "run_" + string(rune('a'+i)), Browser: broker.NewToken()}, broker.NewToken())
		r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.AddCookie(w.Result().Cookies()[0])
	}
	entries := c.read(r)
	if len(entries) != maxEntries || c.newest(r) != "run_p" {
		t.Errorf("cookie holds %d entries, newest %q; want %d, newest run_p", len(entries), c.newest(r), maxEntries)
	}
	if cookie, err := r.Cookie("suitekey-run"); err != nil || len(cookie.Value) > 1024 || cookie.Secure {
		t.Errorf("cookie = %v, %v; want at most 1 KiB under the name for http", cookie, err)
	}
}

// redirectTricks are ways in which open redirects were found elsewhere: scheme-relative, backslashes, encodings, user
// names, other schemes, control characters, look-alike hosts.
var redirectTricks = []string{
	"//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example",
	"https://evil.example", "http://evil.example", "HTTPS://EVIL.EXAMPLE", "https:evil.example", "https:/evil.example", "https:///evil.example", "https:\\\\evil.example",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "\x01javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "blob:https://evil.example/x",
	"%2f%2fevil.example", "%2F%2Fevil.example", "/%2fevil.example", "/%5cevil.example", "%5c%5cevil.example", "/%09/evil.example", "/%0d%0aLocation:%20https://evil.example", "%0d%0aSet-Cookie:%20x=1",
	"/.evil.example", "/..//evil.example", "/../evil.example", "./evil.example", "..//evil.example", ";//evil.example", "?//evil.example", "#//evil.example", "@evil.example", ":@evil.example",
	"https://app.acme.example@evil.example/netsuite/connected", "https://app.acme.example:x@evil.example/netsuite/connected", "https://evil.example/https://app.acme.example/netsuite/connected",
	"https://app.acme.example.evil.example/netsuite/connected", "https://evilapp.acme.example/netsuite/connected", "https://app.acme.example:8443/netsuite/connected", "http://app.acme.example/netsuite/connected",
	"https://app.acme.example/netsuite/connected/../../evil", "https://app.acme.example/netsuite/connected/", "https://app.acme.example/netsuite/connected%2f..", "https://app.acme.example\\@evil.example/netsuite/connected",
	"https://app.acme.example/\\evil.example", "https://app.acme.example//evil.example", "https://app.acme.example\n.evil.example/netsuite/connected", "https://app。acme。example/netsuite/connected",
	"https://[::1]@evil.example/", "https://evil.example#app.acme.example", "https://evil.example?app.acme.example", "https://evil.example\x00.acme.example", "//app.acme.example@evil.example", "https://аpp.acme.example/netsuite/connected", "ftp://app.acme.example/netsuite/connected",
}

func TestON07_NoForeignRedirect(t *testing.T) {
	t.Parallel()
	if len(redirectTricks) < 60 {
		t.Fatalf("the corpus has %d tricks, want 60", len(redirectTricks))
	}
	v, err := storybook.Onboarding{}.View(t.Context(), "unconfirmed", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, trick := range redirectTricks {
		// What a browser can send.
		mux := newMux(t, nil)
		q := url.QueryEscape(trick)
		for _, path := range []string{
			"/r/connected?next=" + q, "/r/connected?return_url=" + q, "/r/connected/allow?return_to=" + q, "/callback/acme-sync?state=x&next=" + q,
			"/c/connected?redirect_uri=" + q, "/r/" + url.PathEscape(trick), "/r/" + url.PathEscape(trick) + "/done", "/c/" + url.PathEscape(trick) + "/send",
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host = "evil.example"
			r.Header.Set("Referer", "https://evil.example/")
			r.Header.Set("X-Forwarded-Host", "evil.example")
			staysHome(t, "GET "+path, serve(mux, r).Header.Get("Location"))
		}
		for _, path := range []string{"/r/two-to-do/check", "/r/" + url.PathEscape(trick) + "/check"} {
			staysHome(t, "POST "+path, post(t, mux, path, "").Header.Get("Location"))
		}

		// What a mistake elsewhere could put into the record.
		evil := v
		evil.ReturnTo, evil.BackTo = trick, trick
		mux = newMux(t, func(c *Config) {
			c.Onboarding = &recorder{
				view:     func(string, string) (broker.View, error) { return evil, nil },
				callback: func(string, url.Values, string) (string, error) { return trick, nil },
			}
		})
		staysHome(t, "ReturnTo "+trick, get(t, mux, "/r/unconfirmed").Header.Get("Location"))
		staysHome(t, "run ID "+trick, get(t, mux, "/callback/acme-sync?state=x").Header.Get("Location"))
		_, doc := openScreen(t, mux, storybook.Screen{Path: "/r/unconfirmed/prepare"})
		for _, a := range elements(doc, "a") {
			if class(a, "button") {
				t.Errorf("BackTo %q becomes the link %q", trick, attribute(a, "href"))
			}
		}
	}
}

// staysHome reads a Location as browsers do: backslashes are slashes, and control characters vanish.
func staysHome(t *testing.T, what, location string) {
	t.Helper()
	seen := strings.NewReplacer("\\", "/", "\t", "", "\n", "", "\r", "").Replace(location)
	if location != "" && (!strings.HasPrefix(seen, "/") || strings.HasPrefix(seen, "//")) {
		t.Errorf("%q leads to %q", what, location)
	}
}

func TestON07_DepartureLeadsToAWebPage(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"javascript:alert(1)", "//evil.example", "/local", "http://netsuite.example/x", "https://user@netsuite.example/", ""} {
		mux := newMux(t, func(c *Config) { c.Onboarding = storybook.Onboarding{Leads: to} })
		res := post(t, mux, "/c/welcome", "")
		if res.StatusCode != 500 || res.Header.Get("Location") != "" || len(res.Cookies()) != 0 {
			t.Errorf("departure to %q = %d to %q, want 500 and no cookie", to, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

func TestON08_CallbackLeadsToACleanAddress(t *testing.T) {
	t.Parallel()
	o := &recorder{callback: func(string, url.Values, string) (string, error) { return "run_1", nil }}
	mux := newMux(t, func(c *Config) { c.Onboarding = o })
	res := get(t, mux, "/callback/acme-sync?code=secret-code&state=secret-state&company=1234567&role=3&entity=12")
	if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != "/r/run_1" {
		t.Errorf("callback = %d to %q, want 303 to /r/run_1", res.StatusCode, got)
	}
	if got := body(t, res); strings.Contains(got, "secret-") {
		t.Errorf("the answer repeats the query: %q", got)
	}
	if res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers = %v, want no-referrer and no-store", res.Header)
	}
}

func TestON09_PayloadsStayText(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	var payloads int
	for _, s := range storybook.Screens() {
		if !strings.Contains(strings.ToLower(s.Name), "hostile") {
			continue
		}
		res, doc := openScreen(t, mux, s)
		if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "javascript") {
			t.Errorf("%s: content policy %q", s.Name, policy)
		}
		for _, n := range elements(doc, "script", "svg", "img") {
			for _, a := range n.Attr {
				if strings.Contains(a.Val, "alert") || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: %s became an element with %s=%q", s.Name, n.Data, a.Key, a.Val)
				}
			}
			if n.Data == "script" && n.FirstChild != nil {
				t.Errorf("%s: a script element holds %q", s.Name, n.FirstChild.Data)
			}
		}
		if strings.Contains(textOf(doc), "<script>alert(1)</script>") {
			payloads++
		}
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				if n.Type == html.ElementNode && (a.Key == "href" || a.Key == "action") && strings.Contains(strings.ToLower(a.Val), "javascript:") {
					t.Errorf("%s: %s=%q", s.Name, a.Key, a.Val)
				}
			}
		}
	}
	if payloads < 9 {
		t.Errorf("%d hostile screens show their payload as text, want all 9", payloads)
	}
	if got := body(t, get(t, mux, "/brand/hostile.css")); got != Theme(defaultAccent) {
		t.Errorf("theme of a hostile accent = %q, want the default", got)
	}
}

func TestON09_ForeignTextIsCut(t *testing.T) {
	t.Parallel()
	v, err := storybook.Onboarding{}.View(t.Context(), "consent-failed", "")
	if err != nil {
		t.Fatal(err)
	}
	v.Run.Problem.Detail = strings.Repeat("ä", 100_000)
	mux := newMux(t, func(c *Config) {
		c.Onboarding = &recorder{view: func(string, string) (broker.View, error) { return v, nil }}
	})
	if got := strings.Count(body(t, get(t, mux, "/r/consent-failed/allow")), "ä"); got != maxDetail {
		t.Errorf("the page shows %d characters of error_description, want %d", got, maxDetail)
	}
}

func TestON13_TokenIsInNoLogLine(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	mux := newMux(t, func(c *Config) { c.Logger = logger })
	const canary = "cAnArYcAnArYcAnArYcAnArYcAnArYcAnArYcAnArYc"
	for _, path := range []string{"/c/" + canary, "/c/" + canary + "/send", "/c/" + canary + "/nothing", "/callback/acme-sync?state=" + canary + "&code=" + canary, "/r/" + canary + "/status"} {
		get(t, mux, path)
		post(t, mux, path, "value="+canary)
	}
	failing := newMux(t, func(c *Config) { // an error of ours is logged with its route
		c.Logger = logger
		c.Onboarding = &recorder{open: func(string) (broker.Invitation, error) { return broker.Invitation{}, errors.New("the disk is full") }}
	})
	get(t, failing, "/c/"+canary)
	get(t, failing, "/c/"+canary+"/send")
	if strings.Contains(log.String(), canary) {
		t.Errorf("the log holds the token:\n%s", log.String())
	}
	for _, want := range []string{`"route":"GET /c/{token}"`, `"route":"GET /callback/{app}"`, `"msg":"request failed"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

// The POST moves on to an address that is named by the run, not by the token.
func TestON13_NoPageOfARunLinksToTheToken(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for _, s := range storybook.Screens() {
		if strings.HasPrefix(s.Path, "/c/") || s.Submits() {
			continue
		}
		_, doc := openScreen(t, mux, s)
		for _, n := range elements(doc, "a", "form") {
			if strings.HasPrefix(attribute(n, "href")+attribute(n, "action"), "/c/") {
				t.Errorf("%s leads to %q", s.Name, attribute(n, "href")+attribute(n, "action"))
			}
		}
	}
}

func TestON15_Only303AfterPost(t *testing.T) {
	t.Parallel()
	o := &recorder{Onboarding: storybook.Onboarding{Leads: netsuitePage}, callback: func(string, url.Values, string) (string, error) { return "two-to-do", nil }}
	mux := newMux(t, func(c *Config) { c.Onboarding = o })
	if got := get(t, mux, "/callback/acme-sync?state=x&code=y").StatusCode; got != http.StatusSeeOther {
		t.Errorf("callback = %d, want 303", got)
	}
	values := map[broker.ActionKind]string{broker.ActHolder: "value=87", broker.ActCertificate: "value=abc", broker.ActAccount: "value=1234567"}
	for _, kind := range actions {
		want := http.StatusSeeOther
		switch kind {
		case broker.ActHandover:
			want = http.StatusOK // the link is shown once, in the answer itself
		case broker.ActCancel:
			want = http.StatusConflict // refused by the canned run
		}
		if got := post(t, mux, "/r/two-to-do/"+string(kind), values[kind]).StatusCode; got != want {
			t.Errorf("POST %s = %d, want %d", kind, got, want)
		}
	}
	for _, path := range []string{"/c/welcome/", "/c/welcome/send", "/r/two-to-do/check/", "/r/two-to-do/", "/callback/acme-sync"} {
		if got := post(t, mux, path, "reconnect=1"); got.StatusCode == http.StatusTemporaryRedirect || got.StatusCode == http.StatusPermanentRedirect {
			t.Errorf("POST %s = %d to %q: the form would be sent again", path, got.StatusCode, got.Header.Get("Location"))
		}
	}
}
