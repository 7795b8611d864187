package netsuitetest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Integration is an integration record as its owner, the vendor, keeps it (H/section_157771733782). It reaches
// a customer's account at its first use there.
type Integration struct {
	Name          string `yaml:"name"`
	ClientID      string `yaml:"client_id"`      // 64 hexadecimal characters, made if empty
	ClientSecret  string `yaml:"client_secret"`  // same form; made if empty, unless Public
	ApplicationID string `yaml:"application_id"` // a GUID, made if empty; it goes into the aud claim
	OwnerAccount  string `yaml:"owner_account"`  // the first vendor account if empty

	CodeGrant         bool     `yaml:"code_grant"`         // Authorization Code Grant
	RedirectURIs      []string `yaml:"redirect_uris"`      // https or a custom scheme; compared byte for byte
	Public            bool     `yaml:"public"`             // Public Client: no secret, PKCE
	RefreshHours      int      `yaml:"refresh_hours"`      // Refresh Token Validity, 1 to 720, 0 = 48; public clients only
	RotationHours     int      `yaml:"rotation_hours"`     // Maximum Time For Token Rotation, 1 to 720, 0 = 168; public clients only
	ConsentPolicy     string   `yaml:"consent_policy"`     // "Always Ask" (default), "Ask First Time", "Never Ask"
	ClientCredentials bool     `yaml:"client_credentials"` // Client Credentials (Machine to Machine) Grant
	Scopes            []string `yaml:"scopes"`             // of restlets, rest_webservices, suite_analytics; or mcp alone

	// DynamicRegistration is the box Dynamic Client Registration: a public client finds its client ID by a redirect URI,
	// where the setting dcr_endpoint allows it.
	DynamicRegistration bool `yaml:"dynamic_registration"`
	// Release is the one under which the record was made, the emulator's if empty. Records made at 2027.1 or later need
	// PKCE (H/section_158921905537, as reported).
	Release string `yaml:"release"`
}

// needsPKCE, whoever the client is and whatever its scopes are.
func (i Integration) needsPKCE() bool { return i.Release >= "2027.1" }

// Scopes of an integration record (H/section_158081944642).
const (
	scopeREST      = "rest_webservices"
	scopeRESTlets  = "restlets"
	scopeAnalytics = "suite_analytics"
	scopeMCP       = "mcp"
)

// Consent policies (H/section_162877225089).
const (
	policyAlways = "Always Ask"
	policyFirst  = "Ask First Time"
	policyNever  = "Never Ask"
)

var (
	hex64        = newForm(`^[0-9a-f]{64}$`)
	releases     = newForm(`^20[0-9]{2}\.[12]$`)
	customScheme = newForm(`^[a-z][a-z0-9+.-]*$`)
)

// AddIntegration creates an integration record and returns it with its credentials. It refuses what NetSuite's
// form refuses at save; the error names the field, the rule and the remedy.
func (s *Server) AddIntegration(i Integration) (Integration, error) {
	i = i.withDefaults(s)
	if err := i.check(s); err != nil {
		return Integration{}, fmt.Errorf("integration record %q: %w", i.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.integrations[i.ClientID]; ok {
		return Integration{}, fmt.Errorf("integration record %q: client ID is taken; leave it empty to have one made", i.Name)
	}
	s.integrations[i.ClientID] = i
	return i, nil
}

// ChangeIntegration changes an integration record as its owner does on its page; change is given the present one. It refuses what AddIntegration
// refuses. Client ID and secret stay.
func (s *Server) ChangeIntegration(clientID string, change func(*Integration)) error {
	i, ok := s.integration(clientID)
	if !ok {
		return fmt.Errorf("client ID %q: there is no such integration record", clip(clientID))
	}
	id, secret := i.ClientID, i.ClientSecret
	change(&i)
	i.ClientID, i.ClientSecret = id, secret
	if err := i.check(s); err != nil {
		return fmt.Errorf("integration record %q: %w", i.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.integrations[id] = i
	return nil
}

// integration finds a record by client ID.
func (s *Server) integration(clientID string) (Integration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.integrations[clientID]
	return i, ok
}

func (i Integration) withDefaults(s *Server) Integration {
	if i.OwnerAccount == "" {
		if v := slices.IndexFunc(s.order, func(a *Account) bool { return a.vendor }); v >= 0 {
			i.OwnerAccount = s.order[v].id
		} else {
			i.OwnerAccount = s.fallback.id
		}
	}
	i.OwnerAccount = canonicalAccount(i.OwnerAccount)
	i.ClientID = cmp.Or(i.ClientID, randomHex(32))
	i.ApplicationID = cmp.Or(i.ApplicationID, newUUID())
	i.ConsentPolicy = cmp.Or(i.ConsentPolicy, policyAlways)
	i.RefreshHours = cmp.Or(i.RefreshHours, 48)
	i.RotationHours = cmp.Or(i.RotationHours, 168)
	i.Release = cmp.Or(i.Release, s.settings().Release)
	if !i.Public {
		i.ClientSecret = cmp.Or(i.ClientSecret, randomHex(32))
	}
	return i
}

// check refuses what the form refuses; the error knows its field.
func (i Integration) check(s *Server) error {
	switch {
	case strings.TrimSpace(i.Name) == "":
		return at("name", errors.New("name: required; customers read it on the consent page"))
	case len(i.Name) > maxShown:
		return at("name", fmt.Errorf("name: %d bytes are too many; want at most %d (guess)", len(i.Name), maxShown))
	case !hex64.MatchString(i.ClientID):
		return at("client_id", errors.New("client ID: want 64 lower-case hexadecimal characters; leave it empty to have one made"))
	case !i.Public && !hex64.MatchString(i.ClientSecret):
		return at("client_secret", errors.New("client secret: want 64 lower-case hexadecimal characters; leave it empty to have one made"))
	case i.Public && i.ClientSecret != "":
		return at("client_secret", errors.New("client secret: a Public Client has none; leave it empty"))
	case s.accounts[i.OwnerAccount] == nil:
		return at("owner", fmt.Errorf("owner account: %s does not exist; use one of the configured accounts", i.OwnerAccount))
	case !i.CodeGrant && !i.ClientCredentials:
		return at("grants", errors.New("grants: tick Authorization Code Grant, Client Credentials, or both"))
	case i.Public && !i.CodeGrant:
		return at("public", errors.New("public client: belongs to the Authorization Code Grant; tick that"))
	case !slices.Contains([]string{policyAlways, policyFirst, policyNever}, i.ConsentPolicy):
		return at("policy", fmt.Errorf("consent policy: unknown %q; use Always Ask, Ask First Time or Never Ask", i.ConsentPolicy))
	case i.RefreshHours < 1 || i.RefreshHours > 720:
		return at("refresh", errors.New("refresh token validity: want 1 to 720 hours (H/section_157771733782)"))
	case i.RotationHours < 1 || i.RotationHours > 720:
		return at("rotation", errors.New("maximum time for token rotation: want 1 to 720 hours (H/section_157771733782)"))
	case !releases.MatchString(i.Release):
		return at("release", fmt.Errorf("release: want one such as 2026.2, have %q", clip(i.Release)))
	case i.DynamicRegistration && !i.Public:
		return at("public", errors.New("dynamic client registration: is for a Public Client; tick that"))
	case i.CodeGrant && len(i.RedirectURIs) == 0:
		return at("redirect", errors.New("redirect URI: the Authorization Code Grant needs at least one"))
	}
	if err := i.checkScopes(s.settings().MCPByClientCredentials); err != nil {
		return err
	}
	for _, uri := range i.RedirectURIs {
		if err := checkRedirectURI(uri, s.settings().AllowHTTPLoopbackRedirects); err != nil {
			return at("redirect", err)
		}
	}
	return nil
}

// checkScopes: NetSuite AI Connector Service stands alone, has no Never Ask and, unless a setting allows it, no M2M (H/article_4160616848).
func (i Integration) checkScopes(mcpByMachine bool) error {
	if len(i.Scopes) == 0 {
		return at("scope", errors.New("scope: tick at least one"))
	}
	for n, scope := range i.Scopes {
		if !slices.Contains([]string{scopeREST, scopeRESTlets, scopeAnalytics, scopeMCP}, scope) {
			return at("scope", fmt.Errorf("scope: unknown %q; use restlets, rest_webservices, suite_analytics, or mcp alone", scope))
		}
		if slices.Contains(i.Scopes[:n], scope) {
			return at("scope", fmt.Errorf("scope: %q is given twice", scope))
		}
	}
	if !slices.Contains(i.Scopes, scopeMCP) {
		return nil
	}
	switch {
	case len(i.Scopes) > 1:
		return at("scope", errors.New("scope: mcp excludes every other scope"))
	case i.ClientCredentials && !mcpByMachine:
		return at("scope", errors.New("scope: mcp is not for the Client Credentials Grant; the setting m2m_mcp_scope changes that"))
	case i.ConsentPolicy == policyNever:
		return at("policy", errors.New("consent policy: Never Ask is not available with scope mcp"))
	}
	return nil
}

// checkRedirectURI: https or a custom scheme; http is refused, localhost too (H/section_157771733782).
func checkRedirectURI(uri string, allowHTTPLoopback bool) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || u.Opaque != "" || len(uri) > 2000:
		return fmt.Errorf("redirect URI %q: want an absolute URI such as https://app.example/callback", clip(uri))
	case u.Fragment != "" || strings.Contains(uri, "#"):
		return fmt.Errorf("redirect URI %q: must not have a fragment (RFC 6749 section 3.1.2)", clip(uri))
	case u.User != nil:
		return fmt.Errorf("redirect URI %q: must not have a user name", clip(uri))
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && allowHTTPLoopback && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1"):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("redirect URI %q: NetSuite takes https:// or a custom scheme, not http://, localhost included; "+
			"a demo can set AllowHTTPLoopbackRedirects (allow_http_loopback_redirects)", clip(uri))
	case slices.Contains([]string{"https", "javascript", "data", "file", "vbscript", "about", "blob"}, u.Scheme) || !customScheme.MatchString(u.Scheme):
		return fmt.Errorf("redirect URI %q: this scheme is no application's own", clip(uri))
	}
	return nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b)
}

// newUUID is a random UUID (RFC 9562 version 4), upper case as NetSuite prints application IDs.
func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}
