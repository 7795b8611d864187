package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	saveRest = `INSERT INTO rests (work, item, failures, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (work, item) DO UPDATE SET failures = excluded.failures, until = excluded.until`
	selectRest = `SELECT work, item, failures, until FROM rests WHERE work = $1 AND item = $2`
	deleteRest = `DELETE FROM rests WHERE work = $1 AND item = $2`
	// notResting leaves connections out that rest from a kind of work. $1 is the work, $2 now.
	notResting = ` AND NOT EXISTS (SELECT 1 FROM rests WHERE work = $1 AND item = certificates.connection_id AND until > $2)`
)

// SaveRest stores how a piece of work rests. Whoever does the work holds its lease, so there is no version to compare.
func (d *DB) SaveRest(ctx context.Context, r broker.Rest) error {
	return d.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, saveRest, r.Work, r.Item, r.Failures, r.Until)
		return err
	})
}

// Rest finds how a piece of work rests.
func (d *DB) Rest(ctx context.Context, work, item string) (broker.Rest, error) {
	return one(ctx, d.reader, scanRest, selectRest, work, item)
}

// DeleteRest ends a rest; that there is none is no error.
func (d *DB) DeleteRest(ctx context.Context, work, item string) error {
	return d.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, deleteRest, work, item)
		return err
	})
}

func scanRest(row scanner) (r broker.Rest, err error) {
	err = row.Scan(&r.Work, &r.Item, &r.Failures, moment{&r.Until})
	return r, err
}
