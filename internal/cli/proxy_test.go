package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
)

// Who is let through is a program of this machine.
func TestProxyGuard(t *testing.T) {
	here := "127.0.0.1:8770"
	tests := []struct {
		name, host string
		header     http.Header
		want       int
	}{
		{"a program", here, nil, 200},
		{"by name", "localhost:8770", nil, 200},
		{"over IPv6", "[::1]:8770", nil, 200},
		{"without a port", "127.0.0.1", nil, 200},
		{"IPv6 without a port", "[::1]", nil, 200},
		{"typed into a browser", here, http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{"rebound name", "evil.example:8770", nil, 403},
		{"rebound name without a port", "evil.example", nil, 403},
		{"name that begins like ours", "localhost.evil.example:8770", nil, 403},
		{"name that ends like ours", "evil.localhost:8770", nil, 403},
		{"number that begins like ours", "127.0.0.1.evil.example", nil, 403},
		{"another machine's number", "192.0.2.1:8770", nil, 403},
		{"every address", "0.0.0.0:8770", nil, 403},
		{"no host", "", nil, 403},
		{"a page", here, http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a sandboxed page", here, http.Header{"Origin": {"null"}}, 403},
		{"a link in a page", here, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a page of a neighbour", here, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"a page of ours, which has none", here, http.Header{"Sec-Fetch-Site": {"same-origin"}}, 403},
		{"two values", here, http.Header{"Sec-Fetch-Site": {"none", "cross-site"}}, 403},
		{"an empty origin beside one", here, http.Header{"Origin": {"", "https://evil.example"}}, 403},
		{"a link in a page of an old browser", here, http.Header{"Referer": {"http://evil.example/"}}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			passed := false
			g := proxyGuard{next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })}
			r := httptest.NewRequest(http.MethodGet, "/services/rest/system/v1/serverTime", nil)
			r.Host, r.Header = tt.host, tt.header
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if w.Code != tt.want || passed != (tt.want == 200) {
				t.Errorf("HTTP %d, passed on: %t; want %d", w.Code, passed, tt.want)
			}
			if tt.want != 200 && !strings.Contains(w.Body.String(), `"o:errorCode":"SUITEKEY_`) {
				t.Errorf("%s is not in the form of the other refusals", w.Body)
			}
		})
	}
}

// With a secret, the caller must know it, whole.
func TestProxySecret(t *testing.T) {
	g := proxyGuard{secret: netsuite.NewSecret("let-me-in"), next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	for authorization, want := range map[string]int{
		"Bearer let-me-in": 200, "bearer let-me-in": 200,
		"": 401, "Bearer": 401, "Bearer ": 401, "Basic let-me-in": 401, "Bearer let-me-in-": 401, "Bearer let-me-i": 401, "Bearer  let-me-in": 401, "let-me-in": 401,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8770/", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != want || want == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("Authorization %q: HTTP %d, want %d", authorization, w.Code, want)
		}
	}
}

// The proxy listens on this machine, whatever the address is called.
func TestProxyListensHere(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:8770": true, "127.9.9.9:1": true,
		"": false, ":8770": false, "8770": false, "0.0.0.0:8770": false, "[::]:8770": false, "192.0.2.1:8770": false, "evil.example:8770": false, "127.0.0.1": false, "localhost.evil.example:1": false,
		"127.0.0.1:http": false, "127.0.0.1:65536": false, "127.0.0.1:-1": false, "127.0.0.1:": false,
	} {
		_, _, err := (&env{}).readProxy(proxyOptions{listen: listen, allow: "query"})
		if (err == nil) != want {
			t.Errorf("--listen %q: %v", listen, err)
		}
	}
}
