package netsuite

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

func siteCredentials(s Site) *ClientCredentials {
	c := testCredentials(testKeys()[P256])
	c.Site, c.Now = s, nil
	return c
}

func TestClientCredentialsToken(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, `{"access_token":"`+testToken+`","expires_in":"3600","token_type":"bearer"}`))
	c := siteCredentials(site.Site)
	c.Now = func() time.Time { return testNow }
	token, err := c.Token(t.Context())
	if err != nil || token.AccessToken.Reveal() != testToken || !token.RefreshToken.IsZero() || !token.Expiry.Equal(testNow.Add(time.Hour)) {
		t.Fatalf("Token = %+v, %v", token, err)
	}
	got := site.only(t)
	form := got.form(t)
	if got.Method != "POST" || got.Path != tokenPath || got.Host != site.host("suitetalk") || got.Header.Get("Authorization") != "" || len(form) != 3 ||
		form.Get("grant_type") != "client_credentials" || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		t.Errorf("request = %+v", got)
	}
	_, claims := openAssertion(t, form.Get("client_assertion"), c.Key.Public(), "ES256")
	if want := `"aud":"http://1234567-sb1.suitetalk.localhost:` + site.port() + `/services/rest/auth/oauth2/v1/token"`; !strings.Contains(string(claims), want) {
		t.Errorf("claims = %s, want %s", claims, want)
	}
}

func TestClientCredentialsErrors(t *testing.T) {
	for code, want := range map[string]error{
		"invalid_request": ErrInvalidRequest, "invalid_grant": ErrInvalidGrant, "invalid_client": ErrInvalidClient, "unauthorized_client": ErrUnauthorizedClient,
		"invalid_scope": ErrInvalidScope, "unsupported_grant_type": ErrInvalidRequest,
	} {
		site := startSite(t, reply(http.StatusBadRequest, `{"error":"`+code+`"}`))
		token, err := siteCredentials(site.Site).Token(t.Context())
		var e *Error
		if token != nil || !errors.Is(err, want) || !errors.As(err, &e) || e.Code != code || e.Op != "client credentials token" || e.Hint == "" {
			t.Errorf("%s gave %v, want %v with a hint", code, err, want)
		}
		site.only(t)
	}
}

// scripted is a RoundTripper in memory, for tests on synctest's clock. It answers each request with what answer gives.
type scripted struct {
	mu     sync.Mutex
	calls  int // guarded by mu
	answer func(call int, r *http.Request) (*http.Response, error)
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	return s.answer(call, r)
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *scripted) credentials(t *testing.T) *ClientCredentials {
	t.Helper()
	c := siteCredentials(Site{})
	c.HTTPClient = func(AccountID) *http.Client { return &http.Client{Transport: s} }
	return c
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func tokenResponse(access string) *http.Response {
	return response(http.StatusOK, `{"access_token":"`+access+`","expires_in":3600}`)
}

func TestTokenSourceReusesUntilFiveMinutesBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(call int, _ *http.Request) (*http.Response, error) {
			return tokenResponse("token." + strings.Repeat("x", call)), nil
		}}
		source := door.credentials(t).TokenSource(t.Context())
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {54*time.Minute + 59*time.Second, 1}, {time.Second, 2}, {54 * time.Minute, 2}, {2 * time.Hour, 3}} {
			<-time.After(step.wait)
			token, err := source.Token()
			if err != nil || len(token.AccessToken) != len("token.")+step.want || !token.Valid() || token.RefreshToken != "" || token.Type() != "Bearer" {
				t.Fatalf("after %s: token = %+v, %v; want number %d", step.wait, token, err, step.want)
			}
		}
	})
}

func TestTokenSourceIsSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(int, *http.Request) (*http.Response, error) {
			<-time.After(time.Second) // synctest's clock: all callers are waiting by then
			return tokenResponse("a.b.c"), nil
		}}
		source := door.credentials(t).TokenSource(t.Context())
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if token, err := source.Token(); err != nil || token.AccessToken != "a.b.c" {
					t.Errorf("token = %+v, %v", token, err)
				}
			})
		}
		group.Wait()
		if door.count() != 1 {
			t.Errorf("%d requests for 100 callers, want 1", door.count())
		}
	})
}

func TestTokenSourceSharesAFailureAndTriesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(call int, _ *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			if call == 1 {
				return response(http.StatusServiceUnavailable, ""), nil
			}
			return tokenResponse("a.b.c"), nil
		}}
		source := door.credentials(t).TokenSource(t.Context())
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := source.Token(); !errors.Is(err, ErrUnavailable) {
					t.Errorf("err = %v, want ErrUnavailable", err)
				}
			})
		}
		group.Wait()
		if _, err := source.Token(); err != nil || door.count() != 2 {
			t.Errorf("err = %v after %d requests, want success at the second", err, door.count())
		}
	})
}

func TestEachCallerWaitsOnlyAsLongAsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		door := &scripted{answer: func(int, *http.Request) (*http.Response, error) {
			<-answer
			return tokenResponse("a.b.c"), nil
		}}
		credentials := door.credentials(t)
		var group sync.WaitGroup
		for range 3 { // the first of them began the request
			ctx, leave := context.WithCancel(t.Context())
			group.Go(func() {
				if _, err := credentials.Token(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("a caller who left got %v, want its own cancellation", err)
				}
			})
			synctest.Wait()
			defer leave()
			group.Go(leave)
		}
		group.Wait()
		group.Go(func() {
			if token, err := credentials.Token(t.Context()); err != nil || token.AccessToken.Reveal() != "a.b.c" {
				t.Errorf("the caller who stayed got %+v, %v; want a token", token, err)
			}
		})
		synctest.Wait()
		close(answer)
		group.Wait()
		if door.count() != 1 {
			t.Errorf("%d requests, want 1: nobody's leaving ends it", door.count())
		}
	})
}

func TestPanicOfATransportDoesNotBlockTheNextCaller(t *testing.T) {
	door := &scripted{answer: func(call int, _ *http.Request) (*http.Response, error) {
		if call == 1 {
			panic("broken transport")
		}
		return tokenResponse("a.b.c"), nil
	}}
	source := door.credentials(t).TokenSource(t.Context())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = source.Token()
	}()
	if token, err := source.Token(); err != nil || token.AccessToken != "a.b.c" {
		t.Errorf("token = %+v, %v", token, err)
	}
}

func TestHTTPClientAddsTheBearer(t *testing.T) {
	site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenPath {
			reply(http.StatusOK, `{"access_token":"`+testToken+`","expires_in":3600}`)(w, r)
			return
		}
		http.Redirect(w, r, "http://7654321.suitetalk.localhost/", http.StatusFound)
	})
	ctx, end := context.WithCancel(t.Context())
	client := siteCredentials(site.Site).Client(ctx)
	u, err := site.BaseURL(testAccount, ServiceRESTlets)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String()+"/x", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusFound || request.Header.Get("Authorization") != "" {
			t.Errorf("got %s, and the caller's request has %v; want the redirect given back and the request untouched", resp.Status, request.Header)
		}
	}
	requests := site.requests()
	if len(requests) != 3 || requests[0].Path != tokenPath || requests[1].Header.Get("Authorization") != "Bearer "+testToken || requests[2].Body != "body" {
		t.Errorf("requests = %+v, want one for a token and two with it", requests)
	}
	end()
	if _, err := client.Get(u.String()); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context the client gave %v", err)
	}
}

func TestPX01_HTTPClientShowsTheBearerToNoOtherHost(t *testing.T) {
	door := &scripted{answer: func(int, *http.Request) (*http.Response, error) { return tokenResponse("a.b.c"), nil }}
	client := door.credentials(t).Client(t.Context())
	for _, address := range []string{"https://evil.example/", "http://1234567-sb1.suitetalk.api.netsuite.com/", "https://7654321.suitetalk.api.netsuite.com/"} {
		resp, err := client.Post(address, "text/plain", strings.NewReader("body"))
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, ErrHostRefused) {
			t.Errorf("%s gave %v, want ErrHostRefused", address, err)
		}
	}
	if door.count() != 0 {
		t.Errorf("%d requests left, want none, not even for a token", door.count())
	}
}

// The source must fit what is built on golang.org/x/oauth2.
func TestTokenSourceWithOAuth2Client(t *testing.T) {
	site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
		reply(http.StatusOK, `{"access_token":"`+testToken+`","expires_in":3600}`)(w, r)
	})
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, site.HTTPClient(testAccount))
	client := oauth2.NewClient(ctx, siteCredentials(site.Site).TokenSource(t.Context()))
	u, err := site.BaseURL(testAccount, ServiceSuiteTalk)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.PostForm(u.String()+"/x", url.Values{"a": {"b"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := site.requests(); len(got) != 2 || got[1].Header.Get("Authorization") != "Bearer "+testToken {
		t.Errorf("requests = %+v", got)
	}
}
