package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/customer"
)

// person is the administrator, who reads pages and presses buttons, and meets a dead server once.
type person struct {
	*customer.Customer
	habit habit
	link  string
	run   string // address of the run's page, once seen
	again bool   // the second consent has been given, or is not wanted
}

// habit is what a person does after trouble, or without any.
type habit string

const (
	reloads       habit = "reloads the page"
	opensLink     habit = "opens the link again"
	consentsTwice habit = "consents twice" // before the account is confirmed, so that the second permission replaces the first
)

func (s *scene) person() *person {
	return &person{
		Customer: &customer.Customer{
			Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: customerAccount, Home: s.orders.PublicURL,
		},
		habit: s.habit, link: s.orders.PublicURL + s.link.path, again: s.habit != consentsTwice,
	}
}

// connectAs goes from the link to the end, whatever happens to the server. Only its death excuses an error.
func (s *scene) connectAs(ctx context.Context, p *person) error {
	err := p.goOn(ctx)
	if err == nil || s.orders.KillAt == 0 {
		return err
	}
	select {
	case <-s.dead:
	case <-ctx.Done():
		return fmt.Errorf("an error while the server lived: %w", err)
	}
	p.HTTP.CloseIdleConnections()
	return p.goOn(ctx)
}

func (p *person) goOn(ctx context.Context) error {
	if p.habit == opensLink || p.run == "" {
		connected, err := p.openLink(ctx)
		if err != nil || connected {
			return err
		}
	}
	return p.follow(ctx)
}

// openLink presses Continue and gives the permission. It reports true when the link says that all is done.
func (p *person) openLink(ctx context.Context) (connected bool, err error) {
	welcome, err := p.Open(ctx, p.link)
	if err != nil {
		return false, err
	}
	f, ok := welcome.Form(strings.TrimPrefix(p.link, p.Home))
	if !ok {
		return false, fmt.Errorf("the page %q has no button to continue", welcome.Title)
	}
	if f.Fields.Has("reconnect") {
		return true, nil
	}
	if err := p.consent(ctx, f); err != nil {
		// The run may have ended while the person was at NetSuite: then the link tells.
		again, openErr := p.Open(ctx, p.link)
		if openErr != nil {
			return false, err
		}
		f, _ := again.Form(strings.TrimPrefix(p.link, p.Home))
		if f.Fields.Has("reconnect") {
			return true, nil
		}
		return false, err
	}
	return false, nil
}

func (p *person) consent(ctx context.Context, f customer.Form) error {
	page, err := p.Press(ctx, f, nil)
	if err != nil {
		return err
	}
	if page, err = p.ThroughNetSuite(ctx, page); err != nil {
		return err
	}
	id, ok := strings.CutPrefix(page.URL.Path, "/r/")
	if !p.At(page) || !ok {
		return fmt.Errorf("after the consent the browser is at %q", page.Title)
	}
	id, _, _ = strings.Cut(id, "/")
	p.run = p.Home + "/r/" + id
	return nil
}

// busy are the phases in which the server works by itself.
var busy = []string{string(broker.PhaseChecking), string(broker.PhaseProvisioning), string(broker.PhaseTesting), string(broker.PhaseFinishing)}

// follow looks at the run's page until it is connected, and does what the page asks.
func (p *person) follow(ctx context.Context) error {
	for {
		now, err := p.WaitFor(ctx, p.run, func(s customer.Status) bool { return !slices.Contains(busy, s.Phase) })
		if err != nil || now.Phase == string(broker.PhaseConnected) {
			return err
		}
		page, err := p.Open(ctx, p.run)
		if err != nil {
			return err
		}
		if f, ok := page.Form("/account"); ok {
			if !p.again {
				p.again = true
				if connected, err := p.openLink(ctx); err != nil || connected {
					return err
				}
			} else if _, err := p.Press(ctx, f, nil); err != nil {
				return err
			}
			continue
		}
		if f, ok := page.Form("/consent"); ok {
			if err := p.consent(ctx, f); err != nil {
				return err
			}
			continue
		}
		f, ok := page.Form("/check")
		if !ok {
			f, ok = page.Form("/retry")
		}
		if !ok {
			if strings.HasSuffix(page.URL.Path, "/connect") || strings.HasSuffix(page.URL.Path, "/done") {
				continue // it has gone on meanwhile
			}
			return fmt.Errorf("the run is %s, and its page %q offers nothing: %s", now.Phase, page.Title, page.Words)
		}
		if _, err := p.Press(ctx, f, nil); err != nil {
			return err
		}
	}
}
