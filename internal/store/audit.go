package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertAudit = `INSERT INTO audit (seq, at, prev, hash, lines) VALUES ($1, $2, $3, $4, $5)`
	selectAudit = `SELECT seq, at, prev, hash, lines FROM audit`
)

// AppendAudit stores a group of audit lines that the caller has numbered and chained. When another group has taken the number, or
// follows the same group, it is broker.ErrConflict: a fork is impossible. The group is durable when it returns.
func (d *DB) AppendAudit(ctx context.Context, g *broker.AuditGroup) error {
	// One prepared statement is a transaction by itself; a hand-out waits for it.
	err := d.writer.within(ctx, func(ctx context.Context) error {
		_, err := d.appendAudit.ExecContext(ctx, g.Seq, millis(g.At), g.Prev, g.Hash, string(g.Lines))
		return err
	})
	if err != nil {
		return d.translate(err)
	}
	d.committed()
	return nil
}

// AuditHead finds the newest group.
func (d *DB) AuditHead(ctx context.Context) (broker.AuditGroup, error) {
	return one(ctx, d.reader, scanAudit, selectAudit+` ORDER BY seq DESC LIMIT 1`)
}

// AuditGroups lists at most limit groups that follow the group afterSeq, in their order.
func (d *DB) AuditGroups(ctx context.Context, afterSeq int64, limit int) ([]broker.AuditGroup, error) {
	return list(ctx, d.reader, scanAudit, selectAudit+` WHERE seq > $1 ORDER BY seq LIMIT $2`, afterSeq, limit)
}

func scanAudit(row scanner) (g broker.AuditGroup, err error) {
	err = row.Scan(&g.Seq, moment{&g.At}, &g.Prev, &g.Hash, raw{&g.Lines})
	return g, err
}
