package offboard

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/suitekey/suitekey/internal/broker"
)

// Record is what a signed record says (RFC 7515, ES256).
type Record struct {
	Issuer      string              `json:"iss"`
	IssuedAt    int64               `json:"iat"` // seconds since 1970
	Connection  string              `json:"connection"`
	App         string              `json:"app"`
	Customer    string              `json:"customer"`
	Account     string              `json:"account"`
	Kind        string              `json:"kind"`
	EndUser     string              `json:"end_user,omitempty"`
	ConnectedAt time.Time           `json:"connected_at"`
	AskedAt     time.Time           `json:"asked_at"`
	EndedAt     time.Time           `json:"ended_at"`
	Credentials []broker.Revocation `json:"credentials"`
}

// maxRecord bounds a record that is to be verified, in bytes.
const maxRecord = 1 << 20

// recordType keeps other tokens that the key might ever sign from passing for a record.
const recordType = "suitekey-record+jwt"

func (s *Service) sign(ctx context.Context, conn broker.Connection, end broker.Disconnection) (string, error) {
	payload, err := json.Marshal(Record{
		Issuer: s.Issuer, IssuedAt: end.EndedAt.Unix(), Connection: conn.ID, App: conn.App, Customer: conn.Customer, Account: conn.Account.String(),
		Kind: string(conn.Kind), EndUser: conn.EndUser, ConnectedAt: conn.CreatedAt, AskedAt: end.AskedAt, EndedAt: end.EndedAt, Credentials: end.Acts,
	})
	if err != nil {
		return "", err
	}
	key, err := s.signingKey(ctx)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(recordType))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// signingKey is the server's, made when the first record is signed.
func (s *Service) signingKey(ctx context.Context) (jose.JSONWebKey, error) {
	keys, err := s.Store.SigningKeys(ctx)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if len(keys) > 0 {
		return s.open(keys[len(keys)-1])
	}
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	key, err := named(fresh)
	if err != nil {
		return key, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(fresh)
	if err != nil {
		return key, err
	}
	row := broker.SigningKey{ID: key.KeyID, CreatedAt: s.now()}
	if row.PrivateKey, err = s.Vault.Seal(keyPlace(row.ID), der); err != nil {
		return key, err
	}
	err = s.Store.AddSigningKey(ctx, row)
	if errors.Is(err, broker.ErrConflict) {
		return s.signingKey(ctx) // another process was faster
	}
	return key, err
}

func (s *Service) open(row broker.SigningKey) (jose.JSONWebKey, error) {
	der, err := s.Vault.Open(keyPlace(row.ID), row.PrivateKey)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("signing key %s: %w", row.ID, err)
	}
	return named(key)
}

// named gives a key the ID of RFC 7638.
func named(key any) (jose.JSONWebKey, error) {
	k := jose.JSONWebKey{Key: key, Algorithm: string(jose.ES256), Use: "sig"}
	sum, err := k.Thumbprint(crypto.SHA256)
	k.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return k, err
}

func keyPlace(id string) broker.Place {
	return broker.Place{Table: "signing_keys", Column: "private_key", Row: id}
}

// Keys are the public keys that verify records, as a JSON Web Key Set (RFC 7517).
func (s *Service) Keys(ctx context.Context) ([]byte, error) {
	rows, err := s.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, row := range rows {
		key, err := s.open(row)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, key.Public())
	}
	return json.Marshal(set)
}

// Verify proves that a record was signed by one of the keys of a JSON Web Key Set, and returns what it says. Errors carry CodeInvalid.
func Verify(record string, keySet []byte) (Record, error) {
	refused := func(why string) (Record, error) {
		return Record{}, broker.Errorf(broker.CodeInvalid, "the record is not valid: %s", why).WithDo("Take the file as it was printed by: suitekey connection record ID")
	}
	if len(record) > maxRecord {
		return refused("it is larger than 1 MiB")
	}
	signed, err := jose.ParseSignedCompact(record, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return refused("it is no compact JWS signed with ES256")
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(keySet, &set); err != nil {
		return Record{}, broker.Errorf(broker.CodeInvalid, "the key set is no JSON Web Key Set")
	}
	header := signed.Signatures[0].Protected
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); kind != recordType {
		return refused("it is something else that was signed")
	}
	found := set.Key(header.KeyID)
	if len(found) == 0 {
		return refused("it was signed with a key that is not this server's")
	}
	payload, err := signed.Verify(found[0])
	if err != nil {
		return refused("the signature does not fit: it was changed, or signed by somebody else")
	}
	var r Record
	if err := json.Unmarshal(payload, &r); err != nil {
		return refused("its content is not that of a record")
	}
	return r, nil
}
