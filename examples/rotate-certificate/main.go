// Command rotate-certificate puts a new key in the place of the one in a file: made, stored, uploaded with the old one's own
// token, proved by a call, and only then is the old certificate revoked. It prints the new certificate ID.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/suitekey/suitekey/netsuite"
)

func main() {
	ctx, file := context.Background(), os.Getenv("NETSUITE_KEY_FILE")
	old := credentials(must(os.ReadFile(file)), os.Getenv("NETSUITE_CERTIFICATE_ID"))
	claims := must(must(old.Token(ctx)).Claims())
	key := must(netsuite.GenerateKey(netsuite.P256))
	cert := must(netsuite.NewCertificate(key, netsuite.CertificateOptions{}))
	pem := must(netsuite.EncodePrivateKeyPEM(key))
	must(0, pem.WriteFile(file+".next")) // not to be lost from here on
	must(old.API().EnsureCertificate(ctx, old.ClientID, cert, claims.Role, claims.Entity))
	next := credentials([]byte(pem.Reveal()), netsuite.CertificateID(cert))
	must(next.API().ServerTime(ctx)) // only a call proves it
	must(0, os.Rename(file+".next", file))
	must(0, next.API().RevokeCertificate(ctx, old.ClientID, old.CertificateID))
	fmt.Println(next.CertificateID)
}

func credentials(pem []byte, id string) *netsuite.ClientCredentials {
	return &netsuite.ClientCredentials{
		Account: must(netsuite.ParseAccountID(os.Getenv("NETSUITE_ACCOUNT"))), ClientID: os.Getenv("NETSUITE_CLIENT_ID"), CertificateID: id,
		Key: must(netsuite.ParsePrivateKey(pem)), Scopes: []string{"rest_webservices"}, Site: must(netsuite.ParseSite(os.Getenv("NETSUITE_SITE"))),
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
