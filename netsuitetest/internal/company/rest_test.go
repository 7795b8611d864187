package company

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestServerTime(t *testing.T) {
	t.Parallel()
	c := open(t)
	// Any user may ask, also with a role that may not use REST otherwise.
	for _, role := range []int64{3, 6, 1002} {
		a := send(t, c, caller(role), http.MethodGet, timePath, "")
		if a.status != http.StatusOK || a.body != `{"serverTime":"2026-03-14T15:09:26.000Z"}`+"\n" {
			t.Errorf("role %d: %d %s", role, a.status, a.body)
		}
	}
}

func TestServerTimeFollowsTheClock(t *testing.T) {
	t.Parallel()
	now := testTime
	c := open(t, func(cfg *Config) { cfg.Now = func() time.Time { return now } })
	now = now.Add(36 * time.Hour)
	if v := send(t, c, caller(3), http.MethodGet, timePath, "").decode(t); v["serverTime"] != "2026-03-16T03:09:26.000Z" {
		t.Errorf("%v", v)
	}
	if rows := rowsOf(t, c, "SELECT TRUNC(SYSDATE) d FROM dual"); rows[0]["d"] != "3/16/2026" {
		t.Errorf("SYSDATE %v", rows)
	}
}

func TestGovernanceLimits(t *testing.T) {
	t.Parallel()
	for key, change := range map[string]func(*Config){
		"integrationLimitType": func(*Config) {},
		"type":                 choosing(Choices{LimitTypeKey: "type"}),
	} {
		v := send(t, open(t, change), caller(RoleAdministrator), http.MethodGet, limitsPath, "").decode(t)
		want := map[string]any{"accountConcurrencyLimit": 5.0, "accountUnallocatedConcurrencyLimit": 5.0, key: "accountLimit"}
		if fmt.Sprint(v) != fmt.Sprint(want) {
			t.Errorf("limits %v, want %v", v, want)
		}
	}
	a := send(t, open(t), caller(1000), http.MethodGet, limitsPath, "")
	if code, _, _ := a.problem(t); a.status != http.StatusForbidden || code != "INSUFFICIENT_PERMISSION" {
		t.Errorf("not an administrator: %d %s", a.status, a.body)
	}
	if a := send(t, open(t), caller(3), http.MethodPost, limitsPath, "{}"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
}

func TestFeatureOff(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	who.Features = func(name string) bool { return name != "RESTWEBSERVICES" }
	for _, target := range []string{suiteQLPath, timePath, limitsPath, recordURL + "customer/1001"} {
		a := send(t, c, who, http.MethodGet, target, "")
		if code, _, _ := a.problem(t); a.status != http.StatusForbidden || code != "INSUFFICIENT_PERMISSION" {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}

func TestUnknownServices(t *testing.T) {
	t.Parallel()
	c := open(t)
	for _, target := range []string{
		"/services/rest/query/v1/suiteql/", "/services/rest/query/v2/suiteql", "/services/rest/system/v1/secrets", "/services/rest/record/v2/customer/1",
		"/services/rest/", "/",
	} {
		a := send(t, c, caller(RoleAdministrator), http.MethodPost, target, `{"q":"SELECT 1 a FROM dual"}`, "Prefer", "transient")
		if code, _, _ := a.problem(t); a.status != http.StatusNotFound || code != "NONEXISTENT_ID" {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]string{
		400: "15.5.1", 401: "15.5.2", 403: "15.5.4", 404: "15.5.5", 405: "15.5.6", 500: "15.6.1",
	} {
		w := httptest.NewRecorder()
		WriteError(w, status, "CODE", `say "<it>"`, "o:errorHeader", "Prefer")
		want := fmt.Sprintf(`{"type":"https://www.rfc-editor.org/rfc/rfc9110.html#section-%s","title":%q,"status":%d,`+
			`"o:errorDetails":[{"detail":"say \"<it>\"","o:errorCode":"CODE","o:errorHeader":"Prefer"}]}`, kind, http.StatusText(status), status)
		if w.Code != status || w.Body.String() != want+"\n" {
			t.Errorf("got  %s\nwant %s", w.Body, want)
		}
	}
	w := httptest.NewRecorder()
	WriteError(w, http.StatusTooManyRequests, "CONCURRENCY_LIMIT_EXCEEDED", "later")
	if w.Body.String() != `{"type":"https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5","title":"Too Many Requests","status":429,`+
		`"o:errorDetails":[{"detail":"later","o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"}]}`+"\n" {
		t.Errorf("429: %s", w.Body)
	}
}
