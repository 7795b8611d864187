package company

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

var acme = Bundle{
	ID: 1, Name: "Acme", Version: "1", Role: Role{ScriptID: "customrole_acme", Name: "Acme"},
	RecordTypes: []RecordType{{ScriptID: "customrecord_acme", Name: "Acme", Fields: []string{"custrecord_value"}}},
}

func mustDo(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// TestStateGoesBack: rows, tables, bundles and jobs are as they were; open readers see it.
func TestStateGoesBack(t *testing.T) {
	t.Parallel()
	c, advance := ticking(t, choosing(Choices{AsyncDelay: time.Minute}))
	who := caller(RoleAdministrator)
	mustDo(t, c.InstallBundle(acme))
	job := submitted(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"Later Ltd"}`)
	state, err := c.State()
	mustDo(t, err)
	count := func() string { return rowsOf(t, c, "SELECT COUNT(*) n FROM customer")[0]["n"].(string) }
	before := count()

	advance(2 * time.Minute)
	if v := send(t, c, who, http.MethodGet, job, "").decode(t); v["completed"] != true {
		t.Fatalf("the job has not run: %v", v)
	}
	mustDo(t, c.UninstallBundle(1))
	advance(-2 * time.Minute)
	mustDo(t, c.SetState(state))
	if got := count(); got != before {
		t.Errorf("%s customers, want %s", got, before)
	}
	if a := send(t, c, who, http.MethodPost, recordURL+"customrecord_acme", `{"name":"x"}`); a.status != http.StatusNoContent {
		t.Errorf("record of the bundle: %d %s", a.status, a.body)
	}
	if v := send(t, c, who, http.MethodGet, job, "").decode(t); v["progress"] != "pending" {
		t.Errorf("the job is %v, want pending", v["progress"])
	}
	advance(2 * time.Minute)
	if v := send(t, c, who, http.MethodGet, job, "").decode(t); v["progress"] != "succeeded" {
		t.Errorf("the job ended as %v", v["progress"])
	}
	// A finished job keeps its answer.
	state, err = c.State()
	mustDo(t, err)
	other := open(t)
	mustDo(t, other.SetState(state))
	if a := send(t, other, who, http.MethodGet, job+"/task/1/result", ""); a.status != http.StatusNoContent || a.header.Get("Location") == "" {
		t.Errorf("result in another company: %d %v", a.status, a.header)
	}
}

// TestRefusedTaskIsSaved: what was refused before it ran stays refused.
func TestRefusedTaskIsSaved(t *testing.T) {
	t.Parallel()
	c, advance := ticking(t, choosing(Choices{AsyncDelay: time.Minute}))
	who := caller(RoleAdministrator)
	job := submitted(t, c, who, http.MethodPost, recordURL+"customer", `{"items":[{"companyName":"Fine"},7]}`, "Content-Type", collectionBody)
	state, err := c.State()
	mustDo(t, err)
	mustDo(t, c.SetState(state))
	advance(2 * time.Minute)
	for task, want := range map[string]int{"/task/1/result": http.StatusNoContent, "/task/2/result": http.StatusBadRequest} {
		if a := send(t, c, who, http.MethodGet, job+task, ""); a.status != want {
			t.Errorf("%s: %d %s, want %d", task, a.status, a.body, want)
		}
	}
}

// TestForeignStates: nothing changes.
func TestForeignStates(t *testing.T) {
	t.Parallel()
	c := open(t)
	good, err := c.State()
	mustDo(t, err)
	installed := open(t)
	mustDo(t, installed.InstallBundle(acme))
	more, err := installed.State()
	mustDo(t, err)
	changed := func(change func([]byte) []byte) State { return State{Database: change(bytes.Clone(good.Database))} }
	for name, bad := range map[string]State{
		"nothing":          {},
		"text":             {Database: []byte(strings.Repeat("no database ", 100))},
		"head alone":       changed(func(b []byte) []byte { return b[:600] }),
		"cut":              changed(func(b []byte) []byte { return b[:len(b)/2] }),
		"garbage inside":   changed(func(b []byte) []byte { copy(b[4096:], bytes.Repeat([]byte{0xff}, 8192)); return b }),
		"missing bundle":   {Database: more.Database},
		"missing table":    {Database: good.Database, Bundles: []Bundle{acme}},
		"impossible name":  {Database: good.Database, Bundles: []Bundle{{ID: 1, RecordTypes: []RecordType{{ScriptID: `x"; DROP TABLE customer`}}}}},
		"job without task": {Database: good.Database, LastJob: 1, Jobs: []Job{{ID: 1}}},
		"job from nowhere": {Database: good.Database, Jobs: []Job{{ID: 1, Tasks: []Task{{}}}}},
	} {
		if err := c.SetState(bad); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(rowsOf(t, c, "SELECT id FROM customer")); n != 40 {
		t.Errorf("%d customers afterwards", n)
	}
}

// TestCopiedSeed: a company copied from another of its size has its own name and rows.
func TestCopiedSeed(t *testing.T) {
	t.Parallel()
	sized := func(name string) *Company {
		return open(t, func(cfg *Config) { cfg.Name, cfg.Customers = name, 41 })
	}
	first, second := sized("First"), sized("Second")
	for c, want := range map[*Company]string{first: "First", second: "Second"} {
		if got := rowsOf(t, c, "SELECT name FROM subsidiary WHERE id = 1")[0]["name"]; got != want {
			t.Errorf("subsidiary %v, want %s", got, want)
		}
	}
	if a := send(t, second, caller(RoleAdministrator), http.MethodPost, recordURL+"customer", `{"companyName":"New"}`); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if one, two := len(rowsOf(t, first, "SELECT id FROM customer")), len(rowsOf(t, second, "SELECT id FROM customer")); one != 41 || two != 42 {
		t.Errorf("%d and %d customers", one, two)
	}
}

func TestAddRole(t *testing.T) {
	t.Parallel()
	c := open(t)
	id, err := c.AddRole(Role{ScriptID: "customrole_auditor", Name: "Auditor", Permissions: map[string]int{"LIST_CUSTJOB": 1}})
	if err != nil || !c.Has(id, "LIST_CUSTJOB", LevelView) || c.Has(id, "LIST_CUSTJOB", LevelEdit) {
		t.Errorf("role %d: %v", id, err)
	}
	for _, bad := range []Role{{}, {ScriptID: "auditor"}, {ScriptID: "customrole_auditor"}, {ScriptID: "customrole_x", Permissions: map[string]int{"A": 9}}} {
		if _, err := c.AddRole(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func BenchmarkState(b *testing.B) {
	c := open(b, func(cfg *Config) { cfg.Customers, cfg.Items, cfg.SalesOrders = 0, 0, 0 })
	state, err := c.State()
	mustDo(b, err)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			open(b, func(cfg *Config) { cfg.Customers, cfg.Items, cfg.SalesOrders = 0, 0, 0 })
		}
	})
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			_, err := c.State()
			mustDo(b, err)
		}
		b.ReportMetric(float64(len(state.Database)), "bytes")
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			mustDo(b, c.SetState(state))
		}
	})
}
