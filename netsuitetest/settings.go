package netsuitetest

import "time"

// Settings decide what Oracle's pages leave open. The zero value is the default. Where both forms are possible in the
// field, run tests with both.
//
// A setting is turned in four ways that know the same names and values: a field here, the section settings of a seed file,
// PATCH /_emulator/settings while the emulator runs, and Set, for command lines. AllSettings lists all of them with default,
// meaning and source; docs/emulator-settings.md is that list to read.
type Settings struct {
	Release string // the NetSuite release imitated

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
	JWKSFields      []string      // members of a key in the key set; nil = kty, kid, use, alg, n, e

	// Client assertions.

	M2MBadKeyError                 string        // unknown kid, bad signature: "invalid_grant" (default) or "invalid_client"
	AllowRS256                     bool          // accept RSA PKCS#1 v1.5 assertions, as before March 2025
	AssertionLifeBelowHour         bool          // exp - iat must be below 3600; else 3600 itself is taken
	AssertionSkew                  time.Duration // how far iat may lie in the future; 0 = 300 s, negative = not at all
	AssertionExpiryGrace           time.Duration // how long an assertion is taken after its exp; 0 = not at all
	AssertionReplayCheck           bool          // refuse a jti seen before
	AssertionScopeFromRecord       bool          // an assertion without scope gets the record's; else invalid_scope
	PublicRefusesClientCredentials bool          // a Public Client record may not use client credentials
	MCPByClientCredentials         bool          // scope mcp by client credentials; else refused

	// Certificates.

	RefusePSSKeys        bool     // refuse id-RSASSA-PSS public keys
	KidRandom            bool     // certificate IDs are random; else the SHA-256 thumbprint
	CertHosts            string   // "" = suitetalk and restlets, or one of "suitetalk", "restlets"
	CertUploadStatus     int      // 0 = 200; 201 is the alternative
	CertUploadBodyEmpty  bool     // the upload answers {}
	CertRevokeBodyEmpty  bool     // the revocation answers {}
	CertErrorsPlainText  bool     // errors as text/plain
	CertVendorType       bool     // answers as application/vnd.oracle.resource+json
	CertDateFormat       string   // Go time layout; "" = RFC 3339
	CertAlgorithmValues  []string // what algorithm says of RSA and of EC keys; nil = RSA, EC
	CertOwnRoleOnly      bool     // "own" certificates: only the token's own role; else any role of the token's entity
	CertLimitStatus      int      // a sixth active certificate; 0 = 400
	CertDuplicateStatus  int      // a certificate used before; 0 = 400
	CertExpiredCounts    bool     // expired certificates count against the five
	RevokeKillsM2MTokens bool     // revoking a certificate ends its live tokens; else they live to exp
	ManageOwnPermission  string   // key of Manage own OAuth 2.0 Client Credentials certificates; "" = ADMI_MANAGE_OWN_OAUTH2_CERTS

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

	// OpenID Connect.

	OIDCProvider        bool     // the feature NetSuite as OIDC Provider
	OIDCIssuerAccount   bool     // the issuer is the account's own suitetalk address; else https://system.netsuite.com
	IDTokenClaims       []string // nil = iss, sub, aud, exp, iat, nonce, email
	UserinfoClaims      []string // nil = sub, email
	DynamicRegistration bool     // a registration endpoint tells a public client its client ID; else there is none

	// REST.

	HiddenTablesEmpty       bool   // SuiteQL on a table hidden from the role gives no rows; else an error
	NullColumns             bool   // a column without a value is null in a SuiteQL row; else it is left out
	PreferOptional          bool   // SuiteQL without Prefer: transient is answered; else 400 INVALID_HEADER
	SuiteQLGetStatus        int    // GET on SuiteQL; 0 = 405
	SuiteQLClampsLimit      bool   // a limit above 1000 counts as 1000; else 400 INVALID_PARAMETER
	LimitTypeKey            string // key of governanceLimits' type: "integrationLimitType" (default) or "type"
	LimitsRefusalStatus     int    // governanceLimits for others than administrators; 0 = 403
	ForbiddenRFC2616        bool   // the type of a 403 is a link to RFC 2616; else to RFC 9110
	RESTletUnauthorizedBody string // a RESTlet's 401: "restlet" (default), "rest" or "empty"
	NoWWWAuthenticate       bool   // 401 without WWW-Authenticate
	MissingRecordCode       string // error code of a missing record; "" = NONEXISTENT_ID
	RecordWriteStatus       int    // a changed, upserted or transformed record; 0 = 204
	PropertyNameValidation  string // unknown fields without the header: "Error" (default), "Warning" or "Ignore"
	RecordTypeIDsLower      bool   // script IDs of custom record types in lower case; else in upper case

	// AsyncDelay is how long a record request with Prefer: respond-async waits on the emulator's clock; 0 = it is
	// carried out at once.
	AsyncDelay      time.Duration
	IdempotencyLife time.Duration // how long an idempotency key is remembered; 0 = 24 h

	// Discovery of domains.

	DataCenterHostsOnly    bool // the domains are bare host names; else URLs
	DataCenterUnknownEmpty bool // an unknown account is 200 with an empty object; else 404

	// Concurrency governance.

	ConcurrencyRefusal      string        // over the limit: "429" (default; RESTlets 400), or for both "503", or "401" like a bad token
	ConcurrencyCode         string        // o:errorCode of that refusal, RESTlets apart; "" = CONCURRENCY_LIMIT_EXCEEDED
	ConcurrencyRetryAfter   string        // the Retry-After header of the refusal, such as "30", or "date:30s" for the date then; "" = none
	ConcurrencyRefusalDelay time.Duration // how long the refusal takes, in real time; a 401 was reported after about 60 s
	TokenCountsConcurrency  bool          // requests to the token endpoint count too

	// Scripts, and how long a request may take in real time.

	RESTletNotFound string        // code for a RESTlet that is not there: "SSS_INVALID_SCRIPTLET_ID" (default), of older accounts "INVALID_LOGIN_INVALID_SCRIPT_ID" or "INVALID_LOGIN_ATTEMPT"
	ScriptLimit     time.Duration // of RESTlets and Suitelets; 0 = 300 s
	RESTLimit       time.Duration // of REST requests; 0 = 15 min

	// The accounts themselves.

	ReleasePreviewSuffix string // of the account ID of a Release Preview account; "" = _RP
	DevelopmentPrefix    string // of the account ID of a development account; "" = TD

	// InstallDelay is how long the installation of a bundle takes on the emulator's clock; 0 = at once.
	InstallDelay time.Duration
}

// currentSettings are settings in force: as they were given, and with the defaults filled in.
type currentSettings struct{ given, effective Settings }

// settings are those in force, never to be changed. A handler that reads them twice may meet two states.
func (s *Server) settings() *Settings { return &s.current.Load().effective }

// Settings are the settings in force, as they were given: what stands at its default is zero.
func (s *Server) Settings() Settings { return s.current.Load().given }

// ChangeSettings lets change edit the settings of the running emulator: requests that begin afterwards meet the new ones.
// Nothing changes when a value is refused, which the error names. What was made under the old settings stays as it was made:
// tokens, integration records, certificate IDs. Safe for concurrent use.
func (s *Server) ChangeSettings(change func(*Settings) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	before := s.current.Load().given
	after := before
	if err := change(&after); err != nil {
		return err
	}
	if err := after.check(); err != nil {
		return err
	}
	if err := checkStartOnly(before, after); err != nil {
		return err
	}
	s.putSettings(after)
	return nil
}

// putSettings takes settings that were checked.
func (s *Server) putSettings(given Settings) {
	s.current.Store(&currentSettings{given: given, effective: given.withDefaults()})
}
