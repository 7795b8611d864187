package netsuitetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/suitekey/suitekey/netsuitetest"
)

// The ledger tells what a client did wrong, in words, where NetSuite would say no more than a code.
func ExampleNew() {
	srv, err := netsuitetest.New(netsuitetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	r := httptest.NewRequest(http.MethodGet, "https://1234567.app.netsuite.com/app/login/oauth2/authorize.nl?client_id=unknown", nil)
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, r)

	e := srv.Ledger().Entries()[0]
	fmt.Println(w.Code, e.Account, e.AuditDetail)
	fmt.Println(e.Rule)
	// Output:
	// 400 1234567 UnknownIntegration
	// unknown client ID (H/subsect_161252455245)
}
