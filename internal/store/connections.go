package store

import (
	"context"
	"slices"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	insertConnection = `INSERT INTO connections (id, version, app, link_id, customer, metadata, account, kind, state, role_id, role_name,
			entity, entity_name, certificate_id, concurrency_limit, created_at, updated_at, end_user)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`
	updateConnection = `UPDATE connections SET version = version + 1, app = $3, link_id = $4, customer = $5, metadata = $6, account = $7, kind = $8,
			state = $9, role_id = $10, role_name = $11, entity = $12, entity_name = $13, certificate_id = $14, concurrency_limit = $15,
			created_at = $16, updated_at = $17, end_user = $18
		WHERE id = $1 AND version = $2`
	selectConnections = `SELECT id, version, app, link_id, customer, metadata, account, kind, state, role_id, role_name,
			entity, entity_name, certificate_id, concurrency_limit, created_at, updated_at, end_user FROM connections`
)

// SaveConnection stores a connection, and what is to be told of the change. An app has at most one machine connection to an account
// that is not disconnected, and one user connection for each person there; a second one is broker.ErrConflict.
func (d *DB) SaveConnection(ctx context.Context, connection *broker.Connection, events ...broker.Event) error {
	return d.write(ctx, func(t *tx) error {
		if err := saveConnection(ctx, t, connection); err != nil {
			return err
		}
		return saveEvents(ctx, t, events)
	})
}

func saveConnection(ctx context.Context, t *tx, connection *broker.Connection) error {
	c := *connection
	c.CreatedAt, c.UpdatedAt = t.created(c.CreatedAt), t.now
	err := t.swap(ctx, c.Version, insertConnection, updateConnection,
		c.ID, c.Version, c.App, c.LinkID, c.Customer, asJSON{c.Metadata}, c.Account, c.Kind, c.State, c.RoleID, c.RoleName,
		c.Entity, c.EntityName, c.CertificateID, c.ConcurrencyLimit, c.CreatedAt, c.UpdatedAt, c.EndUser)
	c.Version++
	t.onCommit(func() { *connection = c })
	return err
}

// Connection finds a connection by its ID.
func (d *DB) Connection(ctx context.Context, id string) (broker.Connection, error) {
	return one(ctx, d.reader, scanConnection, selectConnections+` WHERE id = $1`, id)
}

// ConnectionByAccount finds the machine connection of an app to an account, unless it was disconnected.
func (d *DB) ConnectionByAccount(ctx context.Context, app string, account netsuite.AccountID) (broker.Connection, error) {
	return one(ctx, d.reader, scanConnection,
		selectConnections+` WHERE app = $1 AND account = $2 AND end_user = '' AND state <> 'disconnected'`, app, account)
}

// ConnectionsOfUser lists the user connections of one person of an app that are not disconnected, one for each account, oldest first.
func (d *DB) ConnectionsOfUser(ctx context.Context, app, endUser string) ([]broker.Connection, error) {
	return list(ctx, d.reader, scanConnection,
		selectConnections+` WHERE app = $1 AND end_user = $2 AND end_user <> '' AND state <> 'disconnected' ORDER BY created_at, id`, app, endUser)
}

// Connections lists the connections of an app, or of all apps when app is empty, oldest first.
func (d *DB) Connections(ctx context.Context, app string) ([]broker.Connection, error) {
	if app == "" {
		return list(ctx, d.reader, scanConnection, selectConnections+` ORDER BY created_at, id`)
	}
	return list(ctx, d.reader, scanConnection, selectConnections+` WHERE app = $1 ORDER BY created_at, id`, app)
}

// ConnectionsOfCompany lists the connections to all accounts of one company (netsuite.AccountID.Company), of an app, or of all apps
// when app is empty, oldest first.
func (d *DB) ConnectionsOfCompany(ctx context.Context, app string, company netsuite.AccountID) ([]broker.Connection, error) {
	// Accounts of one company begin alike, up to an underscore. What else does is left out by the rule itself.
	begin := string(company) + "_"
	found, err := list(ctx, d.reader, scanConnection, selectConnections+` WHERE ($1 = '' OR app = $1) AND (account = $2 OR substr(account, 1, length($3)) = $3)
		ORDER BY created_at, id`, app, company, begin)
	return slices.DeleteFunc(found, func(c broker.Connection) bool { return c.Account.Company() != company }), err
}

func scanConnection(row scanner) (c broker.Connection, err error) {
	err = row.Scan(&c.ID, &c.Version, &c.App, &c.LinkID, &c.Customer, fromJSON{&c.Metadata}, &c.Account, &c.Kind, &c.State, &c.RoleID, &c.RoleName,
		&c.Entity, &c.EntityName, &c.CertificateID, &c.ConcurrencyLimit, moment{&c.CreatedAt}, moment{&c.UpdatedAt}, &c.EndUser)
	return c, err
}
