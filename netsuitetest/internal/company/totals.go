package company

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// This file counts the rows of a result. A client that fetches a large result asks again and again for what
// only its position tells apart, page after page; counting anew each time would cost more than the pages.

// maxTotals bounds what is remembered. One list of keys may hold a million numbers.
const maxTotals = 8

// totals remembers counts until a row changes.
type totals struct {
	mu     sync.Mutex
	counts map[string]int64   // guarded by mu; by statement
	keys   map[string][]int64 // guarded by mu; by lowerBound.rest, ascending; nil = not whole numbers
}

// forget is called before any change becomes visible.
func (t *totals) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts, t.keys = nil, nil
}

// lowerBound is the one condition of the kind id > 5000 on a statement whose rows it only thins out: how a client pages by
// keyset. The number of rows above any bound follows from the sorted keys.
type lowerBound struct {
	rest  string // SELECT of the keys without the condition, as SQL
	above int64  // rows with a greater key pass
}

// total is how many rows a statement has.
func (c *Company) total(ctx context.Context, t translated) (int64, error) {
	if t.bound != nil && t.limit < 0 {
		keys, err := c.sortedKeys(ctx, t.bound.rest)
		if err != nil {
			return 0, err
		}
		if keys != nil {
			passed, _ := slices.BinarySearch(keys, t.bound.above+1)
			return max(0, int64(len(keys)-passed)-t.offset), nil
		}
	}
	return c.count(ctx, t.whole())
}

func (c *Company) count(ctx context.Context, statement string) (int64, error) {
	c.totals.mu.Lock()
	n, known := c.totals.counts[statement]
	c.totals.mu.Unlock()
	if known {
		return n, nil
	}
	if err := c.read.QueryRowContext(ctx, "SELECT count(*) FROM ("+statement+")").Scan(&n); err != nil {
		return 0, err
	}
	c.totals.mu.Lock()
	defer c.totals.mu.Unlock()
	c.totals.counts = remember(c.totals.counts, statement, n)
	return n, nil
}

// sortedKeys are the values of the column under the bound, nil if some are no whole numbers.
func (c *Company) sortedKeys(ctx context.Context, statement string) ([]int64, error) {
	c.totals.mu.Lock()
	keys, known := c.totals.keys[statement]
	c.totals.mu.Unlock()
	if known {
		return keys, nil
	}
	var printed []byte
	if err := c.read.QueryRowContext(ctx, "SELECT json_group_array(k) FROM ("+statement+")").Scan(&printed); err != nil {
		return nil, err
	}
	keys = []int64{}
	if err := json.Unmarshal(printed, &keys); err != nil {
		keys = nil // a fraction or a text among them
	}
	slices.Sort(keys)
	c.totals.mu.Lock()
	defer c.totals.mu.Unlock()
	c.totals.keys = remember(c.totals.keys, statement, keys)
	return keys, nil
}

// remember adds to a map of bounded size; a full one starts anew.
func remember[V any](m map[string]V, key string, value V) map[string]V {
	if m == nil || len(m) >= maxTotals {
		m = map[string]V{}
	}
	m[key] = value
	return m
}

// lowerBoundOf is the bound of a SELECT, nil unless it has exactly one, no other condition is about the same column,
// and nothing but WHERE decides which rows there are. from is its FROM clause.
func (sel *selecting) lowerBoundOf(s *selectCore, from string) *lowerBound {
	if len(sel.bounds) != 1 || s.distinct || s.groupBy != nil || sel.aggregated || s.usesRownum || s.top >= 0 {
		return nil
	}
	b := sel.bounds[0]
	conditions := slices.Delete(slices.Clone(sel.where), b.position, b.position+1)
	// Between two bounds there are few rows, which are soon counted, while the list under the upper one would be new each time.
	if slices.ContainsFunc(conditions, func(sql string) bool { return strings.Contains(sql, b.column) }) {
		return nil
	}
	return &lowerBound{
		rest:  fmt.Sprintf("SELECT %s AS k%s%s", b.column, from, clause(" WHERE ", append(conditions, b.column+" IS NOT NULL"), " AND ")),
		above: b.above,
	}
}

// boundCondition is a condition of WHERE that is a lower bound.
type boundCondition struct {
	position int    // in selecting.where
	column   string // as SQL
	above    int64
}

// boundOf reads column > number and column >= number.
func (sel *selecting) boundOf(x expr) (boundCondition, bool) {
	b, ok := x.(binary)
	if !ok || b.operator != ">" && b.operator != ">=" {
		return boundCondition{}, false
	}
	ref, isColumn := b.left.(columnRef)
	l, isLiteral := b.right.(literal)
	if !isColumn || !isLiteral || l.kind != number {
		return boundCondition{}, false
	}
	f, err := sel.column(ref)
	above, numErr := strconv.ParseInt(l.text, 10, 48)
	if err != nil || numErr != nil || f.kind != number {
		return boundCondition{}, false
	}
	if b.operator == ">=" {
		above--
	}
	return boundCondition{position: len(sel.where), column: f.sql, above: above}, true
}
