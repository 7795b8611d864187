package store

import (
	"context"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	takeLease = `INSERT INTO leases (name, holder, fence, valid_until) VALUES ($1, $2, 1, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, valid_until = excluded.valid_until,
			fence = leases.fence + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END
		WHERE leases.holder = excluded.holder OR leases.valid_until <= $4
		RETURNING fence`
	// holdLease changes nothing. It locks the row until the commit, so that no other holder takes the lease meanwhile.
	holdLease     = `UPDATE leases SET fence = fence WHERE name = $1 AND holder = $2 AND fence = $3`
	giveBackLease = `UPDATE leases SET holder = '', valid_until = 0 WHERE name = $1 AND holder = $2 AND fence = $3`
)

// AcquireLease takes the lease when it is free, was given back, has run out, or is the holder's already (then it is extended). The
// answer tells whether it was taken. The fence grows by one whenever the holder changes, and never falls. The holder is a name that
// no other process has.
func (d *DB) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (broker.Lease, bool, error) {
	if name == "" || holder == "" || ttl < time.Millisecond {
		return broker.Lease{}, false, errors.New("a lease needs a name, a holder and a time of at least one millisecond")
	}
	var lease broker.Lease
	err := d.write(ctx, func(t *tx) error {
		l := broker.Lease{Name: name, Holder: holder, Until: t.now.Add(ttl).Truncate(time.Millisecond)}
		var err error
		l.Fence, err = one(ctx, t, scanNumber, takeLease, l.Name, l.Holder, l.Until, t.now)
		t.onCommit(func() { lease = l })
		return err
	})
	if errors.Is(err, broker.ErrNotFound) { // no row was written: somebody else has it
		return broker.Lease{}, false, nil
	}
	return lease, err == nil, err
}

// holdLease makes sure that a write bound to a lease (broker.UnderLease) happens only while nobody else has taken it. One that ran
// out but went to nobody is still good: there is nobody to protect from the write.
func (t *tx) holdLease(ctx context.Context) error {
	lease, bound := broker.LeaseOf(ctx)
	if !bound {
		return nil
	}
	return t.mustChange(ctx, broker.ErrLeaseLost, holdLease, lease.Name, lease.Holder, lease.Fence)
}

// CheckLease is broker.ErrLeaseLost when the lease that the context is bound to has gone to somebody else. It is for an effect
// outside that no save comes right before.
func (d *DB) CheckLease(ctx context.Context) error {
	if _, bound := broker.LeaseOf(ctx); !bound {
		return nil
	}
	return d.write(ctx, func(*tx) error { return nil })
}

// ReleaseLease gives a lease back. It is broker.ErrConflict when somebody else has taken it since.
func (d *DB) ReleaseLease(ctx context.Context, lease broker.Lease) error {
	return d.write(ctx, func(t *tx) error {
		return t.mustChange(ctx, broker.ErrConflict, giveBackLease, lease.Name, lease.Holder, lease.Fence)
	})
}
