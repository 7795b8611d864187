package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertKeyring = `INSERT INTO keyring (n, master_key_id, mode, wrapped, check_value, created_at) VALUES ($1, $2, $3, $4, $5, $6)`
	selectKeyring = `SELECT n, master_key_id, mode, wrapped, check_value, created_at FROM keyring ORDER BY n`
	// Any sealed value, when there is one.
	selectSealed = `SELECT 'apps' FROM apps WHERE length(client_secret) > 0
		UNION ALL SELECT 'certificates' FROM certificates WHERE length(private_key) > 0
		UNION ALL SELECT 'access_tokens' FROM access_tokens
		UNION ALL SELECT 'endpoints' FROM endpoints WHERE length(url) + length(secret) + length(old_secret) > 0
		UNION ALL SELECT 'grants' FROM grants WHERE length(verifier) + length(code) + length(tokens) > 0
		LIMIT 1`
)

// Keyring lists the wrapped data-key sets by number; it is empty in a new database.
func (d *DB) Keyring(ctx context.Context) ([]broker.KeyringRow, error) {
	return list(ctx, d.reader, scanKeyring, selectKeyring)
}

// AddKeyring stores a row under its number N. When the number is taken, by another server that started at the same time, it is
// broker.ErrConflict. A first row is refused, with broker.CodeTampered, when there are sealed values already: a new key would hide
// that theirs is lost (VA-03).
func (d *DB) AddKeyring(ctx context.Context, row *broker.KeyringRow) error {
	return d.write(ctx, func(t *tx) error {
		r := *row
		r.CreatedAt = t.created(r.CreatedAt)
		if _, err := t.exec(ctx, insertKeyring, r.N, r.MasterKeyID, r.Mode, r.Wrapped, r.Check, r.CreatedAt); err != nil {
			return err
		}
		t.onCommit(func() { *row = r })
		if r.N > 1 {
			return nil
		}
		return refuseSecondPopulation(ctx, t)
	})
}

func refuseSecondPopulation(ctx context.Context, t *tx) error {
	tables, err := list(ctx, t, scanText, selectSealed)
	if err != nil || len(tables) == 0 {
		return err
	}
	return broker.Errorf(broker.CodeTampered, "table keyring is empty, but table %s holds sealed values", tables[0]).
		WithDo("Restore the keyring table from a backup: without it they cannot be opened.")
}

func scanKeyring(row scanner) (k broker.KeyringRow, err error) {
	err = row.Scan(&k.N, &k.MasterKeyID, &k.Mode, raw{&k.Wrapped}, sealed(&k.Check), moment{&k.CreatedAt})
	return k, err
}
