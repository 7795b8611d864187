package netsuite

import (
	"errors"
	"slices"
)

// Cause is a probable reason for a refusal.
type Cause struct {
	Text   string // what happened
	Remedy string // what to do about it

	// AuditTrail is what stands in the column Detail of Setup > Users/Roles > View Login Audit Trail when this is the cause.
	// NetSuite's answers do not say it. "" when no name is known.
	AuditTrail string
}

// Causes returns what probably led to the error, the likeliest first; none where NetSuite's own code and detail say
// enough. Hint is the one thing to do next.
func (e *Error) Causes() []Cause {
	var found []Cause
	for _, c := range causes {
		if !slices.ContainsFunc(c.when, func(holds condition) bool { return !holds(e) }) {
			found = append(found, c.Cause)
		}
	}
	return found
}

type condition func(*Error) bool

func at(ops ...string) condition {
	return func(e *Error) bool { return slices.Contains(ops, e.Op) }
}

func as(kinds ...error) condition {
	return func(e *Error) bool {
		return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(e.Err, kind) })
	}
}

func coded(code string) condition {
	return func(e *Error) bool { return e.Code == code }
}

func either(a, b condition) condition {
	return func(e *Error) bool { return a(e) || b(e) }
}

// refusedPlainly is 400 without a kind of its own.
func refusedPlainly(e *Error) bool { return e.Err == nil && e.Status == 400 }

func unreached(e *Error) bool { return e.Status == 0 && errors.Is(e.Err, ErrUnavailable) }

func uncoded(e *Error) bool { return e.Code == "" }

// causes is the table of symptoms, with the names of the audit trail (H/subsect_158711892221, H/subsect_158711928134,
// H/subsect_161252550131, H/subsect_158324637123). All conditions of a line must hold.
var causes = []struct {
	when []condition
	Cause
}{
	// Consent and the app check, which meets the authorize page without a person.
	{[]condition{at(opProbe), as(ErrUnauthorizedClient)}, Cause{
		"the redirect URI differs from the one of the integration record",
		"compare both byte for byte, the slash at the end included", "InvalidRedirectURI",
	}},
	{[]condition{at(opProbe, opCallback), as(ErrUnauthorizedClient)}, Cause{
		"the account does not know the client ID: the integration record is not installed there",
		"install the bundle that brings the record, or copy the client ID again", "UnknownIntegration",
	}},
	{[]condition{at(opProbe, opCallback, opExchange, opRefresh), as(ErrUnauthorizedClient)}, Cause{
		"the integration record is blocked in the account",
		"set its state to Enabled at Setup > Integration > Manage Integrations", "IntegrationBlocked",
	}},
	{[]condition{at(opProbe, opCallback, opExchange, opRefresh), as(ErrUnauthorizedClient)}, Cause{
		"Authorization Code Grant is not ticked in the integration record",
		"tick it and save the record", "AuthorizationCodeGrantRequired",
	}},
	{[]condition{at(opM2M), as(ErrUnauthorizedClient)}, Cause{
		"Client Credentials (Machine to Machine) Grant is not ticked in the integration record, or the record is blocked",
		"tick the grant and set the record's state to Enabled", "",
	}},
	{[]condition{as(ErrInvalidScope)}, Cause{
		"a scope is asked for whose box is not ticked in the integration record",
		"tick REST Web Services, RESTlets or SuiteAnalytics Connect in the record, or ask for less", "ScopeMismatched",
	}},
	{[]condition{as(ErrInvalidScope)}, Cause{
		"mcp was asked for together with other scopes, or the scopes were separated by commas",
		"ask for mcp alone, and separate scopes by spaces", "",
	}},
	{[]condition{as(ErrAccessDenied)}, Cause{
		"the person chose Deny or went back", "offer to start again", "",
	}},
	{[]condition{at(opCallback), either(as(ErrInvalidRequest), coded("InvalidState"))}, Cause{
		"the state was shorter than 22 or longer than 1024 characters",
		"make it with NewState", "InvalidState",
	}},

	// The token endpoint.
	{[]condition{unreached}, Cause{
		"there is no host for the account ID, or this machine cannot reach it",
		"compare the account ID with Setup > Company > Company Information (1234567_SB1 is 1234567-sb1 in host names), then look at DNS, proxy and firewall", "",
	}},
	{[]condition{at(opExchange, opRefresh, opRevoke), as(ErrInvalidClient)}, Cause{
		"the client secret is wrong, or was reset in the integration record",
		"reset the credentials in the record and store the new secret", "ClientAuthenticationFailed",
	}},
	{[]condition{at(opExchange, opRefresh, opRevoke), as(ErrInvalidClient)}, Cause{
		"the integration record is a public client, and a secret was sent",
		"leave the client secret empty", "ClientAuthenticationFailed",
	}},
	{[]condition{at(opExchange), as(ErrInvalidRequest)}, Cause{
		"the code verifier is missing: the integration record requires PKCE",
		"give Exchange the verifier that AuthorizeURL got", "",
	}},
	{[]condition{at(opExchange, opRefresh), as(ErrInvalidRequest)}, Cause{
		"the client authenticated in two ways at once, or the grant type was wrong",
		"see that nothing between here and NetSuite adds an Authorization header or parameters", "",
	}},
	{[]condition{at(opExchange), as(ErrInvalidGrant)}, Cause{
		"the code was used before, or is too old",
		"start the consent again; a code that was used twice may mean that somebody else has it", "",
	}},
	{[]condition{at(opExchange), as(ErrInvalidGrant)}, Cause{
		"the redirect URI or the code verifier is not the one that the consent began with",
		"keep both with the state until the code is exchanged", "",
	}},
	{[]condition{at(opRefresh), as(ErrInvalidGrant)}, Cause{
		"the refresh token is past its end: seven days after consent with a confidential client, the record's own figure with a public one",
		"ask for consent again", "RefreshTokenExpired",
	}},
	{[]condition{at(opRefresh), as(ErrInvalidGrant)}, Cause{
		"a public client's refresh token was used before: another process refreshes with it, or the answer to the last use was lost",
		"ask for consent again, and let one process alone refresh", "",
	}},
	{[]condition{at(opRefresh), as(ErrInvalidGrant)}, Cause{
		"the grant was revoked, by its person or an administrator",
		"ask for consent again", "",
	}},
	{[]condition{at(opRefresh), as(ErrInvalidGrant)}, Cause{
		"this happens every week: a confidential client's consent ends after seven days for good",
		"use client credentials (ClientCredentials), which need no person", "",
	}},
	{[]condition{at(opExchange, opRefresh), as(ErrInvalidGrant)}, Cause{
		"the person or the role of the consent is inactive or gone",
		"make them active, or consent with others", "EntityOrRoleDisabled",
	}},
	{[]condition{at(opM2M), as(ErrInvalidGrant, ErrInvalidClient)}, Cause{
		"the key is not that of the certificate, or it signed by RS256, which NetSuite does not take",
		"compare CertificateID of the local certificate with ListCertificates", "InvalidSignature",
	}},
	{[]condition{at(opM2M), as(ErrInvalidGrant, ErrInvalidClient)}, Cause{
		"the certificate is revoked, belongs to another account, or went away when the sandbox was refreshed",
		"look for it in ListCertificates, and upload a new one", "",
	}},
	{[]condition{at(opM2M), as(ErrInvalidGrant, ErrInvalidClient)}, Cause{
		"the certificate has expired; NetSuite shortens each to two years",
		"upload a new one, and rotate before the end", "",
	}},
	{[]condition{at(opM2M), as(ErrInvalidGrant, ErrInvalidClient)}, Cause{
		"the entity or the role that the certificate is mapped to is inactive or gone",
		"make them active, or map a new certificate to others", "EntityOrRoleDisabled",
	}},
	{[]condition{at(opM2M), as(ErrInvalidRequest)}, Cause{
		"the assertion names another account than the host, or writes it in another case",
		"compare the account ID with Setup > Company > Company Information", "",
	}},
	{[]condition{at(opM2M), as(ErrInvalidRequest)}, Cause{
		"the clock is wrong, so that the assertion seems to be of the future or to live longer than an hour",
		"set the clock by NTP", "",
	}},

	// Certificates.
	{[]condition{at(opCertificateUpload), refusedPlainly}, Cause{
		"the key is of a size or kind that NetSuite does not take, such as RSA of 2048 bits",
		"make a key of RSA 3072 or 4096 bits, or on P-256, P-384 or P-521", "",
	}},
	{[]condition{at(opCertificateUpload), refusedPlainly}, Cause{
		"the certificate was uploaded before, for another role or entity",
		"make a new key pair; each certificate is for one of both", "",
	}},
	{[]condition{at(opCertificateUpload), either(refusedPlainly, as(ErrCertificateLimit))}, Cause{
		"the integration has five active certificates",
		"revoke one that is no longer used", "",
	}},

	// Tokens that Verifier.Verify refused; NetSuite lists them so when they are shown to it.
	{[]condition{as(ErrToken), coded("AccessTokenExpired")}, Cause{
		"the token was kept beyond its hour",
		"get a new one; renew about 50 minutes after it was made", "AccessTokenExpired",
	}},
	{[]condition{as(ErrToken), coded("InvalidSignature")}, Cause{
		"the token is of another account, whose keys are others; a sandbox is an account of its own",
		"see that account and token belong together", "InvalidSignature",
	}},
	{[]condition{as(ErrToken), coded("InvalidSignature")}, Cause{
		"the token was forged, or changed on its way",
		"refuse whoever brought it", "InvalidSignature",
	}},
	{[]condition{as(ErrToken), coded("TokenRejected")}, Cause{
		"a refresh token was given as the access token",
		"give Token.AccessToken; a refresh token is for the token endpoint alone", "TokenRejected",
	}},
	{[]condition{as(ErrToken), coded("ScopeMismatched")}, Cause{
		"the token was asked for without the scope",
		"add it to Scopes, tick its box in the integration record, and get a new token", "ScopeMismatched",
	}},
	{[]condition{as(ErrToken), coded("InvalidIntegration")}, Cause{
		"the token was made for another integration record",
		"get one with the client ID that is expected here", "InvalidIntegration",
	}},

	// The APIs.
	{[]condition{as(ErrLogin), at(opRESTlet)}, Cause{
		"the token has no scope for RESTlets",
		"tick RESTlets in the integration record, and ask for the scope restlets", "ScopeMismatched",
	}},
	{[]condition{as(ErrLogin), at(opRESTlet)}, Cause{
		"the role is for web services only, which shuts RESTlets out",
		"take Web Services Only off the role, or use another", "",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"the access token has expired",
		"fetch a new one; renew about 50 minutes after it was made", "AccessTokenExpired",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"a refresh token or an assertion was sent as the access token",
		"send Token.AccessToken", "TokenRejected",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"the token is of another account than the host",
		"see that account and token belong together", "InvalidSignature",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"the entity or the role of the token is inactive or gone",
		"make them active", "EntityOrRoleDisabled",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"the integration record was deleted or blocked",
		"see Setup > Integration > Manage Integrations", "InvalidIntegration",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"a scope was taken off the integration record after the token was made",
		"tick it again, or fetch a new token with fewer scopes", "ScopeMismatched",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"something on the way added a cookie, which NetSuite does not take beside a token",
		"strip the Cookie header", "",
	}},
	{[]condition{as(ErrLogin)}, Cause{
		"too many requests ran at once; NetSuite has been seen to say so in this way",
		"fetch a new token and try once more, with fewer requests at once", "",
	}},
	{[]condition{as(ErrUserRole)}, Cause{
		"the role lacks REST Web Services, or Log in using OAuth 2.0 Access Tokens",
		"add both permissions to the role, with level Full", "",
	}},
	{[]condition{as(ErrPermission)}, Cause{
		"the role lacks the permission for this record or operation",
		"add it at Setup > Users/Roles > Manage Roles", "",
	}},
	{[]condition{as(ErrPermission)}, Cause{
		"a feature that the call needs is off",
		"enable it at Setup > Company > Enable Features", "",
	}},
	{[]condition{as(ErrLogin, ErrPermission), uncoded}, Cause{
		"NetSuite gave no reason in its answer",
		"read the line of this moment in Setup > Users/Roles > View Login Audit Trail", "",
	}},
	{[]condition{as(ErrTooManyRequests)}, Cause{
		"requests of all integrations together reached the account's concurrency limit",
		"send fewer at once, and see Setup > Integration > Integration Governance", "",
	}},
}
