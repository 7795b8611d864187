package onboard

import (
	"context"
	"net/http"
	"net/url"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// recorder writes every request that is made with a person's permission on the receipt: the line is durable before the
// request leaves, and is completed with the status afterwards.
type recorder struct {
	s       *Service
	runID   string
	purpose string
	base    http.RoundTripper
}

func (t *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := context.WithoutCancel(req.Context())
	u := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}
	call := broker.Call{RunID: t.runID, At: t.s.Now(), Purpose: t.purpose, Method: req.Method, URL: u.String()}
	if err := t.s.Store.BeginCall(ctx, &call); err != nil {
		return nil, err
	}
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := t.s.Store.EndCall(ctx, t.runID, call.N, res.StatusCode); err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

// recorded is the HTTP client of a run's grant, for one purpose.
func (w *work) recorded(purpose string) func(netsuite.AccountID) *http.Client {
	return func(account netsuite.AccountID) *http.Client {
		c := *w.s.Client(account)
		c.Transport = &recorder{s: w.s, runID: w.Run.ID, purpose: purpose, base: c.Transport}
		return &c
	}
}

// api reaches the account with the grant's token, for one purpose of the receipt.
func (w *work) api(purpose string) (*netsuite.API, error) {
	tokens, err := w.tokens()
	if err != nil {
		return nil, err
	}
	return &netsuite.API{
		Account: w.Grant.Account, Site: w.s.Site, Token: netsuite.NewSecret(tokens.Access), HTTPClient: w.recorded(purpose),
		CertificateService: w.App.CertificatesService(),
	}, nil
}

// page is an address in the customer's NetSuite for a person to open; empty when it cannot be built.
func (w *work) page(path string, query url.Values) string {
	u, err := w.s.Site.BaseURL(w.Run.Account, netsuite.ServiceApp)
	if err != nil {
		return ""
	}
	u = u.JoinPath(path)
	u.RawQuery = query.Encode()
	return u.String()
}
