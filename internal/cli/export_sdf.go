package cli

import (
	"errors"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/export"
)

const exportSDFHelp = `Makes a SuiteCloud project from an app's definition: a role with what the app needs and no more, a health RESTlet, and a token proxy inside
NetSuite, whose key stays in NetSuite's certificate store. Its README says what to do with it, and when not to use it.

  suitekey export sdf --app acme-sync.yaml --out acme-sdf

With a Suitelet for callers that are not signed in, which Oracle discourages:

  suitekey export sdf --app acme-sync.yaml --out acme-sdf --suitelet --allow-address 203.0.113.0/24
`

func newExportSDF(e *env) *cobra.Command {
	var app, out string
	var addresses []string
	var o export.SDFOptions
	cmd := &cobra.Command{
		Use: "sdf", Short: "Make a SuiteCloud project for NetSuite", Long: exportSDFHelp, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if app == "" {
				return broker.Errorf(broker.CodeInvalid, "flag --app: the file of the app's definition is missing").WithDo("For example: --app acme-sync.yaml. See docs/app-definition.md.")
			}
			var err error
			if o.App, _, err = readAppFile(app); err != nil {
				return err
			}
			if o.Addresses, err = parseAddresses(addresses); err != nil {
				return err
			}
			files, err := export.SDF(o)
			var field *export.FieldError
			if errors.As(err, &field) {
				return broker.Errorf(broker.CodeInvalid, "flag --%s: %s", field.Field, field.Rule)
			}
			if err != nil {
				return broker.Errorf(broker.CodeAppInvalid, "%v", err)
			}
			return e.writeExport(out, files)
		},
	}
	f := cmd.Flags()
	f.StringVar(&app, "app", "", "`FILE` of the app's definition")
	f.StringVar(&out, "out", "", "`FOLDER` for the files; existing files are never overwritten")
	f.StringVar(&o.Prefix, "prefix", "", "`TEXT` that the script IDs begin with, when the app's name is too long")
	f.StringVar(&o.ManageOwnCode, "manage-own-code", "", "`CODE` of the permission Manage own OAuth 2.0 Client Credentials certificates (default "+export.DefaultManageOwnCode+")")
	f.BoolVar(&o.Suitelet, "suitelet", false, "add the Suitelet without log-in")
	f.StringSliceVar(&addresses, "allow-address", nil, "`ADDRESS` or range (CIDR) that may call the Suitelet; repeat it for more")
	return cmd
}

func parseAddresses(list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, addressErr := netip.ParseAddr(text)
			if addressErr != nil {
				return nil, broker.Errorf(broker.CodeInvalid, "flag --allow-address: %.60q must be an address or a range", text).WithDo("For example: 203.0.113.7 or 203.0.113.0/24")
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}
