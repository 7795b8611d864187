// Package crash kills a server at every point of an onboarding at which something has just become durable, here or at
// NetSuite, or is about to. It holds tests only.
package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	vendorAccount   = "TSTDRV1000001"
	customerAccount = "1234567"
	appName         = "acme-sync"
	clientID        = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
	bundleID        = 123456

	atOnce = 8                // crashes under way at the same time: they mostly wait for the worker to look round
	oneRun = 60 * time.Second // ON-11: within it no permission may be left; most runs take two seconds or three
)

// TestRO01_KilledEverywhere kills the server before and after every call to NetSuite and after every commit (RO-01, ON-11),
// for each habit of the person, who meets a network error and goes on.
func TestRO01_KilledEverywhere(t *testing.T) {
	p := prepare(t)
	for _, h := range []habit{reloads, opensLink, consentsTwice} {
		t.Run(string(h), func(t *testing.T) { killEverywhere(t, p, h) })
	}
}

func killEverywhere(t *testing.T, p prepared, h habit) {
	whole := start(t, p, h, 0)
	whole.connect(t)
	points := len(whole.events())
	if points < 50 {
		t.Fatalf("a run without a crash has %d events; every call and every commit are more", points)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	var killed atomic.Int64
	for n := 1; n <= points; n++ {
		group.Go(func() error {
			t.Run(fmt.Sprintf("event %d", n), func(t *testing.T) {
				s := start(t, p, h, n)
				s.connect(t)
				if s.killed() {
					killed.Add(1)
				}
			})
			return nil
		})
	}
	_ = group.Wait() // the subtests have reported
	t.Logf("%d points tried, the process killed at %d of them", points, killed.Load())
}

// connect plays the person to the end, stops the server and looks at what is left, here and at NetSuite.
func (s *scene) connect(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oneRun)
	defer cancel()
	p := s.person()
	defer p.Close()
	personErr := s.connectAs(ctx, p)
	var grantsErr error
	if personErr == nil {
		grantsErr = customer.Every(ctx, 20*time.Millisecond, func() (bool, error) { return s.living() == 0, nil })
	}
	stopCtx, stopCancel := context.WithTimeout(context.WithoutCancel(ctx), oneRun)
	defer stopCancel()
	stopErr := s.stop(stopCtx)
	if s.killed() {
		events := s.events()
		t.Logf("killed at %q", events[len(events)-1])
	}
	must(t, stopErr)
	if personErr != nil {
		t.Fatalf("the person did not reach the end: %v", personErr)
	}
	if grantsErr != nil {
		t.Errorf("%d set-up permissions are left at NetSuite: %+v", s.living(), s.emulator.Account(customerAccount).Grants())
	}
	s.checkNetSuite(t)
	s.checkDatabase(t)
}

// living counts the permissions that still open something.
func (s *scene) living() int {
	n := 0
	for _, g := range s.emulator.Account(customerAccount).Grants() {
		if g.State != "revoked" {
			n++
		}
	}
	return n
}

// checkNetSuite: at most one extra certificate existed, which with an account that had none is far from the limit of five.
func (s *scene) checkNetSuite(t *testing.T) {
	t.Helper()
	uploads := s.emulator.Ledger().Count(func(e netsuitetest.Entry) bool {
		return e.OK && e.Method == "POST" && strings.HasSuffix(strings.TrimSuffix(e.Path, "/"), "/certificates")
	})
	if uploads < 1 || uploads > 2 {
		t.Errorf("%d certificates were uploaded, want one, or two at most", uploads)
	}
	if n := s.emulator.Account(customerAccount).ActiveCertificates(clientID); n != 1 {
		t.Errorf("%d active certificates are left at NetSuite, want 1", n)
	}
}

// checkDatabase: the run is connected, its certificate is the one at NetSuite, and a token can be had with it.
func (s *scene) checkDatabase(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	server := open(t, s.orders)
	defer func() { must(t, server.Close()) }()
	link, err := server.Store.Link(ctx, s.link.id)
	must(t, err)
	run, err := server.Store.Run(ctx, link.RunID)
	must(t, err)
	if run.Phase() != broker.PhaseConnected {
		t.Fatalf("the run is %s, want connected", run.Phase())
	}
	conn, err := server.Store.Connection(ctx, run.ConnectionID)
	must(t, err)
	cert, err := server.Store.Certificate(ctx, conn.CertificateID)
	must(t, err)
	active := func(c netsuitetest.Certificate) bool { return c.ID == cert.NetSuiteID && !c.Revoked }
	if !slices.ContainsFunc(s.emulator.Account(customerAccount).Certificates(), active) {
		t.Errorf("the connection signs with certificate %s, which is not active at NetSuite", cert.NetSuiteID)
	}
	s.takeToken(t, server, conn)
}

func (s *scene) takeToken(t *testing.T, server *app.App, conn broker.Connection) {
	t.Helper()
	id, secret, err := server.Tokens.CreateClient(t.Context(), appName, []string{conn.ID})
	must(t, err)
	out, err := server.Tokens.HandOut(t.Context(), tokens.Request{ClientID: id, Secret: secret})
	if err != nil || out.AccessToken.Reveal() == "" || out.ConnectionID != conn.ID {
		t.Errorf("no token of the connection: %v", err)
	}
}
