package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/export"
)

const exportPostmanHelp = `Makes a collection and an environment for Postman and newman. With a suitekey server, tokens come from its token endpoint, and no key
comes near Postman:

  suitekey export postman --via broker --server https://connect.acme.example --server-client-id cl_… --out postman

Without one, the collection signs with your key, which you put into a secret variable of the environment:

  suitekey export postman --via direct --account 1234567 --client-id 64_HEX_DIGITS --certificate-id ID --out postman
  suitekey keys jwk --in acme.key --out acme.jwk

The files hold no secret: the variables client_secret and private_key_jwk are empty in them. docs/export-postman.md goes on.
`

// exportPostmanFlags are the flags of the command that are no settings.
type exportPostmanFlags struct {
	via, script, deploy, out string
}

func newExportPostman(e *env) *cobra.Command {
	var f exportPostmanFlags
	cmd := &cobra.Command{
		Use: "postman", Short: "Make a collection and an environment for Postman", Long: exportPostmanHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			get, err := e.connectionSettings(cmd)
			if err != nil {
				return err
			}
			options, err := f.options(get)
			if err != nil {
				return err
			}
			files, err := export.Postman(options)
			if err != nil {
				return err
			}
			return e.writeExport(f.out, files)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.via, "via", "", "where tokens come from: `broker` (a suitekey server) or direct (NetSuite)")
	flags.StringVar(&f.script, "restlet-script", "", "`ID` of a RESTlet's script to call, such as customscript_acme_health")
	flags.StringVar(&f.deploy, "restlet-deploy", "", "`ID` of its deployment, such as customdeploy_acme_health")
	flags.StringVar(&f.out, "out", "", "`FOLDER` for the files; existing files are never overwritten")
	addFlagsOf(flags, "account", "client_id", "certificate_id", "scopes", "server", "server_client_id", "netsuite.emulator")
	return cmd
}

// addFlagsOf gives a command the flags of some settings.
func addFlagsOf(flags *pflag.FlagSet, keys ...string) {
	for _, s := range settingsOf() {
		if slices.Contains(keys, s.key) {
			flags.String(s.flag(), "", s.help)
		}
	}
}

// options are what the flags and settings say. A setting that the way of the tokens has no use for is an error as a flag; in the
// environment it is for other commands.
func (f exportPostmanFlags) options(get map[string]foundSetting) (export.PostmanOptions, error) {
	o := export.PostmanOptions{Via: export.Via(f.via), RESTletScript: f.script, RESTletDeploy: f.deploy}
	useful := []string{"account", "netsuite.emulator", "client_id", "certificate_id", "scopes"}
	client := get["client_id"]
	switch o.Via {
	case export.ViaBroker:
		useful = []string{"account", "netsuite.emulator", "server", "server_client_id"}
		client = get["server_client_id"]
	case export.ViaDirect:
	default:
		return o, broker.Errorf(broker.CodeInvalid, "flag --via: must be broker or direct; got %.40q", f.via).
			WithDo("Use broker, which needs a suitekey server, or direct, which needs a key.")
	}
	for key, s := range get {
		if s.rank == rankFlag && !slices.Contains(useful, key) {
			return o, broker.Errorf(broker.CodeInvalid, "flag --%s: is not for --via %s", s.flag(), f.via).WithDo("Leave it out. See: suitekey export postman --help")
		}
	}
	o.ClientID = client.text
	var err error
	if o.Site, err = parseSite(get["netsuite.emulator"]); err != nil {
		return o, err
	}
	fill := directOptions
	if o.Via == export.ViaBroker {
		fill = brokerOptions
	}
	err = fill(&o, get)
	return o, err
}

func directOptions(o *export.PostmanOptions, get map[string]foundSetting) (err error) {
	if o.Account, err = parseAccount(get["account"]); err != nil {
		return err
	}
	o.CertificateID = get["certificate_id"].text
	o.Scopes, err = parseScopes(get["scopes"])
	return err
}

func brokerOptions(o *export.PostmanOptions, get map[string]foundSetting) (err error) {
	if get["account"].text != "" {
		if o.Account, err = parseAccount(get["account"]); err != nil {
			return err
		}
	}
	o.Server, err = parseServer(get["server"])
	return err
}

// parseServer reads the address of a suitekey server: https, or http on this machine.
func parseServer(f foundSetting) (string, error) {
	u, bare := bareURL(f.text)
	if !bare || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", f.refuse("must be https, scheme and host alone").
			WithDo("For example: --server https://connect.acme.example. On this machine http://127.0.0.1:8780 will do.")
	}
	return u.String(), nil
}
