package profile

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Login describes a person's connection: NetSuite is used as that person, by the Authorization Code Grant.
type Login struct {
	Name     string
	Account  netsuite.AccountID // empty: the person chooses in NetSuite
	Emulator string
	Record   Record
	Scopes   []string
	// RotationHours is Maximum Time For Token Rotation of a public client's record; 0 is NetSuite's default of 168.
	RotationHours int
}

// Login lets a person consent, and keeps what NetSuite gives. The same name again renews the consent.
func (f Folder) Login(ctx context.Context, o Login, browse Browse) (Profile, error) {
	s, err := f.draft(ctx, Profile{
		Name: o.Name, Kind: broker.KindUser, Account: o.Account, Emulator: o.Emulator, ClientID: o.Record.ClientID, Scopes: o.Scopes,
		RedirectURI: o.Record.RedirectURI, RotationHours: o.RotationHours,
	})
	if err != nil {
		return Profile{}, err
	}
	got, err := s.consent(ctx, o.Record, o.Scopes, s.expected(o.Account), browse)
	if err != nil {
		return Profile{}, errors.Join(err, s.settle(ctx))
	}
	err = s.change(ctx, func() {
		s.drop(grant{Refresh: got.token.RefreshToken.Reveal()}) // it is no permission to be ended, but the connection itself
		if old := s.secrets.Token; old != nil {
			before := s.grant()
			s.secrets.Grants = append(s.secrets.Grants, grant{
				Account: s.Account, ClientID: before.ClientID, ClientSecret: s.secrets.ClientSecret, RedirectURI: before.RedirectURI, Scopes: before.Scopes, Refresh: old.Refresh,
			})
		}
		s.Account, s.Role, s.Entity = got.who.Account, got.who.Role, got.who.Entity
		s.Scopes, s.RedirectURI, s.RotationHours = o.Scopes, o.Record.RedirectURI, o.RotationHours
		s.secrets.ClientSecret = o.Record.ClientSecret.Reveal()
		s.secrets.Token, s.secrets.SentAt = keep(got.token), 0
	})
	return s.Profile, errors.Join(err, s.settle(ctx))
}

// expected is the account that a consent must be for: a finished profile stays with its own.
func (s *Session) expected(asked netsuite.AccountID) netsuite.AccountID {
	if s.Connected() {
		return s.Account
	}
	return asked
}
