package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

func TestFinish(t *testing.T) {
	refusal := &netsuite.Error{Op: "token", Status: 400, Code: "invalid_grant", Detail: "no", Hint: "upload a new certificate", Err: netsuite.ErrInvalidGrant}
	tests := []struct {
		name string
		err  error
		exit int
		want string // on stderr
	}{
		{"done", nil, 0, ""},
		{"plain", errors.New("disk full"), 1, "error: disk full\ncode: SK-INT-500\n"},
		{
			"coded", broker.Errorf(broker.CodeConfig, "setting addr: must be host and port").WithDo("Correct it."), 2,
			"error: setting addr: must be host and port\ndo: Correct it.\ncode: SK-CFG-101\n",
		},
		{
			"coded, wrapped, with cause", fmt.Errorf("serve: %w", broker.Errorf(broker.CodeNotFound, "there is no app %q", "x").WithCause(errors.New("no rows"))), 6,
			"error: there is no app \"x\"\ncause: no rows\ndo: Check the address.\ncode: SK-REQ-404\n",
		},
		{"coded, words of the situation", &broker.Error{Code: broker.CodeNoKey}, 2, "error: The vault needs its master key\ndo: Set master_key_file or SUITEKEY_MASTER_KEY.\ncode: SK-VLT-102\n"},
		{"coded, with a cause for people", &broker.Error{Code: broker.CodeConflict, What: "a", Cause: "b", Err: errors.New("c")}, 1, "error: a\ncause: b\ndo: Read it again and repeat.\ncode: SK-REQ-409\n"},
		{
			"coded, whose exit is NetSuite's", broker.Errorf(broker.CodeAppUnproven, "app \"x\"").WithDo("y").WithCause(&netsuite.Error{Op: "app check", Err: netsuite.ErrUnavailable}), 7,
			"error: app \"x\"\ncause: app check: unavailable\ndo: y\ncode: SK-APP-102\n",
		},
		{"refused", refusal, 4, "error: token failed\ncause: NetSuite answered HTTP 400 invalid_grant: no\ndo: upload a new certificate\ncode: SK-TOK-101\n"},
		{"refused without code", &netsuite.Error{Op: "SuiteQL", Status: 403, Hint: "add it", Err: netsuite.ErrPermission}, 5, "error: SuiteQL failed\ncause: NetSuite answered HTTP 403\ndo: add it\n"},
		{"unreachable", &netsuite.Error{Op: "token", Hint: "try later", Err: fmt.Errorf("%w: dial", netsuite.ErrUnavailable)}, 7, "error: token failed\ncause: unavailable: dial\ndo: try later\ncode: SK-ONB-303\n"},
		{"busy", &netsuite.Error{Op: "token", Status: 429, Err: netsuite.ErrTooManyRequests}, 7, "error: token failed\ncause: NetSuite answered HTTP 429\ncode: SK-REQ-429\n"},
		{"row missing", fmt.Errorf("certificate: %w", broker.ErrNotFound), 6, "error: certificate: no such row\ncode: SK-REQ-404\n"},
		{"cancelled", fmt.Errorf("wait: %w", context.Canceled), 2, "error: cancelled\ndo: Run the command again to go on.\n"},
		{"too slow", context.DeadlineExceeded, 7, "error: context deadline exceeded\n"},
		{"several lines and escapes", errors.New("a\nb\x1b[2J\u202ec"), 1, "error: a; b [2J c\ncode: SK-INT-500\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			exit := (&env{stdout: &stdout, stderr: &stderr}).finish(tt.err)
			if exit != tt.exit || stderr.String() != tt.want || stdout.Len() > 0 {
				t.Errorf("exit %d, stdout %q, stderr:\n%s\nwant exit %d, nothing on stdout, stderr:\n%s", exit, &stdout, &stderr, tt.exit, tt.want)
			}

			stdout.Reset()
			stderr.Reset()
			exit = (&env{stdout: &stdout, stderr: &stderr, json: true}).finish(tt.err)
			if exit != tt.exit || stderr.Len() > 0 {
				t.Errorf("with --json: exit %d, stderr %q, want exit %d and nothing", exit, &stderr, tt.exit)
			}
			if tt.err == nil {
				return
			}
			var f failure
			if err := json.Unmarshal(stdout.Bytes(), &f); err != nil || f.text() != tt.want || bytes.Count(stdout.Bytes(), []byte("\n")) != 1 {
				t.Errorf("with --json: got %s (%v), want one object with the same lines", &stdout, err)
			}
		})
	}
}

// Every code that a command may end with has an exit that ux.md knows.
func TestExitCodes(t *testing.T) {
	known := []int{exitDone, exitFailed, exitUsage, exitConsent, exitRefused, exitNotFound, exitLater, exitDifferences}
	if got := fmt.Sprint(known); got != "[0 1 2 4 5 6 7 8]" {
		t.Errorf("exit codes: got %s", got)
	}
	for code := range exitOfCode {
		if _, ok := broker.Situations[code]; !ok {
			t.Errorf("%s is not in the table of situations", code)
		}
	}
	for _, s := range situations {
		if _, ok := broker.Situations[s.code]; !ok && s.code != "" {
			t.Errorf("%v: %s is not in the table of situations", s.err, s.code)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	run := func(*cobra.Command, []string) error { return nil }
	root := &cobra.Command{Use: "suitekey", Args: cobra.NoArgs, RunE: run, SilenceErrors: true, SilenceUsage: true}
	list := &cobra.Command{Use: "list", Args: cobra.NoArgs, RunE: run}
	list.Flags().Int("limit", 1, "")
	root.AddCommand(list, &cobra.Command{Use: "free", RunE: run})
	typeUsageErrors(root)
	tests := []struct {
		args string
		want string // error and remedy; "" accepts
	}{
		{"list", ""},
		{"free a b", ""},
		{"lst", `unknown command "lst" for "suitekey" | Did you mean: suitekey list`},
		{"nothing-like-it", `unknown command "nothing-like-it" for "suitekey" | See: suitekey --help`},
		{"list extra", `unknown command "extra" for "suitekey list" | See: suitekey list --help`},
		{"list --limt 3", `unknown flag: --limt | See: suitekey list --help`},
		{"list --limit x", `invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax | See: suitekey list --help`},
		{"--nothing", `unknown flag: --nothing | See: suitekey --help`},
	}
	for _, tt := range tests {
		root.SetArgs(strings.Fields(tt.args))
		err := root.Execute()
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: got %v", tt.args, err)
			}
			continue
		}
		f, exit := describe(err)
		if got := f.What + " | " + f.Do; got != tt.want || exit != exitUsage {
			t.Errorf("%s: got exit %d, %s\nwant exit 2, %s", tt.args, exit, got, tt.want)
		}
	}
}
