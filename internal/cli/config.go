package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/internal/outbound"
	"github.com/suitekey/suitekey/internal/pkcs11"
	"github.com/suitekey/suitekey/internal/strictyaml"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
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

// configVariable names the settings file, like the flag --config.
const configVariable = "SUITEKEY_CONFIG"

// testVariables are read by tests, which may run commands.
const testVariables = "SUITEKEY_TEST_"

// defaultFile is read where there is one.
const defaultFile = "suitekey.yaml"

// settings are what the server works with.
type settings struct {
	Database  string
	Addr      string
	PublicURL *url.URL
	Site      netsuite.Site
	LogFormat string // text or json
	// NotifyAllow and SMTP are for telling people and programs.
	NotifyAllow []outbound.Exception
	SMTP        notify.SMTP

	masterKey netsuite.Secret // as written; empty when none is set
}

// loadConfig reads the settings: defaults, then the file, the environment and the flags, each over the one before. file "" means
// SUITEKEY_CONFIG, or suitekey.yaml where there is one. Every error has code SK-CFG-101.
func loadConfig(getenv func(string) string, readFile func(string) ([]byte, error), file string, flags *pflag.FlagSet) (settings, error) {
	found, err := findSettings(getenv, readFile, file, flags)
	if err != nil {
		return settings{}, err
	}
	return found.settings()
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

// foundSetting is a value with its source.
type foundSetting struct {
	setting
	text   string
	source string // "default", "environment SUITEKEY_ADDR", …; "" when nothing sets it
	rank   int    // of the source
}

type foundSettings []foundSetting

// The sources, in rising order.
const (
	rankUnset = iota
	rankDefault
	rankFile
	rankEnvironment
	rankFlag
)

func findSettings(getenv func(string) string, readFile func(string) ([]byte, error), file string, flags *pflag.FlagSet) (foundSettings, error) {
	if err := checkVariables(os.Environ(), getenv); err != nil {
		return nil, err
	}
	raw, file, err := readSettingsFile(getenv, readFile, file)
	if err != nil {
		return nil, err
	}
	sources := settingSources{getenv: getenv, file: file, raw: raw, flags: flags}
	var found foundSettings
	for _, s := range settingsTable {
		f, err := sources.resolve(s, readFile)
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// checkVariables refuses SUITEKEY_ variables that nothing reads: a misspelt one would be ignored silently. names are NAME=VALUE;
// one counts if getenv knows it.
func checkVariables(names []string, getenv func(string) string) error {
	known := []string{configVariable}
	for _, s := range settingsOf() {
		known = append(known, s.variable())
	}
	known = append(known, pkcs11.Variables...)
	for _, pair := range names {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SUITEKEY_") || strings.HasPrefix(name, testVariables) || slices.Contains(known, name) || getenv(name) == "" {
			continue
		}
		do := "Remove it; the variables are " + strings.Join(known, ", ") + "."
		near := strictyaml.Nearest(name, known)
		if plain, twin := strings.CutSuffix(name, "_FILE"); twin && slices.Contains(known, plain) {
			near = plain // a setting that has no twin
		}
		if near != "" {
			do = "Did you mean " + near + "?"
		}
		return badSetting("environment variable "+name, "is not a setting").WithDo(do)
	}
	return nil
}

// readSettingsFile returns the file's values and its name; "" for both when there is none.
func readSettingsFile(getenv func(string) string, readFile func(string) ([]byte, error), file string) (rawSettings, string, error) {
	var raw rawSettings
	asked := cmp.Or(file, getenv(configVariable))
	name := cmp.Or(asked, defaultFile)
	data, err := readFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && asked == "":
		return raw, "", nil
	case err != nil:
		return raw, "", badSetting("settings file "+name, "cannot be read").WithCause(reasonOf(err)).WithDo("Name a file that exists and that you may read with --config.")
	}
	if err := strictyaml.Decode(name, data, &raw); err != nil {
		return raw, "", broker.Errorf(broker.CodeConfig, "%v", err).WithDo("Correct the named line; suitekey config explain shows the settings in use.")
	}
	return raw, name, nil
}

// settingSources are what may set a setting.
type settingSources struct {
	getenv func(string) string
	file   string
	raw    rawSettings
	flags  *pflag.FlagSet
}

// resolve finds the value of a setting, and reads the file that its twin names.
func (o settingSources) resolve(s setting, readFile func(string) ([]byte, error)) (foundSetting, error) {
	f := o.find(s)
	if s.file == nil {
		return f, o.checkFlag(f)
	}
	twin := o.find(s.twin())
	switch {
	case twin.rank > f.rank:
		return o.readTwin(f, twin, readFile)
	case twin.rank == f.rank && twin.rank != rankUnset:
		return f, badSetting("setting "+s.key, "is set twice: by %s and by %s", f.source, twin.source).WithDo("Remove one of them.")
	}
	return f, o.checkFlag(f)
}

func (o settingSources) find(s setting) foundSetting {
	if o.flags != nil && !s.secret && o.flags.Changed(s.flag()) {
		return foundSetting{s, o.flags.Lookup(s.flag()).Value.String(), "flag --" + s.flag(), rankFlag}
	}
	if v := o.getenv(s.variable()); v != "" {
		return foundSetting{s, v, "environment " + s.variable(), rankEnvironment}
	}
	if v := *s.value(&o.raw); v != "" {
		return foundSetting{s, v, "file " + o.file, rankFile}
	}
	if s.fallback != "" {
		return foundSetting{s, s.fallback, "default", rankDefault}
	}
	return foundSetting{setting: s}
}

// checkFlag refuses a password on the command line, which every user of the machine can read.
func (o settingSources) checkFlag(f foundSetting) error {
	if f.rank == rankFlag && f.shown(f.text) != f.text {
		return badSetting("flag --"+f.flag(), "must not hold a password: other users of this machine can read it").
			WithDo("Set " + f.variable() + " or " + f.twin().variable() + " instead.")
	}
	return nil
}

// readTwin takes the value from the file that the twin names. A relative name in the settings file counts from that file.
func (o settingSources) readTwin(f, twin foundSetting, readFile func(string) ([]byte, error)) (foundSetting, error) {
	name := twin.text
	if twin.rank == rankFile && !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(o.file), name)
	}
	data, err := readFile(name)
	if err != nil {
		return f, badSetting(twin.source, "names %s, which cannot be read", name).WithCause(reasonOf(err)).WithDo("Name a file that exists and that you may read.")
	}
	if f.secret && openToAll(name) {
		return f, badSetting(twin.source, "names %s, which every user of this machine may use", name).WithDo("Run: chmod 600 " + name)
	}
	text := strings.TrimSpace(string(data))
	if text == "" || len(text) > 4096 {
		return f, badSetting(twin.source, "names %s, which must hold 1 to 4096 characters; it has %d", name, len(text)).WithDo("Name the file that holds " + f.key + ".")
	}
	return foundSetting{f.setting, text, twin.source + " (" + name + ")", twin.rank}, nil
}

// openToAll reports whether users who are neither owner nor in the group may use a file (CL-01). The group is left to the operator:
// orchestrators hand secrets to a process through its group.
func openToAll(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().Perm()&0o007 != 0
}

// reasonOf is the cause of a file error without the path, which the message names already.
func reasonOf(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func badSetting(what, rule string, args ...any) *broker.Error {
	return broker.Errorf(broker.CodeConfig, "%s: %s", what, fmt.Sprintf(rule, args...))
}

// serve reports whether anything is set for a server: who has none need not have an address for it.
func (found foundSettings) serve() bool {
	return slices.ContainsFunc(found, func(f foundSetting) bool { return f.face == ofServer && f.rank > rankDefault })
}

// byKey gives each value by its setting.
func (found foundSettings) byKey() map[string]foundSetting {
	get := make(map[string]foundSetting, len(found))
	for _, f := range found {
		get[f.key] = f
	}
	return get
}

// settings checks the values of the server's settings.
func (found foundSettings) settings() (settings, error) {
	get := found.byKey()
	s := settings{masterKey: netsuite.NewSecret(get["master_key"].text)}
	var errs [7]error
	s.Site, errs[0] = parseSite(get["netsuite.emulator"])
	s.Database, errs[1] = parseDatabase(get["database"])
	s.Addr, errs[2] = parseAddr(get["addr"])
	s.PublicURL, errs[3] = parsePublicURL(get["public_url"], s.Addr, s.Site.IsEmulator())
	s.LogFormat, errs[4] = parseLogFormat(get["log_format"])
	s.NotifyAllow, errs[5] = parseNotifyAllow(get["notify_allow"])
	s.SMTP, errs[6] = parseSMTP(get)
	for _, err := range errs {
		if err != nil {
			return settings{}, err
		}
	}
	return s, nil
}

// refuse makes the error for a value; it names the source, so that the reader knows where to correct it.
func (f foundSetting) refuse(rule string, args ...any) *broker.Error {
	return badSetting(fmt.Sprintf("setting %s (%s)", f.key, f.source), rule, args...)
}

func parseSite(f foundSetting) (netsuite.Site, error) {
	if f.text == "" {
		return netsuite.Site{}, nil
	}
	site, err := netsuite.EmulatorSite(f.text)
	if err != nil {
		return site, f.refuse("%v", err).WithDo("Start one with: suitekey emulator --addr 127.0.0.1:8790. For the real NetSuite, leave the setting out.")
	}
	return site, nil
}

func parseDatabase(f foundSetting) (string, error) {
	if path, ok := strings.CutPrefix(f.text, "sqlite:"); ok && path != "" && !strings.ContainsAny(path, "?#\x00") {
		return f.text, nil
	}
	if u, err := url.Parse(f.text); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
		return f.text, nil
	}
	return "", f.refuse("must be sqlite:PATH or postgres://USER@HOST/NAME").WithDo("For example: database: sqlite:suitekey.db")
}

func parseAddr(f foundSetting) (string, error) {
	_, port, err := net.SplitHostPort(f.text)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || strconv.FormatUint(n, 10) != port {
		return "", f.refuse("must be host and port; got %.100q", f.text).WithDo("For example: addr: 127.0.0.1:8780")
	}
	return f.text, nil
}

// parsePublicURL: NetSuite redirects people to https addresses only (netsuite-oauth2 2.7), so that a live server needs one. An
// emulator can be told to accept http on this machine.
func parsePublicURL(f foundSetting, addr string, emulator bool) (*url.URL, error) {
	if f.text == "" {
		return defaultPublicURL(f, addr, emulator)
	}
	u, bare := bareURL(f.text)
	switch {
	case !bare:
		return nil, f.refuse("must be scheme and host alone; got %.100q", f.text).WithDo("For example: public_url: https://connect.acme.example")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && emulator && isLoopback(u.Hostname()):
		return u, nil
	case u.Scheme == "http" && emulator:
		return nil, f.refuse("must begin with https://, or name this machine: http://127.0.0.1:8780; got %.100q", f.text).WithDo("Use https, or an address of this machine.")
	}
	return nil, f.refuse("must begin with https://, because NetSuite redirects to no other address; got %.100q", f.text).
		WithDo("Put a proxy with a certificate before the server and give its address.")
}

// bareURL reads an address that is scheme and host alone.
func bareURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Path != "" && u.Path != "/" || strings.ContainsAny(text, "#\\") {
		return nil, false
	}
	u.Path = ""
	return u, true
}

func defaultPublicURL(f foundSetting, addr string, emulator bool) (*url.URL, error) {
	host, port, err := net.SplitHostPort(addr)
	if emulator && err == nil && isLoopback(host) && port != "0" {
		return &url.URL{Scheme: "http", Host: addr}, nil
	}
	rule, do := "must be set: NetSuite redirects people to it", "For example: public_url: https://connect.acme.example"
	if emulator {
		rule = "must be set when addr does not name this machine and a port"
	}
	return nil, badSetting("setting "+f.key, "%s", rule).WithDo(do)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func parseLogFormat(f foundSetting) (string, error) {
	switch f.text {
	case "text", "json":
		return f.text, nil
	case "auto":
		if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return "text", nil
		}
		return "json", nil
	}
	return "", f.refuse("must be text, json or auto; got %.40q", f.text).WithDo("Leave it out for auto.")
}

func parseNotifyAllow(f foundSetting) ([]outbound.Exception, error) {
	allow, err := outbound.ParseExceptions(f.text)
	if err != nil {
		return nil, f.refuse("%v", err).WithDo("For example: notify_allow: hooks.acme.internal, 10.1.0.0/16")
	}
	return allow, nil
}

// parseSMTP reads the settings of the mail server; all of them, or none.
func parseSMTP(get map[string]foundSetting) (notify.SMTP, error) {
	m := notify.SMTP{
		Addr: get["smtp_addr"].text, From: get["smtp_from"].text, User: get["smtp_user"].text, Password: netsuite.NewSecret(get["smtp_password"].text),
	}
	if m.Addr == "" {
		for _, key := range []string{"smtp_from", "smtp_user", "smtp_password"} {
			if f := get[key]; f.text != "" {
				return m, f.refuse("is set, and smtp_addr is not").WithDo("Set smtp_addr, or remove " + key + ".")
			}
		}
		return m, nil
	}
	if key, err := m.Check(); err != nil {
		return m, get[key].refuse("%v", err).WithDo("For example: smtp_addr: mail.acme.example:587, smtp_from: suitekey@acme.example")
	}
	if (m.User == "") != m.Password.IsZero() {
		return m, badSetting("settings smtp_user and smtp_password", "must be set both, or neither").WithDo("Set both, or neither.")
	}
	return m, nil
}

// appConfig is what the server is made of. It needs the master key.
func (s settings) appConfig(logger *slog.Logger) (app.Config, error) {
	if s.masterKey.IsZero() {
		return app.Config{}, broker.Errorf(broker.CodeNoKey, "setting master_key: it is not set, and the vault does not open without it").
			WithDo("Make one with: suitekey keys master --out master.key. Then set SUITEKEY_MASTER_KEY_FILE=master.key.")
	}
	key, err := vault.ParseMasterKey(s.masterKey.Reveal())
	if err != nil {
		return app.Config{}, err
	}
	return app.Config{Database: s.Database, MasterKey: key, Site: s.Site, PublicURL: s.PublicURL, Logger: logger, NotifyAllow: s.NotifyAllow, SMTP: s.SMTP}, nil
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

const configExplainHelp = `Prints every setting, of the server and of the connection that a command works on, its value and where it comes from. Secrets are not printed.

Settings come from defaults, then suitekey.yaml (or --config FILE), then SUITEKEY_ variables, then flags; the last one counts.

  suitekey config explain
  SUITEKEY_ADDR=127.0.0.1:9000 suitekey config explain --json
`

func newConfig(e *env) *cobra.Command {
	explain := &cobra.Command{
		Use: "explain", Short: "Show every setting and where its value comes from", Long: configExplainHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := findSettings(e.getenv, os.ReadFile, e.configFile, cmd.Flags())
			if err != nil {
				return err
			}
			if err := found.explain(e); err != nil {
				return err
			}
			if !found.serve() {
				return nil
			}
			_, err = found.settings() // the table first: it shows where a bad value comes from
			return err
		},
	}
	addConnectionFlags(explain.Flags())
	return group("config", "Look at the settings", explain)
}

type settingRow struct {
	Setting  string `json:"setting"`
	Value    string `json:"value"`
	Source   string `json:"source"`
	Variable string `json:"variable"`
	Flag     string `json:"flag,omitempty"`
}

// rows are the settings for people: secrets are masked.
func (found foundSettings) rows() []settingRow {
	rows := make([]settingRow, 0, len(found))
	for _, f := range found {
		row := settingRow{f.key, f.shown(f.text), f.source, f.variable(), "--" + f.flag()}
		if f.secret {
			row.Flag = ""
		}
		rows = append(rows, row)
	}
	return rows
}

func (found foundSettings) explain(e *env) error {
	return printTable(e, found.rows(), []string{"SETTING", "VALUE", "SOURCE"}, func(r settingRow) []any {
		return []any{r.Setting, cmp.Or(r.Value, "-"), cmp.Or(r.Source, "not set")}
	})
}
