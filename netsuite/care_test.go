package netsuite

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// apiDoor answers token requests by itself, with tokens numbered from 1, and hands all others to answer.
type apiDoor struct {
	mu     sync.Mutex
	tokens int      // guarded by mu
	calls  []string // guarded by mu; the bearer of each other request
	bodies []string // guarded by mu
	answer func(call int, r *http.Request) (*http.Response, error)
}

func (d *apiDoor) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == tokenPath {
		d.mu.Lock()
		d.tokens++
		n := d.tokens
		d.mu.Unlock()
		return tokenResponse("token." + strconv.Itoa(n)), nil
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	d.calls = append(d.calls, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	d.bodies = append(d.bodies, string(body))
	call := len(d.calls)
	d.mu.Unlock()
	return d.answer(call, r)
}

func (d *apiDoor) seen() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.calls, " ")
}

func (d *apiDoor) credentials() *ClientCredentials {
	c := siteCredentials(Site{})
	c.HTTPClient = func(AccountID) *http.Client { return &http.Client{Transport: d, Timeout: time.Hour} }
	c.Governor = new(Governor)
	return c
}

// statuses answers with each status in turn, then with 200.
func statuses(all ...int) func(int, *http.Request) (*http.Response, error) {
	return func(call int, _ *http.Request) (*http.Response, error) {
		if call > len(all) {
			return response(http.StatusOK, "{}"), nil
		}
		if all[call-1] == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		return response(all[call-1], ""), nil
	}
}

const restURL = "https://1234567-sb1.suitetalk.api.netsuite.com"

func TestWhatIsRepeated(t *testing.T) {
	restlet := "https://1234567-sb1.restlets.api.netsuite.com" + restletPath
	tests := []struct {
		name, method, url string
		header            http.Header
		answers           []int
		want              int    // status in the end, 0 for an error
		bearers           string // of the requests made
	}{
		{"fine at once", "GET", restURL + recordPath + "customer/1", nil, nil, 200, "token.1"},
		{"401: once more with a fresh token", "GET", restURL + recordPath + "customer/1", nil, []int{401}, 200, "token.1 token.2"},
		{"401 twice", "GET", restURL + recordPath + "customer/1", nil, []int{401, 401}, 401, "token.1 token.2"},
		{"429, then fine", "GET", restURL + recordPath + "customer/1", nil, []int{429, 429}, 200, "token.1 token.1 token.1"},
		{"429 for ever", "GET", restURL + recordPath + "customer/1", nil, []int{429, 429, 429, 429, 429}, 429, "token.1 token.1 token.1 token.1"},
		{"a read that failed", "GET", restURL + recordPath + "customer/1", nil, []int{500, 0, 502}, 200, "token.1 token.1 token.1 token.1"},
		{"a read that always fails", "GET", restURL + recordPath + "customer/1", nil, []int{0, 0, 0, 0}, 0, "token.1 token.1 token.1 token.1"},
		{"a query is a read", "POST", restURL + suiteQLPath, nil, []int{500}, 200, "token.1 token.1"},
		{"a synchronous POST: 401", "POST", restURL + recordPath + "customer", nil, []int{401}, 401, "token.1"},
		{"a synchronous POST: 429", "POST", restURL + recordPath + "customer", nil, []int{429}, 429, "token.1"},
		{"a synchronous POST: 503", "POST", restURL + recordPath + "customer", nil, []int{503}, 503, "token.1"},
		{"a synchronous POST: cut", "POST", restURL + recordPath + "customer", nil, []int{0}, 0, "token.1"},
		{"an asynchronous POST with a key", "POST", restURL + recordPath + "customer", http.Header{"Prefer": {"respond-async"}, "X-Netsuite-Idempotency-Key": {"k"}}, []int{0, 500}, 200, "token.1 token.1 token.1"},
		{"an asynchronous POST without", "POST", restURL + recordPath + "customer", http.Header{"Prefer": {"respond-async"}}, []int{500}, 500, "token.1"},
		{"a key alone is ignored by NetSuite", "POST", restURL + recordPath + "customer", http.Header{"X-Netsuite-Idempotency-Key": {"k"}}, []int{500}, 500, "token.1"},
		{"an upsert", "PUT", restURL + recordPath + "customer/eid:x", nil, []int{0}, 200, "token.1 token.1"},
		{"a change: refused", "PATCH", restURL + recordPath + "customer/1", nil, []int{429, 401}, 200, "token.1 token.1 token.2"},
		{"a change: cut", "PATCH", restURL + recordPath + "customer/1", nil, []int{0}, 0, "token.1"},
		{"a deletion: cut", "DELETE", restURL + recordPath + "customer/1", nil, []int{0}, 0, "token.1"},
		{"a RESTlet's PUT: cut", "PUT", restlet, nil, []int{0}, 0, "token.1"},
		{"a RESTlet's POST: 401", "POST", restlet, nil, []int{401}, 401, "token.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				door := &apiDoor{answer: statuses(tt.answers...)}
				client := door.credentials().Client(t.Context())
				r, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, strings.NewReader("the body"))
				if err != nil {
					t.Fatal(err)
				}
				for name, values := range tt.header {
					r.Header[name] = values
				}
				resp, err := client.Do(r)
				got := 0
				if err == nil {
					got = resp.StatusCode
					_ = resp.Body.Close()
				}
				if got != tt.want || door.seen() != tt.bearers {
					t.Errorf("got %d, %v with requests of %q; want %d with %q", got, err, door.seen(), tt.want, tt.bearers)
				}
				for _, body := range door.bodies {
					if body != "the body" {
						t.Errorf("a request had the body %q", body)
					}
				}
			})
		})
	}
}

// After a 401 that is not the token's fault no second token is fetched for every call.
func TestRefusedFreshTokenIsNotReplacedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &apiDoor{answer: func(int, *http.Request) (*http.Response, error) { return response(http.StatusUnauthorized, ""), nil }}
		api := door.credentials().API()
		for range 10 {
			if _, err := api.ServerTime(t.Context()); !errors.Is(err, ErrLogin) {
				t.Fatalf("err = %v, want ErrLogin", err)
			}
		}
		if door.tokens != 2 {
			t.Errorf("%d tokens for ten calls, want 2", door.tokens)
		}
		<-time.After(2 * time.Minute)
		if _, err := api.ServerTime(t.Context()); !errors.Is(err, ErrLogin) || door.tokens != 3 {
			t.Errorf("err = %v after %d tokens, want another try after a while", err, door.tokens)
		}
	})
}

func TestPOSTRefusedWith401RenewsForTheNext(t *testing.T) {
	door := &apiDoor{answer: statuses(401)}
	client := door.credentials().Client(t.Context())
	for _, want := range []int{401, 200} {
		resp, err := client.Post(restURL+recordPath+"customer", "application/json", strings.NewReader("{}"))
		if err != nil || resp.StatusCode != want {
			t.Fatalf("got %v, %v; want %d", resp, err, want)
		}
		_ = resp.Body.Close()
	}
	if door.seen() != "token.1 token.2" {
		t.Errorf("bearers %q, want a fresh one for the second", door.seen())
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		door := &apiDoor{answer: func(call int, _ *http.Request) (*http.Response, error) {
			at = append(at, time.Since(began))
			resp := response(http.StatusTooManyRequests, "")
			switch call {
			case 1:
				resp.Header.Set("Retry-After", "90")
			case 2:
				resp.Header.Set("Retry-After", "3600")
			}
			return resp, nil
		}}
		_, err := door.credentials().API().ServerTime(t.Context())
		var e *Error
		if !errors.Is(err, ErrTooManyRequests) || !errors.As(err, &e) || e.RetryAfter != time.Hour {
			t.Errorf("err = %v, want ErrTooManyRequests that says an hour", err)
		}
		if len(at) != 2 || at[1] != 90*time.Second {
			t.Errorf("requests at %v, want the second after 90 seconds and none after that: an hour is the caller's to wait", at)
		}
	})
}

func TestPausesGrowAndDiffer(t *testing.T) {
	g := new(Governor)
	seen := map[time.Duration]bool{}
	for range 50 {
		for try, longest := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second} {
			pause, again := g.pause(t.Context(), try, 0)
			if !again || pause < longest/2 || pause >= longest {
				t.Fatalf("pause %d = %s, %t; want from %s up to %s", try, pause, again, longest/2, longest)
			}
			seen[pause] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("%d different pauses in 150, want them spread", len(seen))
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if pause, again := g.pause(soon, 1, 0); again {
		t.Errorf("pause of %s although the caller has no time left", pause)
	}
}

// Contention must never look like bad credentials, in whatever form NetSuite tells it.
func TestContentionIsNotBadCredentials(t *testing.T) {
	tests := map[string]func(call int, r *http.Request) (*http.Response, error){
		"429": func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusTooManyRequests, `{"o:errorDetails":[{"o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"}]}`), nil
		},
		"503": func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusServiceUnavailable, `{"o:errorDetails":[{"o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"}]}`), nil
		},
		"RESTlet": func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusBadRequest, `{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED","message":"x"}}`), nil
		},
		"RESTlet in text": func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusBadRequest, "error code: SSS_REQUEST_LIMIT_EXCEEDED\nerror message: x"), nil
		},
		"401 after a minute": func(int, *http.Request) (*http.Response, error) {
			<-time.After(time.Minute)
			return response(http.StatusUnauthorized, `{"o:errorDetails":[{"detail":"Invalid login attempt.","o:errorCode":"INVALID_LOGIN"}]}`), nil
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				door := &apiDoor{answer: answer}
				_, err := door.credentials().API().RESTlet(t.Context(), http.MethodGet, "customscript_x", "customdeploy_x", nil, nil)
				if !errors.Is(err, ErrTooManyRequests) || errors.Is(err, ErrLogin) || door.seen() != "token.1 token.1 token.1 token.1" {
					t.Errorf("err = %v after %q; want ErrTooManyRequests after four tries with one token", err, door.seen())
				}
			})
		})
	}
}

// A token that cannot be had for the moment is asked for as often as anything else, and no more.
func TestTokenTriesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(int, *http.Request) (*http.Response, error) { return response(http.StatusTooManyRequests, ""), nil }}
		c := door.credentials(t)
		c.Governor = new(Governor)
		if _, err := c.API().ServerTime(t.Context()); !errors.Is(err, ErrTooManyRequests) || door.count() != defaultTries {
			t.Errorf("err = %v after %d requests, want ErrTooManyRequests after %d", err, door.count(), defaultTries)
		}
	})
}

// The answer to a request that was looked into is the same as before.
func TestBodyIsWholeAfterTheLook(t *testing.T) {
	long := strings.Repeat("x", 3*maxSniffed)
	door := &apiDoor{answer: func(int, *http.Request) (*http.Response, error) { return response(http.StatusBadRequest, long), nil }}
	resp, err := door.credentials().Client(t.Context()).Get("https://1234567-sb1.restlets.api.netsuite.com" + restletPath)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != long || resp.Body.Close() != nil {
		t.Errorf("read %d bytes, %v; want %d", len(body), err, len(long))
	}
}

func TestCallerCanLeaveWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &apiDoor{answer: statuses(429, 429, 429)}
		for _, leave := range []string{"request", "client"} {
			request, leaveRequest := context.WithCancel(t.Context())
			whole, leaveClient := context.WithCancel(t.Context())
			client := door.credentials().Client(whole)
			done := make(chan error)
			go func() {
				r, err := http.NewRequestWithContext(request, http.MethodGet, restURL+"/x", nil)
				if err == nil {
					_, err = client.Do(r)
				}
				done <- err
			}()
			synctest.Wait() // it pauses after the first 429
			if leave == "request" {
				leaveRequest()
			} else {
				leaveClient()
			}
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("%s left: err = %v", leave, err)
			}
			leaveRequest()
			leaveClient()
		}
	})
}

// The token that a client adds by itself stays out of errors, also when the server echoes it.
func TestEchoedTokenOfASigningClientIsMasked(t *testing.T) {
	site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenPath {
			reply(http.StatusOK, `{"access_token":"`+testToken+`","expires_in":3600}`)(w, r)
			return
		}
		reply(http.StatusForbidden, "you sent "+r.Header.Get("Authorization"))(w, r)
	})
	_, err := siteCredentials(site.Site).API().ServerTime(t.Context())
	if !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), "you sent Bearer "+redacted) || strings.Contains(err.Error(), testToken) {
		t.Errorf("err = %v, want the token masked", err)
	}
}
