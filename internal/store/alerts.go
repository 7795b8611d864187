package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertAlert = `INSERT INTO alerts (id, version, app, connection_id, subject, opened, opened_at, tell_at, closed_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9)`
	updateAlert = `UPDATE alerts SET version = version + 1, app = $3, connection_id = $4, subject = $5, opened = $6, opened_at = $7, tell_at = $8, closed_at = $9
		WHERE id = $1 AND version = $2`
	selectAlerts = `SELECT id, version, app, connection_id, subject, opened, opened_at, tell_at, closed_at FROM alerts`
)

// saveAlert stores an alert. A second open one for the same app, connection and subject is broker.ErrConflict.
func saveAlert(ctx context.Context, t *tx, alert *broker.Alert) error {
	a := *alert
	err := t.swap(ctx, a.Version, insertAlert, updateAlert,
		a.ID, a.Version, a.App, a.ConnectionID, a.Subject, a.Opened, a.OpenedAt, a.TellAt, a.ClosedAt)
	a.Version++
	t.onCommit(func() { *alert = a })
	return err
}

// Alert finds an alert by its ID.
func (d *DB) Alert(ctx context.Context, id string) (broker.Alert, error) {
	return one(ctx, d.reader, scanAlert, selectAlerts+` WHERE id = $1`, id)
}

// OpenAlerts lists the open alerts of a connection, or those of an app that are about no connection when the ID is empty; oldest first.
func (d *DB) OpenAlerts(ctx context.Context, app, connectionID string) ([]broker.Alert, error) {
	return list(ctx, d.reader, scanAlert,
		selectAlerts+` WHERE app = $1 AND connection_id = $2 AND closed_at = 0 ORDER BY opened_at, id`, app, connectionID)
}

func scanAlert(row scanner) (a broker.Alert, err error) {
	err = row.Scan(&a.ID, &a.Version, &a.App, &a.ConnectionID, &a.Subject, &a.Opened, moment{&a.OpenedAt}, moment{&a.TellAt}, moment{&a.ClosedAt})
	return a, err
}
