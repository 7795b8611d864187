package netsuite

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every line of the table of symptoms that a program can meet, with an error that has it among its causes.
func TestCausesOfEverySymptom(t *testing.T) {
	invalidState := Callback{Error: "InvalidState"}.Err()
	reached := map[Cause]bool{}
	for symptom, tt := range map[string]struct {
		err   error
		text  string // part of the cause
		trail string
	}{
		"no redirect: URI":          {&Error{Op: opProbe, Status: 200, Err: ErrUnauthorizedClient}, "redirect URI differs", "InvalidRedirectURI"},
		"no redirect: client":       {&Error{Op: opProbe, Status: 200, Err: ErrUnauthorizedClient}, "not installed", "UnknownIntegration"},
		"no redirect: blocked":      {&Error{Op: opProbe, Status: 200, Err: ErrUnauthorizedClient}, "blocked", "IntegrationBlocked"},
		"no host on token URL":      {&Error{Op: opM2M, Err: fmt.Errorf("%w: no such host", ErrUnavailable)}, "no host for the account ID", ""},
		"invalid_scope: box":        {Callback{Error: "invalid_scope"}.Err(), "not ticked", "ScopeMismatched"},
		"invalid_scope: mcp":        {Callback{Error: "invalid_scope"}.Err(), "mcp", ""},
		"access_denied":             {Callback{Error: "access_denied"}.Err(), "Deny", ""},
		"InvalidState":              {invalidState, "shorter than 22", "InvalidState"},
		"short state":               {Callback{Error: "invalid_request"}.Err(), "shorter than 22", "InvalidState"},
		"code grant off":            {Callback{Error: "unauthorized_client"}.Err(), "Authorization Code Grant", "AuthorizationCodeGrantRequired"},
		"invalid_client: secret":    {&Error{Op: opExchange, Status: 401, Err: ErrInvalidClient}, "secret is wrong", "ClientAuthenticationFailed"},
		"invalid_client: public":    {&Error{Op: opRefresh, Status: 401, Err: ErrInvalidClient}, "public client", "ClientAuthenticationFailed"},
		"invalid_request: two":      {&Error{Op: opExchange, Status: 400, Err: ErrInvalidRequest}, "two ways", ""},
		"invalid_request: verifier": {&Error{Op: opExchange, Status: 400, Err: ErrInvalidRequest}, "verifier is missing", ""},
		"exchange: used":            {&Error{Op: opExchange, Status: 400, Err: ErrInvalidGrant}, "used before", ""},
		"exchange: URI":             {&Error{Op: opExchange, Status: 400, Err: ErrInvalidGrant}, "redirect URI", ""},
		"refresh: seven days":       {&Error{Op: opRefresh, Status: 400, Err: ErrInvalidGrant}, "past its end", "RefreshTokenExpired"},
		"refresh: spent":            {&Error{Op: opRefresh, Status: 400, Err: ErrInvalidGrant}, "another process", ""},
		"refresh: revoked":          {&Error{Op: opRefresh, Status: 400, Err: ErrInvalidGrant}, "revoked", ""},
		"re-login every week":       {&Error{Op: opRefresh, Status: 400, Err: ErrInvalidGrant}, "every week", ""},
		"refresh: person gone":      {&Error{Op: opRefresh, Status: 400, Err: ErrInvalidGrant}, "person or the role", "EntityOrRoleDisabled"},
		"M2M: wrong key":            {&Error{Op: opM2M, Status: 400, Err: ErrInvalidGrant}, "RS256", "InvalidSignature"},
		"M2M: kid":                  {&Error{Op: opM2M, Status: 401, Err: ErrInvalidClient}, "sandbox was refreshed", ""},
		"M2M: entity":               {&Error{Op: opM2M, Status: 401, Err: ErrInvalidClient}, "entity or the role", "EntityOrRoleDisabled"},
		"M2M stops after two years": {&Error{Op: opM2M, Status: 400, Err: ErrInvalidGrant}, "two years", ""},
		"M2M: audience":             {&Error{Op: opM2M, Status: 400, Err: ErrInvalidRequest}, "another account", ""},
		"M2M: clock":                {&Error{Op: opM2M, Status: 400, Err: ErrInvalidRequest}, "clock", ""},
		"M2M: grant off":            {&Error{Op: opM2M, Status: 400, Err: ErrUnauthorizedClient}, "Client Credentials", ""},
		"upload: 2048 bits":         {&Error{Op: opCertificateUpload, Status: 400}, "2048", ""},
		"upload: another role":      {&Error{Op: opCertificateUpload, Status: 400}, "another role or entity", ""},
		"upload: five, not said":    {&Error{Op: opCertificateUpload, Status: 400}, "five active", ""},
		"upload: five":              {&Error{Op: opCertificateUpload, Status: 400, Err: ErrCertificateLimit}, "five active", ""},
		"401: expired":              {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "has expired", "AccessTokenExpired"},
		"401: cookie":               {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "cookie", ""},
		"401: assertion":            {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "assertion", "TokenRejected"},
		"401: host":                 {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "another account", "InvalidSignature"},
		"401: role":                 {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "inactive", "EntityOrRoleDisabled"},
		"401: integration":          {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "deleted", "InvalidIntegration"},
		"401: scope":                {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "scope was taken", "ScopeMismatched"},
		"401: overload":             {&Error{Op: opSuiteQL, Status: 401, Code: "INVALID_LOGIN", Err: ErrLogin}, "too many requests", ""},
		"400 USER_ERROR":            {&Error{Op: opRecordRead, Status: 400, Code: "USER_ERROR", Err: ErrUserRole}, "REST Web Services", ""},
		"403: permission":           {&Error{Op: opRecordRead, Status: 403, Code: "INSUFFICIENT_PERMISSION", Err: ErrPermission}, "lacks the permission", ""},
		"403: feature":              {&Error{Op: opRecordRead, Status: 403, Code: "INSUFFICIENT_PERMISSION", Err: ErrPermission}, "feature", ""},
		"401 for RESTlets: scope":   {&Error{Op: opRESTlet, Status: 401, Code: "INVALID_LOGIN_ATTEMPT", Err: ErrLogin}, "scope for RESTlets", "ScopeMismatched"},
		"401 for RESTlets: role":    {&Error{Op: opRESTlet, Status: 403, Code: "INVALID_LOGIN_CREDENTIALS", Err: ErrLogin}, "web services only", ""},
		"verified: expired":         {refuseToken("AccessTokenExpired", "", ""), "its hour", "AccessTokenExpired"},
		"verified: another account": {refuseToken("InvalidSignature", "", ""), "another account", "InvalidSignature"},
		"verified: forged":          {refuseToken("InvalidSignature", "", ""), "forged", "InvalidSignature"},
		"verified: refresh token":   {refuseToken("TokenRejected", "", ""), "refresh token", "TokenRejected"},
		"verified: scope":           {refuseToken("ScopeMismatched", "", ""), "without the scope", "ScopeMismatched"},
		"verified: integration":     {refuseToken("InvalidIntegration", "", ""), "another integration record", "InvalidIntegration"},
		"403 without detail":        {&Error{Op: opREST, Status: 403, Err: ErrPermission}, "no reason", ""},
		"401 without detail":        {&Error{Op: opREST, Status: 401, Err: ErrLogin}, "no reason", ""},
		"429":                       {&Error{Op: opREST, Status: 429, Err: ErrTooManyRequests}, "concurrency limit", ""},
	} {
		found := tt.err.(*Error).Causes()
		at := slices.IndexFunc(found, func(c Cause) bool { return strings.Contains(c.Text, tt.text) })
		if at < 0 || found[at].AuditTrail != tt.trail {
			t.Errorf("%s: causes are %+v, want one with %q and %q", symptom, found, tt.text, tt.trail)
			continue
		}
		reached[found[at]] = true
	}
	for _, line := range causes {
		if !reached[line.Cause] {
			t.Errorf("no symptom leads to %+v", line.Cause)
		}
	}
}

func TestCausesAreOrderedAndComplete(t *testing.T) {
	restlet := (&Error{Op: opRESTlet, Status: 401, Code: "INVALID_LOGIN_ATTEMPT", Err: ErrLogin}).Causes()
	if len(restlet) < 3 || restlet[0].AuditTrail != "ScopeMismatched" || restlet[2].AuditTrail != "AccessTokenExpired" {
		t.Errorf("causes of a RESTlet's 401 = %+v, want its own before the general ones", restlet)
	}
	for _, e := range []*Error{{Op: opRecordCreate, Status: 400, Code: "INVALID_CONTENT"}, {Op: opSuiteQL, Status: 200, Err: ErrUnreadable}, refuseToken("", "the token is for another account", ""), {}} {
		if got := e.Causes(); got != nil {
			t.Errorf("causes of %v = %+v, want none", e, got)
		}
	}
	for _, line := range causes {
		for _, text := range []string{line.Text, line.Remedy} {
			if text == "" || strings.HasSuffix(text, ".") || oneLine(text, 1000) != text {
				t.Errorf("cause %+v is not written as one line without full stop", line.Cause)
			}
		}
		if len(line.when) == 0 {
			t.Errorf("cause %+v has no condition", line.Cause)
		}
	}
}

// Every line is reached by an answer of NetSuite, not only by an Error that was made for it.
func TestCausesOfAnswers(t *testing.T) {
	for trail, tt := range map[string]struct {
		status int
		body   string
		call   func(*API) error
	}{
		"AccessTokenExpired": {401, `{"o:errorDetails":[{"detail":"Invalid login attempt.","o:errorCode":"INVALID_LOGIN"}]}`, func(a *API) error { _, err := a.ServerTime(t.Context()); return err }},
		"ScopeMismatched": {401, "error code: INVALID_LOGIN_ATTEMPT\nerror message: Invalid login attempt.", func(a *API) error {
			_, err := a.RESTlet(t.Context(), "GET", "a", "b", nil, nil)
			return err
		}},
		"InvalidSignature": {400, `{"error":"invalid_grant"}`, func(a *API) error { _, err := siteCredentials(a.Site).Token(t.Context()); return err }},
		"RefreshTokenExpired": {400, `{"error":"invalid_grant"}`, func(a *API) error {
			_, err := confidentialGrant(a.Site).Refresh(t.Context(), testAccount, NewSecret(testRefresh))
			return err
		}},
		"ClientAuthenticationFailed": {401, `{"error":"invalid_client"}`, func(a *API) error {
			_, err := confidentialGrant(a.Site).Exchange(t.Context(), testAccount, testCode, testVerifier)
			return err
		}},
		"InvalidRedirectURI": {200, "<html>", func(a *API) error { return publicGrant(a.Site).Probe(t.Context(), testAccount) }},
	} {
		site := startSite(t, reply(tt.status, tt.body))
		err := tt.call(testAPI(site.Site))
		e, ok := err.(*Error)
		if !ok || len(e.Causes()) == 0 || e.Causes()[0].AuditTrail != trail {
			t.Errorf("%d %s gave %v, want a first cause with %s", tt.status, tt.body, err, trail)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(400, `{"o:errorDetails":[{"detail":"bad","o:errorCode":"INVALID_CONTENT","o:errorPath":"item"}]}`)
	f.Add(401, `{"error":{"code":"UNEXPECTED_ERROR","message":"{\"name\":\"X\",\"message\":\"y\"}"}}`)
	f.Add(400, `{"error":"invalid_grant","error_description":"old"}`)
	f.Add(403, "error code: INVALID_LOGIN_ATTEMPT\nerror message: "+testToken)
	f.Add(500, "<html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, face := range []face{oauthFace, apiFace} {
			r := &request{op: opREST, face: face, secrets: []Secret{NewSecret(testToken)}}
			e := r.refusal(&answer{status: status, header: http.Header{}, body: []byte(body)})
			for _, text := range []string{e.Code, e.Detail, e.Locator, e.Error()} {
				if oneLine(text, 2000) != text || strings.Contains(text, testToken) {
					t.Errorf("%d %q gives %q", status, body, text)
				}
			}
			if e.Hint == "" {
				t.Errorf("%d %q has no hint", status, body)
			}
			e.Causes()
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("Tue, 24 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 11:00:00 GMT")
	f.Add("-1", "x")
	f.Fuzz(func(t *testing.T, value, date string) {
		if got := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}); got < 0 || got > 24*time.Hour {
			t.Errorf("Retry-After %q at %q gives %s", value, date, got)
		}
	})
}
