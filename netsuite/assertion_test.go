package netsuite

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// hsm is a signer that is no type of the standard library and refuses what SoftHSM refuses: salts that are not as long as
// the hash.
type hsm struct{ key crypto.Signer }

func (h hsm) Public() crypto.PublicKey { return h.key.Public() }

func (h hsm) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if pss, ok := opts.(*rsa.PSSOptions); ok && pss.SaltLength != rsa.PSSSaltLengthEqualsHash {
		return nil, errors.New("unsupported RSA option value")
	}
	return h.key.Sign(random, digest, opts)
}

var testNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func testCredentials(key crypto.Signer) *ClientCredentials {
	return &ClientCredentials{
		Account: testAccount, ClientID: testClientID, CertificateID: strings.Repeat("k", 43), Key: key,
		Scopes: []string{"restlets", "rest_webservices"}, Now: func() time.Time { return testNow },
	}
}

func TestAssertion(t *testing.T) {
	for alg, name := range map[KeyAlgorithm]string{P256: "ES256", P384: "ES384", P521: "ES512", RSA3072: "PS256", RSA4096: "PS256"} {
		key := testKeys()[alg]
		for kind, signer := range map[string]crypto.Signer{"own": key, "foreign": hsm{key}} {
			t.Run(string(alg)+" "+kind, func(t *testing.T) {
				jwt, err := testCredentials(signer).Assertion()
				if err != nil {
					t.Fatal(err)
				}
				header, claims := openAssertion(t, jwt, key.Public(), name)
				if want := map[string]any{"typ": "JWT", "alg": name, "kid": strings.Repeat("k", 43)}; !maps.Equal(header, want) {
					t.Errorf("header = %v, want %v", header, want)
				}
				var c assertionClaims
				if err := json.Unmarshal(claims, &c); err != nil {
					t.Fatalf("claims %s: %v", claims, err)
				}
				if c.Issuer != testClientID || c.Audience != "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token" ||
					!slices.Equal(c.Scope, []string{"restlets", "rest_webservices"}) || c.ID == "" {
					t.Errorf("claims = %s", claims)
				}
				if c.IssuedAt != testNow.Unix()-30 || c.Expiry-c.IssuedAt != 300 {
					t.Errorf("RO-12: iat = now%+d s, exp = iat%+d s; want now-30 and iat+300", c.IssuedAt-testNow.Unix(), c.Expiry-c.IssuedAt)
				}
				var names map[string]any
				if err := json.Unmarshal(claims, &names); err != nil || len(names) != 6 {
					t.Errorf("claims = %s, want exactly iss, scope, aud, iat, exp, jti", claims)
				}
			})
		}
	}
}

// openAssertion verifies with the standard library alone: salt as long as the hash, r||s of fixed length.
func openAssertion(t *testing.T, jwt string, pub crypto.PublicKey, alg string) (header map[string]any, claims []byte) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("assertion has %d parts", len(parts))
	}
	decode := func(part string) []byte {
		data, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		return data
	}
	if err := json.Unmarshal(decode(parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	signed, signature := []byte(parts[0]+"."+parts[1]), decode(parts[2])
	digest := map[string]func() []byte{
		"PS256": func() []byte { d := sha256.Sum256(signed); return d[:] },
		"ES256": func() []byte { d := sha256.Sum256(signed); return d[:] },
		"ES384": func() []byte { d := sha512.Sum384(signed); return d[:] },
		"ES512": func() []byte { d := sha512.Sum512(signed); return d[:] },
	}[alg]()
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPSS(key, crypto.SHA256, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
			t.Errorf("signature with a salt as long as the hash: %v", err)
		}
	case *ecdsa.PublicKey:
		half := (key.Params().BitSize + 7) / 8
		if len(signature) != 2*half {
			t.Fatalf("signature has %d bytes, want %d", len(signature), 2*half)
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		if !ecdsa.Verify(key, digest, r, s) {
			t.Error("signature does not verify")
		}
	}
	return header, decode(parts[1])
}

func TestAssertionsDiffer(t *testing.T) {
	c := testCredentials(testKeys()[RSA3072])
	one, err := c.Assertion()
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Assertion()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Split(one, ".")[1] == strings.Split(two, ".")[1] {
		t.Error("two assertions have the same claims, want a fresh jti each")
	}
}

func TestAssertionRefuses(t *testing.T) {
	for name, change := range map[string]func(*ClientCredentials){
		"no account":             func(c *ClientCredentials) { c.Account = "" },
		"hostile account":        func(c *ClientCredentials) { c.Account = "x@evil" },
		"no client ID":           func(c *ClientCredentials) { c.ClientID = "" },
		"no certificate ID":      func(c *ClientCredentials) { c.CertificateID = "" },
		"certificate ID of path": func(c *ClientCredentials) { c.CertificateID = "../x" },
		"no key":                 func(c *ClientCredentials) { c.Key = nil },
		"short key":              func(c *ClientCredentials) { c.Key = shortRSAKey() },
		"no scope":               func(c *ClientCredentials) { c.Scopes = nil },
		"mcp mixed":              func(c *ClientCredentials) { c.Scopes = []string{"mcp", "restlets"} },
		"key that fails":         func(c *ClientCredentials) { c.Key = failingKey{c.Key} },
	} {
		c := testCredentials(testKeys()[P256])
		change(c)
		if jwt, err := c.Assertion(); err == nil || jwt != "" {
			t.Errorf("%s: Assertion = %q, %v; want an error", name, jwt, err)
		}
	}
}

type failingKey struct{ crypto.Signer }

func (failingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("token removed")
}

func TestSaltSignerLeavesOtherOptionsAlone(t *testing.T) {
	digest := sha256.Sum256([]byte("x"))
	key := testKeys()[RSA3072].(*rsa.PrivateKey)
	signature, err := saltSigner{key}.Sign(nil, digest[:], crypto.SHA256)
	if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) != nil || bytes.Equal(signature, nil) {
		t.Errorf("a plain hash as options gave %d bytes, %v; want PKCS #1 v1.5", len(signature), err)
	}
}

// unverifiedAssertion reads the claims of an assertion whose signature another test judges.
func unverifiedAssertion(t *testing.T, jwt string) (c assertionClaims) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("assertion has %d parts", len(parts))
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}
