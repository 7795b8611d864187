package company

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// This file takes the whole of a company out and puts it in again: for snapshots, and because copying a seeded company is
// faster than seeding another one.

// State is all that a company holds. Rows are in SQLite's file format.
type State struct {
	Database []byte
	Bundles  []Bundle
	LastJob  int64
	Jobs     []Job // oldest first
}

// Job is an asynchronous request, as it is saved.
type Job struct {
	ID             int64
	Role, Entity   int64 // of the caller
	Integration    string
	BaseURL        string
	Key            string // idempotency key
	Submitted, Due time.Time
	Done           bool
	Tasks          []Task
}

// Task is a request of a job: the request until it has run, then its answer.
type Task struct {
	Method, Target string
	Header         http.Header
	Body           []byte
	Refused        bool // found bad before it runs; what follows is its answer already
	Status         int
	Answer         http.Header
	Result         []byte
}

// State copies everything out. No request may be under way, or the rows and the jobs may be of two moments.
func (c *Company) State() (State, error) {
	last, jobs := c.jobs.state()
	c.mu.Lock() // and not RLock: the copy is taken on the one writing connection
	defer c.mu.Unlock()
	database, err := serialize(c.write)
	if err != nil {
		return State{}, fmt.Errorf("state of company %s: %w", c.cfg.AccountID, err)
	}
	s := State{Database: database, LastJob: last, Jobs: jobs}
	for _, id := range slices.Sorted(maps.Keys(c.bundles)) {
		s.Bundles = append(s.Bundles, c.bundles[id])
	}
	return s, nil
}

// SetState replaces everything by a state that State gave, of a company of any account. A database with other tables than
// this version makes, or a damaged one, is refused and nothing changes.
func (c *Company) SetState(s State) error {
	refused := func(err error) error { return fmt.Errorf("state of company %s: %w", c.cfg.AccountID, err) }
	tables, bundles := standardCatalogue(), map[int64]Bundle{}
	for _, b := range s.Bundles {
		if err := b.validate(); err != nil {
			return refused(fmt.Errorf("bundle %d: %w", b.ID, err))
		}
		bundles[b.ID] = b
		for _, rt := range b.RecordTypes {
			tables[strings.ToLower(rt.ScriptID)] = customRecordTable(rt)
		}
	}
	restored, err := restoreJobs(s, Caller{Features: c.cfg.Features})
	if err != nil {
		return refused(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := copyDatabase(s.Database, c.dsn, func(from *sql.Conn) error { return sound(from, tables) }); err != nil {
		return refused(err)
	}
	c.totals.forget()
	c.actors.forget()
	c.tables, c.bundles = tables, bundles
	c.jobs.replace(restored)
	return nil
}

// serialize is the database of a connection as bytes.
func serialize(conn *sql.Conn) (database []byte, err error) {
	err = conn.Raw(func(raw any) error {
		s, ok := raw.(interface{ Serialize() ([]byte, error) })
		if !ok {
			return fmt.Errorf("sqlite connection %T: cannot serialize", raw)
		}
		database, err = s.Serialize()
		return err
	})
	return database, err
}

// copyDatabase writes a database given as bytes over the one that dsn names, unless check refuses it.
func copyDatabase(database []byte, dsn string, check func(*sql.Conn) error) error {
	if len(database) < 512 || !strings.HasPrefix(string(database[:16]), "SQLite format 3\x00") {
		return errors.New("the database is no SQLite file")
	}
	connector, err := sqlite.NewConnector(":memory:")
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Raw(func(raw any) error { return raw.(databaseCopier).Deserialize(database) }); err != nil {
		return err
	}
	if err := check(conn); err != nil {
		return err
	}
	return conn.Raw(func(raw any) error {
		backup, err := raw.(databaseCopier).NewBackup(dsn)
		if err != nil {
			return err
		}
		_, err = backup.Step(-1)
		return errors.Join(err, backup.Finish())
	})
}

// databaseCopier is what a connection of modernc.org/sqlite can do beside SQL.
type databaseCopier interface {
	Deserialize([]byte) error
	NewBackup(dstURI string) (*sqlite.Backup, error)
}

// sound refuses a damaged database, and one whose tables are not exactly these: a stranger's file could bring triggers and
// views, an older version's other columns.
func sound(conn *sql.Conn, tables map[string]*table) error {
	ctx := context.Background()
	var verdict string
	if err := conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
		return errors.New("the database is damaged")
	}
	want := map[string]bool{}
	for _, t := range tables {
		for _, statement := range t.create() {
			want[statement] = true
		}
	}
	rows, err := conn.QueryContext(ctx, "SELECT coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			return err
		}
		if !want[statement] {
			return errors.New("the database has a table that this version does not make; save the state anew")
		}
		delete(want, statement)
	}
	if len(want) > 0 {
		return errors.New("the database lacks a table that this version makes; save the state anew")
	}
	return rows.Err()
}

// state is what the jobs are, for saving.
func (js *jobs) state() (last int64, saved []Job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	for _, j := range js.order {
		if js.due[j.id] == nil && !j.finished() {
			<-j.done // it runs at this moment
		}
		saved = append(saved, j.saved())
	}
	return js.last, saved
}

func (j *job) saved() Job {
	out := Job{
		ID: j.id, Role: j.caller.Role, Entity: j.caller.Entity, Integration: j.caller.Integration, BaseURL: j.caller.BaseURL,
		Key: j.key.key, Submitted: j.submitted, Due: j.due, Done: j.finished(),
	}
	for _, t := range j.tasks {
		saved := Task{
			Method: t.method, Target: t.target, Header: t.header.Clone(), Body: slices.Clone(t.body),
			Status: t.status, Answer: t.answer.Clone(), Result: slices.Clone(t.result),
		}
		if t.refused != nil && !out.Done {
			w := &recordedAnswer{header: http.Header{}}
			t.refused.write(w)
			saved.Refused, saved.Status, saved.Answer, saved.Result = true, w.status, w.header, w.body.Bytes()
		}
		out.Tasks = append(out.Tasks, saved)
	}
	return out
}

// restoreJobs makes jobs of saved ones. The caller lends what cannot be saved.
func restoreJobs(s State, lent Caller) (*jobs, error) {
	js := newJobs()
	js.last = s.LastJob
	for _, saved := range s.Jobs {
		if saved.ID < 1 || saved.ID > s.LastJob || js.byID[saved.ID] != nil || len(saved.Tasks) == 0 {
			return nil, fmt.Errorf("job %d: want tasks and an ID of its own up to %d", saved.ID, s.LastJob)
		}
		j := saved.job(lent)
		js.byID[j.id] = j
		js.order = append(js.order, j)
		if j.key.key != "" {
			js.keys[j.key] = j
		}
		if saved.Done {
			close(j.done)
		} else {
			js.due[j.id] = j
		}
	}
	return &js, nil
}

func (saved Job) job(caller Caller) *job {
	caller.Role, caller.Entity, caller.Integration, caller.BaseURL = saved.Role, saved.Entity, saved.Integration, saved.BaseURL
	j := &job{
		id: saved.ID, caller: caller, key: jobKey{saved.Integration, saved.Key},
		submitted: saved.Submitted, due: saved.Due, done: make(chan struct{}),
	}
	for _, t := range saved.Tasks {
		restored := &task{method: t.Method, target: t.Target, header: t.Header, body: t.Body, status: t.Status, answer: t.Answer, result: t.Result}
		if t.Refused {
			restored.settled = true
		}
		j.tasks = append(j.tasks, restored)
	}
	return j
}

// replace puts other jobs in place of these.
func (js *jobs) replace(with *jobs) {
	js.mu.Lock()
	defer js.mu.Unlock()
	js.last, js.byID, js.order, js.keys, js.due = with.last, with.byID, with.order, with.keys, with.due
}

// seeded are the databases of companies seeded in this process, by the number of their rows. Small ones are kept, and few.
var seeded = struct {
	mu    sync.Mutex
	kinds map[seedSizes][]byte // guarded by mu
}{kinds: map[seedSizes][]byte{}}

type seedSizes struct{ customers, items, salesOrders int }

const (
	seedsKept = 8
	seedsUpTo = 4 << 20 // bytes of a database that is kept
	rowsWorth = 8_000   // customers, items and sales orders of a company that could be as small
)

func (sizes seedSizes) small() bool {
	return sizes.customers+sizes.items+sizes.salesOrders <= rowsWorth
}

// fill seeds a new company, or copies one seeded before: only the name differs.
func (c *Company) fill() error {
	sizes := seedSizes{c.cfg.Customers, c.cfg.Items, c.cfg.SalesOrders}
	seeded.mu.Lock()
	have := seeded.kinds[sizes]
	seeded.mu.Unlock()
	if have != nil {
		return errors.Join(copyDatabase(have, c.dsn, func(*sql.Conn) error { return nil }), c.update(c.rename))
	}
	err := c.update(func(tx *sql.Tx) error {
		if err := createTables(tx, c.tables); err != nil {
			return err
		}
		return seed(tx, c.cfg)
	})
	if err != nil || !sizes.small() {
		return err
	}
	return c.keepSeeded(sizes)
}

func (c *Company) rename(tx *sql.Tx) error {
	_, err := tx.Exec("DELETE FROM subsidiary")
	if err == nil {
		_, err = tx.Exec(seedSubsidiaries, c.cfg.Name)
	}
	return err
}

func (c *Company) keepSeeded(sizes seedSizes) error {
	c.mu.Lock()
	database, err := serialize(c.write)
	c.mu.Unlock()
	seeded.mu.Lock()
	defer seeded.mu.Unlock()
	if err == nil && len(database) <= seedsUpTo && len(seeded.kinds) < seedsKept {
		seeded.kinds[sizes] = database
	}
	return err
}
