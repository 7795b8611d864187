package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertHealth = `INSERT INTO health (connection_id, version, app, state, cause, since, failures, probe_at, evidence, repair_link_id, updated_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	updateHealth = `UPDATE health SET version = version + 1, app = $3, state = $4, cause = $5, since = $6, failures = $7, probe_at = $8,
			evidence = $9, repair_link_id = $10, updated_at = $11
		WHERE connection_id = $1 AND version = $2`
	selectHealth = `SELECT connection_id, version, app, state, cause, since, failures, probe_at, evidence, repair_link_id, updated_at FROM health`
)

// SaveHealth stores the health of a connection that is stored already, and what is to be told of the change.
func (d *DB) SaveHealth(ctx context.Context, health *broker.Health, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		h := *health
		h.UpdatedAt = t.now
		if err := t.swap(ctx, h.Version, insertHealth, updateHealth,
			h.ConnectionID, h.Version, h.App, h.State, h.Cause, h.Since, h.Failures, h.ProbeAt, asJSON{h.Evidence}, h.RepairLinkID, h.UpdatedAt); err != nil {
			return err
		}
		h.Version++
		t.onCommit(func() { *health = h })
		return saveEvents(ctx, t, events)
	})
}

// Health finds the health of a connection. One that nobody has looked at yet is broker.ErrNotFound.
func (d *DB) Health(ctx context.Context, connectionID string) (broker.Health, error) {
	return one(ctx, d.reader, scanHealth, selectHealth+` WHERE connection_id = $1`, connectionID)
}

// HealthOfApp lists the health of an app's connections, or of all when app is empty, by connection ID.
func (d *DB) HealthOfApp(ctx context.Context, app string) ([]broker.Health, error) {
	if app == "" {
		return list(ctx, d.reader, scanHealth, selectHealth+` ORDER BY connection_id`)
	}
	return list(ctx, d.reader, scanHealth, selectHealth+` WHERE app = $1 ORDER BY connection_id`, app)
}

// DueProbes lists the IDs of at most limit connected connections whose ProbeAt has come, the longest due first.
func (d *DB) DueProbes(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, `SELECT connection_id FROM health WHERE probe_at > 0 AND probe_at <= $1
		AND EXISTS (SELECT 1 FROM connections AS o WHERE o.id = connection_id AND o.state = 'connected') ORDER BY probe_at, connection_id LIMIT $2`, now, limit)
}

func scanHealth(row scanner) (h broker.Health, err error) {
	err = row.Scan(&h.ConnectionID, &h.Version, &h.App, &h.State, &h.Cause, moment{&h.Since}, &h.Failures, moment{&h.ProbeAt},
		fromJSON{&h.Evidence}, &h.RepairLinkID, moment{&h.UpdatedAt})
	return h, err
}
