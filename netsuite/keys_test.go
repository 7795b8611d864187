package netsuite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"
	"testing"
)

// testKeys holds one key of each kind; RSA keys are dear.
var testKeys = sync.OnceValue(func() map[KeyAlgorithm]crypto.Signer {
	keys := map[KeyAlgorithm]crypto.Signer{}
	for _, alg := range []KeyAlgorithm{P256, P384, P521, RSA3072, RSA4096} {
		key, err := GenerateKey(alg)
		if err != nil {
			panic(err)
		}
		keys[alg] = key
	}
	return keys
})

var shortRSAKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func TestGenerateKey(t *testing.T) {
	for alg, key := range testKeys() {
		if err := CheckKey(key.Public()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		size := 0
		switch pub := key.Public().(type) {
		case *rsa.PublicKey:
			size = pub.N.BitLen()
		case *ecdsa.PublicKey:
			size = pub.Params().BitSize
		}
		if want := map[KeyAlgorithm]int{P256: 256, P384: 384, P521: 521, RSA3072: 3072, RSA4096: 4096}[alg]; size != want {
			t.Errorf("%s has %d bits, want %d", alg, size, want)
		}
	}
	if key, err := GenerateKey("RSA-2048"); err == nil {
		t.Errorf("GenerateKey(RSA-2048) = %T, want an error", key)
	}
}

func TestParseKeyAlgorithm(t *testing.T) {
	for in, want := range map[string]KeyAlgorithm{
		"P-256": P256, "p-384": P384, "P-521": P521, "rsa-3072": RSA3072, "RSA-4096": RSA4096, "PS256": RSA3072, "es256": P256, "ES384": P384, "ES512": P521,
	} {
		if got, err := ParseKeyAlgorithm(in); err != nil || got != want {
			t.Errorf("ParseKeyAlgorithm(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "RS256", "RSA-2048", "P-224", "EdDSA", "none", strings.Repeat("x", 1<<20)} {
		if got, err := ParseKeyAlgorithm(in); err == nil || len(err.Error()) > 300 {
			t.Errorf("ParseKeyAlgorithm(%.20q) = %q, %v; want a short error", in, got, err)
		}
	}
}

func TestCheckKeyRefuses(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.PublicKey{
		"RSA 2048": shortRSAKey().Public(), "P-224": p224.Public(), "Ed25519": ed, "nil": nil, "text": "key", "private key": p224,
	} {
		if err := CheckKey(key); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
