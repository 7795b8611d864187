package netsuite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// What the difference between this machine's clock and NetSuite's leads to. NetSuite refuses an assertion from the future or
// past its end, and its own hour begins on its own clock.
const (
	offsetIgnored   = 30 * time.Second // below: nothing; above: corrected, and worth a word to the operator
	offsetCorrected = 5 * time.Minute  // beyond: the clock must be set
)

// ErrClock: NetSuite refused an assertion, and this machine's clock is more than five minutes off NetSuite's.
var ErrClock = errors.New("clock is wrong")

// clock knows how far NetSuite's clock is ahead of this machine's. The zero value does not know yet.
type clock struct {
	mu     sync.Mutex
	offset time.Duration // guarded by mu
	known  bool          // guarded by mu
}

// learn takes the offset from the Date header of an answer that came between two moments. Date has whole seconds, so the
// middle of the second is taken.
func (c *clock) learn(h http.Header, sent, received time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	c.set(date.Add(time.Second / 2).Sub(middle(sent, received)))
}

func (c *clock) set(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.known = offset, true
}

func (c *clock) get() (offset time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.known
}

// correction is what to add to this machine's time in an assertion.
func (c *clock) correction() time.Duration {
	offset, _ := c.get()
	if offset.Abs() <= offsetIgnored || offset.Abs() > offsetCorrected {
		return 0
	}
	return offset
}

func middle(a, b time.Time) time.Time { return a.Add(b.Sub(a) / 2) }

// explain puts the clock in front of a refusal that it explains.
func (c *clock) explain(refused error) error {
	offset, known := c.get()
	var e *Error
	if !known || offset.Abs() <= offsetCorrected || !isRefusal(refused) || !errors.As(refused, &e) {
		return refused
	}
	wrong := *e
	wrong.Err = fmt.Errorf("%w: %w", ErrClock, refused)
	wrong.Hint = fmt.Sprintf("this machine's clock is %s NetSuite's; set it, best by NTP", describeOffset(offset))
	return &wrong
}

func describeOffset(offset time.Duration) string {
	if offset > 0 {
		return offset.Round(time.Second).String() + " behind"
	}
	return (-offset).Round(time.Second).String() + " ahead of"
}

// clockTransport learns the time from every answer.
type clockTransport struct {
	clock *clock
	now   func() time.Time
	base  http.RoundTripper
}

func (t *clockTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := timeNow(t.now)
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		t.clock.learn(resp.Header, sent, timeNow(t.now))
	}
	return resp, err
}

// ClockOffset asks NetSuite for its time and returns how far it is ahead of this machine's, good to half a second. More than
// 30 seconds deserve a warning; ClientCredentials corrects up to five minutes by itself. An account on a release before
// 2025.2 answers ErrNotFound (H/article_0528010158).
func (a *API) ClockOffset(ctx context.Context) (time.Duration, error) {
	sent := timeNow(a.Now)
	there, err := a.ServerTime(ctx)
	if err != nil {
		return 0, err
	}
	return there.Sub(middle(sent, timeNow(a.Now))), nil
}
