package netsuite

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// keyForm is an unquoted name of Oracle. What is quoted could not be told from other text of the statement.
var keyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_$#]{0,127}$`)

// keyPager pages by a unique key: each page begins with the last row of the page before, so that offsets are not needed
// and rows which come and go cannot shift the others.
type keyPager struct {
	api  *API
	sql  string
	key  string // lower case, as the answer has it
	text bool
	size int

	started bool
	total   int
	last    string              // key of the last row; set when started
	now     map[string]struct{} // text keys of the current page
	before  map[string]struct{} // and of the page before
}

func newKeyPager(a *API, q Query) (pager, error) {
	if !keyForm.MatchString(q.Key) {
		return nil, fmt.Errorf("SuiteQL query: key %.40q must be a column name of letters, digits and _; give the column an alias in the query", q.Key)
	}
	if strings.TrimSpace(q.SQL) == "" {
		return nil, errEmptyQuery
	}
	return &keyPager{
		api: a, sql: q.SQL, key: strings.ToLower(q.Key), text: q.TextKey, size: q.PageSize,
		now: map[string]struct{}{}, before: map[string]struct{}{},
	}, nil
}

func (p *keyPager) next(ctx context.Context) batch {
	page, err := p.api.SuiteQL(ctx, p.statement(), p.size, 0)
	if err != nil {
		return batch{err: err}
	}
	if !p.started {
		p.total = page.Total
	}
	rows, err := p.fresh(page.Rows)
	if err == nil && page.HasMore && len(rows) == 0 {
		err = p.refuse("a page that others should follow brought no new row", "this may be a new form of NetSuite's answer; report it")
	}
	p.started = true
	return batch{rows: rows, total: p.total, last: !page.HasMore, err: err}
}

// statement asks for the next page. It stands in lines of its own, because SQL may end with a comment.
//
// On the first page nulls come first, so that they are seen; later the condition keeps them out. From the second page on
// one row more is fetched than fits a page, by which hasMore tells whether another follows, and no more, because NetSuite
// counts all rows of every statement. The last key is quoted also when it is a number: Oracle then compares as numbers if
// the column is one, and as text if it is text after all, which the order shows.
func (p *keyPager) statement() string {
	if !p.started {
		return fmt.Sprintf("SELECT * FROM (\n%s\n) ORDER BY %s NULLS FIRST", p.sql, p.key)
	}
	return fmt.Sprintf("SELECT * FROM (\n%s\n) WHERE %s >= %s ORDER BY %s FETCH FIRST %d ROWS ONLY", p.sql, p.key, QuoteLiteral(p.last), p.key, p.size+1)
}

// fresh checks the keys of a page and drops the first row if it is the last of the page before. The rows before a wrong
// one are returned beside the error.
func (p *keyPager) fresh(rows []Row) ([]Row, error) {
	p.before, p.now = p.now, p.before
	clear(p.now)
	begin := 0
	for i, row := range rows {
		key, ok := row.Lookup(p.key)
		if !ok {
			return rows[begin:i], p.refuse(fmt.Sprintf("the key %s is null in a row, or not a column of the query", p.key),
				"select the key, and leave rows without it out by WHERE … IS NOT NULL")
		}
		if i == 0 && p.started && key == p.last {
			begin = 1
		} else if err := p.check(key); err != nil {
			return rows[begin:i], err
		}
		p.last = key
		if p.text {
			p.now[key] = struct{}{}
		}
	}
	return rows[begin:], nil
}

// check holds key against those before it.
func (p *keyPager) check(key string) error {
	if p.text {
		_, now := p.now[key]
		_, before := p.before[key]
		if now || before {
			return p.refuse(fmt.Sprintf("the key %s is %.40q twice", p.key, key), "name a column that is unique")
		}
		return nil
	}
	if !decimalForm.MatchString(key) {
		return p.refuse(fmt.Sprintf("the key %s is %.40q, which is not a number", p.key, key), "set Query.TextKey, or name a column of numbers")
	}
	if p.last != "" && compareDecimals(p.last, key) >= 0 {
		return p.refuse(fmt.Sprintf("the key %s is %.40q after %.40q", p.key, key, p.last),
			"name a column that is unique; set Query.TextKey if it is text that looks like numbers")
	}
	return nil
}

func (p *keyPager) refuse(detail, hint string) error {
	return &Error{Op: opSuiteQL, Detail: oneLine(detail, maxDetail), Hint: hint, Err: ErrKeyOrder}
}

// decimalForm is a number as Oracle prints it. The length keeps arithmetic small.
var decimalForm = regexp.MustCompile(`^-?[0-9]{0,60}\.?[0-9]{1,60}$`)

// compareDecimals compares numbers of decimalForm.
func compareDecimals(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	p, _ := new(big.Rat).SetString(a)
	q, _ := new(big.Rat).SetString(b)
	return p.Cmp(q)
}
