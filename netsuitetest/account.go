package netsuitetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// Account is one NetSuite account: its switches, integration records, certificates, grants and people. The
// methods do what an administrator does on NetSuite's pages, without a log-in. Safe for concurrent use.
type Account struct {
	s      *Server
	id     string
	vendor bool
	cfg    AccountConfig
	keys   *signingKeys

	governor *governor

	opening sync.Mutex
	company *company.Company // guarded by opening; nil until data is asked for, and again after a reset
	closed  bool             // guarded by opening

	mu           sync.Mutex           // guards what follows
	features     map[string]bool      //
	approval     bool                 // Require Approval during Auto-Installation of Integration
	records      map[string]*record   // integration records of this account, by client ID
	nextRecord   int64                // internal ID of the next integration record
	certificates []*certificate       // every mapping ever made, oldest first
	codes        map[string]*code     //
	grants       []*grant             // refresh chains, oldest first
	tokens       map[[32]byte]*token  // by SHA-256 of the token
	seenJTI      map[string]time.Time // assertions seen, until they expire; only with AssertionReplayCheck
	consents     map[string]bool      // consents given, for the policy Ask First Time
	sessions     map[string]*session  // UI sessions, by cookie value
	tickets      map[string]*session  // sessions started at the system host, to be picked up once
	installing   map[int64]time.Time  // bundles on their way, and when they arrive
	trail        []AuditLine          // Login Audit Trail
	lastMilli    int64                // makes the milliseconds in token IDs unique
	tba          map[string]*tbaToken // tokens of token-based authentication, by token ID
	nonces       map[string]time.Time // of OAuth 1.0 requests, until their timestamps are too old

	apiAccount, redirectCompany, tokenAccount string // overrides, empty = the truth
}

// State of an integration record in one account (H/section_4429293934).
const (
	stateEnabled = "Enabled"
	stateWaiting = "Waiting for Approval"
	stateBlocked = "Blocked"
)

// record is an integration record as one account keeps it: State and consent policy are the account's own
// (H/section_157771733782).
type record struct {
	ID       int64
	ClientID string
	State    string
	Policy   string
	Created  time.Time
}

// AuditLine is one line of the Login Audit Trail.
type AuditLine struct {
	At       time.Time
	ClientID string
	Entity   int64
	Role     int64
	OK       bool
	Detail   string // the names of netsuite-oauth2 pages, such as AccessTokenExpired; empty on success
}

// trailSize bounds the Login Audit Trail.
const trailSize = 10_000

func newAccount(s *Server, cfg AccountConfig) *Account {
	a := &Account{
		s: s, id: cfg.ID, vendor: cfg.Vendor, cfg: cfg, approval: cfg.RequireApproval,
		keys:     &signingKeys{account: cfg.ID, settings: s.settings},
		governor: newGovernor(cfg), tba: map[string]*tbaToken{}, nonces: map[string]time.Time{},
		features: map[string]bool{}, records: map[string]*record{}, nextRecord: 12, codes: map[string]*code{},
		tokens: map[[32]byte]*token{}, seenJTI: map[string]time.Time{}, consents: map[string]bool{},
		sessions: map[string]*session{}, tickets: map[string]*session{}, installing: map[int64]time.Time{},
	}
	for _, name := range Features {
		a.features[name] = true
	}
	maps.Copy(a.features, cfg.Features)
	return a
}

// ID is the account ID as NetSuite prints it.
func (a *Account) ID() string { return a.id }

// Name is the company's name.
func (a *Account) Name() string {
	if a.cfg.Name != "" {
		return a.cfg.Name
	}
	return a.id
}

// data is the company behind the account, opened at first use so that an emulator with many accounts starts at
// once.
func (a *Account) data() *company.Company {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.company != nil || a.closed {
		return a.company
	}
	c, err := company.Open(company.Config{
		AccountID: a.id, Name: a.Name(), Now: a.s.clock.Now, ServerTime: a.s.now,
		Customers: a.cfg.Customers, Items: a.cfg.Items, SalesOrders: a.cfg.SalesOrders,
		Choices: a.s.companyChoices, Features: a.Feature,
	})
	if err != nil {
		panic(fmt.Errorf("account %s: %w", a.id, err)) // an in-memory database opens, unless the seed sizes are wrong
	}
	for _, script := range a.s.cfg.Scripts {
		if err := c.AddScript(script); err != nil {
			panic(fmt.Errorf("account %s: %w", a.id, err)) // New has checked them
		}
	}
	a.company = c
	return c
}

// drop closes the company; data opens it anew, as it was at the start.
func (a *Account) drop() error {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.company == nil {
		return nil
	}
	err := a.company.Close()
	a.company = nil
	return err
}

// close frees the company for good.
func (a *Account) close() error {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.company == nil || a.closed {
		a.closed = true
		return nil
	}
	a.closed = true
	return a.company.Close()
}

// companyChoices are the settings that the company behind an account asks for.
func (s *Server) companyChoices() company.Choices {
	now := s.settings()
	return company.Choices{
		HiddenTablesEmpty: now.HiddenTablesEmpty, NullColumns: now.NullColumns, PreferOptional: now.PreferOptional,
		ClampLimit: now.SuiteQLClampsLimit, GetStatus: now.SuiteQLGetStatus, AsyncDelay: now.AsyncDelay, IdempotencyLife: now.IdempotencyLife,
		LimitTypeKey: now.LimitTypeKey, LimitsStatus: now.LimitsRefusalStatus, WriteStatus: now.RecordWriteStatus,
		PropertyNameValidation: now.PropertyNameValidation, LowerRecordTypeIDs: now.RecordTypeIDsLower, Errors: now.errorForm(),
	}
}

func (s *Settings) errorForm() company.ErrorForm {
	return company.ErrorForm{ForbiddenRFC2616: s.ForbiddenRFC2616, MissingRecordCode: s.MissingRecordCode}
}

// settle lets arrive what was on its way.
func (a *Account) settle() {
	now := a.s.clock.Now()
	a.mu.Lock()
	var due []int64
	for id, at := range a.installing {
		if !now.Before(at) {
			due = append(due, id)
			delete(a.installing, id)
		}
	}
	a.mu.Unlock()
	for _, id := range due {
		if err := a.InstallBundle(id); err != nil {
			a.s.log.Warn("bundle installation failed", "account", a.id, "bundle", id, "err", err)
		}
	}
}

// InstallBundle installs a bundle on offer, at once. A bundle installed already is left as it is.
func (a *Account) InstallBundle(id int64) error {
	b, ok := a.s.bundle(id)
	if !ok {
		return fmt.Errorf("bundle %d: not on offer; add it to Config.Bundles", id)
	}
	return a.data().InstallBundle(b)
}

// UninstallBundle removes a bundle with all that it brought.
func (a *Account) UninstallBundle(id int64) error { return a.data().UninstallBundle(id) }

// InstalledBundle tells whether the bundle is installed.
func (a *Account) InstalledBundle(id int64) bool {
	a.settle()
	_, ok := a.data().InstalledBundle(id)
	return ok
}

// beginInstall starts an installation that takes Settings.InstallDelay.
func (a *Account) beginInstall(id int64) {
	a.mu.Lock()
	if _, ok := a.installing[id]; !ok {
		a.installing[id] = a.s.clock.Now().Add(a.s.settings().InstallDelay)
	}
	a.mu.Unlock()
	a.settle()
}

// pending tells whether the bundle is on its way.
func (a *Account) pending(id int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.installing[id]
	return ok
}

// SetDeploymentStatus sets a script deployment, both by script ID, to "TESTING" or "RELEASED".
func (a *Account) SetDeploymentStatus(script, deploy, status string) error {
	return a.data().SetDeploymentStatus(script, deploy, status)
}

// Feature tells whether a feature is on; one that the emulator does not know is off.
func (a *Account) Feature(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.features[name]
}

// SetFeature switches one of Features.
func (a *Account) SetFeature(name string, on bool) error {
	if featureNames[name] == "" {
		return fmt.Errorf("feature %q: unknown, use one of %q", name, Features)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.features[name] = on
	return nil
}

// RequireApproval sets the preference "Require Approval during Auto-Installation of Integration".
func (a *Account) RequireApproval(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.approval = on
}

// ApproveIntegration sets the integration record of this account to Enabled.
func (a *Account) ApproveIntegration(clientID string) error {
	return a.setState(clientID, stateEnabled)
}

// BlockIntegration sets the integration record of this account to Blocked.
func (a *Account) BlockIntegration(clientID string) error { return a.setState(clientID, stateBlocked) }

func (a *Account) setState(clientID, state string) error {
	i, ok := a.s.integration(clientID)
	if !ok {
		return fmt.Errorf("integration %q: no such record; add it first", clip(clientID))
	}
	a.install(i)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records[clientID].State = state
	return nil
}

// SetConsentPolicy changes the policy of an integration record in this account: "Always Ask", "Ask First Time" or
// "Never Ask".
func (a *Account) SetConsentPolicy(clientID, policy string) error {
	i, ok := a.s.integration(clientID)
	if !ok {
		return fmt.Errorf("integration %q: no such record; add it first", clip(clientID))
	}
	i.ConsentPolicy = policy
	if err := i.check(a.s); err != nil {
		return err
	}
	a.install(i)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records[clientID].Policy = policy
	return nil
}

// install is the auto-installation at the first OAuth 2.0 use (H/section_4431829430). The owner's own record needs
// no approval.
func (a *Account) install(i Integration) record {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.records[i.ClientID]; r != nil {
		return *r
	}
	r := &record{ID: a.nextRecord, ClientID: i.ClientID, State: stateEnabled, Policy: i.ConsentPolicy, Created: a.s.clock.Now()}
	if a.approval && i.OwnerAccount != a.id {
		r.State = stateWaiting
	}
	a.nextRecord++
	a.records[i.ClientID] = r
	return *r
}

// record finds the integration record of this account.
func (a *Account) record(clientID string) (record, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.records[clientID]; r != nil {
		return *r, true
	}
	return record{}, false
}

// stage is a station of the flow at which a record's state can stop it.
type stage string

const (
	stageAuthorize stage = "authorize"
	stageToken     stage = "token"
	stageAPI       stage = "api"
)

// blocks tells whether the record's state stops a client at this stage. Blocked stops everywhere; where a record
// Waiting for Approval begins to stop is a setting, since Oracle says only that all requests are blocked.
func (r record) blocks(at stage, from string) bool {
	if r.State != stateWaiting {
		return r.State == stateBlocked
	}
	order := []string{string(stageAuthorize), string(stageToken), string(stageAPI)}
	return slices.Index(order, string(at)) >= slices.Index(order, from)
}

// AssignRole gives a role, named by script ID, to an employee, named by e-mail.
func (a *Account) AssignRole(email, roleScriptID string) error {
	e, r, err := a.employeeAndRole(email, roleScriptID)
	if err != nil {
		return err
	}
	return a.data().AssignRole(e.ID, r.ID)
}

// UnassignRole takes the role from the employee.
func (a *Account) UnassignRole(email, roleScriptID string) error {
	e, r, err := a.employeeAndRole(email, roleScriptID)
	if err != nil {
		return err
	}
	return a.data().UnassignRole(e.ID, r.ID)
}

func (a *Account) employeeAndRole(email, roleScriptID string) (Employee, Role, error) {
	e, ok := a.data().EmployeeByEmail(email)
	if !ok {
		return e, Role{}, fmt.Errorf("employee %q: nobody has this e-mail; add the employee first", clip(email))
	}
	r, ok := a.data().RoleByScriptID(roleScriptID)
	if !ok {
		return e, r, fmt.Errorf("role %q: no such script ID; install the bundle that brings it", clip(roleScriptID))
	}
	return e, r, nil
}

// AddEmployee adds an employee and returns the internal ID.
func (a *Account) AddEmployee(e Employee) (int64, error) { return a.data().AddEmployee(e) }

// Employees are all employees.
func (a *Account) Employees() []Employee { return a.data().Employees() }

// Roles are all roles.
func (a *Account) Roles() []Role { return a.data().Roles() }

// SetEmployeeInactive switches an employee off or on.
func (a *Account) SetEmployeeInactive(email string, inactive bool) error {
	e, ok := a.data().EmployeeByEmail(email)
	if !ok {
		return fmt.Errorf("employee %q: nobody has this e-mail", clip(email))
	}
	return a.data().SetEmployeeInactive(e.ID, inactive)
}

// SetRoleInactive switches a role off or on.
func (a *Account) SetRoleInactive(roleScriptID string, inactive bool) error {
	r, ok := a.data().RoleByScriptID(roleScriptID)
	if !ok {
		return fmt.Errorf("role %q: no such script ID", clip(roleScriptID))
	}
	return a.data().SetRoleInactive(r.ID, inactive)
}

// SetPermission gives a role a permission at a level (1 View, 2 Create, 3 Edit, 4 Full), or takes it away at level 0.
func (a *Account) SetPermission(roleScriptID, permission string, level int) error {
	r, ok := a.data().RoleByScriptID(roleScriptID)
	if !ok {
		return fmt.Errorf("role %q: no such script ID", clip(roleScriptID))
	}
	return a.data().SetPermission(r.ID, permission, level)
}

// Refresh is a sandbox refresh: the certificates' mappings and all grants and tokens are gone, those of token-based
// authentication included (H/section_162686838198, H/section_157780293862).
func (a *Account) Refresh() {
	for id := range a.tbaTokens() {
		_ = a.RevokeTBAToken(id) // it is there
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = nil
	clear(a.codes)
	clear(a.consents)
	for _, g := range a.grants {
		g.revoked = true
	}
	for _, t := range a.tokens {
		t.revoked = true
	}
}

// APIAccountOverride makes the links in API answers name another account; empty ends it.
func (a *Account) APIAccountOverride(id string) { a.setOverride(&a.apiAccount, id) }

// RedirectCompanyOverride makes the redirect's company parameter name another account; empty ends it.
func (a *Account) RedirectCompanyOverride(id string) { a.setOverride(&a.redirectCompany, id) }

// TokenAccountOverride makes the aud claim of new tokens name another account; empty ends it.
func (a *Account) TokenAccountOverride(id string) { a.setOverride(&a.tokenAccount, id) }

func (a *Account) setOverride(field *string, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*field = canonicalAccount(id)
}

// claimed is the value of an override, or the account's own ID.
func (a *Account) claimed(field *string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if *field != "" {
		return *field
	}
	return a.id
}

func (a *Account) linkAccount() string { return a.claimed(&a.apiAccount) }

// audit adds a line to the Login Audit Trail.
func (a *Account) audit(line AuditLine) {
	line.At = a.s.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.trail) == trailSize {
		a.trail = slices.Delete(a.trail, 0, trailSize/8)
	}
	a.trail = append(a.trail, line)
}

// LoginAuditTrail is the account's Login Audit Trail, oldest first.
func (a *Account) LoginAuditTrail() []AuditLine {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.trail)
}

var (
	errNoLogin = errors.New("the role lacks the permission Log in using OAuth 2.0 Access Tokens (H/section_157771510070)")
	errNotHeld = errors.New("the entity does not hold the role")
)

// usable, which may be called with or without mu, tells why this entity cannot act in this role, nil if it
// can. errNoLogin stands apart since the API answers it in another way.
func (a *Account) usable(entity, role int64) error {
	err := a.acts(entity, role)
	if err == nil && !a.data().Has(role, "ADMI_LOGIN_OAUTH2", 1) {
		return errNoLogin
	}
	return err
}

// acts tells why this entity cannot act in this role, whatever way it logs in; nil if it can.
func (a *Account) acts(entity, role int64) error {
	e, found := a.data().Employee(entity)
	r, known := a.data().Role(role)
	switch {
	case !found:
		return errors.New("the entity does not exist")
	case e.Inactive || !e.GiveAccess:
		return errors.New("the entity is inactive or has no access")
	case !known:
		return errors.New("the role does not exist")
	case r.Inactive:
		return errors.New("the role is inactive")
	case !slices.Contains(e.Roles, role):
		return errNotHeld
	}
	return nil
}
