package netsuite

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// selfSigned makes a certificate of any validity for any key.
func selfSigned(tb testing.TB, key crypto.Signer, begin, end time.Time) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(0xabc), Subject: pkix.Name{CommonName: "test"}, NotBefore: begin, NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func TestParseCertificate(t *testing.T) {
	for alg := range testKeys() {
		cert := newTestCertificate(t, alg)
		for name, data := range map[string][]byte{
			"PEM": EncodePEM(cert), "DER": cert.Raw, "PEM with text": append([]byte("Bag Attributes\n"), EncodePEM(cert)...),
			"PEM of Windows": append([]byte("\ufeff"), bytes.ReplaceAll(EncodePEM(cert), []byte("\n"), []byte("\r\n"))...),
		} {
			got, err := ParseCertificate(data)
			if err != nil || !got.Equal(cert) || CertificateID(got) != CertificateID(cert) || !CertificateMatchesKey(got, testKeys()[alg].Public()) {
				t.Errorf("%s, %s: %v", alg, name, err)
			}
		}
	}
}

// Keys with the OID id-RSASSA-PSS are RSA keys all the same.
func TestParseCertificateWithPSSKey(t *testing.T) {
	own, err := ParseCertificate(withPSSKey(t))
	if err != nil || !CertificateMatchesKey(own, testKeys()[RSA3072].Public()) || own.PublicKeyAlgorithm != x509.RSA {
		t.Errorf("own: %v", err)
	}
	for _, name := range []string{"pss-cert.pem", "pss-sha256-cert.pem"} {
		cert, err := ParseCertificate(fromOpenSSL(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 3072 {
			t.Errorf("%s: key = %T, want RSA of 3072 bits", name, cert.PublicKey)
		}
	}
	signed, err := ParseCertificate(fromOpenSSL(t, "pss-sha256-cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := signed.CheckSignature(signed.SignatureAlgorithm, signed.RawTBSCertificate, signed.Signature); err != nil {
		t.Errorf("the certificate's own signature, made by OpenSSL with this key: %v", err)
	}
}

// withPSSKey makes a certificate whose key carries the OID id-RSASSA-PSS (1.2.840.113549.1.1.10) instead of rsaEncryption
// (….1.1.1): the two differ in one byte of the SubjectPublicKeyInfo. The signature does not matter to a parser.
func withPSSKey(t *testing.T) []byte {
	t.Helper()
	cert := newTestCertificate(t, RSA3072)
	oid := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}
	spki := bytes.Replace(cert.RawSubjectPublicKeyInfo, oid, append(slices.Clone(oid[:8]), 0x0a), 1)
	return bytes.Replace(cert.Raw, cert.RawSubjectPublicKeyInfo, spki, 1)
}

func TestParseCertificateNamesTheWrongFile(t *testing.T) {
	p256 := pkcs8Of(t, testKeys()[P256])
	cert := newTestCertificate(t, P256)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherKind := bytes.Replace(withPSSKey(t), []byte{0x0d, 0x01, 0x01, 0x0a}, []byte{0x0d, 0x01, 0x01, 0x63}, 1)
	file := func(name string) []byte { return fromOpenSSL(t, name) }
	for name, tt := range map[string]struct {
		data []byte
		says string
	}{
		"empty":               {nil, "empty"},
		"white space":         {[]byte(" \n"), "empty"},
		"huge":                {bytes.Repeat([]byte("a"), maxFile+1), "larger"},
		"web page":            {[]byte("<html>"), "web page"},
		"text":                {[]byte("MIIB..."), "neither PEM"},
		"private key":         {pemOf(kindPKCS8, p256), "must stay where it is"},
		"private key, binary": {p256, "must stay where it is"},
		"old RSA key":         {x509.MarshalPKCS1PrivateKey(shortRSAKey()), "must stay where it is"},
		"EC key of OpenSSL":   {file("ec-key.pem"), "must stay where it is"},
		"encrypted key":       {file("encrypted-key.pem"), "must stay where it is"},
		"encrypted, binary":   {file("encrypted-key.der"), "must stay where it is"},
		"SSH key":             {file("ssh-key"), "SSH"},
		"public key":          {file("public.pem"), "openssl req -x509"},
		"public key, binary":  {file("public.der"), "openssl req -x509"},
		"request":             {file("request.pem"), "openssl x509 -req"},
		"request, binary":     {file("request.der"), "openssl x509 -req"},
		"PKCS #7":             {file("container.p7b"), "openssl pkcs7"},
		"PKCS #7, binary":     {file("container-binary.p7b"), "openssl pkcs7"},
		"PKCS #12":            {file("container.p12"), "openssl pkcs12"},
		"trusted certificate": {file("trusted-cert.pem"), "openssl x509 -in FILE"},
		"parameters":          {file("ec-parameters.pem"), "parameters"},
		"revocation list":     {pemOf("X509 CRL", p256), "revocation list"},
		"other block":         {pemOf("SOMETHING ELSE", p256), "SOMETHING ELSE"},
		"damaged":             {pemOf(kindCertificate, cert.Raw[:len(cert.Raw)-9]), "damaged"},
		"damaged, binary":     {cert.Raw[:len(cert.Raw)-9], "damaged"},
		"three parts":         {[]byte{0x30, 8, 0x30, 0, 0x30, 0, 0x03, 2, 0, 1}, "damaged"},
		"two certificates":    {append(EncodePEM(cert), EncodePEM(cert)...), "openssl x509 -in FILE"},
		"key after it":        {append(EncodePEM(cert), pemOf(kindPKCS8, p256)...), "PRIVATE KEY"},
		"key before it":       {append(pemOf(kindPKCS8, p256), EncodePEM(cert)...), "PRIVATE KEY"},
		"P-224":               {pemOf(kindCertificate, selfSigned(t, p224, testNow, testNow)), "P-256"},
		"RSA of 2048 bits":    {selfSigned(t, shortRSAKey(), testNow, testNow), "2048"},
		"limited PSS key":     {file("pss-sha512-cert.pem"), "limited"},
		"key of unknown kind": {otherKind, "key must be P-256"},
	} {
		got, err := ParseCertificate(tt.data)
		switch {
		case err == nil || got != nil || !strings.Contains(err.Error(), tt.says):
			t.Errorf("%s: ParseCertificate = %t, %v; want an error that says %q", name, got != nil, err, tt.says)
		case !strings.HasPrefix(err.Error(), "certificate file") || len(err.Error()) > 500 || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: error %q should name the field and be short", name, err)
		}
	}
}

func TestCertificateMatchesKey(t *testing.T) {
	cert := newTestCertificate(t, P256)
	if !CertificateMatchesKey(cert, testKeys()[P256].Public()) {
		t.Error("its own key does not match")
	}
	for name, ok := range map[string]bool{
		"other key": CertificateMatchesKey(cert, testKeys()[P384].Public()), "no key": CertificateMatchesKey(cert, nil), "private key": CertificateMatchesKey(cert, testKeys()[P256]),
		"no certificate": CertificateMatchesKey(nil, testKeys()[P256].Public()), "certificate without key": CertificateMatchesKey(&x509.Certificate{}, nil),
	} {
		if ok {
			t.Errorf("%s matches", name)
		}
	}
}

func TestInspectCertificate(t *testing.T) {
	own := newTestCertificate(t, P256)
	got := InspectCertificate(own, testNow)
	if got.ID != CertificateID(own) || got.Subject != "CN=NetSuite client credentials" || got.KeyAlgorithm != "P-256" || got.SignatureAlgorithm != "ECDSA-SHA256" ||
		got.Serial != own.SerialNumber.Text(16) || !got.NotBefore.Equal(own.NotBefore) || !got.NotAfter.Equal(own.NotAfter) || got.Problems != nil {
		t.Errorf("info = %+v", got)
	}
	sha1 := newTestCertificate(t, P256)
	sha1.SignatureAlgorithm = x509.SHA1WithRSA
	parsed := func(der []byte) *x509.Certificate {
		cert, err := parseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	flawed := newTestCertificate(t, P256)
	flawed.PublicKey = &rsa.PublicKey{N: infineonModulus(3072), E: 65537}
	for name, tt := range map[string]struct {
		cert *x509.Certificate
		now  time.Time
		key  string
		says []string
	}{
		"exactly two years": {parsed(selfSigned(t, testKeys()[RSA3072], testNow, testNow.AddDate(2, 0, 0))), testNow, "RSA-3072", nil},
		"too long":          {parsed(selfSigned(t, testKeys()[P384], testNow, testNow.AddDate(10, 0, 0))), testNow, "P-384", []string{"shortens it to about 2028-11-24"}},
		"at its end":        {own, own.NotAfter, "P-256", []string{"ended on 2028-11-22"}},
		"too early":         {own, own.NotBefore.Add(-time.Second), "P-256", []string{"begins only on 2026-11-24"}},
		"weak and long":     {parsed(selfSigned(t, shortRSAKey(), testNow, testNow.AddDate(3, 0, 0))), testNow, "RSA-2048", []string{"2048", "two years"}},
		"SHA-1":             {sha1, testNow, "P-256", []string{"SHA1-RSA"}},
		"flawed chip":       {flawed, testNow, "RSA-3072", []string{"CVE-2017-15361"}},
		"PSS key":           {parsed(withPSSKey(t)), testNow, "RSA-3072", nil},
	} {
		got := InspectCertificate(tt.cert, tt.now)
		if got.KeyAlgorithm != tt.key || len(got.Problems) != len(tt.says) {
			t.Errorf("%s: info = %+v, want %d problems", name, got, len(tt.says))
			continue
		}
		for i, says := range tt.says {
			if !strings.Contains(got.Problems[i], says) || !strings.HasSuffix(got.Problems[i], ".") {
				t.Errorf("%s: problem %q does not say %q", name, got.Problems[i], says)
			}
		}
	}
}

func TestCompareCertificate(t *testing.T) {
	cert := newTestCertificate(t, P256)
	listed := Certificate{ID: CertificateID(cert), Entity: 7, EntityName: "Ann\nLee", Role: 1067, RoleName: "Sync", ValidUntil: testNow.Add(time.Hour)}
	with := func(change func(*Certificate)) []Certificate {
		c := listed
		change(&c)
		return []Certificate{{ID: "foreign", ValidUntil: testNow.Add(time.Hour)}, c}
	}
	for name, tt := range map[string]struct {
		listed []Certificate
		want   CertificateStatus
		says   string
	}{
		"active":           {with(func(*Certificate) {}), CertificateActive, "signs in as entity 7 Ann Lee in role 1067 Sync, until 2026-11-24."},
		"end not readable": {with(func(c *Certificate) { c.ValidUntil = time.Time{} }), CertificateActive, "in role 1067 Sync."},
		"revoked":          {with(func(c *Certificate) { c.Revoked = true }), CertificateRevoked, "is revoked"},
		"shortened":        {with(func(c *Certificate) { c.ValidUntil = testNow }), CertificateExpired, "ended on 2026-11-24"},
		"absent":           {with(func(c *Certificate) { c.ID = "another" }), CertificateAbsent, "does not list"},
		"nothing listed":   {nil, CertificateAbsent, "does not list"},
	} {
		if status, sentence := CompareCertificate(cert, tt.listed, testNow); status != tt.want || !strings.Contains(sentence, tt.says) || !strings.Contains(sentence, CertificateID(cert)) {
			t.Errorf("%s: %s, %q; want %s, saying %q", name, status, sentence, tt.want, tt.says)
		}
	}
}

func FuzzParseCertificate(f *testing.F) {
	for _, name := range []string{"ec-cert.pem", "pss-cert.pem", "pss-sha512-cert.pem", "trusted-cert.pem", "container-binary.p7b", "request.der", "encrypted-key.der", "ec-key.pem"} {
		f.Add(fromOpenSSL(f, name))
	}
	f.Add(selfSigned(f, testKeys()[P521], testNow, testNow))
	f.Fuzz(func(t *testing.T, data []byte) {
		cert, err := ParseCertificate(data)
		if (err == nil) != (cert != nil) || err != nil && len(err.Error()) > 500 {
			t.Fatalf("certificate: %t with %v", cert != nil, err)
		}
		if err != nil {
			return
		}
		again, err := ParseCertificate(EncodePEM(cert))
		if err != nil || CertificateID(again) != CertificateID(cert) || !CertificateMatchesKey(again, cert.PublicKey) {
			t.Fatalf("the certificate written and read again: %v", err)
		}
		_ = InspectCertificate(cert, testNow)
	})
}
