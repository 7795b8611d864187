package clients_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/export"
	"github.com/suitekey/suitekey/netsuite"
)

// signedByPostman are assertions that differ in their claims, split into what is signed and the signature.
func signedByPostman(t *testing.T, key crypto.Signer, count int) [][2]string {
	t.Helper()
	jwk, err := export.JWK(key)
	must(t, err)
	var signed [][2]string
	for _, assertion := range node[[]string](t, "sign_postman.mjs", map[string]any{"jwk": jwk.Reveal(), "count": count}) {
		dot := strings.LastIndex(assertion, ".")
		signature, err := base64.RawURLEncoding.DecodeString(assertion[dot+1:])
		must(t, err)
		signed = append(signed, [2]string{assertion[:dot], string(signature)})
	}
	if len(signed) != count {
		t.Fatalf("%d assertions, want %d", len(signed), count)
	}
	return signed
}

// TestPostmanES256: the script's signatures are those of RFC 6979, byte for byte as Go makes them, also for the smallest and the
// largest key and for numbers with leading zeros.
func TestPostmanES256(t *testing.T) {
	t.Parallel()
	generated, err := netsuite.GenerateKey(netsuite.P256)
	must(t, err)
	var seen struct{ zeroFirst, lowS, highS bool }
	order := elliptic.P256().Params().N
	for name, tt := range map[string]struct {
		key   crypto.Signer
		count int
	}{
		"generated":   {generated, 600},
		"one":         {p256(t, big.NewInt(1)), 20},
		"short":       {p256(t, big.NewInt(0xbeef)), 20},
		"the largest": {p256(t, new(big.Int).Sub(order, big.NewInt(1))), 20},
	} {
		for _, x := range signedByPostman(t, tt.key, tt.count) {
			digest := sha256.Sum256([]byte(x[0]))
			der, err := tt.key.Sign(nil, digest[:], crypto.SHA256) // without a source of random numbers: RFC 6979
			must(t, err)
			if want := fixedForm(t, der); x[1] != want {
				t.Fatalf("%s: signature %x of %s, want %x", name, x[1], x[0], want)
			}
			s := new(big.Int).SetBytes([]byte(x[1][32:]))
			high := new(big.Int).Lsh(s, 1).Cmp(order) > 0
			seen.lowS, seen.highS = seen.lowS || !high, seen.highS || high
			seen.zeroFirst = seen.zeroFirst || x[1][0] == 0 || x[1][32] == 0
		}
	}
	if !seen.lowS || !seen.highS || !seen.zeroFirst {
		t.Errorf("too few messages to have met every form: %+v", seen)
	}
	first := signedByPostman(t, generated, 1)[0]
	assertion := first[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(first[1]))
	if !opensslAccepts(t, generated.Public(), assertion, "-sha256") || opensslAccepts(t, p256(t, big.NewInt(1)).Public(), assertion, "-sha256") {
		t.Error("OpenSSL must accept the signature for this key and no other")
	}
}

func p256(t *testing.T, d *big.Int) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
	must(t, err)
	return key
}

// fixedForm is a signature as RFC 7518 section 3.4 writes it: r and s, each of 32 bytes.
func fixedForm(t *testing.T, der []byte) string {
	t.Helper()
	var numbers struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(der, &numbers)
	must(t, err)
	return string(append(numbers.R.FillBytes(make([]byte, 32)), numbers.S.FillBytes(make([]byte, 32))...))
}

// TestPostmanPS256: Go and OpenSSL take the script's signatures, with a salt of exactly 32 bytes that differs by message.
func TestPostmanPS256(t *testing.T) {
	t.Parallel()
	for _, alg := range []netsuite.KeyAlgorithm{netsuite.RSA3072, netsuite.RSA4096} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			key, err := netsuite.GenerateKey(alg)
			must(t, err)
			public := key.Public().(*rsa.PublicKey)
			signed := signedByPostman(t, key, 40)
			for _, x := range signed {
				digest := sha256.Sum256([]byte(x[0]))
				if err := rsa.VerifyPSS(public, crypto.SHA256, digest[:], []byte(x[1]), &rsa.PSSOptions{SaltLength: 32}); err != nil {
					t.Fatalf("signature of %s: %v", x[0], err)
				}
			}
			assertion := signed[0][0] + "." + base64.RawURLEncoding.EncodeToString([]byte(signed[0][1]))
			for length, want := range map[string]bool{"32": true, "20": false} {
				padding := []string{"-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:" + length}
				if got := opensslAccepts(t, public, assertion, padding...); got != want {
					t.Errorf("OpenSSL accepts a salt of %s bytes: %t, want %t", length, got, want)
				}
			}
			if again := signedByPostman(t, key, 2); again[0][1] != signed[0][1] || again[1][1] == again[0][1] {
				t.Error("a signature must depend on key and message, and on nothing else")
			}
			if salt(public, signed[0][1]) == salt(public, signed[1][1]) {
				t.Error("two messages have the same salt")
			}
		})
	}
}

// salt takes the salt out of a signature: EMSA-PSS-VERIFY of RFC 8017 section 9.1.2, steps 5 to 9.
func salt(public *rsa.PublicKey, signature string) string {
	n := new(big.Int).Exp(new(big.Int).SetBytes([]byte(signature)), big.NewInt(int64(public.E)), public.N)
	encoded := n.FillBytes(make([]byte, public.Size()))
	block, h := encoded[:len(encoded)-33], encoded[len(encoded)-33:len(encoded)-1]
	var mask []byte
	for i := byte(0); len(mask) < len(block); i++ {
		sum := sha256.Sum256(append(append([]byte{}, h...), 0, 0, 0, i))
		mask = append(mask, sum[:]...)
	}
	for i := range block {
		block[i] ^= mask[i]
	}
	return string(block[len(block)-32:])
}
