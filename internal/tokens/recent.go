package tokens

import (
	"sync"
	"time"
)

const (
	// recentLimit bounds a memory: strangers can fill the one of client IDs with IDs that they make up. 100,000 connections that are in
	// use fit; all memories together hold 2.3 KB of each, most of it its token (BenchmarkInUse).
	recentLimit = 1 << 17
	// recentLook is how many entries each new one looks at to make room.
	recentLook = 8
)

// recent remembers values by name, each up to its own end. The zero value is ready.
type recent[V any] struct {
	mu      sync.RWMutex
	entries map[string]entry[V] // guarded by mu
}

type entry[V any] struct {
	value V
	until time.Time
}

// get returns a value that has not ended.
func (r *recent[V]) get(name string, now time.Time) (V, bool) {
	r.mu.RLock()
	e, ok := r.entries[name]
	r.mu.RUnlock()
	if !ok || !now.Before(e.until) {
		var none V
		return none, false
	}
	return e.value, true
}

func (r *recent[V]) put(name string, value V, now, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries == nil {
		r.entries = map[string]entry[V]{}
	}
	if _, known := r.entries[name]; !known {
		r.makeRoom(now)
	}
	r.entries[name] = entry[V]{value, until}
}

// makeRoom drops what has ended among a few entries, which the map chooses at random: so what is in use stays, what is not goes by and
// by, and nobody waits for a walk through all. A full memory drops the one of them that ends first: it can be read again.
func (r *recent[V]) makeRoom(now time.Time) {
	var (
		looked  int
		dropped bool
		first   string
		ends    time.Time
	)
	for name, e := range r.entries {
		if !now.Before(e.until) {
			delete(r.entries, name)
			dropped = true
		} else if first == "" || e.until.Before(ends) {
			first, ends = name, e.until
		}
		if looked++; looked == recentLook {
			break
		}
	}
	if !dropped && len(r.entries) >= recentLimit {
		delete(r.entries, first)
	}
}

func (r *recent[V]) drop(name string) {
	r.mu.Lock()
	delete(r.entries, name)
	r.mu.Unlock()
}
