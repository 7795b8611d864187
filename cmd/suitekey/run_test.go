package main

import (
	"bufio"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// machineAccount is an emulator, and the environment of a connection that lives in it alone.
func machineAccount(t *testing.T) (*netsuitetest.Server, []string) {
	t.Helper()
	const clientID = "1111111111111111111111111111111111111111111111111111111111111111"
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pem, err := netsuite.EncodePrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "acme.key")
	if err := pem.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	emulator := netsuitetest.Start(t, netsuitetest.Config{
		Integrations: []netsuitetest.Integration{{Name: "Acme Sync", ClientID: clientID, ClientCredentials: true, Scopes: []string{"rest_webservices"}}},
		Accounts: []netsuitetest.AccountConfig{{
			ID: "1234567", Name: "Globex Corporation", Customers: 1, Bundles: []int64{123456},
			Employees:    []netsuitetest.EmployeeConfig{{Email: "robot@globex.example", First: "Robot", Last: "Globex", Roles: []string{"customrole_acme_sync"}}},
			Certificates: []netsuitetest.CertificateConfig{{ClientID: clientID, Employee: "robot@globex.example", Role: "customrole_acme_sync", PEM: string(netsuite.EncodePEM(cert))}},
		}},
	})
	return emulator, append(os.Environ(), "SUITEKEY_ACCOUNT=1234567", "SUITEKEY_CLIENT_ID="+clientID, "SUITEKEY_CERTIFICATE_ID="+netsuite.CertificateID(cert),
		"SUITEKEY_KEY_FILE="+file, "SUITEKEY_NETSUITE_EMULATOR="+emulator.Addr())
}

// exitCode is that of a process which ended by itself.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.ExitCode()
	}
	t.Fatal(err)
	return -1
}

// A signal is the program's to act on, and how it ends is how we end.
func TestRunPassesSignalsOn(t *testing.T) {
	_, env := machineAccount(t)
	for s, want := range map[os.Signal]int{syscall.SIGTERM: 15, os.Interrupt: 2} {
		// The program says how it was asked to end, after it has put its things in order.
		cmd := command(t, "run", "--", "sh", "-c", `trap 'kill $p; echo in order; exit 15' TERM; trap 'kill $p; echo in order; exit 2' INT; sleep 60 & p=$!; echo ready; wait`)
		cmd.Env = env
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() || lines.Text() != "ready" {
			t.Fatalf("%v: the program printed %q", s, lines.Text())
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != "in order" {
			t.Errorf("%v: the program printed %q", s, lines.Text())
		}
		for lines.Scan() {
			t.Errorf("%v: the program went on: %q", s, lines.Text())
		}
		if got := exitCode(t, cmd.Wait()); got != want {
			t.Errorf("%v: exit code %d, want %d", s, got, want)
		}
	}
}

// What is cancelled before the program has begun does not begin it.
func TestRunIsCancelledBeforeItBegins(t *testing.T) {
	emulator, env := machineAccount(t)
	asked, release := make(chan struct{}), make(chan struct{})
	emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultBlock, Endpoint: "token", Release: release, Times: 1, OnMatch: func(*http.Request) { close(asked) }})
	cmd := command(t, "run", "--", "sh", "-c", "echo begun")
	cmd.Env = env
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	got := exitCode(t, cmd.Wait())
	close(release)
	if got != 2 || stdout.String() != "" || !strings.Contains(stderr.String(), "cancelled") {
		t.Errorf("exit code %d, stdout %q, stderr %q; want 2 and no program", got, stdout.String(), stderr.String())
	}
}

// The exit codes of programs that did not end by themselves, or did not begin.
func TestRunExitCodes(t *testing.T) {
	_, env := machineAccount(t)
	folder := t.TempDir()
	for name, mode := range map[string]os.FileMode{"notes": 0o600, "broken": 0o700} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("\x00 no program\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		args   []string
		want   int
		stderr string // part of it
	}{
		{"its own", []string{"sh", "-c", "exit 42"}, 42, ""},
		{"ended by a signal", []string{"sh", "-c", "kill -KILL $$"}, 128 + 9, ""},
		{"no such program", []string{"no-such-program"}, 6, `there is no program "no-such-program"`},
		{"no such file", []string{"./no-such-program"}, 6, "no such file"},
		{"a file that is no program", []string{filepath.Join(folder, "notes")}, 6, "permission denied"},
		{"a program that the system does not understand", []string{filepath.Join(folder, "broken")}, 2, "exec format error"},
		{"a folder", []string{folder}, 6, "error: "},
		{"an empty name", []string{""}, 6, "error: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := command(t, append([]string{"run", "--"}, tt.args...)...)
			cmd.Env = env
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if got := exitCode(t, cmd.Run()); got != tt.want || !strings.Contains(stderr.String(), tt.stderr) || (tt.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("exit code %d, stderr:\n%s\nwant %d and %q", got, stderr.String(), tt.want, tt.stderr)
			}
		})
	}
}
