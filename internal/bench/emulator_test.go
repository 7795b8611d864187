package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// This file measures the emulator: what a token costs it against oauth2-mock-server of npm, and how fast it answers SuiteQL.

const (
	kindTokens = "tokens" // an emulated account, and an assertion that it takes

	tokensPerRound = 2_000 // requests to each server in each round
	pagesPerRound  = 500
)

// runTokens serves an emulated account, and tells its address and a client assertion.
func runTokens(_ string, input io.Reader, output io.Writer) error {
	emulator, err := netsuitetest.New(netsuitetest.Config{
		Accounts: []netsuitetest.AccountConfig{{ID: string(globex), Name: "Globex Corporation", Customers: 1, Items: 1, SalesOrders: 1}},
	})
	if err != nil {
		return err
	}
	return serveEmulator(emulator, input, output, func(string) (netsuite.Secret, error) { return assertionFor(emulator) })
}

// assertionFor maps a P-256 key to the administrator and signs an assertion with it. The emulator takes it as often as it comes:
// whether NetSuite compares jti is not known, and its default is that it does not.
func assertionFor(emulator *netsuitetest.Server) (netsuite.Secret, error) {
	client, err := emulator.AddIntegration(netsuitetest.Integration{Name: "Acme Sync", ClientCredentials: true, Scopes: []string{"rest_webservices"}})
	if err != nil {
		return netsuite.Secret{}, err
	}
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		return netsuite.Secret{}, err
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		return netsuite.Secret{}, err
	}
	id, err := emulator.Account(string(globex)).MapCertificate(client.ClientID, "admin@globex.example", "administrator", netsuite.EncodePEM(cert))
	if err != nil {
		return netsuite.Secret{}, err
	}
	credentials := netsuite.ClientCredentials{Account: globex, ClientID: client.ClientID, CertificateID: id, Key: key, Scopes: client.Scopes}
	assertion, err := credentials.Assertion()
	return netsuite.NewSecret(assertion), err
}

// startMockServer runs oauth2-mock-server, which make deps installs.
func startMockServer(tb testing.TB) *process {
	tb.Helper()
	cmd := exec.Command("node", "oauth2-mock-server.mjs")
	cmd.Dir = "../../test/bench"
	return launch(tb, "oauth2-mock-server", cmd)
}

// formRequest is a token request by client assertion, as both servers get it.
func formRequest(addr, path, assertion string) []byte {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {assertion},
	}.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n%s",
		path, addr, len(form), form)
}

// BenchmarkEmulatorTokens reports, over at least seven rounds in turns, the token requests that the emulator answers in a second of
// CPU, with the verification of an ES256 assertion and an RS256 signature each, and how many times as many that is as
// oauth2-mock-server answers, which signs RS256 and verifies nothing.
func BenchmarkEmulatorTokens(b *testing.B) {
	emulator, mock := startTokenServers(b)
	emulator.load(b, tokensPerRound/2) // warm
	mock.load(b, tokensPerRound/2)
	var ratios, ours, theirs []float64
	for range max(leastRuns, b.N) {
		mine, other := emulator.perCPUSecond(b, tokensPerRound), mock.perCPUSecond(b, tokensPerRound)
		ratios, ours, theirs = append(ratios, mine/other), append(ours, mine), append(theirs, other)
	}
	b.Logf("ratio by round: %.2f", ratios)
	b.ReportMetric(0, "ns/op") // an operation here is a round
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(ours), "emulator-tokens/cpu-s")
	b.ReportMetric(median(theirs), "mock-tokens/cpu-s")
}

func startTokenServers(b *testing.B) (emulator, mock *process) {
	b.Helper()
	emulator, mock = start(b, kindTokens), startMockServer(b)
	emulator.request = formRequest(emulator.Addr, "/services/rest/auth/oauth2/v1/token", emulator.Secret)
	mock.request = formRequest(mock.Addr, "/token", emulator.Secret)
	emulator.mustGiveToken(b)
	mock.mustGiveToken(b)
	return emulator, mock
}

// mustGiveToken checks that the comparison is fair: each server gives a token of an hour, signed with an RSA key of 2048 bits.
func (p *process) mustGiveToken(b *testing.B) {
	b.Helper()
	var answer struct {
		Token   string          `json:"access_token"`
		Expires json.RawMessage `json:"expires_in"`
	}
	if err := json.Unmarshal(p.dial(b).ask(b), &answer); err != nil {
		b.Fatal(err)
	}
	const signature = 342 // characters of 256 bytes in base64url
	parts := strings.Split(answer.Token, ".")
	if len(parts) != 3 || len(parts[2]) != signature || strings.Trim(string(answer.Expires), `"`) != "3600" {
		b.Fatalf("%s gives a token of %d parts that expires in %s", p.Addr, len(parts), answer.Expires)
	}
}

// BenchmarkEmulatorSuiteQL reports how many pages of 1,000 rows the emulator answers in a second, from four callers that walk by
// key through an account of 250,000 customers, and in a second of CPU.
func BenchmarkEmulatorSuiteQL(b *testing.B) {
	p := start(b, kindEmulator)
	p.callers = 4 // an account answers five at once
	p.request = pageRequest(p.Addr, p.Secret)
	p.load(b, pagesPerRound/5)
	var perSecond, perCPU []float64
	for range max(leastRuns, b.N) {
		begin := time.Now()
		perCPU = append(perCPU, p.perCPUSecond(b, pagesPerRound))
		perSecond = append(perSecond, pagesPerRound/time.Since(begin).Seconds())
	}
	b.ReportMetric(0, "ns/op") // an operation here is a round
	b.ReportMetric(median(perSecond), "pages/s")
	b.ReportMetric(median(perCPU), "pages/cpu-s")
}

// pageRequest asks for a page in the middle of the account.
func pageRequest(addr, token string) []byte {
	body := fmt.Sprintf(`{"q":"%s WHERE id > %d ORDER BY id"}`, allOf, streamed/2)
	return fmt.Appendf(nil, "POST /services/rest/query/v1/suiteql?limit=%d HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n"+
		"Authorization: Bearer %s\r\nPrefer: transient\r\nContent-Type: application/json\r\n\r\n%s", pageRows, addr, len(body), token, body)
}

// perCPUSecond sends requests and returns how many the server answered in a second of its CPU.
func (p *process) perCPUSecond(tb testing.TB, requests int) float64 {
	tb.Helper()
	before := p.cpu(tb)
	p.load(tb, requests)
	return float64(requests) / (p.cpu(tb) - before).Seconds()
}

// ticksPerSecond is USER_HZ, which Linux shows to every process as 100.
const ticksPerSecond = 100

// cpu is the user and system time of the server so far, in whatever language it is written (proc_pid_stat(5), fields 14 and 15).
func (p *process) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		tb.Fatal(err)
	}
	used, err := ticksOf(stat)
	if err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used) * time.Second / ticksPerSecond
}

func ticksOf(stat []byte) (int64, error) {
	_, rest, found := bytes.Cut(stat, []byte(") ")) // behind the name, which may hold spaces
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 13 {
		return 0, errors.New("no statistics of a process")
	}
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	return user + system, errors.Join(userErr, systemErr)
}

func TestTicks(t *testing.T) {
	got, err := ticksOf([]byte("42 (a b) S 1 42 42 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 8 0 100"))
	if err != nil || got != 22 {
		t.Errorf("%d, %v; want 22", got, err)
	}
	for _, bad := range []string{"", "42 (a) S", "42 (a) S 1 42 42 0 -1 4194304 100 0 0 0 x 5"} {
		if got, err := ticksOf([]byte(bad)); err == nil {
			t.Errorf("%q: %d", bad, got)
		}
	}
}
