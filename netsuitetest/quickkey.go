package netsuitetest

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"
)

// This file is RSA as cheap as it gets. An emulator makes a key for every account of every test and signs a token for every
// request, and with two primes of 1024 bits that is most of what it does: a tenth of a second for a key, more than half a
// millisecond for a signature. With 32 primes of 64 bits (RFC 8017 allows any number) a signature is 32 exponentiations within
// machine words. Whoever verifies sees an ordinary key of 2048 bits; whoever wants to can factor it, which harms nobody where
// every password is taken.

const (
	quickPrimes   = 32
	quickBytes    = 2048 / 8
	quickExponent = 65537
)

// quickKey is an RSA private key of 32 small primes.
type quickKey struct {
	rsa.PublicKey
	parts [quickPrimes]quickPart
}

// quickPart is what a prime contributes (RFC 8017 section 3.2): the signature is s, congruent to m^exponent in each prime.
type quickPart struct {
	prime, exponent uint64
	whole           *big.Int // 1 modulo this prime, 0 modulo the others
}

func newQuickKey() *quickKey {
	var primes []uint64
	for len(primes) < quickPrimes {
		if p := quickPrime(); !slices.Contains(primes, p) {
			primes = append(primes, p)
		}
	}
	return quickKeyOf(primes)
}

// quickKeyOf makes the key out of primes that areQuickPrimes.
func quickKeyOf(primes []uint64) *quickKey {
	k := &quickKey{PublicKey: rsa.PublicKey{N: big.NewInt(1), E: quickExponent}}
	for i, p := range primes {
		order := new(big.Int).SetUint64(p - 1)
		k.parts[i] = quickPart{prime: p, exponent: new(big.Int).ModInverse(big.NewInt(quickExponent), order).Uint64()}
		k.N.Mul(k.N, new(big.Int).SetUint64(p))
	}
	for i, part := range k.parts {
		p := new(big.Int).SetUint64(part.prime)
		others := new(big.Int).Div(k.N, p)
		k.parts[i].whole = others.Mul(others, new(big.Int).ModInverse(others, p))
	}
	return k
}

// primes are what the key is made of.
func (k *quickKey) primes() []uint64 {
	out := make([]uint64, quickPrimes)
	for i, part := range k.parts {
		out[i] = part.prime
	}
	return out
}

// areQuickPrimes tells whether a key can be made of them.
func areQuickPrimes(primes []uint64) bool {
	sorted := slices.Compact(slices.Sorted(slices.Values(primes)))
	return len(primes) == quickPrimes && len(sorted) == quickPrimes && !slices.ContainsFunc(primes, func(p uint64) bool { return !isQuickPrime(p) })
}

// isQuickPrime: with the first seven bits set, 32 of them make 2048 bits. The test is exact below 2^64.
func isQuickPrime(p uint64) bool {
	return p>>57 == 0x7f && p%quickExponent != 1 && new(big.Int).SetUint64(p).ProbablyPrime(0)
}

func quickPrime() uint64 {
	var random [8]byte
	for {
		_, _ = rand.Read(random[:]) // never fails
		if p := binary.BigEndian.Uint64(random[:]) | 0xfe<<56 | 1; isQuickPrime(p) {
			return p
		}
	}
}

// power is the RSA private operation on a message representative.
func (k *quickKey) power(em []byte) []byte {
	m, sum, rest := new(big.Int).SetBytes(em), new(big.Int), new(big.Int)
	for _, part := range k.parts {
		rest.Mod(m, new(big.Int).SetUint64(part.prime))
		share := wordPower(rest.Uint64(), part.exponent, part.prime)
		sum.Add(sum, rest.Mul(part.whole, rest.SetUint64(share)))
	}
	return sum.Mod(sum, k.N).FillBytes(make([]byte, quickBytes))
}

// wordPower is base^exponent modulo a prime.
func wordPower(base, exponent, prime uint64) uint64 {
	result := uint64(1)
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = wordTimes(result, base, prime)
		}
		base = wordTimes(base, base, prime)
	}
	return result
}

func wordTimes(a, b, prime uint64) uint64 {
	high, low := bits.Mul64(a, b)
	_, rest := bits.Div64(high, low, prime) // high < prime, since a and b are
	return rest
}

// sha256Prefix is the DigestInfo of SHA-256 ahead of the hash (RFC 8017 section 9.2).
var sha256Prefix = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// signPKCS1v15 signs a SHA-256 hash as RS256 does (EMSA-PKCS1-v1_5, RFC 8017 section 9.2).
func (k *quickKey) signPKCS1v15(hash []byte) []byte {
	info := slices.Concat([]byte{0}, sha256Prefix, hash)
	em := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, quickBytes-2-len(info)), info)
	return k.power(em)
}

// signPSS signs a SHA-256 hash as PS256 does, with a salt as long as the hash (EMSA-PSS, RFC 8017 section 9.1.1).
func (k *quickKey) signPSS(hash []byte) []byte {
	salt := make([]byte, sha256.Size)
	_, _ = rand.Read(salt) // never fails
	h := sha256.Sum256(slices.Concat(make([]byte, 8), hash, salt))
	db := slices.Concat(make([]byte, quickBytes-2*sha256.Size-2), []byte{1}, salt)
	subtle.XORBytes(db, db, mgf1(h[:], len(db)))
	db[0] &= 0x7f // the message representative has one bit less than the modulus
	return k.power(slices.Concat(db, h[:], []byte{0xbc}))
}

// mgf1 is the mask of RFC 8017 appendix B.2.1.
func mgf1(seed []byte, length int) []byte {
	var mask []byte
	for counter := uint32(0); len(mask) < length; counter++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(slices.Clone(seed), counter))
		mask = append(mask, sum[:]...)
	}
	return mask[:length]
}
