package netsuite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSuiteQL(t *testing.T) {
	site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"links":[{"rel":"self","href":"http://%[1]s/services/rest/query/v1/suiteql?limit=2&offset=2"},{"rel":"first","href":"http://%[1]s/x"}],"count":2,"hasMore":true,
			"items":[{"links":[],"id":"1","name":"O'Neil","rate":1.50,"empty":null,"on":"T","flag":true,"obj":{"a":[1]}},{"links":[],"id":"2"}],"offset":2,"totalResults":"7"}`, r.Host)
	})
	page, err := testAPI(site.Site).SuiteQL(t.Context(), "SELECT id FROM customer ORDER BY id", 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	wantRows := `[{"id":"1","name":"O'Neil","rate":"1.50","on":"T","flag":"true","obj":"{\"a\":[1]}"} {"id":"2"}]`
	if got := fmt.Sprint(page.Rows); got != wantRows {
		t.Errorf("rows = %s, want %s", got, wantRows)
	}
	page.Rows = nil
	if want := (&Page{Count: 2, Offset: 2, Total: 7, HasMore: true, Account: testAccount}); !reflect.DeepEqual(page, want) {
		t.Errorf("page = %+v, want %+v", page, want)
	}
	got := site.only(t)
	if got.Method != "POST" || got.Path != "/services/rest/query/v1/suiteql" || got.Query != "limit=2&offset=2" || got.Host != site.host("suitetalk") ||
		got.Header.Get("Prefer") != "transient" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Authorization") != "Bearer "+testToken ||
		!sameJSON(t, got.Body, `{"q":"SELECT id FROM customer ORDER BY id"}`) {
		t.Errorf("request = %+v", got)
	}
}

func TestSuiteQLAccountOfLinks(t *testing.T) {
	for name, tt := range map[string]struct {
		links string
		want  AccountID
		fails bool
	}{
		"none":            {`[]`, "", false},
		"another account": {`[{"href":"http://7654321.suitetalk.localhost:1/x"}]`, "7654321", false},
		"foreign host":    {`[{"href":"https://evil.example/"},{"href":"%zz"},{"href":""}]`, "", false},
		"two accounts":    {`[{"href":"http://7654321.suitetalk.localhost/"},{"href":"http://1234567.suitetalk.localhost/"}]`, "", true},
		"two labels":      {`[{"href":"http://a.b.suitetalk.localhost/"}]`, "", true},
	} {
		site := startSite(t, reply(http.StatusOK, `{"links":`+tt.links+`,"items":[],"count":0,"offset":0,"totalResults":0,"hasMore":false}`))
		page, err := testAPI(site.Site).SuiteQL(t.Context(), "SELECT 1 FROM dual", 0, 0)
		if tt.fails != errors.Is(err, ErrUnreadable) || err == nil && page.Account != tt.want {
			t.Errorf("%s: page = %+v, %v; want account %q", name, page, err, tt.want)
		}
		if got := site.only(t).Query; got != "limit=1000&offset=0" {
			t.Errorf("%s: query = %s, want the default limit", name, got)
		}
	}
}

func TestSuiteQLRefuses(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "{}"))
	for name, tt := range map[string]struct {
		query         string
		limit, offset int
	}{
		"empty": {" \n", 0, 0}, "huge": {strings.Repeat("x", maxQuery+1), 0, 0}, "limit negative": {"x", -1, 0}, "limit over 1000": {"x", 1001, 0},
		"offset negative": {"x", 10, -10}, "offset not a multiple": {"x", 10, 5},
	} {
		if page, err := testAPI(site.Site).SuiteQL(t.Context(), tt.query, tt.limit, tt.offset); err == nil {
			t.Errorf("%s: page = %+v, want an error", name, page)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
	for _, body := range []string{"", "{}", "[]", `{"hasMore":"perhaps"}`, `{"hasMore":false,"items":[5]}`, `{"hasMore":false,"count":"x"}`} {
		site := startSite(t, reply(http.StatusOK, body))
		if page, err := testAPI(site.Site).SuiteQL(t.Context(), "x", 0, 0); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: page = %+v, %v; want ErrUnreadable", body, page, err)
		}
	}
}

func TestServerTime(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, `{"serverTime":"2025-03-26T16:21:00.000Z"}`))
	got, err := testAPI(site.Site).ServerTime(t.Context())
	if want := time.Date(2025, 3, 26, 16, 21, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("ServerTime = %s, %v; want %s", got, err, want)
	}
	if r := site.only(t); r.Method != "GET" || r.Path != "/services/rest/system/v1/serverTime" {
		t.Errorf("request = %+v", r)
	}
	for _, body := range []string{"", "{}", `{"serverTime":5}`, `{"serverTime":"soon"}`} {
		site := startSite(t, reply(http.StatusOK, body))
		if got, err := testAPI(site.Site).ServerTime(t.Context()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: ServerTime = %s, %v; want ErrUnreadable", body, got, err)
		}
	}
}

func TestGovernanceLimits(t *testing.T) {
	for body, want := range map[string]GovernanceLimits{
		`{"accountConcurrencyLimit":15,"accountUnallocatedConcurrencyLimit":10,"integrationConcurrencyLimit":5,"integrationLimitType":"integrationSpecific"}`: {15, 10, 5, "integrationSpecific"},
		`{"accountConcurrencyLimit":"15","unallocatedConcurrencyLimit":"10","type":"accountLimit"}`:                                                           {15, 10, 0, "accountLimit"},
		`{"accountConcurrencyLimit":1,"limitType":"internal","accountUnallocatedConcurrencyLimit":null}`:                                                      {1, 0, 0, "internal"},
	} {
		site := startSite(t, reply(http.StatusOK, body))
		if got, err := testAPI(site.Site).GovernanceLimits(t.Context()); err != nil || got != want {
			t.Errorf("%s reads as %+v, %v; want %+v", body, got, err, want)
		}
		if r := site.only(t); r.Path != "/services/rest/system/v1/governanceLimits" {
			t.Errorf("request = %+v", r)
		}
	}
	for _, body := range []string{"", "{}", `{"accountConcurrencyLimit":"many"}`} {
		site := startSite(t, reply(http.StatusOK, body))
		if got, err := testAPI(site.Site).GovernanceLimits(t.Context()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q reads as %+v, %v; want ErrUnreadable", body, got, err)
		}
	}
}

// talkative is a value whose failure to marshal quotes a secret.
type talkative struct{}

func (talkative) MarshalJSON() ([]byte, error) { return nil, errors.New("cannot write " + hidden) }

func TestBodyThatCannotBeWrittenStaysOutOfTheError(t *testing.T) {
	if _, err := testAPI(Site{}).RESTlet(t.Context(), "POST", "a", "b", nil, talkative{}); err == nil || strings.Contains(err.Error(), hidden) {
		t.Errorf("err = %v, want one without the value's own text", err)
	}
}

func TestDo(t *testing.T) {
	for _, tt := range []struct{ method, path, wantPath, wantQuery string }{
		{"GET", "/services/rest/record/v1/customer", "/services/rest/record/v1/customer", ""},
		{"DELETE", "/services/rest/record/v1/customer/eid:a%20b", "/services/rest/record/v1/customer/eid:a%20b", ""},
		{"PATCH", "/services/rest/record/v1/customer/7?replace=a,b&x=%2F", "/services/rest/record/v1/customer/7", "replace=a,b&x=%2F"},
		{"POST", "/services/rest/query/v1/suiteql", "/services/rest/query/v1/suiteql", ""},
		{"PUT", "/services/rest/record/v1/", "/services/rest/record/v1/", ""},
		{"POST", "/services/rest/record/v1/salesOrder/7/!transform/invoice", "/services/rest/record/v1/salesOrder/7/!transform/invoice", ""},
	} {
		site := startSite(t, reply(http.StatusAccepted, `{"a":1}`))
		status, answer, err := testAPI(site.Site).Do(t.Context(), tt.method, tt.path, nil)
		if err != nil || status != http.StatusAccepted || string(answer) != `{"a":1}` {
			t.Errorf("%s: %d %s, %v", tt.path, status, answer, err)
		}
		if r := site.only(t); r.Method != tt.method || r.Path != tt.wantPath || r.Query != tt.wantQuery || r.Host != site.host("suitetalk") ||
			(r.Header.Get("Prefer") == "transient") != strings.HasSuffix(tt.path, "suiteql") {
			t.Errorf("%s: request = %+v", tt.path, r)
		}
	}
	site := startSite(t, reply(http.StatusNotFound, `{"title":"Not Found"}`))
	status, answer, err := testAPI(site.Site).Do(t.Context(), "POST", "/services/rest/record/v1/x", map[string]int{"a": 1})
	if status != http.StatusNotFound || string(answer) != `{"title":"Not Found"}` || !errors.Is(err, ErrNotFound) || site.only(t).Body != `{"a":1}` {
		t.Errorf("refused: %d %s, %v", status, answer, err)
	}
}

func TestPX02_PX04_DoRefusesPaths(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, ""))
	long := "/services/rest/record/v1/" + strings.Repeat("a", 4096)
	for _, path := range []string{
		"", "/", "services/rest/record", "https://evil.example/services/rest/record/v1", "//evil.example/services/rest/record", `/\evil.example/services/rest/record`,
		"/services/rest", "/services/rest/", "/services/rest/?x", "/services/soap/x", "/app/site/hosting/restlet.nl", "/SERVICES/REST/record/v1", long,
		"/services/rest/record/../auth/x", "/services/rest/record/..", "/services/rest/./record", "/services/rest/record/%2e%2e/auth", "/services/rest/record/%2E./x",
		"/services/rest/record%2fv1", "/services/rest/record%2Fv1", "/services/rest/record/a%5cb", `/services/rest/record/a\b`, "/services/rest/record/%252e%252e/auth",
		"/services/rest/record/a%00", "/services/rest/record/a%0d%0aX:y", "/services/rest/record/a\r\nX: y", "/services/rest/record/a\x00", "/services/rest/record/é", "/services/rest/record/%c3%a9",
		"/services/rest/record/a#b", "/services/rest/record/a;x=1", "/services/rest/record/%zz", "/services/rest/record//v1", "/services/rest//record", "/services/rest/record/v1?a b", "/services/rest/record/v1?a\n",
		"/services/rest/auth", "/services/rest/auth/", "/services/rest/auth/oauth2/v1/token", "/services/rest/Auth/oauth2/v1/token", "/services/rest/AUTH/x", "/services/rest/%61uth/x",
		"/services/rest/a%75th/x", "/services/rest/auth;x/y", "/services/rest/auth%3bx/y", "/services/rest/auth%20/x", "/services/rest/auth./x", "/services/rest/auth%2e/x", "/services/rest//auth/x",
		"/services/rest/./auth/x", "/services/rest/x/../auth/y", "/services//rest/auth/x", "/services/rest/auth?x", "/services/rest/ auth/x", "/services/rest/%20auth/x", "/services/rest/ａｕｔｈ/x",
		"/services/rest/auth%00/x", "/services/rest/%2561uth/x", `/services/rest\auth/x`, "/services/rest%2fauth/x", "/services/./rest/auth/x", "/services/rest/record%2f..%2fauth/x",
	} {
		status, answer, err := testAPI(site.Site).Do(t.Context(), "GET", path, nil)
		if err == nil || status != 0 || answer != nil {
			t.Errorf("Do(%.80q) = %d, %v; want an error", path, status, err)
		}
	}
	for _, method := range []string{"", "get", "CONNECT", "TRACE", "GET /x HTTP/1.1\r\nHost: evil"} {
		if _, _, err := testAPI(site.Site).Do(t.Context(), method, "/services/rest/record/v1/customer", nil); err == nil {
			t.Errorf("method %q is accepted", method)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func FuzzRESTPath(f *testing.F) {
	f.Add("/services/rest/record/v1/customer/7?expandSubResources=true")
	f.Add("/services/rest/%61uth/oauth2/v1/token")
	f.Add("/services/rest/record/%2e%2e/auth/x")
	f.Fuzz(func(t *testing.T, path string) {
		u, err := parseRESTPath(path)
		if err != nil {
			return
		}
		// However a server reads it, once more decoded or not, folded or cleaned, it is not under auth.
		for _, form := range []string{u.Path, u.RawPath, u.EscapedPath()} {
			again, err := url.PathUnescape(form)
			if err != nil {
				t.Fatalf("%q does not decode: %v", form, err)
			}
			cleaned := strings.ToLower((&url.URL{Path: again}).JoinPath().Path)
			if !strings.HasPrefix(cleaned, "/services/rest/") || strings.HasPrefix(cleaned, "/services/rest/auth") && !strings.HasPrefix(u.Path, "/services/rest/auth") {
				t.Fatalf("%q was accepted and may be read as %q", path, cleaned)
			}
			if service, _, _ := strings.Cut(strings.TrimPrefix(cleaned, "/services/rest/"), "/"); service == "auth" {
				t.Fatalf("%q was accepted and leads to auth", path)
			}
		}
	})
}

func TestPX08_RedirectsAreErrors(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://"+r.Host+"/elsewhere")
			w.WriteHeader(status)
		})
		api := testAPI(site.Site)
		_, query := api.SuiteQL(t.Context(), "x", 0, 0)
		_, restlet := api.RESTlet(t.Context(), "GET", "a", "b", nil, nil)
		_, list := api.ListCertificates(t.Context(), testClientID)
		_, exchange := publicGrant(site.Site).Exchange(t.Context(), testAccount, testCode, testVerifier)
		for _, err := range []error{query, restlet, list, exchange} {
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrRedirect) || e.Status != status || e.Hint == "" {
				t.Errorf("%d gave %v, want ErrRedirect with a hint", status, err)
			}
		}
		for _, r := range site.requests() {
			if r.Path == "/elsewhere" {
				t.Errorf("%d was followed", status)
			}
		}
	}
}

func TestAnswerEndsWithTheContext(t *testing.T) {
	reached := make(chan struct{})
	site := startSite(t, func(_ http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	_, err := testAPI(site.Site).ServerTime(ctx)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrResponseLost) {
		t.Errorf("err = %v, want a lost response by cancellation", err)
	}
}

func TestTimeoutOfTheClientIsKept(t *testing.T) {
	site := startSite(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	api := testAPI(site.Site)
	api.HTTPClient = func(a AccountID) *http.Client {
		return &http.Client{Transport: site.Transport(a), Timeout: 20 * time.Millisecond}
	}
	if _, err := api.ServerTime(t.Context()); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrResponseLost) {
		t.Errorf("err = %v, want a lost response by timeout", err)
	}
}

func TestRawMessageIsSentAsItIs(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "{}"))
	if _, _, err := testAPI(site.Site).Do(t.Context(), "POST", "/services/rest/record/v1/x", json.RawMessage(`{"a":[1,2]}`)); err != nil {
		t.Fatal(err)
	}
	if got := site.only(t).Body; got != `{"a":[1,2]}` {
		t.Errorf("body = %s", got)
	}
}
