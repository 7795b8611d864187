// Package suitekey is the client of a suitekey server: it takes tokens there for the NetSuite account of a customer, and signs in
// with them.
//
//	server := &suitekey.Server{URL: "https://connect.acme.example", ClientID: id, ClientSecret: netsuite.NewSecret(secret)}
//	customer, err := server.Connection(ctx)
//	…
//	page, err := customer.API().SuiteQL(ctx, "SELECT id, companyname FROM customer ORDER BY id", 100, 0)
//
// An application needs nothing of ours for that: the server's token endpoint is an ordinary one, and
// golang.org/x/oauth2/clientcredentials is enough. This package adds what is NetSuite's: the account that a token is for, and the
// care that package netsuite takes of it.
//
//   - [github.com/suitekey/suitekey/netsuite] talks to NetSuite itself: tokens, certificates, queries.
//   - [github.com/suitekey/suitekey/netsuitetest] is a strict NetSuite emulator for tests.
//   - The command in cmd/suitekey runs the server, the emulator and the demo, and does without a server what one person needs.
//
// Everything under internal is the server's own.
package suitekey

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/suitekey/suitekey/netsuite"
)

// Server is a suitekey server, and the client that it knows us as. A literal is ready for use, by any number of goroutines.
type Server struct {
	URL          string // where the server is: https://connect.acme.example; http for this machine alone
	ClientID     string
	ClientSecret netsuite.Secret

	// Resource is the base URL of the account that is wanted, https://1234567.suitetalk.api.netsuite.com (RFC 8707). "" will do
	// for a client of one connection.
	Resource string
	// EndUser is the application's own name for a person whose connection is wanted; "" for a machine's.
	EndUser string

	Site      netsuite.Site     // zero: netsuite.com
	Transport http.RoundTripper // to the server; nil: http.DefaultTransport
}

// Token is an access token with the account that it is for.
type Token struct {
	netsuite.Token
	Account netsuite.AccountID
	BaseURL string // https://1234567.suitetalk.api.netsuite.com
}

// Error is what the server refused, in the words of RFC 6749 section 5.2.
type Error struct {
	Status      int    // HTTP status
	Code        string // invalid_client, invalid_grant (the connection is broken), temporarily_unavailable, …
	Description string // the server's own sentence
	URI         string // the page that says more
}

func (e *Error) Error() string {
	text := fmt.Sprintf("the suitekey server answered HTTP %d %s", e.Status, e.Code)
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// timeout is for one answer. A server that gets a new token from NetSuite first may need most of it.
const timeout = time.Minute

// Token asks the server for a token, which lives for some minutes at least. Every call is one request: keep the token, or use
// Connection. Errors are *Error when the server refused, and otherwise say why it was not reached.
func (s *Server) Token(ctx context.Context) (*Token, error) {
	endpoint, err := s.endpoint()
	if err != nil {
		return nil, err
	}
	config := clientcredentials.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(), TokenURL: endpoint, AuthStyle: oauth2.AuthStyleInHeader, EndpointParams: s.selectors(),
	}
	client := &http.Client{Transport: s.Transport, Timeout: timeout, CheckRedirect: noRedirect}
	answer, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return nil, refusal(err)
	}
	return s.read(answer)
}

// Connection signs in to the account that the server's tokens are for. It asks for the first at once, to know the account.
func (s *Server) Connection(ctx context.Context) (*netsuite.ProvidedTokens, error) {
	first, err := s.Token(ctx)
	if err != nil {
		return nil, err
	}
	connection := &netsuite.ProvidedTokens{Account: first.Account, Site: s.Site}
	connection.Fetch = func(ctx context.Context, refused *netsuite.Token) (*netsuite.Token, error) {
		if refused == nil {
			return &first.Token, nil
		}
		next, err := s.Token(ctx)
		switch {
		case err != nil:
			return nil, err
		case next.Account != first.Account: // never another customer's data in the middle of one's
			return nil, fmt.Errorf("the suitekey server gave a token for account %s; the one before was for %s", next.Account, first.Account)
		}
		return &next.Token, nil
	}
	return connection, nil
}

// Check says what is wrong with the address or the credentials, as far as that can be told without asking.
func (s *Server) Check() error {
	_, err := s.endpoint()
	return err
}

func (s *Server) endpoint() (string, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the URL of the suitekey server must be scheme and host, such as https://connect.acme.example")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "", errors.New("the URL of the suitekey server must begin with https://, because a secret is sent there")
	case s.ClientID == "" || s.ClientSecret.IsZero():
		return "", errors.New("client ID and client secret of the suitekey server must both be given")
	}
	return u.JoinPath("oauth2/token").String(), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// selectors choose among the connections of the client.
func (s *Server) selectors() url.Values {
	chosen := url.Values{}
	if s.Resource != "" {
		chosen.Set("resource", s.Resource)
	}
	if s.EndUser != "" {
		chosen.Set("end_user", s.EndUser)
	}
	return chosen
}

var errRedirect = errors.New("the suitekey server answered with a redirect, which is not followed with a secret in hand; give the address that it leads to")

func noRedirect(*http.Request, []*http.Request) error { return errRedirect }

func refusal(err error) error {
	var said *oauth2.RetrieveError
	if !errors.As(err, &said) || said.ErrorCode == "" {
		return fmt.Errorf("ask the suitekey server for a token: %w", withoutBody(err))
	}
	e := &Error{Code: said.ErrorCode, Description: said.ErrorDescription, URI: said.ErrorURI}
	if said.Response != nil {
		e.Status = said.Response.StatusCode
	}
	return e
}

// withoutBody keeps an answer of who knows what out of the error, and the address of the request with it.
func withoutBody(err error) error {
	var said *oauth2.RetrieveError
	if errors.As(err, &said) && said.Response != nil {
		return fmt.Errorf("it answered HTTP %d, which is not an OAuth answer", said.Response.StatusCode)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func (s *Server) read(answer *oauth2.Token) (*Token, error) {
	name, _ := answer.Extra("netsuite_account").(string)
	base, _ := answer.Extra("netsuite_base_url").(string)
	scope, _ := answer.Extra("scope").(string)
	account, err := netsuite.ParseAccountID(name)
	if err != nil {
		return nil, fmt.Errorf("the suitekey server's answer names no account: %w", err)
	}
	return &Token{
		Token: netsuite.Token{
			AccessToken: netsuite.NewSecret(answer.AccessToken), TokenType: "Bearer", Expiry: answer.Expiry, ExpiresIn: time.Until(answer.Expiry).Round(time.Second),
			Scope: strings.TrimSpace(scope),
		},
		Account: account, BaseURL: base,
	}, nil
}
