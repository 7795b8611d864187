package netsuitetest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// The emulator's own pages, under adminPrefix on the bare address: for a person to look and click, without a log-in.

const (
	accountPath  = adminPrefix + "accounts/{id}/"
	faultsPath   = adminPrefix + "faults.html"
	clockPath    = adminPrefix + "clock.html"
	settingsPath = adminPrefix + "settings.html"
	ticketPath   = "/app/login/ticket.nl"
)

func (s *Server) faceRoutes(on func(pattern string, h handler)) {
	on("GET /_emulator/{$}", s.facePage)
	on("GET "+accountPath+"{$}", s.accountPage)
	on("POST "+accountPath+"enter", s.enterAccount)
	on("POST "+accountPath+"refresh.html", s.refreshAccount)
	on("GET "+ledgerPath, s.ledgerPage)
	on("GET "+ledgerPath+"/{n}", s.ledgerEntryPage)
	on("GET "+faultsPath, s.faultsPage)
	on("POST "+faultsPath, s.changeFaults)
	on("GET "+clockPath, s.clockPage)
	on("POST "+clockPath, s.changeClock)
	on("GET "+settingsPath, s.settingsPage)
}

// fact is a line of a list of facts.
type fact struct{ Name, Value string }

// accountRow is an account with its addresses.
type accountRow struct {
	*Account
	App, SuiteTalk, RESTlets string
	Default                  bool
}

// Kind says what sort of account it is, as its ID tells (H/section_4609939018; _RP by analogy).
func (r accountRow) Kind() string {
	_, suffix, _ := strings.Cut(r.id, "_")
	switch {
	case r.vendor:
		return "vendor"
	case strings.HasPrefix(suffix, "SB"):
		return "sandbox"
	case suffix == "RP":
		return "Release Preview"
	}
	return "production"
}

func (s *Server) accountRow(c *call, a *Account) accountRow {
	twins := c.addr
	twins.form = formTwin
	return accountRow{
		Account: a, App: twins.base(serviceApp, a.id, ""), SuiteTalk: twins.base(serviceSuiteTalk, a.id, ""),
		RESTlets: twins.base(serviceRESTlets, a.id, ""), Default: a == s.fallback,
	}
}

// reach says how a client comes here.
func (s *Server) reach(c *call) []fact {
	return []fact{
		{"Address", c.addr.url()},
		{"Without set-up", "the names under localhost lead here; so does the address above, for account " + s.fallback.id},
		{"Real names", "HTTPS_PROXY=" + c.addr.url() + ", and let the program trust " + c.addr.url() + "/_emulator/ca.pem"},
	}
}

func (s *Server) facePage(c *call) {
	var rows []accountRow
	for _, a := range s.order {
		rows = append(rows, s.accountRow(c, a))
	}
	broken := s.ledger.Count(ledgerQuery{OK: "false"}.match)
	c.met("the emulator's own face")
	s.page(c, http.StatusOK, "index.html", "NetSuite emulator", "index", struct {
		Now             time.Time
		Release         string
		Reach           []fact
		Accounts        []accountRow
		Broken, Entries int
	}{s.clock.Now(), s.settings().Release, s.reach(c), rows, broken, s.ledger.Count(ledgerQuery{}.match)})
}

// requestedAccount finds the account of the path; it answers itself when there is none.
func (s *Server) requestedAccount(c *call) (*Account, bool) {
	a := s.Account(c.r.PathValue("id"))
	if a == nil {
		c.broke("no such account")
		s.errorPage(c, http.StatusNotFound, "No such account", "Choose one from the emulator's home page.", "")
		return nil, false
	}
	return a, true
}

// accountHub is an account from above: what is in it, and the ways into it.
type accountHub struct {
	accountRow
	People                                     []person
	Chosen                                     string // an administrator
	Links                                      []uiLink
	Integrations, Certificates, Grants, Trails int
	Roles, Bundles                             int
	Features                                   []featureRow
}

func (s *Server) accountPage(c *call) {
	a, ok := s.requestedAccount(c)
	if !ok {
		return
	}
	hub := accountHub{
		accountRow: s.accountRow(c, a), People: a.people(), Links: uiLinks, Integrations: len(s.integrationRows(a)),
		Trails: len(a.LoginAuditTrail()), Roles: len(a.data().Roles()), Features: a.featureRows(),
	}
	if admin, ok := a.administrator(); ok {
		hub.Chosen = admin.Email
	}
	for _, m := range s.mappingRows(a) {
		if !m.Revoked && !m.Expired {
			hub.Certificates++
		}
	}
	for _, g := range a.Grants() {
		if g.State == "live" {
			hub.Grants++
		}
	}
	for _, b := range s.cfg.Bundles {
		if a.InstalledBundle(b.ID) {
			hub.Bundles++
		}
	}
	c.met("the emulator's own face")
	s.page(c, http.StatusOK, "account.html", a.Name(), "account", hub)
}

// administrator is the first person who can log in as Administrator.
func (a *Account) administrator() (Employee, bool) {
	people := a.mappable()
	i := slices.IndexFunc(people, func(e Employee) bool { return slices.Contains(e.Roles, company.RoleAdministrator) })
	if i < 0 {
		return Employee{}, false
	}
	return people[i], true
}

// enterAccount logs a person in to the account's own pages and leads to one of them. The ticket carries the session to
// the account's host, where alone its cookie may be set.
func (s *Server) enterAccount(c *call) {
	a, ok := s.requestedAccount(c)
	if !ok {
		return
	}
	form, ok := s.pageForm(c)
	if !ok {
		return
	}
	sess, err := a.openSession(form.Get("person"))
	if err != nil {
		c.broke("log-in refused: " + err.Error())
		s.errorPage(c, http.StatusBadRequest, "Nobody was logged in", err.Error()+". Go back and choose somebody of the list.", "")
		return
	}
	ticket := randomHex(16)
	a.mu.Lock()
	a.tickets[ticket] = sess
	a.mu.Unlock()
	c.met("the emulator's own face: log-in without a password")
	c.redirect(c.addr.base(serviceApp, a.id, s.fallback.id) + ticketPath + "?" +
		url.Values{"ticket": {ticket}, "next": {localPath(form.Get("page"))}}.Encode())
}

// pickUpTicket starts the session that waits under the ticket, once.
func (s *Server) pickUpTicket(c *call) {
	q := c.r.URL.Query()
	c.account.mu.Lock()
	sess := c.account.tickets[q.Get("ticket")]
	delete(c.account.tickets, q.Get("ticket"))
	c.account.mu.Unlock()
	if sess == nil {
		c.broke("the ticket is unknown or used")
		s.errorPage(c, http.StatusBadRequest, "This way in is used up", "Open the account once more from the emulator's pages, or log in.", "")
		return
	}
	c.startSession(sess)
	c.met("session begun at the emulator's own pages")
	c.redirect(localPath(q.Get("next")))
}

// faceForm reads a form of the emulator's own pages, does what it says and goes back. An error is shown by refused.
func (s *Server) faceForm(c *call, back string, do func(form url.Values) error, refused func(formState)) {
	form, ok := s.pageForm(c)
	if !ok {
		return
	}
	if err := do(form); err != nil {
		c.broke(err.Error())
		refused(formState{form, err})
		return
	}
	c.met("the emulator's own face")
	c.redirect(back)
}

// refreshAccount is a sandbox refresh.
func (s *Server) refreshAccount(c *call) {
	a, ok := s.requestedAccount(c)
	if !ok {
		return
	}
	if _, ok := s.pageForm(c); !ok {
		return
	}
	a.Refresh()
	c.met("the emulator's own face")
	c.redirect(adminPrefix + "accounts/" + a.id + "/")
}

func (s *Server) faultsPage(c *call) {
	c.met("the emulator's own face")
	s.showFaults(c, http.StatusOK, formState{Values: url.Values{"times": {"1"}}})
}

func (s *Server) showFaults(c *call, status int, form formState) {
	kinds := slices.DeleteFunc(FaultKinds(), func(k FaultKindInfo) bool { return k.GoOnly })
	s.page(c, status, "faults.html", "Faults", "faults", struct {
		Form     formState
		Active   []ActiveFault
		Kinds    []FaultKindInfo
		Fields   []faultField
		Methods  []string
		Accounts []*Account
	}{form, s.Faults(), kinds, faultFields, []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete}, s.order})
}

// faultField is a text of a fault's form that some kinds need or take; Name is that of Fault in JSON.
type faultField struct{ Name, Label, Example string }

var faultFields = []faultField{
	{"delay", "Delay", "150ms"},
	{"status", "Status", "503"},
	{"retry_after", "Retry-After", "30"},
	{"content_type", "Content type", "text/html"},
	{"body", "Body", ""},
	{"location", "Location", ""},
	{"skew", "Skew", "-5m"},
	{"client_id", "Client ID", ""},
	{"certificate_id", "Certificate ID", ""},
	{"employee", "Employee", "integration@globex.example"},
	{"role", "Role", "customrole_acme_sync"},
}

// changeFaults adds a fault, or removes one or all.
func (s *Server) changeFaults(c *call) {
	s.faceForm(c, faultsPath, func(form url.Values) error {
		switch action, id, _ := strings.Cut(form.Get("action"), " "); action {
		case "clear":
			s.ClearFaults()
			return nil
		case "remove":
			n, err := strconv.Atoi(id)
			if err != nil || !s.RemoveFault(n) {
				return errors.New("fault: it has ended already")
			}
			return nil
		}
		in, err := readFault(form)
		if err != nil {
			return err
		}
		if _, err := s.AddFault(in); err != nil {
			return at(faultErrorField.FindString(strings.TrimPrefix(err.Error(), "fault: ")), err)
		}
		return nil
	}, func(form formState) { s.showFaults(c, http.StatusBadRequest, form) })
}

// faultErrorField is the field that an error of AddFault begins with.
var faultErrorField = regexp.MustCompile(`^[a-z_]+`)

// readFault reads the form of a fault; AddFault checks what it says.
func readFault(form url.Values) (f Fault, err error) {
	f = Fault{
		Kind: FaultKind(form.Get("kind")), Account: form.Get("account"), Method: form.Get("method"), Path: form.Get("path"), After: form.Has("after"),
		RetryAfter: form.Get("retry_after"), ContentType: form.Get("content_type"), Body: form.Get("body"), Location: form.Get("location"),
		ClientID: form.Get("client_id"), CertificateID: form.Get("certificate_id"), Employee: form.Get("employee"), Role: form.Get("role"),
	}
	if kind, known := faultKind(f.Kind); !known || kind.GoOnly {
		return f, at("kind", errors.New("kind: choose one of the list"))
	}
	for name, into := range map[string]*int{"skip": &f.Skip, "times": &f.Times, "status": &f.Status} {
		if text := strings.TrimSpace(form.Get(name)); text != "" {
			if *into, err = strconv.Atoi(text); err != nil || *into < 0 {
				return f, at(name, fmt.Errorf("%s: want a whole number, 0 or more", name))
			}
		}
	}
	for name, into := range map[string]*time.Duration{"delay": &f.Delay, "skew": &f.Skew} {
		if text := strings.TrimSpace(form.Get(name)); text != "" {
			if *into, err = time.ParseDuration(text); err != nil {
				return f, at(name, fmt.Errorf("%s: want a duration such as 150ms, 5m or -5m", name))
			}
		}
	}
	return f, nil
}

func (s *Server) clockPage(c *call) {
	c.met("the emulator's own face")
	s.showClock(c, http.StatusOK, formState{})
}

func (s *Server) showClock(c *call, status int, form formState) {
	s.page(c, status, "clock.html", "Clock", "clock", struct {
		Form      formState
		Now, Told time.Time
		Steps     []choice
	}{form, s.clock.Now(), s.now(), []choice{
		{"10m", "10 minutes"}, {"1h", "1 hour"}, {"24h", "1 day"}, {"168h", "7 days"}, {"2160h", "90 days"}, {"17520h", "2 years"},
	}})
}

// changeClock moves the clock, or skews what NetSuite tells.
func (s *Server) changeClock(c *call) {
	s.faceForm(c, clockPath, func(form url.Values) error {
		switch form.Get("action") {
		case "advance":
			d, err := time.ParseDuration(form.Get("advance"))
			if err != nil {
				return at("advance", errors.New("advance: want a duration such as 2h, 90m or -30s"))
			}
			s.clock.Advance(d)
			return nil
		case "set":
			t, err := time.Parse(time.RFC3339, form.Get("set"))
			if err != nil {
				return at("set", errors.New("set: want a time such as 2027-01-01T00:00:00Z"))
			}
			s.clock.Set(t)
			return nil
		case "skew":
			d, err := time.ParseDuration(form.Get("skew"))
			if err != nil {
				return at("skew", errors.New("skew: want a duration such as 5m or -90s; 0s ends it"))
			}
			s.SkewDate(d)
			return nil
		}
		return errors.New("action: want advance, set or skew")
	}, func(form formState) { s.showClock(c, http.StatusBadRequest, form) })
}

// settingRow is a setting with its value in force.
type settingRow struct {
	Setting
	Value string
}

// settingsPage lists the settings by group, with their values.
func (s *Server) settingsPage(c *call) {
	var rows []settingRow
	for _, setting := range AllSettings() {
		value, err := s.settings().Get(setting.Name)
		if err != nil {
			panic(err) // a name of the table itself
		}
		rows = append(rows, settingRow{setting, value})
	}
	c.met("the emulator's own face")
	s.page(c, http.StatusOK, "settings.html", "Settings", "settings", rows)
}
