package netsuitetest

import (
	"testing"
	"time"
)

// FuzzParseAuthority: whatever stands in the two files, it is a narrow authority or an error.
func FuzzParseAuthority(f *testing.F) {
	now := time.Now()
	certificate, key, err := authorityPEM("", now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(certificate, key)
	f.Add(key, certificate)
	f.Add([]byte{}, key)
	f.Add(certificate, []byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, certificate, key []byte) {
		cert, signer, err := parseAuthority(certificate, key, now)
		if err != nil {
			return
		}
		if len(cert.PermittedDNSDomains) != 1 || cert.PermittedDNSDomains[0] != realDomain || !cert.PermittedDNSDomainsCritical || !signer.PublicKey.Equal(cert.PublicKey) {
			t.Errorf("took an authority for %q", cert.PermittedDNSDomains)
		}
	})
}
