package netsuite

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// rowOf is the last row of a page of these items.
func rowOf(t *testing.T, items string) Row {
	t.Helper()
	rows := mustScan(t, pageOf("["+items+"]")).Rows
	return rows[len(rows)-1]
}

func TestRowAccess(t *testing.T) {
	row := rowOf(t, `{"other":"x"},{"id":"-5","name":"O'Neil","empty":"","none":null,"flag":"T","raw":false,"rate":"1.5"}`)
	for name, want := range map[string]string{"id": "-5", "NAME": "O'Neil", "empty": "", "none": "", "other": "", "nowhere": ""} {
		if got := row.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]bool{"id": true, "Name": true, "empty": true, "none": false, "other": false, "nowhere": false} {
		if _, got := row.Lookup(name); got != want {
			t.Errorf("%s is there: %v, want %v", name, got, want)
		}
	}
	if n, err := row.Int("id"); n != -5 || err != nil {
		t.Errorf("Int = %d, %v", n, err)
	}
	if f, err := row.Float("rate"); f != 1.5 || err != nil {
		t.Errorf("Float = %v, %v", f, err)
	}
	if b, err := row.Bool("flag"); !b || err != nil {
		t.Errorf("Bool = %v, %v", b, err)
	}
	if b, err := row.Bool("raw"); b || err != nil {
		t.Errorf("Bool = %v, %v", b, err)
	}
	for name, get := range map[string]func(string) error{
		"Int": func(c string) error { _, err := row.Int(c); return err }, "Float": func(c string) error { _, err := row.Float(c); return err },
		"Bool": func(c string) error { _, err := row.Bool(c); return err }, "Time": func(c string) error { _, err := row.Time(c, ""); return err },
	} {
		for _, column := range []string{"name", "none", "nowhere", "empty"} {
			if err := get(column); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", column)) {
				t.Errorf("%s of %s: error = %v, want one that names the column", name, column, err)
			}
		}
	}
}

func TestZeroRow(t *testing.T) {
	var row Row
	if _, ok := row.Lookup("id"); ok || row.Columns() != nil || row.String() != "{}" || len(maps.Collect(row.All())) != 0 {
		t.Errorf("zero row = %s", row)
	}
}

func TestRowAsJSON(t *testing.T) {
	row := rowOf(t, `{"id":"1","text":"a\"\\\u0007\n\u2028<ä😀","none":null}`)
	got, err := json.Marshal([]Row{row})
	var back []map[string]string
	if err != nil || json.Unmarshal(got, &back) != nil || !reflect.DeepEqual(back, []map[string]string{{"id": "1", "text": "a\"\\\a\n\u2028<ä😀"}}) {
		t.Errorf("JSON = %s, %v", got, err)
	}
	count := 0
	for range row.All() {
		count++
		break
	}
	if count != 1 {
		t.Errorf("All went on after the loop ended")
	}
}

func TestParseFloatRefuses(t *testing.T) {
	for _, text := range []string{"", "inf", "NaN", "0x1p4", "1_0", "1e999", "1,5", " 1"} {
		if f, err := parseFloat(text); err == nil {
			t.Errorf("%q = %v, want an error", text, f)
		}
	}
}

func TestRowTime(t *testing.T) {
	day := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	clock := day.Add(14*time.Hour + 7*time.Minute)
	for text, want := range map[string]time.Time{
		"2026-03-05": day, "2026-3-5": day, "2026/3/5": day, "2026/03/05": day, "5.3.2026": day, "05.03.2026": day, "5-Mar-2026": day, "5-March-2026": day, "5 March, 2026": day,
		"2026-03-05 14:07": clock, "2026-03-05 14:07:00": clock, "2026/3/5 14:07:00": clock, "2026-03-05T14:07:00": clock, "2026-03-05T14:07:00Z": clock, "2026-03-05T15:07:00+01:00": clock,
	} {
		got, err := rowOf(t, fmt.Sprintf(`{"d":%q}`, text)).Time("d", "")
		if err != nil || !got.Equal(want) {
			t.Errorf("%s = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"3/5/2026", "13/5/2026", "5/13/2026", "2026", "5.3.26", "tomorrow", "2026-02-30", ""} {
		got, err := rowOf(t, fmt.Sprintf(`{"d":%q}`, text)).Time("d", "")
		if err == nil || !strings.Contains(err.Error(), "TO_CHAR") {
			t.Errorf("%s = %s, %v; want an error with the remedy", text, got, err)
		}
	}
	for layout, want := range map[string]time.Time{"1/2/2006": day, "2/1/2006": time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC)} {
		if got, err := rowOf(t, `{"d":"3/5/2026"}`).Time("d", layout); err != nil || !got.Equal(want) {
			t.Errorf("layout %s = %s, %v; want %s", layout, got, err, want)
		}
	}
}

type named string

type audited struct {
	CreatedBy string
}

type invoice struct {
	audited
	ID       int64
	Number   named `suiteql:"TranID"`
	Total    *float64
	Rate     float32
	Lines    uint16
	Posted   bool      `suiteql:"posting"`
	Open     *bool     `suiteql:"isopen"`
	Date     time.Time `suiteql:"trandate,1/2/2006"`
	Due      *time.Time
	Address  netip.Addr
	Memo     *string
	Ignored  string `suiteql:"-"`
	internal string
}

func TestDecode(t *testing.T) {
	row := rowOf(t, `{"createdby":"Ada","id":"12","tranid":"INV-7","total":"10.25","rate":1.5,"lines":"3","posting":"T","isopen":"F","trandate":"3/5/2026","due":"2026-04-01",
		"address":"192.0.2.1","memo":"","ignored":"x","internal":"x","unknown":"x"}`)
	var got invoice
	if err := row.Decode(&got); err != nil {
		t.Fatal(err)
	}
	total, memo, open, due := 10.25, "", false, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	want := invoice{
		audited: audited{"Ada"}, ID: 12, Number: "INV-7", Total: &total, Rate: 1.5, Lines: 3, Posted: true, Open: &open, Due: &due, Memo: &memo,
		Date: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), Address: netip.MustParseAddr("192.0.2.1"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got.Ignored, got.internal = "kept", "kept"
	if err := rowOf(t, `{"id":"5","total":null}`).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (invoice{ID: 5, Ignored: "kept", internal: "kept"}); !reflect.DeepEqual(got, want) {
		t.Errorf("nulls: got %+v, want %+v", got, want)
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		into  any
		value string
		says  string
	}{
		"whole number": {&struct{ V int8 }{}, `"128"`, "8 bits"},
		"fraction":     {&struct{ V int }{}, `"1.5"`, "whole number"},
		"negative":     {&struct{ V uint }{}, `"-1"`, "not negative"},
		"float":        {&struct{ V float32 }{}, `"1e39"`, "number of 32 bits"},
		"infinite":     {&struct{ V float64 }{}, `"Inf"`, "number of 64 bits"},
		"bool":         {&struct{ V bool }{}, `"yes"`, "T or F"},
		"date":         {&struct{ V time.Time }{}, `"3/5/2026"`, "layout"},
		"date by layout": {&struct {
			V time.Time `suiteql:",2.1.2006"`
		}{}, `"3/5/2026"`, "2.1.2006"},
		"text unmarshaler": {&struct{ V netip.Addr }{}, `"nowhere"`, "netip.Addr"},
		"behind a pointer": {&struct{ V *int }{}, `"x"`, "whole number"},
	} {
		err := rowOf(t, `{"v":`+tt.value+`}`).Decode(tt.into)
		if err == nil || !strings.Contains(err.Error(), `column "v"`) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error = %v, want one with %q", name, err, tt.says)
		}
	}
	for name, into := range map[string]any{
		"nil": nil, "value": invoice{}, "nil pointer": (*invoice)(nil), "no struct": new(int), "map": &map[string]string{}, "no fields": &struct{ a int }{}, "row": &Row{},
		"slice": &struct{ V []string }{}, "pointer to pointer": &struct{ V **int }{}, "secret": &struct{ V Secret }{}, "layout without time": &struct {
			V int `suiteql:",2006"`
		}{},
		"embedded pointer": &struct{ *audited }{},
	} {
		if err := rowOf(t, `{"v":"1"}`).Decode(into); err == nil || !strings.HasPrefix(err.Error(), "row decoding: ") {
			t.Errorf("%s: error = %v, want one of row decoding", name, err)
		}
	}
}

// FuzzDecode: whatever a column holds, decoding ends with a value or an error that names the column.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", "T", "12", "-1.5e3", "2026-03-05", "3/5/2026", "192.0.2.1", strings.Repeat("9", 400)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		row := rowOf(t, `{"v":`+string(quoted)+`}`)
		for _, into := range []any{
			&struct{ V int16 }{}, &struct{ V uint64 }{}, &struct{ V float64 }{}, &struct{ V bool }{}, &struct{ V time.Time }{}, &struct{ V netip.Addr }{}, &struct{ V *string }{},
		} {
			if err := row.Decode(into); err != nil && !strings.Contains(err.Error(), `"v"`) {
				t.Errorf("%q into %T: %v", text, into, err)
			}
			if v, ok := into.(*struct{ V float64 }); ok && math.IsInf(v.V, 0) {
				t.Errorf("%q became infinite", text)
			}
		}
	})
}
