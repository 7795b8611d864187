package onboard

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// problem stops a step in a named situation. Watched ones are looked at again by themselves.
type problem struct {
	broker.Problem
	watch bool
}

func (p *problem) Error() string { return string(p.Code) + ": " + p.Detail }

// stop makes the error that leads to the page of a code.
func stop(code broker.Code, detail string) *problem {
	return &problem{Problem: broker.Problem{Code: code, Detail: detail}}
}

// quietAttempts is how often a step is tried before the page speaks of trouble.
const quietAttempts = 3

// fail turns what a step met into the run's record: a named problem, or a pause before the next attempt.
func (w *work) fail(err error) outcome {
	now := w.s.Now()
	var p *problem
	switch {
	case w.Run.Ended != "" || !w.Run.ActivatedAt.IsZero():
		// What is left must be done whatever NetSuite says today: the permission is always ended.
		w.Run.DueAt = now.Add(pauseAfter(time.Second, w.Run.Attempts, 5*time.Minute))
		w.Run.Attempts++
		if errors.As(err, &p) {
			w.Run.Problem = &p.Problem
		}
		w.s.Logger.Warn("the end of an onboarding is tried again", "run", w.Run.ID, "err", err)
	case errors.As(err, &p):
		w.Run.Problem = &p.Problem
		w.Run.DueAt = time.Time{}
		if p.watch {
			w.Run.DueAt = now.Add(pauseAfter(w.s.WatchEvery, w.Run.Attempts, 20*time.Second))
			w.Run.Attempts++
		}
	case temporary(err):
		w.Run.DueAt = now.Add(pauseAfter(w.s.WatchEvery, w.Run.Attempts, time.Minute))
		w.Run.Attempts++
		if w.Run.Attempts >= quietAttempts {
			w.Run.Problem = &broker.Problem{Code: broker.CodeUnreachable, Detail: sentence(err)}
		}
	case errors.Is(err, netsuite.ErrLogin):
		// The grant was accepted before and is not now: its hour is over, or somebody ended it in NetSuite.
		w.Run.Problem = &broker.Problem{Code: broker.CodeSetupTimeOver}
		w.Run.DueAt = time.Time{}
	case errors.Is(err, netsuite.ErrUserRole), errors.Is(err, netsuite.ErrPermission):
		w.Run.Problem = &broker.Problem{Code: broker.CodeSetupRole, Detail: sentence(err), Role: w.Run.SetupRoleName}
		w.Run.DueAt = time.Time{}
	case errors.Is(err, netsuite.ErrUnauthorizedClient):
		w.Run.Problem = w.notApproved()
		w.Run.DueAt = now.Add(pauseAfter(w.s.WatchEvery, w.Run.Attempts, 20*time.Second))
		w.Run.Attempts++
	default:
		w.s.Logger.Warn("an onboarding step was refused", "run", w.Run.ID, "err", err)
		w.Run.Problem = &broker.Problem{Code: w.codeOfStep(), Detail: sentence(err)}
		w.Run.DueAt = time.Time{}
	}
	return pause
}

// codeOfStep names what failed when the cause has no name of its own.
func (w *work) codeOfStep() broker.Code {
	switch {
	case !w.Run.TestedAt.IsZero():
		return broker.CodeTaskFailed
	case !w.Run.ChecksPassedAt.IsZero():
		return broker.CodeTestFailed
	}
	return broker.CodeConsentFailed
}

func (w *work) notApproved() *broker.Problem {
	p := &broker.Problem{
		Code: broker.CodeNotApproved, Path: "Setup > Integration > Manage Integrations > " + w.App.DisplayName + " > State: Enabled",
		URL: w.page("/app/common/integration/integrapplist.nl", nil),
	}
	return p
}

// unstored tells that our own database did not answer.
func unstored(err error) bool {
	code := broker.CodeOf(err)
	return code == broker.CodeDatabase || code == broker.CodeAudit
}

func temporary(err error) bool {
	return netsuite.IsTemporary(err) || errors.Is(err, context.DeadlineExceeded)
}

// sentence is what NetSuite said, for a page: no more than a person needs, never a body or a secret.
func sentence(err error) string {
	var e *netsuite.Error
	if !errors.As(err, &e) {
		return ""
	}
	parts := []string{e.Op}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	} else if e.Code != "" {
		parts = append(parts, "NetSuite answered "+e.Code)
	}
	s := strings.Join(parts, ": ")
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
