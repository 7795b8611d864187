package web

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/suitekey/suitekey/internal/broker"
)

// limiter bounds what one address may ask without being known to us (ON-14): starting runs and coming back from NetSuite.
// Memory is bounded by two generations: when the young one is full it becomes the old one, and the old one is forgotten.
type limiter struct {
	now func() time.Time

	mu         sync.Mutex
	young, old map[netip.Prefix]*rate.Limiter // guarded by mu
}

const (
	// A whole office behind one address stays below these; a script does not.
	anonymousPerSecond = 1
	anonymousBurst     = 60
	// clientsPerGeneration addresses take about 1 MiB.
	clientsPerGeneration = 8192
)

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, young: map[netip.Prefix]*rate.Limiter{}}
}

func (l *limiter) allow(client netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, known := l.young[client]
	if !known {
		if one, known = l.old[client]; !known {
			one = rate.NewLimiter(anonymousPerSecond, anonymousBurst)
		}
		if len(l.young) >= clientsPerGeneration {
			l.young, l.old = map[netip.Prefix]*rate.Limiter{}, l.young
		}
		l.young[client] = one
	}
	return one.AllowN(l.now(), 1)
}

// clientOf is the address that the connection came from. Forwarded headers are not believed: anybody may write them. IPv6
// counts by /64, which one customer of a network gets whole.
func clientOf(r *http.Request) netip.Prefix {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{} // not a network connection; all such share one budget
	}
	addr, bits := from.Addr().Unmap(), 32
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.WithZone("").Prefix(bits) // bits fit the family
	return prefix
}

// limited refuses a client that asks too often.
func (h *Handler) limited(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.limits.allow(clientOf(r)) {
			w.Header().Set("Retry-After", "60")
			h.fail(w, r, broker.Errorf(broker.CodeTooMany, "too many requests from one address"))
			return
		}
		next(w, r)
	}
}
