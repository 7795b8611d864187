package netsuite

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// NetSuite may take minutes over a large query; callers that need longer set a client of their own.
	requestTimeout        = 30 * time.Second
	responseHeaderTimeout = 60 * time.Second
	dialTimeout           = 10 * time.Second
	tlsTimeout            = 10 * time.Second
	idleTimeout           = 90 * time.Second
	idlePerHost           = 8
	maxResponseHeader     = 64 << 10
)

// ErrHostRefused is returned by Site.Transport for a request that does not go to the account it was made for.
var ErrHostRefused = errors.New("outbound request refused")

// Transport returns the only way out to account a: a RoundTripper that, as the last thing before the connection, refuses
// every request that is not for one of the account's own hosts of this site, or for one that serves every account, for log-in and
// discovery. It checks scheme, host, port, Host header and user information, verifies certificates and follows no redirect. An
// account of "" has the latter only. All transports of a site share one pool of connections.
//
// Most callers want HTTPClient, which adds the limits of a client.
func (s Site) Transport(a AccountID) http.RoundTripper { return &guardedTransport{s.doorTo(a)} }

// HTTPClient returns a client on Transport that gives redirects back unfollowed and ends a call after 30 seconds.
func (s Site) HTTPClient(a AccountID) *http.Client {
	return newClient(s.Transport(a), requestTimeout)
}

// newClient is the one place that makes clients.
func newClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: followNone, Timeout: timeout}
}

func followNone(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

type guardedTransport struct{ door }

func (t *guardedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.admit(r); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body, also on errors
		}
		return nil, err
	}
	return t.site.pool().RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the pool, which all accounts of the site share.
func (t *guardedTransport) CloseIdleConnections() { t.site.pool().CloseIdleConnections() }

// door lets requests out to one account only.
type door struct {
	site    Site
	account AccountID
	hosts   []string // with their ports, as they stand in URLs
}

// doorTo knows the hosts that serve every account and those of the account's services.
func (s Site) doorTo(a AccountID) door {
	d := door{s, a, []string{s.SystemURL().Host, s.url(s.discoveryHost()).Host}}
	for svc := range serviceDomains {
		if u, err := s.BaseURL(a, svc); err == nil {
			d.hosts = append(d.hosts, u.Host)
		}
	}
	if !s.IsEmulator() {
		for _, host := range d.hosts {
			d.hosts = append(d.hosts, host+":443")
		}
	}
	return d
}

// admit refuses a request that would leave the account. The error names the host alone: path and query may hold secrets.
func (d *door) admit(r *http.Request) error {
	u := r.URL
	switch {
	case u == nil:
		return fmt.Errorf("%w: no URL", ErrHostRefused)
	case u.Scheme != d.site.scheme():
		return fmt.Errorf("%w: scheme %.20q is not %q", ErrHostRefused, u.Scheme, d.site.scheme())
	case u.User != nil:
		return fmt.Errorf("%w: the URL holds user information", ErrHostRefused)
	case u.Opaque != "":
		return fmt.Errorf("%w: the URL is opaque", ErrHostRefused)
	case r.Host != "" && r.Host != u.Host:
		return fmt.Errorf("%w: the Host header %.100q is not the URL's host %.100q", ErrHostRefused, r.Host, u.Host)
	case !slices.Contains(d.hosts, u.Host):
		return fmt.Errorf("%w: host %.100q is not a host of account %q at %s", ErrHostRefused, u.Host, d.account, d.site)
	}
	return nil
}

var (
	livePool      = sync.OnceValue(newLivePool)
	emulatorPools sync.Map // netip.AddrPort to *http.Transport
)

func (s Site) pool() *http.Transport {
	if !s.IsEmulator() {
		return livePool()
	}
	if pool, ok := emulatorPools.Load(s.emulator); ok {
		return pool.(*http.Transport)
	}
	pool, _ := emulatorPools.LoadOrStore(s.emulator, newEmulatorPool(s.emulator))
	return pool.(*http.Transport)
}

func newLivePool() *http.Transport {
	pool := newPool()
	pool.Proxy = http.ProxyFromEnvironment // a proxy sees a TLS tunnel to a name already checked
	pool.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	pool.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	pool.ForceAttemptHTTP2 = true
	return pool
}

// newEmulatorPool dials addr whatever the name, so that *.localhost needs no resolver and no name leads elsewhere.
func newEmulatorPool(addr netip.AddrPort) *http.Transport {
	pool := newPool()
	dialer := &net.Dialer{Timeout: dialTimeout}
	pool.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, addr.String())
	}
	return pool
}

func newPool() *http.Transport {
	return &http.Transport{
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  responseHeaderTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    idlePerHost,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
}
