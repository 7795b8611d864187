package netsuite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
)

// KeyAlgorithm is a kind of key that NetSuite takes for client credentials (H/subsect_162755332391).
type KeyAlgorithm string

// The kinds of keys. P256 signs 80 times faster than RSA3072 and its keys are made at once.
const (
	P256    KeyAlgorithm = "P-256"
	P384    KeyAlgorithm = "P-384"
	P521    KeyAlgorithm = "P-521"
	RSA3072 KeyAlgorithm = "RSA-3072"
	RSA4096 KeyAlgorithm = "RSA-4096"
)

// The names of signature algorithms stand for the keys that go with them.
var keyAlgorithms = map[string]KeyAlgorithm{
	"P-256": P256, "ES256": P256,
	"P-384": P384, "ES384": P384,
	"P-521": P521, "ES512": P521,
	"RSA-3072": RSA3072, "PS256": RSA3072,
	"RSA-4096": RSA4096,
}

// ParseKeyAlgorithm reads the name of a kind of key, or of the signature algorithm it is used with: ES256, ES384, ES512,
// and PS256, which means RSA-3072. Case does not matter.
func ParseKeyAlgorithm(s string) (KeyAlgorithm, error) {
	if alg, ok := keyAlgorithms[strings.ToUpper(s)]; ok {
		return alg, nil
	}
	return "", fmt.Errorf("key algorithm %.40q is unknown; use P-256, P-384, P-521, RSA-3072 or RSA-4096", s)
}

// GenerateKey makes a private key. An RSA key can take a second.
func GenerateKey(alg KeyAlgorithm) (crypto.Signer, error) {
	switch alg {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case P521:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("key algorithm %.40q is unknown; use P-256, P-384, P-521, RSA-3072 or RSA-4096", string(alg))
}

// CheckKey refuses a public key that NetSuite would refuse: anything but P-256, P-384, P-521 and RSA of exactly 3072 or
// 4096 bits. It also refuses RSA keys of the chips with the flaw CVE-2017-15361, which protect nothing.
func CheckKey(pub crypto.PublicKey) error {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits != 3072 && bits != 4096 {
			return fmt.Errorf("RSA key of %d bits must have 3072 or 4096; make one with GenerateKey", bits)
		}
		if fromInfineon(key) {
			return errInfineon
		}
		return nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
	}
	return errKey
}
