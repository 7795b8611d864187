package company

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// This file is the filter q of a list: conditions of field, operator and value, joined with AND, OR and
// parentheses (H/section_1545222128). A filter becomes an SQL condition in which every value is bound.
//
// Guesses, since the page is silent: AND binds closer than OR; in a quoted value \" and \\ stand for " and \;
// texts are compared without regard to letter case, as in a workbook; a _NOT operator takes the rows that its
// opposite leaves, empty ones among them.

const ruleFilter = "q is conditions of field, operator and value, joined with AND, OR and parentheses; operators fit the kind of the field (H/section_1545222128)"

// Bounds of a filter, for the sake of the database. NetSuite's are not documented.
const (
	maxFilter           = 16 << 10 // bytes
	maxFilterDepth      = 50       // parentheses inside one another
	maxFilterConditions = 200
	maxFilterValues     = 1000 // of one condition
)

func invalidFilter(reason string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_PARAMETER", locator: []string{"o:errorQueryParam", "q"},
		detail: "Invalid query parameter 'q': " + reason + ".", rule: ruleFilter,
	}
}

// compileFilter turns q into a condition over a table of the record type.
func compileFilter(q string, rt *recordType, t *table) (condition string, bound []any, err error) {
	if len(q) > maxFilter {
		return "", nil, invalidFilter(fmt.Sprintf("it is longer than %d bytes", maxFilter))
	}
	words, err := filterWords(q)
	if err != nil {
		return "", nil, err
	}
	f := &filter{recordType: rt, table: t, words: words}
	condition, err = f.alternatives(0)
	if err == nil && len(f.words) > 0 {
		err = invalidFilter("AND or OR is missing before '" + shorten(f.words[0].text) + "'")
	}
	if err != nil {
		return "", nil, err
	}
	return "(" + condition + ")", f.bound, nil
}

// filterWord is a word, a quoted text or one of the signs ( ) [ ] and comma.
type filterWord struct {
	text   string
	quoted bool
}

func (w filterWord) is(text string) bool { return !w.quoted && w.text == text }

const filterSigns = "()[],"

func filterWords(q string) ([]filterWord, error) {
	var words []filterWord
	for rest := strings.TrimSpace(q); rest != ""; rest = strings.TrimSpace(rest) {
		var word filterWord
		switch {
		case strings.ContainsRune(filterSigns, rune(rest[0])):
			word, rest = filterWord{text: rest[:1]}, rest[1:]
		case rest[0] == '"':
			text, after, closed := quotedText(rest[1:])
			if !closed {
				return nil, invalidFilter("a quotation mark is not closed")
			}
			word, rest = filterWord{text: text, quoted: true}, after
		default:
			end := strings.IndexAny(rest, filterSigns+"\" \t\r\n")
			if end < 0 {
				end = len(rest)
			}
			word, rest = filterWord{text: rest[:end]}, rest[end:]
		}
		words = append(words, word)
	}
	return words, nil
}

// quotedText reads to the closing quotation mark.
func quotedText(s string) (text, rest string, closed bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return out.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		out.WriteByte(s[i])
	}
	return "", "", false
}

// filter is a filter while it is read.
type filter struct {
	*recordType
	table      *table
	words      []filterWord // those not read yet
	bound      []any
	conditions int
}

func (f *filter) next() (filterWord, bool) {
	if len(f.words) == 0 {
		return filterWord{}, false
	}
	word := f.words[0]
	f.words = f.words[1:]
	return word, true
}

// take reads a word or sign if it comes next.
func (f *filter) take(text string) bool {
	if len(f.words) == 0 || !f.words[0].is(text) {
		return false
	}
	f.words = f.words[1:]
	return true
}

func (f *filter) alternatives(depth int) (string, error) {
	return f.joined("OR", func() (string, error) {
		return f.joined("AND", func() (string, error) { return f.condition(depth) })
	})
}

func (f *filter) joined(with string, part func() (string, error)) (string, error) {
	var parts []string
	for {
		sql, err := part()
		if err != nil {
			return "", err
		}
		parts = append(parts, sql)
		if !f.take(with) {
			return strings.Join(parts, " "+with+" "), nil
		}
	}
}

// condition is one comparison, or a filter in parentheses.
func (f *filter) condition(depth int) (string, error) {
	if !f.take("(") {
		return f.comparison()
	}
	if depth == maxFilterDepth {
		return "", invalidFilter(fmt.Sprintf("parentheses stand more than %d deep", maxFilterDepth))
	}
	inside, err := f.alternatives(depth + 1)
	if err != nil {
		return "", err
	}
	if !f.take(")") {
		return "", invalidFilter("a parenthesis is not closed")
	}
	return "(" + inside + ")", nil
}

func (f *filter) comparison() (string, error) {
	if f.conditions++; f.conditions > maxFilterConditions {
		return "", invalidFilter(fmt.Sprintf("it has more than %d conditions", maxFilterConditions))
	}
	name, ok := f.next()
	if !ok {
		return "", invalidFilter("a condition is missing at its end")
	}
	c, err := f.filterable(name)
	if err != nil {
		return "", err
	}
	word, _ := f.next()
	op, negated, err := operatorFor(c, name.text, word)
	if err != nil {
		return "", err
	}
	values, err := f.values(word.text, op)
	if err != nil {
		return "", err
	}
	sql, bound, err := op.compare(compared{column: quoteName(c.name), field: name.text}, values)
	if err != nil {
		return "", err
	}
	f.bound = append(f.bound, bound...)
	if negated {
		return "((" + sql + ") IS NOT TRUE)", nil
	}
	return "(" + sql + ")", nil
}

// filterable finds the column of a field. Oracle's samples write names in lower case, too, so letter case does
// not matter here.
func (f *filter) filterable(name filterWord) (column, error) {
	if !name.quoted && strings.EqualFold(name.text, "id") {
		return column{name: "id", kind: number}, nil
	}
	for _, field := range f.fields {
		if !name.quoted && strings.EqualFold(field.name, name.text) {
			c, _ := f.table.column(field.column)
			return c, nil
		}
	}
	return column{}, invalidFilter("the field '" + shorten(name.text) + "' does not exist in the record type " + f.name)
}

// values reads what stands behind an operator: nothing, a value, or values in brackets.
func (f *filter) values(operator string, op filterOperator) ([]string, error) {
	if op.most == 0 {
		return nil, nil
	}
	wrong := func() error { return invalidFilter("the operator " + operator + " takes " + op.takes()) }
	if !f.take("[") {
		word, ok := f.next()
		if !ok || !word.quoted && strings.Contains(filterSigns, word.text) || op.least > 1 {
			return nil, wrong()
		}
		return []string{word.text}, nil
	}
	var values []string
	for {
		word, ok := f.next()
		if !ok || !word.quoted && strings.Contains(filterSigns, word.text) {
			return nil, wrong()
		}
		values = append(values, word.text)
		if f.take("]") {
			break
		}
		if !f.take(",") {
			return nil, wrong()
		}
	}
	if len(values) < op.least || len(values) > op.most {
		return nil, wrong()
	}
	return values, nil
}

// compared is the left side of a comparison.
type compared struct {
	column string // as SQL
	field  string
}

// filterOperator is one operator: how many values it takes, and what it is in SQL.
type filterOperator struct {
	least, most int
	compare     func(of compared, values []string) (sql string, bound []any, err error)
}

func (op filterOperator) takes() string {
	switch op.most {
	case 1:
		return "one value"
	case 2:
		return "two values, such as [1, 42]"
	}
	return fmt.Sprintf("1 to %d values, such as [1, 2, 3]", maxFilterValues)
}

// filterOperators by what a field holds. Each but EMPTY, which all fields take, has a form with _NOT.
var filterOperators = map[kind]map[string]filterOperator{
	boolean: {"IS": single(isFlag)},
	number: {
		"ANY_OF": {1, maxFilterValues, anyOf(numberIn)}, "BETWEEN": {2, 2, betweenNumbers}, "WITHIN": {2, 2, betweenNumbers},
		"EQUAL": single(numberIs("=")), "GREATER": single(numberIs(">")), "GREATER_OR_EQUAL": single(numberIs(">=")),
		"LESS": single(numberIs("<")), "LESS_OR_EQUAL": single(numberIs("<=")),
	},
	text: {
		"IS": single(textIs), "CONTAIN": single(textLike("%", "%")), "START_WITH": single(textLike("", "%")),
		// The page names the last one END_WITH; ENDWITH is the name in N/query and is taken as well.
		"END_WITH": single(textLike("%", "")), "ENDWITH": single(textLike("%", "")),
	},
	date: {
		"ON": single(onDay), "AFTER": single(dayIs(">=", 1)), "ON_OR_AFTER": single(dayIs(">=", 0)),
		"BEFORE": single(dayIs("<", 0)), "ON_OR_BEFORE": single(dayIs("<", 1)),
	},
}

// codeOperators are those of a field that holds one of a few codes (a guess: the page does not list such fields).
var codeOperators = map[string]filterOperator{"ANY_OF": {1, maxFilterValues, anyOf(codeIn)}, "IS": single(codeIs)}

var emptyOperator = filterOperator{compare: func(of compared, _ []string) (string, []any, error) { return of.column + " IS NULL", nil, nil }}

// single is an operator with one value.
func single(compare func(of compared, value string) (string, []any, error)) filterOperator {
	return filterOperator{1, 1, func(of compared, values []string) (string, []any, error) { return compare(of, values[0]) }}
}

// operatorFor finds the operator for a column, and tells whether it stands in its _NOT form.
func operatorFor(c column, field string, word filterWord) (op filterOperator, negated bool, err error) {
	known := operatorsOf(c)
	name, negated := strings.CutSuffix(word.text, "_NOT")
	if op, ok := known[name]; ok && !word.quoted {
		return op, negated, nil
	}
	return op, false, invalidFilter("the field '" + shorten(field) + "' has no operator '" + shorten(word.text) + "'; it takes " +
		strings.Join(operatorNames(known), ", ") + " and their _NOT forms")
}

func operatorsOf(c column) map[string]filterOperator {
	known := filterOperators[c.kind]
	if c.ref != nil && c.ref.words != nil {
		known = codeOperators
	}
	all := map[string]filterOperator{"EMPTY": emptyOperator}
	for name, op := range known {
		all[name] = op
	}
	return all
}

func operatorNames(known map[string]filterOperator) []string {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func isFlag(of compared, value string) (string, []any, error) {
	switch strings.ToLower(value) {
	case "true":
		return of.column + " = 'T'", nil, nil
	case "false":
		return of.column + " = 'F'", nil, nil
	}
	return "", nil, invalidFilter("the field '" + of.field + "' is compared with true or false")
}

func filterNumber(of compared, value string) (any, error) {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || strings.Trim(value, "0123456789.+-eE") != "" {
		return nil, invalidFilter("the field '" + of.field + "' is compared with a number, which '" + shorten(value) + "' is not")
	}
	return whole(n), nil
}

func numberIs(sign string) func(of compared, value string) (string, []any, error) {
	return func(of compared, value string) (string, []any, error) {
		n, err := filterNumber(of, value)
		return of.column + " " + sign + " ?", []any{n}, err
	}
}

// betweenNumbers takes both ends in. That WITHIN is the same for numbers is a guess.
func betweenNumbers(of compared, values []string) (string, []any, error) {
	from, err := filterNumber(of, values[0])
	if err != nil {
		return "", nil, err
	}
	to, err := filterNumber(of, values[1])
	return of.column + " BETWEEN ? AND ?", []any{from, to}, err
}

func anyOf(read func(of compared, value string) (any, error)) func(of compared, values []string) (string, []any, error) {
	return func(of compared, values []string) (string, []any, error) {
		var bound []any
		for _, value := range values {
			v, err := read(of, value)
			if err != nil {
				return "", nil, err
			}
			bound = append(bound, v)
		}
		return of.column + " IN (?" + strings.Repeat(", ?", len(bound)-1) + ")", bound, nil
	}
}

func numberIn(of compared, value string) (any, error) { return filterNumber(of, value) }
func codeIn(_ compared, value string) (any, error)    { return value, nil }

func codeIs(of compared, value string) (string, []any, error) {
	return of.column + " = ?", []any{value}, nil
}

func textIs(of compared, value string) (string, []any, error) {
	return "oracle_lower(" + of.column + ") = ?", []any{strings.ToLower(value)}, nil
}

// textLike compares with a pattern in which the value stands for itself.
func textLike(before, after string) func(of compared, value string) (string, []any, error) {
	return func(of compared, value string) (string, []any, error) {
		plain := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(value))
		return "oracle_lower(" + of.column + `) LIKE ? ESCAPE '\'`, []any{before + plain + after}, nil
	}
}

// filterDay reads a date. Filters take it in the account's date format, not as ISO 8601, since N/query is behind
// them (H/section_1545222128).
func filterDay(of compared, value string) (float64, error) {
	days, err := parseDate(value, accountDateFormat)
	if err != nil {
		return 0, invalidFilter("the field '" + of.field + "' is compared with a date in the account's format, such as \"1/31/2026\", which '" +
			shorten(value) + "' is not")
	}
	return asFloat(days), nil
}

// dayIs compares with the beginning of a day, or with that of a later one. A field with a time of day is after
// a day when that day is over (a guess).
func dayIs(sign string, later float64) func(of compared, value string) (string, []any, error) {
	return func(of compared, value string) (string, []any, error) {
		day, err := filterDay(of, value)
		return of.column + " " + sign + " ?", []any{day + later}, err
	}
}

func onDay(of compared, value string) (string, []any, error) {
	day, err := filterDay(of, value)
	return of.column + " >= ? AND " + of.column + " < ?", []any{day, day + 1}, err
}
