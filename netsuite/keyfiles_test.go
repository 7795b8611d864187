package netsuite

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fromOpenSSL reads a file of testdata/openssl.
func fromOpenSSL(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "openssl", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func derOf(tb testing.TB, pemFile []byte) []byte {
	tb.Helper()
	block, _ := pem.Decode(pemFile)
	if block == nil {
		tb.Fatalf("%q is not PEM", pemFile)
	}
	return block.Bytes
}

func pkcs8Of(tb testing.TB, key any) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// asPSS writes an RSA key as PKCS #8 with the OID id-RSASSA-PSS and these parameters, nil for none.
func asPSS(tb testing.TB, key *rsa.PrivateKey, parameters []byte) []byte {
	tb.Helper()
	der, err := asn1.Marshal(struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		PrivateKey []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: oidRSASSAPSS, Parameters: asn1.RawValue{FullBytes: parameters}}, x509.MarshalPKCS1PrivateKey(key)})
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func TestParsePrivateKey(t *testing.T) {
	for alg, key := range testKeys() {
		files := map[string][]byte{"PKCS #8": pkcs8Of(t, key)}
		switch key := key.(type) {
		case *rsa.PrivateKey:
			files["PKCS #1"] = x509.MarshalPKCS1PrivateKey(key)
			files["id-RSASSA-PSS"] = asPSS(t, key, nil)
			files["id-RSASSA-PSS with NULL"] = asPSS(t, key, asn1.NullBytes)
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			files["SEC 1"] = der
		}
		kinds := map[string]string{"PKCS #1": kindPKCS1, "SEC 1": kindSEC1}
		for form, der := range files {
			kind := kinds[form]
			if kind == "" {
				kind = kindPKCS8
			}
			for container, data := range map[string][]byte{
				"DER": der, "PEM": pemOf(kind, der), "PEM with text": append([]byte("Bag Attributes\r\n"), pemOf(kind, der)...),
				"PEM of Windows": append([]byte("\ufeff"), bytes.ReplaceAll(pemOf(kind, der), []byte("\n"), []byte("\r\n"))...),
			} {
				got, err := ParsePrivateKey(data)
				if err != nil || !key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got) {
					t.Errorf("%s, %s, %s: key = %T, %v", alg, form, container, got, err)
				}
			}
		}
	}
}

func TestParsePrivateKeyOfOpenSSL(t *testing.T) {
	for key, cert := range map[string]string{"ec-key.pem": "ec-cert.pem", "pss-key.pem": "pss-cert.pem", "pss-sha256-key.pem": "pss-sha256-cert.pem"} {
		got, err := ParsePrivateKey(fromOpenSSL(t, key))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		x, err := ParseCertificate(fromOpenSSL(t, cert))
		if err != nil || !CertificateMatchesKey(x, got.Public()) {
			t.Errorf("%s does not match %s (%v)", cert, key, err)
		}
		if _, err := NewCertificate(got, CertificateOptions{}); err != nil {
			t.Errorf("certificate for %s: %v", key, err)
		}
	}
}

func TestParsePrivateKeyNamesTheWrongFile(t *testing.T) {
	p256 := pkcs8Of(t, testKeys()[P256])
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	utf16 := []byte{0xff, 0xfe}
	for _, c := range pemOf(kindPKCS8, p256) {
		utf16 = append(utf16, c, 0)
	}
	file := func(name string) []byte { return fromOpenSSL(t, name) }
	for name, tt := range map[string]struct {
		data []byte
		says string
	}{
		"empty":                      {nil, "empty"},
		"white space":                {[]byte(" \n"), "empty"},
		"huge":                       {bytes.Repeat([]byte("a"), maxFile+1), "larger"},
		"web page":                   {[]byte("<html>"), "web page"},
		"text":                       {[]byte("MIIB..."), "neither PEM"},
		"UTF-16":                     {utf16, "UTF-16"},
		"PEM without its end":        {[]byte("-----BEGIN PRIVATE KEY-----\nMIIB\n"), "damaged"},
		"DER cut":                    {p256[:len(p256)-9], "damaged"},
		"DER with tail":              {append(slices.Clone(p256), 0), "damaged"},
		"damaged":                    {pemOf(kindPKCS8, p256[:len(p256)-9]), "damaged"},
		"PKCS #8 said to be PKCS #1": {pemOf(kindPKCS1, p256), "damaged"},
		"key twice":                  {append(pemOf(kindPKCS8, p256), pemOf(kindPKCS8, p256)...), "openssl pkey -in FILE"},
		"key before certificate":     {append(pemOf(kindPKCS8, p256), file("ec-cert.pem")...), "openssl pkey -in FILE"},
		"key after certificate":      {append(file("ec-cert.pem"), pemOf(kindPKCS8, p256)...), "openssl pkey -in FILE"},
		"chain of certificates":      {append(file("ec-cert.pem"), file("ec-cert.pem")...), "is a certificate"},
		"certificate":                {file("ec-cert.pem"), "is a certificate"},
		"certificate, binary":        {derOf(t, file("ec-cert.pem")), "is a certificate"},
		"request":                    {file("request.pem"), "request"},
		"request, binary":            {file("request.der"), "request"},
		"public key":                 {file("public.pem"), "public key"},
		"public key, binary":         {file("public.der"), "public key"},
		"RSA public key, binary":     {x509.MarshalPKCS1PublicKey(&shortRSAKey().PublicKey), "public key"},
		"encrypted":                  {file("encrypted-key.pem"), "openssl pkey -in FILE -out key.pem"},
		"encrypted, binary":          {file("encrypted-key.der"), "openssl pkey -in FILE -out key.pem"},
		"encrypted by old OpenSSL":   {file("encrypted-old-key.pem"), "openssl pkey -in FILE -out key.pem"},
		"SSH key":                    {file("ssh-key"), "ssh-keygen -p -N '' -m PKCS8"},
		"PKCS #12":                   {file("container.p12"), "openssl pkcs12 -in FILE -nocerts"},
		"PKCS #7":                    {file("container.p7b"), "PKCS #7"},
		"PKCS #7, binary":            {file("container-binary.p7b"), "PKCS #7"},
		"parameters alone":           {file("ec-parameters.pem"), "no key"},
		"parameters twice":           {append(file("ec-parameters.pem"), file("ec-parameters.pem")...), "no key"},
		"DSA key":                    {pemOf("DSA PRIVATE KEY", p256), "DSA"},
		"other block":                {pemOf("SOMETHING ELSE", p256), "SOMETHING ELSE"},
		"RSA of 2048 bits":           {pkcs8Of(t, shortRSAKey()), "2048 bits must have 3072 or 4096"},
		"RSA-PSS of 2048 bits":       {asPSS(t, shortRSAKey(), nil), "2048 bits must have 3072 or 4096"},
		"P-224":                      {pkcs8Of(t, p224), "openssl genpkey"},
		"Ed25519":                    {pkcs8Of(t, ed), "openssl genpkey"},
		"X25519":                     {pkcs8Of(t, x25519), "openssl genpkey"},
		"PSS limited to SHA-512":     {file("pss-sha512-key.pem"), "limited"},
		"PSS limited by default":     {asPSS(t, testKeys()[RSA3072].(*rsa.PrivateKey), []byte{0x30, 0}), "limited"},
		"PSS with odd parameters":    {asPSS(t, testKeys()[RSA3072].(*rsa.PrivateKey), []byte{0x02, 1, 5}), "limited"},
	} {
		got, err := ParsePrivateKey(tt.data)
		switch {
		case err == nil || got != nil || !strings.Contains(err.Error(), tt.says):
			t.Errorf("%s: ParsePrivateKey = %T, %v; want an error that says %q", name, got, err, tt.says)
		case !strings.HasPrefix(err.Error(), "private key file") || len(err.Error()) > 500 || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: error %q should name the field and be short", name, err)
		}
	}
}

// Parameters of PSS keys: PS256 must keep them all (RFC 4055 section 3.3).
func TestPSSParameters(t *testing.T) {
	type limits struct {
		Hash    pkix.AlgorithmIdentifier `asn1:"explicit,tag:0,optional"`
		MGF     pkix.AlgorithmIdentifier `asn1:"explicit,tag:1,optional"`
		Salt    int                      `asn1:"explicit,tag:2,optional"`
		Trailer int                      `asn1:"explicit,tag:3,optional"`
	}
	sha256, sha384 := pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}}
	mgf := func(hash pkix.AlgorithmIdentifier) pkix.AlgorithmIdentifier {
		der, err := asn1.Marshal(hash)
		if err != nil {
			t.Fatal(err)
		}
		return pkix.AlgorithmIdentifier{Algorithm: oidMGF1, Parameters: asn1.RawValue{FullBytes: der}}
	}
	for name, tt := range map[string]struct {
		limits limits
		fits   bool
	}{
		"PS256":         {limits{sha256, mgf(sha256), 32, 0}, true},
		"shorter salt":  {limits{sha256, mgf(sha256), 20, 1}, true},
		"longer salt":   {limits{sha256, mgf(sha256), 33, 0}, false},
		"negative salt": {limits{sha256, mgf(sha256), -1, 0}, false},
		"other hash":    {limits{sha384, mgf(sha256), 32, 0}, false},
		"other MGF":     {limits{sha256, mgf(sha384), 32, 0}, false},
		"no MGF":        {limits{sha256, pkix.AlgorithmIdentifier{}, 32, 0}, false},
		"other trailer": {limits{sha256, mgf(sha256), 32, 2}, false},
	} {
		der, err := asn1.Marshal(tt.limits)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParsePrivateKey(asPSS(t, testKeys()[RSA3072].(*rsa.PrivateKey), der))
		if (err == nil) != tt.fits {
			t.Errorf("%s: err = %v, want it to fit: %t", name, err, tt.fits)
		}
	}
}

func TestEncodePrivateKeyPEM(t *testing.T) {
	for alg, key := range testKeys() {
		text, err := EncodePrivateKeyPEM(key)
		if err != nil || !strings.HasPrefix(text.Reveal(), "-----BEGIN PRIVATE KEY-----\n") {
			t.Fatalf("%s: %q, %v", alg, text, err)
		}
		got, err := ParsePrivateKey([]byte(text.Reveal()))
		if err != nil || !CertificateMatchesKey(newTestCertificate(t, alg), got.Public()) {
			t.Errorf("%s: the key that was written reads as %T, %v", alg, got, err)
		}
	}
	for name, key := range map[string]crypto.Signer{"nil": nil, "HSM": hsm{testKeys()[P256]}} {
		if text, err := EncodePrivateKeyPEM(key); err == nil || !text.IsZero() {
			t.Errorf("%s: %q, %v; want an error", name, text, err)
		}
	}
}

func FuzzParsePrivateKey(f *testing.F) {
	for _, name := range []string{"ec-key.pem", "pss-sha256-key.pem", "encrypted-old-key.pem", "container-binary.p7b", "request.der", "public.der"} {
		f.Add(fromOpenSSL(f, name))
	}
	f.Add(pkcs8Of(f, testKeys()[P384]))
	f.Add(asPSS(f, testKeys()[RSA3072].(*rsa.PrivateKey), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParsePrivateKey(data)
		if (err == nil) != (key != nil) {
			t.Fatalf("key = %T with %v", key, err)
		}
		if err != nil {
			if len(err.Error()) > 500 {
				t.Fatalf("error of %d characters", len(err.Error()))
			}
			return
		}
		text, err := EncodePrivateKeyPEM(key)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParsePrivateKey([]byte(text.Reveal())); err != nil || !again.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Fatalf("the key written and read again is %T, %v", again, err)
		}
	})
}
