package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// emulator is the command's process.
type emulator struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner // of its standard output
	first string
}

// startEmulator starts the command on a free port and waits for its first line.
func startEmulator(t *testing.T, args ...string) *emulator {
	t.Helper()
	e := &emulator{cmd: command(t, append([]string{"emulator", "--port", "0"}, args...)...)}
	var stderr strings.Builder
	e.cmd.Stderr = &stderr
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e.lines = bufio.NewScanner(stdout)
	if !e.lines.Scan() {
		_ = e.cmd.Wait()
		t.Fatalf("emulator %q printed nothing; stderr:\n%s", args, stderr.String())
	}
	e.first = e.lines.Text()
	return e
}

// end asks the process to end, and returns what it had printed after its first line.
func (e *emulator) end(t *testing.T) []string {
	t.Helper()
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var rest []string
	for e.lines.Scan() {
		rest = append(rest, e.lines.Text())
	}
	if err := e.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
	return rest
}

type readyLine struct {
	URL      string   `json:"url"`
	Proxy    string   `json:"proxy"`
	CAFile   string   `json:"ca_file"`
	CAURL    string   `json:"ca_url"`
	Accounts []string `json:"accounts"`
	ClientID string   `json:"client_id"`
}

func (e *emulator) ready(t *testing.T) readyLine {
	t.Helper()
	var r readyLine
	if err := json.Unmarshal([]byte(e.first), &r); err != nil {
		t.Fatalf("ready line %q: %v", e.first, err)
	}
	return r
}

// The seed file of the examples is what the emulator starts with, and --setting goes over it.
func TestEmulatorFromASeedFile(t *testing.T) {
	t.Parallel()
	e := startEmulator(t, "--json", "--seed", filepath.Join("..", "..", "examples", "emulator-seed.yaml"), "--setting", "code_ttl=7s")
	url := e.ready(t).URL
	for path, want := range map[string]string{
		"settings": `"7s"`, "faults": `"too-many-requests"`, "script-answers": `"customscript_acme_orders"`,
	} {
		if body := string(get(t, http.DefaultClient, url+"/_emulator/"+path)); !strings.Contains(body, want) {
			t.Errorf("%s: %.400s, want %s in it", path, body, want)
		}
	}
	e.end(t)
}

// TestEmulatorProcess: the ready line tells what a client needs, every account answers under its real names, and the certificate
// outlives a restart.
func TestEmulatorProcess(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	accounts := []string{"TSTDRV7654321", "7654321", "7654321_SB1", "7654321_RP"}
	args := []string{"--json", "--ca-file", ca, "--customers", "3", "--sales-orders", "1", "--redirect-uri", "https://acme.example/back"}
	for _, a := range accounts {
		args = append(args, "--account", a)
	}
	e := startEmulator(t, args...)
	r := e.ready(t)
	if r.Proxy != r.URL || !strings.HasPrefix(r.URL, "http://127.0.0.1:") || r.CAFile != ca || r.CAURL != r.URL+"/_emulator/ca.pem" || len(r.ClientID) != 64 || !slices.Equal(r.Accounts, accounts) {
		t.Errorf("ready line: %s", e.first)
	}
	first, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	client := throughProxy(t, r.Proxy, first)
	issuers := map[string]bool{}
	for _, host := range []string{"tstdrv7654321", "7654321", "7654321-sb1", "7654321-rp"} {
		issuers[string(get(t, client, "https://"+host+".suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/keys"))] = true
	}
	if len(issuers) != len(accounts) {
		t.Errorf("%d sets of keys, want one for each of %d accounts", len(issuers), len(accounts))
	}
	if body := get(t, client, r.CAURL); string(body) != string(first) {
		t.Errorf("%s gives another certificate than the file", r.CAURL)
	}
	if rest := e.end(t); len(rest) > 0 {
		t.Errorf("printed %q after the ready line, want nothing", rest)
	}

	again := startEmulator(t, "--json", "--ca-file", ca)
	if second, err := os.ReadFile(ca); err != nil || string(second) != string(first) {
		t.Errorf("after a restart the file is another, %v", err)
	}
	get(t, throughProxy(t, again.ready(t).Proxy, first), "https://1234567.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/keys")
	again.end(t)
}

// Without a file the certificate is fetched.
func TestEmulatorWithoutFile(t *testing.T) {
	t.Parallel()
	e := startEmulator(t, "--addr", "127.0.0.1:1") // the port of --port, which is 0, counts
	page := strings.TrimPrefix(e.first, "The emulator is ready: ")
	rest := strings.Join(e.end(t), "\n")
	if want := fmt.Sprintf("HTTPS_PROXY=%s, and let your program trust %sca.pem", strings.TrimSuffix(page, "/_emulator/"), page); !strings.Contains(rest, want) {
		t.Errorf("printed\n%s\n%s\nwant %q in it", e.first, rest, want)
	}
}

func throughProxy(t *testing.T, proxy string, ca []byte) *http.Client {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate in %q", ca)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func get(t *testing.T, client *http.Client, address string) []byte {
	t.Helper()
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", address, res.StatusCode, body, err)
	}
	return body
}
