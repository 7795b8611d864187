package soak

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	replicas = 3
	atOnce   = 4 // callers
	month    = 30 * day

	// A caller that is told to come again does so, the clock a minute later each time.
	rounds     = 6
	betweenAsk = time.Minute

	outageFor = 2 * day
	slowBy    = 300 * time.Millisecond
)

// plan is what a run is made of.
type plan struct {
	days        int
	step        time.Duration
	connections int
	seed        uint64
	kills       float64              // deaths planned each month
	broken      []netsuitetest.Fault // from the start on, at NetSuite
}

// result is what a run came to.
type result struct {
	handOuts  int
	refused   int // told to come again during an outage
	kills     int
	incidents int
	findings  []string
}

// live lets the days pass and judges each. Progress is told each month.
func (w *world) live() (r result) {
	end := start.Add(time.Duration(w.plan.days) * day)
	for today := start.Add(w.plan.step); !today.After(end); today = today.Add(w.plan.step) {
		w.day(today, &r)
		if number := today.Sub(start); number/month != (number-w.plan.step)/month {
			w.t.Logf("day %d: %d hand-outs, %d rotations, %d kills, %d incidents, %d findings",
				number/day, r.handOuts, w.rotated, r.kills, r.incidents, len(r.findings))
		}
	}
	return r
}

// quiet lets the overlaps end: nobody dies, and nothing happens at NetSuite.
func (w *world) quiet(r *result) {
	w.plan.kills = 0
	today := w.now().Truncate(day)
	for range 5 {
		today = today.Add(day)
		w.day(today, r)
	}
}

func (w *world) day(today time.Time, r *result) {
	found := func(format string, args ...any) {
		r.findings = append(r.findings, fmt.Sprintf("day %d: ", today.Sub(start)/day)+fmt.Sprintf(format, args...))
	}
	w.emulator.Clock().Set(today)
	r.kills += w.revive(today, found)
	w.tell(today, found)
	if err := w.refreshForeign(); err != nil {
		found("%v", err)
	}
	if w.plan.kills > 0 {
		r.incidents += w.incidents(today, found)
		w.arm(found)
	}
	w.work(found)
	w.handOuts(r, found)
	w.readLedger()
	for _, c := range w.customers {
		s := w.look(c)
		for _, f := range judgeDay(s) {
			found("%s", f)
		}
	}
}

// look is what the judge sees of a connection.
func (w *world) look(c *customer) sight {
	s := sight{
		connection: c.connection.ID + " in " + c.account.ID(), now: w.now(), outage: w.now().Before(c.outageUntil),
		failures: c.failures, signed: c.signed,
	}
	s.ours, s.foreign = c.certificates()
	return s
}

type complaint func(format string, args ...any)

// each gives an order to all replicas that run, at the same time.
func (w *world) each(o order, found complaint) {
	var running sync.WaitGroup
	errs := make([]error, len(w.replicas))
	for i, r := range w.replicas {
		running.Go(func() { _, errs[i] = r.order(o) })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, errKilled) {
			found("%v", err)
		}
	}
}

func (w *world) tell(now time.Time, found complaint) { w.each(order{Now: now}, found) }

func (w *world) work(found complaint) { w.each(order{Work: true}, found) }

// revive starts what was killed, as whoever runs the servers does, and counts it.
func (w *world) revive(now time.Time, found complaint) (dead int) {
	for _, r := range w.replicas {
		if r.running() != nil {
			continue
		}
		dead++
		if err := r.start(w.setting, now); err != nil {
			found("%v", err)
		}
	}
	return dead
}

// arm plans today's deaths: each at a random event, half of them of the background work.
func (w *world) arm(found complaint) {
	for range w.perMonth(w.plan.kills) {
		r := w.replicas[w.dice.IntN(len(w.replicas))]
		o := order{DieAtAny: 1 + w.dice.IntN(20+7*len(w.customers)/replicas)}
		if w.dice.IntN(2) == 0 {
			o = order{DieAtWork: 1 + w.dice.IntN(40)}
		}
		if _, err := r.order(o); err != nil && !errors.Is(err, errKilled) {
			found("%v", err)
		}
	}
}

// perMonth is how many of so many each month fall on this step.
func (w *world) perMonth(n float64) int {
	share := n * float64(w.plan.step) / float64(month)
	whole := int(share)
	if w.dice.Float64() < share-float64(whole) {
		whole++
	}
	return whole
}

// incidents begin every 30th day, in a few accounts each: two days of maintenance, a storm of 429, slow answers.
func (w *world) incidents(today time.Time, found complaint) (begun int) {
	number := today.Sub(start)
	if number/month == (number-w.plan.step)/month {
		return 0
	}
	few := 1 + len(w.customers)/50
	for i, n := range w.dice.Perm(len(w.customers))[:3*few] {
		c := w.customers[n]
		f := netsuitetest.Fault{Account: c.account.ID(), From: today, Until: today.Add(w.plan.step)}
		switch i % 3 {
		case 0:
			f.Kind, f.Until = netsuitetest.FaultMaintenance, today.Add(max(outageFor, w.plan.step))
			c.outageUntil = f.Until
		case 1:
			f.Kind, f.RetryAfter, f.Times = netsuitetest.FaultTooManyRequests, "20", 3
			c.troubleUntil = f.Until
		case 2:
			f.Kind, f.Delay = netsuitetest.FaultDelay, slowBy
		}
		if _, err := w.emulator.AddFault(f); err != nil {
			found("%v", err)
		}
		begun++
	}
	return begun
}
