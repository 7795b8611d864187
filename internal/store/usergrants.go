package store

import (
	"context"
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertUserGrant = `INSERT INTO user_grants (connection_id, version, app, public, refresh_token, sent_at, refresh_by, consent_by, asked_at, ended_at,
			created_at, updated_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	updateUserGrant = `UPDATE user_grants SET version = version + 1, app = $3, public = $4, refresh_token = $5, sent_at = $6, refresh_by = $7,
			consent_by = $8, asked_at = $9, ended_at = $10, created_at = $11, updated_at = $12
		WHERE connection_id = $1 AND version = $2`
	selectUserGrants = `SELECT connection_id, version, app, public, refresh_token, sent_at, refresh_by, consent_by, asked_at, ended_at,
			created_at, updated_at FROM user_grants`
)

// SaveUserGrant stores the consent behind a user connection that is stored already, and what is to be told of the change.
func (d *DB) SaveUserGrant(ctx context.Context, grant *broker.UserGrant, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		if err := saveUserGrant(ctx, t, grant); err != nil {
			return err
		}
		return saveEvents(ctx, t, events)
	})
}

// SaveRefreshed stores what a refresh brought: the next refresh token, which ends the intent, and the access token (RO-09). When
// either row was changed by somebody else, nothing is stored.
func (d *DB) SaveRefreshed(ctx context.Context, grant *broker.UserGrant, token *broker.AccessToken) error {
	if grant.ConnectionID != token.ConnectionID {
		return fmt.Errorf("the access token is of connection %q, the grant of %q", token.ConnectionID, grant.ConnectionID)
	}
	return d.write(ctx, func(t *tx) error {
		if err := saveUserGrant(ctx, t, grant); err != nil {
			return err
		}
		return saveAccessToken(ctx, t, token)
	})
}

func saveUserGrant(ctx context.Context, t *tx, grant *broker.UserGrant) error {
	g := *grant
	g.CreatedAt, g.UpdatedAt = t.created(g.CreatedAt), t.now
	err := t.swap(ctx, g.Version, insertUserGrant, updateUserGrant,
		g.ConnectionID, g.Version, g.App, number(g.Public), g.RefreshToken, g.SentAt, g.RefreshBy, g.ConsentBy, g.AskedAt, g.EndedAt, g.CreatedAt, g.UpdatedAt)
	g.Version++
	t.onCommit(func() { *grant = g })
	return err
}

// UserGrant finds the consent behind a user connection.
func (d *DB) UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error) {
	return one(ctx, d.reader, scanUserGrant, selectUserGrants+` WHERE connection_id = $1`, connectionID)
}

// UserGrantsEndingBefore lists at most limit living consents of connected connections whose refresh token, or whose whole chain, ends
// before this time; those that end first before the others.
func (d *DB) UserGrantsEndingBefore(ctx context.Context, end time.Time, limit int) ([]broker.UserGrant, error) {
	return list(ctx, d.reader, scanUserGrant, selectUserGrants+` WHERE ended_at = 0 AND (refresh_by <= $1 OR consent_by <= $1)
		AND connection_id IN (SELECT id FROM connections WHERE state = 'connected') ORDER BY refresh_by, connection_id LIMIT $2`, end, limit)
}

// LiveUserGrants lists all consents that have not ended, those that end first before the others.
func (d *DB) LiveUserGrants(ctx context.Context) ([]broker.UserGrant, error) {
	return list(ctx, d.reader, scanUserGrant, selectUserGrants+` WHERE ended_at = 0 ORDER BY consent_by, connection_id`)
}

// number is how a truth is stored alike in both engines.
func number(truth bool) int64 {
	if truth {
		return 1
	}
	return 0
}

func scanUserGrant(row scanner) (g broker.UserGrant, err error) {
	var public int64
	err = row.Scan(&g.ConnectionID, &g.Version, &g.App, &public, sealed(&g.RefreshToken), moment{&g.SentAt}, moment{&g.RefreshBy},
		moment{&g.ConsentBy}, moment{&g.AskedAt}, moment{&g.EndedAt}, moment{&g.CreatedAt}, moment{&g.UpdatedAt})
	g.Public = public == 1
	return g, err
}
