package clients_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
)

// TestAssertion_IndependentVerifiers: what netsuite.ClientCredentials signs is good for OpenSSL and for jsrsasign. PSS salts are
// as long as the hash (RFC 7518 section 3.5) and for OpenSSL of no other length; ECDSA signatures are r||s (section 3.4).
func TestAssertion_IndependentVerifiers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key    netsuite.KeyAlgorithm
		alg    string
		digest string
	}{
		{netsuite.RSA3072, "PS256", "-sha256"},
		{netsuite.RSA4096, "PS256", "-sha256"},
		{netsuite.P256, "ES256", "-sha256"},
		{netsuite.P384, "ES384", "-sha384"},
		{netsuite.P521, "ES512", "-sha512"},
	} {
		t.Run(string(tt.key), func(t *testing.T) {
			t.Parallel()
			key, err := netsuite.GenerateKey(tt.key)
			must(t, err)
			good := assertionOf(t, key)
			bad := withOtherPayload(t, good)

			// openssl dgst verifies what the arguments describe.
			openssl := func(assertion string, padding ...string) bool {
				return opensslAccepts(t, key.Public(), assertion, append([]string{tt.digest}, padding...)...)
			}
			var padding []string
			if tt.alg == "PS256" {
				padding = pss("32")
				for _, salt := range []string{"0", "20", "31", "33", "64"} {
					if openssl(good, pss(salt)...) {
						t.Errorf("OpenSSL took the salt for one of %s bytes; it must have 32", salt)
					}
				}
			}
			if !openssl(good, padding...) {
				t.Error("OpenSSL refuses our assertion")
			}
			if openssl(bad, padding...) {
				t.Error("OpenSSL accepts an assertion whose payload was changed")
			}
			if !jsrsasignAccepts(t, key.Public(), good, tt.alg) {
				t.Error("jsrsasign refuses our assertion")
			}
			if jsrsasignAccepts(t, key.Public(), bad, tt.alg) {
				t.Error("jsrsasign accepts an assertion whose payload was changed")
			}
		})
	}
}

func pss(salt string) []string {
	return []string{"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:" + salt}
}

func assertionOf(t *testing.T, key crypto.Signer) string {
	t.Helper()
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	must(t, err)
	c := netsuite.ClientCredentials{
		Account: "1234567", ClientID: strings.Repeat("a1", 32), CertificateID: netsuite.CertificateID(cert), Key: key, Scopes: []string{"rest_webservices"},
	}
	assertion, err := c.Assertion()
	must(t, err)
	return assertion
}

// withOtherPayload keeps header and signature.
func withOtherPayload(t *testing.T, assertion string) string {
	t.Helper()
	parts := strings.Split(assertion, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	other := strings.Replace(string(payload), "rest_webservices", "suite_analytics_", 1)
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(other))
	return strings.Join(parts, ".")
}

func opensslAccepts(t *testing.T, public crypto.PublicKey, assertion string, options ...string) bool {
	t.Helper()
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, content, 0o600))
		return path
	}
	dot := strings.LastIndex(assertion, ".")
	signature, err := base64.RawURLEncoding.DecodeString(assertion[dot+1:])
	must(t, err)
	args := append([]string{"dgst"}, options...)
	args = append(args, "-verify", file("public.pem", publicPEM(t, public)), "-signature", file("signature", opensslForm(t, public, signature)),
		file("signed", []byte(assertion[:dot])))
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	accepted := strings.Contains(string(out), "Verified OK")
	if refused := strings.Contains(strings.ToLower(string(out)), "verification failure"); accepted != (err == nil) || accepted == refused {
		t.Fatalf("openssl neither accepts nor refuses: %v\n%s", err, out)
	}
	return accepted
}

// opensslForm is the signature as OpenSSL reads it: ECDSA in DER.
func opensslForm(t *testing.T, public crypto.PublicKey, signature []byte) []byte {
	t.Helper()
	key, ok := public.(*ecdsa.PublicKey)
	if !ok {
		if want := public.(*rsa.PublicKey).Size(); len(signature) != want {
			t.Fatalf("the signature has %d bytes, want %d", len(signature), want)
		}
		return signature
	}
	half := (key.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*half {
		t.Fatalf("the signature has %d bytes; r||s has %d", len(signature), 2*half)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
	must(t, err)
	return der
}

func publicPEM(t *testing.T, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jsrsasignAccepts(t *testing.T, public crypto.PublicKey, assertion, alg string) bool {
	t.Helper()
	return node[bool](t, "verify_jsrsasign.mjs", map[string]string{
		"public_key": string(publicPEM(t, public)), "assertion": assertion, "alg": alg,
	})
}
