package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(tb testing.TB, url string) *store.DB {
	tb.Helper()
	db, err := store.Open(tb.Context(), store.Config{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func sqliteURL(tb testing.TB) string { return "sqlite:" + filepath.Join(tb.TempDir(), "suitekey.db") }

// start runs a log; stop ends it and waits.
func start(tb testing.TB, s Store) (l *Log, stop func()) {
	tb.Helper()
	l = New(s, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			tb.Errorf("Run: %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	tb.Cleanup(stop)
	return l, stop
}

// recordAll records lines from many goroutines: worker w of log i writes perWorker lines.
func recordAll(t *testing.T, logs []*Log, workers, perWorker int) {
	t.Helper()
	var all sync.WaitGroup
	for i, l := range logs {
		for w := range workers {
			all.Go(func() {
				for n := range perWorker {
					line := broker.AuditLine{Event: broker.AuditTokenHandedOut, Actor: fmt.Sprintf("%d-%d-%d", i, w, n), Result: "ok"}
					if err := l.Record(t.Context(), line); err != nil {
						t.Errorf("record: %v", err)
					}
				}
			})
		}
	}
	all.Wait()
}

// actors reads the chain and counts the lines by actor.
func actors(t *testing.T, db *store.DB) map[string]int {
	t.Helper()
	if _, err := Verify(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	groups, err := db.AuditGroups(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, g := range groups {
		var lines []broker.AuditLine
		if err := json.Unmarshal(g.Lines, &lines); err != nil || len(lines) == 0 {
			t.Fatalf("group %d holds %d lines: %v", g.Seq, len(lines), err)
		}
		for _, line := range lines {
			seen[line.Actor]++
		}
	}
	return seen
}

func wantEach(t *testing.T, seen map[string]int, want int) {
	t.Helper()
	if len(seen) != want {
		t.Errorf("%d different lines are stored, want %d", len(seen), want)
	}
	for actor, n := range seen {
		if n != 1 {
			t.Errorf("line %s is stored %d times", actor, n)
		}
	}
}

func TestEveryRecordIsDurable(t *testing.T) {
	db := openStore(t, sqliteURL(t))
	l, _ := start(t, db)
	recordAll(t, []*Log{l}, 64, 157) // 10,048 lines
	wantEach(t, actors(t, db), 64*157)
	groups, err := Verify(t.Context(), db)
	if err != nil || groups >= 64*157 {
		t.Errorf("%d groups, %v: lines of many callers are not stored together", groups, err)
	}
}

func TestTwoServersShareOneChain(t *testing.T) {
	for engine, url := range map[string]string{"sqlite": sqliteURL(t), "postgres": pgtest.Start(t)} {
		t.Run(engine, func(t *testing.T) {
			first, second := openStore(t, url), openStore(t, url)
			a, _ := start(t, first)
			b, _ := start(t, second)
			recordAll(t, []*Log{a, b}, 8, 50)
			wantEach(t, actors(t, first), 2*8*50)
		})
	}
}

func TestChainGoesOnAfterRestart(t *testing.T) {
	db := openStore(t, sqliteURL(t))
	for i := range 3 {
		l, stop := start(t, db)
		if err := l.Record(t.Context(), broker.AuditLine{Actor: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		stop()
	}
	wantEach(t, actors(t, db), 3)
	if groups, err := Verify(t.Context(), db); groups != 3 || err != nil {
		t.Errorf("%d groups, %v; want 3", groups, err)
	}
}

// wantRefused wants the error of a line that was not stored.
func wantRefused(t *testing.T, err, cause error) {
	t.Helper()
	var e *broker.Error
	if !errors.As(err, &e) || e.Code != broker.CodeAudit || !errors.Is(err, cause) {
		t.Errorf("error is %v, want %s because of %v", err, broker.CodeAudit, cause)
	}
}

// faulty fails while broken is set, and keeps nothing then.
type faulty struct {
	*store.DB
	mu     sync.Mutex
	broken error // guarded by mu
}

func (f *faulty) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

func (f *faulty) AppendAudit(ctx context.Context, g *broker.AuditGroup) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	return f.DB.AppendAudit(ctx, g)
}

// LO-03: a line that cannot be stored is refused, for everyone who waits; afterwards the log goes on.
func TestLO03_RefusedWhenTheStoreFails(t *testing.T) {
	db := openStore(t, sqliteURL(t))
	diskFull := errors.New("disk full")
	s := &faulty{DB: db}
	l, _ := start(t, s)
	if err := l.Record(t.Context(), broker.AuditLine{Actor: "before"}); err != nil {
		t.Fatal(err)
	}
	s.set(diskFull)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { wantRefused(t, l.Record(t.Context(), broker.AuditLine{Actor: "lost"}), diskFull) })
	}
	all.Wait()
	s.set(nil)
	if err := l.Record(t.Context(), broker.AuditLine{Actor: "after"}); err != nil {
		t.Fatal(err)
	}
	if seen := actors(t, db); len(seen) != 2 || seen["before"] != 1 || seen["after"] != 1 {
		t.Errorf("stored: %v; want before and after", seen)
	}
}

// LO-03 on a real disk that is full: SQLite gets no more pages.
func TestLO03_DiskFull(t *testing.T) {
	url := sqliteURL(t)
	db := openStore(t, url)
	full, err := sql.Open("sqlite", strings.Replace(url, "sqlite:", "file:", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	full.SetMaxOpenConns(1)
	if _, err := full.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // SQLite takes the pages in use
		t.Fatal(err)
	}
	l, _ := start(t, appender{db, full})
	refused := false
	for i := 0; i < 200 && !refused; i++ {
		err := l.Record(t.Context(), broker.AuditLine{Actor: fmt.Sprint(i), Detail: strings.Repeat("x", 900)})
		if refused = err != nil; refused && broker.CodeOf(err) != broker.CodeAudit {
			t.Errorf("full disk: %v, want %s", err, broker.CodeAudit)
		}
		if stored := actors(t, db)[fmt.Sprint(i)] == 1; stored == refused {
			t.Errorf("line %d: stored is %v, refused is %v", i, stored, refused)
		}
	}
	if !refused {
		t.Error("the full disk was never noticed")
	}
}

// appender writes through a connection of its own.
type appender struct {
	*store.DB
	conn *sql.DB
}

func (a appender) AppendAudit(ctx context.Context, g *broker.AuditGroup) error {
	_, err := a.conn.ExecContext(ctx, "INSERT INTO audit (seq, at, prev, hash, lines) VALUES ($1, $2, $3, $4, $5)",
		g.Seq, g.At.UnixMilli(), g.Prev, g.Hash, string(g.Lines))
	return err
}

// stuck stores nothing and answers only when its context ends.
type stuck struct{ entered chan struct{} }

func (s stuck) AppendAudit(ctx context.Context, _ *broker.AuditGroup) error {
	s.entered <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func (stuck) AuditHead(context.Context) (broker.AuditGroup, error) {
	return broker.AuditGroup{}, broker.ErrNotFound
}

func TestRecordHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{make(chan struct{}, 1)}
		l, _ := start(t, s)
		gone := errors.New("the caller hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error)
		go func() { result <- l.Record(ctx, broker.AuditLine{}) }()
		<-s.entered
		cancel(gone)
		wantRefused(t, <-result, gone)
	})
}

func TestLO03_StuckStoreIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{make(chan struct{}, 10)}
		l, stop := start(t, s)
		began := time.Now()
		wantRefused(t, l.Record(t.Context(), broker.AuditLine{}), context.DeadlineExceeded)
		if took := time.Since(began); took != commitWithin {
			t.Errorf("it took %v, want %v", took, commitWithin)
		}
		stop() // must return
	})
}

// rival lets another server win every time.
type rival struct{ heads int }

func (r *rival) AppendAudit(context.Context, *broker.AuditGroup) error { return broker.ErrConflict }

func (r *rival) AuditHead(ctx context.Context) (broker.AuditGroup, error) {
	select {
	case <-ctx.Done():
		return broker.AuditGroup{}, ctx.Err()
	case <-time.After(time.Second):
	}
	r.heads++
	return broker.AuditGroup{Seq: int64(r.heads)}, nil
}

func TestLO03_EndlessConflictIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rival{}
		l, stop := start(t, r)
		wantRefused(t, l.Record(t.Context(), broker.AuditLine{}), context.DeadlineExceeded)
		stop()
		if r.heads < 5 {
			t.Errorf("the head was read %d times, want again after each conflict", r.heads)
		}
	})
}

func TestEndStoresWhatWaits(t *testing.T) {
	db := openStore(t, sqliteURL(t))
	l := New(db, nil)
	const waiting = 10
	results := make(chan error, waiting)
	for i := range waiting {
		g, err := l.join(appendLine(nil, broker.AuditLine{Actor: fmt.Sprint(i)}))
		if err != nil {
			t.Fatal(err)
		}
		go func() { <-g.done; results <- g.err }()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Run(ended); err != nil {
		t.Fatal(err)
	}
	for range waiting {
		if err := <-results; err != nil {
			t.Errorf("a line that waited was lost: %v", err)
		}
	}
	wantEach(t, actors(t, db), waiting)

	if err := l.Record(context.Background(), broker.AuditLine{}); broker.CodeOf(err) != broker.CodeAudit {
		t.Errorf("after the end: %v, want %s", err, broker.CodeAudit)
	}
	if err := l.Run(t.Context()); err == nil {
		t.Error("a log that has ended runs again")
	}
}

func TestRunIsForOneGoroutine(t *testing.T) {
	l, _ := start(t, openStore(t, sqliteURL(t)))
	if err := l.Record(t.Context(), broker.AuditLine{}); err != nil { // it runs by now
		t.Fatal(err)
	}
	if err := l.Run(t.Context()); err == nil {
		t.Error("a second Run was let in")
	}
}

func TestRecordTakesTheTime(t *testing.T) {
	db := openStore(t, sqliteURL(t))
	at := time.Date(2026, 11, 24, 20, 0, 0, 0, time.FixedZone("east", 3600))
	l := New(db, func() time.Time { return at })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = l.Run(ctx) })
	defer running.Wait()
	defer cancel()
	if err := l.Record(t.Context(), broker.AuditLine{Event: "x"}); err != nil {
		t.Fatal(err)
	}
	head, err := db.AuditHead(t.Context())
	if want := `[{"at":"2026-11-24T19:00:00Z","event":"x","actor":"","result":""}]`; err != nil || string(head.Lines) != want {
		t.Errorf("stored %s, %v; want %s", head.Lines, err, want)
	}
	if !head.At.Equal(at) {
		t.Errorf("the group is of %v, want %v", head.At, at)
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	for name, test := range map[string]struct {
		statement string
		sound     int
		broken    string
	}{
		"a line changed":         {`UPDATE audit SET lines = replace(lines, '"ok"', '"no"') WHERE seq = 3`, 2, "group 3 was changed"},
		"lines and hash changed": {`UPDATE audit SET lines = '[]', hash = '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945' WHERE seq = 3`, 2, "group 3 was changed"},
		"first group changed":    {`UPDATE audit SET lines = '[]' WHERE seq = 1`, 0, "group 1 was changed"},
		"last group changed":     {`UPDATE audit SET lines = '[]' WHERE seq = 5`, 4, "group 5 was changed"},
		"a group removed":        {`DELETE FROM audit WHERE seq = 3`, 2, "group 3 is missing"},
		"first group removed":    {`DELETE FROM audit WHERE seq = 1`, 0, "group 1 is missing"},
		"hash changed":           {`UPDATE audit SET hash = 'x' WHERE seq = 3`, 2, "group 3 was changed"},
		"prev changed":           {`UPDATE audit SET prev = 'x' WHERE seq = 3`, 2, "group 3 does not follow group 2"},
		"two groups swapped":     {`UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3)`, 1, "group 2 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			url := sqliteURL(t)
			db := openStore(t, url)
			l, stop := start(t, db)
			for i := range 5 {
				if err := l.Record(t.Context(), broker.AuditLine{Actor: fmt.Sprint(i), Result: "ok"}); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			if groups, err := Verify(t.Context(), db); groups != 5 || err != nil {
				t.Fatalf("before: %d groups, %v", groups, err)
			}
			raw, err := sql.Open("sqlite", strings.Replace(url, "sqlite:", "file:", 1))
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			if _, err := raw.ExecContext(t.Context(), test.statement); err != nil {
				t.Fatal(err)
			}
			groups, err := Verify(t.Context(), db)
			if groups != test.sound || broker.CodeOf(err) != broker.CodeTampered || !strings.Contains(err.Error(), test.broken) {
				t.Errorf("%d sound groups, %v; want %d and %q", groups, err, test.sound, test.broken)
			}
		})
	}
}

func TestVerifyEmptyLog(t *testing.T) {
	if groups, err := Verify(t.Context(), openStore(t, sqliteURL(t))); groups != 0 || err != nil {
		t.Errorf("%d groups, %v; want none", groups, err)
	}
}

func TestVerifyWalksLongChains(t *testing.T) {
	db := openStore(t, sqliteURL(t))
	var head broker.AuditGroup
	for range 450 {
		head = follow(head, []byte("[]"))
		if err := db.AppendAudit(t.Context(), &head); err != nil {
			t.Fatal(err)
		}
	}
	if groups, err := Verify(t.Context(), db); groups != 450 || err != nil {
		t.Errorf("%d groups, %v; want 450", groups, err)
	}
}

func BenchmarkRecord64(b *testing.B) {
	l, _ := start(b, openStore(b, sqliteURL(b)))
	b.SetParallelism(64)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		line := broker.AuditLine{
			Event: broker.AuditTokenHandedOut, Actor: "cli_0123456789abcdef", From: "203.0.113.7", App: "acme-sync", Object: "con_0123456789abcdef", Result: "ok",
		}
		for pb.Next() {
			if err := l.Record(context.Background(), line); err != nil {
				b.Error(err)
			}
		}
	})
}
