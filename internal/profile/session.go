package profile

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// leastLife is what a kept token must still live to be used, as in the library.
const leastLife = 5 * time.Minute

// Session is a profile that was opened.
type Session struct {
	Profile

	folder  Folder
	site    netsuite.Site
	secrets secrets
	key     MasterKey
	tokens  *netsuite.ProvidedTokens
}

// Open opens a profile and its secrets. Errors are broker.ErrNotFound, and those of the master key.
func (f Folder) Open(name string) (*Session, error) {
	s, err := f.reopen(name)
	if err != nil {
		return nil, err
	}
	if !s.Connected() {
		return nil, broker.Errorf(broker.CodeSetupState, "connection %s: setting it up was broken off", name).WithDo("Go on with: suitekey connect --connection " + name)
	}
	return s, nil
}

// reopen reads what is stored now.
func (f Folder) reopen(name string) (*Session, error) {
	p, err := f.Read(name)
	if err != nil {
		return nil, err
	}
	s := &Session{Profile: p, folder: f}
	if s.site, err = p.Site(); err != nil {
		return nil, err
	}
	s.secrets, s.key, err = f.unseal(p)
	return s, err
}

// Token returns the kept token, or gets the next when it has less than five minutes to live. Of several processes one asks.
func (s *Session) Token(ctx context.Context) (*netsuite.Token, error) { return s.provided().Token(ctx) }

// API is the account's APIs, which sign in by themselves.
func (s *Session) API() *netsuite.API { return s.provided().API() }

// Site is the NetSuite of the profile.
func (s *Session) Site() netsuite.Site { return s.site }

func (s *Session) provided() *netsuite.ProvidedTokens {
	if s.tokens == nil {
		s.tokens = &netsuite.ProvidedTokens{Account: s.Account, Site: s.site, HTTPClient: s.folder.Client, Now: s.folder.Now, Fetch: s.fetch}
	}
	return s.tokens
}

// fetch returns the kept token, if it is another one than the refused, or asks NetSuite while no other process does.
func (s *Session) fetch(ctx context.Context, refused *netsuite.Token) (_ *netsuite.Token, err error) {
	if t := s.kept(refused); t != nil {
		return t, nil
	}
	var got *netsuite.Token
	err = s.locked(ctx, func(ctx context.Context) error {
		if got = s.kept(refused); got != nil {
			return nil // by somebody else meanwhile
		}
		got, err = s.ask(ctx)
		return err
	})
	return got, err
}

// kept is the stored token, when it is good and not the refused one.
func (s *Session) kept(refused *netsuite.Token) *netsuite.Token {
	t := s.secrets.Token
	switch {
	case t == nil || t.Access == "" || s.folder.now().After(t.Expiry.Add(-leastLife)):
		return nil
	case refused != nil && refused.AccessToken.Equal(netsuite.NewSecret(t.Access)):
		return nil
	}
	return t.netsuite()
}

// locked does something while no other process changes the profile, upon what is stored now.
func (s *Session) locked(ctx context.Context, do func(context.Context) error) (err error) {
	unlock, err := s.folder.lock(ctx, s.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	now, err := s.folder.reopen(s.Name)
	if err != nil {
		return err
	}
	s.Profile, s.secrets, s.key = now.Profile, now.secrets, now.key
	return do(ctx)
}

func (s *Session) save() error { return s.folder.save(&s.Profile, s.secrets, s.key) }

// ask gets a token from NetSuite and stores it. The profile is locked.
func (s *Session) ask(ctx context.Context) (*netsuite.Token, error) {
	if s.Kind == broker.KindUser {
		return s.refresh(ctx)
	}
	c, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.Token(ctx)
	if err != nil {
		return nil, err
	}
	s.secrets.Token = keep(t)
	return t, s.save()
}

// Credentials are the client credentials of a machine's profile. A person's has none.
func (s *Session) Credentials(ctx context.Context) (*netsuite.ClientCredentials, error) {
	if s.Kind != broker.KindMachine {
		return nil, broker.Errorf(broker.CodeInvalid, "connection %s: it is a person's, made by suitekey login, and has no certificate", s.Name).WithDo("Use one that was made by suitekey connect.")
	}
	return s.credentials(ctx)
}

func (s *Session) credentials(ctx context.Context) (*netsuite.ClientCredentials, error) {
	key, err := s.folder.signer(ctx, s.secrets.Key, s.KeyURI)
	return &netsuite.ClientCredentials{
		Account: s.Account, ClientID: s.ClientID, CertificateID: s.CertificateID, Key: key, Scopes: slices.Clone(s.Scopes),
		Site: s.site, HTTPClient: s.folder.Client, Now: s.folder.Now,
	}, err
}

// signer is a private key: from its PEM, or in a token.
func (f Folder) signer(ctx context.Context, pem, uri string) (crypto.Signer, error) {
	if uri != "" {
		return f.Hardware(ctx, uri)
	}
	return netsuite.ParsePrivateKey([]byte(pem))
}

func (s *Session) refresh(ctx context.Context) (*netsuite.Token, error) {
	if s.secrets.SentAt != 0 {
		return nil, s.loginAgain(broker.ErrResponseLost)
	}
	u := &netsuite.UserCredentials{
		Grant: s.grant(), Account: s.Account, Stored: *s.secrets.Token.netsuite(),
		Spend: func(context.Context, *netsuite.Token) error {
			s.secrets.SentAt = s.folder.now().Unix()
			return s.save()
		},
		Save: func(_ context.Context, _, next *netsuite.Token) error {
			s.secrets.Token, s.secrets.SentAt = keep(next), 0
			return s.save()
		},
	}
	u.Stored.AccessToken = netsuite.Secret{}      // it has ended, or NetSuite refuses it
	t, err := u.Token(context.WithoutCancel(ctx)) // once it has left, its successor must be stored before the lock is given back
	switch {
	case errors.Is(err, netsuite.ErrConsentNeeded):
		return nil, s.loginAgain(err)
	case err != nil && s.secrets.SentAt != 0:
		s.secrets.SentAt = 0 // NetSuite has not taken it: the same one may be sent again
		return nil, errors.Join(err, s.save())
	}
	return t, err
}

func (s *Session) loginAgain(cause error) error {
	return broker.Errorf(broker.CodeBroken, "connection %s: its consent has ended", s.Name).WithCause(cause).WithDo("suitekey login --connection " + s.Name)
}

// Kept is the token that was got last, if any; it may be at its end.
func (s *Session) Kept() *netsuite.Token { return s.secrets.Token.netsuite() }

// Grant is the code grant that a person consented to; nil for a machine.
func (s *Session) Grant() *netsuite.CodeGrant {
	if s.Kind != broker.KindUser {
		return nil
	}
	g := s.grant()
	return &g
}

func (s *Session) grant() netsuite.CodeGrant {
	return netsuite.CodeGrant{
		ClientID: s.ClientID, ClientSecret: netsuite.NewSecret(s.secrets.ClientSecret), RedirectURI: s.RedirectURI, Scopes: s.Scopes,
		TokenRotationMaximum: time.Duration(s.RotationHours) * time.Hour, Site: s.site, HTTPClient: s.folder.Client, Now: s.folder.Now,
	}
}

// Lifetime tells until when a person's consent can be refreshed.
func (s *Session) Lifetime() (netsuite.Lifetime, error) {
	if s.Kind != broker.KindUser || s.secrets.Token == nil {
		return netsuite.Lifetime{}, nil
	}
	g := s.grant()
	return g.Lifetime(netsuite.NewSecret(s.secrets.Token.Refresh))
}
