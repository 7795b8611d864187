package broker

import (
	"fmt"
	"testing"
	"time"
)

// Certificates made in the same minute must not be replaced in the same minute (RO-05), nor any of them so late that NetSuite
// mails the administrators.
func TestRO05_RotationsAreSpread(t *testing.T) {
	made := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, days := range []int{729, 365, 200, 90} {
		life := time.Duration(days) * 24 * time.Hour
		const all = 10_000
		perHour := map[int64]int{}
		first, last := time.Time{}, time.Time{}
		for i := range all {
			c := Certificate{ID: fmt.Sprint("certificate ", i), NotBefore: made, ValidUntil: made.Add(life)}
			at := c.RotateAt()
			if at.After(c.RenewBefore()) || at.Before(made.Add(life*17/30)) {
				t.Fatalf("%d days: %s is not between %s and %s", days, at, made.Add(life*17/30), c.RenewBefore())
			}
			if again := c.RotateAt(); !again.Equal(at) {
				t.Fatalf("%s, then %s", at, again)
			}
			perHour[at.Unix()/3600]++
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
		mean := float64(all) / last.Sub(first).Hours()
		for _, n := range perHour {
			if limit := 3*mean + 10; float64(n) > limit {
				t.Errorf("%d days: %d start within one hour, the mean is %.1f", days, n, mean)
			}
		}
	}
}
