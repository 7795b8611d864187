package netsuitetest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// flow is one authorization under way. Handlers work on copies and save them.
type flow struct {
	id, clientID, redirectURI, state, challenge string
	nonce                                       string // of an OIDC client
	scopes                                      []string
	prompt                                      []string
	created                                     time.Time

	account *Account // nil at system.netsuite.com until the company is chosen
	email   string   // logged in at system.netsuite.com, company not chosen yet
	session *session // nil until logged in
	fresh   bool     // logged in for this flow
	chosen  bool     // company or role were not clear, the person chose
	role    int64    // 0 until chosen
	code    string   // the code that a duplicate callback brings again
}

// Authorizations that nobody finished are forgotten after flowLife, and beyond flowsKept at once.
const (
	flowLife  = time.Hour
	flowsKept = 10_000
)

// authorizeRefusal is an error of the authorization request.
type authorizeRefusal struct {
	code     string // OAuth's error
	rule     string
	audit    string
	redirect bool // else an error page only
}

const authorizePath = "/app/login/oauth2/authorize.nl"

// authorize begins an authorization (H/section_158081944642), or shows the step at which one stands.
func (s *Server) authorize(c *call) {
	noStore(c)
	if id := c.r.URL.Query().Get("flow"); id != "" {
		s.resume(c, id)
		return
	}
	f, no := s.readAuthorization(c)
	if no != nil {
		s.refuseAuthorization(c, f, no)
		return
	}
	f.account = c.account
	if c.account != nil && !slices.Contains(f.prompt, "login") {
		f.session = c.session()
	}
	if f.session == nil && slices.Contains(f.prompt, "none") {
		s.refuseAuthorization(c, f, &authorizeRefusal{code: s.settings().PromptNoneError, rule: "prompt=none without a session (H/section_158081944642)", redirect: true})
		return
	}
	s.keepFlow(f)
	s.proceed(c, f)
}

// readAuthorization checks the request in the order in which errors are told: first what allows no redirect, then
// the rest (H/subsect_161252455245). The flow that it returns is enough to redirect an error.
func (s *Server) readAuthorization(c *call) (*flow, *authorizeRefusal) {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	f := &flow{id: randomHex(16), clientID: q.Get("client_id"), redirectURI: q.Get("redirect_uri"), created: s.clock.Now()}
	c.entry.ClientID = f.clientID
	page := func(code, rule, audit string) (*flow, *authorizeRefusal) {
		return f, &authorizeRefusal{code: code, rule: rule, audit: audit}
	}
	i, known := s.integration(f.clientID)
	switch {
	case err != nil:
		return page("invalid_request", "the query is malformed", "")
	case len(q["client_id"]) > 1 || len(q["redirect_uri"]) > 1:
		return page("invalid_request", "client_id and redirect_uri must be given once (RFC 6749 section 3.1)", "")
	case f.clientID == "":
		return page("invalid_request", "client_id is required (H/section_158081944642)", "UnknownIntegration")
	case !known:
		return page("unauthorized_client", "unknown client ID (H/subsect_161252455245)", "UnknownIntegration")
	case !slices.Contains(i.RedirectURIs, f.redirectURI):
		return page("invalid_request", "redirect_uri must equal one of the record's, byte for byte (H/subsect_161252455245)", "InvalidRedirectURI")
	}
	if c.account != nil {
		if no := s.blockedAt(c.account, i); no != nil {
			return f, no
		}
	}
	return f, s.readRest(f, i, q)
}

// blockedAt is the error page of a record or account that allows no OAuth 2.0 log-in at all.
func (s *Server) blockedAt(a *Account, i Integration) *authorizeRefusal {
	if !a.Feature("OAUTH2") {
		return &authorizeRefusal{code: "unauthorized_client", rule: "the feature OAuth 2.0 is off in this account (guess)"}
	}
	if r, ok := a.record(i.ClientID); ok && r.blocks(stageAuthorize, s.settings().ApprovalBlocks) {
		return &authorizeRefusal{
			code: "unauthorized_client", audit: "IntegrationBlocked",
			rule: "IntegrationBlocked: the integration record is " + r.State + " (H/section_4429293934); see Setup > Integration > Manage Integrations",
		}
	}
	return nil
}

var (
	challenges = newForm(`^[A-Za-z0-9_-]{43}$`)
	prompts    = []string{"", "none", "login", "consent", "login consent", "consent login"}
)

// readRest checks the parameters whose errors go back to the client, and fills the flow.
func (s *Server) readRest(f *flow, i Integration, q url.Values) *authorizeRefusal {
	back := func(code, rule, audit string) *authorizeRefusal {
		return &authorizeRefusal{code: code, rule: rule, audit: audit, redirect: true}
	}
	if validState(q.Get("state")) {
		f.state = q.Get("state")
	}
	for name, values := range q {
		if len(values) > 1 {
			return back("invalid_request", "parameter "+clip(name)+" must not be given twice (RFC 6749 section 3.1)", "")
		}
	}
	if f.state == "" {
		return back("invalid_request", "state must be 22 to 1024 printable ASCII characters (H/subsect_158711892221)", "InvalidState")
	}
	method, challenge := q.Get("code_challenge_method"), q.Get("code_challenge")
	f.scopes = strings.Split(q.Get("scope"), " ")
	switch {
	case !i.CodeGrant:
		return back("unauthorized_client", "Authorization Code Grant is not ticked in the record", "AuthorizationCodeGrantRequired")
	case q.Get("response_type") == "":
		return back("invalid_request", "response_type is required (H/section_158081944642)", "")
	case q.Get("response_type") != "code":
		return back("unsupported_response_type", "response_type must be code (H/subsect_161252455245)", "")
	case q.Get("scope") == "":
		return back("invalid_request", "scope is required (H/section_158081944642)", "ScopeMismatched")
	case slices.Contains(f.scopes, scopeEmail) && !slices.Contains(f.scopes, scopeOpenID):
		return back("invalid_scope", "scope email goes with openid (OpenID Connect Core section 5.4)", "ScopeMismatched")
	case !subset(f.scopes, s.scopesOf(i)) || len(f.scopes) != len(slices.Compact(slices.Sorted(slices.Values(f.scopes)))):
		return back("invalid_scope", "scope must name scopes of the record, parted by one space, each once (H/section_158081944642)", "ScopeMismatched")
	case challenge == "" && method != "":
		return back("invalid_request", "code_challenge_method without code_challenge (RFC 7636 section 4.3)", "")
	case challenge == "" && (i.Public || slices.Contains(f.scopes, scopeMCP) || i.needsPKCE()):
		return back("invalid_request", "code_challenge is required: public client, scope mcp, or a record made at release 2027.1 (H/section_158921905537)", "")
	case challenge != "" && method != "S256":
		return back("invalid_request", "code_challenge_method must be S256; plain ended with 2020.2 (H/section_158081944642)", "")
	case challenge != "" && !challenges.MatchString(challenge):
		return back("invalid_request", "code_challenge must be a SHA-256 in base64url without padding, 43 characters (RFC 7636 section 4.2)", "")
	case len(q.Get("nonce")) > maxNonce:
		return back("invalid_request", "nonce must not be longer than 1024 characters (the length is a guess)", "")
	case !slices.Contains(prompts, q.Get("prompt")):
		return back("invalid_request", "prompt must be none, login, consent, or login and consent (H/section_158081944642)", "")
	}
	f.nonce, f.challenge, f.prompt = q.Get("nonce"), challenge, strings.Fields(q.Get("prompt"))
	return nil
}

const maxNonce = 1024

func validState(state string) bool {
	return len(state) >= 22 && len(state) <= 1024 && !strings.ContainsFunc(state, func(r rune) bool { return r < 0x20 || r > 0x7e })
}

// refuseAuthorization tells an error by redirect or by page.
func (s *Server) refuseAuthorization(c *call, f *flow, no *authorizeRefusal) {
	c.broke(no.rule)
	c.entry.AuditDetail = no.audit
	if c.account != nil && no.audit != "" {
		c.account.audit(AuditLine{ClientID: f.clientID, Entity: c.entry.Entity, Role: c.entry.Role, Detail: no.audit})
	}
	if !no.redirect {
		s.errorPage(c, http.StatusBadRequest, "This application cannot be authorized", no.rule, no.code)
		return
	}
	params := [][2]string{{"error", no.code}}
	if f.state != "" {
		params = append(params, [2]string{"state", f.state})
	}
	if s.settings().RedirectErrorExtra && c.account != nil {
		params = append(params, [2]string{"company", c.account.claimed(&c.account.redirectCompany)})
		if f.session != nil {
			params = append(params, [2]string{"role", strconv.FormatInt(f.role, 10)}, [2]string{"entity", strconv.FormatInt(f.session.entity, 10)})
		}
	}
	c.redirect(withParams(f.redirectURI, params))
}

// withParams adds parameters to a URI in the given order.
func withParams(uri string, params [][2]string) string {
	sep := "?"
	if strings.Contains(uri, "?") {
		sep = "&"
	}
	for _, p := range params {
		uri += sep + url.QueryEscape(p[0]) + "=" + url.QueryEscape(p[1])
		sep = "&"
	}
	return uri
}

func (s *Server) keepFlow(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.flows {
		if f.created.Sub(old.created) > flowLife || len(s.flows) >= flowsKept {
			delete(s.flows, id)
		}
	}
	s.flows[f.id] = *f
}

// flow finds an authorization under way that belongs to this host; it answers itself when there is none.
func (s *Server) flow(c *call, id string) (*flow, bool) {
	s.mu.Lock()
	f, there := s.flows[id]
	s.mu.Unlock()
	if !there || f.account != c.account || s.clock.Now().Sub(f.created) > flowLife {
		c.broke("no such authorization under way on this host")
		s.errorPage(c, http.StatusBadRequest, "This log-in is over", "Go back to the application and start again.", "")
		return nil, false
	}
	c.entry.ClientID = f.clientID
	return &f, true
}

// saveFlow keeps the copy, unless the flow has ended meanwhile.
func (s *Server) saveFlow(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.flows[f.id]; there {
		s.flows[f.id] = *f
	}
}

// resume shows the step of an authorization under way, or picks up a session that began at the system host.
func (s *Server) resume(c *call, id string) {
	f, ok := s.flow(c, id)
	if !ok {
		return
	}
	if ticket := c.r.URL.Query().Get("ticket"); ticket != "" && c.account != nil {
		c.account.mu.Lock()
		sess := c.account.tickets[ticket]
		delete(c.account.tickets, ticket)
		c.account.mu.Unlock()
		if sess != nil && sess == f.session {
			c.startSession(sess)
			c.met("session continued on the account's own domain")
			c.redirect(authorizePath + "?flow=" + f.id)
			return
		}
	}
	if !s.ownFlow(c, f) {
		return
	}
	s.proceed(c, f)
}

// ownFlow checks that the browser is the one that logged in.
func (s *Server) ownFlow(c *call, f *flow) bool {
	if f.session == nil || f.session == c.session() {
		return true
	}
	c.broke("the authorization belongs to another browser")
	s.errorPage(c, http.StatusForbidden, "This log-in belongs to another browser", "Go back to the application and start again.", "")
	return false
}

// proceed shows the next page of the flow, or ends it.
func (s *Server) proceed(c *call, f *flow) {
	if f.session == nil {
		c.met("authorization request in order (H/section_158081944642); log-in page")
		s.showLogin(c, f, http.StatusOK, "")
		return
	}
	i, _ := s.integration(f.clientID)
	r := c.account.install(i)
	if no := s.blockedAt(c.account, i); no != nil {
		s.refuseAuthorization(c, f, no)
		return
	}
	c.entry.Entity = f.session.entity
	roles := s.eligible(c.account, f)
	if len(roles) == 0 {
		s.refuseAuthorization(c, f, &authorizeRefusal{
			code: "access_denied", audit: "EntityOrRoleDisabled",
			rule: "none of the user's roles may log in using OAuth 2.0 access tokens (H/section_157771510070)",
		})
		return
	}
	if !s.settleRole(c, f, r, roles) {
		c.met("role choice")
		s.page(c, http.StatusOK, "role.html", "Choose a role", "role", rolePage{Flow: f.id, App: i.Name, Roles: roles, Current: f.session.role})
		return
	}
	c.entry.Role = f.role
	if s.wantsScreen(c.account, f, r.Policy, f.role) {
		role, _ := c.account.data().Role(f.role)
		c.met("consent page")
		s.page(c, http.StatusOK, "consent.html", "Allow access", "consent", consentPage{Flow: f.id, App: i.Name, Role: role.Name, Email: f.session.email, Scopes: describeScopes(f.scopes)})
		return
	}
	s.grantCode(c, f)
}

// eligible are the user's roles that this client could act in; Administrator may not use mcp (H/article_4160616848).
func (s *Server) eligible(a *Account, f *flow) []Role {
	e, _ := a.data().Employee(f.session.entity)
	var out []Role
	for _, id := range e.Roles {
		if a.usable(e.ID, id) != nil {
			continue
		}
		r, _ := a.data().Role(id)
		if slices.Contains(f.scopes, scopeMCP) && (r.FullAccess || id == 3) {
			continue
		}
		out = append(out, r)
	}
	return out
}

// settleRole decides the role where there is nothing to choose, or no screen to choose on.
func (s *Server) settleRole(c *call, f *flow, r record, roles []Role) bool {
	if f.role != 0 {
		return true
	}
	held := func(id int64) bool { return slices.ContainsFunc(roles, func(r Role) bool { return r.ID == id }) }
	switch {
	case len(roles) == 1:
		f.role = roles[0].ID
	case !f.fresh && held(f.session.role) && !s.wantsScreen(c.account, f, r.Policy, f.session.role):
		f.role = f.session.role
	}
	s.saveFlow(f)
	return f.role != 0
}

// wantsScreen is the table of consent policy and prompt (H/section_162877225089). Ask First Time asks again for another set
// of scopes, and when company or role were not clear.
func (s *Server) wantsScreen(a *Account, f *flow, policy string, role int64) bool {
	asked := slices.Contains(f.prompt, "consent")
	switch policy {
	case policyNever:
		return asked && s.settings().NeverAskConsentScreen
	case policyFirst:
		a.mu.Lock()
		defer a.mu.Unlock()
		return asked || f.chosen || !a.consents[consentKey(f, role)]
	}
	return true
}

func consentKey(f *flow, role int64) string {
	scopes := slices.Sorted(slices.Values(f.scopes))
	return strings.Join([]string{f.clientID, strconv.FormatInt(f.session.entity, 10), strconv.FormatInt(role, 10), strings.Join(scopes, " ")}, "|")
}

type rolePage struct {
	Flow, App string
	Roles     []Role
	Current   int64
}

type consentPage struct {
	Flow, App, Role, Email string
	Scopes                 []string
}

// describeScopes are the labels of the record's check boxes.
func describeScopes(scopes []string) []string {
	names := map[string]string{
		scopeREST: "REST Web Services", scopeRESTlets: "RESTlets", scopeAnalytics: "SuiteAnalytics Connect", scopeMCP: "NetSuite AI Connector Service",
		scopeOpenID: "who you are (OpenID)", scopeEmail: "your e-mail address",
	}
	out := make([]string, len(scopes))
	for n, scope := range scopes {
		out[n] = names[scope]
	}
	return out
}

func (s *Server) showLogin(c *call, f *flow, status int, problem string) {
	data := loginPage{Action: authorizePath, Flow: f.id, Email: f.email, Error: problem}
	if c.account != nil {
		data.People = c.account.people()
	} else if data.People = s.fallback.people(); f.email != "" {
		data.Companies = s.enterable(f.email)
	}
	s.page(c, status, "login.html", "Log in", "login", data)
}

// authorizeStep takes the form of a step: log-in, company, role, consent.
func (s *Server) authorizeStep(c *call) {
	noStore(c)
	form, ok := s.pageForm(c)
	if !ok {
		return
	}
	f, ok := s.flow(c, form.Get("flow"))
	if !ok {
		return
	}
	switch {
	case f.session == nil:
		s.stepLogin(c, f, form)
	case !s.ownFlow(c, f):
	case form.Has("role"):
		s.stepRole(c, f, form)
	case form.Has("action"):
		s.stepConsent(c, f, form)
	default:
		c.redirect(authorizePath + "?flow=" + f.id)
	}
}

// stepLogin logs in; at the system host it also settles the company.
func (s *Server) stepLogin(c *call, f *flow, form url.Values) {
	if c.account == nil {
		s.stepSystemLogin(c, f, form)
		return
	}
	sess, err := c.account.signIn(form.Get("email"), form.Get("password"))
	if err != nil {
		c.broke("log-in refused: " + err.Error())
		s.showLogin(c, f, http.StatusBadRequest, err.Error())
		return
	}
	f.session, f.fresh = sess, true
	s.saveFlow(f)
	c.entry.Entity = sess.entity
	c.met("logged in")
	c.startSession(sess)
	c.redirect(authorizePath + "?flow=" + f.id)
}

// stepSystemLogin: who, then which company; from there the flow lives on the account's own domain.
func (s *Server) stepSystemLogin(c *call, f *flow, form url.Values) {
	if f.email == "" {
		email := form.Get("email")
		if form.Get("password") == "" || len(s.enterable(email)) == 0 {
			c.broke("log-in refused")
			s.showLogin(c, f, http.StatusBadRequest, "nobody with this e-mail can log in, or the password is empty")
			return
		}
		f.email = email
		s.saveFlow(f)
	}
	companies := s.enterable(f.email)
	chosen := slices.IndexFunc(companies, func(a *Account) bool { return a.id == canonicalAccount(form.Get("company")) })
	switch {
	case len(companies) == 1 && !form.Has("company"):
		chosen = 0
	case form.Get("company") == "":
		c.met("company choice")
		s.showLogin(c, f, http.StatusOK, "")
		return
	}
	if chosen < 0 {
		c.broke("this user cannot enter that company")
		s.showLogin(c, f, http.StatusBadRequest, "choose one of your companies")
		return
	}
	a := companies[chosen]
	sess, err := a.openSession(f.email)
	if err != nil {
		c.broke("log-in refused: " + err.Error())
		s.showLogin(c, f, http.StatusBadRequest, err.Error())
		return
	}
	ticket := randomHex(16)
	a.mu.Lock()
	a.tickets[ticket] = sess
	a.mu.Unlock()
	f.account, f.session, f.fresh, f.chosen = a, sess, true, len(companies) > 1
	s.saveFlow(f)
	c.met("logged in; the flow goes on at account " + a.id)
	c.redirect(c.addr.base(serviceApp, a.id, s.fallback.id) + authorizePath + "?flow=" + f.id + "&ticket=" + ticket)
}

func (s *Server) stepRole(c *call, f *flow, form url.Values) {
	id, err := strconv.ParseInt(form.Get("role"), 10, 64)
	if err != nil || !slices.ContainsFunc(s.eligible(c.account, f), func(r Role) bool { return r.ID == id }) {
		c.broke("role: not one of the user's roles that may log in with OAuth 2.0")
		s.errorPage(c, http.StatusBadRequest, "Choose one of your roles", "Go back and choose a role from the list.", "")
		return
	}
	f.role, f.chosen = id, true
	s.saveFlow(f)
	c.entry.Entity, c.entry.Role = f.session.entity, id
	c.met("role chosen")
	c.redirect(authorizePath + "?flow=" + f.id)
}

// stepConsent ends the flow: Allow or Deny (H/subsect_161252455245).
func (s *Server) stepConsent(c *call, f *flow, form url.Values) {
	c.entry.Entity, c.entry.Role = f.session.entity, f.role
	switch action := form.Get("action"); {
	case action == "deny":
		s.endFlow(f)
		s.refuseAuthorization(c, f, &authorizeRefusal{code: "access_denied", rule: "the user chose Deny (H/subsect_161252455245)", redirect: true})
	case action == "allow" && f.role != 0:
		s.grantCode(c, f)
	default:
		c.redirect(authorizePath + "?flow=" + f.id)
	}
}

// endFlow removes the flow and tells whether it was still there: two clicks on Allow give one code.
func (s *Server) endFlow(f *flow) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.flows[f.id]
	delete(s.flows, f.id)
	return there
}

// grantCode redirects back with the five parameters.
func (s *Server) grantCode(c *call, f *flow) {
	i, _ := s.integration(f.clientID)
	if no := s.blockedAt(c.account, i); no != nil {
		s.refuseAuthorization(c, f, no)
		return
	}
	again := s.strike(c, atRedirect).hit
	if again == nil && !s.endFlow(f) {
		c.broke("this authorization was answered already")
		s.errorPage(c, http.StatusBadRequest, "This log-in is over", "Go back to the application and start again.", "")
		return
	}
	now := s.clock.Now()
	value := cmp.Or(f.code, randomHex(32))
	if again != nil {
		if again.Kind == FaultDuplicateCallback {
			f.code = value
		}
		s.saveFlow(f)
	}
	a := c.account
	a.mu.Lock()
	for old, cd := range a.codes {
		if now.Sub(cd.issued) > time.Hour {
			delete(a.codes, old)
		}
	}
	if a.codes[value] == nil {
		a.codes[value] = &code{
			clientID: f.clientID, redirectURI: f.redirectURI, challenge: f.challenge, scopes: f.scopes,
			entity: f.session.entity, role: f.role, issued: now, nonce: f.nonce, session: f.session.id, loggedIn: f.session.started,
		}
	}
	a.consents[consentKey(f, f.role)] = true
	a.mu.Unlock()
	a.audit(AuditLine{ClientID: f.clientID, Entity: f.session.entity, Role: f.role, OK: true})
	c.entry.Entity, c.entry.Role = f.session.entity, f.role
	c.met("consent given: redirect with state, role, entity, company and code")
	values := map[string]string{
		"state": f.state, "role": strconv.FormatInt(f.role, 10), "entity": strconv.FormatInt(f.session.entity, 10),
		"company": a.claimed(&a.redirectCompany), "code": value,
	}
	var params [][2]string
	for _, name := range s.settings().RedirectParamOrder {
		params = append(params, [2]string{name, values[name]})
	}
	c.redirect(withParams(f.redirectURI, params))
}
