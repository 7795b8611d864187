package netsuite

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Token is what the token endpoint gives.
type Token struct {
	AccessToken  Secret
	RefreshToken Secret // zero with client credentials
	TokenType    string // always "Bearer"
	Expiry       time.Time
	ExpiresIn    time.Duration // as NetSuite said it: an hour
	Scope        string        // "" when NetSuite does not echo it
}

// Claims reads what the access token says of itself, unverified. See ReadClaims.
func (t *Token) Claims() (Claims, error) { return ReadClaims(t.AccessToken) }

// oauth2 returns the access token for golang.org/x/oauth2. The refresh token stays out: nothing there may use it.
func (t *Token) oauth2() *oauth2.Token {
	return &oauth2.Token{AccessToken: t.AccessToken.Reveal(), TokenType: t.TokenType, Expiry: t.Expiry, ExpiresIn: int64(t.ExpiresIn / time.Second)}
}

// Bounds of expires_in. Oracle documents 3600; a missing one is taken as that (H/section_160855594402).
const (
	defaultExpiresIn = 3600
	maxExpiresIn     = 24 * 3600
)

var bearerForm = newForm(`^[A-Za-z0-9._~+/-]+=*$`) // RFC 6750 section 2.1

// formRequest makes a form POST to an OAuth endpoint of the account.
func formRequest(op string, s Site, account AccountID, path string, form url.Values, secrets ...Secret) (*request, error) {
	u, err := s.BaseURL(account, ServiceSuiteTalk)
	if err != nil {
		return nil, err
	}
	u.Path = path
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	return &request{
		op: op, face: oauthFace, method: http.MethodPost, url: u, header: header,
		body: []byte(form.Encode()), limit: maxTokenAnswer, secrets: secrets,
	}, nil
}

// token makes the request and reads the token. now is the time before the request, so that the expiry errs on the early side.
func (r *request) token(ctx context.Context, c *http.Client, now time.Time) (*Token, error) {
	a, err := r.do(ctx, c)
	if err != nil {
		return nil, err
	}
	var body struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		TokenType    string      `json:"token_type"`
		ExpiresIn    *lenientInt `json:"expires_in"` // a string in a guide made from a live account
		Scope        string      `json:"scope"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil {
		return nil, r.unreadable(a, "the answer is not the JSON of a token")
	}
	seconds := lenientInt(defaultExpiresIn)
	if body.ExpiresIn != nil {
		seconds = *body.ExpiresIn
	}
	switch {
	case !bearerForm.MatchString(body.AccessToken):
		return nil, r.unreadable(a, "the answer holds no usable access_token")
	case body.RefreshToken != "" && !bearerForm.MatchString(body.RefreshToken):
		return nil, r.unreadable(a, "the answer's refresh_token is malformed")
	case body.TokenType != "" && !strings.EqualFold(body.TokenType, "bearer"):
		return nil, r.unreadable(a, "token_type is not bearer")
	case seconds < 1 || seconds > maxExpiresIn:
		return nil, r.unreadable(a, "expires_in is not between a second and a day")
	}
	life := time.Duration(seconds) * time.Second
	return &Token{
		AccessToken: NewSecret(body.AccessToken), RefreshToken: NewSecret(body.RefreshToken), TokenType: "Bearer",
		Expiry: now.Add(life), ExpiresIn: life, Scope: body.Scope,
	}, nil
}

func timeNow(now func() time.Time) time.Time {
	if now == nil {
		return time.Now()
	}
	return now()
}
