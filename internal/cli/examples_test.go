package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
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
