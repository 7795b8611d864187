package tokens

import (
	"sync"
	"time"
)

// recentLimit bounds a memory. Strangers can fill the one of client IDs with IDs that they make up.
const recentLimit = 10_000

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
	if len(r.entries) >= recentLimit {
		r.makeRoom(now)
	}
	r.entries[name] = entry[V]{value, until}
}

// makeRoom drops what has ended and, when that is nothing, all: it can be read again.
func (r *recent[V]) makeRoom(now time.Time) {
	for name, e := range r.entries {
		if !now.Before(e.until) {
			delete(r.entries, name)
		}
	}
	if len(r.entries) >= recentLimit {
		clear(r.entries)
	}
}

func (r *recent[V]) drop(name string) {
	r.mu.Lock()
	delete(r.entries, name)
	r.mu.Unlock()
}
