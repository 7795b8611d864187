package netsuitetest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuitetest"
)

func TestRolePages(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	role, _ := w.ids(robot, acmeRole)
	b, p := w.enter(admin, "/app/setup/rolelist.nl")
	for _, want := range []string{"Administrator", "Web Services Only", "customrole_acme_sync", "Acme Integration"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the list of roles lacks %q", want)
		}
	}
	address := w.host("1234567", "app") + "/app/setup/role.nl?id="
	p = b.get(address + itoa(role))
	for _, want := range []string{"Manage own OAuth 2.0 Client Credentials certificates", "ADMI_MANAGE_OWN_OAUTH2_CERTS", "Full", "Acme Integration"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the role's page lacks %q", want)
		}
	}
	p = b.post(address+itoa(role), url.Values{"action": {"inactivate"}})
	if !strings.Contains(p.body, "Make active") || w.m2m(w.assertion(k).sign(t, k.private)).status == 200 {
		t.Errorf("an inactive role still gives tokens, or the page says nothing:\n%s", p.body)
	}
	b.post(address+itoa(role), url.Values{"action": {"activate"}})
	if got := w.m2m(w.assertion(k).sign(t, k.private)); got.status != 200 {
		t.Errorf("active again: %d %s", got.status, got.Error)
	}
	for name, tt := range map[string]struct {
		id   string
		form url.Values
	}{
		"nothing":        {itoa(role), url.Values{}},
		"unknown action": {itoa(role), url.Values{"action": {hostile}}},
		"unknown role":   {"99999", url.Values{"action": {"inactivate"}}},
		"no role":        {"x", url.Values{"action": {"inactivate"}}},
		"huge":           {itoa(role), url.Values{"action": {strings.Repeat("a", 100_000)}}},
	} {
		got := b.post(address+tt.id, tt.form)
		checkHarmless(t, got)
		if got.status != 400 || got.step() != "error" {
			t.Errorf("%s: %d %q, want 400 error", name, got.status, got.step())
		}
	}
}

func TestInactiveEmployeeOnPage(t *testing.T) {
	t.Parallel()
	w, k, _ := machine(t)
	b, p := w.enter(admin, "/app/common/entity/employee.nl?id=12")
	p = b.post(p.url.String(), url.Values{"action": {"inactivate"}})
	if !strings.Contains(p.body, "Make active") || w.m2m(w.assertion(k).sign(t, k.private)).status == 200 {
		t.Errorf("an inactive employee still gets tokens, or the page says nothing:\n%s", p.body)
	}
	b.post(p.url.String(), url.Values{"action": {"activate"}})
	if got := w.m2m(w.assertion(k).sign(t, k.private)); got.status != 200 {
		t.Errorf("active again: %d %s", got.status, got.Error)
	}
	if got := b.post(w.host("1234567", "app")+"/app/common/entity/employee.nl?id=99999", url.Values{"action": {"inactivate"}}); got.status != 400 {
		t.Errorf("unknown employee: %d, want 400", got.status)
	}
}

// TestHostileNames: what people are called is text on every page that shows it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.account().AddEmployee(netsuitetest.Employee{EntityID: hostile, First: hostile, Last: hostile, Email: "x@" + hostile, GiveAccess: true, Roles: []int64{3}})
	if err != nil {
		t.Fatal(err)
	}
	b, p := w.enter(admin, "/app/common/entity/employeelist.nl")
	checkHarmless(t, p)
	for _, path := range []string{"/app/common/entity/employee.nl?id=" + itoa(id), "/app/setup/rolelist.nl", "/app/setup/role.nl?id=3", newMapping, "/app/setup/loginaudit.nl"} {
		checkHarmless(t, b.get(w.host("1234567", "app")+path))
	}
	checkHarmless(t, b.get(w.srv.URL()+"/_emulator/accounts/1234567/"))
	checkHarmless(t, w.browser().get(w.host("1234567", "app")+"/app/center/card.nl"))
}
