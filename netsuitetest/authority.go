package netsuitetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// realDomain is the domain under which NetSuite's own names lie (H/section_1498251763).
const realDomain = "netsuite.com"

const (
	authorityLife = 365 * 24 * time.Hour
	leafLife      = 7 * 24 * time.Hour
	maxLeaves     = 1024 // names remembered; a stranger must not fill the memory
)

// authority is the certificate authority of the real names. Its certificate is good for names under netsuite.com alone
// (RFC 5280 section 4.2.1.10): whoever gets hold of its key can play NetSuite to those who trust it, but nothing else.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time // the clients' time, which does not follow the emulator's clock

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // guarded by mu; by host name
}

// newAuthority is the authority kept in a file, made when the file is not there; without a file it lives in memory.
func newAuthority(file string, now func() time.Time) (*authority, error) {
	a := &authority{now: now, leaves: map[string]*tls.Certificate{}}
	certificate, key, err := authorityPEM(file, now())
	if err != nil {
		return nil, err
	}
	if a.cert, a.key, err = parseAuthority(certificate, key, now()); err != nil {
		return nil, fmt.Errorf("ca file %s: %w; remove it and its key, and a new one is made", file, err)
	}
	return a, nil
}

// keyFileOf is where the key of the authority in a file lies: beside it.
func keyFileOf(file string) string {
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".key"
}

// authorityPEM reads certificate and key, or makes them. Emulators that start at once with the same file agree on one, and a
// start that broke off between key and certificate is carried on with.
func authorityPEM(file string, now time.Time) (certificate, key []byte, err error) {
	if file == "" {
		if key, err = makeAuthorityKey(); err != nil {
			return nil, nil, err
		}
		certificate, err = makeAuthorityCertificate(key, now)
		return certificate, key, err
	}
	keyFile := keyFileOf(file)
	if keyFile == file {
		return nil, nil, fmt.Errorf("ca file %s: its key would have the same name; let it end in .pem", file)
	}
	if err := checkAuthorityFiles(file, keyFile); err != nil {
		return nil, nil, err
	}
	key, err = readOrMake(keyFile, 0o600, makeAuthorityKey)
	if err == nil {
		certificate, err = readOrMake(file, 0o644, func() ([]byte, error) { return makeAuthorityCertificate(key, now) })
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ca file %s: %w; name a file in a folder that is there and can be written", file, err)
	}
	return certificate, key, nil
}

// checkAuthorityFiles refuses a certificate without its key, and a key that others can read.
func checkAuthorityFiles(file, keyFile string) error {
	_, lost := os.Stat(file)
	info, err := os.Stat(keyFile)
	switch {
	case lost == nil && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("ca file %s: its key %s is missing; name a file that is not there yet, and both are made", file, keyFile)
	case err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("ca file %s: others can read its key; type: chmod 600 %s", file, keyFile)
	}
	return nil
}

// readOrMake reads a file. When there is none, it makes one whole: nobody sees half of it, and of two makers the first wins.
func readOrMake(name string, mode fs.FileMode, content func() ([]byte, error)) ([]byte, error) {
	found, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	made, err := content()
	if err != nil {
		return nil, err
	}
	draft, err := os.CreateTemp(filepath.Dir(name), ".emulator-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(made)
	if err = errors.Join(err, draft.Chmod(mode), draft.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(name)
}

func makeAuthorityKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func makeAuthorityCertificate(keyPEM []byte, now time.Time) ([]byte, error) {
	key, err := parseAuthorityKey(keyPEM)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"NetSuite emulator, no part of NetSuite"}, CommonName: "NetSuite emulator CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife), // an hour for clocks that differ
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{realDomain},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// parseAuthority takes an authority of the emulator's own making alone: one that may sign for other names must not be kept here.
func parseAuthority(certificate, keyPEM []byte, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := parseAuthorityKey(keyPEM)
	if err != nil {
		return nil, nil, err
	}
	block, rest := pem.Decode(certificate)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, errors.New("certificate: want one certificate in PEM form")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		return nil, nil, errors.New("certificate: is no X.509")
	case !cert.IsCA || !cert.PermittedDNSDomainsCritical || !slices.Equal(cert.PermittedDNSDomains, []string{realDomain}):
		return nil, nil, fmt.Errorf("certificate: want an authority for names under %s alone, as the emulator makes it", realDomain)
	case !key.PublicKey.Equal(cert.PublicKey):
		return nil, nil, errors.New("certificate: belongs to another key")
	case now.After(cert.NotAfter):
		return nil, nil, fmt.Errorf("certificate: has expired on %s", cert.NotAfter.Format(time.DateOnly))
	}
	return cert, key, nil
}

func parseAuthorityKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("key: want PKCS #8 in PEM form")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("key: want an EC key on P-256")
	}
	return key, nil
}

// pem is the certificate as clients want it.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// leaf is the certificate of one name, made at first use and again when half of its life is over.
func (a *authority) leaf(name string) (*tls.Certificate, error) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.leaves[name]; known != nil && now.Before(known.Leaf.NotAfter.Add(-leafLife/2)) {
		return known, nil
	}
	made, err := a.sign(name, now)
	if err != nil {
		return nil, err
	}
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves)
	}
	a.leaves[name] = made
	return made, nil
}

// sign makes a certificate for exactly this name. It needs mu only for its caller's sake.
func (a *authority) sign(name string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"NetSuite emulator, no part of NetSuite"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
