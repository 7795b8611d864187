package netsuite

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd makes n calls at once, each of which NetSuite works on for a second, and returns how many ran at most together and how
// long all took.
func crowd(t *testing.T, n int, change func(*ClientCredentials)) (most int64, took time.Duration) {
	t.Helper()
	var running, peak atomic.Int64
	door := &apiDoor{answer: func(int, *http.Request) (*http.Response, error) {
		now := running.Add(1)
		for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
		}
		<-time.After(time.Second)
		running.Add(-1)
		return response(http.StatusOK, `{"serverTime":"2026-11-24T12:00:00Z"}`), nil
	}}
	c := door.credentials()
	change(c)
	api, began := c.API(), time.Now()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if _, err := api.ServerTime(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return peak.Load(), time.Since(began)
}

func TestConcurrencyStaysWithinTheLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*ClientCredentials)
		most   int64
		took   time.Duration
	}{
		"default":         {func(*ClientCredentials) {}, 4, 5 * time.Second},
		"of the Governor": {func(c *ClientCredentials) { c.Governor.Limit = 10 }, 10, 2 * time.Second},
		"of the account":  {func(c *ClientCredentials) { c.Governor.SetLimit(c.Site, c.Account, 1) }, 1, 20 * time.Second},
		"of another account": {func(c *ClientCredentials) {
			c.Governor.SetLimit(c.Site, "7654321", 1)
			c.Governor.SetLimit(c.Site, c.Account, 20)
		}, 20, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if most, took := crowd(t, 20, tt.change); most != tt.most || took != tt.took {
					t.Errorf("%d at once in %s, want %d in %s", most, took, tt.most, tt.took)
				}
			})
		})
	}
}

func TestLimitFollowsGovernanceLimits(t *testing.T) {
	for want, limits := range map[int]GovernanceLimits{
		9: {AccountConcurrencyLimit: 50, UnallocatedConcurrencyLimit: 30, IntegrationConcurrencyLimit: 10},
		4: {AccountConcurrencyLimit: 15, UnallocatedConcurrencyLimit: 5},
		1: {AccountConcurrencyLimit: 1},
		0: {},
	} {
		if got := limits.Usable(); got != want {
			t.Errorf("%+v: %d, want %d", limits, got, want)
		}
	}
}

// sharedLimiter stands for slots in a database.
type sharedLimiter struct{ slots chan struct{} }

func (l sharedLimiter) Acquire(ctx context.Context, _ Site, _ AccountID) (func(), error) {
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestLimiterIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := sharedLimiter{make(chan struct{}, 2)}
		if most, _ := crowd(t, 6, func(c *ClientCredentials) { c.Governor.Limiter = limiter }); most != 2 {
			t.Errorf("%d at once, want 2", most)
		}
		if len(limiter.slots) != 0 {
			t.Errorf("%d slots were not given back", len(limiter.slots))
		}
	})
}

// Every way to end a wait or a call gives the slot back.
func TestSlotsAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan *http.Response)
		door := &apiDoor{answer: func(call int, r *http.Request) (*http.Response, error) {
			select {
			case resp := <-answers:
				return resp, nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}}
		c := door.credentials()
		c.Governor.Limit = 1
		client := c.Client(t.Context())
		call := func(ctx context.Context) (*http.Response, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, restURL+"/x", strings.NewReader(""))
			if err != nil {
				return nil, err
			}
			return client.Do(r)
		}
		var group sync.WaitGroup
		leave := make([]context.CancelFunc, 3)
		for i := range leave { // the first holds the slot, the others wait for it
			var ctx context.Context
			ctx, leave[i] = context.WithCancel(t.Context())
			group.Go(func() {
				if _, err := call(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("call %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		for _, i := range []int{2, 0, 1} { // one who waits, the one who holds, the one who holds then
			leave[i]()
			synctest.Wait()
		}
		group.Wait()
		for _, end := range []func(*http.Response){
			func(r *http.Response) { _ = r.Body.Close() },
			func(r *http.Response) { _, _ = io.Copy(io.Discard, r.Body) },
		} {
			go func() { answers <- response(http.StatusOK, "read me") }()
			resp, err := call(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Governor.accounts[c.signIn().key()].busy; got != 1 {
				t.Errorf("%d slots while the answer is read, want 1", got)
			}
			end(resp)
		}
		if len(c.Governor.accounts) != 0 {
			t.Errorf("remembered %+v, want nothing of an account at rest", c.Governor.accounts)
		}
	})
}

// Two hours without an answer: at most a request a minute to that account, and none missed elsewhere (DO-02).
func TestBreakerRestsAnAccountThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		governor := &Governor{Tries: 1}
		down := true
		door := &apiDoor{answer: func(int, *http.Request) (*http.Response, error) {
			if down {
				return response(http.StatusBadGateway, ""), nil
			}
			return response(http.StatusOK, `{"serverTime":"2026-11-24T12:00:00Z"}`), nil
		}}
		healthy := &apiDoor{answer: statuses()}
		sick, other := door.credentials(), healthy.credentials()
		sick.Governor, other.Governor, other.Account = governor, governor, "7654321"
		api, others := sick.API(), other.Client(t.Context())
		var e *Error
		for minute := range 120 {
			for range 20 {
				<-time.After(3 * time.Second)
				_, err := api.ServerTime(t.Context())
				if !errors.Is(err, ErrUnavailable) || !errors.As(err, &e) {
					t.Fatalf("err = %v, want ErrUnavailable", err)
				}
			}
			resp, err := others.Get("https://7654321.suitetalk.api.netsuite.com/x")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("minute %d: the other account got %v, %v", minute, resp, err)
			}
			_ = resp.Body.Close()
		}
		if got := len(door.calls); got < 100 || got > breakAfter+120 {
			t.Errorf("%d requests in two hours, want one a minute after the first five", got)
		}
		if e.RetryAfter <= 0 || e.RetryAfter > restTime || !strings.Contains(e.Detail, "in a row") {
			t.Errorf("the error of a rest is %+v", e)
		}
		down = false
		<-time.After(restTime)
		if _, err := api.ServerTime(t.Context()); err != nil {
			t.Errorf("after the outage: %v", err)
		}
		if _, err := api.ServerTime(t.Context()); err != nil {
			t.Errorf("once it answers, everybody may ask: %v", err)
		}
	})
}

// A script that fails by itself must not close the account to all others.
func TestBreakerIgnores500(t *testing.T) {
	door := &apiDoor{answer: func(int, *http.Request) (*http.Response, error) {
		return response(http.StatusInternalServerError, ""), nil
	}}
	c := door.credentials()
	c.Governor.Tries = 1
	for range 3 * breakAfter {
		if _, err := c.API().ServerTime(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if got := len(door.calls); got != 3*breakAfter {
		t.Errorf("%d requests went out, want all %d", got, 3*breakAfter)
	}
}

// An outage of the token endpoint is one of the account, too.
func TestBreakerSeesTheTokenEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		door := &scripted{answer: func(int, *http.Request) (*http.Response, error) {
			requests++
			return response(http.StatusServiceUnavailable, ""), nil
		}}
		c := door.credentials(t)
		c.Governor = &Governor{Tries: 1}
		api := c.API()
		for range 600 { // ten minutes
			<-time.After(time.Second)
			if _, err := api.ServerTime(t.Context()); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("err = %v, want ErrUnavailable", err)
			}
		}
		if requests < breakAfter+9 || requests > breakAfter+10 {
			t.Errorf("%d token requests in ten minutes, want one a minute after the first five", requests)
		}
	})
}
