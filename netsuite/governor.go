package netsuite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Governor takes care of accounts. It keeps the number of requests that run at once in an account within its limit, repeats
// what may be repeated after growing pauses, and stops asking for a while when NetSuite is down. One Governor should see all
// requests of a program; the zero value is ready for use, by any number of goroutines.
//
// Concurrency is one figure for an account, over REST, SuiteQL, RESTlets and all integrations together
// (H/section_1500275531), so everybody who calls it must share the figure: in one process by sharing the Governor, over
// several by a Limiter.
type Governor struct {
	Limit   int              // requests at once in one account, until SetLimit says otherwise; 0: 4, one below NetSuite's smallest limit
	Tries   int              // how often a request is made at most, repeats included; 0: 4, 1: no repeats
	Limiter Limiter          // nil: slots counted in this process
	Now     func() time.Time // nil: time.Now

	mu       sync.Mutex
	accounts map[accountKey]*accountCare // guarded by mu; an account that needs nothing remembered has none
}

// Limiter shares the concurrency of accounts among processes.
type Limiter interface {
	// Acquire waits until one more request may run in the account and returns what gives the slot back, to be called once.
	// It returns an error when ctx ends first.
	Acquire(ctx context.Context, site Site, account AccountID) (release func(), err error)
}

// DefaultGovernor is what credentials without a Governor of their own share.
var DefaultGovernor = new(Governor)

const (
	defaultLimit = 4 // NetSuite's smallest base is 5 (H/section_1504769959); one is left to others
	defaultTries = 4

	firstPause = 500 * time.Millisecond // doubled with every try, and drawn at random below that (H/bridgehead_1509974866)
	maxPause   = 30 * time.Second
	maxAsked   = 2 * time.Minute // a longer Retry-After is given to the caller instead of waited for

	breakAfter = 5           // failures in a row
	restTime   = time.Minute // without any request to the account, then one tries
)

// accountKey tells the account 1234567 of an emulator from NetSuite's.
type accountKey struct {
	site    Site
	account AccountID
}

// accountCare is what is remembered of one account. Its fields are guarded by Governor.mu.
type accountCare struct {
	limit  int // set by SetLimit; 0: the Governor's
	busy   int
	queue  []chan struct{} // closed when the slot is theirs
	failed int             // failures in a row
	rest   time.Time       // nobody may ask before
}

// SetLimit sets how many requests may run at once in an account, at least 1; 0 returns to the Governor's Limit. What
// GovernanceLimits answers is fed by GovernanceLimits.Usable.
func (g *Governor) SetLimit(site Site, account AccountID, limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := accountKey{site, account}
	care := g.care(key)
	care.limit = max(limit, 0)
	g.grant(care)
	g.forget(key)
}

// Usable is how many requests an integration may run at once when it leaves one to others: of its own allocation, or of the
// rest that all integrations without one share. It is 0 when the limits do not say.
func (l GovernanceLimits) Usable() int {
	for _, limit := range []int{l.IntegrationConcurrencyLimit, l.UnallocatedConcurrencyLimit, l.AccountConcurrencyLimit} {
		if limit > 0 {
			return max(limit-1, 1)
		}
	}
	return 0
}

// acquire waits for a slot.
func (g *Governor) acquire(ctx context.Context, key accountKey) (release func(), err error) {
	if g.Limiter != nil {
		return g.Limiter.Acquire(ctx, key.site, key.account)
	}
	turn := g.enqueue(key)
	if turn == nil {
		return func() { g.release(key) }, nil
	}
	select {
	case <-turn:
		return func() { g.release(key) }, nil
	case <-ctx.Done():
		g.leave(key, turn)
		return nil, ctx.Err()
	}
}

// enqueue takes a slot and returns nil, or a place in the queue.
func (g *Governor) enqueue(key accountKey) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	care := g.care(key)
	if care.busy < g.limit(care) && len(care.queue) == 0 {
		care.busy++
		return nil
	}
	turn := make(chan struct{})
	care.queue = append(care.queue, turn)
	return turn
}

// leave gives up a place in the queue, or the slot that came at the same moment.
func (g *Governor) leave(key accountKey, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	care := g.care(key)
	if i := slices.Index(care.queue, turn); i >= 0 {
		care.queue = slices.Delete(care.queue, i, i+1)
	} else {
		care.busy--
		g.grant(care)
	}
	g.forget(key)
}

func (g *Governor) release(key accountKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	care := g.care(key)
	care.busy--
	g.grant(care)
	g.forget(key)
}

// grant gives free slots to those who wait, first come first served. The caller holds mu.
func (g *Governor) grant(care *accountCare) {
	for len(care.queue) > 0 && care.busy < g.limit(care) {
		close(care.queue[0])
		care.queue = care.queue[1:]
		care.busy++
	}
}

func (g *Governor) limit(care *accountCare) int {
	switch {
	case care.limit > 0:
		return care.limit
	case g.Limit > 0:
		return g.Limit
	}
	return defaultLimit
}

// care returns what is remembered of an account. The caller holds mu.
func (g *Governor) care(key accountKey) *accountCare {
	care := g.accounts[key]
	if care == nil {
		care = new(accountCare)
		if g.accounts == nil {
			g.accounts = map[accountKey]*accountCare{}
		}
		g.accounts[key] = care
	}
	return care
}

// forget drops an account of which nothing must be remembered. The caller holds mu.
func (g *Governor) forget(key accountKey) {
	if c := g.accounts[key]; c != nil && c.limit == 0 && c.busy == 0 && len(c.queue) == 0 && c.failed == 0 {
		delete(g.accounts, key)
	}
}

// admit refuses a request while the account rests. When the rest is over one request is let through, and the others wait for
// what it finds or for another rest.
func (g *Governor) admit(key accountKey) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	care := g.accounts[key]
	if care == nil || care.failed < breakAfter {
		return nil
	}
	now := timeNow(g.Now)
	if left := care.rest.Sub(now); left > 0 {
		return &Error{
			Op: "NetSuite request", Err: ErrUnavailable, RetryAfter: left, Hint: hints[ErrUnavailable],
			Detail: fmt.Sprintf("account %s did not answer %d times in a row; the next try is made in %s", key.account, care.failed, left.Round(time.Second)),
		}
	}
	care.rest = now.Add(restTime)
	return nil
}

// report notes whether NetSuite could be reached.
func (g *Governor) report(key accountKey, reached bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if reached {
		if care := g.accounts[key]; care != nil {
			care.failed = 0
			g.forget(key)
		}
		return
	}
	care := g.care(key)
	care.failed++
	if care.failed >= breakAfter {
		care.rest = timeNow(g.Now).Add(restTime)
	}
}

// pause returns how long to wait after the given try, and whether that is worth it: the tries are not used up, and neither
// the caller's time nor the server's wish says otherwise.
func (g *Governor) pause(ctx context.Context, try int, asked time.Duration) (time.Duration, bool) {
	tries := g.Tries
	if tries == 0 {
		tries = defaultTries
	}
	if try >= tries || asked > maxAsked {
		return 0, false
	}
	longest := min(firstPause<<min(try, 10), maxPause)
	wait := max(asked, longest/2+rand.N(longest/2))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return 0, false
	}
	return wait, true
}
