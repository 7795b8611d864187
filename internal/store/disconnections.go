package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertDisconnection = `INSERT INTO disconnections (connection_id, version, app, asked_at, give_up_at, due_at, attempts, ended_at, acts, record)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10)`
	updateDisconnection = `UPDATE disconnections SET version = version + 1, app = $3, asked_at = $4, give_up_at = $5, due_at = $6, attempts = $7,
			ended_at = $8, acts = $9, record = $10
		WHERE connection_id = $1 AND version = $2`
	selectDisconnection = `SELECT connection_id, version, app, asked_at, give_up_at, due_at, attempts, ended_at, acts, record FROM disconnections
		WHERE connection_id = $1`
	wipeKeys = `UPDATE certificates SET state = 'revoked', private_key = $2, version = version + 1, updated_at = $3 WHERE connection_id = $1 AND state <> 'revoked'`
	// The mark of an open answer goes, too: an answer that comes now belongs to nobody.
	wipeConsent = `UPDATE user_grants SET refresh_token = $2, sent_at = 0, ended_at = CASE WHEN ended_at = 0 THEN $3 ELSE ended_at END, due_at = 0,
			version = version + 1, updated_at = $3
		WHERE connection_id = $1`
	insertSigningKey  = `INSERT INTO signing_keys (id, n, private_key, created_at) VALUES ($1, 1, $2, $3)`
	selectSigningKeys = `SELECT id, private_key, created_at FROM signing_keys ORDER BY n`
)

// SaveDisconnection stores how far the end of a connection has come, with the connection's own state.
func (d *DB) SaveDisconnection(ctx context.Context, end *broker.Disconnection, connection *broker.Connection) error {
	return d.write(ctx, func(t *tx) error {
		if err := saveConnection(ctx, t, connection); err != nil {
			return err
		}
		return saveDisconnection(ctx, t, end)
	})
}

// Disconnect ends a connection for good: its private keys, refresh token and access token are wiped, and others are told, all in the
// transaction that stores the record.
func (d *DB) Disconnect(ctx context.Context, end *broker.Disconnection, connection *broker.Connection, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		ended := *connection
		ended.State = broker.ConnectionDisconnected
		if err := saveConnection(ctx, t, &ended); err != nil {
			return err
		}
		if err := saveDisconnection(ctx, t, end); err != nil {
			return err
		}
		if _, err := t.exec(ctx, wipeKeys, connection.ID, broker.Sealed(nil), t.now); err != nil {
			return err
		}
		if _, err := t.exec(ctx, wipeConsent, connection.ID, broker.Sealed(nil), t.now); err != nil {
			return err
		}
		if _, err := t.exec(ctx, deleteToken, connection.ID); err != nil {
			return err
		}
		t.onCommit(func() { *connection = ended })
		return saveEvents(ctx, t, events)
	})
}

func saveDisconnection(ctx context.Context, t *tx, end *broker.Disconnection) error {
	e := *end
	if err := t.swap(ctx, e.Version, insertDisconnection, updateDisconnection,
		e.ConnectionID, e.Version, e.App, e.AskedAt, e.GiveUpAt, e.DueAt, e.Attempts, e.EndedAt, asJSON{e.Acts}, e.Record); err != nil {
		return err
	}
	e.Version++
	t.onCommit(func() { *end = e })
	return nil
}

// Disconnection finds the end of a connection.
func (d *DB) Disconnection(ctx context.Context, connectionID string) (broker.Disconnection, error) {
	return one(ctx, d.reader, scanDisconnection, selectDisconnection, connectionID)
}

// DueDisconnections lists the connection IDs of at most limit ends that are to be tried again, the longest due first.
func (d *DB) DueDisconnections(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, `SELECT connection_id FROM disconnections WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at, connection_id LIMIT $2`, now, limit)
}

// AddSigningKey stores the first signing key; broker.ErrConflict when there is one already.
func (d *DB) AddSigningKey(ctx context.Context, key broker.SigningKey) error {
	return d.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, insertSigningKey, key.ID, key.PrivateKey, t.created(key.CreatedAt))
		return err
	})
}

// SigningKeys lists all signing keys, the oldest first.
func (d *DB) SigningKeys(ctx context.Context) ([]broker.SigningKey, error) {
	return list(ctx, d.reader, func(row scanner) (k broker.SigningKey, err error) {
		err = row.Scan(&k.ID, sealed(&k.PrivateKey), moment{&k.CreatedAt})
		return k, err
	}, selectSigningKeys)
}

func scanDisconnection(row scanner) (e broker.Disconnection, err error) {
	err = row.Scan(&e.ConnectionID, &e.Version, &e.App, moment{&e.AskedAt}, moment{&e.GiveUpAt}, moment{&e.DueAt}, &e.Attempts, moment{&e.EndedAt},
		fromJSON{&e.Acts}, &e.Record)
	return e, err
}
