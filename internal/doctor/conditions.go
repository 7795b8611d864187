package doctor

import (
	"cmp"
	"maps"
	"slices"

	"github.com/suitekey/suitekey/internal/broker"
)

// Causes that only an examination names, beside those of broker.Conditions: what is wrong with a set-up rather than with a connection
// that worked.
const (
	CauseKeyKind           broker.Cause = "key_kind"
	CauseCertificateID     broker.Cause = "certificate_id"
	CauseCertificateEnds   broker.Cause = "certificate_ends"
	CauseCertificateListed broker.Cause = "certificate_not_listed"
	CauseGrantOff          broker.Cause = "grant_off"
	CauseRedirectURI       broker.Cause = "redirect_uri"
	CauseClientUnknown     broker.Cause = "client_unknown"
	CauseSecretWrong       broker.Cause = "secret_wrong"
	CauseConsentEnds       broker.Cause = "consent_ends"
	CauseRESTPermission    broker.Cause = "rest_permission"
	CauseAnalytics         broker.Cause = "analytics_permission"
	CauseRoleWrong         broker.Cause = "role_wrong"
	CauseRoleStrong        broker.Cause = "role_strong"
	CauseExcess            broker.Cause = "permission_excess"
	CauseRESTletScope      broker.Cause = "restlet_scope"
	CauseWebServicesOnly   broker.Cause = "web_services_only"
	CauseBundleMissing     broker.Cause = "bundle_missing"
	CauseBundleUnreleased  broker.Cause = "bundle_unreleased"
	CauseTBA               broker.Cause = "tba_tokens"
	CauseSignature         broker.Cause = "token_signature"

	// Of assertions, redirects and tokens that somebody else's program made (foreign.go).
	CauseAlgorithm      broker.Cause = "assertion_algorithm"
	CauseAssertionForm  broker.Cause = "assertion_form"
	CauseAssertionLife  broker.Cause = "assertion_life"
	CauseAssertionTime  broker.Cause = "assertion_time"
	CauseAudience       broker.Cause = "assertion_audience"
	CauseAssertionScope broker.Cause = "assertion_scope"
	CauseDenied         broker.Cause = "consent_denied"
	CauseScopeRefused   broker.Cause = "consent_scope"
	CauseState          broker.Cause = "consent_state"
	CauseCallback       broker.Cause = "consent_refused"
	CauseTokenExpired   broker.Cause = "token_expired"
	CauseTokenKind      broker.Cause = "token_kind"
	CauseTokenAccount   broker.Cause = "token_account"
)

const (
	pathM2M          = "Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup"
	pathIntegrations = "Setup > Integration > Manage Integrations"
	pathRoles        = "Setup > Users/Roles > Manage Roles"
	pathBundles      = "Customization > SuiteBundler > Search & Install Bundles"
	pathDeployments  = "Customization > Scripting > Script Deployments"
	pathTokens       = "Setup > Users/Roles > Access Tokens"
)

// setups are the conditions of those causes.
var setups = map[broker.Cause]broker.Condition{
	CauseKeyKind:           {Fault: broker.FaultOperator, Title: "NetSuite takes no key of this kind", Do: "Make another: suitekey keys generate. NetSuite takes P-256, P-384, P-521, and RSA of 3072 or 4096 bits."},
	CauseCertificateID:     {Fault: broker.FaultOperator, Title: "The certificate ID is not that of the local certificate", Do: "Take the ID that suitekey certs inspect prints, or the certificate that was uploaded."},
	CauseCertificateEnds:   {Fault: broker.FaultOperator, Title: "The certificate ends soon", Do: "Replace it: suitekey certs rotate."},
	CauseCertificateListed: {Fault: broker.FaultCustomer, Title: "NetSuite does not list this certificate for the integration record", Do: "Upload it for this account: suitekey certs upload. Production and each sandbox have lists of their own.", Path: pathM2M},
	CauseGrantOff:          {Fault: broker.FaultCustomer, Title: "Client Credentials (Machine to Machine) Grant is not ticked in the integration record", Do: "Tick it and save the record.", Path: pathIntegrations},
	CauseRedirectURI:       {Fault: broker.FaultOperator, Title: "The redirect URI differs from that of the integration record", Do: "Compare both byte for byte, the slash at the end included.", Path: pathIntegrations},
	CauseClientUnknown:     {Fault: broker.FaultCustomer, Title: "The account does not know the client ID", Do: "Install the bundle that brings the integration record, or copy the client ID again.", Path: pathIntegrations},
	CauseSecretWrong:       {Fault: broker.FaultOperator, Title: "The client secret is wrong, was reset, or was sent for a public client", Do: "Reset the credentials in the record and store the new secret, or leave it out for a public client.", Path: pathIntegrations},
	CauseConsentEnds:       {Fault: broker.FaultCustomer, Title: "The person's consent ends soon; a confidential client's does every seven days", Do: "Consent again: suitekey login. For programs use client credentials, which need no person: suitekey connect."},
	CauseRESTPermission:    {Fault: broker.FaultCustomer, Title: "The role lacks REST Web Services, or Log in using OAuth 2.0 Access Tokens", Do: "Add both permissions to the role, with level Full.", Path: pathRoles},
	CauseAnalytics:         {Fault: broker.FaultCustomer, Title: "The role lacks SuiteAnalytics Workbook, or the feature is off", Do: "Add the permission to the role; turn on SuiteAnalytics Workbook.", Path: pathRoles},
	CauseRoleWrong:         {Fault: broker.FaultCustomer, Title: "The certificate is mapped to another role than the app's", Do: "Map a new certificate to the app's role, and revoke this one.", Path: pathM2M},
	CauseRoleStrong:        {Fault: broker.FaultCustomer, Title: "The role may do nearly everything", Do: "Use a role with the permissions that are needed, and no more.", Path: pathRoles},
	CauseExcess:            {Fault: broker.FaultCustomer, Title: "The role may do more than the app needs", Do: "Take the permissions off the role, if nothing else uses it.", Path: pathRoles},
	CauseRESTletScope:      {Fault: broker.FaultOperator, Title: "The token has no scope for RESTlets", Do: "Tick RESTlets in the integration record, and ask for the scope restlets.", Path: pathIntegrations},
	CauseWebServicesOnly:   {Fault: broker.FaultCustomer, Title: "The role is for web services only, which shuts RESTlets out", Do: "Take Web Services Only Role off the role, or use another.", Path: pathRoles},
	CauseBundleMissing:     {Fault: broker.FaultCustomer, Title: "The app's bundle is not installed", Do: "Install it; five minutes are normal.", Path: pathBundles},
	CauseBundleUnreleased:  {Fault: broker.FaultCustomer, Title: "The bundle's script is not released, or not for this role", Do: "Set the deployment's status to Released, with this role in its audience.", Path: pathDeployments},
	CauseTBA:               {Fault: broker.FaultCustomer, Title: "Token-based authentication is still in use", Do: "Move it before NetSuite 2027.1, from which no new TBA integration can be made: suitekey migrate-tba.", Path: pathTokens},
	CauseSignature:         {Fault: broker.FaultOperator, Title: "The token is not one that NetSuite signed for this account and client", Do: "See who gives it: something between here and NetSuite may answer in its place."},

	CauseAlgorithm:      {Fault: broker.FaultOperator, Title: "The assertion is signed by an algorithm that NetSuite does not take", Do: "Sign with PS256 or ES256. RS256 was ended in March 2025."},
	CauseAssertionForm:  {Fault: broker.FaultOperator, Title: "The assertion lacks what NetSuite needs", Do: "Give kid (the certificate ID), iss (the client ID), scope, aud, iat and exp."},
	CauseAssertionLife:  {Fault: broker.FaultOperator, Title: "The assertion lives longer than an hour, or ends before it begins", Do: "Let exp be at most 3600 seconds behind iat; 300 are enough."},
	CauseAssertionTime:  {Fault: broker.FaultOperator, Title: "The assertion is of the future, or over", Do: "Set the clock by NTP, and make an assertion for each token."},
	CauseAudience:       {Fault: broker.FaultOperator, Title: "The assertion names another address than the account's token endpoint", Do: "Write the account in lower case, with a hyphen for the underscore: https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token"},
	CauseAssertionScope: {Fault: broker.FaultOperator, Title: "The assertion's scope is missing, unknown, or mixes mcp with others", Do: "Give a JSON array of rest_webservices, restlets and suite_analytics."},
	CauseDenied:         {Fault: broker.FaultCustomer, Title: "The person chose Deny or went back", Do: "Offer to start again."},
	CauseScopeRefused:   {Fault: broker.FaultOperator, Title: "A scope was asked for whose box is not ticked, mcp was mixed with others, or the scopes were separated by commas", Do: "Tick the scope in the integration record; separate scopes by spaces; ask for mcp alone.", Path: pathIntegrations},
	CauseState:          {Fault: broker.FaultOperator, Title: "The state was missing, shorter than 22 or longer than 1024 characters", Do: "Use 32 random bytes in base64url."},
	CauseCallback:       {Fault: broker.FaultOperator, Title: "NetSuite refused the request for consent", Do: "Compare its parameters with RFC 6749 section 4.1.1: response_type=code, client_id, redirect_uri, scope, state, and a code_challenge by S256."},
	CauseTokenExpired:   {Fault: broker.FaultOperator, Title: "The token is past its end", Do: "Get a new one about 50 minutes after it was made."},
	CauseTokenKind:      {Fault: broker.FaultOperator, Title: "It is a refresh token, an assertion or something else, and no access token", Do: "Send access_token of the token endpoint's answer as the bearer."},
	CauseTokenAccount:   {Fault: broker.FaultOperator, Title: "The token is for another account than the one that is asked", Do: "See that account and token belong together; a sandbox is an account of its own."},
}

// alone is what to do about a cause where no server looks after the connection and no link can be sent.
var alone = map[broker.Cause]string{
	broker.CauseWrongKey:           "Use the key that belongs to the certificate, or make a new one with suitekey keys generate and let NetSuite know it.",
	broker.CauseCertificateRevoked: "Ask an administrator whether that was meant. If not, connect again: suitekey connect, or upload a new certificate.",
	broker.CauseCertificateExpired: "Upload a new certificate in NetSuite, or connect again: suitekey connect.",
	broker.CauseSandboxRefreshed:   "Connect again, with an administrator of the sandbox: suitekey connect.",
	broker.CauseRoleLost:           "Give the role back to the user, and make both active.",
	broker.CausePermissionLost:     "Add the permission to the role.",
	broker.CauseFeatureOff:         "Turn on OAuth 2.0, REST Web Services and SuiteScript.",
	broker.CauseIntegrationBlocked: "Set the state of the integration record to Enabled.",
	broker.CauseScopeLost:          "Tick the scope in the integration record, or ask for less.",
	broker.CauseAccountUnknown:     "Copy the account ID from Setup > Company > Company Information.",
	broker.CauseCredentialsRefused: "Look at the Login Audit Trail, column Detail, for this moment.",
	broker.CauseClock:              "Set the clock of this machine by NTP.",
	broker.CauseThrottled:          "Send fewer requests at once; see Setup > Integration > Integration Governance.",
	broker.CauseMaintenance:        "Try again later.",
	broker.CauseUnreachable:        "Try again later. If it lasts, look at DNS, proxy and firewall.",
	broker.CauseConsentEnded:       "Consent again: suitekey login.",
	broker.CauseResponseLost:       "Consent again: suitekey login.",
	broker.CauseRotationRefused:    "Add the permission Manage own OAuth 2.0 Client Credentials certificates to the role, before the certificate ends.",
	broker.CauseCertificateLimit:   "Revoke one that is not used: suitekey certs list, suitekey certs revoke.",
}

// conditionOf is what a cause means for a connection.
func conditionOf(cause broker.Cause, served bool) broker.Condition {
	if c, known := setups[cause]; known {
		return c
	}
	c := broker.Conditions[cause]
	if !served {
		c.Do = cmp.Or(alone[cause], c.Do)
	}
	return c
}

// SetupCauses are all causes that only an examination names.
func SetupCauses() []broker.Cause { return slices.Sorted(maps.Keys(setups)) }
