package profile

import (
	"context"
	"fmt"
	"slices"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Rotated is what became of a certificate.
type Rotated struct {
	Profile
	Old string // certificate ID
}

// Rotate puts a new key and certificate in the place of the old ones, with the connection's own token, and then revokes the old
// certificate. When it was broken off, the same call goes on with the same key. In a token, keyURI names the new key.
func (s *Session) Rotate(ctx context.Context, key netsuite.KeyAlgorithm, keyURI string, days int, done Progress) (Rotated, error) {
	switch {
	case s.Kind != broker.KindMachine:
		return Rotated{}, broker.Errorf(broker.CodeInvalid, "connection %s: it is a person's, and has no certificate", s.Name).WithDo("suitekey login --connection " + s.Name)
	case s.KeyURI != "" && (keyURI == "" || keyURI == s.KeyURI) && s.secrets.Next == nil:
		return Rotated{}, broker.Errorf(broker.CodeInvalid, "flag --key-uri: the key is in a token, so name the new one that was made there").WithDo("suitekey-pkcs11 generate 'pkcs11:token=…;object=acme-2'")
	}
	if err := s.retire(ctx, done); err != nil { // of an earlier rotation
		return Rotated{}, err
	}
	if err := s.identify(ctx); err != nil {
		return Rotated{}, err
	}
	next, err := s.plan(ctx, Connect{Key: key, KeyURI: keyURI, Days: days})
	if err != nil {
		return Rotated{}, err
	}
	done("key", "certificate "+next.id)
	if err := s.introduce(ctx, s.API(), next, done); err != nil {
		return Rotated{}, err
	}
	done("switch", "the connection uses the new certificate")
	return Rotated{s.Profile, next.Old}, s.retire(ctx, done)
}

// retire revokes the certificates that have been replaced, with a token of the one in use: an old one's may end with it.
func (s *Session) retire(ctx context.Context, done Progress) error {
	for _, id := range slices.Clone(s.secrets.Retiring) {
		err := s.API().RevokeCertificate(ctx, s.ClientID, id)
		if err != nil && !refused(err) { // refused: it is revoked already, or its account has forgotten it
			return fmt.Errorf("the new certificate is in use, and the old one %s is still to be revoked: %w", id, err)
		}
		if err := s.change(ctx, func() {
			s.secrets.Retiring = slices.DeleteFunc(s.secrets.Retiring, func(other string) bool { return other == id })
		}); err != nil {
			return err
		}
		done("revoke", "the old certificate "+id+" is revoked")
	}
	return nil
}

// identify learns role and entity of a profile that does not know them: a certificate is for one of both.
func (s *Session) identify(ctx context.Context) error {
	if s.Role != 0 && s.Entity != 0 {
		return nil
	}
	token, err := s.Token(ctx)
	if err != nil {
		return err
	}
	claims, err := token.Claims()
	if err != nil {
		return err
	}
	return s.change(ctx, func() { s.Role, s.Entity = claims.Role, claims.Entity })
}
