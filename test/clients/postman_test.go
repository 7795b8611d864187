package clients_test

import (
	"bytes"
	"crypto"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/export"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// postman is an export on disk, with the values that its user has filled in.
type postman struct {
	collection, environment string // files
	secrets                 []string
}

// exported writes an export, and fills in its environment as a person would.
func exported(t *testing.T, o export.PostmanOptions, filled map[string]string) postman {
	t.Helper()
	files, err := export.Postman(o)
	must(t, err)
	folder := t.TempDir()
	must(t, export.Write(folder, files))
	p := postman{
		collection:  filepath.Join(folder, "netsuite.postman_collection.json"),
		environment: filepath.Join(folder, "netsuite.postman_environment.json"),
	}
	p.fill(t, filled)
	return p
}

func (p postman) fill(t *testing.T, filled map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(p.environment)
	must(t, err)
	environment := parse[map[string]any](t, raw)
	left := maps.Clone(filled)
	for _, one := range environment["values"].([]any) {
		variable := one.(map[string]any)
		if value, ok := left[variable["key"].(string)]; ok {
			variable["value"] = value
			delete(left, variable["key"].(string))
		}
	}
	if len(left) > 0 {
		t.Fatalf("the environment has no variables %q", slices.Sorted(maps.Keys(left)))
	}
	raw, err = json.Marshal(environment)
	must(t, err)
	must(t, os.WriteFile(p.environment, raw, 0o600))
}

// newmanReport is what the tests here need of newman's report.
type newmanReport struct {
	Run struct {
		Executions []struct {
			Item       struct{ Name string }
			Assertions []struct {
				Assertion string
				Error     *struct{ Message string }
			}
			Response *struct{ Code int }
		}
		Stats    struct{ Requests struct{ Total int } }
		Failures []struct {
			Error struct{ Message string }
		}
	}
}

// passed counts the tests that each request passed; a request that was left out passed none. The report has the tests of a request
// once for each request that its scripts sent, so they are counted by name.
func (r newmanReport) passed() map[string]int {
	names := map[[2]string]bool{}
	for _, x := range r.Run.Executions {
		for _, a := range x.Assertions {
			names[[2]string{x.Item.Name, a.Assertion}] = a.Error == nil
		}
	}
	count := map[string]int{}
	for name, passed := range names {
		if passed {
			count[name[0]]++
		}
	}
	return count
}

func (r newmanReport) complaints() string {
	var all []string
	for _, f := range r.Run.Failures {
		all = append(all, f.Error.Message)
	}
	return strings.Join(all, "\n")
}

// newman runs the collection from its first request to its last, and returns its report and whether it ended with exit code 0.
func (p postman) newman(t *testing.T, options ...string) (newmanReport, bool) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	args := append([]string{
		"run", p.collection, "--environment", p.environment, "--reporters", "cli,json", "--reporter-json-export", report, "--color", "off",
	}, options...)
	cmd := exec.CommandContext(t.Context(), "../node_modules/.bin/newman", args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	raw, readErr := os.ReadFile(report)
	if readErr != nil {
		t.Fatalf("newman wrote no report: %v, %v\n%s", err, readErr, said.String())
	}
	t.Logf("%s", said.String())
	for _, secret := range p.secrets {
		if strings.Contains(said.String(), secret) {
			t.Errorf("newman printed the secret %.12s…", secret)
		}
	}
	return parse[newmanReport](t, raw), err == nil
}

// everyTest is how many tests each request has.
var everyTest = map[string]int{
	"Token": 2, "Server time": 2, "SuiteQL": 2, "List customers": 2, "Read a customer": 2, "Call a RESTlet": 2, "Create a customer": 2, "Delete that customer": 1,
}

// checkWhole: every request was sent once and passed all its tests, and NetSuite saw no rule broken. The token was kept: had one more
// been fetched, newman would have counted a request more.
func checkWhole(t *testing.T, e *netsuitetest.Server, before int, report newmanReport, ok bool, want map[string]int) {
	t.Helper()
	if got := report.passed(); !ok || !maps.Equal(got, want) {
		t.Errorf("newman succeeded: %t; tests passed %v, want %v\n%s", ok, got, want, report.complaints())
	}
	if report.Run.Stats.Requests.Total != len(want) {
		t.Errorf("%d requests, want %d", report.Run.Stats.Requests.Total, len(want))
	}
	for _, broken := range e.Ledger().Entries(func(x netsuitetest.Entry) bool { return x.N > before && !x.OK }) {
		t.Errorf("the emulator saw a rule broken: %s %s: %s", broken.Method, broken.Path, broken.Rule)
	}
}

func newest(e *netsuitetest.Server) int {
	n := 0
	for _, x := range e.Ledger().Entries() {
		n = max(n, x.N)
	}
	return n
}

// direct is the export for a key that NetSuite knows.
func (e *emulator) direct(t *testing.T, key crypto.Signer, certificateID string) postman {
	t.Helper()
	jwk, err := export.JWK(key)
	must(t, err)
	p := exported(t, export.PostmanOptions{
		Via: export.ViaDirect, Account: globex, Site: e.site, ClientID: e.client.ClientID, CertificateID: certificateID, Scopes: e.client.Scopes,
		RESTletScript: "customscript_acme_health", RESTletDeploy: "customdeploy_acme_health",
	}, map[string]string{"private_key_jwk": jwk.Reveal(), "writes": "yes"})
	p.secrets = []string{jwk.Reveal(), parse[map[string]string](t, []byte(jwk.Reveal()))["d"]}
	return p
}

// TestPostmanDirect: newman runs the collection that signs by itself, with both kinds of keys.
func TestPostmanDirect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key netsuite.KeyAlgorithm
		alg string
	}{{netsuite.P256, "ES256"}, {netsuite.RSA3072, "PS256"}} {
		t.Run(tt.alg, func(t *testing.T) {
			t.Parallel()
			e := startEmulator(t)
			key, id := e.mapped(t, globex, e.administrator(t, globex), tt.key)
			before := newest(e.Server)
			report, ok := e.direct(t, key, id).newman(t)
			checkWhole(t, e.Server, before, report, ok, everyTest)
			if entry := e.last(t, "/token"); !entry.OK || entry.CertificateID != id || !strings.Contains(entry.Rule, tt.alg) {
				t.Errorf("ledger: %+v", entry)
			}
		})
	}
}

// TestPostmanBroker: newman runs the collection that asks a server; the key stays there.
func TestPostmanBroker(t *testing.T) {
	t.Parallel()
	env, own := connected(t)
	p := viaBroker(t, env.Emulator, own, map[string]string{"writes": "yes"})
	before := newest(env.Emulator)
	report, ok := p.newman(t)
	want := maps.Clone(everyTest)
	want["Token"] = 3 // one of the account
	checkWhole(t, env.Emulator, before, report, ok, want)
	if made := customersMade(env.Emulator, before); made != 1 {
		t.Errorf("%d customers made, want 1", made)
	}
}

func viaBroker(t *testing.T, e *netsuitetest.Server, own credentials, filled map[string]string) postman {
	t.Helper()
	site, err := netsuite.EmulatorSite(e.Addr())
	must(t, err)
	p := exported(t, export.PostmanOptions{
		Via: export.ViaBroker, Account: apptest.Account, Site: site, Server: own.Server, ClientID: own.ClientID,
		RESTletScript: "customscript_acme_health", RESTletDeploy: "customdeploy_acme_health",
	}, map[string]string{"client_secret": own.ClientSecret + "\n"})
	p.fill(t, filled)
	p.secrets = []string{own.ClientSecret}
	return p
}

func customersMade(e *netsuitetest.Server, since int) int {
	return e.Ledger().Count(func(x netsuitetest.Entry) bool {
		return x.N > since && x.Method == http.MethodPost && strings.HasSuffix(x.Path, "/record/v1/customer") && x.OK
	})
}

// TestPostmanKeepsItsToken: the next run takes the token that the environment keeps, and a token that NetSuite no longer takes is
// replaced. A run writes nothing unless it is told to.
func TestPostmanKeepsItsToken(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	key, id := e.mapped(t, globex, e.administrator(t, globex), netsuite.P256)
	p := e.direct(t, key, id)
	p.fill(t, map[string]string{"writes": "no"})
	before := newest(e.Server)
	readOnly := []string{"--folder", "Read", "--export-environment", p.environment}
	tokens := func() int {
		return e.Ledger().Count(func(x netsuitetest.Entry) bool { return x.N > before && strings.HasSuffix(x.Path, "/token") })
	}
	for _, run := range []struct {
		name   string
		fill   map[string]string
		tokens int // in all
		ok     bool
	}{
		{"the first one", nil, 1, true},
		{"another one", nil, 1, true},
		{"NetSuite no longer takes the token", map[string]string{"access_token": "ended"}, 2, false}, // the first request learns of it
		{"the one after that", nil, 2, true},
		{"other scopes", map[string]string{"scope": "restlets, rest_webservices"}, 3, true},
		{"near its end", map[string]string{"access_token_until": "1"}, 4, true},
	} {
		p.fill(t, run.fill)
		report, ok := p.newman(t, readOnly...)
		if got := tokens(); got != run.tokens || ok != run.ok {
			t.Errorf("%s: %d tokens so far, succeeded: %t; want %d and %t\n%s", run.name, got, ok, run.tokens, run.ok, report.complaints())
		}
	}
	if _, ok := p.newman(t, "--folder", "Write"); !ok || customersMade(e.Server, before) != 0 {
		t.Errorf("the folder Write succeeded: %t, and made %d customers; want true and none", ok, customersMade(e.Server, before))
	}
}

// TestPostmanTellsTheClock: when this machine's clock is wrong, NetSuite refuses the assertion without a word about it.
func TestPostmanTellsTheClock(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	key, id := e.mapped(t, globex, e.administrator(t, globex), netsuite.P256)
	p := e.direct(t, key, id)
	if _, ok := p.newman(t, "--folder", "Read", "--export-environment", p.environment); !ok {
		t.Error("newman failed while the clocks agree")
	}
	e.SkewDate(20 * time.Minute)
	if report, _ := p.newman(t, "--folder", "Read"); !strings.Contains(report.complaints(), "NetSuite's clock shows") {
		t.Errorf("with a token, newman complains of\n%s\nwant the clock named", report.complaints())
	}
	p.fill(t, map[string]string{"access_token": ""})
	if report, _ := p.newman(t, "--folder", "Read"); !strings.Contains(report.complaints(), "The clock of this machine differs from the server's by 1") {
		t.Errorf("without one, newman complains of\n%s\nwant the clock named", report.complaints())
	}
}

// TestPostmanBroken: a set-up that is wrong ends newman with an error that says what is wrong. Nothing leaves without a token, and
// nothing secret is told.
func TestPostmanBroken(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	admin := e.administrator(t, globex)
	key, id := e.mapped(t, globex, admin, netsuite.P256)
	another, err := netsuite.GenerateKey(netsuite.P256)
	must(t, err)
	jwk := func(key crypto.Signer) string {
		text, err := export.JWK(key)
		must(t, err)
		return text.Reveal()
	}
	p384, err := netsuite.GenerateKey(netsuite.P384)
	must(t, err)
	canary := `{"kty":"EC","crv":"P-256","d":"Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"`
	for name, tt := range map[string]struct {
		fill    map[string]string
		want    string
		refused int // token requests that NetSuite refuses
	}{
		"another key":           {map[string]string{"private_key_jwk": jwk(another)}, "No token: 400 {\"error\":\"invalid_grant\"}", 1},
		"unknown certificate":   {map[string]string{"certificate_id": strings.Repeat("A", 43)}, "invalid_grant", 1},
		"no key":                {map[string]string{"private_key_jwk": " "}, "private_key_jwk", 0},
		"half a key":            {map[string]string{"private_key_jwk": canary}, "private_key_jwk must be the whole content", 0},
		"key of another curve":  {map[string]string{"private_key_jwk": jwk(p384)}, "P-256 or RSA", 0},
		"a damaged key":         {map[string]string{"private_key_jwk": canary[:len(canary)-1] + "*\"}"}, "damaged", 0},
		"a key out of range":    {map[string]string{"private_key_jwk": `{"kty":"EC","crv":"P-256","d":"` + strings.Repeat("_", 43) + `"}`}, "no number of P-256", 0},
		"no certificate ID":     {map[string]string{"certificate_id": ""}, "Fill in certificate_id", 0},
		"no account":            {map[string]string{"account_id": ""}, "Fill in account_id", 0},
		"account is a host":     {map[string]string{"account_id": "evil.example/", "suitetalk_url": ""}, "account_id must be like", 0},
		"address in clear text": {map[string]string{"suitetalk_url": "http://evil.example"}, "suitetalk_url must be https://", 0},
		"address with a path":   {map[string]string{"suitetalk_url": "https://evil.example/x"}, "suitetalk_url must be https://", 0},
		"nobody there":          {map[string]string{"suitetalk_url": "http://127.0.0.1:1"}, "cannot be reached", 0},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: the ledger is one
			p := e.direct(t, key, id)
			p.secrets = append(p.secrets, "Y2FuYXJ5")
			p.fill(t, tt.fill)
			before := newest(e.Server)
			report, ok := p.newman(t, "--folder", "Read")
			if ok || !strings.Contains(report.complaints(), tt.want) {
				t.Errorf("newman succeeded: %t; it complains of\n%s\nwant %q", ok, report.complaints(), tt.want)
			}
			for _, x := range e.Ledger().Entries(func(x netsuitetest.Entry) bool { return x.N > before && !strings.HasSuffix(x.Path, "/token") }) {
				t.Errorf("a request left without a token: %s %s", x.Method, x.Path)
			}
			// Each of the five requests of the folder asks again, since there is no token to keep.
			if got := newest(e.Server) - before; got > 0 != (tt.refused > 0) {
				t.Errorf("%d requests to the token endpoint, want some: %t", got, tt.refused > 0)
			}
		})
	}
}

// TestPostmanBrokerBroken: what the server refuses is told with its own words.
func TestPostmanBrokerBroken(t *testing.T) {
	t.Parallel()
	env, own := connected(t)
	for name, tt := range map[string]struct {
		fill map[string]string
		want string
	}{
		"wrong secret":         {map[string]string{"client_secret": "wrong"}, "No token: 401"},
		"no secret":            {map[string]string{"client_secret": ""}, "Fill in client_secret"},
		"another account":      {map[string]string{"account_id": apptest.Sandbox}, "to equal '" + apptest.Sandbox},
		"unknown resource":     {map[string]string{"resource": "https://7654321.suitetalk.api.netsuite.com"}, "resource does not name a connection"},
		"server in clear text": {map[string]string{"server_url": "http://connect.acme.example"}, "server_url must be https://"},
		"no server":            {map[string]string{"server_url": ""}, "Fill in server_url"},
	} {
		t.Run(name, func(t *testing.T) {
			p := viaBroker(t, env.Emulator, own, tt.fill)
			before := newest(env.Emulator)
			report, ok := p.newman(t, "--folder", "Read", "--folder", "Token")
			if ok || !strings.Contains(report.complaints(), tt.want) {
				t.Errorf("newman succeeded: %t; it complains of\n%s\nwant %q", ok, report.complaints(), tt.want)
			}
			for _, x := range env.Emulator.Ledger().Entries(func(x netsuitetest.Entry) bool { return x.N > before && !x.OK }) {
				t.Errorf("the emulator saw a rule broken: %s %s: %s", x.Method, x.Path, x.Rule)
			}
		})
	}
}
