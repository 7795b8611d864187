// Package audit is the durable log of who did what. Most callers use [Log.Record], which returns only when the line cannot be
// lost any more; one goroutine, the owner, runs [Log.Run]. [Verify] walks the stored chain.
//
// What is promised:
//
//   - After Record returned nil, the line is on the disk and in the chain. When it cannot be stored, Record answers with
//     broker.CodeAudit, and the caller must refuse what it was about to do (LO-03).
//   - Lines that arrive while others are being written are stored together, as one group: the slower the disk, the larger the group.
//     Under load a group waits a moment, at most gatherWithin, for the callers of the group before; a few callers never wait.
//   - Each group carries the hash of the one before: a group that was changed, inserted or removed from the middle is found. Servers
//     that share a database share one chain. Groups that were cut off the end leave no trace here; compare with a head noted elsewhere.
//
// Not here: which events there are (package broker) and where they are stored (package store).
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// commitWithin bounds the storing of one group, retries included. A database that takes longer counts as down.
const commitWithin = 15 * time.Second

// A commit costs the same for one line and for a hundred. Callers whose group was just stored come back with their next line within
// a round trip, so a group waits for them when there are many: half as many commits, and no fewer lines per second.
const (
	gatherWithin = 3 * time.Millisecond
	fewCallers   = 8 // with fewer there is nothing to gain
)

// Store keeps the groups; *store.DB is one.
type Store interface {
	// AppendAudit answers broker.ErrConflict when another group has taken the number.
	AppendAudit(ctx context.Context, group *broker.AuditGroup) error
	// AuditHead is the newest group, or broker.ErrNotFound.
	AuditHead(ctx context.Context) (broker.AuditGroup, error)
}

// Log collects lines and stores them in groups. Make one with New. It is safe for use by many goroutines.
type Log struct {
	store Store
	now   func() time.Time
	wake  chan struct{} // holds one token while there is something to store
	full  chan struct{} // holds one token when the open group has reached expect

	mu      sync.Mutex
	open    *group // guarded by mu; nil when nothing waits
	expect  int    // guarded by mu; how many callers there seem to be
	running bool   // guarded by mu
	ended   bool   // guarded by mu

	head *broker.AuditGroup // only touched by Run; nil when it must be read
}

// group is lines that will be stored together.
type group struct {
	lines []byte
	count int
	done  chan struct{} // closed when err holds the outcome
	err   error
}

// New makes a log on a store. A nil now is time.Now.
func New(store Store, now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{store: store, now: now, wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// Record stores a line and returns when it is durable. An At of zero is now. Every failure is *broker.Error with broker.CodeAudit;
// when ctx ended first, it wraps the cause, and the line may still be stored. Before Run was started, Record waits for it; after Run
// has ended, it fails at once.
func (l *Log) Record(ctx context.Context, line broker.AuditLine) error {
	if line.At.IsZero() {
		line.At = l.now()
	}
	var buffer [512]byte
	g, err := l.join(appendLine(buffer[:0], line))
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// join adds an encoded line to the group that waits.
func (l *Log) join(line []byte) (*group, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, unavailable(errors.New("the log has ended"))
	}
	if l.open == nil {
		l.open = &group{lines: make([]byte, 0, 4096), done: make(chan struct{})}
		l.wake <- struct{}{} // has room: the token of the group before was taken with it
	}
	g := l.open
	separator := byte(',')
	if len(g.lines) == 0 {
		separator = '['
	}
	g.lines = append(append(g.lines, separator), line...)
	g.count++
	if g.count == l.expect {
		l.announceFull()
	}
	return g, nil
}

// Run stores groups until ctx ends, then what still waits, and returns nil. It can be called once.
func (l *Log) Run(ctx context.Context) error {
	if err := l.begin(); err != nil {
		return err
	}
	for {
		select {
		case <-l.wake:
			l.gather()
			g := l.take()
			l.commit(ctx, g)
			l.estimate(g.count)
		case <-ctx.Done():
			if last := l.end(); last != nil {
				l.commit(ctx, last)
			}
			return nil
		}
	}
}

// gather waits, under load, until as many lines are there as there seem to be callers.
func (l *Log) gather() {
	if !l.expectsMore() {
		return
	}
	timer := time.NewTimer(gatherWithin)
	defer timer.Stop()
	select {
	case <-l.full:
	case <-timer.C:
	}
}

func (l *Log) expectsMore() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.full: // of the group before
	default:
	}
	return l.expect >= fewCallers && l.open.count < l.expect
}

// announceFull ends gather's wait. Only one token is needed.
func (l *Log) announceFull() {
	select {
	case l.full <- struct{}{}:
	default:
	}
}

// estimate counts the callers: those whose lines were just stored, and those who have come meanwhile.
func (l *Log) estimate(stored int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expect = stored
	if l.open != nil {
		l.expect += l.open.count
	}
}

func (l *Log) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running || l.ended {
		return errors.New("the audit log runs already, or has ended; make a new one")
	}
	l.running = true
	return nil
}

func (l *Log) take() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.open
	l.open = nil
	return g
}

// end refuses further lines and hands over those that wait.
func (l *Log) end() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	g := l.open
	l.open = nil
	return g
}

// commit stores a group and wakes all who wait for it.
func (l *Log) commit(ctx context.Context, g *group) {
	// A commit that has begun is finished: cutting it would leave its outcome unknown.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	if err := l.append(ctx, append(g.lines, ']')); err != nil {
		l.head = nil // unknown whether the group is there
		g.err = unavailable(err)
	}
	close(g.done)
}

// append puts lines behind the newest group, which may be another server's.
func (l *Log) append(ctx context.Context, lines []byte) error {
	for {
		if err := l.readHead(ctx); err != nil {
			return err
		}
		next := follow(*l.head, lines)
		next.At = l.now()
		err := l.store.AppendAudit(ctx, &next)
		if err == nil {
			next.Lines = nil
			l.head = &next
			return nil
		}
		l.head = nil
		if !errors.Is(err, broker.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// readHead finds the newest group, unless it is ours and known.
func (l *Log) readHead(ctx context.Context) error {
	if l.head != nil {
		return nil
	}
	head, err := l.store.AuditHead(ctx)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	l.head = &head // the zero group when there is none yet
	return nil
}

// follow makes the group behind prev.
func follow(prev broker.AuditGroup, lines []byte) broker.AuditGroup {
	return broker.AuditGroup{Seq: prev.Seq + 1, Prev: prev.Hash, Hash: chain(prev.Hash, lines), Lines: lines}
}

// chain is the hash of a group: SHA-256 over the hash before, in hexadecimal, and the lines.
func chain(prev string, lines []byte) string {
	sum := sha256.New()
	sum.Write([]byte(prev))
	sum.Write(lines)
	return hex.EncodeToString(sum.Sum(nil))
}

func unavailable(cause error) error {
	return broker.Errorf(broker.CodeAudit, "the audit line was not stored").WithCause(cause)
}

// Reader gives the stored groups in their order; *store.DB is one.
type Reader interface {
	AuditGroups(ctx context.Context, afterSeq int64, limit int) ([]broker.AuditGroup, error)
}

// Verify walks the whole chain. It returns how many groups are sound from the start on, and an error that names the first
// broken one.
func Verify(ctx context.Context, store Reader) (groups int, err error) {
	var head broker.AuditGroup
	for {
		next, err := store.AuditGroups(ctx, head.Seq, 200)
		if err != nil {
			return groups, fmt.Errorf("read the audit log after group %d: %w", head.Seq, err)
		}
		if len(next) == 0 {
			return groups, nil
		}
		for _, g := range next {
			if err := check(head, g); err != nil {
				return groups, err
			}
			groups++
			head = g
		}
	}
}

// check compares a group with what must follow prev.
func check(prev, g broker.AuditGroup) error {
	want := follow(prev, g.Lines)
	switch {
	case g.Seq != want.Seq:
		return broker.Errorf(broker.CodeTampered, "audit group %d is missing", want.Seq)
	case g.Prev != want.Prev:
		return broker.Errorf(broker.CodeTampered, "audit group %d does not follow group %d", g.Seq, prev.Seq)
	case g.Hash != want.Hash:
		return broker.Errorf(broker.CodeTampered, "audit group %d was changed", g.Seq)
	}
	return nil
}
