// Command stream-csv writes the answer of a query to standard output as CSV, however many rows it has, in a few megabytes of
// memory. Its argument is the SuiteQL statement, whose column id is unique.
package main

import (
	"context"
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
	rows := credentials.API().Query(context.Background(), netsuite.Query{SQL: os.Args[1], Key: "id"})
	log.Println(must(netsuite.WriteCSV(os.Stdout, rows, nil)), "rows")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
