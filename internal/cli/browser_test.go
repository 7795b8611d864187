package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
)

func noVariables(string) string { return "" }

// The browser comes back to a listener of this machine, by http and by https with a certificate of its own.
func TestBrowserComesBack(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address := ln.Addr().String()
			if err := ln.Close(); err != nil {
				t.Fatal(err)
			}
			at := &url.URL{Scheme: scheme, Host: address, Path: "/callback"}
			e := &env{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: noVariables}
			came := make(chan url.Values, 1)
			end, err := e.listen(at, came)
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the person goes on past the warning
			for path, want := range map[string]int{"/favicon.ico": http.StatusNotFound, "/": http.StatusNotFound} {
				if got := status(t, client, scheme+"://"+address+path); got != want {
					t.Errorf("%s: HTTP %d, want %d", path, got, want)
				}
			}
			if got := status(t, client, at.String()+"?code=c&state=s"); got != http.StatusOK {
				t.Errorf("callback: HTTP %d", got)
			}
			if got := (<-came).Encode(); got != "code=c&state=s" {
				t.Errorf("came back with %q", got)
			}
			client.CloseIdleConnections()
			end()
			if _, err := client.Get(at.String()); err == nil {
				t.Error("it still listens")
			}
		})
	}
}

func status(t *testing.T, client *http.Client, address string) int {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// Without a listener the person copies the address; the rest of what people paste is refused.
func TestPastedAddress(t *testing.T) {
	for name, tt := range map[string]struct {
		pasted, want string
		code         broker.Code
	}{
		"whole":           {"https://app.acme.example/cb?state=s&code=c&company=1\n", "code=c&company=1&state=s", ""},
		"without an end":  {"  https://app.acme.example/cb?state=s&code=c ", "code=c&state=s", ""},
		"the query alone": {"?state=s&code=c\n", "code=c&state=s", ""},
		"nothing":         {"\n", "", broker.CodeInvalid},
		"end of input":    {"", "", broker.CodeInvalid},
		"half":            {"https://app.acme.example/cb\n", "", broker.CodeInvalid},
		"not an address":  {"https://a b%%%\n", "", broker.CodeInvalid},
		"huge":            {"https://a/?x=" + strings.Repeat("a", 1<<20) + "\n", "", ""},
	} {
		var said bytes.Buffer
		e := &env{stdin: strings.NewReader(tt.pasted), stdout: io.Discard, stderr: &said, getenv: noVariables}
		query, err := e.browse(returning{redirectURI: &url.URL{Scheme: "https", Host: "app.acme.example"}})(t.Context(), "https://system.netsuite.com/authorize")
		if name == "huge" {
			if len(query.Encode()) > longestAddress {
				t.Errorf("huge: %d bytes were read", len(query.Encode()))
			}
			continue
		}
		if query.Encode() != tt.want || err != nil && broker.CodeOf(err) != tt.code || (err == nil) != (tt.code == "") {
			t.Errorf("%s: %q, %v; want %q, code %q", name, query.Encode(), err, tt.want, tt.code)
		}
		if !strings.Contains(said.String(), "https://system.netsuite.com/authorize") {
			t.Errorf("%s: the address was not shown", name)
		}
	}
}

// Whoever waits for a person can be stopped.
func TestBrowseIsCancelled(t *testing.T) {
	in, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &env{stdin: in, stdout: io.Discard, stderr: io.Discard, getenv: noVariables}
	if _, err := e.browse(returning{redirectURI: &url.URL{Scheme: "myapp"}})(ctx, "https://x"); err != context.Canceled {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestParseRedirectURI(t *testing.T) {
	for _, tt := range []struct {
		text     string
		emulator bool
		ok       bool
	}{
		{defaultRedirectURI, false, true},
		{"myapp://callback", false, true},
		{"https://portal.acme.example/back", false, true},
		{"http://127.0.0.1:8765/callback", false, false},
		{"http://127.0.0.1:8765/callback", true, true},
		{"http://evil.example/callback", true, false},
		{"", false, false},
		{"callback", false, false},
		{"https://user:pass@host/", false, false},
		{"https://host/#x", false, false},
		{"https://host/?x=1", false, false},
		{"https://" + strings.Repeat("a", 2000), false, false},
	} {
		_, err := parseRedirectURI(foundSetting{text: tt.text}, tt.emulator)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v, want ok %t", fmt.Sprintf("%.60q", tt.text), err, tt.ok)
		}
	}
}
