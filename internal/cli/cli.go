// Package cli is the command line: one file per verb. It alone reads flags, environment and files; what it does with them is
// the services' business. Data goes to stdout, words to stderr, and every command can print JSON.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
)

// env is what a command sees of the world.
type env struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	configFile     string

	json, quiet, noColor, yes bool
}

// Run executes one command line and returns its exit code.
func Run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(e)
	root.SetArgs(protectIDs(root, args))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	return e.finish(err)
}

const rootHelp = `suitekey connects applications to NetSuite.

Try it on this machine, without a NetSuite account:

  suitekey demo                 emulator, server and a sample customer; prints the link to click
  suitekey demo --auto          plays the customer as well

One account of your own, without a server:

  suitekey connect --connection acme --account 1234567 --client-id 5f3c… --role customrole_acme
  suitekey token --connection acme
  suitekey query --connection acme 'SELECT id FROM customer ORDER BY id'
  suitekey doctor --connection acme          which side failed, and who must click what

Run a server and connect a customer:

  suitekey keys master --out master.key
  suitekey serve --config suitekey.yaml
  suitekey app create acme-sync.yaml
  suitekey app check acme-sync
  suitekey link create --app acme-sync --customer "Globex Inc." --expect 1234567
`

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use: "suitekey", Short: "Connect applications to NetSuite", Long: rootHelp,
		SilenceUsage: true, SilenceErrors: true,
		// An unknown verb is an error with a suggestion, not the help text with exit code 0.
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours has examples
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print JSON")
	root.PersistentFlags().BoolVar(&e.quiet, "quiet", false, "say nothing on stderr but errors")
	root.PersistentFlags().BoolVar(&e.noColor, "no-color", false, "use no colours; NO_COLOR does the same")
	root.PersistentFlags().BoolVar(&e.yes, "yes", false, "do not ask before what cannot be undone")
	root.PersistentFlags().StringVar(&e.configFile, "config", "", "settings file (default: suitekey.yaml, where there is one)")
	addTopic(root, "account", "One account, without a server, and a server's connections:",
		newConnect(e), newLogin(e), newProfile(e), newToken(e), newQuery(e), newRecord(e), newRESTlet(e), newRun(e), newProxy(e), newCerts(e), newKeys(e), newDoctor(e), newMigrateTBA(e), newExport(e))
	addTopic(root, "server", "A server:",
		newServe(e), newMigrate(e), newApp(e), newLink(e), newClient(e), newConnection(e), newNotify(e), newCalendar(e), newAudit(e))
	addTopic(root, "trial", "Without a NetSuite account:", newDemo(e), newEmulator(e))
	root.AddCommand(newConfig(e), newCompletion(e), newMan(e))
	typeUsageErrors(root)
	offerConnections(e, root)
	return root
}

// addTopic adds commands that the help shows together.
func addTopic(root *cobra.Command, id, title string, cmds ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range cmds {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}

// group is a noun whose verbs are its subcommands.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(verbs...)
	return cmd
}

// withApp opens the server's database and services for one command.
func (e *env) withApp(cmd *cobra.Command, do func(context.Context, *app.App) error) (err error) {
	s, err := e.settings(cmd)
	if err != nil {
		return err
	}
	cfg, err := s.appConfig(e.logger(s.LogFormat))
	if err != nil {
		return err
	}
	a, err := app.Open(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := a.Close(); err == nil {
			err = closeErr
		}
	}()
	return do(cmd.Context(), a)
}

// settings reads file, environment and the command's flags.
func (e *env) settings(cmd *cobra.Command) (settings, error) {
	return loadConfig(e.getenv, os.ReadFile, e.configFile, cmd.Flags())
}

func (e *env) logger(format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(e.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(e.stderr, nil))
}

// print writes a result: the value as JSON, or the text for people.
func (e *env) print(value any, text string, args ...any) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(value)
	}
	_, err := fmt.Fprintf(e.stdout, text, args...)
	return err
}
