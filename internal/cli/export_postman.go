package cli

import (
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/export"
	"github.com/suitekey/suitekey/netsuite"
)

const exportPostmanHelp = `Makes a collection and an environment for Postman and newman. With a suitekey server, tokens come from its token endpoint, and no key
comes near Postman:

  suitekey export postman --via broker --server https://connect.acme.example --client-id cl_… --out postman

Without one, the collection signs with your key, which you put into a secret variable of the environment:

  suitekey export postman --via direct --account 1234567 --client-id 64_HEX_DIGITS --certificate-id ID --out postman
  suitekey keys jwk --in acme.key --out acme.jwk

The files hold no secret: the variables client_secret and private_key_jwk are empty in them. docs/export-postman.md goes on.
`

// exportPostmanOptions are the flags of the command.
type exportPostmanOptions struct {
	via, account, clientID, certificateID string
	scopes                                []string
	server, emulator                      string
	script, deploy                        string
	out                                   string
}

func newExportPostman(e *env) *cobra.Command {
	var o exportPostmanOptions
	cmd := &cobra.Command{
		Use: "postman", Short: "Make a collection and an environment for Postman", Long: exportPostmanHelp, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			options, err := o.parse()
			if err != nil {
				return err
			}
			files, err := export.Postman(options)
			if err != nil {
				return err
			}
			return e.writeExport(o.out, files)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.via, "via", "", "where tokens come from: broker (a suitekey server) or direct (NetSuite)")
	flags.StringVar(&o.account, "account", "", "`ID` of the account, such as 1234567_SB1; via broker the token's account is compared with it")
	flags.StringVar(&o.clientID, "client-id", "", "`ID` of the integration record (direct) or of the server's client (broker)")
	flags.StringVar(&o.certificateID, "certificate-id", "", "`ID` of the certificate, for direct; may be filled in later")
	flags.StringSliceVar(&o.scopes, "scope", nil, "`SCOPE` of the tokens, for direct; repeat it for more (default: rest_webservices and restlets)")
	flags.StringVar(&o.server, "server", "", "`URL` of the suitekey server, for broker")
	flags.StringVar(&o.script, "restlet-script", "", "`ID` of a RESTlet's script to call, such as customscript_acme_health")
	flags.StringVar(&o.deploy, "restlet-deploy", "", "`ID` of its deployment, such as customdeploy_acme_health")
	flags.StringVar(&o.emulator, "emulator", "", "`ADDRESS` of an emulator on this machine; empty is the real NetSuite")
	flags.StringVar(&o.out, "out", "", "`FOLDER` for the files; existing files are never overwritten")
	return cmd
}

func (o exportPostmanOptions) parse() (export.PostmanOptions, error) {
	options := export.PostmanOptions{
		Via: export.Via(o.via), ClientID: o.clientID, CertificateID: o.certificateID, Scopes: o.scopes, RESTletScript: o.script, RESTletDeploy: o.deploy,
	}
	if o.via == "" {
		return options, broker.Errorf(broker.CodeInvalid, "flag --via: say where tokens come from").
			WithDo("Use broker, which needs a suitekey server, or direct, which needs a key.")
	}
	var err error
	if o.account != "" || options.Via == export.ViaDirect {
		if options.Account, err = netsuite.ParseAccountID(o.account); err != nil {
			return options, broker.Errorf(broker.CodeInvalid, "flag --account: %v", err)
		}
	}
	if options.Site, err = netsuite.ParseSite(o.emulator); err != nil {
		return options, broker.Errorf(broker.CodeInvalid, "flag --emulator: %v", err).WithDo("Leave it out for the real NetSuite.")
	}
	options.Server, err = serverURL(o.server)
	return options, err
}

// serverURL reads the address of a suitekey server: https, or http on this machine.
func serverURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	bare := err == nil && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" &&
		(u.Path == "" || u.Path == "/") && !strings.ContainsAny(text, "#\\")
	if !bare || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", broker.Errorf(broker.CodeInvalid, "flag --server: must be https, scheme and host alone").
			WithDo("For example: --server https://connect.acme.example. On this machine http://127.0.0.1:8780 will do.")
	}
	return u.Scheme + "://" + u.Host, nil
}
