package netsuitetest_test

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

func load(t *testing.T, seed string) netsuitetest.Config {
	t.Helper()
	cfg, err := netsuitetest.LoadSeed(strings.NewReader(seed))
	must(t, err)
	return cfg
}

// TestExampleSeed: the file that shows every section starts an emulator in which a person can log in and consent.
func TestExampleSeed(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../examples/emulator-seed.yaml")
	must(t, err)
	cfg := load(t, string(file))
	w := &world{t: t, srv: netsuitetest.Start(t, cfg)}
	if len(w.srv.Accounts()) != 4 || w.srv.Account("1234567_RP") == nil || !w.srv.Settings().ExpiresInNumber {
		t.Errorf("accounts %d, settings %+v", len(w.srv.Accounts()), w.srv.Settings())
	}
	role, entity := w.ids(robot, acmeRole)
	verifier, _ := w.ids("vera@globex.example", "customrole_auditor")
	if role == 0 || entity == 0 || verifier == 0 || !w.account().InstalledBundle(123456) {
		t.Errorf("role %d, entity %d, auditor %d", role, entity, verifier)
	}
	for _, e := range w.account().Employees() {
		if e.Email == robot && len(e.Roles) != 1 || e.Email == "vera@globex.example" && (len(e.Roles) != 1 || !e.GiveAccess) {
			t.Errorf("employee %+v", e)
		}
	}
	i := cfg.Integrations[0]
	q := with(authorizeQuery(i), "redirect_uri", i.RedirectURIs[0])
	got, err := w.account().Consent(authorizeURL(w.host("1234567", "app"), q), admin, "administrator")
	if err != nil || !strings.HasPrefix(got, i.RedirectURIs[0]+"?") || !strings.Contains(got, "code=") {
		t.Errorf("consent: %q %v", got, err)
	}
}

// TestSeedCertificates: inline and by file, they make a machine's token at once. JSON says the same as YAML.
func TestSeedCertificates(t *testing.T) {
	t.Parallel()
	client := strings.Repeat("cd", 32)
	for name, inFile := range map[string]bool{"inline": false, "file": true} {
		k := newKey(t, ecKey(t, elliptic.P256()), time.Now().Add(-time.Minute), time.Now().AddDate(0, 0, 30))
		certificate := map[string]any{"client_id": client, "employee": robot, "role": "customrole_robot"}
		if inFile {
			path := filepath.Join(t.TempDir(), "cert.pem")
			must(t, os.WriteFile(path, []byte(k.pem), 0o600))
			certificate["file"] = path
		} else {
			certificate["pem"] = k.pem
		}
		seed, err := json.Marshal(map[string]any{
			"settings":     map[string]any{"error_description": true, "cert_limit_error": 409, "jwks_fields": []string{"kty", "n", "e", "kid"}},
			"integrations": []any{map[string]any{"name": "Machine", "client_id": client, "client_credentials": true, "scopes": []string{"rest_webservices", "restlets"}}},
			"accounts": []any{map[string]any{
				"id": "1234567", "customers": 7, "items": 5, "sales_orders": 5, "certificates": []any{certificate},
				"roles": []any{map[string]any{"script_id": "customrole_robot", "name": "Robot", "permissions": map[string]int{
					"ADMI_LOGIN_OAUTH2": 4, "ADMI_RESTWEBSERVICES": 4, "REPO_ANALYTICS": 4, "LIST_CUSTJOB": 1,
				}}},
				"employees": []any{map[string]any{"email": robot, "roles": []string{"customrole_robot"}}},
			}},
		})
		must(t, err)
		cfg := load(t, string(seed))
		w := &world{t: t, srv: netsuitetest.Start(t, cfg)}
		if s := w.srv.Settings(); !s.ErrorDescription || s.CertLimitStatus != 409 || len(s.JWKSFields) != 4 {
			t.Errorf("%s: settings %+v", name, s)
		}
		w.public = cfg.Integrations[0]
		tok := w.m2m(w.assertion(k).sign(t, k.private))
		if p := w.suiteQL(tok.Access, "SELECT id FROM customer"); tok.status != 200 || !strings.Contains(p.body, `"totalResults":7`) {
			t.Errorf("%s: %d %s, query %d %s", name, tok.status, tok.Error, p.status, p.body)
		}
		must(t, w.srv.Reset())
		if got := w.m2m(w.assertion(k).sign(t, k.private)); got.status != 200 {
			t.Errorf("%s: after a reset: %s", name, got.Error)
		}
	}
}

// TestSeedRefusals: each names what is wrong, where, and what was meant.
func TestSeedRefusals(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, tt := range []struct{ name, seed, want string }{
		{"empty", "", "give at least one section"},
		{"comment alone", "# nothing", "give at least one section"},
		{"a word", "hello", "line 1"},
		{"a list", "- accounts", "must not be a list"},
		{"unknown section", "setings:\n  release: x\n", `line 1: setings: unknown key; did you mean settings?`},
		{"unknown key", "accounts:\n  - id: \"1\"\n    custmers: 5\n", "line 3: accounts[0].custmers: unknown key; did you mean customers?"},
		{"unknown setting", "settings:\n  release: 2026.2\n  code_tl: 60s\n", "line 3: settings.code_tl: unknown key; did you mean code_ttl?"},
		{"bad value", "settings:\n  code_ttl: soon\n", "line 2: setting code_ttl: want a duration"},
		{"setting as keys", "settings:\n  code_ttl: {a: 1}\n", "line 2: setting code_ttl: want a word"},
		{"list of lists", "settings:\n  jwks_fields: [[kty]]\n", "want a list of words"},
		{"key twice", "accounts:\n  - id: \"1\"\n    id: \"2\"\n", "line 3"},
		{"text as list", "accounts: hello\n", "line 1: accounts: want a list"},
		{"text as number", "accounts:\n  - id: \"1\"\n    customers: many\n", "line 3"},
		{"no value", "accounts:\n  - id: \"1\"\n    name:\n", "line 3: accounts[0].name: has no value"},
		{"keys in a word", "accounts:\n  - id: {a: b}\n", "line 2"},
		{"a number as key", "accounts:\n  - 7: x\n", "a key must be text"},
		{"two documents", "settings: {}\n---\nsettings: {}\n", "more than one document"},
		{"anchor", "accounts: &a\n  - id: \"1\"\n", "line 1: &: anchors"},
		{"alias", "settings: *a\n", "anchors, aliases"},
		{"tag", "settings: !!map {}\n", "line 1"},
		{"nested", "settings: " + deep, "nest more than 32"},
		{"binary", "settings: \x00", "control characters"},
		{"not UTF-8", "settings: \xff", "UTF-8"},
		{"huge", strings.Repeat("# x\n", 300_000), "larger than 1024 KiB"},
		{"broken", "accounts: [\n", "line"},
		{"pem and file", "accounts:\n  - id: \"1\"\n    certificates: [{pem: x, file: y, employee: z}]\n", "give one of them"},
		{"missing file", "accounts:\n  - id: \"1\"\n    certificates: [{file: /nowhere/cert.pem}]\n", "accounts: certificate of"},
	} {
		_, err := netsuitetest.LoadSeed(strings.NewReader(tt.seed))
		if err == nil || !strings.HasPrefix(err.Error(), "seed: ") || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestSeedThatDoesNotFit is refused when the emulator is made, with account and part.
func TestSeedThatDoesNotFit(t *testing.T) {
	t.Parallel()
	const head = "accounts:\n  - id: \"1234567\"\n    "
	for _, tt := range []struct{ seed, want string }{
		{head + "bundles: [1]\n", "bundle 1: not on offer"},
		{head + "roles: [{script_id: auditor}]\n", `role "auditor"`},
		{head + "roles: [{script_id: customrole_a}, {script_id: customrole_a}]\n", "exists already"},
		{head + "employees: [{email: nobody}]\n", "employee e-mail"},
		{head + "employees: [{email: admin@globex.example, roles: [customrole_none]}]\n", "no such script ID"},
		{head + "certificates: [{client_id: x, employee: admin@globex.example, role: administrator, pem: x}]\n", "no such integration record"},
		{head + "tba_tokens: [{user: sales@globex.example, role: administrator}]\n", "does not hold the role"},
		{head + "kind: sandbox\n", "unknown"},
		{head + "features: {NOTHING: true}\n", "unknown feature"},
	} {
		srv, err := netsuitetest.New(load(t, tt.seed))
		if err == nil {
			must(t, srv.Close())
		}
		if err == nil || !strings.Contains(err.Error(), "1234567") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.seed, err, tt.want)
		}
	}
}

func FuzzLoadSeed(f *testing.F) {
	example, err := os.ReadFile("../examples/emulator-seed.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add(`{"settings":{"release":"2027.1"},"accounts":[{"id":"1"}]}`)
	f.Add("accounts:\n- id: \"1\"\n  certificates:\n  - pem: |\n      x\n")
	f.Fuzz(func(t *testing.T, seed string) {
		if _, err := netsuitetest.LoadSeed(strings.NewReader(seed)); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("an error of several lines: %v", err)
		}
	})
}

// TestSettingsByHTTP: another process lists and changes settings, all or none.
func TestSettingsByHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := w.srv.URL() + "/_emulator/settings"
	value := func(p page, name string) string {
		var rows []struct{ Name, Value, Default, Meaning string }
		must(t, json.Unmarshal([]byte(p.body), &rows))
		for _, row := range rows {
			if row.Name == name && row.Meaning != "" {
				return row.Value
			}
		}
		return "absent"
	}
	if got := value(w.call(http.MethodGet, at, "", nil), "expires_in_type"); got != "string" {
		t.Errorf("listed as %q", got)
	}
	p := w.call(http.MethodPatch, at, "", `{"expires_in_type":"number","cert_upload_status":201,"redirect_error_extra":true,"jwks_fields":["kty","n","e"]}`)
	if s := w.srv.Settings(); p.status != 200 || value(p, "expires_in_type") != "number" || s.CertUploadStatus != 201 || !s.RedirectErrorExtra || fmt.Sprint(s.JWKSFields) != "[kty n e]" {
		t.Errorf("changed: %d %+v", p.status, s)
	}
	before := fmt.Sprint(w.srv.Settings())
	for name, body := range map[string]string{
		"did you mean expires_in_type": `{"token_type_case":"Bearer","expires_in_typ":"string"}`,
		"want a status":                `{"token_type_case":"Bearer","cert_upload_status":5.5}`,
		"unknown value":                `{"expires_in_type":true}`,
		"at least one":                 `{}`,
		"want one JSON object":         `[1]`,
		"list of words":                `{"jwks_fields":[1]}`,
		"at the start alone":           `{"token_type_case":"Bearer","rp_suffix":"_Q"}`,
	} {
		if p := w.call(http.MethodPatch, at, "", body); p.status != 400 || !strings.Contains(p.body, name) {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if p := w.call(http.MethodPatch, at, "", `{"token_type_case":"Bearer"}`, "Sec-Fetch-Site", "cross-site"); p.status != 403 {
		t.Errorf("another site: %d", p.status)
	}
	if p := w.call(http.MethodPatch, at, "", `{"token_type_case":"Bearer"}`, "Content-Type", "text/plain"); p.status != 400 {
		t.Errorf("text: %d", p.status)
	}
	if got := fmt.Sprint(w.srv.Settings()); got != before {
		t.Errorf("refused changes changed something: %s", got)
	}
	if p := w.call(http.MethodPatch, at, "", `{"expires_in_type":null}`); p.status != 200 || w.srv.Settings().ExpiresInNumber {
		t.Errorf("back to the default: %d", p.status)
	}
}

// TestClockByHTTP: speed, alone and beside a move.
func TestClockByHTTP(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := &world{t: t, srv: netsuitetest.Start(t, netsuitetest.Config{Now: b.now, Accounts: smallAccounts()})}
	post := func(body string) page { return w.call(http.MethodPost, w.srv.URL()+"/_emulator/clock", "", body) }
	for _, body := range []string{`{"speed":60}`, `{"set":"2027-01-01T00:00:00Z","speed":0}`} {
		if p := post(body); p.status != 200 {
			t.Fatalf("%s: %d %s", body, p.status, p.body)
		}
		b.advance(time.Minute)
	}
	if got := w.srv.Clock().Now(); !got.Equal(time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("frozen at %s", got)
	}
	for _, body := range []string{`{"speed":-1}`, `{"speed":"fast"}`, `{}`, `{"advance":"1h","set":"2027-01-01T00:00:00Z"}`, `{"advance":"1 day","speed":1}`} {
		if p := post(body); p.status != 400 {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if got := w.srv.Clock().Now(); got.Year() != 2027 {
		t.Errorf("a refused request moved the clock to %s", got)
	}
}
