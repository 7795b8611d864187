package cli

import (
	"context"
	"net"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
)

const serveHelp = `Runs the server: the wizard, the token endpoint and the background work.

  suitekey serve --config suitekey.yaml
  SUITEKEY_MASTER_KEY_FILE=master.key suitekey serve --public-url https://connect.acme.example

suitekey config explain shows every setting and where its value comes from.
`

func newServe(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Long: serveHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := e.settings(cmd)
			if err != nil {
				return err
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.ServeAlone(); err != nil {
					return err
				}
				ln, err := net.Listen("tcp", s.Addr)
				if err != nil {
					return broker.Errorf(broker.CodeConfig, "setting addr: cannot listen on %s", s.Addr).WithCause(err).WithDo("Choose another address, or stop what has it.")
				}
				e.logger(s.LogFormat).Info("the server is ready", "addr", ln.Addr().String(), "public_url", s.PublicURL.String(), "netsuite", s.Site.String())
				return a.Serve(ctx, ln)
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func newMigrate(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to date and unlock the vault, then end",
		Long: "Brings the database's tables up to date and proves that the master key opens the vault.\n\n  suitekey migrate --config suitekey.yaml\n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(context.Context, *app.App) error {
				return e.print(map[string]any{"ok": true}, "The database is up to date, and the master key opens it.\n")
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}
