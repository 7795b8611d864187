package netsuitetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Settings decide what Oracle's pages leave open. The zero value is the default; every field says what it
// changes. Where both forms are possible in the field, run tests with both.
type Settings struct {
	// Release is the NetSuite release imitated, "2026.2" if empty. At "2027.1" an authorization request without
	// PKCE is invalid_request for every client (H/section_158921905537, as reported), and no new tokens of token-based
	// authentication can be made.
	Release string

	// Codes and refresh.

	CodeTTL                time.Duration // life of an authorization code; 0 = 60 s
	CodeReuseKeepsTokens   bool          // a second use of a code leaves the tokens of the first alive
	RefreshReuseKillsChain bool          // a spent public refresh token revokes its whole chain; else the chain is kept
	RefreshRaceGrace       time.Duration // how long a spent public refresh token is still taken; 0 = not at all

	// Form of the token answers.

	ExpiresInNumber   bool   // expires_in as a number; else as the string "3600"
	TokenTypeBearer   bool   // token_type "Bearer"; else "bearer"
	ScopeInResponse   bool   // echo the scope
	ErrorDescription  bool   // add error_description to token endpoint errors
	BadGrantTypeError string // "invalid_request" (default) or "unsupported_grant_type"
	SecretInBody      bool   // accept client_secret in the body; else it is invalid_client
	RefuseBase64URL   bool   // refuse the URL alphabet in the Basic header; else both alphabets are taken

	// Signing of NetSuite's own tokens.

	ServerAlgorithm string        // "RS256" (default) or "PS256"
	KeyLife         time.Duration // rollover of the account's signing key; 0 = 90 days
	KeyOverlap      time.Duration // how long an old key stays in the key set; 0 = 8 days

	// Client assertions.

	M2MBadKeyError                 string        // unknown kid, bad signature: "invalid_grant" (default) or "invalid_client"
	AllowRS256                     bool          // accept RSA PKCS#1 v1.5 assertions, as before March 2025
	AssertionLifeBelowHour         bool          // exp - iat must be below 3600; else 3600 itself is taken
	AssertionSkew                  time.Duration // how far iat may lie in the future; 0 = 300 s
	AssertionReplayCheck           bool          // refuse a jti seen before
	AssertionScopeFromRecord       bool          // an assertion without scope gets the record's; else invalid_scope
	PublicRefusesClientCredentials bool          // a Public Client record may not use client credentials

	// Certificates.

	RefusePSSKeys        bool   // refuse id-RSASSA-PSS public keys
	KidRandom            bool   // certificate IDs are random; else the SHA-256 thumbprint
	CertHosts            string // "" = suitetalk and restlets, or one of "suitetalk", "restlets"
	CertUploadStatus     int    // 0 = 200; 201 is the alternative
	CertUploadBodyEmpty  bool   // the upload answers {}
	CertRevokeBodyEmpty  bool   // the revocation answers {}
	CertErrorsPlainText  bool   // errors as text/plain
	CertVendorType       bool   // answers as application/vnd.oracle.resource+json
	CertDateFormat       string // Go time layout; "" = RFC 3339
	CertOwnRoleOnly      bool   // "own" certificates: only the token's own role; else any role of the token's entity
	CertLimitStatus      int    // a sixth active certificate; 0 = 400
	CertDuplicateStatus  int    // a certificate used before; 0 = 400
	CertExpiredCounts    bool   // expired certificates count against the five
	RevokeKillsM2MTokens bool   // revoking a certificate ends its live tokens; else they live to exp

	// Revocation of grants.

	RevokeStatus            int  // 0 = 200
	RevokeKeepsAccessTokens bool // access tokens outlive the revocation of their refresh token

	// Consent.

	PromptNoneError            string   // error of prompt=none without a session; "" = "login_required"
	NeverAskConsentScreen      bool     // policy Never Ask with prompt=consent shows the screen
	RedirectParamOrder         []string // nil = state, role, entity, company, code
	RedirectErrorExtra         bool     // error redirects also carry company, and role and entity when known
	AllowHTTPLoopbackRedirects bool     // not NetSuite's: register http://127.0.0.1 and http://localhost redirect URIs
	ApprovalBlocks             string   // from where a record Waiting for Approval is blocked: "authorize" (default), "token", "api"

	// REST.

	HiddenTablesEmpty bool   // SuiteQL on a table hidden from the role gives no rows; else an error
	LimitTypeKey      string // key of governanceLimits' type: "integrationLimitType" (default) or "type"

	// AsyncDelay is how long a record request with Prefer: respond-async waits on the emulator's clock; 0 = it is
	// carried out at once.
	AsyncDelay time.Duration

	// Concurrency governance.

	ConcurrencyRefusal      string        // over the limit: "429" (default; RESTlets 400), or for both "503", or "401" like a bad token
	ConcurrencyRetryAfter   string        // the Retry-After header of the refusal, such as "30", or "date:30s" for the date then; "" = none
	ConcurrencyRefusalDelay time.Duration // how long the refusal takes, in real time; a 401 was reported after about 60 s
	TokenCountsConcurrency  bool          // requests to the token endpoint count too

	// Scripts, and how long a request may take in real time.

	RESTletNotFound string        // code for a RESTlet that is not there: "SSS_INVALID_SCRIPTLET_ID" (default), of older accounts "INVALID_LOGIN_INVALID_SCRIPT_ID" or "INVALID_LOGIN_ATTEMPT"
	ScriptLimit     time.Duration // of RESTlets and Suitelets; 0 = 300 s
	RESTLimit       time.Duration // of REST requests; 0 = 15 min

	// InstallDelay is how long the installation of a bundle takes on the emulator's clock; 0 = at once.
	InstallDelay time.Duration
}

// releases are the values of Settings.Release, oldest first.
var releases = []string{"2026.1", "2026.2", "2027.1"}

// SetRelease moves all accounts to another release, as NetSuite does twice a year; see Settings.Release. What is there
// already, such as tokens of token-based authentication, stays.
func (s *Server) SetRelease(release string) error {
	if !slices.Contains(releases, release) {
		return fmt.Errorf("release: unknown value %q, use one of %q", release, releases)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.Release = release
	return nil
}

func (s *Server) release() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.Release
}

// check refuses values that no field knows.
func (s Settings) check() error {
	for _, f := range []struct {
		name, value string
		known       []string
	}{
		{"Release", s.Release, append([]string{""}, releases...)},
		{"BadGrantTypeError", s.BadGrantTypeError, []string{"", "invalid_request", "unsupported_grant_type"}},
		{"ServerAlgorithm", s.ServerAlgorithm, []string{"", "RS256", "PS256"}},
		{"M2MBadKeyError", s.M2MBadKeyError, []string{"", "invalid_grant", "invalid_client"}},
		{"CertHosts", s.CertHosts, []string{"", string(serviceSuiteTalk), string(serviceRESTlets)}},
		{"ConcurrencyRefusal", s.ConcurrencyRefusal, []string{"", "429", "503", "401"}},
		{"LimitTypeKey", s.LimitTypeKey, []string{"", "integrationLimitType", "type"}},
		{"RESTletNotFound", s.RESTletNotFound, []string{"", "SSS_INVALID_SCRIPTLET_ID", "INVALID_LOGIN_INVALID_SCRIPT_ID", "INVALID_LOGIN_ATTEMPT"}},
		{"ApprovalBlocks", s.ApprovalBlocks, []string{"", string(stageAuthorize), string(stageToken), string(stageAPI)}},
	} {
		if !slices.Contains(f.known, f.value) {
			return fmt.Errorf("settings: %s: unknown value %q, use one of %q", f.name, f.value, f.known[1:])
		}
	}
	if s.AsyncDelay < 0 {
		return fmt.Errorf("settings: AsyncDelay: must not be negative, have %s; use 0 for none", s.AsyncDelay)
	}
	if s.ScriptLimit < 0 || s.RESTLimit < 0 {
		return fmt.Errorf("settings: ScriptLimit and RESTLimit: must not be negative, have %s and %s; use 0 for NetSuite's own", s.ScriptLimit, s.RESTLimit)
	}
	if err := checkRetryAfter(s.ConcurrencyRetryAfter); err != nil {
		return fmt.Errorf("settings: ConcurrencyRetryAfter: %w", err)
	}
	if s.RedirectParamOrder != nil {
		got := slices.Sorted(slices.Values(s.RedirectParamOrder))
		if want := []string{"code", "company", "entity", "role", "state"}; !slices.Equal(got, want) {
			return fmt.Errorf("settings: RedirectParamOrder: want the five parameters %q in some order, have %q", want, s.RedirectParamOrder)
		}
	}
	return nil
}

// withDefaults fills the fields whose zero value stands for another one.
func (s Settings) withDefaults() Settings {
	s.Release = cmp.Or(s.Release, "2026.2")
	s.CodeTTL = cmp.Or(s.CodeTTL, time.Minute)
	s.BadGrantTypeError = cmp.Or(s.BadGrantTypeError, "invalid_request")
	s.ServerAlgorithm = cmp.Or(s.ServerAlgorithm, "RS256")
	s.KeyLife = cmp.Or(s.KeyLife, 90*24*time.Hour)
	s.KeyOverlap = cmp.Or(s.KeyOverlap, 8*24*time.Hour)
	s.M2MBadKeyError = cmp.Or(s.M2MBadKeyError, "invalid_grant")
	s.AssertionSkew = cmp.Or(s.AssertionSkew, 5*time.Minute)
	s.CertUploadStatus = cmp.Or(s.CertUploadStatus, 200)
	s.CertDateFormat = cmp.Or(s.CertDateFormat, time.RFC3339)
	s.CertLimitStatus = cmp.Or(s.CertLimitStatus, 400)
	s.CertDuplicateStatus = cmp.Or(s.CertDuplicateStatus, 400)
	s.RevokeStatus = cmp.Or(s.RevokeStatus, 200)
	s.RESTletNotFound = cmp.Or(s.RESTletNotFound, "SSS_INVALID_SCRIPTLET_ID")
	s.ScriptLimit = cmp.Or(s.ScriptLimit, 300*time.Second)
	s.RESTLimit = cmp.Or(s.RESTLimit, 15*time.Minute)
	s.PromptNoneError = cmp.Or(s.PromptNoneError, "login_required")
	s.ApprovalBlocks = cmp.Or(s.ApprovalBlocks, string(stageAuthorize))
	if s.RedirectParamOrder == nil {
		s.RedirectParamOrder = []string{"state", "role", "entity", "company", "code"}
	}
	return s
}
