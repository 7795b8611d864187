package company

import (
	"slices"
	"strconv"
	"strings"
)

// This file reads a statement by recursive descent. The grammar is the part of Oracle's SELECT that
// integrations write; whatever it does not know is refused, so there is no statement but a SELECT.

// maxDepth bounds nested parentheses and queries, far below what would exhaust the stack or SQLite.
const maxDepth = 60

type parser struct {
	tokens  []token
	depth   int
	rownums int // how many ROWNUM were read
}

// reserved words cannot be names without quotes.
var reserved = wordSet(`SELECT FROM WHERE GROUP BY HAVING ORDER UNION INTERSECT MINUS EXCEPT ALL DISTINCT AS ON
	USING JOIN INNER LEFT RIGHT FULL OUTER CROSS NATURAL AND OR NOT IN IS NULL LIKE BETWEEN EXISTS CASE WHEN THEN ELSE END
	FETCH OFFSET WITH ROWNUM ASC DESC ESCAPE INSERT UPDATE DELETE CREATE DROP ALTER INTO VALUES SET`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

func parse(statement string) (*query, error) {
	tokens, err := tokenize(statement)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	if !p.is("SELECT") && !p.is("WITH") && !p.is("(") {
		return nil, syntaxf("a statement must start with SELECT or WITH, not with %s", p.peek())
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenEnd {
		return nil, syntaxf("unexpected %s at position %d", p.peek(), p.peek().at)
	}
	return q, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) peekAt(n int) token {
	return p.tokens[min(n, len(p.tokens)-1)]
}

func (p *parser) advance() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

func isToken(t token, text string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && t.text == text
}

func (p *parser) is(text string) bool { return isToken(p.peek(), text) }

// accept passes these tokens if they come next, all of them or none.
func (p *parser) accept(texts ...string) bool {
	for i, text := range texts {
		if !isToken(p.peekAt(i), text) {
			return false
		}
	}
	for range texts {
		p.advance()
	}
	return true
}

func (p *parser) expect(texts ...string) error {
	for _, text := range texts {
		if !p.accept(text) {
			return syntaxf("expected %s but found %s at position %d", text, p.peek(), p.peek().at)
		}
	}
	return nil
}

// enter counts a level of nesting; the caller defers leave.
func (p *parser) enter() error {
	p.depth++
	if p.depth > maxDepth {
		return syntaxf("the statement nests deeper than %d levels", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// name reads a name, quoted or not, in lower case: neither tables nor columns tell the case.
func (p *parser) name() (string, error) {
	t := p.peek()
	if t.kind == tokenQuoted && t.text != "" || t.kind == tokenWord && !reserved[t.text] {
		p.advance()
		return strings.ToLower(t.text), nil
	}
	return "", syntaxf("expected a name but found %s at position %d", t, t.at)
}

func (p *parser) names() ([]string, error) {
	return list(p, (*parser).name)
}

// list reads items separated by commas.
func list[T any](p *parser, item func(*parser) (T, error)) ([]T, error) {
	var items []T
	for {
		x, err := item(p)
		if err != nil {
			return nil, err
		}
		items = append(items, x)
		if !p.accept(",") {
			return items, nil
		}
	}
}

// parenthesized reads ( inner ).
func parenthesized[T any](p *parser, inner func() (T, error)) (T, error) {
	var zero T
	if err := p.expect("("); err != nil {
		return zero, err
	}
	x, err := inner()
	if err != nil {
		return zero, err
	}
	return x, p.expect(")")
}

func (p *parser) query() (*query, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	q := &query{limit: -1}
	var err error
	if p.accept("WITH") {
		if q.with, err = list(p, (*parser).cte); err != nil {
			return nil, err
		}
	}
	if q.first, err = p.queryTerm(); err != nil {
		return nil, err
	}
	for {
		operator := p.setOperator()
		if operator == "" {
			break
		}
		term, err := p.queryTerm()
		if err != nil {
			return nil, err
		}
		q.rest = append(q.rest, setOperand{operator, term})
	}
	if p.accept("ORDER", "BY") {
		if q.orderBy, err = list(p, (*parser).orderItem); err != nil {
			return nil, err
		}
	}
	return q, p.rowLimits(q)
}

func (p *parser) cte() (cte, error) {
	name, err := p.name()
	if err != nil {
		return cte{}, err
	}
	c := cte{name: name}
	if p.is("(") {
		if c.columns, err = parenthesized(p, p.names); err != nil {
			return cte{}, err
		}
	}
	if err := p.expect("AS"); err != nil {
		return cte{}, err
	}
	c.query, err = parenthesized(p, p.query)
	return c, err
}

func (p *parser) setOperator() string {
	switch {
	case p.accept("UNION", "ALL"):
		return "UNION ALL"
	case p.accept("UNION"):
		return "UNION"
	case p.accept("INTERSECT"):
		return "INTERSECT"
	case p.accept("MINUS"), p.accept("EXCEPT"):
		return "MINUS"
	}
	return ""
}

func (p *parser) queryTerm() (queryTerm, error) {
	if p.is("(") {
		q, err := parenthesized(p, p.query)
		return queryTerm{query: q}, err
	}
	s, err := p.selectCore()
	return queryTerm{sel: s}, err
}

// rowLimits reads OFFSET n ROWS and FETCH FIRST n ROWS ONLY.
func (p *parser) rowLimits(q *query) error {
	var err error
	if p.accept("OFFSET") {
		if q.offset, err = p.count(); err != nil {
			return err
		}
		if !p.accept("ROWS") && !p.accept("ROW") {
			return p.expect("ROWS")
		}
	}
	if !p.accept("FETCH") {
		return nil
	}
	if !p.accept("FIRST") && !p.accept("NEXT") {
		return p.expect("FIRST")
	}
	q.limit = 1
	if p.peek().kind == tokenNumber {
		if q.limit, err = p.count(); err != nil {
			return err
		}
	}
	if !p.accept("ROWS") && !p.accept("ROW") {
		return p.expect("ROWS")
	}
	return p.expect("ONLY")
}

// count reads a whole number of rows.
func (p *parser) count() (int64, error) {
	t := p.advance()
	n, err := strconv.ParseInt(t.text, 10, 32)
	if t.kind != tokenNumber || err != nil {
		return 0, syntaxf("expected a number of rows but found %s at position %d", t, t.at)
	}
	return n, nil
}

func (p *parser) selectCore() (*selectCore, error) {
	if err := p.expect("SELECT"); err != nil {
		return nil, err
	}
	s := &selectCore{top: -1}
	before := p.rownums
	// A ROWNUM of a query inside only costs this one an idle numbering.
	defer func() { s.usesRownum = p.rownums > before }()
	var err error
	if p.is("TOP") && p.peekAt(1).kind == tokenNumber {
		p.advance()
		if s.top, err = p.count(); err != nil {
			return nil, err
		}
	}
	s.distinct = p.accept("DISTINCT") || p.accept("UNIQUE")
	p.accept("ALL")
	if s.items, err = list(p, (*parser).selectItem); err != nil {
		return nil, err
	}
	if err := p.expect("FROM"); err != nil {
		return nil, err
	}
	if s.from, err = list(p, (*parser).fromItem); err != nil {
		return nil, err
	}
	return s, p.conditions(s)
}

// conditions reads WHERE, GROUP BY and HAVING.
func (p *parser) conditions(s *selectCore) error {
	var err error
	if p.accept("WHERE") {
		if s.where, err = p.expr(); err != nil {
			return err
		}
	}
	if p.accept("GROUP", "BY") {
		if s.groupBy, err = list(p, (*parser).expr); err != nil {
			return err
		}
	}
	if p.accept("HAVING") {
		s.having, err = p.expr()
	}
	return err
}

func (p *parser) selectItem() (selectItem, error) {
	if p.accept("*") {
		return selectItem{star: true}, nil
	}
	if isToken(p.peekAt(1), ".") && isToken(p.peekAt(2), "*") {
		qualifier, err := p.name()
		p.accept(".", "*")
		return selectItem{star: true, qualifier: qualifier}, err
	}
	x, err := p.expr()
	if err != nil {
		return selectItem{}, err
	}
	alias, err := p.alias()
	return selectItem{x: x, alias: alias}, err
}

// alias reads [AS] name, or nothing.
func (p *parser) alias() (string, error) {
	t := p.peek()
	if p.accept("AS") || t.kind == tokenQuoted || t.kind == tokenWord && !reserved[t.text] {
		return p.name()
	}
	return "", nil
}

func (p *parser) fromItem() (fromItem, error) {
	if err := p.enter(); err != nil {
		return fromItem{}, err
	}
	defer p.leave()
	left, err := p.fromPrimary()
	if err != nil {
		return fromItem{}, err
	}
	for {
		kind := p.joinKind()
		if kind == "" {
			return left, nil
		}
		if left, err = p.joinTo(left, kind); err != nil {
			return fromItem{}, err
		}
	}
}

func (p *parser) joinKind() string {
	for _, kind := range []string{"LEFT", "RIGHT", "FULL"} {
		if p.accept(kind, "OUTER", "JOIN") || p.accept(kind, "JOIN") {
			return kind
		}
	}
	switch {
	case p.accept("INNER", "JOIN"), p.accept("JOIN"):
		return "INNER"
	case p.accept("CROSS", "JOIN"):
		return "CROSS"
	}
	return ""
}

func (p *parser) joinTo(left fromItem, kind string) (fromItem, error) {
	right, err := p.fromPrimary()
	if err != nil {
		return fromItem{}, err
	}
	join := fromItem{join: kind, left: &left, right: &right}
	switch {
	case kind == "CROSS":
		return join, nil
	case p.accept("USING"):
		join.using, err = parenthesized(p, p.names)
		return join, err
	}
	if err := p.expect("ON"); err != nil {
		return fromItem{}, err
	}
	join.on, err = p.expr()
	return join, err
}

func (p *parser) fromPrimary() (fromItem, error) {
	if p.is("(") {
		return p.fromParentheses()
	}
	name, err := p.name()
	if err != nil {
		return fromItem{}, err
	}
	alias, err := p.alias()
	return fromItem{name: name, alias: alias}, err
}

// fromParentheses reads a derived table or a join in parentheses.
func (p *parser) fromParentheses() (fromItem, error) {
	inner := 0
	for isToken(p.peekAt(inner), "(") {
		inner++
	}
	if t := p.peekAt(inner); !isToken(t, "SELECT") && !isToken(t, "WITH") {
		return parenthesized(p, p.fromItem)
	}
	q, err := parenthesized(p, p.query)
	if err != nil {
		return fromItem{}, err
	}
	alias, err := p.alias()
	return fromItem{query: q, alias: alias}, err
}

func (p *parser) orderItem() (orderItem, error) {
	x, err := p.expr()
	if err != nil {
		return orderItem{}, err
	}
	o := orderItem{x: x}
	if p.accept("DESC") {
		o.descending = true
	} else {
		p.accept("ASC")
	}
	switch {
	case p.accept("NULLS", "FIRST"):
		o.nulls = "FIRST"
	case p.accept("NULLS", "LAST"):
		o.nulls = "LAST"
	}
	return o, nil
}

// Expressions, from the loosest binding operator to the tightest.

func (p *parser) expr() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	return p.leftAssociative((*parser).conjunction, "OR")
}

func (p *parser) conjunction() (expr, error) {
	return p.leftAssociative((*parser).negation, "AND")
}

func (p *parser) negation() (expr, error) {
	if !p.accept("NOT") {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.negation()
	return unary{"NOT", x}, err
}

// maxChain bounds a OR b OR c ..., which becomes a tree as deep as it is long.
const maxChain = 300

func (p *parser) leftAssociative(operand func(*parser) (expr, error), operators ...string) (expr, error) {
	x, err := operand(p)
	if err != nil {
		return nil, err
	}
	for n := 0; p.peek().kind != tokenEnd && slices.ContainsFunc(operators, p.is); n++ {
		if n == maxChain {
			return nil, syntaxf("more than %d operators %s in a row", maxChain, strings.Join(operators, " "))
		}
		operator := p.advance().text
		y, err := operand(p)
		if err != nil {
			return nil, err
		}
		x = binary{operator, x, y}
	}
	return x, nil
}

func (p *parser) comparison() (expr, error) {
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	for _, operator := range []string{"=", "<>", "!=", "^=", "<=", ">=", "<", ">"} {
		if p.accept(operator) {
			y, err := p.sum()
			if operator == "!=" || operator == "^=" {
				operator = "<>"
			}
			return binary{operator, x, y}, err
		}
	}
	if p.accept("IS", "NOT", "NULL") {
		return isNull{x, true}, nil
	}
	if p.accept("IS", "NULL") {
		return isNull{x, false}, nil
	}
	not := p.accept("NOT")
	switch {
	case p.accept("IN"):
		return p.inList(x, not)
	case p.accept("BETWEEN"):
		return p.between(x, not)
	case p.accept("LIKE"):
		return p.like(x, not)
	case not:
		return nil, syntaxf("expected IN, BETWEEN or LIKE but found %s at position %d", p.peek(), p.peek().at)
	}
	return x, nil
}

func (p *parser) inList(x expr, not bool) (expr, error) {
	return parenthesized(p, func() (expr, error) {
		if p.is("SELECT") || p.is("WITH") {
			q, err := p.query()
			return inList{x: x, query: q, not: not}, err
		}
		values, err := list(p, (*parser).expr)
		// Oracle takes a thousand expressions in a list (ORA-01795).
		if len(values) > 1000 {
			return nil, syntaxf("maximum number of expressions in a list is 1000")
		}
		return inList{x: x, list: values, not: not}, err
	})
}

func (p *parser) between(x expr, not bool) (expr, error) {
	low, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AND"); err != nil {
		return nil, err
	}
	high, err := p.sum()
	return between{x, low, high, not}, err
}

func (p *parser) like(x expr, not bool) (expr, error) {
	pattern, err := p.sum()
	if err != nil {
		return nil, err
	}
	l := like{x: x, pattern: pattern, not: not}
	if p.accept("ESCAPE") {
		l.escape, err = p.sum()
	}
	return l, err
}

func (p *parser) sum() (expr, error) {
	return p.leftAssociative((*parser).product, "+", "-", "||")
}

func (p *parser) product() (expr, error) {
	return p.leftAssociative((*parser).signed, "*", "/")
}

func (p *parser) signed() (expr, error) {
	for _, sign := range []string{"-", "+"} {
		if p.accept(sign) {
			if err := p.enter(); err != nil {
				return nil, err
			}
			defer p.leave()
			x, err := p.signed()
			return unary{sign, x}, err
		}
	}
	return p.primary()
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch t.kind {
	case tokenNumber:
		p.advance()
		return literal{number, t.text}, nil
	case tokenString:
		p.advance()
		return textLiteral(t.text), nil
	case tokenSymbol:
		return p.parenthesis()
	case tokenWord:
		if x, err := p.keyword(); x != nil || err != nil {
			return x, err
		}
	}
	return p.columnOrCall()
}

// textLiteral is a string; in Oracle's SQL the empty one is NULL.
func textLiteral(s string) expr {
	if s == "" {
		return literal{}
	}
	return literal{text, s}
}

func (p *parser) parenthesis() (expr, error) {
	return parenthesized(p, func() (expr, error) {
		if p.is("SELECT") || p.is("WITH") {
			q, err := p.query()
			return scalar{q}, err
		}
		return p.expr()
	})
}

// keyword reads an expression that starts with a word of its own, or gives nil.
func (p *parser) keyword() (expr, error) {
	switch {
	case p.accept("NULL"):
		return literal{}, nil
	case p.accept("ROWNUM"):
		p.rownums++
		return rownum{}, nil
	case p.accept("CASE"):
		return p.caseWhen()
	case p.accept("EXISTS"):
		q, err := parenthesized(p, p.query)
		return exists{q}, err
	case p.is("DATE") && p.peekAt(1).kind == tokenString:
		p.advance()
		return call{name: "TO_DATE", args: []expr{textLiteral(p.advance().text), literal{text, "YYYY-MM-DD"}}}, nil
	case p.accept("CAST", "("):
		return p.cast()
	case p.accept("EXTRACT", "("):
		return p.extract()
	}
	return nil, nil
}

func (p *parser) caseWhen() (expr, error) {
	var c caseWhen
	var err error
	if !p.is("WHEN") {
		if c.operand, err = p.expr(); err != nil {
			return nil, err
		}
	}
	for p.accept("WHEN") {
		var w when
		if w.condition, err = p.expr(); err != nil {
			return nil, err
		}
		if err := p.expect("THEN"); err != nil {
			return nil, err
		}
		if w.result, err = p.expr(); err != nil {
			return nil, err
		}
		c.whens = append(c.whens, w)
	}
	if len(c.whens) == 0 {
		return nil, syntaxf("CASE without WHEN at position %d", p.peek().at)
	}
	if p.accept("ELSE") {
		if c.other, err = p.expr(); err != nil {
			return nil, err
		}
	}
	return c, p.expect("END")
}

// castTypes are the types of CAST.
var castTypes = map[string]kind{
	"VARCHAR2": text, "VARCHAR": text, "CHAR": text, "NVARCHAR2": text, "CLOB": text,
	"NUMBER": number, "INTEGER": number, "INT": number, "FLOAT": number, "DECIMAL": number, "DATE": date,
}

// cast reads the rest of CAST(x AS type).
func (p *parser) cast() (expr, error) {
	x, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AS"); err != nil {
		return nil, err
	}
	to, ok := castTypes[p.peek().text]
	if !ok || p.peek().kind != tokenWord {
		return nil, syntaxf("unknown type %s of CAST at position %d", p.peek(), p.peek().at)
	}
	p.advance()
	if p.is("(") {
		if _, err := parenthesized(p, func() ([]int64, error) { return list(p, (*parser).count) }); err != nil {
			return nil, err
		}
	}
	return cast{x, to}, p.expect(")")
}

// extract reads the rest of EXTRACT(field FROM date).
func (p *parser) extract() (expr, error) {
	field := p.advance()
	if !slices.Contains([]string{"YEAR", "MONTH", "DAY"}, field.text) {
		return nil, syntaxf("unknown field %s of EXTRACT; use YEAR, MONTH or DAY", field)
	}
	if err := p.expect("FROM"); err != nil {
		return nil, err
	}
	x, err := p.expr()
	if err != nil {
		return nil, err
	}
	return extract{field.text, x}, p.expect(")")
}

func (p *parser) columnOrCall() (expr, error) {
	first := p.peek()
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if p.accept("(") {
		if first.kind == tokenQuoted {
			return nil, syntaxf("unknown function %s", first)
		}
		return p.call(first.text)
	}
	if !p.accept(".") {
		return columnRef{name: name}, nil
	}
	second, err := p.name()
	if err != nil {
		return nil, err
	}
	if p.accept("(") {
		return p.call(first.text + "." + strings.ToUpper(second))
	}
	return columnRef{name, second}, nil
}

// call reads a function's arguments after the parenthesis and what may follow them.
func (p *parser) call(name string) (expr, error) {
	c := call{name: name}
	var err error
	switch {
	case p.accept("*"):
		c.star = true
	case !p.is(")"):
		c.distinct = p.accept("DISTINCT")
		if c.args, err = list(p, (*parser).expr); err != nil {
			return nil, err
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	if p.accept("WITHIN", "GROUP") {
		c.within, err = parenthesized(p, func() ([]orderItem, error) {
			if err := p.expect("ORDER", "BY"); err != nil {
				return nil, err
			}
			return list(p, (*parser).orderItem)
		})
		if err != nil {
			return nil, err
		}
	}
	if p.accept("OVER") {
		c.over, err = parenthesized(p, p.window)
	}
	return c, err
}

func (p *parser) window() (*window, error) {
	var w window
	var err error
	if p.accept("PARTITION", "BY") {
		if w.partitionBy, err = list(p, (*parser).expr); err != nil {
			return nil, err
		}
	}
	if p.accept("ORDER", "BY") {
		if w.orderBy, err = list(p, (*parser).orderItem); err != nil {
			return nil, err
		}
	}
	if p.is("ROWS") || p.is("RANGE") {
		w.frame, err = p.frame()
	}
	return &w, err
}

func (p *parser) frame() (string, error) {
	unit := p.advance().text
	if !p.accept("BETWEEN") {
		bound, err := p.frameBound()
		if strings.HasSuffix(bound, "FOLLOWING") {
			return "", syntaxf("a window cannot start at %s", bound)
		}
		return unit + " " + bound, err
	}
	low, err := p.frameBound()
	if err != nil {
		return "", err
	}
	if err := p.expect("AND"); err != nil {
		return "", err
	}
	high, err := p.frameBound()
	if low == "UNBOUNDED FOLLOWING" || high == "UNBOUNDED PRECEDING" {
		return "", syntaxf("a window cannot reach from %s to %s", low, high)
	}
	return unit + " BETWEEN " + low + " AND " + high, err
}

func (p *parser) frameBound() (string, error) {
	if p.accept("CURRENT", "ROW") {
		return "CURRENT ROW", nil
	}
	size := "UNBOUNDED"
	if !p.accept("UNBOUNDED") {
		n, err := p.count()
		if err != nil {
			return "", err
		}
		size = strconv.FormatInt(n, 10)
	}
	switch {
	case p.accept("PRECEDING"):
		return size + " PRECEDING", nil
	case p.accept("FOLLOWING"):
		return size + " FOLLOWING", nil
	}
	return "", syntaxf("expected PRECEDING or FOLLOWING but found %s at position %d", p.peek(), p.peek().at)
}
