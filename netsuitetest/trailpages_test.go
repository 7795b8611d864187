package netsuitetest_test

import (
	"crypto/elliptic"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// TestTrailFilter: by user, application, status and detail.
func TestTrailFilter(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	w.login(w.confidential)
	w.m2m(w.assertion(k).sign(t, k.private))
	w.m2m(w.assertion(k).sign(t, ecKey(t, elliptic.P256())))
	w.suiteQL("nonsense", anyRow)
	_, entity := w.ids(robot, acmeRole)
	b, p := w.enter(admin, "/app/setup/loginaudit.nl")
	lines := len(w.account().LoginAuditTrail())
	if got := strings.Count(p.body, `data-label="Time"`); got != lines || lines < 5 {
		t.Fatalf("%d lines on the page, %d in the trail", got, lines)
	}
	if !strings.Contains(p.body, "The signature does not fit the key") || !strings.Contains(p.body, "<option>InvalidSignature") {
		t.Errorf("the page does not say what InvalidSignature means:\n%s", p.body)
	}
	for _, tt := range []struct {
		name        string
		query       url.Values
		fits, alien string // a cell that each line has, and one that none has
	}{
		{"user", url.Values{"user": {itoa(entity)}}, `"User">Acme Integration<`, `"User">Ada Admin<`},
		{"application", url.Values{"app": {w.confidential.ClientID}}, `"Application">Acme Portal<`, `"Application">Acme Sync<`},
		{"failure", url.Values{"status": {"Failure"}}, `stop">Failure<`, `good">Success<`},
		{"success", url.Values{"status": {"Success"}}, `good">Success<`, `stop">Failure<`},
		{"detail", url.Values{"detail": {"InvalidSignature"}}, `"Detail"><code>InvalidSignature<`, `good">Success<`},
		{"all", url.Values{"user": {itoa(entity)}, "app": {w.public.ClientID}, "status": {"Success"}, "detail": {""}}, `good">Success<`, `stop">Failure<`},
	} {
		p := b.get(w.host("1234567", "app") + "/app/setup/loginaudit.nl?" + tt.query.Encode())
		rows := strings.Count(p.body, `data-label="Time"`)
		if rows == 0 || rows == lines || strings.Count(p.body, tt.fits) != rows || strings.Contains(p.body, tt.alien) {
			t.Errorf("%s: %d of %d lines, %d with %q:\n%s", tt.name, rows, lines, strings.Count(p.body, tt.fits), tt.fits, p.body)
		}
	}
	for name, query := range map[string]url.Values{
		"nobody": {"user": {"99999"}}, "no number": {"user": {"x"}}, "hostile": {"user": {hostile}, "app": {hostile}, "detail": {hostile}, "status": {hostile}},
		"huge": {"detail": {strings.Repeat("a", 10_000)}},
	} {
		p := b.get(w.host("1234567", "app") + "/app/setup/loginaudit.nl?" + query.Encode())
		checkPage(t, p, "trail")
		checkHarmless(t, p)
		if strings.Contains(p.body, `data-label="Time"`) || !strings.Contains(p.body, "No line fits") {
			t.Errorf("%s: lines are shown", name)
		}
	}
}

// TestAuditNames: the page explains each of NetSuite's names.
func TestAuditNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.enter(admin, "/app/setup/loginaudit.nl")
	for _, name := range []string{
		"ScopeMismatched", "AuthorizationCodeGrantRequired", "EntityOrRoleDisabled", "InvalidState", "UnknownIntegration", "ClientAuthenticationFailed",
		"InvalidRedirectURI", "IntegrationBlocked", "RefreshTokenExpired", "AccessTokenExpired", "InvalidSignature", "InvalidIntegration", "InvalidScope",
		"TokenRejected",
	} {
		_, meaning, found := strings.Cut(p.body, "<dt><code>"+name+"</code></dt><dd>")
		if !found || strings.HasPrefix(meaning, "<") || strings.Contains(meaning[:strings.Index(meaning, "</dd>")], "own name") {
			t.Errorf("%s is not explained as NetSuite's", name)
		}
	}
}
