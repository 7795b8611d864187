package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL of the test's own, which the test may stop, pause and lose. Commands of the system do it, so nothing of the
// server is spared: Pause stops all of its processes where they are.
type Server struct {
	tb      testing.TB
	cluster *cluster
	standby *Server // nil without one
}

// StartServer makes a server, which is removed when the test ends, and an empty database on it.
func StartServer(tb testing.TB) *Server {
	tb.Helper()
	s := start(tb, nil)
	if err := admin(s.cluster.address("postgres"), "CREATE DATABASE "+ownDatabase); err != nil {
		tb.Fatal(err)
	}
	return s
}

// ownDatabase is the only database of a Server.
const ownDatabase = "suitekey"

func start(tb testing.TB, primary *cluster) *Server {
	tb.Helper()
	c, err := startCluster(primary)
	if err != nil {
		tb.Fatalf("start a PostgreSQL for this test: %v", err)
	}
	tb.Cleanup(func() {
		if err := c.end(); err != nil {
			tb.Errorf("end the PostgreSQL of this test: %v", err)
		}
	})
	return &Server{tb: tb, cluster: c}
}

// Address of the database. With a standby it names both, and a client looks for the one that takes writes.
func (s *Server) Address() string {
	if s.standby == nil {
		return s.cluster.address(ownDatabase)
	}
	q := url.Values{"host": {s.cluster.folder + "," + s.standby.cluster.folder}, "target_session_attrs": {"read-write"}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + ownDatabase, RawQuery: q.Encode()}
	return u.String()
}

// AddStandby makes a second server that follows this one. It returns when every commit that is acknowledged is on both.
func (s *Server) AddStandby() {
	s.tb.Helper()
	s.standby = start(s.tb, s.cluster)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.waitForStandby(ctx); err != nil {
		s.tb.Fatalf("make the standby synchronous: %v", err)
	}
}

// patience is far more than anything here takes.
const patience = time.Minute

func (s *Server) waitForStandby(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, s.cluster.address("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		var following int
		err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'").Scan(&following)
		if err != nil || following == 1 {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stop ends the server as an operator does: sessions are ended, what was committed is kept.
func (s *Server) Stop() { s.tb.Helper(); s.control("stop", "-m", "fast") }

// Start starts the server again.
func (s *Server) Start() {
	s.tb.Helper()
	s.control("start", "-l", filepath.Join(s.cluster.folder, "log"))
}

// Kill ends the server at once, as a loss of the machine does, but for the network: clients see their connections end.
func (s *Server) Kill() { s.tb.Helper(); s.control("stop", "-m", "immediate") }

// Promote makes the standby the server that takes writes. The one before must be gone.
func (s *Server) Promote() { s.tb.Helper(); s.standby.control("promote") }

// control is pg_ctl, which waits until it is done.
func (s *Server) control(command string, arguments ...string) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	arguments = append([]string{command, "-w", "-D", filepath.Join(s.cluster.folder, "data")}, arguments...)
	cmd := exec.CommandContext(ctx, filepath.Join(s.cluster.programs, "pg_ctl"), arguments...)
	cmd.Dir, cmd.Env = s.cluster.folder, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cluster.owner}
	// The output goes to a file, not to a pipe that the server would inherit and keep open.
	out, err := os.CreateTemp(s.tb.TempDir(), "pg_ctl")
	if err != nil {
		s.tb.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		s.tb.Fatalf("pg_ctl %s: %v\n%s", command, err, said)
	}
}

// Pause stops all processes of the server where they are, as a machine does that stands still. Connections stay open, and new ones
// are taken by the system but never answered.
func (s *Server) Pause() { s.tb.Helper(); s.signal(syscall.SIGSTOP) }

// Resume lets them go on.
func (s *Server) Resume() { s.tb.Helper(); s.signal(syscall.SIGCONT) }

// signal goes to the postmaster first, so that it starts no process meanwhile.
func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.cluster.folder, "data", "postmaster.pid"))
	if err != nil {
		s.tb.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		s.tb.Fatalf("postmaster.pid begins with %q, want a number", first)
	}
	err = syscall.Kill(postmaster, sig)
	children, findErr := childrenOf(postmaster)
	for _, pid := range children {
		if killErr := syscall.Kill(pid, sig); !errors.Is(killErr, syscall.ESRCH) { // it may have ended meanwhile
			err = errors.Join(err, killErr)
		}
	}
	if err = errors.Join(err, findErr); err != nil {
		s.tb.Fatalf("send %s to the server: %v", sig, err)
	}
}

// childrenOf reads Linux's list of processes.
func childrenOf(parent int) (children []int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return nil, err
		}
		pid, its, err := parseStat(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if its == parent {
			children = append(children, pid)
		}
	}
	return children, nil
}

// parseStat reads "pid (name) state parent ..." (proc(5)). The name may hold anything.
func parseStat(text string) (pid, parent int, err error) {
	first, _, _ := strings.Cut(text, " ")
	rest := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	if len(rest) < 2 {
		return 0, 0, fmt.Errorf("%.80q is not the state of a process", text)
	}
	pid, err = strconv.Atoi(first)
	if err != nil {
		return 0, 0, err
	}
	parent, err = strconv.Atoi(rest[1])
	return pid, parent, err
}
