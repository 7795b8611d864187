package store

import (
	"context"
	"database/sql"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertClient = `INSERT INTO clients (id, version, app, secret_hashes, created_at, revoked_at, users) VALUES ($1, $2 + 1, $3, $4, $5, $6, $7)`
	updateClient = `UPDATE clients SET version = version + 1, app = $3, secret_hashes = $4, created_at = $5, revoked_at = $6, users = $7
		WHERE id = $1 AND version = $2`
	forbidConnections = `DELETE FROM client_connections WHERE client_id = $1`
	allowConnection   = `INSERT INTO client_connections (client_id, connection_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	// One row for each connection of a client, one with NULL for a client that has none.
	selectClients = `SELECT c.id, c.version, c.app, c.secret_hashes, c.created_at, c.revoked_at, c.users, a.connection_id
		FROM clients c LEFT JOIN client_connections a ON a.client_id = c.id`
	clientOrder = ` ORDER BY c.created_at, c.id, a.connection_id`
)

// SaveClient stores a client. Its connections must be stored already; they come back sorted.
func (d *DB) SaveClient(ctx context.Context, client *broker.Client) error {
	return d.write(ctx, func(t *tx) error {
		c := *client
		c.CreatedAt = t.created(c.CreatedAt)
		if err := t.swap(ctx, c.Version, insertClient, updateClient,
			c.ID, c.Version, c.App, asJSON{c.SecretHashes}, c.CreatedAt, c.RevokedAt, number(c.Users)); err != nil {
			return err
		}
		c.Version++
		t.onCommit(func() { *client = c })
		return allowConnections(ctx, t, c)
	})
}

func allowConnections(ctx context.Context, t *tx, c broker.Client) error {
	if _, err := t.exec(ctx, forbidConnections, c.ID); err != nil {
		return err
	}
	for _, id := range c.Connections {
		if _, err := t.exec(ctx, allowConnection, c.ID, id); err != nil {
			return err
		}
	}
	return nil
}

// Client finds a client by its ID.
func (d *DB) Client(ctx context.Context, id string) (broker.Client, error) {
	clients, err := d.clients(ctx, selectClients+` WHERE c.id = $1`+clientOrder, id)
	if err == nil && len(clients) == 0 {
		err = broker.ErrNotFound
	}
	if err != nil {
		return broker.Client{}, err
	}
	return clients[0], nil
}

// Clients lists the clients of an app, or of all apps when app is empty, oldest first.
func (d *DB) Clients(ctx context.Context, app string) ([]broker.Client, error) {
	if app == "" {
		return d.clients(ctx, selectClients+clientOrder)
	}
	return d.clients(ctx, selectClients+` WHERE c.app = $1`+clientOrder, app)
}

func (d *DB) clients(ctx context.Context, query string, args ...any) ([]broker.Client, error) {
	rows, err := list(ctx, d.reader, scanClient, query, args...)
	if err != nil {
		return nil, err
	}
	var clients []broker.Client
	for _, row := range rows {
		if last := len(clients) - 1; last >= 0 && clients[last].ID == row.ID {
			clients[last].Connections = append(clients[last].Connections, row.Connections...)
			continue
		}
		clients = append(clients, row)
	}
	return clients, nil
}

func scanClient(row scanner) (c broker.Client, err error) {
	var (
		connection sql.NullString
		users      int64
	)
	err = row.Scan(&c.ID, &c.Version, &c.App, fromJSON{&c.SecretHashes}, moment{&c.CreatedAt}, moment{&c.RevokedAt}, &users, &connection)
	c.Users = users == 1
	if connection.Valid {
		c.Connections = []string{connection.String}
	}
	return c, err
}
