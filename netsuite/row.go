package netsuite

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// Row is one row of a SuiteQL answer: columns with lower-case names, and values as text, as NetSuite sends even numbers;
// booleans are "T" and "F". A nested value is its JSON. A null is told apart from "", though Oracle itself makes "" null.
//
// The rows of a page share one text that holds their values; who keeps single values of a long stream for long should keep
// strings.Clone of them. The zero value is a row without columns.
type Row struct {
	columns *columns // shared by the rows of a page
	text    string   // the values of all rows of the page
	values  []value  // by slot; what lies beyond the end is null
}

// value is a stretch of a page's text. The zero value is null.
type value struct {
	start uint32
	size  uint32 // the length plus one
}

// columns are those of a page: NetSuite leaves out of a row what is null there, so that only all rows together show them.
type columns struct {
	names []string       // in the order of the answer
	order []int          // for each of names its slot, which is its place in Row.values
	slots map[string]int // by name
}

// Columns returns the names of the columns of the row's page, in NetSuite's order as far as the rows show it. A column
// that is null in all rows of the page is not among them, because NetSuite does not send it. The slice is shared: do not
// change it.
func (r Row) Columns() []string {
	if r.columns == nil {
		return nil
	}
	return r.columns.names
}

// Lookup returns the value of a column, and whether it is there and not null. The name's case does not matter.
func (r Row) Lookup(name string) (string, bool) { return r.at(r.slot(name)) }

// Get returns the value of a column, "" when it is null or not there.
func (r Row) Get(name string) string {
	text, _ := r.Lookup(name)
	return text
}

// All yields the columns that are not null, with their values, in the order of Columns.
func (r Row) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i, name := range r.Columns() {
			if text, ok := r.at(r.columns.order[i]); ok && !yield(name, text) {
				return
			}
		}
	}
}

// slot finds a column of the page, -1 when it has none of that name.
func (r Row) slot(name string) int {
	if r.columns == nil {
		return -1
	}
	slot, known := r.columns.slots[name]
	if !known {
		slot, known = r.columns.slots[strings.ToLower(name)]
	}
	if !known {
		return -1
	}
	return slot
}

// at returns the value in a slot, and whether it is not null.
func (r Row) at(slot int) (string, bool) {
	if slot < 0 || slot >= len(r.values) || r.values[slot].size == 0 {
		return "", false
	}
	v := r.values[slot]
	return r.text[v.start : v.start+v.size-1], true
}

// Int returns a column as a whole number. A null and anything else are errors.
func (r Row) Int(name string) (int64, error) {
	return parsed(r, name, "a whole number of 64 bits", func(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) })
}

// Float returns a column as a number. A null, infinities and anything else are errors. An amount of money is better kept
// as the text that Get returns.
func (r Row) Float(name string) (float64, error) { return parsed(r, name, "a number", parseFloat) }

// Bool returns a column that is "T" or "F", as SuiteQL shows check boxes, or true or false. A null and anything else are
// errors.
func (r Row) Bool(name string) (bool, error) { return parsed(r, name, "T or F", parseBool) }

// Time returns a column as a time. layout is as in time.Parse; a text without a zone is UTC. With layout "" the forms are
// taken that can be read in one way only:
//
//	2006-01-02, 2006/1/2                      alone, or followed by 15:04 or 15:04:05
//	2006-01-02T15:04:05, with or without zone (RFC 3339)
//	2.1.2006, 2-Jan-2006, 2-January-2006, 2 January, 2006
//
// Through REST a date comes in the form that the user behind the token prefers, in the United States mostly 1/2/2006,
// which elsewhere is 2/1/2006: for these name the layout, or better select TO_CHAR(column, 'YYYY-MM-DD HH24:MI:SS'),
// which also keeps the time of day. A null and anything else are errors.
func (r Row) Time(name, layout string) (time.Time, error) {
	return parsed(r, name, wantTime(layout), func(text string) (time.Time, error) { return parseTime(text, layout) })
}

func parsed[T any](r Row, name, want string, parse func(string) (T, error)) (T, error) {
	var zero T
	text, ok := r.Lookup(name)
	if !ok {
		return zero, fmt.Errorf("column %q is null or not selected, want %s", name, want)
	}
	v, err := parse(text)
	if err != nil {
		return zero, fmt.Errorf("column %q: %.40q is not %s", name, text, want)
	}
	return v, nil
}

// String returns the row as a JSON object, for people to look at.
func (r Row) String() string { return string(r.appendJSON(nil)) }

// MarshalJSON returns an object of the columns that are not null, in the order of Columns. All values are strings.
func (r Row) MarshalJSON() ([]byte, error) { return r.appendJSON(nil), nil }
