package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/suitekey/suitekey/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"suitekey": main, "browser": browser})
}

// TestScript runs sessions that a user could have. $TAKEN is an address that another program listens on.
func TestScript(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: serverCommands, Setup: func(env *testscript.Env) error {
		env.Setenv("TAKEN", taken.Addr().String())
		for _, name := range []string{"EMULATOR", "SERVER", "CALLBACK"} {
			address, err := freeAddress()
			if err != nil {
				return err
			}
			env.Setenv(name, address)
		}
		return nil
	}})
}

// steps of the demo, in the order of the design.
var steps = strings.Fields("emulator server app link consent checks bundle role key upload test tasks revoke handout query rotate done")

func TestDemoAutoOnSQLite(t *testing.T) { playDemo(t) }

func TestDemoAutoOnPostgres(t *testing.T) { playDemo(t, "--postgres", pgtest.Start(t)) }

// playDemo runs the command as a process of its own, as the README has it.
func playDemo(t *testing.T, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := command(t, append([]string{"demo", "--auto", "--json"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo %q: %v\nstdout:\n%s\nstderr:\n%s", args, err, stdout.String(), stderr.String())
	}
	got, rows := readSteps(t, &stdout)
	if !slices.Equal(got, steps) {
		t.Errorf("steps = %q, want %q", got, steps)
	}
	if rows == 0 {
		t.Error("the query found no rows")
	}
	if stderr.Len() > 0 {
		t.Errorf("the demo warned:\n%s", stderr.String())
	}
}

// command is suitekey as a process of its own, which ends with the test.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), filepath.Join(binaries(t), "suitekey"), args...)
}

func readSteps(t *testing.T, stdout *bytes.Buffer) (names []string, rows int) {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var line struct {
			Step string `json:"step"`
			OK   bool   `json:"ok"`
			MS   *int   `json:"ms"`
			Rows int    `json:"rows"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || !line.OK || line.MS == nil {
			t.Errorf("line %s: %v; want a step that is ok, with its time", lines.Text(), err)
		}
		names = append(names, line.Step)
		if line.Step == "query" {
			rows = line.Rows
		}
	}
	return names, rows
}
