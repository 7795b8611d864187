package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuitetest"
)

const emulatorHelp = `Runs a strict NetSuite on this machine. It is not NetSuite: every page says so, any password opens it, and it listens on
loopback only.

  suitekey emulator
  suitekey emulator --port 0 --json               a free port; the first line tells it

It is also a proxy. A program that is told these two things reaches it under NetSuite's own names, unmodified:

  suitekey emulator --ca-file ca.pem
  HTTPS_PROXY=http://127.0.0.1:8790 CURL_CA_BUNDLE=ca.pem curl https://1234567.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/keys

Other accounts than 1234567, its sandbox, and the vendor's TSTDRV1000001; each has users, keys and data of its own, and the first
customer's answers at the bare address:

  suitekey emulator --account 7654321 --account 7654321_SB1 --account 7654321_RP --account TSTDRV1000001 --customers 50000

What it starts with, in a file, and what Oracle's pages leave open (docs/emulator-settings.md lists the settings):

  suitekey emulator --seed examples/emulator-seed.yaml --setting expires_in_type=number --setting code_ttl=30s

An integration record for the sample bundle, so that an app can be connected:

  suitekey emulator --redirect-uri http://127.0.0.1:8780/callback/acme-sync
`

// emulatorOptions are the flags of the command.
type emulatorOptions struct {
	addr                   string
	port                   string // empty = that of addr
	caFile                 string
	seed                   string
	settings               []string // name=value
	accounts               []string
	customers, salesOrders int
	redirectURI            string
	beyondLoopback         bool
}

// beyondLoopbackFlag is long and alarming on purpose: whoever reaches the emulator can log in as anybody.
const beyondLoopbackFlag = "dangerously-listen-beyond-this-machine"

func newEmulator(e *env) *cobra.Command {
	var o emulatorOptions
	cmd := &cobra.Command{
		Use: "emulator", Short: "Run the NetSuite emulator", Long: emulatorHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.runEmulator(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8790", "`ADDRESS` to listen on")
	flags.StringVar(&o.port, "port", "", "`PORT` to listen on instead of the one in --addr; 0 takes a free one")
	flags.StringVar(&o.caFile, "ca-file", "", "`FILE` that keeps the certificate of the proxy over restarts, its key beside it; made when it is not there")
	flags.StringVar(&o.seed, "seed", "", "`FILE`, YAML or JSON, of what the emulator starts with")
	flags.StringArrayVar(&o.settings, "setting", nil, "`NAME=VALUE` of a setting; repeat it for more")
	flags.StringArrayVar(&o.accounts, "account", nil, "`ID` of an account, such as 1234567, 1234567_SB1, 1234567_RP or TSTDRV1000001; repeat it for more")
	flags.IntVar(&o.customers, "customers", 0, "`NUMBER` of customers in each account; 0 is the usual size")
	flags.IntVar(&o.salesOrders, "sales-orders", 0, "`NUMBER` of sales orders in each account; 0 is the usual size")
	flags.StringVar(&o.redirectURI, "redirect-uri", "", "`URI` of a public integration record to make in the vendor's account")
	flags.BoolVar(&o.beyondLoopback, beyondLoopbackFlag, false, "let every machine that reaches this one log in as anybody; for containers")
	return cmd
}

// emulatorReady is the first line that the command prints.
type emulatorReady struct {
	URL      string   `json:"url"`               // the bare address: the first customer's account, and /_emulator/
	Proxy    string   `json:"proxy"`             // for HTTPS_PROXY
	CAFile   string   `json:"ca_file,omitempty"` // whole path; absent when the certificate lives in memory
	CAURL    string   `json:"ca_url"`            // where the certificate can be fetched
	Accounts []string `json:"accounts"`
	ClientID string   `json:"client_id,omitempty"` // of the record for --redirect-uri
}

func (e *env) runEmulator(ctx context.Context, o emulatorOptions) (err error) {
	addr, err := o.address()
	if err != nil {
		return err
	}
	server, err := o.newServer()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ready := emulatorReady{CAFile: o.caFile}
	if ready.ClientID, err = o.addIntegration(server); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return cannotListen(addr, err)
	}
	ready.describe(ln, server)
	if err := e.print(ready, "%s\n", ready.text()); err != nil {
		return errors.Join(err, ln.Close())
	}
	return server.Serve(ctx, ln)
}

// address is where to listen, with the port of --port where that is given. Any machine but this one is refused.
func (o emulatorOptions) address() (string, error) {
	host, port, err := net.SplitHostPort(o.addr)
	if err != nil {
		return "", broker.Errorf(broker.CodeInvalid, "flag --addr: %q is no address", o.addr).WithDo("Write host and port, such as 127.0.0.1:8790.")
	}
	addr := net.JoinHostPort(host, cmp.Or(o.port, port))
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	switch {
	case err != nil:
		return "", broker.Errorf(broker.CodeInvalid, "flags --addr and --port: %s is no address", addr).WithCause(err).
			WithDo("Write a name or number of this machine and a port from 0 to 65535, such as 127.0.0.1:8790.")
	case !tcp.IP.IsLoopback() && !o.beyondLoopback:
		return "", broker.Errorf(broker.CodeInvalid, "flag --addr: %s is reached from other machines, and the emulator accepts every password", addr).
			WithDo("Listen on 127.0.0.1. In a container whose port is published on 127.0.0.1 alone, add --" + beyondLoopbackFlag + ".")
	}
	return addr, nil
}

// newServer makes the emulator. What it refuses is wrong in the flags.
func (o *emulatorOptions) newServer() (*netsuitetest.Server, error) {
	if o.customers < 0 || o.salesOrders < 0 {
		return nil, broker.Errorf(broker.CodeInvalid, "flags --customers and --sales-orders: must not be negative").WithDo("Leave them out for the usual size.")
	}
	if o.caFile != "" {
		whole, err := filepath.Abs(o.caFile)
		if err != nil {
			return nil, err
		}
		o.caFile = whole
	}
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	server, err := netsuitetest.New(cfg)
	if err != nil {
		return nil, broker.Errorf(broker.CodeInvalid, "%v", err).WithDo("See: suitekey emulator --help")
	}
	return server, nil
}

// config is what the seed file says, changed by the flags.
func (o *emulatorOptions) config() (netsuitetest.Config, error) {
	cfg := netsuitetest.Config{Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true}}
	if o.seed != "" {
		var err error
		if cfg, err = readSeed(o.seed); err != nil {
			return cfg, err
		}
	}
	for _, setting := range o.settings {
		name, value, found := strings.Cut(setting, "=")
		if !found {
			return cfg, broker.Errorf(broker.CodeInvalid, "flag --setting: %q has no value", setting).WithDo("Write name=value, such as expires_in_type=number.")
		}
		if err := cfg.Settings.Set(name, value); err != nil {
			return cfg, broker.Errorf(broker.CodeInvalid, "flag --setting: %v", err).WithDo("docs/emulator-settings.md lists the settings and their values.")
		}
	}
	told := len(o.accounts) > 0 || o.customers > 0 || o.salesOrders > 0
	switch {
	case cfg.Accounts != nil && told:
		return cfg, broker.Errorf(broker.CodeInvalid, "flags --account, --customers and --sales-orders: the seed file has accounts").WithDo("Change them in the file, or leave its section accounts out.")
	case cfg.Accounts == nil:
		cfg.Accounts = o.accountConfigs()
	}
	cfg.CAFile, cfg.AllowNonLoopback = o.caFile, o.beyondLoopback
	return cfg, nil
}

func readSeed(path string) (netsuitetest.Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return netsuitetest.Config{}, broker.Errorf(broker.CodeInvalid, "flag --seed: the file cannot be read").WithCause(err).WithDo("Give the path of a seed file; examples/emulator-seed.yaml is one.")
	}
	defer func() { _ = file.Close() }()
	cfg, err := netsuitetest.LoadSeed(file)
	if err != nil {
		return cfg, broker.Errorf(broker.CodeInvalid, "%s: %v", path, err).WithDo("See examples/emulator-seed.yaml for every section.")
	}
	return cfg, nil
}

// usualAccounts are those of an emulator that is told nothing else.
var usualAccounts = []string{"TSTDRV1000001", "1234567", "1234567_SB1"}

func (o emulatorOptions) accountConfigs() []netsuitetest.AccountConfig {
	ids := o.accounts
	if len(ids) == 0 {
		ids = usualAccounts
	}
	customers := slices.ContainsFunc(ids, func(id string) bool { return !isDeveloperAccount(id) })
	var configs []netsuitetest.AccountConfig
	for _, id := range ids {
		configs = append(configs, netsuitetest.AccountConfig{
			ID: id, Name: accountName(id), Customers: o.customers, SalesOrders: o.salesOrders,
			Vendor: customers && isDeveloperAccount(id), // alone it is a customer like every other
		})
	}
	return configs
}

// isDeveloperAccount tells SuiteCloud Developer Network accounts, in which vendors keep integration records and bundles.
func isDeveloperAccount(id string) bool { return strings.HasPrefix(strings.ToUpper(id), "TSTDRV") }

var sandbox = regexp.MustCompile(`(?i)^SB[0-9]*$`)

// accountName is a company's name for the pages, by the kind of account that the ID tells (H/section_4609939018).
func accountName(id string) string {
	company, kind, _ := strings.Cut(strings.ReplaceAll(id, "-", "_"), "_")
	name := "Globex Corporation"
	switch {
	case isDeveloperAccount(id):
		name = "Acme Software (vendor)"
	case company != "1234567":
		name = "Company " + company
	}
	switch {
	case sandbox.MatchString(kind):
		return name + " - Sandbox " + cmp.Or(kind[2:], "1")
	case strings.EqualFold(kind, "RP"):
		return name + " - Release Preview"
	}
	return name
}

// addIntegration makes the integration record for --redirect-uri and returns its client ID.
func (o emulatorOptions) addIntegration(server *netsuitetest.Server) (clientID string, err error) {
	if o.redirectURI == "" {
		return "", nil
	}
	i, err := server.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", RedirectURIs: []string{o.redirectURI}, Scopes: []string{"rest_webservices", "restlets"},
		CodeGrant: true, ClientCredentials: true, Public: true, RefreshHours: 1, RotationHours: 1,
	})
	if err != nil {
		return "", broker.Errorf(broker.CodeInvalid, "flag --redirect-uri: %v", err).WithDo("Give an https address, or http on 127.0.0.1.")
	}
	return i.ClientID, nil
}

func cannotListen(addr string, err error) error {
	do := "Listen elsewhere: --addr or --port."
	if errors.Is(err, syscall.EADDRINUSE) {
		do = "Stop what has the port, or take a free one: suitekey emulator --port 0"
	}
	return broker.Errorf(broker.CodeConfig, "cannot listen on %s", addr).WithCause(err).WithDo(do)
}

// describe fills in what is known once the emulator listens.
func (r *emulatorReady) describe(ln net.Listener, server *netsuitetest.Server) {
	addr := ln.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	r.URL = "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
	r.Proxy, r.CAURL = r.URL, r.URL+"/_emulator/ca.pem"
	for _, a := range server.Accounts() {
		r.Accounts = append(r.Accounts, a.ID())
	}
}

func (r emulatorReady) text() string {
	s := fmt.Sprintf("The emulator is ready: %s/_emulator/\nUnder NetSuite's own names: HTTPS_PROXY=%s, and let your program trust %s\naccounts: %s",
		r.URL, r.Proxy, cmp.Or(r.CAFile, r.CAURL), strings.Join(r.Accounts, ", "))
	if r.ClientID != "" {
		s += "\nclient ID of the integration record: " + r.ClientID
	}
	return s
}
