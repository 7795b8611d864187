package tokens

import (
	"strconv"
	"testing"
	"time"
)

func TestRecentIsBounded(t *testing.T) {
	var r recent[int]
	now := time.Now()
	for i := range 3 * recentLimit {
		r.put("stranger "+strconv.Itoa(i), i, now, now.Add(time.Second))
	}
	if n := len(r.entries); n > recentLimit {
		t.Errorf("got %d entries, want at most %d", n, recentLimit)
	}
	r.put("late", 1, now.Add(time.Minute), now.Add(2*time.Minute))
	if _, ok := r.get("late", now.Add(time.Minute)); !ok {
		t.Error("a new entry is not found")
	}
	if _, ok := r.get("late", now.Add(2*time.Minute)); ok {
		t.Error("an entry is found at its end")
	}
	r.drop("late")
	if _, ok := r.get("late", now); ok {
		t.Error("a dropped entry is found")
	}
}

func fill(r *recent[int], from, n int, now, until time.Time) {
	for i := range n {
		r.put("name "+strconv.Itoa(from+i), i, now, until)
	}
}

// What is in use is not read again because others are in use, too.
func TestRecentKeepsWhatIsInUse(t *testing.T) {
	const inUse = 100_000
	var r recent[int]
	now := time.Now()
	fill(&r, 0, inUse, now, now.Add(time.Hour))
	for i := range inUse {
		if got, ok := r.get("name "+strconv.Itoa(i), now); !ok || got != i {
			t.Fatalf("name %d of %d is not remembered", i, inUse)
		}
	}
}

// A full memory gives up one entry for each new one, and those first that end soon.
func TestFullRecentDropsLittle(t *testing.T) {
	const more = 1000
	var r recent[int]
	now := time.Now()
	fill(&r, 0, recentLimit/2, now, now.Add(time.Hour))
	fill(&r, recentLimit/2, recentLimit/2, now, now.Add(time.Minute))
	fill(&r, recentLimit, more, now, now.Add(time.Hour))
	if len(r.entries) != recentLimit {
		t.Errorf("%d entries, want %d", len(r.entries), recentLimit)
	}
	late := 0
	for _, e := range r.entries {
		if e.until.Equal(now.Add(time.Hour)) {
			late++
		}
	}
	// Each of the thousand looks at eight: that all eight end late has a chance of 1 in 256.
	if lost := recentLimit/2 + more - late; lost > more/10 {
		t.Errorf("%d entries of a long life were dropped, and others kept", lost)
	}
}

// What is not used any more does not stay until the memory is full.
func TestRecentLetsGoOfWhatHasEnded(t *testing.T) {
	const old, fresh = 20_000, 5000
	var r recent[int]
	now := time.Now()
	fill(&r, 0, old, now, now.Add(time.Minute))
	later := now.Add(time.Hour)
	fill(&r, old, fresh, later, later.Add(time.Minute))
	if left := len(r.entries) - fresh; left > old/10 {
		t.Errorf("%d of %d ended entries are left", left, old)
	}
}
