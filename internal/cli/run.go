package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
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

Secrets of suitekey's own, such as SUITEKEY_KEY, are not passed on to it.
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
	if err := child.Start(); err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	done := passSignals(child.Process, terminal(e.stdin))
	err = child.Wait()
	done()
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

// passSignals lets the program decide what a signal means. A terminal gives Ctrl-C to both of us by itself, and once is enough.
func passSignals(to *os.Process, atTerminal bool) (done func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if !atTerminal {
		signal.Notify(signals, os.Interrupt)
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = to.Signal(s) // it may have ended
			case <-ended:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(ended)
	}
}

// withoutSecrets leaves our own secrets, and the names of their files, out of a program's environment.
func withoutSecrets(all []string) []string {
	hidden := map[string]bool{}
	for _, s := range settingsTable {
		if s.secret {
			hidden[s.variable()], hidden[s.twin().variable()] = true, true
		}
	}
	var kept []string
	for _, pair := range all {
		if name, _, _ := strings.Cut(pair, "="); !hidden[name] && !strings.HasPrefix(name, "SUITEKEY_PKCS11_PIN") {
			kept = append(kept, pair)
		}
	}
	return kept
}
