// Package sdf judges the exported SuiteCloud project: its scripts are checked by NetSuite's types, linted, unit-tested on Oracle's stubs,
// and run, with the emulator as the NetSuite that they ask for a token.
package sdf

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/export"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const slug = "acme_sync"

// exported writes the whole project, the Suitelet included.
func exported(t *testing.T) string {
	t.Helper()
	files, err := export.SDF(export.SDFOptions{
		App: broker.App{
			Name: "acme-sync", DisplayName: "Acme Sync", Scopes: []string{"rest_webservices"}, Role: broker.Role{ScriptID: "customrole_acme_sync", Permissions: map[string]string{"LIST_CUSTJOB": "VIEW"}},
			Bundle: broker.Bundle{ID: 123456},
		},
		Suitelet: true, Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := export.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules(t), filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return folder
}

func modules(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../node_modules")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tool runs a program of npm in the project.
func tool(t *testing.T, project, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(modules(t), ".bin", name), args...)
	cmd.Dir, cmd.Env = project, append(os.Environ(), "CI=1", "NODE_PATH="+modules(t))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// place copies one of this package's files into the project, with its names filled in.
func place(t *testing.T, project, name, to string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content = []byte(strings.NewReplacer("MODULES", "node_modules", "PROJECT/", "").Replace(string(content)))
	if err := os.WriteFile(filepath.Join(project, to), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func script(name string) string { return "src/FileCabinet/SuiteScripts/" + slug + "/" + name }

// change breaks a script in a way that a judge must see.
func change(t *testing.T, project, name, old, now string) {
	t.Helper()
	path := filepath.Join(project, script(name))
	content, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(content), old) {
		t.Fatalf("%s holds no %q (%v)", name, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asModules rewrites each script so that the compiler sees what its define() returns: it knows no types of AMD modules in JavaScript.
func asModules(t *testing.T, project string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(project, "src/FileCabinet"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found := defined.FindSubmatchIndex(content)
		if found == nil {
			return fmt.Errorf("%s: no define", path)
		}
		modules := strings.Count(string(content[found[2]:found[3]]), "'") / 2
		text := string(content[:found[0]]) + "const factory = (" + string(content[found[1]:]) +
			"module.exports = factory(" + strings.TrimSuffix(strings.Repeat("/** @type {any} */ (null), ", modules), ", ") + ");\n"
		return os.WriteFile(path, []byte(text), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

var defined = regexp.MustCompile(`(?s)define\(\[(.*?)\],`)

func TestTypes(t *testing.T) {
	project := exported(t)
	asModules(t, project)
	place(t, project, "tsconfig.json", "tsconfig.json")
	place(t, project, "commonjs.d.ts", "commonjs.d.ts")
	if out, err := tool(t, project, "tsc", "-p", "."); err != nil {
		t.Errorf("the scripts do not fit NetSuite's types: %v\n%s", err, out)
	}
	for file, broken := range map[string][2]string{
		"lib/assertion.js": {"certId: options.certificate", "certificateId: options.certificate"}, // no option of NetSuite's
		"token.js":         {"done.token.accessToken", "done.token.access"},                       // nothing that mint returns
	} {
		change(t, project, file, broken[0], broken[1])
		if out, err := tool(t, project, "tsc", "-p", "."); err == nil {
			t.Errorf("%s: %s was not seen:\n%s", file, broken[1], out)
		}
		change(t, project, file, broken[1], broken[0])
	}
}

func TestLint(t *testing.T) {
	project := exported(t)
	place(t, project, "eslintrc.json", ".eslintrc.json")
	if out, err := tool(t, project, "eslint", "--max-warnings", "0", "src"); err != nil {
		t.Errorf("the scripts are not as eslint-plugin-suitescript wants them: %v\n%s", err, out)
	}
	change(t, project, "token.js", "N/runtime", "N/runtyme")
	if out, err := tool(t, project, "eslint", "--max-warnings", "0", "src"); err == nil {
		t.Errorf("a module that is none was not seen:\n%s", out)
	}
}

// The project's own tests pass, and see what is broken.
func TestUnitTests(t *testing.T) {
	project := exported(t)
	if out, err := tool(t, project, "jest"); err != nil {
		t.Fatalf("npm test: %v\n%s", err, out)
	}
	for name, tt := range map[string]struct{ file, old, now string }{
		"no signature":  {"lib/gate.js", "!equal(", "equal("},
		"no window":     {"lib/gate.js", "> WINDOW", "> 1e9"},
		"no address":    {"lib/gate.js", "return 'address'", "return null"},
		"replays":       {"lib/gate.js", "return false;", "return true;"},
		"DER signature": {"lib/assertion.js", "useRawFormatForECDSA: true", "useRawFormatForECDSA: false"},
		"told secrets":  {"lib/mint.js", "errorOf(answer.body)", "answer.body"},
	} {
		project := exported(t)
		change(t, project, tt.file, tt.old, tt.now)
		if out, err := tool(t, project, "jest"); err == nil {
			t.Errorf("%s: the tests pass all the same\n%s", name, out)
		}
	}
}

// account is one with the project deployed, as the stand-in of NetSuite's modules has it.
type account struct {
	t          *testing.T
	project    string
	server     *netsuitetest.Server
	app        netsuitetest.Integration
	store      map[string]string
	secrets    map[string]string
	parameters map[string]string
	state      json.RawMessage
}

type outcome struct {
	Result   json.RawMessage
	Error    string
	Log      []string
	Mail     []json.RawMessage
	State    json.RawMessage
	Response struct{ Body string }
}

type token struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Account     string `json:"netsuite_account"`
	BaseURL     string `json:"netsuite_base_url"`
	Error       string `json:"error"`
}

func deployed(t *testing.T) *account {
	t.Helper()
	a := &account{t: t, project: exported(t), server: netsuitetest.Start(t)}
	globex := a.server.Account("1234567")
	var err error
	if a.app, err = a.server.AddIntegration(netsuitetest.Integration{Name: "Acme", ClientCredentials: true, Scopes: []string{"rest_webservices"}}); err != nil {
		t.Fatal(err)
	}
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := globex.MapCertificate(a.app.ClientID, "admin@globex.example", "administrator", netsuite.EncodePEM(cert))
	if err != nil {
		t.Fatal(err)
	}
	pem, err := netsuite.EncodePrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	a.store = map[string]string{"custcertificate_acme_sync": pem.Reveal()}
	a.secrets = map[string]string{"custsecret_acme_sync_hmac": "canary-hmac-secret"}
	a.parameters = map[string]string{}
	for _, kind := range []string{"m", "t", "s"} {
		for name, value := range map[string]string{"cert": "custcertificate_acme_sync", "kid": id, "client": a.app.ClientID, "scopes": "rest_webservices", "notify": "7"} {
			a.parameters["custscript_acme_sync_"+name+"_"+kind] = value
		}
	}
	return a
}

// run runs a script's entry point, and keeps what it left in cache and records.
func (a *account) run(name, entry string, argument any) outcome {
	a.t.Helper()
	input, err := json.Marshal(map[string]any{
		"project": a.project, "script": slug + "/" + name + ".js", "entry": entry, "argument": argument, "state": a.state, "account": "1234567", "emulator": a.server.Addr(),
		"store": a.store, "secrets": a.secrets, "parameters": a.parameters, "scriptId": "customscript_acme_sync_" + name,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	cmd := exec.CommandContext(a.t.Context(), "node", "runtime.mjs")
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	var o outcome
	if err := json.Unmarshal(out, &o); err != nil {
		a.t.Fatal(err)
	}
	a.state = o.State
	return o
}

func (a *account) minted() int {
	return a.server.Ledger().Count(func(e netsuitetest.Entry) bool { return strings.HasSuffix(e.Path, "/oauth2/v1/token") && e.OK })
}

// works wants that the token answers a query.
func (a *account) works(accessToken string) {
	a.t.Helper()
	site, err := netsuite.EmulatorSite(a.server.Addr())
	if err != nil {
		a.t.Fatal(err)
	}
	api := netsuite.API{Account: "1234567", Site: site, Token: netsuite.NewSecret(accessToken)}
	if page, err := api.SuiteQL(a.t.Context(), "SELECT id FROM customer ORDER BY id", 3, 0); err != nil || page.Count != 3 {
		a.t.Errorf("the token answers no query: %v, %v", page, err)
	}
}

// nothingTold wants that no log, mail or error holds a secret (LO-01).
func (a *account) nothingTold(o outcome, secrets ...string) {
	a.t.Helper()
	told := strings.Join(o.Log, "\n") + o.Error
	for _, m := range o.Mail {
		told += string(m)
	}
	for _, secret := range append(secrets, "eyJ", "PRIVATE KEY", "canary") {
		if secret != "" && strings.Contains(told, secret) {
			a.t.Errorf("a secret was told: %s", told)
		}
	}
}

// EX-02: the scheduled script mints with the key of the store, the RESTlet gives that token, and it answers a query.
func TestEX02_TokenProxy(t *testing.T) {
	a := deployed(t)
	first := a.run("mint", "execute", nil)
	if first.Error != "" || a.minted() != 1 {
		t.Fatalf("renewal: %s, %d tokens", first.Error, a.minted())
	}
	a.nothingTold(first)
	if again := a.run("mint", "execute", nil); again.Error != "" || a.minted() != 1 || !strings.Contains(strings.Join(again.Log, " "), "token kept") {
		t.Errorf("a second run: %s, %d tokens, log %q; want the kept one", again.Error, a.minted(), again.Log)
	}
	given := a.run("token", "get", map[string]string{})
	var got token
	if err := json.Unmarshal(given.Result, &got); err != nil || got.AccessToken == "" || got.ExpiresIn < 3500 || got.BaseURL != "https://1234567.suitetalk.api.netsuite.com" {
		t.Fatalf("RESTlet: %s, %v, %s", given.Result, err, given.Error)
	}
	a.nothingTold(given, got.AccessToken)
	a.works(got.AccessToken)
	for _, e := range a.server.Ledger().Entries() {
		if !e.OK {
			t.Errorf("NetSuite refused %s %s: %s", e.Method, e.Path, e.Rule)
		}
	}
	health := a.run("health", "get", map[string]string{})
	if !strings.Contains(string(health.Result), `"bundle_installed":true`) || !strings.Contains(string(health.Result), `"OAUTH2":true`) {
		t.Errorf("health: %s %s", health.Result, health.Error)
	}
}

// The cache of NetSuite may be emptied at any time: the record has the token.
func TestEmptiedCache(t *testing.T) {
	a := deployed(t)
	a.run("mint", "execute", nil)
	var state map[string]any
	if err := json.Unmarshal(a.state, &state); err != nil {
		t.Fatal(err)
	}
	state["cache"] = map[string]any{}
	var err error
	if a.state, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if given := a.run("token", "get", map[string]string{}); given.Error != "" || a.minted() != 1 {
		t.Errorf("%s, %d tokens; want the stored one", given.Error, a.minted())
	}
}

// A renewal that fails is told by mail and by the script's status, in words that help and hold no secret.
func TestFailedRenewal(t *testing.T) {
	a := deployed(t)
	if err := a.server.Account("1234567").RevokeCertificate(a.parameters["custscript_acme_sync_kid_m"]); err != nil {
		t.Fatal(err)
	}
	o := a.run("mint", "execute", nil)
	if !strings.Contains(o.Error, "400 invalid_grant") || len(o.Mail) != 1 {
		t.Errorf("error %q, %d mails", o.Error, len(o.Mail))
	}
	a.nothingTold(o)
	a.parameters["custscript_acme_sync_kid_m"] = ""
	if o := a.run("mint", "execute", nil); !strings.Contains(o.Error, "custscript_acme_sync_kid_m") {
		t.Errorf("error %q does not name the parameter", o.Error)
	}
}

// EX-02: the Suitelet gives a token to whom it knows, and to nobody else.
func TestEX02_Suitelet(t *testing.T) {
	a := deployed(t)
	ask := func(change func(map[string]any, map[string]string)) token {
		t.Helper()
		now, nonce, body := fmt.Sprint(time.Now().Unix()), strings.Repeat("n", 21)+fmt.Sprintf("%d-%d", a.minted(), len(a.state)), `{"why":"test"}`
		headers := map[string]string{"X-SUITEKEY-timestamp": now, "x-suitekey-nonce": nonce, "X-Suitekey-Signature": signature(now, nonce, body, "canary-hmac-secret")}
		request := map[string]any{"method": "POST", "headers": headers, "parameters": map[string]string{"script": "1", "deploy": "1"}, "body": body, "clientIpAddress": "203.0.113.9"}
		if change != nil {
			change(request, headers)
		}
		o := a.run("suitelet", "onRequest", request)
		var got token
		if err := json.Unmarshal([]byte(o.Response.Body), &got); err != nil {
			t.Fatalf("%q: %v (%s)", o.Response.Body, err, o.Error)
		}
		a.nothingTold(o, got.AccessToken)
		return got
	}
	var replayed map[string]any
	good := ask(func(request map[string]any, _ map[string]string) { replayed = request })
	if good.Error != "" {
		t.Fatalf("a signed request was refused: %+v", good)
	}
	a.works(good.AccessToken)
	for name, change := range map[string]func(map[string]any, map[string]string){
		"replayed": func(r map[string]any, _ map[string]string) { clear(r); copyInto(r, replayed) },
		"another secret": func(_ map[string]any, h map[string]string) {
			h["X-Suitekey-Signature"] = signature(h["X-SUITEKEY-timestamp"], h["x-suitekey-nonce"], `{"why":"test"}`, "guessed")
		},
		"another body": func(r map[string]any, _ map[string]string) { r["body"] = "{}" },
		"too old": func(_ map[string]any, h map[string]string) {
			h["X-SUITEKEY-timestamp"] = fmt.Sprint(time.Now().Unix() - 301)
		},
		"a foreign address": func(r map[string]any, _ map[string]string) { r["clientIpAddress"] = "198.51.100.1" },
		"by GET":            func(r map[string]any, _ map[string]string) { r["method"] = "GET" },
		"with a query string": func(r map[string]any, _ map[string]string) {
			r["parameters"] = map[string]string{"secret": "canary-hmac-secret"}
		},
		"without a signature": func(_ map[string]any, h map[string]string) { delete(h, "X-Suitekey-Signature") },
	} {
		if got := ask(change); got.Error != "access_denied" || got.AccessToken != "" {
			t.Errorf("%s: %+v, want access_denied", name, got)
		}
	}
	if a.minted() != 1 {
		t.Errorf("%d tokens were asked for, want 1", a.minted())
	}
}

func copyInto(to, from map[string]any) {
	for key, value := range from {
		to[key] = value
	}
}

func signature(now, nonce, body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(now + "\n" + nonce + "\n" + body))
	return hex.EncodeToString(mac.Sum(nil))
}
