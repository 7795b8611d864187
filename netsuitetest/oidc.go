package netsuitetest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file is NetSuite as OIDC Provider (H/section_160855370280), behind the setting oidc_provider: the authorization code
// grant with scope openid gives an ID token as well. What Oracle leaves to the standard follows OpenID Connect Core.

// Scopes of the OIDC provider (H/section_160855585734). They are no boxes of the integration record.
const (
	scopeOpenID = "openid"
	scopeEmail  = "email"
)

// scopesOf are the scopes that a client may ask for.
func (s *Server) scopesOf(i Integration) []string {
	if !s.settings().OIDCProvider || slices.Contains(i.Scopes, scopeMCP) {
		return i.Scopes
	}
	return slices.Concat(i.Scopes, []string{scopeOpenID, scopeEmail})
}

// whenOIDC is a handler that exists only where NetSuite is an OIDC provider.
func (s *Server) whenOIDC(h handler) handler {
	return func(c *call) {
		if !s.settings().OIDCProvider {
			c.broke("the feature NetSuite as OIDC Provider is off (setting oidc_provider)")
			http.NotFound(c.w, c.r)
			return
		}
		h(c)
	}
}

// issuer is that of ID tokens; access tokens always have the first (H/section_161235023782).
func (s *Server) issuer(c *call) string {
	if s.settings().OIDCIssuerAccount {
		return c.addr.base(serviceSuiteTalk, c.account.id, s.fallback.id)
	}
	return systemIssuer
}

// openIDConfiguration is the metadata document (OpenID Connect Discovery section 3). That it lists S256 is a third
// party's word.
func (s *Server) openIDConfiguration(c *call) {
	settings := s.settings()
	base := func(svc service) string { return c.addr.base(svc, c.account.id, s.fallback.id) }
	auth := base(serviceSuiteTalk) + authPrefix
	document := map[string]any{
		"issuer":                                s.issuer(c),
		"authorization_endpoint":                base(serviceApp) + authorizePath,
		"token_endpoint":                        auth + "token",
		"revocation_endpoint":                   auth + "revoke",
		"userinfo_endpoint":                     auth + "userinfo",
		"end_session_endpoint":                  auth + "logout",
		"jwks_uri":                              auth + "keys",
		"scopes_supported":                      []string{scopeOpenID, scopeEmail, scopeREST, scopeRESTlets, scopeAnalytics},
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{settings.ServerAlgorithm},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported":                      settings.IDTokenClaims,
	}
	if settings.DynamicRegistration {
		document["registration_endpoint"] = auth + "register"
	}
	c.met("metadata, for anybody (H/section_160855370280)")
	c.json(http.StatusOK, document)
}

// idTokenLife is as long as an access token's (guess).
const idTokenLife = accessLife

// idToken makes the ID token of a code's exchange and remembers it for the log-out.
func (s *Server) idToken(c *call, cd *code, access string, now time.Time) string {
	a := c.account
	e, _ := a.data().Employee(cd.entity)
	half := sha256.Sum256([]byte(access))
	all := map[string]any{
		"iss": s.issuer(c), "sub": subject(cd.role, cd.entity), "aud": cd.clientID, "exp": now.Add(idTokenLife).Unix(), "iat": now.Unix(),
		"nonce": cd.nonce, "email": e.Email, "at_hash": b64(half[:16]), "auth_time": cd.loggedIn.Unix(), "role": cd.role, "entity": cd.entity,
	}
	claims := map[string]any{}
	for _, name := range s.settings().IDTokenClaims {
		absent := name == "nonce" && cd.nonce == "" || name == "email" && !slices.Contains(cd.scopes, scopeEmail)
		if !absent {
			claims[name] = all[name]
		}
	}
	signed := a.keys.sign(now, claims)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[sha256.Sum256([]byte(signed))] = &token{
		kind: kindID, clientID: cd.clientID, scopes: cd.scopes, entity: cd.entity, role: cd.role, expires: now.Add(idTokenLife), grant: cd.grant,
	}
	return signed
}

// subject is the sub claim of every token.
func subject(role, entity int64) string { return fmt.Sprintf("%d;%d", role, entity) }

// userinfo answers who the bearer of an access token is (OpenID Connect Core section 5.3). A raw answer was not seen.
func (s *Server) userinfo(c *call) {
	noStore(c)
	t, no := s.bearer(c, scopeOpenID)
	if no != nil {
		c.noteRefusal(no)
		c.json(no.status, map[string]string{"error": "invalid_token"})
		return
	}
	e, _ := c.account.data().Employee(t.entity)
	all := map[string]any{
		"sub": subject(t.role, t.entity), "email": e.Email, "name": strings.TrimSpace(e.First + " " + e.Last), "role": t.role, "entity": t.entity,
	}
	claims := map[string]any{}
	for _, name := range s.settings().UserinfoClaims {
		if name != "email" || slices.Contains(t.scopes, scopeEmail) {
			claims[name] = all[name]
		}
	}
	c.met("access token of scope openid (OpenID Connect Core section 5.3)")
	c.json(http.StatusOK, claims)
}

// oidcLogout ends an ID token with the access and refresh tokens of its consent, and the UI session in which that was
// given. Client authentication is optional (H/section_161192337588); the form of the answer is a guess.
func (s *Server) oidcLogout(c *call) {
	noStore(c)
	form, no := s.logoutParameters(c)
	if no == nil {
		no = s.endByHint(c, form)
	}
	if no != nil {
		s.refuseToken(c, no)
		return
	}
	c.met("ID token, its access and refresh tokens and the UI session ended (H/section_161192337588)")
	c.text(http.StatusOK, "You are logged out.")
}

// logoutParameters come in the query of a GET or in the form of a POST.
func (s *Server) logoutParameters(c *call) (url.Values, *refusal) {
	if c.r.Method == http.MethodPost {
		return s.form(c)
	}
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil || len(q["id_token_hint"]) > 1 {
		return nil, invalidRequest("the query is malformed, or id_token_hint is given twice")
	}
	return q, nil
}

func (s *Server) endByHint(c *call, form url.Values) *refusal {
	hint := form.Get("id_token_hint")
	if hint == "" {
		return invalidRequest("id_token_hint is required: the ID token to revoke (H/section_161192337588)")
	}
	t := c.account.find(hint)
	if t == nil || t.kind != kindID {
		return invalidRequest("id_token_hint is no ID token of this account")
	}
	c.entry.ClientID, c.entry.Entity, c.entry.Role = t.clientID, t.entity, t.role
	if c.r.Header.Get("Authorization") != "" || form.Has("client_id") {
		i, no := s.client(c, form)
		switch {
		case no != nil:
			return no
		case i.ClientID != t.clientID:
			return invalidGrant("the ID token was issued to another client", "")
		}
	}
	a := c.account
	a.RevokeGrant(t.grant.id)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, t.grant.session)
	return nil
}
