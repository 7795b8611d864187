package netsuite

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"testing"
)

func TestRESTlet(t *testing.T) {
	for _, method := range []string{"GET", "DELETE", "POST", "PUT"} {
		site := startSite(t, reply(http.StatusOK, `{"ok":true}`))
		var body any
		want := ""
		if method == "POST" || method == "PUT" {
			body, want = map[string]int{"a": 1}, `{"a":1}`
		}
		answer, err := testAPI(site.Site).RESTlet(t.Context(), method, "customscript_acme", "customdeploy_acme", url.Values{"x": {"1", "2 3"}}, body)
		if err != nil || string(answer) != `{"ok":true}` {
			t.Fatalf("%s: answer = %s, %v", method, answer, err)
		}
		got := site.only(t)
		if got.Method != method || got.Host != site.host("restlets") || got.Path != "/app/site/hosting/restlet.nl" ||
			got.Query != "deploy=customdeploy_acme&script=customscript_acme&x=1&x=2+3" || got.Header.Get("Content-Type") != "application/json" || got.Body != want {
			t.Errorf("%s: request = %+v", method, got)
		}
	}
}

func TestRESTletRefuses(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, ""))
	for name, tt := range map[string]struct {
		method, script, deploy string
		params                 url.Values
		body                   any
	}{
		"method":               {"PATCH", "customscript_a", "1", nil, nil},
		"method in lower case": {"get", "customscript_a", "1", nil, nil},
		"body on GET":          {"GET", "customscript_a", "1", nil, "x"},
		"no script":            {"GET", "", "1", nil, nil},
		"script of a query":    {"GET", "1&compid=7", "1", nil, nil},
		"no deployment":        {"GET", "customscript_a", "", nil, nil},
		"second script":        {"GET", "customscript_a", "1", url.Values{"Script": {"2"}}, nil},
		"second deployment":    {"GET", "customscript_a", "1", url.Values{"deploy": {"2"}}, nil},
		"body without form":    {"POST", "customscript_a", "1", nil, math.Inf(1)},
	} {
		if answer, err := testAPI(site.Site).RESTlet(t.Context(), tt.method, tt.script, tt.deploy, tt.params, tt.body); err == nil {
			t.Errorf("%s: answer = %s, want an error", name, answer)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestRESTletAnswers(t *testing.T) {
	for _, body := range []string{`{"ok":true}`, `"text"`, "plain text, with umlauts äöü", "", "[1,2]", "<html>"} {
		site := startSite(t, reply(http.StatusOK, body))
		answer, err := testAPI(site.Site).RESTlet(t.Context(), "GET", "customscript_acme", "customdeploy_acme", nil, nil)
		if err != nil || string(answer) != body {
			t.Errorf("answer = %q, %v; want %q as it is", answer, err, body)
		}
	}
}

func TestRESTletRefusals(t *testing.T) {
	thrown := `{"error":{"code":"UNEXPECTED_ERROR","message":"{\"type\":\"error.SuiteScriptError\",\"name\":\"ACME_CLOSED\",\"message\":\"The period is closed.\",\"stack\":[]}"}}`
	for _, tt := range []struct {
		status       int
		body         string
		code, detail string
		want         error
	}{
		{400, `{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED","message":"busy"}}`, "SSS_REQUEST_LIMIT_EXCEEDED", "busy", ErrTooManyRequests},
		{400, "error code: SSS_REQUEST_LIMIT_EXCEEDED\nerror message: busy", "SSS_REQUEST_LIMIT_EXCEEDED", "busy", ErrTooManyRequests},
		{401, "error code: INVALID_LOGIN_ATTEMPT\r\nerror message: Invalid login attempt.\r\n", "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.", ErrLogin},
		{400, thrown, "ACME_CLOSED", "The period is closed.", nil},
		{404, `{"error":{"code":"SSS_INVALID_SCRIPTLET_ID","message":"none"}}`, "SSS_INVALID_SCRIPTLET_ID", "none", ErrNotFound},
		{415, "error code: UNSUPPORTED_MEDIA_TYPE\nerror message: no", "UNSUPPORTED_MEDIA_TYPE", "no", nil},
		{503, `{"error":{"code":"UNEXPECTED_ERROR","message":"down"}}`, "UNEXPECTED_ERROR", "down", ErrUnavailable},
	} {
		for _, method := range []string{"GET", "DELETE", "POST", "PUT"} {
			site := startSite(t, reply(tt.status, tt.body))
			_, err := testAPI(site.Site).RESTlet(t.Context(), method, "customscript_acme", "customdeploy_acme", nil, nil)
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Code != tt.code || e.Detail != tt.detail || !errors.Is(e.Err, tt.want) || tt.want == nil && e.Err != nil {
				t.Errorf("%s answered %d %s: error = %+v, want %s %q as %v", method, tt.status, tt.body, e, tt.code, tt.detail, tt.want)
			}
			if got := site.only(t); got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s has Content-Type %q", method, got.Header.Get("Content-Type"))
			}
		}
	}
}
