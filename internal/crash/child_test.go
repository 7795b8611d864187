package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// This file is the process that dies: the test binary started again as a whole server.

// asChild holds the child's orders as JSON; unset in the test itself.
const asChild = "SUITEKEY_TEST_CRASH_CHILD"

func TestMain(m *testing.M) {
	text := os.Getenv(asChild)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := runChild(text, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// orders are what a child is to be.
type orders struct {
	Database, MasterKey string
	Emulator            string // host and port
	PublicURL           string
	KillAt              int // the event at which the process dies, from 1; 0 = never

	// Act is what the process does instead of serving; empty: it serves. See acts.
	Act        string
	Ahead      time.Duration // of its clock
	Connection string
	Run        string // of an onboarding
	Ask        ask
}

// config of the server, in the child and in the test that looks at the database afterwards.
func (o orders) config() (app.Config, error) {
	site, err := netsuite.EmulatorSite(o.Emulator)
	if err != nil {
		return app.Config{}, err
	}
	key, err := vault.ParseMasterKey(o.MasterKey)
	if err != nil {
		return app.Config{}, err
	}
	home, err := url.Parse(o.PublicURL)
	return app.Config{
		Database: o.Database, MasterKey: key, Site: site, PublicURL: home,
		LeaseTTL: 300 * time.Millisecond, WatchEvery: 20 * time.Millisecond, WorkByHand: true, // onboarding has a worker of its own, and the acts do the rest
		Now: func() time.Time { return time.Now().Add(o.Ahead) },
	}, err
}

// runChild serves on the listener that the test opened, until its input ends, which it does when the test ends in whatever way.
func runChild(text string, input io.Reader, output io.Writer) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	cfg, err := o.config()
	if err != nil {
		return err
	}
	c := &counter{killAt: o.KillAt, out: output}
	cfg.AfterCommit = func() { c.event("after a commit") }
	cfg.Outward = func(next http.RoundTripper) http.RoundTripper { return counted{next, c} }
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	server, err := app.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if act, ok := acts[o.Act]; ok {
		return errors.Join(act(ctx, server, o), server.Close())
	}
	inherited := os.NewFile(3, "listener")
	ln, err := net.FileListener(inherited)
	if err = errors.Join(err, inherited.Close()); err != nil {
		return errors.Join(err, server.Close())
	}
	go func() {
		_, _ = io.Copy(io.Discard, input)
		stop()
	}()
	return errors.Join(server.Serve(ctx, ln), server.Close())
}

// counter counts what happens in the process, writes a line for each event, and kills the process at one of them.
type counter struct {
	killAt int
	out    io.Writer

	mu sync.Mutex
	n  int // guarded by mu
}

// event holds the lock while the process dies: nothing that is counted happens after the event.
func (c *counter) event(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	fmt.Fprintf(c.out, "%d %s\n", c.n, what)
	if c.n != c.killAt {
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
	next    http.RoundTripper
	counter *counter
}

func (t counted) RoundTrip(r *http.Request) (*http.Response, error) {
	call := r.Method + " " + path.Base(path.Dir(r.URL.Path)) + "/" + path.Base(r.URL.Path)
	t.counter.event("before " + call)
	res, err := t.next.RoundTrip(r)
	t.counter.event("after " + call)
	return res, err
}
