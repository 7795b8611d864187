package company

import (
	"fmt"
	"strings"
)

// This file resolves names: tables against the catalogue and the role, columns against the tables of the
// query in which they stand and of the queries around it.

// unknownColumn and unknownTable are what a client sees most often; NetSuite names the identifier and, for
// columns, what could have been meant.
type unknownColumn struct {
	name      string
	available []string
}

func (e *unknownColumn) Error() string {
	return fmt.Sprintf("Unknown identifier '%s'. Available identifiers are: {%s}", e.name, strings.Join(e.available, ", "))
}

type unknownTable struct{ name string }

func (e *unknownTable) Error() string { return fmt.Sprintf("Record '%s' was not found.", e.name) }

// scope is one SELECT while it is translated.
type scope struct {
	outer    *scope
	sources  []source
	using    map[string]bool // columns of USING: the same in both tables, so not ambiguous
	grouped  map[string]bool // expressions of GROUP BY, as SQL
	numbered *numbered       // set while the part around a ROWNUM query is translated
}

// source is a table, common table expression or derived table in FROM.
type source struct {
	alias   string // as the statement calls it
	engine  string // as SQLite calls it: unique in the statement
	columns []column
}

func (s source) column(name string) (column, bool) {
	for _, c := range s.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

// numbered collects the columns that the part around a ROWNUM query takes from it.
type numbered struct {
	engine  string
	columns []string // as SQL, each once
}

const rownumColumn = `"rownum"`

// take is the name under which the outer part sees a column of the inner one.
func (n *numbered) take(column string) string {
	for i, have := range n.columns {
		if have == column {
			return fmt.Sprintf(`%s."r%d"`, n.engine, i)
		}
	}
	n.columns = append(n.columns, column)
	return fmt.Sprintf(`%s."r%d"`, n.engine, len(n.columns)-1)
}

// resolve finds a column in this query or, from the inside out, in the queries around it.
func (s *scope) resolve(ref columnRef) (fragment, error) {
	for at := s; at != nil; at = at.outer {
		f, found, err := at.resolveHere(ref)
		if err != nil {
			return fragment{}, err
		}
		if found {
			if at == s {
				f.loose = ref.String()
			}
			return f, nil
		}
	}
	return fragment{}, &unknownColumn{ref.String(), s.available(ref.qualifier)}
}

func (ref columnRef) String() string {
	if ref.qualifier == "" {
		return ref.name
	}
	return ref.qualifier + "." + ref.name
}

func (s *scope) resolveHere(ref columnRef) (f fragment, found bool, err error) {
	for _, src := range s.sources {
		c, ok := src.column(ref.name)
		if !ok || ref.qualifier != "" && ref.qualifier != src.alias {
			continue
		}
		if found {
			if s.using[ref.name] {
				continue
			}
			return f, true, syntaxf("the column '%s' is in more than one table; put the table's name before it", ref)
		}
		f, found = s.fragment(src, c), true
	}
	return f, found, nil
}

func (s *scope) fragment(src source, c column) fragment {
	sql := src.engine + "." + quoteName(c.name)
	if s.numbered != nil {
		sql = s.numbered.take(sql)
	}
	return fragment{sql: sql, kind: c.kind, ref: c.ref}
}

// available are the columns that could have been meant, of one table or of all of this query.
func (s *scope) available(qualifier string) []string {
	var names []string
	for _, src := range s.sources {
		if qualifier != "" && qualifier != src.alias {
			continue
		}
		for _, c := range src.columns {
			names = append(names, c.name)
		}
	}
	return names
}

// common is the chain of common table expressions that a query can name, the innermost first.
type common struct {
	name    string
	engine  string
	columns []column
	outer   *common
}

func (c *common) find(name string) *common {
	for ; c != nil; c = c.outer {
		if c.name == name {
			return c
		}
	}
	return nil
}
