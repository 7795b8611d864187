package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/passthrough"
	"github.com/suitekey/suitekey/netsuite"
)

const proxyHelp = `Listens on this machine and sends requests on to the account with a token, which it renews. For Postman, a report, a notebook: whatever can
call an address and cannot sign in to NetSuite.

  suitekey proxy --connection acme
  curl -d '{"q": "SELECT id FROM customer"}' -H 'Content-Type: application/json' -H 'Prefer: transient' http://127.0.0.1:8770/services/rest/query/v1/suiteql

Whoever can reach the address uses the connection: it is on this machine only, is closed to pages in a browser, and may ask for a secret,
which callers then send as Authorization: Bearer. Tokens and certificates cannot be had through it.

  suitekey proxy --connection acme --secret-file proxy.secret --allow query
`

type proxyOptions struct{ listen, allow, secret string }

func newProxy(e *env) *cobra.Command {
	var o proxyOptions
	cmd := &cobra.Command{
		Use: "proxy", Short: "Give programs of this machine an address that signs in by itself", Long: proxyHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			guard, services, err := e.readProxy(o)
			if err != nil {
				return err
			}
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				return e.proxy(ctx, t, o.listen, guard, services)
			})
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8770", "`ADDRESS` of this machine to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&o.allow, "allow", "record,query,restlet,system", "`SERVICES` that may be called, with commas between")
	cmd.Flags().StringVar(&o.secret, "secret-file", "", "`FILE` that holds a secret which callers must send, - for stdin")
	addConnectionFlags(cmd.Flags())
	return cmd
}

func (e *env) readProxy(o proxyOptions) (proxyGuard, []passthrough.Service, error) {
	var guard proxyGuard
	host, port, err := net.SplitHostPort(o.listen)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || !isLoopback(host) {
		return guard, nil, broker.Errorf(broker.CodeInvalid, "flag --listen: must be an address of this machine; got %.100q", o.listen).WithDo("For example: --listen 127.0.0.1:8770. For others, run a suitekey server.")
	}
	services, err := passthrough.ParseServices(o.allow)
	if err != nil {
		return guard, nil, broker.Errorf(broker.CodeInvalid, "flag --allow: %v", err)
	}
	if o.secret != "" {
		guard.secret, err = readSecretFile(o.secret, e.stdin)
	}
	return guard, services, err
}

func (e *env) proxy(ctx context.Context, t *target, listen string, guard proxyGuard, services []passthrough.Service) error {
	account := passthrough.Account{Allow: services, Transport: t.client(ctx).Transport}
	var errs [2]error
	account.SuiteTalk, errs[0] = t.site.BaseURL(t.account, netsuite.ServiceSuiteTalk)
	account.RESTlets, errs[1] = t.site.BaseURL(t.account, netsuite.ServiceRESTlets)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if _, err := t.token(ctx); err != nil { // what does not work is said now
		return err
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return broker.Errorf(broker.CodeInvalid, "flag --listen: %s cannot be listened on", listen).WithCause(err).WithDo("Stop the other program, or choose another port; 0 takes a free one.")
	}
	guard.next = account.Handler()
	server := &http.Server{Handler: guard, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	address := "http://" + ln.Addr().String()
	if err := e.print(map[string]any{"address": address, "account": t.account.String(), "connection": t.name}, "%s\n", address); err != nil {
		return errors.Join(err, ln.Close())
	}
	e.say("Requests to %s go to account %s as connection %s. Ctrl-C ends it.", address, t.account, t.name)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	err = server.Shutdown(late)
	<-ended
	return err
}

// proxyGuard keeps out whoever is not a program of this machine: pages of a browser, by what it says of them, and names of other people
// that lead here (DNS rebinding), by the Host.
type proxyGuard struct {
	secret netsuite.Secret
	next   http.Handler
}

func (g proxyGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !isLoopback(hostOf(r)):
		passthrough.Refuse(w, http.StatusForbidden, "HOST_REFUSED", "this address is for the programs of this machine, who call it 127.0.0.1 or localhost")
	case ofPage(r.Header):
		passthrough.Refuse(w, http.StatusForbidden, "PAGE_REFUSED", "this address is not for pages in a browser")
	case !g.knows(r.Header.Get("Authorization")):
		w.Header().Set("WWW-Authenticate", "Bearer")
		passthrough.Refuse(w, http.StatusUnauthorized, "SECRET_REFUSED", "send the secret of this proxy as Authorization: Bearer")
	default:
		g.next.ServeHTTP(w, r)
	}
}

// hostOf is the name by which the caller knows this address, without port and brackets.
func hostOf(r *http.Request) string { return (&url.URL{Host: r.Host}).Hostname() }

// ofPage reports whether a page made the request. What somebody types into a browser has Sec-Fetch-Site: none; browsers that do not know
// it say where a link stood.
func ofPage(header http.Header) bool {
	if len(header["Origin"]) > 0 || len(header["Referer"]) > 0 {
		return true
	}
	site := header["Sec-Fetch-Site"]
	return len(site) > 1 || len(site) == 1 && site[0] != "none"
}

func (g proxyGuard) knows(authorization string) bool {
	if g.secret.IsZero() {
		return true
	}
	scheme, secret, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "Bearer") && g.secret.Equal(netsuite.NewSecret(secret))
}
