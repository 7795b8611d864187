package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// This file is a replica: the test binary started again as a whole server, on the time that the test tells it.

// asReplica holds the child's setting as JSON; unset in the test itself.
const asReplica = "SUITEKEY_TEST_SOAK_REPLICA"

func TestMain(m *testing.M) {
	text := os.Getenv(asReplica)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := runReplica(text, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// setting is what a server is made of, in a child and in the test that looks at the database.
type setting struct {
	Database, MasterKey string
	Emulator            string // host and port
}

func (s setting) config(now func() time.Time) (app.Config, error) {
	site, err := netsuite.EmulatorSite(s.Emulator)
	if err != nil {
		return app.Config{}, err
	}
	key, err := vault.ParseMasterKey(s.MasterKey)
	if err != nil {
		return app.Config{}, err
	}
	home, err := url.Parse("http://127.0.0.1:1") // nobody comes to be onboarded
	return app.Config{Database: s.Database, MasterKey: key, Site: site, PublicURL: home, Now: now}, err
}

// order is one line from the test; each is answered by one line.
type order struct {
	// Now is what time it is; the clock runs on from there.
	Now time.Time `json:",omitzero"`
	// Work asks for the background work that is due.
	Work bool
	// DieAtWork and DieAtAny make the process kill itself at the n-th event from now: of those during background work, or of all.
	DieAtWork, DieAtAny int
}

type answer struct {
	Addr string // of the server; in the first answer only
}

// doWork does the background work that is due, all that a server does by itself. It is the one place that lists it.
func doWork(ctx context.Context, server *app.App) error {
	return server.WorkOnce(ctx)
}

// mintWithin is short, so that what a killed replica was minting is soon free again: its lease runs in real time.
const mintWithin = 2 * time.Second

// runReplica serves until its input ends, which it does when the test ends in whatever way. The first order brings the time.
func runReplica(text string, input io.Reader, output io.Writer) (err error) {
	var s setting
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	orders, answers := json.NewDecoder(input), json.NewEncoder(output)
	var first order
	if err := orders.Decode(&first); err != nil {
		return err
	}
	c, m := &clock{}, &mortal{}
	c.set(first.Now)
	server, err := openReplica(s, c, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, ln) }()
	defer func() { stop(); err = errors.Join(err, <-served) }()
	if err := answers.Encode(answer{Addr: ln.Addr().String()}); err != nil {
		return err
	}
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		obey(ctx, o, server, c, m)
		if err := answers.Encode(answer{}); err != nil {
			return err
		}
	}
}

func openReplica(s setting, c *clock, m *mortal) (*app.App, error) {
	cfg, err := s.config(c.now)
	if err != nil {
		return nil, err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.WorkByHand = true
	cfg.AfterCommit = m.event
	cfg.Outward = func(next http.RoundTripper) http.RoundTripper { return counted{next, m} }
	server, err := app.Open(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	server.Tokens.LeaseTTL = mintWithin
	return server, nil
}

func obey(ctx context.Context, o order, server *app.App, c *clock, m *mortal) {
	if !o.Now.IsZero() {
		c.set(o.Now)
	}
	m.arm(o.DieAtWork, o.DieAtAny)
	if o.Work {
		m.working(true)
		if err := doWork(ctx, server); err != nil {
			fmt.Fprintln(os.Stderr, "background work:", err) // shown when there are findings; the judge is NetSuite
		}
		m.working(false)
	}
}

// clock is told the time and runs on from there.
type clock struct {
	mu   sync.Mutex
	told time.Time // guarded by mu
	at   time.Time // guarded by mu; the real time when it was told
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.at = t, time.Now()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told.Add(time.Since(c.at))
}

// mortal counts what happens in the process and kills the process at one of the events.
type mortal struct {
	mu     sync.Mutex
	atWork int  // guarded by mu; events of background work until death; 0 = never
	atAny  int  // guarded by mu; events of all kinds until death; 0 = never
	works  bool // guarded by mu
}

func (m *mortal) arm(atWork, atAny int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A death that is still to come stays as it was planned.
	if m.atWork == 0 {
		m.atWork = atWork
	}
	if m.atAny == 0 {
		m.atAny = atAny
	}
}

func (m *mortal) working(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.works = on
}

// event is a commit, or the moment before or after a call to NetSuite. It holds the lock while the process dies: nothing that is
// counted happens after the event.
func (m *mortal) event() {
	m.mu.Lock()
	defer m.mu.Unlock()
	due := m.atAny == 1 || m.works && m.atWork == 1
	if m.atAny > 0 {
		m.atAny--
	}
	if m.works && m.atWork > 0 {
		m.atWork--
	}
	if !due {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill() // SIGKILL: no deferred call, no signal handler
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// counted is a transport whose requests are events, before they leave and when their answer is there.
type counted struct {
	next http.RoundTripper
	m    *mortal
}

func (t counted) RoundTrip(r *http.Request) (*http.Response, error) {
	t.m.event()
	res, err := t.next.RoundTrip(r)
	t.m.event()
	return res, err
}
