package netsuite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Verifier tells NetSuite's access tokens for one account from forged ones, by the keys that the account publishes
// (H/section_158255317571). A literal is ready for use, by any number of goroutines; its fields stay as they are from the first
// use on. It is for whoever is handed a token by somebody else. Who got it from the token endpoint needs [ReadClaims] only.
//
// Keys are kept, and fetched again in the background every hour. A token with a key that is not known makes one fetch, at
// most one a minute, which all callers share. While the keys endpoint is down, the keys that are there go on working.
type Verifier struct {
	Account  AccountID // whose tokens are accepted
	ClientID string    // of the integration record whose tokens are accepted; "": of any

	Site       Site                         // zero: netsuite.com
	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now

	cache keyCache
}

const (
	// netsuiteIssuer is iss of every token, whatever the account (H/section_158255317571).
	netsuiteIssuer = "https://system.netsuite.com"
	// clockSkew is by how much this machine's clock and NetSuite's may differ.
	clockSkew = 60 * time.Second
)

// Verify returns the claims of an access token that NetSuite signed for the account and the client, that is not past its
// end, and that holds all of the scopes named ("rest_webservices"). Signatures are RS256 or PS256; the token's times may differ from
// this machine's clock by a minute.
//
// Verification shows that NetSuite issued the token, not that it was not revoked since; only a call with it tells.
//
// A token that is refused gives an [*Error] with [ErrToken]. Its Code is the name under which NetSuite's Login Audit Trail
// lists such tokens (H/subsect_158324637123), where one fits: AccessTokenExpired, InvalidSignature, TokenRejected (a refresh
// token), ScopeMismatched, InvalidIntegration; else "". Keys that cannot be fetched give an *Error without ErrToken, for
// example with [ErrUnavailable]: then nothing is known of the token. No error holds the token.
func (v *Verifier) Verify(ctx context.Context, accessToken Secret, scopes ...string) (Claims, error) {
	account, err := ParseAccountID(string(v.Account))
	if err != nil {
		return Claims{}, fmt.Errorf("%s: %w", opVerify, err)
	}
	payload, err := v.open(ctx, accessToken.Reveal())
	if err != nil {
		return Claims{}, err
	}
	c, err := parseClaims(payload)
	if err != nil {
		return Claims{}, refuseToken("", err.Error(), "give the access token as the token endpoint gave it, not an ID token")
	}
	if err := v.checkClaims(c, account, scopes); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// open checks form and signature, and returns the payload.
func (v *Verifier) open(ctx context.Context, text string) ([]byte, error) {
	t, err := parseJWT(text)
	if err != nil {
		return nil, refuseToken("InvalidSignature", err.Error(), "only tokens of NetSuite's token endpoint are accepted")
	}
	key, err := v.key(ctx, t.kid, t.alg)
	switch {
	case errors.Is(err, errUnknownKey):
		return nil, refuseToken("InvalidSignature", fmt.Sprintf("the account publishes no %s key %.80q", t.alg, t.kid),
			"the token is forged, of another account, or signed with a key of the last minute; in that case try again in a minute")
	case err != nil:
		return nil, err
	case verifySignature(t.alg, key, t.signed, t.signature) != nil:
		return nil, refuseToken("InvalidSignature", "the signature does not fit the key that the token names", "the token is forged or was changed on its way; get a new one")
	}
	return t.payload, nil
}

// checkClaims refuses what NetSuite signed for another use, account, client, time or scope.
func (v *Verifier) checkClaims(c Claims, account AccountID, scopes []string) error {
	now := timeNow(v.Now)
	switch {
	case c.Issuer != netsuiteIssuer:
		return refuseToken("InvalidSignature", fmt.Sprintf("the token's issuer is %.80q, must be %s", c.Issuer, netsuiteIssuer), "only tokens of NetSuite's token endpoint are accepted")
	case !c.isAccess():
		return refuseToken("TokenRejected", fmt.Sprintf("the token's ID %.80q is not that of an access token", c.ID), "give the access token; a refresh token is for the token endpoint alone")
	case c.Account != account:
		return refuseToken("", fmt.Sprintf("the token is for account %s, must be for %s", c.Account, account), "give a token of this account; a sandbox is an account of its own")
	case v.ClientID != "" && c.ClientID != v.ClientID:
		return refuseToken("InvalidIntegration", "the token is for another client ID", "give a token of the integration record with the client ID expected here")
	case c.IssuedAt.IsZero() || c.Expiry.IsZero():
		return refuseToken("", "the token says not when it was issued or when it ends", "only tokens of NetSuite's token endpoint are accepted")
	case c.IssuedAt.After(now.Add(clockSkew)):
		return refuseToken("", fmt.Sprintf("the token is issued at %s, which has not come", c.IssuedAt.Format(time.RFC3339)), "set this machine's clock")
	case !now.Before(c.Expiry.Add(clockSkew)):
		return refuseToken("AccessTokenExpired", fmt.Sprintf("the token ended at %s", c.Expiry.Format(time.RFC3339)), "get a new one; NetSuite's live an hour")
	}
	if missing := lacking(c.Scopes, scopes); missing != nil {
		return refuseToken("ScopeMismatched", fmt.Sprintf("the token lacks the scope %.80q", strings.Join(missing, " ")), "ask for the scope when the token is obtained, and tick it in the integration record")
	}
	return nil
}

func lacking(have, want []string) []string {
	var missing []string
	for _, scope := range want {
		if !slices.Contains(have, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

func refuseToken(code, detail, hint string) *Error {
	return &Error{Op: opVerify, Code: code, Detail: detail, Hint: hint, Err: ErrToken}
}
