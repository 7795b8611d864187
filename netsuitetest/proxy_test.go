package netsuitetest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

const realHost = "1234567.suitetalk.api.netsuite.com"

// through is a client that knows the proxy and its certificate authority, and nothing else of the emulator.
func through(tb testing.TB, srv *netsuitetest.Server) *http.Client {
	tb.Helper()
	transport := &http.Transport{Proxy: http.ProxyURL(srv.ProxyURL()), TLSClientConfig: &tls.Config{RootCAs: trusting(srv)}}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func trusting(srv *netsuitetest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(srv.CACertificate())
	return roots
}

// TestProxy is the whole machine-to-machine flow under NetSuite's own names.
func TestProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role, entity := w.robotReady()
	first, second := w.newKey(), w.newKey()
	if _, err := w.account().MapCertificate(w.public.ClientID, robot, acmeRole, []byte(first.pem)); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, client: through(t, w.srv)}

	tokenURL := "https://" + realHost + authPath + "/token"
	assertion := w.assertion(first).with("claims", "aud", tokenURL).sign(t, first.private)
	var token tokens
	p := b.post(tokenURL, m2mForm(assertion))
	if err := json.Unmarshal([]byte(p.body), &token); err != nil || token.Access == "" {
		t.Fatalf("token: %d %s", p.status, p.body)
	}
	send := func(method, path string, body any) page {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(method, "https://"+realHost+path, strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token.Access)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Prefer", "transient")
		return b.do(req)
	}
	if p := send(http.MethodPost, authPath+"/clients/"+w.public.ClientID+"/certificates", upload{second.pem, role, entity}); p.status != http.StatusOK {
		t.Errorf("upload: %d %s", p.status, p.body)
	}
	p = send(http.MethodPost, "/services/rest/query/v1/suiteql?limit=2", map[string]string{"q": "SELECT id FROM customer ORDER BY id"})
	if want := `"href":"https://` + realHost + `/services/rest/query/v1/suiteql?limit=2`; p.status != http.StatusOK || !strings.Contains(p.body, want) {
		t.Errorf("query: %d %s, want links such as %s", p.status, p.body, want)
	}
	if got := w.srv.Ledger().Count(func(e netsuitetest.Entry) bool { return e.Service == "suitetalk" && e.Account == "1234567" && e.OK }); got != 3 {
		t.Errorf("%d good requests in the ledger, want 3", got)
	}
	if got := w.srv.Ledger().Count(func(e netsuitetest.Entry) bool {
		return e.Method == http.MethodConnect && e.OK && e.Path == realHost+":443"
	}); got != 1 {
		t.Errorf("%d tunnels in the ledger, want 1 that serves all requests", got)
	}
}

// TestProxyRefuses: every other name and port is refused with a reason, and stands in the ledger.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	for _, target := range []string{
		"example.com:443", "netsuite.com:443", "evilnetsuite.com:443", "1234567.app.netsuite.com.evil.example:443", "1234567.app.netsuite.com:80",
		"1234567.app.netsuite.com:8443", "1234567.app.netsuite.com", "*.netsuite.com:443", "-.netsuite.com:443", "a..netsuite.com:443", "a_b.netsuite.com:443",
		"127.0.0.1:443", "[::1]:443", "169.254.169.254:80", strings.Repeat("a", 64) + ".netsuite.com:443", strings.Repeat("a.", 130) + "netsuite.com:443",
	} {
		p := raw(t, srv, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n")
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "names under netsuite.com at port 443") {
			t.Errorf("CONNECT %.60s: %d %q, want 403 with the reason", target, p.status, p.body)
		}
		if e := lastEntry(t, srv); e.OK || e.Service != "proxy" || e.Method != http.MethodConnect || e.Status != 403 || !strings.HasPrefix(target, strings.TrimSuffix(e.Path, "...")) {
			t.Errorf("CONNECT %.60s: ledger has %+v", target, e)
		}
	}
	if p := raw(t, srv, "CONNECT /app/login HTTP/1.1\r\nHost: "+realHost+":443\r\n\r\n"); p.status != http.StatusForbidden {
		t.Errorf("CONNECT of a path: %d, want 403", p.status)
	}
}

// TestProxyAbsoluteForm: requests whose line holds a whole address, as clients send them to a proxy without a tunnel.
func TestProxyAbsoluteForm(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	_, port, _ := net.SplitHostPort(srv.Addr())
	for _, tt := range []struct {
		target string
		want   int
		rule   string
	}{
		{"http://" + realHost + authPath + "/keys", 403, "https"},
		{"https://" + realHost + authPath + "/keys", 200, "key"},
		{"https://" + realHost + ":443" + authPath + "/keys", 200, "key"},
		{"https://" + realHost + ":8443" + authPath + "/keys", 403, "port 443"},
		{"http://example.com/", 403, "nothing is sent on"},
		{"https://example.com/", 403, "nothing is sent on"},
		{"ftp://127.0.0.1:" + port + "/_emulator/healthz", 403, "nothing is sent on"},
		{"http://127.0.0.1:" + port + "/_emulator/healthz", 200, ""},
		{"http://1234567.suitetalk.localhost:" + port + authPath + "/keys", 200, "key"},
		{"http://build.example:" + port + "/_emulator/healthz", 404, "Host header"}, // our port, but a name that is none of ours on loopback
	} {
		p := raw(t, srv, "GET "+tt.target+" HTTP/1.1\r\nHost: ignored.example\r\n\r\n")
		if e := lastEntry(t, srv); p.status != tt.want || !strings.Contains(e.Rule, tt.rule) {
			t.Errorf("%s: %d with the rule %q, want %d and %q", tt.target, p.status, e.Rule, tt.want, tt.rule)
		}
	}
}

// raw sends a request as it stands.
func raw(t *testing.T, srv *netsuitetest.Server, request string) page {
	t.Helper()
	conn := dial(t, srv)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return answerOf(t, conn, request[:strings.Index(request, " ")])
}

func answerOf(t *testing.T, conn net.Conn, method string) page {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{status: res.StatusCode, header: res.Header, body: string(body)}
}

func dial(t *testing.T, srv *netsuitetest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func lastEntry(t *testing.T, srv *netsuitetest.Server) netsuitetest.Entry {
	t.Helper()
	return (&world{t: t, srv: srv}).last()
}

// tunnel is a raw connection behind an accepted CONNECT.
func tunnel(t *testing.T, srv *netsuitetest.Server, host string) net.Conn {
	t.Helper()
	conn := dial(t, srv)
	if _, err := fmt.Fprintf(conn, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n", host, host); err != nil {
		t.Fatal(err)
	}
	const want = "HTTP/1.1 200 Connection established\r\n\r\n"
	got := make([]byte, len(want)) // not one byte more: what follows belongs to TLS
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("CONNECT %s: %q, %v", host, got, err)
	}
	return conn
}

// TestTLSNames looks at the certificates, in a tunnel and by TLS on the port itself.
func TestTLSNames(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	for _, tt := range []struct{ name, connect, server, want string }{
		{"tunnel", realHost, realHost, realHost},
		{"tunnel, capital letters", strings.ToUpper(realHost), realHost, realHost},
		{"tunnel, no server name", realHost, "", realHost},
		{"tunnel, a name that is nobody's", "x.y.netsuite.com", "x.y.netsuite.com", "x.y.netsuite.com"},
		{"port itself", "", realHost, realHost},
		{"port itself, no server name", "", "", ""},
		{"port itself, foreign name", "", "example.com", ""},
		{"tunnel, foreign name", realHost, "example.com", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var below net.Conn
			if tt.connect == "" {
				below = dial(t, srv)
			} else {
				below = tunnel(t, srv, tt.connect)
			}
			conn := tls.Client(below, &tls.Config{ServerName: tt.server, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}) // verified below
			err := conn.Handshake()
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
					t.Fatalf("handshake: %v, want the alert unrecognized name", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			state := conn.ConnectionState()
			leaf := state.PeerCertificates[0]
			if len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != tt.want || state.NegotiatedProtocol != "http/1.1" {
				t.Errorf("names %q by %q, want %q alone by http/1.1", leaf.DNSNames, state.NegotiatedProtocol, tt.want)
			}
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: tt.want, Roots: trusting(srv)}); err != nil {
				t.Error(err)
			}
			if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 8*24*time.Hour {
				t.Errorf("the certificate lives %s, want days", life)
			}
		})
	}
}

// TestMisdirected: behind TLS the Host header must name the host of the certificate, and the emulator's own face is not there.
func TestMisdirected(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	for _, tt := range []struct {
		request string
		want    int
	}{
		{"GET " + authPath + "/keys HTTP/1.1\r\nHost: " + realHost + "\r\n\r\n", 200},
		{"GET " + authPath + "/keys HTTP/1.1\r\nHost: " + realHost + ":443\r\n\r\n", 200},
		{"GET " + authPath + "/keys HTTP/1.1\r\nHost: 1234567-sb1.suitetalk.api.netsuite.com\r\n\r\n", 421},
		{"GET /_emulator/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 421},
		{"GET /_emulator/healthz HTTP/1.1\r\nHost: " + realHost + "\r\n\r\n", 404},
		{"CONNECT " + realHost + ":443 HTTP/1.1\r\nHost: " + realHost + ":443\r\n\r\n", 403},
	} {
		conn := tls.Client(tunnel(t, srv, realHost), &tls.Config{ServerName: realHost, RootCAs: trusting(srv)})
		if _, err := io.WriteString(conn, tt.request); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(tt.request, " ")
		if p := answerOf(t, conn, method); p.status != tt.want {
			t.Errorf("%q: %d %q, want %d", tt.request, p.status, p.body, tt.want)
		}
	}
}

// TestPlainHTTPInTunnel: at port 443 NetSuite speaks TLS alone.
func TestPlainHTTPInTunnel(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	for request, want := range map[string]int{
		"GET " + authPath + "/keys HTTP/1.1\r\nHost: " + realHost + "\r\n\r\n":        400,
		"GET /_emulator/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n":                  400,
		"CONNECT " + realHost + ":443 HTTP/1.1\r\nHost: " + realHost + ":443\r\n\r\n": 403,
	} {
		conn := tunnel(t, srv, realHost)
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(request, " ")
		if p := answerOf(t, conn, method); p.status != want || lastEntry(t, srv).OK {
			t.Errorf("%q: %d %q, want %d", request, p.status, p.body, want)
		}
	}
}

// TestHastyTunnel: a client that does not wait for the answer to CONNECT loses nothing.
func TestHastyTunnel(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	conn := dial(t, srv)
	connect := "CONNECT " + realHost + ":443 HTTP/1.1\r\nHost: " + realHost + ":443\r\n\r\n"
	hello := &recorder{}
	_ = tls.Client(hello, &tls.Config{ServerName: realHost}).Handshake() // gets no answer; only its first message is wanted
	if len(hello.sent) == 0 {
		t.Fatal("no client hello")
	}
	if _, err := conn.Write(append([]byte(connect), hello.sent...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n")+1)
	if _, err := io.ReadFull(conn, answer); err != nil || answer[len(answer)-1] != 22 {
		t.Fatalf("%q, %v; want 200 and then a handshake record", answer, err)
	}
}

// recorder keeps what is written and has nothing to read.
type recorder struct {
	net.Conn
	sent []byte
}

func (r *recorder) Write(p []byte) (int, error) {
	r.sent = append(r.sent, p...)
	return len(p), nil
}

func (r *recorder) Read([]byte) (int, error) { return 0, io.EOF }
func (r *recorder) Close() error             { return nil }

// TestGarbageOnThePort: what is neither HTTP nor TLS ends its own connection and nothing else.
func TestGarbageOnThePort(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	for _, garbage := range []string{
		"\x16", "\x16\x03\x01\x00\x05hello", "\x16\x03\x01\xff\xff" + strings.Repeat("x", 70_000), "\x05\x01\x00", "\x80\x2e\x01\x00\x02", "\x00\x00\x00",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT\r\n\r\n", "CONNECT  HTTP/1.1\r\n\r\n", "CONNECT " + strings.Repeat("a", 70_000) + ":443 HTTP/1.1\r\n\r\n",
	} {
		conn := dial(t, srv)
		_, _ = io.WriteString(conn, garbage) // it may be cut off before its end
		_ = conn.(*net.TCPConn).CloseWrite()
		if answer, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%.20q: %v after %.40q, want the end of the connection", garbage, err, answer)
		}
	}
	res, err := through(t, srv).Get("https://" + realHost + authPath + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d, want 200", res.StatusCode)
	}
}

// TestTunnelsEndWithTheEmulator: idle and half-open tunnels do not keep it alive.
func TestTunnelsEndWithTheEmulator(t *testing.T) {
	t.Parallel()
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	if err := waitForAddr(t, ln); err != nil {
		t.Fatal(err)
	}
	idle := tunnel(t, srv, realHost)
	half := tls.Client(tunnel(t, srv, realHost), &tls.Config{ServerName: realHost, RootCAs: trusting(srv)})
	if err := half.Handshake(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	for _, conn := range []net.Conn{idle, half} {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a tunnel is open after the end")
		}
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

// waitForAddr waits until the emulator answers at the listener's address.
func waitForAddr(t *testing.T, ln net.Listener) error {
	t.Helper()
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + ln.Addr().String() + "/_emulator/healthz")
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// A server of somebody else that mounts the handler has no tunnels, and says so.
func TestNoTunnelThroughHandler(t *testing.T) {
	t.Parallel()
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	r := httptest.NewRequest(http.MethodConnect, "http://"+realHost+":443", nil)
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Serve") {
		t.Errorf("%d %s, want 403 that names Serve", w.Code, w.Body)
	}
}

func TestCAPEM(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.call(http.MethodGet, w.srv.URL()+"/_emulator/ca.pem", "", nil)
	roots := x509.NewCertPool()
	if p.status != 200 || !roots.AppendCertsFromPEM([]byte(p.body)) || strings.Contains(p.body, "PRIVATE") {
		t.Fatalf("%d %s, want a certificate and no key", p.status, p.body)
	}
	if _, err := w.srv.CACertificate().Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Error(err)
	}
}

// TestAdminCertificate maps a certificate from another process.
func TestAdminCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role, entity := w.robotReady()
	k := w.newKey()
	type m = map[string]any
	good := func() m {
		return m{"client_id": w.public.ClientID, "employee": robot, "role": acmeRole, "certificate": k.pem}
	}
	face := w.srv.URL() + "/_emulator/accounts/1234567/certificates"
	for _, tt := range []struct {
		name, field string
		value       any
		want        string
	}{
		{"no certificate", "certificate", "", "PEM"},
		{"a key", "certificate", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "CERTIFICATE block"},
		{"foreign client", "client_id", "x", "client ID"},
		{"record without the grant", "client_id", w.confidential.ClientID, "Client Credentials"},
		{"nobody", "employee", "<script>@x", "nobody has this e-mail"},
		{"no role", "role", "customrole_x", "no such script ID"},
		{"unknown field", "password", "x", "documented fields"},
		{"number", "role", 3, "documented fields"},
		{"huge", "certificate", strings.Repeat("A", 2<<20), "error"},
	} {
		in := good()
		in[tt.field] = tt.value
		if p := w.call(http.MethodPost, face, "", in); p.status != 400 || !strings.Contains(p.body, tt.want) {
			t.Errorf("%s: %d %.200s, want 400 that names %q", tt.name, p.status, p.body, tt.want)
		}
	}
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 0 {
		t.Errorf("%d certificates after refusals, want none", got)
	}
	if p := w.call(http.MethodPost, strings.Replace(face, "1234567", "7654321", 1), "", good()); p.status != 404 {
		t.Errorf("unknown account: %d, want 404", p.status)
	}
	want := fmt.Sprintf(`{"certificate_id":"%s","entity":%d,"role":%d}`, k.id, entity, role)
	if p := w.call(http.MethodPost, face, "", good()); p.status != 200 || p.body != want {
		t.Errorf("%d %s, want %s", p.status, p.body, want)
	}
	if tok := w.m2m(w.assertion(k).sign(t, k.private)); tok.Access == "" {
		t.Errorf("token: %d %s", tok.status, tok.Error)
	}
}

// FuzzConnect: whatever CONNECT or request line comes, the answer is a refusal, a tunnel to ourselves, or one of our own pages.
func FuzzConnect(f *testing.F) {
	for _, s := range []string{realHost + ":443", "example.com:443", "[::1]:443", "a.netsuite.com:443:443", "http://example.com/", "", "\x00.netsuite.com:443", "é.netsuite.com:443"} {
		f.Add(s)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	f.Cleanup(func() {
		stop()
		<-served
		_ = srv.Close()
	})
	proxy := &url.URL{Scheme: "http", Host: ln.Addr().String()}
	f.Fuzz(func(t *testing.T, target string) {
		conn, err := net.Dial("tcp", proxy.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target)
		_ = conn.(*net.TCPConn).CloseWrite()
		res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		if err != nil {
			return // cut off, as a request that is no HTTP may be
		}
		defer res.Body.Close()
		host, _, _ := net.SplitHostPort(target)
		if res.StatusCode == http.StatusOK && !strings.HasSuffix(strings.TrimSuffix(strings.ToLower(host), "."), ".netsuite.com") {
			t.Errorf("CONNECT %q: %d", target, res.StatusCode)
		}
	})
}
