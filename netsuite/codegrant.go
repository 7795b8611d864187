package netsuite

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	authorizePath = "/app/login/oauth2/authorize.nl"
	tokenPath     = "/services/rest/auth/oauth2/v1/token"
	revokePath    = "/services/rest/auth/oauth2/v1/revoke"
)

// CodeGrant is the Authorization Code Grant with PKCE for one integration record (H/section_158081944642). A literal is
// ready for use, by any number of goroutines.
//
// The way: NewState and NewCodeVerifier, AuthorizeURL, the person's consent, ParseCallback, Exchange; in the end Revoke.
// Nothing is repeated here: a code, and a refresh token of a public client, can be used once.
type CodeGrant struct {
	ClientID     string
	ClientSecret Secret   // zero: a public client, which sends its client ID in the body; else HTTP Basic
	RedirectURI  string   // byte for byte as in the integration record
	Scopes       []string // rest_webservices, restlets, suite_analytics in any mix, or mcp alone

	// TokenRotationMaximum is Maximum Time For Token Rotation of a public client's integration record, 1 to 720 hours; 0 means
	// NetSuite's default of 168 hours. Lifetime alone needs it.
	TokenRotationMaximum time.Duration

	Site       Site                         // zero: netsuite.com
	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now
}

// NewState returns 32 random bytes as 43 characters of base64url, within the 22 to 1024 that NetSuite takes.
func NewState() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(random)
}

// NewCodeVerifier returns a PKCE code verifier of 43 characters (RFC 7636 section 4.1). Keep it until Exchange.
func NewCodeVerifier() string { return oauth2.GenerateVerifier() }

var (
	clientIDForm = newForm(`^[A-Za-z0-9_-]{1,128}$`)
	verifierForm = newForm(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 section 4.1
	scopeForm    = newForm(`^[a-z_]{1,64}$`)
	prompts      = []string{"", "none", "login", "consent", "login consent", "consent login"}
)

const (
	minState = 22 // H/section_158081944642
	maxState = 1024
)

// AuthorizeURL returns the address to which the person's browser goes. An account of "" means that it is not known yet:
// the person then chooses it at the system host. state must be 22 to 1024 printable ASCII characters, fresh for each
// flow; verifier is the one that Exchange will get; prompt is "" or one of NetSuite's values ("none", "login",
// "consent", "login consent", "consent login").
func (g *CodeGrant) AuthorizeURL(account AccountID, state, verifier, prompt string) (string, error) {
	if err := g.check(); err != nil {
		return "", err
	}
	switch {
	case !validState(state):
		return "", fmt.Errorf("state must be %d to %d printable ASCII characters; use NewState", minState, maxState)
	case !verifierForm.MatchString(verifier):
		return "", errors.New("code verifier must be 43 to 128 letters, digits or -._~; use NewCodeVerifier")
	case !slices.Contains(prompts, prompt):
		return "", fmt.Errorf("prompt %.40q is unknown; use none, login, consent, or login and consent", prompt)
	case account == "" && strings.Contains(prompt, "login"):
		return "", errors.New("prompt login works only when the account is known; give the account")
	}
	u, err := g.authorizeHost(account)
	if err != nil {
		return "", err
	}
	q := url.Values{
		"response_type":         {"code"},
		"client_id":             {g.ClientID},
		"redirect_uri":          {g.RedirectURI},
		"scope":                 {strings.Join(g.Scopes, " ")},
		"state":                 {state},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(verifier)},
		"code_challenge_method": {"S256"}, // the only one since 2020.2
	}
	if prompt != "" {
		q.Set("prompt", prompt)
	}
	u.Path, u.RawQuery = authorizePath, q.Encode()
	return u.String(), nil
}

func (g *CodeGrant) authorizeHost(account AccountID) (*url.URL, error) {
	if account == "" {
		return g.Site.SystemURL(), nil
	}
	return g.Site.BaseURL(account, ServiceApp)
}

// Exchange turns the code of a callback into tokens (H/section_158081952044). It makes exactly one request: a second try
// with the same code would revoke what the first obtained.
func (g *CodeGrant) Exchange(ctx context.Context, account AccountID, code, verifier string) (*Token, error) {
	if code == "" || !verifierForm.MatchString(verifier) {
		return nil, errors.New("code exchange: code and code verifier must be those of the consent; use Callback.Code and the verifier given to AuthorizeURL")
	}
	return g.token(ctx, opExchange, account, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {g.RedirectURI},
		"code_verifier": {verifier},
	}, NewSecret(code), NewSecret(verifier))
}

// Refresh obtains a new access token (H/section_158082518856). The token returned holds the refresh token to keep from now
// on: a public client's is new and the old one is spent, so store it before using the access token and let one process
// alone refresh; a confidential client's is the same, and ends seven days after consent.
func (g *CodeGrant) Refresh(ctx context.Context, account AccountID, refreshToken Secret) (*Token, error) {
	if refreshToken.IsZero() {
		return nil, errors.New("token refresh: the refresh token is empty; ask for consent again")
	}
	t, err := g.token(ctx, opRefresh, account, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refreshToken.Reveal()},
	}, refreshToken)
	if err == nil && t.RefreshToken.IsZero() {
		t.RefreshToken = refreshToken
	}
	return t, err
}

// Revoke ends a refresh token and its access tokens (H/section_161071224088, RFC 7009). The body of a success means
// nothing. Revoking what is already gone succeeds too, unless NetSuite says otherwise with ErrInvalidGrant.
func (g *CodeGrant) Revoke(ctx context.Context, account AccountID, refreshToken Secret) error {
	if refreshToken.IsZero() {
		return errors.New("grant revocation: the refresh token is empty; there is nothing to revoke")
	}
	r, err := g.request(opRevoke, account, revokePath, url.Values{"token": {refreshToken.Reveal()}}, refreshToken)
	if err != nil {
		return err
	}
	a, err := r.do(ctx, clientFor(g.Site, account, g.HTTPClient))
	if a != nil && a.ok() {
		return nil
	}
	return err
}

// Probe finds out without a person whether account knows the client ID together with the redirect URI: it asks for
// authorization with prompt=none and no session. A redirect to the redirect URI, with whatever error, shows that both are
// known (H/subsect_161252455245); the one error that consent would meet as well is invalid_scope, which is returned. An
// account of "" asks the system host.
func (g *CodeGrant) Probe(ctx context.Context, account AccountID) error {
	address, err := g.AuthorizeURL(account, NewState(), NewCodeVerifier(), "none")
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	r := &request{op: opProbe, face: oauthFace, method: http.MethodGet, url: u, header: http.Header{"Accept": {"text/html"}}, limit: maxTokenAnswer}
	a, err := r.send(ctx, clientFor(g.Site, account, g.HTTPClient))
	if err != nil {
		return err
	}
	if query, ok := g.redirectedHome(a.header.Get("Location")); ok && a.status >= 300 && a.status < 400 {
		return r.consentError(query.Get("error"))
	}
	if a.status >= 500 || a.status == http.StatusTooManyRequests {
		return r.refusal(a)
	}
	return &Error{
		Op: opProbe, Status: a.status, Err: ErrUnauthorizedClient,
		Detail: "NetSuite did not redirect to the redirect URI",
		Hint:   "the account does not know this client ID with this redirect URI: compare the URI byte for byte with the integration record, and see that the record is installed and enabled in the account",
	}
}

// redirectedHome reports whether location is the redirect URI itself, with parameters added or not.
func (g *CodeGrant) redirectedHome(location string) (url.Values, bool) {
	rest, ok := strings.CutPrefix(location, g.RedirectURI)
	if !ok || rest != "" && rest[0] != '?' && rest[0] != '&' && rest[0] != '#' {
		return nil, false
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, false
	}
	return u.Query(), true
}

func (r *request) consentError(code string) error {
	if code != "invalid_scope" {
		return nil
	}
	return &Error{Op: r.op, Code: code, Hint: hint(r.op, ErrInvalidScope), Err: ErrInvalidScope}
}

func (g *CodeGrant) token(ctx context.Context, op string, account AccountID, form url.Values, secrets ...Secret) (*Token, error) {
	r, err := g.request(op, account, tokenPath, form, secrets...)
	if err != nil {
		return nil, err
	}
	return r.token(ctx, clientFor(g.Site, account, g.HTTPClient), timeNow(g.Now))
}

// request makes a form POST with the one way in which this client authenticates: both at once is invalid_request
// (H/subsect_161252460252), and a second try in another way would burn the code.
func (g *CodeGrant) request(op string, account AccountID, path string, form url.Values, secrets ...Secret) (*request, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	r, err := formRequest(op, g.Site, account, path, form, secrets...)
	if err != nil {
		return nil, err
	}
	if g.public() {
		form.Set("client_id", g.ClientID)
		r.body = []byte(form.Encode())
		return r, nil
	}
	// Ordinary base64 (RFC 7617), which is what Oracle's sample holds, though its text says Base64url.
	basic := base64.StdEncoding.EncodeToString([]byte(g.ClientID + ":" + g.ClientSecret.Reveal()))
	r.header.Set("Authorization", "Basic "+basic)
	r.secrets = append(r.secrets, g.ClientSecret, NewSecret(basic))
	return r, nil
}

func (g *CodeGrant) check() error {
	if !clientIDForm.MatchString(g.ClientID) {
		return errors.New("client ID must be 1 to 128 letters, digits, _ or -; copy it from the integration record")
	}
	if err := checkRedirectURI(g.RedirectURI); err != nil {
		return err
	}
	return checkScopes(g.Scopes)
}

// checkRedirectURI wants an absolute URI without fragment (RFC 6749 section 3.1.2). Which schemes may be registered is
// NetSuite's rule to enforce: https or a custom one, and an emulator may allow loopback http.
func checkRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() || u.Fragment != "" || u.User != nil || u.Host == "" && u.Scheme == "https" {
		return errors.New("redirect URI must be absolute, without fragment and user information; copy it from the integration record")
	}
	return nil
}

// checkScopes wants at least one, and mcp alone (H/section_158081944642).
func checkScopes(scopes []string) error {
	for _, s := range scopes {
		if !scopeForm.MatchString(s) {
			return fmt.Errorf("scope %.40q must be one word; use rest_webservices, restlets, suite_analytics or mcp", s)
		}
	}
	switch {
	case len(scopes) == 0:
		return errors.New("scopes are empty; give rest_webservices, restlets, suite_analytics or mcp")
	case len(scopes) > 1 && slices.Contains(scopes, "mcp"):
		return errors.New("scope mcp must be alone; use an integration record of its own for it")
	}
	return nil
}

func validState(s string) bool {
	return len(s) >= minState && len(s) <= maxState && isVisible(s)
}

// isVisible reports whether s holds printable ASCII only.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
