package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/audit"
	"github.com/suitekey/suitekey/internal/broker"
)

func newAudit(e *env) *cobra.Command {
	return group("audit", "Read the audit log", newAuditList(e), newAuditVerify(e))
}

func newAuditList(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "Print every line, oldest first", Long: "Print every line, oldest first.\n\n  suitekey audit list\n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				var after int64
				for {
					groups, err := a.Store.AuditGroups(ctx, after, 100)
					if err != nil || len(groups) == 0 {
						return err
					}
					for _, g := range groups {
						if err := e.printAudit(g); err != nil {
							return err
						}
						after = g.Seq
					}
				}
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func (e *env) printAudit(g broker.AuditGroup) error {
	var lines []broker.AuditLine
	if err := json.Unmarshal(g.Lines, &lines); err != nil {
		return fmt.Errorf("audit group %d: %w", g.Seq, err)
	}
	for _, l := range lines {
		if err := e.print(l, "%s  %-22s %-24s %-24s %s %s\n", l.At.UTC().Format("2006-01-02T15:04:05.000Z"), l.Event, l.Actor, l.Object, l.Result, l.Detail); err != nil {
			return err
		}
	}
	return nil
}

func newAuditVerify(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove that no line was changed or taken out", Long: "Prove that no line was changed or taken out.\n\n  suitekey audit verify\n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				n, err := audit.Verify(ctx, a.Store)
				if err != nil {
					return err
				}
				return e.print(map[string]any{"ok": true, "groups": n}, "The chain of %d groups is whole.\n", n)
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}
