package netsuite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// The assertion says it was made half a minute ago, so that a clock that runs ahead a little does not matter, and lives
// five minutes, far within NetSuite's limit of one hour (H/section_162790605110).
const (
	assertionBackdate = 30 * time.Second
	assertionLife     = 5 * time.Minute
)

// assertionClaims are those that NetSuite documents, and jti. scope is an array, which is what live clients send; Oracle's
// table says "separated by a comma". sub is not listed and left out.
type assertionClaims struct {
	Issuer   string   `json:"iss"`
	Scope    []string `json:"scope"`
	Audience string   `json:"aud"`
	IssuedAt int64    `json:"iat"`
	Expiry   int64    `json:"exp"`
	ID       string   `json:"jti"`
}

// Assertion returns a fresh signed client assertion (H/section_162790605110), good for about four and a half minutes. Most
// callers want Token, TokenSource or Client, which make their own.
func (c *ClientCredentials) Assertion() (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	audience, err := c.Site.BaseURL(c.Account, ServiceSuiteTalk)
	if err != nil {
		return "", err
	}
	audience.Path = tokenPath
	issued := timeNow(c.Now).Add(c.source.clock.correction() - assertionBackdate)
	payload, err := json.Marshal(assertionClaims{
		Issuer: c.ClientID, Scope: c.Scopes, Audience: audience.String(),
		IssuedAt: issued.Unix(), Expiry: issued.Add(assertionLife).Unix(), ID: rand.Text(),
	})
	if err != nil {
		return "", err
	}
	return signJWT(c.Key, c.CertificateID, payload)
}

func signJWT(key crypto.Signer, keyID string, payload []byte) (string, error) {
	alg, err := signatureAlgorithm(key.Public())
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", keyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: cryptosigner.Opaque(saltSigner{key})}, options)
	if err != nil {
		return "", fmt.Errorf("assertion: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("assertion: the key could not sign: %w", err)
	}
	return signed.CompactSerialize()
}

// signatureAlgorithm follows from the key: NetSuite binds ES256, ES384 and ES512 to their curves and refuses RS256 since
// 1 March 2025.
func signatureAlgorithm(pub crypto.PublicKey) (jose.SignatureAlgorithm, error) {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		return jose.PS256, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return jose.ES256, nil
		case elliptic.P384():
			return jose.ES384, nil
		case elliptic.P521():
			return jose.ES512, nil
		}
	}
	return "", errKey
}

// saltSigner makes PSS salts as long as the hash, which RFC 7518 section 3.5 demands and strict verifiers check. go-jose
// asks every crypto.Signer for the longest salt that fits, which an HSM may refuse outright.
type saltSigner struct{ crypto.Signer }

func (s saltSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: pss.Hash}
	}
	return s.Signer.Sign(random, digest, opts)
}

var errKey = errors.New("key must be P-256, P-384, P-521, or RSA of 3072 or 4096 bits; make one with GenerateKey")
