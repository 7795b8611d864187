package onboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/suitekey/suitekey/internal/account"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Menu paths, as NetSuite's menus name them.
const (
	pathFeatures = "Setup > Company > Enable Features > SuiteCloud"
	pathBundle   = "Customization > SuiteBundler > Search & Install Bundles"
	pathRoles    = "Setup > Users/Roles > Manage Roles"
	pathHolder   = "Lists > Employees > Employees > (user) > Access > Roles"
	pathDeploy   = "Customization > Scripting > Script Deployments"
)

// check looks at everything that must hold in the account. What lacks is shown with its menu path, and looked at again
// until it is mended.
func check(ctx context.Context, w *work) (outcome, error) {
	c := checker{w: w}
	for _, look := range []func(context.Context) error{c.rest, c.bundle, c.role, c.permissions, c.holder} {
		if err := look(ctx); err != nil {
			return pause, err
		}
	}
	w.Run.Checks = c.done
	for _, one := range c.done {
		if one.State == broker.CheckTodo {
			return pause, &problem{watch: !c.choice, Problem: broker.Problem{Code: one.Code, Detail: one.Hint, Path: one.Path, URL: one.URL}}
		}
	}
	w.noteLimit(ctx)
	w.Run.ChecksPassedAt = w.s.Now()
	return goOn, nil
}

// checker collects the answers. A check that depends on an earlier one which failed is waiting, not failed.
type checker struct {
	w      *work
	done   []broker.Check
	choice bool // a person must choose: looking again does not help
}

func (c *checker) add(one broker.Check) { c.done = append(c.done, one) }

func (c *checker) ok(id string) bool {
	return slices.ContainsFunc(c.done, func(one broker.Check) bool {
		return one.ID == id && (one.State == broker.CheckOK || one.State == broker.CheckUnknown)
	})
}

func (c *checker) rest(ctx context.Context) error {
	api, err := c.w.api("check that REST Web Services answer")
	if err != nil {
		return err
	}
	one := broker.Check{ID: "rest", State: broker.CheckOK, Title: "REST Web Services and OAuth 2.0 are on"}
	// serverTime needs no permission (netsuite-api 1.5): a refusal means that the feature is off. Releases before 2025.2 lack it.
	switch _, err := api.ServerTime(ctx); {
	case errors.Is(err, netsuite.ErrPermission):
		one.State, one.Code, one.Title = broker.CheckTodo, broker.CodeFeatureOff, "Turn on REST Web Services"
		one.Path = pathFeatures
	case err != nil && !errors.Is(err, netsuite.ErrNotFound):
		return err
	}
	c.add(one)
	if one.State == broker.CheckOK {
		c.add(broker.Check{ID: "integration", State: broker.CheckOK, Title: c.w.App.DisplayName + " is approved as an integration"})
	}
	return nil
}

// featureOrRole tells the two causes of a refused query apart: a feature that is off, or a role that may not.
func (w *work) featureOrRole(ctx context.Context, cause error) error {
	c := checker{w: w}
	if err := c.rest(ctx); err != nil {
		return err
	}
	if c.ok("rest") {
		return cause
	}
	w.Run.Checks = c.done
	one := c.done[0]
	return &problem{watch: true, Problem: broker.Problem{Code: one.Code, Path: one.Path}}
}

// bundle asks the bundle's own RESTlet, the only one that knows, and else looks for its script (netsuite-api 4.2).
func (c *checker) bundle(ctx context.Context) error {
	one := broker.Check{ID: "bundle", State: broker.CheckWaiting, Title: "The bundle “" + c.w.App.DisplayName + "” is installed"}
	if !c.ok("rest") {
		c.add(one)
		return nil
	}
	health := c.w.App.Bundle.Health
	if health.Script == "" {
		return nil // the role is then the only trace of the bundle
	}
	api, err := c.w.api("check that the bundle is installed")
	if err != nil {
		return err
	}
	body, err := api.RESTlet(ctx, http.MethodGet, health.Script, health.Deploy, nil, nil)
	switch {
	case err == nil && json.Valid(body):
		one.State = broker.CheckOK
	case err != nil && temporary(err):
		return err
	default:
		if one, err = c.script(ctx, api, one); err != nil {
			return err
		}
	}
	c.add(one)
	return nil
}

// script tells apart, when the RESTlet does not answer: not installed, installed but not released, and cannot tell.
func (c *checker) script(ctx context.Context, api *netsuite.API, one broker.Check) (broker.Check, error) {
	health := c.w.App.Bundle.Health
	page, err := api.SuiteQL(ctx, "SELECT d.status, d.isdeployed FROM script s JOIN scriptdeployment d ON d.script = s.id WHERE LOWER(s.scriptid) = "+
		netsuite.QuoteLiteral(strings.ToLower(health.Script))+" AND LOWER(d.scriptid) = "+netsuite.QuoteLiteral(strings.ToLower(health.Deploy)), 1, 0)
	switch {
	case err != nil && temporary(err):
		return one, err
	case err != nil:
		one.State, one.Hint = broker.CheckUnknown, "The role that you used may not look at scripts. The test at the end will tell."
	case len(page.Rows) == 0:
		one.State, one.Code = broker.CheckTodo, broker.CodeBundleMissing
		one.Title = "Install the bundle “" + c.w.App.DisplayName + "”"
		one.Hint, one.Path = "Five minutes are normal.", pathBundle
		one.URL = c.w.page("/app/bundler/bundledetails.nl", url.Values{
			"sourcecompanyid": {c.w.App.Bundle.SourceAccount}, "domain": {"PRODUCTION"}, "config": {"F"}, "id": {strconv.FormatInt(c.w.App.Bundle.ID, 10)},
		})
	case !strings.EqualFold(page.Rows[0].Get("status"), "RELEASED") || page.Rows[0].Get("isdeployed") != "T":
		one.State, one.Code = broker.CheckTodo, broker.CodeBundleMissing
		one.Title = "Release the bundle's script"
		one.Hint, one.Path = "The bundle is there, but its script deployment is not released.", pathDeploy+" > "+health.Deploy+" > Status: Released"
	default:
		one.State, one.Hint = broker.CheckOK, "Its own answer was not readable; its script is deployed and released."
	}
	return one, nil
}

func (c *checker) role(ctx context.Context) error {
	want := c.w.App.Role.ScriptID
	one := broker.Check{ID: "role", State: broker.CheckWaiting, Title: "The role of the bundle is there"}
	if c.w.App.Bundle.Health.Script != "" && !c.ok("bundle") || !c.ok("rest") {
		c.add(one)
		return nil
	}
	api, err := c.w.api("find the bundle's role")
	if err != nil {
		return err
	}
	role, found, err := account.RoleByScriptID(ctx, api, want)
	if err != nil {
		return err
	}
	if !found {
		one.State, one.Code, one.Title = broker.CheckTodo, broker.CodeBundleMissing, "Install the bundle “"+c.w.App.DisplayName+"”"
		one.Hint, one.Path = "The role "+want+" is not in this account yet.", pathBundle
		c.add(one)
		return nil
	}
	if !strings.EqualFold(role.ScriptID, want) {
		return stop(broker.CodeConsentFailed, "NetSuite's answer about the role "+want+" could not be read.")
	}
	if role.ID == account.Administrator {
		return stop(broker.CodeRoleTooStrong, fmt.Sprintf("%s is the role Administrator.", want)) // ON-12
	}
	if role.Inactive {
		one.State, one.Code, one.Title = broker.CheckTodo, broker.CodeBundleMissing, "Make the role “"+role.Name+"” active"
		one.Path = pathRoles + " > " + role.Name + " > Inactive: off"
	} else {
		one.State, one.Title = broker.CheckOK, "The role “"+role.Name+"” is there"
	}
	c.w.Run.RoleID, c.w.Run.RoleName = role.ID, role.Name
	c.add(one)
	return nil
}

// levels of a permission (netsuite-api 4.3).
var levels = map[string]int{"VIEW": 1, "CREATE": 2, "EDIT": 3, "FULL": 4}

// permissions compares the role with what the app expects of it. Too little is named; full access is refused.
func (c *checker) permissions(ctx context.Context) error {
	one := broker.Check{ID: "permissions", State: broker.CheckWaiting, Title: "The role may do what is needed, and no more"}
	if !c.ok("role") {
		return nil
	}
	api, err := c.w.api("read what the bundle's role may do")
	if err != nil {
		return err
	}
	has, err := account.Permissions(ctx, api, c.w.Run.RoleID)
	switch {
	case err != nil && temporary(err):
		return err
	case err != nil:
		one.State, one.Hint = broker.CheckUnknown, "The role that you used may not read permissions. The test at the end will tell."
		c.add(one)
		return nil
	}
	if _, found := has[account.Kernel]; found {
		return stop(broker.CodeRoleTooStrong, "The role “"+c.w.Run.RoleName+"” carries Core Administration Permissions.")
	}
	one.State = broker.CheckOK
	if missing := c.missing(has); len(missing) > 0 {
		one.State, one.Code, one.Title = broker.CheckTodo, broker.CodeBundleMissing, "Update the bundle “"+c.w.App.DisplayName+"”"
		one.Hint = "The role lacks: " + strings.Join(missing, ", ") + "."
		one.Path = pathRoles + " > " + c.w.Run.RoleName + " > Permissions"
	}
	c.add(one)
	return nil
}

func (c *checker) missing(has map[string]int) []string {
	want := map[string]int{"ADMI_LOGIN_OAUTH2": 1, "ADMI_RESTWEBSERVICES": 1}
	for id, level := range c.w.App.Role.Permissions {
		want[strings.ToUpper(id)] = levels[level]
	}
	var missing []string
	for id, level := range want {
		if has[id] < level {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	return missing
}

// holder finds who holds the role. A bundle's role is held by nobody when it arrives (netsuite-api 4.3).
func (c *checker) holder(ctx context.Context) error {
	r := &c.w.Run
	one := broker.Check{ID: "holder", State: broker.CheckWaiting, Title: "One user holds the role"}
	if !c.ok("role") {
		c.add(one)
		return nil
	}
	var err error
	if r.Holders, err = c.holders(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(r.Holders, func(h broker.Holder) bool { return h.Entity == r.Entity }) {
		r.Entity, r.EntityName = 0, ""
	}
	one.Code, one.Path = broker.CodeHolder, pathHolder
	one.URL = c.w.page("/app/common/entity/employeelist.nl", nil)
	switch {
	case len(r.Holders) == 1 || r.Entity != 0:
		if r.Entity == 0 {
			r.Entity, r.EntityName = r.Holders[0].Entity, r.Holders[0].Name
		}
		one = broker.Check{ID: "holder", State: broker.CheckOK, Title: r.EntityName + " holds the role “" + r.RoleName + "”"}
	case len(r.Holders) == 0:
		one.State, one.Title = broker.CheckTodo, "Give the role “"+r.RoleName+"” to one user"
		one.Hint = "A user of its own is best."
	default:
		one.State, one.Title = broker.CheckTodo, "Choose the user that "+c.w.App.DisplayName+" acts as"
		c.choice = true
	}
	c.add(one)
	return nil
}

func (c *checker) holders(ctx context.Context) ([]broker.Holder, error) {
	api, err := c.w.api("see who holds the bundle's role")
	if err != nil {
		return nil, err
	}
	return account.Holders(ctx, api, c.w.Run.RoleID)
}

// noteLimit keeps the account's concurrency limit: only an administrator may read it, so it is asked now or never.
func (w *work) noteLimit(ctx context.Context) {
	api, err := w.api("note the concurrency limit")
	if err != nil {
		return
	}
	if limits, err := api.GovernanceLimits(ctx); err == nil {
		w.Run.ConcurrencyLimit = limits.AccountConcurrencyLimit
	}
}
