package netsuite_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/suitekey/suitekey/netsuite"
)

func keysOf(tb testing.TB, api *netsuite.API, q netsuite.Query, key string) []string {
	tb.Helper()
	var keys []string
	for row, err := range api.Query(tb.Context(), q) {
		if err != nil {
			tb.Fatalf("%+v: after %d rows: %v", q, len(keys), err)
		}
		keys = append(keys, strings.Clone(row.Get(key)))
	}
	return keys
}

func TestEmulator_EveryPagingGivesTheSameRows(t *testing.T) {
	const customers = 3456
	api := administrator(t, customers)
	var want []string
	for i := range customers {
		want = append(want, strconv.Itoa(1001+i))
	}
	for name, q := range map[string]netsuite.Query{
		"offset":                       {SQL: "SELECT id, companyname, phone FROM customer ORDER BY id"},
		"offset, small pages":          {SQL: "SELECT id FROM customer ORDER BY id", PageSize: 100, Ahead: 5},
		"key":                          {SQL: "SELECT id, companyname, phone FROM customer", Key: "id"},
		"key, pages of 432":            {SQL: "SELECT id FROM customer", Key: "ID", PageSize: 432},
		"key of an expression":         {SQL: "SELECT id + 0 AS id FROM customer", Key: "id"},
		"key, an order of its own":     {SQL: "SELECT id FROM customer ORDER BY companyname DESC", Key: "id"},
		"key, comment at the end":      {SQL: "SELECT c.id FROM customer c JOIN currency y ON y.id = c.currency -- all of them", Key: "id"},
		"key, first rows of an order":  {SQL: "SELECT id FROM customer ORDER BY id FETCH FIRST 3456 ROWS ONLY", Key: "id"},
		"key of a union":               {SQL: "SELECT id FROM customer WHERE id < 2000 UNION SELECT id FROM customer WHERE id >= 2000", Key: "id"},
		"text key":                     {SQL: "SELECT id, entityid FROM customer", Key: "entityid", TextKey: true},
		"text key of numbers":          {SQL: "SELECT id, TO_CHAR(id) AS k FROM customer", Key: "k", TextKey: true},
		"text key with quotes, groups": {SQL: "SELECT MAX(id) AS id, 'O''' || entityid AS k FROM customer GROUP BY entityid", Key: "k", TextKey: true, PageSize: 500},
	} {
		if got := keysOf(t, api, q, "id"); !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
		}
	}
}

// Rows that are deleted behind the reader shift every offset; with a key nothing is lost.
func TestEmulator_DeletingWhileReading(t *testing.T) {
	api := administrator(t, 2500)
	q := netsuite.Query{SQL: "SELECT id FROM customer WHERE id NOT IN (SELECT entity FROM transaction) AND id NOT IN (SELECT company FROM contact)", Key: "id", PageSize: 100, Ahead: 1}
	want := keysOf(t, api, q, "id")
	var got []string
	for row, err := range api.Query(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got)%10 == 0 {
			if _, _, err := api.Do(t.Context(), http.MethodDelete, "/services/rest/record/v1/customer/"+row.Get("id"), nil); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, row.Get("id"))
	}
	if !slices.Equal(got, want) || len(got) < 400 {
		t.Errorf("read %d rows, want %d", len(got), len(want))
	}
	if left := keysOf(t, api, q, "id"); len(left) != len(want)-(len(want)+9)/10 {
		t.Errorf("%d rows are left of %d", len(left), len(want))
	}
}

func TestEmulator_Rows(t *testing.T) {
	type client struct {
		ID       int
		Name     string    `suiteql:"companyname"`
		Created  time.Time `suiteql:"datecreated,1/2/2006"`
		Phone    *string
		Limit    *float64 `suiteql:"creditlimit"`
		Inactive bool     `suiteql:"isinactive"`
	}
	api := administrator(t, 1500)
	rows, inactive, phones, limits := 0, 0, 0, 0
	for c, err := range netsuite.Rows[client](t.Context(), api, netsuite.Query{SQL: "SELECT * FROM customer", Key: "id"}) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
		if c.Inactive {
			inactive++
		}
		if c.Phone != nil {
			phones++
		}
		if c.Limit != nil {
			limits++
		}
		if c.ID != 1000+rows || !strings.HasSuffix(c.Name, strconv.Itoa(rows)) || c.Created.Year() < 2020 {
			t.Fatalf("row %d = %+v", rows, c)
		}
	}
	counted, err := api.SuiteQL(t.Context(), "SELECT COUNT(*) n, SUM(CASE WHEN isinactive = 'T' THEN 1 ELSE 0 END) i, COUNT(phone) p, COUNT(creditlimit) l FROM customer", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf(`[{"n":"%d","i":"%d","p":"%d","l":"%d"}]`, rows, inactive, phones, limits)
	if want := fmt.Sprint(counted.Rows); got != want || inactive == 0 || phones == rows {
		t.Errorf("counted %s, the account says %s", got, want)
	}
}

// strange are texts that break careless quoting.
var strange = []string{
	"plain", "'", "''", "O'Neil", `back\slash`, `\'`, "a' OR '1'='1", "'; DROP TABLE customer --", "--", "/* x */", "*/", "?", ":id", "%_", `"`, "$$", "q'[x]'",
	"two\nlines", "\r\n\t", " edges ", "ä€😀", "ʼ’‘", "\u2028", "\x7f", "\ufeff", "N'x'", "{fn NOW()}", "&x", strings.Repeat("'", 501), strings.Repeat("x", 5000),
}

func ask(tb testing.TB, api *netsuite.API, query string) netsuite.Row {
	tb.Helper()
	page, err := api.SuiteQL(tb.Context(), query, 1, 0)
	if err != nil {
		tb.Fatalf("%.300q: %v", query, err)
	}
	if len(page.Rows) != 1 {
		tb.Fatalf("%.300q: %d rows", query, len(page.Rows))
	}
	return page.Rows[0]
}

func TestEmulator_LiteralsArriveAsTheyAre(t *testing.T) {
	api := administrator(t, 1)
	for _, text := range strange {
		bound, err := netsuite.Bind("SELECT ? AS v, ? AS n FROM dual /* '?' */", text, -3)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, query := range []string{"SELECT " + netsuite.QuoteLiteral(text) + " AS v FROM dual", bound} {
			if got := ask(t, api, query).Get("v"); got != text {
				t.Errorf("%q came back as %q", text, got)
			}
		}
	}
}

func TestEmulator_BoundValues(t *testing.T) {
	api := administrator(t, 10)
	when := time.Date(2026, 3, 5, 14, 7, 9, 0, time.UTC)
	for name, tt := range map[string]struct {
		query string
		args  []any
		want  string
	}{
		"numbers": {"SELECT ? AS a, 5 -? AS b, ? AS c, ? AS d FROM dual", []any{math.MaxInt32, -3, 0.1, uint8(9)}, `{"a":"2147483647","b":"8","c":"0.1","d":"9"}`},
		"booleans": {
			"SELECT COUNT(*) AS n FROM customer WHERE isinactive = ? AND isperson <> ?",
			[]any{false, true},
			`{"n":"10"}`,
		},
		"time":  {"SELECT TO_CHAR(?, 'YYYY-MM-DD HH24:MI:SS') AS t FROM dual", []any{when}, `{"t":"2026-03-05 14:07:09"}`},
		"lists": {"SELECT COUNT(*) AS n FROM customer WHERE id IN (?) AND entityid IN (?)", []any{[]int{1001, 1002, -5}, []string{"CUST0002", "O'Neil"}}, `{"n":"1"}`},
	} {
		query, err := netsuite.Bind(tt.query, tt.args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := ask(t, api, query).String(); got != tt.want {
			t.Errorf("%s: %s gives %s, want %s", name, query, got, tt.want)
		}
	}
}

// FuzzQuoteLiteral: any text that a literal can hold comes back from the engine as it was. To Oracle "" is null, and the
// emulator takes no NUL.
func FuzzQuoteLiteral(f *testing.F) {
	api := administrator(f, 1)
	for _, text := range strange {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || !utf8.ValidString(text) || strings.ContainsRune(text, 0) || len(text) > 100_000 {
			return
		}
		bound, err := netsuite.Bind("SELECT ? AS w FROM dual", text)
		if err != nil {
			t.Fatal(err)
		}
		for column, query := range map[string]string{"v": "SELECT " + netsuite.QuoteLiteral(text) + " AS v FROM dual", "w": bound} {
			if got := ask(t, api, query).Get(column); got != text {
				t.Fatalf("%q came back as %q", text, got)
			}
		}
	})
}
