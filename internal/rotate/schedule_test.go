package rotate_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/rotate"
	"github.com/suitekey/suitekey/netsuitetest"
)

const day = 24 * time.Hour

// world is a connected customer whose two clocks move together.
type world struct {
	*apptest.Env
	t          *testing.T
	connection string
}

func connected(t *testing.T) *world {
	t.Helper()
	return connectedAs(t, nil)
}

// connectedAs is connected with another app definition.
func connectedAs(t *testing.T, edit func(*broker.App)) *world {
	t.Helper()
	e := apptest.Start(t, apptest.Config{Ready: true, Edit: edit})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	return &world{Env: e, t: t, connection: e.Connected(t, link).ConnectionID}
}

func (w *world) advance(d time.Duration) {
	w.Clock.Advance(d)
	w.Emulator.Clock().Advance(d)
}

func (w *world) scan() {
	w.t.Helper()
	if err := w.App.Rotate.RunOnce(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// active is the certificate that the connection signs with.
func (w *world) active() broker.Certificate {
	w.t.Helper()
	conn, err := w.App.Store.Connection(w.t.Context(), w.connection)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := w.App.Store.Certificate(w.t.Context(), conn.CertificateID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// uploads are the certificates that reached NetSuite.
func (w *world) uploads() int {
	return w.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool {
		return e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/certificates")
	})
}

func TestRotatesByItselfForYears(t *testing.T) {
	w := connected(t)
	account := w.Emulator.Account(apptest.Account)
	rotations, before := 0, w.active()
	for range 1000 { // days
		w.advance(day)
		w.scan()
		c := w.active()
		if c.ID != before.ID {
			rotations, before = rotations+1, c
		}
		if left := c.ValidUntil.Sub(w.Clock.Now()); left < 61*day {
			t.Fatalf("the certificate ends in %s: NetSuite has mailed the administrators", left)
		}
		most := 1
		if w.Clock.Now().Sub(c.NotBefore) < 2*day {
			most = 2 // the one before stays good for a day
		}
		if n := account.ActiveCertificates(w.Client.ClientID); n < 1 || n > most {
			t.Fatalf("%d certificates are active, want the one that signs, and the one before for a day", n)
		}
	}
	if rotations < 1 || rotations > 2 || w.uploads() != rotations+1 {
		t.Errorf("%d rotations with %d uploads in 1000 days, want one or two, and an upload for each beside the first", rotations, w.uploads())
	}
}

// A connection that has lost the right to rotate is asked about ever more seldom, and rotates when the right is back.
func TestRO06_FailuresRest(t *testing.T) {
	w := connected(t)
	old := w.active()
	w.advance(old.RotateAt().Sub(w.Clock.Now()))
	end := w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Endpoint: "certificates", Status: http.StatusForbidden, Body: "{}"})
	tried := func() int {
		return w.Emulator.Ledger().Count(func(e netsuitetest.Entry) bool { return strings.HasSuffix(e.Path, "/certificates") })
	}
	before := tried()
	for range 24 * 12 { // a day of scans, one every five minutes
		w.scan()
		w.advance(5 * time.Minute)
	}
	// At once, after a quarter of an hour, an hour and six hours; the next comes a day later.
	if got := tried() - before; got != 4 {
		t.Errorf("%d tries in a day, want 4", got)
	}
	if w.active().ID != old.ID {
		t.Error("the connection signs with another certificate than the one NetSuite knows")
	}
	end()
	w.advance(day)
	w.scan()
	w.advance(day)
	w.scan()
	if now := w.active(); now.ID == old.ID || w.Emulator.Account(apptest.Account).ActiveCertificates(w.Client.ClientID) != 1 {
		t.Errorf("after the right came back: certificate %s, want a new one alone", now.ID)
	}
}

// Two processes that scan at the same moment rotate once.
func TestRO04_TwoProcessesRotateOnce(t *testing.T) {
	w := connected(t)
	w.advance(w.active().RotateAt().Sub(w.Clock.Now()))
	first := w.App.Rotate
	second := &rotate.Service{Store: first.Store, Certificates: first.Certificates, Audit: first.Audit, Replicas: first.Replicas, Health: first.Health, Site: first.Site, Client: first.Client, Holder: "replica-2", Now: first.Now}
	before := w.uploads()
	done := make(chan error, 2)
	for _, s := range []*rotate.Service{first, second} {
		go func() { done <- s.RunOnce(t.Context()) }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := w.uploads() - before; got != 1 {
		t.Errorf("%d uploads, want 1", got)
	}
}

// Two replicas rotate one connection a thousand times, always at the same moment: as many uploads as rotations, and no orphan.
func TestRO04_ThousandRotationsByTwoReplicas(t *testing.T) {
	w := connectedAs(t, func(a *broker.App) { a.Certificate.Days = 4 })
	first := w.App.Rotate
	second := &rotate.Service{Store: first.Store, Certificates: first.Certificates, Audit: first.Audit, Replicas: first.Replicas, Health: first.Health, Site: first.Site, Client: first.Client, Holder: "replica-2", Now: first.Now}
	const rotations = 1000
	before, signed := w.uploads(), map[string]bool{}
	both := func() {
		done := make(chan error, 2)
		for _, s := range []*rotate.Service{first, second} {
			go func() { done <- s.RunOnce(t.Context()) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	for range rotations {
		old := w.active()
		w.advance(old.RotateAt().Sub(w.Clock.Now()))
		for scans := 0; w.active().ID == old.ID; scans++ {
			if scans == 3 {
				t.Fatal("three scans of two replicas rotated nothing")
			}
			both() // each may find the other at work with the certificate before, and leave the rest to the next scan
			w.advance(rotate.ScanEvery)
		}
		signed[w.active().ID] = true
	}
	if n := w.uploads() - before; n != rotations || len(signed) != rotations {
		t.Errorf("%d uploads and %d certificates, want %d of each", n, len(signed), rotations)
	}
	w.advance(day + time.Hour)
	w.scan()
	if n := w.Emulator.Account(apptest.Account).ActiveCertificates(w.Client.ClientID); n != 1 {
		t.Errorf("%d certificates are active at NetSuite, want the one that signs", n)
	}
}

// The old certificate stays good for a day, so that a process which has not heard of the new one is not cut off.
func TestRO02_OldCertificateOutlivesItsReplacement(t *testing.T) {
	w := connected(t)
	old := w.active()
	w.advance(old.RotateAt().Sub(w.Clock.Now()))
	w.scan()
	if w.active().ID == old.ID {
		t.Fatal("nothing was rotated")
	}
	isActive := func() bool {
		for _, c := range w.Emulator.Account(apptest.Account).Certificates() {
			if c.ID == old.NetSuiteID {
				return !c.Revoked
			}
		}
		return false
	}
	for range 23 {
		w.advance(time.Hour)
		w.scan()
		if !isActive() {
			t.Fatal("the old certificate was revoked within a day")
		}
	}
	w.advance(2 * time.Hour)
	w.scan()
	kept, err := w.App.Store.Certificate(t.Context(), old.ID)
	if err != nil || isActive() || kept.State != broker.CertificateRevoked || kept.Key != nil {
		t.Errorf("after a day: active at NetSuite %t, here %s, %v; want it revoked and its key wiped", isActive(), kept.State, err)
	}
}
