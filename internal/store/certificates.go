package store

import (
	"context"
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertCertificate = `INSERT INTO certificates (id, version, connection_id, app, state, netsuite_id, pem, private_key, not_before, valid_until, created_at, updated_at, rotate_at)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	updateCertificate = `UPDATE certificates SET version = version + 1, connection_id = $3, app = $4, state = $5, netsuite_id = $6, pem = $7, private_key = $8,
			not_before = $9, valid_until = $10, created_at = $11, updated_at = $12, rotate_at = $13
		WHERE id = $1 AND version = $2`
	selectCertificates = `SELECT id, version, connection_id, app, state, netsuite_id, pem, private_key, not_before, valid_until, created_at, updated_at
		FROM certificates`
	retireOthers = `UPDATE certificates SET state = 'retiring', version = version + 1, updated_at = $3
		WHERE connection_id = $1 AND id <> $2 AND state = 'active'`
)

// SaveCertificate stores a certificate of a connection that is stored already.
func (d *DB) SaveCertificate(ctx context.Context, certificate *broker.Certificate) error {
	return d.write(ctx, func(t *tx) error { return saveCertificate(ctx, t, certificate) })
}

func saveCertificate(ctx context.Context, t *tx, certificate *broker.Certificate) error {
	c := *certificate
	c.CreatedAt, c.UpdatedAt = t.created(c.CreatedAt), t.now
	err := t.swap(ctx, c.Version, insertCertificate, updateCertificate,
		c.ID, c.Version, c.ConnectionID, c.App, c.State, c.NetSuiteID, string(c.PEM), c.Key, c.NotBefore, c.ValidUntil, c.CreatedAt, c.UpdatedAt, c.RotateAt())
	c.Version++
	t.onCommit(func() { *certificate = c })
	return err
}

// ActivateCertificate makes the connection sign with the certificate: the certificate becomes active, the connection's other active
// ones retiring, and the connection is connected. Both records are compared and swapped; when either has been changed by somebody
// else, nothing happens. The events are stored with the change.
func (d *DB) ActivateCertificate(ctx context.Context, connection *broker.Connection, certificate *broker.Certificate, events ...broker.Event) error {
	if certificate.ConnectionID != connection.ID {
		return fmt.Errorf("certificate %q belongs to connection %q, not to %q", certificate.ID, certificate.ConnectionID, connection.ID)
	}
	return d.write(ctx, func(t *tx) error {
		signing, active := *connection, *certificate
		signing.CertificateID, signing.State = active.ID, broker.ConnectionConnected
		active.State = broker.CertificateActive
		// The connection first: its row keeps two activations apart.
		if err := saveConnection(ctx, t, &signing); err != nil {
			return err
		}
		if err := saveCertificate(ctx, t, &active); err != nil {
			return err
		}
		t.onCommit(func() { *connection, *certificate = signing, active })
		replaced, err := t.exec(ctx, retireOthers, signing.ID, active.ID, t.now)
		if err != nil {
			return err
		}
		if replaced > 0 { // the first one replaces nothing that anybody could still sign with
			if err := numberSwitch(ctx, t, signing.ID); err != nil {
				return err
			}
		}
		return saveEvents(ctx, t, events)
	})
}

// Certificate finds a certificate by its ID.
func (d *DB) Certificate(ctx context.Context, id string) (broker.Certificate, error) {
	return one(ctx, d.reader, scanCertificate, selectCertificates+` WHERE id = $1`, id)
}

// CertificatesOf lists the certificates of a connection, oldest first.
func (d *DB) CertificatesOf(ctx context.Context, connectionID string) ([]broker.Certificate, error) {
	return list(ctx, d.reader, scanCertificate, selectCertificates+` WHERE connection_id = $1 ORDER BY created_at, id`, connectionID)
}

// KnownCertificates lists all certificates that an app ever had, to tell ours from foreign ones; oldest first.
func (d *DB) KnownCertificates(ctx context.Context, app string) ([]broker.Certificate, error) {
	return list(ctx, d.reader, scanCertificate, selectCertificates+` WHERE app = $1 ORDER BY created_at, id`, app)
}

// DueCertificates lists at most limit active certificates whose RotateAt has come by now, those that end first before the others.
// Connections that rest from the work are left out.
func (d *DB) DueCertificates(ctx context.Context, work string, now time.Time, limit int) ([]broker.Certificate, error) {
	return list(ctx, d.reader, scanCertificate,
		selectCertificates+` WHERE state = 'active' AND rotate_at <= $2`+notResting+` ORDER BY valid_until, id LIMIT $3`, work, now, limit)
}

// ActiveCertificates lists all certificates that connections sign with, those that end first before the others.
func (d *DB) ActiveCertificates(ctx context.Context) ([]broker.Certificate, error) {
	return list(ctx, d.reader, scanCertificate, selectCertificates+` WHERE state = 'active' ORDER BY valid_until, id`)
}

// RetiringCertificates lists the certificates that were replaced at this time or earlier and are not revoked yet, of connections
// that are connected; oldest first. Connections that rest from the work are left out.
func (d *DB) RetiringCertificates(ctx context.Context, work string, now, replaced time.Time) ([]broker.Certificate, error) {
	return list(ctx, d.reader, scanCertificate, selectCertificates+` WHERE state = 'retiring' AND updated_at <= $3
		AND EXISTS (SELECT 1 FROM connections AS o WHERE o.id = connection_id AND o.state = 'connected')`+notResting+` ORDER BY updated_at, id`, work, now, replaced)
}

func scanCertificate(row scanner) (c broker.Certificate, err error) {
	err = row.Scan(&c.ID, &c.Version, &c.ConnectionID, &c.App, &c.State, &c.NetSuiteID, raw{&c.PEM}, sealed(&c.Key),
		moment{&c.NotBefore}, moment{&c.ValidUntil}, moment{&c.CreatedAt}, moment{&c.UpdatedAt})
	return c, err
}
