package netsuite

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// ClientCredentials signs in to one account without a person, by a key whose certificate is mapped there to a role and an
// entity (H/section_162755359851). A literal is ready for use, by any number of goroutines; do not copy it after that. Client is
// the door that most callers want.
type ClientCredentials struct {
	Account       AccountID
	ClientID      string        // of the integration record
	CertificateID string        // as NetSuite lists it; see CertificateID
	Key           crypto.Signer // P-256, P-384, P-521, RSA of 3072 or 4096 bits; in memory, an HSM or a KMS
	Scopes        []string      // rest_webservices, restlets, suite_analytics in any mix

	// Save, when set, is given every new token before it is used, and the one it takes the place of (nil for the first), for
	// example to share it among processes. An error keeps the token from being used.
	Save   func(ctx context.Context, old, new *Token) error
	Stored *Token // what Save stored last, used until it ends; nil: none

	Governor   *Governor                    // takes care of the account; nil: DefaultGovernor
	Site       Site                         // zero: netsuite.com
	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now

	source source
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var certificateIDForm = newForm(`^[A-Za-z0-9_-]{1,128}$`)

// Token returns the current access token, or gets the next when it has less than five minutes to live. One of several callers
// makes the request, and each waits only as long as its own ctx. While NetSuite cannot be reached, a token that is still good
// is returned. Errors are those of the token endpoint: ErrInvalidGrant, ErrInvalidClient, ErrInvalidScope and their like,
// ErrClock, ErrUnavailable.
func (c *ClientCredentials) Token(ctx context.Context) (*Token, error) { return c.signIn().token(ctx) }

// TokenSource returns Token for anything built on golang.org/x/oauth2. Fetching stops for good when ctx ends.
func (c *ClientCredentials) TokenSource(ctx context.Context) oauth2.TokenSource {
	return &oauth2Source{ctx, c.Token}
}

// Client returns a client that adds the bearer token to each request and goes to the account's own hosts only. It keeps to
// the account's concurrency limit; it asks again after 401 with a fresh token, once, and after 429 and outages with growing
// pauses, but never repeats a POST that might be done twice; and it gives redirects back unfollowed. Each request may take
// as long as its context allows. The client stops for good when ctx ends.
func (c *ClientCredentials) Client(ctx context.Context) *http.Client { return c.signIn().client(ctx) }

// API returns the account's APIs on such a client.
func (c *ClientCredentials) API() *API { return c.signIn().api() }

// ClockOffset returns how far NetSuite's clock is ahead of this machine's, as the answers so far tell, good to a second; false
// before the first answer. More than 30 seconds deserve a warning. Up to five minutes are corrected in assertions; beyond,
// a refusal says ErrClock.
func (c *ClientCredentials) ClockOffset() (ahead time.Duration, known bool) {
	return c.source.clock.get()
}

func (c *ClientCredentials) signIn() *signIn {
	return &signIn{
		account: c.Account, site: c.Site, httpClient: c.HTTPClient, now: c.Now,
		governor: c.Governor, source: &c.source, stored: c.Stored, fetch: c.fetch,
	}
}

func (c *ClientCredentials) fetch(ctx context.Context, old *Token) (*Token, error) {
	t, err := c.mint(ctx)
	if err != nil || c.Save == nil {
		return t, err
	}
	if err := c.Save(ctx, old, t); err != nil {
		return nil, fmt.Errorf("client credentials token: the new token could not be saved, and is not used before: %w", err)
	}
	return t, nil
}

// mint asks for a token, and once more when the answer shows that the assertion was made by a wrong clock.
func (c *ClientCredentials) mint(ctx context.Context) (*Token, error) {
	used := c.source.clock.correction()
	t, err := c.request(ctx)
	if err != nil && c.source.clock.correction() != used && isRefusal(err) {
		t, err = c.request(ctx)
	}
	if err != nil {
		return nil, c.source.clock.explain(err)
	}
	return t, nil
}

// isRefusal reports whether NetSuite answered and said no, so that nothing was done.
func isRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500
}

func (c *ClientCredentials) request(ctx context.Context) (*Token, error) {
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
	client := clientFor(c.Site, c.Account, c.HTTPClient)
	client.Transport = &clockTransport{&c.source.clock, c.Now, client.Transport}
	return r.token(ctx, client, timeNow(c.Now))
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
