// Package store keeps everything that the server must remember, in SQLite (one file, the default) or PostgreSQL
// (several replicas). It is the only package with SQL. Most callers open it once with [Open] and then use the methods
// of [DB], which speak in the words of package broker.
//
// What is promised:
//
//   - Each method is one transaction with one moment of time: all of it happens, or nothing.
//   - A Save is compare-and-swap (threat model R4). A record with Version 0 is inserted; any other replaces the row only
//     when the row still has that version. Otherwise, and when a value that must be unique is taken, the answer is
//     [broker.ErrConflict] and nothing was changed, neither in the database nor in the record given. After success the
//     record given holds its new Version, and CreatedAt and UpdatedAt where it has them.
//   - A write whose context is bound to a lease is [broker.ErrLeaseLost] once somebody else has taken that lease.
//   - A record that is not there is [broker.ErrNotFound].
//   - A database that is away, or silent for answerWithin, is an error with broker.CodeDatabase. What a write that failed so has
//     done is unknown: nothing is ever repeated here. Repeating a Save is safe, since it is refused once the first has happened.
//   - What was acknowledged survives the death of the process (VA-08).
//   - Times are kept in whole milliseconds, UTC; those inside a run's facts in full. A zero time stays zero.
//
// Not here: sealing. Secrets arrive sealed by package vault, and leave sealed.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Config says which database to open.
type Config struct {
	// URL is sqlite:/path/to/file.db, or postgres://user:password@host:5432/name with the parameters of libpq.
	URL string
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// Migrate brings tables that others keep in this database up to date, after ours and under the same lock. dialect is DialectSQLite
	// or DialectPostgres. Nil: there are none.
	Migrate func(ctx context.Context, db *sql.DB, dialect string) error
	// AfterCommit is called after every commit, before the method returns. It is nil in production: the crash tests
	// use it to kill the process at that point.
	AfterCommit func()
}

// DB is an open store. It is safe for use by many goroutines.
type DB struct {
	engine
	now         func() time.Time
	afterCommit func()
	appendAudit *sql.Stmt
}

// engine is what differs between the databases.
type engine struct {
	// writer has one connection on SQLite, which allows one writer at a time; reader is the same pool on PostgreSQL.
	writer, reader pool
	// work is for the engine of package jobs: a pool of its own on PostgreSQL, the writer on SQLite.
	work    *sql.DB
	dialect string
	// file is the database file; empty on PostgreSQL.
	file string
	// uniqueViolation recognises, by the driver's code, that a value is taken.
	uniqueViolation func(error) bool
}

// Open opens the database, brings its tables up to date and checks that it will keep what it acknowledges.
// A new SQLite file is made with mode 0600; one that others may read or write is refused (VA-10). Several processes may
// open one database at the same time. Refusals of the setting itself are *broker.Error with broker.CodeConfig.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	eng, err := openEngine(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &DB{engine: eng, now: cfg.Now, afterCommit: cfg.AfterCommit}
	if d.now == nil {
		d.now = time.Now
	}
	if d.appendAudit, err = d.writer.PrepareContext(ctx, insertAudit); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the audit statement: %w", err), d.engine.close())
	}
	return d, nil
}

// Close ends all connections. Calls that are still running fail.
func (d *DB) Close() error {
	return errors.Join(d.appendAudit.Close(), d.engine.close())
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	return errors.Join(d.writer.PingContext(ctx), d.reader.PingContext(ctx))
}

func (e engine) close() error {
	if e.dialect == DialectPostgres {
		return errors.Join(e.work.Close(), e.writer.Close())
	}
	// The writer last: SQLite folds its log into the file when the last connection closes, which a reader may not do.
	return errors.Join(e.reader.Close(), e.writer.Close())
}

// WorkPool is the pool for the engine of background work, which brings SQL of its own, and the dialect that it speaks. Close closes
// it. On PostgreSQL nobody else uses it, so that work never waits for requests nor they for it; SQLite has one writer.
func (d *DB) WorkPool() (pool *sql.DB, dialect string) { return d.work, d.dialect }

// tx is a transaction with its moment.
type tx struct {
	*sql.Tx
	now   time.Time
	saved []func()
}

// onCommit is called with what becomes visible to the caller only when the transaction has been committed.
func (t *tx) onCommit(do func()) { t.saved = append(t.saved, do) }

// write runs do in a transaction.
func (d *DB) write(ctx context.Context, do func(*tx) error) error {
	return d.writer.within(ctx, func(ctx context.Context) error { return d.transact(ctx, do) })
}

func (d *DB) transact(ctx context.Context, do func(*tx) error) error {
	sqlTx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = sqlTx.Rollback() }() // no effect after the commit

	t := &tx{Tx: sqlTx, now: d.moment()}
	if err := t.holdLease(ctx); err != nil {
		return err
	}
	if err := do(t); err != nil {
		return d.translate(err)
	}
	if err := sqlTx.Commit(); err != nil {
		return d.translate(fmt.Errorf("commit: %w", err))
	}
	for _, show := range t.saved {
		show()
	}
	d.committed()
	return nil
}

func (d *DB) committed() {
	if d.afterCommit != nil {
		d.afterCommit()
	}
}

// moment is now as the database can keep it.
func (d *DB) moment() time.Time { return d.now().UTC().Truncate(time.Millisecond) }

// translate turns the driver's word for "taken" into ours.
func (d *DB) translate(err error) error {
	if d.uniqueViolation(err) {
		return broker.ErrConflict
	}
	return err
}

// swap is the compare-and-swap of every Save. Both statements take the same arguments: the key first, the version second.
func (t *tx) swap(ctx context.Context, version int64, insert, update string, args ...any) error {
	statement := update
	if version == 0 {
		statement = insert
	}
	return t.mustChange(ctx, broker.ErrConflict, statement, args...)
}

// mustChange executes a statement and answers with missing when it found no row.
func (t *tx) mustChange(ctx context.Context, missing error, statement string, args ...any) error {
	n, err := t.exec(ctx, statement, args...)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

func (t *tx) exec(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	bound, err := bind(args)
	if err != nil {
		return 0, err
	}
	result, err := t.ExecContext(ctx, statement, bound...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// created is the moment at which a record came into being: kept when it has one.
func (t *tx) created(at time.Time) time.Time {
	if at.IsZero() {
		return t.now
	}
	return at
}
