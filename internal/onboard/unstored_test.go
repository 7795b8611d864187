package onboard

import (
	"context"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// away is a database that goes away in the middle of a step. All that is not written here would be a panic.
type away struct {
	store
	saved bool // the run was saved
}

func (*away) Run(context.Context, string) (broker.Run, error) {
	return broker.Run{ID: "run", GrantID: "grant"}, nil
}
func (*away) Link(context.Context, string) (broker.Link, error) { return broker.Link{}, nil }
func (*away) App(context.Context, string) (broker.App, error)   { return broker.App{}, nil }
func (*away) Grant(context.Context, string) (broker.Grant, error) {
	return broker.Grant{ID: "grant", Status: broker.GrantRedeeming}, nil
}

func (*away) GrantsOfRun(context.Context, string) ([]broker.Grant, error) {
	return nil, nil
}

func (*away) SaveGrant(context.Context, *broker.Grant) error {
	return broker.Errorf(broker.CodeDatabase, "the database does not answer")
}

func (a *away) SaveRun(context.Context, *broker.Run, *broker.Grant, *broker.Link, ...broker.Event) error {
	a.saved = true
	return nil
}

// A database that goes away is no refusal of NetSuite's: the run keeps what it is, and the step is repeated.
func TestDatabaseAwayIsNoProblemOfTheRun(t *testing.T) {
	database := &away{}
	s := New(Config{Store: database, Now: time.Now})
	more, err := s.advanceOnce(t.Context(), "run")
	if more || broker.CodeOf(err) != broker.CodeDatabase || database.saved {
		t.Errorf("advanceOnce = %t, %v, run saved %t; want the error alone", more, err, database.saved)
	}
}
