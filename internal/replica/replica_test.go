package replica_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/replica"
	"github.com/suitekey/suitekey/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is the process's own.
type clock struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a database with a connection, on one clock with its replicas.
type world struct {
	*store.DB
	*clock
	t          *testing.T
	connection broker.Connection
	switches   int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: newClock()}
	var err error
	if w.DB, err = store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "suitekey.db"), Now: w.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.connection = broker.Connection{ID: "co_1", App: "acme", Account: "1234567", State: broker.ConnectionPending}
	if err := w.SaveConnection(t.Context(), &w.connection); err != nil {
		t.Fatal(err)
	}
	w.activate()
	return w
}

// activate gives the connection another certificate.
func (w *world) activate() {
	w.t.Helper()
	w.switches++
	c := broker.Certificate{ID: strings.Repeat("x", w.switches), ConnectionID: w.connection.ID, App: "acme", State: broker.CertificateTested}
	if err := w.SaveCertificate(w.t.Context(), &c); err != nil {
		w.t.Fatal(err)
	}
	if err := w.ActivateCertificate(w.t.Context(), &w.connection, &c); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) replica(id string) *replica.Service {
	return &replica.Service{Store: w.DB, ID: id, Now: w.Now}
}

func (w *world) beat(s *replica.Service) {
	w.t.Helper()
	if err := s.Beat(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// wantUnaware asks as a command would.
func (w *world) wantUnaware(want ...string) {
	w.t.Helper()
	got, err := w.replica("command").Unaware(w.t.Context(), w.connection.ID)
	if err != nil || !slices.Equal(got, want) {
		w.t.Errorf("unaware are %q, %v; want %q", got, err, want)
	}
}

// A replica acknowledges a switch when it has read of it, and all that it had read before has ended.
func TestAcknowledgement(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a"), w.replica("b")
	w.beat(a)
	w.wantUnaware() // the first certificate replaced nothing
	w.Add(time.Second)
	w.beat(b)
	w.activate()
	w.wantUnaware("a", "b")

	w.beat(a) // reads of it, and may have read the connection just before
	w.wantUnaware("a", "b")
	w.Add(broker.BelievedFor - time.Millisecond)
	w.beat(a)
	w.wantUnaware("a", "b")
	w.Add(time.Millisecond)
	w.beat(a)
	w.wantUnaware("b")

	w.Add(time.Hour) // b was not seen for long, but beats before it does anything else
	w.wantUnaware()
	w.beat(b)
	w.wantUnaware("b")
	w.Add(broker.BelievedFor)
	w.beat(b)
	w.wantUnaware()
}

func TestANewReplicaKnowsWhatIsInTheDatabase(t *testing.T) {
	w := newWorld(t)
	w.activate()
	a := w.replica("a")
	w.beat(a) // the switch may have come between its start and this beat
	w.wantUnaware("a")
	w.Add(replica.BeatEvery)
	w.beat(a)
	w.wantUnaware()
}

// RO-02: a replica that is cut off stops acting long before the others stop waiting for it.
func TestRO02_GivenUpAfterItStopped(t *testing.T) {
	w := newWorld(t)
	s := w.replica("a")
	if err := s.Current(); err != nil {
		t.Errorf("a process that does not serve: %v", err)
	}
	w.beat(s)
	w.activate()
	for range replica.StaleAfter/time.Second - 1 {
		w.Add(time.Second)
		if err := s.Current(); err != nil {
			t.Fatalf("before a minute without a beat: %v", err)
		}
	}
	w.Add(time.Second)
	if err := s.Current(); broker.CodeOf(err) != broker.CodeStale {
		t.Errorf("after a minute without a beat: %v, want %s", err, broker.CodeStale)
	}
	w.wantUnaware("a")
	w.Add(replica.GivenUpAfter - replica.StaleAfter)
	w.wantUnaware("a")
	w.Add(time.Millisecond)
	w.wantUnaware()
	w.beat(s)
	if err := s.Current(); err != nil {
		t.Errorf("after another beat: %v", err)
	}
	w.wantUnaware("a")
}

// A beat that does not reach the database does not count.
func TestFailedBeat(t *testing.T) {
	w := newWorld(t)
	s := w.replica("a")
	w.beat(s)
	w.Add(replica.StaleAfter)
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Beat(gone); err == nil {
		t.Fatal("a beat without a database succeeded")
	}
	if err := s.Current(); broker.CodeOf(err) != broker.CodeStale {
		t.Errorf("after a failed beat: %v, want %s", err, broker.CodeStale)
	}
}

// table is a database of replicas alone, which counts beats: synctest cannot wait for a real one.
type table struct {
	mu    sync.Mutex
	rows  map[string]broker.Replica // guarded by mu
	beats int                       // guarded by mu
	n     int64                     // guarded by mu
	fail  error                     // guarded by mu
}

func (b *table) Beat(_ context.Context, r broker.Replica) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return 0, b.fail
	}
	b.beats++
	b.rows[r.ID] = r
	return b.n, nil
}

func (b *table) RemoveReplica(_ context.Context, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.rows, id)
	return b.fail
}

func (b *table) UnawareReplicas(context.Context, string, time.Duration) ([]broker.Replica, error) {
	return nil, b.fail
}

func (b *table) see() (beats int, row broker.Replica, there bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	row, there = b.rows["a"]
	return b.beats, row, there
}

func TestWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{rows: map[string]broker.Replica{}}
		s := &replica.Service{Store: b, ID: "a"}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		ending, end := make(chan struct{}), make(chan struct{})
		go func() {
			done <- s.While(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				close(ending)
				<-end
				return errors.New("what do says")
			})
		}()
		synctest.Wait()
		if beats, _, there := b.see(); beats != 1 || !there {
			t.Fatalf("%d beats at the beginning, want 1", beats)
		}
		<-time.After(time.Minute + time.Second) // of the bubble
		if beats, _, _ := b.see(); beats != 13 {
			t.Errorf("%d beats in a minute, want 13", beats)
		}

		// A switch made by this process: a beat at once, and an acknowledgement as soon as it is true.
		b.mu.Lock()
		b.n = 7
		b.mu.Unlock()
		s.Hurry()
		s.Hurry()
		synctest.Wait()
		if _, row, _ := b.see(); row.ActsOn != 0 {
			t.Error("acknowledged at once")
		}
		<-time.After(broker.BelievedFor)
		synctest.Wait()
		if _, row, _ := b.see(); row.ActsOn != 7 {
			t.Errorf("acts on %d two seconds later, want 7", row.ActsOn)
		}

		stop()
		<-ending
		before, _, _ := b.see()
		<-time.After(replica.BeatEvery)
		synctest.Wait()
		if beats, _, there := b.see(); beats != before+1 || !there {
			t.Errorf("%d beats while the work ends, want one more than %d", beats, before)
		}
		close(end)
		if err := <-done; err == nil || err.Error() != "what do says" {
			t.Errorf("While = %v, want what do says", err)
		}
		if _, _, there := b.see(); there {
			t.Error("the replica did not leave")
		}
	})
}

func TestWhileNeedsItsFirstBeat(t *testing.T) {
	b := &table{fail: errors.New("no database")}
	s := &replica.Service{Store: b, ID: "a"}
	err := s.While(t.Context(), func(context.Context) error {
		t.Error("the work began without a beat")
		return nil
	})
	if !errors.Is(err, b.fail) {
		t.Errorf("While = %v, want %v", err, b.fail)
	}
}

func TestStoppedBeforeItBegan(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s := newWorld(t).replica("a")
	err := s.While(ctx, func(context.Context) error {
		t.Error("the work began")
		return nil
	})
	if err != nil {
		t.Errorf("While = %v, want nil", err)
	}
}

// Beats that fail do not end the work; the process is stale meanwhile, and current again afterwards.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{rows: map[string]broker.Replica{}}
		s := &replica.Service{Store: b, ID: "a"}
		set := func(err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.fail = err
		}
		err := s.While(t.Context(), func(context.Context) error {
			set(errors.New("gone"))
			<-time.After(replica.StaleAfter)
			if err := s.Current(); broker.CodeOf(err) != broker.CodeStale {
				t.Errorf("during the outage: %v", err)
			}
			set(nil)
			<-time.After(replica.BeatEvery)
			synctest.Wait()
			if err := s.Current(); err != nil {
				t.Errorf("after the outage: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
