package migrate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

var began = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// seen makes comparisons from "hours/hour of the token/number of differences".
func seen(list ...[3]int) (all []Comparison) {
	for _, one := range list {
		c := Comparison{At: began.Add(time.Duration(one[0]) * time.Hour), TokenAt: began.Add(time.Duration(one[1]) * time.Hour)}
		for range one[2] {
			c.Differences = append(c.Differences, Difference{What: "x"})
		}
		all = append(all, c)
	}
	return all
}

func TestVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		seen  []Comparison
		want  State
		needs string
	}{
		"nothing yet":                   {nil, StateComparing, "nothing was compared"},
		"once":                          {seen([3]int{0, 0, 0}), StateComparing, "2026-11-02 08:00 UTC"},
		"a day, twice":                  {seen([3]int{0, 0, 0}, [3]int{24, 24, 0}), StateComparing, "one more comparison"},
		"a day, three times":            {seen([3]int{0, 0, 0}, [3]int{1, 1, 0}, [3]int{24, 24, 0}), StateProven, ""},
		"a moment short":                {seen([3]int{0, 0, 0}, [3]int{1, 1, 0}, [3]int{23, 23, 0}), StateComparing, "2026-11-02"},
		"one token all the time":        {seen([3]int{0, 0, 0}, [3]int{1, 0, 0}, [3]int{24, 0, 0}), StateComparing, "renewed its token"},
		"a difference now":              {seen([3]int{0, 0, 0}, [3]int{1, 1, 0}, [3]int{24, 24, 0}, [3]int{25, 25, 1}), StateDifferent, ""},
		"a difference begins it anew":   {seen([3]int{0, 0, 0}, [3]int{1, 1, 2}, [3]int{24, 24, 0}, [3]int{25, 25, 0}), StateComparing, "2026-11-03 08:00"},
		"a difference, and a day since": {seen([3]int{0, 0, 9}, [3]int{1, 1, 0}, [3]int{24, 24, 0}, [3]int{25, 25, 0}), StateProven, ""},
	} {
		got, needs := Record{Comparisons: tt.seen}.Verdict(Usual)
		if got != tt.want || !strings.Contains(needs, tt.needs) || tt.needs == "" && needs != "" {
			t.Errorf("%s: %s, %q; want %s, %q", name, got, needs, tt.want, tt.needs)
		}
	}
}

func TestRecordsAreKept(t *testing.T) {
	f := Folder{filepath.Join(t.TempDir(), "migrations")}
	if _, err := f.Read("acme"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	fresh := Record{Account: "1234567", Connection: "acme", TokenID: "old"}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := f.Update(t.Context(), fresh, func(r *Record) { r.Add(Comparison{At: began}) }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if r, err := f.Read("acme"); err != nil || len(r.Comparisons) != 20 {
		t.Errorf("%d comparisons, %v; want 20", len(r.Comparisons), err)
	}
	// Another old token is another migration.
	fresh.TokenID = "another"
	if r, err := f.Update(t.Context(), fresh, func(r *Record) { r.Add(Comparison{At: began}) }); err != nil || len(r.Comparisons) != 1 {
		t.Errorf("%d comparisons of another token, %v; want 1", len(r.Comparisons), err)
	}
	for range 2 * mostComparisons {
		fresh.Add(Comparison{})
	}
	if len(fresh.Comparisons) != mostComparisons {
		t.Errorf("%d are kept, want %d", len(fresh.Comparisons), mostComparisons)
	}
	for name, content := range map[string]string{"damaged": "{", "huge": strings.Repeat(" ", largestRecord+1)} {
		if err := os.WriteFile(f.file("acme"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Read("acme"); err == nil || errors.Is(err, broker.ErrNotFound) {
			t.Errorf("%s: %v, want an error", name, err)
		}
	}
}

// both are the old and the new way into one account of the emulator.
func both(t *testing.T, role string) (*netsuitetest.Account, *netsuite.API, *netsuite.API) {
	t.Helper()
	token := netsuitetest.TBAToken{
		ConsumerKey: strings.Repeat("a", 64), ConsumerSecret: strings.Repeat("b", 64), TokenID: strings.Repeat("c", 64), TokenSecret: strings.Repeat("d", 64),
		User: "admin@globex.example", Role: "administrator",
	}
	server := netsuitetest.Start(t, netsuitetest.Config{Accounts: []netsuitetest.AccountConfig{{ID: "1234567", Name: "Globex", Customers: 7, TBATokens: []netsuitetest.TBAToken{token}}}})
	account := server.Account("1234567")
	app, err := server.AddIntegration(netsuitetest.Integration{Name: "Acme", ClientCredentials: true, Scopes: []string{"rest_webservices"}})
	if err == nil {
		err = errors.Join(account.InstallBundle(123456), account.AssignRole("integration@globex.example", "customrole_acme_sync"))
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	user := "integration@globex.example"
	if role == "administrator" {
		user = "admin@globex.example"
	}
	id, err := account.MapCertificate(app.ClientID, user, role, netsuite.EncodePEM(cert))
	if err != nil {
		t.Fatal(err)
	}
	site, err := netsuite.EmulatorSite(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	old := &netsuite.TBA{
		Account: "1234567", ConsumerKey: token.ConsumerKey, ConsumerSecret: netsuite.NewSecret(token.ConsumerSecret), TokenID: token.TokenID,
		TokenSecret: netsuite.NewSecret(token.TokenSecret), Site: site,
	}
	c := &netsuite.ClientCredentials{Account: "1234567", ClientID: app.ClientID, CertificateID: id, Key: key, Scopes: []string{"rest_webservices"}, Site: site}
	return account, old.API(), c.API()
}

func TestCompare(t *testing.T) {
	queries := []string{QueryOf("customer"), QueryOf("employee"), QueryOf("nothing_such"), "SELECT id, companyname FROM customer ORDER BY id"}
	t.Run("alike", func(t *testing.T) {
		_, old, now := both(t, "administrator")
		if err := Prove(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		c, err := Compare(t.Context(), old, now, queries, began)
		if err != nil || len(c.Differences) != 0 {
			t.Errorf("%+v, %v; want no difference", c.Differences, err)
		}
	})
	t.Run("a permission less", func(t *testing.T) {
		account, old, now := both(t, "customrole_acme_sync")
		if err := account.SetPermission("customrole_acme_sync", "LIST_CUSTJOB", 0); err != nil {
			t.Fatal(err)
		}
		c, err := Compare(t.Context(), old, now, queries, began)
		if err != nil {
			t.Fatal(err)
		}
		var what []string
		for _, d := range c.Differences {
			what = append(what, d.What)
			if d.Do == "" {
				t.Errorf("%s: nothing says what to do", d.What)
			}
		}
		for _, want := range []string{"record types", queries[0], queries[3]} {
			found := false
			for _, got := range what {
				found = found || got == want
			}
			if !found {
				t.Errorf("differences %q, want %q among them", what, want)
			}
		}
		for _, d := range c.Differences {
			if strings.Contains(d.Old+d.New, "Birch") {
				t.Errorf("the comparison holds business data: %+v", d)
			}
		}
	})
	t.Run("the old credential is gone", func(t *testing.T) {
		_, old, now := both(t, "administrator")
		gone := *old
		gone.Account = "7654321"
		if err := Prove(t.Context(), &gone); err == nil {
			t.Error("it was proven")
		}
		if _, err := Compare(t.Context(), &gone, now, queries, began); err == nil || !strings.HasPrefix(err.Error(), "token-based authentication: ") {
			t.Errorf("%v, want an error that says whose it is", err)
		}
	})
}
