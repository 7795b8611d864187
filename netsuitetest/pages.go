package netsuitetest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

// templates are the pages by file name, each with the layout.
var templates = parsePages()

func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"when": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
	}).ParseFS(pageFiles, "pages/layout.html"))
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err) // embedded
	}
	out := map[string]*template.Template{}
	for _, f := range files {
		if path.Ext(f.Name()) == ".html" && f.Name() != "layout.html" {
			out[f.Name()] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+f.Name()))
		}
	}
	return out
}

// pageData is what every page gets; Data is the page's own.
type pageData struct {
	Title   string
	Step    string // data-step of main
	Account *Account
	User    string
	Data    any
}

// page answers with a page for people. There is no form-action policy: the last form of a consent redirects to
// the application.
func (s *Server) page(c *call, status int, file, title, step string, data any) {
	d := pageData{Title: title, Step: step, Account: c.account, Data: data}
	if strings.HasPrefix(c.r.URL.Path, adminPrefix) {
		d.Account = nil
	} else if c.account != nil {
		if sess := c.session(); sess != nil {
			d.User = sess.email
		}
	}
	var buf bytes.Buffer
	if err := templates[file].ExecuteTemplate(&buf, "layout.html", d); err != nil {
		panic(fmt.Errorf("page %s: %w", file, err)) // our own template and data; every page has a test
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(status)
	c.write(buf.String())
}

// errorPage says what is wrong; code is OAuth's error or empty. The caller has told the ledger.
func (s *Server) errorPage(c *call, status int, heading, detail, code string) {
	s.page(c, status, "error.html", heading, "error", struct{ Heading, Detail, Code string }{heading, detail, code})
}

// pageForm reads the form of a page; it answers itself when the form is bad.
func (s *Server) pageForm(c *call) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	body, readErr := io.ReadAll(io.LimitReader(c.r.Body, maxForm+1))
	form, parseErr := url.ParseQuery(string(body))
	if err != nil || kind != "application/x-www-form-urlencoded" || readErr != nil || parseErr != nil || len(body) > maxForm {
		c.broke("the form is malformed, too large, or no form")
		s.errorPage(c, http.StatusBadRequest, "The form could not be read", "Go back and send it again.", "")
		return nil, false
	}
	c.entry.Params = redact(form)
	return form, true
}

func (s *Server) stylesheet(c *call) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic(err) // embedded
	}
	c.met("the emulator's own stylesheet")
	c.w.Header().Set("Content-Type", "text/css; charset=utf-8")
	c.w.Header().Set("Cache-Control", "max-age=300")
	c.w.WriteHeader(http.StatusOK)
	c.write(string(css))
}

// Paths of the UI. Those of Setup are invented, except the integration list.
const (
	homePath         = "/app/center/card.nl"
	bundlePath       = "/app/bundler/bundledetails.nl"
	bundleListPath   = "/app/bundler/bundlelist.nl"
	employeePath     = "/app/common/entity/employee.nl"
	employeeListPath = "/app/common/entity/employeelist.nl"
	featuresPath     = "/app/setup/enablefeatures.nl"
	integrationsPath = "/app/common/integration/integrapplist.nl"
	m2mPath          = "/app/setup/oauth2.0/m2msetup.nl"
	authorizedPath   = "/app/setup/oauth2.0/authorizedapps.nl"
	trailPath        = "/app/setup/loginaudit.nl"
)

// uiRoutes are the pages for the account's people.
func (s *Server) uiRoutes(on func(pattern string, h handler)) {
	on("GET /{$}", s.root)
	on("POST "+loginPath, s.login)
	on("POST /app/login/logout.nl", s.logout)
	on("GET "+homePath, s.home)
	on("GET "+bundlePath, s.showBundle)
	on("POST "+bundlePath, s.changeBundle)
	on("GET "+bundleListPath, s.showBundles)
	on("GET "+employeePath, s.showEmployee)
	on("POST "+employeePath, s.changeEmployee)
	on("GET "+employeeListPath, s.showEmployees)
	on("GET "+featuresPath, s.showFeatures)
	on("POST "+featuresPath, s.changeFeature)
	on("GET "+integrationsPath, s.showIntegrations)
	on("POST "+integrationsPath, s.changeIntegration)
	on("GET "+m2mPath, s.showMappings)
	on("POST "+m2mPath, s.changeMapping)
	on("GET "+authorizedPath, s.showGrants)
	on("POST "+authorizedPath, s.changeGrant)
	on("GET "+trailPath, s.showTrail)
}

// root leads to the admin face on the bare address, to the home page elsewhere.
func (s *Server) root(c *call) {
	c.met("start page")
	if c.addr.service == serviceBare {
		c.redirect(adminPrefix)
		return
	}
	c.redirect(homePath)
}

func (s *Server) home(c *call) {
	if sess, ok := s.signedIn(c, ""); ok {
		role, _ := c.account.data().Role(sess.role)
		c.met("home page")
		s.page(c, http.StatusOK, "home.html", "Home", "home", struct {
			Role  string
			Links [][2]string
		}{role.Name, [][2]string{
			{bundleListPath, "Bundles"},
			{employeeListPath, "Employees"},
			{featuresPath, "Enable Features"},
			{integrationsPath, "Manage Integrations"},
			{m2mPath, "OAuth 2.0 Client Credentials (M2M) Setup"},
			{authorizedPath, "OAuth 2.0 Authorized Applications"},
			{trailPath, "Login Audit Trail"},
		}})
	}
}

// change reads the form of a page that needs a permission, does the change and goes back to the page. An error of
// do is shown.
func (s *Server) change(c *call, permission, back string, do func(form url.Values) error) {
	if _, ok := s.signedIn(c, permission); !ok {
		return
	}
	form, ok := s.pageForm(c)
	if !ok {
		return
	}
	if err := do(form); err != nil {
		c.broke(err.Error())
		s.errorPage(c, http.StatusBadRequest, "Nothing was changed", err.Error(), "")
		return
	}
	c.met("changed by an administrator in the UI")
	c.redirect(back)
}

// employeeRow is a person as the employee pages show them.
type employeeRow struct {
	Employee
	Held []Role
	Free []Role
}

func (s *Server) employeeRow(a *Account, e Employee) employeeRow {
	row := employeeRow{Employee: e}
	for _, r := range a.data().Roles() {
		if slices.Contains(e.Roles, r.ID) {
			row.Held = append(row.Held, r)
		} else if !r.Inactive {
			row.Free = append(row.Free, r)
		}
	}
	return row
}

func (s *Server) showEmployees(c *call) {
	if _, ok := s.signedIn(c, "LIST_EMPLOYEE"); ok {
		var rows []employeeRow
		for _, e := range c.account.data().Employees() {
			rows = append(rows, s.employeeRow(c.account, e))
		}
		c.met("employee list")
		s.page(c, http.StatusOK, "employees.html", "Employees", "employees", rows)
	}
}

// pageID is the id parameter of a page's URL.
func pageID(c *call) int64 {
	id, err := strconv.ParseInt(c.r.URL.Query().Get("id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (s *Server) showEmployee(c *call) {
	if _, ok := s.signedIn(c, "LIST_EMPLOYEE"); !ok {
		return
	}
	e, ok := c.account.data().Employee(pageID(c))
	if !ok {
		c.broke("no such employee")
		s.errorPage(c, http.StatusNotFound, "No such employee", "Choose one from the list of employees.", "")
		return
	}
	c.met("employee, tab Access")
	s.page(c, http.StatusOK, "employee.html", e.EntityID, "employee", s.employeeRow(c.account, e))
}

// changeEmployee gives or takes a role: action assign or remove.
func (s *Server) changeEmployee(c *call) {
	id := pageID(c)
	s.change(c, "LIST_EMPLOYEE", fmt.Sprintf("%s?id=%d", employeePath, id), func(form url.Values) error {
		role, err := strconv.ParseInt(form.Get("role"), 10, 64)
		if err != nil {
			return errors.New("role: choose one of the list")
		}
		switch form.Get("action") {
		case "assign":
			return c.account.data().AssignRole(id, role)
		case "remove":
			return c.account.data().UnassignRole(id, role)
		}
		return errors.New("action: want assign or remove")
	})
}

type featureRow struct {
	ID, Name string
	On       bool
}

func (s *Server) showFeatures(c *call) {
	if _, ok := s.signedIn(c, "ADMI_ENABLEFEATURES"); ok {
		var rows []featureRow
		for _, id := range Features {
			rows = append(rows, featureRow{id, featureNames[id], c.account.Feature(id)})
		}
		c.met("features page")
		s.page(c, http.StatusOK, "features.html", "Enable Features", "features", rows)
	}
}

func (s *Server) changeFeature(c *call) {
	s.change(c, "ADMI_ENABLEFEATURES", featuresPath, func(form url.Values) error {
		return c.account.SetFeature(form.Get("feature"), form.Get("action") == "on")
	})
}

type integrationRow struct {
	record
	Name, Owner string
}

func (s *Server) showIntegrations(c *call) {
	if _, ok := s.signedIn(c, "ADMI_INTEGRAPP"); !ok {
		return
	}
	c.account.mu.Lock()
	var rows []integrationRow
	for _, r := range c.account.records {
		rows = append(rows, integrationRow{record: *r})
	}
	approval := c.account.approval
	c.account.mu.Unlock()
	slices.SortFunc(rows, func(a, b integrationRow) int { return int(a.ID - b.ID) })
	for n := range rows {
		i, _ := s.integration(rows[n].ClientID)
		rows[n].Name, rows[n].Owner = i.Name, i.OwnerAccount
	}
	c.met("integration records")
	s.page(c, http.StatusOK, "integrations.html", "Manage Integrations", "integrations", struct {
		Rows     []integrationRow
		Approval bool
	}{rows, approval})
}

// changeIntegration sets a record's state, or the approval preference.
func (s *Server) changeIntegration(c *call) {
	s.change(c, "ADMI_INTEGRAPP", integrationsPath, func(form url.Values) error {
		switch form.Get("action") {
		case "enable":
			return c.account.ApproveIntegration(form.Get("client_id"))
		case "block":
			return c.account.BlockIntegration(form.Get("client_id"))
		case "approval-on", "approval-off":
			c.account.RequireApproval(form.Get("action") == "approval-on")
			return nil
		}
		return errors.New("action: want enable, block, approval-on or approval-off")
	})
}

type mappingRow struct {
	Certificate
	App, EntityName, RoleName string
	Expired                   bool
}

func (s *Server) showMappings(c *call) {
	if _, ok := s.signedIn(c, "ADMI_MANAGE_OAUTH2"); !ok {
		return
	}
	var rows []mappingRow
	for _, m := range c.account.Certificates() {
		i, _ := s.integration(m.ClientID)
		e, _ := c.account.data().Employee(m.Entity)
		r, _ := c.account.data().Role(m.Role)
		rows = append(rows, mappingRow{m, i.Name, e.EntityID, r.Name, s.clock.Now().After(m.ValidUntil)})
	}
	c.met("certificate mappings")
	s.page(c, http.StatusOK, "m2m.html", "OAuth 2.0 Client Credentials (M2M) Setup", "m2m", rows)
}

func (s *Server) changeMapping(c *call) {
	s.change(c, "ADMI_MANAGE_OAUTH2", m2mPath, func(form url.Values) error {
		return c.account.RevokeCertificate(form.Get("certificate"))
	})
}

type grantRow struct {
	Grant
	App, EntityName, RoleName string
}

// ownGrants are all consents for those who manage them, one's own for everybody else (H/section_157771510070).
func (s *Server) ownGrants(a *Account, sess *session) []grantRow {
	all := s.managesAll(a, sess.role)
	var rows []grantRow
	for _, g := range a.Grants() {
		if !all && g.Entity != sess.entity {
			continue
		}
		i, _ := s.integration(g.ClientID)
		e, _ := a.data().Employee(g.Entity)
		r, _ := a.data().Role(g.Role)
		rows = append(rows, grantRow{g, i.Name, e.EntityID, r.Name})
	}
	return rows
}

func (s *Server) showGrants(c *call) {
	if sess, ok := s.signedIn(c, "ADMI_LOGIN_OAUTH2"); ok {
		c.met("authorized applications")
		s.page(c, http.StatusOK, "grants.html", "OAuth 2.0 Authorized Applications", "grants", s.ownGrants(c.account, sess))
	}
}

func (s *Server) changeGrant(c *call) {
	s.change(c, "ADMI_LOGIN_OAUTH2", authorizedPath, func(form url.Values) error {
		id := form.Get("grant")
		if !slices.ContainsFunc(s.ownGrants(c.account, c.session()), func(g grantRow) bool { return g.ID == id }) {
			return errors.New("grant: not one of those listed")
		}
		c.account.RevokeGrant(id)
		return nil
	})
}

type trailRow struct {
	AuditLine
	App, EntityName, RoleName string
}

// trailShown is how many lines the Login Audit Trail page shows, newest first.
const trailShown = 200

func (s *Server) showTrail(c *call) {
	if _, ok := s.signedIn(c, "ADMI_AUDITLOGIN"); !ok {
		return
	}
	lines := c.account.LoginAuditTrail()
	slices.Reverse(lines)
	var rows []trailRow
	for _, line := range lines[:min(len(lines), trailShown)] {
		i, _ := s.integration(line.ClientID)
		e, _ := c.account.data().Employee(line.Entity)
		r, _ := c.account.data().Role(line.Role)
		rows = append(rows, trailRow{line, i.Name, e.EntityID, r.Name})
	}
	c.met("login audit trail")
	s.page(c, http.StatusOK, "trail.html", "Login Audit Trail", "trail", rows)
}
