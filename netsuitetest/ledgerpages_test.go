package netsuitetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuitetest"
)

var (
	entryLink = regexp.MustCompile(`<li><a href="/_emulator/ledger/(\d+)"`)
	olderLink = regexp.MustCompile(`<a href="([^"]+)">Older</a>`)
)

// numbers are the entries that a ledger page lists.
func (p page) numbers() []string {
	var out []string
	for _, m := range entryLink.FindAllStringSubmatch(p.body, -1) {
		out = append(out, m[1])
	}
	return out
}

func (w *world) ledger(query url.Values) page {
	w.t.Helper()
	return w.browser().get(w.srv.URL() + "/_emulator/ledger?" + query.Encode())
}

func TestLedgerSearch(t *testing.T) {
	t.Parallel()
	w, _, _ := machine(t)
	w.m2m("a.b.c")
	w.call(http.MethodGet, w.host("1234567_SB1", "suitetalk")+authPath+"/keys", "", nil)
	w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/nowhere", "", nil)
	for _, tt := range []struct {
		name  string
		query url.Values
		fits  func(netsuitetest.Entry) bool
	}{
		{"everything", url.Values{}, func(netsuitetest.Entry) bool { return true }},
		{"rule", url.Values{"q": {"CLIENT assertion"}}, func(e netsuitetest.Entry) bool { return strings.HasPrefix(e.Rule, "client assertion") }},
		{"grant type", url.Values{"q": {"authorization_code"}}, func(e netsuitetest.Entry) bool { return e.GrantType == "authorization_code" }},
		{"account", url.Values{"account": {"1234567-sb1"}}, func(e netsuitetest.Entry) bool { return e.Account == "1234567_SB1" }},
		{"path", url.Values{"path": {"/certificates"}}, func(e netsuitetest.Entry) bool { return strings.Contains(e.Path, "/certificates") }},
		{"broken", url.Values{"ok": {"false"}}, func(e netsuitetest.Entry) bool { return !e.OK }},
		{"broken, of a path", url.Values{"ok": {"false"}, "path": {"/token"}}, func(e netsuitetest.Entry) bool { return !e.OK && strings.HasSuffix(e.Path, "/token") }},
		{"nothing", url.Values{"q": {"no such words"}}, func(netsuitetest.Entry) bool { return false }},
		{"words apart", url.Values{"q": {"405 nowhere"}}, func(netsuitetest.Entry) bool { return false }},
	} {
		var want []string
		for _, e := range w.srv.Ledger().Entries() {
			if tt.fits(e) && !strings.HasPrefix(e.Path, "/_emulator/") && e.Path != "/emulator.css" {
				want = append(want, fmt.Sprint(e.N))
			}
		}
		slices.Reverse(want)
		p := w.ledger(tt.query)
		checkPage(t, p, "ledger")
		if got := p.numbers(); !slices.Equal(got, want) {
			t.Errorf("%s: entries %v, want %v", tt.name, got, want)
		}
	}
	if p := w.ledger(url.Values{"all": {"1"}, "path": {"/_emulator/ledger"}}); len(p.numbers()) == 0 {
		t.Error("all does not show the emulator's own face")
	}
	for name, query := range map[string]url.Values{
		"hostile": {"q": {hostile}, "account": {hostile}, "path": {hostile}, "ok": {hostile}, "before": {hostile}, "all": {hostile}},
		"huge":    {"q": {strings.Repeat("word ", 5_000)}, "before": {strings.Repeat("9", 400)}},
		"past":    {"before": {"-5"}, "ok": {"maybe"}},
	} {
		p := w.ledger(query)
		checkHarmless(t, p)
		if p.status != 200 || p.step() != "ledger" {
			t.Errorf("%s: %d %q, want 200", name, p.status, p.step())
		}
	}
}

// TestLedgerPaging: following Older from the newest page shows each entry once, also while new ones arrive.
func TestLedgerPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const requests = 123
	for range requests {
		w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/keys", "", nil)
	}
	b := w.browser()
	p := b.get(w.srv.URL() + "/_emulator/ledger?path=/keys&ok=true")
	seen := p.numbers()
	for range 10 {
		m := olderLink.FindStringSubmatch(p.body)
		if m == nil {
			break
		}
		w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/keys", "", nil)
		p = b.get(w.srv.URL() + strings.ReplaceAll(m[1], "&amp;", "&"))
		seen = append(seen, p.numbers()...)
	}
	if len(seen) != requests || seen[0] != fmt.Sprint(requests) || seen[len(seen)-1] != "1" || len(slices.Compact(slices.Clone(seen))) != requests {
		t.Errorf("%d entries from %s to %s, want %d", len(seen), seen[0], seen[len(seen)-1], requests)
	}
}

func TestLedgerEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	b.get(authorizeURL(w.host("1234567", "app"), with(authorizeQuery(w.public), "state", "short")))
	n := fmt.Sprint(w.last().N)
	p := b.get(w.srv.URL() + "/_emulator/ledger/" + n)
	checkPage(t, p, "entry")
	for _, want := range []string{
		"The rule it broke", "InvalidState", "not 22 to 1024 printable ASCII", w.public.ClientID, "Acme Sync", callback, "sha256:",
		"https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/subsect_158711892221.html",
	} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the entry's page lacks %q:\n%s", want, p.body)
		}
	}
	if strings.Contains(p.body, challenge(goodVerifier)) {
		t.Error("the entry's page shows the code challenge itself")
	}
	var e netsuitetest.Entry
	if p := b.get(w.srv.URL() + "/_emulator/ledger/" + n + "?json"); json.Unmarshal([]byte(p.body), &e) != nil || fmt.Sprint(e.N) != n || e.AuditDetail != "InvalidState" {
		t.Errorf("?json of the entry: %d %s", p.status, p.body)
	}
	var list []netsuitetest.Entry
	if p := b.get(w.srv.URL() + "/_emulator/ledger?ok=false&json"); json.Unmarshal([]byte(p.body), &list) != nil || len(list) != 1 {
		t.Errorf("?json of the ledger: %d %s", p.status, p.body)
	}
	for _, bad := range []string{"0", "-1", "99999", "x", strings.Repeat("9", 60), url.PathEscape(hostile)} {
		p := b.get(w.srv.URL() + "/_emulator/ledger/" + bad)
		checkHarmless(t, p)
		if p.status != 404 || p.step() != "error" {
			t.Errorf("entry %s: %d %q, want 404 error", bad, p.status, p.step())
		}
	}
	w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/"+url.PathEscape(hostile)+"?"+url.Values{"script": {hostile}, hostile: {"x"}}.Encode(), "", nil)
	checkHarmless(t, b.get(w.srv.URL()+"/_emulator/ledger/"+fmt.Sprint(w.last().N)))
	checkHarmless(t, b.get(w.srv.URL()+"/_emulator/ledger"))
}

// TestRFCSource: an RFC that a rule cites is linked to its section.
func TestRFCSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, p := w.enter(admin, newIntegration)
	b.post(p.url.String(), with(goodIntegration(), "redirect", callback+"#x"))
	const link = "https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2"
	if got := b.get(w.srv.URL() + "/_emulator/ledger/" + fmt.Sprint(w.last().N)); !strings.Contains(got.body, `href="`+link+`"`) {
		t.Errorf("the entry lacks %s:\n%s", link, got.body)
	}
}

// FuzzLedgerQuery: no query breaks the ledger's page or brings markup in.
func FuzzLedgerQuery(f *testing.F) {
	for _, q := range []string{"", "q=a&ok=false", "before=1", "account=1234567-sb1&all=1", "q=%3Cscript%3Ealert(1)%3C/script%3E", "path=%00", "before=99999999999999999999"} {
		f.Add(q)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/_emulator/ledger", nil)
		r.URL.RawQuery = query
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		if rec.Code != 200 || strings.Contains(rec.Body.String(), "<script") {
			t.Errorf("%q: %d %s", query, rec.Code, rec.Body)
		}
	})
}
