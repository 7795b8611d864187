package company

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func totalOf(tb testing.TB, c *Company, statement string) int {
	tb.Helper()
	a := suiteQLPage(tb, c, caller(RoleAdministrator), statement, "limit=1")
	if a.status != http.StatusOK {
		tb.Fatalf("%s\nanswers %d %s", statement, a.status, a.body)
	}
	return int(a.decode(tb)["totalResults"].(float64))
}

// TestTotalOfKeyset compares totalResults, which comes from remembered keys, with what COUNT(*) says, at every bound.
func TestTotalOfKeyset(t *testing.T) {
	t.Parallel()
	c := open(t)
	bounds := []string{"0", "1", "1000", "1001", "1020", "1039", "1040", "1041", "10001", "10045", "10090", "99999999"}
	for name, from := range map[string]string{
		"table":              "customer WHERE id > %s",
		"from equal":         "customer WHERE id >= %s",
		"wrapped":            "(SELECT id, entityid FROM customer WHERE isinactive = 'F') WHERE id > %s",
		"aliased":            "(SELECT c.id AS n FROM customer c) x WHERE x.n > %s",
		"other condition":    "transaction WHERE status = 'A' AND id > %s",
		"or":                 "customer WHERE id > %s OR id = 1001",
		"window":             "customer WHERE id > %s AND id <= 1030",
		"two bounds":         "transaction WHERE id > %s AND foreigntotal > 200",
		"repeated keys":      "transaction t JOIN transactionline l ON l.transaction = t.id WHERE t.id > %s",
		"keys that are NULL": "customer c LEFT JOIN employee e ON e.id = c.salesrep WHERE e.id > %s",
		"fractions":          "item WHERE cost > %s",
		"text compared":      "customer WHERE entityid > %s || 'x'",
		"limited inside":     "(SELECT id FROM customer ORDER BY id FETCH FIRST 25 ROWS ONLY) WHERE id > %s",
		"distinct inside":    "(SELECT DISTINCT entity FROM transaction) WHERE entity > %s",
		"rownum":             "customer WHERE id > %s AND ROWNUM <= 7",
		"common table":       "(WITH w AS (SELECT id FROM customer WHERE id > 1005) SELECT * FROM w) WHERE id > %s",
		"far below":          "customer WHERE id > %s000000000000000000",
	} {
		for _, bound := range bounds {
			where := fmt.Sprintf(from, bound)
			want, err := strconv.Atoi(rowsOf(t, c, "SELECT COUNT(*) AS n FROM "+where)[0]["n"].(string))
			must(t, err)
			for _, statement := range []string{"SELECT 1 AS one FROM " + where, "SELECT 1 AS one FROM " + where + " ORDER BY 1 OFFSET 2 ROWS"} {
				got, want := totalOf(t, c, statement), want
				if strings.Contains(statement, "OFFSET") {
					want = max(0, want-2)
				}
				if got != want {
					t.Errorf("%s: %s: total %d, want %d", name, statement, got, want)
				}
			}
		}
	}
	for statement, want := range map[string]int{
		"SELECT DISTINCT status FROM transaction WHERE id > 10000":                      5,
		"SELECT status, COUNT(*) FROM transaction WHERE id > 10000 GROUP BY status":     5,
		"SELECT MAX(id) FROM customer WHERE id > 1000":                                  1,
		"SELECT COUNT(*) FROM customer WHERE id > 1000 HAVING COUNT(*) > 1000":          0,
		"SELECT TOP 3 id FROM customer WHERE id > 1000":                                 3,
		"SELECT id FROM customer WHERE id > 1000 FETCH FIRST 4 ROWS ONLY":               4,
		"WITH w AS (SELECT id FROM customer) SELECT id FROM w WHERE id > 1030":          10,
		"SELECT id FROM customer WHERE id > 1039 UNION ALL SELECT 1 FROM dual":          2,
		"(SELECT id FROM customer WHERE id > 1039)":                                     1,
		"SELECT id FROM customer c WHERE EXISTS (SELECT 1 FROM dual WHERE c.id > 1035)": 5,
	} {
		if got := totalOf(t, c, statement); got != want {
			t.Errorf("%s: total %d, want %d", statement, got, want)
		}
	}
}

// TestTotalAfterChange: what was remembered is forgotten with every change of a row, and does not leak between roles.
func TestTotalAfterChange(t *testing.T) {
	t.Parallel()
	c := open(t, choosing(Choices{HiddenTablesEmpty: true}))
	for _, statement := range []string{"SELECT id FROM customer", "SELECT * FROM (SELECT id FROM customer) WHERE id > 1030 ORDER BY id"} {
		before := totalOf(t, c, statement)
		a := send(t, c, caller(RoleAdministrator), http.MethodPost, recordURL+"customer", `{"companyName":"New"}`, "Content-Type", "application/json")
		if a.status != http.StatusNoContent {
			t.Fatalf("create: %d %s", a.status, a.body)
		}
		if got := totalOf(t, c, statement); got != before+1 {
			t.Errorf("%s: total %d after an insertion, want %d", statement, got, before+1)
		}
		_, id, _ := strings.Cut(a.header.Get("Location"), "/customer/")
		if a := send(t, c, caller(RoleAdministrator), http.MethodDelete, recordURL+"customer/"+id, ""); a.status != http.StatusNoContent {
			t.Fatalf("delete: %d %s", a.status, a.body)
		}
		if got := totalOf(t, c, statement); got != before {
			t.Errorf("%s: total %d after a deletion, want %d", statement, got, before)
		}
		hidden := suiteQL(t, c, caller(1), strings.ReplaceAll(statement, "customer", "item"))
		if hidden.status == http.StatusOK && hidden.decode(t)["totalResults"] != 0.0 {
			t.Errorf("a table hidden from the role: %s", hidden.body)
		}
	}
	for i := range 3 * maxTotals {
		statement := fmt.Sprintf("SELECT id + %d FROM customer WHERE id > 1000", i)
		if got := totalOf(t, c, statement); got != 40 {
			t.Errorf("%s: total %d, want 40", statement, got)
		}
	}
	if n := len(c.totals.counts) + len(c.totals.keys); n > 2*maxTotals {
		t.Errorf("%d totals are remembered, want at most %d", n, 2*maxTotals)
	}
}

// TestItems: values of every kind come out of the copied texts as they were.
func TestItems(t *testing.T) {
	t.Parallel()
	c := open(t)
	for expression, want := range map[string]any{
		"1": "1", "-1": "-1", "1.5": "1.5", "0.1 + 0.2": "0.3", "1e20": "100000000000000000000", "-.25": "-0.25",
		"9007199254740993": "9007199254740993", "NULL": nil, "''": nil, "'null'": "null", "'[1,2],'": "[1,2],",
		`'\'`: `\`, `'"'`: `"`, `'\"'`: `\"`, `'a\nb'`: `a\nb`, "'a\nb\tc'": "a\nb\tc", "'\x01\x1f\x7f'": "\x01\x1f\x7f",
		"'<&>'": "<&>", "'\u2028é€😀'": "\u2028é€😀", "TO_DATE('2026-01-31', 'YYYY-MM-DD')": "1/31/2026",
	} {
		rows := rowsOf(t, c, "SELECT "+expression+" AS v, 'after' AS w FROM dual")
		if len(rows) != 1 || rows[0]["v"] != want || rows[0]["w"] != "after" {
			t.Errorf("%s: %v, want %v", expression, rows, want)
		}
	}
	if rows := rowsOf(t, c, "SELECT 1 AS \"a\"\"b\", 2 AS \"é\" FROM dual"); len(rows) != 1 || rows[0][`a"b`] != "1" || rows[0]["é"] != "2" {
		t.Errorf("keys: %v", rows)
	}
}

// FuzzLiteral: a string in quotes, with the quotes in it doubled, is that string.
func FuzzLiteral(f *testing.F) {
	c := open(f)
	for _, s := range []string{"x", "it's", "''", `\`, `\'`, "a\nb\r\n", "-- no comment", "/* nor this */", "é€😀\u2028", "\x01\x7f", `"},{"`, "?1 :a $b", "\ufeff", "%_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return // NULL to Oracle; refused
		}
		a := suiteQL(t, c, caller(RoleAdministrator), "SELECT "+quoteText(s)+" AS v FROM dual WHERE "+quoteText(s)+" = "+quoteText(s))
		if a.status != http.StatusOK {
			t.Fatalf("%q: %d %s", s, a.status, a.body)
		}
		if rows := itemsOf(t, a); len(rows) != 1 || rows[0]["v"] != s {
			t.Errorf("%q: %v", s, rows)
		}
	})
}
