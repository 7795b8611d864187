package app

import (
	"context"

	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/internal/jobs"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/internal/offboard"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/rotate"
)

// works is all that is done by itself, apart from onboarding: a person waits for that, so it looks every second (package onboard).
func (a *App) works() []jobs.Work {
	var all []jobs.Work
	for _, w := range a.Rotate.Works() {
		all = append(all, jobs.Work{Name: w.Name, Every: rotate.ScanEvery, AtOnce: rotate.AtOnce, Due: w.Due, Do: w.Do})
	}
	return append(all,
		jobs.Work{Name: "probe", Every: doctor.LookEvery, AtOnce: doctor.AtOnce, Due: a.Doctor.Due, Do: a.Doctor.Probe},
		jobs.Work{Name: "consent", Every: doctor.LookEvery, AtOnce: doctor.AtOnce, Due: a.Doctor.DueConsents, Do: a.Doctor.KeepConsent},
		jobs.Work{Name: "dispatch", Every: notify.LookEvery, AtOnce: 1, Due: a.Notify.DueEvents, Do: a.Notify.Dispatch},
		jobs.Work{Name: "deliver", Every: notify.LookEvery, AtOnce: notify.AtOnce, Due: a.Notify.DueDeliveries, Do: a.Notify.Deliver},
		jobs.Work{Name: "expiry", Every: onboard.ExpireEvery, AtOnce: 1, Due: a.Onboard.ExpiredLinks, Do: a.Onboard.TellExpiry},
		jobs.Work{Name: "disconnect", Every: offboard.LookEvery, AtOnce: offboard.AtOnce, Due: a.Offboard.Due, Do: a.Offboard.Retry},
	)
}

// runWorks does the background work until ctx ends.
func (a *App) runWorks(ctx context.Context) error {
	if a.cfg.WorkByHand {
		<-ctx.Done()
		return nil
	}
	runner := &jobs.Runner{Works: a.works(), Logger: a.cfg.Logger}
	runner.Pool, runner.Dialect = a.Store.WorkPool()
	return runner.Run(ctx)
}

// WorkOnce does all background work that is due, in this goroutine.
func (a *App) WorkOnce(ctx context.Context) error { return jobs.RunOnce(ctx, a.works()...) }
