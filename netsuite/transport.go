package netsuite

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
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
// every request that is not for one of the account's own hosts of this site, or for its system host. It checks scheme,
// host, port, Host header and user information, verifies certificates and follows no redirect. An account of "" has
// the system host only. All transports of a site share one pool of connections.
//
// Most callers want HTTPClient, which adds the limits of a client.
func (s Site) Transport(a AccountID) http.RoundTripper { return &guardedTransport{s, a} }

// HTTPClient returns a client on Transport that gives redirects back unfollowed and ends a call after 30 seconds.
func (s Site) HTTPClient(a AccountID) *http.Client {
	return &http.Client{Transport: s.Transport(a), CheckRedirect: followNone, Timeout: requestTimeout}
}

func followNone(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

type guardedTransport struct {
	site    Site
	account AccountID
}

func (t *guardedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.site.admit(t.account, r); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body, also on errors
		}
		return nil, err
	}
	return t.site.pool().RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the pool, which all accounts of the site share.
func (t *guardedTransport) CloseIdleConnections() { t.site.pool().CloseIdleConnections() }

// admit refuses a request that would leave the account. The error names the host alone: path and query may hold secrets.
func (s Site) admit(a AccountID, r *http.Request) error {
	u := r.URL
	switch {
	case u == nil:
		return fmt.Errorf("%w: no URL", ErrHostRefused)
	case u.Scheme != s.SystemURL().Scheme:
		return fmt.Errorf("%w: scheme %.20q is not %q", ErrHostRefused, u.Scheme, s.SystemURL().Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: the URL holds user information", ErrHostRefused)
	case u.Opaque != "":
		return fmt.Errorf("%w: the URL is opaque", ErrHostRefused)
	case r.Host != "" && r.Host != u.Host:
		return fmt.Errorf("%w: the Host header %.100q is not the URL's host %.100q", ErrHostRefused, r.Host, u.Host)
	case !s.owns(a, u):
		return fmt.Errorf("%w: host %.100q is not a host of account %q at %s", ErrHostRefused, u.Host, a, s)
	}
	return nil
}

// owns reports whether u's host and port are exactly those of the system host or of one of the account's services.
func (s Site) owns(a AccountID, u *url.URL) bool {
	if s.sameHost(u, s.SystemURL()) {
		return true
	}
	for svc := range serviceDomains {
		if own, err := s.BaseURL(a, svc); err == nil && s.sameHost(u, own) {
			return true
		}
	}
	return false
}

func (s Site) sameHost(u, own *url.URL) bool {
	return u.Host == own.Host || !s.IsEmulator() && u.Host == own.Host+":443"
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
