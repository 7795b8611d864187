package company

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"modernc.org/sqlite"
)

// This file holds the functions of the dialect that SQLite lacks or does otherwise than Oracle.

// engineFunctions are all functions that a statement sent to SQLite can hold; see authorize.
var engineFunctions = allEngineFunctions()

func allEngineFunctions() map[string]bool {
	// The first two make the rows of the answer, see suiteql.go; the others come from operators, functions that
	// are built of others, and this package's own statements.
	names := map[string]bool{"json_array": true, "json_group_array": true, "like": true, "lower": true, "coalesce": true, "nullif": true}
	for _, f := range functions {
		if f.engine != "" {
			names[f.engine] = true
		}
	}
	for name := range scalars {
		names[name] = true
	}
	return names
}

// scalars by their name in SQLite. Each gets at least one argument, none of them NULL except where noted.
var scalars = map[string]func(args []driver.Value) (driver.Value, error){
	"oracle_concat":         concat,  // takes NULL
	"oracle_replace":        replace, // takes NULL
	"oracle_lower":          func(a []driver.Value) (driver.Value, error) { return strings.ToLower(asText(a[0])), nil },
	"oracle_upper":          func(a []driver.Value) (driver.Value, error) { return strings.ToUpper(asText(a[0])), nil },
	"oracle_substr":         substr,
	"oracle_instr":          instr,
	"oracle_lpad":           func(a []driver.Value) (driver.Value, error) { return pad(a, true) },
	"oracle_rpad":           func(a []driver.Value) (driver.Value, error) { return pad(a, false) },
	"oracle_initcap":        initcap,
	"oracle_divide":         divide,
	"oracle_mod":            mod,
	"oracle_round":          func(a []driver.Value) (driver.Value, error) { return digits(a, math.Round) },
	"oracle_trunc":          func(a []driver.Value) (driver.Value, error) { return digits(a, math.Trunc) },
	"oracle_round_date":     roundDate,
	"oracle_trunc_date":     truncDate,
	"oracle_to_number":      toNumber,
	"oracle_to_date":        func(a []driver.Value) (driver.Value, error) { return parseDate(asText(a[0]), asText(a[1])) },
	"oracle_date_to_char":   func(a []driver.Value) (driver.Value, error) { return formatDate(asTime(a[0]), asText(a[1])) },
	"oracle_number_to_char": numberToChar,
	"oracle_extract":        extractField,
	"oracle_add_months":     addMonths,
	"oracle_months_between": monthsBetween,
	"oracle_last_day":       lastDay,
}

var takesNull = map[string]bool{"oracle_concat": true, "oracle_replace": true}

func registerFunctions(d *sqlite.Driver) {
	for name, f := range scalars {
		d.MustRegisterDeterministicScalarFunction(name, -1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			return callScalar(f, args, takesNull[name])
		})
	}
}

// callScalar gives NULL for NULL, and NULL for an empty string, which are one in Oracle.
func callScalar(f func([]driver.Value) (driver.Value, error), args []driver.Value, null bool) (driver.Value, error) {
	if !null {
		for _, a := range args {
			if a == nil {
				return nil, nil
			}
		}
	}
	v, err := f(args)
	if v == "" {
		v = nil
	}
	return v, err
}

func asText(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatNumber(v)
	}
	return fmt.Sprint(v)
}

func asFloat(v driver.Value) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(asText(v)), 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

// asInt is a count of characters or months, kept in a range that cannot overflow.
func asInt(v driver.Value) int {
	f := asFloat(v)
	if math.IsNaN(f) {
		return 0
	}
	return int(max(-1e6, min(f, 1e6)))
}

func asTime(v driver.Value) time.Time { return fromDayNumber(max(-1e6, min(asFloat(v), 3e6))) }

// formatNumber prints a number as Oracle does: no exponent, no trailing zeros. Fifteen digits hide the noise
// of binary fractions, which Oracle's decimal numbers do not have.
func formatNumber(f float64) string {
	if rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64); err == nil {
		f = rounded
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// maxText bounds what one call can produce: Oracle's VARCHAR2 ends at 4000 bytes.
const maxText = 4000

var errTooLong = errors.New("ORA-01489: result of string concatenation is too long")

func limited(s string) (driver.Value, error) {
	if len(s) > maxText {
		return nil, errTooLong
	}
	return s, nil
}

func concat(a []driver.Value) (driver.Value, error) {
	var b strings.Builder
	for _, v := range a {
		b.WriteString(asText(v))
	}
	return limited(b.String())
}

func replace(a []driver.Value) (driver.Value, error) {
	old, with := asText(a[1]), ""
	if len(a) == 3 {
		with = asText(a[2])
	}
	if old == "" {
		return a[0], nil
	}
	subject := asText(a[0])
	if len(subject)+strings.Count(subject, old)*len(with) > 2*maxText {
		return nil, errTooLong
	}
	return limited(strings.ReplaceAll(subject, old, with))
}

// substr counts from 1, from the end for negative positions, and takes 0 for 1.
func substr(a []driver.Value) (driver.Value, error) {
	s, from := []rune(asText(a[0])), asInt(a[1])
	switch {
	case from > 0:
		from--
	case from < 0:
		from += len(s)
	}
	if from < 0 || from >= len(s) {
		return nil, nil
	}
	n := len(s) - from
	if len(a) == 3 {
		n = min(n, asInt(a[2]))
	}
	if n < 1 {
		return nil, nil
	}
	return string(s[from : from+n]), nil
}

// instr finds the nth occurrence from a position on; a negative position searches backwards.
func instr(a []driver.Value) (driver.Value, error) {
	s, sub, from, nth := []rune(asText(a[0])), []rune(asText(a[1])), 1, 1
	if len(a) > 2 {
		from = asInt(a[2])
	}
	if len(a) > 3 {
		nth = asInt(a[3])
	}
	if nth < 1 {
		return nil, errors.New("ORA-01428: argument of INSTR is out of range")
	}
	if from == 0 {
		return int64(0), nil
	}
	step, at := 1, from-1
	if from < 0 {
		step, at = -1, len(s)+from
	}
	for ; at >= 0 && at < len(s); at += step {
		if at+len(sub) <= len(s) && string(s[at:at+len(sub)]) == string(sub) {
			if nth--; nth == 0 {
				return int64(at + 1), nil
			}
		}
	}
	return int64(0), nil
}

func pad(a []driver.Value, left bool) (driver.Value, error) {
	s, n, fill := []rune(asText(a[0])), asInt(a[1]), []rune(" ")
	if len(a) == 3 {
		fill = []rune(asText(a[2]))
	}
	if n > maxText {
		return nil, errTooLong
	}
	if n <= 0 || len(fill) == 0 {
		return nil, nil
	}
	if len(s) >= n {
		return string(s[:n]), nil
	}
	padding := make([]rune, n-len(s))
	for i := range padding {
		padding[i] = fill[i%len(fill)]
	}
	if left {
		return string(padding) + string(s), nil
	}
	return string(s) + string(padding), nil
}

func initcap(a []driver.Value) (driver.Value, error) {
	inside := false
	return strings.Map(func(r rune) rune {
		first := !inside
		inside = unicode.IsLetter(r) || unicode.IsDigit(r)
		if first {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, asText(a[0])), nil
}

func divide(a []driver.Value) (driver.Value, error) {
	by := asFloat(a[1])
	if by == 0 {
		return nil, errors.New("ORA-01476: divisor is equal to zero")
	}
	return whole(asFloat(a[0]) / by), nil
}

// mod gives the dividend for a divisor of zero, as Oracle does.
func mod(a []driver.Value) (driver.Value, error) {
	by := asFloat(a[1])
	if by == 0 {
		return a[0], nil
	}
	return whole(math.Mod(asFloat(a[0]), by)), nil
}

// whole keeps whole numbers whole, so that they group and print as such.
func whole(f float64) driver.Value {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return int64(f)
	}
	return f
}

func digits(a []driver.Value, cut func(float64) float64) (driver.Value, error) {
	places := 0
	if len(a) == 2 {
		places = max(-15, min(asInt(a[1]), 15))
	}
	scale := math.Pow10(places)
	// The binary form of 1.005 lies a little below it; Oracle's decimal form does not.
	scaled := asFloat(a[0]) * scale
	if near := math.Round(scaled*1e6) / 1e6; math.Abs(near-scaled) < 1e-7 {
		scaled = near
	}
	return whole(cut(scaled) / scale), nil
}

func toNumber(a []driver.Value) (driver.Value, error) {
	s := strings.TrimSpace(asText(a[0]))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(s, "xXpP_") {
		return nil, fmt.Errorf("ORA-01722: invalid number %q", shorten(s))
	}
	return n, nil
}

// shorten keeps a quoted value from filling an error.
func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}

// Dates

func toDays(t time.Time) driver.Value { return whole(dayNumber(t)) }

func roundDate(a []driver.Value) (driver.Value, error) {
	if len(a) == 2 && asText(a[1]) != "DD" {
		return nil, errors.New("ORA-01821: ROUND of a date takes the format DD here")
	}
	return whole(math.Floor(asFloat(a[0]) + 0.5)), nil
}

func truncDate(a []driver.Value) (driver.Value, error) {
	t, format := asTime(a[0]), "DD"
	if len(a) == 2 {
		format = strings.ToUpper(asText(a[1]))
	}
	y, m, d := t.Date()
	switch format {
	case "DD", "DDD", "J":
	case "MM", "MON", "MONTH":
		d = 1
	case "Q":
		m, d = (m-1)/3*3+1, 1
	case "YYYY", "YEAR", "YY", "Y":
		m, d = time.January, 1
	case "IW":
		d -= (int(t.Weekday()) + 6) % 7
	case "DAY", "DY", "D":
		d -= int(t.Weekday())
	default:
		return nil, fmt.Errorf("ORA-01821: date format %q not recognized", shorten(format))
	}
	return toDays(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)), nil
}

func extractField(a []driver.Value) (driver.Value, error) {
	t := asTime(a[1])
	switch asText(a[0]) {
	case "YEAR":
		return int64(t.Year()), nil
	case "MONTH":
		return int64(t.Month()), nil
	}
	return int64(t.Day()), nil
}

// addMonths keeps the day of the month, or the last day where the month is shorter or the day was the last.
func addMonths(a []driver.Value) (driver.Value, error) {
	t := asTime(a[0])
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(max(-120000, min(asInt(a[1]), 120000))), 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	last := daysIn(first)
	if d == daysIn(t) || d > last {
		d = last
	}
	return toDays(first.AddDate(0, 0, d-1)), nil
}

func daysIn(t time.Time) int { return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() }

func monthsBetween(a []driver.Value) (driver.Value, error) {
	s, t := asTime(a[0]), asTime(a[1])
	months := float64((s.Year()-t.Year())*12 + int(s.Month()) - int(t.Month()))
	if s.Day() == t.Day() || s.Day() == daysIn(s) && t.Day() == daysIn(t) {
		return whole(months), nil
	}
	dayOfMonth := func(t time.Time) float64 { return float64(t.Day()) + dayNumber(t) - math.Floor(dayNumber(t)) }
	return months + (dayOfMonth(s)-dayOfMonth(t))/31, nil
}

func lastDay(a []driver.Value) (driver.Value, error) {
	t := asTime(a[0])
	return toDays(t.AddDate(0, 0, daysIn(t)-t.Day())), nil
}
