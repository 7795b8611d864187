package export

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/suitekey/suitekey/netsuite"
)

// TestJWK: go-jose, which did not write it, reads every kind of key back as it was.
func TestJWK(t *testing.T) {
	short, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), big.NewInt(7).FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	keys := []crypto.Signer{short}
	for _, alg := range []netsuite.KeyAlgorithm{netsuite.P256, netsuite.P384, netsuite.P521, netsuite.RSA3072} {
		key, err := netsuite.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	for _, key := range keys {
		text, err := JWK(key)
		if err != nil {
			t.Fatal(err)
		}
		var read jose.JSONWebKey
		if err := json.Unmarshal([]byte(text.Reveal()), &read); err != nil {
			t.Fatalf("%T: %v", key, err)
		}
		same, ok := read.Key.(interface{ Equal(crypto.PrivateKey) bool })
		if !ok || !same.Equal(key) || !read.Valid() {
			t.Errorf("%T came back as %T, which is not the same", key, read.Key)
		}
	}
}

// deviceKey stands for a key of a PKCS#11 token.
type deviceKey struct{ crypto.Signer }

func TestJWKRefusals(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	three := &rsa.PrivateKey{Primes: make([]*big.Int, 3)}
	for name, key := range map[string]crypto.Signer{"device": deviceKey{edwards}, "Ed25519": edwards, "three primes": three, "none": nil} {
		if text, err := JWK(key); err == nil || !text.IsZero() {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}
