package netsuite

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testAccount  = AccountID("1234567_SB1")
	testClientID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	testToken    = "eyJhbGciOiJSUzI1NiJ9.access.token-of-the-test"
)

// seen is one request as the server received it.
type seen struct {
	Method, Host, Path, Query string
	Header                    http.Header
	Body                      string
}

func (s seen) form(t *testing.T) url.Values {
	t.Helper()
	form, err := url.ParseQuery(s.Body)
	if err != nil {
		t.Fatalf("body %q is not a form: %v", s.Body, err)
	}
	return form
}

// fakeSite is a server that keeps what it receives and answers as the test says.
type fakeSite struct {
	Site
	mu   sync.Mutex
	seen []seen // guarded by mu
}

func (f *fakeSite) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen(nil), f.seen...)
}

func (f *fakeSite) only(t *testing.T) seen {
	t.Helper()
	all := f.requests()
	if len(all) != 1 {
		t.Fatalf("server got %d requests, want 1: %+v", len(all), all)
	}
	return all[0]
}

func startSite(t *testing.T, handler http.HandlerFunc) *fakeSite {
	t.Helper()
	f := &fakeSite{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("server could not read the body: %v", err)
		}
		f.mu.Lock()
		f.seen = append(f.seen, seen{r.Method, r.Host, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone(), string(body)})
		f.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	site, err := EmulatorSite(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	f.Site = site
	return f
}

// reply answers every request with status and body.
func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cutConnection ends the connection without an answer.
func cutConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func (f *fakeSite) host(service string) string {
	return "1234567-sb1." + service + ".localhost:" + f.port()
}
