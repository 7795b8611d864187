package netsuite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// What people hand in instead of a certificate, and what to do about it.
var insteadOfCertificate = map[string]string{
	kindPKCS8:                 "is a private key, which must stay where it is; give the certificate made for it",
	kindPKCS1:                 "is a private key, which must stay where it is; give the certificate made for it",
	kindSEC1:                  "is a private key, which must stay where it is; give the certificate made for it",
	kindEncryptedKey:          "is a private key, which must stay where it is; give the certificate made for it",
	kindOpenSSH:               "is a private key for SSH; give an X.509 certificate",
	kindECParameters:          "holds the parameters of a private key; give the certificate made for it",
	kindPublicKey:             "is a bare public key; NetSuite wants it inside an X.509 certificate: openssl req -x509 -new -key key.pem -subj /CN=netsuite -days 729 -out cert.pem",
	kindRSAPublicKey:          "is a bare public key; NetSuite wants it inside an X.509 certificate: openssl req -x509 -new -key key.pem -subj /CN=netsuite -days 729 -out cert.pem",
	kindRequest:               "is a request for a certificate; sign it: openssl x509 -req -in FILE -signkey key.pem -days 729 -out cert.pem",
	"NEW CERTIFICATE REQUEST": "is a request for a certificate; sign it: openssl x509 -req -in FILE -signkey key.pem -days 729 -out cert.pem",
	"TRUSTED CERTIFICATE":     "is a certificate in OpenSSL's own form; convert it: openssl x509 -in FILE -out cert.pem",
	"X509 CRL":                "is a revocation list; give the certificate",
	kindPKCS7:                 "is a PKCS #7 container (.p7b); take the certificate out: openssl pkcs7 -in FILE -print_certs -out cert.pem (with -inform der if the file is binary)",
	kindPKCS12:                "is a PKCS #12 container (.p12, .pfx); take the certificate out: openssl pkcs12 -in FILE -clcerts -nokeys -out cert.pem",
}

// ParseCertificate reads the one X.509 certificate of a file, in PEM or DER, and checks that NetSuite takes its key
// (H/subsect_162755332391). A key with the OID id-RSASSA-PSS, which crypto/x509 leaves unread, is an *rsa.PublicKey in the result. The error
// says what a wrong file is instead and which command mends it. What else may be wrong with a certificate, InspectCertificate tells.
func ParseCertificate(data []byte) (*x509.Certificate, error) {
	const file = "certificate file"
	block, err := onlyBlock(data, []string{kindCertificate}, "openssl x509 -in FILE -out cert.pem")
	if err != nil {
		return nil, fmt.Errorf("%s %w; give one certificate in PEM or DER form", file, err)
	}
	if what, wrong := insteadOfCertificate[block.Type]; wrong {
		return nil, fmt.Errorf("%s %s", file, what)
	}
	if block.Type != kindCertificate {
		return nil, fmt.Errorf("%s holds %.40q; give one certificate in PEM or DER form", file, block.Type)
	}
	cert, err := parseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	if err := CheckKey(cert.PublicKey); err != nil {
		return nil, fmt.Errorf("%s: %w, and a certificate for it with NewCertificate; or: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=netsuite -days 729 -out cert.pem", file, err)
	}
	return cert, nil
}

func parseCertificate(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("is damaged; copy it again: %.200s", oneLine(err.Error(), 200))
	}
	if cert.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
		return cert, nil
	}
	key, err := parsePSSPublicKey(cert.RawSubjectPublicKeyInfo)
	if errors.Is(err, errPSSLimits) {
		return nil, err
	}
	if err == nil {
		cert.PublicKey, cert.PublicKeyAlgorithm = key, x509.RSA
	}
	return cert, nil // a key of another kind is left for CheckKey to refuse
}

// EncodePEM returns the certificate in the form that is uploaded.
func EncodePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kindCertificate, Bytes: cert.Raw})
}

// CertificateMatchesKey reports whether cert was made for the key pair of which pub is the public half: crypto.Signer.Public.
func CertificateMatchesKey(cert *x509.Certificate, pub crypto.PublicKey) bool {
	if cert == nil {
		return false
	}
	key, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(pub)
}

// CertificateInfo is what there is to know about a certificate before it is uploaded.
type CertificateInfo struct {
	ID                  string // under which NetSuite will list it; see CertificateID
	Subject             string // such as "CN=suitekey"
	Serial              string // hexadecimal
	KeyAlgorithm        string // "P-256", "RSA-3072", and "RSA-2048" or "P-224" of what NetSuite refuses; "" when unknown
	SignatureAlgorithm  string // the certificate's own, such as "ECDSA-SHA256"
	NotBefore, NotAfter time.Time
	Problems            []string // sentences for people; none when NetSuite takes it as it is
}

// InspectCertificate looks at a certificate as NetSuite will at now (H/subsect_162755332391). That nobody but its own key signed
// it is no problem: NetSuite takes self-signed ones.
func InspectCertificate(cert *x509.Certificate, now time.Time) CertificateInfo {
	info := CertificateInfo{
		ID: CertificateID(cert), Subject: cert.Subject.String(), Serial: cert.SerialNumber.Text(16), KeyAlgorithm: NameKey(cert.PublicKey),
		SignatureAlgorithm: cert.SignatureAlgorithm.String(), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
	}
	if err := CheckKey(cert.PublicKey); err != nil {
		info.Problems = append(info.Problems, "The "+err.Error()+".")
	}
	if weakSignature(cert.SignatureAlgorithm) {
		info.Problems = append(info.Problems, fmt.Sprintf("It is signed with %s, which is broken; make one that is signed with SHA-256.", cert.SignatureAlgorithm))
	}
	switch {
	case !now.Before(cert.NotAfter):
		info.Problems = append(info.Problems, fmt.Sprintf("It ended on %s; make a new one.", cert.NotAfter.UTC().Format(time.DateOnly)))
	case now.Before(cert.NotBefore):
		info.Problems = append(info.Problems, fmt.Sprintf("It begins only on %s; check this machine's clock, or wait.", cert.NotBefore.UTC().Format(time.RFC3339)))
	}
	if twoYears := cert.NotBefore.AddDate(2, 0, 0); cert.NotAfter.After(twoYears) {
		info.Problems = append(info.Problems, fmt.Sprintf("It is valid for more than two years; NetSuite shortens it to about %s, so plan its rotation by the date that NetSuite lists.", twoYears.UTC().Format(time.DateOnly)))
	}
	return info
}

// NameKey names the kind and size of a public key, such as P-256 or RSA-3072; "" for a kind that NetSuite does not take.
func NameKey(pub crypto.PublicKey) string {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	}
	return ""
}

func weakSignature(alg x509.SignatureAlgorithm) bool {
	switch alg {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

// CertificateStatus is how a certificate stands in NetSuite's list.
type CertificateStatus string

// The ways in which a certificate can stand.
const (
	CertificateActive  CertificateStatus = "active"
	CertificateRevoked CertificateStatus = "revoked"
	CertificateExpired CertificateStatus = "expired"
	CertificateAbsent  CertificateStatus = "absent"
)

// CompareCertificate looks for a certificate of ours in the list of ListCertificates, and says in a sentence for people how it stands
// there at now. NetSuite's end counts, not the certificate's own: NetSuite may have shortened it.
func CompareCertificate(cert *x509.Certificate, listed []Certificate, now time.Time) (CertificateStatus, string) {
	id := CertificateID(cert)
	c, found := findCertificate(listed, id)
	switch {
	case !found:
		return CertificateAbsent, fmt.Sprintf("NetSuite does not list the certificate %s: it was never uploaded to this account, or a sandbox refresh cleared it. Upload it, or a new one.", id)
	case c.Revoked:
		return CertificateRevoked, fmt.Sprintf("The certificate %s is revoked. Make a new key pair and upload its certificate.", id)
	case !c.Active(now):
		return CertificateExpired, fmt.Sprintf("The certificate %s ended on %s. Make a new key pair and upload its certificate.", id, c.ValidUntil.Format(time.DateOnly))
	}
	return CertificateActive, fmt.Sprintf("The certificate %s signs in as %s%s.", id, c.holder(), c.end())
}

// holder names entity and role for people, on one line.
func (c Certificate) holder() string {
	return oneLine(fmt.Sprintf("entity %d %s in role %d %s", c.Entity, c.EntityName, c.Role, c.RoleName), 200)
}

func (c Certificate) end() string {
	if c.ValidUntil.IsZero() {
		return ""
	}
	return ", until " + c.ValidUntil.Format(time.DateOnly)
}

func findCertificate(listed []Certificate, id string) (Certificate, bool) {
	for _, c := range listed {
		if c.ID == id {
			return c, true
		}
	}
	return Certificate{}, false
}
