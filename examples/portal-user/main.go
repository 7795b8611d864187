// Command portal-user acts as a person who consented once: it refreshes by the token in a file, and keeps the next one there
// before it is used. Let one process alone have that file.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/suitekey/suitekey/netsuite"
)

func main() {
	file := os.Getenv("NETSUITE_REFRESH_TOKEN_FILE")
	user := &netsuite.UserCredentials{
		Grant: netsuite.CodeGrant{
			ClientID: os.Getenv("NETSUITE_CLIENT_ID"), RedirectURI: os.Getenv("NETSUITE_REDIRECT_URI"), Scopes: []string{"rest_webservices"},
			Site: must(netsuite.ParseSite(os.Getenv("NETSUITE_SITE"))), // unset: the real one
		},
		Account: must(netsuite.ParseAccountID(os.Getenv("NETSUITE_ACCOUNT"))),
		Stored:  netsuite.Token{RefreshToken: must(netsuite.ReadSecretFile(file))},
		Save: func(_ context.Context, _, next *netsuite.Token) error {
			return next.RefreshToken.WriteFile(file)
		},
	}
	page := must(user.API().SuiteQL(context.Background(), "SELECT id FROM transaction WHERE type = 'SalesOrd'", 1, 0))
	fmt.Println(page.Total, "sales orders")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
