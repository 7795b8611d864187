package netsuitetest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

const healthScript = "customscript_acme_health"

// openSuitelet is a Suitelet that anybody may open, and two deployments that nobody may.
func openSuitelet() netsuitetest.Script {
	d := netsuitetest.Deployment{ScriptID: "customdeploy_form", Title: "Form", Status: "RELEASED", Deployed: true, WithoutLogin: true, OnlineFormUser: true}
	testing, inside := d, d
	testing.ScriptID, testing.Status = "customdeploy_testing", "TESTING"
	inside.ScriptID, inside.OnlineFormUser = "customdeploy_inside", false
	return netsuitetest.Script{
		ScriptID: "customscript_form", Name: "Form", Type: "SUITELET", Deployments: []netsuitetest.Deployment{d, testing, inside},
	}
}

func newSuitelets(t *testing.T) (*world, string) {
	t.Helper()
	w := &world{t: t, srv: netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts(), Scripts: []netsuitetest.Script{openSuitelet()}})}
	address, err := w.account().SuiteletURL("customscript_form", "customdeploy_form")
	must(t, err)
	return w, address
}

func TestSuitelet(t *testing.T) {
	t.Parallel()
	w, address := newSuitelets(t)
	if p := w.call(http.MethodGet, address, "", nil); p.status != 200 || p.body != "" || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
		t.Errorf("without a function: %d %q", p.status, p.body)
	}
	w.srv.HandleSuitelet("customscript_form", func(c netsuitetest.SuiteletCall) (netsuitetest.SuiteletAnswer, error) {
		switch c.Params.Get("do") {
		case "throw":
			return netsuitetest.SuiteletAnswer{}, &netsuitetest.ScriptError{Name: "MISSING_REQD_ARGUMENT", Message: "give <x>"}
		case "spend":
			return netsuitetest.SuiteletAnswer{}, c.Use(1001)
		}
		return netsuitetest.SuiteletAnswer{ContentType: "text/plain", Body: fmt.Sprint(c.Account, " ", c.Method, " ", c.Params.Encode(), " ", string(c.Body), " ", c.Header.Get("X-Test"))}, nil
	})
	// A form of any other site may be sent here.
	p := w.call(http.MethodPost, address+"&x=1", "", "hello", "X-Test", "y", "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")
	if p.status != 200 || p.body != "1234567 POST x=1 hello y" || p.header.Get("Content-Type") != "text/plain" {
		t.Errorf("call: %d %q", p.status, p.body)
	}
	if e := w.last(); !e.OK || e.Running != 1 || e.Service != "extforms" || strings.Contains(e.Params["ns-at"], "AAEJ") {
		t.Errorf("ledger: %+v", e)
	}
	if p := w.call(http.MethodGet, address+"&do=throw", "", nil); p.status != 500 || !strings.Contains(p.body, "MISSING_REQD_ARGUMENT") || !strings.Contains(p.body, "give &lt;x&gt;") {
		t.Errorf("thrown: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, address+"&do=spend", "", nil); p.status != 500 || !strings.Contains(p.body, "SSS_USAGE_LIMIT_EXCEEDED") {
		t.Errorf("over 1,000 units: %d %s", p.status, p.body)
	}
	bare := strings.Replace(address, w.host("1234567", "extforms"), w.srv.URL(), 1)
	if p := w.call(http.MethodGet, bare, "", nil); p.status != 200 {
		t.Errorf("on the bare address: %d", p.status)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		if p := w.call(method, address, "", nil); p.status != 200 {
			t.Errorf("%s: %d", method, p.status)
		}
	}
}

func TestSuiteletRefusals(t *testing.T) {
	t.Parallel()
	w, address := newSuitelets(t)
	at := func(pairs ...string) string {
		u, err := url.Parse(address)
		must(t, err)
		u.RawQuery = with(u.Query(), pairs...).Encode()
		return u.String()
	}
	other := func(deploy string) string {
		to, err := w.account().SuiteletURL("customscript_form", deploy)
		must(t, err)
		return to
	}
	sandbox, err := w.srv.Account("1234567_SB1").SuiteletURL("customscript_form", "customdeploy_form")
	must(t, err)
	token := func(address string) string {
		u, err := url.Parse(address)
		must(t, err)
		return u.Query().Get("ns-at")
	}
	const directly, privileges = "not allowed to go directly", "do not have privileges"
	for name, tt := range map[string]struct {
		url, sentence, rule string
	}{
		"no token":               {at("ns-at", ""), directly, "ns-at must be"},
		"wrong token":            {at("ns-at", "AAEJ7tMQx"), directly, "ns-at must be"},
		"another deployment's":   {at("ns-at", token(other("customdeploy_inside"))), directly, "ns-at must be"},
		"another account's":      {at("ns-at", token(sandbox)), directly, "ns-at must be"},
		"old link":               {at("ns-at", "", "h", "0123456789abcdef"), directly, "2024.2"},
		"no compid":              {at("compid", ""), directly, "compid"},
		"compid of another":      {at("compid", "1234567_SB1"), directly, "compid"},
		"no such script":         {at("script", "customscript_x"), directly, "no Suitelet"},
		"no deployment":          {at("deploy", ""), directly, "no Suitelet"},
		"not released":           {other("customdeploy_testing"), privileges, "not Released"},
		"not in the audience":    {other("customdeploy_inside"), privileges, "Online Form User"},
		"hostile script and all": {at("script", "' OR 1=1 --", "deploy", "<script>alert(1)</script>", "compid", "1234567"), directly, "no Suitelet"},
	} {
		p := w.call(http.MethodGet, tt.url, "", nil)
		if p.status != 403 || !strings.Contains(p.body, tt.sentence) || !strings.Contains(w.last().Rule, tt.rule) || strings.Contains(p.body, "<script") {
			t.Errorf("%s: %d, rule %q\n%s", name, p.status, w.last().Rule, p.body)
		}
	}
	if p := w.call(http.MethodPatch, address, "", nil); p.status != 405 {
		t.Errorf("PATCH: %d", p.status)
	}
	if p := w.call(http.MethodGet, address, "", "body"); p.status != 400 {
		t.Errorf("body on GET: %d", p.status)
	}
	if p := w.call(http.MethodPost, address, "", strings.Repeat("x", 10<<20+1)); p.status != 400 {
		t.Errorf("huge: %d", p.status)
	}
	must(t, w.account().SetDeploymentStatus("customscript_form", "customdeploy_form", "TESTING"))
	if p := w.call(http.MethodGet, address, "", nil); p.status != 403 {
		t.Errorf("taken back: %d", p.status)
	}
	must(t, w.account().SetDeploymentStatus("customscript_form", "customdeploy_form", "RELEASED"))
	must(t, w.account().SetFeature("CUSTOMCODE", false))
	if p := w.call(http.MethodGet, address, "", nil); p.status != 403 {
		t.Errorf("feature off: %d", p.status)
	}
}

// TestSuiteletCounts: visitors of external Suitelets take the account's places (H/section_4387799600).
func TestSuiteletCounts(t *testing.T) {
	t.Parallel()
	w, address := newSuitelets(t)
	must(t, w.account().SetConcurrency(1))
	visit := func() page { return w.call(http.MethodGet, address, "", nil) }
	free := w.busy(1, visit)
	if p := visit(); p.status != 429 || !strings.Contains(p.body, "SSS_REQUEST_LIMIT_EXCEEDED") {
		t.Errorf("second visitor: %d %s", p.status, p.body)
	}
	free()
	if p := visit(); p.status != 200 {
		t.Errorf("afterwards: %d", p.status)
	}
}

func TestSuiteletAddress(t *testing.T) {
	t.Parallel()
	w, address := newSuitelets(t)
	get := func(query string) page {
		return w.call(http.MethodGet, w.srv.URL()+"/_emulator/accounts/1234567_SB1/suitelet-url?"+query, "", nil)
	}
	var out struct{ URL string }
	p := get("script=customscript_form&deploy=1")
	if err := json.Unmarshal([]byte(p.body), &out); err != nil || !strings.HasPrefix(out.URL, w.host("1234567_SB1", "extforms")+"/") {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, out.URL, "", nil); p.status != 200 {
		t.Errorf("by number: %d", p.status)
	}
	if !strings.Contains(address, "compid=1234567&") || !strings.Contains(address, "ns-at=AAEJ7tMQ") {
		t.Errorf("address %s", address)
	}
	if p := get("script=x"); p.status != 404 {
		t.Errorf("unknown: %d", p.status)
	}
	closed := openSuitelet()
	closed.ScriptID, closed.Deployments = "customscript_closed", closed.Deployments[:1]
	closed.Deployments[0].WithoutLogin = false
	must(t, w.account().AddScript(closed))
	if to, err := w.account().SuiteletURL("customscript_closed", "customdeploy_form"); err == nil {
		t.Errorf("not Available Without Login: %s", to)
	}
	silent, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	must(t, err)
	defer func() { must(t, silent.Close()) }()
	if to, err := silent.Account("1234567").SuiteletURL("customscript_form", "customdeploy_form"); err == nil {
		t.Errorf("before Serve: %s", to)
	}
}

// TestScriptAnswers: canned answers stand in for Go functions, in every status that a RESTlet has (H/section_4634920277).
func TestScriptAnswers(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	w.srv.HandleRESTlet(healthScript, func(netsuitetest.RESTletCall) (any, error) { return "function", nil })
	post := func(body string, want int) {
		t.Helper()
		if p := w.call(http.MethodPost, w.srv.URL()+"/_emulator/script-answers", "", body); p.status != want {
			t.Errorf("%s: %d %s, want %d", body, p.status, p.body, want)
		}
	}
	call := func(method string) page {
		return w.call(method, w.host("1234567", "restlets")+healthQuery, consent.Access, nil)
	}
	for _, tt := range []struct {
		answer, method string
		status         int
		kind, body     string
	}{
		{`{"script":"customscript_acme_health","body":{"rows":[1,2]}}`, "GET", 200, "application/json", `{"rows":[1,2]}`},
		{`{"script":"customscript_acme_health","body":"<a/>","content_type":"text/xml","status":206}`, "GET", 206, "text/xml", `<a/>`},
		{`{"script":"customscript_acme_health","method":"DELETE","delay":"1ms","units":5000}`, "DELETE", 200, "application/json", ``},
		{
			`{"script":"CUSTOMSCRIPT_ACME_HEALTH","deploy":"customdeploy_acme_health","account":"1234567","error":{"name":"RCRD_DSNT_EXIST","message":"That record does not exist."}}`, "GET", 400, "application/json",
			`{"error":{"code":"RCRD_DSNT_EXIST","message":"{\"message\":\"That record does not exist.\",\"name\":\"RCRD_DSNT_EXIST\",\"stack\":[],\"type\":\"error.SuiteScriptError\"}"}}`,
		},
		{`{"script":"customscript_acme_health","status":503,"body":"down"}`, "PUT", 503, "application/json", `down`},
	} {
		post(tt.answer, 200)
		if p := call(tt.method); p.status != tt.status || p.header.Get("Content-Type") != tt.kind || p.body != tt.body {
			t.Errorf("%s: %d %s %s", tt.answer, p.status, p.header.Get("Content-Type"), p.body)
		}
	}
	post(`{"script":"customscript_acme_health","units":5001}`, 200)
	if p := call("GET"); p.status != 400 || p.restletError() != "SSS_USAGE_LIMIT_EXCEEDED" {
		t.Errorf("5,001 units: %d %s", p.status, p.body)
	}
	if n := len(w.srv.ScriptAnswers()); n != 6 {
		t.Errorf("%d answers", n)
	}
	if p := w.call(http.MethodGet, w.srv.URL()+"/_emulator/script-answers", "", nil); !strings.Contains(p.body, `"delay":"1ms"`) {
		t.Errorf("list: %s", p.body)
	}
	for _, bad := range []string{
		`{}`, `null`, `{"script":"s","method":"PATCH"}`, `{"script":"s","status":99}`, `{"script":"s","account":"x"}`, `{"script":"s","units":-1}`, `{"script":"s","delay":"-1s"}`, `{"script":"s","delay":1}`,
		`{"script":"s","error":{"message":"m"}}`, `{"script":"s","error":{"name":"n"},"status":200}`, `{"script":"s","colour":"red"}`,
	} {
		post(bad, 400)
	}
	if p := w.call(http.MethodDelete, w.srv.URL()+"/_emulator/script-answers", "", nil); p.status != 200 {
		t.Errorf("DELETE: %d", p.status)
	}
	if p := call("GET"); p.body != `"function"` {
		t.Errorf("afterwards: %s", p.body)
	}
	if err := w.srv.AnswerScript(netsuitetest.ScriptAnswer{Script: "s", Body: func() {}}); err == nil {
		t.Error("a body that is no JSON was taken")
	}
}

// TestScriptAnswerElsewhere: an answer for another account, deployment or method is not given; a Suitelet answers 200.
func TestScriptAnswerElsewhere(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{
		Accounts: smallAccounts(), Scripts: []netsuitetest.Script{openSuitelet()},
		Answers: []netsuitetest.ScriptAnswer{
			{Script: "customscript_form", Body: "first", Status: 503},
			{Script: "customscript_form", Account: "1234567-sb1", Body: "sandbox"},
			{Script: "customscript_form", Deploy: "customdeploy_inside", Body: "inside"},
			{Script: "customscript_form", Method: "POST", Body: "post"},
		},
	})
	w := &world{t: t, srv: srv}
	for account, want := range map[string]string{"1234567": "first", "1234567_SB1": "sandbox"} {
		address, err := srv.Account(account).SuiteletURL("customscript_form", "customdeploy_form")
		must(t, err)
		if p := w.call(http.MethodGet, address, "", nil); p.status != 200 || p.body != want {
			t.Errorf("%s: %d %q, want %q", account, p.status, p.body, want)
		}
		if p := w.call(http.MethodPost, address, "", nil); p.body != "post" {
			t.Errorf("%s, POST: %q", account, p.body)
		}
	}
}

func TestScriptConfiguration(t *testing.T) {
	t.Parallel()
	bad := openSuitelet()
	bad.ScriptID = "form"
	for name, cfg := range map[string]netsuitetest.Config{
		"script":  {Scripts: []netsuitetest.Script{bad}},
		"twice":   {Scripts: []netsuitetest.Script{openSuitelet(), openSuitelet()}},
		"answer":  {Answers: []netsuitetest.ScriptAnswer{{}}},
		"rate":    {Accounts: []netsuitetest.AccountConfig{{ID: "1", RateLimit: -1}}},
		"window":  {Accounts: []netsuitetest.AccountConfig{{ID: "1", RateLimit: 1}}},
		"code":    {Settings: netsuitetest.Settings{RESTletNotFound: "x"}},
		"limit":   {Settings: netsuitetest.Settings{ScriptLimit: -1}},
		"retry":   {Settings: netsuitetest.Settings{ConcurrencyRetryAfter: "date:x"}},
		"account": {Answers: []netsuitetest.ScriptAnswer{{Script: "s", Account: "nobody"}}},
	} {
		if _, err := netsuitetest.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	w := newWorld(t)
	must(t, w.account().AddScript(openSuitelet()))
	if err := w.account().AddScript(openSuitelet()); err == nil {
		t.Error("the same script twice: no error")
	}
	if err := w.account().AddScript(bad); err == nil {
		t.Error("a bad script ID: no error")
	}
	p := w.call(http.MethodPost, w.srv.URL()+"/_emulator/accounts/1234567_SB1/scripts", "", openSuitelet())
	if p.status != 200 {
		t.Errorf("from outside: %d %s", p.status, p.body)
	}
}

// TestRESTletLimits: usage units, 10 MB in and out, the text form, and errors that choose their code.
func TestRESTletLimits(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	w.srv.HandleRESTlet(healthScript, func(c netsuitetest.RESTletCall) (any, error) {
		switch string(c.Body) {
		case "units":
			for range 501 {
				_ = c.Use(10) // a script that does not look
			}
			return "done", nil
		case "long":
			return strings.Repeat("x", 10<<20+1), nil
		case "error":
			return nil, fmt.Errorf("wrapped: %w", &netsuitetest.ScriptError{Name: "MY_ERROR", Message: "m", Stack: []string{"at 1"}})
		case "plain":
			return nil, errors.New("broken")
		case "no json":
			return make(chan int), nil
		}
		return "text <" + string(c.Body) + ">", c.Use(5000)
	})
	address := w.host("1234567", "restlets") + healthQuery
	for body, want := range map[string]string{
		"units": "SSS_USAGE_LIMIT_EXCEEDED", "long": "SSS_OUTPUT_TOO_LONG", "error": "MY_ERROR", "plain": "UNEXPECTED_ERROR", "no json": "UNEXPECTED_ERROR",
		strings.Repeat("x", 10<<20+1): "SSS_INPUT_TOO_LONG",
	} {
		if p := w.call(http.MethodPost, address, consent.Access, body); p.status != 400 || p.restletError() != want {
			t.Errorf("%.10s: %d %.200s, want %s", body, p.status, p.body, want)
		}
	}
	if p := w.call(http.MethodPost, address, consent.Access, "a"); p.status != 200 || p.body != `"text \u003ca\u003e"` {
		t.Errorf("JSON: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodPost, address, consent.Access, "a", "Content-Type", "text/plain; charset=utf-8"); p.status != 200 || p.body != "text <a>" || p.header.Get("Content-Type") != "text/plain" {
		t.Errorf("text: %d %q %q", p.status, p.body, p.header.Get("Content-Type"))
	}
	if p := w.call(http.MethodPost, address, consent.Access, strings.Repeat("y", 10<<20)); p.status != 400 || p.restletError() != "SSS_OUTPUT_TOO_LONG" {
		t.Errorf("10 MB in, more out: %d", p.status)
	}
}

// TestRESTletDomain: RESTlets live on their own host (H/section_4634920277: 403, invalid domain).
func TestRESTletDomain(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t)
	for _, host := range []string{w.host("1234567", "suitetalk"), w.host("1234567", "extforms"), w.system(), "http://rest.netsuite.com"} {
		if p := w.call(http.MethodGet, host+healthQuery, consent.Access, nil); p.status != 403 || p.restletError() != "INVALID_DOMAIN" {
			t.Errorf("%s: %d %s", host, p.status, p.body)
		}
	}
}

// TestRESTletNotFoundForms: what older accounts call a RESTlet that is not there.
func TestRESTletNotFoundForms(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"INVALID_LOGIN_INVALID_SCRIPT_ID", "INVALID_LOGIN_ATTEMPT"} {
		w, _, consent := machine(t, netsuitetest.Settings{RESTletNotFound: code})
		if p := w.call(http.MethodGet, w.host("1234567", "restlets")+healthQuery+"x", consent.Access, nil); p.status != 404 || p.restletError() != code {
			t.Errorf("%d %s, want 404 %s", p.status, p.body, code)
		}
	}
}

// TestDurationLimit: a script that runs too long is stopped, a REST request is cut.
func TestDurationLimit(t *testing.T) {
	t.Parallel()
	w, _, consent := machine(t, netsuitetest.Settings{ScriptLimit: 20 * time.Millisecond, RESTLimit: 20 * time.Millisecond})
	must(t, w.account().AddScript(openSuitelet()))
	w.srv.HandleRESTlet(healthScript, func(c netsuitetest.RESTletCall) (any, error) {
		if c.Params.Get("hang") == "" {
			return "quick", nil
		}
		<-c.Context().Done()
		return "late", nil
	})
	suitelet, err := w.account().SuiteletURL("customscript_form", "customdeploy_form")
	must(t, err)
	must(t, w.srv.AnswerScript(netsuitetest.ScriptAnswer{Script: "customscript_form", Body: "late", Delay: time.Hour}))
	address := w.host("1234567", "restlets") + healthQuery
	if p := w.call(http.MethodGet, address, consent.Access, nil); p.status != 200 {
		t.Errorf("in time: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, address+"&hang=1", consent.Access, nil); p.status != 400 || p.restletError() != "SSS_TIME_LIMIT_EXCEEDED" || w.last().OK {
		t.Errorf("RESTlet: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, suitelet, "", nil); p.status != 500 || !strings.Contains(p.body, "SSS_TIME_LIMIT_EXCEEDED") {
		t.Errorf("Suitelet: %d %s", p.status, p.body)
	}
	w.srv.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultBlock, Endpoint: "system"})
	if err := w.tries(http.MethodGet, w.host("1234567", "suitetalk")+"/services/rest/system/v1/serverTime", consent.Access); err == nil {
		t.Error("REST: the answer came")
	}
	if e := w.last(); e.OK || e.Status != 0 || !strings.Contains(e.Rule, "took longer than 20ms") {
		t.Errorf("ledger: %+v", e)
	}
}

// TestRateLimit: so many requests within a window of the emulator's clock.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	accounts := smallAccounts()
	accounts[1].RateLimit, accounts[1].RateWindow = 2, time.Minute
	w := &world{t: t, srv: netsuitetest.Start(t, netsuitetest.Config{Accounts: accounts, Settings: netsuitetest.Settings{ConcurrencyRetryAfter: "date:1m"}})}
	w.public = w.add(netsuitetest.Integration{Name: "A", CodeGrant: true, Public: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"}})
	consent := w.login(w.public)
	ask := func(want int) page {
		t.Helper()
		p := w.suiteQL(consent.Access, anyRow)
		if p.status != want {
			t.Errorf("%d, want %d", p.status, want)
		}
		return p
	}
	ask(200)
	w.srv.Clock().Advance(40 * time.Second)
	ask(200)
	if _, err := http.ParseTime(ask(429).header.Get("Retry-After")); err != nil || !strings.Contains(w.last().Rule, "2 requests in 1m0s") {
		t.Errorf("Retry-After: %v, rule %q", err, w.last().Rule)
	}
	w.srv.Clock().Advance(30 * time.Second)
	ask(200)
	ask(429)
	if p := w.suiteQL("stranger", anyRow); p.status != 401 {
		t.Errorf("a stranger: %d", p.status)
	}
	must(t, w.account().SetRateLimit(0, 0))
	for range 5 {
		ask(200)
	}
}

// FuzzSuitelet: no query without the deployment's own token opens a Suitelet.
func FuzzSuitelet(f *testing.F) {
	for _, q := range []string{"", "script=customscript_form&deploy=customdeploy_form&compid=1234567&ns-at=", "script=1&deploy=1&compid=1234567&ns-at=%00&ns-at=x", "compid=1234567;script=%zz", "script='&deploy=--"} {
		f.Add(q)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts(), Scripts: []netsuitetest.Script{openSuitelet()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "http://x/app/site/hosting/scriptlet.nl", nil)
		r.Host, r.URL.RawQuery = "1234567.extforms.localhost", query
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		if rec.Code != http.StatusForbidden {
			t.Errorf("query %q: %d", query, rec.Code)
		}
	})
}

// FuzzScriptAnswer: what is taken comes back through JSON, and can be given.
func FuzzScriptAnswer(f *testing.F) {
	for _, text := range []string{`{"script":"s","body":{"a":[1,null]},"delay":"1us"}`, `{"script":"s","error":{"name":"n","stack":["\ud800"]}}`, `null`, `[1]`, `{"script":"s","body":1e999}`} {
		f.Add(text)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		var in, again netsuitetest.ScriptAnswer
		if json.Unmarshal([]byte(text), &in) != nil || srv.AnswerScript(in) != nil {
			return
		}
		defer srv.ClearAnswers()
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &again); err != nil || again.Script != in.Script || again.Delay != in.Delay || again.Units != in.Units {
			t.Errorf("%s came back as %s: %v", text, raw, err)
		}
	})
}
