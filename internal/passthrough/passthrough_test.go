package passthrough

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// netsuite stands for the account's hosts: it keeps what came, and answers as it is told.
type netsuite struct {
	*httptest.Server
	mu     sync.Mutex
	came   []*http.Request
	answer http.HandlerFunc
}

func newNetSuite(t *testing.T, answer http.HandlerFunc) *netsuite {
	t.Helper()
	n := &netsuite{answer: answer}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n.mu.Lock()
		n.came = append(n.came, r)
		n.mu.Unlock()
		n.answer(w, r)
	}))
	t.Cleanup(n.Close)
	return n
}

func (n *netsuite) requests() []*http.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.came
}

func (n *netsuite) url(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// signing adds a token, as the library's client does.
type signing struct{}

func (signing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer netsuite-token")
	return http.DefaultTransport.RoundTrip(r)
}

func passTo(t *testing.T, n *netsuite, allow ...Service) http.Handler {
	t.Helper()
	return Account{SuiteTalk: n.url(t), RESTlets: n.url(t), Transport: signing{}, Allow: allow}.Handler()
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }

func send(h http.Handler, method, target string, header http.Header, body string) *http.Response {
	r := httptest.NewRequest(method, "http://127.0.0.1:8770/", strings.NewReader(body))
	u, err := url.ParseRequestURI(target)
	if err != nil { // the server would refuse the line itself
		return &http.Response{StatusCode: http.StatusBadRequest, Body: http.NoBody}
	}
	r.URL = u
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// PX-02 and PX-04: 40 spellings of the forbidden prefix and other tricks reach nothing.
func TestPX04_NothingReachesTheTokenEndpoint(t *testing.T) {
	n := newNetSuite(t, ok)
	h := passTo(t, n, Services...)
	for _, path := range []string{
		"/services/rest/auth/oauth2/v1/token", "/services/rest/auth/oauth2/v1/revoke", "/services/rest/auth/oauth2/v1/clients/x/certificates", "/services/rest/AUTH/oauth2/v1/token",
		"/Services/rest/auth/oauth2/v1/token", "/services/REST/auth/oauth2/v1/token", "/services/rest/%61uth/oauth2/v1/token", "/services/rest/a%75th/oauth2/v1/token",
		"/services/rest/record/v1/../../auth/oauth2/v1/token", "/services/rest/record/v1/%2e%2e/%2e%2e/auth/oauth2/v1/token", "/services/rest/record/v1/..%2f..%2fauth/oauth2/v1/token",
		"/services/rest/record/v1/.%2e/.%2e/auth/oauth2/v1/token", "/services/rest/record/v1/%2E%2E/%2E%2E/auth/oauth2/v1/token", "/services/rest/record/v1/..%5c..%5cauth/oauth2/v1/token",
		"/services/rest/record/v1/..\\..\\auth\\oauth2\\v1\\token", "/services/rest/record/v1/%252e%252e/%252e%252e/auth/oauth2/v1/token", "/services/rest/record/v1/..;/..;/auth/oauth2/v1/token",
		"/services/rest//auth/oauth2/v1/token", "//services/rest/auth/oauth2/v1/token", "/./services/rest/auth/oauth2/v1/token", "/services/./rest/auth/oauth2/v1/token",
		"/services/rest/./auth/oauth2/v1/token", "/services/rest/auth/./oauth2/v1/token", "/services/rest/auth", "/services/rest/auth/", "/services/rest/auth/oauth2/v1/token/",
		"/services/rest/auth/oauth2/v1/token?x=1", "/services/rest/auth%2foauth2/v1/token", "/services/rest%2fauth/oauth2/v1/token", "/services%2frest/auth/oauth2/v1/token",
		"/services/rest/auth/oauth2/v1/token%00", "/services/rest/auth/oauth2/v1/token%0a", "/services/rest/record/v1/%00/../auth", "/services/rest/query/v1/suiteql/../../../auth/oauth2/v1/token",
		"/services/rest/query/v1/suiteql/x", "/services/rest/system/v1/..", "/services/rest/system/v1/.", "/app/site/hosting/restlet.nl/../../services/rest/auth", "/app/site/hosting/restlet.nlx",
		"/app/login/oauth2/authorize.nl", "/app/site/hosting/scriptlet.nl", "/services/mcp/v1/all", "/services/rest/record/v2/customer", "/services/rest/record/v1", "/", "/services/rest/",
		"http://evil.example/services/rest/record/v1/customer", "https://user@evil.example/services/rest/record/v1/customer",
	} {
		if res := send(h, http.MethodPost, path, nil, ""); res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: HTTP %d, want 400 or 403", path, res.StatusCode)
		}
	}
	if came := n.requests(); len(came) != 0 {
		t.Errorf("NetSuite was asked for %s", came[0].URL)
	}
}

// What is allowed goes on, to the service that it is for and with nothing of the caller's own.
func TestPX05_OnlyWhatBelongsToNetSuiteGoesOn(t *testing.T) {
	n := newNetSuite(t, ok)
	h := passTo(t, n, Services...)
	header := http.Header{
		"Authorization": {"Bearer callers-own"}, "Cookie": {"session=1"}, "X-Forwarded-For": {"1.2.3.4"}, "Forwarded": {"for=1"}, "Connection": {"Authorization, Prefer"},
		"X-Http-Method-Override": {"DELETE"}, "Host": {"evil.example"}, "Prefer": {"transient"}, "Content-Type": {"application/json"}, "Te": {"trailers"},
	}
	for _, path := range []string{
		"/services/rest/record/v1/customer/1?fields=id", "/services/rest/query/v1/suiteql?limit=1", "/services/rest/system/v1/serverTime", "/services/rest/async/v1/job/1",
		"/app/site/hosting/restlet.nl?script=customscript_x&deploy=customdeploy_x", "/services/rest/record/v1/customer/eid:a%20b",
	} {
		if res := send(h, http.MethodPost, path, header, `{"q":"x"}`); res.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, res.StatusCode)
		}
	}
	for _, r := range n.requests() {
		if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer netsuite-token" {
			t.Errorf("%s carries %q, want our token alone", r.URL, got)
		}
		for _, name := range []string{"Cookie", "X-Forwarded-For", "Forwarded", "X-Http-Method-Override", "Te"} {
			if r.Header[name] != nil {
				t.Errorf("%s carries %s", r.URL, name)
			}
		}
		if r.Header.Get("Prefer") != "transient" || r.Method != http.MethodPost {
			t.Errorf("%s %s lacks what the caller said", r.Method, r.URL)
		}
	}
}

func TestPX07_AnswersKeepWhatIsTheCallersOnly(t *testing.T) {
	var n *netsuite
	n = newNetSuite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "JSESSIONID=canary")
		w.Header().Set("X-Internal", "canary")
		w.Header().Set("Location", n.URL+"/services/rest/record/v1/customer/7")
		w.WriteHeader(http.StatusNoContent)
	})
	res := send(passTo(t, n, Record), http.MethodPost, "/services/rest/record/v1/customer", nil, "{}")
	if res.Header.Get("Location") != "/services/rest/record/v1/customer/7" || res.Header.Get("Set-Cookie")+res.Header.Get("X-Internal") != "" {
		t.Errorf("headers %v", res.Header)
	}
	n.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://evil.example/x")
		w.WriteHeader(http.StatusCreated)
	}
	if res := send(passTo(t, n, Record), http.MethodPost, "/services/rest/record/v1/customer", nil, "{}"); res.Header.Get("Location") != "" {
		t.Errorf("a foreign address was given back: %s", res.Header.Get("Location"))
	}
}

func TestPX08_RedirectsAreNotFollowed(t *testing.T) {
	second := newNetSuite(t, ok)
	for _, status := range []int{301, 302, 303, 307, 308} {
		n := newNetSuite(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, second.URL, status) })
		res := send(passTo(t, n, RESTlet), http.MethodGet, "/app/site/hosting/restlet.nl?script=1&deploy=1", nil, "")
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "redirect") {
			t.Errorf("%d: HTTP %d %s, want 502 that says so", status, res.StatusCode, body)
		}
	}
	if len(second.requests()) != 0 {
		t.Error("the second host was asked")
	}
}

func TestOnlyWhatIsAllowed(t *testing.T) {
	n := newNetSuite(t, ok)
	h := passTo(t, n, Query)
	for path, want := range map[string]int{
		"/services/rest/query/v1/suiteql": 200, "/services/rest/record/v1/customer": 403, "/app/site/hosting/restlet.nl?script=1&deploy=1": 403, "/services/rest/system/v1/serverTime": 403,
	} {
		if res := send(h, http.MethodPost, path, nil, "{}"); res.StatusCode != want {
			t.Errorf("%s: HTTP %d, want %d", path, res.StatusCode, want)
		}
	}
	for _, method := range []string{"TRACE", "CONNECT", "OPTIONS", "PROPFIND"} {
		if res := send(h, method, "/services/rest/query/v1/suiteql", nil, ""); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: HTTP %d, want 405", method, res.StatusCode)
		}
	}
	if _, err := ParseServices("record,everything"); err == nil {
		t.Error("an unknown service was taken")
	}
}

func TestNetSuiteIsAway(t *testing.T) {
	n := newNetSuite(t, ok)
	h := passTo(t, n, Query)
	n.Close()
	res := send(h, http.MethodPost, "/services/rest/query/v1/suiteql", nil, "{}")
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusBadGateway || strings.Contains(string(body), "/services/") {
		t.Errorf("HTTP %d %s, want 502 without the address", res.StatusCode, body)
	}
}
