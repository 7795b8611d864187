package company

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// This file turns a syntax tree into SQLite's SQL. Every name in the result comes from the catalogue or is
// made here, every string is quoted here.

// translator translates one statement for one role.
type translator struct {
	lookup    func(name string) (t *table, visible bool) // t nil = no such table
	hideEmpty bool                                       // a table that is not visible shows no rows
	now       float64                                    // SYSDATE
	made      int                                        // names given to sources
}

// translated is a statement for SQLite. The row limits stand apart, so that a page can be cut out.
type translated struct {
	sql           string
	columns       []column
	limit, offset int64 // limit -1 = none
	bound         *lowerBound
}

// whole is the statement with its own limits.
func (t translated) whole() string {
	if t.limit < 0 && t.offset == 0 {
		return t.sql
	}
	return fmt.Sprintf("%s LIMIT %d OFFSET %d", t.sql, t.limit, t.offset)
}

// page is the statement cut down to limit rows after the first offset ones.
func (t translated) page(limit, offset int64) string {
	if t.limit >= 0 {
		limit = max(0, min(limit, t.limit-offset))
	}
	return fmt.Sprintf("%s LIMIT %d OFFSET %d", t.sql, limit, t.offset+offset)
}

func (t *translator) translate(statement string) (translated, error) {
	q, err := parse(statement)
	if err != nil {
		return translated{}, err
	}
	return t.query(q, nil, nil)
}

func (t *translator) newName() string {
	t.made++
	return "t" + strconv.Itoa(t.made)
}

func (t *translator) query(q *query, outer *scope, known *common) (translated, error) {
	with, known, err := t.with(q.with, outer, known)
	if err != nil {
		return translated{}, err
	}
	var out translated
	switch {
	case len(q.rest) > 0:
		out, err = t.compound(q, outer, known)
	case q.first.sel != nil:
		out, err = t.selectCore(q.first.sel, q.orderBy, outer, known)
	default:
		out, err = t.inParentheses(q, outer, known)
	}
	if err != nil {
		return translated{}, err
	}
	out.sql = with + out.sql
	if out.bound != nil {
		out.bound.rest = with + out.bound.rest
	}
	if q.limit >= 0 || q.offset > 0 {
		if out.limit >= 0 {
			return translated{}, syntaxf("TOP and FETCH or OFFSET cannot stand in one query")
		}
		out.limit, out.offset = q.limit, q.offset
	}
	return out, nil
}

// with translates common table expressions, each of which can name those before it.
func (t *translator) with(ctes []cte, outer *scope, known *common) (string, *common, error) {
	var defs []string
	for _, c := range ctes {
		inner, err := t.query(c.query, outer, known)
		if err != nil {
			return "", nil, err
		}
		columns := slices.Clone(inner.columns)
		if c.columns != nil && len(c.columns) != len(columns) {
			return "", nil, syntaxf("'%s' names %d columns for a query of %d", c.name, len(c.columns), len(columns))
		}
		for i, name := range c.columns {
			columns[i].name = name
		}
		if err := distinctNames(c.name, columns); err != nil {
			return "", nil, err
		}
		known = &common{name: c.name, engine: t.newName(), columns: columns, outer: known}
		defs = append(defs, known.engine+"("+strings.Join(quotedNames(columns), ", ")+") AS ("+inner.whole()+")")
	}
	if defs == nil {
		return "", known, nil
	}
	return "WITH " + strings.Join(defs, ", ") + " ", known, nil
}

func distinctNames(of string, columns []column) error {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.name] {
			return syntaxf("'%s' has more than one column '%s'", of, c.name)
		}
		seen[c.name] = true
	}
	return nil
}

func quotedNames(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoteName(c.name)
	}
	return names
}

// inParentheses is a query that is another one in parentheses, perhaps ordered anew.
func (t *translator) inParentheses(q *query, outer *scope, known *common) (translated, error) {
	inner, err := t.query(q.first.query, outer, known)
	if err != nil {
		return translated{}, err
	}
	order, err := orderByOutput(q.orderBy, inner.columns)
	return translated{sql: "SELECT * FROM (" + inner.whole() + ")" + order, columns: inner.columns, limit: -1}, err
}

// compound is UNION and its kin. Operators bind equally and from left to right, in Oracle as in SQLite.
func (t *translator) compound(q *query, outer *scope, known *common) (translated, error) {
	first, err := t.term(q.first, outer, known)
	if err != nil {
		return translated{}, err
	}
	sql := "SELECT * FROM (" + first.whole() + ")"
	for _, operand := range q.rest {
		next, err := t.term(operand.term, outer, known)
		if err != nil {
			return translated{}, err
		}
		if len(next.columns) != len(first.columns) {
			return translated{}, syntaxf("%s of %d and %d columns: both queries must give the same number", operand.operator, len(first.columns), len(next.columns))
		}
		operator := operand.operator
		if operator == "MINUS" {
			operator = "EXCEPT"
		}
		sql += " " + operator + " SELECT * FROM (" + next.whole() + ")"
	}
	order, err := orderByOutput(q.orderBy, first.columns)
	return translated{sql: sql + order, columns: first.columns, limit: -1}, err
}

func (t *translator) term(term queryTerm, outer *scope, known *common) (translated, error) {
	if term.sel != nil {
		return t.selectCore(term.sel, nil, outer, known)
	}
	return t.query(term.query, outer, known)
}

// orderByOutput is an ORDER BY that can only name the query's own columns, or their positions.
func orderByOutput(items []orderItem, columns []column) (string, error) {
	var parts []string
	for _, item := range items {
		name, ok, err := outputColumn(item.x, columns)
		if err != nil {
			return "", err
		}
		if !ok {
			return "", syntaxf("ORDER BY here can only name columns of the result or their positions")
		}
		parts = append(parts, name+direction(item))
	}
	return clause(" ORDER BY ", parts, ", "), nil
}

// outputColumn is the column of the result that an ORDER BY expression names or numbers.
func outputColumn(x expr, columns []column) (sql string, ok bool, err error) {
	switch x := x.(type) {
	case literal:
		if x.kind != number {
			return "", false, nil
		}
		n, err := strconv.Atoi(x.text)
		if err != nil || n < 1 || n > len(columns) {
			return "", false, syntaxf("ORDER BY %s: the result has columns 1 to %d", x.text, len(columns))
		}
		return strconv.Itoa(n), true, nil
	case columnRef:
		for _, c := range columns {
			if x.qualifier == "" && c.name == x.name {
				return quoteName(c.name), true, nil
			}
		}
	}
	return "", false, nil
}

// direction adds Oracle's place of NULL, which is the opposite of SQLite's.
func direction(item orderItem) string {
	nulls, order := "LAST", " ASC"
	if item.descending {
		nulls, order = "FIRST", " DESC"
	}
	if item.nulls != "" {
		nulls = item.nulls
	}
	return order + " NULLS " + nulls
}

// clause joins parts behind a keyword, or is empty.
func clause(keyword string, parts []string, separator string) string {
	if len(parts) == 0 {
		return ""
	}
	return keyword + strings.Join(parts, separator)
}

// selecting is one SELECT under translation.
type selecting struct {
	*translator
	scope *scope
	known *common

	output      []column
	items       []string // of output, as SQL
	where       []string // conditions but those on ROWNUM, as SQL
	bounds      []boundCondition
	rownumLimit float64
	aggregated  bool   // holds a group function
	loose       string // a column that is neither grouped nor aggregated
}

func (t *translator) selectCore(s *selectCore, orderBy []orderItem, outer *scope, known *common) (translated, error) {
	sel := &selecting{translator: t, scope: &scope{outer: outer, using: map[string]bool{}}, known: known, rownumLimit: math.Inf(1)}
	from, err := sel.from(s.from)
	if err != nil {
		return translated{}, err
	}
	if err := sel.whereClause(s.where); err != nil {
		return translated{}, err
	}
	tables := from
	from += clause(" WHERE ", sel.where, " AND ")
	if s.usesRownum {
		sel.scope.numbered = &numbered{engine: t.newName()}
	}
	tail, err := sel.groupHavingOrder(s, orderBy)
	if err != nil {
		return translated{}, err
	}
	if sel.scope.numbered != nil {
		from = sel.numberedFrom(from)
	}
	bound := sel.lowerBoundOf(s, tables)
	head := "SELECT "
	if s.distinct {
		head += "DISTINCT "
	}
	return translated{sql: head + strings.Join(sel.items, ", ") + from + tail, columns: sel.output, limit: s.top, bound: bound}, nil
}

// groupHavingOrder translates everything but FROM and WHERE. The order matters: what is grouped decides
// which columns the rest may name.
func (sel *selecting) groupHavingOrder(s *selectCore, orderBy []orderItem) (string, error) {
	group, err := sel.groupBy(s.groupBy)
	if err != nil {
		return "", err
	}
	if err := sel.selectItems(s.items); err != nil {
		return "", err
	}
	having, err := sel.having(s.having)
	if err != nil {
		return "", err
	}
	order, err := sel.orderBy(orderBy)
	if err != nil {
		return "", err
	}
	if sel.loose != "" && (sel.aggregated || group != "") {
		return "", syntaxf("'%s' is not a GROUP BY expression", sel.loose)
	}
	return group + having + order, nil
}

// numberedFrom is the FROM clause of a query with ROWNUM: Oracle numbers rows as they pass WHERE, before it
// groups and sorts them.
func (sel *selecting) numberedFrom(from string) string {
	columns := []string{"row_number() OVER () AS " + rownumColumn}
	for i, c := range sel.scope.numbered.columns {
		columns = append(columns, fmt.Sprintf(`%s AS "r%d"`, c, i))
	}
	limit := ""
	if !math.IsInf(sel.rownumLimit, 1) {
		limit = fmt.Sprintf(" LIMIT %d", int64(max(0, min(sel.rownumLimit, math.MaxInt32))))
	}
	return " FROM (SELECT " + strings.Join(columns, ", ") + from + limit + ") AS " + sel.scope.numbered.engine
}

// FROM

func (sel *selecting) from(items []fromItem) (string, error) {
	var parts []string
	for _, item := range items {
		part, err := sel.fromItem(&item)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	return " FROM " + strings.Join(parts, ", "), nil
}

func (sel *selecting) fromItem(item *fromItem) (string, error) {
	switch {
	case item.join != "":
		return sel.join(item)
	case item.query != nil:
		inner, err := sel.query(item.query, nil, sel.known)
		if err != nil {
			return "", err
		}
		return sel.add(item.alias, "("+inner.whole()+")", inner.columns)
	}
	alias := item.alias
	if alias == "" {
		alias = item.name
	}
	if c := sel.known.find(item.name); c != nil {
		return sel.add(alias, c.engine, c.columns)
	}
	t, visible := sel.lookup(item.name)
	if t == nil || !visible && !sel.hideEmpty {
		return "", &unknownTable{item.name}
	}
	if !visible {
		return sel.add(alias, "(SELECT * FROM "+quoteName(t.name)+" WHERE 0)", t.columns)
	}
	return sel.add(alias, quoteName(t.name), t.columns)
}

// add makes a table or query part of the scope.
func (sel *selecting) add(alias, sql string, columns []column) (string, error) {
	for _, have := range sel.scope.sources {
		if alias != "" && have.alias == alias {
			return "", syntaxf("two tables are called '%s'; give one of them another alias", alias)
		}
	}
	src := source{alias: alias, engine: sel.newName(), columns: columns}
	sel.scope.sources = append(sel.scope.sources, src)
	return sql + " AS " + src.engine, nil
}

func (sel *selecting) join(item *fromItem) (string, error) {
	left, err := sel.fromItem(item.left)
	if err != nil {
		return "", err
	}
	before := len(sel.scope.sources)
	right, err := sel.fromItem(item.right)
	if err != nil {
		return "", err
	}
	if item.right.join != "" {
		right = "(" + right + ")"
	}
	on, err := sel.joinCondition(item, before)
	return left + " " + item.join + " JOIN " + right + on, err
}

func (sel *selecting) joinCondition(item *fromItem, before int) (string, error) {
	if item.on != nil {
		f, err := sel.condition(item.on)
		return " ON " + f.sql, err
	}
	var equal []string
	for _, name := range item.using {
		left := &scope{sources: sel.scope.sources[:before], using: sel.scope.using}
		right := &scope{sources: sel.scope.sources[before:], using: sel.scope.using}
		l, err := left.resolve(columnRef{name: name})
		if err != nil {
			return "", err
		}
		r, err := right.resolve(columnRef{name: name})
		if err != nil {
			return "", err
		}
		equal = append(equal, l.sql+" = "+r.sql)
	}
	for _, name := range item.using {
		sel.scope.using[name] = true
	}
	return clause(" ON ", equal, " AND "), nil
}

// WHERE

func (sel *selecting) whereClause(where expr) error {
	if where == nil {
		return nil
	}
	for _, part := range conjuncts(where) {
		if limit, ok := rownumLimit(part); ok {
			sel.rownumLimit = min(sel.rownumLimit, limit)
			continue
		}
		f, err := sel.condition(part)
		if err != nil {
			return err
		}
		if f.aggregate {
			return syntaxf("a group function is not allowed in WHERE; use HAVING")
		}
		if bound, ok := sel.boundOf(part); ok {
			sel.bounds = append(sel.bounds, bound)
		}
		sel.where = append(sel.where, "("+f.sql+")")
	}
	return nil
}

func conjuncts(x expr) []expr {
	if b, ok := x.(binary); ok && b.operator == "AND" {
		return append(conjuncts(b.left), conjuncts(b.right)...)
	}
	return []expr{x}
}

// rownumLimit is the number of rows that a condition such as ROWNUM <= 10 lets through. A row that fails is
// not counted, so ROWNUM = 2 and ROWNUM > 1 are never true.
func rownumLimit(x expr) (float64, bool) {
	if between, ok := x.(between); ok && isRownum(between.x) && !between.not {
		low, lowOK := numberOf(between.low)
		high, highOK := numberOf(between.high)
		return ifFirst(low <= 1, math.Floor(high)), lowOK && highOK
	}
	b, ok := x.(binary)
	if !ok || !isRownum(b.left) {
		return 0, false
	}
	n, ok := numberOf(b.right)
	switch b.operator {
	case "<=":
		return math.Floor(n), ok
	case "<":
		return math.Ceil(n) - 1, ok
	case "=":
		return ifFirst(n == 1, 1), ok
	case ">":
		return ifFirst(n < 1, math.Inf(1)), ok
	case ">=":
		return ifFirst(n <= 1, math.Inf(1)), ok
	}
	return 0, false
}

// ifFirst is rows if the first row passes; otherwise none does.
func ifFirst(passes bool, rows float64) float64 {
	if passes {
		return rows
	}
	return 0
}

func isRownum(x expr) bool {
	_, ok := x.(rownum)
	return ok
}

func numberOf(x expr) (float64, bool) {
	l, ok := x.(literal)
	if !ok || l.kind != number {
		return 0, false
	}
	n, err := strconv.ParseFloat(l.text, 64)
	return n, err == nil
}

// The rest of a SELECT

func (sel *selecting) groupBy(items []expr) (string, error) {
	var parts []string
	grouped := map[string]bool{}
	for _, item := range items {
		f, err := sel.value(item)
		if err != nil {
			return "", err
		}
		if f.aggregate {
			return "", syntaxf("a group function is not allowed in GROUP BY")
		}
		// A bare number would be a position to SQLite; to Oracle it is a constant.
		parts = append(parts, "("+f.sql+")")
		grouped[f.sql] = true
	}
	sel.scope.grouped = grouped
	return clause(" GROUP BY ", parts, ", "), nil
}

func (sel *selecting) selectItems(items []selectItem) error {
	for _, item := range items {
		if item.star {
			if err := sel.star(item.qualifier); err != nil {
				return err
			}
			continue
		}
		f, err := sel.value(item.x)
		if err != nil {
			return err
		}
		sel.note(f)
		sel.addItem(sel.itemName(item), f)
	}
	return nil
}

// itemName is the key of a column in the answer. That a column without a name is called expr and its
// position is a guess.
func (sel *selecting) itemName(item selectItem) string {
	if item.alias != "" {
		return item.alias
	}
	if ref, ok := item.x.(columnRef); ok {
		return ref.name
	}
	return "expr" + strconv.Itoa(len(sel.items)+1)
}

// addItem gives a second column of the same name a suffix (a guess), since an answer is a JSON object.
func (sel *selecting) addItem(name string, f fragment) {
	unique := name
	taken := func(c column) bool { return c.name == unique }
	for n := 0; slices.ContainsFunc(sel.output, taken); n++ {
		unique = name + "_" + strconv.Itoa(n)
	}
	sel.output = append(sel.output, column{name: unique, kind: f.kind, ref: f.ref})
	sel.items = append(sel.items, f.sql+" AS "+quoteName(unique))
}

func (sel *selecting) star(qualifier string) error {
	found := false
	for _, src := range sel.scope.sources {
		if qualifier != "" && src.alias != qualifier {
			continue
		}
		found = true
		for _, c := range src.columns {
			f := sel.scope.fragment(src, c)
			f.loose = c.name
			sel.note(sel.group(f))
			sel.addItem(c.name, f)
		}
	}
	if !found {
		return &unknownColumn{qualifier + ".*", sel.scope.available("")}
	}
	return nil
}

// note remembers what decides whether this SELECT groups, and whether it may.
func (sel *selecting) note(f fragment) {
	sel.aggregated = sel.aggregated || f.aggregate
	if sel.loose == "" {
		sel.loose = f.loose
	}
}

func (sel *selecting) having(x expr) (string, error) {
	if x == nil {
		return "", nil
	}
	f, err := sel.condition(x)
	sel.aggregated = true
	sel.note(f)
	return " HAVING " + f.sql, err
}

func (sel *selecting) orderBy(items []orderItem) (string, error) {
	var parts []string
	for _, item := range items {
		sql, ok, err := outputColumn(item.x, sel.output)
		if err != nil {
			return "", err
		}
		if !ok {
			f, err := sel.value(item.x)
			if err != nil {
				return "", err
			}
			sel.note(f)
			sql = f.sql
		}
		parts = append(parts, sql+direction(item))
	}
	return clause(" ORDER BY ", parts, ", "), nil
}
