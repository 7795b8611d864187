package clients_test

import (
	"bufio"
	"bytes"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
)

// reach is the command suitekey emulator as a process of its own.
type reach struct {
	URL    string `json:"url"`
	Proxy  string `json:"proxy"`
	CAFile string `json:"ca_file"`
}

// startReach builds and starts the command, and gives the integration user of account 1234567 the bundle's role.
func startReach(t *testing.T) reach {
	t.Helper()
	e := startCommand(t, buildCommand(t), "--json", "--port", "0", "--ca-file", filepath.Join(t.TempDir(), "ca.pem"), "--customers", "20", "--sales-orders", "10")
	e.admin(t, "accounts/1234567/bundles", map[string]any{"id": 123456}, nil)
	e.admin(t, "accounts/1234567/roles", map[string]any{"employee": robot, "role": acmeRole}, nil)
	return e
}

const (
	robot    = "integration@globex.example"
	acmeRole = "customrole_acme_sync"
)

// buildCommand builds suitekey and returns the name of the binary.
func buildCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "suitekey")
	run(t, nil, "go", "build", "-o", binary, "github.com/suitekey/suitekey/cmd/suitekey")
	return binary
}

// startCommand starts an emulator and reads its ready line. The process ends with the test, by SIGTERM and with exit code 0.
func startCommand(t *testing.T, binary string, args ...string) (ready reach) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"emulator"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewReader(stdout)
	first, _ := lines.ReadBytes('\n')
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // Wait tells when it had ended before
		_, _ = io.Copy(io.Discard, lines)
		if err := cmd.Wait(); err != nil {
			t.Errorf("emulator: %v\n%s", err, stderr.String())
		}
	})
	return parse[reach](t, first)
}

// admin calls the emulator's own face.
func (e reach) admin(t *testing.T, path string, in, out any) {
	t.Helper()
	raw, err := json.Marshal(in)
	must(t, err)
	status, body := post(t, e.URL+"/_emulator/"+path, "", "application/json", string(raw))
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	if out != nil {
		must(t, json.Unmarshal(body, out))
	}
}

// ledger are the requests of a client.
func (e reach) ledger(t *testing.T, clientID string) (entries []ledgerEntry) {
	t.Helper()
	res, err := http.Get(e.URL + "/_emulator/ledger.json?all=1")
	must(t, err)
	defer res.Body.Close()
	var all []ledgerEntry
	must(t, json.NewDecoder(res.Body).Decode(&all))
	for _, entry := range all {
		if entry.ClientID == clientID {
			entries = append(entries, entry)
		}
	}
	return entries
}

type ledgerEntry struct {
	Account, Service, Path, Rule, ClientID, CertificateID string
	OK                                                    bool
}

// user is what a client is told of NetSuite: files and environment.
type user struct {
	dir, clientID    string
	key, next        string // files
	nextID           string
	certificateID    string
	role, entity     int64
	environment      []string
	emulator         reach
	keyPEM, nextCert []byte
}

// newUser registers an integration record of its own, with one mapped certificate and a second one to upload.
func (e reach) newUser(t *testing.T, alg netsuite.KeyAlgorithm) *user {
	t.Helper()
	u := &user{dir: t.TempDir(), emulator: e}
	var record struct{ ClientID string }
	e.admin(t, "integrations", map[string]any{"Name": t.Name(), "ClientCredentials": true, "Scopes": []string{"rest_webservices"}}, &record)
	u.clientID = record.ClientID

	key, certificate := keyAndCertificate(t, alg)
	text, err := netsuite.EncodePrivateKeyPEM(key)
	must(t, err)
	u.keyPEM = []byte(text.Reveal())
	var mapped struct {
		CertificateID string `json:"certificate_id"`
		Role, Entity  int64
	}
	e.admin(t, "accounts/1234567/certificates", map[string]any{
		"client_id": u.clientID, "employee": robot, "role": acmeRole, "certificate": string(certificate),
	}, &mapped)
	u.certificateID, u.role, u.entity = mapped.CertificateID, mapped.Role, mapped.Entity

	_, u.nextCert = keyAndCertificate(t, alg)
	parsed, err := netsuite.ParseCertificate(u.nextCert)
	must(t, err)
	u.nextID = netsuite.CertificateID(parsed)
	u.key, u.next = u.file(t, "key.pem", u.keyPEM), u.file(t, "next.pem", u.nextCert)
	u.environment = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "HTTPS_PROXY=" + e.Proxy,
		"NETSUITE_ACCOUNT=1234567", "NETSUITE_CLIENT_ID=" + u.clientID, "NETSUITE_CERTIFICATE_ID=" + u.certificateID,
		"NETSUITE_KEY_FILE=" + u.key, "NETSUITE_NEW_CERTIFICATE=" + u.next,
		"NETSUITE_ROLE=" + strconv.FormatInt(u.role, 10), "NETSUITE_ENTITY=" + strconv.FormatInt(u.entity, 10),
	}
	return u
}

func keyAndCertificate(t *testing.T, alg netsuite.KeyAlgorithm) (key crypto.Signer, certificate []byte) {
	t.Helper()
	signer, err := netsuite.GenerateKey(alg)
	must(t, err)
	cert, err := netsuite.NewCertificate(signer, netsuite.CertificateOptions{})
	must(t, err)
	return signer, netsuite.EncodePEM(cert)
}

func (u *user) file(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(u.dir, name)
	must(t, os.WriteFile(name, content, 0o600))
	return name
}

// run runs a client in the folder reach with nothing but its environment, and returns what it printed.
func (u *user) run(t *testing.T, extra []string, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = "reach", append(u.environment, extra...)
	out, err := cmd.Output()
	if err != nil {
		complaint := ""
		if exit, ok := err.(*exec.ExitError); ok {
			complaint = string(exit.Stderr)
		}
		t.Fatalf("%s %s: %v\n%s\n%s\nledger: %+v", program, strings.Join(args, " "), err, out, complaint, u.emulator.ledger(t, u.clientID))
	}
	return out
}

// TestReach: clients that know nothing of the emulator reach it through the proxy under NetSuite's own names. Each gets a token by
// an assertion, uploads a certificate and makes one query.
func TestReach(t *testing.T) {
	t.Parallel()
	e := startReach(t)
	goClient := filepath.Join(t.TempDir(), "client")
	run(t, nil, "go", "build", "-o", goClient, "./reach")
	for _, tt := range []struct {
		name string
		key  netsuite.KeyAlgorithm
		alg  string
		run  func(u *user, t *testing.T) (answer []byte)
	}{
		{"curl", netsuite.RSA3072, "PS256", func(u *user, t *testing.T) []byte {
			return u.run(t, []string{"CURL_CA_BUNDLE=" + e.CAFile}, "./client.sh")
		}},
		{"Node fetch with oauth4webapi", netsuite.P256, "ES256", func(u *user, t *testing.T) []byte {
			return u.node(t, "client_oauth4webapi.mjs")
		}},
		{"Node fetch with jsrsasign", netsuite.RSA3072, "PS256", func(u *user, t *testing.T) []byte {
			return u.node(t, "client_jsrsasign.mjs")
		}},
		{"Python", netsuite.P256, "ES256", func(u *user, t *testing.T) []byte {
			return u.run(t, []string{"SSL_CERT_FILE=" + e.CAFile}, "python3", "client.py")
		}},
		{"Go", netsuite.P256, "ES256", func(u *user, t *testing.T) []byte {
			return u.run(t, []string{"SSL_CERT_FILE=" + e.CAFile}, goClient)
		}},
		{"Java", netsuite.P256, "ES256", (*user).java},
		{"newman", netsuite.RSA3072, "PS256", (*user).newman},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := e.newUser(t, tt.key)
			u.checkRows(t, tt.run(u, t))
			u.checkLedger(t, tt.alg)
		})
	}
}

// node loads proxy.mjs first: fetch heeds HTTPS_PROXY by itself only from Node 22.21 on, with NODE_USE_ENV_PROXY=1.
func (u *user) node(t *testing.T, script string) []byte {
	t.Helper()
	return u.run(t, []string{"NODE_EXTRA_CA_CERTS=" + u.emulator.CAFile}, "node", "--import", "./proxy.mjs", script)
}

// java trusts certificates of a key store, and takes the proxy as properties.
func (u *user) java(t *testing.T) []byte {
	t.Helper()
	store := filepath.Join(u.dir, "trust.p12")
	u.run(t, nil, "keytool", "-importcert", "-noprompt", "-alias", "emulator", "-file", u.emulator.CAFile, "-keystore", store, "-storepass", "changeit")
	proxy, err := url.Parse(u.emulator.Proxy)
	must(t, err)
	return u.run(t, nil, "java", "-Dhttps.proxyHost="+proxy.Hostname(), "-Dhttps.proxyPort="+proxy.Port(), "-Djavax.net.ssl.trustStore="+store, "-Djavax.net.ssl.trustStorePassword=changeit", "Client.java")
}

// newman checks the rows itself: its output is for people.
func (u *user) newman(t *testing.T) []byte {
	t.Helper()
	library, err := os.ReadFile("../node_modules/jsrsasign/lib/jsrsasign-all-min.js")
	must(t, err)
	environment := u.variables(t, "environment.json", map[string]string{
		"host": "1234567.suitetalk.api.netsuite.com", "client_id": u.clientID, "certificate_id": u.certificateID, "key": string(u.keyPEM),
		"new_certificate": string(u.nextCert), "role": strconv.FormatInt(u.role, 10), "entity": strconv.FormatInt(u.entity, 10),
	})
	globals := u.variables(t, "globals.json", map[string]string{"jsrsasign": string(library)})
	report := filepath.Join(u.dir, "report.json")
	u.run(t, nil, "../../node_modules/.bin/newman", "run", "client.postman_collection.json", "--environment", environment, "--globals", globals,
		"--ssl-extra-ca-certs", u.emulator.CAFile, "--reporters", "json", "--reporter-json-export", report)
	raw, err := os.ReadFile(report)
	must(t, err)
	made := parse[struct {
		Run struct {
			Executions []struct {
				Response struct {
					Stream struct{ Data []byteValue }
				}
			}
		}
	}](t, raw).Run.Executions
	var answer []byte
	for _, b := range made[len(made)-1].Response.Stream.Data {
		answer = append(answer, byte(b))
	}
	return answer
}

// byteValue is a byte as newman's report has it: a number.
type byteValue uint16

// variables writes a file of Postman variables.
func (u *user) variables(t *testing.T, name string, values map[string]string) string {
	t.Helper()
	type variable struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	var list []variable
	for key, value := range values {
		list = append(list, variable{key, value})
	}
	raw, err := json.Marshal(map[string]any{"name": name, "values": list})
	must(t, err)
	return u.file(t, name, raw)
}

func (u *user) checkRows(t *testing.T, answer []byte) {
	t.Helper()
	got := parse[struct {
		Items []struct{ ID string }
		Links []struct{ Href string }
	}](t, answer)
	if len(got.Items) != 3 || got.Items[0].ID == "" {
		t.Errorf("answer %s, want three rows", answer)
	}
	for _, link := range got.Links {
		if !strings.HasPrefix(link.Href, "https://1234567.suitetalk.api.netsuite.com/") {
			t.Errorf("link %s, want NetSuite's own name", link.Href)
		}
	}
}

// checkLedger: the emulator is the judge of what the client sent.
func (u *user) checkLedger(t *testing.T, alg string) {
	t.Helper()
	entries := u.emulator.ledger(t, u.clientID)
	want := []struct{ path, certificate, rule string }{
		{authPath + "/token", u.certificateID, "signed " + alg + " by an active certificate"},
		{authPath + "/clients/" + u.clientID + "/certificates", u.nextID, "certificate uploaded"},
		{"/services/rest/query/v1/suiteql", u.certificateID, ""},
	}
	if len(entries) != len(want) {
		t.Fatalf("ledger has %d requests, want token, upload and query: %+v", len(entries), entries)
	}
	for i, got := range entries {
		if !got.OK || got.Account != "1234567" || got.Service != "suitetalk" || got.Path != want[i].path || got.CertificateID != want[i].certificate || !strings.Contains(got.Rule, want[i].rule) {
			t.Errorf("request %d: %s, want %s", i+1, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want[i]))
		}
	}
}
