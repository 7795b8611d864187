package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/private"
)

// openSQLite opens the file with one connection for writing and a few for reading.
func openSQLite(ctx context.Context, path string, cfg Config) (_ engine, err error) {
	if err := checkSQLitePath(path); err != nil {
		return engine{}, err
	}
	// goose has no lock on SQLite. The same lock covers making the file.
	unlock, err := private.Lock(ctx, path+".lock")
	if err != nil {
		return engine{}, badFolder(err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := makePrivateFile(path); err != nil {
		return engine{}, err
	}

	e := engine{dialect: DialectSQLite, file: path, uniqueViolation: sqliteUniqueViolation}
	if e.writer, err = openSQLitePool(path, 1, url.Values{"_txlock": {"immediate"}}); err != nil {
		return engine{}, err
	}
	e.work = e.writer.DB
	if e.reader, err = openSQLitePool(path, max(4, runtime.GOMAXPROCS(0)), url.Values{"_pragma": {"query_only(1)"}}); err != nil {
		return engine{}, errors.Join(err, e.writer.Close())
	}
	if err := prepareSQLite(ctx, e, cfg); err != nil {
		return engine{}, errors.Join(err, e.close())
	}
	return e, nil
}

func checkSQLitePath(path string) error {
	switch {
	case path == "" || strings.HasPrefix(path, ":memory:") || strings.ContainsRune(path, 0):
		return invalidURL("sqlite: must be followed by the path of a file")
	case strings.HasPrefix(path, "//"):
		return invalidURL("sqlite: takes a path, not a host; write one slash")
	}
	return nil
}

// openSQLitePool opens connections that wait for each other, and that keep what they acknowledge: with synchronous FULL
// each commit reaches the disk before it returns.
func openSQLitePool(path string, connections int, extra url.Values) (pool, error) {
	values := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	for key, more := range extra {
		values[key] = append(values[key], more...)
	}
	escape := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")
	db, err := sql.Open("sqlite", "file:"+escape.Replace(path)+"?"+values.Encode())
	if err != nil {
		return pool{}, fmt.Errorf("open the database file: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return pool{DB: db, away: sqliteBusy}, nil
}

func prepareSQLite(ctx context.Context, e engine, cfg Config) error {
	// The driver ignores settings that it does not know, so they are read back.
	for _, pool := range []pool{e.writer, e.reader} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
			var got string
			if err := pool.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
				return fmt.Errorf("open the database file: %w", err)
			}
			if got != want {
				return broker.Errorf(broker.CodeConfig, "setting \"database\": SQLite refuses %s = %s on this file system and says %s", pragma, want, got).
					WithDo("Put the file on a local disk.")
			}
		}
	}
	return migrateAll(ctx, e.writer.DB, goose.DialectSQLite3, DialectSQLite, cfg)
}

func sqliteUniqueViolation(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) &&
		(e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// sqliteBusy: another process has kept the file locked for busy_timeout.
func sqliteBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY // the low byte, without the extension
}
