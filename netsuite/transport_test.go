package netsuite

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestTransportReachesOwnHosts(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "here"))
	client := site.HTTPClient(testAccount)
	for _, svc := range []Service{ServiceApp, ServiceSuiteTalk, ServiceRESTlets, ServiceExtForms} {
		u, err := site.BaseURL(testAccount, svc)
		if err != nil {
			t.Fatal(err)
		}
		requireGet(t, client, u)
	}
	requireGet(t, client, site.SystemURL())
	if got := len(site.requests()); got != 5 {
		t.Errorf("server got %d requests, want 5", got)
	}
	client.CloseIdleConnections()
}

func requireGet(t *testing.T, client *http.Client, u *url.URL) {
	t.Helper()
	resp, err := client.Get(u.String())
	if err != nil {
		t.Fatalf("GET %s: %v", u, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "here" {
		t.Errorf("GET %s = %q, %v", u, body, err)
	}
}

// closeNoter notes that a refused request's body is closed, as a RoundTripper must.
type closeNoter struct {
	io.Reader
	closed bool
}

func (c *closeNoter) Close() error { c.closed = true; return nil }

func TestPX01_TransportRefusesEveryOtherHost(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, ""))
	port := site.port()
	refused := func(name string, s Site, account AccountID, mutate func(*http.Request), address string) {
		t.Helper()
		body := &closeNoter{Reader: strings.NewReader("secret")}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if mutate != nil {
			mutate(r)
		}
		resp, err := s.Transport(account).RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, ErrHostRefused) {
			t.Errorf("%s: %s gave %v, want ErrHostRefused", name, address, err)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error shows the query: %v", name, err)
		}
		if !body.closed {
			t.Errorf("%s: the body was left open", name)
		}
	}
	own := "http://1234567-sb1.suitetalk.localhost:" + port + "/x?q=hush"
	for _, address := range []string{
		"http://127.0.0.1:" + port, "http://localhost:" + port, "http://7654321.suitetalk.localhost:" + port,
		"http://evil.1234567-sb1.suitetalk.localhost:" + port, "http://1234567-sb1.suitetalk.localhost.:" + port,
		"http://1234567-SB1.suitetalk.localhost:" + port, "http://1234567-sb1.suitetalk.localhost:1", "http://1234567-sb1.suitetalk.localhost",
		"https://1234567-sb1.suitetalk.localhost:" + port, "http://user:hush@1234567-sb1.suitetalk.localhost:" + port,
		"http://evil.example", "https://1234567-sb1.suitetalk.api.netsuite.com", "http://1234567-sb1.suitetalk.api.netsuite.com:" + port,
	} {
		refused("emulator", site.Site, testAccount, nil, address)
	}
	for _, address := range []string{
		"http://1234567-sb1.suitetalk.api.netsuite.com", "https://1234567-sb1.suitetalk.api.netsuite.com:8443", "https://evil.example?q=hush",
		"https://7654321.suitetalk.api.netsuite.com", "https://suitetalk.api.netsuite.com", "https://1234567-sb1.netsuite.com",
		"https://1234567-sb1.suitetalk.api.netsuite.com.evil.example", "https://1234567_sb1.suitetalk.api.netsuite.com", "http://system.netsuite.com",
		own,
	} {
		refused("live", Site{}, testAccount, nil, address)
	}
	refused("Host header", site.Site, testAccount, func(r *http.Request) { r.Host = "evil.example" }, own)
	refused("opaque", site.Site, testAccount, func(r *http.Request) { r.URL.Opaque = "//evil.example/" }, own)
	refused("no account", site.Site, "", nil, own)
	refused("hostile account", site.Site, "x@evil", nil, own)
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %d requests, want none", len(got))
	}
	if _, err := (Site{}).Transport(testAccount).RoundTrip(&http.Request{}); !errors.Is(err, ErrHostRefused) {
		t.Errorf("request without URL gave %v", err)
	}
}

func TestLiveTransportAdmitsOwnHosts(t *testing.T) {
	d := Site{}.doorTo(testAccount)
	for _, address := range []string{
		"https://1234567-sb1.suitetalk.api.netsuite.com/x", "https://1234567-sb1.suitetalk.api.netsuite.com:443/x",
		"https://1234567-sb1.restlets.api.netsuite.com", "https://1234567-sb1.app.netsuite.com", "https://system.netsuite.com",
	} {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.admit(r); err != nil {
			t.Errorf("%s is refused: %v", address, err)
		}
	}
	pool := livePool()
	if pool.TLSClientConfig.InsecureSkipVerify || pool.TLSHandshakeTimeout == 0 || pool.ResponseHeaderTimeout == 0 || pool.IdleConnTimeout == 0 {
		t.Error("the live pool does not verify certificates or lacks a timeout")
	}
}

func TestTransportsShareOnePoolPerSite(t *testing.T) {
	one, err := EmulatorSite("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	same, err := EmulatorSite("localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := EmulatorSite("127.0.0.1:2")
	if err != nil {
		t.Fatal(err)
	}
	if one.pool() != same.pool() || one.pool() == other.pool() || one != same {
		t.Error("a site must have one pool of its own")
	}
}

func TestPX08_HTTPClientFollowsNoRedirect(t *testing.T) {
	site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	u, err := site.BaseURL(testAccount, ServiceSuiteTalk)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := site.HTTPClient(testAccount).Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if site.only(t).Path != "" && site.only(t).Path != "/" || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("got %s and %+v, want the redirect itself", resp.Status, site.requests())
	}
}
