// Package bench measures what a hand-out costs. It holds benchmarks only: make bench.
//
// The figure is CPU time of the server process per request, not time per request: the audit line must reach the disk before the
// token leaves, so latency is the disk's, while CPU is ours. It is compared, in one run and in turns, with a bare net/http
// handler that checks the same secret and writes the same bytes.
package bench

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	callers   = 64
	perRound  = 25_000 // requests to each server in each round
	leastRuns = 7      // rounds
)

// BenchmarkHandOut reports the median, over at least seven rounds, of the CPU that a hand-out takes (A) divided by the CPU that
// the bare handler takes (B).
func BenchmarkHandOut(b *testing.B) {
	a, bare := start(b, kindHandOut), start(b, kindBare)
	a.load(b, perRound/5) // warm: pools, caches, the audit log's file
	bare.load(b, perRound/5)
	var ratios, ofA, ofB, groups []float64
	for range max(leastRuns, b.N) {
		costA, size := a.measure(b)
		costB, _ := bare.measure(b)
		ratios, ofA, ofB, groups = append(ratios, costA/costB), append(ofA, costA), append(ofB, costB), append(groups, size)
	}
	b.Logf("CPU ratio by round: %.2f", ratios)
	b.ReportMetric(0, "ns/op") // an operation here is a round
	b.ReportMetric(median(ratios), "cpu-ratio")
	b.ReportMetric(median(ofA), "handout-cpu-µs/req")
	b.ReportMetric(median(ofB), "bare-cpu-µs/req")
	b.ReportMetric(median(groups), "lines/audit-row")
}

// The comparison is fair only while both servers give the same answer.
func TestBothServersAnswerAlike(t *testing.T) {
	var answers []map[string]any
	for _, kind := range []string{kindHandOut, kindBare} {
		s := start(t, kind)
		conn := s.dial(t)
		var answer map[string]any
		if err := json.Unmarshal(conn.ask(t), &answer); err != nil {
			t.Fatal(err)
		}
		if life, _ := answer["expires_in"].(float64); life < 3500 || life > 3570 {
			t.Errorf("%s: got expires_in %v, want an hour less 30 s", kind, answer["expires_in"])
		}
		delete(answer, "expires_in") // it falls while the test runs
		answers = append(answers, answer)
	}
	if fmt.Sprint(answers[0]) != fmt.Sprint(answers[1]) {
		t.Errorf("got %v and %v, want the same", answers[0], answers[1])
	}
}

// process is a server under measurement.
type process struct {
	hello
	pid     int
	callers int // 0 = callers
	request []byte
	conns   []*connection
}

// start runs this binary again as a server; it ends with the test.
func start(tb testing.TB, kind string) *process {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+kind, "SUITEKEY_BENCH_DIR="+tb.TempDir())
	p := launch(tb, kind, cmd)
	p.request = p.tokenRequest()
	return p
}

// launch runs a server that says hello on its output and ends with its input.
func launch(tb testing.TB, name string, cmd *exec.Cmd) *process {
	tb.Helper()
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = input.Close() // the server ends with its input
		if err := cmd.Wait(); err != nil {
			tb.Errorf("server %s: %v", name, err)
		}
	})
	p := &process{pid: cmd.Process.Pid}
	if err := json.NewDecoder(output).Decode(&p.hello); err != nil {
		tb.Fatalf("the server %s did not start: %v", name, err)
	}
	return p
}

// tokenRequest is what golang.org/x/oauth2 sends.
func (p *process) tokenRequest() []byte {
	const body = "grant_type=client_credentials"
	return fmt.Appendf(nil, "POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: %d\r\n"+
		"Authorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept-Encoding: gzip\r\n\r\n%s",
		p.Addr, len(body), base64.StdEncoding.EncodeToString([]byte(p.ClientID+":"+p.Secret)), body)
}

// measure returns the CPU per request in microseconds, and how many audit lines one row held.
func (p *process) measure(tb testing.TB) (cpu, linesPerRow float64) {
	tb.Helper()
	before := p.usage(tb)
	p.load(tb, perRound)
	after := p.usage(tb)
	if rows := after.Groups - before.Groups; rows > 0 {
		linesPerRow = perRound / float64(rows)
	}
	return float64(after.CPU-before.CPU) / float64(time.Microsecond) / perRound, linesPerRow
}

func (p *process) usage(tb testing.TB) usage {
	tb.Helper()
	resp, err := http.Get("http://" + p.Control)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	var u usage
	if err := json.NewDecoder(resp.Body).Decode(&u); err != nil {
		tb.Fatal(err)
	}
	return u
}

// load sends requests from all callers, each over its own connection that stays open.
func (p *process) load(tb testing.TB, requests int) {
	tb.Helper()
	for len(p.conns) < cmp.Or(p.callers, callers) {
		p.conns = append(p.conns, p.dial(tb))
	}
	var left atomic.Int64
	left.Store(int64(requests))
	var running sync.WaitGroup
	for _, c := range p.conns {
		running.Go(func() {
			for left.Add(-1) >= 0 && !tb.Failed() {
				c.ask(tb)
			}
		})
	}
	running.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// connection is one caller.
type connection struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
}

func (p *process) dial(tb testing.TB) *connection {
	tb.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &connection{conn: conn, reader: bufio.NewReader(conn), request: p.request}
}

// ask sends one request and returns the body of the 200 answer. It may be called beside the test's goroutine.
func (c *connection) ask(tb testing.TB) []byte {
	if _, err := c.conn.Write(c.request); err != nil {
		tb.Error(err)
		return nil
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		tb.Error(err)
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		tb.Errorf("got %s (%v): %s", resp.Status, err, body)
	}
	return body
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
