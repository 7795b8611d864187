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
	"strings"
	"sync"
	"time"
)

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

// templates are the pages by file name, each with the layout. They are parsed when the first page is shown.
var templates = sync.OnceValue(parsePages)

func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"when":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
		"join":    strings.Join,
		"odd":     func(n int) bool { return n%2 == 1 },
		"quoted":  func(text string) []string { return strings.Split(text, "`") },
		"sources": ruleSources,
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
	Face    bool   // one of the emulator's own pages, not NetSuite's
	FaceURL string // where those are, empty where this host does not know
	Account *Account
	User    string
	Data    any
}

// page answers with a page for people. There is no form-action policy: the last form of a consent redirects to
// the application.
func (s *Server) page(c *call, status int, file, title, step string, data any) {
	d := pageData{Title: title, Step: step, FaceURL: c.faceURL(), Data: data}
	if d.Face = strings.HasPrefix(c.r.URL.Path, adminPrefix); !d.Face && c.account != nil {
		d.Account = c.account
		if sess := c.session(); sess != nil {
			d.User = sess.email
		}
	}
	var buf bytes.Buffer
	if err := templates()[file].ExecuteTemplate(&buf, "layout.html", d); err != nil {
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

// faceURL is the address of the emulator's own pages: they live on the bare address, which the real names do not tell.
func (c *call) faceURL() string {
	switch c.addr.form {
	case formBare:
		return adminPrefix
	case formTwin:
		return "http://localhost" + c.addr.port + adminPrefix
	}
	return ""
}

// errorPage says what is wrong; code is OAuth's error or empty. The caller has told the ledger.
func (s *Server) errorPage(c *call, status int, heading, detail, code string) {
	s.page(c, status, "error.html", heading, "error", struct{ Heading, Detail, Code string }{heading, detail, code})
}

// formState is a form as it was sent, shown again with what was wrong with it.
type formState struct {
	Values url.Values
	Wrong  error // nil = nothing
}

// Value is what stood in a field.
func (f formState) Value(field string) string { return f.Values.Get(field) }

// Ticked tells whether a box, or an option of a list, was chosen.
func (f formState) Ticked(field, value string) bool { return slices.Contains(f.Values[field], value) }

// Field is where something is wrong, empty if nothing is or it is wrong with none of the fields.
func (f formState) Field() string {
	var wrong *fieldError
	if errors.As(f.Wrong, &wrong) {
		return wrong.field
	}
	return ""
}

// Problem is what is wrong, without the words around it that a form makes clear.
func (f formState) Problem() string {
	var wrong *fieldError
	if errors.As(f.Wrong, &wrong) {
		return wrong.Error()
	}
	return f.Wrong.Error()
}

// At is what is wrong with the field, empty if nothing is.
func (f formState) At(field string) string {
	if f.Field() != field {
		return ""
	}
	return f.Problem()
}

// fieldError is wrong input, with the name of the form's field where it stood.
type fieldError struct {
	field string
	error
}

func (e *fieldError) Unwrap() error { return e.error }

// at says to which field an error belongs; no error stays none.
func at(field string, err error) error {
	if err == nil {
		return nil
	}
	return &fieldError{field, err}
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

// Paths of the UI. Those of Setup are invented, except the integration list; the certificates endpoint links to
// integrationPath and rolePath.
const (
	homePath           = "/app/center/card.nl"
	bundlePath         = "/app/bundler/bundledetails.nl"
	bundleListPath     = "/app/bundler/bundlelist.nl"
	employeePath       = "/app/common/entity/employee.nl"
	employeeListPath   = "/app/common/entity/employeelist.nl"
	rolePath           = "/app/setup/role.nl"
	roleListPath       = "/app/setup/rolelist.nl"
	featuresPath       = "/app/setup/enablefeatures.nl"
	integrationsPath   = "/app/common/integration/integrapplist.nl"
	integrationPath    = "/app/common/integration/integrapp.nl"
	newIntegrationPath = "/app/common/integration/newintegrapp.nl"
	m2mPath            = "/app/setup/oauth2.0/m2msetup.nl"
	newMappingPath     = "/app/setup/oauth2.0/m2mnew.nl"
	authorizedPath     = "/app/setup/oauth2.0/authorizedapps.nl"
	trailPath          = "/app/setup/loginaudit.nl"
)

// uiLink is a page of the UI with the way to it in NetSuite's menu.
type uiLink struct{ Path, Name, Menu string }

// uiLinks are the pages that the home page and the account's hub lead to.
var uiLinks = []uiLink{
	{integrationsPath, "Manage Integrations", "Setup > Integration > Manage Integrations"},
	{m2mPath, "OAuth 2.0 Client Credentials (M2M) Setup", "Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup"},
	{authorizedPath, "OAuth 2.0 Authorized Applications", "Setup > Integration > Manage Authentication > OAuth 2.0 Authorized Applications"},
	{employeeListPath, "Employees", "Lists > Employees > Employees"},
	{roleListPath, "Manage Roles", "Setup > Users/Roles > Manage Roles"},
	{trailPath, "Login Audit Trail", "Setup > Users/Roles > User Management > View Login Audit Trail"},
	{featuresPath, "Enable Features", "Setup > Company > Enable Features"},
	{bundleListPath, "Bundles", "Customization > SuiteBundler > Search & Install Bundles"},
}

// uiRoutes are the pages for the account's people.
func (s *Server) uiRoutes(on func(pattern string, h handler)) {
	on("GET /{$}", s.root)
	on("POST "+loginPath, s.login)
	on("GET "+ticketPath, s.pickUpTicket)
	on("POST /app/login/logout.nl", s.logout)
	on("GET "+homePath, s.home)
	on("GET "+bundlePath, s.showBundle)
	on("POST "+bundlePath, s.changeBundle)
	on("GET "+bundleListPath, s.showBundles)
	on("GET "+employeePath, s.showEmployee)
	on("POST "+employeePath, s.changeEmployee)
	on("GET "+employeeListPath, s.showEmployees)
	on("GET "+rolePath, s.showRole)
	on("POST "+rolePath, s.changeRole)
	on("GET "+roleListPath, s.showRoles)
	on("GET "+featuresPath, s.showFeatures)
	on("POST "+featuresPath, s.changeFeature)
	on("GET "+integrationsPath, s.showIntegrations)
	on("POST "+integrationsPath, s.changeIntegrations)
	on("GET "+integrationPath, s.showIntegration)
	on("POST "+integrationPath, s.changeIntegration)
	on("GET "+newIntegrationPath, s.newIntegration)
	on("POST "+newIntegrationPath, s.createIntegration)
	on("GET "+m2mPath, s.showMappings)
	on("POST "+m2mPath, s.revokeMapping)
	on("GET "+newMappingPath, s.newMappingPage)
	on("POST "+newMappingPath, s.createMapping)
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
			Links []uiLink
		}{role.Name, uiLinks})
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

type featureRow struct {
	ID, Name string
	On       bool
}

func (a *Account) featureRows() []featureRow {
	var rows []featureRow
	for _, id := range Features {
		rows = append(rows, featureRow{id, featureNames[id], a.Feature(id)})
	}
	return rows
}

func (s *Server) showFeatures(c *call) {
	if _, ok := s.signedIn(c, "ADMI_ENABLEFEATURES"); ok {
		c.met("features page")
		s.page(c, http.StatusOK, "features.html", "Enable Features", "features", c.account.featureRows())
	}
}

func (s *Server) changeFeature(c *call) {
	s.change(c, "ADMI_ENABLEFEATURES", featuresPath, func(form url.Values) error {
		return c.account.SetFeature(form.Get("feature"), form.Get("action") == "on")
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
