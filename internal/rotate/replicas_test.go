package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/rotate"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuitetest"
)

// gate holds up a process in one call to NetSuite, and meanwhile in whatever else it does that ends in a commit.
type gate struct {
	matches func(*http.Request) bool // the first such call is held
	after   bool                     // held when NetSuite has answered, not before it hears of it
	reached chan struct{}            // gets one value when the call is held

	mu   sync.Mutex
	once bool          // guarded by mu; the call was held
	shut chan struct{} // guarded by mu; closed when the process may go on, nil while nothing is held
}

func newGate(after bool, matches func(*http.Request) bool) *gate {
	return &gate{matches: matches, after: after, reached: make(chan struct{}, 1)}
}

func (g *gate) outward(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if g.after {
			res, err := next.RoundTrip(r)
			g.hold(r)
			return res, err
		}
		g.hold(r)
		return next.RoundTrip(r)
	})
}

// hold lets the first call that matches wait until release.
func (g *gate) hold(r *http.Request) {
	g.mu.Lock()
	first := !g.once && g.matches(r)
	if first {
		g.once, g.shut = true, make(chan struct{})
		g.reached <- struct{}{}
	}
	g.mu.Unlock()
	if first {
		g.pass()
	}
}

// pass waits while the process is held.
func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// release lets the process go on.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func isToken(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") }

// activeAtNetSuite tells whether NetSuite still takes a certificate.
func (w *world) activeAtNetSuite(c broker.Certificate) bool {
	for _, listed := range w.Emulator.Account(apptest.Account).Certificates() {
		if listed.ID == c.NetSuiteID {
			return !listed.Revoked
		}
	}
	return false
}

// refusedTokens counts what callers would have noticed, as NetSuite saw it.
func (w *world) refusedTokens() int {
	return w.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool { return e.GrantType == "client_credentials" && !e.OK })
}

func (w *world) client() tokens.Request {
	w.t.Helper()
	id, secret, err := w.App.Tokens.CreateClient(w.t.Context(), apptest.AppName, []string{w.connection})
	if err != nil {
		w.t.Fatal(err)
	}
	return tokens.Request{ClientID: id, Secret: secret}
}

func (w *world) connect() {
	w.t.Helper()
	link := w.Link(w.t, broker.LinkSent, apptest.Account)
	if _, err := w.Customer(w.t).Consent(w.t.Context(), link.URL); err != nil {
		w.t.Fatal(err)
	}
	w.connection = w.Connected(w.t, link).ConnectionID
}

// callers ask two servers for tokens all the time until stop, and count what they did not get.
func callers(t *testing.T, r tokens.Request, servers ...*app.App) (stop func() (asked, failed int64)) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var asked, failed atomic.Int64
	for i := range 8 {
		all.Go(func() {
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				_, err := servers[i%len(servers)].Tokens.HandOut(ctx, r)
				if ctx.Err() == nil && asked.Add(1) > 0 && err != nil {
					failed.Add(1)
					t.Errorf("a caller got no token: %v", err)
				}
				<-pace.C
			}
		})
	}
	return func() (int64, int64) {
		cancel()
		all.Wait()
		return asked.Load(), failed.Load()
	}
}

// A server stands still in the middle of a mint with the old key, while another one rotates by command. The old certificate stays
// good until the first has come back, used its old key, and said that it knows the new one. Nobody notices anything.
func TestRO02_PausedReplica(t *testing.T) {
	w := &world{Env: apptest.Start(t, apptest.Config{Ready: true, Database: pgtest.Start(t)}), t: t}
	w.connect()
	g := newGate(false, isToken)
	paused := w.Replica(t, apptest.Config{Outward: g.outward, AfterCommit: g.pass})
	r := w.client()
	old := w.active()

	got := make(chan error, 1)
	go func() {
		_, err := paused.Tokens.HandOut(t.Context(), r)
		got <- err
	}()
	<-g.reached
	w.App.Rotate.AwaitReplicas = 300 * time.Millisecond
	done, err := w.App.Rotate.Rotate(t.Context(), w.connection)
	if broker.CodeOf(err) != broker.CodeConflict || done.New == "" || done.New == old.ID {
		t.Fatalf("Rotate = %+v, %v; want it done, and %s for the old certificate", done, err, broker.CodeConflict)
	}
	if w.active().ID != done.New || !w.activeAtNetSuite(old) {
		t.Fatal("the old certificate must stay good, and the new one sign")
	}
	w.App.Rotate.Overlap = time.Millisecond
	w.advance(time.Minute) // the lease of its mint ends
	w.scan()
	if !w.activeAtNetSuite(old) {
		t.Fatal("the old certificate was revoked while a replica may use it")
	}
	if _, err := w.App.Rotate.Rotate(t.Context(), w.connection); broker.CodeOf(err) != broker.CodeConflict || !w.activeAtNetSuite(old) {
		t.Fatalf("a second rotation, which would make room by revoking: %v, want %s", err, broker.CodeConflict)
	}
	if _, err := w.App.Tokens.HandOut(t.Context(), r); err != nil {
		t.Errorf("the other server: %v", err)
	}

	stop := callers(t, r, w.App, paused)
	g.release()
	if err := <-got; err != nil {
		t.Errorf("the paused server: %v", err)
	}
	w.Eventually(t, "the end of the old certificate", func() bool {
		w.advance(time.Millisecond) // the overlap
		w.scan()
		return !w.activeAtNetSuite(old)
	}, func() any { return w.Emulator.Account(apptest.Account).Certificates() })
	w.advance(time.Hour) // every token ends
	for _, s := range []*app.App{w.App, paused} {
		if _, err := s.Tokens.HandOut(t.Context(), r); err != nil {
			t.Errorf("after the end of the old certificate: %v", err)
		}
	}
	if asked, failed := stop(); asked < 10 || failed > 0 || w.refusedTokens() > 0 {
		t.Errorf("%d hand-outs, %d failed; NetSuite refused %d tokens, want none", asked, failed, w.refusedTokens())
	}
	byOld := w.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool {
		return e.GrantType == "client_credentials" && e.CertificateID == old.NetSuiteID
	})
	if byOld < 2 {
		t.Errorf("%d tokens by the old key, want one from the onboarding and one from the replica that was away", byOld)
	}
}

// A server that has not said that it knows holds a revocation up; one that was given up does not.
func TestRO02_RevokedWhenAllKnow(t *testing.T) {
	w := connected(t)
	ghost := broker.Replica{ID: "ghost"}
	beat := func(actsOn int64) (switches int64) {
		t.Helper()
		ghost.ActsOn = actsOn
		n, err := w.App.Store.Beat(t.Context(), ghost)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	beat(0)
	w.App.Rotate.AwaitReplicas = 4 * time.Second // the server itself needs two
	old := w.active()
	_, err := w.App.Rotate.Rotate(t.Context(), w.connection)
	var refused *broker.Error
	if !errors.As(err, &refused) || refused.Code != broker.CodeConflict || !strings.Contains(refused.What, "missing: ghost)") || refused.Do == "" {
		t.Fatalf("Rotate = %v, want %s that names the missing replica alone", err, broker.CodeConflict)
	}
	w.App.Rotate.Overlap = time.Millisecond
	w.advance(time.Second)
	w.scan()
	if !w.activeAtNetSuite(old) {
		t.Fatal("revoked without the word of a replica")
	}
	beat(beat(0))
	w.scan()
	if w.activeAtNetSuite(old) {
		t.Error("not revoked though all know")
	}

	old = w.active()
	if _, err := w.App.Rotate.Rotate(t.Context(), w.connection); broker.CodeOf(err) != broker.CodeConflict {
		t.Fatal(err)
	}
	w.advance(11 * time.Minute)
	w.scan()
	if w.activeAtNetSuite(old) {
		t.Error("a replica that was not seen for eleven minutes is still waited for")
	}
}

// Whoever is cut off from the database does nothing at NetSuite.
func TestRO02_StaleReplicaDoesNotRotate(t *testing.T) {
	w := connected(t)
	w.advance(w.active().RotateAt().Sub(w.Clock.Now()))
	own := w.App.Rotate
	stale := &rotate.Service{Store: own.Store, Certificates: own.Certificates, Audit: own.Audit, Replicas: cutOff{}, Health: own.Health, Site: own.Site, Client: own.Client, Holder: "replica-2", Now: own.Now}
	before := len(w.Emulator.Ledger().Entries())
	if err := stale.RunOnce(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := stale.Rotate(t.Context(), w.connection); broker.CodeOf(err) != broker.CodeStale {
		t.Errorf("Rotate = %v, want %s", err, broker.CodeStale)
	}
	if n := len(w.Emulator.Ledger().Entries()); n != before {
		t.Errorf("%d requests reached NetSuite", n-before)
	}
	w.scan() // and it left nothing in the way
	if w.uploads() != 2 {
		t.Error("another process did not rotate")
	}
}

// cutOff is a process that has not reached the database for a minute.
type cutOff struct{}

func (cutOff) Current() error { return broker.Errorf(broker.CodeStale, "cut off") }

func (cutOff) Unaware(context.Context, string) ([]string, error) { return nil, nil }

// A process stands still right after each of its calls, between the effect and the save. Another one takes over and finishes. What
// the first one then saves is refused and changes nothing (RO-04).
func TestRO04_PausedRotationChangesNothing(t *testing.T) {
	path := func(end string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, end) }
	}
	upload := func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/certificates")
	}
	for name, at := range map[string]func(*http.Request) bool{
		"token": isToken, "list": path("/certificates"), "upload": upload, "proof": path("/suiteql"),
	} {
		t.Run(name, func(t *testing.T) {
			var armed atomic.Bool
			g := newGate(true, func(r *http.Request) bool { return armed.Load() && at(r) })
			w := &world{Env: apptest.Start(t, apptest.Config{Ready: true, Outward: g.outward}), t: t}
			w.connect()
			old := w.active()
			w.advance(old.RotateAt().Sub(w.Clock.Now()))
			first, second := w.App.Rotate, w.second()
			armed.Store(true)
			late := make(chan error, 1)
			go func() { late <- first.RunOnce(t.Context()) }()
			<-g.reached
			armed.Store(false)
			w.advance(3 * time.Minute) // the lease ends
			if err := second.RunOnce(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := w.snapshot()
			if w.active().ID == old.ID {
				t.Fatal("the second process did not rotate")
			}
			g.release()
			if err := <-late; err != nil {
				t.Errorf("the late process: %v", err)
			}
			if now := w.snapshot(); now != after {
				t.Errorf("the late process changed what it had lost:\n%s\nwant\n%s", now, after)
			}
			if n := w.Emulator.Account(apptest.Account).ActiveCertificates(w.Client.ClientID); n != 2 || w.uploads() != 2 {
				t.Errorf("%d certificates are active after %d uploads, want the old and the new one", n, w.uploads())
			}
		})
	}
}

func TestRO04_PausedRevocationChangesNothing(t *testing.T) {
	g := newGate(true, func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "/revoke") && strings.Contains(r.URL.Path, "/certificates/")
	})
	w := &world{Env: apptest.Start(t, apptest.Config{Ready: true, Outward: g.outward}), t: t}
	w.connect()
	old := w.active()
	w.advance(old.RotateAt().Sub(w.Clock.Now()))
	w.scan()
	w.advance(25 * time.Hour)
	w.Eventually(t, "the word of the server", func() bool {
		ids, err := w.App.Replica.Unaware(t.Context(), w.connection)
		return err == nil && len(ids) == 0
	}, func() any { return "" })
	late := make(chan error, 1)
	go func() { late <- w.App.Rotate.RunOnce(t.Context()) }()
	<-g.reached
	w.advance(3 * time.Minute)
	second := w.second()
	if err := second.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := w.snapshot()
	g.release()
	if err := <-late; err != nil {
		t.Errorf("the late process: %v", err)
	}
	kept, err := w.App.Store.Certificate(t.Context(), old.ID)
	if now := w.snapshot(); err != nil || now != after || kept.State != broker.CertificateRevoked || w.activeAtNetSuite(old) {
		t.Errorf("the late process left %s (%v), certificate %s; want %s", now, err, kept.State, after)
	}
}

// second is another process as far as rotation can tell.
func (w *world) second() *rotate.Service {
	own := w.App.Rotate
	return &rotate.Service{
		Store: own.Store, Certificates: own.Certificates, Audit: own.Audit, Replicas: own.Replicas, Health: own.Health, Site: own.Site, Client: own.Client,
		Holder: "replica-2", Now: own.Now,
	}
}

// snapshot is all that a rotation writes, apart from the audit log, which tells what happened.
func (w *world) snapshot() string {
	w.t.Helper()
	conn, err := w.App.Store.Connection(w.t.Context(), w.connection)
	if err != nil {
		w.t.Fatal(err)
	}
	certificates, err := w.App.Store.CertificatesOf(w.t.Context(), w.connection)
	if err != nil {
		w.t.Fatal(err)
	}
	text := []string{conn.CertificateID, string(rune('0' + conn.Version))}
	for _, c := range certificates {
		text = append(text, c.ID[:6]+" "+string(c.State)+" "+string(rune('0'+c.Version)))
	}
	for _, work := range []string{"rotate", "retire"} {
		if rest, err := w.App.Store.Rest(w.t.Context(), work, w.connection); !errors.Is(err, broker.ErrNotFound) {
			text = append(text, work, "rests after", string(rune('0'+rest.Failures)))
		}
	}
	return strings.Join(text, ", ")
}

// What failed in one process rests in all of them, and a new process does not begin anew.
func TestRO06_AllProcessesRest(t *testing.T) {
	w := connected(t)
	w.advance(w.active().RotateAt().Sub(w.Clock.Now()))
	end := w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Endpoint: "certificates", Status: http.StatusForbidden, Body: "{}"})
	w.scan()
	rest, err := w.App.Store.Rest(t.Context(), "rotate", w.connection)
	if err != nil || rest.Failures != 1 || !rest.Until.After(w.Clock.Now()) {
		t.Fatalf("rest = %+v, %v; want one failure", rest, err)
	}
	before := len(w.Emulator.Ledger().Entries())
	if err := w.second().RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, work := range w.second().Works() { // found by a scan before the failure
		if err := work.Do(t.Context(), w.connection); work.Name == "rotate" && err != nil {
			t.Error(err)
		}
	}
	byRotation := w.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool { return strings.HasSuffix(e.Path, "/certificates") && e.N > before })
	if byRotation != 0 {
		t.Errorf("another process asked %d times while the connection rests", byRotation)
	}
	end()
	w.advance(16 * time.Minute)
	if err := w.second().RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.App.Store.Rest(t.Context(), "rotate", w.connection); !errors.Is(err, broker.ErrNotFound) || w.uploads() != 2 {
		t.Errorf("after the right came back: %d uploads, rest %v; want two, and none", w.uploads(), err)
	}
}

// RO-05: all processes together have four places; a rotation that finds none waits, and leaves no trace when it is stopped.
func TestRO05_FourPlacesForAllProcesses(t *testing.T) {
	w := connected(t)
	w.advance(w.active().RotateAt().Sub(w.Clock.Now()))
	var places []broker.Lease
	for i := range rotate.AtOnce {
		lease, ours, err := w.App.Store.AcquireLease(t.Context(), fmt.Sprint("rotation/", i+1), "another process", time.Minute)
		if err != nil || !ours {
			t.Fatal(ours, err)
		}
		places = append(places, lease)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.App.Rotate.RunOnce(ctx); !errors.Is(err, context.DeadlineExceeded) || w.uploads() != 1 {
		t.Fatalf("with all places taken: %v after %d uploads, want it to wait", err, w.uploads())
	}
	done := make(chan error, 1)
	go func() { done <- w.App.Rotate.RunOnce(t.Context()) }()
	if err := w.App.Store.ReleaseLease(t.Context(), places[2]); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || w.uploads() != 2 {
		t.Errorf("with a place free: %v after %d uploads, want 2", err, w.uploads())
	}
}
