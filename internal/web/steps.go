package web

import (
	"slices"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// step is one of those that a person sees; its name is the last part of its address.
type step struct{ name, label string }

var (
	stepAllow   = step{"allow", "Allow"}
	stepPrepare = step{"prepare", "Prepare"}
	stepConnect = step{"connect", "Connect"}
	stepDone    = step{"done", "Done"}

	steps = []step{stepAllow, stepPrepare, stepConnect, stepDone}
	// personalSteps: for a person there is nothing to prepare.
	personalSteps = []step{stepAllow, stepConnect, stepDone}
)

func stepsOf(link broker.Link) []step {
	if personal(link) {
		return personalSteps
	}
	return steps
}

// stepOfCode are the situations that a new consent ends, whatever had been reached.
var stepOfCode = map[broker.Code]step{
	broker.CodeDenied:         stepAllow,
	broker.CodeWrongAccount:   stepAllow,
	broker.CodeSetupRole:      stepAllow,
	broker.CodeConfirmAccount: stepAllow,
	broker.CodeConsentFailed:  stepAllow,
	broker.CodeOtherPerson:    stepAllow,
}

// stepOf tells which page shows the run. A run that waits or has ended is shown at the step where it stands.
func stepOf(v broker.View) step {
	run := v.Run
	if run.Problem != nil {
		if s, ok := stepOfCode[run.Problem.Code]; ok {
			return s
		}
	}
	run.Ended, run.Problem = "", nil
	switch run.Phase() {
	case broker.PhaseConnected:
		return stepDone
	case broker.PhaseProvisioning, broker.PhaseTesting, broker.PhaseFinishing:
		return stepConnect
	case broker.PhaseChecking, broker.PhaseUnconfirmed:
		if personal(v.Link) {
			return stepConnect
		}
		return stepPrepare
	}
	return stepAllow // not consented, or the account is not confirmed
}

// progress is how a step stands in the list at the top of a page.
type progress struct {
	Label   string
	Done    bool
	Current bool
}

func progressAt(link broker.Link, current step) []progress {
	all := stepsOf(link)
	at := slices.Index(all, current)
	var list []progress
	for i, s := range all {
		list = append(list, progress{Label: s.label, Done: i < at, Current: i == at})
	}
	return list
}

// minutesLeft of the set-up permission, begun ones counted; zero when there is none that matters.
func minutesLeft(run broker.Run, now time.Time) int {
	left := run.GrantExpiresAt.Sub(now)
	if run.Over() || !run.GrantEndedAt.IsZero() || run.GrantExpiresAt.IsZero() || left <= 0 {
		return 0
	}
	return int((left + time.Minute - 1) / time.Minute)
}
