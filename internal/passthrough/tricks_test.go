package passthrough

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// listen puts a handler behind a real server: what net/http itself does to requests and answers belongs to the tests below.
func listen(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	front := httptest.NewServer(h)
	t.Cleanup(front.Close)
	return front
}

// corpus are paths that hold what a path must not hold (PX-02), in the spellings that servers have been known to fold.
var corpus = []string{
	"https://evil.example/services/rest/record/v1/customer", "//evil.example/services/rest/record/v1/customer", "/\\evil.example/services/rest/record/v1/customer",
	"/services/rest/record/v1/..%3b/..%3b/auth/oauth2/v1/token", "/services/rest/record/v1/..;x=1/..;x=1/auth/oauth2/v1/token", "/services/rest/record/v1/%2e%2e%3b/auth",
	"/services/rest/record/v1/%c0%ae%c0%ae/%c0%ae%c0%ae/auth/oauth2/v1/token", "/services/rest/record/v1/%e0%80%ae%e0%80%ae/auth", "/services/rest/record/v1/..%c0%af..%c0%afauth",
	"/services/rest/record/v1/..%5C..%5Cauth", "/services/rest/record/v1/..%252f..%252fauth", "/services/rest/record/v1/%25252e%25252e/auth", "/services/rest/record/v1/..%u2215auth",
	"/services/rest/record/v1/customer/%0d%0aHost:%20evil.example", "/services/rest/record/v1/customer/%09", "/services/rest/record/v1/customer/%7f", "/services/rest/record/v1/customer/%c2%85",
	"/services/rest/record/v1/customer/%e2%80%ae1", "/services/rest/record/v1//customer", "/services/rest/record/v1/customer//1", "/services/rest/record/v1/./customer", "/services/rest/record/v1/customer/.",
	"/services/rest/record/v1/customer/..", "/services/rest/record/v1/customer/../../../auth", "/services/rest/record/v1/customer%2f1", "/services/rest/record/v1/customer/1;jsessionid=x",
}

func TestPX02_TricksOfThePathAreRefused(t *testing.T) {
	n := newNetSuite(t, ok)
	front := listen(t, passTo(t, n, Services...))
	for _, target := range corpus {
		if status := sendLine(t, front, "GET "+target+" HTTP/1.1", ""); status != http.StatusBadRequest {
			t.Errorf("%s: HTTP %d, want 400", target, status)
		}
	}
	if came := n.requests(); len(came) != 0 {
		t.Errorf("NetSuite was asked for %s", came[0].RequestURI)
	}
}

// sendLine sends a request line and headers byte for byte, which a client would not, and returns the status of the answer.
func sendLine(t *testing.T, front *httptest.Server, line, headers string) int {
	t.Helper()
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, line+"\r\nHost: 127.0.0.1\r\nConnection: close\r\n"+headers+"\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	status, err := strconv.Atoi(strings.Fields(answer)[1])
	if err != nil {
		t.Fatalf("%s: answered %q", line, answer)
	}
	return status
}

// FuzzPX02_Path: however often a server decodes, folds or cleans a path that went through, it stays below a root that is allowed.
func FuzzPX02_Path(f *testing.F) {
	for _, target := range corpus {
		f.Add(target)
	}
	for _, target := range []string{
		"/services/rest/record/v1/customer/1?fields=id", "/services/rest/query/v1/suiteql?limit=1", "/services/rest/record/v1/salesOrder/1/!transform/invoice",
		"/services/rest/record/v1/customer/eid:M%C3%BCller%20%26%20S%C3%B6hne", "/app/site/hosting/restlet.nl?script=1&deploy=1", "/services/rest/system/v1/serverTime",
	} {
		f.Add(target)
	}
	base := &url.URL{Scheme: "https", Host: "1234567.suitetalk.api.netsuite.com"}
	var sent *http.Request
	h := Account{SuiteTalk: base, RESTlets: base, Allow: Services, Transport: transport(func(r *http.Request) (*http.Response, error) {
		sent = r
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})}.Handler()
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")))
		if err != nil {
			return
		}
		sent = nil
		h.ServeHTTP(httptest.NewRecorder(), r)
		if sent == nil {
			return
		}
		if sent.URL.Host != base.Host || sent.Host != base.Host || sent.URL.Scheme != "https" || sent.URL.User != nil {
			t.Errorf("%q goes to %s", target, sent.URL)
		}
		whole, _, _ := strings.Cut(sent.URL.RequestURI(), "?")
		if end := furthest(whole); !slices.ContainsFunc([]string{"/services/rest/record/v1/", "/services/rest/async/v1/", "/services/rest/query/v1/suiteql", "/services/rest/system/v1/", restletPath}, func(root string) bool {
			return strings.HasPrefix(end+"/", root)
		}) {
			t.Errorf("%q leads to %q when it is decoded and cleaned", target, end)
		}
	})
}

// furthest is where a path leads at a server that decodes until nothing is left to decode, and folds whatever may be folded.
func furthest(p string) string {
	for {
		decoded, err := url.PathUnescape(p)
		if err != nil || decoded == p {
			break
		}
		p = decoded
	}
	p = strings.ReplaceAll(p, `\`, "/")
	p = strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xe0\x80\xae", ".", "\x00", "").Replace(p)
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return path.Clean("/" + strings.Join(segments, "/"))
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// Names with an underscore are read as hyphens by some servers (PX-05), trailers are headers that come late, and what a Connection header
// names is dropped on the way.
func TestPX05_TwinsAndTrailersStayHere(t *testing.T) {
	n := newNetSuite(t, ok)
	front := listen(t, passTo(t, n, Services...))
	const line = "POST /services/rest/query/v1/suiteql HTTP/1.1"
	for _, name := range []string{"Authorization_", "X_Forwarded_For", "Content_Type", "X-NetSuite_idempotency-key"} {
		if status := sendLine(t, front, line, name+": x\r\nContent-Length: 0\r\n"); status != http.StatusBadRequest {
			t.Errorf("%s: HTTP %d, want 400", name, status)
		}
	}
	if came := n.requests(); len(came) != 0 {
		t.Errorf("NetSuite was asked with %v", came[0].Header)
	}
	trailing := "Trailer: Authorization, X-Canary\r\nTransfer-Encoding: chunked\r\nUpgrade: websocket\r\n\r\n2\r\n{}\r\n0\r\nX-Canary: 1\r\nAuthorization: Bearer twin\r\n"
	if status := sendLine(t, front, line, trailing); status != http.StatusOK {
		t.Fatalf("HTTP %d", status)
	}
	came := n.requests()[0]
	if got := came.Header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer netsuite-token" || len(came.Trailer) != 0 || came.Header.Get("Upgrade") != "" {
		t.Errorf("headers %v, trailers %v; want our token and no trailer", came.Header, came.Trailer)
	}
	if got := came.Header.Get("User-Agent"); got != "suitekey" {
		t.Errorf("User-Agent %q", got)
	}
}

// Headers reach a caller on three ways: before the answer, with it, and behind it.
func TestPX07_NoHeaderBesideTheAnswer(t *testing.T) {
	n := newNetSuite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "early=canary")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Canary")
		_, _ = io.WriteString(w, "{}")
		w.Header().Set("X-Canary", "late")
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "late=canary")
	})
	front := listen(t, passTo(t, n, Services...))
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		t.Errorf("HTTP %d with %v came before the answer", code, header)
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, front.URL+"/services/rest/system/v1/serverTime", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "{}" {
		t.Errorf("body %q, %v", body, err)
	}
	if res.Header.Get("Set-Cookie") != "" || len(res.Trailer) != 0 {
		t.Errorf("headers %v, trailers %v", res.Header, res.Trailer)
	}
}

// A body that is too large is refused before any of it has left, when its length is said.
func TestTooLargeABody(t *testing.T) {
	n := newNetSuite(t, ok)
	front := listen(t, passTo(t, n, Services...))
	if status := sendLine(t, front, "POST /services/rest/record/v1/customer HTTP/1.1", "Content-Length: 104000001\r\n"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("HTTP %d, want 413", status)
	}
	if len(n.requests()) != 0 {
		t.Error("NetSuite was asked")
	}
	res, err := front.Client().Post(front.URL+"/services/rest/record/v1/customer", "application/json", io.LimitReader(zeros{}, largestBody+1))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("without a length: HTTP %d, want 413", res.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What is refused here is said as NetSuite says it, so that a client of NetSuite's finds code and detail where it looks for them.
func TestRefusalsHaveNetSuitesForm(t *testing.T) {
	n := newNetSuite(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example", http.StatusFound)
	})
	h := passTo(t, n, Query)
	for _, tt := range []struct{ method, target, want string }{
		{"GET", "/services/rest/query/v1/../v1", "SUITEKEY_PATH_REFUSED"},
		{"GET", "/services/rest/record/v1/customer", "SUITEKEY_NOT_ALLOWED"},
		{"TRACE", "/services/rest/query/v1/suiteql", "SUITEKEY_METHOD_REFUSED"},
		{"POST", "/services/rest/query/v1/suiteql", "SUITEKEY_REDIRECT_REFUSED"},
	} {
		res := send(h, tt.method, tt.target, nil, "")
		var got struct {
			Title   string `json:"title"`
			Status  int    `json:"status"`
			Details []struct {
				Detail string `json:"detail"`
				Code   string `json:"o:errorCode"`
			} `json:"o:errorDetails"`
		}
		if err := json.NewDecoder(res.Body).Decode(&got); err != nil || got.Status != res.StatusCode || got.Title == "" || len(got.Details) != 1 || got.Details[0].Code != tt.want || got.Details[0].Detail == "" {
			t.Errorf("%s %s: %+v, %v; want %s", tt.method, tt.target, got, err, tt.want)
		}
	}
}
