package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkEmulatorStart reports, for the command suitekey emulator with 1 and with 100 accounts: the median time from its start
// to its first healthy answer, its memory while idle, and its memory when every account has been used once, since accounts make their
// data at first use.
func BenchmarkEmulatorStart(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "suitekey")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/suitekey/suitekey/cmd/suitekey").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, accounts := range []int{1, 100} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			var starts, idle, used, firstUse []float64
			for range max(leastRuns, b.N) {
				e := startEmulator(b, binary, accounts)
				starts, idle = append(starts, e.started.Seconds()*1000), append(idle, e.memory(b))
				first := e.useAll(b)
				used, firstUse = append(used, e.memory(b)), append(firstUse, first.Seconds()*1000)
				e.end(b)
			}
			b.Logf("start by round, ms: %.0f", starts)
			b.ReportMetric(0, "ns/op") // an operation here is a round
			b.ReportMetric(median(starts), "start-ms")
			b.ReportMetric(median(idle), "idle-MB")
			b.ReportMetric(median(used), "used-MB")
			b.ReportMetric(median(firstUse), "first-use-ms/account")
		})
	}
}

// emulated is a process of suitekey emulator.
type emulated struct {
	cmd      *exec.Cmd
	stdout   io.Reader
	url      string
	accounts []string
	started  time.Duration // until its first healthy answer
}

func startEmulator(tb testing.TB, binary string, accounts int) *emulated {
	tb.Helper()
	args := []string{"emulator", "--json", "--port", "0"}
	for i := range accounts {
		args = append(args, "--account", strconv.Itoa(1234567+i))
	}
	e := &emulated{cmd: exec.Command(binary, args...)}
	e.cmd.Stderr = os.Stderr
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	begin := time.Now()
	if err := e.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		tb.Fatal(err)
	}
	var ready struct {
		URL      string
		Accounts []string
	}
	if err := json.Unmarshal(line, &ready); err != nil {
		tb.Fatal(err)
	}
	e.stdout, e.url, e.accounts = lines, ready.URL, ready.Accounts
	e.answer(tb, http.MethodGet, "/_emulator/healthz", "")
	e.started = time.Since(begin)
	return e
}

func (e *emulated) answer(tb testing.TB, method, path, body string) {
	tb.Helper()
	req, err := http.NewRequest(method, e.url+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		tb.Fatalf("%s %s: %s %s %v", method, path, res.Status, text, err)
	}
}

// useAll installs the sample bundle in every account, and returns how long that takes for each.
func (e *emulated) useAll(tb testing.TB) time.Duration {
	tb.Helper()
	begin := time.Now()
	for _, id := range e.accounts {
		e.answer(tb, http.MethodPost, "/_emulator/accounts/"+id+"/bundles", `{"id":123456}`)
	}
	return time.Since(begin) / time.Duration(len(e.accounts))
}

// memory is the resident size of the process in MB.
func (e *emulated) memory(tb testing.TB) float64 {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, found := bytes.Cut(status, []byte("VmRSS:"))
	if !found {
		tb.Fatalf("no VmRSS in\n%s", status)
	}
	kB, err := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
	if err != nil {
		tb.Fatal(err)
	}
	return kB / 1024
}

func (e *emulated) end(tb testing.TB) {
	tb.Helper()
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, e.stdout)
	if err := e.cmd.Wait(); err != nil {
		tb.Error(err)
	}
}
