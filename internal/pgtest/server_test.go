package pgtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func (s *Server) mustExec(t *testing.T, statement string) {
	t.Helper()
	if err := run(t.Context(), s.Address(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// run runs a statement on a connection of its own.
func run(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

func count(t *testing.T, address string) (n int) {
	t.Helper()
	if err := connect(t, address).QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServerIsStoppedAndStarted(t *testing.T) {
	s := StartServer(t)
	s.mustExec(t, "CREATE TABLE kept (x BIGINT)")
	s.mustExec(t, "INSERT INTO kept VALUES (1)")
	for name, stop := range map[string]func(){"Stop": s.Stop, "Kill": s.Kill} {
		session := connect(t, s.Address())
		stop()
		if err := session.Ping(t.Context()); err == nil {
			t.Errorf("after %s a session goes on", name)
		}
		if err := run(t.Context(), s.Address(), "SELECT 1"); err == nil {
			t.Errorf("after %s the server answers", name)
		}
		s.Start()
		if n := count(t, s.Address()); n != 1 {
			t.Errorf("after %s and Start %d rows are there, want 1", name, n)
		}
	}
}

func TestServerIsPaused(t *testing.T) {
	s := StartServer(t)
	old := connect(t, s.Address())
	s.Pause()
	defer s.Resume()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := run(short, s.Address(), "SELECT 1"); err == nil {
		t.Error("a paused server answers a new client")
	}
	answered := make(chan error, 1)
	go func() { answered <- old.Ping(t.Context()) }()
	select {
	case err := <-answered:
		t.Fatalf("a paused server answers a client that it had: %v", err)
	case <-short.Done():
	}
	s.Resume()
	if err := <-answered; err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestStandbyTakesOver(t *testing.T) {
	s := StartServer(t)
	s.mustExec(t, "CREATE TABLE kept (x BIGINT)")
	s.AddStandby()
	s.mustExec(t, "INSERT INTO kept VALUES (1)")
	if err := run(t.Context(), s.standby.cluster.address(ownDatabase), "INSERT INTO kept VALUES (2)"); err == nil {
		t.Error("the standby takes writes before it is promoted")
	}
	s.Kill()
	if err := run(t.Context(), s.Address(), "SELECT 1"); err == nil {
		t.Error("the standby was taken for a server that takes writes")
	}
	s.Promote()
	s.mustExec(t, "INSERT INTO kept VALUES (3)")
	if n := count(t, s.Address()); n != 2 {
		t.Errorf("%d rows after the promotion, want 2", n)
	}
}

// A commit is acknowledged only when the standby has it, too.
func TestStandbyIsSynchronous(t *testing.T) {
	s := StartServer(t)
	s.mustExec(t, "CREATE TABLE kept (x BIGINT)")
	s.AddStandby()
	s.standby.Pause()
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err := run(short, s.Address(), "INSERT INTO kept VALUES (1)")
	s.standby.Resume()
	if err == nil {
		t.Error("a commit was acknowledged that the standby does not have")
	}
}

func TestCopy(t *testing.T) {
	first := Start(t)
	if err := run(t.Context(), first, "CREATE TABLE kept AS SELECT 1 AS x"); err != nil {
		t.Fatal(err)
	}
	second := Copy(t, first)
	if err := run(t.Context(), second, "INSERT INTO kept VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	if a, b := count(t, first), count(t, second); a != 1 || b != 2 {
		t.Errorf("%d rows in the first, %d in the copy; want 1 and 2", a, b)
	}
}

func TestParseStat(t *testing.T) {
	for text, want := range map[string][2]int{
		"12 (postgres) S 3 12 12 0":        {12, 3},
		"12 (a) b) (c) R 4 12":             {12, 4},
		"12 (postgres: x (y)) T 7 1 1 0 -": {12, 7},
	} {
		pid, parent, err := parseStat(text)
		if err != nil || pid != want[0] || parent != want[1] {
			t.Errorf("parseStat(%q) = %d, %d, %v; want %v", text, pid, parent, err, want)
		}
	}
	for _, bad := range []string{"", "12", "12 (x) S", "x (y) S 1", "12 (y) S z"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) says nothing", bad)
		}
	}
}
