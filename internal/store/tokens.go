package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertToken = `INSERT INTO access_tokens (connection_id, version, certificate_id, token, minted_at, expires_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6)`
	updateToken = `UPDATE access_tokens SET version = version + 1, certificate_id = $3, token = $4, minted_at = $5, expires_at = $6
		WHERE connection_id = $1 AND version = $2`
	selectToken = `SELECT connection_id, version, certificate_id, token, minted_at, expires_at FROM access_tokens WHERE connection_id = $1`
	deleteToken = `DELETE FROM access_tokens WHERE connection_id = $1`
)

// AccessToken finds the newest access token of a connection.
func (d *DB) AccessToken(ctx context.Context, connectionID string) (broker.AccessToken, error) {
	return one(ctx, d.reader, scanToken, selectToken, connectionID)
}

// SaveAccessToken stores the newest access token of a connection.
func (d *DB) SaveAccessToken(ctx context.Context, token *broker.AccessToken) error {
	return d.write(ctx, func(t *tx) error { return saveAccessToken(ctx, t, token) })
}

func saveAccessToken(ctx context.Context, t *tx, token *broker.AccessToken) error {
	err := t.swap(ctx, token.Version, insertToken, updateToken,
		token.ConnectionID, token.Version, token.CertificateID, token.Token, token.MintedAt, token.ExpiresAt)
	t.onCommit(func() { token.Version++ })
	return err
}

// DeleteAccessToken forgets the access token of a connection; that there is none is no error.
func (d *DB) DeleteAccessToken(ctx context.Context, connectionID string) error {
	return d.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, deleteToken, connectionID)
		return err
	})
}

func scanToken(row scanner) (a broker.AccessToken, err error) {
	err = row.Scan(&a.ConnectionID, &a.Version, &a.CertificateID, sealed(&a.Token), moment{&a.MintedAt}, moment{&a.ExpiresAt})
	return a, err
}
