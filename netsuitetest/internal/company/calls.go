package company

import "strings"

// This file knows the functions of the dialect. What is not in its table cannot be called.

// function describes one function of SuiteQL.
type function struct {
	min, max int    // number of arguments; max -1 = any
	engine   string // SQLite's function for it, given the arguments as they are
	takes    kind   // texts are converted to this kind first; unknown = arguments stay as they are
	gives    kind   // unknown = the kind of the first argument that is not NULL

	group    bool // a group function
	windowed bool // can have OVER
	onlyOver bool // must have OVER

	// build writes functions that are no plain call.
	build func(args []fragment) string
}

// functions by name in upper case: those that integrations use most, with the rules of Oracle's SQL. The
// selection is a guess; NetSuite knows more.
var functions = map[string]function{
	"LOWER":   {min: 1, max: 1, engine: "oracle_lower", takes: text, gives: text},
	"UPPER":   {min: 1, max: 1, engine: "oracle_upper", takes: text, gives: text},
	"LENGTH":  {min: 1, max: 1, engine: "length", takes: text, gives: number},
	"TRIM":    {min: 1, max: 1, engine: "trim", takes: text, gives: text},
	"LTRIM":   {min: 1, max: 2, engine: "ltrim", takes: text, gives: text},
	"RTRIM":   {min: 1, max: 2, engine: "rtrim", takes: text, gives: text},
	"SUBSTR":  {min: 2, max: 3, engine: "oracle_substr", gives: text},
	"INSTR":   {min: 2, max: 4, engine: "oracle_instr", gives: number},
	"REPLACE": {min: 2, max: 3, engine: "oracle_replace", takes: text, gives: text},
	"LPAD":    {min: 2, max: 3, engine: "oracle_lpad", gives: text},
	"RPAD":    {min: 2, max: 3, engine: "oracle_rpad", gives: text},
	"INITCAP": {min: 1, max: 1, engine: "oracle_initcap", takes: text, gives: text},
	"CONCAT":  {min: 2, max: 2, engine: "oracle_concat", takes: text, gives: text},

	"NVL":      {min: 2, max: 2, build: func(a []fragment) string { return "coalesce(" + a[0].sql + ", " + as(a[1], a[0].kind).sql + ")" }},
	"COALESCE": {min: 2, max: -1, engine: "coalesce"},
	"NVL2":     {min: 3, max: 3, build: nvl2},
	"NULLIF":   {min: 2, max: 2, build: func(a []fragment) string { return "nullif(" + a[0].sql + ", " + as(a[1], a[0].kind).sql + ")" }},
	"DECODE":   {min: 3, max: -1, build: decode},
	"GREATEST": {min: 2, max: -1, engine: "max"},
	"LEAST":    {min: 2, max: -1, engine: "min"},

	"ABS":   {min: 1, max: 1, engine: "abs", takes: number, gives: number},
	"SIGN":  {min: 1, max: 1, engine: "sign", takes: number, gives: number},
	"FLOOR": {min: 1, max: 1, engine: "floor", takes: number, gives: number},
	"CEIL":  {min: 1, max: 1, engine: "ceil", takes: number, gives: number},
	"MOD":   {min: 2, max: 2, engine: "oracle_mod", takes: number, gives: number},
	"POWER": {min: 2, max: 2, engine: "power", takes: number, gives: number},
	"ROUND": {min: 1, max: 2, build: roundOrTrunc("round")},
	"TRUNC": {min: 1, max: 2, build: roundOrTrunc("trunc")},

	"TO_CHAR":   {min: 1, max: 2, gives: text, build: toChar},
	"TO_DATE":   {min: 1, max: 2, gives: date, build: toDate},
	"TO_NUMBER": {min: 1, max: 1, gives: number, build: func(a []fragment) string { return as(a[0], number).sql }},
	"ADD_MONTHS": {min: 2, max: 2, gives: date, build: func(a []fragment) string {
		return "oracle_add_months(" + as(a[0], date).sql + ", " + as(a[1], number).sql + ")"
	}},
	"MONTHS_BETWEEN": {min: 2, max: 2, engine: "oracle_months_between", takes: date, gives: number},
	"LAST_DAY":       {min: 1, max: 1, engine: "oracle_last_day", takes: date, gives: date},

	"COUNT":   {min: 1, max: 1, engine: "count", gives: number, group: true, windowed: true},
	"SUM":     {min: 1, max: 1, engine: "sum", takes: number, gives: number, group: true, windowed: true},
	"AVG":     {min: 1, max: 1, engine: "avg", takes: number, gives: number, group: true, windowed: true},
	"MIN":     {min: 1, max: 1, engine: "min", group: true, windowed: true},
	"MAX":     {min: 1, max: 1, engine: "max", group: true, windowed: true},
	"LISTAGG": {min: 1, max: 2, engine: "group_concat", takes: text, gives: text, group: true},

	"ROW_NUMBER":  {engine: "row_number", gives: number, windowed: true, onlyOver: true},
	"RANK":        {engine: "rank", gives: number, windowed: true, onlyOver: true},
	"DENSE_RANK":  {engine: "dense_rank", gives: number, windowed: true, onlyOver: true},
	"NTILE":       {min: 1, max: 1, engine: "ntile", gives: number, windowed: true, onlyOver: true},
	"LAG":         {min: 1, max: 3, engine: "lag", windowed: true, onlyOver: true},
	"LEAD":        {min: 1, max: 3, engine: "lead", windowed: true, onlyOver: true},
	"FIRST_VALUE": {min: 1, max: 1, engine: "first_value", windowed: true, onlyOver: true},
	"LAST_VALUE":  {min: 1, max: 1, engine: "last_value", windowed: true, onlyOver: true},
}

const displayFunction = "BUILTIN.DF"

func (sel *selecting) call(c call) (fragment, error) {
	if c.name == displayFunction && len(c.args) == 1 && c.over == nil {
		return sel.displayValue(c)
	}
	f, ok := functions[c.name]
	if !ok {
		return fragment{}, syntaxf("unknown function '%s'", strings.ToLower(c.name))
	}
	if err := f.check(c); err != nil {
		return fragment{}, err
	}
	args, err := sel.values(c.args)
	if err != nil {
		return fragment{}, err
	}
	result := combine("", f.result(c.name, args), args...)
	for i := range args {
		if f.takes != unknown {
			args[i] = as(args[i], f.takes)
		}
	}
	if f.build != nil {
		result.sql = f.build(args)
		return result, nil
	}
	return sel.plainCall(c, f, args, result)
}

// check refuses a wrong number of arguments and clauses that the function does not take.
func (f function) check(c call) error {
	name := strings.ToLower(c.name)
	switch {
	case c.star && c.name != "COUNT":
		return syntaxf("'%s' does not take *", name)
	case !c.star && (len(c.args) < f.min || f.max >= 0 && len(c.args) > f.max):
		return syntaxf("wrong number of arguments of '%s'", name)
	case c.distinct && (!f.group || c.name == "LISTAGG"):
		return syntaxf("'%s' does not take DISTINCT", name)
	case c.over != nil && !f.windowed:
		return syntaxf("'%s' does not take OVER", name)
	case c.over == nil && f.onlyOver:
		return syntaxf("'%s' needs OVER (...)", name)
	case c.within != nil && c.name != "LISTAGG":
		return syntaxf("'%s' does not take WITHIN GROUP", name)
	}
	return nil
}

func (f function) result(name string, args []fragment) kind {
	switch {
	case f.gives != unknown:
		return f.gives
	case name == "NVL2":
		return firstKind(args[1:])
	case name == "DECODE":
		return decodeKind(args)
	}
	return firstKind(args)
}

// plainCall writes a call with what may follow the arguments.
func (sel *selecting) plainCall(c call, f function, args []fragment, result fragment) (fragment, error) {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = a.sql
	}
	inside := strings.Join(list, ", ")
	if c.star {
		inside = "*"
	}
	if c.distinct {
		inside = "DISTINCT " + inside
	}
	order, err := sel.orderParts(c.within)
	if err != nil {
		return fragment{}, err
	}
	// Oracle's LISTAGG without a separator puts none, SQLite's group_concat a comma.
	if c.name == "LISTAGG" && len(args) == 1 {
		inside += ", ''"
	}
	result.sql = f.engine + "(" + inside + clause(" ORDER BY ", order, ", ") + ")"
	if c.over != nil {
		return sel.over(c.over, result)
	}
	if f.group {
		result.aggregate, result.loose = true, ""
	}
	return result, nil
}

// over makes a call a window function, which looks at the rows after grouping.
func (sel *selecting) over(w *window, result fragment) (fragment, error) {
	partition, err := sel.values(w.partitionBy)
	if err != nil {
		return fragment{}, err
	}
	var parts []string
	for _, f := range partition {
		parts = append(parts, f.sql)
	}
	order, err := sel.orderParts(w.orderBy)
	if err != nil {
		return fragment{}, err
	}
	spec := strings.TrimSpace(clause("PARTITION BY ", parts, ", ") + clause(" ORDER BY ", order, ", ") + " " + w.frame)
	out := combine(result.sql+" OVER ("+spec+")", result.kind, append(partition, result)...)
	return out, nil
}

func (sel *selecting) orderParts(items []orderItem) ([]string, error) {
	var parts []string
	for _, item := range items {
		f, err := sel.value(item.x)
		if err != nil {
			return nil, err
		}
		parts = append(parts, f.sql+direction(item))
	}
	return parts, nil
}

func nvl2(a []fragment) string {
	return "CASE WHEN " + a[0].sql + " IS NOT NULL THEN " + a[1].sql + " ELSE " + a[2].sql + " END"
}

// decode compares its first argument with the others; to DECODE, NULL equals NULL.
func decode(a []fragment) string {
	sql := "CASE"
	rest := a[1:]
	for len(rest) >= 2 {
		_, value := alike(a[0], rest[0])
		sql += " WHEN " + a[0].sql + " IS " + value.sql + " THEN " + rest[1].sql
		rest = rest[2:]
	}
	if len(rest) == 1 {
		sql += " ELSE " + rest[0].sql
	}
	return sql + " END"
}

func decodeKind(a []fragment) kind {
	var results []fragment
	for i := 2; i < len(a); i += 2 {
		results = append(results, a[i])
	}
	if len(a)%2 == 0 {
		results = append(results, a[len(a)-1])
	}
	return firstKind(results)
}

// roundOrTrunc works on dates, with a format, and on numbers, with a number of digits.
func roundOrTrunc(name string) func(a []fragment) string {
	return func(a []fragment) string {
		second := ""
		if len(a) == 2 {
			second = ", " + a[1].sql
		}
		if a[0].kind == date {
			return "oracle_" + name + "_date(" + a[0].sql + second + ")"
		}
		return "oracle_" + name + "(" + as(a[0], number).sql + second + ")"
	}
}

func toChar(a []fragment) string {
	if len(a) == 1 {
		return as(a[0], text).sql
	}
	if a[0].kind == date {
		return "oracle_date_to_char(" + a[0].sql + ", " + a[1].sql + ")"
	}
	return "oracle_number_to_char(" + as(a[0], number).sql + ", " + a[1].sql + ")"
}

func toDate(a []fragment) string {
	if len(a) == 1 {
		return as(a[0], date).sql
	}
	return "oracle_to_date(" + as(a[0], text).sql + ", " + a[1].sql + ")"
}
