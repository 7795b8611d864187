package netsuitetest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// This file is concurrency governance: how many requests an account answers at once. REST, SuiteQL and RESTlets count
// together (H/section_1500275531), with external Suitelets (H/section_4387799600). An integration can have a share of its own; all others use the rest
// (H/section_1504769959).

const (
	// smallestConcurrency is the limit of a developer account and of the Standard tier (H/section_1504769959).
	smallestConcurrency = 5
	// largestConcurrency is what NetSuite sells at most, Ultimate with twelve SuiteCloud Plus licences. An account without
	// a limit, which NetSuite does not have, reports it.
	largestConcurrency = 140
)

// governor counts the requests that one account is answering.
type governor struct {
	mu        sync.Mutex
	limit     int            // guarded by mu; below 0 = none
	allocated map[string]int // guarded by mu; shares of integrations, by client ID
	running   map[string]int // guarded by mu; by pool: a client ID with a share, or "" for all others
	total     int            // guarded by mu; the sum of running

	rate   int           // guarded by mu; requests that a window lets in, 0 = no limit
	window time.Duration // guarded by mu
	recent []time.Time   // guarded by mu; when those within the window came, oldest first
}

func newGovernor(cfg AccountConfig) *governor {
	limit := cmp.Or(cfg.Concurrency, smallestConcurrency)
	return &governor{limit: limit, rate: cfg.RateLimit, window: cfg.RateWindow, allocated: map[string]int{}, running: map[string]int{}}
}

// enter lets a client's request in at now. It returns how many run, this one included, and the function that lets it out;
// out is nil when a limit is reached, and broken says which.
func (g *governor) enter(clientID string, now time.Time) (running int, out func(), broken string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pool, limit, broken := g.pool(clientID)
	if limit >= 0 && g.running[pool] >= limit {
		return g.total + 1, nil, broken
	}
	if g.tooFast(now) {
		return g.total + 1, nil, fmt.Sprintf("over the %d requests in %s that the test has set; NetSuite documents no such limit", g.rate, g.window)
	}
	g.running[pool]++
	g.total++
	return g.total, sync.OnceFunc(func() { g.leave(pool) }), ""
}

// tooFast needs mu. A request that is let in counts for one window; one that is refused does not.
func (g *governor) tooFast(now time.Time) bool {
	if g.rate == 0 {
		return false
	}
	g.recent = slices.DeleteFunc(g.recent, func(at time.Time) bool { return now.Sub(at) >= g.window || now.Before(at) })
	if len(g.recent) >= g.rate {
		return true
	}
	g.recent = append(g.recent, now)
	return false
}

func (g *governor) leave(pool string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[pool]--
	g.total--
}

// pool needs mu. It is what a client's requests count against.
func (g *governor) pool(clientID string) (name string, limit int, rule string) {
	if share, ok := g.allocated[clientID]; ok {
		return clientID, share, fmt.Sprintf("over the %d requests at once allocated to this integration (H/section_1504769959)", share)
	}
	limit = g.unallocated()
	if len(g.allocated) == 0 {
		return "", limit, fmt.Sprintf("over the account's limit of %d requests at once, REST, SuiteQL and RESTlets together (H/section_1500275531)", limit)
	}
	return "", limit, fmt.Sprintf("over the %d requests at once that integrations without an allocation share (H/section_1504769959)", limit)
}

// unallocated needs mu.
func (g *governor) unallocated() int {
	if g.limit < 0 {
		return g.limit
	}
	return g.limit - g.sum()
}

// sum needs mu.
func (g *governor) sum() int {
	sum := 0
	for _, share := range g.allocated {
		sum += share
	}
	return sum
}

// limits are what governanceLimits reports to a client.
func (g *governor) limits(clientID string) company.Limits {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := company.Limits{Account: g.limit, Unallocated: g.unallocated()}
	if g.limit < 0 {
		l.Account = largestConcurrency
		l.Unallocated = max(0, l.Account-g.sum())
	}
	l.Integration, l.Allocated = g.allocated[clientID]
	return l
}

// SetConcurrency changes how many requests the account answers at once: 5 (Standard) to 140 (Ultimate with twelve
// SuiteCloud Plus licences) in the field. 0 is the default of 5, a negative number ends the limit. Requests being
// answered go on. What is allocated to integrations must stay within it.
func (a *Account) SetConcurrency(limit int) error {
	if limit == 0 {
		limit = smallestConcurrency
	}
	g := a.governor
	g.mu.Lock()
	defer g.mu.Unlock()
	if sum := g.sum(); limit > 0 && limit < sum {
		return fmt.Errorf("concurrency %d: %d are allocated to integrations; take some back first", limit, sum)
	}
	g.limit = limit
	return nil
}

// AllocateConcurrency gives an integration a share of the account's limit for itself: it can use that many and no more,
// and the others share what is left (Setup > Integration > Integration Governance, H/section_1504769959). A limit of 0
// takes the share back. The client ID is that of an integration record, or the consumer key of a TBA token.
func (a *Account) AllocateConcurrency(clientID string, limit int) error {
	switch {
	case clientID == "":
		return errors.New("client ID: required; name the integration that gets the share")
	case limit < 0:
		return fmt.Errorf("allocation %d: must not be negative; 0 takes it back", limit)
	}
	g := a.governor
	g.mu.Lock()
	defer g.mu.Unlock()
	if left := g.unallocated() + g.allocated[clientID]; g.limit > 0 && limit > left {
		return fmt.Errorf("allocation %d: the account has %d left; raise its concurrency first", limit, left)
	}
	if limit == 0 {
		delete(g.allocated, clientID)
		return nil
	}
	g.allocated[clientID] = limit
	return nil
}

// SetRateLimit lets the account take that many requests within every window per, on the emulator's clock; 0 ends the limit,
// which is the start. What counts, and how a refusal looks, is as for concurrency. NetSuite documents no limit of this
// kind: it is for tests of clients that must stand one.
func (a *Account) SetRateLimit(requests int, per time.Duration) error {
	if err := checkRate(requests, per); err != nil {
		return err
	}
	g := a.governor
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rate, g.window, g.recent = requests, per, nil
	return nil
}

func checkRate(requests int, per time.Duration) error {
	switch {
	case requests < 0 || requests > maxRate:
		return fmt.Errorf("rate of %d requests: want 1 to %d, or 0 for none", requests, maxRate)
	case requests > 0 && per <= 0:
		return fmt.Errorf("rate window %s: must be positive, such as 1m", per)
	}
	return nil
}

// maxRate bounds what a governor remembers.
const maxRate = 1_000_000

// governed tells whether a request counts. Certificates, keys and revocation live under another path and do not; that
// the token endpoint does not either is the default of an open point.
func (s *Server) governed(c *call) bool {
	path := c.r.URL.Path
	switch {
	case c.account == nil:
		return false
	case strings.HasPrefix(path, authPrefix):
		return s.settings().TokenCountsConcurrency && path == authPrefix+"token"
	}
	return path == restletPath || path == suiteletPath || strings.HasPrefix(path, "/services/rest/")
}

// enter counts a request in. It returns the function that counts it out, which must run before the answer leaves: who
// has an answer may send the next request. ok is false when the account is full.
//
// A request without a token of this account is refused later and holds no place (guess), or strangers could fill the account.
func (s *Server) enter(c *call) (out func(), ok bool) {
	if !s.governed(c) {
		return func() {}, true
	}
	client, known := s.asking(c)
	if !known {
		return func() {}, true
	}
	running, out, broken := c.account.governor.enter(client, s.clock.Now())
	c.entry.Running = running
	if out == nil {
		c.entry.ClientID = client
		c.broke(broken)
		return func() {}, false
	}
	return out, true
}

// asking is the client that the request's token was made for. The token endpoint and external Suitelets count for nobody in
// particular.
func (s *Server) asking(c *call) (clientID string, known bool) {
	switch {
	case strings.HasPrefix(c.r.URL.Path, authPrefix), c.r.URL.Path == suiteletPath:
		return "", true
	case speaksTBA(c.r):
		return c.account.tbaClient(c.r)
	}
	signed, no := bearerToken(c.r)
	if no != nil {
		return "", false
	}
	t := c.account.find(signed)
	if t == nil {
		return "", false
	}
	return t.clientID, true
}

const limitDetail = "The maximum number of concurrent requests allowed for your account has been exceeded. Try again later."

// refuseOver answers a request over the limit. RESTlets say so in their own way (H/bridgehead_1525252812); the code of
// the 429, the missing Retry-After and the wordings are guesses, which ConcurrencyRefusal turns into what else was reported.
func (s *Server) refuseOver(c *call) {
	if s.settings().ConcurrencyRetryAfter != "" {
		c.w.Header().Set("Retry-After", s.retryAfter(s.settings().ConcurrencyRetryAfter))
	}
	if d := s.settings().ConcurrencyRefusalDelay; d > 0 {
		hold(c.r, time.After(d), nil)
	}
	rule := c.entry.Rule
	restlet := c.r.URL.Path == restletPath
	switch {
	case c.r.URL.Path == suiteletPath:
		s.errorPage(c, http.StatusTooManyRequests, "Notice", limitDetail, "SSS_REQUEST_LIMIT_EXCEEDED")
	case s.settings().ConcurrencyRefusal == "401":
		s.refuseLogin(c, loginRefused(rule, ""))
	case s.settings().ConcurrencyRefusal == "503" && restlet:
		s.refuseRESTlet(c, refuse(http.StatusServiceUnavailable, "SSS_REQUEST_LIMIT_EXCEEDED", rule, ""), limitDetail)
	case s.settings().ConcurrencyRefusal == "503":
		company.WriteError(c.w, http.StatusServiceUnavailable, s.settings().ConcurrencyCode, limitDetail)
	case restlet:
		s.refuseRESTlet(c, refuse(http.StatusBadRequest, "SSS_REQUEST_LIMIT_EXCEEDED", rule, ""), limitDetail)
	default:
		company.WriteError(c.w, http.StatusTooManyRequests, s.settings().ConcurrencyCode, limitDetail)
	}
}

// dateForm marks a Retry-After that is given as an HTTP date, so far ahead on NetSuite's clock.
const dateForm = "date:"

// retryAfter is the header's value: "date:30s" is the date in 30 seconds (RFC 9110 section 10.2.3), everything else stands as
// it is, seconds and nonsense alike.
func (s *Server) retryAfter(form string) string {
	ahead, err := time.ParseDuration(strings.TrimPrefix(form, dateForm))
	if !strings.HasPrefix(form, dateForm) || err != nil {
		return form
	}
	return s.now().Add(ahead).Format(http.TimeFormat)
}

func checkRetryAfter(form string) error {
	ahead, isDate := strings.CutPrefix(form, dateForm)
	if !isDate {
		return nil
	}
	if _, err := time.ParseDuration(ahead); err != nil {
		return fmt.Errorf("retry after %q: want a duration behind %s, such as date:30s", clip(form), dateForm)
	}
	return nil
}
