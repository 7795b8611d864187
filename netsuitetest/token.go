package netsuitetest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refusal is why the token endpoint, the revoke endpoint or a bearer check says no.
type refusal struct {
	status int
	code   string // OAuth's error, or the REST error code
	rule   string // for the ledger
	audit  string // the Login Audit Trail's name, if there is one
}

func refuse(status int, code, rule, audit string) *refusal {
	return &refusal{status: status, code: code, rule: rule, audit: audit}
}

func invalidRequest(rule string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_request", rule, "")
}

func invalidGrant(rule, audit string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_grant", rule, audit)
}

// tokenAnswer is the body of a good answer (H/section_160855594402).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    any    `json:"expires_in"`
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	IDToken      string `json:"id_token,omitempty"` // with scope openid (H/section_160855590788)
}

// token is the token endpoint: one form in, one token or one error out.
func (s *Server) token(c *call) {
	noStore(c)
	form, no := s.form(c)
	if no != nil {
		s.refuseToken(c, no)
		return
	}
	c.entry.GrantType = form.Get("grant_type")
	var out *tokenAnswer
	switch c.entry.GrantType {
	case "authorization_code":
		out, no = s.redeem(c, form)
	case "refresh_token":
		out, no = s.refresh(c, form)
	case "client_credentials":
		out, no = s.clientCredentials(c, form)
	case "":
		no = invalidRequest("grant_type is required (H/section_158081952044)")
	default:
		// Oracle: a wrong grant_type is invalid_request, not RFC 6749's unsupported_grant_type (H/subsect_161252460252).
		no = refuse(http.StatusBadRequest, s.settings().BadGrantTypeError,
			"grant_type must be authorization_code, refresh_token or client_credentials (H/subsect_161252460252)", "")
	}
	if no != nil {
		s.refuseToken(c, no)
		return
	}
	c.account.audit(AuditLine{ClientID: c.entry.ClientID, Entity: c.entry.Entity, Role: c.entry.Role, OK: true})
	c.json(http.StatusOK, out)
}

// noStore keeps tokens out of caches (RFC 6749 section 5.1).
func noStore(c *call) {
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.Header().Set("Pragma", "no-cache")
}

// refuseToken writes {"error":"..."} (H/subsect_161252460252).
func (s *Server) refuseToken(c *call, no *refusal) {
	c.broke(no.rule)
	c.entry.AuditDetail = no.audit
	if no.audit != "" {
		c.account.audit(AuditLine{ClientID: c.entry.ClientID, Entity: c.entry.Entity, Role: c.entry.Role, Detail: no.audit})
	}
	if no.status == http.StatusUnauthorized {
		c.w.Header().Set("WWW-Authenticate", `Basic realm="`+c.account.id+`"`)
	}
	body := map[string]string{"error": no.code}
	if s.settings().ErrorDescription {
		body["error_description"] = no.rule
	}
	c.json(no.status, body)
}

const maxForm = 64 << 10

// form reads an application/x-www-form-urlencoded body: each parameter once, none in the URL.
func (s *Server) form(c *call) (url.Values, *refusal) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("Content-Type must be application/x-www-form-urlencoded (H/section_158081952044)")
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxForm+1))
	if err != nil || len(body) > maxForm {
		return nil, invalidRequest("the form must not be larger than 64 KiB")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the form is malformed")
	}
	c.entry.Params = redact(form)
	if c.r.URL.RawQuery != "" {
		return nil, invalidRequest("parameters belong in the form, not in the URL (RFC 6749 section 3.2)")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, invalidRequest("parameter " + clip(name) + " must not be given twice (RFC 6749 section 3.2)")
		}
	}
	return form, nil
}

// client authenticates the client of the code and refresh grants and of revoke, by exactly one method
// (H/section_158081952044, H/subsect_161252460252).
func (s *Server) client(c *call, form url.Values) (Integration, *refusal) {
	if !c.account.Feature("OAUTH2") {
		return Integration{}, refuse(http.StatusBadRequest, "unauthorized_client", "the feature OAuth 2.0 is off in this account (guess)", "")
	}
	headers := c.r.Header.Values("Authorization")
	id, secret := form.Get("client_id"), ""
	switch {
	case len(headers) > 1, len(headers) == 1 && (form.Has("client_id") || form.Has("client_secret") || form.Has("client_assertion")):
		return Integration{}, invalidRequest("two client authentications at once (H/subsect_161252460252)")
	case form.Has("client_assertion"):
		return Integration{}, s.invalidClient("a client assertion belongs to the client credentials grant")
	case form.Has("client_secret") && !s.settings().SecretInBody:
		return Integration{}, s.invalidClient("client_secret in the body is not documented; use the Basic header (H/section_158081952044)")
	case len(headers) == 1:
		var ok bool
		if id, secret, ok = s.basic(headers[0]); !ok {
			return Integration{}, s.invalidClient("the Authorization header must be Basic base64(client_id:client_secret) (RFC 7617)")
		}
	default:
		secret = form.Get("client_secret")
	}
	c.entry.ClientID = id
	i, ok := s.integration(id)
	switch {
	case id == "":
		return Integration{}, s.invalidClient("no client authentication: Basic header, or client_id in the body of a public client")
	case !ok:
		return Integration{}, s.invalidClient("unknown client ID")
	case i.Public && secret != "":
		return Integration{}, s.invalidClient("a public client must not send a secret (H/section_160855594402)")
	case !i.Public && !sameSecret(secret, i.ClientSecret):
		return Integration{}, s.invalidClient("the client secret is missing or wrong")
	}
	if !i.CodeGrant {
		return i, refuse(http.StatusBadRequest, "unauthorized_client", "Authorization Code Grant is not ticked in the record", "AuthorizationCodeGrantRequired")
	}
	if r, ok := c.account.record(id); ok && r.blocks(stageToken, s.settings().ApprovalBlocks) {
		return i, refuse(http.StatusBadRequest, "unauthorized_client", "the integration record is "+r.State+" (H/section_4429293934)", "IntegrationBlocked")
	}
	return i, nil
}

func (s *Server) invalidClient(rule string) *refusal {
	return refuse(http.StatusUnauthorized, "invalid_client", rule, "ClientAuthenticationFailed")
}

func sameSecret(got, want string) bool {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}

// basic reads the Basic header. Oracle's text says Base64url, its sample is ordinary base64: both are taken.
func (s *Server) basic(header string) (id, secret string, ok bool) {
	scheme, value, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	if !s.settings().RefuseBase64URL {
		value = strings.NewReplacer("-", "+", "_", "/").Replace(value)
		value = strings.TrimRight(value, "=")
		value += strings.Repeat("=", (4-len(value)%4)%4)
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(raw), ":")
	return id, secret, ok
}

// verifiers are the code verifiers of RFC 7636 section 4.1.
var verifiers = newForm(`^[A-Za-z0-9._~-]{43,128}$`)

// redeem exchanges an authorization code (H/section_158081952044).
func (s *Server) redeem(c *call, form url.Values) (*tokenAnswer, *refusal) {
	i, no := s.client(c, form)
	if no != nil {
		return nil, no
	}
	for _, name := range []string{"code", "redirect_uri"} {
		if form.Get(name) == "" {
			return nil, invalidRequest(name + " is required (H/section_158081952044)")
		}
	}
	now := s.clock.Now()
	cd, no := c.account.useCode(i, form, now)
	if cd != nil {
		c.entry.Entity, c.entry.Role = cd.entity, cd.role
	}
	if no != nil {
		return nil, no
	}
	out := s.issue(c, i, cd.grant, true)
	if s.settings().OIDCProvider && slices.Contains(cd.scopes, scopeOpenID) {
		out.IDToken = s.idToken(c, cd, out.AccessToken, now)
	}
	c.met("authorization code redeemed once, in time, with the client's authentication and the PKCE verifier (H/section_158081952044)")
	return out, nil
}

// useCode checks a code against the request, marks it as used and opens its grant. A refusal leaves the code as it
// was (guess).
func (a *Account) useCode(i Integration, form url.Values, now time.Time) (*code, *refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cd := a.codes[form.Get("code")]
	verifier := form.Get("code_verifier")
	switch {
	case cd == nil:
		return cd, invalidGrant("unknown code; codes are of one account", "")
	case cd.clientID != i.ClientID:
		return cd, invalidGrant("the code was issued to another client", "")
	case cd.used:
		if !a.s.settings().CodeReuseKeepsTokens && cd.grant != nil {
			cd.grant.revoked = true
		}
		return cd, invalidGrant("a code is used once; the tokens of its first use are revoked (RFC 6749 section 4.1.2; default of an open point)", "")
	case now.Sub(cd.issued) > a.s.settings().CodeTTL || now.Before(cd.issued):
		return cd, invalidGrant("the code is older than "+a.s.settings().CodeTTL.String()+" (default of an open point)", "")
	case cd.redirectURI != form.Get("redirect_uri"):
		return cd, invalidGrant("redirect_uri differs from the one of the authorization request (H/section_158081952044)", "InvalidRedirectURI")
	case cd.challenge == "" && form.Has("code_verifier"):
		return cd, invalidRequest("code_verifier without a code_challenge in the authorization request (RFC 9700 section 2.1.1)")
	case cd.challenge != "" && verifier == "":
		return cd, invalidRequest("code_verifier is required: the authorization request had a code_challenge (H/section_158081952044)")
	case cd.challenge != "" && !verifiers.MatchString(verifier):
		return cd, invalidRequest("code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636 section 4.1)")
	case cd.challenge != "" && challengeOf(verifier) != cd.challenge:
		return cd, invalidGrant("code_verifier does not match the code_challenge (H/section_158081952044)", "")
	}
	if err := a.usable(cd.entity, cd.role); err != nil {
		return cd, invalidGrant(err.Error(), "EntityOrRoleDisabled")
	}
	cd.used = true
	cd.grant = a.newGrant(i, cd, now)
	a.grants = append(a.grants, cd.grant)
	return cd, nil
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return b64(sum[:])
}

// issue mints the access token of a grant, and a refresh token if the grant gets one.
func (s *Server) issue(c *call, i Integration, g *grant, withRefresh bool) *tokenAnswer {
	now := s.clock.Now()
	t := token{kind: kindAccess, clientID: i.ClientID, scopes: g.scopes, entity: g.entity, role: g.role, expires: now.Add(accessLife), grant: g}
	out := s.answerFor(g.scopes)
	out.AccessToken = c.account.mint(t, i.ApplicationID, now)
	c.entry.TokenID = c.account.find(out.AccessToken).id
	if withRefresh {
		t.kind, t.expires = kindRefresh, g.refreshExpiry(i, now)
		out.RefreshToken = c.account.mint(t, i.ApplicationID, now)
	}
	return out
}

// answerFor is the answer without its tokens: always 3600 seconds, as string or number.
func (s *Server) answerFor(scopes []string) *tokenAnswer {
	out := &tokenAnswer{ExpiresIn: "3600", TokenType: "bearer"}
	if s.settings().ExpiresInNumber {
		out.ExpiresIn = 3600
	}
	if s.settings().TokenTypeBearer {
		out.TokenType = "Bearer"
	}
	if s.settings().ScopeInResponse {
		out.Scope = strings.Join(scopes, " ")
	}
	return out
}

// refresh answers grant_type=refresh_token (H/section_158082518856): a confidential client's token can be used
// again and is not renewed, a public client's is used once and replaced.
func (s *Server) refresh(c *call, form url.Values) (*tokenAnswer, *refusal) {
	i, no := s.client(c, form)
	if no != nil {
		return nil, no
	}
	signed := form.Get("refresh_token")
	if signed == "" {
		return nil, invalidRequest("refresh_token is required (H/section_158082518856)")
	}
	t := c.account.find(signed)
	if no := s.checkRefresh(c, i, t); no != nil {
		return nil, no
	}
	if i.Public {
		if no := c.account.spend(t, s.clock.Now()); no != nil {
			return nil, no
		}
	}
	out := s.issue(c, i, t.grant, i.Public)
	c.met("refresh token valid, of this client, within its life (H/section_158082518856)")
	return out, nil
}

func (s *Server) checkRefresh(c *call, i Integration, t *token) *refusal {
	switch {
	case t == nil:
		return invalidGrant("not a token of this account", "InvalidSignature")
	case t.kind != kindRefresh:
		return invalidGrant("not a refresh token", "TokenRejected")
	case t.clientID != i.ClientID:
		return invalidGrant("the refresh token was issued to another client", "InvalidIntegration")
	}
	c.entry.Entity, c.entry.Role = t.entity, t.role
	now := s.clock.Now()
	switch {
	case c.account.dead(t):
		return invalidGrant("the refresh token was revoked (H/section_161071224088)", "RefreshTokenExpired")
	case !now.Before(t.expires) || !now.Before(t.grant.end):
		return invalidGrant("the refresh token or its chain has ended (H/section_158082518856)", "RefreshTokenExpired")
	case !subset(t.scopes, s.scopesOf(i)):
		return invalidGrant("the record no longer has the token's scope", "ScopeMismatched")
	}
	if err := c.account.usable(t.entity, t.role); err != nil {
		return invalidGrant(err.Error(), "EntityOrRoleDisabled")
	}
	return nil
}

// spend uses up a public client's refresh token.
func (a *Account) spend(t *token, now time.Time) *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.spent.IsZero() {
		t.spent = now
		return nil
	}
	if grace := a.s.settings().RefreshRaceGrace; grace > 0 && now.Sub(t.spent) <= grace {
		return nil
	}
	if a.s.settings().RefreshReuseKillsChain {
		t.grant.revoked = true
		return invalidGrant("a public client's refresh token is used once; reuse ended the chain (setting)", "RefreshTokenExpired")
	}
	return invalidGrant("a public client's refresh token is used once (H/section_158082518856)", "RefreshTokenExpired")
}

func subset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}
