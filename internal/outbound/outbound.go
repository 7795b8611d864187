// Package outbound is the way out to addresses that somebody typed in: webhooks and the incoming webhooks of chat programs. A request
// leaves by https, for a public address, and for nothing else, so that nobody can make this server talk to its own neighbours
// (threat model PX-09). Most callers want [Guard.Client] for sending, and [Guard.Check] to refuse an address when it is typed in.
//
// Not here: NetSuite, which has a guard of its own in package netsuite, and SMTP, whose server the operator names.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// within is how long a request may take, from the name's resolution to the head of the answer.
const within = 10 * time.Second

// ErrRefused is in every error that says that a request must not leave.
var ErrRefused = errors.New("not allowed for outgoing messages")

// Guard decides where a request may go. The zero value allows public https addresses at port 443.
type Guard struct {
	// Allow are the operator's exceptions.
	Allow []Exception
	// Resolve finds the addresses of a name; nil is the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// RootCAs are whom to trust; nil is the system's choice.
	RootCAs *x509.CertPool
}

// Check says whether a URL could be allowed, as far as that can be told without asking the network.
func (g *Guard) Check(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > 2048 {
		return nil, refuse("it must be a URL of at most 2048 characters") // the parser's words would repeat it
	}
	if _, err := g.target(u); err != nil {
		return nil, err
	}
	return u, nil
}

// Client sends what the guard allows. It follows no redirect, asks no proxy, and opens a connection for each request, so that each
// name is resolved once and what was checked is what is dialled.
func (g *Guard) Client() *http.Client {
	return &http.Client{
		Timeout: within,
		Transport: &transport{guard: g, base: &http.Transport{
			DialContext:            dialChecked,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: g.RootCAs},
			TLSHandshakeTimeout:    within,
			ResponseHeaderTimeout:  within,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true,
			DisableCompression:     true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport resolves and checks before it sends.
type transport struct {
	guard *Guard
	base  *http.Transport
}

// checkedKey carries the checked addresses of a request to its dial.
type checkedKey struct{}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := t.guard.target(r.URL)
	if err != nil {
		return nil, err
	}
	checked, err := t.guard.addresses(r.Context(), to)
	if err != nil {
		return nil, err
	}
	return t.base.RoundTrip(r.WithContext(context.WithValue(r.Context(), checkedKey{}, checked)))
}

// dialChecked dials the addresses that were checked for the request, and never resolves the name again: the second answer could be
// another one (DNS rebinding).
func dialChecked(ctx context.Context, network, _ string) (net.Conn, error) {
	checked, _ := ctx.Value(checkedKey{}).([]netip.AddrPort)
	err := refuse("no address was checked")
	var dialer net.Dialer
	for _, address := range checked {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, network, address.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// target is where a URL points.
type target struct {
	host    string // lower case, without a trailing dot
	port    uint16
	plain   bool       // http
	literal netip.Addr // valid when the host is an address
	allowed bool       // by an exception for the host
}

// target reads a URL. Exceptions for networks count later, when the addresses are known.
func (g *Guard) target(u *url.URL) (target, error) {
	to := target{host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), plain: u.Scheme == "http"}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return to, refuse("it must begin with https://")
	case u.User != nil:
		return to, refuse("it must not carry a user or a password")
	case u.Fragment != "":
		return to, refuse("it must not have a fragment")
	}
	var err error
	if to.port, err = portOf(u); err != nil {
		return to, err
	}
	if to.literal, err = readHost(to.host); err != nil {
		return to, err
	}
	to.allowed = g.allowsHost(to.host, to.port)
	switch {
	case to.allowed:
		return to, nil
	case to.plain && !g.mayBeInside(to.literal):
		return to, refuse("it must begin with https://")
	case to.port != 443 && !g.mayBeInside(to.literal):
		return to, refuse("its port must be 443")
	case to.literal.IsValid():
		return to, g.checkAddress(to, to.literal)
	}
	return to, nil
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" {
		if strings.HasSuffix(u.Host, ":") {
			return 0, refuse("its port is empty")
		}
		return map[string]uint16{"https": 443, "http": 80}[u.Scheme], nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, refuse("its port must be a number from 1 to 65535")
	}
	return uint16(port), nil
}

// readHost reads a name or an address. What only looks like an address is refused: resolvers disagree on 0177.0.0.1 and 2130706433.
func readHost(host string) (netip.Addr, error) {
	if host == "" || len(host) > 253 {
		return netip.Addr{}, refuse("its host must be a name of 1 to 253 characters")
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		if literal.Zone() != "" {
			return literal, refuse("its address must not have a zone")
		}
		return literal, nil
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return netip.Addr{}, refuse("its host must consist of letters, digits, hyphens and dots; write other letters in Punycode")
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return netip.Addr{}, refuse("its address must be written in the usual form, as 192.0.2.1")
	}
	return netip.Addr{}, nil
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// addresses resolves the target, and checks each address. One that is refused refuses all: a name which is public and private at the
// same time belongs to somebody who tries something.
func (g *Guard) addresses(ctx context.Context, to target) ([]netip.AddrPort, error) {
	found := []netip.Addr{to.literal}
	if !to.literal.IsValid() {
		var err error
		if found, err = g.resolve(ctx, to.host); err != nil {
			return nil, err
		}
	}
	var checked []netip.AddrPort
	for _, address := range found {
		if err := g.checkAddress(to, address); err != nil {
			return nil, err
		}
		checked = append(checked, netip.AddrPortFrom(address, to.port))
	}
	return checked, nil
}

func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	resolve := g.Resolve
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := resolve(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("find the address of %s: %w", host, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the name %s has no address", host)
	}
	for i, address := range found {
		found[i] = address.Unmap() // resolvers give IPv4 in either form
	}
	return found, nil
}

// checkAddress decides about one address of the target.
func (g *Guard) checkAddress(to target, address netip.Addr) error {
	switch {
	case to.allowed || g.inside(address):
		return nil
	case to.plain:
		return refuse("it must begin with https://")
	case to.port != 443:
		return refuse("its port must be 443")
	case !isPublic(address):
		return refuse("its address is not one of the public internet")
	}
	return nil
}

func refuse(rule string) error { return fmt.Errorf("%w: %s", ErrRefused, rule) }
