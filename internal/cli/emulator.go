package cli

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/netsuitetest"
)

const emulatorHelp = `Runs a strict NetSuite on this machine. It is not NetSuite: every page says so, any password opens it, and it listens on
loopback only.

  suitekey emulator
  suitekey emulator --addr 127.0.0.1:0 --json     a free port; the first line tells it

An integration record for the sample bundle, so that an app can be connected:

  suitekey emulator --redirect-uri http://127.0.0.1:8780/callback/acme-sync
`

func newEmulator(e *env) *cobra.Command {
	var addr, redirectURI string
	cmd := &cobra.Command{
		Use: "emulator", Short: "Run the NetSuite emulator", Long: emulatorHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := netsuitetest.New(netsuitetest.Config{Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true}})
			if err != nil {
				return err
			}
			ln, err := net.Listen("tcp", addr)
			if err != nil {
				return err
			}
			ready := map[string]any{"url": "http://" + ln.Addr().String(), "accounts": []string{"1234567", "1234567_SB1", "TSTDRV1000001"}}
			if redirectURI != "" {
				i, err := server.AddIntegration(netsuitetest.Integration{
					Name: "Acme Sync", OwnerAccount: "TSTDRV1000001", RedirectURIs: []string{redirectURI},
					Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, ClientCredentials: true, Public: true, RefreshHours: 1, RotationHours: 1,
				})
				if err != nil {
					return err
				}
				ready["client_id"] = i.ClientID
			}
			if err := e.print(ready, "%s\n", describeEmulator(ready)); err != nil {
				return err
			}
			return server.Serve(cmd.Context(), ln)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8790", "`ADDRESS` to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&redirectURI, "redirect-uri", "", "`URI` of a public integration record to make in the vendor's account")
	return cmd
}

func describeEmulator(ready map[string]any) string {
	s := fmt.Sprintf("The emulator is ready: %s/_emulator/", ready["url"])
	if id, ok := ready["client_id"]; ok {
		s += fmt.Sprintf("\nclient ID of the integration record: %s", id)
	}
	return s
}
