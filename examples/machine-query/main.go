// Command machine-query signs in by a certificate, without a person, and prints the customers of the account.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/suitekey/suitekey/netsuite"
)

func main() {
	credentials := &netsuite.ClientCredentials{
		Account:       must(netsuite.ParseAccountID(os.Getenv("NETSUITE_ACCOUNT"))),
		ClientID:      os.Getenv("NETSUITE_CLIENT_ID"),
		CertificateID: os.Getenv("NETSUITE_CERTIFICATE_ID"),
		Key:           must(netsuite.ParsePrivateKey(must(os.ReadFile(os.Getenv("NETSUITE_KEY_FILE"))))),
		Scopes:        []string{"rest_webservices"},
		Site:          must(netsuite.ParseSite(os.Getenv("NETSUITE_SITE"))), // unset: the real one
	}
	customers := netsuite.Query{SQL: "SELECT id, companyname FROM customer", Key: "id"}
	for row, err := range credentials.API().Query(context.Background(), customers) {
		fmt.Println(must(row, err).Get("id"), row.Get("companyname"))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
