package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	beat = `INSERT INTO replicas (id, started_at, seen_at, acts_on) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, acts_on = excluded.acts_on`
	forgetReplica  = `DELETE FROM replicas WHERE id = $1`
	forgetReplicas = `DELETE FROM replicas WHERE seen_at < $1`
	selectReplicas = `SELECT id, started_at, seen_at, acts_on FROM replicas`
	unaware        = selectReplicas + ` WHERE seen_at >= $1 AND acts_on < (SELECT n FROM switches WHERE connection_id = $2) ORDER BY started_at, id`

	// The row is locked until the commit, so the numbers grow in the order of the commits.
	countSwitch  = `UPDATE switches SET n = n + 1 WHERE connection_id = '' RETURNING n`
	noteSwitch   = `INSERT INTO switches (connection_id, n) VALUES ($1, $2) ON CONFLICT (connection_id) DO UPDATE SET n = excluded.n`
	newestSwitch = `SELECT n FROM switches WHERE connection_id = ''`
)

// keepReplicas is how long the row of a process that died stays.
const keepReplicas = 24 * time.Hour

// Beat notes that a replica lives and what it acts on, and returns the number of the newest switch of a certificate. What the
// caller reads from now on is at least as new as that switch.
func (d *DB) Beat(ctx context.Context, r broker.Replica) (switches int64, err error) {
	err = d.write(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, beat, r.ID, r.StartedAt, t.now, r.ActsOn); err != nil {
			return err
		}
		if _, err := t.exec(ctx, forgetReplicas, t.now.Add(-keepReplicas)); err != nil {
			return err
		}
		switches, err = one(ctx, t, scanNumber, newestSwitch)
		return err
	})
	return switches, err
}

// RemoveReplica takes out a replica that ends.
func (d *DB) RemoveReplica(ctx context.Context, id string) error {
	return d.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, forgetReplica, id)
		return err
	})
}

// Replicas lists those that beat within the last day, oldest first.
func (d *DB) Replicas(ctx context.Context) ([]broker.Replica, error) {
	return list(ctx, d.reader, scanReplica, selectReplicas+` ORDER BY started_at, id`)
}

// UnawareReplicas lists the replicas that may still act on what stood before the connection's newest switch: they have beaten
// within the time given, and do not yet act on it.
func (d *DB) UnawareReplicas(ctx context.Context, connectionID string, within time.Duration) ([]broker.Replica, error) {
	return list(ctx, d.reader, scanReplica, unaware, d.moment().Add(-within), connectionID)
}

// numberSwitch gives the connection's change of certificate its number.
func numberSwitch(ctx context.Context, t *tx, connectionID string) error {
	n, err := one(ctx, t, scanNumber, countSwitch)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, noteSwitch, connectionID, n)
	return err
}

func scanReplica(row scanner) (r broker.Replica, err error) {
	err = row.Scan(&r.ID, moment{&r.StartedAt}, moment{&r.SeenAt}, &r.ActsOn)
	return r, err
}
