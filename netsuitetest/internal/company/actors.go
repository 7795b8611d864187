package company

import "sync"

// actors remembers roles and employees by internal ID until a row changes: every request asks who acts, and in which role.
// What is remembered is shared, so nobody may change it.
type actors struct {
	mu        sync.Mutex
	version   int                // guarded by mu; counts the changes
	roles     map[int64]Role     // guarded by mu
	employees map[int64]Employee // guarded by mu
}

// forget is called by the writer of Company.mu.
func (a *actors) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	a.roles, a.employees = nil, nil
}

// recall returns what is remembered, or looks it up. A change that comes in between keeps it from being remembered.
func recall[T any](a *actors, kept *map[int64]T, id int64, look func() (T, bool)) (T, bool) {
	a.mu.Lock()
	v, known := (*kept)[id]
	version := a.version
	a.mu.Unlock()
	if known {
		return v, true
	}
	v, there := look()
	a.mu.Lock()
	defer a.mu.Unlock()
	if there && a.version == version {
		if *kept == nil {
			*kept = map[int64]T{}
		}
		(*kept)[id] = v
	}
	return v, there
}
