package export

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/suitekey/suitekey/netsuite"
)

// privateJWK is a private key as RFC 7518 section 6 writes it. Byte slices are base64url without padding there.
type privateJWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	D   string `json:"d"`
	P   string `json:"p,omitempty"`
	Q   string `json:"q,omitempty"`
	DP  string `json:"dp,omitempty"`
	DQ  string `json:"dq,omitempty"`
	QI  string `json:"qi,omitempty"`
}

// JWK is a private key as a JSON Web Key, the form that the collection of ViaDirect takes.
func JWK(key crypto.Signer) (netsuite.Secret, error) {
	var jwk privateJWK
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		jwk, err = ecJWK(key)
	case *rsa.PrivateKey:
		jwk, err = rsaJWK(key)
	default:
		err = fmt.Errorf("private key of type %T stays in the device or service that signs with it", key)
	}
	if err != nil {
		return netsuite.Secret{}, err
	}
	text, err := json.Marshal(jwk)
	return netsuite.NewSecret(string(text)), err
}

// ecJWK: coordinates and number are as long as the curve's field (RFC 7518 sections 6.2.1.2 and 6.2.2.1).
func ecJWK(key *ecdsa.PrivateKey) (privateJWK, error) {
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return privateJWK{}, err
	}
	d, err := key.Bytes()
	if err != nil {
		return privateJWK{}, err
	}
	size := (len(point) - 1) / 2
	return privateJWK{Kty: "EC", Crv: key.Curve.Params().Name, X: base64url(point[1 : 1+size]), Y: base64url(point[1+size:]), D: base64url(d)}, nil
}

// rsaJWK: numbers have no leading zeros (RFC 7518 section 2, Base64urlUInt).
func rsaJWK(key *rsa.PrivateKey) (privateJWK, error) {
	if len(key.Primes) != 2 {
		return privateJWK{}, fmt.Errorf("RSA key of %d primes must have two", len(key.Primes))
	}
	key.Precompute()
	return privateJWK{
		Kty: "RSA", N: number(key.N), E: number(big.NewInt(int64(key.E))), D: number(key.D), P: number(key.Primes[0]), Q: number(key.Primes[1]),
		DP: number(key.Precomputed.Dp), DQ: number(key.Precomputed.Dq), QI: number(key.Precomputed.Qinv),
	}, nil
}

func number(n *big.Int) string { return base64url(n.Bytes()) }

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
