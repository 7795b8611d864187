// Package company holds what is inside one emulated NetSuite account: business data, employees, roles,
// scripts and custom records, all of them rows of one SQL database, and the REST services that read and
// write those rows.
//
// Most callers Open a Company, install a bundle, assign its role to an employee and hand authenticated
// requests to ServeREST. SuiteQL, the record service and the Go methods see the same rows, so that what one
// of them writes the others read.
//
// Promised: a company opens with the same data every time; a refused request changes nothing; a SuiteQL
// statement can only read the tables of the catalogue, whatever its text; every method is safe for
// concurrent use.
//
// Not here: log-in, tokens, scopes and certificates (package netsuitetest does them before it calls), joins in
// record filters, record actions, attaching, subrecords, forms and scripts of records. Employees and lists such
// as currencies can be read but not written through the record service.
//
// Comments cite Oracle's online help by page name (H/section_158394344595); "guess" marks a behaviour for
// which no source was found and a default was chosen.
package company

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Config describes the company to open. The zero value is usable.
type Config struct {
	AccountID string           // "1234567" or "1234567_SB1"; names the account in messages only
	Name      string           // company name, "Globex Corporation" if empty
	Now       func() time.Time // the account's clock; nil = time.Now

	// ServerTime is what serverTime tells; nil = Now.
	ServerTime func() time.Time

	// How many rows to seed; 0 means 400 customers, 120 items and 2000 sales orders.
	Customers, Items, SalesOrders int

	// QueryTimeout ends a SuiteQL statement that runs longer; 0 means 10 seconds. Oracle's own limit is
	// 15 minutes (H/subsect_1559222360), which no test wants to wait for.
	QueryTimeout time.Duration

	// Choices are asked for by every request; nil = the defaults of all.
	Choices func() Choices

	// Features tells whether a feature is on, to a job whose caller is gone because it was saved with SetState; nil = all are.
	Features func(name string) bool
}

func (cfg Config) withDefaults() Config {
	if cfg.Name == "" {
		cfg.Name = "Globex Corporation"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ServerTime == nil {
		cfg.ServerTime = cfg.Now
	}
	if cfg.Customers == 0 {
		cfg.Customers = 400
	}
	if cfg.Items == 0 {
		cfg.Items = 120
	}
	if cfg.SalesOrders == 0 {
		cfg.SalesOrders = 2000
	}
	if cfg.QueryTimeout == 0 {
		cfg.QueryTimeout = 10 * time.Second
	}
	return cfg
}

func (cfg Config) validate() error {
	if cfg.Customers < 1 || cfg.Items < 1 || cfg.SalesOrders < 1 {
		return errors.New("seed sizes: must be positive; use 0 for the default of each")
	}
	if cfg.QueryTimeout < 0 {
		return errors.New("query timeout: must be positive; use 0 for 10 seconds")
	}
	return nil
}

// Company is one account's data. Make it with Open.
type Company struct {
	cfg Config
	dsn string // of the database in memory

	// mu orders readers against the one writer; SQLite itself would answer "busy" to the loser.
	mu      sync.RWMutex
	write   *sql.Conn // guarded by mu; also keeps the in-memory database alive
	writeDB *sql.DB
	read    *sql.DB           // connections that cannot write, see sqlite.go
	tables  map[string]*table // guarded by mu: the catalogue, standard tables and custom record types
	bundles map[int64]Bundle  // guarded by mu

	jobs   jobs   // asynchronous requests
	totals totals // of statements; readers of mu fill it, the writer empties it
	actors actors // of whom requests are; likewise
}

// opened numbers the in-memory databases of this process.
var opened atomic.Int64

// Open makes a company and seeds it. Close releases its memory.
func Open(cfg Config) (*Company, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open company %s: %w", cfg.AccountID, err)
	}
	c := &Company{cfg: cfg, tables: standardCatalogue(), bundles: map[int64]Bundle{}, jobs: newJobs()}
	c.dsn = fmt.Sprintf("file:/company-%d?vfs=memdb", opened.Add(1))
	err := c.connect(c.dsn)
	if err == nil {
		err = c.fill()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open company %s: %w", cfg.AccountID, err), c.Close())
	}
	return c, nil
}

// Close drops the database. The company answers nothing afterwards.
func (c *Company) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	if c.read != nil {
		errs = append(errs, c.read.Close())
	}
	if c.write != nil {
		if err := c.write.Close(); !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	if c.writeDB != nil {
		errs = append(errs, c.writeDB.Close())
	}
	return errors.Join(errs...)
}

// update runs do in one transaction and alone: all of its changes are kept, or none.
func (c *Company) update(do func(tx *sql.Tx) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.updateLocked(do)
}

// updateLocked is update for a caller that holds mu.
func (c *Company) updateLocked(do func(tx *sql.Tx) error) error {
	c.totals.forget()
	c.actors.forget()
	// Not the request's context: a caller that hangs up must not take the only copy of the data along.
	tx, err := c.write.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// today is the account's clock as the database stores time.
func (c *Company) today() float64 { return dayNumber(c.cfg.Now()) }
