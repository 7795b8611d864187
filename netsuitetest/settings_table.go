package netsuitetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting describes one setting: a row of the table from which the fields' defaults, the keys of seed files, the admin
// API, command flags and the documentation come.
type Setting struct {
	Name    string   `json:"name"`             // "code_ttl", as the reference papers, seed files, flags and the admin API write it
	Field   string   `json:"field"`            // of Settings: "CodeTTL"
	Group   string   `json:"group"`            // heading in the documentation
	Default string   `json:"default"`          // as text
	Values  []string `json:"values,omitempty"` // what can be chosen, the default first; nil = any value of the form
	Form    string   `json:"form"`             // "choice", "duration", "status", "text" or "list"
	Meaning string   `json:"meaning"`
	Source  string   `json:"source"`   // page of Oracle's help (H/...), RFC, or "guess" with what it rests on
	AtStart bool     `json:"at_start"` // cannot be changed while the emulator runs

	stored   []string           // what the field holds for each of Values, where that is another text
	none     bool               // a negative duration is "none"
	from, to int                // bounds of a status
	check    func(string) error // of a text, or of each element of a list
	whole    func([]string) error
}

// Groups of settings, the headings of the documentation.
const (
	groupRelease     = "Release"
	groupGrants      = "Codes and refresh tokens"
	groupAnswers     = "Answers of the token endpoint"
	groupKeys        = "Signing keys"
	groupAssertions  = "Client assertions"
	groupCerts       = "Certificates"
	groupRevocation  = "Revocation"
	groupConsent     = "Consent and redirect"
	groupOIDC        = "OpenID Connect"
	groupREST        = "REST and RESTlets"
	groupConcurrency = "Concurrency"
	groupAccounts    = "Accounts"
)

// Values of RESTletUnauthorizedBody.
const (
	bodyRESTlet = "restlet"
	bodyREST    = "rest"
	bodyEmpty   = "empty"
)

var yesNo = []string{"false", "true"}

// settingsTable is the table of all settings, built once.
var settingsTable = withForms([]Setting{
	{
		Group: groupRelease, Name: "release", Field: "Release", Values: []string{"2026.2", "2026.1", "2027.1"},
		Meaning: "NetSuite release imitated. At 2027.1 integration records made then need PKCE in every authorization request, and no new tokens of token-based authentication can be made; what exists runs on.",
		Source:  "H/section_158921905537, as reported",
	},

	{
		Group: groupGrants, Name: "code_ttl", Field: "CodeTTL", Default: "1m0s",
		Meaning: "Life of an authorization code.", Source: "guess; an integrator advises to exchange within 30 seconds",
	},
	{
		Group: groupGrants, Name: "code_reuse", Field: "CodeReuseKeepsTokens", Values: []string{"revoke_tokens", "keep_tokens"},
		Meaning: "What becomes of the first use's tokens when a code is used again; the second use is invalid_grant either way.", Source: "guess after RFC 6749 section 4.1.2",
	},
	{
		Group: groupGrants, Name: "refresh_reuse_public", Field: "RefreshReuseKillsChain", Values: []string{"keep_chain", "revoke_chain"},
		Meaning: "What becomes of the chain when a public client's spent refresh token comes again; it is invalid_grant either way.", Source: "guess; RFC 9700 section 4.14.2 asks for revoke_chain",
	},
	{
		Group: groupGrants, Name: "refresh_race_grace", Field: "RefreshRaceGrace", Default: "0s",
		Meaning: "How long a public client's spent refresh token is still taken.", Source: "guess",
	},

	{
		Group: groupAnswers, Name: "expires_in_type", Field: "ExpiresInNumber", Values: []string{"string", "number"},
		Meaning: "Type of expires_in.", Source: "a guide made from a live sandbox shows a string; Oracle shows 3600 (H/section_160855594402)",
	},
	{
		Group: groupAnswers, Name: "token_type_case", Field: "TokenTypeBearer", Values: []string{"bearer", "Bearer"},
		Meaning: "Spelling of token_type.", Source: "H/section_160855594402 shows bearer",
	},
	{
		Group: groupAnswers, Name: "scope_in_response", Field: "ScopeInResponse", Values: yesNo,
		Meaning: "Whether the answer carries scope.", Source: "guess; Oracle's list of parameters has none (H/section_160855594402)",
	},
	{
		Group: groupAnswers, Name: "error_description", Field: "ErrorDescription", Values: yesNo,
		Meaning: "Whether errors of the token endpoint carry error_description: here the rule that was broken.", Source: "guess; Oracle shows error alone (H/subsect_161252460252)",
	},
	{
		Group: groupAnswers, Name: "bad_grant_type_error", Field: "BadGrantTypeError", Values: []string{"invalid_request", "unsupported_grant_type"},
		Meaning: "Error of a wrong grant_type.", Source: "H/subsect_161252460252 says invalid_request, RFC 6749 section 5.2 the other",
	},
	{
		Group: groupAnswers, Name: "secret_in_body", Field: "SecretInBody", Values: []string{"refused", "accepted"},
		Meaning: "client_secret in the body (client_secret_post); refused is invalid_client.", Source: "guess; only the Basic header is documented (H/section_158081952044)",
	},
	{
		Group: groupAnswers, Name: "basic_base64url", Field: "RefuseBase64URL", Values: []string{"accepted", "refused"},
		Meaning: "The URL alphabet in the Basic header, beside the standard one.", Source: "Oracle's text says Base64url, its sample is base64 (H/section_158081952044)",
	},

	{
		Group: groupKeys, Name: "server_alg", Field: "ServerAlgorithm", Values: []string{"RS256", "PS256"},
		Meaning: "Algorithm of NetSuite's own tokens.", Source: "RS256 in all tokens seen; H/section_158255317571 says PS256",
	},
	{
		Group: groupKeys, Name: "jwks_lifetime", Field: "KeyLife", Default: "2160h0m0s",
		Meaning: "Rollover of an account's signing key.", Source: "third party citing Oracle: 90 days",
	},
	{
		Group: groupKeys, Name: "jwks_overlap", Field: "KeyOverlap", Default: "192h0m0s",
		Meaning: "How long an old key stays in the key set.", Source: "guess: a day more than a confidential client's refresh token",
	},
	{
		Group: groupKeys, Name: "jwks_fields", Field: "JWKSFields", Default: "kty,kid,use,alg,n,e",
		Meaning: "Members of a key in the key set; of kty, kid, use, alg, n, e and key_ops, with kty, n and e among them.", Source: "guess after RFC 7517; a raw answer was not seen",
		check: oneOf("kty", "kid", "use", "alg", "n", "e", "key_ops"), whole: needs("kty", "n", "e"),
	},

	{
		Group: groupAssertions, Name: "m2m_bad_key_error", Field: "M2MBadKeyError", Values: []string{"invalid_grant", "invalid_client"},
		Meaning: "Error of an unknown, revoked or expired kid, an iss that does not fit, or a bad signature: 400 invalid_grant or 401 invalid_client.", Source: "guess; third parties say the first, RFC 7523 section 3.2 the second",
	},
	{
		Group: groupAssertions, Name: "allow_rs256", Field: "AllowRS256", Values: yesNo,
		Meaning: "Whether RSA PKCS#1 v1.5 assertions are taken, as before March 2025.", Source: "H/section_162790605110",
	},
	{
		Group: groupAssertions, Name: "assertion_max_life", Field: "AssertionLifeBelowHour", Values: []string{"at_most_3600", "below_3600"},
		Meaning: "Bound of exp - iat.", Source: "live clients send 3600; H/section_162790605110 says less than 60 minutes",
	},
	{
		Group: groupAssertions, Name: "assertion_skew", Field: "AssertionSkew", Default: "5m0s", none: true,
		Meaning: "How far iat may lie in the future; none = not at all.", Source: "guess",
	},
	{
		Group: groupAssertions, Name: "assertion_expiry_grace", Field: "AssertionExpiryGrace", Default: "0s",
		Meaning: "How long an assertion is taken after its exp.", Source: "guess",
	},
	{
		Group: groupAssertions, Name: "assertion_replay", Field: "AssertionReplayCheck", Values: []string{"accepted", "refused"},
		Meaning: "A jti seen before.", Source: "guess; H/section_162790605110 does not list jti",
	},
	{
		Group: groupAssertions, Name: "assertion_scope_missing", Field: "AssertionScopeFromRecord", Values: []string{"invalid_scope", "record_scopes"},
		Meaning: "An assertion without scope is refused, or gets the scopes of the record.", Source: "guess",
	},
	{
		Group: groupAssertions, Name: "m2m_mcp_scope", Field: "MCPByClientCredentials", Values: []string{"refused", "accepted"},
		Meaning: "Scope mcp with client credentials: in the record and in the assertion.", Source: "guess; Oracle's list of scopes for machines lacks it (H/section_162755359851)",
	},
	{
		Group: groupAssertions, Name: "m2m_public_client", Field: "PublicRefusesClientCredentials", Values: []string{"accepted", "refused"},
		Meaning: "Client credentials with a record that is a Public Client; refused is unauthorized_client.", Source: "guess; third parties disagree",
	},

	{
		Group: groupCerts, Name: "pss_key_oid", Field: "RefusePSSKeys", Values: []string{"accepted", "refused"},
		Meaning: "Certificates with id-RSASSA-PSS public keys.", Source: "guess; H/section_0312092212 makes such keys",
	},
	{
		Group: groupCerts, Name: "kid_rule", Field: "KidRandom", Values: []string{"thumbprint", "random"},
		Meaning: "Certificate ID: the SHA-256 thumbprint, or random so that no client relies on that.", Source: "one pair of a live client",
	},
	{
		Group: groupCerts, Name: "cert_hosts", Field: "CertHosts", Values: []string{"both", "suitetalk", "restlets"},
		Meaning: "Where the certificates endpoint lives.", Source: "Oracle shows restlets (H/article_11111634165), a live client uses suitetalk",
	},
	{
		Group: groupCerts, Name: "cert_upload_status", Field: "CertUploadStatus", Default: "200", from: 200, to: 201,
		Meaning: "Status of a good upload, 200 or 201.", Source: "guess",
	},
	{
		Group: groupCerts, Name: "cert_upload_body", Field: "CertUploadBodyEmpty", Values: []string{"element", "empty"},
		Meaning: "Body of a good upload: the certificate as in the list, or {}.", Source: "guess; a live client decodes an empty object",
	},
	{
		Group: groupCerts, Name: "cert_revoke_body", Field: "CertRevokeBodyEmpty", Values: []string{"element", "empty"},
		Meaning: "Body of a good revocation.", Source: "guess; a live client decodes an empty object",
	},
	{
		Group: groupCerts, Name: "cert_error_format", Field: "CertErrorsPlainText", Values: []string{"json", "text"},
		Meaning: "Errors of the endpoint: JSON as REST has it, or plain text.", Source: "guess; a live client met plain text",
	},
	{
		Group: groupCerts, Name: "cert_content_type", Field: "CertVendorType", Values: []string{"application/json", "application/vnd.oracle.resource+json"},
		Meaning: "Content type of the endpoint's answers.", Source: "both seen by a live client",
	},
	{
		Group: groupCerts, Name: "cert_date_format", Field: "CertDateFormat", Values: []string{"RFC3339", "YYYY-MM-DD", "DD/MM/YYYY", "DD.MM.YYYY"},
		stored:  []string{time.RFC3339, time.DateOnly, "02/01/2006", "02.01.2006"},
		Meaning: "Form of created, valid_from and valid_until.", Source: "guess; a live client tries all of these",
	},
	{
		Group: groupCerts, Name: "cert_algorithm_values", Field: "CertAlgorithmValues", Default: "RSA,EC",
		Meaning: "What algorithm says of RSA and of EC keys: two words.", Source: "guess",
		check: matching(`^[A-Za-z0-9._-]{1,40}$`, "a word of letters and digits"), whole: exactly(2),
	},
	{
		Group: groupCerts, Name: "cert_own_scope", Field: "CertOwnRoleOnly", Values: []string{"any_held_role", "token_role"},
		Meaning: "How far own certificates reach: the token's entity in any role that it holds, or in the token's role alone.", Source: "guess; H/article_92130837826 says own",
	},
	{
		Group: groupCerts, Name: "cert_limit_error", Field: "CertLimitStatus", Default: "400", from: 400, to: 499,
		Meaning: "Status of a sixth active certificate.", Source: "guess; the limit is H/section_158921905537",
	},
	{
		Group: groupCerts, Name: "cert_dup_error", Field: "CertDuplicateStatus", Default: "400", from: 400, to: 499,
		Meaning: "Status of a certificate that was uploaded before.", Source: "guess; the rule is H/subsect_162755332391",
	},
	{
		Group: groupCerts, Name: "cert_expired_counts", Field: "CertExpiredCounts", Values: yesNo,
		Meaning: "Whether expired certificates count against the five.", Source: "guess",
	},
	{
		Group: groupCerts, Name: "cert_revoke_kills_tokens", Field: "RevokeKillsM2MTokens", Values: yesNo,
		Meaning: "Whether the tokens of a revoked certificate die at once; else they live to exp.", Source: "guess",
	},
	{
		Group: groupCerts, Name: "permission_manage_own_code", Field: "ManageOwnPermission", Default: "ADMI_MANAGE_OWN_OAUTH2_CERTS",
		Meaning: "Key of the permission Manage own OAuth 2.0 Client Credentials certificates.", Source: "guess from the REST API Browser's list of permissions",
		check: matching(`^[A-Z][A-Z0-9_]{0,99}$`, "capital letters, digits and _"),
	},

	{
		Group: groupRevocation, Name: "revoke_status", Field: "RevokeStatus", Default: "200", from: 200, to: 204,
		Meaning: "Status of a good revocation, with no body.", Source: "RFC 7009 section 2.2; Oracle's answer was not seen",
	},
	{
		Group: groupRevocation, Name: "revoke_access_at_once", Field: "RevokeKeepsAccessTokens", Values: []string{"true", "false"},
		Meaning: "Whether access tokens die with their refresh token.", Source: "H/section_161071224088; when is a guess",
	},

	{
		Group: groupConsent, Name: "prompt_none_error", Field: "PromptNoneError", Default: "login_required",
		Meaning: "Error of prompt=none without a session.", Source: "guess after OpenID Connect Core section 3.1.2.6",
		check: matching(`^[a-z][a-z_]{0,60}$`, "a word such as login_required"),
	},
	{
		Group: groupConsent, Name: "never_ask_consent", Field: "NeverAskConsentScreen", Values: []string{"no_screen", "screen"},
		Meaning: "Policy Never Ask with prompt=consent.", Source: "guess; that cell of H/section_162877225089 was not seen",
	},
	{
		Group: groupConsent, Name: "redirect_param_order", Field: "RedirectParamOrder", Default: "state,role,entity,company,code",
		Meaning: "Order of the five parameters of the redirect.", Source: "guess; order of Oracle's sample",
		check: oneOf("state", "role", "entity", "company", "code"), whole: needs("state", "role", "entity", "company", "code"),
	},
	{
		Group: groupConsent, Name: "redirect_error_extra", Field: "RedirectErrorExtra", Values: yesNo,
		Meaning: "Whether error redirects carry company, role and entity beside error and state.", Source: "guess",
	},
	{
		Group: groupConsent, Name: "allow_http_loopback_redirects", Field: "AllowHTTPLoopbackRedirects", Values: yesNo,
		Meaning: "Whether http://127.0.0.1 and http://localhost may be registered as redirect URIs. NetSuite refuses them (H/section_157771733782); demos without certificates need them.", Source: "not NetSuite's",
	},
	{
		Group: groupConsent, Name: "approval_blocks", Field: "ApprovalBlocks", Values: []string{"authorize", "token", "api"},
		Meaning: "From where a record Waiting for Approval blocks.", Source: "guess; H/section_4429293934 says that requests are blocked",
	},

	{
		Group: groupOIDC, Name: "oidc_provider", Field: "OIDCProvider", Values: []string{"off", "on"},
		Meaning: "The feature NetSuite as OIDC Provider: metadata, scopes openid and email, id_token, userinfo, logout.", Source: "H/section_160855370280",
	},
	{
		Group: groupOIDC, Name: "oidc_issuer", Field: "OIDCIssuerAccount", Values: []string{"system", "account"},
		Meaning: "Issuer of ID tokens and metadata: https://system.netsuite.com, or the account's suitetalk address, which OpenID Connect Discovery section 4.3 asks for.", Source: "H/section_161235023782 names the first for access tokens",
	},
	{
		Group: groupOIDC, Name: "id_token_claims", Field: "IDTokenClaims", Default: "iss,sub,aud,exp,iat,nonce,email",
		Meaning: "Claims of ID tokens; of iss, sub, aud, exp, iat, nonce, email, at_hash, auth_time, role and entity, with iss, sub, aud, exp and iat among them. nonce needs one in the request, email the scope.", Source: "guess after OpenID Connect Core section 2",
		check: oneOf("iss", "sub", "aud", "exp", "iat", "nonce", "email", "at_hash", "auth_time", "role", "entity"), whole: needs("iss", "sub", "aud", "exp", "iat"),
	},
	{
		Group: groupOIDC, Name: "userinfo_claims", Field: "UserinfoClaims", Default: "sub,email",
		Meaning: "Claims of userinfo; of sub, email, name, role and entity, with sub among them. email needs the scope.", Source: "guess after OpenID Connect Core section 5.3",
		check: oneOf("sub", "email", "name", "role", "entity"), whole: needs("sub"),
	},
	{
		Group: groupOIDC, Name: "dcr_endpoint", Field: "DynamicRegistration", Values: []string{"absent", "present"},
		Meaning: "Whether POST /services/rest/auth/oauth2/v1/register tells a public client its client ID by its redirect URI. The record must tick Dynamic Client Registration.", Source: "guess after RFC 7591; no URL of NetSuite's was found",
	},

	{
		Group: groupREST, Name: "missing_prefer", Field: "PreferOptional", Values: []string{"refused", "accepted"},
		Meaning: "SuiteQL without Prefer: transient; refused is 400 INVALID_HEADER.", Source: "H/section_0210123130 requires it; the answer is a guess",
	},
	{
		Group: groupREST, Name: "suiteql_get_status", Field: "SuiteQLGetStatus", Default: "405", from: 400, to: 405,
		Meaning: "Status of GET on SuiteQL.", Source: "guess",
	},
	{
		Group: groupREST, Name: "suiteql_large_limit", Field: "SuiteQLClampsLimit", Values: []string{"refused", "clamped"},
		Meaning: "A limit above 1000: 400 INVALID_PARAMETER, or as 1000.", Source: "guess; the maximum is H/section_156414087576",
	},
	{
		Group: groupREST, Name: "null_columns", Field: "NullColumns", Values: []string{"omitted", "null"},
		Meaning: "A column without a value in a SuiteQL row.", Source: "guess, as remembered from live answers",
	},
	{
		Group: groupREST, Name: "hidden_tables", Field: "HiddenTablesEmpty", Values: []string{"error", "no_rows"},
		Meaning: "SuiteQL on a table that the role may not see: 400 INVALID_PARAMETER, or 200 without rows.", Source: "guess; the second was reported of SOAP",
	},
	{
		Group: groupREST, Name: "record_type_scriptid_case", Field: "RecordTypeIDsLower", Values: []string{"upper", "lower"},
		Meaning: "Script IDs of custom record types in SuiteQL; it counts when a bundle is installed.", Source: "seen in upper case",
	},
	{
		Group: groupREST, Name: "missing_record_code", Field: "MissingRecordCode", Default: "NONEXISTENT_ID",
		Meaning: "Error code of the 404 for a missing record.", Source: "guess",
		check: matching(`^[A-Z][A-Z0-9_]{0,60}$`, "a code such as RCRD_DSNT_EXIST"),
	},
	{
		Group: groupREST, Name: "record_write_status", Field: "RecordWriteStatus", Default: "204", from: 200, to: 204,
		Meaning: "Status of a changed, upserted or transformed record, with Location and no body.", Source: "guess; creating is 204 (H/section_1545141395), a third party says 200 of changes",
	},
	{
		Group: groupREST, Name: "property_name_validation", Field: "PropertyNameValidation", Values: []string{"Error", "Warning", "Ignore"},
		Meaning: "Unknown fields in a body when X-NetSuite-PropertyNameValidation is absent.", Source: "guess",
	},
	{
		Group: groupREST, Name: "async_delay", Field: "AsyncDelay", Default: "0s",
		Meaning: "How long an asynchronous request waits: pending for the first half, processing for the second.", Source: "not NetSuite's: its time is unknown",
	},
	{
		Group: groupREST, Name: "idempotency_life", Field: "IdempotencyLife", Default: "24h0m0s",
		Meaning: "How long an idempotency key of an asynchronous request is remembered.", Source: "guess; H/subsect_164494900632",
	},
	{
		Group: groupREST, Name: "rest_403_type", Field: "ForbiddenRFC2616", Values: []string{"rfc9110", "rfc2616"},
		Meaning: "Where the type of a 403 leads.", Source: "both seen on the wire",
	},
	{
		Group: groupREST, Name: "www_authenticate", Field: "NoWWWAuthenticate", Values: []string{"present", "absent"},
		Meaning: "The header WWW-Authenticate of a 401 from REST and RESTlets.", Source: "H/subsect_158521885412",
	},
	{
		Group: groupREST, Name: "restlet_401_body", Field: "RESTletUnauthorizedBody", Values: []string{bodyRESTlet, bodyREST, bodyEmpty},
		Meaning: "A RESTlet's 401 body: a RESTlet error with INVALID_LOGIN_ATTEMPT, the REST error, or nothing. A caller that sends text/plain gets two lines of text in place of the first.", Source: "guess after the form of token-based authentication",
	},
	{
		Group: groupREST, Name: "restlet_not_found", Field: "RESTletNotFound", Values: []string{"SSS_INVALID_SCRIPTLET_ID", "INVALID_LOGIN_INVALID_SCRIPT_ID", "INVALID_LOGIN_ATTEMPT"},
		Meaning: "Code of the 404 for a RESTlet that is not there; the last two are of older accounts.", Source: "seen on the wire",
	},
	{
		Group: groupREST, Name: "script_limit", Field: "ScriptLimit", Default: "5m0s",
		Meaning: "How long a RESTlet or Suitelet may take, in real time.", Source: "inferred; the table H/section_161591009480 was cut before its row",
	},
	{
		Group: groupREST, Name: "rest_limit", Field: "RESTLimit", Default: "15m0s",
		Meaning: "How long a REST request may take, in real time.", Source: "H/subsect_1559222360",
	},
	{
		Group: groupREST, Name: "limit_type_key", Field: "LimitTypeKey", Values: []string{"integrationLimitType", "type"},
		Meaning: "Key of the kind of limit in governanceLimits.", Source: "three independent clients",
	},
	{
		Group: groupREST, Name: "governance_limits_refusal", Field: "LimitsRefusalStatus", Default: "403", from: 400, to: 404,
		Meaning: "Status of governanceLimits for others than administrators.", Source: "guess; the rule is H/article_0625010817",
	},
	{
		Group: groupREST, Name: "datacenterurls_form", Field: "DataCenterHostsOnly", Values: []string{"url", "host"},
		Meaning: "Form of the domains in the answer of datacenterurls.", Source: "guess; the keys were seen in the sister service (H/section_4639983016)",
	},
	{
		Group: groupREST, Name: "datacenterurls_unknown", Field: "DataCenterUnknownEmpty", Values: []string{"not_found", "empty"},
		Meaning: "datacenterurls for an unknown account: 404, or 200; both with an empty object.", Source: "guess",
	},

	{
		Group: groupConcurrency, Name: "concurrency_refusal", Field: "ConcurrencyRefusal", Values: []string{"429", "503", "401"},
		Meaning: "Over the limit: 429 (of a RESTlet 400 SSS_REQUEST_LIMIT_EXCEEDED, H/bridgehead_1525252812), 503 for both, or 401 like a bad token, as was reported under load.", Source: "status only; the rest is a guess",
	},
	{
		Group: groupConcurrency, Name: "concurrency_code", Field: "ConcurrencyCode", Default: "CONCURRENCY_LIMIT_EXCEEDED",
		Meaning: "Error code of that refusal by REST.", Source: "guess, on weak evidence",
		check: matching(`^[A-Z][A-Z0-9_]{0,60}$`, "a code such as REQUEST_LIMIT_EXCEEDED"),
	},
	{
		Group: groupConcurrency, Name: "concurrency_retry_after", Field: "ConcurrencyRetryAfter", Default: "",
		Meaning: "The header Retry-After of that refusal: as it stands, or date:30s for the HTTP date then; empty = no header.", Source: "no source shows the header",
		check: retryAfterForm,
	},
	{
		Group: groupConcurrency, Name: "concurrency_refusal_delay", Field: "ConcurrencyRefusalDelay", Default: "0s",
		Meaning: "How long that refusal takes, in real time.", Source: "a 401 was reported after about 60 s",
	},
	{
		Group: groupConcurrency, Name: "token_counts_concurrency", Field: "TokenCountsConcurrency", Values: yesNo,
		Meaning: "Whether requests to the token endpoint count against the limit.", Source: "guess",
	},

	{
		Group: groupAccounts, Name: "rp_suffix", Field: "ReleasePreviewSuffix", Default: "_RP", AtStart: true,
		Meaning: "Suffix of the account ID of Release Preview accounts, where an account is configured by its kind.", Source: "guess by analogy with _SB1 (H/section_4609939018)",
		check: matching(`^_[A-Z0-9]{1,10}$`, "_ and capital letters or digits"),
	},
	{
		Group: groupAccounts, Name: "td_prefix", Field: "DevelopmentPrefix", Default: "TD", AtStart: true,
		Meaning: "Prefix of the account ID of development accounts, where an account is configured by its kind.", Source: "guess",
		check: matching(`^[A-Z]{1,10}$`, "capital letters"),
	},
	{
		Group: groupAccounts, Name: "install_delay", Field: "InstallDelay", Default: "0s",
		Meaning: "How long the installation of a bundle takes.", Source: "not NetSuite's: its time is unknown",
	},
})

// OpenPoint is one of the reference papers that is no setting.
type OpenPoint struct{ Point, Why string }

// noSettings are the open points left.
var noSettings = []OpenPoint{
	{"`rate_limits`: limits of token and certificate endpoints", "none are known; faults answer 429 where a test needs it"},
	{"bind parameters in the body of SuiteQL", "no form of them is known that could be accepted; they are refused"},
	{"limit and offset of SuiteQL apart from a large limit", "no other answer than 400 `INVALID_PARAMETER` was reported"},
	{"path of an asynchronous task's result", "clients follow the task's link, so another path would show nothing"},
	{"idempotency key on synchronous calls", "documented for asynchronous ones alone; it is ignored"},
	{"the other keys of `governanceLimits`", "three clients agree on them"},
	{"key column of scriptdeployment", "`id` and `primarykey` are both there, with one value"},
	{"script IDs of roles", "seen in lower case everywhere"},
	{"bundle state in SuiteQL", "there is no such table; what a bundle brings is there"},
	{"status of a Suitelet's answer", "always 200; other statuses are faults"},
	{"SuiteApp Marketplace links, SDF objects, Postman, the Connect driver, release notes of REST", "are no behaviour of the server"},
}

// OpenPoints lists the open points of the reference papers that are no settings.
func OpenPoints() []OpenPoint { return slices.Clone(noSettings) }

// AllSettings lists every setting in the order of the documentation.
func AllSettings() []Setting { return slices.Clone(settingsTable) }

// withForms completes the rows by what their fields tell.
func withForms(table []Setting) []Setting {
	for i := range table {
		row := &table[i]
		field, ok := reflect.TypeFor[Settings]().FieldByName(row.Field)
		switch {
		case !ok:
			panic("settings: no field " + row.Field)
		case row.Values != nil:
			row.Form, row.Default = "choice", row.Values[0]
		case field.Type == reflect.TypeFor[time.Duration]():
			row.Form = "duration"
		case field.Type.Kind() == reflect.Int:
			row.Form = "status"
		case field.Type.Kind() == reflect.Slice:
			row.Form = "list"
		default:
			row.Form = "text"
		}
	}
	return table
}

// settingNamed finds a row by its name.
func settingNamed(name string) (Setting, error) {
	names := make([]string, len(settingsTable))
	for i, row := range settingsTable {
		if row.Name == name {
			return row, nil
		}
		names[i] = row.Name
	}
	return Setting{}, fmt.Errorf("setting %q: unknown; %s", clip(name), suggest(name, names))
}

// Set sets one setting by its name to a value written as text: a word of its Values, a duration such as "90s" or "2h", a
// status such as "201", or a list parted by commas. The error names the setting, what it takes and the nearest known word.
func (s *Settings) Set(name, value string) error {
	row, err := settingNamed(name)
	if err != nil {
		return err
	}
	field := row.field(s)
	fresh := reflect.New(field.Type()).Elem()
	if err := row.parse(value, fresh); err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	field.Set(fresh)
	return nil
}

// Get is the value of a setting as Set takes it, its default if nothing was given.
func (s Settings) Get(name string) (string, error) {
	row, err := settingNamed(name)
	if err != nil {
		return "", err
	}
	return row.text(&s), nil
}

func (row Setting) field(s *Settings) reflect.Value {
	return reflect.ValueOf(s).Elem().FieldByName(row.Field)
}

// parse reads a value written as text into the field.
func (row Setting) parse(value string, into reflect.Value) error {
	switch row.Form {
	case "choice":
		i := slices.Index(row.Values, value)
		switch {
		case i < 0:
			return fmt.Errorf("unknown value %q; %s", clip(value), suggest(value, row.Values))
		case into.Kind() == reflect.Bool:
			into.SetBool(i == 1)
		case row.stored != nil:
			into.SetString(row.stored[i])
		default:
			into.SetString(value)
		}
		return nil
	case "duration":
		return row.parseDuration(value, into)
	case "status":
		n, err := strconv.Atoi(value)
		if err != nil || n < row.from || n > row.to {
			return fmt.Errorf("want a status from %d to %d, have %q", row.from, row.to, clip(value))
		}
		into.SetInt(int64(n))
		return nil
	case "list":
		list := strings.Split(value, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		into.Set(reflect.ValueOf(list))
		return row.checkList(list)
	}
	into.SetString(value)
	return row.check(value)
}

func (row Setting) parseDuration(value string, into reflect.Value) error {
	if row.none && value == "none" {
		into.SetInt(-1)
		return nil
	}
	d, err := time.ParseDuration(value)
	switch {
	case err != nil || d < 0:
		return fmt.Errorf("want a duration such as 90s, 5m or 2h, not negative, have %q", clip(value))
	case d == 0 && row.Default != "0s":
		return errors.New("must be above 0s" + row.orNone())
	}
	into.SetInt(int64(d))
	return nil
}

func (row Setting) orNone() string {
	if row.none {
		return `; "none" switches it off`
	}
	return ""
}

// text writes the field's value, or the default of a zero field.
func (row Setting) text(s *Settings) string {
	field := row.field(s)
	if field.IsZero() {
		return row.Default
	}
	switch row.Form {
	case "choice":
		switch {
		case field.Kind() == reflect.Bool:
			return row.Values[1]
		case slices.Contains(row.stored, field.String()):
			return row.Values[slices.Index(row.stored, field.String())]
		}
		return field.String()
	case "duration":
		if field.Int() < 0 && row.none {
			return "none"
		}
		return time.Duration(field.Int()).String()
	case "status":
		return strconv.FormatInt(field.Int(), 10)
	case "list":
		return strings.Join(field.Interface().([]string), ",")
	}
	return field.String()
}

func (row Setting) checkList(list []string) error {
	for i, element := range list {
		if err := row.check(element); err != nil {
			return err
		}
		if row.whole != nil && slices.Contains(list[:i], element) {
			return fmt.Errorf("%q is given twice", clip(element))
		}
	}
	return row.whole(list)
}

// check holds the fields against the table.
func (s Settings) check() error {
	for _, row := range settingsTable {
		field := row.field(&s)
		if field.IsZero() {
			continue
		}
		if err := row.parse(row.text(&s), reflect.New(field.Type()).Elem()); err != nil {
			return fmt.Errorf("settings: %s (%s): %w", row.Field, row.Name, err)
		}
	}
	return nil
}

// withDefaults fills the fields whose zero value stands for another one.
func (s Settings) withDefaults() Settings {
	for _, row := range settingsTable {
		field := row.field(&s)
		switch {
		case field.IsZero() && row.Default != "":
			if err := row.parse(row.Default, field); err != nil {
				panic(fmt.Sprintf("settings: default of %s: %v", row.Name, err))
			}
		case row.none && field.Int() < 0:
			field.SetInt(0)
		}
	}
	return s
}

// checkStartOnly refuses changes of what counts at the start alone.
func checkStartOnly(before, after Settings) error {
	for _, row := range settingsTable {
		if row.AtStart && row.text(&before) != row.text(&after) {
			return fmt.Errorf("setting %s: counts at the start alone; give it in the seed file, as a flag, or in Config.Settings", row.Name)
		}
	}
	return nil
}

func oneOf(known ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(known, value) {
			return nil
		}
		return fmt.Errorf("unknown element %q; %s", clip(value), suggest(value, known))
	}
}

func matching(pattern, want string) func(string) error {
	re := newForm(pattern)
	return func(value string) error {
		if re.MatchString(value) {
			return nil
		}
		return fmt.Errorf("want %s, have %q", want, clip(value))
	}
}

func needs(required ...string) func([]string) error {
	return func(list []string) error {
		for _, element := range required {
			if !slices.Contains(list, element) {
				return fmt.Errorf("%q is missing; want at least %s", element, strings.Join(required, ", "))
			}
		}
		return nil
	}
}

func exactly(n int) func([]string) error {
	return func(list []string) error {
		if len(list) != n {
			return fmt.Errorf("want %d elements parted by a comma, have %d", n, len(list))
		}
		return nil
	}
}

// retryAfterForm takes what a header may hold, and durations behind date:.
func retryAfterForm(text string) error {
	if err := matching(`^[ -~]{0,64}$`, "printable ASCII, at most 64 characters")(text); err != nil {
		return err
	}
	return checkRetryAfter(text)
}
