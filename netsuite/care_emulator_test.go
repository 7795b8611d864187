package netsuite_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// TestEmulator_GovernorKeepsToTheLimit: REST, SuiteQL and RESTlets count together, against an account of the smallest size.
func TestEmulator_GovernorKeepsToTheLimit(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	if err := e.account.SetConcurrency(5); err != nil {
		t.Fatal(err)
	}
	apis := []*netsuite.API{e.machine().API(), e.administrator()} // each with the default governor
	calls := []func(*netsuite.API, context.Context) error{
		func(a *netsuite.API, ctx context.Context) error { _, err := a.ServerTime(ctx); return err },
		func(a *netsuite.API, ctx context.Context) error {
			_, err := a.SuiteQL(ctx, "SELECT id FROM customer ORDER BY id", 5, 0)
			return err
		},
		func(a *netsuite.API, ctx context.Context) error {
			_, err := a.RESTlet(ctx, http.MethodGet, healthScript, healthDeploy, nil, nil)
			return err
		},
		func(a *netsuite.API, ctx context.Context) error {
			_, err := a.CreateRecord(ctx, "customer", map[string]string{"companyName": "Crowd"})
			return err
		},
	}
	full, waiting := make(chan struct{}), atomic.Int32{}
	e.Fault(netsuitetest.Fault{ // the first four wait for one another: so many run at once
		Kind: netsuitetest.FaultBlock, Release: full, Times: 4,
		Match: func(r *http.Request) bool { return r.URL.Path != "/services/rest/auth/oauth2/v1/token" },
		OnMatch: func(*http.Request) {
			if waiting.Add(1) == 4 {
				close(full)
			}
		},
	})
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			if err := calls[i%len(calls)](apis[i/len(calls)%2], t.Context()); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	group.Wait()
	most, governed := 0, 0
	for _, entry := range e.Ledger().Entries() {
		if !entry.OK {
			t.Errorf("refused: %s %s: %s", entry.Method, entry.Path, entry.Rule)
		}
		if entry.Running > 0 {
			governed++
		}
		most = max(most, entry.Running)
	}
	if most != 4 || governed != 200 {
		t.Errorf("%d requests, %d at once at most; want 200 and 4", governed, most)
	}
	if n := named(t, apis[1], "Crowd"); n != 50 {
		t.Errorf("%d records, want 50", n)
	}
}

// TestEmulator_ContentionIsWaitedOut: another client has all slots of the account for a while. In whatever form NetSuite says so,
// nobody hears of bad credentials, and calls that may be repeated succeed.
func TestEmulator_ContentionIsWaitedOut(t *testing.T) {
	for name, tt := range map[string]struct {
		settings netsuitetest.Settings
		held     time.Duration
	}{
		"429":                  {netsuitetest.Settings{}, 3 * time.Second},
		"429 with Retry-After": {netsuitetest.Settings{ConcurrencyRetryAfter: "20"}, 15 * time.Second},
		"503":                  {netsuitetest.Settings{ConcurrencyRefusal: "503"}, 3 * time.Second},
		"503 with Retry-After": {netsuitetest.Settings{ConcurrencyRefusal: "503", ConcurrencyRetryAfter: "20"}, 15 * time.Second},
		"401 after a minute":   {netsuitetest.Settings{ConcurrencyRefusal: "401", ConcurrencyRefusalDelay: time.Minute}, 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := startInBubble(t, tt.settings)
				e.installBundle()
				credentials := e.credentials(admin, "administrator", netsuite.P256)
				credentials.Governor = new(netsuite.Governor)
				if _, err := credentials.Token(t.Context()); err != nil {
					t.Fatal(err)
				}
				others := e.takeSlots(t, 5, tt.held)
				api := credentials.API()
				var ours sync.WaitGroup
				for range 4 {
					ours.Go(func() {
						if _, err := api.ServerTime(t.Context()); err != nil {
							t.Errorf("REST: %v", err)
						}
					})
					ours.Go(func() {
						if _, err := api.SuiteQL(t.Context(), "SELECT id FROM customer ORDER BY id", 1, 0); err != nil {
							t.Errorf("SuiteQL: %v", err)
						}
					})
					ours.Go(func() {
						if _, err := api.RESTlet(t.Context(), http.MethodGet, healthScript, healthDeploy, nil, nil); err != nil {
							t.Errorf("RESTlet: %v", err)
						}
					})
				}
				ours.Wait()
				others.Wait()
				refused := e.Ledger().Count(func(l netsuitetest.Entry) bool { return !l.OK })
				if refused == 0 {
					t.Error("nothing was refused, so nothing was tested")
				}
				if tokens := e.requests("client_credentials"); tokens != 2 { // the other's is one
					t.Errorf("%d tokens, want 2: a full account is no reason for another", tokens)
				}
			})
		})
	}
}

// A synchronous POST is not repeated, and the caller hears of contention, not of bad credentials.
func TestEmulator_ContentionAtACreation(t *testing.T) {
	for name, settings := range map[string]netsuitetest.Settings{
		"429":                {},
		"503":                {ConcurrencyRefusal: "503"},
		"401 after a minute": {ConcurrencyRefusal: "401", ConcurrencyRefusalDelay: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := startInBubble(t, settings)
				credentials := e.credentials(admin, "administrator", netsuite.P256)
				credentials.Governor = new(netsuite.Governor)
				if _, err := credentials.Token(t.Context()); err != nil {
					t.Fatal(err)
				}
				others := e.takeSlots(t, 5, 2*time.Minute)
				_, err := credentials.API().CreateRecord(t.Context(), "customer", map[string]string{"companyName": "Hollow"})
				if !errors.Is(err, netsuite.ErrTooManyRequests) || errors.Is(err, netsuite.ErrLogin) || !netsuite.IsTemporary(err) {
					t.Errorf("CreateRecord: %v, want ErrTooManyRequests", err)
				}
				others.Wait()
				if sent, made := e.calls(http.MethodPost, customersAt), named(t, credentials.API(), "Hollow"); sent != 1 || made != 0 {
					t.Errorf("sent %d times, made %d records; want once and none", sent, made)
				}
			})
		})
	}
}

// takeSlots lets another client's requests run in the account, so many for so long, and returns when they do.
func (e *emulator) takeSlots(t *testing.T, slots int, held time.Duration) *sync.WaitGroup {
	t.Helper()
	token, err := e.credentials(admin, "administrator", netsuite.P256).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.Fault(netsuitetest.Fault{
		Kind: netsuitetest.FaultDelay, Delay: held,
		Match: func(r *http.Request) bool {
			return r.Header.Get("Authorization") == "Bearer "+token.AccessToken.Reveal()
		},
	})
	api := &netsuite.API{Account: globex, Site: e.site, Token: token.AccessToken, HTTPClient: e.httpClient}
	var group sync.WaitGroup
	for range slots {
		group.Go(func() {
			if _, err := api.ServerTime(t.Context()); err != nil {
				t.Errorf("the other client: %v", err)
			}
		})
	}
	synctest.Wait() // all of them are held
	return &group
}

const serverTimeAt = "/services/rest/system/v1/serverTime"

// TestEmulator_TokenDied: a token that NetSuite refuses is replaced and the request made once more, not twice.
func TestEmulator_TokenDied(t *testing.T) {
	t.Run("one refusal", func(t *testing.T) {
		e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
		api := e.administrator()
		e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Match: of(http.MethodGet, serverTimeAt), Times: 1})
		if _, err := api.ServerTime(t.Context()); err != nil {
			t.Error(err)
		}
		if got, tokens := e.calls(http.MethodGet, serverTimeAt), e.requests("client_credentials"); got != 2 || tokens != 2 || e.tokensShown(serverTimeAt) != 2 {
			t.Errorf("%d requests with %d tokens of %d, want 2 with 2 of 2", got, e.tokensShown(serverTimeAt), tokens)
		}
	})
	t.Run("every token refused", func(t *testing.T) {
		e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
		api := e.administrator()
		e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Match: of(http.MethodGet, serverTimeAt)})
		var refused *netsuite.Error
		if _, err := api.ServerTime(t.Context()); !errors.Is(err, netsuite.ErrLogin) || !errors.As(err, &refused) || len(refused.Causes()) == 0 {
			t.Errorf("err = %v, want ErrLogin with its causes", err)
		}
		if got, tokens := e.calls(http.MethodGet, serverTimeAt), e.requests("client_credentials"); got != 2 || tokens != 2 {
			t.Errorf("%d requests, %d tokens; want 2 and 2", got, tokens)
		}
	})
	t.Run("certificate revoked", func(t *testing.T) {
		e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{RevokeKillsM2MTokens: true})
		c := e.machine()
		api := c.API()
		if _, err := api.ServerTime(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := e.account.RevokeCertificate(c.CertificateID); err != nil {
			t.Fatal(err)
		}
		if _, err := api.ServerTime(t.Context()); !errors.Is(err, netsuite.ErrInvalidGrant) {
			t.Errorf("err = %v, want ErrInvalidGrant, which tells the certificate's end", err)
		}
		if got, tokens := e.calls(http.MethodGet, serverTimeAt), e.requests("client_credentials"); got != 2 || tokens != 2 {
			t.Errorf("%d requests, %d tokens asked for; want 2 and 2", got, tokens)
		}
	})
	t.Run("a creation", func(t *testing.T) {
		e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
		api := e.administrator()
		e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultUnauthorized, Match: of(http.MethodPost, customersAt), Times: 1})
		create := func() error {
			_, err := api.CreateRecord(t.Context(), "customer", map[string]string{"companyName": "Hollow"})
			return err
		}
		if err := create(); !errors.Is(err, netsuite.ErrLogin) || e.calls(http.MethodPost, customersAt) != 1 {
			t.Errorf("err = %v after %d requests, want ErrLogin after one", err, e.calls(http.MethodPost, customersAt))
		}
		if err := create(); err != nil || e.tokensShown(customersAt) != 2 {
			t.Errorf("the next: %v with %d tokens in all, want a fresh one", err, e.tokensShown(customersAt))
		}
	})
}

// tokensShown counts the different tokens that came to a path.
func (e *emulator) tokensShown(path string) int {
	shown := map[string]bool{}
	for _, l := range e.Ledger().Entries() {
		if l.Path == path {
			shown[l.TokenID] = true
		}
	}
	return len(shown)
}

// TestRO12_ClockSkewAtTheEmulator: assertions are corrected by up to five minutes; beyond, the error names the clock and no
// other cause. The token's own hour does not depend on the skew.
func TestRO12_ClockSkewAtTheEmulator(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead    time.Duration // NetSuite's clock
		requests int
		refused  bool
	}{
		"10 s ahead":        {10 * time.Second, 1, false},
		"10 s behind":       {-10 * time.Second, 1, false},
		"4 min ahead":       {4 * time.Minute, 1, false},
		"4 min behind":      {-4 * time.Minute, 1, false},
		"4 min 45 s ahead":  {4*time.Minute + 45*time.Second, 2, false},
		"2 h ahead":         {2 * time.Hour, 1, true},
		"2 h behind":        {-2 * time.Hour, 1, true},
		"6 min ahead":       {6 * time.Minute, 1, true},
		"6 min behind":      {-6 * time.Minute, 1, true},
		"a quarter century": {25 * 365 * 24 * time.Hour, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{AssertionReplayCheck: true})
			c := e.machine()
			e.SkewDate(tt.ahead)
			_, err := c.Token(t.Context())
			if offset, known := c.ClockOffset(); !known || (offset-tt.ahead).Abs() > 5*time.Second {
				t.Errorf("ClockOffset = %s, %t; want %s", offset, known, tt.ahead)
			}
			if got := e.requests("client_credentials"); got != tt.requests {
				t.Errorf("%d token requests, want %d", got, tt.requests)
			}
			if tt.refused {
				if !errors.Is(err, netsuite.ErrClock) || netsuite.IsTemporary(err) {
					t.Errorf("err = %v, want ErrClock", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if offset, err := c.API().ClockOffset(t.Context()); err != nil || (offset-tt.ahead).Abs() > 5*time.Second {
				t.Errorf("API.ClockOffset = %s, %v; want %s", offset, err, tt.ahead)
			}
			e.Clock().Advance(56 * time.Minute)
			if _, err := c.API().ServerTime(t.Context()); err != nil {
				t.Errorf("after 56 minutes: %v", err)
			}
			if got := e.requests("client_credentials"); got != tt.requests+1 {
				t.Errorf("%d token requests after 56 minutes, want one more than %d, at once: the offset is known", got, tt.requests)
			}
		})
	}
}
