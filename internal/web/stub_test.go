package web

import (
	"context"
	"net/url"
	"sync"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/web/storybook"
)

// recorder is the storybook's Onboarding with single answers changed. It notes the calls that change something.
type recorder struct {
	storybook.Onboarding
	view     func(runID, browser string) (broker.View, error)
	open     func(token string) (broker.Invitation, error)
	start    func() (broker.Departure, error)
	callback func(app string, query url.Values, browser string) (string, error)

	mu      sync.Mutex
	changes []string // guarded by mu
}

func (o *recorder) note(change string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes = append(o.changes, change)
}

func (o *recorder) noted() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changes
}

func (o *recorder) Open(ctx context.Context, token string) (broker.Invitation, error) {
	if o.open != nil {
		return o.open(token)
	}
	return o.Onboarding.Open(ctx, token)
}

func (o *recorder) Start(ctx context.Context, token string, reconnect bool) (broker.Departure, error) {
	o.note("start")
	if o.start != nil {
		return o.start()
	}
	return o.Onboarding.Start(ctx, token, reconnect)
}

func (o *recorder) Act(ctx context.Context, runID, browser string, a broker.Action) (broker.Outcome, error) {
	o.note("act " + string(a.Kind) + " " + a.Value)
	return o.Onboarding.Act(ctx, runID, browser, a)
}

func (o *recorder) Callback(ctx context.Context, app string, query url.Values, browser string) (string, error) {
	o.note("callback " + browser)
	if o.callback != nil {
		return o.callback(app, query, browser)
	}
	return o.Onboarding.Callback(ctx, app, query, browser)
}

func (o *recorder) View(ctx context.Context, runID, browser string) (broker.View, error) {
	if o.view != nil {
		return o.view(runID, browser)
	}
	return o.Onboarding.View(ctx, runID, browser)
}
