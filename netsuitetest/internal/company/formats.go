package company

import (
	"database/sql/driver"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// This file reads Oracle's format models, those of TO_CHAR and TO_DATE.

// accountDateFormat is the account's date format preference: the form in which SuiteQL shows dates and
// takes strings for dates. American accounts start with it (a guess; the papers only say that answers hold
// the date without the time).
const accountDateFormat = "FMMM/DD/YYYY"

// dateElements, the longest first where one starts with another.
var dateElements = []struct {
	name  string
	write func(t time.Time) string
	read  func(d *dateParts, s string) (rest string, ok bool)
}{
	{"HH24", layout("15"), digitsInto(2, func(d *dateParts, n int) { d.hour = n })},
	{"HH12", layout("03"), digitsInto(2, func(d *dateParts, n int) { d.hour = n % 12 })},
	{"YYYY", func(t time.Time) string { return fmt.Sprintf("%04d", t.Year()) }, digitsInto(4, func(d *dateParts, n int) { d.year = n })},
	{"MONTH", func(t time.Time) string { return fmt.Sprintf("%-9s", t.Month()) }, monthInto(false)},
	{"MON", layout("Jan"), monthInto(true)},
	{"DAY", func(t time.Time) string { return fmt.Sprintf("%-9s", t.Weekday()) }, nil},
	{"DDD", func(t time.Time) string { return fmt.Sprintf("%03d", t.YearDay()) }, nil},
	{"HH", layout("03"), digitsInto(2, func(d *dateParts, n int) { d.hour = n % 12 })},
	{"YY", layout("06"), digitsInto(2, func(d *dateParts, n int) { d.year = 2000 + n })},
	{"RR", layout("06"), digitsInto(2, func(d *dateParts, n int) { d.year = 2000 + n - n/50*100 })},
	{"MM", layout("01"), digitsInto(2, func(d *dateParts, n int) { d.month = n })},
	{"MI", layout("04"), digitsInto(2, func(d *dateParts, n int) { d.minute = n })},
	{"DD", layout("02"), digitsInto(2, func(d *dateParts, n int) { d.day = n })},
	{"DY", layout("Mon"), nil},
	{"SS", layout("05"), digitsInto(2, func(d *dateParts, n int) { d.second = n })},
	{"AM", layout("PM"), meridiem},
	{"PM", layout("PM"), meridiem},
	{"IW", func(t time.Time) string { _, w := t.ISOWeek(); return fmt.Sprintf("%02d", w) }, nil},
	{"Q", func(t time.Time) string { return strconv.Itoa((int(t.Month())-1)/3 + 1) }, nil},
	{"D", func(t time.Time) string { return strconv.Itoa(int(t.Weekday()) + 1) }, nil},
}

func layout(l string) func(time.Time) string {
	return func(t time.Time) string { return t.Format(l) }
}

type dateParts struct {
	year, month, day, hour, minute, second int
	afternoon                              bool
}

func digitsInto(most int, set func(*dateParts, int)) func(*dateParts, string) (string, bool) {
	return func(d *dateParts, s string) (string, bool) {
		n := min(countWhile(s, isDigit), most)
		value, err := strconv.Atoi(s[:n])
		if err != nil {
			return s, false
		}
		set(d, value)
		return s[n:], true
	}
}

func monthInto(short bool) func(*dateParts, string) (string, bool) {
	return func(d *dateParts, s string) (string, bool) {
		for m := time.January; m <= time.December; m++ {
			name := m.String()
			if short {
				name = name[:3]
			}
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				d.month = int(m)
				return s[len(name):], true
			}
		}
		return s, false
	}
}

func meridiem(d *dateParts, s string) (string, bool) {
	if len(s) < 2 || !slices.Contains([]string{"AM", "PM"}, strings.ToUpper(s[:2])) {
		return s, false
	}
	d.afternoon = strings.EqualFold(s[:2], "PM")
	return s[2:], true
}

func unrecognized(format string) error {
	return fmt.Errorf("ORA-01821: date format %q not recognized", shorten(format))
}

// nextElement cuts a format model: an element by its index, or else a literal.
func nextElement(format string) (element int, literal, rest string, err error) {
	for i, e := range dateElements {
		if len(format) >= len(e.name) && strings.EqualFold(format[:len(e.name)], e.name) {
			return i, "", format[len(e.name):], nil
		}
	}
	if format[0] == '"' {
		literal, rest, closed := strings.Cut(format[1:], `"`)
		if !closed {
			return -1, "", "", unrecognized(format)
		}
		return -1, literal, rest, nil
	}
	if strings.ContainsRune(" -/,.;:", rune(format[0])) {
		return -1, format[:1], format[1:], nil
	}
	return -1, "", "", unrecognized(format)
}

// formatDate is TO_CHAR of a date. FM drops padding blanks and leading zeros.
func formatDate(t time.Time, format string) (driver.Value, error) {
	var out strings.Builder
	fill := true
	for rest := format; rest != ""; {
		if len(rest) >= 2 && strings.EqualFold(rest[:2], "FM") {
			fill, rest = !fill, rest[2:]
			continue
		}
		before := rest
		element, literal, after, err := nextElement(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		if element < 0 {
			out.WriteString(literal)
			continue
		}
		value := dateElements[element].write(t)
		if !fill {
			value = strings.TrimRight(value, " ")
			if trimmed := strings.TrimLeft(value, "0"); trimmed != "" && isDigit(value[0]) {
				value = trimmed
			}
		}
		out.WriteString(inCaseOf(before, value))
	}
	return limited(out.String())
}

// inCaseOf gives MON, Mon and mon their letter case.
func inCaseOf(element, value string) string {
	switch {
	case len(element) < 2 || unicode.IsLower(rune(element[0])):
		return strings.ToLower(value)
	case unicode.IsUpper(rune(element[1])):
		return strings.ToUpper(value)
	}
	return value
}

// parseDate is TO_DATE.
func parseDate(s, format string) (driver.Value, error) {
	mismatch := fmt.Errorf("ORA-01861: literal %q does not match format string %q", shorten(s), shorten(format))
	d := dateParts{month: 1, day: 1}
	input := strings.TrimSpace(s)
	for rest := format; rest != ""; {
		if len(rest) >= 2 && strings.EqualFold(rest[:2], "FM") {
			rest = rest[2:]
			continue
		}
		element, literal, after, err := nextElement(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		var ok bool
		if element < 0 {
			input, ok = strings.CutPrefix(input, literal)
		} else if dateElements[element].read != nil {
			input, ok = dateElements[element].read(&d, input)
		}
		if !ok {
			return nil, mismatch
		}
	}
	if input != "" {
		return nil, mismatch
	}
	return d.days()
}

func (d dateParts) days() (driver.Value, error) {
	if d.afternoon && d.hour < 12 {
		d.hour += 12
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	if d.year < 1 || t.Year() != d.year || int(t.Month()) != d.month || t.Day() != d.day || t.Hour() != d.hour || t.Minute() != d.minute {
		return nil, fmt.Errorf("ORA-01847: %04d-%02d-%02d %02d:%02d:%02d is not a date", d.year, d.month, d.day, d.hour, d.minute, d.second)
	}
	return toDays(t), nil
}

// numberToChar is TO_CHAR of a number, with or without a format model such as 999,990.00.
func numberToChar(a []driver.Value) (driver.Value, error) {
	n := asFloat(a[0])
	if len(a) == 1 {
		return asText(a[0]), nil
	}
	format, fill := strings.ToUpper(asText(a[1])), true
	if rest, ok := strings.CutPrefix(format, "FM"); ok {
		format, fill = rest, false
	}
	format, dollar := strings.CutPrefix(format, "$")
	format = strings.NewReplacer("D", ".", "G", ",").Replace(format)
	if format == "" || strings.Trim(format, "09,.") != "" || strings.Count(format, ".") > 1 || len(format) > 60 {
		return nil, fmt.Errorf("ORA-01481: invalid number format model %q", shorten(asText(a[1])))
	}
	return numberInModel(n, format, fill, dollar), nil
}

func numberInModel(n float64, format string, fill, dollar bool) string {
	wholePart, fraction, hasPoint := strings.Cut(format, ".")
	printed := strconv.FormatFloat(math.Abs(n), 'f', len(fraction), 64)
	value, decimals, _ := strings.Cut(printed, ".")
	value, fits := intoPositions(value, wholePart)
	if !fits {
		return strings.Repeat("#", len(format)+1)
	}
	if !fill {
		// FM drops the zeros that a 9 stands for.
		for len(decimals) > 0 && strings.HasSuffix(decimals, "0") && fraction[len(decimals)-1] == '9' {
			decimals = decimals[:len(decimals)-1]
		}
	}
	if hasPoint {
		value += "." + decimals
	}
	if dollar {
		value = "$" + value
	}
	return sign(n, value, fill, len(format)+1)
}

func sign(n float64, value string, fill bool, width int) string {
	if n < 0 {
		value = "-" + value
	}
	if !fill {
		return value
	}
	return fmt.Sprintf("%*s", width, value)
}

// intoPositions puts digits into the 9, 0 and comma positions of a format model, from the right.
func intoPositions(value, positions string) (string, bool) {
	if value == "0" {
		value = ""
	}
	firstZero := strings.IndexByte(positions, '0')
	var out []byte
	for i := len(positions) - 1; i >= 0; i-- {
		mustPrint := firstZero >= 0 && i >= firstZero
		switch {
		case positions[i] == ',':
			if value != "" || mustPrint {
				out = append(out, ',')
			}
		case value != "":
			out, value = append(out, value[len(value)-1]), value[:len(value)-1]
		case mustPrint:
			out = append(out, '0')
		}
	}
	slices.Reverse(out)
	return string(out), value == ""
}
