package netsuitetest

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// loginDetail is the 401's only detail: the true reason stands in the Login Audit Trail alone.
const loginDetail = "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at " +
	"Setup > Users/Roles > User Management > View Login Audit Trail."

func loginRefused(rule, audit string) *refusal {
	return refuse(http.StatusUnauthorized, "INVALID_LOGIN", rule, audit)
}

// authenticate finds who calls REST or a RESTlet: by a bearer token issued for the scope, or by token-based
// authentication, which knows no scopes.
func (s *Server) authenticate(c *call, scope string) (*token, *refusal) {
	if speaksTBA(c.r) {
		return s.tbaCaller(c)
	}
	return s.bearer(c, scope)
}

// refuseLogin answers a call without a good token in the form of its service.
func (s *Server) refuseLogin(c *call, no *refusal) {
	if c.r.URL.Path != restletPath {
		c.refuseREST(no)
		return
	}
	switch form := s.settings().RESTletUnauthorizedBody; {
	case no.status == http.StatusUnauthorized && form == bodyREST:
		c.refuseREST(no)
		return
	case no.status == http.StatusUnauthorized && form == bodyEmpty:
		c.noteRefusal(no)
		c.w.WriteHeader(no.status)
		return
	}
	if no.code == "INVALID_LOGIN" {
		no.code = "INVALID_LOGIN_ATTEMPT"
	}
	s.refuseRESTlet(c, no, "Invalid login attempt.")
}

// bearer checks the access token of a call to REST, certificates or RESTlets, which must be issued for the scope.
func (s *Server) bearer(c *call, scope string) (*token, *refusal) {
	signed, no := bearerToken(c.r)
	if no != nil {
		return nil, no
	}
	t := c.account.find(signed)
	if t == nil {
		return nil, loginRefused(s.unknownToken(c.account, signed), "InvalidSignature")
	}
	c.entry.ClientID, c.entry.TokenID, c.entry.CertificateID = t.clientID, t.id, t.certificate
	c.entry.Entity, c.entry.Role = t.entity, t.role
	i, known := s.integration(t.clientID)
	r, installed := c.account.record(t.clientID)
	switch {
	case !c.account.Feature("OAUTH2"):
		return nil, loginRefused("the feature OAuth 2.0 is off in this account (guess)", "")
	case t.kind != kindAccess:
		return nil, loginRefused("a refresh or ID token is no access token", "TokenRejected")
	case !s.clock.Now().Before(t.expires):
		return nil, loginRefused("the access token has expired", "AccessTokenExpired")
	case c.account.dead(t):
		return nil, loginRefused("the access token was revoked (H/section_161071224088)", "AccessTokenRevoked")
	case !known:
		return nil, loginRefused("the integration record is gone", "InvalidIntegration")
	case installed && r.blocks(stageAPI, s.settings().ApprovalBlocks):
		return nil, loginRefused("the integration record is "+r.State+" (H/section_4429293934)", "IntegrationBlocked")
	case !slices.Contains(t.scopes, scope) || !subset(t.scopes, s.scopesOf(i)):
		return nil, loginRefused("the token was not issued for scope "+scope+", or the record has lost it", "ScopeMismatched")
	}
	switch err := c.account.usable(t.entity, t.role); {
	case errors.Is(err, errNoLogin):
		return nil, refuse(http.StatusBadRequest, "USER_ERROR", err.Error(), "")
	case err != nil:
		return nil, loginRefused(err.Error(), "EntityOrRoleDisabled")
	}
	return t, nil
}

// bearerToken reads the Authorization header (RFC 6750 section 2.1). A cookie beside it makes the call fail.
func bearerToken(r *http.Request) (string, *refusal) {
	headers := r.Header.Values("Authorization")
	switch {
	case r.Header.Get("Cookie") != "":
		return "", loginRefused("a Cookie header beside the bearer token makes the call fail (H/section_N2971402)", "")
	case len(headers) == 0:
		return "", loginRefused("no bearer token", "")
	case len(headers) > 1:
		return "", refuse(http.StatusBadRequest, "INVALID_HEADER", "more than one Authorization header", "")
	}
	scheme, signed, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || signed == "" {
		return "", loginRefused("Authorization must be Bearer and the access token (RFC 6750 section 2.1)", "")
	}
	return signed, nil
}

// unknownToken says in the ledger whether the token is another account's.
func (s *Server) unknownToken(here *Account, signed string) string {
	for _, a := range s.order {
		if a != here && a.find(signed) != nil {
			return "the token was issued by account " + a.id
		}
	}
	return "not a token that this account issued"
}

// noteRefusal puts a refusal into the ledger and the Login Audit Trail, and says it in WWW-Authenticate
// (H/subsect_158521885412).
func (c *call) noteRefusal(no *refusal) {
	c.broke(no.rule)
	c.entry.AuditDetail = no.audit
	if no.audit != "" {
		c.account.audit(AuditLine{ClientID: c.entry.ClientID, Entity: c.entry.Entity, Role: c.entry.Role, Detail: no.audit})
	}
	if c.account == nil {
		return // a RESTlet's path on a host of no account: there is no realm to name
	}
	scheme := "Bearer"
	if speaksTBA(c.r) {
		scheme = "OAuth" // guess: Oracle shows the header for OAuth 2.0 only
	}
	realm := scheme + ` realm="` + c.account.id + `", `
	switch {
	case c.s.settings().NoWWWAuthenticate:
	case no.status == http.StatusUnauthorized:
		c.w.Header().Set("WWW-Authenticate", realm+`error="invalid_token", error_description="Invalid login attempt."`)
	case no.code == "INVALID_HEADER":
		c.w.Header().Set("WWW-Authenticate", realm+
			`error="invalid_request", error_description="The request could not be understood by the server due to malformed syntax."`)
	}
}

// refuseREST answers in the REST error shape. A 401 never says why.
func (c *call) refuseREST(no *refusal) {
	c.noteRefusal(no)
	switch no.code {
	case "INVALID_LOGIN":
		company.WriteError(c.w, no.status, no.code, loginDetail)
	case "USER_ERROR":
		company.WriteError(c.w, no.status, no.code, "Your current role does not have permission to perform this action.")
	case "INVALID_HEADER":
		company.WriteError(c.w, no.status, no.code, no.rule, "o:errorHeader", "Authorization")
	default:
		company.WriteError(c.w, no.status, no.code, no.rule)
	}
}
