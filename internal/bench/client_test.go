package bench

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

const (
	clientCallers  = 4 // what an account allows at once by default
	clientPerRound = 20_000
	timePath       = "/services/rest/system/v1/serverTime"
)

// BenchmarkClient reports the median, over at least seven rounds, of the CPU that a request takes through
// netsuite.ClientCredentials.Client divided by what it takes through a plain http.Client with a fixed header. Both read the
// whole answer of the same server, which is another process.
func BenchmarkClient(b *testing.B) {
	server := start(b, kindAnswers)
	ours, plain := careful(b, server.Addr), fixed(b, server.Addr)
	ours(b, clientPerRound/10) // warm: the token, the connections
	plain(b, clientPerRound/10)
	var ratios, ofOurs, ofPlain []float64
	for range max(leastRuns, b.N) {
		a, c := cpuOf(b, ours), cpuOf(b, plain)
		ratios, ofOurs, ofPlain = append(ratios, a/c), append(ofOurs, a), append(ofPlain, c)
	}
	b.Logf("CPU ratio by round: %.2f", ratios)
	b.ReportMetric(0, "ns/op") // an operation here is a round
	b.ReportMetric(median(ratios), "cpu-ratio")
	b.ReportMetric(median(ofOurs), "client-cpu-µs/req")
	b.ReportMetric(median(ofPlain), "plain-cpu-µs/req")
}

// load makes n requests.
type load func(tb testing.TB, n int)

// careful goes through the whole of the library: address check, token, slot, breaker, judgement of the answer.
func careful(tb testing.TB, addr string) load {
	tb.Helper()
	site, err := netsuite.EmulatorSite(addr)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		tb.Fatal(err)
	}
	credentials := &netsuite.ClientCredentials{
		Account: "1234567", ClientID: strings.Repeat("a", 64), CertificateID: strings.Repeat("k", 43), Key: key,
		Scopes: []string{"rest_webservices"}, Site: site,
	}
	base, err := site.BaseURL("1234567", netsuite.ServiceSuiteTalk)
	if err != nil {
		tb.Fatal(err)
	}
	return requests(credentials.Client(tb.Context()), base.JoinPath(timePath).String(), "")
}

// fixed is what a program does that has a token and asks nothing more.
func fixed(tb testing.TB, addr string) load {
	transport := &http.Transport{MaxIdleConnsPerHost: clientCallers}
	tb.Cleanup(transport.CloseIdleConnections)
	return requests(&http.Client{Transport: transport}, "http://"+addr+timePath, "Bearer "+strings.Repeat("a", 1200))
}

func requests(client *http.Client, url, authorization string) load {
	return func(tb testing.TB, n int) {
		tb.Helper()
		var left atomic.Int64
		left.Store(int64(n))
		var running sync.WaitGroup
		for range clientCallers {
			running.Go(func() {
				for left.Add(-1) >= 0 && !tb.Failed() {
					if err := get(client, url, authorization); err != nil {
						tb.Error(err)
					}
				}
			})
		}
		running.Wait()
		if tb.Failed() {
			tb.FailNow()
		}
	}
}

func get(client *http.Client, url, authorization string) error {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("got %s", resp.Status)
	}
	return nil
}

// cpuOf returns the CPU of this process per request, in microseconds.
func cpuOf(tb testing.TB, l load) float64 {
	tb.Helper()
	before := cpu(tb)
	l(tb, clientPerRound)
	return float64(cpu(tb)-before) / float64(time.Microsecond) / clientPerRound
}

func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkAssertion measures what a mint costs here: the signature is nearly all of it.
func BenchmarkAssertion(b *testing.B) {
	for _, alg := range []netsuite.KeyAlgorithm{netsuite.P256, netsuite.P384, netsuite.P521, netsuite.RSA3072, netsuite.RSA4096} {
		b.Run(string(alg), func(b *testing.B) {
			key, err := netsuite.GenerateKey(alg)
			if err != nil {
				b.Fatal(err)
			}
			credentials := &netsuite.ClientCredentials{
				Account: "1234567", ClientID: strings.Repeat("a", 64), CertificateID: strings.Repeat("k", 43), Key: key, Scopes: []string{"rest_webservices"},
			}
			for b.Loop() {
				if _, err := credentials.Assertion(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
