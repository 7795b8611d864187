package company

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file translates expressions. SQLite lets any value stand anywhere and compares what cannot be
// compared; Oracle does not. So each expression carries its kind, and texts are converted where Oracle
// would convert them.

// fragment is a translated expression.
type fragment struct {
	sql       string
	kind      kind
	ref       *reference // for BUILTIN.DF
	aggregate bool       // holds a group function
	loose     string     // a column outside of group functions that GROUP BY would have to name
}

// condition is the kind of what can be true; Oracle's SQL does not take it for a value.
const condition kind = -1

// value translates an expression that gives a value.
func (sel *selecting) value(x expr) (fragment, error) {
	f, err := sel.expr(x)
	if err == nil && f.kind == condition {
		return f, syntaxf("a condition stands where a value is expected; use CASE WHEN ... THEN ... END")
	}
	return f, err
}

// condition translates an expression that is true or false.
func (sel *selecting) condition(x expr) (fragment, error) {
	f, err := sel.expr(x)
	if err == nil && f.kind != condition {
		return f, syntaxf("a value stands where a condition is expected; compare it with something")
	}
	return f, err
}

func (sel *selecting) expr(x expr) (fragment, error) {
	f, err := sel.ungrouped(x)
	return sel.group(f), err
}

// group accepts a column, or any expression, that GROUP BY names.
func (sel *selecting) group(f fragment) fragment {
	if sel.scope.grouped[f.sql] {
		f.loose = ""
	}
	return f
}

func (sel *selecting) ungrouped(x expr) (fragment, error) {
	switch x := x.(type) {
	case literal:
		return literalSQL(x), nil
	case columnRef:
		return sel.column(x)
	case rownum:
		return sel.rownum()
	case unary:
		return sel.unary(x)
	case binary:
		return sel.binary(x)
	case isNull:
		return sel.isNull(x)
	case inList:
		return sel.inList(x)
	case between:
		return sel.between(x)
	case like:
		return sel.like(x)
	case caseWhen:
		return sel.caseWhen(x)
	case exists:
		q, err := sel.query(x.query, sel.scope, sel.known)
		return fragment{sql: "EXISTS (" + q.whole() + ")", kind: condition}, err
	case scalar:
		return sel.scalar(x.query)
	case cast:
		return sel.cast(x)
	case extract:
		f, err := sel.valueAs(x.from, date)
		return combine("oracle_extract('"+x.field+"', "+f.sql+")", number, f), err
	case call:
		return sel.call(x)
	}
	return fragment{}, syntaxf("unsupported expression")
}

// combine is an expression made of others.
func combine(sql string, k kind, parts ...fragment) fragment {
	f := fragment{sql: sql, kind: k}
	for _, part := range parts {
		f.aggregate = f.aggregate || part.aggregate
		if f.loose == "" {
			f.loose = part.loose
		}
	}
	return f
}

func literalSQL(x literal) fragment {
	switch x.kind {
	case number:
		return fragment{sql: numberSQL(x.text), kind: number}
	case text:
		return fragment{sql: quoteText(x.text), kind: text}
	}
	return fragment{sql: "NULL"}
}

// numberSQL writes a number as SQLite's own form of it: whole ones stay whole.
func numberSQL(digits string) string {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return "9e999"
	}
	return strconv.FormatFloat(n, 'e', -1, 64)
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// pseudoColumns look like columns but are functions without parentheses.
var pseudoColumns = map[string]bool{"sysdate": true, "current_date": true, "systimestamp": true, "current_timestamp": true}

func (sel *selecting) column(ref columnRef) (fragment, error) {
	f, err := sel.scope.resolve(ref)
	if err != nil && ref.qualifier == "" && pseudoColumns[ref.name] {
		return fragment{sql: strconv.FormatFloat(sel.now, 'f', -1, 64), kind: date}, nil
	}
	return f, err
}

func (sel *selecting) rownum() (fragment, error) {
	if sel.scope.numbered == nil {
		return fragment{}, syntaxf("ROWNUM in WHERE must be compared with a number, as one of the conditions joined by AND")
	}
	return fragment{sql: sel.scope.numbered.engine + "." + rownumColumn, kind: number, loose: "rownum"}, nil
}

func (sel *selecting) unary(x unary) (fragment, error) {
	if x.operator == "NOT" {
		f, err := sel.condition(x.x)
		return combine("(NOT "+f.sql+")", condition, f), err
	}
	f, err := sel.valueAs(x.x, number)
	return combine("("+x.operator+" "+f.sql+")", number, f), err
}

func (sel *selecting) binary(x binary) (fragment, error) {
	switch x.operator {
	case "AND", "OR":
		l, err := sel.condition(x.left)
		if err != nil {
			return l, err
		}
		r, err := sel.condition(x.right)
		return combine("("+l.sql+" "+x.operator+" "+r.sql+")", condition, l, r), err
	}
	l, err := sel.value(x.left)
	if err != nil {
		return l, err
	}
	r, err := sel.value(x.right)
	if err != nil {
		return r, err
	}
	switch x.operator {
	case "||":
		return combine("oracle_concat("+as(l, text).sql+", "+as(r, text).sql+")", text, l, r), nil
	case "+", "-", "*", "/":
		return arithmetic(x.operator, l, r), nil
	}
	l, r = alike(l, r)
	return combine("("+l.sql+" "+x.operator+" "+r.sql+")", condition, l, r), nil
}

// arithmetic adds days to dates and counts the days between them.
func arithmetic(operator string, l, r fragment) fragment {
	result := number
	switch {
	case l.kind == date && r.kind == date:
	case l.kind == date:
		r, result = as(r, number), date
	case r.kind == date:
		l, result = as(l, number), date
	default:
		l, r = as(l, number), as(r, number)
	}
	if operator == "/" {
		return combine("oracle_divide("+l.sql+", "+r.sql+")", result, l, r)
	}
	return combine("("+l.sql+" "+operator+" "+r.sql+")", result, l, r)
}

// as converts an expression the way Oracle converts one implicitly.
func as(f fragment, to kind) fragment {
	sql := f.sql
	switch {
	case to == date && (f.kind == text || f.kind == boolean):
		sql = "oracle_to_date(" + sql + ", " + quoteText(accountDateFormat) + ")"
	case to == number && (f.kind == text || f.kind == boolean):
		sql = "oracle_to_number(" + sql + ")"
	case to == text && f.kind == date:
		sql = "oracle_date_to_char(" + sql + ", " + quoteText(accountDateFormat) + ")"
	case to == text && f.kind == number:
		sql = "oracle_number_to_char(" + sql + ")"
	default:
		return f
	}
	return combine(sql, to, f)
}

// alike converts the text of two compared values to the kind of the other one.
func alike(l, r fragment) (fragment, fragment) {
	switch {
	case l.kind == date || l.kind == number:
		return l, as(r, l.kind)
	case r.kind == date || r.kind == number:
		return as(l, r.kind), r
	}
	return l, r
}

// valueAs is a value converted to a kind.
func (sel *selecting) valueAs(x expr, to kind) (fragment, error) {
	f, err := sel.value(x)
	return as(f, to), err
}

func (sel *selecting) isNull(x isNull) (fragment, error) {
	f, err := sel.value(x.x)
	return combine("("+f.sql+" IS "+notSQL(x.not)+"NULL)", condition, f), err
}

func notSQL(not bool) string {
	if not {
		return "NOT "
	}
	return ""
}

func (sel *selecting) inList(x inList) (fragment, error) {
	f, err := sel.value(x.x)
	if err != nil {
		return f, err
	}
	if x.query != nil {
		q, err := sel.query(x.query, sel.scope, sel.known)
		if err == nil && len(q.columns) != 1 {
			err = syntaxf("the query of IN must give one column, not %d", len(q.columns))
		}
		return combine("("+f.sql+" "+notSQL(x.not)+"IN ("+q.whole()+"))", condition, f), err
	}
	parts, values := []fragment{f}, []string{}
	for _, item := range x.list {
		v, err := sel.value(item)
		if err != nil {
			return v, err
		}
		_, v = alike(f, v)
		parts, values = append(parts, v), append(values, v.sql)
	}
	return combine("("+f.sql+" "+notSQL(x.not)+"IN ("+strings.Join(values, ", ")+"))", condition, parts...), nil
}

func (sel *selecting) between(x between) (fragment, error) {
	parts, err := sel.values([]expr{x.x, x.low, x.high})
	if err != nil {
		return fragment{}, err
	}
	_, low := alike(parts[0], parts[1])
	_, high := alike(parts[0], parts[2])
	return combine("("+parts[0].sql+" "+notSQL(x.not)+"BETWEEN "+low.sql+" AND "+high.sql+")", condition, parts...), nil
}

func (sel *selecting) values(xs []expr) ([]fragment, error) {
	var fs []fragment
	for _, x := range xs {
		f, err := sel.value(x)
		if err != nil {
			return nil, err
		}
		fs = append(fs, f)
	}
	return fs, nil
}

func (sel *selecting) like(x like) (fragment, error) {
	l, err := sel.valueAs(x.x, text)
	if err != nil {
		return l, err
	}
	pattern, err := sel.valueAs(x.pattern, text)
	if err != nil {
		return pattern, err
	}
	sql := l.sql + " " + notSQL(x.not) + "LIKE " + pattern.sql
	if x.escape != nil {
		escape, ok := x.escape.(literal)
		if !ok || escape.kind != text || len([]rune(escape.text)) != 1 {
			return l, syntaxf("ESCAPE takes a string of one character")
		}
		sql += " ESCAPE " + quoteText(escape.text)
	}
	return combine("("+sql+")", condition, l, pattern), nil
}

func (sel *selecting) caseWhen(x caseWhen) (fragment, error) {
	sql := "CASE"
	var operand fragment
	if x.operand != nil {
		var err error
		if operand, err = sel.value(x.operand); err != nil {
			return operand, err
		}
		sql += " " + operand.sql
	}
	parts := []fragment{operand}
	var results []fragment
	for _, w := range x.whens {
		test, err := sel.whenTest(w.condition, x.operand != nil, operand)
		if err != nil {
			return test, err
		}
		result, err := sel.value(w.result)
		if err != nil {
			return result, err
		}
		sql += " WHEN " + test.sql + " THEN " + result.sql
		parts, results = append(parts, test, result), append(results, result)
	}
	if x.other != nil {
		other, err := sel.value(x.other)
		if err != nil {
			return other, err
		}
		sql += " ELSE " + other.sql
		parts, results = append(parts, other), append(results, other)
	}
	return combine(sql+" END", firstKind(results), parts...), nil
}

// whenTest is what stands behind WHEN: a condition, or a value to compare with the operand.
func (sel *selecting) whenTest(x expr, hasOperand bool, operand fragment) (fragment, error) {
	if !hasOperand {
		return sel.condition(x)
	}
	v, err := sel.value(x)
	_, v = alike(operand, v)
	return v, err
}

// firstKind is the kind of the first value that is not NULL, which decides the kind of CASE, NVL and DECODE.
func firstKind(fs []fragment) kind {
	for _, f := range fs {
		if f.kind != unknown {
			return f.kind
		}
	}
	return unknown
}

func (sel *selecting) scalar(q *query) (fragment, error) {
	inner, err := sel.query(q, sel.scope, sel.known)
	if err != nil {
		return fragment{}, err
	}
	if len(inner.columns) != 1 {
		return fragment{}, syntaxf("a query used as a value must give one column, not %d", len(inner.columns))
	}
	return fragment{sql: "(" + inner.whole() + ")", kind: inner.columns[0].kind}, nil
}

func (sel *selecting) cast(x cast) (fragment, error) {
	return sel.valueAs(x.x, x.to)
}

// BUILTIN.DF

// displayValue is BUILTIN.DF: the name behind an internal id or a code, or the value itself where a column
// refers to nothing.
func (sel *selecting) displayValue(c call) (fragment, error) {
	ref, ok := c.args[0].(columnRef)
	if !ok {
		return fragment{}, syntaxf("BUILTIN.DF takes a column")
	}
	f, err := sel.column(ref)
	if err != nil || f.ref == nil {
		return f, err
	}
	f = sel.group(f)
	if f.ref.words != nil {
		return combine(wordsSQL(f.sql, f.ref.words), text, f), nil
	}
	// The display value needs no permission on the table behind it, as in NetSuite's own lists (a guess).
	sql := "(SELECT df." + quoteName(f.ref.display) + " FROM " + quoteName(f.ref.table) + ` AS df WHERE df."id" = ` + f.sql + ")"
	return combine(sql, text, f), nil
}

func wordsSQL(sql string, words map[string]string) string {
	out := "CASE " + sql
	for _, code := range slices.Sorted(maps.Keys(words)) {
		out += " WHEN " + quoteText(code) + " THEN " + quoteText(words[code])
	}
	return out + " END"
}
