package outbound

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// spellings of addresses that are not on the public internet, and of public ones that are written to mislead.
var spellings = []string{
	"https://127.0.0.1/", "https://127.0.0.1./", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/",
	"https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.1.:443/", "https://0/", "https://0.0.0.0/",
	"https://127.000.000.001/", "https://127.0.0.0x1/", "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/",
	"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:8.8.8.8]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::7f00:1]/", "https://[64:ff9b::127.0.0.1]/", "https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/",
	"https://[2002:a9fe:a9fe::1]/", "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
	"https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/",
	"https://[100::1]/", "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/",
	"https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/", "https://100.64.0.1/", "https://192.0.0.192/",
	"https://168.63.129.16/", "https://192.0.2.1/", "https://198.51.100.1/", "https://203.0.113.1/", "https://198.18.0.1/",
	"https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/", "https://192.88.99.1/", "https://①②⑦.⓪.⓪.①/",
	"https://127。0。0。1/", "https://%31%32%37.0.0.1/", "https://user@8.8.8.8/", "https://8.8.8.8@127.0.0.1/", "https://127.0.0.1\\@8.8.8.8/",
	"https://[::1/", "https://8.8.8.8:22/", "https://8.8.8.8:0/", "https://8.8.8.8:/", "https://8.8.8.8:443443/", "http://8.8.8.8/",
	"http://8.8.8.8:443/", "ftp://8.8.8.8/", "file:///etc/passwd", "gopher://8.8.8.8/", "//8.8.8.8/", "8.8.8.8", "https:///x", "",
	"https://8.8.8.8/#x", "https://a..example/", "https://a b.example/", "https://" + strings.Repeat("a", 64) + ".example/",
	"https://example.com/" + strings.Repeat("x", 3000),
}

func TestPX09_AddressSpellings(t *testing.T) {
	if len(spellings) < 50 {
		t.Fatalf("%d spellings, want 50 or more", len(spellings))
	}
	var asked atomic.Int64
	guard := &Guard{Resolve: func(context.Context, string) ([]netip.Addr, error) {
		asked.Add(1)
		return nil, errors.New("there is no name to ask for")
	}}
	for _, text := range spellings {
		if _, err := guard.Check(text); !errors.Is(err, ErrRefused) {
			t.Errorf("Check(%.60q) = %v, want %v", text, err, ErrRefused)
		}
		// The transport asks again: what was stored may have been changed since.
		u, err := url.Parse(text)
		if err != nil || len(text) > 2048 {
			continue
		}
		response, err := guard.Client().Transport.RoundTrip((&http.Request{Method: http.MethodPost, URL: u, Header: http.Header{}}).WithContext(t.Context()))
		if !errors.Is(err, ErrRefused) {
			t.Errorf("a request to %.60q: %v, want %v", text, err, ErrRefused)
		}
		closeBody(response)
	}
	if asked.Load() != 0 {
		t.Errorf("the resolver was asked %d times for addresses", asked.Load())
	}
}

func TestAllowedAddresses(t *testing.T) {
	guard := &Guard{}
	for _, text := range []string{
		"https://8.8.8.8/", "https://8.8.8.8:443/", "https://[2606:4700::1111]/x?y=z", "https://hooks.example.com/services/a", "https://EXAMPLE.com./",
		"https://xn--bcher-kva.example/", "https://a_b.example/",
	} {
		if _, err := guard.Check(text); err != nil {
			t.Errorf("Check(%q) = %v", text, err)
		}
	}
}

// resolver answers with the next addresses each time it is asked; the last ones from then on.
func resolver(answers ...string) (func(context.Context, string) ([]netip.Addr, error), *atomic.Int64) {
	var asked atomic.Int64
	return func(context.Context, string) ([]netip.Addr, error) {
		n := asked.Add(1)
		var found []netip.Addr
		for text := range strings.SplitSeq(answers[min(int(n), len(answers))-1], " ") {
			found = append(found, netip.MustParseAddr(text))
		}
		return found, nil
	}, &asked
}

func TestPX09_NamesOfPrivateAddresses(t *testing.T) {
	for _, addresses := range []string{
		"127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fd00:ec2::254", "64:ff9b::a00:1",
		"2002:a00:1::1", "8.8.8.8 10.0.0.1", "2606:4700::1111 ::1",
	} {
		resolve, _ := resolver(addresses)
		response, err := (&Guard{Resolve: resolve}).Client().Get("https://rebind.example/")
		closeBody(response)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("a name with the addresses %s: %v, want %v", addresses, err, ErrRefused)
		}
	}
}

// TestPX09_Rebinding: a name that is public when it is checked and private when it is dialled. It is asked for once, and the address
// that was checked is the one that is dialled.
func TestPX09_Rebinding(t *testing.T) {
	var met atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { met.Add(1) }))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()

	resolve, asked := resolver("127.0.0.2", "127.0.0.1") // the second answer is where the server is
	guard := &Guard{Resolve: resolve, Allow: []Exception{{host: "rebind.example"}}}
	to, err := guard.target(&url.URL{Scheme: "http", Host: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String()})
	if err == nil {
		t.Errorf("the server's own address is allowed: %+v", to)
	}
	response, err := guard.Client().Get("http://rebind.example:" + server.URL[strings.LastIndexByte(server.URL, ':')+1:])
	closeBody(response)
	var dial *net.OpError
	if !errors.As(err, &dial) || !strings.HasPrefix(dial.Addr.String(), "127.0.0.2:") {
		t.Errorf("the request ended with %v, want a refused dial to 127.0.0.2", err)
	}
	if met.Load() != 0 || asked.Load() != 1 {
		t.Errorf("%d requests met the server, the resolver was asked %d times; want 0 and 1", met.Load(), asked.Load())
	}
}

// secure is an https server, with a guard that knows it as hooks.example at its port.
func secure(t *testing.T, handler http.HandlerFunc) (*Guard, string) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	resolve, _ := resolver("127.0.0.1")
	host := "example.com:" + server.URL[strings.LastIndexByte(server.URL, ':')+1:] // the name in the server's certificate
	allow, err := ParseExceptions(host)
	if err != nil {
		t.Fatal(err)
	}
	return &Guard{Resolve: resolve, RootCAs: roots, Allow: allow}, "https://" + host
}

func TestPX09_NoRedirect(t *testing.T) {
	var paths atomic.Int64
	guard, address := secure(t, func(w http.ResponseWriter, r *http.Request) {
		paths.Add(1)
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
	})
	response, err := guard.Client().Post(address+"/hook", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	closeBody(response)
	if response.StatusCode != http.StatusTemporaryRedirect || paths.Load() != 1 {
		t.Errorf("status %d after %d requests, want the redirect itself after one", response.StatusCode, paths.Load())
	}
}

func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:9")
	guard, address := secure(t, func(http.ResponseWriter, *http.Request) {})
	response, err := guard.Client().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	closeBody(response)
}

func TestTheCertificateMustBeOfTheName(t *testing.T) {
	guard, address := secure(t, func(http.ResponseWriter, *http.Request) {})
	guard.Allow = append(guard.Allow, Exception{host: "other.example.org"})
	response, err := guard.Client().Get(strings.Replace(address, "example.com", "other.example.org", 1))
	closeBody(response)
	var wrong x509.HostnameError
	if !errors.As(err, &wrong) || wrong.Host != "other.example.org" {
		t.Errorf("got %v, want a certificate of the wrong name", err)
	}
}

// A server that never answers is left after ten seconds.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := &Guard{Resolve: func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done() // whatever part of the way is slow, the client's time ends it
			return nil, ctx.Err()
		}}
		response, err := guard.Client().Get("https://slow.example/")
		closeBody(response)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestHugeHead(t *testing.T) {
	guard, address := secure(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Huge", strings.Repeat("x", 1<<20)) })
	response, err := guard.Client().Get(address)
	closeBody(response)
	if err == nil {
		t.Error("a head of a megabyte was read")
	}
}

func TestExceptions(t *testing.T) {
	allow, err := ParseExceptions(" hooks.internal, 127.0.0.1:8080 ,10.1.0.0/16,[fd00::1]:8443,FD00::2,")
	if err != nil {
		t.Fatal(err)
	}
	guard := &Guard{Allow: allow}
	for text, want := range map[string]bool{
		"http://hooks.internal/": true, "https://hooks.internal:9000/": true, "http://HOOKS.internal./": true,
		"http://127.0.0.1:8080/": true, "http://127.0.0.1:8081/": false, "http://127.0.0.1/": false,
		"http://10.1.2.3/": true, "https://10.1.2.3:8443/": true, "https://10.2.0.1/": false, "http://10.2.0.1/": false,
		"https://[fd00::1]:8443/": true, "https://[fd00::1]/": false, "https://[fd00::2]/": true, "https://[fd00::3]/": false,
		"https://u@hooks.internal/": false,
	} {
		if _, err := guard.Check(text); (err == nil) != want {
			t.Errorf("Check(%q) = %v, want allowed: %v", text, err, want)
		}
	}
}

// A network in the list opens it to names by http, and leaves all other names as they are.
func TestNetworkExceptionForNames(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "met") }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	allow, err := ParseExceptions("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	inside, _ := resolver("127.0.0.1")
	response, err := (&Guard{Allow: allow, Resolve: inside}).Client().Get("http://hooks.internal:" + port)
	if err != nil {
		t.Fatal(err)
	}
	closeBody(response)
	for _, address := range []string{"10.0.0.1", "8.8.8.8"} {
		outside, _ := resolver(address)
		response, err := (&Guard{Allow: allow, Resolve: outside}).Client().Get("http://hooks.internal:" + port)
		closeBody(response)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("http to %s: %v, want %v", address, err, ErrRefused)
		}
	}
}

func TestBadExceptions(t *testing.T) {
	for _, text := range []string{
		"10.1.2.3/16", "10.0.0.0/33", "hooks:0", "hooks:99999", "hooks:", "http://hooks.internal", "a b", "*", "*.example.com", ":", "[]:1",
		"0177.0.0.1", "fe80::1%eth0", strings.Repeat("a.", 200), "::1]:1",
	} {
		if got, err := ParseExceptions(text); err == nil {
			t.Errorf("ParseExceptions(%q) = %v, want an error", text, got)
		}
	}
	if got, err := ParseExceptions(""); err != nil || got != nil {
		t.Errorf("an empty list: %v, %v", got, err)
	}
}

func closeBody(response *http.Response) {
	if response != nil {
		_ = response.Body.Close()
	}
}
