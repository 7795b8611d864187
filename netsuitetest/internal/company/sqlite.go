package company

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// This file opens the database. It is the second lock on the door: even if the translator let a hostile
// statement through, a reading connection has an authorizer that permits nothing but selecting from the
// company's own tables with the functions of the dialect.

// reader opens connections that carry the SuiteQL functions and can only read. It is private to this
// package, so that nothing leaks into other users of SQLite in the process.
var reader = newReader()

func newReader() *sqlite.Driver {
	d := &sqlite.Driver{}
	registerFunctions(d)
	d.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		r, ok := conn.(sqlite.AuthorizerRegisterer)
		if !ok {
			return fmt.Errorf("sqlite connection %T: takes no authorizer", conn)
		}
		return r.RegisterAuthorizer(authorize)
	})
	return d
}

// authorize is asked while SQLite compiles a statement of a reading connection.
func authorize(action sqlite.AuthorizerActionCode, arg1, arg2, _, _ string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthSelect:
		return sqlite.AuthorizerOK
	case sqlite.AuthRead:
		if !strings.HasPrefix(strings.ToLower(arg1), "sqlite_") {
			return sqlite.AuthorizerOK
		}
	case sqlite.AuthFunction:
		if engineFunctions[strings.ToLower(arg2)] {
			return sqlite.AuthorizerOK
		}
	}
	return sqlite.AuthorizerDeny
}

// readConnector is the reader for sql.OpenDB.
type readConnector struct{ dsn string }

func (r readConnector) Connect(context.Context) (driver.Conn, error) { return reader.Open(r.dsn) }
func (r readConnector) Driver() driver.Driver                        { return reader }

// connect opens the one writing connection and the pool of reading ones on the same database in memory.
func (c *Company) connect(dsn string) error {
	writer, err := sqlite.NewConnector(dsn + "&_busy_timeout=5000")
	if err != nil {
		return err
	}
	c.writeDB = sql.OpenDB(writer)
	if c.write, err = c.writeDB.Conn(context.Background()); err != nil {
		return err
	}
	// Oracle's LIKE tells upper from lower case, SQLite's does so only when told.
	c.read = sql.OpenDB(readConnector{dsn + "&_query_only=1&_pragma=case_sensitive_like(1)"})
	c.read.SetMaxOpenConns(4)
	c.read.SetMaxIdleConns(4)
	return nil
}
