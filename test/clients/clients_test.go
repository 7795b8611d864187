// Package clients_test holds suitekey and its emulator against programs that were not written for them: OAuth clients of the
// Go and JavaScript worlds, curl, OpenSSL and jsrsasign.
package clients_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// run runs a program with input on its standard input, and returns what it printed.
func run(t *testing.T, input []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = bytes.NewReader(input)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, complaint.String())
	}
	return out
}

// node runs one of the scripts beside this file. Input and answer are JSON.
func node[Answer any](t *testing.T, script string, input any) Answer {
	t.Helper()
	raw, err := json.Marshal(input)
	must(t, err)
	return parse[Answer](t, run(t, raw, "node", script))
}

func parse[Answer any](t *testing.T, raw []byte) Answer {
	t.Helper()
	var answer Answer
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v in the answer %q", err, raw)
	}
	return answer
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
