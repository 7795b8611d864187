package jobs_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/suitekey/suitekey/internal/jobs"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
)

// asChild holds the address of the database of a child, which takes up a piece and never ends it.
const asChild = "SUITEKEY_TEST_JOBS_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(asChild); url != "" {
		if err := child(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The tests wait for the engine's periods, and hardly work: on a small machine, too, they do it together.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// onBoth runs a test on an empty database of each engine.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel() // they wait, for the engine's periods, more than they work
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "suitekey.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Start(t))
	})
}

// patience is far more than anything here takes.
const patience = 90 * time.Second

// open opens the database, as every process does.
func open(ctx context.Context, url string) (*store.DB, error) {
	return store.Open(ctx, store.Config{URL: url, Migrate: jobs.Migrate})
}

// start runs a Runner until the test ends or stop is called; stop waits for its end.
func start(t *testing.T, url string, r *jobs.Runner) (stop func()) {
	t.Helper()
	db, err := open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	r.Pool, r.Dialect = db.WorkPool()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, db.Close()); err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// list counts by name, from any number of goroutines.
type list struct {
	mu    sync.Mutex
	names map[string]int // guarded by mu
	more  chan string    // gets every name; big enough for a test
}

func newList() *list { return &list{names: map[string]int{}, more: make(chan string, 10_000)} }

func (l *list) add(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[name]++
	l.more <- name
}

func (l *list) count(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[name]
}

// wait waits until the name was added n times.
func (l *list) wait(t *testing.T, name string, n int) {
	t.Helper()
	deadline := time.After(patience)
	for l.count(name) < n {
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("%q was seen %d times, want %d", name, l.count(name), n)
		}
	}
}

// Three processes and forty pieces that are due: each is done once.
func TestEachPieceIsDoneOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		seen := newList()
		work := jobs.Work{
			Name: "rotate", Every: time.Second, AtOnce: 4,
			Due: func(context.Context) (due []string, err error) {
				seen.add("scan")
				for i := range 40 {
					due = append(due, fmt.Sprint("co_", i))
				}
				if seen.count("scan") > 1 {
					return nil, nil
				}
				return due, nil
			},
			Do: func(_ context.Context, item string) error {
				seen.add(item)
				return nil
			},
		}
		for range 3 {
			start(t, url, &jobs.Runner{Works: []jobs.Work{work}})
		}
		for i := range 40 {
			seen.wait(t, fmt.Sprint("co_", i), 1)
		}
		seen.wait(t, "scan", 3)
		for i := range 40 {
			if n := seen.count(fmt.Sprint("co_", i)); n != 1 {
				t.Errorf("piece %d was done %d times", i, n)
			}
		}
	})
}

// A piece that is under way stays due, and is found by each scan; it is not taken up a second time.
func TestWhatIsUnderWayIsNotTakenUpAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		seen, release := newList(), make(chan struct{})
		work := jobs.Work{
			Name: "rotate", Every: time.Second, AtOnce: 4,
			Due: func(context.Context) ([]string, error) { seen.add("scan"); return []string{"slow"}, nil },
			Do:  func(context.Context, string) error { seen.add("begun"); <-release; return nil },
		}
		for range 3 {
			start(t, url, &jobs.Runner{Works: []jobs.Work{work}})
		}
		seen.wait(t, "begun", 1)
		seen.wait(t, "scan", seen.count("scan")+3)
		if n := seen.count("begun"); n != 1 {
			t.Errorf("the piece was taken up %d times", n)
		}
		close(release)
	})
}

// The scan is made once a period, however many processes there are. One that has just been elected begins with a scan.
func TestOneScanAPeriod(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		scans := newList()
		began := time.Now()
		for range 3 {
			start(t, url, &jobs.Runner{Works: []jobs.Work{{
				Name: "tick", Every: time.Second,
				Due: func(context.Context) ([]string, error) { scans.add("scan"); return nil, nil },
				Do:  func(context.Context, string) error { return nil },
			}}})
		}
		scans.wait(t, "scan", 5)
		if took := time.Since(began); took < 3*time.Second {
			t.Errorf("five scans, one each second, took %s", took)
		}
	})
}

// A piece that fails is not repeated at once, but found again by the next scan; a scan that fails is followed by the next one.
func TestFailuresAreLeftToTheNextScan(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		seen, logged := newList(), &log{}
		start(t, url, &jobs.Runner{
			Logger: slog.New(slog.NewTextHandler(logged, nil)),
			Works: []jobs.Work{{
				Name: "mend", Every: time.Second,
				Due: func(context.Context) ([]string, error) {
					seen.add("scan")
					if seen.count("scan") == 1 {
						return nil, errors.New("the table is on fire")
					}
					if seen.count("again") > 1 {
						return []string{"other"}, nil
					}
					return []string{"again"}, nil
				},
				Do: func(_ context.Context, item string) error {
					seen.add(item)
					if tries := seen.count(item); tries > seen.count("scan") {
						t.Errorf("%d tries after %d scans", tries, seen.count("scan"))
					}
					return errors.New("no luck with " + item)
				},
			}},
		})
		seen.wait(t, "again", 2)
		seen.wait(t, "other", 1)
		if strings.Contains(logged.String(), "level=INFO") {
			t.Errorf("the engine talks of itself:\n%s", logged)
		}
		for _, want := range []string{"the table is on fire", "no luck with again", "work=mend"} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("the log does not say %q", want)
			}
		}
	})
}

// Run ends when its context does, and waits for what is under way; what does not end is cut short, and done by another process.
func TestStopWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		seen, release := newList(), make(chan struct{})
		work := jobs.Work{
			Name: "slow", Every: time.Hour,
			Due: func(context.Context) ([]string, error) { return []string{"patient"}, nil },
			Do: func(context.Context, string) error {
				seen.add("begun")
				<-release
				seen.add("ended")
				return nil
			},
		}
		stop := start(t, url, &jobs.Runner{Works: []jobs.Work{work}})
		seen.wait(t, "begun", 1)
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		select {
		case <-stopped:
			t.Fatal("the runner ended while a piece was under way")
		case release <- struct{}{}:
		}
		<-stopped
		if seen.count("ended") != 1 {
			t.Error("the piece was not waited for")
		}
	})
}

func TestStopCutsShortWhatTakesTooLong(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		seen := newList()
		work := jobs.Work{
			Name: "slow", Every: time.Hour,
			Due: func(context.Context) ([]string, error) { return []string{"piece"}, nil },
			Do: func(ctx context.Context, _ string) error {
				seen.add("begun")
				if seen.count("begun") > 1 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			},
		}
		stop := start(t, url, &jobs.Runner{Works: []jobs.Work{work}, Drain: 50 * time.Millisecond})
		seen.wait(t, "begun", 1)
		stop()
		work.Due = func(context.Context) ([]string, error) { return nil, nil } // the other process need not find it
		start(t, url, &jobs.Runner{Works: []jobs.Work{work}})
		seen.wait(t, "begun", 2)
	})
}

func TestFinishedPiecesLeaveNoRows(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db, err := open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		pool, _ := db.WorkPool()
		rows := func() (n int) {
			if err := pool.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		done := newList()
		work := jobs.Work{
			Name: "quick", Every: time.Hour, AtOnce: 10,
			Due: func(context.Context) ([]string, error) { return []string{"a", "b", "c"}, nil },
			Do:  func(_ context.Context, item string) error { done.add(item); return nil },
		}
		stop := start(t, url, &jobs.Runner{Works: []jobs.Work{work}})
		for _, item := range []string{"a", "b", "c"} {
			done.wait(t, item, 1)
		}
		stop()
		if rows() == 0 {
			t.Fatal("there are no rows; is this the table?")
		}
		work.Due = func(context.Context) ([]string, error) { return nil, nil }
		start(t, url, &jobs.Runner{Works: []jobs.Work{work}})
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		deadline := time.After(patience)
		for rows() > 1 { // the scan of this process may still be there
			select {
			case <-look.C:
			case <-deadline:
				t.Fatalf("%d rows are left", rows())
			}
		}
	})
}

// A process is killed while it does a piece; another one does it, though the scans before found it taken.
func TestKilledProcess(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		db, err := open(t.Context(), url) // makes the database before two processes use it
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env, cmd.Stderr = append(os.Environ(), asChild+"="+url), os.Stderr
		output, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		input, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer input.Close()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(output).ReadString('\n'); line != "begun stuck\n" {
			t.Fatalf("the child said %q, %v", line, err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed

		done := newList()
		start(t, url, &jobs.Runner{Patience: impatient, Works: []jobs.Work{childsWork(func(_ context.Context, item string) error {
			done.add(item)
			return nil
		})}})
		done.wait(t, "stuck", 1)
	})
}

// impatient is short enough for a test and longer than any piece in it.
const impatient = 3 * time.Second

func childsWork(do func(context.Context, string) error) jobs.Work {
	return jobs.Work{
		Name: "work", Every: time.Second, Do: do,
		Due: func(context.Context) ([]string, error) { return []string{"stuck"}, nil },
	}
}

// child takes up a piece and keeps it until it is killed, or its input ends with the test.
func child(url string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	db, err := open(ctx, url)
	if err != nil {
		return err
	}
	r := &jobs.Runner{Works: []jobs.Work{childsWork(func(_ context.Context, item string) error {
		fmt.Println("begun", item)
		<-ctx.Done()
		return nil
	})}}
	r.Pool, r.Dialect = db.WorkPool()
	return errors.Join(r.Run(ctx), db.Close())
}

func TestRunOnce(t *testing.T) {
	var did []string
	work := func(name string, due ...string) jobs.Work {
		return jobs.Work{
			Name: name,
			Due: func(context.Context) ([]string, error) {
				if due == nil {
					return nil, errors.New("cannot look")
				}
				return due, nil
			},
			Do: func(_ context.Context, item string) error {
				did = append(did, name+" "+item)
				if item == "bad" {
					return errors.New("cannot do")
				}
				return nil
			},
		}
	}
	err := jobs.RunOnce(t.Context(), work("first", "a", "bad", "b"), work("broken"), work("last", "c"))
	if want := []string{"first a", "first bad", "first b", "last c"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	for _, want := range []string{"first bad: cannot do", "scan for broken: cannot look"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestRunOnADatabaseThatIsGone(t *testing.T) {
	db, err := open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "suitekey.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := &jobs.Runner{Works: []jobs.Work{childsWork(nil)}}
	r.Pool, r.Dialect = db.WorkPool()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("Run on a closed database = %v, want an error", err)
	}
}

// log collects text.
type log struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
