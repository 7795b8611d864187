package netsuite

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ProvidedTokens signs in with tokens that somebody else gets from NetSuite: a suitekey server, another process, a store that is
// shared. A literal is ready for use, by any number of goroutines; do not copy it after that. Client is the door that most callers
// want.
type ProvidedTokens struct {
	Account AccountID

	// Fetch returns a token that is good now. refused is the one that NetSuite has just answered with 401, or that came to its
	// end; nil at first. One call runs at a time. Its errors are returned as they are.
	Fetch func(ctx context.Context, refused *Token) (*Token, error)

	Governor   *Governor                    // takes care of the account; nil: DefaultGovernor
	Site       Site                         // zero: netsuite.com
	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now

	source source
}

// Token returns the current access token, or fetches one when it has less than five minutes to live; see ClientCredentials.Token.
func (p *ProvidedTokens) Token(ctx context.Context) (*Token, error) { return p.signIn().token(ctx) }

// Client returns a client that adds the bearer token and takes care of the account; see ClientCredentials.Client.
func (p *ProvidedTokens) Client(ctx context.Context) *http.Client { return p.signIn().client(ctx) }

// API returns the account's APIs on such a client.
func (p *ProvidedTokens) API() *API { return p.signIn().api() }

func (p *ProvidedTokens) signIn() *signIn {
	return &signIn{
		account: p.Account, site: p.Site, httpClient: p.HTTPClient, now: p.Now,
		governor: p.Governor, source: &p.source, fetch: p.fetch,
	}
}

func (p *ProvidedTokens) fetch(ctx context.Context, refused *Token) (*Token, error) {
	if p.Fetch == nil {
		return nil, errors.New("provided tokens: Fetch is nil; give the function that gets a token")
	}
	t, err := p.Fetch(ctx, refused)
	if err == nil && (t == nil || t.AccessToken.IsZero()) {
		return nil, errors.New("provided tokens: Fetch returned no token")
	}
	return t, err
}
