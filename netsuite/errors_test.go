package netsuite

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDocumentedErrorsOfTheTokenEndpoint(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		code   string
		want   error
	}{
		{400, `{"error":"invalid_request"}`, "invalid_request", ErrInvalidRequest},
		{401, `{"error":"invalid_client"}`, "invalid_client", ErrInvalidClient},
		{400, `{"error":"invalid_client","error_description":"why"}`, "invalid_client", ErrInvalidClient},
		{400, `{"error":"invalid_grant"}`, "invalid_grant", ErrInvalidGrant},
		{400, `{"error":"unauthorized_client"}`, "unauthorized_client", ErrUnauthorizedClient},
		{400, `{"error":"unsupported_grant_type"}`, "unsupported_grant_type", ErrInvalidRequest},
		{400, `{"error":"invalid_scope"}`, "invalid_scope", ErrInvalidScope},
		{500, `{"error":"server_error"}`, "server_error", ErrUnavailable},
		{400, `{"error":"temporarily_unavailable"}`, "temporarily_unavailable", ErrUnavailable},
		{503, `<html>maintenance</html>`, "", ErrUnavailable},
		{429, ``, "", ErrTooManyRequests},
		{400, `{"error":"something_new"}`, "something_new", nil},
		{404, `not here`, "", nil},
	} {
		site := startSite(t, reply(tt.status, tt.body))
		for op, call := range map[string]func() error{
			"code exchange": func() error {
				_, err := publicGrant(site.Site).Exchange(t.Context(), testAccount, testCode, testVerifier)
				return err
			},
			"token refresh": func() error {
				_, err := confidentialGrant(site.Site).Refresh(t.Context(), testAccount, NewSecret(testRefresh))
				return err
			},
			"grant revocation": func() error {
				return publicGrant(site.Site).Revoke(t.Context(), testAccount, NewSecret(testRefresh))
			},
			"client credentials token": func() error {
				_, err := siteCredentials(site.Site).Token(t.Context())
				return err
			},
		} {
			requireError(t, call(), op, tt.status, tt.code, tt.want)
		}
	}
}

func TestDocumentedErrorsOfTheAPIs(t *testing.T) {
	rest := func(status int, code, detail string) string {
		return fmt.Sprintf(`{"type":"https://www.rfc-editor.org/rfc/rfc9110.html","title":"T","status":%d,"o:errorDetails":[{"detail":%q,"o:errorCode":%q}]}`, status, detail, code)
	}
	for _, tt := range []struct {
		status int
		body   string
		code   string
		detail string
		want   error
	}{
		{401, rest(401, "INVALID_LOGIN", "Invalid login attempt."), "INVALID_LOGIN", "Invalid login attempt.", ErrLogin},
		{403, rest(403, "INSUFFICIENT_PERMISSION", "You need more."), "INSUFFICIENT_PERMISSION", "You need more.", ErrPermission},
		{400, rest(400, "USER_ERROR", "Your current role does not have permission to perform this action."), "USER_ERROR", "Your current role does not have permission to perform this action.", ErrUserRole},
		{404, rest(404, "NONEXISTENT_ID", "none"), "NONEXISTENT_ID", "none", ErrNotFound},
		{429, rest(429, "CONCURRENCY_LIMIT_EXCEEDED", "wait"), "CONCURRENCY_LIMIT_EXCEEDED", "wait", ErrTooManyRequests},
		{500, rest(500, "UNEXPECTED_ERROR", "oops"), "UNEXPECTED_ERROR", "oops", ErrUnavailable},
		{400, rest(400, "INVALID_PARAMETER", "Invalid search query"), "INVALID_PARAMETER", "Invalid search query", nil},
		{400, rest(400, "INVALID_HEADER", "Prefer"), "INVALID_HEADER", "Prefer", nil},
		{405, `{"title":"Method Not Allowed","o:errorDetails":[]}`, "", "Method Not Allowed", nil},
		{401, `{"error":{"code":"INVALID_LOGIN_ATTEMPT","message":"Invalid login attempt."}}`, "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.", ErrLogin},
		{400, `{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED","message":"busy"}}`, "SSS_REQUEST_LIMIT_EXCEEDED", "busy", ErrTooManyRequests},
		{404, `{"error":{"code":"SSS_INVALID_SCRIPTLET_ID","message":"That Suitelet is invalid"}}`, "SSS_INVALID_SCRIPTLET_ID", "That Suitelet is invalid", ErrNotFound},
		{400, `{"error":{"code":"UNEXPECTED_ERROR","message":"{\"type\":\"error.SuiteScriptError\",\"name\":\"RCRD_DSNT_EXIST\",\"message\":\"That record does not exist.\",\"stack\":[]}"}}`, "RCRD_DSNT_EXIST", "That record does not exist.", nil},
		{401, "error code: INVALID_LOGIN_ATTEMPT\nerror message: Invalid login attempt.", "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.", ErrLogin},
		{403, "error code: INVALID_LOGIN_CREDENTIALS\r\nerror message: You have entered an invalid e-mail address", "INVALID_LOGIN_CREDENTIALS", "You have entered an invalid e-mail address", ErrLogin},
		{400, "plain words", "", "plain words", nil},
		{403, "", "", "", ErrPermission},
		{404, "<!DOCTYPE html><p>x", "", "a web page instead of an answer", ErrNotFound},
		{401, `"just a string"`, "", `"just a string"`, ErrLogin},
		{401, `{"error":5}`, "", "", ErrLogin},
		{502, "Bad Gateway", "", "Bad Gateway", ErrUnavailable},
	} {
		site := startSite(t, reply(tt.status, tt.body))
		api := testAPI(site.Site)
		for op, call := range map[string]func() error{
			"SuiteQL query":          func() error { _, err := api.SuiteQL(t.Context(), "x", 0, 0); return err },
			"server time":            func() error { _, err := api.ServerTime(t.Context()); return err },
			"governance limits":      func() error { _, err := api.GovernanceLimits(t.Context()); return err },
			"RESTlet call":           func() error { _, err := api.RESTlet(t.Context(), "GET", "a", "b", nil, nil); return err },
			"record read":            func() error { _, err := api.Record(t.Context(), "customer", "1", nil); return err },
			"record upsert":          func() error { _, err := api.UpsertRecord(t.Context(), "customer", "a", struct{}{}); return err },
			"certificate list":       func() error { _, err := api.ListCertificates(t.Context(), testClientID); return err },
			"certificate revocation": func() error { return api.RevokeCertificate(t.Context(), testClientID, "abc") },
			"REST request":           func() error { _, _, err := api.Do(t.Context(), "GET", "/services/rest/record/v1/x", nil); return err },
		} {
			e := requireError(t, call(), op, tt.status, tt.code, tt.want)
			if e.Detail != tt.detail {
				t.Errorf("%s of %s: detail = %q, want %q", op, tt.body, e.Detail, tt.detail)
			}
		}
	}
}

func requireError(t *testing.T, err error, op string, status int, code string, want error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: HTTP %d gave %v, want an *Error", op, status, err)
	}
	if e.Op != op || e.Status != status || e.Code != code || e.Hint == "" || !errors.Is(e.Err, want) {
		t.Errorf("%s: error = %+v, want HTTP %d %q as %v with a hint", op, e, status, code, want)
	}
	if temporary := slices.Contains([]error{ErrUnavailable, ErrTooManyRequests}, want); IsTemporary(err) != temporary {
		t.Errorf("%s: IsTemporary of HTTP %d = %t", op, status, !temporary)
	}
	if line := err.Error(); !strings.HasPrefix(line, op+": ") || strings.ContainsAny(line, "\n\r") {
		t.Errorf("%s: error reads %q", op, line)
	}
	return e
}

func TestSecretsNeverEnterErrors(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "you sent %s and %v to %s", r.Header.Get("Authorization"), r.Form, r.URL)
		}
	}
	for _, status := range []int{200, 302, 400, 401, 500} {
		site := startSite(t, echo(status))
		g := confidentialGrant(site.Site)
		_, exchange := g.Exchange(t.Context(), testAccount, testCode, testVerifier)
		_, refresh := g.Refresh(t.Context(), testAccount, NewSecret(testRefresh))
		_, m2m := siteCredentials(site.Site).Token(t.Context())
		_, serverTime := testAPI(site.Site).ServerTime(t.Context())
		assertion := site.requests()[2].form(t).Get("client_assertion")
		basic := strings.TrimPrefix(site.requests()[0].Header.Get("Authorization"), "Basic ")
		for _, err := range []error{exchange, refresh, m2m, serverTime} {
			if err == nil {
				t.Fatalf("HTTP %d with text succeeded", status)
			}
			for _, secret := range []string{testCode, testVerifier, testRefresh, testToken, g.ClientSecret.Reveal(), assertion, basic} {
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); secret == "" || strings.Contains(text, secret) {
					t.Errorf("HTTP %d: error shows the secret %q: %s", status, secret, text)
				}
			}
		}
	}
}

func TestQueriesNeverEnterErrors(t *testing.T) {
	site := startSite(t, cutConnection)
	if _, err := testAPI(site.Site).RESTlet(t.Context(), "GET", "a", "b", url.Values{"key": {"hush"}}, nil); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("err = %v, want one without the query", err)
	}
	if err := publicGrant(site.Site).Probe(t.Context(), testAccount); err == nil || strings.Contains(err.Error(), testClientID) {
		t.Errorf("err = %v, want one without the query", err)
	}
}

func TestHostileErrorTextIsTamed(t *testing.T) {
	site := startSite(t, reply(400, `{"o:errorDetails":[{"detail":"\u001b[2Ja\r\nlevel=error msg=\u202eforged `+strings.Repeat("x", 1<<20)+`","o:errorCode":"A\nB"}]}`))
	_, err := testAPI(site.Site).ServerTime(t.Context())
	var e *Error
	if !errors.As(err, &e) || strings.ContainsAny(err.Error(), "\x1b\r\n\u202e") || len(err.Error()) > 1000 || e.Code != "A B" {
		t.Errorf("error = %q", err)
	}
}

func TestNothingSentAndAnswerLostAreToldApart(t *testing.T) {
	site := startSite(t, cutConnection)
	_, lost := publicGrant(site.Site).Exchange(t.Context(), testAccount, testCode, testVerifier)
	if !errors.Is(lost, ErrResponseLost) || errors.Is(lost, ErrUnavailable) || !IsTemporary(lost) {
		t.Errorf("cut connection gave %v, want ErrResponseLost", lost)
	}
	half := startSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"access_token":"`))
	})
	_, cut := publicGrant(half.Site).Exchange(t.Context(), testAccount, testCode, testVerifier)
	if !errors.Is(cut, ErrResponseLost) || !IsTemporary(cut) {
		t.Errorf("cut body gave %v, want ErrResponseLost", cut)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := EmulatorSite(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, refused := publicGrant(closed).Exchange(t.Context(), testAccount, testCode, testVerifier)
	if !errors.Is(refused, ErrUnavailable) || errors.Is(refused, ErrResponseLost) || !IsTemporary(refused) {
		t.Errorf("refused connection gave %v, want ErrUnavailable", refused)
	}
	silent := publicGrant(Site{})
	silent.HTTPClient = func(AccountID) *http.Client {
		return &http.Client{Transport: &scripted{answer: func(int, *http.Request) (*http.Response, error) { return nil, errors.New("no trace") }}}
	}
	if _, err := silent.Exchange(t.Context(), testAccount, testCode, testVerifier); !errors.Is(err, ErrResponseLost) {
		t.Errorf("a transport without trace gave %v, want the careful ErrResponseLost", err)
	}
}

func TestRetryAfter(t *testing.T) {
	date := testNow.Format(http.TimeFormat)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "99999999": 24 * time.Hour, "99999999999999999999": 0,
		testNow.Add(time.Minute).Format(http.TimeFormat): time.Minute, testNow.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		site := startSite(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", date)
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := testAPI(site.Site).ServerTime(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.RetryAfter != want {
			t.Errorf("Retry-After %q gave %v, want %s", value, err, want)
		}
	}
}

func TestIsTemporaryOfOtherErrors(t *testing.T) {
	if IsTemporary(nil) || IsTemporary(errors.New("x")) || IsTemporary(ErrInvalidGrant) || !IsTemporary(fmt.Errorf("wrapped: %w", ErrUnavailable)) {
		t.Error("IsTemporary is wrong")
	}
}
