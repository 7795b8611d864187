package netsuite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// chain is the token endpoint of a public client: every refresh token works once and gives the next.
type chain struct {
	mu     sync.Mutex
	sent   []string // guarded by mu; refresh tokens as they came
	answer func(call int) (*http.Response, error)
}

func (c *chain) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.sent = append(c.sent, form.Get("refresh_token"))
	call := len(c.sent)
	c.mu.Unlock()
	if c.answer != nil {
		if resp, err := c.answer(call); resp != nil || err != nil {
			return resp, err
		}
	}
	return response(http.StatusOK, fmt.Sprintf(`{"access_token":"access.%d","refresh_token":"refresh.%d","expires_in":"3600"}`, call, call)), nil
}

func (c *chain) tokens() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.sent, " ")
}

// user is a public client's, whose saved tokens go into saved.
func (c *chain) user(saved *[]string) *UserCredentials {
	return &UserCredentials{
		Grant:   CodeGrant{ClientID: testClientID, RedirectURI: "https://acme.example/back", Scopes: []string{"restlets"}, HTTPClient: func(AccountID) *http.Client { return &http.Client{Transport: c} }},
		Account: testAccount,
		Stored:  Token{RefreshToken: NewSecret("refresh.0")},
		Save: func(_ context.Context, old, new *Token) error {
			*saved = append(*saved, old.RefreshToken.Reveal()+">"+new.RefreshToken.Reveal())
			return nil
		},
	}
}

func TestUserCredentialsRefreshAndSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saved []string
		endpoint := new(chain)
		user := endpoint.user(&saved)
		for _, step := range []struct {
			wait time.Duration
			want string
		}{{0, "access.1"}, {54 * time.Minute, "access.1"}, {time.Minute, "access.2"}, {3 * time.Hour, "access.3"}} {
			<-time.After(step.wait)
			token, err := user.Token(t.Context())
			if err != nil || token.AccessToken.Reveal() != step.want {
				t.Fatalf("after %s: %v, %v; want %s", step.wait, token.AccessToken.Reveal(), err, step.want)
			}
		}
		if got, want := endpoint.tokens(), "refresh.0 refresh.1 refresh.2"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
		if got, want := strings.Join(saved, " "), "refresh.0>refresh.1 refresh.1>refresh.2 refresh.2>refresh.3"; got != want {
			t.Errorf("saved %s, want %s", got, want)
		}
	})
}

func TestUserCredentialsUseAStoredAccessToken(t *testing.T) {
	var saved []string
	endpoint := new(chain)
	user := endpoint.user(&saved)
	user.Stored.AccessToken, user.Stored.Expiry = NewSecret("access.0"), time.Now().Add(time.Hour)
	if token, err := user.Token(t.Context()); err != nil || token.AccessToken.Reveal() != "access.0" || endpoint.tokens() != "" {
		t.Errorf("Token = %+v, %v after %q; want the stored one without a request", token, err, endpoint.tokens())
	}
}

// A token that could not be saved is given to nobody, and is not lost either.
func TestUserCredentialsTrySavingAgain(t *testing.T) {
	var saved []string
	endpoint := new(chain)
	user := endpoint.user(&saved)
	save, diskFull := user.Save, errors.New("disk full")
	user.Save = func(context.Context, *Token, *Token) error { return diskFull }
	if token, err := user.Token(t.Context()); token != nil || !errors.Is(err, diskFull) {
		t.Fatalf("Token = %v, %v; want the error of Save", token, err)
	}
	user.Save = save
	token, err := user.Token(t.Context())
	if err != nil || token.AccessToken.Reveal() != "access.1" || endpoint.tokens() != "refresh.0" || strings.Join(saved, " ") != "refresh.0>refresh.1" {
		t.Errorf("Token = %v, %v; sent %s, saved %s; want the same token saved now", token, err, endpoint.tokens(), saved)
	}
}

func TestUserCredentialsSpendFirst(t *testing.T) {
	var saved []string
	endpoint := new(chain)
	user := endpoint.user(&saved)
	locked := errors.New("database is locked")
	user.Spend = func(_ context.Context, old *Token) error {
		if old.RefreshToken.Reveal() != "refresh.0" || endpoint.tokens() != "" {
			t.Errorf("Spend was called with %q after %q was sent, want the token before it is sent", old.RefreshToken.Reveal(), endpoint.tokens())
		}
		return locked
	}
	if token, err := user.Token(t.Context()); token != nil || !errors.Is(err, locked) || endpoint.tokens() != "" {
		t.Errorf("Token = %v, %v after %q; want the error of Spend and nothing sent", token, err, endpoint.tokens())
	}
}

// What an answer means for a refresh token that works once.
func TestRO08_RO10_PublicRefreshTokenIsNeverSentTwice(t *testing.T) {
	down := func(status int, body string) func(int) (*http.Response, error) {
		return func(call int) (*http.Response, error) {
			if call > 1 {
				return nil, nil
			}
			return response(status, body), nil
		}
	}
	tests := []struct {
		name   string
		answer func(call int) (*http.Response, error)
		again  bool  // may the token be sent again?
		is     error // besides ErrConsentNeeded when it may not
	}{
		{"connection cut", func(int) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, false, ErrResponseLost},
		{"half an answer", func(int) (*http.Response, error) {
			resp := response(http.StatusOK, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"access_token":`), errReader{io.ErrUnexpectedEOF}))
			return resp, nil
		}, false, ErrResponseLost},
		{"a web page with 200", down(http.StatusOK, "<html>"), false, ErrUnreadable},
		{"500", down(http.StatusInternalServerError, ""), false, ErrUnavailable},
		{"502", down(http.StatusBadGateway, ""), false, ErrUnavailable},
		{"504", down(http.StatusGatewayTimeout, ""), false, ErrUnavailable},
		{"invalid_grant", down(http.StatusBadRequest, `{"error":"invalid_grant"}`), false, ErrInvalidGrant},
		{"503, not taken on", down(http.StatusServiceUnavailable, ""), true, ErrUnavailable},
		{"429, not taken on", down(http.StatusTooManyRequests, ""), true, ErrTooManyRequests},
		{"invalid_client", down(http.StatusUnauthorized, `{"error":"invalid_client"}`), true, ErrInvalidClient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var saved []string
			endpoint := &chain{answer: tt.answer}
			user := endpoint.user(&saved)
			token, err := user.Token(t.Context())
			if token != nil || !errors.Is(err, tt.is) || errors.Is(err, ErrConsentNeeded) == tt.again || strings.Contains(fmt.Sprint(err), "refresh.0") {
				t.Fatalf("Token = %v, %v; want %v, and consent needed: %t", token, err, tt.is, !tt.again)
			}
			if IsTemporary(err) != (tt.again && tt.is != ErrInvalidClient) {
				t.Errorf("IsTemporary(%v) is wrong", err)
			}
			for range 3 {
				token, err = user.Token(t.Context())
			}
			want := "refresh.0"
			if tt.again {
				want = "refresh.0 refresh.0"
			}
			if endpoint.tokens() != want || errors.Is(err, ErrConsentNeeded) == tt.again || (token != nil) != tt.again {
				t.Errorf("sent %q, then %v, %v; want %q", endpoint.tokens(), token, err, want)
			}
		})
	}
}

// A caller who leaves must not end a refresh: the next token would be lost.
func TestUserCredentialsRefreshOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saved []string
		answer := make(chan struct{})
		endpoint := &chain{answer: func(int) (*http.Response, error) { <-answer; return nil, nil }}
		user := endpoint.user(&saved)
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := user.Token(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("the caller who left got %v", err)
			}
		})
		synctest.Wait()
		leave()
		group.Wait()
		close(answer)
		synctest.Wait()
		if strings.Join(saved, " ") != "refresh.0>refresh.1" {
			t.Errorf("saved %v, want the token of the refresh that nobody waited for", saved)
		}
		if token, err := user.Token(t.Context()); err != nil || token.AccessToken.Reveal() != "access.1" || endpoint.tokens() != "refresh.0" {
			t.Errorf("Token = %+v, %v after %q; want the one refreshed", token, err, endpoint.tokens())
		}
	})
}

func TestUserCredentialsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*UserCredentials){
		"Stored.RefreshToken is empty": func(u *UserCredentials) { u.Stored = Token{} },
		"Save is nil":                  func(u *UserCredentials) { u.Save = nil },
		"client ID must be":            func(u *UserCredentials) { u.Grant.ClientID = "" },
		"account ID":                   func(u *UserCredentials) { u.Account = "evil.example/" },
	} {
		var saved []string
		endpoint := new(chain)
		user := endpoint.user(&saved)
		change(user)
		if token, err := user.Token(t.Context()); token != nil || err == nil || !strings.Contains(err.Error(), want) || endpoint.tokens() != "" {
			t.Errorf("Token = %v, %v after %q; want an error with %q and nothing sent", token, err, endpoint.tokens(), want)
		}
	}
}

func TestConfidentialUserKeepsTheRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &chain{answer: func(call int) (*http.Response, error) {
			if call == 2 {
				return nil, io.ErrUnexpectedEOF
			}
			return tokenResponse(fmt.Sprintf("access.%d", call)), nil
		}}
		user := endpoint.user(nil)
		user.Save, user.Grant.ClientSecret = nil, NewSecret("the client's secret")
		for want, step := range []func(error) bool{
			func(err error) bool { return err == nil },
			func(err error) bool { return errors.Is(err, ErrResponseLost) && !errors.Is(err, ErrConsentNeeded) },
			func(err error) bool { return err == nil },
		} {
			if _, err := user.Token(t.Context()); !step(err) {
				t.Errorf("refresh %d gave %v", want+1, err)
			}
			<-time.After(time.Hour)
		}
		if got := endpoint.tokens(); got != "refresh.0 refresh.0 refresh.0" {
			t.Errorf("sent %q, want the same refresh token each time", got)
		}
	})
}
