package netsuite

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// What ClientCredentials and UserCredentials have in common: one token that is kept, one request at a time for the next, and
// three doors to it.

// renewBefore is how long before its end a token is replaced: NetSuite's live an hour, and a call may wait in a queue.
const renewBefore = 5 * time.Minute

// leastLife is how much of its life a token must have left to be given out when no new one can be had.
const leastLife = 30 * time.Second

// flightTime bounds one search for a token, with every wait in it.
const flightTime = 5 * time.Minute

// source keeps the newest token of one sign-in. The zero value holds none.
type source struct {
	clock clock

	mu       sync.Mutex
	current  *Token    // guarded by mu; its access token may be at its end
	refused  bool      // guarded by mu; NetSuite answered 401 to current
	replaced time.Time // guarded by mu; when a refused token was last replaced
	flight   *flight   // guarded by mu; nil when nobody is fetching
}

// flight is one fetch that any number of callers wait for. Its results are set before done is closed.
type flight struct {
	done     chan struct{}
	token    *Token
	err      error
	panicked any
}

// signIn is what the two credentials tell the source: whose token it is and how to get the next.
type signIn struct {
	account    AccountID
	site       Site
	httpClient func(AccountID) *http.Client
	now        func() time.Time
	governor   *Governor
	source     *source
	stored     *Token // what the caller kept from an earlier time
	fetch      func(ctx context.Context, old *Token) (*Token, error)
}

// token returns the current token, or waits for the flight that gets the next. The flight goes on when its callers have
// left: NetSuite may already have spent a refresh token for it.
func (s *signIn) token(ctx context.Context) (*Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, f := s.join(ctx)
	if t != nil {
		return t, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.done:
	}
	if f.panicked != nil {
		panic(f.panicked) // of the caller's own transport or hook: his to see
	}
	return f.token, f.err
}

// join returns the token when it is fresh, else the flight that is under way, started if need be.
func (s *signIn) join(ctx context.Context) (*Token, *flight) {
	src := s.source
	src.mu.Lock()
	defer src.mu.Unlock()
	if src.current == nil {
		src.current = s.stored
	}
	if src.fresh(timeNow(s.now), renewBefore) {
		return src.current, nil
	}
	if src.flight == nil {
		src.flight = &flight{done: make(chan struct{})}
		go s.fly(context.WithoutCancel(ctx), src.flight, src.current)
	}
	return nil, src.flight
}

// fresh reports whether the current token can be given out and will live for left. The caller holds mu.
func (s *source) fresh(now time.Time, left time.Duration) bool {
	t := s.current
	return t != nil && !t.AccessToken.IsZero() && !s.refused && now.Before(t.Expiry.Add(-left))
}

func (s *signIn) key() accountKey { return accountKey{s.site, s.account} }

func (s *signIn) fly(ctx context.Context, f *flight, old *Token) {
	ctx, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	defer func() {
		f.panicked = recover()
		s.source.land(f, timeNow(s.now))
	}()
	f.token, f.err = s.fetch(ctx, old)
}

// land keeps what the flight brought. While NetSuite is not to be reached, a token that is still good serves on.
func (s *source) land(f *flight, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f.token != nil:
		if s.refused {
			s.replaced = now
		}
		s.current, s.refused = f.token, false
	case f.err != nil && IsTemporary(f.err) && s.fresh(now, leastLife):
		f.token, f.err = s.current, nil
	}
	s.flight = nil
	close(f.done)
}

// replaceRest is how long no token is replaced again because of a 401: when NetSuite refuses even the new one, a third
// changes nothing.
const replaceRest = time.Minute

// refuse notes that NetSuite answered 401 to t and reports whether another token is worth a try.
func (s *source) refuse(t *Token, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != t {
		return true // replaced meanwhile
	}
	if now.Sub(s.replaced) < replaceRest {
		return false
	}
	s.refused = true
	return true
}

// oauth2Source has a context because oauth2.TokenSource has none on Token.
type oauth2Source struct {
	ctx   context.Context
	token func(context.Context) (*Token, error)
}

func (s *oauth2Source) Token() (*oauth2.Token, error) {
	t, err := s.token(s.ctx)
	if err != nil {
		return nil, err
	}
	return t.oauth2(), nil
}

// client returns a client that signs in and takes care of the account. The time of a single try is the caller's client's.
func (s *signIn) client(ctx context.Context) *http.Client {
	base := clientFor(s.site, s.account, s.httpClient)
	try := base.Timeout
	if s.httpClient == nil {
		try = governedTimeout
	}
	governor := s.governor
	if governor == nil {
		governor = DefaultGovernor
	}
	return newClient(&caringTransport{ctx: ctx, signIn: s, door: s.site.doorTo(s.account), governor: governor, base: base.Transport, try: try}, 0)
}

// api returns the account's APIs on such a client.
func (s *signIn) api() *API {
	client := s.client(context.Background())
	client.Timeout = wholeCall
	return &API{Account: s.account, Site: s.site, Now: s.now, HTTPClient: func(AccountID) *http.Client { return client }}
}
