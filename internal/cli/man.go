package cli

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/suitekey/suitekey/internal/broker"
)

const manHelp = `Writes a manual page for each command.

  suitekey man --out man
  man -l man/suitekey-token.1
`

func newMan(e *env) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "man", Short: "Write the manual pages", Long: manHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return broker.Errorf(broker.CodeInvalid, "flag --out: name the folder for the pages").WithDo("suitekey man --out man")
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return broker.Errorf(broker.CodeInvalid, "flag --out: %s cannot be made", out).WithCause(reasonOf(err))
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			undated := time.Unix(0, 0).UTC() // the same pages whenever they are made
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "SUITEKEY", Section: "1", Source: "suitekey", Date: &undated}, out); err != nil {
				return err
			}
			pages, err := os.ReadDir(out)
			if err != nil {
				return err
			}
			return e.print(map[string]any{"folder": out, "pages": len(pages)}, "%d pages in %s\n", len(pages), out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FOLDER` for the pages")
	return cmd
}

const completionHelp = `Prints a script that completes commands, flags and the names of connections in your shell.

  suitekey completion bash > /etc/bash_completion.d/suitekey
  suitekey completion zsh > "${fpath[1]}/_suitekey"
  suitekey completion fish > ~/.config/fish/completions/suitekey.fish
  suitekey completion powershell >> $PROFILE
`

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a completion script for bash, zsh, fish or powershell", Long: completionHelp,
		Args: cobra.ExactArgs(1), ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(e.stdout, true)
			case "zsh":
				return root.GenZshCompletion(e.stdout)
			case "fish":
				return root.GenFishCompletion(e.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(e.stdout)
			}
			return broker.Errorf(broker.CodeInvalid, "shell %.20q must be bash, zsh, fish or powershell", args[0])
		},
	}
}

// completeConnections offers the connections of this machine.
func (e *env) completeConnections(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	get, err := e.connectionSettings(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	folder, err := e.folder(get)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := folder.Names() // none to offer is no error here
	return names, cobra.ShellCompDirectiveNoFileComp
}

// offerConnections completes the flag of every command that has it.
func offerConnections(e *env, cmd *cobra.Command) {
	if cmd.Flags().Lookup("connection") != nil && cmd.Flags().Lookup("home") != nil {
		_ = cmd.RegisterFlagCompletionFunc("connection", e.completeConnections) // once for each command
	}
	for _, child := range cmd.Commands() {
		offerConnections(e, child)
	}
}
