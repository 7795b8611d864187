package company

// This file is the syntax tree of a statement.

type query struct {
	with    []cte
	first   queryTerm
	rest    []setOperand
	orderBy []orderItem
	offset  int64 // rows to skip
	limit   int64 // rows to give, -1 = all
}

type cte struct {
	name    string
	columns []string
	query   *query
}

type setOperand struct {
	operator string // UNION, UNION ALL, INTERSECT, MINUS
	term     queryTerm
}

// queryTerm is a SELECT or a query in parentheses.
type queryTerm struct {
	sel   *selectCore
	query *query
}

type selectCore struct {
	top      int64 // rows of SELECT TOP n, -1 = all
	distinct bool
	items    []selectItem
	from     []fromItem // joined with commas
	where    expr
	groupBy  []expr
	having   expr

	usesRownum bool
}

type selectItem struct {
	star      bool
	qualifier string // of alias.*
	x         expr
	alias     string
}

// fromItem is a table, a query in parentheses, or a join of two.
type fromItem struct {
	name  string
	query *query
	alias string

	join        string // INNER, LEFT, RIGHT, FULL, CROSS; empty = no join
	left, right *fromItem
	on          expr
	using       []string
}

type orderItem struct {
	x          expr
	descending bool
	nulls      string // FIRST, LAST, empty = Oracle's default
}

type expr interface{ isExpr() }

type (
	// literal is a number, a string or NULL.
	literal struct {
		kind kind
		text string
	}
	columnRef struct{ qualifier, name string }
	rownum    struct{}
	unary     struct {
		operator string // - + NOT
		x        expr
	}
	binary struct {
		operator string
		left     expr
		right    expr
	}
	isNull struct {
		x   expr
		not bool
	}
	inList struct {
		x     expr
		list  []expr
		query *query // in place of list
		not   bool
	}
	between struct {
		x, low, high expr
		not          bool
	}
	like struct {
		x, pattern, escape expr
		not                bool
	}
	caseWhen struct {
		operand expr
		whens   []when
		other   expr
	}
	when   struct{ condition, result expr }
	exists struct{ query *query }
	scalar struct{ query *query }
	cast   struct {
		x  expr
		to kind
	}
	extract struct {
		field string
		from  expr
	}
	call struct {
		name     string
		star     bool // COUNT(*)
		distinct bool
		args     []expr
		within   []orderItem // LISTAGG(...) WITHIN GROUP (ORDER BY ...)
		over     *window
	}
)

type window struct {
	partitionBy []expr
	orderBy     []orderItem
	frame       string // in SQL, made of known words and numbers only
}

func (literal) isExpr()   {}
func (columnRef) isExpr() {}
func (rownum) isExpr()    {}
func (unary) isExpr()     {}
func (binary) isExpr()    {}
func (isNull) isExpr()    {}
func (inList) isExpr()    {}
func (between) isExpr()   {}
func (like) isExpr()      {}
func (caseWhen) isExpr()  {}
func (exists) isExpr()    {}
func (scalar) isExpr()    {}
func (cast) isExpr()      {}
func (extract) isExpr()   {}
func (call) isExpr()      {}
