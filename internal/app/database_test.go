package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuitetest"
)

// standstill is how long PostgreSQL stands still; make soak lets it be half a minute.
var standstill = flag.Duration("app.standstill", 8*time.Second, "how long PostgreSQL stands still in TestDatabaseIsAway")

// callers ask two servers for tokens without end, and note what they get.
type callers struct {
	mu      sync.Mutex
	given   map[*app.App]int // guarded by mu
	refused map[*app.App]int // guarded by mu; refusals since the last hand-out
	longest time.Duration    // guarded by mu; that any answer took
	strange error            // guarded by mu; a refusal that does not say when to come again
}

func (c *callers) ask(ctx context.Context, server *app.App, r tokens.Request) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		_, err := server.Tokens.HandOut(ctx, r)
		if ctx.Err() != nil {
			return
		}
		c.note(server, err, time.Since(began))
		<-pace.C
	}
}

func (c *callers) note(server *app.App, err error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, took)
	if err == nil {
		c.given[server]++
		c.refused[server] = 0
		return
	}
	c.refused[server]++
	refusal := new(tokens.Refusal)
	if !errors.As(err, &refusal) || refusal.Reason != tokens.Unavailable || refusal.RetryAfter <= 0 {
		c.strange = err
	}
}

func (c *callers) of(server *app.App) (given, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.given[server], c.refused[server]
}

// TestDatabaseIsAway: PostgreSQL is stopped and started, stands still, and is lost with a standby that takes over, under load on two
// servers. Nothing is handed out that is not noted down for good (LO-03), so nothing at all meanwhile; callers hear soon when to
// come again; and everything goes on by itself, with one mint for the token that ended meanwhile.
func TestDatabaseIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		standby bool
		leave   func(*pgtest.Server)
		back    func(*pgtest.Server)
	}{
		"stopped and started": {false, (*pgtest.Server).Stop, (*pgtest.Server).Start},
		"stands still": {false, (*pgtest.Server).Pause, func(s *pgtest.Server) {
			<-time.After(*standstill) // the time is what is tried
			s.Resume()
		}},
		"failed over": {true, (*pgtest.Server).Kill, (*pgtest.Server).Promote},
	} {
		t.Run(name, func(t *testing.T) {
			database := pgtest.StartServer(t)
			if c.standby {
				database.AddStandby()
			}
			e := apptest.Start(t, apptest.Config{Ready: true, Database: database.Address(), Work: true})
			servers := []*app.App{e.App, e.Replica(t, apptest.Config{Work: true})}
			link := e.Link(t, broker.LinkSent, apptest.Account)
			if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
				t.Fatal(err)
			}
			conn := e.Connected(t, link).ConnectionID
			id, secret, err := e.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{conn})
			if err != nil {
				t.Fatal(err)
			}
			r := tokens.Request{ClientID: id, Secret: secret}

			load := &callers{given: map[*app.App]int{}, refused: map[*app.App]int{}}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var all sync.WaitGroup
			for _, s := range servers {
				for range 15 {
					all.Go(func() { load.ask(ctx, s, r) })
				}
			}
			each := func(want string, ok func(given, refused int) bool) {
				t.Helper()
				for _, s := range servers {
					e.Eventually(t, want, func() bool { return ok(load.of(s)) }, func() any { return load })
				}
			}
			each("hand-outs", func(given, _ int) bool { return given > 20 })
			before := mints(e)
			c.leave(database)
			each("refusals", func(_, refused int) bool { return refused > 20 })
			e.Clock.Advance(56 * time.Minute) // the token ends meanwhile
			e.Emulator.Clock().Advance(56 * time.Minute)
			started, _ := load.of(servers[0])
			other, _ := load.of(servers[1])
			c.back(database)
			each("hand-outs again", func(given, refused int) bool { return refused == 0 && given > max(started, other)+20 })
			stop()
			all.Wait()

			if n := mints(e) - before; n != 1 {
				t.Errorf("%d mints for the token that ended, want 1", n)
			}
			if load.strange != nil {
				t.Errorf("a caller was not told to come again: %v", load.strange)
			}
			if load.longest > 15*time.Second {
				t.Errorf("a caller waited %s for an answer", load.longest)
			}
			given := load.given[servers[0]] + load.given[servers[1]]
			if noted := handedOut(t, e, id); noted < given {
				t.Errorf("%d tokens were handed out and %d noted down", given, noted)
			}
			t.Logf("%d hand-outs, longest answer %s", given, load.longest.Round(time.Millisecond))
		})
	}
}

func mints(e *apptest.Env) int {
	return e.Emulator.Ledger().Count(func(x netsuitetest.Entry) bool { return x.GrantType == "client_credentials" && x.OK })
}

// handedOut counts the lines of the audit log that give a token to the client.
func handedOut(t *testing.T, e *apptest.Env, client string) (n int) {
	t.Helper()
	for after := int64(0); ; {
		groups, err := e.App.Store.AuditGroups(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) == 0 {
			return n
		}
		for _, g := range groups {
			var lines []broker.AuditLine
			if err := json.Unmarshal(g.Lines, &lines); err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				if l.Event == broker.AuditTokenHandedOut && l.Actor == client {
					n++
				}
			}
			after = g.Seq
		}
	}
}
