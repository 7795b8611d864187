package company

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// filtered are the ids of the records of a type that q lets through.
func filtered(tb testing.TB, c *Company, recordType, q string) string {
	tb.Helper()
	a := send(tb, c, caller(RoleAdministrator), http.MethodGet, recordURL+recordType+"?q="+url.QueryEscape(q), "")
	if a.status != http.StatusOK {
		tb.Errorf("%s: %d %s", q, a.status, a.body)
		return ""
	}
	var ids []string
	for _, item := range a.decode(tb)["items"].([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return strings.Join(ids, " ")
}

func TestFilter(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	for i, name := range []string{`Say "Hi"`, `Back\slash`, "100%_sure", "1000 sure", "Straße Ü"} {
		body := fmt.Sprintf(`{"companyName":%q,"externalId":"f%d"}`, name, i)
		if a := send(t, c, who, http.MethodPost, recordURL+"customer", body); a.status != http.StatusNoContent {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for _, tt := range []struct{ recordType, q, want string }{
		{"customer", "companyName IS \"Cedar Dental 2\"", "1002"},
		{"customer", "companyname START_WITH \"cedar dental\"", "1002 1037"},
		{"customer", "email START_WITH office@customer12", "1012"},
		{"customer", "email CONTAIN MER12 OR email CONTAIN mer13", "1012 1013"},
		{"customer", "email CONTAIN_NOT example AND id LESS 1041", ""},
		{"customer", "companyName END_WITH \" 2\"", "1002"},
		{"customer", "companyName ENDWITH \" 2\"", "1002"},
		{"customer", "companyName END_WITH_NOT e AND id ANY_OF [1001,1002]", "1001 1002"},
		{"customer", "id EQUAL 1003", "1003"},
		{"customer", "id BETWEEN [1003, 1005]", "1003 1004 1005"},
		{"customer", "id WITHIN [1003, 1004]", "1003 1004"},
		{"customer", "id BETWEEN_NOT [1001, 1038] AND id LESS_OR_EQUAL 1040", "1039 1040"},
		{"customer", "id ANY_OF [1, 1002, 1039]", "1002 1039"},
		{"customer", "id ANY_OF 1002", "1002"},
		{"customer", "id ANY_OF_NOT [1001,1002] AND id LESS 1005", "1003 1004"},
		{"customer", "creditLimit GREATER 8e3 AND creditLimit LESS_OR_EQUAL 9000.0", "1016 1036"},
		{"customer", "creditlimit GREATER_OR_EQUAL 9000 AND id LESS 1020", "1016"},
		{"customer", "creditLimit EMPTY AND id LESS 1004", "1001 1002 1003"},
		{"customer", "creditLimit EMPTY_NOT AND id LESS 1009", "1004 1008"},
		{"customer", "creditLimit GREATER_NOT 0 AND id LESS 1005", "1001 1002 1003"},
		{"customer", "isInactive IS true", "1040"},
		{"customer", "isInactive IS_NOT false AND id LESS 1041", "1040"},
		{"customer", "phone IS_NOT \"555-0001\" AND id LESS 1004", "1002 1003"},
		{"customer", "currency EQUAL 4 AND id LESS 1011", "1005 1010"},
		{"customer", "dateCreated ON \"1/3/2024\"", "1002"},
		{"customer", "dateCreated ON_NOT 01/03/2024 AND id LESS 1003", "1001"},
		{"customer", "dateCreated ON_OR_AFTER \"1/3/2024\" AND dateCreated BEFORE \"1/5/2024\"", "1002 1003"},
		{"customer", "dateCreated AFTER \"1/2/2024\" AND dateCreated ON_OR_BEFORE \"1/4/2024\"", "1002 1003"},
		{"salesOrder", "createdDate ON \"1/8/2024\"", "10001"},
		{"salesOrder", "createdDate AFTER \"1/8/2024\" AND id EQUAL 10001", ""},
		{"salesOrder", "orderStatus ANY_OF [A, H] AND id LESS 10006", "10004 10005"},
		{"salesOrder", "orderStatus IS B AND id LESS 10006", "10001"},
		{"salesOrder", "entity EQUAL 1012 AND id LESS 10002", "10001"},
		// AND binds closer than OR; parentheses change that.
		{"customer", "id EQUAL 1001 OR id EQUAL 1002 AND email IS nobody", "1001"},
		{"customer", "(id EQUAL 1001 OR id EQUAL 1002) AND email IS nobody", ""},
		{"customer", "((id EQUAL 1001)OR(id EQUAL 1002))AND(email CONTAIN mer1.)", "1001"},
		// Values stand for themselves.
		{"customer", `companyName IS "Say \"Hi\"" AND externalId IS f0`, lastIDs(t, c, 0)},
		{"customer", `companyName CONTAIN "k\\s"`, lastIDs(t, c, 1)},
		{"customer", `companyName CONTAIN "k\s"`, lastIDs(t, c, 1)},
		{"customer", `companyName CONTAIN "0%_"`, lastIDs(t, c, 2)},
		{"customer", `companyName START_WITH "straße ü"`, lastIDs(t, c, 4)},
		{"customer", `companyName IS "x' OR '1'='1"`, ""},
		{"customer", `companyName IS "AND"`, ""},
		{"customer", `companyName IS ""`, ""},
		{"customer", "companyName IS ? OR companyName IS :a OR companyName IS @b", ""},
	} {
		if got := filtered(t, c, tt.recordType, tt.q); got != tt.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", tt.recordType, tt.q, got, tt.want)
		}
	}
}

// lastIDs is the id of the customer with the external id f<n>.
func lastIDs(tb testing.TB, c *Company, n int) string {
	tb.Helper()
	rows := rowsOf(tb, c, fmt.Sprintf("SELECT id FROM customer WHERE externalid = 'f%d'", n))
	return fmt.Sprint(rows[0]["id"])
}

func TestFilterOfCustomRecords(t *testing.T) {
	t.Parallel()
	c := open(t)
	must(t, c.InstallBundle(testBundle()))
	send(t, c, caller(RoleAdministrator), http.MethodPost, recordURL+"customrecord_acme_log", `{"name":"a","custrecord_acme_level":"info"}`)
	send(t, c, caller(RoleAdministrator), http.MethodPost, recordURL+"customrecord_acme_log", `{"name":"b","custrecord_acme_level":"warn"}`)
	if got := filtered(t, c, "customrecord_acme_log", "custrecord_acme_level IS warn AND created ON 3/14/2026"); got != "2" {
		t.Errorf("got %q", got)
	}
}

func TestFilteredPagesKeepTheFilter(t *testing.T) {
	t.Parallel()
	c := open(t)
	a := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"customer?q="+url.QueryEscape("id GREATER 1010")+"&limit=10&offset=10", "")
	v := a.decode(t)
	if v["totalResults"] != 30.0 || v["hasMore"] != true || v["count"] != 10.0 {
		t.Errorf("%v", v)
	}
	next := href(v, "next")
	if next != testBase+recordURL+"customer?limit=10&offset=20&q=id+GREATER+1010" {
		t.Fatalf("next %s", next)
	}
	v = send(t, c, caller(RoleAdministrator), http.MethodGet, strings.TrimPrefix(next, testBase), "").decode(t)
	if v["hasMore"] != false || v["items"].([]any)[0].(map[string]any)["id"] != "1031" {
		t.Errorf("next page %v", v)
	}
}

func TestFilterRefusals(t *testing.T) {
	t.Parallel()
	c := open(t)
	for name, q := range map[string]string{
		"empty":                      "",
		"blank":                      "  ",
		"field alone":                "email",
		"no value":                   "email IS",
		"unknown field":              "nope IS x",
		"quoted field":               `"email" IS x`,
		"unknown operator":           "email LIKE x",
		"quoted operator":            `email "IS" x`,
		"operator in lower case":     "email is x",
		"SQL operator":               "id = 5",
		"not alone":                  "email _NOT x",
		"twice not":                  "email IS_NOT_NOT x",
		"operator of another kind":   "email GREATER 5",
		"number against text":        "id CONTAIN 5",
		"text for a number":          "id EQUAL five",
		"infinite":                   "id EQUAL Inf",
		"hexadecimal":                "id EQUAL 0x5",
		"huge number":                "id EQUAL 1e999",
		"text for a check box":       "isInactive IS T",
		"ISO date":                   `dateCreated ON "2024-01-03"`,
		"date that there is not":     `dateCreated ON "2/30/2024"`,
		"text for a date":            "dateCreated ON today",
		"one value of two":           "id BETWEEN [1]",
		"three values of two":        "id BETWEEN [1,2,3]",
		"between without brackets":   "id BETWEEN 1",
		"two values of one":          "id EQUAL [1,2]",
		"value for none":             "email EMPTY x",
		"no values":                  "id ANY_OF []",
		"trailing comma":             "id ANY_OF [1,]",
		"bracket not closed":         "id ANY_OF [1",
		"values without comma":       "id ANY_OF [1 2]",
		"quotation mark not closed":  `email IS "x`,
		"quotation mark doubled":     `email IS "a""b"`,
		"escaped last mark":          `email IS "x\"`,
		"parenthesis not closed":     "(id EQUAL 1",
		"parenthesis closed twice":   "(id EQUAL 1))",
		"empty parentheses":          "()",
		"nothing behind AND":         "id EQUAL 1 AND",
		"nothing before OR":          "OR id EQUAL 1",
		"and in lower case":          "id EQUAL 1 and id EQUAL 2",
		"statement":                  "id EQUAL 1; DROP TABLE customer",
		"comment":                    "id EQUAL 1 -- x",
		"too long":                   "email IS " + strings.Repeat("x", maxFilter),
		"too deep":                   strings.Repeat("(", 200) + "id EQUAL 1" + strings.Repeat(")", 200),
		"too many conditions":        "id EQUAL 1" + strings.Repeat(" OR id EQUAL 1", maxFilterConditions),
		"too many values":            "id ANY_OF [1" + strings.Repeat(",1", maxFilterValues) + "]",
		"sublist":                    "item EMPTY",
		"reference by name":          "currency IS Euro",
		"field of another role, SQL": "authid EMPTY",
	} {
		a := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"customer?q="+url.QueryEscape(q), "")
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %.200s", name, a.status, a.body)
			continue
		}
		if code, detail, locator := a.problem(t); code != "INVALID_PARAMETER" || locator["o:errorQueryParam"] != "q" || len(detail) > 400 {
			t.Errorf("%s: %s %v %s", name, code, locator, detail)
		}
		if !strings.Contains(a.rule, "H/section_1545222128") {
			t.Errorf("%s: rule %q", name, a.rule)
		}
	}
	if a := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"customer?q=id+EQUAL+1&q=id+EQUAL+2", ""); a.status != http.StatusBadRequest {
		t.Errorf("twice: %d", a.status)
	}
}

// TestFilterNeedsWorkbook: a role that may list records cannot filter them without SuiteAnalytics Workbook.
func TestFilterNeedsWorkbook(t *testing.T) {
	t.Parallel()
	c := open(t)
	if a := send(t, c, caller(1001), http.MethodGet, recordURL+"inventoryItem?limit=1", ""); a.status != http.StatusOK {
		t.Errorf("list: %d %s", a.status, a.body)
	}
	a := send(t, c, caller(1001), http.MethodGet, recordURL+"inventoryItem?q=id+EQUAL+201", "")
	if code, _, _ := a.problem(t); a.status != http.StatusForbidden || code != "INSUFFICIENT_PERMISSION" || !strings.Contains(a.rule, "Workbook") {
		t.Errorf("%d %s, rule %s", a.status, a.body, a.rule)
	}
}

// FuzzFilter: any text is either refused as the documented error or becomes a statement that the database takes;
// a text value that is quoted finds exactly what it says.
func FuzzFilter(f *testing.F) {
	for _, q := range []string{
		"email START_WITH barbara", `companyName IS "A \"quoted\" name"`, "id BETWEEN_NOT [1, 42]", "id ANY_OF [1, 2, 3]",
		`dateCreated ON_OR_AFTER "1/1/2019" AND (isInactive IS false OR creditLimit EMPTY)`, `email IS "`, "((", "id EQUAL 1 OR", "\x00", `email IS "\\"`,
	} {
		f.Add(q)
	}
	c := open(f)
	who := caller(RoleAdministrator)
	f.Fuzz(func(t *testing.T, q string) {
		a := send(t, c, who, http.MethodGet, recordURL+"customer?q="+url.QueryEscape(q), "")
		switch a.status {
		case http.StatusOK:
		case http.StatusBadRequest:
			if code, _, locator := a.problem(t); code != "INVALID_PARAMETER" || locator["o:errorQueryParam"] != "q" {
				t.Errorf("%q: %s", q, a.body)
			}
		default:
			t.Errorf("%q: %d %s", q, a.status, a.body)
		}
		words, err := filterWords(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(q) + `"`)
		if err != nil || len(words) != 1 || words[0].text != q {
			t.Errorf("%q quoted reads %v %v", q, words, err)
		}
	})
}
