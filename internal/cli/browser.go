package cli

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/cli/browser"

	"github.com/suitekey/suitekey/internal/broker"
)

// returning is how the browser comes back from NetSuite's pages.
type returning struct {
	redirectURI *url.URL
	paste       bool // the person copies the address, instead of a listener
}

const defaultRedirectURI = "https://localhost:8765/callback"

// parseRedirectURI reads the redirect URI of the integration record. NetSuite takes https and custom schemes; http on this machine is
// an emulator's setting (netsuite-oauth2 2.7).
func parseRedirectURI(f foundSetting, emulator bool) (*url.URL, error) {
	text := f.text
	refuse := func(rule string) error {
		return f.refuse("%s; got %.100q", rule, text).
			WithDo("Register " + defaultRedirectURI + " in the integration record, and leave the flag out.")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Fragment != "" || u.User != nil || u.RawQuery != "" || len(text) > 1024:
		return nil, refuse("must be an address without user, query and fragment")
	case u.Scheme == "http" && (!emulator || !isLoopback(u.Hostname())):
		return nil, refuse("must begin with https:// or a scheme of its own, because NetSuite takes no other")
	}
	return u, nil
}

// listens reports whether the redirect URI leads to this machine.
func (r returning) listens() bool {
	return !r.paste && (r.redirectURI.Scheme == "http" || r.redirectURI.Scheme == "https") && isLoopback(r.redirectURI.Hostname()) && r.redirectURI.Port() != ""
}

// browse opens NetSuite's page for the person, and waits for the browser to come back: to a listener of ours, or by the address that
// the person copies.
func (e *env) browse(r returning) func(context.Context, string) (url.Values, error) {
	return func(ctx context.Context, address string) (url.Values, error) {
		ctx, stop := context.WithTimeoutCause(ctx, patienceWithPeople, errNobodyCame)
		defer stop()
		came := make(chan url.Values, 1)
		if r.listens() {
			end, err := e.listen(r.redirectURI, came)
			if err != nil {
				return nil, err
			}
			defer end()
		}
		e.open(ctx, address)
		if !r.listens() {
			return e.pasted(ctx)
		}
		select {
		case query := <-came:
			return query, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// patienceWithPeople is how long a log-in may take.
const patienceWithPeople = 15 * time.Minute

var errNobodyCame = broker.Errorf(broker.CodeSetupState, "nobody came back from NetSuite's page within %s", patienceWithPeople).WithDo("Run the command again.")

// open shows the address, and opens it in the browser unless there is no desktop to open one on.
func (e *env) open(ctx context.Context, address string) {
	e.say("Log in to NetSuite, choose the account and allow the connection. If no browser opens, open this page yourself:\n\n  %s\n", address)
	if program := e.getenv("BROWSER"); program != "" {
		if err := exec.CommandContext(context.WithoutCancel(ctx), program, address).Start(); err != nil {
			e.say("BROWSER=%s could not be started.", program)
		}
		return
	}
	if terminal(e.stderr) {
		_ = browser.OpenURL(address) // the page can be opened by hand
	}
}

// listen waits at the redirect URI. Only the first that brings a state or an error is taken; a favicon is not.
func (e *env) listen(at *url.URL, came chan<- url.Values) (end func(), err error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(at.Hostname(), at.Port()))
	if err != nil {
		return nil, broker.Errorf(broker.CodeInvalid, "setting redirect_uri: port %s of this machine cannot be listened on", at.Port()).WithCause(err).
			WithDo("Stop the other program, or give --paste and copy the address from the browser.")
	}
	if at.Scheme == "https" {
		config, err := ownCertificate(at.Hostname())
		if err != nil {
			return nil, errors.Join(err, ln.Close())
		}
		ln = tls.NewListener(ln, config)
		e.say("Your browser will warn of a certificate of this machine after you allow: that page is this command's own. Go on there, or copy the address and give --paste next time.")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path(at), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		select {
		case came <- r.URL.Query():
			_, _ = fmt.Fprintln(w, "You can close this page and go back to the terminal.")
		default:
			http.Error(w, "This log-in is over. Go back to the terminal.", http.StatusGone)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(ln) // ends with Shutdown
	}()
	return func() {
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Second) // the page is to arrive whole
		defer stop()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		<-served
	}, nil
}

func path(u *url.URL) string {
	if u.Path == "" || u.Path == "/" {
		return "/{$}"
	}
	return u.Path
}

// ownCertificate is for the browser of this machine alone, for the minutes of a log-in.
func ownCertificate(host string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "suitekey, this machine"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{host}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}

const longestAddress = 16 << 10

// pasted reads the address that the browser came to from stdin.
func (e *env) pasted(ctx context.Context) (url.Values, error) {
	e.say("After Allow the browser goes to a page that may not be there. Copy its whole address from the browser and paste it here:")
	type read struct {
		line string
		err  error
	}
	got := make(chan read, 1)
	go func() { // ends with the process: a terminal cannot be told to stop reading
		line, err := bufio.NewReaderSize(e.stdin, longestAddress).ReadSlice('\n')
		got <- read{string(line), err}
	}()
	select {
	case r := <-got:
		return callbackQuery(r.line)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func callbackQuery(text string) (url.Values, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.RawQuery == "" {
		return nil, broker.Errorf(broker.CodeInvalid, "what was pasted is not the address that NetSuite sent the browser to").WithDo("Copy the whole address from the browser, from https:// to the end, right after Allow.")
	}
	return u.Query(), nil
}
