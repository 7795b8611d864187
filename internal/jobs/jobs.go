// Package jobs does background work, on one process or on many that share a database.
//
// A Work says how to find what is due and how to do one piece of it. Run looks for due pieces now and then, on one process at a
// time, and each piece is done by whichever process is free. Nothing else is kept about a piece: what is due is decided by the
// owner of the work, from its own rows and by its own clock, and so is how long a piece rests after a failure.
//
// It promises:
//
//   - a scan once a period, not once a period and process; and one when a process has taken over from another
//   - a piece that is waiting or under way is not taken up a second time
//   - what a killed process had under way is free again after Patience and a third
//   - finished pieces leave no rows behind
//
// A piece may be done twice all the same, when its process was away for so long that another one took over. Do must bear that:
// it takes a lease where it matters.
//
// The engine is River. It stays behind this package, with all that has to be known about it.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Work is one kind of background work.
type Work struct {
	// Name of letters and hyphens, such as "rotate". It stays when the program changes: other processes may run an older one.
	Name string
	// Every is the pause between two scans.
	Every time.Duration
	// AtOnce is how many pieces one process does at the same time; 1 when zero.
	AtOnce int
	// Due finds what is to be done now.
	Due func(ctx context.Context) (items []string, err error)
	// Do does one piece. An error is logged; the piece is done again when a later scan finds it.
	Do func(ctx context.Context, item string) error
}

// Runner does work on a database. A struct literal works; use it by pointer.
type Runner struct {
	// Pool reaches the database, whose tables Migrate has made, and Dialect is "sqlite" or "postgres".
	Pool    *sql.DB
	Dialect string
	Works   []Work
	Logger  *slog.Logger // nil: silence
	// Patience is how long a scan or a piece may take before its context ends; three minutes when zero.
	Patience time.Duration
	// Drain is how long pieces under way may go on once Run is told to stop; 20 seconds when zero.
	Drain time.Duration
}

// RunOnce finds what is due and does it, in this goroutine: for tests, whose clocks move. It goes on after a failure and returns
// all of them.
func RunOnce(ctx context.Context, works ...Work) error {
	var errs []error
	for _, w := range works {
		items, err := w.Due(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("scan for %s: %w", w.Name, err))
		}
		for _, item := range items {
			if err := w.Do(ctx, item); err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", w.Name, item, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (r *Runner) log() *slog.Logger {
	if r.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Logger
}

func (r *Runner) patience() time.Duration {
	if r.Patience == 0 {
		return 3 * time.Minute
	}
	return r.Patience
}

func (r *Runner) drain() time.Duration {
	if r.Drain == 0 {
		return 20 * time.Second
	}
	return r.Drain
}

// work finds a work by its name; false for one that another version of the program knows.
func (r *Runner) work(name string) (Work, bool) {
	for _, w := range r.Works {
		if w.Name == name {
			return w, true
		}
	}
	return Work{}, false
}
