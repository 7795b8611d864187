// Package migrate moves an integration from token-based authentication (TBA, NetSuite's OAuth 1.0) to client credentials: it proves
// the old credential, compares what the old and the new connection see, keeps what came of it, and says when the old token can go.
//
// It reads only, and keeps no secret: the old credential stays in its file. Making the new connection is package profile's work.
package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/private"
	"github.com/suitekey/suitekey/netsuite"
)

// Proof is what must have been seen before the old token may go.
type Proof struct {
	Comparisons int           // in a row, without a difference
	Over        time.Duration // from the first of them to the last
}

// Usual is enough for most: a day and night, with the token renewed many times.
var Usual = Proof{Comparisons: 3, Over: 24 * time.Hour}

// State is where a migration stands.
type State string

const (
	StateNoConnection State = "no_connection" // the old credential works, and there is no new connection yet
	StateComparing    State = "comparing"     // both work alike so far
	StateDifferent    State = "different"     // the last comparison found differences
	StateProven       State = "proven"        // the old token can be revoked
	StateTBABroken    State = "tba_broken"    // the old credential does not work any more
	StateNewBroken    State = "new_broken"    // the new connection does not work
)

// Comparison is one look with both.
type Comparison struct {
	At          time.Time    `json:"at"`
	TokenAt     time.Time    `json:"token_at"` // when the new connection's token was issued
	Differences []Difference `json:"differences"`
}

// Difference is something that one sees and the other does not.
type Difference struct {
	What string `json:"what"`
	Old  string `json:"old"`
	New  string `json:"new"`
	Do   string `json:"do"`
}

// Record is what is kept of a migration.
type Record struct {
	Account     netsuite.AccountID `json:"account"`
	Connection  string             `json:"connection"`
	TokenID     string             `json:"token_id"` // the old one's; no secret
	Comparisons []Comparison       `json:"comparisons"`
}

// mostComparisons are kept; older ones are forgotten.
const mostComparisons = 100

// Add notes a comparison.
func (r *Record) Add(c Comparison) {
	r.Comparisons = append(r.Comparisons, c)
	if n := len(r.Comparisons); n > mostComparisons {
		r.Comparisons = r.Comparisons[n-mostComparisons:]
	}
}

// unbroken are the last comparisons without a difference.
func (r Record) unbroken() []Comparison {
	first := len(r.Comparisons)
	for first > 0 && len(r.Comparisons[first-1].Differences) == 0 {
		first--
	}
	return r.Comparisons[first:]
}

// Verdict says where the migration stands, and what is still missing for the proof.
func (r Record) Verdict(need Proof) (State, string) {
	if n := len(r.Comparisons); n == 0 {
		return StateComparing, "nothing was compared yet"
	} else if len(r.Comparisons[n-1].Differences) > 0 {
		return StateDifferent, ""
	}
	seen := r.unbroken()
	over := seen[len(seen)-1].At.Sub(seen[0].At)
	switch {
	case over < need.Over:
		return StateComparing, "compare again after " + seen[0].At.Add(need.Over).UTC().Format("2006-01-02 15:04 MST")
	case len(seen) < need.Comparisons:
		return StateComparing, "compare again: " + count(need.Comparisons-len(seen), "more comparison") + " without a difference"
	case !renewed(seen):
		return StateComparing, "compare again in an hour, when the new connection has renewed its token"
	}
	return StateProven, ""
}

// renewed reports whether the new connection got a token more than once: one that works for an hour proves little.
func renewed(seen []Comparison) bool {
	for _, c := range seen {
		if !c.TokenAt.Equal(seen[0].TokenAt) {
			return true
		}
	}
	return false
}

// Folder keeps the records, one for each new connection.
type Folder struct{ Path string }

const largestRecord = 1 << 20

// Update changes the record of a connection while no other process does. A record of another account or token begins anew.
func (f Folder) Update(ctx context.Context, fresh Record, change func(*Record)) (_ Record, err error) {
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return Record{}, broker.Errorf(broker.CodeConfig, "setting home: the folder of the migrations cannot be made").WithCause(err)
	}
	unlock, err := private.Lock(ctx, f.file(fresh.Connection)+".lock")
	if err != nil {
		return Record{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	r, err := f.Read(fresh.Connection)
	if errors.Is(err, broker.ErrNotFound) || err == nil && (r.Account != fresh.Account || r.TokenID != fresh.TokenID) {
		r, err = fresh, nil
	}
	if err != nil {
		return r, err
	}
	change(&r)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return r, err
	}
	return r, private.Replace(f.file(r.Connection), append(data, '\n'))
}

// Read returns the record of a connection. One that is not there is broker.ErrNotFound.
func (f Folder) Read(connection string) (Record, error) {
	var r Record
	data, err := private.Read(f.file(connection), largestRecord)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, broker.ErrNotFound
	case err != nil:
		return r, broker.Errorf(broker.CodeConfig, "the record of the migration cannot be read").WithCause(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, broker.Errorf(broker.CodeTampered, "the record of the migration %s is damaged", f.file(connection)).WithDo("Remove the file; the proof then begins anew.")
	}
	return r, nil
}

// file is safe: connection is the name of a profile, whose form is checked.
func (f Folder) file(connection string) string { return filepath.Join(f.Path, connection+".json") }
