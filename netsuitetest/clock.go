package netsuitetest

import (
	"sync"
	"time"
)

// Clock is the emulator's time: a base clock and an offset that tests move. Everything that ages in the emulator
// (codes, tokens, certificates, signing keys, bundle installations) reads it. Safe for concurrent use.
type Clock struct {
	base func() time.Time

	mu     sync.Mutex
	offset time.Duration // guarded by mu
}

// Now is the emulator's present time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset).UTC()
}

// Advance moves the clock by d, backwards if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Set moves the clock to t; from there it runs on with the base clock.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = t.Sub(c.base())
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
