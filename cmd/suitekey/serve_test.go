package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A SQLite file takes one server. A second one says so, before it takes an address or does anything else; commands beside the
// server work.
func TestSecondServerOnASQLiteFile(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(args ...string) (stderr string, err error) {
		cmd := command(t, args...)
		var text bytes.Buffer
		cmd.Stderr = &text
		err = cmd.Run()
		return text.String(), err
	}
	if text, err := run("keys", "master", "--out", "master.key"); err != nil {
		t.Fatal(err, text)
	}
	config := "database: sqlite:suitekey.db\npublic_url: http://127.0.0.1:8780\nmaster_key_file: master.key\naddr: 127.0.0.1:0\nnetsuite:\n  emulator: 127.0.0.1:9\n"
	if err := os.WriteFile("suitekey.yaml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := serve(t)

	text, err := run("serve")
	for _, want := range []string{"another process serves", "suitekey.db", "do:", "PostgreSQL", "SK-CFG-101"} {
		if err == nil || !strings.Contains(text, want) {
			t.Errorf("a second server: %v, and it says %q; want it refused with %q", err, text, want)
		}
	}
	if text, err := run("migrate"); err != nil {
		t.Errorf("a command beside the server: %v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(".", "suitekey.db.serve")); err != nil {
		t.Error(err)
	}

	stop() // by a kill: nothing is left in the way
	serve(t)()
}

// serve starts a server and returns when it is ready; stop kills it.
func serve(t *testing.T) (stop func()) {
	t.Helper()
	cmd := command(t, "serve")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, cmd, log)
	return func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
}

func waitReady(t *testing.T, cmd *exec.Cmd, log io.Reader) {
	t.Helper()
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "the server is ready") {
			go func() { _, _ = io.Copy(io.Discard, log) }() // ends with the process
			return
		}
	}
	t.Fatalf("the server did not get ready: %v\n%s", cmd.Wait(), said.String())
}
