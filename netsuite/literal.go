package netsuite

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SuiteQL through REST has no bind parameters: values become part of the statement's text, quoted here.

// QuoteLiteral returns s as a SuiteQL string literal with its quotes. A quote inside s is doubled; nothing else is special.
// Bytes that are not UTF-8 become U+FFFD. Oracle takes the literal of "" as null. Bind quotes all values of a statement.
func QuoteLiteral(s string) string {
	return "'" + strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "'", "''") + "'"
}

const (
	maxListValues = 1000  // of an IN list (ORA-01795)
	numberEnd     = 1e126 // Oracle's NUMBER is below it, and 0 or from numberLeast on
	numberLeast   = 1e-130
)

// Bind returns the query with each ? replaced by the value of an argument, written so that it is a value whatever it
// holds. A ? inside a literal, a quoted name or a comment stays.
//
//	netsuite.Bind("SELECT id FROM customer WHERE companyname = ? AND subsidiary IN (?) AND lastmodifieddate >= ?",
//		name, []int{1, 4}, since)
//
// What a value becomes:
//
//	string              'text', by QuoteLiteral; "" is null to Oracle, so no column equals it
//	integers, floats    12, 1.5, (-3); floats must be finite and within Oracle's NUMBER
//	bool                'T' or 'F'
//	time.Time           TO_DATE('2006-01-02 15:04:05', 'YYYY-MM-DD HH24:MI:SS'), its own clock's reading without zone: bring it
//	                    into the account's zone before. Fractions of a second are dropped
//	slice or array      its values with commas between, for IN (?): 1 to 1000 values, as Oracle takes
//
// Types made of these count as they. Errors are: a number of arguments that is not the number of ?, a value that cannot be
// written (also nil: write IS NULL), an empty slice, a ? that touches a name, a number, a literal or another ?, a literal,
// name or comment without an end, and Oracle's q'...' literals.
func Bind(query string, args ...any) (string, error) {
	var b strings.Builder
	used := 0
	for at := 0; at < len(query); {
		size, err := opaque(query, at)
		switch {
		case err != nil:
			return "", fmt.Errorf("SuiteQL query: %w at byte %d", err, at)
		case size > 0:
			b.WriteString(query[at : at+size])
			at += size
			continue
		case query[at] != '?':
			b.WriteByte(query[at])
			at++
			continue
		case touches(query, at):
			return "", fmt.Errorf("SuiteQL query: the placeholder at byte %d must stand apart from names, numbers, literals and other placeholders; put spaces around it", at)
		}
		if used < len(args) {
			value, err := bound(args[used])
			if err != nil {
				return "", fmt.Errorf("SuiteQL query: argument %d: %w", used+1, err)
			}
			b.WriteString(value)
		}
		used++
		at++
	}
	if used != len(args) {
		return "", fmt.Errorf("SuiteQL query: %d placeholders and %d arguments; their numbers must be the same", used, len(args))
	}
	return b.String(), nil
}

// opaque returns the length of the literal, quoted name or comment that begins at a place of the query, 0 when none does.
func opaque(query string, at int) (size int, err error) {
	rest := query[at:]
	switch {
	case rest[0] == '\'' && at > 0 && (query[at-1] == 'q' || query[at-1] == 'Q'):
		return 0, errors.New("a q'...' literal cannot be read here; write '...' with inner quotes doubled")
	case rest[0] == '\'':
		return closed(rest, 1, "'", "a literal")
	case rest[0] == '"':
		return closed(rest, 1, `"`, "a quoted name")
	case strings.HasPrefix(rest, "/*"):
		return closed(rest, 2, "*/", "a comment")
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return end + 1, nil
		}
		return len(rest), nil
	}
	return 0, nil
}

// closed returns the length up to the end mark. A doubled quote ends one literal and begins the next, which is the same.
func closed(rest string, from int, end, what string) (size int, err error) {
	n := strings.Index(rest[from:], end)
	if n < 0 {
		return 0, fmt.Errorf("%s has no end; close it", what)
	}
	return from + n + len(end), nil
}

// touches reports whether a placeholder's neighbours would run into its value.
func touches(query string, at int) bool {
	return at > 0 && runsOn(query[at-1]) || at+1 < len(query) && runsOn(query[at+1])
}

func runsOn(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= utf8.RuneSelf || strings.IndexByte(`_$#.'"?`, c) >= 0
}

func bound(arg any) (string, error) {
	v := reflect.ValueOf(arg)
	if !v.IsValid() {
		return "", errors.New("nil is not bound; write IS NULL")
	}
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return boundValue(v)
	}
	switch {
	case v.Type().Elem().Kind() == reflect.Uint8:
		return "", fmt.Errorf("type %s is not bound; give bytes as a string", v.Type())
	case v.Len() == 0 || v.Len() > maxListValues:
		return "", fmt.Errorf("a list of %d values cannot be written; Oracle takes 1 to %d, so leave the condition out or split it", v.Len(), maxListValues)
	}
	list := make([]string, v.Len())
	for i := range list {
		value, err := boundValue(v.Index(i))
		if err != nil {
			return "", fmt.Errorf("value %d: %w", i+1, err)
		}
		list[i] = value
	}
	return strings.Join(list, ", "), nil
}

func boundValue(v reflect.Value) (string, error) {
	if v.Type() == timeType {
		return boundTime(v.Interface().(time.Time))
	}
	switch v.Kind() {
	case reflect.String:
		return boundString(v.String())
	case reflect.Bool:
		if v.Bool() {
			return "'T'", nil
		}
		return "'F'", nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return signed(strconv.FormatInt(v.Int(), 10)), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float32, reflect.Float64:
		return boundFloat(v.Float(), v.Type().Bits())
	case reflect.Interface:
		if !v.IsNil() {
			return boundValue(v.Elem())
		}
		return "", errors.New("nil is not bound; write IS NULL")
	}
	return "", fmt.Errorf("type %s is not bound; use string, a number, bool, time.Time or a slice of one of them", v.Type())
}

// boundString refuses what would not arrive as it is.
func boundString(s string) (string, error) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return "", errors.New("the text is not UTF-8 or has a NUL byte; clean it first")
	}
	return QuoteLiteral(s), nil
}

func boundFloat(f float64, bits int) (string, error) {
	size := math.Abs(f)
	if math.IsNaN(f) || size >= numberEnd || size != 0 && size < numberLeast {
		return "", fmt.Errorf("%g is not a number of Oracle's", f)
	}
	return signed(strconv.FormatFloat(f, 'f', -1, bits)), nil
}

// signed keeps a minus from making a comment with another before it.
func signed(number string) string {
	if strings.HasPrefix(number, "-") {
		return "(" + number + ")"
	}
	return number
}

func boundTime(t time.Time) (string, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return "", fmt.Errorf("the year %d cannot be written; it must be from 1 to 9999", t.Year())
	}
	return "TO_DATE('" + t.Format(time.DateTime) + "', 'YYYY-MM-DD HH24:MI:SS')", nil
}
