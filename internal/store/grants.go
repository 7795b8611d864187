package store

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertGrant = `INSERT INTO grants (id, version, run_id, app, status, state_hash, browser_hash, host, account, role, entity,
			verifier, code, tokens, ask_before, access_expires_at, created_at, ended_at, due_at, attempts)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`
	updateGrant = `UPDATE grants SET version = version + 1, run_id = $3, app = $4, status = $5, state_hash = $6, browser_hash = $7, host = $8,
			account = $9, role = $10, entity = $11, verifier = $12, code = $13, tokens = $14, ask_before = $15, access_expires_at = $16,
			created_at = $17, ended_at = $18, due_at = $19, attempts = $20
		WHERE id = $1 AND version = $2`
	selectGrants = `SELECT id, version, run_id, app, status, state_hash, browser_hash, host, account, role, entity,
			verifier, code, tokens, ask_before, access_expires_at, created_at, ended_at, due_at, attempts FROM grants`
	selectDueGrants = `SELECT id FROM grants WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at, id LIMIT $2`
)

// SaveGrant stores a grant of a run that is stored already. Two grants never have the same state.
func (d *DB) SaveGrant(ctx context.Context, grant *broker.Grant) error {
	return d.write(ctx, func(t *tx) error { return saveGrant(ctx, t, grant) })
}

func saveGrant(ctx context.Context, t *tx, grant *broker.Grant) error {
	g := *grant
	g.CreatedAt = t.created(g.CreatedAt)
	err := t.swap(ctx, g.Version, insertGrant, updateGrant,
		g.ID, g.Version, g.RunID, g.App, g.Status, g.StateHash, g.BrowserHash, g.Host, g.Account, g.Role, g.Entity,
		g.Verifier, g.Code, g.Tokens, g.AskBefore, g.AccessExpiresAt, g.CreatedAt, g.EndedAt, g.DueAt, g.Attempts)
	g.Version++
	t.onCommit(func() { *grant = g })
	return err
}

// Grant finds a grant by its ID.
func (d *DB) Grant(ctx context.Context, id string) (broker.Grant, error) {
	return one(ctx, d.reader, scanGrant, selectGrants+` WHERE id = $1`, id)
}

// GrantByStateHash finds the grant whose OAuth state has this hash (broker.HashToken).
func (d *DB) GrantByStateHash(ctx context.Context, hash string) (broker.Grant, error) {
	return one(ctx, d.reader, scanGrant, selectGrants+` WHERE state_hash = $1 AND state_hash <> ''`, hash)
}

// GrantsOfRun lists all grants of a run, oldest first.
func (d *DB) GrantsOfRun(ctx context.Context, runID string) ([]broker.Grant, error) {
	return list(ctx, d.reader, scanGrant, selectGrants+` WHERE run_id = $1 ORDER BY created_at, id`, runID)
}

// DueGrants lists the IDs of at most limit grants whose DueAt has come, the longest due first.
func (d *DB) DueGrants(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return list(ctx, d.reader, scanText, selectDueGrants, now, limit)
}

func scanGrant(row scanner) (g broker.Grant, err error) {
	err = row.Scan(&g.ID, &g.Version, &g.RunID, &g.App, &g.Status, &g.StateHash, &g.BrowserHash, &g.Host, &g.Account, &g.Role, &g.Entity,
		sealed(&g.Verifier), sealed(&g.Code), sealed(&g.Tokens), moment{&g.AskBefore}, moment{&g.AccessExpiresAt},
		moment{&g.CreatedAt}, moment{&g.EndedAt}, moment{&g.DueAt}, &g.Attempts)
	return g, err
}
