package netsuitetest

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// This file is token-based authentication (TBA), the OAuth 1.0 of old integrations: requests signed as RFC 5849 says,
// with tokens that an administrator made by hand. The flow in three steps is not here.

// TBAToken is a token of token-based authentication with the credentials of its application. It acts as one user in
// one role until it is revoked.
type TBAToken struct {
	ConsumerKey    string `yaml:"consumer_key"`    // of the application; 64 hexadecimal characters, made if empty
	ConsumerSecret string `yaml:"consumer_secret"` // same form, made if empty
	TokenID        string `yaml:"token_id"`        // of the token; same form, made if empty
	TokenSecret    string `yaml:"token_secret"`    // same form, made if empty
	User           string `yaml:"user"`            // e-mail of an employee who holds the role
	Role           string `yaml:"role"`            // script ID of the role
	Application    string `yaml:"application"`     // name of the integration record, "Legacy Integration" if empty
	Name           string `yaml:"name"`            // of the token, "<application> - <user>, <role>" if empty
}

// tbaToken is a token as the account keeps it.
type tbaToken struct {
	TBAToken
	row          int64 // in the table oAuthToken
	entity, role int64
	revoked      bool // guarded by Account.mu
}

// AddTBAToken makes a token of token-based authentication and returns it with its credentials. From release 2027.1 on no
// new ones can be made; add those that a test needs under an older release, and change Settings.Release then, by Server.ChangeSettings.
func (a *Account) AddTBAToken(t TBAToken) (TBAToken, error) {
	if a.s.settings().Release >= "2027.1" {
		return TBAToken{}, errors.New("TBA token: from release 2027.1 on no new ones can be made; use OAuth 2.0, or make it under an older release")
	}
	e, r, err := a.employeeAndRole(t.User, t.Role)
	if err != nil {
		return TBAToken{}, fmt.Errorf("TBA token: %w", err)
	}
	if !slices.Contains(e.Roles, r.ID) {
		return TBAToken{}, fmt.Errorf("TBA token: %s does not hold the role %s; assign it first", e.Email, r.ScriptID)
	}
	t = t.withDefaults(e, r)
	if err := t.check(); err != nil {
		return TBAToken{}, fmt.Errorf("TBA token %q: %w", clip(t.Name), err)
	}
	return t, a.keepTBAToken(&tbaToken{TBAToken: t, entity: e.ID, role: r.ID})
}

func (t TBAToken) withDefaults(e Employee, r Role) TBAToken {
	t.ConsumerKey = cmp.Or(t.ConsumerKey, randomHex(32))
	t.ConsumerSecret = cmp.Or(t.ConsumerSecret, randomHex(32))
	t.TokenID = cmp.Or(t.TokenID, randomHex(32))
	t.TokenSecret = cmp.Or(t.TokenSecret, randomHex(32))
	t.Application = cmp.Or(t.Application, "Legacy Integration")
	t.Name = cmp.Or(t.Name, t.Application+" - "+e.EntityID+", "+r.Name)
	return t
}

func (t TBAToken) check() error {
	for _, f := range []struct{ name, value string }{
		{"consumer key", t.ConsumerKey}, {"consumer secret", t.ConsumerSecret}, {"token ID", t.TokenID}, {"token secret", t.TokenSecret},
	} {
		if !hex64.MatchString(f.value) {
			return errors.New(f.name + ": want 64 lower-case hexadecimal characters; leave it empty to have one made")
		}
	}
	return nil
}

// keepTBAToken makes the token known and lists it in oAuthToken.
func (a *Account) keepTBAToken(t *tbaToken) error {
	row, err := a.data().AddAccessToken(company.AccessToken{Name: t.Name, Application: t.Application, Entity: t.entity, Role: t.role})
	if err != nil {
		return err
	}
	t.row = row
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tba[t.TokenID] = t
	return nil
}

// RevokeTBAToken ends a token for ever; it stays in the list.
func (a *Account) RevokeTBAToken(tokenID string) error {
	t, ok := a.tbaTokens()[tokenID]
	if !ok {
		return fmt.Errorf("TBA token %q: no such token", clip(tokenID))
	}
	a.mu.Lock()
	t.revoked = true
	a.mu.Unlock()
	return a.data().RevokeAccessToken(t.row)
}

func (a *Account) tbaTokens() map[string]*tbaToken {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.tba)
}

// speaksTBA tells whether a request is signed in the way of OAuth 1.0 (RFC 5849 section 3.5.1).
func speaksTBA(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "OAuth")
}

// tbaClient is the application whose token a request names; false if this account does not know the token.
func (a *Account) tbaClient(r *http.Request) (consumerKey string, known bool) {
	p, err := parseOAuthHeader(r.Header.Get("Authorization"))
	if err != nil {
		return "", false
	}
	t, known := a.tbaTokens()[p["oauth_token"]]
	if !known {
		return "", false
	}
	return t.ConsumerKey, true
}

// Audit names of token-based authentication. InvalidSignature, TokenRejected and EntityOrRoleDisabled are NetSuite's for
// OAuth 2.0; the others are invented.
const (
	auditSignature = "InvalidSignature"
	auditTimestamp = "InvalidTimestamp"
	auditNonce     = "NonceUsed"
	auditConsumer  = "UnknownConsumer"
	auditRejected  = "TokenRejected"
	auditAlgorithm = "UnknownAlgorithm"
	auditRealm     = "InvalidRealm"
)

// timestampWindow is how far a request's timestamp may lie from NetSuite's clock, nonces are remembered that long
// (RFC 5849 section 3.3 leaves it to the server; the length is a guess).
const timestampWindow = 5 * time.Minute

// tbaCaller checks a signed request. Token-based authentication knows no scopes: who may call is the role's business.
func (s *Server) tbaCaller(c *call) (*token, *refusal) {
	p, no := oauthParameters(c.r)
	if no != nil {
		return nil, no
	}
	t := c.account.tbaTokens()[p["oauth_token"]]
	c.entry.ClientID, c.entry.TokenID = p["oauth_consumer_key"], digest(p["oauth_token"])
	if t != nil {
		c.entry.Entity, c.entry.Role = t.entity, t.role
	}
	if no := s.checkTBA(c, t, p); no != nil {
		return nil, no
	}
	return &token{kind: kindAccess, clientID: t.ConsumerKey, id: c.entry.TokenID, entity: t.entity, role: t.role}, nil
}

// oauthParameters reads the one Authorization header. As with a bearer, a cookie beside it makes the call fail.
func oauthParameters(r *http.Request) (map[string]string, *refusal) {
	switch {
	case r.Header.Get("Cookie") != "":
		return nil, loginRefused("a Cookie header beside the signature makes the call fail (H/section_N2971402)", "")
	case len(r.Header.Values("Authorization")) > 1:
		return nil, refuse(http.StatusBadRequest, "INVALID_HEADER", "more than one Authorization header", "")
	}
	p, err := parseOAuthHeader(r.Header.Get("Authorization"))
	if err != nil {
		return nil, loginRefused(err.Error(), auditSignature)
	}
	return p, nil
}

// checkTBA holds a request against the rules. The nonce comes last: only a request that is good uses one up.
func (s *Server) checkTBA(c *call, t *tbaToken, p map[string]string) *refusal {
	at, err := strconv.ParseInt(p["oauth_timestamp"], 10, 64)
	now := s.now()
	switch {
	case p["realm"] != c.account.id:
		return loginRefused("realm must be the account ID as NetSuite prints it, "+c.account.id, auditRealm)
	case p["oauth_signature_method"] != "HMAC-SHA256":
		return loginRefused("oauth_signature_method must be HMAC-SHA256; HMAC-SHA1 has ended (guess)", auditAlgorithm)
	case p["oauth_version"] != "" && p["oauth_version"] != "1.0":
		return loginRefused(`oauth_version must be "1.0" or be left out (RFC 5849 section 3.1)`, auditSignature)
	case t == nil || c.account.tbaRevoked(t):
		return loginRefused("no such token in this account, or it is revoked", auditRejected)
	case t.ConsumerKey != p["oauth_consumer_key"]:
		return loginRefused("the token belongs to another application", auditConsumer)
	case err != nil || now.Sub(time.Unix(at, 0)).Abs() > timestampWindow:
		return loginRefused("oauth_timestamp must be within 5 minutes of NetSuite's clock (RFC 5849 section 3.3; the length is a guess)", auditTimestamp)
	case len(p["oauth_nonce"]) < 6 || len(p["oauth_nonce"]) > 64:
		return loginRefused("oauth_nonce must have 6 to 64 characters (guess)", auditNonce)
	}
	want, err := signatureOf(c.r.Method, c.addr.url()+c.r.URL.EscapedPath(), c.r.URL.RawQuery, p, t.ConsumerSecret, t.TokenSecret)
	if err != nil || !hmac.Equal([]byte(want), []byte(p["oauth_signature"])) {
		return loginRefused("oauth_signature does not fit the request (RFC 5849 section 3.4)", auditSignature)
	}
	if err := c.account.acts(t.entity, t.role); err != nil {
		return loginRefused(err.Error(), "EntityOrRoleDisabled")
	}
	if !c.account.data().Has(t.role, "ADMI_LOGIN_OAUTH", 1) {
		return loginRefused("the role lacks the permission Log in using Access Tokens", "EntityOrRoleDisabled")
	}
	if !c.account.useNonce(p, now) {
		return loginRefused("the nonce was used before with this timestamp (RFC 5849 section 3.3)", auditNonce)
	}
	return nil
}

func (a *Account) tbaRevoked(t *tbaToken) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return t.revoked
}

// useNonce uses up a nonce; it returns false if it was used with the same timestamp, application and token.
func (a *Account) useNonce(p map[string]string, now time.Time) bool {
	key := strings.Join([]string{p["oauth_consumer_key"], p["oauth_token"], p["oauth_timestamp"], p["oauth_nonce"]}, " ")
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.nonces, func(_ string, until time.Time) bool { return now.After(until) })
	if _, used := a.nonces[key]; used {
		return false
	}
	a.nonces[key] = now.Add(2 * timestampWindow) // a timestamp from the future is good for twice the window
	return true
}

// parseOAuthHeader reads OAuth realm="...", oauth_consumer_key="...", ... (RFC 5849 section 3.5.1).
func parseOAuthHeader(header string) (map[string]string, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, errors.New("the header Authorization must be OAuth and the signed parameters (RFC 5849 section 3.5.1)")
	}
	p := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, err := oauthParameter(part)
		if err != nil {
			return nil, err
		}
		if _, twice := p[name]; twice {
			return nil, errors.New("a parameter of the header Authorization is given twice (RFC 5849 section 3.1)")
		}
		p[name] = value
	}
	for _, name := range []string{"oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_signature"} {
		if p[name] == "" {
			return nil, errors.New("the header Authorization lacks " + name + " (RFC 5849 section 3.1)")
		}
	}
	return p, nil
}

// oauthParameter reads name="value", both percent-encoded. Encoded values hold no comma and no quote.
func oauthParameter(part string) (name, value string, err error) {
	name, quoted, found := strings.Cut(strings.TrimSpace(part), "=")
	value, opened := strings.CutPrefix(quoted, `"`)
	value, closed := strings.CutSuffix(value, `"`)
	malformed := errors.New(`the header Authorization must be a list of name="value", percent-encoded (RFC 5849 section 3.5.1)`)
	if !found || !opened || !closed || strings.Contains(value, `"`) {
		return "", "", malformed
	}
	if name, err = url.PathUnescape(name); err != nil {
		return "", "", malformed
	}
	if value, err = url.PathUnescape(value); err != nil {
		return "", "", malformed
	}
	return name, value, nil
}

// signatureOf is the signature that a request should carry (RFC 5849 section 3.4). Forms as bodies, which it would
// cover, are no input of REST and RESTlets.
func signatureOf(method, address, rawQuery string, p map[string]string, consumerSecret, tokenSecret string) (string, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", err
	}
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, percent(name)+"="+percent(value))
		}
	}
	for name, value := range p {
		if name != "realm" && name != "oauth_signature" {
			pairs = append(pairs, percent(name)+"="+percent(value))
		}
	}
	slices.SortFunc(pairs, byNameThenValue)
	base := strings.ToUpper(method) + "&" + percent(baseAddress(address)) + "&" + percent(strings.Join(pairs, "&"))
	mac := hmac.New(sha256.New, []byte(percent(consumerSecret)+"&"+percent(tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// byNameThenValue is the order of RFC 5849 section 3.4.1.3.2. It is not that of the pairs as texts, since "=" sorts
// after some characters of a name.
func byNameThenValue(x, y string) int {
	xName, xValue, _ := strings.Cut(x, "=")
	yName, yValue, _ := strings.Cut(y, "=")
	return cmp.Or(strings.Compare(xName, yName), strings.Compare(xValue, yValue))
}

// baseAddress has scheme and host in lower case and no default port (RFC 5849 section 3.4.1.2).
func baseAddress(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + host + "/" + path
}

// percent is the encoding of RFC 5849 section 3.6: everything but letters, digits and - . _ ~.
func percent(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
