package clients_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/suitekey/suitekey/netsuite"
)

const deploy = "../../deploy/emulator/"

// workflow is what this test needs of a GitHub Actions workflow.
type workflow struct {
	Jobs map[string]struct {
		Steps []struct {
			Name, Run string
			Env       map[string]string
		}
	}
}

// TestGitHubActions runs the steps of the recipe, the installation apart, as a runner does: each by a shell of its own, with the
// variables that earlier steps left in GITHUB_ENV.
func TestGitHubActions(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(deploy + "github-actions.yml")
	must(t, err)
	page, err := os.ReadFile("../../docs/emulator-in-ci.md")
	must(t, err)
	if !strings.Contains(string(page), "```yaml\n"+string(raw)+"```\n") {
		t.Error("docs/emulator-in-ci.md shows another workflow than deploy/emulator/github-actions.yml; copy it there")
	}
	r := newRunner(t)
	var w workflow
	must(t, yaml.Unmarshal([]byte(strings.ReplaceAll(string(raw), "127.0.0.1:8790", r.addr)), &w))
	var last string
	for _, step := range w.Jobs["test"].Steps {
		if step.Run != "" && step.Name != "Install the emulator" {
			last = r.step(t, step.Run, step.Env)
		}
	}
	if last != "" {
		t.Errorf("the emulator saw broken rules:\n%s", last)
	}
	r.checkConnection(t)
}

// runner plays the machine on which a workflow runs.
type runner struct {
	dir, addr string
	work      string // folder of the steps; empty is that of the tests
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &runner{dir: t.TempDir(), addr: ln.Addr().String()}
	must(t, ln.Close())
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	must(t, os.Mkdir(filepath.Join(r.dir, "bin"), 0o700))
	// The recipe has the usual port, which may be taken here; and whoever starts a process must be able to end it.
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s/pid\nexec %s \"$@\" --port %s\n", r.dir, buildCommand(t), port)
	must(t, os.WriteFile(filepath.Join(r.dir, "bin", "suitekey"), []byte(script), 0o700))
	t.Cleanup(func() { r.end(t) })
	return r
}

func (r *runner) end(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(r.dir, "pid"))
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGTERM))
}

// step runs one step and returns what it printed.
func (r *runner) step(t *testing.T, script string, env map[string]string) string {
	t.Helper()
	out, err := r.try(t, script, env)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return out
}

func (r *runner) try(t *testing.T, script string, env map[string]string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
	cmd.Dir = r.work
	cmd.Env = []string{
		"PATH=" + filepath.Join(r.dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"RUNNER_TEMP=" + r.dir, "GITHUB_ENV=" + filepath.Join(r.dir, "env"),
	}
	for name, value := range r.left(t) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+strings.ReplaceAll(value, "${{ runner.temp }}", r.dir))
	}
	out, err := cmd.Output()
	return string(out), err
}

// left are the variables that steps have left for later ones.
func (r *runner) left(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, "env"))
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	vars := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[name] = value
	}
	return vars
}

// checkConnection takes a token with what the recipe made.
func (r *runner) checkConnection(t *testing.T) {
	t.Helper()
	vars := r.left(t)
	text, err := os.ReadFile(vars["NETSUITE_KEY_FILE"])
	must(t, err)
	key, err := netsuite.ParsePrivateKey(text)
	must(t, err)
	site, err := netsuite.EmulatorSite(r.addr)
	must(t, err)
	credentials := &netsuite.ClientCredentials{
		Account: netsuite.AccountID(vars["NETSUITE_ACCOUNT"]), ClientID: vars["NETSUITE_CLIENT_ID"], CertificateID: vars["NETSUITE_CERTIFICATE_ID"],
		Key: key, Scopes: []string{"rest_webservices"}, Site: site,
	}
	if _, err := credentials.Token(t.Context()); err != nil {
		t.Error(err)
	}
}

var (
	entrypoint  = regexp.MustCompile(`(?m)^ENTRYPOINT (\[.*\])$`)
	healthcheck = regexp.MustCompile(`(?m)^HEALTHCHECK .*CMD \[.*"http://127\.0\.0\.1:8790(/[^"]*)"\]$`)
)

// TestDockerfile starts what the container starts, and asks what its health check asks.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(deploy + "Dockerfile")
	must(t, err)
	start, health := entrypoint.FindSubmatch(raw), healthcheck.FindSubmatch(raw)
	if start == nil || health == nil {
		t.Fatal("the Dockerfile has no ENTRYPOINT or HEALTHCHECK of the known form")
	}
	var args []string
	must(t, json.Unmarshal(start[1], &args))
	if args[0] != "suitekey" || args[1] != "emulator" {
		t.Fatalf("it starts %q, want suitekey emulator", args)
	}
	e := startCommand(t, buildCommand(t), append(args[2:], "--port", "0", "--ca-file", filepath.Join(t.TempDir(), "ca.pem"))...)
	res, err := http.Get(e.URL + string(health[1]))
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("health check: %d, want 200", res.StatusCode)
	}
}
