package cli

import (
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/internal/outbound"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

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

// serve reports whether anything is set for a server: who has none need not have an address for it.
func (found foundSettings) serve() bool {
	return slices.ContainsFunc(found, func(f foundSetting) bool { return f.face == ofServer && f.rank > rankDefault })
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
