package netsuite

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// Service is one of the account-specific hosts of NetSuite, named by the part of the host between account and
// netsuite.com.
type Service string

// The services, with what is found there (H/section_158081944642, H/section_158081952044, H/article_11111634165).
const (
	ServiceApp       Service = "app"           // pages for people, the authorize endpoint
	ServiceSuiteTalk Service = "suitetalk.api" // token, revoke, certificates, records, SuiteQL
	ServiceRESTlets  Service = "restlets.api"  // RESTlets; Oracle's samples of the certificates endpoint
	ServiceExtForms  Service = "extforms"      // Suitelets available without log-in
)

// The domain of each service, at NetSuite and at an emulator, whose names end in .localhost so that browsers resolve
// them to this machine by themselves (RFC 6761 section 6.3).
var serviceDomains = map[Service]struct{ live, emulator string }{
	ServiceApp:       {"app.netsuite.com", "app.localhost"},
	ServiceSuiteTalk: {"suitetalk.api.netsuite.com", "suitetalk.localhost"},
	ServiceRESTlets:  {"restlets.api.netsuite.com", "restlets.localhost"},
	ServiceExtForms:  {"extforms.netsuite.com", "extforms.localhost"},
}

// The host for authorize requests of people whose account is not known yet.
const (
	liveSystemHost     = "system.netsuite.com"
	emulatorSystemHost = "system.localhost"
)

// Site says where NetSuite is. The zero value is the real one; EmulatorSite gives an emulator on this machine. Sites can
// be compared with ==.
type Site struct {
	emulator netip.AddrPort // where to dial; not valid for the real NetSuite
}

// EmulatorSite returns the site of an emulator listening on addr, such as "127.0.0.1:8790". The host must be a loopback
// address or "localhost", which means 127.0.0.1 here; the port is required.
func EmulatorSite(addr string) (Site, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return Site{}, fmt.Errorf("emulator address %.100q must be host and port, such as 127.0.0.1:8790", addr)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" || !ip.Unmap().IsLoopback() {
		return Site{}, fmt.Errorf("emulator address %.100q must be on this machine; use 127.0.0.1, [::1] or localhost", addr)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return Site{}, fmt.Errorf("emulator address %.100q must have a port from 1 to 65535, such as 127.0.0.1:8790", addr)
	}
	return Site{netip.AddrPortFrom(ip.Unmap(), uint16(number))}, nil
}

// ParseSite reads a setting: "" or "netsuite.com" is the real NetSuite, everything else the address of an emulator on this
// machine, as EmulatorSite takes it.
func ParseSite(s string) (Site, error) {
	if s == "" || s == liveSite {
		return Site{}, nil
	}
	return EmulatorSite(s)
}

const liveSite = "netsuite.com"

// IsEmulator reports whether the site is an emulator.
func (s Site) IsEmulator() bool { return s.emulator.IsValid() }

// String returns "netsuite.com" or, say, "emulator at 127.0.0.1:8790".
func (s Site) String() string {
	if s.IsEmulator() {
		return "emulator at " + s.emulator.String()
	}
	return liveSite
}

// BaseURL returns scheme and host of one service of one account, without a trailing slash:
// https://1234567.suitetalk.api.netsuite.com, or http://1234567.suitetalk.localhost:8790 at an emulator. An account that
// ParseAccountID refuses, or an unknown service, is an error.
func (s Site) BaseURL(a AccountID, svc Service) (*url.URL, error) {
	account, err := ParseAccountID(string(a))
	if err != nil {
		return nil, err
	}
	domain, ok := s.domain(svc)
	if !ok {
		return nil, fmt.Errorf("service %.40q is unknown; use ServiceApp, ServiceSuiteTalk, ServiceRESTlets or ServiceExtForms", string(svc))
	}
	host := account.HostLabel() + "." + domain
	u := s.url(host)
	// The second look that does not rely on the first: read the URL as the HTTP client will.
	if again, err := url.Parse(u.String()); err != nil || again.Hostname() != host || again.User != nil || again.Path != "" {
		return nil, fmt.Errorf("account ID %q does not make a host under %s; copy it from Setup > Company > Company Information", account, domain)
	}
	return u, nil
}

// SystemURL returns the host that serves every account's log-in: https://system.netsuite.com.
func (s Site) SystemURL() *url.URL { return s.url(s.systemHost()) }

// FormActionSources returns the sources that a page's Content-Security-Policy needs in form-action when its form ends in
// a redirect to NetSuite. For the real one that is any https page: a company may let NetSuite send its people on to a log-in
// page of its own (SAML or OpenID Connect, H/section_158074210415), and browsers hold every redirect after a form to this list.
func (s Site) FormActionSources() []string {
	if s.IsEmulator() {
		return []string{s.url("*.localhost").String()}
	}
	return []string{"https:"}
}

func (s Site) domain(svc Service) (string, bool) {
	domains, ok := serviceDomains[svc]
	if s.IsEmulator() {
		return domains.emulator, ok
	}
	return domains.live, ok
}

func (s Site) systemHost() string {
	if s.IsEmulator() {
		return emulatorSystemHost
	}
	return liveSystemHost
}

func (s Site) url(host string) *url.URL {
	if s.IsEmulator() {
		host += ":" + s.port()
	}
	return &url.URL{Scheme: s.scheme(), Host: host}
}

func (s Site) scheme() string {
	if s.IsEmulator() {
		return "http"
	}
	return "https"
}

func (s Site) port() string { return strconv.Itoa(int(s.emulator.Port())) }
