package netsuite_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// A key pair for client credentials: the key stays here, the certificate goes to NetSuite.
func ExampleNewCertificate() {
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		fmt.Println(err)
		return
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{CommonName: "acme-sync production"})
	if err != nil {
		fmt.Println(err)
		return
	}
	upload, _, _ := strings.Cut(string(netsuite.EncodePEM(cert)), "\n")
	fmt.Println(cert.Subject, "for", cert.NotAfter.Sub(cert.NotBefore).Hours()/24, "days:", upload)
	fmt.Println("listed under an ID of", len(netsuite.CertificateID(cert)), "characters, known before the upload")
	fmt.Println("of this key:", netsuite.CertificateMatchesKey(cert, key.Public()))
	// Output:
	// CN=acme-sync production for 729 days: -----BEGIN CERTIFICATE-----
	// listed under an ID of 43 characters, known before the upload
	// of this key: true
}

func ExampleGenerateKey() {
	for _, name := range []string{"ES256", "p-521", "RSA-2048"} {
		alg, err := netsuite.ParseKeyAlgorithm(name)
		if err != nil {
			fmt.Println(err)
			continue
		}
		key, err := netsuite.GenerateKey(alg)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %T\n", alg, key.Public())
	}
	// Output:
	// P-256: *ecdsa.PublicKey
	// P-521: *ecdsa.PublicKey
	// key algorithm "RSA-2048" is unknown; use P-256, P-384, P-521, RSA-3072 or RSA-4096
}

// A key from elsewhere, before anybody uploads its certificate.
func ExampleCheckKey() {
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(netsuite.CheckKey(old.Public()))
	// Output:
	// RSA key of 2048 bits must have 3072 or 4096; make one with GenerateKey
}

// PEM or DER, PKCS #8, PKCS #1 or SEC 1. What a wrong file is instead, the error says.
func ExampleParsePrivateKey() {
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := netsuite.EncodePrivateKeyPEM(key) // a Secret: file.WriteFile keeps it for its owner alone
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := netsuite.ParsePrivateKey([]byte(file.Reveal()))
	fmt.Println(netsuite.NameKey(again.Public()), err)

	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = netsuite.ParsePrivateKey(netsuite.EncodePEM(cert))
	fmt.Println(err)
	_, err = netsuite.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("…")}))
	fmt.Println(err)
	// Output:
	// P-256 <nil>
	// private key file is a certificate; give the private key that it was made for
	// private key file is in OpenSSH's own form; convert a copy of it in place: ssh-keygen -p -N '' -m PKCS8 -f COPY
}

func ExampleParseCertificate() {
	for _, file := range []string{
		"",
		"<html><body>Please log in",
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("…")})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: []byte("…")})),
	} {
		_, err := netsuite.ParseCertificate([]byte(file))
		fmt.Println(err)
	}
	// Output:
	// certificate file is empty; give one certificate in PEM or DER form
	// certificate file is a web page; give one certificate in PEM or DER form
	// certificate file is a private key, which must stay where it is; give the certificate made for it
	// certificate file is a PKCS #7 container (.p7b); take the certificate out: openssl pkcs7 -in FILE -print_certs -out cert.pem (with -inform der if the file is binary)
}

// foreignCertificate is one that somebody made without this package.
func foreignCertificate(from, until time.Time) *x509.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(0xac3e), Subject: pkix.Name{CommonName: "erp"}, NotBefore: from, NotAfter: until}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
}

// What NetSuite will object to, or change.
func ExampleInspectCertificate() {
	begin := time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)
	cert := foreignCertificate(begin, begin.AddDate(10, 0, 0))

	info := netsuite.InspectCertificate(cert, begin.AddDate(0, 1, 0))
	fmt.Println(info.Subject, info.Serial, info.KeyAlgorithm, info.SignatureAlgorithm)
	for _, problem := range info.Problems {
		fmt.Println("-", problem)
	}
	// Output:
	// CN=erp ac3e P-224 ECDSA-SHA256
	// - The key must be P-256, P-384, P-521, or RSA of 3072 or 4096 bits; make one with GenerateKey.
	// - It is valid for more than two years; NetSuite shortens it to about 2028-11-24, so plan its rotation by the date that NetSuite lists.
}

// How does the local certificate stand in the account?
func ExampleCompareCertificate() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api, clientID := emulator.administrator(), emulator.app.ClientID
	cert := must(netsuite.NewCertificate(must(netsuite.GenerateKey(netsuite.P256)), netsuite.CertificateOptions{}))

	stands := func() {
		listed, err := api.ListCertificates(ctx, clientID)
		if err != nil {
			fmt.Println(err)
			return
		}
		status, sentence := netsuite.CompareCertificate(cert, listed, time.Now())
		fmt.Println(status+":", strings.ReplaceAll(sentence, netsuite.CertificateID(cert), "ID"))
	}
	stands()
	_, err := api.EnsureCertificate(ctx, clientID, cert, 3, -5)
	if err == nil {
		err = api.RevokeCertificate(ctx, clientID, netsuite.CertificateID(cert))
	}
	fmt.Println(err)
	stands()
	// Output:
	// absent: NetSuite does not list the certificate ID: it was never uploaded to this account, or a sandbox refresh cleared it. Upload it, or a new one.
	// <nil>
	// revoked: The certificate ID is revoked. Make a new key pair and upload its certificate.
}

// Uploads what is absent, and may be repeated, also after an answer that was lost.
func ExampleAPI_EnsureCertificate() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	emulator.installBundle()
	role, entity := emulator.holder() // for whom the certificate will sign in
	api := &netsuite.API{Account: "1234567", Site: emulator.site, Token: emulator.consent(ctx).AccessToken}

	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		fmt.Println(err)
		return
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{}) // store the key before the upload
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		mapping, err := api.EnsureCertificate(ctx, emulator.app.ClientID, cert, role, entity)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(mapping.EntityName, "in role", mapping.RoleName, mapping.ID == netsuite.CertificateID(cert))
	}
	_, err = api.EnsureCertificate(ctx, emulator.app.ClientID, cert, 3, -5)
	fmt.Println("for one role and entity only:", errors.Is(err, netsuite.ErrCertificateMapping))
	// Output:
	// Acme Integration in role Acme Sync true
	// Acme Integration in role Acme Sync true
	// for one role and entity only: true
}

// EnsureCertificate is what most want: it lists first and after a lost answer. This is the upload alone.
func ExampleAPI_UploadCertificate() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.administrator() // signs in by one of the five certificates that may be active

	for n := 2; n <= 6; n++ {
		cert := must(netsuite.NewCertificate(must(netsuite.GenerateKey(netsuite.P256)), netsuite.CertificateOptions{}))
		err := api.UploadCertificate(ctx, emulator.app.ClientID, cert, 3, -5)
		fmt.Println(n, errors.Is(err, netsuite.ErrCertificateLimit))
	}
	// Output:
	// 2 false
	// 3 false
	// 4 false
	// 5 false
	// 6 true
}

func ExampleAPI_ListCertificates() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	emulator.Clock().Set(time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC))
	api := emulator.machine().API() // sees its own: Manage own OAuth 2.0 Client Credentials certificates

	listed, err := api.ListCertificates(ctx, emulator.app.ClientID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range listed {
		fmt.Println(c.EntityName, "in", c.RoleName, "until", c.ValidUntil.Format(time.DateOnly), c.Active(emulator.Clock().Now()))
	}
	// Output:
	// Acme Integration in Acme Sync until 2028-11-22 true
}

// NetSuite takes a certificate back once; the second time is an error.
func ExampleAPI_RevokeCertificate() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	old, api := emulator.machine(), emulator.administrator()

	fmt.Println(api.RevokeCertificate(ctx, old.ClientID, old.CertificateID))
	_, err := old.Token(ctx)
	fmt.Println("signs in no more:", errors.Is(err, netsuite.ErrInvalidGrant))
	// Output:
	// <nil>
	// signs in no more: true
}
