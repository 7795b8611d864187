package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
)

// Certificates from before the column rotate_at are due not before their own moment and not after the latest one.
func TestOlderCertificatesAreDueInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suitekey.db")
	t.Run("SQLite", func(t *testing.T) { testOlderCertificates(t, "sqlite:"+path, "sqlite", path) })
	url := pgtest.Start(t)
	t.Run("PostgreSQL", func(t *testing.T) { testOlderCertificates(t, url, "pgx", url) })
}

func testOlderCertificates(t *testing.T, url, driver, source string) {
	db := opener(url)(t, store.Config{})
	born := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	conn := broker.Connection{ID: "con_1", App: "acme", Account: "1234567", Kind: broker.KindMachine, State: broker.ConnectionConnected}
	must(t, db.SaveConnection(t.Context(), &conn))
	var all []broker.Certificate
	for _, days := range []int{1, 30, 182, 183, 184, 250, 261, 262, 365, 729, 731} {
		c := broker.Certificate{
			ID: fmt.Sprint("cert_", days), ConnectionID: conn.ID, App: "acme", State: broker.CertificateActive,
			NotBefore: born, ValidUntil: born.Add(time.Duration(days) * 24 * time.Hour),
		}
		must(t, db.SaveCertificate(t.Context(), &c))
		all = append(all, c)
	}
	fillRotateAt(t, driver, source)
	isDue := func(id string, at time.Time) bool {
		found, err := db.DueCertificates(t.Context(), "rotate", at, len(all))
		must(t, err)
		for _, c := range found {
			if c.ID == id {
				return true
			}
		}
		return false
	}
	for _, c := range all {
		if at := c.RotateAt().Add(-time.Second); isDue(c.ID, at) {
			t.Errorf("%s is due before its moment, %s", c.ID, at)
		}
		if at := c.RenewBefore().Add(time.Second); !isDue(c.ID, at) {
			t.Errorf("%s is not due at the latest moment, %s", c.ID, at)
		}
	}
}

// fillRotateAt empties the column and runs the migration's own statement.
func fillRotateAt(t *testing.T, driver, source string) {
	t.Helper()
	text, err := os.ReadFile("migrations/00020_rotate_at.sql")
	must(t, err)
	fill := regexp.MustCompile(`(?s)UPDATE certificates.*?;`).Find(text)
	pool, err := sql.Open(driver, source)
	must(t, err)
	defer pool.Close()
	for _, statement := range []string{`UPDATE certificates SET rotate_at = 0`, string(fill)} {
		_, err := pool.ExecContext(t.Context(), statement)
		must(t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
