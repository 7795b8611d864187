package netsuitetest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// busy keeps n requests under way until the returned function ends them.
func (w *world) busy(n int, send func() page) (free func()) {
	w.t.Helper()
	release := make(chan struct{})
	struck := make(chan struct{}, n)
	w.srv.Fault(netsuitetest.Fault{
		Kind: netsuitetest.FaultBlock, Times: n, Release: release, OnMatch: func(*http.Request) { struck <- struct{}{} },
	})
	var sent sync.WaitGroup
	for range n {
		sent.Go(func() {
			if p := send(); p.status != 200 {
				w.t.Errorf("a request under way: %d %s", p.status, p.body)
			}
		})
		<-struck
	}
	return sync.OnceFunc(func() {
		close(release)
		sent.Wait()
	})
}

func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	query := func() page { return w.suiteQL(consent.Access, anyRow) }
	restlet := func() page {
		return w.call(http.MethodGet, w.host("1234567", "restlets")+healthQuery, consent.Access, nil)
	}
	freeQueries := w.busy(3, query)
	defer freeQueries()
	freeRESTlets := w.busy(2, restlet)
	defer freeRESTlets()
	p := query()
	if p.status != 429 || p.restError(t) != "CONCURRENCY_LIMIT_EXCEEDED" || !strings.Contains(p.body, `"title":"Too Many Requests"`) || p.header.Get("Retry-After") != "" {
		t.Errorf("sixth request: %d %q %s", p.status, p.header.Get("Retry-After"), p.body)
	}
	if e := w.last(); e.OK || e.Running != 6 || !strings.Contains(e.Rule, "limit of 5") || e.ClientID != w.public.ClientID {
		t.Errorf("ledger: %+v", e)
	}
	if p := restlet(); p.status != 400 || p.restletError() != "SSS_REQUEST_LIMIT_EXCEEDED" {
		t.Errorf("RESTlet: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, w.host("1234567", "restlets")+healthQuery, consent.Access, nil, "Content-Type", "text/plain"); !strings.HasPrefix(p.body, "error code: SSS_REQUEST_LIMIT_EXCEEDED\n") {
		t.Errorf("RESTlet as text: %q", p.body)
	}
	// What does not count goes on.
	if got := w.login(w.confidential); got.status != 200 {
		t.Errorf("token endpoint: %d", got.status)
	}
	if p := w.call(http.MethodGet, w.certificatesURL(w.public), consent.Access, nil); p.status != 200 {
		t.Errorf("certificates: %d", p.status)
	}
	if p := w.suiteQL("stranger", anyRow); p.status != 401 {
		t.Errorf("a stranger: %d, want 401", p.status)
	}
	freeRESTlets()
	if p := query(); p.status != 200 || w.last().Running != 4 {
		t.Errorf("after two have gone: %d, running %d", p.status, w.last().Running)
	}
	freeQueries()
	if p := query(); p.status != 200 || w.last().Running != 1 {
		t.Errorf("after all have gone: %d, running %d", p.status, w.last().Running)
	}
}

func TestConcurrencyAllocation(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	other := w.login(w.confidential)
	a := w.account()
	for name, err := range map[string]error{
		"more than there is": a.AllocateConcurrency(w.public.ClientID, 6),
		"negative":           a.AllocateConcurrency(w.public.ClientID, -1),
		"nobody":             a.AllocateConcurrency("", 1),
	} {
		if err == nil {
			t.Errorf("allocation of %s: no error", name)
		}
	}
	must(t, a.AllocateConcurrency(w.public.ClientID, 2))
	must(t, a.AllocateConcurrency(w.public.ClientID, 3))
	if err := a.SetConcurrency(2); err == nil {
		t.Error("a limit below what is allocated: no error")
	}
	limits := func(tok tokens) (m map[string]any) {
		p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/governanceLimits", tok.Access, nil)
		if err := json.Unmarshal([]byte(p.body), &m); err != nil {
			t.Fatalf("limits: %d %s", p.status, p.body)
		}
		return m
	}
	if m := limits(consent); m["accountConcurrencyLimit"] != 5.0 || m["accountUnallocatedConcurrencyLimit"] != 2.0 ||
		m["integrationConcurrencyLimit"] != 3.0 || m["integrationLimitType"] != "integrationSpecific" {
		t.Errorf("limits with a share: %v", m)
	}
	if m := limits(other); m["accountUnallocatedConcurrencyLimit"] != 2.0 || m["integrationConcurrencyLimit"] != nil || m["integrationLimitType"] != "accountLimit" {
		t.Errorf("limits without one: %v", m)
	}
	defer w.busy(3, func() page { return w.suiteQL(consent.Access, anyRow) })()
	if p := w.suiteQL(consent.Access, anyRow); p.status != 429 || !strings.Contains(w.last().Rule, "allocated to this integration") {
		t.Errorf("over the share: %d, rule %q", p.status, w.last().Rule)
	}
	defer w.busy(2, func() page { return w.suiteQL(other.Access, anyRow) })()
	if p := w.suiteQL(other.Access, anyRow); p.status != 429 || !strings.Contains(w.last().Rule, "without an allocation") {
		t.Errorf("over the rest: %d, rule %q", p.status, w.last().Rule)
	}
	must(t, a.SetConcurrency(15))
	if p := w.suiteQL(other.Access, anyRow); p.status != 200 || w.last().Running != 6 {
		t.Errorf("after the limit is raised: %d, running %d", p.status, w.last().Running)
	}
	must(t, a.AllocateConcurrency(w.public.ClientID, 0))
	if p := w.suiteQL(consent.Access, anyRow); p.status != 200 {
		t.Errorf("after the share is taken back: %d", p.status)
	}
}

func TestConcurrencyUnlimited(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	must(t, w.account().SetConcurrency(-1))
	defer w.busy(20, func() page { return w.suiteQL(consent.Access, anyRow) })()
	if p := w.suiteQL(consent.Access, anyRow); p.status != 200 || w.last().Running != 21 {
		t.Errorf("21st request: %d, running %d", p.status, w.last().Running)
	}
	p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/governanceLimits", consent.Access, nil)
	if !strings.Contains(p.body, `"accountConcurrencyLimit":140`) {
		t.Errorf("limits: %s", p.body)
	}
	// An account of its own size from the start.
	accounts := smallAccounts()
	accounts[1].Concurrency = 1
	small := &world{t: t, srv: netsuitetest.Start(t, netsuitetest.Config{Accounts: accounts})}
	small.public = small.add(netsuitetest.Integration{Name: "A", CodeGrant: true, Public: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"}})
	tok := small.login(small.public)
	defer small.busy(1, func() page { return small.suiteQL(tok.Access, anyRow) })()
	if p := small.suiteQL(tok.Access, anyRow); p.status != 429 {
		t.Errorf("second request of an account with a limit of 1: %d", p.status)
	}
	must(t, small.account().SetConcurrency(0))
	if p := small.suiteQL(tok.Access, anyRow); p.status != 200 {
		t.Errorf("second request under the default limit: %d", p.status)
	}
}

// TestConcurrencyRefusals: the other forms in which the limit was reported, and the token endpoint when it counts.
func TestConcurrencyRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		form            string
		status, restlet int
		code, scriptErr string
	}{
		{"503", 503, 503, "CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED"},
		{"401", 401, 401, "INVALID_LOGIN", "INVALID_LOGIN_ATTEMPT"},
		{"429", 429, 400, "CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED"},
	} {
		w, k, consent := machine(t, netsuitetest.Settings{
			ConcurrencyRefusal: tt.form, ConcurrencyRetryAfter: "7", ConcurrencyRefusalDelay: time.Millisecond, TokenCountsConcurrency: true,
		})
		must(t, w.account().SetConcurrency(1))
		form := m2mForm(w.assertion(k).sign(t, k.private))
		free := w.busy(1, func() page { return w.suiteQL(consent.Access, anyRow) })
		if p := w.suiteQL(consent.Access, anyRow); p.status != tt.status || p.restError(t) != tt.code || p.header.Get("Retry-After") != "7" {
			t.Errorf("%s: %d %q %s", tt.form, p.status, p.header.Get("Retry-After"), p.body)
		}
		if p := w.call(http.MethodGet, w.host("1234567", "restlets")+healthQuery, consent.Access, nil); p.status != tt.restlet || p.restletError() != tt.scriptErr {
			t.Errorf("%s, RESTlet: %d %s", tt.form, p.status, p.body)
		}
		if got := w.token(form, ""); got.status != tt.status || got.Access != "" {
			t.Errorf("%s, token endpoint: %d, want %d", tt.form, got.status, tt.status)
		}
		free()
		if got := w.token(form, ""); got.status != 200 || w.last().Running != 1 {
			t.Errorf("%s, token endpoint afterwards: %d, running %d", tt.form, got.status, w.last().Running)
		}
	}
	if _, err := netsuitetest.New(netsuitetest.Config{Settings: netsuitetest.Settings{ConcurrencyRefusal: "418"}}); err == nil {
		t.Error("an unknown form was taken")
	}
}

// TestPlaceIsGivenBack: however a request ends, it holds its place no longer than its answer.
func TestPlaceIsGivenBack(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	must(t, w.account().SetConcurrency(1))
	w.srv.HandleRESTlet("customscript_acme_health", func(netsuitetest.RESTletCall) (any, error) { panic("broken script") })
	for _, kind := range []netsuitetest.FaultKind{netsuitetest.FaultCutBefore, netsuitetest.FaultCutAfter, netsuitetest.FaultCutBody} {
		w.srv.Fault(netsuitetest.Fault{Kind: kind, Times: 1})
		if err := w.tries(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", consent.Access); err == nil {
			t.Errorf("%s: the answer came whole", kind)
		}
	}
	if err := w.tries(http.MethodGet, w.host("1234567", "restlets")+healthQuery, consent.Access); err == nil {
		t.Error("a panic of the script gave an answer")
	}
	for range 3 {
		if p := w.suiteQL(consent.Access, anyRow); p.status != 200 {
			t.Errorf("afterwards: %d %s", p.status, p.body)
		}
	}
}

// TestManyClients: 200 requests through 5 places, each tried until it is let in.
func TestManyClients(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	client := w.client()
	u := w.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for done := 0; done < 10; {
				req, err := http.NewRequest(http.MethodGet, u, nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+consent.Access)
				switch p := (&browser{t: t, client: client}).do(req); p.status {
				case 200:
					done++
				case 429:
				default:
					t.Errorf("%d %s", p.status, p.body)
					return
				}
			}
		})
	}
	all.Wait()
	good := w.srv.Ledger().Entries(func(e netsuitetest.Entry) bool { return strings.HasSuffix(e.Path, "serverTime") && e.OK })
	for _, e := range good {
		if e.Running < 1 || e.Running > 5 {
			t.Errorf("%d requests were answered at once", e.Running)
		}
	}
	if len(good) != 200 {
		t.Errorf("%d good requests, want 200", len(good))
	}
}

func TestAdminGovernance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	face := w.srv.URL() + "/_emulator/"
	type m = map[string]any
	for _, tt := range []struct {
		path   string
		body   m
		status int
	}{
		{"accounts/1234567/concurrency", m{"limit": 2}, 200},
		{"accounts/1234567/allocate", m{"client_id": w.public.ClientID, "limit": 2}, 200},
		{"accounts/1234567/allocate", m{"client_id": w.public.ClientID, "limit": 3}, 400},
		{"accounts/1234567/concurrency", m{"limit": 1}, 400},
		{"skew", m{"by": "90s"}, 200},
		{"skew", m{"by": "soon"}, 400},
	} {
		if p := w.call(http.MethodPost, face+tt.path, "", tt.body); p.status != tt.status {
			t.Errorf("%s %v: %d %s, want %d", tt.path, tt.body, p.status, p.body, tt.status)
		}
	}
	tok := w.login(w.confidential)
	if p := w.suiteQL(tok.Access, anyRow); p.status != 429 {
		t.Errorf("everything is allocated to another: %d, want 429", p.status)
	}
}

// TestSkewDate: NetSuite's clock is one; what ages keeps to the emulator's.
func TestSkewDate(t *testing.T) {
	t.Parallel()
	w, k, consent := machine(t)
	serverTime := func() (date, told time.Time) {
		p := w.call(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", consent.Access, nil)
		date, err := http.ParseTime(p.header.Get("Date"))
		must(t, err)
		var answer struct{ ServerTime time.Time }
		must(t, json.Unmarshal([]byte(p.body), &answer))
		return date, answer.ServerTime
	}
	for _, skew := range []time.Duration{0, 20 * time.Minute, -20 * time.Minute} {
		w.srv.SkewDate(skew)
		date, told := serverTime()
		for name, at := range map[string]time.Time{"Date": date, "serverTime": told} {
			if off := at.Sub(w.srv.Clock().Now().Add(skew)).Abs(); off > 5*time.Second {
				t.Errorf("skew %s: %s is off by %s", skew, name, off)
			}
		}
		now := w.srv.Clock().Now().Unix()
		honest := w.m2m(w.assertion(k).with("claims", "iat", now).with("claims", "exp", now+600).sign(t, k.private))
		corrected := w.m2m(w.assertion(k).with("claims", "iat", now+int64(skew.Seconds())).with("claims", "exp", now+600+int64(skew.Seconds())).sign(t, k.private))
		if (honest.status == 200) != (skew == 0) || corrected.status != 200 {
			t.Errorf("skew %s: assertion by the client's clock %d, by NetSuite's %d", skew, honest.status, corrected.status)
		}
	}
	w.srv.SkewDate(3 * time.Hour)
	if p := w.suiteQL(consent.Access, anyRow); p.status != 200 {
		t.Errorf("a token has aged with the skew: %d", p.status)
	}
	w.srv.SkewDate(0)
	w.srv.Clock().Advance(10 * time.Minute)
	if date, _ := serverTime(); date.Sub(w.srv.Clock().Now()).Abs() > 5*time.Second {
		t.Error("Date does not follow the emulator's clock")
	}
}

func TestFaultKinds(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	serverTime := w.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	get := func() page { return w.call(http.MethodGet, serverTime, consent.Access, nil) }

	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Skip: 2, Times: 1})
	for i, want := range []int{200, 200, 401, 200} {
		p := get()
		if p.status != want {
			t.Errorf("request %d: %d, want %d", i+1, p.status, want)
		}
		if want == 401 && (p.restError(t) != "INVALID_LOGIN" || w.last().Fault != "unauthorized" || w.last().AuditDetail != "") {
			t.Errorf("401 although valid: %s, %+v", p.body, w.last())
		}
	}
	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Times: 1})
	if p := w.call(http.MethodGet, w.host("1234567", "restlets")+healthQuery, consent.Access, nil); p.status != 401 || p.restletError() != "INVALID_LOGIN_ATTEMPT" {
		t.Errorf("RESTlet: %d %s", p.status, p.body)
	}
	remove := w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Times: 1})
	if p := w.call(http.MethodGet, w.system()+"/", "", nil); p.status != 404 {
		t.Errorf("a host without an account: %d, want 404", p.status)
	}
	remove() // nobody could log in there, so it still waits

	before := w.srv.Ledger().Count(func(netsuitetest.Entry) bool { return true })
	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutBody, Times: 1})
	if err := w.tries(http.MethodGet, serverTime, consent.Access); err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("cut body: %v, want an unexpected EOF", err)
	}
	if e := w.last(); e.N != before+1 || e.Fault != "cut-body" || e.Status != 200 || !e.OK {
		t.Errorf("ledger of a cut body: %+v", e)
	}

	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultContentType, Times: 1})
	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultContentType, Times: 1, ContentType: "application/xml"})
	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Times: 1, Status: 502, Body: "<h1>Bad Gateway</h1>", ContentType: "text/html; charset=utf-8"})
	for _, want := range []string{"text/html", "application/xml", "text/html; charset=utf-8"} {
		if p := get(); p.header.Get("Content-Type") != want || p.body == "" {
			t.Errorf("content type %q, want %q", p.header.Get("Content-Type"), want)
		}
	}
	if p := get(); p.status != 200 || strings.Contains(p.header.Get("Content-Type"), "text/html") {
		t.Errorf("afterwards: %d %q", p.status, p.header.Get("Content-Type"))
	}
}

func TestAdminFaultKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.host("1234567", "suitetalk") + authPath + "/keys"
	for _, body := range []map[string]any{
		{"kind": "content-type", "content_type": "text/csv", "skip": 1, "times": 1, "path": "/keys"},
		{"kind": "unauthorized", "times": 1, "path": "/keys", "account": "1234567"},
		{"kind": "cut-body", "times": 1, "path": "/keys"},
	} {
		if p := w.call(http.MethodPost, w.srv.URL()+"/_emulator/faults", "", body); p.status != 200 {
			t.Errorf("%v: %d %s", body, p.status, p.body)
		}
	}
	if p := w.call(http.MethodPost, w.srv.URL()+"/_emulator/faults", "", map[string]any{"kind": "cut-body", "skip": -1}); p.status != 400 {
		t.Errorf("negative skip: %d", p.status)
	}
	if p := w.call(http.MethodGet, keys, "", nil); p.status != 401 {
		t.Errorf("first: %d, want 401", p.status)
	}
	if p := w.call(http.MethodGet, keys, "", nil); p.header.Get("Content-Type") != "text/csv" {
		t.Errorf("second: %q, want text/csv", p.header.Get("Content-Type"))
	}
	if err := w.tries(http.MethodGet, keys, ""); err == nil {
		t.Error("third: the answer came whole")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
