package netsuitetest

import (
	"net"
	"strings"
)

// service is one of NetSuite's host families.
type service string

const (
	serviceApp       service = "app"       // UI and authorize page (H/section_158081944642)
	serviceSuiteTalk service = "suitetalk" // token, revoke, keys, certificates, REST (H/section_1546938065)
	serviceRESTlets  service = "restlets"  // RESTlets and certificates (H/article_11111634165)
	serviceExtForms  service = "extforms"  // external Suitelets (H/section_4834765371)
	serviceSystem    service = "system"    // authorize page when the account is unknown
	serviceREST      service = "rest"      // discovery of domains (H/chapter_157011836591)
	serviceBare      service = "bare"      // the plain loopback address: all services of the default account, and the admin face
)

// hostForm is the way in which a request named us; links in the answer use the same.
type hostForm int

const (
	formReal hostForm = iota // 1234567.app.netsuite.com
	formTwin                 // 1234567.app.localhost:8790, which browsers resolve by themselves
	formBare                 // 127.0.0.1:8790
)

// address is a parsed Host header.
type address struct {
	service service
	account string // canonical ID, empty where the host names no account
	form    hostForm
	host    string // as received
	port    string // with colon, or empty
}

// hostSuffixes are the account-specific hosts (H/section_158081952044 and the pages named at the services) and
// their loopback twins.
var hostSuffixes = []struct {
	suffix  string
	service service
	form    hostForm
}{
	{".app.netsuite.com", serviceApp, formReal},
	{".suitetalk.api.netsuite.com", serviceSuiteTalk, formReal},
	{".restlets.api.netsuite.com", serviceRESTlets, formReal},
	{".extforms.netsuite.com", serviceExtForms, formReal},
	{".app.localhost", serviceApp, formTwin},
	{".suitetalk.localhost", serviceSuiteTalk, formTwin},
	{".restlets.localhost", serviceRESTlets, formTwin},
	{".extforms.localhost", serviceExtForms, formTwin},
}

// fullHosts are the hosts without an account.
var fullHosts = map[string]struct {
	service service
	form    hostForm
}{
	"system.netsuite.com": {serviceSystem, formReal},
	"rest.netsuite.com":   {serviceREST, formReal},
	"system.localhost":    {serviceSystem, formTwin},
	"rest.localhost":      {serviceREST, formTwin},
	"localhost":           {serviceBare, formBare},
	"127.0.0.1":           {serviceBare, formBare},
	"::1":                 {serviceBare, formBare},
}

// parseHost reads a Host header. anyBare takes every host that is no name of NetSuite's for the bare address: the
// form that an emulator in a container is called by. The account is not looked up here.
func parseHost(host string, anyBare bool) (address, bool) {
	a := address{host: host}
	name := host
	if n, port, err := net.SplitHostPort(host); err == nil {
		name, a.port = n, ":"+port
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if full, ok := fullHosts[name]; ok {
		a.service, a.form = full.service, full.form
		return a, true
	}
	for _, s := range hostSuffixes {
		label, ok := strings.CutSuffix(name, s.suffix)
		if !ok {
			continue
		}
		id := canonicalAccount(label)
		if strings.Contains(label, "_") || len(label) > 63 || !accountIDs.MatchString(id) {
			return address{}, false
		}
		a.service, a.form, a.account = s.service, s.form, id
		return a, true
	}
	if anyBare && name != "" && !strings.HasSuffix(name, ".netsuite.com") {
		a.service, a.form = serviceBare, formBare
		return a, true
	}
	return address{}, false
}

// base is scheme://host of a service of an account, in the form in which the request came. The bare address can
// only stand for the default account; other accounts get their twin.
func (a address) base(svc service, account string, bareAccount string) string {
	switch {
	case a.form == formReal:
		return "https://" + realHost(svc, account)
	case a.form == formBare && account == bareAccount:
		return "http://" + a.host
	default:
		return "http://" + hostLabel(account) + "." + string(svc) + ".localhost" + a.port
	}
}

// realHost is the name under which NetSuite itself serves the account.
func realHost(svc service, account string) string {
	for _, s := range hostSuffixes {
		if s.service == svc && s.form == formReal {
			return hostLabel(account) + s.suffix
		}
	}
	return string(svc) + ".netsuite.com"
}

// url is the address under which the request itself came, without path.
func (a address) url() string {
	if a.form == formReal {
		return "https://" + a.host
	}
	return "http://" + a.host
}
