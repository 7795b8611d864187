package onboard_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// TestTE04_LinkTakesItsEnvironmentOnly: a link for production connects no sandbox, and the reverse, whichever of NetSuite's answers
// names the other one.
func TestTE04_LinkTakesItsEnvironmentOnly(t *testing.T) {
	for name, differ := range map[string]func(a *netsuitetest.Account, found string){
		"redirect":   (*netsuitetest.Account).RedirectCompanyOverride,
		"token":      (*netsuitetest.Account).TokenAccountOverride,
		"API answer": (*netsuitetest.Account).APIAccountOverride,
	} {
		for _, pair := range [][2]string{{apptest.Account, apptest.Sandbox}, {apptest.Sandbox, apptest.Account}, {apptest.Sandbox, apptest.Sandbox + "0"}} {
			expect, found := pair[0], pair[1]
			t.Run(name+" "+expect+" "+found, func(t *testing.T) {
				e := apptest.Start(t, apptest.Config{Ready: true})
				e.Prepare(t, apptest.Sandbox)
				differ(e.Emulator.Account(expect), found)
				link := e.Link(t, broker.LinkSent, expect)
				p := newPerson(t, e)
				p.Company = expect
				p.allow(link)
				r := e.Problem(t, link, broker.CodeWrongAccount)
				if p := r.Problem; p.Found != netsuite.AccountID(found) || !slices.Equal(p.Expected, []netsuite.AccountID{netsuite.AccountID(expect)}) {
					t.Errorf("the page names %s and %s, want %s and %s", p.Found, p.Expected, found, expect)
				}
				e.GrantsEnded(t, expect)
				if n := uploads(e); n != 0 {
					t.Errorf("%d uploads, want 0", n)
				}
				onlyAsked(t, e, expect)
				if made, err := e.App.Store.Connections(t.Context(), apptest.AppName); err != nil || len(made) != 0 {
					t.Errorf("connections %+v, %v", made, err)
				}
			})
		}
	}
}

// onlyAsked checks that no code, token or API request went to another account.
func onlyAsked(t *testing.T, e *apptest.Env, account string) {
	t.Helper()
	for _, x := range e.Emulator.Ledger().Entries() {
		secret := strings.Contains(x.Path, "/oauth2/") && x.Method == http.MethodPost || x.TokenID != ""
		if secret && x.Account != account && x.Account != vendor && x.Account != "" {
			t.Errorf("%s %s went to %s", x.Method, x.Path, x.Account)
		}
	}
}

// vendor is the account in which the app is checked.
const vendor = "TSTDRV1000001"
