package store

import (
	"context"
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertUserGrant = `INSERT INTO user_grants (connection_id, version, app, public, refresh_token, sent_at, refresh_by, consent_by, asked_at, ended_at,
			created_at, updated_at, refresh_at, ask_at, due_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	updateUserGrant = `UPDATE user_grants SET version = version + 1, app = $3, public = $4, refresh_token = $5, sent_at = $6, refresh_by = $7,
			consent_by = $8, asked_at = $9, ended_at = $10, created_at = $11, updated_at = $12,
			refresh_at = $13, ask_at = $14, due_at = $15
		WHERE connection_id = $1 AND version = $2`
	selectUserGrants = `SELECT connection_id, version, app, public, refresh_token, sent_at, refresh_by, consent_by, asked_at, ended_at,
			created_at, updated_at, refresh_at, ask_at FROM user_grants`
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

// KeepUserGrant makes a connection of a consent. When any of its rows has been changed by somebody else, nothing is stored.
func (d *DB) KeepUserGrant(ctx context.Context, k broker.KeptConsent, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		for _, save := range []func() error{
			func() error { return saveConnection(ctx, t, k.Connection) },
			func() error { return saveUserGrant(ctx, t, k.Grant) },
			func() error { return saveAccessToken(ctx, t, k.Token) },
			func() error { return saveRun(ctx, t, k.Run) },
			func() error { return saveGrant(ctx, t, k.Consent) },
			func() error {
				if k.Replaced == nil {
					return nil
				}
				return saveGrant(ctx, t, k.Replaced)
			},
			func() error { return saveEvents(ctx, t, events) },
		} {
			if err := save(); err != nil {
				return err
			}
		}
		return nil
	})
}

func saveUserGrant(ctx context.Context, t *tx, grant *broker.UserGrant) error {
	g := *grant
	g.CreatedAt, g.UpdatedAt = t.created(g.CreatedAt), t.now
	err := t.swap(ctx, g.Version, insertUserGrant, updateUserGrant,
		g.ConnectionID, g.Version, g.App, number(g.Public), g.RefreshToken, g.SentAt, g.RefreshBy, g.ConsentBy, g.AskedAt, g.EndedAt, g.CreatedAt, g.UpdatedAt,
		g.RefreshAt, g.AskAt, g.DueAt())
	g.Version++
	t.onCommit(func() { *grant = g })
	return err
}

// UserGrant finds the consent behind a user connection.
func (d *DB) UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error) {
	return one(ctx, d.reader, scanUserGrant, selectUserGrants+` WHERE connection_id = $1`, connectionID)
}

// DueUserGrants lists the connection IDs of at most limit living consents that are to be refreshed or asked for anew by now, of
// connections that are connected; the longest due first.
func (d *DB) DueUserGrants(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, `SELECT connection_id FROM user_grants WHERE due_at > 0 AND due_at <= $1
		AND EXISTS (SELECT 1 FROM connections AS o WHERE o.id = connection_id AND o.state = 'connected') ORDER BY due_at, connection_id LIMIT $2`, now, limit)
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
		moment{&g.ConsentBy}, moment{&g.AskedAt}, moment{&g.EndedAt}, moment{&g.CreatedAt}, moment{&g.UpdatedAt},
		moment{&g.RefreshAt}, moment{&g.AskAt})
	g.Public = public == 1
	return g, err
}
