package netsuitetest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestFacePages renders each of the emulator's own pages, with and without content.
func TestFacePages(t *testing.T) {
	t.Parallel()
	busy, k, _ := machine(t)
	busy.m2m(busy.assertion(k).sign(t, k.private))
	busy.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultObserve, Skip: 2})
	for _, w := range []*world{busy, newWorld(t)} {
		b := w.browser()
		for path, step := range map[string]string{
			"": "index", "accounts/1234567/": "account", "accounts/1234567-sb1/": "account", "accounts/TSTDRV1000001/": "account", "ledger": "ledger",
			"faults.html": "faults", "clock.html": "clock", "settings.html": "settings", "accounts/nobody/": "error", "ledger/99999": "error",
		} {
			p := b.get(w.srv.URL() + "/_emulator/" + path)
			checkPage(t, p, step)
			if strings.Contains(p.body, "Log out") {
				t.Errorf("%s: the face has no log-in", path)
			}
		}
	}
	p := busy.browser().get(busy.srv.URL() + "/_emulator/settings.html")
	for _, want := range []string{"code_ttl", "1m0s", "invalid_grant"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("settings lack %q", want)
		}
	}
}

// TestEnterAccount: the hub of an account logs anybody of the account in, and leads to one of its pages.
func TestEnterAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	enter := func(account, person, path string) page {
		t.Helper()
		return w.browser().post(w.srv.URL()+"/_emulator/accounts/"+account+"/enter", url.Values{"person": {person}, "page": {path}})
	}
	const m2m = "/app/setup/oauth2.0/m2msetup.nl"
	for _, tt := range []struct {
		name, account, person, path string
		status                      int
		step                        string
	}{
		{"administrator", "1234567", admin, m2m, 200, "m2m"},
		{"sandbox", "1234567_SB1", admin, m2m, 200, "m2m"},
		{"vendor", "tstdrv1000001", admin, m2m, 200, "m2m"},
		{"without the permission", "1234567", sales, m2m, 403, "error"},
		{"no page", "1234567", admin, "", 200, "home"},
		{"page elsewhere", "1234567", admin, "https://evil.example/app/", 200, "home"},
		{"page of the face", "1234567", admin, "/_emulator/", 200, "home"},
		{"without a role", "1234567", robot, m2m, 400, "error"},
		{"nobody", "1234567", "x@globex.example", m2m, 400, "error"},
		{"hostile", "1234567", hostile, hostile, 400, "error"},
		{"huge", "1234567", strings.Repeat("x", 100_000), m2m, 400, "error"},
		{"no such account", "7654321", admin, m2m, 404, "error"},
	} {
		p := enter(tt.account, tt.person, tt.path)
		checkHarmless(t, p)
		if p.status != tt.status || p.step() != tt.step {
			t.Errorf("%s: %d %q, want %d %q", tt.name, p.status, p.step(), tt.status, tt.step)
		}
	}
}

// TestTicketOnce: the way in works once, for one account, and only when it was opened.
func TestTicketOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, err := http.NewRequest(http.MethodPost, w.srv.URL()+"/_emulator/accounts/1234567/enter", strings.NewReader(url.Values{"person": {admin}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	p := w.browser().do(req)
	to := p.header.Get("Location")
	ticket, err := url.Parse(to)
	if err != nil || p.status != http.StatusSeeOther || ticket.Query().Get("ticket") == "" {
		t.Fatalf("%d to %q", p.status, to)
	}
	if p := w.browser().get(w.host("1234567_SB1", "app") + ticket.RequestURI()); p.status != 400 {
		t.Errorf("at another account: %d, want 400", p.status)
	}
	if p := w.browser().get(to); p.step() != "home" {
		t.Errorf("first use: %d %q", p.status, p.step())
	}
	for name, address := range map[string]string{
		"second use": to, "no ticket": w.host("1234567", "app") + "/app/login/ticket.nl", "made up": w.host("1234567", "app") + "/app/login/ticket.nl?ticket=" + url.QueryEscape(hostile),
	} {
		p := w.browser().get(address)
		checkHarmless(t, p)
		if p.status != 400 || len(p.header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d, cookies %v, want 400 and none", name, p.status, p.header["Set-Cookie"])
		}
	}
}

// TestFaceForms refuses forms of other sites, on every form of the emulator's own pages.
func TestFaceForms(t *testing.T) {
	t.Parallel()
	w, _, _ := machine(t)
	for _, path := range []string{"accounts/1234567/enter", "accounts/1234567/refresh.html", "faults.html", "clock.html"} {
		form := url.Values{"person": {admin}, "action": {"advance"}, "advance": {"1h"}, "kind": {"unauthorized"}}
		req, err := http.NewRequest(http.MethodPost, w.srv.URL()+"/_emulator/"+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if p := w.browser().do(req); p.status != 403 {
			t.Errorf("%s from another site: %d, want 403", path, p.status)
		}
		req, err = http.NewRequest(http.MethodPost, w.srv.URL()+"/_emulator/"+path, strings.NewReader(`{"action":"advance"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if p := w.browser().do(req); p.status != 400 {
			t.Errorf("%s with JSON: %d, want 400", path, p.status)
		}
	}
	if len(w.account().Certificates()) != 1 {
		t.Error("something was changed")
	}
	w.browser().post(w.srv.URL()+"/_emulator/accounts/1234567/refresh.html", url.Values{})
	if len(w.account().Certificates()) != 0 {
		t.Error("the sandbox refresh left certificates")
	}
}

func TestFaultsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, address := w.browser(), w.srv.URL()+"/_emulator/faults.html"
	keys := func() int {
		return w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/keys", "", nil).status
	}
	good := url.Values{"kind": {"status"}, "status": {"503"}, "path": {"/keys"}, "account": {"1234567"}, "times": {"0"}, "method": {"GET"}, "skip": {"1"}}
	p := b.post(address, good)
	if !strings.Contains(p.body, "<code>status</code> in 1234567, GET <code>/keys</code>: 0 fitted, 0 met it") {
		t.Errorf("the fault is not listed:\n%s", p.body)
	}
	if first, second := keys(), keys(); first != 200 || second != 503 {
		t.Errorf("keys: %d, then %d, want 200 and 503", first, second)
	}
	if p := b.post(address, url.Values{"action": {"clear"}}); !strings.Contains(p.body, "None. Every request") || keys() != 200 {
		t.Errorf("after Remove:\n%s", p.body)
	}
	for _, tt := range []struct {
		name  string
		form  url.Values
		field string
	}{
		{"nothing", url.Values{}, "kind"},
		{"unknown kind", with(good, "kind", "earthquake"), "kind"},
		{"kind for Go only", with(good, "kind", "block"), "kind"},
		{"no status", with(good, "status", ""), "status"},
		{"status too large", with(good, "status", "600"), "status"},
		{"status in words", with(good, "status", "often"), "status"},
		{"negative", with(good, "times", "-1"), "times"},
		{"huge", with(good, "skip", strings.Repeat("9", 50)), "skip"},
		{"delay in words", url.Values{"kind": {"delay"}, "delay": {"soon"}}, "delay"},
		{"a field that the kind does not read", with(good, "role", "customrole_x"), "role"},
		{"unknown account", with(good, "account", "7654321"), "account"},
		{"hostile", url.Values{"kind": {hostile}, "path": {hostile}, "method": {hostile}, "body": {hostile}, "content_type": {hostile}, "retry_after": {hostile}}, "kind"},
	} {
		p := b.post(address, tt.form)
		checkHarmless(t, p)
		if p.status != 400 || p.step() != "faults" || p.wrongAt() != tt.field || !strings.Contains(p.body, `role="alert"`) {
			t.Errorf("%s: %d %q, complaint at %q, want 400 and %q:\n%s", tt.name, p.status, p.step(), p.wrongAt(), tt.field, p.body)
		}
	}
	if got := keys(); got != 200 {
		t.Errorf("keys after refused forms: %d, want 200", got)
	}
}

func TestClockPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, address := w.browser(), w.srv.URL()+"/_emulator/clock.html"
	before := w.srv.Clock().Now()
	b.post(address, url.Values{"action": {"advance"}, "advance": {"48h"}})
	if got := w.srv.Clock().Now().Sub(before); got < 48*time.Hour {
		t.Errorf("moved by %s, want 48h", got)
	}
	p := b.post(address, url.Values{"action": {"set"}, "set": {"2027-06-01T00:00:00+02:00"}})
	if got := w.srv.Clock().Now(); got.Year() != 2027 || got.Month() != time.May || !strings.Contains(p.body, "2027-05-31 22:00") {
		t.Errorf("set to %s:\n%s", got, p.body)
	}
	p = b.post(address, url.Values{"action": {"skew"}, "skew": {"10m"}})
	if date, err := http.ParseTime(p.header.Get("Date")); err != nil || date.Sub(w.srv.Clock().Now()) < 9*time.Minute {
		t.Errorf("Date after the skew: %q, clock %s", p.header.Get("Date"), w.srv.Clock().Now())
	}
	at := w.srv.Clock().Now()
	for _, tt := range []struct {
		name  string
		form  url.Values
		field string
	}{
		{"nothing", url.Values{}, ""},
		{"unknown action", url.Values{"action": {"stop"}}, ""},
		{"no duration", url.Values{"action": {"advance"}}, "advance"},
		{"duration in words", url.Values{"action": {"advance"}, "advance": {"soon"}}, "advance"},
		{"huge duration", url.Values{"action": {"advance"}, "advance": {strings.Repeat("9", 60) + "h"}}, "advance"},
		{"time without zone", url.Values{"action": {"set"}, "set": {"2027-01-01 00:00"}}, "set"},
		{"hostile time", url.Values{"action": {"set"}, "set": {hostile}}, "set"},
		{"no skew", url.Values{"action": {"skew"}, "skew": {hostile}}, "skew"},
	} {
		p := b.post(address, tt.form)
		checkHarmless(t, p)
		if p.status != 400 || p.step() != "clock" || p.wrongAt() != tt.field {
			t.Errorf("%s: %d %q, complaint at %q, want 400 and %q", tt.name, p.status, p.step(), p.wrongAt(), tt.field)
		}
	}
	if moved := w.srv.Clock().Now().Sub(at); moved > time.Minute {
		t.Errorf("refused forms moved the clock by %s", moved)
	}
}
