package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/offboard"
)

const disconnectHelp = `Ends a connection: revokes its certificates (or the person's consent) at NetSuite, wipes the keys here, and
prints what was done and what is left for the customer to click. This cannot be undone.

  suitekey connection disconnect co_… --yes
  suitekey connection record co_… > record.jws
  suitekey connection verify-record record.jws

When NetSuite does not answer, the connection hands out nothing any more, and the server asks NetSuite again for a week. With --now
the keys are wiped without waiting.
`

func newConnectionDisconnect(e *env) *cobra.Command {
	var now bool
	cmd := &cobra.Command{
		Use: "disconnect ID", Short: "End a connection, with a signed record", Long: disconnectHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := e.confirm("Ending connection " + args[0] + ", for good"); err != nil {
				return err
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				end, err := a.Offboard.Disconnect(ctx, args[0], "operator", now)
				if err != nil {
					return err
				}
				return e.printEnd(end)
			})
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "wipe the keys even if NetSuite does not answer")
	addSettingsFlags(cmd.Flags())
	return cmd
}

func (e *env) printEnd(end broker.Disconnection) error {
	state := "disconnected"
	if end.EndedAt.IsZero() {
		state = "disconnecting"
	}
	out := map[string]any{"connection": end.ConnectionID, "state": state, "credentials": end.Acts, "record": end.Record}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", end.ConnectionID, state)
	for _, r := range end.Acts {
		switch {
		case !r.RevokedAt.IsZero():
			fmt.Fprintf(&text, "  revoked  %s %s at %s\n", r.Kind, r.ID, when(r.RevokedAt))
		case r.Left != "":
			fmt.Fprintf(&text, "  left     %s %s (%s)\n           %s\n", r.Kind, r.ID, r.Problem, r.Left)
		default:
			fmt.Fprintf(&text, "  waiting  %s %s (%s); we ask again by ourselves until %s\n", r.Kind, r.ID, r.Problem, when(end.GiveUpAt))
		}
	}
	return e.print(out, "%s", text.String())
}

func newConnectionRecord(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "record ID", Short: "Print the signed record of a connection's end", Args: cobra.ExactArgs(1),
		Long: "Prints the record as a compact JWS (RFC 7515), signed with ES256. The keys are at /.well-known/suitekey-records.json.\n\n  suitekey connection record co_… > record.jws\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				end, err := a.Offboard.Record(ctx, args[0])
				if err != nil {
					return err
				}
				if end.Record == "" {
					return broker.Errorf(broker.CodeSetupState, "connection %s is still being disconnected, so there is no record yet", args[0]).
						WithDo("Wait until NetSuite answers, or: suitekey connection disconnect " + args[0] + " --yes --now")
				}
				return e.print(map[string]any{"connection": args[0], "record": end.Record}, "%s\n", end.Record)
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

// maxRecordFile is more than any record has, in bytes.
const maxRecordFile = 1 << 20

func newConnectionVerifyRecord(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify-record FILE", Short: "Prove that a record was signed here and not changed", Args: cobra.ExactArgs(1),
		Long: "Checks the signature of a record with this server's keys, and prints what it says.\n\n  suitekey connection verify-record record.jws\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readSmall(args[0], maxRecordFile)
			if err != nil {
				return broker.Errorf(broker.CodeInvalid, "record %s: %v", args[0], err)
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				keys, err := a.Offboard.Keys(ctx)
				if err != nil {
					return err
				}
				r, err := offboard.Verify(strings.TrimSpace(string(data)), keys)
				if err != nil {
					return err
				}
				return e.print(r, "The record is genuine: %s of %s, NetSuite account %s, ended %s, %d credentials.\n", r.Connection, r.Customer, r.Account, when(r.EndedAt), len(r.Credentials))
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

const checkHelp = `Looks at a connection now: gets a token, makes the app's probe call, and says what is wrong and who must do what.

  suitekey connection check co_…
`

func newConnectionCheck(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check ID", Short: "Look at a connection's health now", Long: checkHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				h, err := a.Doctor.Check(ctx, args[0])
				if err != nil {
					return err
				}
				return e.printHealth(h)
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func (e *env) printHealth(h broker.Health) error {
	c := broker.Conditions[h.Cause]
	out := map[string]any{"connection": h.ConnectionID, "state": h.State, "cause": h.Cause, "since": h.Since, "next_probe": h.ProbeAt, "evidence": h.Evidence}
	if h.Cause == "" {
		return e.print(out, "%s: ok\n", h.ConnectionID)
	}
	out["fault"], out["title"], out["remedy"], out["path"] = c.Fault, c.Title, c.Do, c.Path
	text := fmt.Sprintf("%s: %s since %s\n  %s\n  do: %s\n", h.ConnectionID, h.State, when(h.Since), c.Title, c.Do)
	if c.Path != "" {
		text += "  at: " + c.Path + "\n"
	}
	if c.Relink {
		text += "      suitekey link create --repair " + h.ConnectionID + "\n"
	}
	return e.print(out, "%s", text)
}
