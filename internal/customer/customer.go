// Package customer plays the administrator of a customer over HTTP, through the pages and forms that a browser with scripts
// off would use. The demo lets it click through the wizard and the emulator, and tests let it do what people do.
package customer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Customer plays the administrator of the sample company: a person who types nothing but a log-in, reads pages and presses
// the buttons that stand there.
type Customer struct {
	*Browser
	Email           string // who logs in to NetSuite
	Company         string // which account, where NetSuite asks
	IntegrationUser string // the user who gets the bundle's role
	Home            string // our server; everything else is NetSuite
}

// At reports whether the page is one of ours rather than NetSuite's.
func (c *Customer) At(p *Page) bool { return strings.HasPrefix(p.URL.String(), c.Home) }

// Consent opens the link, presses Continue, logs in, chooses the role Administrator and presses Allow. It returns the page
// to which NetSuite sends the browser back.
func (c *Customer) Consent(ctx context.Context, link string) (*Page, error) {
	welcome, err := c.Open(ctx, link)
	if err != nil {
		return nil, err
	}
	start, ok := welcome.Form(mustPath(link))
	if !ok {
		return nil, fmt.Errorf("the welcome page has no button to continue")
	}
	p, err := c.Press(ctx, start, nil)
	if err != nil {
		return nil, err
	}
	return c.ThroughNetSuite(ctx, p)
}

func mustPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Path
}

// ThroughNetSuite answers NetSuite's pages until the browser is back at ours, or on a page that asks nothing more.
func (c *Customer) ThroughNetSuite(ctx context.Context, p *Page) (*Page, error) {
	for range 8 { // log-in, company, role, consent; more means going round in a circle
		if c.At(p) {
			return p, nil
		}
		f, fill, ok := c.answer(p)
		if !ok {
			return p, nil
		}
		var err error
		if p, err = c.Press(ctx, f, fill); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("NetSuite's page %q asks the same thing again", p.Title)
}

// answer fills in a log-in, role or consent form.
func (c *Customer) answer(p *Page) (Form, url.Values, bool) {
	for _, f := range p.Forms {
		fill := url.Values{}
		if f.Fields.Has("password") {
			fill.Set("email", c.Email)
			fill.Set("password", "any password will do")
		}
		if len(f.Choices["company"]) > 0 || f.Fields.Has("company") {
			fill.Set("company", c.Company)
		}
		if v, ok := pick(f.Choices["role"], "Administrator"); ok && !strings.Contains(f.Action.Path, "employee") {
			fill.Set("role", v)
		}
		if slices.ContainsFunc(f.Buttons, func(b Button) bool { return b.Name == "action" && b.Value == "allow" }) {
			fill.Set("action", "allow")
		}
		if len(fill) > 0 {
			return f, fill, true
		}
	}
	return Form{}, nil, false
}

func pick(choices []Choice, label string) (string, bool) {
	for _, o := range choices {
		if strings.Contains(o.Label, label) {
			return o.Value, true
		}
	}
	return "", false
}

// InstallBundle opens the bundle's page, presses Install and waits until NetSuite says that it is there.
func (c *Customer) InstallBundle(ctx context.Context, address string) error {
	p, err := c.enter(ctx, address)
	if err != nil {
		return err
	}
	f, ok := buttonForm(p, "Install")
	if !ok {
		return fmt.Errorf("NetSuite's page %q has no Install button", p.Title)
	}
	if _, err := c.Press(ctx, f, nil); err != nil {
		return err
	}
	return Every(ctx, 200*time.Millisecond, func() (bool, error) {
		p, err := c.Open(ctx, address)
		if err != nil {
			return false, err
		}
		_, again := buttonForm(p, "Install")
		return !again && !strings.Contains(p.Words, "Pending"), nil
	})
}

// GiveRole finds the integration user in the list of employees and gives it the role.
func (c *Customer) GiveRole(ctx context.Context, list, role string) error {
	p, err := c.enter(ctx, list)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(p.Links, func(l Link) bool { return strings.Contains(l.Text, c.IntegrationUser) })
	if i < 0 {
		return fmt.Errorf("NetSuite's list of employees does not show %s", c.IntegrationUser)
	}
	if p, err = c.Open(ctx, p.Links[i].URL.String()); err != nil {
		return err
	}
	for _, f := range p.Forms {
		if v, ok := pick(f.Choices["role"], role); ok {
			_, err := c.Press(ctx, f, url.Values{"role": {v}})
			return err
		}
	}
	return fmt.Errorf("NetSuite's page %q does not offer the role %q", p.Title, role)
}

// enter opens one of NetSuite's pages, logging in when asked.
func (c *Customer) enter(ctx context.Context, address string) (*Page, error) {
	p, err := c.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	return c.ThroughNetSuite(ctx, p)
}

func buttonForm(p *Page, text string) (Form, bool) {
	for _, f := range p.Forms {
		if slices.ContainsFunc(f.Buttons, func(b Button) bool { return strings.Contains(b.Text, text) }) {
			return f, true
		}
	}
	return Form{}, false
}

// Status is what a run's page polls.
type Status struct {
	Version int64  `json:"version"`
	Step    string `json:"step"`
	Phase   string `json:"phase"`
}

// WaitFor polls the run's status, as the page's own script does, until it says so.
func (c *Customer) WaitFor(ctx context.Context, run string, done func(Status) bool) (Status, error) {
	var last Status
	err := Every(ctx, 100*time.Millisecond, func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, run+"/status", nil)
		if err != nil {
			return false, err
		}
		res, err := c.HTTP.Do(req)
		if err != nil {
			return false, withoutQuery(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return false, fmt.Errorf("%s answered %s", req.URL.Path, res.Status)
		}
		if err := json.NewDecoder(res.Body).Decode(&last); err != nil {
			return false, err
		}
		return done(last), nil
	})
	return last, err
}

// Every asks again and again until the answer is yes.
func Every(ctx context.Context, pause time.Duration, ask func() (bool, error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		done, err := ask()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
