package company

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var testTime = time.Date(2026, time.March, 14, 15, 9, 26, 0, time.UTC)

// open is a company with few rows and a still clock.
func open(tb testing.TB, change ...func(*Config)) *Company {
	tb.Helper()
	cfg := Config{AccountID: "1234567", Customers: 40, Items: 20, SalesOrders: 90, Now: func() time.Time { return testTime }}
	for _, f := range change {
		f(&cfg)
	}
	c, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error("close:", err)
		}
	})
	return c
}

// choosing makes choices for a company to be opened.
func choosing(chosen Choices) func(*Config) {
	return func(cfg *Config) { cfg.Choices = func() Choices { return chosen } }
}

const testBase = "https://1234567.suitetalk.api.netsuite.com"

func caller(role int64) Caller { return Caller{Role: role, Entity: -5, BaseURL: testBase} }

// answer is what a service said.
type answer struct {
	status int
	header http.Header
	body   string
	rule   string
}

func (a answer) decode(tb testing.TB) map[string]any {
	tb.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		tb.Fatalf("body %q: %v", a.body, err)
	}
	return v
}

// problem is the error that the answer holds: code, detail and locator.
func (a answer) problem(tb testing.TB) (code, detail string, locator map[string]string) {
	tb.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || len(p.Details) != 1 {
		tb.Fatalf("status %d: not an error body: %q", a.status, a.body)
	}
	if p.Status != a.status || p.Title != http.StatusText(a.status) {
		tb.Errorf("body says %d %q for status %d", p.Status, p.Title, a.status)
	}
	locator = map[string]string{}
	for k, v := range p.Details[0] {
		if k != "detail" && k != "o:errorCode" {
			locator[k] = v
		}
	}
	return p.Details[0]["o:errorCode"], p.Details[0]["detail"], locator
}

func send(tb testing.TB, c *Company, who Caller, method, target, body string, header ...string) answer {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	rule := c.ServeREST(w, r, who)
	if rule == "" {
		tb.Errorf("%s %s: no rule for the ledger", method, target)
	}
	return answer{w.Code, w.Header(), w.Body.String(), rule}
}

func TestOpenSeedsThousandsOfRows(t *testing.T) {
	t.Parallel()
	c, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for table, want := range map[string]int{"customer": 400, "item": 120, "transaction": 2000} {
		var got int
		if err := c.read.QueryRow("SELECT count(*) FROM " + quoteName(table)).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d rows, %v, want %d", table, got, err, want)
		}
	}
}

func TestOpenIsDeterministic(t *testing.T) {
	t.Parallel()
	const statement = "SELECT t.id, t.tranid, t.foreigntotal, BUILTIN.DF(t.entity) customer FROM transaction t ORDER BY t.id"
	first, second := rowsOf(t, open(t), statement), rowsOf(t, open(t), statement)
	if fmt.Sprint(first) != fmt.Sprint(second) || len(first) != 90 {
		t.Errorf("two companies differ, or have %d orders", len(first))
	}
}

func TestOpenRefusesBadSizes(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{Customers: -1}, {Items: -1}, {SalesOrders: -5}, {QueryTimeout: -time.Second}} {
		if c, err := Open(cfg); err == nil {
			c.Close()
			t.Errorf("Open(%+v) succeeded", cfg)
		}
	}
}

func TestClosedCompanyHasNobody(t *testing.T) {
	t.Parallel()
	c, err := Open(Config{Customers: 1, Items: 1, SalesOrders: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Employee(-5); ok {
		t.Error("a closed company still has an employee")
	}
	if err := c.AssignRole(-5, 1); err == nil {
		t.Error("a closed company still assigns roles")
	}
	if err := c.Close(); err != nil {
		t.Error("second close:", err)
	}
}

func TestEmployeesAndRoles(t *testing.T) {
	t.Parallel()
	c := open(t)
	ada, ok := c.EmployeeByEmail("ADMIN@globex.example")
	if !ok || ada.ID != -5 || ada.EntityID != "Ada Admin" || !ada.GiveAccess || !slices.Equal(ada.Roles, []int64{3}) {
		t.Fatalf("administrator: %+v, %v", ada, ok)
	}
	integration, _ := c.EmployeeByEmail("integration@globex.example")
	if len(integration.Roles) != 0 {
		t.Errorf("the integration user holds %v before onboarding", integration.Roles)
	}
	must(t, c.AssignRole(integration.ID, 1000))
	must(t, c.AssignRole(integration.ID, 6))
	must(t, c.AssignRole(integration.ID, 6))
	if got, _ := c.Employee(integration.ID); !slices.Equal(got.Roles, []int64{6, 1000}) {
		t.Errorf("roles %v, want 6 and 1000", got.Roles)
	}
	if got := rowsOf(t, c, "SELECT rolesforsearch FROM employee WHERE id = 12"); got[0]["rolesforsearch"] != "6, 1000" {
		t.Errorf("SuiteQL shows %v", got)
	}
	must(t, c.UnassignRole(integration.ID, 6))
	must(t, c.SetEmployeeInactive(integration.ID, true))
	must(t, c.SetRoleInactive(1000, true))
	got, _ := c.Employee(integration.ID)
	role, _ := c.Role(1000)
	if !slices.Equal(got.Roles, []int64{1000}) || !got.Inactive || !role.Inactive {
		t.Errorf("after changes: %+v, %+v", got, role)
	}
	if len(c.Employees()) < 5 || len(c.Roles()) < 4 {
		t.Errorf("%d employees, %d roles", len(c.Employees()), len(c.Roles()))
	}
	if r, ok := c.RoleByScriptID("Administrator"); !ok || r.ID != RoleAdministrator {
		t.Errorf("administrator by script id: %+v, %v", r, ok)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestAddEmployee(t *testing.T) {
	t.Parallel()
	c := open(t)
	id, err := c.AddEmployee(Employee{First: "Robert'); DROP TABLE", Last: "employee;--", Email: "bob@globex.example", GiveAccess: true, Roles: []int64{6, 1}, AuthID: "auth-7"})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := c.Employee(id)
	if !ok || got.First != "Robert'); DROP TABLE" || got.AuthID != "auth-7" || !slices.Equal(got.Roles, []int64{1, 6}) {
		t.Errorf("employee %+v, %v", got, ok)
	}
	before := len(c.Employees())
	for name, e := range map[string]Employee{
		"no e-mail":        {First: "A", Last: "B"},
		"not an e-mail":    {First: "A", Last: "B", Email: "nobody"},
		"no name":          {Email: "x@globex.example"},
		"e-mail taken":     {First: "A", Email: "Admin@Globex.example"},
		"id taken":         {ID: -5, First: "A", Email: "x@globex.example"},
		"role of nowhere":  {First: "A", Email: "x@globex.example", Roles: []int64{1, 4711}},
		"negative no role": {First: "A", Email: "x@globex.example", Roles: []int64{-1}},
	} {
		if id, err := c.AddEmployee(e); err == nil {
			t.Errorf("%s: added as %d", name, id)
		}
	}
	if len(c.Employees()) != before {
		t.Error("a refused employee was added")
	}
}

func TestChangesOfUnknownPeopleAreRefused(t *testing.T) {
	t.Parallel()
	c := open(t)
	for name, err := range map[string]error{
		"assign to nobody":    c.AssignRole(999, 3),
		"assign no role":      c.AssignRole(-5, 999),
		"unassign no role":    c.UnassignRole(-5, 999),
		"inactivate nobody":   c.SetEmployeeInactive(999, true),
		"inactivate no role":  c.SetRoleInactive(999, true),
		"status of no script": c.SetDeploymentStatus("customscript_none", "customdeploy_none", "RELEASED"),
		"uninstall nothing":   c.UninstallBundle(5),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	c := open(t)
	tests := []struct {
		role       int64
		permission string
		level      int
		want       bool
	}{
		{RoleAdministrator, "ANYTHING", LevelFull, true},
		{6, "LIST_CUSTJOB", LevelEdit, true},
		{6, "list_custjob", LevelView, true},
		{6, "LIST_CUSTJOB", LevelFull, false},
		{6, "ADMI_CUSTOMSCRIPT", LevelView, false},
		{999, "LIST_CUSTJOB", LevelView, false},
	}
	for _, tt := range tests {
		if got := c.Has(tt.role, tt.permission, tt.level); got != tt.want {
			t.Errorf("Has(%d, %s, %d) = %v", tt.role, tt.permission, tt.level, got)
		}
	}
}

func testBundle() Bundle {
	return Bundle{
		ID: 523001, Name: "Acme Connect", Version: "1.2.0", SourceAccount: "TSTDRV1000001",
		Role: Role{ScriptID: "customrole_acme", Name: "Acme Integration", Permissions: map[string]int{
			"ADMI_LOGIN_OAUTH2": 4, "ADMI_RESTWEBSERVICES": 4, "REPO_ANALYTICS": 3, "LIST_CUSTJOB": 1, "customrecord_acme_log": 4,
		}},
		Scripts: []Script{{ScriptID: "customscript_acme_health", Name: "Acme Health", Type: "RESTLET", Deployments: []Deployment{
			{ScriptID: "customdeploy_acme_health", Title: "Acme Health", Status: "RELEASED", Deployed: true, Roles: []string{"customrole_acme"}},
			{ScriptID: "customdeploy_acme_all", Title: "Acme All", Status: "TESTING", Deployed: true, AllRoles: true},
		}}},
		RecordTypes: []RecordType{{ScriptID: "customrecord_acme_log", Name: "Acme Log", Fields: []string{"custrecord_acme_level", "custrecord_acme_text"}}},
	}
}

func TestInstallAndUninstallBundle(t *testing.T) {
	t.Parallel()
	c := open(t)
	b := testBundle()
	before := fmt.Sprint(c.Roles(), c.Employees())
	must(t, c.InstallBundle(b))
	must(t, c.InstallBundle(b))

	role, ok := c.RoleByScriptID("customrole_acme")
	if !ok || role.ID < 1000 || role.Permissions["LIST_CUSTJOB"] != 1 {
		t.Fatalf("role %+v, %v", role, ok)
	}
	for _, e := range c.Employees() {
		if slices.Contains(e.Roles, role.ID) {
			t.Errorf("%s holds the new role", e.EntityID)
		}
	}
	for statement, want := range map[string]string{
		"SELECT id FROM script WHERE LOWER(scriptid) = 'customscript_acme_health'":                                                 "1",
		"SELECT primarykey FROM scriptdeployment WHERE id = primarykey":                                                            "2",
		"SELECT internalid FROM customrecordtype WHERE scriptid = 'CUSTOMRECORD_ACME_LOG'":                                         "1",
		"SELECT internalid FROM customrecordtype WHERE scriptid = 'customrecord_acme_log'":                                         "0",
		"SELECT custrecord_acme_level FROM customrecord_acme_log":                                                                  "0",
		"SELECT p.permkey FROM rolepermissions p JOIN role r ON r.id = p.role WHERE r.scriptid = 'customrole_acme'":                "5",
		"SELECT title FROM scriptdeployment WHERE status = 'RELEASED' AND isdeployed = 'T' AND BUILTIN.DF(script) = 'Acme Health'": "1",
	} {
		if got := fmt.Sprint(len(rowsOf(t, c, statement))); got != want {
			t.Errorf("%s: %s rows, want %s", statement, got, want)
		}
	}
	must(t, c.AssignRole(12, role.ID))
	must(t, c.UninstallBundle(b.ID))
	if got := fmt.Sprint(c.Roles(), c.Employees()); got != before {
		t.Errorf("roles and employees after uninstalling:\n%s\nwant\n%s", got, before)
	}
	if _, ok := c.InstalledBundle(b.ID); ok {
		t.Error("still installed")
	}
	if a := suiteQL(t, c, caller(3), "SELECT * FROM customrecord_acme_log"); a.status != http.StatusBadRequest {
		t.Errorf("its table still answers %d", a.status)
	}
	must(t, c.InstallBundle(b))
}

func TestInstallBundleRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*Bundle){
		"no id":               func(b *Bundle) { b.ID = 0 },
		"foreign role id":     func(b *Bundle) { b.Role.ScriptID = "administrator" },
		"taken role":          func(b *Bundle) { b.Role.ScriptID = "customrole_portal" },
		"taken role number":   func(b *Bundle) { b.Role.ID = 3 },
		"permission level":    func(b *Bundle) { b.Role.Permissions["LIST_ITEM"] = 5 },
		"taken script":        func(b *Bundle) { b.Scripts[0].ScriptID = "customscript_globex_dunning" },
		"script id":           func(b *Bundle) { b.Scripts[0].ScriptID = "customscript_A B" },
		"deployment id":       func(b *Bundle) { b.Scripts[0].Deployments[0].ScriptID = "" },
		"deployment status":   func(b *Bundle) { b.Scripts[0].Deployments[1].Status = "LIVE" },
		"record type":         func(b *Bundle) { b.RecordTypes[0].ScriptID = `customrecord_x" (a); DROP TABLE role; --` },
		"record type twice":   func(b *Bundle) { b.RecordTypes = append(b.RecordTypes, b.RecordTypes[0]) },
		"long record type":    func(b *Bundle) { b.RecordTypes[0].ScriptID = "customrecord_" + strings.Repeat("x", 40) },
		"field":               func(b *Bundle) { b.RecordTypes[0].Fields[0] = "id" },
		"field twice":         func(b *Bundle) { b.RecordTypes[0].Fields[1] = b.RecordTypes[0].Fields[0] },
		"nameless record":     func(b *Bundle) { b.RecordTypes[0].ScriptID = "" },
		"standard table name": func(b *Bundle) { b.RecordTypes[0].ScriptID = "customer" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t)
			before := len(c.Roles())
			b := testBundle()
			change(&b)
			if err := c.InstallBundle(b); err == nil {
				t.Fatal("installed")
			}
			if _, ok := c.InstalledBundle(b.ID); ok || len(c.Roles()) != before || len(rowsOf(t, c, "SELECT id FROM script")) != 1 {
				t.Error("a refused bundle left something behind")
			}
			must(t, c.InstallBundle(testBundle()))
		})
	}
}

func TestInstallAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	c := open(t)
	b := testBundle()
	must(t, c.InstallBundle(b))
	b.Version = "2.0.0"
	if err := c.InstallBundle(b); err == nil || !strings.Contains(err.Error(), "1.2.0") {
		t.Errorf("error %v, want one that names the installed version", err)
	}
}

func TestDeployment(t *testing.T) {
	t.Parallel()
	c := open(t)
	must(t, c.InstallBundle(testBundle()))
	id := rowsOf(t, c, "SELECT id FROM script WHERE scriptid = 'customscript_acme_health'")[0]["id"].(string)
	for _, tt := range []struct{ script, deploy, want string }{
		{"customscript_acme_health", "customdeploy_acme_health", "customdeploy_acme_health"},
		{"CUSTOMSCRIPT_ACME_HEALTH", "1", "customdeploy_acme_health"},
		{id, "2", "customdeploy_acme_all"},
		{id, "customdeploy_acme_all", "customdeploy_acme_all"},
		{id, "3", ""},
		{"customscript_globex_dunning", "1", ""},
		{"", "", ""},
		{"1 OR 1=1", "1", ""},
	} {
		s, d, ok := c.Deployment(tt.script, tt.deploy)
		if ok != (tt.want != "") || d.ScriptID != tt.want || ok && s.Type != "RESTLET" {
			t.Errorf("Deployment(%q, %q) = %+v, %+v, %v", tt.script, tt.deploy, s, d, ok)
		}
	}
	must(t, c.SetDeploymentStatus(id, "1", "TESTING"))
	if err := c.SetDeploymentStatus(id, "1", "RUNNING"); err == nil {
		t.Error("an unknown status was set")
	}
	_, d, _ := c.Deployment(id, "1")
	if d.Status != "TESTING" || d.AllRoles || !d.Deployed || !slices.Equal(d.Roles, []string{"customrole_acme"}) {
		t.Errorf("deployment %+v", d)
	}
}

// TestConcurrentUse mixes readers and writers of all kinds; the race detector is the judge.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := open(t)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 12 {
				switch (worker + i) % 4 {
				case 0:
					if a := suiteQL(t, c, caller(3), "SELECT COUNT(*) n FROM transaction t JOIN customer c ON c.id = t.entity"); a.status != http.StatusOK {
						t.Errorf("query: %d %s", a.status, a.body)
					}
				case 1:
					a := send(t, c, caller(3), http.MethodPut, "/services/rest/record/v1/customer/eid:same", fmt.Sprintf(`{"companyName":"Same %d"}`, i))
					if a.status != http.StatusNoContent {
						t.Errorf("upsert: %d %s", a.status, a.body)
					}
				case 2:
					if err := c.AssignRole(12, 6); err != nil {
						t.Error(err)
					}
				case 3:
					if c.Has(6, "LIST_ITEM", LevelFull) {
						t.Error("role 6 has too much")
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(rowsOf(t, c, "SELECT id FROM customer WHERE externalid = 'same'")); n != 1 {
		t.Errorf("%d customers after upserts of one external id", n)
	}
}

func TestRoleList(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "3": "3", "6, 1,6": "1, 6", "x, 3,": "3"} {
		if got := formatRoles(parseRoles(in)); got != want {
			t.Errorf("roles %q become %q, want %q", in, got, want)
		}
	}
}
