package netsuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// pageOf wraps items as NetSuite does.
func pageOf(items string) string {
	return `{"links":[{"rel":"self","href":"https://x/"}],"count":1,"hasMore":false,"items":` + items + `,"offset":0,"totalResults":1}`
}

func mustScan(t *testing.T, body string) *Page {
	t.Helper()
	page, _, err := scanPage([]byte(body), maxPageSize)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return page
}

func TestRowsOfAPage(t *testing.T) {
	for name, tt := range map[string]struct{ items, want string }{
		"no rows":                  {`[]`, `[]`},
		"null rows":                {`null`, `[]`},
		"no columns":               {`[{},{"links":[]}]`, `[{} {}]`},
		"text, numbers, booleans":  {`[{"a":"x","b":1.50,"c":-2e3,"d":true,"e":"F"}]`, `[{"a":"x","b":"1.50","c":"-2e3","d":"true","e":"F"}]`},
		"null, empty and left out": {`[{"a":null,"b":""},{"b":null},{}]`, `[{"b":""} {} {}]`},
		"nested":                   {`[{"a":{"x":[1, "]}"]},"b":[ ]}]`, `[{"a":"{\"x\":[1, \"]}\"]}","b":"[ ]"}]`},
		"links of items":           {`[{"links":[{"href":"x"}],"a":"1"},{"a":"2","links":[]}]`, `[{"a":"1"} {"a":"2"}]`},
		"a column called links":    {`[{"links":"x"}]`, `[{"links":"x"}]`},
		"white space":              {" [ { \"a\" :\t\"1\" ,\r\n \"b\" : 2 } , { } ] ", `[{"a":"1","b":"2"} {}]`},
		"escapes":                  {`[{"a":"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00"}]`, `[{"a":"\"\\/\u0008\u000c\n\u000d\u0009ä😀"}]`},
		"half a surrogate pair":    {`[{"a":"\ud83dx\ude00\ud83d\u0041"}]`, "[{\"a\":\"\uFFFDx\uFFFD\uFFFDA\"}]"},
		"escaped name":             {`[{"\u0061b":"1"},{"ab":"2"}]`, `[{"ab":"1"} {"ab":"2"}]`},
		"upper-case names":         {`[{"Ab":"1"},{"aB":"2"},{"Ab":"3"}]`, `[{"ab":"1"} {"ab":"2"} {"ab":"3"}]`},
		"a name twice":             {`[{"a":"1","a":"2"},{"a":"1","a":null}]`, `[{"a":"2"} {}]`},
		"not UTF-8":                {"[{\"a\":\"x\xffy\"}]", "[{\"a\":\"x\uFFFDy\"}]"},
		"long after short":         {`[{"a":"` + strings.Repeat(`\n`, 500) + `"},{"a":"b"}]`, `[{"a":"` + strings.Repeat(`\n`, 500) + `"} {"a":"b"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(mustScan(t, pageOf(tt.items)).Rows); got != tt.want {
				t.Errorf("rows = %s, want %s", got, tt.want)
			}
		})
	}
}

// NetSuite leaves nulls out, so the statement's order shows only in all rows together.
func TestColumnsOfAPage(t *testing.T) {
	for name, tt := range map[string]struct{ items, want string }{
		"none":                     {`[{},{}]`, "[]"},
		"as sent":                  {`[{"c":"1","a":"2","b":"3"}]`, "[c a b]"},
		"left out in the middle":   {`[{"a":"1","c":"1"},{"a":"1","b":"2","c":"3"}]`, "[a b c]"},
		"left out at the front":    {`[{"b":"1"},{"a":"1","b":"2"}]`, "[a b]"},
		"left out at the end":      {`[{"a":"1"},{"a":"1","b":"2"}]`, "[a b]"},
		"sent as null":             {`[{"a":null}]`, "[a]"},
		"never together":           {`[{"a":"1"},{"b":"1"},{"a":"1","b":"1"}]`, "[b a]"},
		"several, one by one":      {`[{"a":"1","e":"1"},{"a":"1","c":"1","e":"1"},{"a":"1","b":"1"},{"c":"1","d":"1","e":"1"}]`, "[a b c d e]"},
		"items twice, last counts": {`[{"a":"1"}],"items":[{"a":"2"}]`, "[a]"},
	} {
		t.Run(name, func(t *testing.T) {
			page := mustScan(t, pageOf(tt.items))
			for _, row := range page.Rows {
				if got := fmt.Sprint(row.Columns()); got != tt.want {
					t.Errorf("columns = %s, want %s", got, tt.want)
				}
			}
		})
	}
}

func TestPageInAnyOrderAndForm(t *testing.T) {
	page := mustScan(t, ` { "more":{"a":[1]}, "items":[{"a":"1"},{"a":"2"}] ,"hasMore":"true","totalResults":"12","offset":10,"links":null,"count":2 } `)
	if !page.HasMore || page.Total != 12 || page.Offset != 10 || page.Count != 2 || fmt.Sprint(page.Rows) != `[{"a":"1"} {"a":"2"}]` {
		t.Errorf("page = %+v", page)
	}
	if page.Rows[0].String() != `{"a":"1"}` {
		t.Errorf("row = %s", page.Rows[0])
	}
}

func TestPageUnmarshalsItself(t *testing.T) {
	body := []byte(`{"kept":` + pageOf(`[{"links":[],"a":"\u0041"},{"a":"2"}]`) + `}`)
	before := string(body)
	var file struct{ Kept Page }
	if err := json.Unmarshal(body, &file); err != nil || fmt.Sprint(file.Kept.Rows) != `[{"a":"A"} {"a":"2"}]` || file.Kept.Total != 1 {
		t.Errorf("page = %+v, %v", file.Kept, err)
	}
	if string(body) != before {
		t.Errorf("the bytes were changed to %s", body)
	}
	if err := json.Unmarshal([]byte(`{"kept":{}}`), &file); err == nil {
		t.Error("an empty object was taken for a page")
	}
}

func TestWhatIsNoPage(t *testing.T) {
	manyColumns := new(strings.Builder)
	for i := range maxColumns + 1 {
		fmt.Fprintf(manyColumns, `,"c%d":"1"`, i)
	}
	for name, body := range map[string]string{
		"empty": "", "text": "x", "array": "[]", "no hasMore": `{"items":[]}`, "two objects": pageOf("[]") + "{}", "open": `{"hasMore":false`,
		"hasMore null": `{"hasMore":null}`, "count": `{"hasMore":false,"count":"x"}`, "huge count": `{"hasMore":false,"count":92233720368547758070}`,
		"items object": pageOf(`{}`), "items text": pageOf(`"x"`), "item null": pageOf(`[null]`), "item number": pageOf(`[1]`), "item array": pageOf(`[[]]`),
		"comma at the end": pageOf(`[{"a":"1"},]`), "comma in the row": pageOf(`[{"a":"1",}]`), "no comma": pageOf(`[{"a":"1"}{"a":"2"}]`),
		"no colon": pageOf(`[{"a" "1"}]`), "no value": pageOf(`[{"a":}]`), "two values": pageOf(`[{"a":1 2}]`), "no name": pageOf(`[{1:"a"}]`),
		"bad number": pageOf(`[{"a":01}]`), "bad word": pageOf(`[{"a":nul}]`), "bad escape": pageOf(`[{"a":"\x"}]`), "bad hex": pageOf(`[{"a":"\u12g4"}]`),
		"short hex": pageOf(`[{"a":"\u12"}]`), "bad escape in a name": pageOf(`[{"\q":"1"}]`), "control": pageOf("[{\"a\":\"\x01\"}]"), "escaped control": pageOf("[{\"a\":\"\\\n\"}]"),
		"bad nested": pageOf(`[{"a":{"b":}}]`), "crossed": pageOf(`[{"a":{"b":[}]}]`), "deep": pageOf(`[{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}]`),
		"more rows than asked for": pageOf("[{}" + strings.Repeat(",{}", maxPageSize) + "]"),
		"more columns than Oracle": pageOf(`[{"a":"1"` + manyColumns.String() + `}]`),
	} {
		if page, _, err := scanPage([]byte(body), maxPageSize); err == nil {
			t.Errorf("%s: page = %+v, want an error", name, page)
		}
	}
}

// A page costs some few allocations, whatever it holds.
func TestAllocationsOfAPage(t *testing.T) {
	var items []string
	for i := range maxPageSize {
		items = append(items, fmt.Sprintf(`{"links":[],"id":"%d","companyname":"O\u2019Neil %d","email":"office@customer%d.example"}`, i, i, i))
	}
	body := []byte(pageOf("[" + strings.Join(items, ",") + "]"))
	scratch := make([]byte, len(body))
	allocations := testing.AllocsPerRun(10, func() {
		copy(scratch, body)
		if _, _, err := scanPage(scratch, maxPageSize); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 100 {
		t.Errorf("%v allocations for %d rows, want less than one in ten rows", allocations, maxPageSize)
	}
}

// FuzzScanPage holds the scanner against encoding/json: both read the same rows, or both refuse.
func FuzzScanPage(f *testing.F) {
	for _, items := range []string{
		`[]`, `null`, `[{"links":[],"id":"1","name":"O'Neil","rate":1.50,"empty":null,"on":"T","flag":true,"obj":{"a":[1]}},{"links":[],"id":"2"}]`,
		`[{"a":"\ud83d\ude00\u00e4\n","B":-1e5},{"b":"","links":"x"}]`, `[{"a":"1","a":"2"}],"items":[{"c":[]}]`, "[{\"a\":\"\xff\"}]", `[{"a":[}]`,
	} {
		f.Add([]byte(pageOf(items)))
	}
	f.Add([]byte(`{"hasMore":"T","count":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		want, wanted := oraclePage(body)
		given := string(body)
		page, _, err := scanPage(body, maxPageSize)
		if wanted != (err == nil) {
			t.Fatalf("%q: error %v, encoding/json accepts: %v", given, err, wanted)
		}
		if err != nil {
			return
		}
		if page.HasMore != want.hasMore || page.Total != int(want.total) || len(page.Rows) != len(want.rows) {
			t.Fatalf("%q: page = %+v, want %+v", given, page, want)
		}
		for i, row := range page.Rows {
			if got := maps.Collect(row.All()); !maps.Equal(got, want.rows[i]) {
				t.Fatalf("%q: row %d = %v, want %v", given, i, got, want.rows[i])
			}
			var again map[string]string
			if err := json.Unmarshal([]byte(row.String()), &again); err != nil || !maps.Equal(again, want.rows[i]) {
				t.Fatalf("%q: row %d prints as %s (%v)", given, i, row, err)
			}
			for _, name := range row.Columns() {
				if got, ok := row.Lookup(name); got != want.rows[i][name] || ok != hasKey(want.rows[i], name) {
					t.Fatalf("%q: row %d column %q = %q, %v", given, i, name, got, ok)
				}
			}
		}
	})
}

func hasKey(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}

type readPage struct {
	rows    []map[string]string
	total   wireInt
	hasMore bool
}

var errOracle = errors.New("not a page")

// oraclePage reads a page by encoding/json alone.
func oraclePage(body []byte) (readPage, bool) {
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	var p readPage
	var more *lenientBool
	var links []link
	var count, offset wireInt
	err := eachMember(body, func(name string, raw json.RawMessage) error {
		switch name {
		case "items":
			return p.readItems(raw)
		case "links":
			return json.Unmarshal(raw, &links)
		case "count":
			return json.Unmarshal(raw, &count)
		case "offset":
			return json.Unmarshal(raw, &offset)
		case "totalResults":
			return json.Unmarshal(raw, &p.total)
		case "hasMore":
			return json.Unmarshal(raw, &more)
		}
		return nil
	})
	if err != nil || more == nil {
		return p, false
	}
	p.hasMore = bool(*more)
	return p, true
}

func (p *readPage) readItems(raw json.RawMessage) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || len(items) > maxPageSize {
		return errOracle
	}
	p.rows = nil
	columns := map[string]bool{}
	for _, item := range items {
		row := map[string]string{}
		err := eachMember(item, func(name string, raw json.RawMessage) error {
			if name == "links" && raw[0] == '[' {
				return nil
			}
			name = strings.ToLower(name)
			columns[name] = true
			delete(row, name)
			var text string
			switch {
			case string(raw) == "null":
			case json.Unmarshal(raw, &text) == nil:
				row[name] = text
			default:
				row[name] = string(raw)
			}
			return nil
		})
		if err != nil || len(columns) > maxColumns {
			return errOracle
		}
		p.rows = append(p.rows, row)
	}
	return nil
}

// eachMember calls read for the members of an object, in their order and also when a name comes twice.
func eachMember(object []byte, read func(name string, raw json.RawMessage) error) error {
	if !json.Valid(object) {
		return errOracle
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return errOracle
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if err := read(name.(string), raw); err != nil {
			return err
		}
	}
	return nil
}

// The oracle itself must tell pages from other things, or the fuzz test would prove nothing.
func TestOracleOfTheFuzzTest(t *testing.T) {
	got, ok := oraclePage([]byte(pageOf(`[{"links":[],"Id":1,"n":null},{"a":"x"}]`)))
	if want := []map[string]string{{"id": "1"}, {"a": "x"}}; !ok || !reflect.DeepEqual(got.rows, want) {
		t.Errorf("rows = %v, %v; want %v", got.rows, ok, want)
	}
	if slices.ContainsFunc([]string{"", "{}", "[]", pageOf("[1]"), pageOf("[null]")}, func(body string) bool { _, ok := oraclePage([]byte(body)); return ok }) {
		t.Error("the oracle accepts what is no page")
	}
}
