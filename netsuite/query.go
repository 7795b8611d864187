package netsuite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"sync"
)

// Conditions that end a Query before its last row, for errors.Is.
var (
	ErrRowLimit = errors.New("row limit reached")                 // NetSuite gives no more rows by offset; set Query.Key
	ErrKeyOrder = errors.New("key is not unique or not in order") // the rows are not as paging by Query.Key needs them
)

// Query is a SuiteQL statement whose whole answer is read, page by page. Only SQL must be set.
type Query struct {
	SQL string

	// Key is a column of the answer that is unique and never null, such as id. With it any number of rows is read: each
	// page begins behind the last key of the page before,
	//
	//	SELECT * FROM (SQL) WHERE key >= 'last' ORDER BY key FETCH FIRST n ROWS ONLY
	//
	// so rows that come and go meanwhile neither push others out nor show them twice, and the last row, which is asked
	// for again, proves that the key is unique. That numbers rise strictly is checked as well. An ORDER BY of SQL itself
	// has no effect then, and a FETCH FIRST of SQL itself needs a unique ORDER BY beside it. The columns of SQL need names
	// that differ.
	//
	// Without Key pages are asked for by offset: SQL must have a unique ORDER BY, rows that come and go meanwhile make
	// pages repeat or miss others, and NetSuite ends after 100,000 rows with ErrRowLimit (H/section_157909186990).
	Key string

	// TextKey says that the key is text. Then the order is the database's own, which this package cannot repeat: it
	// checks that no key comes twice in two pages that follow each other, and trusts that NetSuite compares and sorts
	// text alike. Take a number, mostly the internal ID, where there is one.
	TextKey bool

	PageSize int // rows of a page, 1 to 1000, with Key 2 to 1000; 0 means 1000
	Ahead    int // pages that are fetched while others are read, 1 to 100; 0 means 2. One request runs at a time

	// Connect says that the account has SuiteAnalytics Connect, with which paging by offset ends after 1,000,000 rows
	// (H/section_156414087576). There are 1000 pages at most, so that a small PageSize ends it sooner.
	Connect bool

	// Progress, when set, is called with each page, before its rows: how many rows were read so far, and how many
	// NetSuite counted when it made the first page. It is called by the loop's goroutine.
	Progress func(rows, total int)
}

const (
	defaultAhead = 2
	maxAhead     = 100
	maxPages     = 1000 // H/section_156414087576
	rowLimit     = 100_000
	connectLimit = 1_000_000
)

// Query runs a query and yields its rows as they come. An error is the last thing that is yielded, beside a zero Row: an
// *Error when NetSuite or the order of the rows was the reason, with ErrRowLimit and ErrKeyOrder among its causes. Pages
// are fetched ahead by one goroutine, which has ended when the loop has. Memory is that of Ahead+1 pages.
//
// A loop may take longer than a token lives: an API from ClientCredentials.API fetches the next by itself, and asks again for
// a page that failed for a moment. With an API.Token of your own nothing is repeated; after an error begin again behind
// the last key.
func (a *API) Query(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		p, err := a.pager(&q)
		if err != nil {
			yield(Row{}, err)
			return
		}
		ctx, stop := context.WithCancel(ctx)
		batches := make(chan batch, q.Ahead-1) // one more is in the hands of the goroutine
		var fetching sync.WaitGroup
		defer fetching.Wait()
		defer stop()
		fetching.Go(func() {
			defer close(batches)
			fetch(ctx, p, batches)
		})
		yieldRows(ctx, q.Progress, batches, yield)
	}
}

// Rows is API.Query with every row decoded into a T, a struct, as Row.Decode does. The first row that cannot be decoded
// ends it.
func Rows[T any](ctx context.Context, a *API, q Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		plan, err := planFor(reflect.TypeFor[T]())
		if err != nil {
			yield(none, err)
			return
		}
		count := 0
		for row, err := range a.Query(ctx, q) {
			count++
			var v T
			if err == nil {
				if err = plan.decode(row, reflect.ValueOf(&v).Elem()); err != nil {
					err = fmt.Errorf("row %d: %w", count, err)
				}
			}
			if err != nil {
				yield(none, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// pager asks for one page after the other.
type pager interface {
	next(ctx context.Context) batch
	close() // ends what is under way
}

// batch is what a page brought: its new rows, and behind them the error that ends all, if there is one.
type batch struct {
	rows  []Row
	total int  // of the first page
	last  bool // no page follows
	err   error
}

// pager checks the query and fills in its defaults.
func (a *API) pager(q *Query) (pager, error) {
	if q.PageSize == 0 {
		q.PageSize = maxPageSize
	}
	if q.Ahead == 0 {
		q.Ahead = defaultAhead
	}
	least := 1
	if q.Key != "" {
		least = 2 // a page begins with the last row of the page before
	}
	switch {
	case q.PageSize < least || q.PageSize > maxPageSize:
		return nil, fmt.Errorf("SuiteQL query: page size %d must be from %d to %d", q.PageSize, least, maxPageSize)
	case q.Ahead < 1 || q.Ahead > maxAhead:
		return nil, fmt.Errorf("SuiteQL query: %d pages ahead must be from 1 to %d", q.Ahead, maxAhead)
	case q.Key == "" && q.TextKey:
		return nil, errors.New("SuiteQL query: TextKey is set without Key; name the key")
	case q.Key != "":
		return newKeyPager(a, *q)
	}
	limit := rowLimit
	if q.Connect {
		limit = connectLimit
	}
	return &offsetPager{api: a, sql: q.SQL, size: q.PageSize, limit: min(limit, maxPages*q.PageSize)}, nil
}

// fetch sends batches until the last one, or until ctx ends.
func fetch(ctx context.Context, p pager, batches chan<- batch) {
	defer p.close()
	for {
		b := p.next(ctx)
		select {
		case batches <- b:
		case <-ctx.Done():
			return
		}
		if b.last || b.err != nil {
			return
		}
	}
}

func yieldRows(ctx context.Context, progress func(rows, total int), batches <-chan batch, yield func(Row, error) bool) {
	count := 0
	for b := range batches {
		if err := ctx.Err(); err != nil {
			break
		}
		count += len(b.rows)
		if progress != nil && (b.err == nil || len(b.rows) > 0) {
			progress(count, b.total)
		}
		for _, row := range b.rows {
			if !yield(row, nil) {
				return
			}
		}
		if b.err != nil {
			yield(Row{}, b.err)
		}
		if b.last || b.err != nil {
			return
		}
	}
	yield(Row{}, fmt.Errorf("SuiteQL query: %w", ctx.Err())) // the goroutine gives up only then
}

// offsetPager pages by offset, which NetSuite allows up to a limit.
type offsetPager struct {
	api    *API
	sql    string
	size   int
	limit  int // rows that can be reached
	offset int
	total  int
}

func (p *offsetPager) close() {} // nothing is under way between two pages

func (p *offsetPager) next(ctx context.Context) batch {
	page, err := p.api.SuiteQL(ctx, p.sql, p.size, p.offset)
	if err != nil {
		return batch{err: err}
	}
	if p.offset == 0 {
		p.total = page.Total
	}
	b := batch{rows: page.Rows, total: p.total, last: !page.HasMore}
	reached := p.offset + len(page.Rows)
	p.offset += p.size
	// At the very limit nobody can tell whether rows are missing: a total that stops there would look the same.
	if reached >= p.limit || page.HasMore && p.offset >= p.limit || !page.HasMore && page.Total > reached {
		b.err = &Error{
			Op: opSuiteQL, Err: ErrRowLimit,
			Detail: fmt.Sprintf("NetSuite counts %d rows and gave %d", page.Total, reached),
			Hint:   fmt.Sprintf("by offset no more than %d rows are given; name a unique column as Query.Key", p.limit),
		}
	}
	return b
}
