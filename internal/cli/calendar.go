package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
)

const calendarHelp = `Lists when certificates are replaced by themselves and when they would end, and when people's consents end.

  suitekey calendar
  suitekey calendar --app acme-sync --json
  suitekey calendar --ical > suitekey.ics
`

type calendarRow struct {
	At         time.Time        `json:"at"`
	Kind       notify.EntryKind `json:"kind"`
	App        string           `json:"app"`
	Customer   string           `json:"customer"`
	Account    string           `json:"account"`
	Connection string           `json:"connection"`
	Object     string           `json:"certificate,omitempty"`
}

func newCalendar(e *env) *cobra.Command {
	var (
		name string
		ical bool
	)
	cmd := &cobra.Command{
		Use: "calendar", Short: "List what ends, and when", Long: calendarHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ical && e.json {
				return broker.Errorf(broker.CodeInvalid, "--ical and --json cannot go together").WithDo("Choose one of them.")
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				entries, err := a.Notify.Calendar(ctx, name)
				if err != nil {
					return err
				}
				if ical {
					_, err := e.stdout.Write(notify.ICalendar(entries))
					return err
				}
				rows := make([]calendarRow, 0, len(entries))
				for _, one := range entries {
					rows = append(rows, calendarRow{one.At, one.Kind, one.App, one.Customer, one.Account, one.ConnectionID, one.Object})
				}
				return printTable(e, rows, []string{"WHEN", "WHAT", "APP", "CUSTOMER", "ACCOUNT", "CONNECTION"}, func(r calendarRow) []any {
					return []any{when(r.At), r.Kind, r.App, r.Customer, r.Account, r.Connection}
				})
			})
		},
	}
	cmd.Flags().StringVar(&name, "app", "", "`NAME` of the app; all apps without it")
	cmd.Flags().BoolVar(&ical, "ical", false, "print iCalendar (RFC 5545), for calendar programs")
	addSettingsFlags(cmd.Flags())
	return cmd
}
