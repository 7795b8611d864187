package netsuite_test

import (
	"context"
	"errors"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// A refused token is given back to whoever provides them, and the next is used.
func TestProvidedTokens_RefusedTokenIsReplaced(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	good, err := e.machine().Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bad := *good
	bad.AccessToken = netsuite.NewSecret("eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl")
	var refused []*netsuite.Token
	tokens := &netsuite.ProvidedTokens{Account: "1234567", Site: e.site, Fetch: func(_ context.Context, old *netsuite.Token) (*netsuite.Token, error) {
		refused = append(refused, old)
		if old == nil {
			return &bad, nil
		}
		return good, nil
	}}
	if _, err := tokens.API().ServerTime(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(refused) != 2 || refused[0] != nil || refused[1] != &bad {
		t.Errorf("Fetch was given %v, want nothing, and then the refused token", refused)
	}
}

func TestProvidedTokens_Errors(t *testing.T) {
	away := errors.New("the server is away")
	for name, p := range map[string]*netsuite.ProvidedTokens{
		"no Fetch":   {Account: "1234567"},
		"no token":   {Account: "1234567", Fetch: func(context.Context, *netsuite.Token) (*netsuite.Token, error) { return nil, nil }},
		"no text":    {Account: "1234567", Fetch: func(context.Context, *netsuite.Token) (*netsuite.Token, error) { return &netsuite.Token{}, nil }},
		"its own":    {Account: "1234567", Fetch: func(context.Context, *netsuite.Token) (*netsuite.Token, error) { return nil, away }},
		"no account": {Fetch: func(context.Context, *netsuite.Token) (*netsuite.Token, error) { return nil, away }},
	} {
		token, err := p.Token(t.Context())
		if err == nil || token != nil {
			t.Errorf("%s: %v, %v; want an error and no token", name, token, err)
		}
		if name == "its own" && !errors.Is(err, away) {
			t.Errorf("%s: %v, want the error of Fetch", name, err)
		}
	}
}
