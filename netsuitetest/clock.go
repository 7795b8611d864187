package netsuitetest

import (
	"fmt"
	"sync"
	"time"
)

// Clock is the emulator's time: it runs with a base clock, at a speed of its own, from where tests move it. Everything that
// ages in the emulator (codes, tokens, certificates, signing keys, bundle installations, jobs) reads it. Safe for
// concurrent use.
type Clock struct {
	base func() time.Time

	mu    sync.Mutex
	from  time.Time // guarded by mu; the base clock as the rest was set
	at    time.Time // guarded by mu; the emulator's time at that moment
	speed float64   // guarded by mu; 1 = as the base clock, 0 = frozen
}

// fastest is the highest speed: eleven days a second.
const fastest = 1e6

func newClock(base func() time.Time) *Clock {
	now := base()
	return &Clock{base: base, from: now, at: now, speed: 1}
}

// Now is the emulator's present time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(c.base())
}

// now needs mu.
func (c *Clock) now(base time.Time) time.Time {
	elapsed := base.Sub(c.from)
	if c.speed != 1 {
		elapsed = time.Duration(float64(elapsed) * c.speed)
	}
	return c.at.Add(elapsed).UTC()
}

// settle makes the present moment the one from which the clock runs; it needs mu.
func (c *Clock) settle() {
	base := c.base()
	c.from, c.at = base, c.now(base)
}

// Advance moves the clock by d, backwards if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set moves the clock to t; from there it runs on.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.at = c.base(), t
}

// Speed lets the clock run x times as fast as the base clock from now on: 3600 makes an hour of a second, 0 freezes the
// clock, 1 is the start. A speed below 0 or above 1,000,000 is refused.
func (c *Clock) Speed(x float64) error {
	if !(x >= 0 && x <= fastest) { // refuses NaN as well
		return fmt.Errorf("clock: speed %v: want 0 (frozen) to %d", x, int(fastest))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	c.speed = x
	return nil
}

// Freeze stops the clock: only Advance and Set move it, until Speed lets it run again.
func (c *Clock) Freeze() { _ = c.Speed(0) } // 0 is no bad speed

// clockState is the clock as it is saved: how far it is from the base clock, so that a saved emulator is as far from the
// real time when it is loaded as when it was saved. A frozen clock keeps its time instead.
type clockState struct {
	Offset time.Duration
	Speed  float64
	Frozen time.Time // if Speed is 0
}

func (c *Clock) state() clockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := c.base()
	now := c.now(base)
	if c.speed == 0 {
		return clockState{Frozen: now.Round(0)}
	}
	return clockState{Offset: now.Sub(base), Speed: c.speed}
}

func (c *Clock) restore(s clockState) error {
	if err := c.Speed(s.Speed); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = c.base()
	c.at = c.from.Add(s.Offset)
	if s.Speed == 0 {
		c.at = s.Frozen
	}
	return nil
}

// SkewDate puts NetSuite's clock d ahead of the emulator's, behind it if d is negative: the Date header, serverTime, and
// the checks of what clients date (assertions, OAuth 1.0 timestamps) follow, since NetSuite's clock is one. What ages
// in the emulator keeps to Clock.
func (s *Server) SkewDate(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = d
}

// now is the time that NetSuite tells.
func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.Now().Add(s.skew)
}
