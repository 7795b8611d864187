package netsuitetest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// lived is an emulator with something of everything.
type lived struct {
	*world
	key      key
	machine  tokens
	consent  tokens
	code     string
	browser  *browser
	flow     page // an authorization at its consent page
	tba      oauth1
	snapshot *netsuitetest.Snapshot
}

func newLived(t *testing.T) *lived {
	t.Helper()
	w, k, consent := machine(t, netsuitetest.Settings{AssertionReplayCheck: true})
	l := &lived{world: w, key: k, consent: consent, code: w.code(w.confidential), tba: w.signer(admin, "administrator")}
	l.machine = w.m2m(w.assertion(k).sign(t, k.private))
	l.browser = w.browser()
	l.browser.submit(l.browser.get(w.host("1234567", "app")+"/app/center/card.nl"), url.Values{"email": {admin}, "password": {"x"}})
	l.flow = l.browser.get(authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public)))
	must(t, w.account().SetConcurrency(20))
	must(t, w.account().AllocateConcurrency(w.public.ClientID, 7))
	must(t, w.account().SetFeature("CUSTOMCODE", false))
	w.account().RequireApproval(true)
	w.srv.SkewDate(time.Second)
	var err error
	l.snapshot, err = w.srv.Snapshot()
	must(t, err)
	return l
}

// spoil changes everything that the snapshot holds.
func (l *lived) spoil() {
	must(l.t, l.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("expires_in_type", "number") }))
	l.srv.Clock().Advance(200 * 24 * time.Hour)
	l.srv.SkewDate(0)
	a := l.account()
	a.Refresh()
	must(l.t, a.UninstallBundle(123456))
	must(l.t, a.SetEmployeeInactive(admin, true))
	must(l.t, a.SetFeature("OAUTH2", false))
	must(l.t, a.AllocateConcurrency(l.public.ClientID, 0))
	must(l.t, a.BlockIntegration(l.public.ClientID))
	l.add(netsuitetest.Integration{Name: "Later", ClientCredentials: true, Scopes: []string{"restlets"}})
}

// alive looks at all of it, in any emulator that listens where the world's does.
func (l *lived) alive(when string) {
	l.t.Helper()
	timeAt := l.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	for name, bearer := range map[string]string{"consent": l.consent.Access, "machine": l.machine.Access} {
		if p := l.call(http.MethodGet, timeAt, bearer, nil); p.status != 200 {
			l.t.Errorf("%s: token of the %s: %d, %s", when, name, p.status, l.last().Rule)
		}
	}
	if p := l.call(http.MethodGet, timeAt, "", nil, "Authorization", l.tba.header("GET", timeAt)); p.status != 200 {
		l.t.Errorf("%s: TBA token: %d %s", when, p.status, l.last().Rule)
	}
	if got := l.token(refreshForm(l.public, l.consent.Refresh), ""); got.status != 200 {
		l.t.Errorf("%s: refresh: %s", when, got.Error)
	}
	got := l.token(l.exchangeForm(l.confidential, l.code), basicOf(l.confidential))
	if _, text := got.Expires.(string); got.status != 200 || !text {
		l.t.Errorf("%s: code: %d %s, expires_in %v", when, got.status, got.Error, got.Expires)
	}
	if got := l.m2m(l.assertion(l.key).sign(l.t, l.key.private)); got.status != 200 {
		l.t.Errorf("%s: certificate: %s", when, got.Error)
	}
	if p := l.suiteQL(l.consent.Access, "SELECT scriptid FROM customrecordtype"); !strings.Contains(p.body, "CUSTOMRECORD_ACME") {
		l.t.Errorf("%s: bundle's record type: %s", when, p.body)
	}
	if p := l.call(http.MethodGet, l.host("1234567", "suitetalk")+"/services/rest/system/v1/governanceLimits", l.consent.Access, nil); !strings.Contains(p.body, `"integrationConcurrencyLimit":7`) {
		l.t.Errorf("%s: limits: %s", when, p.body)
	}
	if p := l.browser.submit(l.flow, url.Values{"action": {"allow"}}); !strings.Contains(p.header.Get("Location"), "code=") {
		l.t.Errorf("%s: authorization under way: %d %s", when, p.status, p.header.Get("Location"))
	}
	if l.account().Feature("CUSTOMCODE") || len(l.account().LoginAuditTrail()) == 0 {
		l.t.Errorf("%s: feature or audit trail", when)
	}
}

// TestSnapshotAndRestore: what lived when the snapshot was taken lives again, as often as one wants.
func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	l := newLived(t)
	kid := keyIDs(l.world)
	for _, when := range []string{"restored", "restored again"} {
		l.spoil()
		if p := l.call(http.MethodGet, l.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", l.consent.Access, nil); p.status == 200 {
			t.Fatal("nothing is spoiled")
		}
		must(t, l.srv.Restore(l.snapshot))
		l.alive(when)
		if keyIDs(l.world) != kid {
			t.Errorf("%s: other signing keys", when)
		}
	}
	// A spent one-time code is spent where it was spent.
	spent, err := l.srv.Snapshot()
	must(t, err)
	must(t, l.srv.Restore(spent))
	if got := l.token(l.exchangeForm(l.confidential, l.code), basicOf(l.confidential)); got.Error != "invalid_grant" {
		t.Errorf("a used code after restoring: %d", got.status)
	}
}

func keyIDs(w *world) string {
	return w.call(http.MethodGet, w.host("1234567", "suitetalk")+authPath+"/keys", "", nil).body
}

// TestSavedState: a file carries the state into another emulator, and only its owner can read it.
func TestSavedState(t *testing.T) {
	t.Parallel()
	l := newLived(t)
	path := filepath.Join(t.TempDir(), "state.json.gz")
	must(t, l.srv.SaveState(path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v %v, want mode 0600", info, err)
	}
	other := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	must(t, other.LoadState(path))
	if got, want := other.Settings(), l.srv.Settings(); got.AssertionReplayCheck != want.AssertionReplayCheck {
		t.Error("the settings did not come along")
	}
	l.srv = other
	_, port, _ := strings.Cut(strings.TrimPrefix(other.URL(), "http://"), ":")
	l.browser.client.Transport = l.client().Transport
	l.flow.url.Host = "1234567.app.localhost:" + port
	l.tba.at = other.Clock().Now()
	l.alive("in another emulator")
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file: %v", entries)
	}
	for name, err := range map[string]error{
		"no folder": other.SaveState(filepath.Join(t.TempDir(), "missing", "x")), "no file": other.LoadState(filepath.Join(t.TempDir(), "x")),
	} {
		if err == nil || !strings.Contains(err.Error(), "state") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReset: the start state, with what the configuration put there; faults and ledger are gone, the signing key stays.
func TestReset(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := &world{t: t, srv: netsuitetest.Start(t, netsuitetest.Config{
		Now: b.now, Accounts: []netsuitetest.AccountConfig{{ID: "1234567", Bundles: []int64{123456}, Customers: 5, Items: 5, SalesOrders: 5}, {ID: "2"}},
		Integrations: []netsuitetest.Integration{{
			Name: "Acme", ClientID: strings.Repeat("ab", 32), Public: true, CodeGrant: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"},
		}},
	})}
	w.public = netsuitetest.Integration{ClientID: strings.Repeat("ab", 32), Public: true}
	for range 2 {
		tok := w.login(w.public)
		kid := keyIDs(w)
		if p := w.call(http.MethodPost, w.host("1234567", "suitetalk")+"/services/rest/record/v1/customer", tok.Access, `{"companyName":"New"}`); p.status != 204 {
			t.Fatalf("create: %d %s", p.status, p.body)
		}
		must(t, w.account().UninstallBundle(123456))
		w.account().RequireApproval(true)
		_ = w.srv.Account("2").Employees() // opens it
		w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Status: 500})
		must(t, w.srv.Clock().Speed(100))
		w.srv.Clock().Advance(time.Minute)
		must(t, w.srv.Reset())
		if n := len(w.srv.Ledger().Entries()); n != 0 {
			t.Errorf("%d entries in the ledger", n)
		}
		if !w.srv.Clock().Now().Equal(b.now()) {
			t.Errorf("clock %s", w.srv.Clock().Now())
		}
		if p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", tok.Access, nil); p.status != 401 {
			t.Errorf("token after the reset: %d", p.status)
		}
		if !w.account().InstalledBundle(123456) || len(w.account().Grants()) != 0 {
			t.Error("bundle or grants are not as at the start")
		}
		if p := w.suiteQL(w.login(w.public).Access, "SELECT id FROM customer"); !strings.Contains(p.body, `"totalResults":5`) {
			t.Errorf("customers: %s", p.body)
		}
		if keyIDs(w) != kid {
			t.Error("the signing key changed")
		}
	}
}

// TestForeignSnapshots: other content is refused, and the emulator stays as it was.
func TestForeignSnapshots(t *testing.T) {
	t.Parallel()
	l := newLived(t)
	var file bytes.Buffer
	_, err := l.snapshot.WriteTo(&file)
	must(t, err)
	unpacked, err := gzip.NewReader(bytes.NewReader(file.Bytes()))
	must(t, err)
	var good map[string]any
	must(t, json.NewDecoder(unpacked).Decode(&good))
	account := func(v map[string]any) map[string]any { return v["Accounts"].([]any)[1].(map[string]any) }
	for name, spoil := range map[string]func(map[string]any){
		"other format":        func(v map[string]any) { v["Format"] = 2 },
		"unknown member":      func(v map[string]any) { v["Extra"] = 1 },
		"unknown setting":     func(v map[string]any) { v["Settings"] = map[string]string{"x": "y"} },
		"bad setting":         func(v map[string]any) { v["Settings"] = map[string]string{"code_ttl": "soon"} },
		"bad speed":           func(v map[string]any) { v["Clock"] = map[string]any{"Speed": -1} },
		"one account":         func(v map[string]any) { v["Accounts"] = v["Accounts"].([]any)[:1] },
		"another account":     func(v map[string]any) { account(v)["ID"] = "7654321" },
		"grant without ID":    func(v map[string]any) { account(v)["Grants"].([]any)[0].(map[string]any)["ID"] = "" },
		"code without grant":  func(v map[string]any) { account(v)["Codes"] = map[string]any{"c": map[string]any{"Grant": "nowhere"}} },
		"used code, no grant": func(v map[string]any) { account(v)["Codes"] = map[string]any{"c": map[string]any{"Used": true}} },
		"token digest":        func(v map[string]any) { account(v)["Tokens"] = map[string]any{"zz": map[string]any{"Kind": "access"}} },
		"refresh, no grant": func(v map[string]any) {
			account(v)["Tokens"] = map[string]any{strings.Repeat("00", 32): map[string]any{"Kind": "refresh"}}
		},
		"certificate key":    func(v map[string]any) { account(v)["Certificates"].([]any)[0].(map[string]any)["Public"] = "AAAA" },
		"signing key":        func(v map[string]any) { account(v)["Keys"].([]any)[0].(map[string]any)["Private"] = "AAAA" },
		"ticket of nobody":   func(v map[string]any) { account(v)["Tickets"] = map[string]string{"t": "nobody"} },
		"database":           func(v map[string]any) { account(v)["Company"].(map[string]any)["Database"] = "AAAA" },
		"integration":        func(v map[string]any) { v["Integrations"].([]any)[0].(map[string]any)["ClientID"] = "x" },
		"flow of no account": func(v map[string]any) { v["Flows"].([]any)[0].(map[string]any)["Account"] = "9" },
		"job from the future": func(v map[string]any) {
			account(v)["Company"].(map[string]any)["Jobs"] = []any{map[string]any{"ID": 9}}
		},
		"bundle, hostile name": func(v map[string]any) {
			account(v)["Company"].(map[string]any)["Bundles"] = []any{map[string]any{"ID": 1, "RecordTypes": []any{map[string]any{"ScriptID": `x"`}}}}
		},
	} {
		raw, err := json.Marshal(good)
		must(t, err)
		var v map[string]any
		must(t, json.Unmarshal(raw, &v))
		spoil(v)
		if raw, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
		snapshot, err := netsuitetest.ReadSnapshot(bytes.NewReader(pack(t, raw)))
		if err == nil {
			err = l.srv.Restore(snapshot)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "state") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, content := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "cut": file.Bytes()[:file.Len()/2], "no JSON": pack(t, []byte("hello")),
		"list": pack(t, []byte("[]")), "something behind": pack(t, []byte(`{"Format":1} {}`)),
	} {
		if _, err := netsuitetest.ReadSnapshot(bytes.NewReader(content)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	l.alive("after all refusals")
}

func pack(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzReadSnapshot(f *testing.F) {
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := srv.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Add([]byte(`{"Format":1,"Clock":{"Speed":1},"Accounts":[{"ID":"TSTDRV1000001"},{"ID":"1234567"},{"ID":"1234567_SB1"}]}`))
	f.Add([]byte(`{"Format":1,"Settings":{"code_ttl":"1h"},"Accounts":[{"ID":"1234567","Tokens":{"00":{}}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		snapshot, err := netsuitetest.ReadSnapshot(bytes.NewReader(pack(t, raw)))
		if err == nil && srv.Restore(snapshot) == nil {
			if again, err := srv.Snapshot(); err != nil || srv.Restore(again) != nil {
				t.Errorf("what was restored cannot be saved: %v", err)
			}
		}
	})
}

// TestStateByHTTP: another process saves, loads and resets.
func TestStateByHTTP(t *testing.T) {
	t.Parallel()
	l := newLived(t)
	admin := func(method, path string, body any, headers ...string) page {
		return l.call(method, l.srv.URL()+"/_emulator/"+path, "", body, headers...)
	}
	file := admin(http.MethodGet, "state", nil)
	if file.status != 200 || file.header.Get("Content-Type") != "application/gzip" {
		t.Fatalf("save: %d %v", file.status, file.header)
	}
	l.spoil()
	if p := admin(http.MethodPut, "state", file.body, "Content-Type", "application/gzip"); p.status != 200 {
		t.Fatalf("load: %d %s", p.status, p.body)
	}
	l.alive("loaded")
	for name, p := range map[string]page{
		"as JSON":    admin(http.MethodPut, "state", file.body),
		"nonsense":   admin(http.MethodPut, "state", "x", "Content-Type", "application/gzip"),
		"other site": admin(http.MethodPut, "state", file.body, "Content-Type", "application/gzip", "Sec-Fetch-Site", "cross-site"),
		"reset":      admin(http.MethodPost, "reset", `{"all":true}`),
	} {
		if p.status != 400 && p.status != 403 {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if p := admin(http.MethodPost, "reset", "{}"); p.status != 200 || len(l.account().Grants()) != 0 {
		t.Errorf("reset: %d %s", p.status, p.body)
	}
}

// TestResetWaitsForRequests: a request being answered is answered in one state; those that a fault holds are not waited for.
func TestResetWaitsForRequests(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	free := w.busy(1, func() page {
		return w.call(http.MethodGet, w.srv.URL()+"/rest/datacenterurls?account=1234567", consent.Access, nil)
	})
	must(t, w.srv.Reset())
	free()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", consent.Access, nil)
		}
	}()
	for range 20 {
		must(t, w.srv.Reset())
	}
	<-done
}

// TestEmulatorsDoNotMeet: several in one process share no state, however alike they are.
func TestEmulatorsDoNotMeet(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tok := w.login(w.public)
			for range n {
				if p := w.call(http.MethodPost, w.host("1234567", "suitetalk")+"/services/rest/record/v1/customer", tok.Access, `{"companyName":"New"}`); p.status != 204 {
					t.Fatalf("create: %d %s", p.status, p.body)
				}
			}
			must(t, w.srv.Clock().Speed(float64(n+1)))
			must(t, w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { s.CodeTTL = time.Duration(n+1) * time.Hour; return nil }))
			if p := w.suiteQL(tok.Access, "SELECT id FROM customer"); !strings.Contains(p.body, fmt.Sprintf(`"totalResults":%d`, 20+n)) {
				t.Errorf("emulator %d: %s", n, p.body)
			}
			if got := w.srv.Settings().CodeTTL; got != time.Duration(n+1)*time.Hour {
				t.Errorf("emulator %d: code_ttl %s", n, got)
			}
		})
	}
}

func BenchmarkReset(b *testing.B) {
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{{ID: "1234567", Bundles: []int64{123456}}}})
	if err != nil {
		b.Fatal(err)
	}
	snapshot, err := srv.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "state")
	if err := srv.SaveState(path); err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"reset":    srv.Reset,
		"restore":  func() error { return srv.Restore(snapshot) },
		"snapshot": func() error { _, err := srv.Snapshot(); return err },
		"save":     func() error { return srv.SaveState(path) },
		"load":     func() error { return srv.LoadState(path) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if err := srv.Close(); err != nil {
		b.Fatal(err)
	}
}
