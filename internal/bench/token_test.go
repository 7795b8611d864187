package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/profile"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// BenchmarkTokenCommand is suitekey token with a kept token as a whole process, as $(…) runs it, against curl that fetches a file from
// this machine, in turns. The goals are twice curl's time, and 30 MB.
func BenchmarkTokenCommand(b *testing.B) {
	folder := b.TempDir()
	command := filepath.Join(folder, "suitekey")
	if out, err := exec.Command("go", "build", "-o", command, "github.com/suitekey/suitekey/cmd/suitekey").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	env := append(os.Environ(), keptToken(b, folder)...)
	file := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a static file\n")) }))
	defer file.Close()
	token := timed{b: b, name: command, args: []string{"token", "--connection", "acme"}, env: env}
	curl := timed{b: b, name: "curl", args: []string{"-s", file.URL}, env: env}
	token.run()
	curl.run()
	token.spent, curl.spent = 0, 0
	for b.Loop() {
		for range 10 {
			token.run()
			curl.run()
		}
	}
	runs := float64(10 * b.N)
	b.ReportMetric(token.spent.Seconds()*1000/runs, "ms/token")
	b.ReportMetric(curl.spent.Seconds()*1000/runs, "ms/curl")
	b.ReportMetric(token.spent.Seconds()/curl.spent.Seconds(), "times-curl")
	b.ReportMetric(token.memory(), "MB/token")
}

// timed is a command that is run again and again.
type timed struct {
	b     *testing.B
	name  string
	args  []string
	env   []string
	spent time.Duration
}

func (p *timed) run() {
	cmd := exec.Command(p.name, p.args...)
	cmd.Env = p.env
	began := time.Now()
	if out, err := cmd.Output(); err != nil || len(out) == 0 {
		p.b.Fatalf("%s: %v, %d bytes", p.name, err, len(out))
	}
	p.spent += time.Since(began)
}

// memory is the most that one run takes, in MB. A small process must start it: on Linux a child counts the memory of its parent, too.
func (p *timed) memory() float64 {
	const measure = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
	cmd := exec.Command("python3", append([]string{"-c", measure, p.name}, p.args...)...)
	cmd.Env = p.env
	out, err := cmd.Output()
	if err != nil {
		p.b.Fatal(err)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		p.b.Fatal(err)
	}
	return float64(kib) / 1024
}

// keptToken makes a connection on this machine that has a token, and returns the variables that lead to it.
func keptToken(b *testing.B, home string) []string {
	b.Helper()
	emulator := netsuitetest.Start(b)
	account := emulator.Account("1234567")
	const redirect = "https://localhost:8765/callback"
	record, err := emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme", RedirectURIs: []string{redirect}, Scopes: []string{"rest_webservices"}, CodeGrant: true, ClientCredentials: true, Public: true,
	})
	for _, step := range []func() error{
		func() error { return err },
		func() error { return account.InstallBundle(123456) },
		func() error { return account.AssignRole("integration@globex.example", "customrole_acme_sync") },
	} {
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
	key := vault.NewMasterKey()
	master := filepath.Join(home, "master.key")
	if err := os.WriteFile(master, []byte(key.Reveal()), 0o600); err != nil {
		b.Fatal(err)
	}
	f := profile.Folder{Path: filepath.Join(home, "connections"), Key: func(string) (profile.MasterKey, error) { return key, nil }}
	allow := func(_ context.Context, address string) (url.Values, error) {
		back, err := account.Consent(address, "admin@globex.example", "administrator")
		if err != nil {
			return nil, err
		}
		u, err := url.Parse(back)
		return u.Query(), err
	}
	_, err = f.Connect(b.Context(), profile.Connect{
		Name: "acme", Account: "1234567", Emulator: emulator.Addr(), Consent: profile.Record{ClientID: record.ClientID, RedirectURI: redirect}, ClientID: record.ClientID,
		Scopes: []string{"rest_webservices"}, Role: "customrole_acme_sync", Key: netsuite.P256,
	}, allow, func(string, string) {})
	if err != nil {
		b.Fatal(err)
	}
	return []string{"SUITEKEY_HOME=" + home, "SUITEKEY_MASTER_KEY_FILE=" + master}
}
