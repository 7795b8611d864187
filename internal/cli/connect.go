package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/profile"
	"github.com/suitekey/suitekey/netsuite"
)

const connectHelp = `Connects this machine to your own NetSuite account, without a server: an administrator allows it once in the browser, then a key is made,
NetSuite gets to know its certificate, and the connection is tested. The administrator's permission is ended in any case. What was broken
off goes on when the same command is run again.

You need an integration record with both grants, a redirect URI ` + defaultRedirectURI + ` and the scope REST Web Services, and a role
with the permissions that are needed, which one user holds.

  suitekey connect --connection acme --account 1234567 --client-id 5f3c… --role customrole_acme_sync
  suitekey token --connection acme

The key is sealed in a file; what opens it is in the system's keyring, or, where there is none, in a file of your own:

  suitekey keys master --out master.key
  SUITEKEY_MASTER_KEY_FILE=master.key suitekey connect --connection acme …

A key that never leaves its PKCS#11 token:

  suitekey connect --connection acme --account 1234567 --client-id 5f3c… --role customrole_acme_sync --key-uri 'pkcs11:token=acme;object=netsuite'
`

// consentFlags are those of connect and login.
type consentFlags struct {
	paste        bool
	clientSecret string // file
}

func (c *consentFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&c.paste, "paste", false, "the browser is on another machine: its address is pasted here after Allow")
	f.StringVar(&c.clientSecret, "client-secret-file", "", "`FILE` that holds the client secret, for a record that is not a public client; - for stdin")
}

// record is the integration record that is consented to, and how the browser comes back.
func (e *env) record(c consentFlags, get map[string]foundSetting) (profile.Record, returning, error) {
	var r profile.Record
	if r.ClientID = get["client_id"].text; r.ClientID == "" {
		return r, returning{}, broker.Errorf(broker.CodeInvalid, "flag --client-id: the client ID of the integration record is missing").
			WithDo("Copy it from Setup > Integration > Manage Integrations; NetSuite shows it once, when the record is saved.")
	}
	r.RedirectURI = get["redirect_uri"].text
	at, err := parseRedirectURI(get["redirect_uri"], get["netsuite.emulator"].text != "")
	if err != nil {
		return r, returning{}, err
	}
	if c.clientSecret != "" {
		if r.ClientSecret, err = readSecretFile(c.clientSecret, e.stdin); err != nil {
			return r, returning{}, err
		}
	}
	return r, returning{redirectURI: at, paste: c.paste}, nil
}

// expectedAccount is the one that the settings name; empty when the person chooses in NetSuite.
func expectedAccount(get map[string]foundSetting) (netsuite.AccountID, error) {
	if get["account"].text == "" {
		return "", nil
	}
	return parseAccount(get["account"])
}

// newName is the name of a profile that a command makes.
func newName(get map[string]foundSetting) (string, error) {
	name := get["connection"].text
	if name == "" {
		return "", broker.Errorf(broker.CodeInvalid, "flag --connection: the name that the connection will have on this machine is missing").WithDo("For example: --connection acme")
	}
	return name, profile.CheckName(name)
}

func newConnect(e *env) *cobra.Command {
	var c consentFlags
	var o profile.Connect
	var alg, consentClient string
	cmd := &cobra.Command{
		Use: "connect", Short: "Connect your own account, without a server", Long: connectHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, get map[string]foundSetting) error {
				browse, err := e.readConnect(&o, c, alg, consentClient, get)
				if err != nil {
					return err
				}
				p, err := folder.Connect(ctx, o, e.browse(browse), e.step)
				if err != nil {
					return err
				}
				return e.printProfile(p, fmt.Sprintf("Connected. The certificate lives until %s.\nNext: suitekey token --connection %s\n", when(p.ValidUntil), p.Name))
			})
		},
	}
	f := cmd.Flags()
	c.add(cmd)
	f.StringVar(&o.Role, "role", "", "script `ID` of the role that the connection acts as, customrole_…")
	f.Int64Var(&o.Entity, "entity", 0, "internal `ID` of the user that holds the role, when several do")
	f.StringVar(&consentClient, "consent-client-id", "", "`ID` of the record to consent to, when it is another one than that of --client-id")
	f.StringVar(&alg, "alg", "p256", keyAlgorithmHelp)
	f.IntVar(&o.Days, "days", 0, "`DAYS` that the certificate lives; 0 for as long as NetSuite takes")
	addConnectionFlags(f)
	return cmd
}

// readConnect fills what is asked for from flags and settings, and refuses what cannot work before a person is sent anywhere.
func (e *env) readConnect(o *profile.Connect, c consentFlags, alg, consentClient string, get map[string]foundSetting) (r returning, err error) {
	if o.Name, err = newName(get); err != nil {
		return r, err
	}
	if o.Account, err = expectedAccount(get); err != nil {
		return r, err
	}
	if o.Consent, r, err = e.record(c, get); err != nil {
		return r, err
	}
	o.ClientID, o.Emulator, o.KeyURI = o.Consent.ClientID, get["netsuite.emulator"].text, get["key_uri"].text
	if consentClient != "" {
		o.Consent.ClientID = consentClient
	}
	if o.Key, err = parseKeyAlgorithm(alg); err != nil {
		return r, err
	}
	if o.Scopes, err = parseScopes(get["scopes"]); err != nil {
		return r, err
	}
	if o.Days < 0 || o.Days > longestCertificate {
		return r, broker.Errorf(broker.CodeInvalid, "flag --days: must be 1 to %d; got %d", longestCertificate, o.Days)
	}
	return r, nil
}

type profileRow struct {
	Name          string    `json:"connection"`
	Kind          string    `json:"kind"`
	Account       string    `json:"account"`
	Environment   string    `json:"environment"`
	ClientID      string    `json:"client_id"`
	Scopes        []string  `json:"scopes"`
	Role          int64     `json:"role,omitempty"`
	Entity        int64     `json:"entity,omitempty"`
	CertificateID string    `json:"certificate_id,omitempty"`
	ValidUntil    time.Time `json:"valid_until,omitzero"`
	KeyURI        string    `json:"key_uri,omitempty"`
	Emulator      string    `json:"emulator,omitempty"`
	Connected     bool      `json:"connected"`
}

func profileRowOf(p profile.Profile) profileRow {
	row := profileRow{
		Name: p.Name, Kind: string(p.Kind), Account: p.Account.String(), ClientID: p.ClientID, Scopes: p.Scopes, Role: p.Role, Entity: p.Entity,
		CertificateID: p.CertificateID, ValidUntil: p.ValidUntil, KeyURI: p.KeyURI, Emulator: p.Emulator, Connected: p.Connected(),
	}
	if p.Account != "" {
		row.Environment = p.Account.Describe()
	}
	return row
}

func (e *env) printProfile(p profile.Profile, text string) error {
	return e.print(profileRowOf(p), "%s", text)
}

const loginHelp = `Lets you use NetSuite from this machine as yourself, without a server: you allow it in the browser, and the tokens renew themselves until
your consent ends. The same command renews the consent. For programs that run without you, suitekey connect is better.

You need an integration record with the Authorization Code Grant and a redirect URI ` + defaultRedirectURI + `.

  suitekey login --connection me --account 1234567_SB1 --client-id 5f3c…
  suitekey query --connection me 'SELECT id FROM customer ORDER BY id'

On a machine without a browser:

  suitekey login --connection me --client-id 5f3c… --paste
`

func newLogin(e *env) *cobra.Command {
	var c consentFlags
	o := profile.Login{}
	cmd := &cobra.Command{
		Use: "login", Short: "Use NetSuite as yourself, without a server", Long: loginHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, get map[string]foundSetting) error {
				browse, err := e.readLogin(cmd, &o, c, get, folder)
				if err != nil {
					return err
				}
				p, err := folder.Login(ctx, o, e.browse(browse))
				if err != nil {
					return err
				}
				return e.printProfile(p, fmt.Sprintf("Logged in to account %s.\nNext: suitekey token --connection %s\n", p.Account, p.Name))
			})
		},
	}
	c.add(cmd)
	cmd.Flags().IntVar(&o.RotationHours, "rotation-hours", 0, "Maximum Time For Token Rotation of a public client's record, in `HOURS`; 0 is NetSuite's default, 168")
	addConnectionFlags(cmd.Flags())
	return cmd
}

func (e *env) readLogin(cmd *cobra.Command, o *profile.Login, c consentFlags, get map[string]foundSetting, folder profile.Folder) (r returning, err error) {
	if o.Name, err = newName(get); err != nil {
		return r, err
	}
	known(cmd, get, folder, o)
	if o.Account, err = expectedAccount(get); err != nil {
		return r, err
	}
	if o.Record, r, err = e.record(c, get); err != nil {
		return r, err
	}
	o.Emulator = get["netsuite.emulator"].text
	o.Scopes, err = parseScopes(get["scopes"])
	return r, err
}

// known takes what is not given from the profile, so that a consent is renewed by its name alone.
func known(cmd *cobra.Command, get map[string]foundSetting, folder profile.Folder, o *profile.Login) {
	p, err := folder.Read(o.Name)
	if err != nil {
		return // a new one; whatever else is wrong is told when it is opened
	}
	fill := func(key, value string) {
		if f := get[key]; f.rank <= rankDefault && value != "" {
			f.text, f.source = value, "connection "+p.Name
			get[key] = f
		}
	}
	fill("account", p.Account.String())
	fill("client_id", p.ClientID)
	fill("netsuite.emulator", p.Emulator)
	fill("scopes", strings.Join(p.Scopes, " "))
	fill("redirect_uri", p.RedirectURI)
	if !cmd.Flags().Changed("rotation-hours") {
		o.RotationHours = p.RotationHours
	}
}
