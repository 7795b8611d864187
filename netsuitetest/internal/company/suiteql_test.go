package company

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func suiteQL(tb testing.TB, c *Company, who Caller, statement string) answer {
	tb.Helper()
	return suiteQLPage(tb, c, who, statement, "")
}

func suiteQLPage(tb testing.TB, c *Company, who Caller, statement, rawQuery string) answer {
	tb.Helper()
	body, err := json.Marshal(map[string]string{"q": statement})
	must(tb, err)
	target := suiteQLPath
	if rawQuery != "" {
		target += "?" + rawQuery
	}
	return send(tb, c, who, http.MethodPost, target, string(body), "Prefer", "transient", "Content-Type", "application/json")
}

// rowsOf asks as administrator and gives the rows without their links.
func rowsOf(tb testing.TB, c *Company, statement string) []map[string]any {
	tb.Helper()
	a := suiteQL(tb, c, caller(RoleAdministrator), statement)
	if a.status != http.StatusOK {
		tb.Fatalf("%s\nanswers %d %s", statement, a.status, a.body)
	}
	return itemsOf(tb, a)
}

func itemsOf(tb testing.TB, a answer) []map[string]any {
	tb.Helper()
	var rows []map[string]any
	for _, item := range a.decode(tb)["items"].([]any) {
		row := item.(map[string]any)
		if links, ok := row["links"].([]any); !ok || len(links) != 0 {
			tb.Errorf("item without its own empty links: %v", row)
		}
		delete(row, "links")
		rows = append(rows, row)
	}
	return rows
}

func TestDialect(t *testing.T) {
	t.Parallel()
	c := open(t)
	tests := []struct{ name, q, want string }{
		{"dual", "SELECT 1 AS ok FROM dual", `[{"ok":"1"}]`},
		{"lower-case keys", "select ID, EntityID as EntityName, email \"Mail\" from EMPLOYEE where id = -5", `[{"entityname":"Ada Admin","id":"-5","mail":"admin@globex.example"}]`},
		{"null columns are left out", "SELECT id, title FROM employee WHERE id = 12", `[{"id":"12"}]`},
		{"booleans", "SELECT giveaccess, isinactive FROM employee WHERE id = 15", `[{"giveaccess":"T","isinactive":"T"}]`},
		{"numbers are strings", "SELECT permlevel FROM rolepermissions WHERE role = 6 AND permkey = 'ADMI_LOGIN_OAUTH2'", `[{"permlevel":"4"}]`},
		{"fetch first", "SELECT id FROM customer ORDER BY id FETCH FIRST 2 ROWS ONLY", `[{"id":"1001"},{"id":"1002"}]`},
		{"offset fetch", "SELECT id FROM customer ORDER BY id OFFSET 3 ROWS FETCH NEXT 1 ROW ONLY", `[{"id":"1004"}]`},
		{"top", "SELECT TOP 1 id FROM customer ORDER BY id DESC", `[{"id":"1040"}]`},
		{"rownum before order", "SELECT id FROM currency WHERE ROWNUM <= 2 ORDER BY id DESC", `[{"id":"2"},{"id":"1"}]`},
		{"rownum around a sorted query", "SELECT id FROM (SELECT id FROM customer ORDER BY id DESC) WHERE ROWNUM < 3 AND id > 5", `[{"id":"1040"},{"id":"1039"}]`},
		{"rownum equals one", "SELECT COUNT(*) n FROM customer WHERE ROWNUM = 1", `[{"n":"1"}]`},
		{"rownum equals two is never true", "SELECT id FROM customer WHERE ROWNUM = 2", `[]`},
		{"rownum above one is never true", "SELECT id FROM customer WHERE ROWNUM > 1", `[]`},
		{"rownum from one", "SELECT COUNT(*) n FROM customer WHERE ROWNUM >= 1 AND ROWNUM BETWEEN 1 AND 7", `[{"n":"7"}]`},
		{"rownum paging", "SELECT id FROM (SELECT ROWNUM rn, id FROM (SELECT id FROM customer ORDER BY id)) WHERE rn BETWEEN 3 AND 4", `[{"id":"1003"},{"id":"1004"}]`},
		{"rownum selected", "SELECT ROWNUM, id + 1 AS next FROM customer WHERE id > 1038 AND ROWNUM <= 9", `[{"expr1":"1","next":"1040"},{"expr1":"2","next":"1041"}]`},
		{"nvl", "SELECT NVL(title, 'none') a, NVL(supervisor, 0) b, NVL2(title, 'y', 'n') c FROM employee WHERE id = 12", `[{"a":"none","b":"-5","c":"n"}]`},
		{"decode", "SELECT DECODE(id, 11, 'eleven', 12, 'twelve', 'other') d FROM employee WHERE id IN (11, 12, 13) ORDER BY id", `[{"d":"eleven"},{"d":"twelve"},{"d":"other"}]`},
		{"decode null", "SELECT DECODE(NULL, 'x', 1, NULL, 2, 3) d FROM dual", `[{"d":"2"}]`},
		{"case", "SELECT CASE WHEN id < 0 THEN 'minus' ELSE 'plus' END s, CASE id WHEN -5 THEN 1 END o FROM employee WHERE id = -5", `[{"o":"1","s":"minus"}]`},
		{"concat takes null for nothing", "SELECT firstname || ' ' || NULL || lastname AS n, 'a' || 1.50 AS m FROM employee WHERE id = -5", `[{"m":"a1.5","n":"Ada Admin"}]`},
		{"empty string is null", "SELECT COUNT(*) n FROM dual WHERE '' IS NULL", `[{"n":"1"}]`},
		{"quotes", "SELECT 'it''s' AS a, 'x\"y' AS b FROM dual -- comment 'open\n", `[{"a":"it's","b":"x\"y"}]`},
		{"keyset", "SELECT * FROM (SELECT id, entityid FROM customer) WHERE id > 1038 ORDER BY id", `[{"entityid":"CUST0039","id":"1039"},{"entityid":"CUST0040","id":"1040"}]`},
		{"keyset by text", "SELECT * FROM (SELECT entityid AS k FROM customer) x WHERE x.k > 'CUST0038' ORDER BY k FETCH FIRST 1 ROWS ONLY", `[{"k":"CUST0039"}]`},
		{"keyset downwards", "SELECT * FROM (SELECT id AS \"Key\" FROM customer) WHERE key < 1003 ORDER BY key DESC", `[{"key":"1002"},{"key":"1001"}]`},
		{"long IN list", "SELECT COUNT(*) n FROM customer WHERE id IN (1001" + strings.Repeat(", 1002", 999) + ")", `[{"n":"2"}]`},
		{"date literal", "SELECT COUNT(*) n FROM transaction WHERE trandate > TO_DATE('2026-01-31', 'YYYY-MM-DD')", `[{"n":"0"}]`},
		{"comments", "/* a; b */ SELECT /* ' */ 1 a FROM dual -- ; DROP", `[{"a":"1"}]`},
		{"to_char date", "SELECT TO_CHAR(trandate, 'YYYY-MM-DD') d, TO_CHAR(createddate, 'HH24:MI') h FROM transaction WHERE id = 10001", `[{"d":"2024-01-08","h":"09:00"}]`},
		{"to_char names", "SELECT TO_CHAR(TO_DATE('2026-03-05', 'YYYY-MM-DD'), 'Dy, DD MON YYYY \"Q\"Q') d FROM dual", `[{"d":"Thu, 05 MAR 2026 Q1"}]`},
		{"to_char fm", "SELECT TO_CHAR(DATE '2026-03-05', 'FMMonth DD, YYYY') d FROM dual", `[{"d":"March 5, 2026"}]`},
		{"to_char number", "SELECT TO_CHAR(1234.5, 'FM999,990.00') a, TO_CHAR(0.5, '990.00') b, TO_CHAR(12345, '99') c, TO_CHAR(-7, 'FM000') d, TO_CHAR(2.5) e FROM dual", `[{"a":"1,234.50","b":"   0.50","c":"###","d":"-007","e":"2.5"}]`},
		{"to_date", "SELECT TO_DATE('31-DEC-2025 11:30 PM', 'DD-MON-YYYY HH:MI AM') d FROM dual", `[{"d":"12/31/2025"}]`},
		{"date arithmetic", "SELECT TO_DATE('2026-03-01', 'YYYY-MM-DD') - 1 a, DATE '2026-03-01' - DATE '2026-02-01' b, TRUNC(SYSDATE) c FROM dual", `[{"a":"2/28/2026","b":"28","c":"3/14/2026"}]`},
		{"date against text", "SELECT COUNT(*) n FROM transaction WHERE trandate BETWEEN '1/8/2024' AND '01/15/2024'", `[{"n":"2"}]`},
		{"sysdate", "SELECT TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI:SS') s FROM dual", `[{"s":"2026-03-14 15:09:26"}]`},
		{"months", "SELECT ADD_MONTHS(DATE '2026-01-31', 1) a, LAST_DAY(DATE '2024-02-03') b, MONTHS_BETWEEN(DATE '2026-03-31', DATE '2026-01-31') c FROM dual", `[{"a":"2/28/2026","b":"2/29/2024","c":"2"}]`},
		{"trunc date", "SELECT TRUNC(DATE '2026-08-19', 'MM') a, TRUNC(DATE '2026-08-19', 'Q') b, TRUNC(DATE '2026-08-19', 'YYYY') c, TRUNC(DATE '2026-08-19', 'IW') d FROM dual", `[{"a":"8/1/2026","b":"7/1/2026","c":"1/1/2026","d":"8/17/2026"}]`},
		{"extract", "SELECT EXTRACT(YEAR FROM DATE '2026-08-19') y, EXTRACT(MONTH FROM DATE '2026-08-19') m FROM dual", `[{"m":"8","y":"2026"}]`},
		{"numbers", "SELECT 7 / 2 a, TRUNC(-2.7) b, ROUND(2.345, 2) c, MOD(7, 4) d, FLOOR(-0.5) e, CEIL(1.2) f, ABS(-3) g, 6 / 3 h, .1 + .2 i FROM dual", `[{"a":"3.5","b":"-2","c":"2.35","d":"3","e":"-1","f":"2","g":"3","h":"2","i":"0.3"}]`},
		{
			"strings", "SELECT LOWER('AbÇ') a, UPPER('AbÇ') b, SUBSTR('abcdef', 2, 3) c, SUBSTR('abcdef', -2) d, INSTR('banana', 'an') e, INSTR('banana', 'an', 1, 2) f, LENGTH('äö') g, REPLACE('a-b', '-') h, LPAD('7', 3, '0') i, INITCAP('two words') j, TRIM('  x ') k FROM dual",
			`[{"a":"abç","b":"ABÇ","c":"bcd","d":"ef","e":"2","f":"4","g":"2","h":"ab","i":"007","j":"Two Words","k":"x"}]`,
		},
		{"instr backwards", "SELECT INSTR('banana', 'a', -1) a, INSTR('banana', 'x') b, SUBSTR('abc', 0, 2) c, RPAD('ab', 1) d FROM dual", `[{"a":"6","b":"0","c":"ab","d":"a"}]`},
		{"like tells the case", "SELECT COUNT(*) n FROM employee WHERE entityid LIKE 'a%' OR entityid LIKE 'Ada_A%'", `[{"n":"1"}]`},
		{"like escape", "SELECT COUNT(*) n FROM dual WHERE '50%' LIKE '50!%' ESCAPE '!' AND '500' NOT LIKE '50!%' ESCAPE '!'", `[{"n":"1"}]`},
		{"number against text", "SELECT id FROM employee WHERE id = '11' AND '12' > id", `[{"id":"11"}]`},
		{"display value of a reference", "SELECT BUILTIN.DF(supervisor) boss, BUILTIN.DF(id) id FROM employee WHERE id = 11", `[{"boss":"Ada Admin","id":"11"}]`},
		{"display value of a code", "SELECT DISTINCT BUILTIN.DF(t.status) s FROM transaction t WHERE t.status = 'B' AND t.type = 'SalesOrd'", `[{"s":"Sales Order : Pending Fulfillment"}]`},
		{"display value through a query", "SELECT BUILTIN.DF(x.boss) n FROM (SELECT supervisor boss FROM employee WHERE id = 11) x", `[{"n":"Ada Admin"}]`},
		{"joins", "SELECT e.id, r.name FROM employee e LEFT OUTER JOIN role r ON r.id = e.rolesforsearch WHERE e.id IN (-5, 12) ORDER BY e.id", `[{"id":"-5","name":"Administrator"},{"id":"12"}]`},
		{"comma join", "SELECT c.symbol FROM subsidiary s, currency c WHERE s.currency = c.id AND s.parent IS NOT NULL", `[{"symbol":"EUR"}]`},
		{"using", "SELECT id, b.n FROM employee JOIN (SELECT id, 1 n FROM employee) b USING (id) WHERE id = 11", `[{"id":"11","n":"1"}]`},
		{"join in parentheses", "SELECT c.symbol FROM (subsidiary s INNER JOIN currency c ON s.currency = c.id) WHERE s.id = 1", `[{"symbol":"USD"}]`},
		{"right and cross join", "SELECT COUNT(*) n FROM dual RIGHT JOIN currency c ON c.id = 99 CROSS JOIN dual d", `[{"n":"3"}]`},
		{"aggregates", "SELECT COUNT(*) a, COUNT(DISTINCT subsidiary) b, MIN(id) c, MAX(datecreated) d FROM customer", `[{"a":"40","b":"2","c":"1001","d":"2/10/2024"}]`},
		{"group by expression", "SELECT TO_CHAR(trandate, 'YYYY') y, COUNT(*) n FROM transaction GROUP BY TO_CHAR(trandate, 'YYYY') HAVING COUNT(*) > 1 ORDER BY 1", `[{"n":"52","y":"2024"},{"n":"38","y":"2025"}]`},
		{"group by display value", "SELECT BUILTIN.DF(subsidiary) s, COUNT(*) n FROM customer GROUP BY BUILTIN.DF(subsidiary) ORDER BY n", `[{"n":"8","s":"Globex Corporation Europe"},{"n":"32","s":"Globex Corporation"}]`},
		{"listagg", "SELECT LISTAGG(symbol, '+') WITHIN GROUP (ORDER BY symbol DESC) s FROM currency", `[{"s":"USD+GBP+EUR"}]`},
		{"window", "SELECT id, ROW_NUMBER() OVER (PARTITION BY giveaccess ORDER BY id DESC) rn, LAG(id) OVER (ORDER BY id) prev FROM employee WHERE id < 13 ORDER BY id", `[{"id":"-5","rn":"3"},{"id":"11","prev":"-5","rn":"2"},{"id":"12","prev":"11","rn":"1"}]`},
		{"window frame", "SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) s FROM currency ORDER BY id", `[{"s":"1"},{"s":"3"},{"s":"6"}]`},
		{"with", "WITH a AS (SELECT id FROM currency), b (x) AS (SELECT MAX(id) FROM a) SELECT x FROM b", `[{"x":"4"}]`},
		{"union", "SELECT 1 a FROM dual UNION SELECT 1 FROM dual UNION ALL SELECT 2 FROM dual ORDER BY a DESC", `[{"a":"2"},{"a":"1"}]`},
		{"minus", "SELECT id FROM currency MINUS SELECT id FROM currency WHERE id > 1", `[{"id":"1"}]`},
		{"query in parentheses", "(SELECT id FROM currency WHERE id = 1) UNION (SELECT id FROM currency ORDER BY id DESC FETCH FIRST 1 ROWS ONLY) ORDER BY 1", `[{"id":"1"},{"id":"4"}]`},
		{"exists", "SELECT id FROM currency c WHERE EXISTS (SELECT 1 FROM subsidiary s WHERE s.currency = c.id) ORDER BY id", `[{"id":"1"},{"id":"4"}]`},
		{"scalar query", "SELECT (SELECT COUNT(*) FROM subsidiary s WHERE s.currency = c.id) n FROM currency c ORDER BY c.id", `[{"n":"1"},{"n":"0"},{"n":"1"}]`},
		{"in query", "SELECT id FROM currency WHERE id NOT IN (SELECT currency FROM subsidiary)", `[{"id":"2"}]`},
		{"nulls last", "SELECT supervisor s FROM employee WHERE id IN (-5, 11) ORDER BY supervisor", `[{"s":"-5"},{}]`},
		{"nulls first when descending", "SELECT supervisor s FROM employee WHERE id IN (-5, 11) ORDER BY supervisor DESC", `[{},{"s":"-5"}]`},
		{"nulls as told", "SELECT supervisor s FROM employee WHERE id IN (-5, 11) ORDER BY supervisor NULLS FIRST", `[{},{"s":"-5"}]`},
		{"same name twice", "SELECT a.id, b.id FROM currency a, subsidiary b WHERE a.id = 4 AND b.id = 2", `[{"id":"4","id_0":"2"}]`},
		{"unnamed", "SELECT 'a', COUNT(*) FROM dual", `[{"expr1":"a","expr2":"1"}]`},
		{"cast", "SELECT CAST('12' AS NUMBER) + 1 a, CAST(12 AS VARCHAR2(10)) || 'x' b FROM dual", `[{"a":"13","b":"12x"}]`},
		{"star", "SELECT * FROM dual", `[{"dummy":"X"}]`},
		{"star of one table", "SELECT d.*, c.id FROM dual d, currency c WHERE c.id = 1", `[{"dummy":"X","id":"1"}]`},
		{"keyword as quoted name", `SELECT "t"."id" AS "select" FROM "currency" "t" WHERE "t"."id" = 1`, `[{"select":"1"}]`},
		{"not", "SELECT id FROM currency WHERE NOT (id = 1 OR id = 2)", `[{"id":"4"}]`},
		{"coalesce, nullif, greatest", "SELECT COALESCE(NULL, NULL, 3) a, NULLIF(1, 1) b, GREATEST(1, 5, 2) c, LEAST('b', 'a') d FROM dual", `[{"a":"3","c":"5","d":"a"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var want []map[string]any
			must(t, json.Unmarshal([]byte(tt.want), &want))
			if got := rowsOf(t, c, tt.q); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s\ngot  %v\nwant %v", tt.q, got, want)
			}
		})
	}
}

func TestInvalidStatements(t *testing.T) {
	t.Parallel()
	c := open(t)
	tests := []struct{ name, q, says string }{
		{"unknown column", "SELECT balance FROM customer", "Unknown identifier 'balance'. Available identifiers are: {id, entityid, "},
		{"unknown column of alias", "SELECT c.nope FROM customer c, item i", "Unknown identifier 'c.nope'. Available identifiers are: {id, entityid, "},
		{"unknown alias", "SELECT x.id FROM customer c", "Unknown identifier 'x.id'"},
		{"unknown star", "SELECT x.* FROM customer c", "Unknown identifier 'x.*'"},
		{"unknown table", "SELECT id FROM custmer", "Record 'custmer' was not found"},
		{"hidden column", "SELECT authid FROM employee", "Unknown identifier 'authid'"},
		{"hidden column of deployment", "SELECT deploynumber FROM scriptdeployment", "Unknown identifier 'deploynumber'"},
		{"rowid", "SELECT rowid FROM customer", "Unknown identifier 'rowid'"},
		{"quoted unknown column is no string", `SELECT "no such" FROM dual`, "Unknown identifier 'no such'"},
		{"ambiguous", "SELECT id FROM customer, item", "more than one table"},
		{"same alias", "SELECT 1 a FROM customer x, item x", "two tables are called 'x'"},
		{"not grouped", "SELECT id, COUNT(*) FROM customer", "'id' is not a GROUP BY expression"},
		{"not grouped star", "SELECT * FROM customer GROUP BY id", "not a GROUP BY expression"},
		{"not grouped order", "SELECT COUNT(*) FROM customer ORDER BY email", "'email' is not a GROUP BY expression"},
		{"group function in where", "SELECT 1 a FROM customer WHERE COUNT(*) > 1", "use HAVING"},
		{"condition as value", "SELECT id = 1 FROM customer", "a condition stands where a value"},
		{"value as condition", "SELECT id FROM customer WHERE id", "a value stands where a condition"},
		{"no from", "SELECT 1", "expected FROM"},
		{"limit", "SELECT id FROM customer LIMIT 5", "unexpected '5'"},
		{"bind parameter", "SELECT id FROM customer WHERE id = ?", "unexpected character '?'"},
		{"named bind parameter", "SELECT id FROM customer WHERE id = :id", "unexpected character ':'"},
		{"double equals", "SELECT id FROM customer WHERE id == 1", "expected"},
		{"backtick", "SELECT `id` FROM customer", "unexpected character '`'"},
		{"square brackets", "SELECT [id] FROM customer", "unexpected character '['"},
		{"open string", "SELECT 'abc FROM dual", "not closed"},
		{"open comment", "SELECT 1 FROM dual /* abc", "not closed"},
		{"number into name", "SELECT 1x FROM dual", "runs into a name"},
		{"unknown function", "SELECT SOUNDEX('a') FROM dual", "unknown function 'soundex'"},
		{"unknown builtin", "SELECT BUILTIN.CF(id) FROM customer", "unknown function 'builtin.cf'"},
		{"display value of an expression", "SELECT BUILTIN.DF(id + 1) FROM customer", "takes a column"},
		{"too few arguments", "SELECT NVL(1) FROM dual", "wrong number of arguments"},
		{"divide by zero", "SELECT 1 / 0 FROM dual", "ORA-01476"},
		{"invalid number", "SELECT id FROM customer WHERE id = 'abc'", "ORA-01722"},
		{"invalid date", "SELECT TO_DATE('2026-02-30', 'YYYY-MM-DD') FROM dual", "ORA-01847"},
		{"date mismatch", "SELECT id FROM transaction WHERE trandate > '2024-01-01'", "ORA-01861"},
		{"date format", "SELECT TO_CHAR(SYSDATE, 'NONSENSE') FROM dual", "ORA-01821"},
		{"number format", "SELECT TO_CHAR(1, '9x9') FROM dual", "ORA-01481"},
		{"too long", "SELECT LPAD('x', 999999) FROM dual", "too long"},
		{"union of different widths", "SELECT 1 a FROM dual UNION SELECT 1, 2 FROM dual", "both queries must give the same number"},
		{"scalar query of two columns", "SELECT (SELECT 1, 2 FROM dual) FROM dual", "must give one column"},
		{"order by position", "SELECT id FROM currency ORDER BY 2", "columns 1 to 1"},
		{"rownum in or", "SELECT id FROM customer WHERE id = 1 OR ROWNUM < 3", "ROWNUM in WHERE"},
		{"top and fetch", "SELECT TOP 2 id FROM customer FETCH FIRST 1 ROWS ONLY", "TOP and FETCH"},
		{"recursive query", "WITH r AS (SELECT 1 n FROM dual UNION ALL SELECT n + 1 FROM r) SELECT n FROM r", "Record 'r' was not found"},
		{"outer join of Oracle 8", "SELECT a.id FROM customer a, item b WHERE a.id = b.id(+)", "Invalid or unsupported search"},
		{"deep", "SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " FROM dual", "nests deeper"},
		{"deep nots", "SELECT 1 a FROM dual WHERE " + strings.Repeat("NOT ", 5000) + "1 = 1", "nests deeper"},
		{"deep signs", "SELECT " + strings.Repeat("- ", 5000) + "1 FROM dual", "nests deeper"},
		{"long chain", "SELECT " + strings.Repeat("1 + ", 5000) + "1 FROM dual", "in a row"},
		{"long list", "SELECT 1 a FROM dual WHERE 1 IN (1" + strings.Repeat(", 1", 1000) + ")", "1000"},
		{"wide", "SELECT 1" + strings.Repeat(", 1", 200) + " FROM dual", "more than 100 columns"},
		{"window without a start", "SELECT SUM(id) OVER (ORDER BY id ROWS UNBOUNDED FOLLOWING) n FROM role", "cannot start at"},
		{"window backwards", "SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) n FROM role", "cannot reach"},
		{"words only", "please show me all customers", "must start with SELECT or WITH"},
		{"NUL", "SELECT 1 a FROM dual\x00", "NUL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := suiteQL(t, c, caller(RoleAdministrator), tt.q)
			if a.status != http.StatusBadRequest {
				t.Fatalf("status %d %.300s", a.status, a.body)
			}
			code, detail, _ := a.problem(t)
			if code != "INVALID_PARAMETER" || !strings.HasPrefix(detail, "Invalid search query") || !strings.Contains(detail, tt.says) {
				t.Errorf("%s %s\nwant %q in it", code, detail, tt.says)
			}
		})
	}
}

// TestHostileStatements tries to reach the database behind the dialect.
func TestHostileStatements(t *testing.T) {
	t.Parallel()
	c := open(t)
	for _, q := range []string{
		"DELETE FROM customer",
		"UPDATE employee SET rolesforsearch = '3'",
		"INSERT INTO role (id) VALUES (9)",
		"DROP TABLE customer",
		"PRAGMA query_only = 0",
		"ATTACH DATABASE '/tmp/x' AS x",
		"VACUUM INTO '/tmp/x'",
		"BEGIN",
		"EXPLAIN SELECT 1 FROM dual",
		"VALUES (1)",
		"SELECT 1 a FROM dual; DELETE FROM customer",
		"SELECT 1 a FROM dual;",
		"SELECT 1 a FROM dual -- x\n; DELETE FROM customer",
		"SELECT 1 a FROM dual /* */ ; /* */ DROP TABLE customer",
		"WITH x AS (DELETE FROM customer RETURNING id) SELECT id FROM x",
		"SELECT * FROM sqlite_master",
		"SELECT * FROM sqlite_schema",
		`SELECT * FROM "sqlite_master"`,
		"SELECT * FROM main.sqlite_master",
		"SELECT name FROM (SELECT * FROM sqlite_temp_master)",
		"SELECT * FROM sqlite_sequence",
		"SELECT * FROM pragma_table_info('role')",
		"SELECT * FROM json_each('[1]')",
		"SELECT * FROM generate_series(1, 10)",
		"SELECT load_extension('x') FROM dual",
		"SELECT readfile('/etc/passwd') FROM dual",
		"SELECT sqlite_version() FROM dual",
		"SELECT randomblob(1000000000) FROM dual",
		"SELECT zeroblob(1000000000) FROM dual",
		"SELECT printf('%1000000000d', 1) FROM dual",
		"SELECT json_group_array(id) FROM customer",
		"SELECT oracle_concat('a', 'b') FROM dual",
		`SELECT "load_extension"('x') FROM dual`,
		`SELECT 1 AS "x"" FROM sqlite_master --" FROM dual UNION SELECT sql FROM sqlite_master`,
		`SELECT id FROM customer c WHERE c."id"" OR 1=1 --" = 1`,
		"SELECT x'53514c' FROM dual",
		"SELECT 1 INTO x FROM dual",
		"SELECT 1 a FROM dual FOR UPDATE",
		"SELECT CASE WHEN 1 = 1 THEN (DELETE FROM customer) END FROM dual",
		"SELECT id FROM customer INDEXED BY x",
		"SELECT id FROM customer NOT INDEXED",
		"SELECT id COLLATE nocase FROM customer",
		"SELECT id FROM customer WHERE id MATCH 1",
		"SELECT id FROM customer WHERE entityid GLOB '*'",
		"SELECT id -> 1 FROM customer",
		"SELECT id & 1 FROM customer",
	} {
		a := suiteQL(t, c, caller(RoleAdministrator), q)
		if a.status != http.StatusBadRequest {
			t.Errorf("%s\nanswers %d %.300s", q, a.status, a.body)
			continue
		}
		if code, _, _ := a.problem(t); code != "INVALID_PARAMETER" {
			t.Errorf("%s: code %s", q, code)
		}
	}
	if n := rowsOf(t, c, "SELECT COUNT(*) n FROM customer")[0]["n"]; n != "40" {
		t.Errorf("%v customers left of 40", n)
	}
}

// TestQuotedNamesStayNames shows that a name with quotes in it can only ever be a name.
func TestQuotedNamesStayNames(t *testing.T) {
	t.Parallel()
	c := open(t)
	rows := rowsOf(t, c, `SELECT 1 AS "x"" FROM sqlite_master --" FROM dual`)
	if len(rows) != 1 || rows[0][`x" from sqlite_master --`] != "1" {
		t.Errorf("rows %v", rows)
	}
}

// TestAuthorizer goes around the translator: the connections themselves refuse.
func TestAuthorizer(t *testing.T) {
	t.Parallel()
	c := open(t)
	for _, sql := range []string{
		"SELECT name FROM sqlite_master", "DELETE FROM customer", "CREATE TEMP TABLE x (y)", "PRAGMA query_only = 0",
		"ATTACH DATABASE ':memory:' AS x", "SELECT randomblob(5)", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n LIMIT 1",
	} {
		if _, err := c.read.ExecContext(t.Context(), sql); err == nil {
			t.Errorf("%s: a reading connection did it", sql)
		}
	}
}

func TestRequestRules(t *testing.T) {
	t.Parallel()
	c := open(t)
	const good = `{"q":"SELECT 1 a FROM dual"}`
	tests := []struct {
		name, method, query, body, prefer string
		status                            int
		code, locator, at                 string
	}{
		{"good", "POST", "", good, "transient", 200, "", "", ""},
		{"preferences together", "POST", "", good, "Transient, wait=5", 200, "", "", ""},
		{"get", "GET", "", "", "transient", 405, "METHOD_NOT_ALLOWED", "", ""},
		{"put", "PUT", "", good, "transient", 405, "METHOD_NOT_ALLOWED", "", ""},
		{"no prefer", "POST", "", good, "", 400, "INVALID_HEADER", "o:errorHeader", "Prefer"},
		{"other prefer", "POST", "", good, "transients", 400, "INVALID_HEADER", "o:errorHeader", "Prefer"},
		{"limit 1000", "POST", "limit=1000", good, "transient", 200, "", "", ""},
		{"limit 1001", "POST", "limit=1001", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"limit 0", "POST", "limit=0", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"limit words", "POST", "limit=ten", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"limit empty", "POST", "limit=", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"limit twice", "POST", "limit=5&limit=6", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"limit overflow", "POST", "limit=99999999999999999999", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"offset negative", "POST", "offset=-1", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "offset"},
		{"offset not a multiple", "POST", "limit=10&offset=15", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "offset"},
		{"offset beyond the rows", "POST", "offset=100000", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "offset"},
		{"offset beyond the pages", "POST", "limit=5&offset=5000", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "offset"},
		{"last offset", "POST", "offset=99000", good, "transient", 200, "", "", ""},
		{"unknown parameter", "POST", "page=1", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "page"},
		{"broken query", "POST", "limit=%zz", good, "transient", 400, "INVALID_PARAMETER", "o:errorQueryParam", "limit"},
		{"no body", "POST", "", "", "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"no statement", "POST", "", "{}", "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"empty statement", "POST", "", `{"q":"  "}`, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"null statement", "POST", "", `{"q":null}`, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"number", "POST", "", `{"q":7}`, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"array", "POST", "", `[` + good + `]`, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"bind parameters", "POST", "", `{"q":"SELECT 1 a FROM dual","params":[1]}`, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"form", "POST", "", "q=SELECT", "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"two objects", "POST", "", good + good, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
		{"huge", "POST", "", `{"q":"` + strings.Repeat("x", maxStatement) + `"}`, "transient", 400, "INVALID_CONTENT", "o:errorPath", "q"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := send(t, c, caller(RoleAdministrator), tt.method, suiteQLPath+"?"+tt.query, tt.body, "Prefer", tt.prefer)
			if a.status != tt.status {
				t.Fatalf("status %d, want %d: %.300s", a.status, tt.status, a.body)
			}
			if tt.code == "" {
				return
			}
			code, _, locator := a.problem(t)
			if code != tt.code || locator[tt.locator] != tt.at {
				t.Errorf("code %s locator %v, want %s %s %s", code, locator, tt.code, tt.locator, tt.at)
			}
		})
	}
}

// TestPagesGiveEveryRowOnce walks along the next links.
func TestPagesGiveEveryRowOnce(t *testing.T) {
	t.Parallel()
	c := open(t)
	seen := map[string]int{}
	next := testBase + suiteQLPath + "?limit=20&offset=0"
	for pages := 0; next != ""; pages++ {
		if pages > 10 {
			t.Fatal("the links never end")
		}
		_, rawQuery, _ := strings.Cut(next, "?")
		a := suiteQLPage(t, c, caller(RoleAdministrator), "SELECT id FROM transaction ORDER BY id", rawQuery)
		for _, row := range itemsOf(t, a) {
			seen[row["id"].(string)]++
		}
		v := a.decode(t)
		if v["totalResults"] != 90.0 || v["offset"] != float64(20*pages) || v["hasMore"] != (pages < 4) {
			t.Errorf("page %d: total %v offset %v hasMore %v", pages, v["totalResults"], v["offset"], v["hasMore"])
		}
		if got, want := rels(v), [][]string{{"next", "last", "self"}, {"previous", "first", "next", "last", "self"}}[min(pages, 1)]; pages < 4 && !slices.Equal(got, want) {
			t.Errorf("page %d has links %v, want %v", pages, got, want)
		} else if pages == 4 && !slices.Equal(got, []string{"previous", "first", "self"}) {
			t.Errorf("last page has links %v", got)
		}
		next = href(v, "next")
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("row %s came %d times", id, n)
		}
	}
	if len(seen) != 90 {
		t.Errorf("%d rows of 90", len(seen))
	}
}

func rels(answer map[string]any) []string {
	var names []string
	for _, l := range answer["links"].([]any) {
		names = append(names, l.(map[string]any)["rel"].(string))
	}
	return names
}

func href(answer map[string]any, rel string) string {
	for _, l := range answer["links"].([]any) {
		if l := l.(map[string]any); l["rel"] == rel {
			return l["href"].(string)
		}
	}
	return ""
}

func TestSinglePageAnswer(t *testing.T) {
	t.Parallel()
	c := open(t)
	a := suiteQL(t, c, caller(RoleAdministrator), "SELECT id, name FROM currency ORDER BY id FETCH FIRST 1 ROWS ONLY")
	want := `{"links":[{"rel":"self","href":"` + testBase + suiteQLPath + `"}],"count":1,"hasMore":false,` +
		`"items":[{"links":[],"id":"1","name":"US Dollar"}],"offset":0,"totalResults":1}` + "\n"
	if a.body != want {
		t.Errorf("got  %swant %s", a.body, want)
	}
}

func TestPagesOfALimitedStatement(t *testing.T) {
	t.Parallel()
	c := open(t)
	const statement = "SELECT id FROM customer ORDER BY id OFFSET 5 ROWS FETCH NEXT 12 ROWS ONLY"
	var got []string
	for _, rawQuery := range []string{"limit=10", "limit=10&offset=10", "limit=10&offset=20"} {
		a := suiteQLPage(t, c, caller(RoleAdministrator), statement, rawQuery)
		if total := a.decode(t)["totalResults"]; total != 12.0 {
			t.Errorf("%s: total %v", rawQuery, total)
		}
		for _, row := range itemsOf(t, a) {
			got = append(got, row["id"].(string))
		}
	}
	if len(got) != 12 || got[0] != "1006" || got[11] != "1017" {
		t.Errorf("rows %v", got)
	}
}

func TestQueryPermissions(t *testing.T) {
	t.Parallel()
	c := open(t)
	tests := []struct {
		name   string
		who    Caller
		q      string
		status int
		code   string
	}{
		{"administrator reads scripts", caller(3), "SELECT id FROM script", 200, ""},
		{"sales reads customers", caller(6), "SELECT id FROM customer", 200, ""},
		{"sales reads roles", caller(6), "SELECT r.id FROM role r JOIN rolepermissions p ON p.role = r.id", 200, ""},
		{"sales reads record types", caller(6), "SELECT internalid FROM customrecordtype", 200, ""},
		{"sales cannot see scripts", caller(6), "SELECT id FROM script", 400, "INVALID_PARAMETER"},
		{"sales cannot see deployments", caller(6), "SELECT id FROM scriptdeployment", 400, "INVALID_PARAMETER"},
		{"sales cannot see employees", caller(6), "SELECT id FROM employee", 400, "INVALID_PARAMETER"},
		{"not in a subquery", caller(6), "SELECT id FROM customer WHERE salesrep IN (SELECT id FROM employee)", 400, "INVALID_PARAMETER"},
		{"not in a join", caller(6), "SELECT c.id FROM customer c LEFT JOIN vendor v ON v.id = c.id", 400, "INVALID_PARAMETER"},
		{"not in a common table expression", caller(6), "WITH v AS (SELECT id FROM vendor) SELECT id FROM v", 400, "INVALID_PARAMETER"},
		{"a common table expression may take the name", caller(6), "WITH vendor AS (SELECT id FROM item) SELECT id FROM vendor", 200, ""},
		{"no Workbook", caller(1001), "SELECT 1 a FROM dual", 403, "INSUFFICIENT_PERMISSION"},
		{"no REST", caller(1002), "SELECT 1 a FROM dual", 400, "USER_ERROR"},
		{"no such role", caller(4711), "SELECT 1 a FROM dual", 400, "USER_ERROR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := suiteQL(t, c, tt.who, tt.q)
			if a.status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.status, tt.status, a.body)
			}
			if tt.code != "" {
				if code, _, _ := a.problem(t); code != tt.code {
					t.Errorf("code %s, want %s", code, tt.code)
				}
			}
		})
	}
}

func TestHiddenAndUnknownTablesLookAlike(t *testing.T) {
	t.Parallel()
	c := open(t)
	_, hidden, _ := suiteQL(t, c, caller(6), "SELECT id FROM script").problem(t)
	_, unknown, _ := suiteQL(t, c, caller(6), "SELECT id FROM scribt").problem(t)
	if strings.ReplaceAll(unknown, "scribt", "script") != hidden {
		t.Errorf("hidden:  %s\nunknown: %s", hidden, unknown)
	}
}

func TestHiddenTablesEmpty(t *testing.T) {
	t.Parallel()
	c := open(t, choosing(Choices{HiddenTablesEmpty: true}))
	a := suiteQL(t, c, caller(6), "SELECT c.id, s.id FROM customer c LEFT JOIN script s ON s.id > 0 WHERE c.id = 1001")
	if a.status != http.StatusOK || fmt.Sprint(itemsOf(t, a)) != "[map[id:1001]]" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := suiteQL(t, c, caller(6), "SELECT id FROM nowhere"); a.status != http.StatusBadRequest {
		t.Errorf("an unknown table answers %d", a.status)
	}
}

// TestRunawayStatementsEnd covers work in the first row and in a later one.
func TestRunawayStatementsEnd(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]string{
		"product":    "SELECT COUNT(*) n FROM transactionline a, transactionline b, transactionline c, transactionline d",
		"later rows": "SELECT CASE WHEN x.id > 1 THEN (SELECT COUNT(*) FROM transactionline a, transactionline b, transactionline c, transactionline d WHERE a.id <> x.id) END n FROM currency x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, func(cfg *Config) { cfg.QueryTimeout = 50 * time.Millisecond })
			a := suiteQL(t, c, caller(RoleAdministrator), q)
			if code, _, _ := a.problem(t); a.status != http.StatusInternalServerError || code != "UNEXPECTED_ERROR" {
				t.Errorf("%d %s", a.status, a.body)
			}
			if n := len(rowsOf(t, c, "SELECT id FROM currency")); n != 3 {
				t.Errorf("afterwards %d currencies", n)
			}
			must(t, c.AssignRole(12, 6))
		})
	}
}

// FuzzTranslate: whatever comes in, no panic, and what is let through is a SELECT that SQLite's authorizer
// would let through as well.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{
		"SELECT 1 FROM dual", "WITH a AS (SELECT id FROM role) SELECT * FROM a WHERE ROWNUM < 3 ORDER BY 1",
		"SELECT BUILTIN.DF(status), COUNT(*) FROM transaction GROUP BY BUILTIN.DF(status)", "SELECT 'a''b' || \"c\"\"d\" FROM dual -- x",
		"SELECT TO_CHAR(SYSDATE, 'FMDay \"x\" YYYY') FROM dual; DROP TABLE role", "DELETE FROM role", "(((", "SELECT * FROM sqlite_master",
		"SELECT a.id FROM customer a LEFT JOIN (item b CROSS JOIN dual) ON a.id = b.id UNION SELECT 1 FROM dual", "SELECT 1e999, .5, 0x10 FROM dual",
		"SELECT SUM(id) OVER (PARTITION BY name ORDER BY id ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING) FROM role", "/*", "'", "\"",
	} {
		f.Add(seed)
	}
	c := open(f, func(cfg *Config) { cfg.QueryTimeout = 100 * time.Millisecond })
	before := fmt.Sprint(c.Roles(), c.Employees())
	f.Fuzz(func(t *testing.T, statement string) {
		tr := &translator{now: 20000, lookup: func(name string) (*table, bool) { return c.tables[name], true }}
		got, err := tr.translate(statement)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a reason")
			}
			return
		}
		if !strings.HasPrefix(got.sql, "SELECT ") && !strings.HasPrefix(got.sql, "WITH ") {
			t.Errorf("%q became %q", statement, got.sql)
		}
		a := suiteQL(t, c, caller(RoleAdministrator), statement)
		if strings.Contains(a.body, "not authorized") || strings.Contains(a.body, "syntax error") {
			t.Errorf("%q became %q: %s", statement, got.sql, a.body)
		}
		if after := fmt.Sprint(c.Roles(), c.Employees()); after != before {
			t.Errorf("%q changed the company", statement)
		}
	})
}
