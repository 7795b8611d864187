// Package examples holds programs that show the library at work, each in a folder of its own. The test runs every one of them
// against the emulator.
package examples

import (
	"bytes"
	"context"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	account = netsuite.AccountID("1234567")
	admin   = "admin@globex.example"
	robot   = "integration@globex.example"
	role    = "customrole_acme_sync"
	back    = "https://portal.acme.example/back"
)

// world is an emulator with one integration record, and what a program needs to sign in to it.
type world struct {
	*netsuitetest.Server
	site    netsuite.Site
	app     netsuitetest.Integration
	keyFile string
	vars    map[string]string // environment of the programs
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newWorld(t *testing.T, customers int) *world {
	t.Helper()
	server := must(netsuitetest.New(netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{
		{ID: string(account), Name: "Globex Corporation", Customers: customers},
	}}))
	served := httptest.NewServer(server.Handler())
	t.Cleanup(func() { served.Close(); _ = server.Close() })
	w := &world{Server: server, site: must(netsuite.EmulatorSite(served.Listener.Addr().String()))}
	w.app = must(server.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", CodeGrant: true, ClientCredentials: true, Public: true, RedirectURIs: []string{back}, Scopes: []string{"rest_webservices", "restlets"},
	}))
	globex := server.Account(string(account))
	must(0, globex.InstallBundle(netsuitetest.AcmeBundle().ID))
	must(0, globex.AssignRole(robot, role))

	key := must(netsuite.GenerateKey(netsuite.RSA3072))
	cert := must(netsuite.NewCertificate(key, netsuite.CertificateOptions{}))
	w.keyFile = filepath.Join(t.TempDir(), "key.pem")
	must(0, must(netsuite.EncodePrivateKeyPEM(key)).WriteFile(w.keyFile))
	w.vars = map[string]string{
		"NETSUITE_SITE": served.Listener.Addr().String(), "NETSUITE_ACCOUNT": string(account), "NETSUITE_CLIENT_ID": w.app.ClientID, "NETSUITE_KEY_FILE": w.keyFile,
		"NETSUITE_CERTIFICATE_ID": must(globex.MapCertificate(w.app.ClientID, robot, role, netsuite.EncodePEM(cert))),
	}
	return w
}

// run builds and runs a program and returns what it wrote.
func (w *world) run(t *testing.T, program string, args ...string) (stdout, stderr string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), program)
	if out, err := exec.Command("go", "build", "-o", binary, "./"+program).CombinedOutput(); err != nil {
		t.Fatalf("%s does not build: %v\n%s", program, err, out)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	for name, value := range w.vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, talk.String())
	}
	return out.String(), talk.String()
}

var heapOfTrace = regexp.MustCompile(`(\d+)->(\d+)->\d+ MB`) // at the beginning and the end of a collection

// peakHeap reads the largest heap, in MB, from what the runtime says with GODEBUG=gctrace=1.
func peakHeap(t *testing.T, trace string) (peak int) {
	t.Helper()
	for _, sizes := range heapOfTrace.FindAllStringSubmatch(trace, -1) {
		peak = max(peak, must(strconv.Atoi(sizes[1])), must(strconv.Atoi(sizes[2])))
	}
	if peak == 0 {
		t.Fatalf("no collection is traced: %.200s", trace)
	}
	return peak
}

func TestMachineQuery(t *testing.T) {
	out, _ := newWorld(t, 3).run(t, "machine-query")
	if want := "1001 Birch Cycles 1\n1002 Cedar Dental 2\n1003 Dogwood Books 3\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

// The program is run again and again: each time with the refresh token that the time before has left.
func TestPortalUser(t *testing.T) {
	w := newWorld(t, 10)
	grant := netsuite.CodeGrant{ClientID: w.app.ClientID, RedirectURI: back, Scopes: []string{"rest_webservices"}, Site: w.site}
	verifier := netsuite.NewCodeVerifier()
	address := must(grant.AuthorizeURL(account, netsuite.NewState(), verifier, ""))
	callback := must(netsuite.ParseCallback(must(url.Parse(must(w.Account(string(account)).Consent(address, admin, "administrator")))).Query()))
	token := must(grant.Exchange(context.Background(), account, callback.Code, verifier))
	file := filepath.Join(t.TempDir(), "refresh-token")
	must(0, token.RefreshToken.WriteFile(file))
	w.vars["NETSUITE_REFRESH_TOKEN_FILE"], w.vars["NETSUITE_REDIRECT_URI"] = file, back
	for range 3 {
		before := must(netsuite.ReadSecretFile(file))
		out, _ := w.run(t, "portal-user")
		if !regexp.MustCompile(`^[1-9][0-9]* sales orders\n$`).MatchString(out) {
			t.Errorf("got %q", out)
		}
		if must(netsuite.ReadSecretFile(file)).Equal(before) {
			t.Error("the refresh token in the file is still the spent one")
		}
	}
}

func TestRotateCertificate(t *testing.T) {
	w := newWorld(t, 1)
	for range 7 { // more than five: each time the old one is revoked
		old := w.vars["NETSUITE_CERTIFICATE_ID"]
		out, _ := w.run(t, "rotate-certificate")
		w.vars["NETSUITE_CERTIFICATE_ID"] = strings.TrimSpace(out)
		if active := w.Account(string(account)).ActiveCertificates(w.app.ClientID); active != 1 || w.vars["NETSUITE_CERTIFICATE_ID"] == old {
			t.Fatalf("%d certificates are active after %q, want the new one alone", active, out)
		}
	}
	if out, _ := w.run(t, "machine-query"); !strings.HasPrefix(out, "1001 ") {
		t.Errorf("the new key does not work: %q", out)
	}
}

func TestStreamCSV(t *testing.T) {
	const all = 250_000
	w := newWorld(t, all)
	query := "SELECT id, companyname, email, phone, datecreated FROM customer WHERE id <= "
	w.vars["GODEBUG"] = "gctrace=1"
	first, trace := w.run(t, "stream-csv", query+strconv.Itoa(1000+all/25))
	little := peakHeap(t, trace)
	out, said := w.run(t, "stream-csv", query+strconv.Itoa(1000+all))
	lines := strings.Count(out, "\n")
	if strings.Count(first, "\n") != all/25+1 || lines != all+1 || !strings.HasPrefix(out, "id,companyname,email,phone,datecreated\r\n1001,") || !strings.Contains(said, "250000 rows") {
		t.Errorf("%d lines, %q, want a header and %d rows", lines, said, all)
	}
	much := peakHeap(t, said)
	t.Logf("%d rows in a heap of %d MB at most, %d rows in %d MB", all/25, little, all, much)
	if much > 2*little {
		t.Errorf("%d rows took a heap of %d MB, %d rows %d MB; want memory that does not grow with the rows", all/25, little, all, much)
	}
}

// What a reader must understand is short.
func TestExamplesAreShort(t *testing.T) {
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %v, %v; want the programs", files, err)
	}
	for _, file := range files {
		_, code, found := strings.Cut(string(must(os.ReadFile(file))), "\nfunc main() {\n")
		lines := 1
		for line := range strings.Lines(code) {
			if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "//") {
				lines++
			}
		}
		if !found || lines >= 30 {
			t.Errorf("%s has %d lines from main on, want fewer than 30", file, lines)
		}
	}
}

// A wrong setting is told by name, and nothing is sent.
func TestExamplesTellWhatIsWrong(t *testing.T) {
	w := newWorld(t, 1)
	for name, value := range map[string]string{"NETSUITE_ACCOUNT": "evil.example/", "NETSUITE_KEY_FILE": "/none", "NETSUITE_SITE": "evil.example:80"} {
		before := w.Ledger().Count(func(netsuitetest.Entry) bool { return true })
		cmd := exec.CommandContext(t.Context(), "go", "run", "./machine-query")
		cmd.Env = os.Environ()
		for n, v := range w.vars {
			cmd.Env = append(cmd.Env, n+"="+v)
		}
		cmd.Env = append(cmd.Env, name+"="+value)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), value) && !strings.Contains(string(out), "must be") || w.Ledger().Count(func(netsuitetest.Entry) bool { return true }) != before {
			t.Errorf("%s=%s gave %v: %s", name, value, err, out)
		}
	}
}
