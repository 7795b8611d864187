package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
)

func newApp(e *env) *cobra.Command {
	return group("app", "Define the applications that are connected", newAppCreate(e), newAppCheck(e), newAppList(e))
}

func newAppCreate(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "create FILE", Short: "Store an app definition", Args: cobra.ExactArgs(1),
		Long: "Stores an app from its YAML file, or a newer version of it.\n\n  suitekey app create acme-sync.yaml\n  suitekey app check acme-sync\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				definition, secrets, err := readAppFile(args[0])
				if err != nil {
					return err
				}
				if err := a.Onboard.StoreApp(ctx, definition, secrets); err != nil {
					return err
				}
				return e.print(map[string]any{"app": definition.Name}, "Stored %s. Next: suitekey app check %s\n", definition.Name, definition.Name)
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func newAppCheck(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check NAME", Short: "Prove client ID and redirect URI at NetSuite", Args: cobra.ExactArgs(1),
		Long: "Asks NetSuite whether it knows the app's client ID and redirect URI. Links can be made once it does.\n\n  suitekey app check acme-sync\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.Onboard.CheckApp(ctx, args[0]); err != nil {
					return err
				}
				return e.print(map[string]any{"app": args[0], "checked": true}, "NetSuite knows client ID and redirect URI of %s. Next: suitekey link create --app %s\n", args[0], args[0])
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func newAppList(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the apps", Long: "List the apps.\n\n  suitekey app list\n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				apps, err := a.Store.Apps(ctx)
				if err != nil {
					return err
				}
				rows := make([]appRow, 0, len(apps))
				for _, one := range apps {
					rows = append(rows, appRow{one.Name, one.DisplayName, one.Integration.Consent.ClientID, one.CheckedAt})
				}
				return printTable(e, rows, []string{"NAME", "DISPLAY NAME", "CLIENT ID", "CHECKED"}, func(r appRow) []any {
					return []any{r.Name, r.DisplayName, r.ClientID, when(r.CheckedAt)}
				})
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

type appRow struct {
	Name        string    `json:"name"`
	DisplayName string    `json:"display_name"`
	ClientID    string    `json:"client_id"`
	CheckedAt   time.Time `json:"checked_at,omitzero"`
}

// when prints a moment with its zone, or a dash.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}
