package netsuite

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// ClientCredentials signs in to one account without a person, by a key whose certificate is mapped there to a role and an
// entity (H/section_162755359851). A literal is ready for use, by any number of goroutines. Client is the door that
// most callers want.
type ClientCredentials struct {
	Account       AccountID
	ClientID      string        // of the integration record
	CertificateID string        // as NetSuite lists it; see CertificateID
	Key           crypto.Signer // P-256, P-384, P-521, RSA of 3072 or 4096 bits; in memory, an HSM or a KMS
	Scopes        []string      // rest_webservices, restlets, suite_analytics in any mix

	Site       Site                         // zero: netsuite.com
	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var certificateIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Token obtains a fresh access token, with one request. Nothing is kept; see TokenSource.
func (c *ClientCredentials) Token(ctx context.Context) (*Token, error) {
	assertion, err := c.Assertion()
	if err != nil {
		return nil, err
	}
	r, err := formRequest(opM2M, c.Site, c.Account, tokenPath, url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {assertionType},
		"client_assertion":      {assertion},
	}, NewSecret(assertion))
	if err != nil {
		return nil, err
	}
	return r.token(ctx, clientFor(c.Site, c.Account, c.HTTPClient), timeNow(c.Now))
}

// TokenSource returns a source that keeps a token until five minutes before its end and lets one of several callers fetch
// the next. Fetching stops for good when ctx ends.
func (c *ClientCredentials) TokenSource(ctx context.Context) oauth2.TokenSource {
	return &tokenSource{ctx, &tokenCache{credentials: c}}
}

// Client returns a client that adds a fresh bearer token to each request and goes to the account's own hosts only.
// Redirects are given back unfollowed. Waiting for a token ends with the request's context; fetching tokens stops for
// good when ctx ends.
func (c *ClientCredentials) Client(ctx context.Context) *http.Client {
	client := clientFor(c.Site, c.Account, c.HTTPClient)
	client.Transport = &bearerTransport{ctx: ctx, cache: &tokenCache{credentials: c}, base: client.Transport}
	return client
}

func (c *ClientCredentials) check() error {
	switch {
	case !clientIDForm.MatchString(c.ClientID):
		return errors.New("client ID must be 1 to 128 letters, digits, _ or -; copy it from the integration record")
	case !certificateIDForm.MatchString(c.CertificateID):
		return errors.New("certificate ID must be 1 to 128 letters, digits, _ or -; take it from the account's list of certificates")
	case c.Key == nil:
		return errKey
	}
	if err := CheckKey(c.Key.Public()); err != nil {
		return err
	}
	return checkScopes(c.Scopes)
}

// tokenSource has a context because oauth2.TokenSource has none on Token.
type tokenSource struct {
	ctx   context.Context
	cache *tokenCache
}

func (s *tokenSource) Token() (*oauth2.Token, error) {
	t, err := s.cache.token(s.ctx)
	if err != nil {
		return nil, err
	}
	return t.oauth2(), nil
}

// bearerTransport adds the token. It looks at the address first: a token is not fetched for, nor shown to, another host.
type bearerTransport struct {
	ctx   context.Context // ends the client
	cache *tokenCache
	base  http.RoundTripper
}

func (t *bearerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := t.tokenFor(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body, also on errors
		}
		return nil, err
	}
	signed := r.Clone(r.Context())
	signed.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	return t.base.RoundTrip(signed)
}

func (t *bearerTransport) tokenFor(r *http.Request) (*Token, error) {
	c := t.cache.credentials
	if err := c.Site.admit(c.Account, r); err != nil {
		return nil, err
	}
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	return t.cache.token(r.Context())
}

// renewBefore is how long before its end a token is replaced: NetSuite's live an hour, and a call may wait in a queue.
const renewBefore = 5 * time.Minute

// tokenCache keeps one token and lets one caller at a time fetch the next.
type tokenCache struct {
	credentials *ClientCredentials

	mu      sync.Mutex
	current *Token  // guarded by mu
	flight  *flight // guarded by mu; nil when nobody is fetching
}

// flight is one fetch that several callers wait for. token, err and abandoned are set before done is closed.
type flight struct {
	done      chan struct{}
	token     *Token
	err       error
	abandoned bool // the caller who was fetching gave up; the others go on
}

func (c *tokenCache) token(ctx context.Context) (*Token, error) {
	for {
		t, f, lead := c.join()
		switch {
		case t != nil:
			return t, nil
		case lead:
			c.fetch(ctx, f)
			return f.token, f.err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		if !f.abandoned {
			return f.token, f.err
		}
	}
}

// join returns the token when it is fresh, else the flight to wait for or, when lead is true, to perform.
func (c *tokenCache) join() (t *Token, f *flight, lead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && timeNow(c.credentials.Now).Before(c.current.Expiry.Add(-renewBefore)) {
		return c.current, nil, false
	}
	if c.flight != nil {
		return nil, c.flight, false
	}
	c.flight = &flight{done: make(chan struct{}), abandoned: true}
	return nil, c.flight, true
}

// fetch performs the flight. Should the fetch panic, f stays abandoned and the next caller tries.
func (c *tokenCache) fetch(ctx context.Context, f *flight) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.token != nil {
			c.current = f.token
		}
		c.flight = nil
		close(f.done)
	}()
	f.token, f.err = c.credentials.Token(ctx)
	f.abandoned = f.err != nil && ctx.Err() != nil
}
