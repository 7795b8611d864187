package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// The outbox: an event is stored with its fact, then becomes one delivery for each endpoint, and each delivery is sent until it has
// arrived.

const (
	insertDelivery = `INSERT INTO deliveries (id, version, event_id, endpoint_id, alert_id, closing, state, attempts, due_at, status, error, created_at, updated_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	updateDelivery = `UPDATE deliveries SET version = version + 1, event_id = $3, endpoint_id = $4, alert_id = $5, closing = $6, state = $7, attempts = $8,
			due_at = $9, status = $10, error = $11, created_at = $12, updated_at = $13
		WHERE id = $1 AND version = $2`
	selectDeliveries = `SELECT id, version, event_id, endpoint_id, alert_id, closing, state, attempts, due_at, status, error, created_at, updated_at
		FROM deliveries`
	selectBacklogs = `SELECT endpoint_id, SUM(CASE WHEN state = 'pending' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'given_up' THEN 1 ELSE 0 END)
		FROM deliveries WHERE state IN ('pending', 'given_up') GROUP BY endpoint_id`
	// Each endpoint has few places in one look, so that one which lets every attempt wait does not hold up the others.
	selectDueDeliveries = `SELECT id FROM (SELECT id, due_at, ROW_NUMBER() OVER (PARTITION BY endpoint_id ORDER BY due_at, id) AS place
			FROM deliveries WHERE state = 'pending' AND due_at <= $1) AS due
		WHERE place <= $2 ORDER BY due_at, id LIMIT $3`
	// The events of a connection go one after the other: a recovery must find the alert that it closes.
	firstOfItsConnection = `dispatched_at = 0 AND (connection_id = '' OR NOT EXISTS (SELECT 1 FROM events e WHERE e.dispatched_at = 0
		AND e.connection_id = events.connection_id AND (e.at < events.at OR e.at = events.at AND e.id < events.id)))`
	markDispatched = `UPDATE events SET dispatched_at = $2 WHERE id = $1 AND ` + firstOfItsConnection
)

// DueEvents lists the IDs of at most limit events that have not been dispatched, the oldest first, and of each connection its oldest
// one alone.
func (d *DB) DueEvents(ctx context.Context, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, `SELECT id FROM events WHERE `+firstOfItsConnection+` ORDER BY at, id LIMIT $1`, limit)
}

// SaveDispatch stores what becomes of an event. It is broker.ErrConflict when somebody else has dispatched it, when an older event of
// the connection waits, or when an alert or a delivery was changed since it was read.
func (d *DB) SaveDispatch(ctx context.Context, dispatch broker.Dispatch) error {
	return d.write(ctx, func(t *tx) error {
		if err := t.mustChange(ctx, broker.ErrConflict, markDispatched, dispatch.EventID, t.now); err != nil {
			return err
		}
		for _, alert := range dispatch.Alerts {
			if err := saveAlert(ctx, t, alert); err != nil {
				return err
			}
		}
		for _, delivery := range dispatch.Deliveries {
			if err := saveDelivery(ctx, t, delivery); err != nil {
				return err
			}
		}
		return nil
	})
}

// SaveDelivery stores how far a delivery has come. Whoever is to send it claims it by this: of two, one meets broker.ErrConflict.
func (d *DB) SaveDelivery(ctx context.Context, delivery *broker.Delivery) error {
	return d.write(ctx, func(t *tx) error { return saveDelivery(ctx, t, delivery) })
}

func saveDelivery(ctx context.Context, t *tx, delivery *broker.Delivery) error {
	v := *delivery
	v.CreatedAt, v.UpdatedAt = t.created(v.CreatedAt), t.now
	err := t.swap(ctx, v.Version, insertDelivery, updateDelivery,
		v.ID, v.Version, v.EventID, v.EndpointID, v.AlertID, number(v.Closing), v.State, v.Attempts, v.DueAt, v.Status, v.Error, v.CreatedAt, v.UpdatedAt)
	v.Version++
	t.onCommit(func() { *delivery = v })
	return err
}

// Delivery finds a delivery by its ID.
func (d *DB) Delivery(ctx context.Context, id string) (broker.Delivery, error) {
	return one(ctx, d.reader, scanDelivery, selectDeliveries+` WHERE id = $1`, id)
}

// DueDeliveries lists the IDs of at most limit deliveries whose time has come, and of each endpoint at most perEndpoint; the longest due
// first.
func (d *DB) DueDeliveries(ctx context.Context, now time.Time, perEndpoint, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, selectDueDeliveries, now, perEndpoint, limit)
}

// DeliveriesTo lists the newest deliveries to an endpoint, or to all when the ID is empty; at most limit, the newest first.
func (d *DB) DeliveriesTo(ctx context.Context, endpointID string, limit int) ([]broker.Delivery, error) {
	const order = ` ORDER BY created_at DESC, id LIMIT `
	if endpointID == "" {
		return list(ctx, d.reader, scanDelivery, selectDeliveries+order+`$1`, limit)
	}
	return list(ctx, d.reader, scanDelivery, selectDeliveries+` WHERE endpoint_id = $1`+order+`$2`, endpointID, limit)
}

// GivenUpDeliveries lists the deliveries to an endpoint that were made since a moment and given up, oldest first.
func (d *DB) GivenUpDeliveries(ctx context.Context, endpointID string, since time.Time) ([]broker.Delivery, error) {
	return list(ctx, d.reader, scanDelivery,
		selectDeliveries+` WHERE endpoint_id = $1 AND state = 'given_up' AND created_at >= $2 ORDER BY created_at, id`, endpointID, since)
}

// DeliveriesOfAlert lists the deliveries that tell of an alert, oldest first.
func (d *DB) DeliveriesOfAlert(ctx context.Context, alertID string) ([]broker.Delivery, error) {
	return list(ctx, d.reader, scanDelivery, selectDeliveries+` WHERE alert_id = $1 AND alert_id <> '' ORDER BY created_at, id`, alertID)
}

// Backlogs counts what each endpoint has not taken, by its ID. Endpoints that took everything are not in it.
func (d *DB) Backlogs(ctx context.Context) (map[string]broker.Backlog, error) {
	type counted struct {
		endpointID string
		broker.Backlog
	}
	rows, err := list(ctx, d.reader, func(row scanner) (c counted, err error) {
		err = row.Scan(&c.endpointID, &c.Pending, &c.GivenUp)
		return c, err
	}, selectBacklogs)
	if err != nil {
		return nil, err
	}
	found := make(map[string]broker.Backlog, len(rows))
	for _, row := range rows {
		found[row.endpointID] = row.Backlog
	}
	return found, nil
}

func scanDelivery(row scanner) (v broker.Delivery, err error) {
	var closing int64
	err = row.Scan(&v.ID, &v.Version, &v.EventID, &v.EndpointID, &v.AlertID, &closing, &v.State, &v.Attempts, moment{&v.DueAt}, &v.Status, &v.Error,
		moment{&v.CreatedAt}, moment{&v.UpdatedAt})
	v.Closing = closing == 1
	return v, err
}
