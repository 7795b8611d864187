package broker

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

// App is one application as its YAML file defines it (design.md 4.3).
type App struct {
	Name        string          `yaml:"name" json:"name"`
	DisplayName string          `yaml:"display_name" json:"display_name"`
	Integration Integration     `yaml:"integration" json:"integration"`
	Scopes      []string        `yaml:"scopes" json:"scopes"`
	Bundle      Bundle          `yaml:"bundle" json:"bundle"`
	Role        Role            `yaml:"role" json:"role"`
	Certificate CertificateSpec `yaml:"certificate" json:"certificate"`
	Tasks       []Task          `yaml:"tasks" json:"tasks,omitempty"`
	Probe       []Probe         `yaml:"probe" json:"probe,omitempty"`
	ReturnURLs  []string        `yaml:"return_urls" json:"return_urls,omitempty"`
	Brand       Brand           `yaml:"brand" json:"brand"`

	// ClientSecret of a confidential consent client, sealed; empty for a public one.
	ClientSecret Sealed `yaml:"-" json:"-"`
	// UserClientSecret of a confidential user client, sealed.
	UserClientSecret Sealed `yaml:"-" json:"-"`
	// Logo is the brand's picture as stored, and its media type.
	Logo     []byte `yaml:"-" json:"-"`
	LogoType string `yaml:"-" json:"-"`
	// CheckedAt is when NetSuite proved client ID and redirect URI; a changed definition must be proven again.
	CheckedAt time.Time `yaml:"-" json:"-"`
	Version   int64     `yaml:"-" json:"-"`
}

// Integration names the integration record(s) of the app.
type Integration struct {
	Consent ConsentClient `yaml:"consent" json:"consent"`
	// M2M may be left out: the consent client's record then carries both grants.
	M2M MachineClient `yaml:"m2m" json:"m2m"`
	// User is the record with which persons consent for connections of their own; left out when the app has none.
	User *UserClient `yaml:"user" json:"user,omitempty"`
	// CertificatesHost is suitetalk (the default) or restlets: Oracle's samples use the second, live clients the first.
	CertificatesHost string `yaml:"certificates_host" json:"certificates_host,omitempty"`
}

// ConsentClient is the record with the Authorization Code Grant.
type ConsentClient struct {
	ClientID         string `yaml:"client_id" json:"client_id"`
	Public           bool   `yaml:"public" json:"public"`
	ClientSecretFile string `yaml:"client_secret_file" json:"-"`
}

// UserClient is the record with the Authorization Code Grant whose consents last. The hours are those of the record, of a public
// client: Refresh Token Validity and Maximum Time For Token Rotation (H/section_157771733782).
type UserClient struct {
	ClientID          string `yaml:"client_id" json:"client_id"`
	Public            bool   `yaml:"public" json:"public"`
	ClientSecretFile  string `yaml:"client_secret_file" json:"-"`
	RefreshTokenHours int    `yaml:"refresh_token_hours" json:"refresh_token_hours,omitempty"`
	RotationHours     int    `yaml:"rotation_hours" json:"rotation_hours,omitempty"`
}

// MachineClient is the record with the Client Credentials Grant.
type MachineClient struct {
	ClientID string `yaml:"client_id" json:"client_id,omitempty"`
}

// Bundle that brings the role.
type Bundle struct {
	ID            int64        `yaml:"id" json:"id"`
	SourceAccount string       `yaml:"source_account" json:"source_account"`
	Health        HealthScript `yaml:"health" json:"health"`
}

// HealthScript is the bundle's own RESTlet; it answers only where the bundle is installed and released.
type HealthScript struct {
	Script string `yaml:"script" json:"script,omitempty"`
	Deploy string `yaml:"deploy" json:"deploy,omitempty"`
}

// Role of the bundle, with the permissions that it should carry: permission ID to level.
type Role struct {
	ScriptID    string            `yaml:"script_id" json:"script_id"`
	Permissions map[string]string `yaml:"permissions" json:"permissions,omitempty"`
}

// CertificateSpec says which key each connection gets.
type CertificateSpec struct {
	Key  string `yaml:"key" json:"key"`
	Days int    `yaml:"days" json:"days"`
}

// Task is one request of the app, made once during set-up with the temporary token. It must be idempotent.
type Task struct {
	Name    string      `yaml:"name" json:"name"`
	Request TaskRequest `yaml:"request" json:"request"`
}

// TaskRequest goes to the account's suitetalk host.
type TaskRequest struct {
	Method string         `yaml:"method" json:"method"`
	Path   string         `yaml:"path" json:"path"`
	Body   map[string]any `yaml:"body" json:"body,omitempty"`
}

// Probe is the call that proves a connection.
type Probe struct {
	SuiteQL string `yaml:"suiteql" json:"suiteql"`
}

// Brand is what the customer sees of the vendor.
type Brand struct {
	Logo    string `yaml:"logo" json:"logo,omitempty"`
	Accent  string `yaml:"accent" json:"accent,omitempty"`
	Support string `yaml:"support" json:"support,omitempty"`
	Privacy string `yaml:"privacy" json:"privacy,omitempty"`
}

// MachineClientID is the client ID of the record with the Client Credentials Grant.
func (a App) MachineClientID() string {
	if a.Integration.M2M.ClientID != "" {
		return a.Integration.M2M.ClientID
	}
	return a.Integration.Consent.ClientID
}

// ConsentClientID is the client ID of the record that a person consents to, for a connection of this kind.
func (a App) ConsentClientID(kind ConnectionKind) string {
	if kind == KindUser && a.Integration.User != nil {
		return a.Integration.User.ClientID
	}
	return a.Integration.Consent.ClientID
}

// PublicClient reports that the record which a person consents to, for a connection of this kind, has no secret.
func (a App) PublicClient(kind ConnectionKind) bool {
	if kind == KindUser && a.Integration.User != nil {
		return a.Integration.User.Public
	}
	return a.Integration.Consent.Public
}

// ClientSecretPlace is where the secret of that record is sealed.
func ClientSecretPlace(app string, kind ConnectionKind) Place {
	if kind == KindUser {
		return Place{Table: "apps", Column: "user_client_secret", Row: app, App: app}
	}
	return Place{Table: "apps", Column: "client_secret", Row: app, App: app}
}

// MachineScopes are the scopes of the connections' tokens: all but suite_analytics, which is for the driver and not for web services.
func (a App) MachineScopes() []string {
	return slices.DeleteFunc(slices.Clone(a.Scopes), func(s string) bool { return s == "suite_analytics" })
}

// CertificatesService is where the certificates endpoint is called.
func (a App) CertificatesService() netsuite.Service {
	if a.Integration.CertificatesHost == "restlets" {
		return netsuite.ServiceRESTlets
	}
	return netsuite.ServiceSuiteTalk
}

// KeyAlgorithm of the connections' keys.
func (a App) KeyAlgorithm() netsuite.KeyAlgorithm {
	alg, _ := netsuite.ParseKeyAlgorithm(a.Certificate.Key) // validated when the definition was stored
	return alg
}

// ProbeQuery is the SuiteQL statement that proves a connection, and what it is when the app names none.
func (a App) ProbeQuery() string {
	if len(a.Probe) > 0 {
		return a.Probe[0].SuiteQL
	}
	return "SELECT 1 AS ok FROM dual"
}

var (
	appName      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	clientID     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	scriptID     = regexp.MustCompile(`^custom(script|deploy)_?[a-z0-9_]{1,40}$`)
	roleScriptID = regexp.MustCompile(`^customrole_?[a-z0-9_]{1,40}$`)
	permissionID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{1,60}$`)
	accentColour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)
)

// Complete fills in what the file may leave out.
func (a *App) Complete() {
	if a.DisplayName == "" {
		a.DisplayName = a.Name
	}
	if a.Certificate.Key == "" {
		a.Certificate.Key = "P-256"
	}
	if a.Certificate.Days == 0 {
		a.Certificate.Days = 729
	}
	if u := a.Integration.User; u != nil && u.Public {
		if u.RefreshTokenHours == 0 {
			u.RefreshTokenHours = 48 // NetSuite's own defaults
		}
		if u.RotationHours == 0 {
			u.RotationHours = 168
		}
	}
	if a.Integration.CertificatesHost == "" {
		a.Integration.CertificatesHost = "suitetalk"
	}
	if a.Brand.Accent == "" {
		a.Brand.Accent = "#0b6b4f"
	}
}

// Validate names the first field that breaks a rule, the rule, and the remedy. Live says that the definition is for
// the real NetSuite, where return URLs must be https.
func (a App) Validate(live bool) error {
	for _, check := range []func() error{
		a.validateNames, a.validateIntegration, a.validateScopes, a.validateBundle, a.validateRole,
		a.validateCertificate, a.validateTasks, a.validateProbe, func() error { return a.validateReturnURLs(live) }, a.validateBrand,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func invalidField(field, rule string, args ...any) error {
	return Errorf(CodeAppInvalid, "app definition, field %q: %s", field, fmt.Sprintf(rule, args...))
}

func (a App) validateNames() error {
	switch {
	case !appName.MatchString(a.Name):
		return invalidField("name", "must be 1 to 63 lower-case letters, digits and hyphens, for example acme-sync; got %s", show(a.Name))
	case strings.TrimSpace(a.DisplayName) == "" || len(a.DisplayName) > 80 || !printable(a.DisplayName):
		return invalidField("display_name", "must be 1 to 80 printable characters")
	}
	return nil
}

func (a App) validateIntegration() error {
	c := a.Integration.Consent
	switch {
	case !clientID.MatchString(c.ClientID):
		return invalidField("integration.consent.client_id", "must be the 64 hexadecimal characters that NetSuite showed when the integration record was saved; got %s", show(c.ClientID))
	case a.Integration.M2M.ClientID != "" && !clientID.MatchString(a.Integration.M2M.ClientID):
		return invalidField("integration.m2m.client_id", "must be 64 hexadecimal characters, or left out when one record carries both grants; got %s", show(a.Integration.M2M.ClientID))
	case c.Public && c.ClientSecretFile != "":
		return invalidField("integration.consent.client_secret_file", "a public client has no secret; remove the file or set public: false")
	case !c.Public && c.ClientSecretFile == "" && len(a.ClientSecret) == 0:
		return invalidField("integration.consent.client_secret_file", "a confidential client needs its secret; name the file that holds it, or set public: true")
	case a.Integration.CertificatesHost != "suitetalk" && a.Integration.CertificatesHost != "restlets":
		return invalidField("integration.certificates_host", "must be suitetalk or restlets; got %s", show(a.Integration.CertificatesHost))
	}
	return a.validateUserClient()
}

func (a App) validateUserClient() error {
	u := a.Integration.User
	if u == nil {
		return nil
	}
	switch {
	case !clientID.MatchString(u.ClientID):
		return invalidField("integration.user.client_id", "must be the 64 hexadecimal characters of the integration record; got %s", show(u.ClientID))
	case u.Public && u.ClientSecretFile != "":
		return invalidField("integration.user.client_secret_file", "a public client has no secret; remove the file or set public: false")
	case !u.Public && u.ClientSecretFile == "" && len(a.UserClientSecret) == 0:
		return invalidField("integration.user.client_secret_file", "a confidential client needs its secret; name the file that holds it, or set public: true")
	case !u.Public && u.RefreshTokenHours+u.RotationHours != 0:
		return invalidField("integration.user.refresh_token_hours", "is for public clients; the consent of a confidential one lasts seven days")
	case u.Public && (u.RefreshTokenHours < 1 || u.RefreshTokenHours > 720):
		return invalidField("integration.user.refresh_token_hours", "must be 1 to 720, as in the integration record; got %d", u.RefreshTokenHours)
	case u.Public && (u.RotationHours < 1 || u.RotationHours > 720):
		return invalidField("integration.user.rotation_hours", "must be 1 to 720, as in the integration record; got %d", u.RotationHours)
	}
	return nil
}

func (a App) validateScopes() error {
	for _, s := range a.Scopes {
		if s != "rest_webservices" && s != "restlets" && s != "suite_analytics" {
			return invalidField("scopes", "may hold rest_webservices, restlets and suite_analytics; got %s", show(s))
		}
	}
	if !slices.Contains(a.Scopes, "rest_webservices") {
		return invalidField("scopes", "must hold rest_webservices: the certificates endpoint needs it")
	}
	return nil
}

func (a App) validateBundle() error {
	b := a.Bundle
	if b.ID <= 0 {
		return invalidField("bundle.id", "must be the bundle's number, for example 123456")
	}
	if _, err := netsuite.ParseAccountID(b.SourceAccount); err != nil {
		return invalidField("bundle.source_account", "must be the account that publishes the bundle: %v", err)
	}
	if b.Health == (HealthScript{}) {
		return nil
	}
	switch {
	case !scriptID.MatchString(b.Health.Script):
		return invalidField("bundle.health.script", "must be a script ID such as customscript_acme_health; got %s", show(b.Health.Script))
	case !scriptID.MatchString(b.Health.Deploy):
		return invalidField("bundle.health.deploy", "must be a deployment ID such as customdeploy_acme_health; got %s", show(b.Health.Deploy))
	case !slices.Contains(a.Scopes, "restlets"):
		return invalidField("scopes", "must hold restlets when bundle.health names a RESTlet")
	}
	return nil
}

func (a App) validateRole() error {
	if !roleScriptID.MatchString(a.Role.ScriptID) {
		return invalidField("role.script_id", "must be the script ID of the bundle's own role, such as customrole_acme_sync; standard roles like administrator are refused; got %s", show(a.Role.ScriptID))
	}
	for id, level := range a.Role.Permissions {
		if !permissionID.MatchString(id) {
			return invalidField("role.permissions", "permission IDs look like LIST_CUSTJOB; got %s", show(id))
		}
		if !slices.Contains([]string{"VIEW", "CREATE", "EDIT", "FULL"}, level) {
			return invalidField("role.permissions."+id, "must be VIEW, CREATE, EDIT or FULL; got %s", show(level))
		}
	}
	return nil
}

func (a App) validateCertificate() error {
	if _, err := netsuite.ParseKeyAlgorithm(a.Certificate.Key); err != nil {
		return invalidField("certificate.key", "%v", err)
	}
	if a.Certificate.Days < 1 || a.Certificate.Days > 730 {
		return invalidField("certificate.days", "must be 1 to 730: NetSuite shortens longer certificates to two years; got %d", a.Certificate.Days)
	}
	return nil
}

func (a App) validateTasks() error {
	if len(a.Tasks) > 20 {
		return invalidField("tasks", "may hold at most 20 tasks; got %d", len(a.Tasks))
	}
	for i, t := range a.Tasks {
		field := fmt.Sprintf("tasks[%d]", i)
		switch {
		case strings.TrimSpace(t.Name) == "" || len(t.Name) > 80 || !printable(t.Name):
			return invalidField(field+".name", "must be 1 to 80 printable characters")
		case !slices.Contains([]string{"GET", "PUT", "PATCH", "DELETE"}, t.Request.Method):
			return invalidField(field+".request.method", "must be GET, PUT, PATCH or DELETE: a task may be repeated after a crash, so it must be idempotent; got %s", show(t.Request.Method))
		}
		if err := checkTaskPath(t.Request.Path); err != nil {
			return invalidField(field+".request.path", "%v", err)
		}
	}
	return nil
}

func checkTaskPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/services/rest/record/") && !strings.HasPrefix(path, "/services/rest/query/") && !strings.HasPrefix(path, "/services/rest/system/"):
		return fmt.Errorf("must begin with /services/rest/record/, /query/ or /system/; got %s", show(path))
	case strings.ContainsAny(path, "\\%#") || strings.Contains(path, "//") || strings.Contains(path, "/../") || strings.Contains(path, "/./") || strings.HasSuffix(path, "/..") || !printable(path) || len(path) > 500:
		return fmt.Errorf("must be a plain path of at most 500 characters, without dot segments, backslashes, percent signs or fragments; got %s", show(path))
	}
	return nil
}

func (a App) validateProbe() error {
	if len(a.Probe) > 1 {
		return invalidField("probe", "may hold one probe; got %d", len(a.Probe))
	}
	for _, p := range a.Probe {
		if q := strings.ToUpper(strings.TrimSpace(p.SuiteQL)); !strings.HasPrefix(q, "SELECT ") || len(q) > 2000 {
			return invalidField("probe[0].suiteql", "must be one SELECT statement of at most 2,000 characters")
		}
	}
	return nil
}

func (a App) validateReturnURLs(live bool) error {
	if len(a.ReturnURLs) > 20 {
		return invalidField("return_urls", "may hold at most 20 addresses; got %d", len(a.ReturnURLs))
	}
	for i, raw := range a.ReturnURLs {
		if err := checkWebURL(raw, !live); err != nil {
			return invalidField(fmt.Sprintf("return_urls[%d]", i), "%v", err)
		}
	}
	return nil
}

func (a App) validateBrand() error {
	if !accentColour.MatchString(a.Brand.Accent) {
		return invalidField("brand.accent", "must be a colour such as \"#0b6b4f\"; got %s", show(a.Brand.Accent))
	}
	for field, raw := range map[string]string{"brand.support": a.Brand.Support, "brand.privacy": a.Brand.Privacy} {
		if raw == "" {
			continue
		}
		if err := checkWebURL(raw, false); err != nil {
			return invalidField(field, "%v", err)
		}
	}
	return nil
}

// checkWebURL accepts an absolute https address without user, and http on this machine when loopback is set.
func checkWebURL(raw string, loopback bool) error {
	u, err := url.Parse(raw)
	if err != nil || !printable(raw) || len(raw) > 2000 || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(raw, "\\") {
		return fmt.Errorf("must be an absolute address without user and fragment; got %s", show(raw))
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost"
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback && local) {
		return fmt.Errorf("must begin with https://; got %s", show(raw))
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0x2028 || r == 0x2029 || r == 0xfffd })
}

// show quotes a value for an error message, cut so that a huge one does not flood it.
func show(s string) string {
	if s == "" {
		return "nothing"
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
