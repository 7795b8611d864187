package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The example that the guides point at must be a valid definition.
func TestExampleAppFile(t *testing.T) {
	app, _, err := readAppFile("../../examples/acme-sync.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Validate(true); err != nil {
		t.Errorf("not valid for the real NetSuite: %v", err)
	}
}

// The help of every command that does something begins with what to type.
func TestHelpShowsWhatToType(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			walk(child)
		}
		if cmd.HasSubCommands() || !cmd.IsAvailableCommand() {
			return
		}
		typed := false
		for line := range strings.SplitSeq(cmd.Long, "\n") {
			typed = typed || strings.HasPrefix(line, "  ") && strings.Contains(line, cmd.CommandPath())
		}
		if !typed {
			t.Errorf("the help of %q does not show how to type it:\n%s", cmd.CommandPath(), cmd.Long)
		}
	}
	walk(newRoot(&env{}))
}

// takesSecrets are flags whose names sound like secrets, each with what it really takes.
var takesSecrets = map[string]string{
	"key": "the name of a column, of query", "key-uri": "the name of a key in a token", "text-key": "a switch of query", "allow-address": "addresses",
}

// TestCL02_NoSwitchTurnsOffChecks walks all flags: none takes a secret itself, and none turns off the check of NetSuite's certificates.
func TestCL02_NoSwitchTurnsOffChecks(t *testing.T) {
	secret := regexp.MustCompile(`secret|password|token|pin$|key|pem`)
	unsafe := regexp.MustCompile(`insecure|skip|verify|no-tls|unsafe|disable|trust`)
	verifies := map[string]bool{"suitekey token --verify": true} // checks a token, more rather than less
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			name := cmd.CommandPath() + " --" + f.Name
			if unsafe.MatchString(f.Name) && !verifies[name] {
				t.Errorf("%s may turn off a check", name)
			}
			if secret.MatchString(f.Name) && takesSecrets[f.Name] == "" && !strings.HasSuffix(f.Name, "-file") {
				t.Errorf("%s may take a secret on the command line, which other users can read; let it name a file", name)
			}
		})
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(newRoot(&env{}))
}

// unscripted are commands of which the scripts lack one side, each with where it is shown.
var unscripted = map[string]string{
	"done migrate-tba report": "exits with 0 only when every account has proved itself; internal/migrate shows when",
	"done demo":               "TestDemoAutoOnSQLite of cmd/suitekey",
	"done notify test":        "needs a receiver; internal/notify has one",
}

// TestEveryCommandIsScripted wants each command in a script of cmd/suitekey, once where it does its work, and once where it is refused.
func TestEveryCommandIsScripted(t *testing.T) {
	paths, err := filepath.Glob("../../cmd/suitekey/testdata/script/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	var scripts strings.Builder
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(data)
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			walk(child)
		}
		if cmd.HasSubCommands() || !cmd.IsAvailableCommand() {
			return
		}
		name := strings.TrimPrefix(cmd.CommandPath(), "suitekey ")
		for side, mark := range map[string]string{"done": "", "refused": "! "} {
			line := regexp.MustCompile(`(?m)^` + mark + `suitekey (--json )?` + name + `\b`)
			if shown := line.MatchString(scripts.String()); shown == (unscripted[side+" "+name] != "") {
				t.Errorf("%q %s: in a script %t, among the exceptions %t", name, side, shown, !shown)
			}
		}
	}
	walk(newRoot(&env{}))
}
