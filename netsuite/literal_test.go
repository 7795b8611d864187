package netsuite

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestQuoteLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"": "''", "plain": "'plain'", "O'Neil": "'O''Neil'", "''": "''''''", `back\slash`: `'back\slash'`, "a' OR '1'='1": "'a'' OR ''1''=''1'", "\xff": "'\uFFFD'",
	} {
		if got := QuoteLiteral(in); got != want {
			t.Errorf("QuoteLiteral(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestBind(t *testing.T) {
	noon := time.Date(2026, 3, 5, 12, 7, 9, 999, time.FixedZone("", 3600))
	for name, tt := range map[string]struct {
		query string
		args  []any
		want  string
	}{
		"nothing to bind":      {"SELECT 1 FROM dual", nil, "SELECT 1 FROM dual"},
		"empty":                {"", nil, ""},
		"string":               {"a = ? AND b = ?", []any{"O'Neil", ""}, "a = 'O''Neil' AND b = ''"},
		"named string":         {"a = ?", []any{AccountID("1234567")}, "a = '1234567'"},
		"integers":             {"?,?,?", []any{12, uint8(7), int64(-3)}, "12,7,(-3)"},
		"greatest integers":    {"? ?", []any{uint64(math.MaxUint64), int64(math.MinInt64)}, "18446744073709551615 (-9223372036854775808)"},
		"floats":               {"? ? ?", []any{1.5, float32(0.1), -0.25}, "1.5 0.1 (-0.25)"},
		"float without E":      {"? ?", []any{1e21, 1e-7}, "1000000000000000000000 0.0000001"},
		"bools":                {"? ?", []any{true, false}, "'T' 'F'"},
		"time":                 {"d >= ?", []any{noon}, "d >= TO_DATE('2026-03-05 12:07:09', 'YYYY-MM-DD HH24:MI:SS')"},
		"list":                 {"IN (?)", []any{[]string{"a", "b'c"}}, "IN ('a', 'b''c')"},
		"list of numbers":      {"IN (?)", []any{[2]int{1, -2}}, "IN (1, (-2))"},
		"mixed list":           {"IN (?)", []any{[]any{1, "x"}}, "IN (1, 'x')"},
		"at both ends":         {"?", []any{1}, "1"},
		"in a literal":         {"'?' = ? AND 'it''s ?' = ?", []any{1, 2}, "'?' = 1 AND 'it''s ?' = 2"},
		"in a quoted name":     {`"a?" = ?`, []any{1}, `"a?" = 1`},
		"in a line comment":    {"a -- ? it's\n= ?", []any{1}, "a -- ? it's\n= 1"},
		"in the last comment":  {"a = ? -- ?", []any{1}, "a = 1 -- ?"},
		"in a block comment":   {"/* ? ' -- */ ? /* */", []any{1}, "/* ? ' -- */ 1 /* */"},
		"comment in a literal": {"'--' = ? AND '/*' = ?", []any{1, 2}, "'--' = 1 AND '/*' = 2"},
		"minus minus":          {"5-? AND 5 -?", []any{-3, -4}, "5-(-3) AND 5 -(-4)"},
		"operators beside":     {"a=?||?", []any{"x", "y"}, "a='x'||'y'"},
	} {
		if got, err := Bind(tt.query, tt.args...); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tt.want)
		}
	}
}

// Whatever is bound stays one literal.
func TestBindWithstandsInjection(t *testing.T) {
	for _, attack := range []string{
		"' OR '1'='1", "'; DROP TABLE customer --", "''", "'", "\\' OR 1=1 --", "x' UNION SELECT 1 FROM dual --", "?", "? ' ?", "/*", "*/ OR 1=1 /*", "--", "\n", "-- \n ' ", "q'[x]'", "ʼ OR 1=1", "‘’", "ʹ OR 1=1",
	} {
		got, err := Bind("SELECT ? AS v, ? AS w FROM dual", attack, 5)
		want := "SELECT '" + strings.ReplaceAll(attack, "'", "''") + "' AS v, 5 AS w FROM dual"
		if err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", attack, got, err, want)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	text := "x"
	for name, tt := range map[string]struct {
		query string
		args  []any
		says  string
	}{
		"too few":             {"? ?", []any{1}, "2 placeholders and 1 arguments"},
		"too many":            {"?", []any{1, 2}, "1 placeholders and 2 arguments"},
		"only in a literal":   {"'?'", []any{1}, "0 placeholders"},
		"open literal":        {"? 'a", []any{1}, "a literal has no end"},
		"open name":           {`"a`, nil, "a quoted name has no end"},
		"open comment":        {"/* ?", nil, "a comment has no end"},
		"comment not closed":  {"/*/", nil, "a comment has no end"},
		"q literal":           {"q'[it's]' = ?", []any{1}, "q'...'"},
		"Q literal":           {"nQ'(x)' = ?", []any{1}, "q'...'"},
		"after a name":        {"q?", []any{"[x]"}, "stand apart"},
		"before a name":       {"?x", []any{1}, "stand apart"},
		"before a number":     {"?5", []any{1}, "stand apart"},
		"after a point":       {"5.?", []any{1}, "stand apart"},
		"after a literal":     {"'a'?", []any{"b"}, "stand apart"},
		"before a literal":    {"?'a'", []any{"b"}, "stand apart"},
		"beside another":      {"??", []any{"a", "b"}, "stand apart"},
		"after a letter":      {"ä?", []any{1}, "stand apart"},
		"nil":                 {"?", []any{nil}, "IS NULL"},
		"nil in a list":       {"?", []any{[]any{nil}}, "value 1: nil"},
		"pointer":             {"?", []any{&text}, "*string"},
		"struct":              {"?", []any{struct{ A string }{"secret"}}, "struct"},
		"secret":              {"?", []any{NewSecret("hidden-from-errors")}, "netsuite.Secret"},
		"map":                 {"?", []any{map[string]int{}}, "map"},
		"bytes":               {"?", []any{[]byte("x")}, "as a string"},
		"list of lists":       {"?", []any{[][]int{{1}}}, "value 1"},
		"empty list":          {"?", []any{[]int{}}, "0 values"},
		"nil list":            {"?", []any{[]int(nil)}, "0 values"},
		"long list":           {"?", []any{make([]int, 1001)}, "1001 values"},
		"infinite":            {"?", []any{math.Inf(-1)}, "Oracle"},
		"not a number":        {"?", []any{math.NaN()}, "Oracle"},
		"beyond NUMBER":       {"?", []any{1e126}, "Oracle"},
		"too small":           {"?", []any{1e-131}, "Oracle"},
		"not UTF-8":           {"?", []any{"a\xff"}, "UTF-8"},
		"NUL":                 {"?", []any{"a\x00"}, "NUL"},
		"year zero":           {"?", []any{time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, "year 0"},
		"year of five digits": {"?", []any{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "year 10000"},
	} {
		got, err := Bind(tt.query, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.says) || got != "" {
			t.Errorf("%s: %s, %v; want an error with %q", name, got, err, tt.says)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
}

// FuzzBind: a bound text is one literal wherever a placeholder stands, and nothing else of the query changes.
func FuzzBind(f *testing.F) {
	f.Add("SELECT ? FROM dual", "O'Neil", int64(-1))
	f.Add("'?' -- ?\n /* ? */ \"?\" ? , ?", "'--", int64(5))
	f.Add("5-?--?", "x", int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, query, text string, number int64) {
		// Words that no query holds stand for the values first, to find the places.
		const marked = "'\x01'"
		plain, err := Bind(query, "\x01")
		if err != nil || strings.Contains(query, "\x01") {
			return
		}
		if strings.Count(plain, marked) != 1 {
			t.Fatalf("%q became %q", query, plain)
		}
		before, after, _ := strings.Cut(plain, marked)
		if before+"?"+after != query {
			t.Fatalf("%q became %q", query, plain)
		}
		if got, err := Bind(query, text); err == nil && got != before+QuoteLiteral(text)+after {
			t.Fatalf("%q with %q became %q", query, text, got)
		}
		got, err := Bind(query, number)
		want := fmt.Sprint(number)
		if number < 0 {
			want = "(" + want + ")"
		}
		if err != nil || got != before+want+after {
			t.Fatalf("%q with %d became %q, %v", query, number, got, err)
		}
	})
}
