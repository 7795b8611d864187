package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	// The counter is in the run's row, so that two calls of one run never get the same number.
	nextCall    = `UPDATE runs SET calls = calls + 1 WHERE id = $1 RETURNING calls`
	insertCall  = `INSERT INTO calls (run_id, n, at, purpose, method, url, status) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	endCall     = `UPDATE calls SET status = $3 WHERE run_id = $1 AND n = $2`
	selectCalls = `SELECT run_id, n, at, purpose, method, url, status FROM calls WHERE run_id = $1 ORDER BY n`
)

// BeginCall stores a call that is about to be made, so that the receipt names it even when we die before its answer (threat
// model R5). It sets the call's N, and At when that is zero. The run's version stays as it is.
func (d *DB) BeginCall(ctx context.Context, call *broker.Call) error {
	return d.write(ctx, func(t *tx) error {
		c := *call
		c.At = t.created(c.At)
		var err error
		if c.N, err = one(ctx, t, scanNumber, nextCall, c.RunID); err != nil {
			return err
		}
		_, err = t.exec(ctx, insertCall, c.RunID, c.N, c.At, c.Purpose, c.Method, c.URL, c.Status)
		t.onCommit(func() { *call = c })
		return err
	})
}

// EndCall notes the HTTP status with which NetSuite answered the run's nth call.
func (d *DB) EndCall(ctx context.Context, runID string, n int64, status int) error {
	return d.write(ctx, func(t *tx) error {
		return t.mustChange(ctx, broker.ErrNotFound, endCall, runID, n, status)
	})
}

// Calls lists the calls of a run in their order.
func (d *DB) Calls(ctx context.Context, runID string) ([]broker.Call, error) {
	return list(ctx, d.reader, scanCall, selectCalls, runID)
}

func scanCall(row scanner) (c broker.Call, err error) {
	err = row.Scan(&c.RunID, &c.N, moment{&c.At}, &c.Purpose, &c.Method, &c.URL, &c.Status)
	return c, err
}
