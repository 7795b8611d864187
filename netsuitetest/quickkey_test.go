package netsuitetest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestQuickKey: to the standard library it is a key of 2048 bits, and its signatures are good, for what was signed alone.
func TestQuickKey(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		k := newQuickKey()
		hash := sha256.Sum256(fmt.Append(nil, i))
		other := sha256.Sum256([]byte("other"))
		if bits := k.N.BitLen(); bits != 2048 {
			t.Fatalf("the modulus has %d bits", bits)
		}
		pkcs, pss := k.signPKCS1v15(hash[:]), k.signPSS(hash[:])
		if err := rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, hash[:], pkcs); err != nil {
			t.Errorf("RS256: %v", err)
		}
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		if err := rsa.VerifyPSS(&k.PublicKey, crypto.SHA256, hash[:], pss, options); err != nil {
			t.Errorf("PS256: %v", err)
		}
		if rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, other[:], pkcs) == nil || rsa.VerifyPSS(&k.PublicKey, crypto.SHA256, other[:], pss, options) == nil {
			t.Error("a signature is good for another text")
		}
	}
}

func TestWordPower(t *testing.T) {
	t.Parallel()
	const prime = 18446744073709551557 // the greatest below 2^64
	for _, tt := range []struct{ base, exponent, want uint64 }{
		{2, 0, 1}, {2, 10, 1024}, {0, 5, 0}, {prime - 1, 2, 1}, {prime - 1, 3, prime - 1}, {3, prime - 1, 1},
	} {
		if got := wordPower(tt.base, tt.exponent, prime); got != tt.want {
			t.Errorf("%d^%d = %d, want %d", tt.base, tt.exponent, got, tt.want)
		}
	}
}

func BenchmarkQuickKey(b *testing.B) {
	hash := sha256.Sum256([]byte("token"))
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			newQuickKey()
		}
	})
	k := newQuickKey()
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			k.signPKCS1v15(hash[:])
		}
	})
}
