package netsuitetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// The proxy mode. A client that is told HTTPS_PROXY=http://127.0.0.1:8790, and to trust the emulator's certificate authority,
// reaches the emulator under NetSuite's own names. CONNECT to them ends here; nothing is ever sent on. TLS is understood on the
// same port without CONNECT as well, for clients whose names are led here by other means.

// ProxyURL is the address for HTTPS_PROXY and http.ProxyURL: through it the emulator answers under NetSuite's own names, such as
// https://1234567.suitetalk.api.netsuite.com, to clients that trust CACertificate. All other names are refused.
//
//	roots := x509.NewCertPool()
//	roots.AddCert(srv.CACertificate())
//	transport := &http.Transport{Proxy: http.ProxyURL(srv.ProxyURL()), TLSClientConfig: &tls.Config{RootCAs: roots}}
func (s *Server) ProxyURL() *url.URL { return &url.URL{Scheme: "http", Host: s.Addr()} }

// CACertificate is the certificate authority that vouches for NetSuite's names here: for names under netsuite.com alone, for a
// year. Let the clients under test trust it, never a whole machine. Config.CAFile keeps it over restarts.
func (s *Server) CACertificate() *x509.Certificate { return s.authority.cert }

// serviceProxy is the service of the ledger's entries for CONNECT.
const serviceProxy service = "proxy"

// realNames are the names that the proxy leads here; their labels are those of RFC 1123 section 2.1.
var realNames = newForm(`^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+` + regexp.QuoteMeta(realDomain) + `$`)

// realName is the name of a host under netsuite.com in lower case; empty for every other.
func realName(host string) string {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if len(name) > 253 || !realNames.MatchString(name) {
		return ""
	}
	return name
}

// connect answers CONNECT (RFC 9110 section 9.3.6).
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	c.entry = Entry{At: c.entry.At, Service: string(serviceProxy), Method: http.MethodConnect, Path: clip(r.URL.Host)}
	name, rule := s.judgeConnect(r)
	if rule != "" {
		c.turnAway(http.StatusForbidden, rule)
		c.finish()
		c.answer(w)
		return
	}
	raw, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		c.broke("the connection is gone: " + err.Error())
		c.cut = true
		c.finish()
		return
	}
	c.met("led to the emulator itself under NetSuite's name (RFC 9110 section 9.3.6)")
	c.finish()
	ahead, _ := buffered.Reader.Peek(buffered.Reader.Buffered()) // a hasty client has begun already
	connOf(r).door.open(raw, io.MultiReader(bytes.NewReader(ahead), raw), name)
}

// turnAway answers a request that came by a wrong way, in words for whoever reads the client's log.
func (c *call) turnAway(status int, rule string) {
	c.broke(rule)
	c.text(status, "NetSuite emulator: "+rule)
}

// judgeConnect is the name that a CONNECT asks for, or the rule that it broke.
func (s *Server) judgeConnect(r *http.Request) (name, rule string) {
	host, port, err := net.SplitHostPort(r.URL.Host)
	name = realName(host)
	switch {
	case connOf(r) == nil:
		return "", "the proxy works only where the emulator itself listens, by Start, Serve or the command"
	case connOf(r).name() != "" || connOf(r).target != "":
		return "", "CONNECT inside a tunnel leads nowhere"
	case err != nil || name == "" || port != "443":
		return "", fmt.Sprintf("only names under %s at port 443 are led to the emulator, and nothing is sent on; take %q out of the proxy with NO_PROXY",
			realDomain, clip(r.URL.Host))
	}
	return name, ""
}

// strayed is the status and the rule of a request that came by a wrong way; 0 when the way is right.
func (s *Server) strayed(c *call) (status int, rule string) {
	conn := connOf(c.r)
	if conn == nil {
		return 0, "" // a server of somebody else has taken it
	}
	if name := conn.name(); name != "" {
		if host := hostOnly(c.r.Host); realName(host) != name {
			return http.StatusMisdirectedRequest, fmt.Sprintf("the Host header names %q, the connection %q (RFC 9110 section 7.4)", clip(host), name)
		}
		return 0, ""
	}
	if conn.target != "" {
		return http.StatusBadRequest, "plain HTTP at port 443, where NetSuite speaks TLS (H/section_1498251763)"
	}
	target := c.r.URL // in absolute form when the request is meant for a proxy (RFC 9112 section 3.2.2)
	switch {
	case !target.IsAbs():
		return 0, ""
	case target.Scheme == "https" && realName(target.Hostname()) != "" && (target.Port() == "" || target.Port() == "443"):
		return 0, "" // some clients do not ask for a tunnel
	case realName(target.Hostname()) != "":
		return http.StatusForbidden, "NetSuite speaks https at port 443 alone; write https:// (H/section_1498251763)"
	case target.Scheme == "http" && s.isOwn(target):
		return 0, ""
	}
	return http.StatusForbidden, fmt.Sprintf("only names under %s are led to the emulator, and nothing is sent on; take %q out of the proxy with NO_PROXY",
		realDomain, clip(target.Host))
}

// isOwn tells whether an address is one of the emulator's own: a name of loopback, or any name with the port listened on.
func (s *Server) isOwn(target *url.URL) bool {
	_, own, _ := net.SplitHostPort(s.Addr())
	_, known := parseHost(target.Host, false)
	return known || target.Port() == own
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// serverTLS speaks TLS under the real names. The alert unrecognized_name answers all others (RFC 6066 section 3).
func (s *Server) serverTLS() *tls.Config {
	return &tls.Config{
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			asked := hello.ServerName
			if w, ok := hello.Conn.(*wire); ok {
				asked = cmp.Or(asked, w.target) // a client may leave the name out
			}
			name := realName(asked)
			if name == "" {
				s.log.Warn("TLS refused: only names under netsuite.com are known here", "name", clip(asked))
				return nil, nil
			}
			return s.authority.leaf(name)
		},
	}
}

// door is a listener by which plain HTTP and TLS come in, and the other ends of the tunnels that are asked for there.
type door struct {
	net.Listener
	tls     *tls.Config
	tunnels *tunnels
}

func (s *Server) newDoor(ln net.Listener) *door {
	return &door{Listener: ln, tls: s.serverTLS(), tunnels: &tunnels{addr: ln.Addr(), ready: make(chan net.Conn), closed: make(chan struct{})}}
}

// Accept waits for the next connection from outside.
func (d *door) Accept() (net.Conn, error) {
	raw, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return d.connection(raw, raw, ""), nil
}

func (d *door) connection(raw net.Conn, early io.Reader, target string) *conn {
	return &conn{wire: &wire{Conn: raw, early: early, target: target}, door: d}
}

// open tells the client that the tunnel stands, and lets its other end in as a new connection.
func (d *door) open(raw net.Conn, early io.Reader, name string) {
	if _, err := io.WriteString(raw, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = raw.Close() // the client left
		return
	}
	d.tunnels.hand(d.connection(raw, early, name))
}

// tunnels is the listener for the other ends of tunnels.
type tunnels struct {
	addr   net.Addr
	ready  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (t *tunnels) Addr() net.Addr { return t.addr }

// Accept waits for the next tunnel.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.ready:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and hand.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

// hand gives a tunnel to Accept, or closes it when nobody accepts any more.
func (t *tunnels) hand(c net.Conn) {
	select {
	case t.ready <- c:
	case <-t.closed:
		_ = c.Close() // the emulator ends
	}
}

// wire is a connection with what was read ahead of it.
type wire struct {
	net.Conn
	early  io.Reader // ends with Conn; only touched by the reader
	target string    // name of the CONNECT; empty without
}

func (w *wire) Read(p []byte) (int, error) { return w.early.Read(p) }

// conn speaks TLS when its first byte says so (RFC 8446 section 5.1), and plain HTTP otherwise.
type conn struct {
	*wire
	door   *door
	begin  sync.Once
	secure atomic.Pointer[tls.Conn] // set by the first Read
}

type connKey struct{}

// connOf is the connection by which a request came; nil when another server has taken it.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

func keepConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// name is the real name to which the connection was made; empty for plain HTTP.
func (c *conn) name() string {
	secure := c.secure.Load()
	if secure == nil {
		return ""
	}
	return realName(cmp.Or(secure.ConnectionState().ServerName, c.target))
}

// handshakeRecord is the content type of a TLS record that carries a handshake.
const handshakeRecord = 22

func (c *conn) Read(p []byte) (n int, err error) {
	c.begin.Do(func() { err = c.listen() })
	if err != nil {
		return 0, err
	}
	return c.spoken().Read(p)
}

// listen decides at the first byte.
func (c *conn) listen() error {
	first := make([]byte, 1)
	if _, err := io.ReadFull(c.early, first); err != nil {
		return err
	}
	c.early = io.MultiReader(bytes.NewReader(first), c.early)
	if first[0] == handshakeRecord {
		c.secure.Store(tls.Server(c.wire, c.door.tls))
	}
	return nil
}

func (c *conn) Write(p []byte) (int, error) { return c.spoken().Write(p) }

// Close says goodbye in TLS before it closes what is below.
func (c *conn) Close() error { return c.spoken().Close() }

// CloseWrite lets a client read a refusal to its end: package http closes this half first when it has not read a whole request.
func (c *conn) CloseWrite() error {
	if half, ok := c.spoken().(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// spoken is the connection in the language that was heard.
func (c *conn) spoken() net.Conn {
	if secure := c.secure.Load(); secure != nil {
		return secure
	}
	return c.wire
}
