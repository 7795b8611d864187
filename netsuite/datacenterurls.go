package netsuite

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const dataCenterPath = "/rest/datacenterurls"

// The host that tells the domains of every account, without a log-in.
const (
	liveDiscoveryHost     = "rest.netsuite.com"
	emulatorDiscoveryHost = "rest.localhost"
)

// DataCenterURLs are the hosts that NetSuite names for an account; "" for one that it leaves out.
type DataCenterURLs struct {
	WebServices string // SuiteTalk: 1234567.suitetalk.api.netsuite.com
	REST        string // RESTlets
	System      string // pages for people
}

// DataCenterURLs asks NetSuite which hosts an account has. Nobody needs to sign in for that, so it tells whether an account ID is right
// (H/chapter_157011836591). An account that NetSuite does not know is ErrNotFound.
func (s Site) DataCenterURLs(ctx context.Context, a AccountID) (DataCenterURLs, error) {
	account, err := ParseAccountID(string(a))
	if err != nil {
		return DataCenterURLs{}, err
	}
	u := s.url(s.discoveryHost())
	u.Path, u.RawQuery = dataCenterPath, url.Values{"account": {account.String()}}.Encode()
	r := &request{op: opDataCenter, face: apiFace, method: http.MethodGet, url: u, header: http.Header{"Accept": {"application/json"}}, limit: maxAPIAnswer}
	ans, err := r.do(ctx, s.HTTPClient(account))
	if err != nil {
		return DataCenterURLs{}, err
	}
	var body struct{ WebservicesDomain, RestDomain, SystemDomain string }
	if json.Unmarshal(ans.body, &body) != nil {
		return DataCenterURLs{}, r.unreadable(ans, "the answer is not JSON")
	}
	found := DataCenterURLs{hostOf(body.WebservicesDomain), hostOf(body.RestDomain), hostOf(body.SystemDomain)}
	if found == (DataCenterURLs{}) {
		return found, &Error{Op: r.op, Status: ans.status, Hint: "copy the account ID from Setup > Company > Company Information", Err: fmt.Errorf("%w: account %s", ErrNotFound, account)}
	}
	return found, nil
}

// hostOf reads a domain, which may be written as a URL.
func hostOf(domain string) string {
	if _, rest, found := strings.Cut(domain, "://"); found {
		domain = rest
	}
	host, _, _ := strings.Cut(domain, "/")
	return host
}

func (s Site) discoveryHost() string {
	if s.IsEmulator() {
		return emulatorDiscoveryHost
	}
	return liveDiscoveryHost
}
