package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertEvent = `INSERT INTO events (id, type, at, app, connection_id, object, cause, detail, dispatched_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`
	selectEvents = `SELECT id, type, at, app, connection_id, object, cause, detail FROM events`
)

// saveEvents stores events in the transaction of the fact that they tell.
func saveEvents(ctx context.Context, t *tx, events []broker.Event) error {
	for _, e := range events {
		if _, err := t.exec(ctx, insertEvent, e.ID, e.Type, t.created(e.At), e.App, e.ConnectionID, e.Object, e.Cause, e.Detail); err != nil {
			return err
		}
	}
	return nil
}

// SaveEvents stores events that no other change comes with.
func (d *DB) SaveEvents(ctx context.Context, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error { return saveEvents(ctx, t, events) })
}

// Event finds an event by its ID.
func (d *DB) Event(ctx context.Context, id string) (broker.Event, error) {
	return one(ctx, d.reader, scanEvent, selectEvents+` WHERE id = $1`, id)
}

// EventsOf lists the events of a connection since a moment, oldest first.
func (d *DB) EventsOf(ctx context.Context, connectionID string, since time.Time) ([]broker.Event, error) {
	return list(ctx, d.reader, scanEvent, selectEvents+` WHERE connection_id = $1 AND at >= $2 ORDER BY at, id`, connectionID, since)
}

func scanEvent(row scanner) (e broker.Event, err error) {
	err = row.Scan(&e.ID, &e.Type, moment{&e.At}, &e.App, &e.ConnectionID, &e.Object, &e.Cause, &e.Detail)
	return e, err
}
