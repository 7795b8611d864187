package broker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrLeaseLost is what a store answers to a write under a lease that somebody else has taken since: nothing was changed. It is
// an ErrConflict, too.
var ErrLeaseLost = fmt.Errorf("another process has taken over what this one was doing: %w", ErrConflict)

type leaseKey struct{}

// UnderLease binds what is written with the context to a lease: the store refuses each write once the lease has gone to another
// holder, so that a process which was paused, or waited too long for NetSuite, cannot overwrite what the next one did. The lease
// says who acts, which is what a context may carry; as a parameter it would have to pass through every step and every save.
func UnderLease(ctx context.Context, l Lease) context.Context {
	return context.WithValue(ctx, leaseKey{}, l)
}

// WithoutLease frees what is written with the context from its lease: for what must be kept whoever acts now.
func WithoutLease(ctx context.Context) context.Context {
	return context.WithValue(ctx, leaseKey{}, nil)
}

// LeaseOf returns the lease that the context's writes are bound to.
func LeaseOf(ctx context.Context) (l Lease, bound bool) {
	l, bound = ctx.Value(leaseKey{}).(Lease)
	return l, bound
}

// MintLease names the lease under which a token of the connection is minted. Who holds it knows that nobody else is minting.
func MintLease(connectionID string) string { return "mint/" + connectionID }

// CertificatesLease names the lease under which certificates of the connection reach NetSuite, or are taken back there. Who holds it
// knows that none is on its way.
func CertificatesLease(connectionID string) string { return "rotate/" + connectionID }

// BelievedFor is how long what was read of a client, a connection or its certificate may be acted on before it is read again
// (TE-09). A replica says that it acts on a change only when this time has gone by since it read of it.
const BelievedFor = 2 * time.Second

// Rest is how often a piece of background work failed in a row, and when it is tried again.
type Rest struct {
	Work, Item string
	Failures   int
	Until      time.Time
}

// Replica is a serving process, in its own words.
type Replica struct {
	ID        string
	StartedAt time.Time
	SeenAt    time.Time
	// ActsOn is the number of the newest change of a connection's certificate that it acts on; all before it are included.
	ActsOn int64
}

// IsConflict tells that somebody else was faster, or is at it.
func IsConflict(err error) bool {
	return errors.Is(err, ErrConflict) || CodeOf(err) == CodeConflict
}
