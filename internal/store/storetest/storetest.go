// Package storetest is the contract of package store as a test suite: both engines pass it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
)

// Opener opens the database of one test. Calls within one test open the same database, so that a test can play two replicas.
type Opener func(t *testing.T, cfg store.Config) *store.DB

// Run runs the contract. NewOpener is called once for each test and gives an empty database.
func Run(t *testing.T, newOpener func(t *testing.T) Opener) {
	for name, test := range map[string]func(*testing.T, Opener){
		"Apps":                       testApps,
		"Links":                      testLinks,
		"Runs":                       testRuns,
		"SaveRunIsOneTransaction":    testSaveRunIsOneTransaction,
		"DueRuns":                    testDueRuns,
		"Grants":                     testGrants,
		"GrantNeedsItsRun":           testGrantNeedsItsRun,
		"Calls":                      testCalls,
		"CallsAtOnce":                testCallsAtOnce,
		"Connections":                testConnections,
		"OneLiveConnection":          testOneLiveConnection,
		"Certificates":               testCertificates,
		"ActivateCertificate":        testActivateCertificate,
		"DueCertificates":            testDueCertificates,
		"ActivateCertificateRefused": testActivateCertificateRefused,
		"AccessTokens":               testAccessTokens,
		"Clients":                    testClients,
		"TE04_Families":              testTE04Families,
		"ConnectionKinds":            testConnectionKinds,
		"Events":                     testEvents,
		"Health":                     testHealth,
		"UserGrants":                 testUserGrants,
		"SaveRefreshed":              testSaveRefreshed,
		"Disconnect":                 testDisconnect,
		"SigningKeys":                testSigningKeys,
		"Endpoints":                  testEndpoints,
		"Dispatch":                   testDispatch,
		"DispatchAtOnce":             testDispatchAtOnce,
		"Deliveries":                 testDeliveries,
		"Leases":                     testLeases,
		"LeaseAtOnce":                testLeaseAtOnce,
		"UnderLease":                 testUnderLease,
		"UnderLeaseAtOnce":           testUnderLeaseAtOnce,
		"Rests":                      testRests,
		"RestingIsNotDue":            testRestingIsNotDue,
		"Replicas":                   testReplicas,
		"SwitchesAtOnce":             testSwitchesAtOnce,
		"TablesOfOthers":             testTablesOfOthers,
		"Audit":                      testAudit,
		"AuditAtOnce":                testAuditAtOnce,
		"Keyring":                    testKeyring,
		"KeyringRefusedBesideData":   testKeyringRefusedBesideData,
		"SwapAtOnce":                 testSwapAtOnce,
		"StaleVersion":               testStaleVersion,
		"HostileText":                testHostileText,
		"UnstorableText":             testUnstorableText,
		"Cancelled":                  testCancelled,
		"AfterCommit":                testAfterCommit,
		"Reopened":                   testReopened,
		"OpenedAtOnce":               testOpenedAtOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, newOpener(t)) })
	}
}

// clock is a wall clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// start has parts below a millisecond and another zone, which the store must not trip over.
var start = time.Date(2026, 11, 24, 21, 30, 0, 123456789, time.FixedZone("east", 3600))

func newClock() *clock { return &clock{at: start} }

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

// kept is a time as the store keeps it.
func kept(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func open(t *testing.T, opener Opener) *store.DB {
	t.Helper()
	return opener(t, store.Config{Now: newClock().Now})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get is for the (value, error) pairs of the store.
func get[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
}

func wantEqual(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable()); diff != "" {
		t.Errorf("got what was not stored (-want +got):\n%s", diff)
	}
}

// atOnce calls do n times at the same time and counts the answers.
func atOnce(t *testing.T, n int, do func(i int) error) (succeeded, conflicts int) {
	t.Helper()
	results := make([]error, n)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			results[i] = do(i)
		})
	}
	close(begin)
	all.Wait()
	for _, err := range results {
		switch {
		case err == nil:
			succeeded++
		case errors.Is(err, broker.ErrConflict):
			conflicts++
		default:
			t.Errorf("unexpected error: %v", err)
		}
	}
	return succeeded, conflicts
}

func saveRun(t *testing.T, db *store.DB, id string) broker.Run {
	t.Helper()
	run := broker.Run{ID: id, App: "acme"}
	must(t, db.SaveRun(t.Context(), &run, nil, nil))
	return run
}

func saveConnection(t *testing.T, db *store.DB, id string) broker.Connection {
	t.Helper()
	c := broker.Connection{ID: id, App: "acme", Account: accountOf(id), Kind: broker.KindMachine, State: broker.ConnectionPending}
	must(t, db.SaveConnection(t.Context(), &c))
	return c
}

func saveCertificate(t *testing.T, db *store.DB, id, connection string, state broker.CertificateState) broker.Certificate {
	t.Helper()
	c := broker.Certificate{ID: id, ConnectionID: connection, App: "acme", State: state, PEM: []byte("pem"), Key: broker.Sealed("key")}
	must(t, db.SaveCertificate(t.Context(), &c))
	return c
}

func testSwapAtOnce(t *testing.T, opener Opener) {
	first, second := open(t, opener), open(t, opener)
	link := broker.Link{ID: "link", TokenHash: "hash", App: "acme"}
	must(t, first.SaveLink(t.Context(), &link))
	won, lost := atOnce(t, 20, func(i int) error {
		mine := link
		mine.RunID = fmt.Sprint(i)
		return []*store.DB{first, second}[i%2].SaveLink(t.Context(), &mine)
	})
	if won != 1 || lost != 19 {
		t.Errorf("%d writers of one version won and %d lost, want 1 and 19", won, lost)
	}
	if got := get(first.Link(t.Context(), "link"))(t); got.Version != 2 {
		t.Errorf("version is %d, want 2", got.Version)
	}
}

func testStaleVersion(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	saveRun(t, db, "run")
	saveConnection(t, db, "con")
	const stale = 7
	for name, save := range map[string]func() error{
		"app":        func() error { return db.SaveApp(ctx, &broker.App{Name: "acme", Version: stale}) },
		"link":       func() error { return db.SaveLink(ctx, &broker.Link{ID: "x", Version: stale}) },
		"run":        func() error { return db.SaveRun(ctx, &broker.Run{ID: "run", Version: stale}, nil, nil) },
		"grant":      func() error { return db.SaveGrant(ctx, &broker.Grant{ID: "x", RunID: "run", Version: stale}) },
		"connection": func() error { return db.SaveConnection(ctx, &broker.Connection{ID: "con", Version: stale}) },
		"certificate": func() error {
			return db.SaveCertificate(ctx, &broker.Certificate{ID: "x", ConnectionID: "con", Version: stale})
		},
		"token":  func() error { return db.SaveAccessToken(ctx, &broker.AccessToken{ConnectionID: "con", Version: stale}) },
		"client": func() error { return db.SaveClient(ctx, &broker.Client{ID: "x", Version: stale}) },
	} {
		if err := save(); !errors.Is(err, broker.ErrConflict) {
			t.Errorf("saving a %s with a version that is not there: %v, want %v", name, err, broker.ErrConflict)
		}
	}
	_, err := db.Link(ctx, "x")
	wantErr(t, err, broker.ErrNotFound)
}

func testHostileText(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	for i, text := range []string{
		"'); DROP TABLE links; --", `"quoted" \ $1 ? %s`, "line\r\nbreak\ttab", "naïve Ωμέγα 客户 😀 \u202e", "$$ $x$ {{.}} <script>",
		longText(100_000),
	} {
		link := broker.Link{ID: fmt.Sprint("link", i), TokenHash: text, App: text, Customer: text, Metadata: map[string]string{text: text}}
		must(t, db.SaveLink(ctx, &link))
		wantEqual(t, get(db.LinkByTokenHash(ctx, text))(t), link)
		wantEqual(t, get(db.Links(ctx, text))(t), []broker.Link{link})
	}
}

func longText(n int) string {
	text := make([]rune, n)
	for i := range text {
		text[i] = 'ä'
	}
	return string(text)
}

func testUnstorableText(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	for _, text := range []string{"nul\x00", "\xff\xfe"} {
		link := broker.Link{ID: "link", TokenHash: "hash", App: "acme", Customer: text}
		if err := db.SaveLink(ctx, &link); err == nil || link.Version != 0 {
			t.Errorf("a link with the customer %q was stored, version %d", text, link.Version)
		}
		_, err := db.Link(ctx, text)
		wantErr(t, err, broker.ErrNotFound)
		_, err = db.Run(ctx, text)
		wantErr(t, err, broker.ErrNotFound)
	}
	_, err := db.Link(ctx, "link")
	wantErr(t, err, broker.ErrNotFound)
}

func testCancelled(t *testing.T, opener Opener) {
	db := open(t, opener)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	link := broker.Link{ID: "link", TokenHash: "hash", App: "acme"}
	wantErr(t, db.SaveLink(ctx, &link), context.Canceled)
	_, err := db.Link(ctx, "link")
	wantErr(t, err, context.Canceled)
	_, err = db.Link(t.Context(), "link")
	wantErr(t, err, broker.ErrNotFound)
	if link.Version != 0 {
		t.Errorf("version is %d after a failed write, want 0", link.Version)
	}
	must(t, db.SaveLink(t.Context(), &link))
}

func testAfterCommit(t *testing.T, opener Opener) {
	commits := 0
	db, ctx := opener(t, store.Config{AfterCommit: func() { commits++ }}), t.Context()
	link := broker.Link{ID: "link", TokenHash: "hash", App: "acme"}
	must(t, db.SaveLink(ctx, &link))
	must(t, db.AppendAudit(ctx, &broker.AuditGroup{Seq: 1, Hash: "a", Lines: []byte("[]")}))
	if commits != 2 {
		t.Errorf("the hook was called %d times, want 2", commits)
	}
	wantErr(t, db.SaveLink(ctx, &broker.Link{ID: "link"}), broker.ErrConflict)
	get(db.Link(ctx, "link"))(t)
	if commits != 2 {
		t.Errorf("the hook was called %d times after a refusal and a read, want 2", commits)
	}
}

func testReopened(t *testing.T, opener Opener) {
	first := open(t, opener)
	run := saveRun(t, first, "run")
	must(t, first.Close())
	second := open(t, opener)
	must(t, second.Ping(t.Context()))
	wantEqual(t, get(second.Run(t.Context(), "run"))(t), run)
}

func testOpenedAtOnce(t *testing.T, opener Opener) {
	atOnce(t, 4, func(i int) error {
		db := open(t, opener)
		return db.SaveLink(t.Context(), &broker.Link{ID: fmt.Sprint("link", i), TokenHash: fmt.Sprint(i), App: "acme"})
	})
	if links := get(open(t, opener).Links(t.Context(), "acme"))(t); len(links) != 4 {
		t.Errorf("%d links are there, want 4", len(links))
	}
}
