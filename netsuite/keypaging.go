package netsuite

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// keyForm is an unquoted name of Oracle. What is quoted could not be told from other text of the statement.
var keyForm = newForm(`^[A-Za-z][A-Za-z0-9_$#]{0,127}$`)

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
	ahead   *aheadPage          // nil when nothing is
	spare   []byte              // body of a page that was read, for another
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
	asked := p.ask(ctx)
	if asked.err != nil {
		return batch{err: asked.err}
	}
	guess := p.askAhead(ctx, asked.ans.body)
	b := p.read(asked)
	p.spare = asked.ans.body // the rows hold a text of their own
	if b.last || b.err != nil || guess != p.last {
		p.close() // what was asked for ahead is not the page that follows
	}
	return b
}

// read decodes and checks a page.
func (p *keyPager) read(asked askedPage) batch {
	page, err := p.api.readSuiteQL(asked.r, asked.ans, p.size)
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

// askedPage is a page as it came.
type askedPage struct {
	r   *request
	ans *answer
	err error
}

// aheadPage is a page that has been asked for before the one in front of it was read.
type aheadPage struct {
	stop context.CancelFunc
	done chan askedPage
}

// ask returns the page that was asked for ahead, or asks now.
func (p *keyPager) ask(ctx context.Context) askedPage {
	if ahead := p.ahead; ahead != nil {
		p.ahead = nil
		defer ahead.stop()
		return <-ahead.done
	}
	return p.send(ctx, p.statement(), nil)
}

func (p *keyPager) send(ctx context.Context, statement string, buffer []byte) askedPage {
	r, ans, err := p.api.askSuiteQL(ctx, statement, p.size, 0, buffer)
	return askedPage{r, ans, err}
}

// askAhead asks for the next page while this one is read, so that NetSuite need not wait for us. Which key is the last is
// guessed from the end of the page, and proved when the page has been read.
func (p *keyPager) askAhead(ctx context.Context, body []byte) (guess string) {
	guess, ok := guessLastKey(body, p.key)
	if !ok {
		return ""
	}
	ctx, stop := context.WithCancel(ctx)
	p.ahead = &aheadPage{stop, make(chan askedPage, 1)}
	done, statement, buffer := p.ahead.done, p.statementAfter(guess), p.spare
	p.spare = nil
	go func() { done <- p.send(ctx, statement, buffer) }()
	return guess
}

// close ends what was asked for ahead and waits for it.
func (p *keyPager) close() {
	if p.ahead != nil {
		p.ahead.stop()
		<-p.ahead.done
		p.ahead = nil
	}
}

// guessLastKey finds the key of the last row of a page that others follow, in the form that NetSuite gives pages. A text
// that needs unescaping is not worth a guess.
func guessLastKey(body []byte, key string) (string, bool) {
	if !bytes.Contains(body, []byte(`"hasMore":true`)) {
		return "", false
	}
	name := []byte(`"` + key + `":"`)
	at := bytes.LastIndex(body, name)
	if at < 0 {
		return "", false
	}
	value, _, closed := bytes.Cut(body[at+len(name):], []byte(`"`))
	if !closed || len(value) == 0 || bytes.IndexByte(value, '\\') >= 0 {
		return "", false
	}
	return string(value), true
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
	return p.statementAfter(p.last)
}

func (p *keyPager) statementAfter(last string) string {
	return fmt.Sprintf("SELECT * FROM (\n%s\n) WHERE %s >= %s ORDER BY %s FETCH FIRST %d ROWS ONLY", p.sql, p.key, QuoteLiteral(last), p.key, p.size+1)
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
	if !isDecimal(key) {
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
var decimalForm = newForm(`^-?[0-9]{0,60}\.?[0-9]{1,60}$`)

// isDecimal is decimalForm with a short way for whole numbers, which keys nearly always are: this runs for every row.
func isDecimal(key string) bool {
	whole := len(key) > 0 && len(key) <= 60
	for i := 0; whole && i < len(key); i++ {
		whole = key[i] >= '0' && key[i] <= '9'
	}
	return whole || decimalForm.MatchString(key)
}

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
