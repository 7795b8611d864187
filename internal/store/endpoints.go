package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertEndpoint = `INSERT INTO endpoints (id, version, kind, app, types, target, url, secret, old_secret, old_until, disabled_at, created_at, updated_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	updateEndpoint = `UPDATE endpoints SET version = version + 1, kind = $3, app = $4, types = $5, target = $6, url = $7, secret = $8, old_secret = $9,
			old_until = $10, disabled_at = $11, created_at = $12, updated_at = $13
		WHERE id = $1 AND version = $2`
	deleteEndpoint  = `DELETE FROM endpoints WHERE id = $1 AND version = $2`
	dropDeliveries  = `UPDATE deliveries SET version = version + 1, state = 'dropped', updated_at = $2 WHERE endpoint_id = $1 AND state = 'pending'`
	selectEndpoints = `SELECT id, version, kind, app, types, target, url, secret, old_secret, old_until, disabled_at, created_at, updated_at FROM endpoints`
)

// SaveEndpoint stores where somebody is told.
func (d *DB) SaveEndpoint(ctx context.Context, endpoint *broker.Endpoint) error {
	return d.write(ctx, func(t *tx) error {
		e := *endpoint
		e.CreatedAt, e.UpdatedAt = t.created(e.CreatedAt), t.now
		err := t.swap(ctx, e.Version, insertEndpoint, updateEndpoint,
			e.ID, e.Version, e.Kind, e.App, asJSON{e.Types}, e.Target, e.URL, e.Secret, e.OldSecret, e.OldUntil, e.DisabledAt, e.CreatedAt, e.UpdatedAt)
		e.Version++
		t.onCommit(func() { *endpoint = e })
		return err
	})
}

// RemoveEndpoint deletes an endpoint with its secrets, and drops what was on its way there.
func (d *DB) RemoveEndpoint(ctx context.Context, endpoint broker.Endpoint) error {
	return d.write(ctx, func(t *tx) error {
		if err := t.mustChange(ctx, broker.ErrConflict, deleteEndpoint, endpoint.ID, endpoint.Version); err != nil {
			return err
		}
		_, err := t.exec(ctx, dropDeliveries, endpoint.ID, t.now)
		return err
	})
}

// Endpoint finds an endpoint by its ID.
func (d *DB) Endpoint(ctx context.Context, id string) (broker.Endpoint, error) {
	return one(ctx, d.reader, scanEndpoint, selectEndpoints+` WHERE id = $1`, id)
}

// Endpoints lists all endpoints, oldest first.
func (d *DB) Endpoints(ctx context.Context) ([]broker.Endpoint, error) {
	return list(ctx, d.reader, scanEndpoint, selectEndpoints+` ORDER BY created_at, id`)
}

func scanEndpoint(row scanner) (e broker.Endpoint, err error) {
	err = row.Scan(&e.ID, &e.Version, &e.Kind, &e.App, fromJSON{&e.Types}, &e.Target, sealed(&e.URL), sealed(&e.Secret), sealed(&e.OldSecret),
		moment{&e.OldUntil}, moment{&e.DisabledAt}, moment{&e.CreatedAt}, moment{&e.UpdatedAt})
	return e, err
}
