package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// answerWithin is how long PostgreSQL may take for one method, the wait for a connection included. Callers have callers that wait: a
// server that stands still would keep all of them, and their connections, for as long as it likes. SQLite needs no such bound: what
// it waits for is another process's lock, for busy_timeout.
const answerWithin = 5 * time.Second

// pool is a pool of connections, with how long its users wait.
type pool struct {
	*sql.DB
	patience time.Duration // zero: as long as the caller's context
	// away recognises the driver's errors of a database that is not there, or does not take writes.
	away func(error) bool
}

// within does something with the database while its patience lasts.
func (p pool) within(ctx context.Context, do func(context.Context) error) error {
	bounded := ctx
	if p.patience > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, p.patience)
		defer cancel()
	}
	err := do(bounded)
	if err == nil || ctx.Err() != nil || !p.unanswered(bounded, err) {
		return err
	}
	// The cause is told and not wrapped: a deadline of ours must not look like one of NetSuite's.
	return broker.Errorf(broker.CodeDatabase, "the database does not answer").WithCause(errors.New(err.Error()))
}

func (p pool) unanswered(ctx context.Context, err error) bool {
	if ctx.Err() != nil && errors.Is(err, sql.ErrTxDone) {
		return true // the time ended between two statements
	}
	for _, gone := range []error{context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, gone) {
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network) || p.away(err)
}

// within does something in a transaction, which is bounded as a whole.
func (t *tx) within(ctx context.Context, do func(context.Context) error) error { return do(ctx) }
