package notify_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/audit"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/internal/outbound"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// world is a service on a real store, vault and audit log, beside a receiver by https that the exceptions allow.
type world struct {
	*notify.Service
	db     *store.DB
	clock  *clock
	log    *syncBuffer
	folder string
	hooks  *receiver
	conn   broker.Connection
}

// begin is when every test begins.
var begin = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

type clock struct {
	mu sync.Mutex
	at time.Time
}

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

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: &clock{at: begin}, log: &syncBuffer{}, folder: t.TempDir(), hooks: newReceiver(t)}
	db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(w.folder, "suitekey.db"), Now: w.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w.db = db
	v, err := vault.Open(t.Context(), db, vault.NewMasterKey(), vault.ModeEmulator)
	must(t, err)
	log := audit.New(db, w.clock.Now)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the audit log ended with %v", err)
		}
	})
	w.Service = &notify.Service{
		Store: db, Vault: v, Audit: log, Guard: w.hooks.guard, Links: linkMaker{}, Now: w.clock.Now, Logger: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	must(t, db.SaveApp(t.Context(), &broker.App{Name: "acme"}))
	must(t, db.SaveApp(t.Context(), &broker.App{Name: "other"}))
	w.conn = w.connect(t, "co_1", "acme", "Globex Inc.")
	return w
}

// connect stores a connection whose certificate ends in a hundred days.
func (w *world) connect(t *testing.T, id, app, customer string) broker.Connection {
	t.Helper()
	c := broker.Connection{
		ID: id, App: app, Customer: customer, Account: netsuite.AccountID("1234567-" + id), Kind: broker.KindMachine, State: broker.ConnectionConnected,
	}
	must(t, w.db.SaveConnection(t.Context(), &c))
	certificate := broker.Certificate{
		ID: "cert-" + id, ConnectionID: id, App: app, State: broker.CertificateTested, NotBefore: begin.AddDate(-1, 0, 0), ValidUntil: begin.Add(100*24*time.Hour + time.Minute),
	}
	must(t, w.db.SaveCertificate(t.Context(), &certificate))
	must(t, w.db.ActivateCertificate(t.Context(), &c, &certificate))
	return c
}

// happened stores an event about the connection.
func (w *world) happened(t *testing.T, kind broker.EventType, cause broker.Cause) broker.Event {
	t.Helper()
	e := broker.NewEvent(kind, w.clock.Now(), w.conn.App, w.conn.ID, w.conn.ID)
	e.Cause = cause
	must(t, w.db.SaveEvents(t.Context(), e))
	w.clock.Add(time.Millisecond)
	return e
}

// work does all that is due.
func (w *world) work(t *testing.T) {
	t.Helper()
	must(t, w.RunOnce(t.Context()))
}

// pass lets time go by in steps, and does at each what is due.
func (w *world) pass(t *testing.T, d, step time.Duration) {
	t.Helper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		w.clock.Add(step)
		w.work(t)
	}
}

// hook makes a webhook to a path of the receiver.
func (w *world) hook(t *testing.T, path string, types ...string) notify.NewEndpoint {
	t.Helper()
	return w.create(t, notify.EndpointRequest{Kind: broker.EndpointWebhook, Types: types, Address: netsuite.NewSecret(w.hooks.url + path)})
}

func (w *world) create(t *testing.T, q notify.EndpointRequest) notify.NewEndpoint {
	t.Helper()
	made, err := w.Create(t.Context(), q)
	must(t, err)
	return made
}

// delivery is the only one to an endpoint.
func (w *world) delivery(t *testing.T, endpoint notify.NewEndpoint) broker.Delivery {
	t.Helper()
	all, err := w.Deliveries(t.Context(), endpoint.Endpoint.ID, 10)
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("%d deliveries, want 1: %+v", len(all), all)
	}
	return all[0]
}

// receiver is an https server that keeps what it gets.
type receiver struct {
	url   string
	guard *outbound.Guard

	mu     sync.Mutex
	got    []message
	answer func(w http.ResponseWriter, r *http.Request) // nil = 204
}

type message struct {
	path   string
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	host := "example.com" + server.URL[strings.LastIndexByte(server.URL, ':'):] // the name in the server's certificate
	allow, err := outbound.ParseExceptions(host)
	must(t, err)
	r.url = "https://" + host
	r.guard = &outbound.Guard{Allow: allow, RootCAs: roots, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(err)
	}
	r.mu.Lock()
	r.got = append(r.got, message{request.URL.Path, request.Header, body})
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, request)
}

// answers sets what the receiver answers from now on.
func (r *receiver) answers(answer func(http.ResponseWriter, *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) status(code int) {
	r.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// took returns what came since it was asked last.
func (r *receiver) took() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code broker.Code, part string) {
	t.Helper()
	if broker.CodeOf(err) != code || err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("got %v (%s), want %s with %q", err, broker.CodeOf(err), code, part)
	}
}

// linkMaker stands for package onboard, which makes the links.
type linkMaker struct{}

func (linkMaker) RepairLink(_ context.Context, connectionID string) (broker.Link, string, error) {
	return broker.Link{ID: "ol_1", ConnectionID: connectionID}, "https://connect.acme.example/c/for-" + connectionID, nil
}
