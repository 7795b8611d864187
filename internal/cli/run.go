package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const runHelp = `Runs a program with a token in its environment: NETSUITE_ACCESS_TOKEN, NETSUITE_BASE_URL and NETSUITE_ACCOUNT. It ends with the program's
own exit code. The token has five minutes at least, mostly most of an hour, and is not renewed while the program runs: for longer
work use suitekey proxy, which adds one to each request.

  suitekey run --connection acme -- ./sync.sh
  suitekey run --connection acme -- sh -c 'printf "Authorization: Bearer %s" "$NETSUITE_ACCESS_TOKEN" | curl -H @- "$NETSUITE_BASE_URL/services/rest/system/v1/serverTime"'

Secrets of suitekey's own, such as SUITEKEY_KEY, are not passed on to it; SIGINT and SIGTERM are. A program that a signal ended gives 128 and
the signal's number, one that is not there 6, and one that cannot be started 2.
`

func newRun(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run -- COMMAND [ARGS…]", Short: "Run a program with a token in its environment", Long: runHelp, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			program, err := exec.LookPath(args[0])
			if err != nil {
				return broker.Errorf(broker.CodeNotFound, "there is no program %.80q", args[0]).WithCause(errors.Unwrap(err)).WithDo("Name one that is in PATH, behind --: suitekey run --connection acme -- ./sync.sh")
			}
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				return e.run(ctx, t, program, args[1:])
			})
		},
	}
	cmd.Flags().SetInterspersed(false) // what stands behind the program is its own
	addConnectionFlags(cmd.Flags())
	return cmd
}

func (e *env) run(ctx context.Context, t *target, program string, args []string) error {
	token, err := t.token(ctx)
	if err != nil {
		return err
	}
	base, err := t.site.BaseURL(t.account, netsuite.ServiceSuiteTalk)
	if err != nil {
		return err
	}
	child := exec.Command(program, args...)
	child.Env = append(withoutSecrets(os.Environ()), "NETSUITE_ACCESS_TOKEN="+token.AccessToken.Reveal(), "NETSUITE_BASE_URL="+base.String(), "NETSUITE_ACCOUNT="+t.account.String())
	child.Stdin, child.Stdout, child.Stderr = e.stdin, e.stdout, e.stderr
	signals, end := signalsOf(terminal(e.stdin))
	defer end()
	if err := ctx.Err(); err != nil { // cancelled before there was a program to tell
		return err
	}
	if err := child.Start(); err != nil {
		return broker.Errorf(broker.CodeInvalid, "program %.80q cannot be started", program).WithCause(reasonOf(err)).WithDo("A script begins with a line such as #!/bin/sh.")
	}
	done := passSignals(signals, child.Process)
	err = child.Wait()
	end()
	<-done
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return &verdict{exit: exitOf(ended)}
	}
	return err
}

// exitOf is the program's own exit code, or 128 and the signal that ended it, as shells have it.
func exitOf(ended *exec.ExitError) int {
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return ended.ExitCode()
}

// signalsOf are those that are the program's to act on, until end is called. A terminal gives Ctrl-C to both of us by itself, and once is
// enough.
func signalsOf(atTerminal bool) (signals chan os.Signal, end func()) {
	signals = make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM)
	if !atTerminal {
		signal.Notify(signals, os.Interrupt)
	}
	return signals, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
	})
}

// passSignals passes on what comes until there is no more.
func passSignals(signals <-chan os.Signal, to *os.Process) (done <-chan struct{}) {
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		for s := range signals {
			_ = to.Signal(s) // it may have ended
		}
	}()
	return passed
}

// withoutSecrets leaves our own secrets, and the names of their files, out of a program's environment. The database's address is one when
// it holds a password.
func withoutSecrets(all []string) []string {
	var kept []string
	for _, pair := range all {
		if name, value, _ := strings.Cut(pair, "="); !isSecretVariable(name, value) {
			kept = append(kept, pair)
		}
	}
	return kept
}

func isSecretVariable(name, value string) bool {
	for _, s := range settingsTable {
		switch {
		case s.file != nil && name == s.twin().variable():
			return true
		case name == s.variable():
			return s.secret || s.shown(value) != value
		}
	}
	return strings.HasPrefix(name, "SUITEKEY_PKCS11_PIN")
}
