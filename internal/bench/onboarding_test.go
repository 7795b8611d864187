package bench

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
)

// BenchmarkOnboarding measures the part of an onboarding that needs nobody, from the passed checks to the end of the set-up
// permission: how long it takes, how much of that NetSuite (the emulator) has the ball, and what is left for us.
func BenchmarkOnboarding(b *testing.B) {
	var waited stopwatch
	e := apptest.Start(b, apptest.Config{Ready: true, Outward: waited.wrap})
	var total, theirs time.Duration
	for b.Loop() {
		link := e.Link(b, broker.LinkSent, apptest.Account)
		c := e.Customer(b)
		if _, err := c.Consent(b.Context(), link.URL); err != nil {
			b.Fatal(err)
		}
		r := e.Connected(b, link)
		whole := r.ConnectedAt.Sub(r.ChecksPassedAt)
		total += whole
		theirs += waited.since(r.ChecksPassedAt, r.ConnectedAt)
	}
	n := float64(b.N) * float64(time.Millisecond)
	b.ReportMetric(float64(total)/n, "machine-part-ms")
	b.ReportMetric(float64(theirs)/n, "emulator-ms")
	b.ReportMetric(float64(total-theirs)/n, "ours-ms")
	b.ReportMetric(0, "ns/op") // people's pages and polling are in it; it says nothing
}

// stopwatch notes when each request to NetSuite was under way.
type stopwatch struct {
	mu    sync.Mutex
	spans []span // guarded by mu
}

type span struct{ begin, end time.Time }

func (s *stopwatch) wrap(base http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		begin := time.Now()
		res, err := base.RoundTrip(r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.spans = append(s.spans, span{begin, time.Now()})
		return res, err
	})
}

// since adds up the requests of a stretch of time, and forgets what came before it.
func (s *stopwatch) since(begin, end time.Time) time.Duration {
	var sum time.Duration
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.spans {
		if !one.begin.Before(begin) && !one.begin.After(end) {
			sum += one.end.Sub(one.begin)
		}
	}
	s.spans = nil
	return sum
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
