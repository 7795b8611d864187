package profile

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/account"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Browse brings a person to NetSuite's pages, and returns the query with which NetSuite sent the browser back.
type Browse func(ctx context.Context, authorizeURL string) (url.Values, error)

// Record is an integration record that can be consented to.
type Record struct {
	ClientID     string
	ClientSecret netsuite.Secret // empty: a public client
	RedirectURI  string
}

// consented is what a person allowed.
type consented struct {
	token *netsuite.Token
	who   account.Identity
	api   *netsuite.API
}

// consent asks a person, and keeps the permission in the profile from the moment that its code is known: it is then settled or used.
// NetSuite is told nothing else before the account is proven (ON-02, R7). expect may be empty.
func (s *Session) consent(ctx context.Context, r Record, scopes []string, expect netsuite.AccountID, browse Browse) (consented, error) {
	g := netsuite.CodeGrant{
		ClientID: r.ClientID, ClientSecret: r.ClientSecret, RedirectURI: r.RedirectURI, Scopes: scopes, Site: s.site, HTTPClient: s.folder.Client, Now: s.folder.Now,
	}
	callback, verifier, err := s.callback(ctx, g, expect, browse)
	if err != nil {
		return consented{}, err
	}
	if expect != "" && callback.Account != expect {
		return consented{}, wrongAccount(callback.Account, expect)
	}
	token, err := s.redeem(ctx, g, callback, verifier)
	if err != nil {
		return consented{}, err
	}
	return s.bind(ctx, callback, token)
}

func (s *Session) callback(ctx context.Context, g netsuite.CodeGrant, expect netsuite.AccountID, browse Browse) (netsuite.Callback, string, error) {
	state, verifier := netsuite.NewState(), netsuite.NewCodeVerifier()
	address, err := g.AuthorizeURL(expect, state, verifier, "")
	if err != nil {
		return netsuite.Callback{}, "", err
	}
	query, err := browse(ctx, address)
	if err != nil {
		return netsuite.Callback{}, "", err
	}
	callback, err := netsuite.ParseCallback(query)
	if err != nil {
		return callback, "", broker.Errorf(broker.CodeInvalid, "the address that NetSuite sent the browser to cannot be used").WithCause(err).
			WithDo("Copy the whole address from the browser, from https:// to the end, right after Allow.")
	}
	if subtle.ConstantTimeCompare([]byte(callback.State), []byte(state)) != 1 {
		return callback, "", broker.Errorf(broker.CodeContinue, "the browser came back from another log-in than this one").WithDo("Run the command again, and use the page that it opens.")
	}
	return callback, verifier, callback.Err()
}

// redeem exchanges the code. It is stored before: a permission whose tokens were lost on the way can then still be ended.
func (s *Session) redeem(ctx context.Context, g netsuite.CodeGrant, callback netsuite.Callback, verifier string) (*netsuite.Token, error) {
	pending := grant{Account: callback.Account, ClientID: g.ClientID, ClientSecret: g.ClientSecret.Reveal(), RedirectURI: g.RedirectURI, Scopes: g.Scopes, Code: callback.Code, Verifier: verifier}
	if err := s.change(ctx, func() { s.secrets.Grants = append(s.secrets.Grants, pending) }); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // a code can be used once
	token, err := g.Exchange(ctx, callback.Account, callback.Code, verifier)
	if err != nil {
		if refused(err) {
			err = errors.Join(err, s.change(ctx, func() { s.drop(pending) }))
		}
		return nil, err
	}
	return token, s.change(ctx, func() { s.drop(pending); s.secrets.Grants = append(s.secrets.Grants, pending.with(token)) })
}

func (g grant) with(t *netsuite.Token) grant {
	g.Code, g.Verifier, g.Refresh = "", "", t.RefreshToken.Reveal()
	return g
}

// drop forgets a permission that is no more, or has another use.
func (s *Session) drop(gone grant) {
	s.secrets.Grants = slices.DeleteFunc(s.secrets.Grants, func(g grant) bool { return g.Code == gone.Code && g.Refresh == gone.Refresh })
}

// bind proves which account the permission is for: the redirect, the token and an answer of the API must name the same.
func (s *Session) bind(ctx context.Context, callback netsuite.Callback, token *netsuite.Token) (consented, error) {
	claims, err := token.Claims()
	if err != nil {
		return consented{}, err
	}
	if claims.Account != callback.Account {
		return consented{}, wrongAccount(claims.Account, callback.Account)
	}
	api := &netsuite.API{Account: callback.Account, Site: s.site, Token: token.AccessToken, HTTPClient: s.folder.Client, Now: s.folder.Now}
	who, err := account.Identify(ctx, api, claims)
	if err != nil {
		return consented{}, err
	}
	if who.Account != callback.Account {
		return consented{}, wrongAccount(who.Account, callback.Account)
	}
	return consented{token, who, api}, nil
}

func wrongAccount(found, expected netsuite.AccountID) error {
	return broker.Errorf(broker.CodeWrongAccount, "account %s was chosen in NetSuite, %s is expected", found, expected).WithDo("Run the command again and choose the other account, or leave --account out.")
}

// settle ends the permissions that the profile still holds. What NetSuite does not take now stays for the next time.
func (s *Session) settle(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // also when the command is cancelled
	var errs []error
	for _, g := range slices.Clone(s.secrets.Grants) {
		if err := s.end(ctx, g); err != nil {
			errs = append(errs, fmt.Errorf("end the permission for setting up: %w", err))
			continue
		}
		if err := s.change(ctx, func() { s.drop(g) }); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// end revokes one permission. A code whose answer was lost is presented a second time: NetSuite then either gives the tokens, or
// refuses and ends what it had given (RFC 6749 section 4.1.2).
func (s *Session) end(ctx context.Context, g grant) error {
	code := netsuite.CodeGrant{
		ClientID: g.ClientID, ClientSecret: netsuite.NewSecret(g.ClientSecret), RedirectURI: g.RedirectURI, Scopes: g.Scopes, Site: s.site, HTTPClient: s.folder.Client, Now: s.folder.Now,
	}
	if g.Code != "" {
		token, err := code.Exchange(ctx, g.Account, g.Code, g.Verifier)
		if err != nil {
			return unlessRefused(err)
		}
		g.Refresh = token.RefreshToken.Reveal()
	}
	return unlessRefused(code.Revoke(ctx, g.Account, netsuite.NewSecret(g.Refresh)))
}

// unlessRefused: what NetSuite refuses to end, it does not know any more.
func unlessRefused(err error) error {
	if refused(err) {
		return nil
	}
	return err
}

// refused reports that NetSuite answered, and said no.
func refused(err error) bool {
	var e *netsuite.Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && !netsuite.IsTemporary(err)
}

// change alters the secrets and stores them, upon what is stored now.
func (s *Session) change(ctx context.Context, alter func()) error {
	return s.locked(context.WithoutCancel(ctx), func(context.Context) error {
		alter()
		return s.save()
	})
}

// draft begins a profile, or takes one up again.
func (f Folder) draft(ctx context.Context, p Profile) (_ *Session, err error) {
	unlock, err := f.lock(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	s, err := f.reopen(p.Name)
	switch {
	case errors.Is(err, broker.ErrNotFound), err == nil && s.untouched():
	case err != nil:
		return nil, err
	default:
		return s, s.continues(p)
	}
	key, err := f.Key("")
	if err != nil {
		return nil, err
	}
	s = &Session{Profile: p, folder: f, key: key}
	if s.site, err = p.Site(); err != nil {
		return nil, err
	}
	return s, s.save()
}

// untouched reports whether nothing has come of a profile yet, so that it may begin anew as something else.
func (s *Session) untouched() bool {
	return !s.Connected() && s.secrets.Next == nil && len(s.secrets.Grants) == 0
}

// continues refuses to make something else of a profile.
func (s *Session) continues(p Profile) error {
	var what []string
	if s.Kind != p.Kind {
		what = append(what, "kind "+string(s.Kind))
	}
	if s.Emulator != p.Emulator {
		what = append(what, "another NetSuite ("+cmp.Or(s.Emulator, "the real one")+")")
	}
	if s.ClientID != p.ClientID {
		what = append(what, "another client ID")
	}
	if s.Account != "" && p.Account != "" && s.Account != p.Account {
		what = append(what, "account "+string(s.Account))
	}
	if len(what) == 0 {
		return nil
	}
	return broker.Errorf(broker.CodeConflict, "connection %s is there already, with %s", s.Name, strings.Join(what, ", ")).
		WithDo("Choose another name, or forget it with: suitekey profile remove " + s.Name)
}
