package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
)

func newCerts(e *env) *cobra.Command {
	var connection string
	rotate := &cobra.Command{
		Use: "rotate", Short: "Replace a connection's certificate now", Args: cobra.NoArgs,
		Long: "Makes a new key, lets NetSuite know its certificate, tests it, switches to it and revokes the old one.\n\n  suitekey certs rotate --connection co_…\n",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				done, err := a.Rotate.Rotate(ctx, connection)
				if err != nil {
					return err
				}
				out := map[string]any{"connection": connection, "old": done.Old, "new": done.New, "valid_until": done.ValidUntil}
				return e.print(out, "Rotated. The new certificate %s is valid until %s.\n", done.New, when(done.ValidUntil))
			})
		},
	}
	rotate.Flags().StringVar(&connection, "connection", "", "`ID` of the connection")
	addSettingsFlags(rotate.Flags())
	return group("certs", "The certificates of the connections", rotate)
}
