package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertRun = `INSERT INTO runs (id, version, app, link_id, connection_id, grant_id, browser_hash, phase, due_at, created_at, updated_at, facts, calls)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)`
	updateRun = `UPDATE runs SET version = version + 1, app = $3, link_id = $4, connection_id = $5, grant_id = $6, browser_hash = $7, phase = $8,
			due_at = $9, created_at = $10, updated_at = $11, facts = $12
		WHERE id = $1 AND version = $2`
	selectRun = `SELECT id, version, app, link_id, connection_id, grant_id, browser_hash, due_at, created_at, updated_at, facts
		FROM runs WHERE id = $1`
	selectDueRuns = `SELECT id FROM runs WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at, id LIMIT $2`
)

// SaveRun stores a run together with the grant and the link that changed with it, each of which may be nil, and with what is to be
// told of the change. When one of them has been changed by somebody else, nothing is stored.
func (d *DB) SaveRun(ctx context.Context, run *broker.Run, grant *broker.Grant, link *broker.Link, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		if err := saveRun(ctx, t, run); err != nil {
			return err
		}
		if grant != nil {
			if err := saveGrant(ctx, t, grant); err != nil {
				return err
			}
		}
		if link != nil {
			if err := saveLink(ctx, t, link); err != nil {
				return err
			}
		}
		return saveEvents(ctx, t, events)
	})
}

func saveRun(ctx context.Context, t *tx, run *broker.Run) error {
	r := *run
	r.CreatedAt, r.UpdatedAt = t.created(r.CreatedAt), t.now
	err := t.swap(ctx, r.Version, insertRun, updateRun,
		r.ID, r.Version, r.App, r.LinkID, r.ConnectionID, r.GrantID, r.BrowserHash, r.Phase(), r.DueAt, r.CreatedAt, r.UpdatedAt, asJSON{r.Facts})
	r.Version++
	t.onCommit(func() { *run = r })
	return err
}

// Run finds a run by its ID.
func (d *DB) Run(ctx context.Context, id string) (broker.Run, error) {
	return one(ctx, d.reader, scanRun, selectRun, id)
}

// DueRuns lists the IDs of at most limit runs whose DueAt has come, the longest due first.
func (d *DB) DueRuns(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, selectDueRuns, now, limit)
}

func scanRun(row scanner) (r broker.Run, err error) {
	err = row.Scan(&r.ID, &r.Version, &r.App, &r.LinkID, &r.ConnectionID, &r.GrantID, &r.BrowserHash,
		moment{&r.DueAt}, moment{&r.CreatedAt}, moment{&r.UpdatedAt}, fromJSON{&r.Facts})
	return r, err
}
