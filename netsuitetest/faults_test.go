package netsuitetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// faulty is a world with a machine client, whose requests are told as one line.
type faulty struct {
	*world
	key     key
	consent tokens
}

func newFaulty(t *testing.T) faulty {
	t.Helper()
	w, k, consent := machine(t)
	return faulty{w, k, consent}
}

// send tells the answer's status, media type and error code, or how the answer failed.
func (f faulty) send(req *http.Request) string {
	f.t.Helper()
	client := f.client()
	client.Transport.(*http.Transport).DisableKeepAlives = true // a kept connection would be tried again
	resp, err := client.Do(req)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "half an answer"
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", strings.TrimPrefix(kind, "application/"), " ", errorCode(body)))
}

// errorCode finds the code in the error forms of REST, RESTlets and OAuth.
func errorCode(body []byte) string {
	var e struct {
		Details []struct {
			Code string `json:"o:errorCode"`
		} `json:"o:errorDetails"`
		Error any `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	if len(e.Details) > 0 {
		return e.Details[0].Code
	}
	switch v := e.Error.(type) {
	case string:
		return v
	case map[string]any:
		return fmt.Sprint(v["code"])
	}
	return ""
}

func (f faulty) request(method, u, bearer string, body any) *http.Request {
	f.t.Helper()
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		must(f.t, err)
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, u, r)
	must(f.t, err)
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req
}

func (f faulty) timeURL() string {
	return f.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
}

// The requests that the faults are shown with.

func (f faulty) serverTime() string {
	return f.send(f.request(http.MethodGet, f.timeURL(), f.consent.Access, nil))
}

func (f faulty) restlet() string {
	return f.send(f.request(http.MethodGet, f.host("1234567", "restlets")+healthQuery, f.consent.Access, nil))
}

func (f faulty) domains() string {
	return f.send(f.request(http.MethodGet, "http://rest.netsuite.com/rest/datacenterurls?account=1234567", "", nil))
}

// certificate uploads a new certificate, and tells whether it was taken.
func (f faulty) certificate() string {
	role, entity := f.ids(robot, acmeRole)
	before := f.account().ActiveCertificates(f.public.ClientID)
	got := f.send(f.request(http.MethodPost, f.certificatesURL(f.public), f.consent.Access, upload{f.newKey().pem, role, entity}))
	if f.account().ActiveCertificates(f.public.ClientID) > before {
		return got + ", done"
	}
	return got + ", not done"
}

func (f faulty) machineToken() string {
	form := m2mForm(f.assertion(f.key).sign(f.t, f.key.private))
	req, err := http.NewRequest(http.MethodPost, f.tokenURL(), strings.NewReader(form.Encode()))
	must(f.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.send(req)
}

// keyIDs tells how many keys the account publishes, and whether the key of the consent's token is among them.
func (f faulty) keyIDs() string {
	p := f.call(http.MethodGet, f.host("1234567", "suitetalk")+authPath+"/keys", "", nil)
	var set struct{ Keys []struct{ Kid string } }
	must(f.t, json.Unmarshal([]byte(p.body), &set))
	mine := header(f.t, f.consent.Access)["kid"]
	there := slices.ContainsFunc(set.Keys, func(k struct{ Kid string }) bool { return k.Kid == mine })
	return fmt.Sprintf("%d keys, old one %t", len(set.Keys), there)
}

func header(t *testing.T, token string) map[string]any {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	return claims(t, "."+head+".")
}

// allowTwice presses Allow twice and tells what comes back.
func (f faulty) allowTwice() string {
	b := f.browser()
	p := b.get(authorizeURL(f.host("1234567", "app"), authorizeQuery(f.public)))
	for p.step() != "consent" {
		switch p.step() {
		case "login":
			p = b.submit(p, url.Values{"email": {admin}, "password": {"any"}})
		case "role":
			p = b.submit(p, url.Values{"role": {p.option("Administrator")}})
		default:
			f.t.Fatalf("page %q: %s", p.step(), p.body)
		}
	}
	back := func() url.Values {
		u, err := url.Parse(b.submit(p, url.Values{"action": {"allow"}}).header.Get("Location"))
		must(f.t, err)
		return u.Query()
	}
	first, second := back(), back()
	switch {
	case first.Get("code") == "":
		return "no callback"
	case second.Get("code") == "":
		return "one callback"
	case first.Get("state") != second.Get("state"):
		return "two states"
	case first.Get("code") == second.Get("code"):
		return "same code twice"
	}
	return "two codes"
}

// TestEveryFault: the same request gives the good answer without the fault and the bad one with it.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	ready, uploaded, granted := "200 vnd.oracle.resource+json", "200 json, done", "200 json"
	rows := []struct {
		fault     netsuitetest.Fault
		ask       func(faulty) string
		good, bad string
	}{
		{netsuitetest.Fault{Kind: netsuitetest.FaultCutBefore}, faulty.certificate, uploaded, "no answer, not done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter}, faulty.certificate, uploaded, "no answer, done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultCutBody}, faulty.certificate, uploaded, "half an answer, done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Status: 502, ContentType: "text/html"}, faulty.certificate, uploaded, "502 text/html, not done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultTooManyRequests}, faulty.serverTime, ready, "429 vnd.oracle.resource+json CONCURRENCY_LIMIT_EXCEEDED"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultServerError, Status: 503}, faulty.certificate, uploaded, "503 vnd.oracle.resource+json UNEXPECTED_ERROR, not done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized}, faulty.serverTime, ready, "401 vnd.oracle.resource+json INVALID_LOGIN"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultInvalidGrant}, faulty.machineToken, granted, "400 json invalid_grant"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultContentType}, faulty.certificate, uploaded, "200 text/html, done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultPlainText}, faulty.certificate, uploaded, "500 text/plain, not done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance}, faulty.certificate, uploaded, "503 text/html, not done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultWrongDataCentre}, faulty.restlet, "200 json", "302"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultAccountGone}, faulty.certificate, uploaded, "404 text/plain, not done"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultAccountGone, Account: "1234567"}, faulty.domains, "200 json", "404 json"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultDuplicateCallback}, faulty.allowTwice, "one callback", "same code twice"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultDuplicateCallback, Times: 1}, faulty.allowTwice, "one callback", "same code twice"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultSecondCode}, faulty.allowTwice, "one callback", "two codes"},

		{netsuitetest.Fault{Kind: netsuitetest.FaultClockSkew, Skew: -time.Hour}, faulty.machineToken, granted, "400 json invalid_request"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultKeyRollover}, faulty.keyIDs, "1 keys, old one true", "2 keys, old one true"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultKeyRollover, NoOverlap: true}, faulty.keyIDs, "1 keys, old one true", "1 keys, old one false"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultCertificateRevoked}, faulty.machineToken, granted, "400 json invalid_grant"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultRoleRemoved, Employee: robot, Role: acmeRole}, faulty.machineToken, granted, "400 json invalid_grant"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultEntityDisabled, Employee: robot}, faulty.machineToken, granted, "400 json invalid_grant"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultSandboxRefresh}, faulty.serverTime, ready, "401 vnd.oracle.resource+json INVALID_LOGIN"},
		{netsuitetest.Fault{Kind: netsuitetest.FaultSandboxRefresh}, faulty.machineToken, granted, "400 json invalid_grant"},
	}
	shown := map[netsuitetest.FaultKind]bool{
		// These three need functions of the test: TestWaitingFaults and TestIntegrationBlockedFault.
		netsuitetest.FaultObserve: true, netsuitetest.FaultDelay: true, netsuitetest.FaultBlock: true, netsuitetest.FaultIntegrationBlocked: true,
	}
	for _, tt := range rows {
		shown[tt.fault.Kind] = true
		t.Run(string(tt.fault.Kind), func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t)
			if got := tt.ask(f); got != tt.good {
				t.Fatalf("without the fault: %s, want %s", got, tt.good)
			}
			f.srv.Fault(tt.fault)
			if got := tt.ask(f); got != tt.bad {
				t.Errorf("with the fault: %s, want %s", got, tt.bad)
			}
			struck := func(e netsuitetest.Entry) bool { return e.Fault == string(tt.fault.Kind) }
			if f.srv.Ledger().Count(struck) == 0 {
				t.Error("the ledger does not name the fault")
			}
			f.srv.ClearFaults()
			if left := f.srv.Faults(); len(left) != 0 {
				t.Errorf("faults that were cleared: %+v", left)
			}
		})
	}
	for _, k := range netsuitetest.FaultKinds() {
		if !shown[k.Kind] {
			t.Errorf("fault %s is shown by no test", k.Kind)
		}
	}
}

// TestWaitingFaults: the client of a request that is held up goes away, as soon as the fault has struck.
func TestWaitingFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind      netsuitetest.FaultKind
		delay     time.Duration
		good, bad string
	}{
		{netsuitetest.FaultObserve, 0, "200 vnd.oracle.resource+json", "200 vnd.oracle.resource+json"},
		{netsuitetest.FaultDelay, time.Hour, "200 vnd.oracle.resource+json", "no answer"},
		{netsuitetest.FaultBlock, 0, "200 vnd.oracle.resource+json", "no answer"},
	} {
		f := newFaulty(t)
		ctx, leave := context.WithCancel(context.Background())
		ask := func() string {
			return f.send(f.request(http.MethodGet, f.timeURL(), f.consent.Access, nil).WithContext(ctx))
		}
		if got := ask(); got != tt.good {
			t.Errorf("%s, without the fault: %s", tt.kind, got)
		}
		struck := 0
		f.srv.Fault(netsuitetest.Fault{Kind: tt.kind, Delay: tt.delay, OnMatch: func(*http.Request) {
			struck++
			if tt.kind != netsuitetest.FaultObserve {
				leave()
			}
		}})
		if got := ask(); got != tt.bad || struck != 1 {
			t.Errorf("%s, with the fault: %s, struck %d times; want %s", tt.kind, got, struck, tt.bad)
		}
		leave()
	}
	f := newFaulty(t)
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultDelay, Delay: time.Millisecond, After: true})
	if got := f.certificate(); got != "200 json, done" {
		t.Errorf("a delay that ends: %s", got)
	}
}

func TestIntegrationBlockedFault(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultIntegrationBlocked, ClientID: f.public.ClientID, Skip: 1})
	for i, want := range []string{"200 vnd.oracle.resource+json", "401 vnd.oracle.resource+json INVALID_LOGIN"} {
		if got := f.serverTime(); got != want {
			t.Errorf("request %d: %s, want %s", i+1, got, want)
		}
	}
}

// TestStateAfter: the state changes between the effect and the answer, which is the race that a client must stand: the
// token that it has just got is dead.
func TestStateAfter(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultSandboxRefresh, Endpoint: "token", After: true})
	got := f.m2m(f.assertion(f.key).sign(t, f.key.private))
	if got.status != 200 {
		t.Fatalf("token: %d", got.status)
	}
	if p := f.suiteQL(got.Access, anyRow); p.status != 401 {
		t.Errorf("the token after the refresh: %d, want 401", p.status)
	}
	if left := f.srv.Faults(); len(left) != 0 {
		t.Errorf("a change of state acts once: %+v", left)
	}
}

// TestStateThatCannotChange: the request goes on, and the ledger says why nothing changed.
func TestStateThatCannotChange(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	for fault, want := range map[string]netsuitetest.Fault{
		"nobody has this e-mail":     {Kind: netsuitetest.FaultEntityDisabled, Employee: "nobody@globex.example"},
		"no such script ID":          {Kind: netsuitetest.FaultRoleRemoved, Employee: robot, Role: "customrole_x"},
		"no active certificate fits": {Kind: netsuitetest.FaultCertificateRevoked, CertificateID: "x"},
		"no such record":             {Kind: netsuitetest.FaultIntegrationBlocked, ClientID: "x"},
	} {
		f.srv.Fault(want)
		if got := f.serverTime(); got != "200 vnd.oracle.resource+json" || !strings.Contains(f.last().Fault, fault) {
			t.Errorf("%s: %s, ledger %q, want %q in it", want.Kind, got, f.last().Fault, fault)
		}
	}
}

// TestFaultForms: a refusal has the form of the service that was asked.
func TestFaultForms(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	must(t, f.account().AddScript(openSuitelet()))
	suitelet, err := f.account().SuiteletURL("customscript_form", "customdeploy_form")
	must(t, err)
	visit := func(f faulty) string { return f.send(f.request(http.MethodGet, suitelet, "", nil)) }
	page := func(f faulty) string {
		return f.send(f.request(http.MethodGet, f.host("1234567", "app")+"/app/center/card.nl", "", nil))
	}
	tooMany, down := netsuitetest.FaultTooManyRequests, netsuitetest.FaultServerError
	for _, tt := range []struct {
		kind netsuitetest.FaultKind
		ask  func(faulty) string
		want string
	}{
		{tooMany, faulty.restlet, "400 json SSS_REQUEST_LIMIT_EXCEEDED"},
		{tooMany, faulty.machineToken, "429 json too_many_requests"},
		{tooMany, visit, "429 text/html"},
		{tooMany, page, "429 text/html"},
		{tooMany, faulty.domains, "429 vnd.oracle.resource+json CONCURRENCY_LIMIT_EXCEEDED"},
		{down, faulty.restlet, "500 json UNEXPECTED_ERROR"},
		{down, faulty.machineToken, "500 json server_error"},
		{down, visit, "500 text/html"},
		{netsuitetest.FaultUnauthorized, faulty.restlet, "401 json INVALID_LOGIN_ATTEMPT"},
		{netsuitetest.FaultPlainText, faulty.machineToken, "500 text/plain"},
		{netsuitetest.FaultMaintenance, page, "503 text/html"},
	} {
		f.srv.Fault(netsuitetest.Fault{Kind: tt.kind, Times: 1})
		if got := tt.ask(f); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.kind, got, tt.want)
		}
	}
}

// TestRetryAfterForms: seconds, a date on NetSuite's clock, and nonsense.
func TestRetryAfterForms(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	get := func() string {
		return f.call(http.MethodGet, f.timeURL(), f.consent.Access, nil).header.Get("Retry-After")
	}
	for _, kind := range []netsuitetest.FaultKind{netsuitetest.FaultTooManyRequests, netsuitetest.FaultServerError, netsuitetest.FaultPlainText, netsuitetest.FaultMaintenance} {
		for _, form := range []string{"", "30", "soon"} {
			f.srv.Fault(netsuitetest.Fault{Kind: kind, Times: 1, RetryAfter: form})
			if got := get(); got != form {
				t.Errorf("%s: Retry-After %q, want %q", kind, got, form)
			}
		}
	}
	f.srv.SkewDate(time.Hour)
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultTooManyRequests, RetryAfter: "date:30s"})
	at, err := http.ParseTime(get())
	if ahead := at.Sub(f.srv.Clock().Now().Add(time.Hour)); err != nil || ahead < 25*time.Second || ahead > 31*time.Second {
		t.Errorf("as a date: %s ahead, %v", ahead, err)
	}
}

// TestFaultChoice: which of many requests a fault strikes. x is a request that is spoilt.
func TestFaultChoice(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	hit := netsuitetest.Fault{Kind: netsuitetest.FaultPlainText}
	series := func(fault netsuitetest.Fault, n int) string {
		remove := f.srv.Fault(fault)
		defer remove()
		var out strings.Builder
		for range n {
			if f.serverTime() == "500 text/plain" {
				out.WriteByte('x')
			} else {
				out.WriteByte('.')
			}
		}
		return out.String()
	}
	for want, change := range map[string]func(*netsuitetest.Fault){
		"xxxx":     func(*netsuitetest.Fault) {},
		"..xx":     func(f *netsuitetest.Fault) { f.Skip = 2 },
		"xx..":     func(f *netsuitetest.Fault) { f.Times = 2 },
		"..x..x..": func(f *netsuitetest.Fault) { f.Every = 3 },
		"...x.x..": func(f *netsuitetest.Fault) { f.Skip, f.Every, f.Times = 2, 2, 2 },
		".x......": func(f *netsuitetest.Fault) { f.Skip, f.Every, f.Times = 1, 1, 1 },
		"....":     func(f *netsuitetest.Fault) { f.Match = func(*http.Request) bool { return false } },
	} {
		fault := hit
		change(&fault)
		if got := series(fault, len(want)); got != want {
			t.Errorf("%+v: %s, want %s", fault, got, want)
		}
	}
	hit.Chance, hit.Seed = 0.5, 7
	first, again := series(hit, 60), series(hit, 60)
	hit.Seed = 8
	other := series(hit, 60)
	if n := strings.Count(first, "x"); first != again || first == other || n < 15 || n > 45 {
		t.Errorf("chance 0.5:\n%s seed 7\n%s seed 7\n%s seed 8", first, again, other)
	}
}

// TestFaultAim: which requests a fault is for.
func TestFaultAim(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	bare := func(f faulty) string {
		return f.send(f.request(http.MethodGet, f.srv.URL()+"/services/rest/system/v1/serverTime", f.consent.Access, nil))
	}
	refresh := func(f faulty) string {
		req, err := http.NewRequest(http.MethodPost, f.tokenURL(), strings.NewReader(refreshForm(f.public, "x").Encode()))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return f.send(req)
	}
	for _, tt := range []struct {
		aim  netsuitetest.Fault
		ask  func(faulty) string
		meet bool
	}{
		{netsuitetest.Fault{Account: "1234567"}, faulty.serverTime, true},
		{netsuitetest.Fault{Account: "1234567-sb1"}, faulty.serverTime, false},
		{netsuitetest.Fault{Account: "1234567"}, bare, true},
		{netsuitetest.Fault{Account: "1234567"}, faulty.domains, true},
		{netsuitetest.Fault{Account: "1234567_SB1"}, faulty.domains, false},
		{netsuitetest.Fault{Service: "suitetalk"}, faulty.serverTime, true},
		{netsuitetest.Fault{Service: "suitetalk"}, bare, true},
		{netsuitetest.Fault{Service: "restlets"}, bare, false},
		{netsuitetest.Fault{Service: "restlets"}, faulty.restlet, true},
		{netsuitetest.Fault{Service: "app"}, faulty.restlet, false},
		{netsuitetest.Fault{Endpoint: "system"}, faulty.serverTime, true},
		{netsuitetest.Fault{Endpoint: "suiteql"}, faulty.serverTime, false},
		{netsuitetest.Fault{Endpoint: "token"}, faulty.machineToken, true},
		{netsuitetest.Fault{Endpoint: "certificates"}, faulty.certificate, true},
		{netsuitetest.Fault{Endpoint: "keys"}, faulty.certificate, false},
		{netsuitetest.Fault{Method: "GET"}, faulty.serverTime, true},
		{netsuitetest.Fault{Method: "POST"}, faulty.serverTime, false},
		{netsuitetest.Fault{Path: "serverTime"}, faulty.serverTime, true},
		{netsuitetest.Fault{Path: "*/system/*Time"}, faulty.serverTime, true},
		{netsuitetest.Fault{Path: "*/system"}, faulty.serverTime, false},
		{netsuitetest.Fault{Path: ".*"}, faulty.serverTime, false},
		{netsuitetest.Fault{Grant: "client_credentials"}, faulty.machineToken, true},
		{netsuitetest.Fault{Grant: "refresh_token"}, faulty.machineToken, false},
		{netsuitetest.Fault{Grant: "refresh_token"}, refresh, true},
		{netsuitetest.Fault{Grant: "refresh_token"}, faulty.serverTime, false},
	} {
		tt.aim.Kind = netsuitetest.FaultPlainText
		remove := f.srv.Fault(tt.aim)
		if got := tt.ask(f); strings.HasPrefix(got, "500 text/plain") != tt.meet {
			t.Errorf("%+v: %s, want met %t", tt.aim, got, tt.meet)
		}
		remove()
	}
}

// TestMaintenanceWindow: from and until are on the emulator's clock, and of one account.
func TestMaintenanceWindow(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	now := f.srv.Clock().Now()
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Account: "1234567", From: now.Add(10 * time.Minute), Until: now.Add(40 * time.Minute)})
	for _, want := range []string{"200 vnd.oracle.resource+json", "503 text/html", "503 text/html", "200 vnd.oracle.resource+json"} {
		if got := f.serverTime(); got != want {
			t.Errorf("after %s: %s, want %s", f.srv.Clock().Now().Sub(now).Round(time.Minute), got, want)
		}
		if p := f.call(http.MethodGet, f.host("1234567_SB1", "suitetalk")+authPath+"/keys", "", nil); p.status != 200 {
			t.Errorf("another account: %d", p.status)
		}
		f.srv.Clock().Advance(14 * time.Minute)
	}
}

// TestWrongDataCentre: the redirect leads to a host where nobody lives, or where the test says; a token that follows it
// stands in the ledger.
func TestWrongDataCentre(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultWrongDataCentre, Times: 1})
	p := f.call(http.MethodGet, f.host("1234567", "restlets")+healthQuery, f.consent.Access, nil)
	to := p.header.Get("Location")
	if p.status != 302 || !strings.HasPrefix(to, "http://another-data-centre.localhost:") || !strings.HasSuffix(to, healthQuery) {
		t.Fatalf("%d to %s", p.status, to)
	}
	if p := f.call(http.MethodGet, to, f.consent.Access, nil); p.status != 404 || f.last().OK {
		t.Errorf("who follows: %d, %+v", p.status, f.last())
	}
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultWrongDataCentre, Location: "https://elsewhere.example/"})
	if to := f.call(http.MethodGet, "http://1234567.restlets.api.netsuite.com"+healthQuery, f.consent.Access, nil).header.Get("Location"); to != "https://elsewhere.example/" {
		t.Errorf("to %s", to)
	}
}

// TestFaultsTogether: observers and changes of state leave the request alone, of the others the oldest strikes.
func TestFaultsTogether(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	seen := 0
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultPlainText, Times: 1})
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Times: 1})
	f.srv.Fault(netsuitetest.Fault{OnMatch: func(*http.Request) { seen++ }})
	f.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultKeyRollover})
	for i, want := range []string{"500 text/plain", "503 text/html", "200 vnd.oracle.resource+json"} {
		if got := f.serverTime(); got != want {
			t.Errorf("request %d: %s, want %s", i+1, got, want)
		}
		if i == 0 && f.last().Fault != "key-rollover, plain-text" {
			t.Errorf("ledger: %q", f.last().Fault)
		}
	}
	if got := f.keyIDs(); seen < 3 || got != "2 keys, old one true" {
		t.Errorf("observed %d, %s", seen, got)
	}
}

func TestFaultErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	for want, fault := range map[string]netsuitetest.Fault{
		`kind "x": want one of`:                    {Kind: "x"},
		`account "NOBODY": no such account`:        {Account: "nobody"},
		`service "mail": want one of`:              {Service: "mail"},
		`endpoint "tokens": want one of`:           {Endpoint: "tokens"},
		"path: want at most":                       {Path: strings.Repeat("x", 1001)},
		"skip, every and times: must not":          {Every: -1},
		"chance 1.5: want":                         {Chance: 1.5},
		"chance NaN: want":                         {Chance: math.NaN()},
		"until: must be later":                     {From: now, Until: now},
		"delay: must not":                          {Kind: netsuitetest.FaultDelay, Delay: -1},
		"delay: required by kind delay":            {Kind: netsuitetest.FaultDelay},
		"status: required by kind status":          {Kind: netsuitetest.FaultStatus},
		"status 1000: want 200 to 599":             {Kind: netsuitetest.FaultStatus, Status: 1000},
		"skew: required by kind clock-skew":        {Kind: netsuitetest.FaultClockSkew},
		"role: required by kind role-removed":      {Kind: netsuitetest.FaultRoleRemoved, Employee: robot},
		"body, status: kind cut-after does not":    {Kind: netsuitetest.FaultCutAfter, Status: 500, Body: "x"},
		`retry after "date:soon": want a duration`: {Kind: netsuitetest.FaultTooManyRequests, RetryAfter: "date:soon"},
		"endpoint keys: kind invalid-grant is for": {Kind: netsuitetest.FaultInvalidGrant, Endpoint: "keys"},
	} {
		if _, err := w.srv.AddFault(fault); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", fault, err, want)
		}
		if _, err := netsuitetest.New(netsuitetest.Config{Faults: []netsuitetest.Fault{fault}}); err == nil {
			t.Errorf("%s: the configuration took it", want)
		}
	}
	if len(w.srv.Faults()) != 0 || w.srv.RemoveFault(1) {
		t.Error("a wrong fault was added")
	}
	defer func() {
		if recover() == nil {
			t.Error("Fault did not panic")
		}
	}()
	w.srv.Fault(netsuitetest.Fault{Kind: "x"})
}

// TestFaultList: another process sees the kinds and what is at work, and removes one.
func TestFaultList(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	face := f.srv.URL() + "/_emulator/"
	p := f.call(http.MethodPost, face+"faults", "", `{"kind":"delay","delay":"1ms","endpoint":"system","every":2,"chance":1,"until":"2999-01-01T00:00:00Z"}`)
	if p.status != 200 || p.body != `{"id":1,"ok":true}` {
		t.Fatalf("%d %s", p.status, p.body)
	}
	f.serverTime()
	f.serverTime()
	p = f.call(http.MethodGet, face+"faults", "", nil)
	if want := `[{"id":1,"fault":{"kind":"delay","endpoint":"system","every":2,"chance":1,"until":"2999-01-01T00:00:00Z","delay":"1ms"},"seen":2,"struck":1}]`; p.body != want {
		t.Errorf("list: %s\nwant  %s", p.body, want)
	}
	for path, want := range map[string]int{"faults/x": 404, "faults/1x": 404, "faults/2": 404, "faults/1": 200} {
		if p := f.call(http.MethodDelete, face+path, "", nil); p.status != want {
			t.Errorf("DELETE %s: %d, want %d", path, p.status, want)
		}
	}
	if p := f.call(http.MethodGet, face+"faults", "", nil); p.body != "[]" {
		t.Errorf("afterwards: %s", p.body)
	}
	var kinds []netsuitetest.FaultKindInfo
	p = f.call(http.MethodGet, face+"fault-kinds", "", nil)
	if err := json.Unmarshal([]byte(p.body), &kinds); err != nil || !reflect.DeepEqual(kinds, netsuitetest.FaultKinds()) {
		t.Errorf("kinds: %v %s", err, p.body)
	}
	for _, bad := range []string{
		`null`, `[]`, `{"kind":"observe"}`, `{"kind":"block"}`, `{"kind":""}`, `{"kind":"delay","delay":5}`, `{"kind":"delay","delay":"long"}`, `{"kind":"delay","delay_ms":5}`,
		`{"kind":"cut-after","from":"tomorrow"}`, `{"kind":"cut-after","Match":1}`, `{"kind":"cut-after","times":1e99}`, `{"kind":"status","status":503,"path":"` + strings.Repeat("a", 70_000) + `"}`,
	} {
		if p := f.call(http.MethodPost, face+"faults", "", bad); p.status != 400 || !strings.Contains(p.body, `"error"`) {
			t.Errorf("%.60s: %d %s", bad, p.status, p.body)
		}
	}
	for _, body := range []string{`{"kind":"clock-skew","skew":"-1h"}`, `{"kind":"certificate-revoked"}`} {
		if p := f.call(http.MethodPost, face+"faults", "", body); p.status != 200 {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if got := f.machineToken(); got == "200 json" {
		t.Errorf("after two changes of state: %s", got)
	}
}

// TestStateKnobs changes the state at once, from outside.
func TestStateKnobs(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	post := func(path, body string, want int) {
		t.Helper()
		if p := f.call(http.MethodPost, f.srv.URL()+"/_emulator/accounts/1234567/"+path, "", body); p.status != want {
			t.Errorf("%s %s: %d %s, want %d", path, body, p.status, p.body, want)
		}
	}
	post("roll-keys", `{"no_overlap":true}`, 200)
	if got := f.keyIDs(); got != "1 keys, old one false" {
		t.Errorf("keys: %s", got)
	}
	post("revoke-certificate", `{"certificate_id":"x"}`, 400)
	post("revoke-certificate", `{"certificate_id":"`+f.key.id+`"}`, 200)
	post("unassign-role", `{"employee":"`+robot+`","role":"customrole_x"}`, 400)
	post("unassign-role", `{"employee":"`+robot+`","role":"`+acmeRole+`"}`, 200)
	post("employee-inactive", `{"employee":"x","inactive":true}`, 400)
	post("employee-inactive", `{"employee":"`+robot+`","inactive":true}`, 200)
	post("rate-limit", `{"requests":1,"per":"1m"}`, 200)
	post("rate-limit", `{"requests":1}`, 400)
	post("rate-limit", `{"requests":-1,"per":"1m"}`, 400)
	post("rate-limit", `{"requests":1,"per":"often"}`, 400)
	for i, want := range []string{"200 vnd.oracle.resource+json", "429 vnd.oracle.resource+json CONCURRENCY_LIMIT_EXCEEDED"} {
		if got := f.serverTime(); got != want {
			t.Errorf("request %d: %s, want %s", i+1, got, want)
		}
	}
	for _, e := range f.account().Employees() {
		if e.Email == robot && (!e.Inactive || len(e.Roles) != 0) {
			t.Errorf("the employee: %+v", e)
		}
	}
	if got := f.account().ActiveCertificates(f.public.ClientID); got != 0 {
		t.Errorf("%d active certificates", got)
	}
}

// TestCodeOfDuplicateCallback: the code that comes twice is good once.
func TestCodeOfDuplicateCallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultDuplicateCallback})
	code := w.code(w.public)
	if got := w.token(w.exchangeForm(w.public, code), ""); got.status != 200 {
		t.Errorf("first: %d", got.status)
	}
	if got := w.token(w.exchangeForm(w.public, code), ""); got.status != 400 || got.Error != "invalid_grant" {
		t.Errorf("second: %d %s", got.status, got.Error)
	}
}

// TestFaultPage keeps the generated tables of docs/emulator-faults.md.
func TestFaultPage(t *testing.T) {
	const file, begin, end = "../docs/emulator-faults.md", "<!-- generated: kinds -->\n", "<!-- end -->\n"
	raw, err := os.ReadFile(file)
	must(t, err)
	before, rest, found := strings.Cut(string(raw), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has lost its marks %q and %q", file, begin, end)
	}
	want := before + begin + faultTable() + end + after
	if *update {
		must(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	if string(raw) != want {
		t.Errorf("%s is out of date; run go test ./netsuitetest -run TestFaultPage -update", file)
	}
	for _, name := range netsuitetest.FaultEndpoints() {
		if !strings.Contains(before, "`"+name+"`") {
			t.Errorf("%s does not name the endpoint %s", file, name)
		}
	}
	fields := reflect.TypeFor[netsuitetest.Fault]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		if name != "-" && !strings.Contains(want, "`"+name+"`") {
			t.Errorf("%s does not name the field %s", file, name)
		}
	}
}

func faultTable() string {
	var out strings.Builder
	out.WriteString("| Kind | What happens | Needs | Takes | |\n|---|---|---|---|---|\n")
	for _, k := range netsuitetest.FaultKinds() {
		var remark string
		switch {
		case k.State:
			remark = "state"
		case k.GoOnly:
			remark = "Go only"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", k.Kind, k.Description, fieldList(k.Needs), fieldList(k.Takes), remark)
	}
	return out.String()
}

func fieldList(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// FuzzFault: whatever a fault's JSON says, it is refused or survives the way through JSON, and no request breaks the
// emulator.
func FuzzFault(f *testing.F) {
	for _, text := range []string{
		`{"kind":"delay","delay":"1ns"}`, `{"kind":"status","status":503,"body":"x","retry_after":"date:1s","content_type":"\u0000"}`, `null`, `{"kind":"cut-body"}`,
		`{"kind":"sandbox-refresh","account":"1234567_SB1","chance":0.5,"seed":18446744073709551615}`, `{"kind":"plain-text","path":"*[*(*","every":2}`,
		`{"kind":"wrong-data-centre","location":"\r\nX: y"}`, `{"kind":"maintenance","from":"2026-01-01T00:00:00Z","until":"2027-01-01T00:00:00+01:00"}`,
	} {
		f.Add(text)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		var in, again netsuitetest.Fault
		if json.Unmarshal([]byte(text), &in) != nil || in.Delay > time.Millisecond {
			return
		}
		raw, err := json.Marshal(in)
		if err != nil {
			return // a year beyond 9999
		}
		if err := json.Unmarshal(raw, &again); err != nil || again.Kind != in.Kind || again.Delay != in.Delay || again.Skew != in.Skew || !again.From.Equal(in.From) {
			t.Errorf("%s came back as %s: %v", text, raw, err)
		}
		if _, err := srv.AddFault(in); err != nil {
			return
		}
		defer srv.ClearFaults()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/rest/datacenterurls?account=1234567", nil)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		srv.Handler().ServeHTTP(httptest.NewRecorder(), r)
	})
}
