package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

const (
	pollEvery = time.Second
	// keepDone is how long rows of finished jobs stay: nobody reads them.
	keepDone = time.Millisecond
	// tries of a piece whose process was killed; a failure of Do does not count as one.
	tries = 5
)

// Each work has a queue of its own, so that none holds up another. Its scans come before its pieces.
const (
	scanPriority  = 1
	piecePriority = 2
)

// scan and piece are the two kinds of jobs.
type scan struct {
	Work string `json:"work"`
}

func (scan) Kind() string { return "scan" }

type piece struct {
	Work string `json:"work"`
	Item string `json:"item"`
}

func (piece) Kind() string { return "piece" }

// whileUnfinished makes a job the only one of its kind and arguments until it has ended. River wants all of these states, among
// them that of a job whose process was killed: such a one is rescued, see rescueAfter.
var whileUnfinished = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}}

// Migrate brings the tables of River up to date. It must run under a lock that other processes honour.
func Migrate(ctx context.Context, db *sql.DB, dialect string) error {
	migrator, err := rivermigrate.New(driver(db, dialect), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return fmt.Errorf("migrate the tables of background work: %w", err)
	}
	return nil
}

func driver(db *sql.DB, dialect string) riverdriver.Driver[*sql.Tx] {
	if dialect == "sqlite" {
		return riversqlite.New(db)
	}
	return riverdatabasesql.New(db)
}

// Run does the work until ctx ends; then it takes nothing more, and waits for what is under way.
func (r *Runner) Run(ctx context.Context) error {
	client, err := river.NewClient(driver(r.Pool, r.Dialect), r.config(ctx))
	if err != nil {
		return fmt.Errorf("background work: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("start the background work: %w", err)
	}
	<-client.Stopped()
	return nil
}

func (r *Runner) config(ctx context.Context) *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &scanner{r: r})
	river.AddWorker(workers, &doer{r: r, stopping: func() bool { return ctx.Err() != nil }})
	cfg := &river.Config{
		Workers:              workers,
		Queues:               map[string]river.QueueConfig{},
		Logger:               slog.New(engineLog{r.log().Handler()}),
		FetchPollInterval:    pollEvery,
		PollOnly:             true, // both engines alike; LISTEN would also keep a connection for itself
		JobTimeout:           r.patience(),
		RescueStuckJobsAfter: r.patience() * 4 / 3,
		SoftStopTimeout:      r.drain(),

		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepDone,
		DiscardedJobRetentionPeriod: keepDone,
	}
	for _, w := range r.Works {
		cfg.Queues[w.Name] = river.QueueConfig{MaxWorkers: max(1, w.AtOnce)}
		// Registered on every process: the elected one inserts. Its schedule is in memory, so it begins with a scan at once.
		cfg.PeriodicJobs = append(cfg.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(w.Every),
			func() (river.JobArgs, *river.InsertOpts) {
				return scan{w.Name}, &river.InsertOpts{Queue: w.Name, Priority: scanPriority, MaxAttempts: 1, UniqueOpts: whileUnfinished}
			}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return cfg
}

// scanner looks for what is due.
type scanner struct {
	river.WorkerDefaults[scan]
	r *Runner
}

// Work implements river.Worker.
func (s *scanner) Work(ctx context.Context, job *river.Job[scan]) error {
	w, known := s.r.work(job.Args.Work)
	if !known {
		return nil
	}
	items, err := w.Due(ctx)
	if err == nil {
		err = enqueue(ctx, w, items)
	}
	if err != nil && ctx.Err() == nil {
		s.r.log().ErrorContext(ctx, "cannot look for background work", "work", w.Name, "err", err)
	}
	return nil // the next scan comes by itself
}

func enqueue(ctx context.Context, w Work, items []string) error {
	if len(items) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(items))
	for i, item := range items {
		jobs[i] = river.InsertManyParams{Args: piece{w.Name, item}, InsertOpts: &river.InsertOpts{
			Queue: w.Name, Priority: piecePriority, MaxAttempts: tries, UniqueOpts: whileUnfinished,
		}}
	}
	_, err := river.ClientFromContext[*sql.Tx](ctx).InsertMany(ctx, jobs)
	return err
}

// doer does one piece.
type doer struct {
	river.WorkerDefaults[piece]
	r        *Runner
	stopping func() bool
}

// Work implements river.Worker.
func (d *doer) Work(ctx context.Context, job *river.Job[piece]) error {
	w, known := d.r.work(job.Args.Work)
	if !known {
		return nil
	}
	err := w.Do(ctx, job.Args.Item)
	switch {
	case err != nil && ctx.Err() != nil && d.stopping():
		return river.JobSnooze(0) // cut short by the end of this process: another one may have it now
	case err != nil:
		d.r.log().ErrorContext(ctx, "background work failed", "work", w.Name, "item", job.Args.Item, "err", err)
	}
	return nil // River does not repeat it: the next scan finds it if it is still due
}
