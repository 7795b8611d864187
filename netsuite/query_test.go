package netsuite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// apiOver is an API whose requests go to answer instead of the network.
func apiOver(answer transport) *API {
	return &API{
		Account: testAccount, Token: NewSecret(testToken),
		HTTPClient: func(AccountID) *http.Client { return &http.Client{Transport: answer} },
	}
}

func answerOf(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// asked is a request for a page, taken apart.
type asked struct {
	statement     string
	limit, offset int
	first         bool   // no condition: the first page
	from          string // the key that the page begins with
	fetch         int    // FETCH FIRST; 0 when absent
}

// The two statements of paging by key; the query stands in lines of its own.
var (
	firstPage = regexp.MustCompile(`^SELECT \* FROM \(\n((?s).*)\n\) ORDER BY ([a-z]+) NULLS FIRST$`)
	nextPage  = regexp.MustCompile(`^SELECT \* FROM \(\n((?s).*)\n\) WHERE ([a-z]+) >= '((?:[^']|'')*)' ORDER BY ([a-z]+) FETCH FIRST ([0-9]+) ROWS ONLY$`)
)

func readAsked(r *http.Request) (asked, error) {
	var body struct{ Q string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return asked{}, err
	}
	a := asked{statement: body.Q}
	var errs [3]error
	a.limit, errs[0] = strconv.Atoi(r.URL.Query().Get("limit"))
	a.offset, errs[1] = strconv.Atoi(r.URL.Query().Get("offset"))
	if m := nextPage.FindStringSubmatch(body.Q); m != nil {
		a.from = strings.ReplaceAll(m[3], "''", "'")
		a.fetch, errs[2] = strconv.Atoi(m[5])
	} else {
		a.first = true
	}
	return a, errors.Join(errs[:]...)
}

// table is an account with one table of one unique key, which may change between two requests.
type table struct {
	less    func(a, b string) bool
	change  func(t *table) // called before each answer
	maximum int            // rows that can be reached by offset; 0: all

	mu       sync.Mutex
	keys     map[string]bool // guarded by mu
	requests []asked         // guarded by mu
}

func (t *table) answer(r *http.Request) (*http.Response, error) {
	a, err := readAsked(r)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, a)
	if t.change != nil {
		t.change(t)
	}
	rows := t.sorted()
	if !a.first {
		rows = slices.DeleteFunc(rows, func(k string) bool { return t.less(k, a.from) })
		rows = rows[:min(len(rows), a.fetch)]
	}
	total := len(rows)
	if t.maximum > 0 {
		rows = rows[:min(len(rows), t.maximum)]
	}
	begin, end := min(a.offset, len(rows)), min(a.offset+a.limit, len(rows))
	return answerOf(http.StatusOK, jsonPage(rows[begin:end], end < len(rows), total)), nil
}

// sorted is called with mu held.
func (t *table) sorted() []string {
	return slices.SortedFunc(maps.Keys(t.keys), func(a, b string) int {
		switch {
		case t.less(a, b):
			return -1
		case t.less(b, a):
			return 1
		}
		return 0
	})
}

func jsonPage(keys []string, hasMore bool, total int) string {
	items := make([]string, len(keys))
	for i, k := range keys {
		key, _ := json.Marshal(k) // a string can always be written
		items[i] = fmt.Sprintf(`{"links":[],"id":%s,"n":"%d"}`, key, i)
	}
	return fmt.Sprintf(`{"links":[],"count":%d,"hasMore":%t,"items":[%s],"offset":0,"totalResults":%d}`, len(keys), hasMore, strings.Join(items, ","), total)
}

func lessNumber(a, b string) bool { return compareDecimals(a, b) < 0 }

// lessFolded is a collation that is not that of bytes: case counts only between equals.
func lessFolded(a, b string) bool {
	x, y := strings.ToLower(a), strings.ToLower(b)
	return x < y || x == y && a < b
}

// numbers is a table of the keys 1 to n.
func numbers(n int) *table {
	t := &table{less: lessNumber, keys: map[string]bool{}}
	for i := range n {
		t.keys[strconv.Itoa(i+1)] = true
	}
	return t
}

// collect reads all rows and gives their keys.
func collect(rows iter.Seq2[Row, error]) (keys []string, err error) {
	for row, err := range rows {
		if err != nil {
			return keys, err
		}
		keys = append(keys, strings.Clone(row.Get("id")))
	}
	return keys, nil
}

func TestQueryByOffset(t *testing.T) {
	for _, tt := range []struct{ rows, size, requests int }{{0, 0, 1}, {1, 0, 1}, {1000, 0, 1}, {1001, 0, 2}, {10, 3, 4}, {9, 3, 3}, {5, 1, 5}} {
		site := numbers(tt.rows)
		got, err := collect(apiOver(site.answer).Query(t.Context(), Query{SQL: "SELECT id FROM x ORDER BY id", PageSize: tt.size}))
		if want := site.sorted(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: %d rows, %v; want %d", tt, len(got), err, len(want))
		}
		if len(site.requests) != tt.requests || site.requests[0].statement != "SELECT id FROM x ORDER BY id" {
			t.Errorf("%+v: requests = %+v", tt, site.requests)
		}
	}
}

func TestQueryByKey(t *testing.T) {
	for _, tt := range []struct{ rows, size, requests int }{{0, 0, 1}, {1, 0, 1}, {1000, 0, 1}, {1001, 0, 2}, {10, 4, 3}, {11, 4, 4}, {5, 2, 4}} {
		site := numbers(tt.rows)
		got, err := collect(apiOver(site.answer).Query(t.Context(), Query{SQL: "SELECT id FROM x -- all", Key: "ID", PageSize: tt.size}))
		if want := site.sorted(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: rows %v, %v; want %v", tt, got, err, want)
		}
		if len(site.requests) != tt.requests {
			t.Errorf("%+v: %d requests: %+v", tt, len(site.requests), site.requests)
		}
		for i, a := range site.requests {
			m := firstPage.FindStringSubmatch(a.statement)
			if i > 0 {
				m = nextPage.FindStringSubmatch(a.statement)
			}
			if m == nil || m[1] != "SELECT id FROM x -- all" || m[2] != "id" || a.offset != 0 || i > 0 && a.fetch != a.limit+1 {
				t.Errorf("%+v: request %d = %+v", tt, i, a)
			}
		}
	}
}

func TestQueryByTextKey(t *testing.T) {
	site := &table{less: lessFolded, keys: map[string]bool{"a": true, "B": true, "c": true, "O'Neil": true, "o'neil": true, "10": true, "9": true, "Ä": true}}
	got, err := collect(apiOver(site.answer).Query(t.Context(), Query{SQL: "SELECT 1", Key: "id", TextKey: true, PageSize: 2}))
	if want := site.sorted(); err != nil || !slices.Equal(got, want) {
		t.Errorf("rows = %q, %v; want %q", got, err, want)
	}
}

func TestQueryRefusesBeforeAsking(t *testing.T) {
	site := numbers(1)
	for name, q := range map[string]Query{
		"no query": {}, "no query with key": {Key: "id", SQL: " \n"}, "page size": {SQL: "x", PageSize: 1001}, "page size negative": {SQL: "x", PageSize: -1},
		"page size with key": {SQL: "x", Key: "id", PageSize: 1}, "ahead": {SQL: "x", Ahead: 101}, "ahead negative": {SQL: "x", Ahead: -1}, "text key alone": {SQL: "x", TextKey: true},
		"huge": {SQL: strings.Repeat("x", maxQuery+1), Key: "id"}, "key of a table": {SQL: "x", Key: "t.id"}, "key with a quote": {SQL: "x", Key: `"id"`}, "key injects": {SQL: "x", Key: "id) OR (1=1"},
		"key with a blank": {SQL: "x", Key: "id desc"}, "number as key": {SQL: "x", Key: "1"}, "long key": {SQL: "x", Key: strings.Repeat("k", 200)}, "key beyond ASCII": {SQL: "x", Key: "größe"},
	} {
		got, err := collect(apiOver(site.answer).Query(t.Context(), q))
		if err == nil || len(got) > 0 {
			t.Errorf("%s: %v, %v; want an error", name, got, err)
		}
	}
	if len(site.requests) > 0 {
		t.Errorf("requests = %+v, want none", site.requests)
	}
}

func TestOffsetsEndAtTheRowLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		rows, maximum int
		q             Query
		want          int
	}{
		"100,000 rows, more are there":    {100_500, 100_000, Query{}, 100_000},
		"an account that answers further": {100_500, 0, Query{}, 100_000},
		"1000 pages":                      {1500, 0, Query{PageSize: 1}, 1000},
		"the end comes early":             {10, 5, Query{PageSize: 5}, 5},
		"just the limit":                  {1000, 0, Query{PageSize: 1}, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			site := numbers(tt.rows)
			rows := site.sorted()
			site.maximum = tt.maximum
			tt.q.SQL = "SELECT id FROM x ORDER BY id"
			got, err := collect(apiOver(rowsOf(rows, tt.maximum)).Query(t.Context(), tt.q))
			var e *Error
			if !errors.Is(err, ErrRowLimit) || !errors.As(err, &e) || !strings.Contains(e.Hint, "Query.Key") {
				t.Errorf("error = %v, want ErrRowLimit with the remedy", err)
			}
			if !slices.Equal(got, rows[:tt.want]) {
				t.Errorf("%d rows, want %d", len(got), tt.want)
			}
		})
	}
}

// rowsOf answers offsets into rows that never change, quickly.
func rowsOf(rows []string, maximum int) transport {
	if maximum == 0 {
		maximum = len(rows)
	}
	return func(r *http.Request) (*http.Response, error) {
		a, err := readAsked(r)
		if err != nil {
			return nil, err
		}
		end := min(a.offset+a.limit, maximum)
		return answerOf(http.StatusOK, jsonPage(rows[a.offset:end], end < maximum, len(rows))), nil
	}
}

func TestConnectReachesAMillionRows(t *testing.T) {
	for size, want := range map[int]int{1000: 1_000_000, 100: 100_000} {
		p, err := apiOver(nil).pager(&Query{SQL: "x", Connect: true, PageSize: size})
		if err != nil || p.(*offsetPager).limit != want {
			t.Errorf("page size %d: limit %+v, %v; want %d", size, p, err, want)
		}
	}
}

func TestKeysThatDoNotFit(t *testing.T) {
	page := func(more bool, keys ...string) string { return jsonPage(keys, more, 100) }
	for name, tt := range map[string]struct {
		pages []string
		text  bool
		rows  int // before the error
		says  string
	}{
		"twice in a page":              {[]string{page(false, "1", "2", "2")}, false, 2, `"2" after "2"`},
		"twice, a page between":        {[]string{page(true, "1", "2"), page(false, "2", "2", "3")}, false, 2, `"2" after "2"`},
		"falls":                        {[]string{page(false, "1", "10", "9")}, false, 2, `"9" after "10"`},
		"falls on the next page":       {[]string{page(true, "1", "10"), page(false, "9")}, false, 2, "after"},
		"text order of numbers":        {[]string{page(true, "1000", "1999"), page(false, "1999", "200")}, false, 2, "TextKey"},
		"not a number":                 {[]string{page(false, "1", "x")}, false, 1, "TextKey"},
		"a huge number":                {[]string{page(false, "1e999999999")}, false, 0, "not a number"},
		"empty":                        {[]string{page(false, "")}, false, 0, "not a number"},
		"null":                         {[]string{`{"hasMore":false,"items":[{"n":"1"},{"id":"1"}]}`}, false, 0, "IS NOT NULL"},
		"not a column":                 {[]string{`{"hasMore":false,"items":[{"n":"1"}]}`}, true, 0, "not a column"},
		"no rows and more":             {[]string{page(true)}, false, 0, "no new row"},
		"only the last row and more":   {[]string{page(true, "1", "2"), page(true, "2")}, false, 2, "no new row"},
		"text twice in a page":         {[]string{page(false, "a", "b", "a")}, true, 2, `"a" twice`},
		"text of the page before":      {[]string{page(true, "a", "b"), page(false, "b", "c", "a")}, true, 3, `"a" twice`},
		"text twice, a page between":   {[]string{page(true, "a", "b"), page(false, "b", "b")}, true, 2, `"b" twice`},
		"last text is not the first":   {[]string{page(true, "a", "b"), page(false, "c", "b")}, true, 3, `"b" twice`},
		"text with control characters": {[]string{page(false, "a\x1b", "a\x1b")}, true, 1, `twice`},
	} {
		t.Run(name, func(t *testing.T) {
			left := tt.pages
			api := apiOver(func(*http.Request) (*http.Response, error) {
				if len(left) == 0 {
					return nil, io.EOF // asked for ahead of a page that ends the reading
				}
				body := left[0]
				left = left[1:]
				return answerOf(http.StatusOK, body), nil
			})
			got, err := collect(api.Query(t.Context(), Query{SQL: "x", Key: "id", TextKey: tt.text, PageSize: 4}))
			var e *Error
			if !errors.Is(err, ErrKeyOrder) || !errors.As(err, &e) || e.Hint == "" || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want ErrKeyOrder with %q", err, tt.says)
			}
			if len(got) != tt.rows {
				t.Errorf("rows = %q, want %d", got, tt.rows)
			}
		})
	}
}

func TestCompareDecimals(t *testing.T) {
	rising := []string{"-12345678901234567890", "-5", "-1.5", "-.5", "0", ".25", "0.5", "1", "9", "10", "12345678901234567890", "12345678901234567890.5"}
	for i, a := range rising {
		if !decimalForm.MatchString(a) {
			t.Errorf("%s is not taken for a number", a)
		}
		for j, b := range rising {
			if got := compareDecimals(a, b); got > 0 != (i > j) || got < 0 != (i < j) {
				t.Errorf("compareDecimals(%s, %s) = %d", a, b, got)
			}
		}
	}
	for _, text := range []string{"", "-", ".", "1.", "+1", "1e5", "0x1", " 1", "1 ", "1,5", strings.Repeat("9", 200), "NaN"} {
		if decimalForm.MatchString(text) {
			t.Errorf("%q is taken for a number", text)
		}
	}
}

// Rows that stand the whole time come exactly once, whatever comes and goes beside them.
func TestPropertyKeyPagingOverAChangingTable(t *testing.T) {
	for name, kind := range map[string]struct {
		text bool
		less func(a, b string) bool
		key  *rapid.Generator[string]
	}{
		"numbers": {false, lessNumber, rapid.Map(rapid.IntRange(-60, 60), strconv.Itoa)},
		"text":    {true, lessFolded, rapid.StringOfN(rapid.RuneFrom([]rune("aAbB'1ä")), 1, 3, -1)},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				ctx := t.Context()
				site := &table{less: kind.less, keys: map[string]bool{}}
				for _, k := range rapid.SliceOfDistinct(kind.key, rapid.ID).Draw(rt, "keys") {
					site.keys[k] = true
				}
				standing, ever := maps.Clone(site.keys), maps.Clone(site.keys)
				inserts, deletes := rapid.SliceOf(kind.key).Draw(rt, "inserts"), rapid.SliceOf(kind.key).Draw(rt, "deletes")
				perPage := rapid.IntRange(1, 5).Draw(rt, "changes per page")
				site.change = func(s *table) { // runs in the goroutine that fetches: no draws here
					for range perPage {
						if len(deletes) > 0 {
							delete(s.keys, deletes[0])
							delete(standing, deletes[0])
							deletes = deletes[1:]
						}
						if len(inserts) > 0 {
							s.keys[inserts[0]], ever[inserts[0]] = true, true
							inserts = inserts[1:]
						}
					}
				}
				got, err := collect(apiOver(site.answer).Query(ctx, Query{
					SQL: "x", Key: "id", TextKey: kind.text, PageSize: rapid.IntRange(2, 7).Draw(rt, "page size"), Ahead: rapid.IntRange(1, 3).Draw(rt, "ahead"),
				}))
				if err != nil {
					rt.Fatal(err)
				}
				count := map[string]int{}
				for _, k := range got {
					count[k]++
					if count[k] > 1 || !ever[k] {
						rt.Errorf("row %q came %d times; it was there: %v", k, count[k], ever[k])
					}
				}
				for k := range standing {
					if count[k] != 1 {
						rt.Errorf("row %q stood the whole time and came %d times of %q", k, count[k], got)
					}
				}
			})
		})
	}
}

func TestPropertyOffsetPagingOverAStandingTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		site := numbers(rapid.IntRange(0, 60).Draw(rt, "rows"))
		got, err := collect(apiOver(site.answer).Query(t.Context(), Query{
			SQL: "x", PageSize: rapid.IntRange(1, 20).Draw(rt, "page size"), Ahead: rapid.IntRange(1, 5).Draw(rt, "ahead"),
		}))
		if want := site.sorted(); err != nil || !slices.Equal(got, want) {
			rt.Errorf("rows = %q, %v; want %q", got, err, want)
		}
	})
}

func TestPagesAreFetchedAheadAndNoFurther(t *testing.T) {
	for _, tt := range []struct{ ahead, want int }{{0, 3}, {1, 2}, {5, 6}} {
		synctest.Test(t, func(t *testing.T) {
			site := numbers(100)
			begun := 0
			for _, err := range apiOver(site.answer).Query(t.Context(), Query{SQL: "x", PageSize: 5, Ahead: tt.ahead}) {
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				site.mu.Lock()
				begun = len(site.requests)
				site.mu.Unlock()
				break
			}
			if begun != tt.want {
				t.Errorf("%d ahead: %d requests while the first page is read, want %d", tt.ahead, begun, tt.want)
			}
		}) // fails if a goroutine is left
	}
}

func TestEndOfTheLoopEndsTheRequest(t *testing.T) {
	for name, leave := range map[string]func(cancel context.CancelFunc) bool{
		"break":  func(context.CancelFunc) bool { return true },
		"cancel": func(cancel context.CancelFunc) bool { cancel(); return false },
	} {
		t.Run(name, func(t *testing.T) {
			second, ended := make(chan struct{}), make(chan struct{})
			site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("offset") == "0" {
					_, _ = io.WriteString(w, jsonPage([]string{"1", "2"}, true, 4))
					return
				}
				close(second)
				<-r.Context().Done()
				close(ended)
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var last error
			count := 0
			for _, err := range testAPI(site.Site).Query(ctx, Query{SQL: "x", PageSize: 2}) {
				if last = err; err != nil {
					continue
				}
				count++
				if count == 2 {
					<-second
					if leave(cancel) {
						break
					}
				}
			}
			<-ended
			if cancelled := errors.Is(last, context.Canceled); cancelled != (name == "cancel") || count != 2 {
				t.Errorf("%d rows, error %v", count, last)
			}
		})
	}
}

func TestQueryGivesOnTheErrorBehindTheRows(t *testing.T) {
	for name, second := range map[string]*http.Response{
		"refused": answerOf(http.StatusTooManyRequests, `{"title":"busy"}`), "unreadable": answerOf(http.StatusOK, "no page"),
	} {
		answers := []*http.Response{answerOf(http.StatusOK, jsonPage([]string{"1", "2"}, true, 9)), second}
		api := apiOver(func(*http.Request) (*http.Response, error) {
			next := answers[0]
			answers = answers[1:]
			return next, nil
		})
		got, err := collect(api.Query(t.Context(), Query{SQL: "x", PageSize: 2}))
		var e *Error
		if !errors.As(err, &e) || len(got) != 2 || e.Err != map[string]error{"refused": ErrTooManyRequests, "unreadable": ErrUnreadable}[name] {
			t.Errorf("%s: rows %q, error %v", name, got, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := collect(apiOver(numbers(3).answer).Query(ended, Query{SQL: "x"})); !errors.Is(err, context.Canceled) || len(got) > 0 {
		t.Errorf("ended context: rows %q, error %v", got, err)
	}
}

func TestQueryRunsAnewEachTime(t *testing.T) {
	site := numbers(3)
	rows := apiOver(site.answer).Query(t.Context(), Query{SQL: "x", Key: "id", PageSize: 2})
	for range 2 {
		if got, err := collect(rows); err != nil || len(got) != 3 {
			t.Errorf("rows = %q, %v", got, err)
		}
	}
}

func TestProgress(t *testing.T) {
	for key, want := range map[string]string{"": "[3/7 6/7 7/7]", "id": "[3/7 5/7 7/7]"} {
		var calls []string
		_, err := collect(apiOver(numbers(7).answer).Query(t.Context(), Query{
			SQL: "x", Key: key, PageSize: 3,
			Progress: func(rows, total int) { calls = append(calls, fmt.Sprintf("%d/%d", rows, total)) },
		}))
		if got := fmt.Sprint(calls); err != nil || got != want {
			t.Errorf("key %q: progress %s, %v; want %s", key, got, err, want)
		}
	}
}

func TestRows(t *testing.T) {
	type line struct {
		ID int
		N  string
	}
	sum := 0
	for l, err := range Rows[line](t.Context(), apiOver(numbers(5).answer), Query{SQL: "x", PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		sum += l.ID
	}
	if sum != 15 {
		t.Errorf("sum = %d, want 15", sum)
	}
	for range Rows[line](t.Context(), apiOver(numbers(5).answer), Query{SQL: "x", PageSize: 2}) {
		break // must not go on
	}
	site := &table{less: lessFolded, keys: map[string]bool{"1": true, "2": true, "x": true}}
	count := 0
	for _, err := range Rows[line](t.Context(), apiOver(site.answer), Query{SQL: "x"}) {
		if count++; count == 3 && (err == nil || !strings.Contains(err.Error(), `row 3: column "id"`)) {
			t.Errorf("error = %v, want one that names row and column", err)
		}
	}
	if count != 3 {
		t.Errorf("%d turns, want two rows and an error", count)
	}
	for _, err := range Rows[int](t.Context(), apiOver(site.answer), Query{SQL: "x"}) {
		if err == nil {
			t.Error("an int was decoded")
		}
	}
	if len(site.requests) != 1 {
		t.Errorf("%d requests, want none for a type that cannot be decoded into", len(site.requests)-1)
	}
}

// FuzzKeyPaging: whatever a server answers, the loop ends, and no key comes twice.
func FuzzKeyPaging(f *testing.F) {
	f.Add("1,2,3|3,4", false)
	f.Add("a,b|b,c|c", true)
	f.Add("1,1|||x", false)
	f.Fuzz(func(t *testing.T, text string, textKey bool) {
		pages := strings.Split(text, "|")
		if len(pages) > 50 {
			return
		}
		api := apiOver(func(*http.Request) (*http.Response, error) {
			if len(pages) == 0 {
				return nil, &url.Error{Op: "Post", URL: "x", Err: io.ErrUnexpectedEOF}
			}
			var keys []string
			if pages[0] != "" {
				keys = strings.Split(pages[0], ",")
			}
			pages = pages[1:]
			return answerOf(http.StatusOK, jsonPage(keys, len(pages) > 0, 1)), nil
		})
		got, _ := collect(api.Query(t.Context(), Query{SQL: "x", Key: "id", TextKey: textKey, PageSize: 1000}))
		for i, k := range got {
			if i > 0 && !textKey && !lessNumber(got[i-1], k) || i > 0 && got[i-1] == k {
				t.Fatalf("%q after %q", k, got[i-1])
			}
		}
	})
}

// The page ahead is asked for by a guess, which a page may lead astray: then it is asked for again, by the true key.
func TestGuessOfTheNextPage(t *testing.T) {
	astray := map[string]string{
		"nothing":                         `"id":"%d","name":"x"`,
		"an object after the key":         `"id":"%d","status":{"id":"999"}`,
		"an object before the key":        `"status":{"id":"999"},"id":"%d"`,
		"a text that looks like a column": `"id":"%d","name":"\"id\":\"999\""`,
		"a number":                        `"id":%d`,
		"a space":                         `"id": "%d"`,
	}
	for name, row := range astray {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			requests := 0
			api := apiOver(func(r *http.Request) (*http.Response, error) {
				a, err := readAsked(r)
				if err != nil {
					return nil, err
				}
				mu.Lock()
				requests++
				mu.Unlock()
				from, err := strconv.Atoi(cmp.Or(a.from, "1"))
				if err != nil {
					return nil, err
				}
				var items []string
				for id := from; id <= min(25, from+9); id++ {
					items = append(items, `{"links":[],`+fmt.Sprintf(row, id)+`}`)
				}
				more := from+9 < 25
				return answerOf(http.StatusOK, fmt.Sprintf(`{"links":[],"count":%d,"hasMore":%t,"items":[%s],"offset":0,"totalResults":25}`, len(items), more, strings.Join(items, ","))), nil
			})
			var got []string
			for row, err := range api.Query(t.Context(), Query{SQL: "SELECT 1", Key: "id", PageSize: 10}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, row.Get("id"))
			}
			if len(got) != 25 || got[0] != "1" || got[24] != "25" {
				t.Errorf("rows %v, want 1 to 25", got)
			}
			if most := 3 + 2; requests < 3 || requests > most {
				t.Errorf("%d requests, want 3, and at most one more for each wrong guess", requests)
			}
		})
	}
}
