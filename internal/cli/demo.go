package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/demo"
)

const demoHelp = `Starts an emulator, a server and a sample customer in one process, and prints the link to click.

  suitekey demo                        click through the wizard yourself
  suitekey demo --auto                 play the customer over HTTP, from link to rotated certificate
  suitekey demo --auto --json          one JSON object per step
  suitekey demo --postgres URL         use a PostgreSQL database instead of the embedded one
  suitekey demo --keep DIR             keep database and master key in a folder
`

func newDemo(e *env) *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use: "demo", Short: "See the whole onboarding on this machine", Long: demoHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.JSON, o.Stdout = e.json, e.stdout
			o.Logger = slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			return demo.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Auto, "auto", false, "play the customer and end")
	cmd.Flags().StringVar(&o.Postgres, "postgres", "", "`URL` of a PostgreSQL database to use; suitekey makes its tables in it")
	cmd.Flags().StringVar(&o.Keep, "keep", "", "`DIR` to keep; default: a temporary folder that is removed")
	return cmd
}
