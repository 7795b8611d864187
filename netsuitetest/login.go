package netsuitetest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// session is a person logged in to the UI of one account.
type session struct {
	id     string
	email  string
	entity int64
	role   int64 // the role of the UI: Administrator if held, else the first

	started time.Time
}

// cookieName is the account's session cookie.
func (a *Account) cookieName() string { return "ui_session_" + hostLabel(a.id) }

// session is the UI session that the browser carries, nil if none.
func (c *call) session() *session {
	cookie, err := c.r.Cookie(c.account.cookieName())
	if err != nil {
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return c.account.sessions[cookie.Value]
}

// startSession gives the browser the session's cookie. Lax: an authorization request comes from another site.
func (c *call) startSession(sess *session) {
	http.SetCookie(c.w, &http.Cookie{
		Name: c.account.cookieName(), Value: sess.id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: c.addr.form == formReal,
	})
}

// signIn checks who logs in. Every password is accepted, as the page says, but an empty one.
func (a *Account) signIn(email, password string) (*session, error) {
	if password == "" {
		return nil, errors.New("type a password; any will do")
	}
	return a.openSession(email)
}

func (a *Account) openSession(email string) (*session, error) {
	e, ok := a.data().EmployeeByEmail(email)
	switch {
	case !ok:
		return nil, errors.New("nobody with this e-mail can log in to this account")
	case e.Inactive || !e.GiveAccess:
		return nil, errors.New("this user has no access")
	case len(e.Roles) == 0:
		return nil, errors.New("this user has no role")
	}
	sess := &session{id: randomHex(16), email: e.Email, entity: e.ID, role: e.Roles[0], started: a.s.clock.Now()}
	if slices.Contains(e.Roles, company.RoleAdministrator) {
		sess.role = company.RoleAdministrator
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[sess.id] = sess
	return sess, nil
}

// enterable are the accounts that this e-mail can enter.
func (s *Server) enterable(email string) []*Account {
	var out []*Account
	for _, a := range s.order {
		e, ok := a.data().EmployeeByEmail(email)
		if ok && !e.Inactive && e.GiveAccess && len(e.Roles) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// person is a line of the list of people on the log-in page.
type person struct{ Email, Name, Roles string }

// people are those who can log in, to save newcomers the guessing.
func (a *Account) people() []person {
	var out []person
	for _, e := range a.data().Employees() {
		if e.Inactive || !e.GiveAccess || len(e.Roles) == 0 {
			continue
		}
		var names []string
		for _, id := range e.Roles {
			if r, ok := a.data().Role(id); ok {
				names = append(names, r.Name)
			}
		}
		out = append(out, person{e.Email, strings.TrimSpace(e.First + " " + e.Last), strings.Join(names, ", ")})
	}
	return out
}

// loginPage is what the log-in form is filled from.
type loginPage struct {
	Action    string // where the form goes
	Flow      string // the authorization under way
	Next      string // or the page to see after log-in
	Email     string
	Error     string
	People    []person
	Companies []*Account // choose one: the second step at system.netsuite.com
}

// signedIn finds the session of a page and checks its permission; it answers itself when there is none.
func (s *Server) signedIn(c *call, permission string) (*session, bool) {
	sess := c.session()
	if sess == nil {
		c.met("log-in page: no UI session")
		s.page(c, http.StatusOK, "login.html", "Log in", "login", loginPage{
			Action: loginPath, Next: c.r.URL.RequestURI(), People: c.account.people(),
		})
		return nil, false
	}
	if permission != "" && !c.account.data().Has(sess.role, permission, 1) {
		c.broke("the role of this session lacks " + permission)
		s.errorPage(c, http.StatusForbidden, "Your role does not have permission to view this page", "Log in as an administrator. Missing: "+permission, "")
		return nil, false
	}
	return sess, true
}

const loginPath = "/app/login/secure/enterpriselogin.nl"

// login is the log-in form of the UI's pages.
func (s *Server) login(c *call) {
	form, ok := s.pageForm(c)
	if !ok {
		return
	}
	next := localPath(form.Get("next"))
	sess, err := c.account.signIn(form.Get("email"), form.Get("password"))
	if err != nil {
		c.broke("log-in refused: " + err.Error())
		s.page(c, http.StatusBadRequest, "login.html", "Log in", "login", loginPage{
			Action: loginPath, Next: next, Email: form.Get("email"), Error: err.Error(), People: c.account.people(),
		})
		return
	}
	c.entry.Entity, c.entry.Role = sess.entity, sess.role
	c.met("logged in")
	c.startSession(sess)
	c.redirect(next)
}

// logout ends the UI session.
func (s *Server) logout(c *call) {
	if sess := c.session(); sess != nil {
		c.account.mu.Lock()
		delete(c.account.sessions, sess.id)
		c.account.mu.Unlock()
	}
	c.met("logged out")
	c.redirect(homePath)
}

// localPath keeps a redirect on this host.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/app/") || strings.ContainsAny(next, "\\\r\n") {
		return homePath
	}
	return next
}
