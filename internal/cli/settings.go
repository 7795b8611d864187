package cli

import (
	"net/url"
	"strings"

	"github.com/spf13/pflag"
)

// rawSettings are the server's settings as file, environment and flags write them.
type rawSettings struct {
	Database      string `yaml:"database"`
	DatabaseFile  string `yaml:"database_file"`
	Addr          string `yaml:"addr"`
	PublicURL     string `yaml:"public_url"`
	MasterKey     string `yaml:"master_key"`
	MasterKeyFile string `yaml:"master_key_file"`
	NetSuite      struct {
		Emulator string `yaml:"emulator"`
	} `yaml:"netsuite"`
	LogFormat        string `yaml:"log_format"`
	NotifyAllow      string `yaml:"notify_allow"`
	SMTPAddr         string `yaml:"smtp_addr"`
	SMTPFrom         string `yaml:"smtp_from"`
	SMTPUser         string `yaml:"smtp_user"`
	SMTPPassword     string `yaml:"smtp_password"`
	SMTPPasswordFile string `yaml:"smtp_password_file"`

	// What commands work on.
	Connection             string `yaml:"connection"`
	Home                   string `yaml:"home"`
	Account                string `yaml:"account"`
	ClientID               string `yaml:"client_id"`
	CertificateID          string `yaml:"certificate_id"`
	Key                    string `yaml:"key"`
	KeyFile                string `yaml:"key_file"`
	KeyURI                 string `yaml:"key_uri"`
	Scopes                 string `yaml:"scopes"`
	RedirectURI            string `yaml:"redirect_uri"`
	Server                 string `yaml:"server"`
	ServerClientID         string `yaml:"server_client_id"`
	ServerClientSecret     string `yaml:"server_client_secret"`
	ServerClientSecretFile string `yaml:"server_client_secret_file"`
}

// setting is one line of the table that drives file, environment, flags, help and "config explain".
type setting struct {
	// key in the file. Its variable is SUITEKEY_KEY in capitals, its flag --key with hyphens; dots become underscore and hyphen.
	key      string
	fallback string
	help     string
	value    func(*rawSettings) *string
	// file is the twin that names a file with the value, for what may be secret. It has the key, variable and flag of the setting
	// with _file behind. Of setting and twin, the one from the higher source counts.
	file func(*rawSettings) *string
	// secret settings have no flag: every user of the machine can read a command line.
	secret bool
	// show is the value for people; nil shows it as it is.
	show func(string) string
	// face says which commands have the flag.
	face face
}

// face is a kind of command: one that opens the server's database, or one that works on a connection.
type face int

const (
	ofServer face = iota
	ofConnection
	ofBoth
)

func (f face) has(other face) bool { return f == other || f == ofBoth }

var settingsTable = []setting{
	{
		key: "database", fallback: "sqlite:suitekey.db", help: "`URL` of the database: sqlite:PATH or postgres://…",
		value: func(r *rawSettings) *string { return &r.Database }, file: func(r *rawSettings) *string { return &r.DatabaseFile },
		show: withoutPassword,
	},
	{
		key: "addr", fallback: "127.0.0.1:8780", help: "`ADDRESS` to listen on",
		value: func(r *rawSettings) *string { return &r.Addr },
	},
	{
		key: "public_url", help: "`URL` under which people and NetSuite reach this server; https, unless netsuite.emulator is set (default then: http:// and addr)",
		value: func(r *rawSettings) *string { return &r.PublicURL },
	},
	{
		key: "master_key", help: "`KEY` that opens the vault: base64 of 32 bytes, as suitekey keys master makes it",
		value: func(r *rawSettings) *string { return &r.MasterKey }, file: func(r *rawSettings) *string { return &r.MasterKeyFile },
		secret: true, show: masked, face: ofBoth,
	},
	{
		face: ofBoth,
		key:  "netsuite.emulator", help: "`ADDRESS` of an emulator on this machine; empty is the real NetSuite",
		value: func(r *rawSettings) *string { return &r.NetSuite.Emulator },
	},
	{
		key: "log_format", fallback: "auto", help: "`FORMAT` of the log on stderr: text, json, or auto, which is text on a terminal",
		value: func(r *rawSettings) *string { return &r.LogFormat },
	},
	{
		key: "notify_allow", help: "`LIST` of hosts (host or host:port) and networks (CIDR) that webhooks may go to beside public https addresses, by http also",
		value: func(r *rawSettings) *string { return &r.NotifyAllow },
	},
	{
		key: "smtp_addr", help: "`ADDRESS` of the mail server, host:port; TLS from the start at 465, by STARTTLS elsewhere; empty sends no mail",
		value: func(r *rawSettings) *string { return &r.SMTPAddr },
	},
	{
		key: "smtp_from", help: "`ADDRESS` that mails come from",
		value: func(r *rawSettings) *string { return &r.SMTPFrom },
	},
	{
		key: "smtp_user", help: "`NAME` to sign in to the mail server with; empty does not sign in",
		value: func(r *rawSettings) *string { return &r.SMTPUser },
	},
	{
		key: "smtp_password", help: "`PASSWORD` of smtp_user",
		value: func(r *rawSettings) *string { return &r.SMTPPassword }, file: func(r *rawSettings) *string { return &r.SMTPPasswordFile },
		secret: true, show: masked,
	},

	{
		key: "connection", help: "`NAME` of a connection on this machine, or ID (co_…) of one of the server's", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.Connection },
	},
	{
		key: "home", help: "`FOLDER` of the connections on this machine (default: suitekey in the user's configuration folder)", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.Home },
	},
	{
		key: "account", help: "`ACCOUNT` ID of NetSuite, such as 1234567_SB1", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.Account },
	},
	{
		key: "client_id", help: "`ID` of the integration record's client", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.ClientID },
	},
	{
		key: "certificate_id", help: "`ID` of the certificate, as NetSuite lists it", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.CertificateID },
	},
	{
		key: "key", help: "`KEY` that signs, in PEM form", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.Key }, file: func(r *rawSettings) *string { return &r.KeyFile },
		secret: true, show: masked,
	},
	{
		key: "key_uri", help: "`URI` of a key in a PKCS#11 token, pkcs11:token=…;object=…", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.KeyURI },
	},
	{
		key: "scopes", fallback: "rest_webservices", help: "`LIST` of rest_webservices, restlets, suite_analytics, with spaces or commas between", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.Scopes },
	},
	{
		key: "redirect_uri", fallback: defaultRedirectURI, help: "`URI` of the integration record to come back to after consent", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.RedirectURI },
	},
	{
		key: "server", help: "`URL` of a suitekey server to take tokens from", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.Server },
	},
	{
		key: "server_client_id", help: "`ID` of the client that the server knows, as suitekey client create made it", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.ServerClientID },
	},
	{
		key: "server_client_secret", help: "`SECRET` of that client", face: ofConnection,
		value: func(r *rawSettings) *string { return &r.ServerClientSecret }, file: func(r *rawSettings) *string { return &r.ServerClientSecretFile },
		secret: true, show: masked,
	},
}

func (s setting) variable() string {
	return "SUITEKEY_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

func (s setting) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(s.key) }

func (s setting) shown(value string) string {
	if s.show == nil || value == "" {
		return value
	}
	return s.show(value)
}

// twin is the setting that names the file; it is no secret itself.
func (s setting) twin() setting {
	return setting{key: s.key + "_file", value: s.file, help: "`FILE` that holds " + s.key + "; only its owner may read it", face: s.face}
}

// settingsOf lists the table with the twins in their places.
func settingsOf() []setting {
	var all []setting
	for _, s := range settingsTable {
		all = append(all, s)
		if s.file != nil {
			all = append(all, s.twin())
		}
	}
	return all
}

// addSettingsFlags gives a command the flags of the server's settings.
func addSettingsFlags(flags *pflag.FlagSet) { addFaceFlags(flags, ofServer) }

// addConnectionFlags gives a command the flags of what it works on. Those of the server's database are there, too, for its connections,
// but not in the help.
func addConnectionFlags(flags *pflag.FlagSet) {
	addFaceFlags(flags, ofConnection)
	for _, s := range settingsOf() {
		if !s.secret && s.face == ofServer {
			flags.String(s.flag(), "", s.help)
			_ = flags.MarkHidden(s.flag()) // it was just made
		}
	}
}

func addFaceFlags(flags *pflag.FlagSet, f face) {
	for _, s := range settingsOf() {
		if s.secret || !s.face.has(f) {
			continue
		}
		help := s.help
		if s.fallback != "" {
			help += " (default " + s.fallback + ")"
		}
		flags.String(s.flag(), "", help)
	}
}

func masked(string) string { return "[redacted]" }

// withoutPassword hides what a database address may hold beside the address: the password, as user information or as parameter.
func withoutPassword(database string) string {
	if strings.HasPrefix(database, "sqlite:") {
		return database
	}
	u, err := url.Parse(database)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return masked(database)
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	if _, set := u.User.Password(); set {
		u.User = url.UserPassword(u.User.Username(), "xxxxx")
	}
	return u.String()
}
