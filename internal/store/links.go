package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertLink = `INSERT INTO links (id, version, token_hash, app, kind, customer, expect, metadata, return_url, finalise_hash, run_id,
			created_at, expires_at, revoked_at, connects, end_user, connection_id, token, expiry_told_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`
	updateLink = `UPDATE links SET version = version + 1, token_hash = $3, app = $4, kind = $5, customer = $6, expect = $7, metadata = $8,
			return_url = $9, finalise_hash = $10, run_id = $11, created_at = $12, expires_at = $13, revoked_at = $14,
			connects = $15, end_user = $16, connection_id = $17, token = $18, expiry_told_at = $19
		WHERE id = $1 AND version = $2`
	selectLinks = `SELECT id, version, token_hash, app, kind, customer, expect, metadata, return_url, finalise_hash, run_id,
			created_at, expires_at, revoked_at, connects, end_user, connection_id, token, expiry_told_at FROM links`
)

// SaveLink stores a link, and what is to be told of the change. Two links never have the same token.
func (d *DB) SaveLink(ctx context.Context, link *broker.Link, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		if err := saveLink(ctx, t, link); err != nil {
			return err
		}
		return saveEvents(ctx, t, events)
	})
}

// ExpiredLinks lists the IDs of at most limit links that nobody used in time, and of which that was not told yet; oldest first.
func (d *DB) ExpiredLinks(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, `SELECT id FROM links WHERE run_id = '' AND revoked_at = 0 AND expiry_told_at = 0 AND expires_at <= $1
		ORDER BY expires_at, id LIMIT $2`, now, limit)
}

func saveLink(ctx context.Context, t *tx, link *broker.Link) error {
	l := *link
	l.CreatedAt = t.created(l.CreatedAt)
	err := t.swap(ctx, l.Version, insertLink, updateLink,
		l.ID, l.Version, l.TokenHash, l.App, l.Kind, l.Customer, asJSON{l.Expect}, asJSON{l.Metadata}, l.ReturnURL, l.FinaliseHash, l.RunID,
		l.CreatedAt, l.ExpiresAt, l.RevokedAt, l.Connects, l.EndUser, l.ConnectionID, l.Token, l.ExpiryToldAt)
	l.Version++
	t.onCommit(func() { *link = l })
	return err
}

// Link finds a link by its ID.
func (d *DB) Link(ctx context.Context, id string) (broker.Link, error) {
	return one(ctx, d.reader, scanLink, selectLinks+` WHERE id = $1`, id)
}

// LinkByTokenHash finds the link whose token has this hash (broker.HashToken).
func (d *DB) LinkByTokenHash(ctx context.Context, hash string) (broker.Link, error) {
	return one(ctx, d.reader, scanLink, selectLinks+` WHERE token_hash = $1 AND token_hash <> ''`, hash)
}

// Links lists the links of an app, or of all apps when app is empty, oldest first.
func (d *DB) Links(ctx context.Context, app string) ([]broker.Link, error) {
	if app == "" {
		return list(ctx, d.reader, scanLink, selectLinks+` ORDER BY created_at, id`)
	}
	return list(ctx, d.reader, scanLink, selectLinks+` WHERE app = $1 ORDER BY created_at, id`, app)
}

// LinksOfConnection lists the links that repair a connection, newest first.
func (d *DB) LinksOfConnection(ctx context.Context, connectionID string) ([]broker.Link, error) {
	return list(ctx, d.reader, scanLink, selectLinks+` WHERE connection_id = $1 AND connection_id <> '' ORDER BY created_at DESC, id`, connectionID)
}

func scanLink(row scanner) (l broker.Link, err error) {
	err = row.Scan(&l.ID, &l.Version, &l.TokenHash, &l.App, &l.Kind, &l.Customer, fromJSON{&l.Expect}, fromJSON{&l.Metadata}, &l.ReturnURL,
		&l.FinaliseHash, &l.RunID, moment{&l.CreatedAt}, moment{&l.ExpiresAt}, moment{&l.RevokedAt},
		&l.Connects, &l.EndUser, &l.ConnectionID, sealed(&l.Token), moment{&l.ExpiryToldAt})
	return l, err
}
