package company

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// This file measures what a client waits for that fetches a large result.

const (
	benchRows  = 250_000
	benchQuery = "SELECT id, tranid, trandate, entity, status, foreigntotal, memo FROM transaction"
)

// BenchmarkSuiteQLPages is one page of 1000 rows at several depths: offset pages of one statement, and the
// statements of a client that walks by keyset, with and without a row limit.
func BenchmarkSuiteQLPages(b *testing.B) {
	c := open(b, func(cfg *Config) { cfg.SalesOrders, cfg.Customers = benchRows, 10_000 })
	for _, depth := range []int{0, 50_000, 99_000} {
		b.Run(fmt.Sprintf("offset=%d", depth), func(b *testing.B) {
			benchPage(b, c, benchQuery+" ORDER BY id", fmt.Sprintf("limit=1000&offset=%d", depth))
		})
	}
	for _, depth := range []int{0, 50_000, 99_000, 200_000, benchRows - 1000} {
		keyset := fmt.Sprintf("SELECT * FROM (%s) WHERE id > %d ORDER BY id", benchQuery, 10_000+depth)
		b.Run(fmt.Sprintf("keyset=%d", depth), func(b *testing.B) { benchPage(b, c, keyset, "") })
		b.Run(fmt.Sprintf("fetch-first=%d", depth), func(b *testing.B) {
			benchPage(b, c, keyset+" FETCH FIRST 1000 ROWS ONLY", "")
		})
	}
}

func benchPage(b *testing.B, c *Company, statement, rawQuery string) {
	b.ReportAllocs()
	for b.Loop() {
		a := suiteQLPage(b, c, caller(RoleAdministrator), statement, rawQuery)
		if a.status != http.StatusOK {
			b.Fatalf("%d %s", a.status, a.body)
		}
		b.SetBytes(int64(len(a.body)))
	}
}

// BenchmarkSuiteQLWalk fetches a whole table by keyset, page by page.
func BenchmarkSuiteQLWalk(b *testing.B) {
	c := open(b, func(cfg *Config) { cfg.SalesOrders, cfg.Customers = benchRows, 10_000 })
	for b.Loop() {
		rows, size, last := 0, 0, "0"
		for more := true; more; {
			a := suiteQLPage(b, c, caller(RoleAdministrator),
				fmt.Sprintf("SELECT * FROM (%s) WHERE id > %s ORDER BY id", benchQuery, last), "")
			var found struct {
				HasMore bool
				Items   []struct{ ID string }
			}
			if err := json.Unmarshal([]byte(a.body), &found); err != nil || len(found.Items) == 0 {
				b.Fatalf("%d %v: %s", a.status, err, a.body)
			}
			more, rows, size, last = found.HasMore, rows+len(found.Items), size+len(a.body), found.Items[len(found.Items)-1].ID
		}
		if rows != benchRows {
			b.Fatalf("%d rows, want %d", rows, benchRows)
		}
		b.SetBytes(int64(size))
	}
}

// BenchmarkOpen is the seeding of a large company.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		c, err := Open(Config{SalesOrders: benchRows, Customers: benchRows})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
