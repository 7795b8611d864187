package netsuitetest

import (
	"cmp"
	"net/http"
	"sync"
	"time"
)

// FaultKind is what happens to a request.
type FaultKind string

const (
	FaultObserve   FaultKind = "observe"    // nothing; OnMatch is called
	FaultDelay     FaultKind = "delay"      // wait Delay
	FaultBlock     FaultKind = "block"      // wait until Release is closed or the client gives up
	FaultCutBefore FaultKind = "cut-before" // drop the connection, nothing done
	FaultCutAfter  FaultKind = "cut-after"  // do everything, then drop the connection instead of answering
	FaultStatus    FaultKind = "status"     // answer Status with Body, nothing done

	FaultUnauthorized FaultKind = "unauthorized" // refuse the token although it is good, nothing done; as seen under load
	FaultCutBody      FaultKind = "cut-body"     // do everything, then drop the connection in the middle of the answer's body
	FaultContentType  FaultKind = "content-type" // do everything, but say that the answer is ContentType
)

// Fault is a trouble to inject, for requests that Match accepts.
type Fault struct {
	Match func(*http.Request) bool // nil = every request; must not read the body
	Skip  int                      // how many that match go by unharmed first
	Times int                      // how often it strikes then; 0 = until removed
	Kind  FaultKind                // "" = FaultObserve

	After       bool // FaultDelay, FaultBlock: between the effect and the answer, not before the effect
	Delay       time.Duration
	Release     <-chan struct{}     // FaultBlock
	Status      int                 // FaultStatus
	Body        string              // FaultStatus
	RetryAfter  string              // FaultStatus: the Retry-After header, none if empty
	ContentType string              // FaultStatus, none if empty; FaultContentType, "text/html" if empty
	OnMatch     func(*http.Request) // called as the fault strikes, before the effect
}

// activeFault is a fault with the strikes it has left.
type activeFault struct {
	Fault
	skip int // guarded by faults.mu
	left int // guarded by faults.mu; -1 = no end
}

type faults struct {
	mu  sync.Mutex
	all []*activeFault // guarded by mu
}

// Fault adds a fault and returns the function that removes it. Of several that match, the oldest strikes.
func (s *Server) Fault(f Fault) (remove func()) {
	a := &activeFault{Fault: f, skip: f.Skip, left: f.Times}
	if f.Times == 0 {
		a.left = -1
	}
	if a.Kind == "" {
		a.Kind = FaultObserve
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = append(s.faults.all, a)
	return func() { s.faults.remove(a) }
}

func (f *faults) remove(a *activeFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.left = 0
}

// clear removes every fault.
func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = nil
}

// strike returns the fault that r meets, nil if none, and counts it. Observers do not keep a fault from striking.
func (f *faults) strike(r *http.Request) *activeFault {
	var observers []*activeFault
	hit := f.take(r, &observers)
	for _, o := range observers {
		if o.OnMatch != nil {
			o.OnMatch(r)
		}
	}
	if hit != nil && hit.OnMatch != nil {
		hit.OnMatch(r)
	}
	return hit
}

func (f *faults) take(r *http.Request, observers *[]*activeFault) *activeFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hit *activeFault
	kept := f.all[:0]
	for _, a := range f.all {
		if a.left == 0 {
			continue
		}
		kept = append(kept, a)
		if (hit != nil && a.Kind != FaultObserve) || (a.Match != nil && !a.Match(r)) {
			continue
		}
		if a.skip > 0 {
			a.skip--
			continue
		}
		if a.left > 0 {
			a.left--
		}
		if a.Kind == FaultObserve {
			*observers = append(*observers, a)
		} else {
			hit = a
		}
	}
	f.all = kept
	return hit
}

// before does what the fault does ahead of the effect; it returns false when the effect must not happen.
func (a *activeFault) before(c *call) bool {
	c.entry.Fault = string(a.Kind)
	switch a.Kind {
	case FaultCutBefore:
		c.broke("fault: connection cut before the effect")
		c.cut = true
		return false
	case FaultStatus:
		if a.RetryAfter != "" {
			c.w.Header().Set("Retry-After", a.RetryAfter)
		}
		if a.ContentType != "" {
			c.w.Header().Set("Content-Type", a.ContentType)
		}
		c.broke("fault: status " + http.StatusText(a.Status))
		c.w.WriteHeader(a.Status)
		c.write(a.Body)
		return false
	case FaultUnauthorized:
		if c.account == nil {
			return true // nobody could log in here
		}
		c.s.refuseLogin(c, loginRefused("fault: the token is refused although it may be good", ""))
		return false
	case FaultDelay, FaultBlock:
		if !a.After && !a.wait(c.r) {
			c.broke("fault: the client gave up before the effect")
			c.cut = true
			return false
		}
	}
	return true
}

// after does what the fault does between the effect and the answer.
func (a *activeFault) after(c *call) {
	switch a.Kind {
	case FaultCutAfter:
		c.cut = true
	case FaultCutBody:
		c.half = true
	case FaultContentType:
		c.w.Header().Set("Content-Type", cmp.Or(a.ContentType, "text/html"))
	case FaultDelay, FaultBlock:
		if a.After {
			a.wait(c.r)
		}
	}
}

// wait returns false when the client or the server went away first.
func (a *activeFault) wait(r *http.Request) bool {
	if a.Kind == FaultDelay {
		return hold(r, time.After(a.Delay), nil)
	}
	return hold(r, nil, a.Release)
}

// hold waits for one of the events; it returns false when the client or the server went away first.
func hold(r *http.Request, timer <-chan time.Time, release <-chan struct{}) bool {
	select {
	case <-timer:
		return true
	case <-release:
		return true
	case <-r.Context().Done():
		return false
	}
}
