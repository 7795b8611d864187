// Package soak lets the servers live through years: days that pass one by one, certificates of all ages, replicas that are killed,
// and a NetSuite that is down, slow or busy now and then. It holds tests only. The ordinary test is a short form; make soak is the
// whole.
package soak

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuitetest"
)

var (
	days        = flag.Int("soak.days", 120, "simulated days")
	stepDays    = flag.Int("soak.step", 2, "days that pass at once")
	connections = flag.Int("soak.connections", 12, "connections")
	seed        = flag.Uint64("soak.seed", 0, "of everything random; 0 = another one each time")
	kills       = flag.Float64("soak.kills", 3, "deaths of replicas planned each month")
)

// TestYears is the whole: no hand-out fails, no certificate comes near its end, and nothing is left behind.
func TestYears(t *testing.T) {
	p := plan{days: *days, step: time.Duration(*stepDays) * day, connections: *connections, seed: *seed, kills: *kills}
	if p.seed == 0 {
		p.seed = uint64(time.Now().UnixNano())
	}
	again := fmt.Sprintf("-soak.days=%d -soak.step=%d -soak.connections=%d -soak.kills=%v -soak.seed=%d", p.days, *stepDays, p.connections, p.kills, p.seed)
	t.Log(again)
	begin := time.Now()
	w := newWorld(t, p)
	t.Logf("%d connections made in %s", p.connections, time.Since(begin).Round(time.Second))
	r := w.live()
	w.quiet(&r)
	r.findings = append(r.findings, w.judge(t)...)
	t.Logf("%d days: %d hand-outs, %d refused in outages, %d rotations, %d kills, %d incidents, in %s",
		p.days, r.handOuts, r.refused, w.rotated, r.kills, r.incidents, time.Since(begin).Round(time.Second))
	if len(r.findings) > 0 {
		t.Errorf("%d findings; the first:\n%s\nrun again with %s", len(r.findings), strings.Join(r.findings[:min(len(r.findings), 20)], "\n"), again)
		w.showLogs(t)
	}
}

// judge holds NetSuite's certificates against those that we know, when all is over.
func (w *world) judge(t *testing.T) (findings []string) {
	t.Helper()
	all, err := w.server.Store.KnownCertificates(t.Context(), appName)
	must(t, err)
	known := map[string]broker.Certificate{}
	for _, c := range all {
		known[c.NetSuiteID] = c
	}
	for _, c := range w.customers {
		r := record{connection: c.connection.ID + " in " + c.account.ID(), now: w.now(), uploads: c.uploads, known: known}
		r.ours, _ = c.certificates()
		r.events, err = w.server.Store.EventsOf(t.Context(), c.connection.ID, time.Time{})
		must(t, err)
		findings = append(findings, judgeEnd(r)...)
	}
	return findings
}

// showLogs prints the ends of what the replicas wrote.
func (w *world) showLogs(t *testing.T) {
	t.Helper()
	const most = 4 << 10
	for _, r := range w.replicas {
		text, err := os.ReadFile(r.log)
		must(t, err)
		t.Logf("%s:\n%s", r.name, text[max(0, len(text)-most):])
	}
}

// TestLostRightIsReported proves that a run can fail: without the right to upload nothing rotates, and the certificates near their
// ends.
func TestLostRightIsReported(t *testing.T) {
	refuses := netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Endpoint: "certificates", Status: http.StatusForbidden, Body: "{}"}
	w := newWorld(t, plan{days: 30, step: 10 * day, connections: 2, seed: 1, broken: []netsuitetest.Fault{refuses}})
	r := w.live()
	if !slices.ContainsFunc(r.findings, func(f string) bool { return strings.Contains(f, "NetSuite has mailed") }) {
		t.Errorf("findings %q, want one of a certificate near its end", r.findings)
	}
}
