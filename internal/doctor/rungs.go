package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/account"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// The rungs of the ladder (netsuite-api 8), each a check or a few that belong together.

// soon is when the end of a certificate is near: NetSuite mails every administrator then.
const soon = 60 * 24 * time.Hour

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func answerOf(e *netsuite.Error) string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	if e.Status == 0 {
		text = "no answer"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// account asks NetSuite which hosts the account has, without a token.
func (x *examination) account() {
	base, err := x.Site.BaseURL(x.Account, netsuite.ServiceSuiteTalk)
	if err != nil {
		x.fail("account", err.Error(), broker.CauseAccountUnknown)
		return
	}
	hosts, err := x.Site.DataCenterURLs(x.ctx, x.Account)
	switch {
	case errors.Is(err, netsuite.ErrNotFound):
		x.fail("account", x.Account.String()+" is not known to NetSuite", broker.CauseAccountUnknown)
	case err != nil:
		x.unknown("account", "NetSuite does not tell which hosts "+x.Account.String()+" has: "+err.Error())
	case hosts.WebServices != "" && !strings.EqualFold(hosts.WebServices, base.Host):
		x.warn("account", fmt.Sprintf("NetSuite names %s, and %s is used", hosts.WebServices, base.Host))
	default:
		x.ok("account", fmt.Sprintf("%s (%s) -> %s", x.Account, x.Account.Describe(), base.Hostname()))
	}
}

// key looks at what is on this side alone.
func (x *examination) key() {
	if x.PublicKey == nil {
		return
	}
	if err := netsuite.CheckKey(x.PublicKey); err != nil {
		x.fail("key", err.Error(), CauseKeyKind)
		return
	}
	if x.Certificate != nil && !netsuite.CertificateMatchesKey(x.Certificate, x.PublicKey) {
		x.fail("key", "it does not belong to the certificate", broker.CauseWrongKey)
		return
	}
	x.ok("key", netsuite.NameKey(x.PublicKey)+", "+matches(x.Certificate != nil))
}

func matches(compared bool) string {
	if compared {
		return "matches the certificate"
	}
	return "there is no local certificate to compare it with"
}

func (x *examination) certificate() {
	if x.Certificate == nil {
		return
	}
	info := netsuite.InspectCertificate(x.Certificate, x.now())
	switch end := x.Certificate.NotAfter; {
	case x.CertificateID != info.ID:
		x.fail("certificate", fmt.Sprintf("the connection names %s, and the local certificate is %s", x.CertificateID, info.ID), CauseCertificateID)
	case x.now().After(end):
		x.fail("certificate", "it ended on "+date(end), broker.CauseCertificateExpired)
	case end.Sub(x.now()) < soon:
		x.warn("certificate", fmt.Sprintf("it ends in %d days (%s)", int(end.Sub(x.now()).Hours()/24), date(end)), CauseCertificateEnds)
	default:
		x.ok("certificate", "valid until "+date(end))
	}
}

// consentRecord meets the authorize page without a person: NetSuite tells only by a redirect whether it knows both.
func (x *examination) consentRecord() {
	if x.Consent == nil {
		return
	}
	err := x.Consent.Probe(x.ctx, x.Account)
	switch {
	case err == nil:
		x.ok("integration", "NetSuite knows the client ID with this redirect URI")
	case errors.Is(err, netsuite.ErrUnauthorizedClient), errors.Is(err, netsuite.ErrNotFound):
		x.refused("integration", err, CauseRedirectURI, CauseClientUnknown, broker.CauseIntegrationBlocked, broker.CauseFeatureOff)
	case errors.Is(err, netsuite.ErrInvalidScope):
		x.refused("integration", err, CauseScopeRefused)
	default:
		x.refused("integration", err, causeOf(broker.OpToken, err))
	}
}

func (x *examination) lifetime() {
	end := x.Lifetime.ConsentBy
	switch {
	case end.IsZero():
	case x.now().After(end):
		x.fail("consent", "it ended on "+date(end), broker.CauseConsentEnded)
	case end.Sub(x.now()) < 24*time.Hour:
		x.warn("consent", "it ends on "+date(end), CauseConsentEnds)
	default:
		x.ok("consent", "it lasts until "+date(end))
	}
}

// newToken gets one, and finds out why when it is refused.
func (x *examination) newToken() bool {
	if x.Fresh == nil {
		x.unknown("token", "there is no way to a token here")
		return false
	}
	token, err := x.Fresh(x.ctx)
	if err != nil {
		x.noToken(err)
		return false
	}
	x.token = token
	if x.claims, err = token.Claims(); err != nil {
		x.fail("token", "it cannot be read: "+err.Error(), CauseSignature)
		return false
	}
	x.api = &netsuite.API{Account: x.Account, Site: x.Site, Token: token.AccessToken, HTTPClient: x.HTTPClient, Now: x.Now}
	x.ok("token", fmt.Sprintf("role %d, entity %d, until %s", x.claims.Role, x.claims.Entity, date(x.claims.Expiry)))
	return true
}

func causeOf(op broker.Op, err error) broker.Cause {
	cause, _ := classify(op, err)
	if cause == "" {
		return broker.CauseUnknown
	}
	return cause
}

// noToken says why. NetSuite's answer is the same for many causes: the list of certificates, asked with an older token, and what is on
// this side tell some of them apart.
func (x *examination) noToken(err error) {
	var said *netsuite.Error
	if !errors.As(err, &said) && x.failed("key", "certificate") { // it was refused here already
		x.fail("token", err.Error(), x.causesOf("key", "certificate")...)
		return
	}
	switch cause := causeOf(broker.OpToken, err); cause {
	case broker.CauseCredentialsRefused:
		if x.CertificateID == "" {
			x.refused("token", err, refusedPerson(err)...)
			return
		}
		x.refused("token", err, x.whyRefused()...)
	case broker.CauseIntegrationBlocked:
		x.refused("token", err, CauseGrantOff, broker.CauseIntegrationBlocked, broker.CauseFeatureOff)
	default:
		x.refused("token", err, cause)
	}
}

// refusedPerson: a person's connection was refused for its client secret, or its consent is over.
func refusedPerson(err error) []broker.Cause {
	if errors.Is(err, netsuite.ErrInvalidClient) {
		return []broker.Cause{CauseSecretWrong}
	}
	return []broker.Cause{broker.CauseConsentEnded}
}

func (x *examination) whyRefused() []broker.Cause {
	switch {
	case x.failed("key", "certificate"):
		return x.causesOf("key", "certificate")
	case x.Kept == nil || x.ClientID == "":
		return x.likely()
	}
	api := netsuite.API{Account: x.Account, Site: x.Site, Token: x.Kept.AccessToken, HTTPClient: x.HTTPClient, Now: x.Now}
	listed, err := api.ListCertificates(x.ctx, x.ClientID)
	if err != nil {
		if errors.Is(err, netsuite.ErrLogin) && x.Account.Environment() == netsuite.Production {
			return []broker.Cause{broker.CauseRoleLost}
		}
		return x.likely()
	}
	i := slices.IndexFunc(listed, func(c netsuite.Certificate) bool { return c.ID == x.CertificateID })
	switch {
	case i < 0 && x.Account.Environment() == netsuite.Sandbox:
		return []broker.Cause{broker.CauseSandboxRefreshed, CauseCertificateListed}
	case i < 0:
		return []broker.Cause{CauseCertificateListed}
	case listed[i].Revoked:
		return []broker.Cause{broker.CauseCertificateRevoked}
	case !listed[i].Active(x.now()):
		return []broker.Cause{broker.CauseCertificateExpired}
	}
	return []broker.Cause{broker.CauseWrongKey, broker.CauseRoleLost}
}

// likely are the causes when nothing more can be seen, the likeliest first.
func (x *examination) likely() []broker.Cause {
	causes := []broker.Cause{CauseCertificateListed, broker.CauseCertificateRevoked, broker.CauseRoleLost}
	if x.Account.Environment() == netsuite.Sandbox {
		causes = append([]broker.Cause{broker.CauseSandboxRefreshed}, causes...)
	}
	if x.PublicKey == nil || x.Certificate == nil {
		causes = append(causes, broker.CauseWrongKey)
	}
	return causes
}

// failed reports whether a check of one of these names failed.
func (x *examination) failed(names ...string) bool { return len(x.causesOf(names...)) > 0 }

func (x *examination) causesOf(names ...string) []broker.Cause {
	var causes []broker.Cause
	for _, c := range x.checks {
		if c.Status == StatusFail && slices.Contains(names, c.Name) {
			for _, f := range c.Causes {
				causes = append(causes, f.Cause)
			}
		}
	}
	return causes
}

// verify proves who signed the token and for whom, and compares its scopes with those that were asked for.
func (x *examination) verify() {
	v := &netsuite.Verifier{Account: x.Account, ClientID: x.ClientID, Site: x.Site, HTTPClient: x.HTTPClient, Now: x.Now}
	_, err := v.Verify(x.ctx, x.token.AccessToken)
	switch {
	case errors.Is(err, netsuite.ErrToken):
		x.refused("signature", err, CauseSignature)
	case err != nil:
		x.unknown("signature", "the account's keys could not be fetched")
	default:
		x.ok("signature", "NetSuite signed the token for this account")
	}
	var missing []string
	for _, scope := range x.Scopes {
		if !slices.Contains(x.claims.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) > 0 {
		x.fail("scopes", "the token lacks "+strings.Join(missing, ", "), broker.CauseScopeLost)
		return
	}
	x.ok("scopes", strings.Join(x.claims.Scopes, ", "))
}

// The clock is told apart at half a minute, and is of no use beyond five: NetSuite then refuses assertions (RO-12).
const (
	clockWarn = 30 * time.Second
	clockFail = 5 * time.Minute
)

// rest makes the cheapest call, which tells the time as well.
func (x *examination) rest() bool {
	if !slices.Contains(x.claims.Scopes, "rest_webservices") {
		x.unknown("REST", "the token has no scope for it")
		return false
	}
	began := x.now()
	at, err := x.api.ServerTime(x.ctx)
	took := x.now().Sub(began)
	switch {
	case errors.Is(err, netsuite.ErrNotFound): // before 2025.2
		x.ok("REST", "REST Web Services answer; this release does not tell its time")
		return true
	case errors.Is(err, netsuite.ErrUserRole):
		x.refused("REST", err, CauseRESTPermission)
		return false
	case errors.Is(err, netsuite.ErrPermission):
		x.refused("REST", err, broker.CauseFeatureOff)
		return false
	case err != nil:
		x.refused("REST", err, causeOf(broker.OpQuery, err))
		return false
	}
	x.clock(at.Sub(began.Add(took / 2)))
	x.ok("REST", "REST Web Services answer")
	return true
}

func (x *examination) clock(ahead time.Duration) {
	off := fmt.Sprintf("%.1f s off", ahead.Abs().Seconds())
	switch {
	case ahead.Abs() > clockFail:
		x.fail("clock", off, broker.CauseClock)
	case ahead.Abs() > clockWarn:
		x.warn("clock", off, broker.CauseClock)
	default:
		x.ok("clock", off)
	}
}

func (x *examination) queries() bool {
	_, err := x.api.SuiteQL(x.ctx, "SELECT 1 AS ok FROM dual", 1, 0)
	switch {
	case err == nil:
		x.ok("SuiteQL", "queries are answered")
		return true
	case errors.Is(err, netsuite.ErrUserRole):
		x.refused("SuiteQL", err, CauseRESTPermission)
	case errors.Is(err, netsuite.ErrPermission), account.Hidden(err):
		x.refused("SuiteQL", err, CauseAnalytics)
	default:
		x.refused("SuiteQL", err, causeOf(broker.OpQuery, err))
	}
	return false
}

// role finds out as whom the connection acts, and what that one may do.
func (x *examination) role() {
	who, err := account.Identify(x.ctx, x.api, x.claims)
	if err != nil {
		x.refused("role", err, causeOf(broker.OpQuery, err))
		return
	}
	role, found, err := account.RoleByID(x.ctx, x.api, x.claims.Role)
	name := cmp.Or(who.RoleName, role.Name)
	switch {
	case x.claims.Role == account.Administrator:
		x.warn("role", "the connection acts as Administrator", CauseRoleStrong)
	case err != nil || !found:
		x.unknown("role", fmt.Sprintf("role %d, as %s; it may not look at itself", x.claims.Role, personOf(who, x.claims)))
	case x.Expect != nil && !strings.EqualFold(role.ScriptID, x.Expect.Role.ScriptID):
		x.fail("role", fmt.Sprintf("it is %s (%s), and the app wants %s", name, role.ScriptID, x.Expect.Role.ScriptID), CauseRoleWrong)
	default:
		x.ok("role", fmt.Sprintf("%s (%s), as %s", name, role.ScriptID, personOf(who, x.claims)))
	}
	x.permissions()
}

// personOf names the user, or says which internal ID it has: most roles may not look at employees.
func personOf(who account.Identity, claims netsuite.Claims) string {
	return cmp.Or(who.Person, fmt.Sprintf("entity %d", claims.Entity))
}

// manageOwn lets a connection renew its own certificate (netsuite-api 5.6).
const manageOwn = "ADMI_MANAGE_OWN_OAUTH2_CERTS"

// basics are what every connection needs, whatever it reads.
var basics = map[string]string{"ADMI_LOGIN_OAUTH2": "FULL", "ADMI_RESTWEBSERVICES": "FULL", "REPO_ANALYTICS": "FULL", manageOwn: "FULL"}

var levels = map[string]int{"VIEW": 1, "CREATE": 2, "EDIT": 3, "FULL": 4}

func (x *examination) permissions() {
	has, err := account.Permissions(x.ctx, x.api, x.claims.Role)
	switch {
	case err != nil:
		x.unknown("permissions", "the role may not read what it may do")
		return
	case x.claims.Role == account.Administrator:
		return // it may everything, and that was said
	}
	if _, kernel := has[account.Kernel]; kernel {
		x.warn("permissions", "Core Administration Permissions", CauseRoleStrong)
		return
	}
	if x.Expect == nil {
		x.unknown("permissions", fmt.Sprintf("the role has %d; to compare them with what an app needs, give its definition", len(has)))
		return
	}
	missing, excess := x.compare(has)
	switch {
	case len(missing) > 0:
		x.fail("permissions", "the role lacks "+strings.Join(missing, ", "), broker.CausePermissionLost)
	case len(excess) > 0:
		x.warn("permissions", "the role also has "+strings.Join(excess, ", "), CauseExcess)
	default:
		x.ok("permissions", fmt.Sprintf("%d, as the app needs them", len(has)))
	}
}

// compare names what is missing against the app's list, and what is there beside it.
func (x *examination) compare(has map[string]int) (missing, excess []string) {
	want := map[string]int{}
	for id := range basics {
		want[id] = 1
	}
	delete(want, manageOwn) // the check of certificates proves it
	for id, level := range x.Expect.Role.Permissions {
		want[strings.ToUpper(id)] = levels[level]
	}
	for id, level := range want {
		if has[id] < level {
			missing = append(missing, id)
		}
	}
	for id, level := range has {
		if _, basic := basics[id]; !basic && level > want[id] {
			excess = append(excess, id)
		}
	}
	slices.Sort(missing)
	slices.Sort(excess)
	return missing, excess
}

// certificates are the account's list: without it the connection cannot renew its own.
func (x *examination) certificates() {
	if x.CertificateID == "" || x.ClientID == "" {
		return
	}
	listed, err := x.api.ListCertificates(x.ctx, x.ClientID)
	switch {
	case errors.Is(err, netsuite.ErrPermission), errors.Is(err, netsuite.ErrUserRole):
		x.warn("certificates", "the role may not see its own certificates", broker.CauseRotationRefused)
		return
	case err != nil:
		x.refused("certificates", err, causeOf(broker.OpQuery, err))
		return
	}
	active, ours := 0, false
	var end time.Time
	for _, c := range listed {
		if c.Active(x.now()) {
			active++
		}
		if c.ID == x.CertificateID {
			ours, end = true, c.ValidUntil
		}
	}
	switch {
	case !ours:
		x.warn("certificates", "the one that signs is not in the list", CauseCertificateListed)
	case active >= netsuite.MaxActiveCertificates:
		x.warn("certificates", fmt.Sprintf("%d are active, and NetSuite keeps no more", active), broker.CauseCertificateLimit)
	case !end.IsZero() && end.Sub(x.now()) < soon && !x.warned("certificate"):
		x.warn("certificates", "NetSuite ends this one on "+date(end), CauseCertificateEnds)
	default:
		x.ok("certificates", fmt.Sprintf("%d of %d active", active, netsuite.MaxActiveCertificates))
	}
}

func (x *examination) warned(name string) bool {
	return slices.ContainsFunc(x.checks, func(c Check) bool { return c.Name == name && c.Status != StatusOK })
}

// bundle asks the app's own RESTlet, which proves bundle, release, scope and role at once; without one nothing is known.
func (x *examination) bundle() {
	if x.Expect == nil || x.Expect.Bundle.Health.Script == "" {
		return
	}
	if !slices.Contains(x.claims.Scopes, "restlets") {
		x.fail("bundle", "its RESTlet cannot be asked", CauseRESTletScope)
		return
	}
	health := x.Expect.Bundle.Health
	_, err := x.api.RESTlet(x.ctx, http.MethodGet, health.Script, health.Deploy, nil, nil)
	switch {
	case err == nil:
		x.ok("bundle", "its RESTlet answers")
	case errors.Is(err, netsuite.ErrNotFound):
		x.refused("bundle", err, x.whyNoBundle(health)...)
	case errors.Is(err, netsuite.ErrLogin):
		x.refused("bundle", err, CauseWebServicesOnly, CauseBundleUnreleased)
	case errors.Is(err, netsuite.ErrPermission):
		x.refused("bundle", err, CauseBundleUnreleased)
	default:
		x.refused("bundle", err, causeOf(broker.OpQuery, err))
	}
}

// whyNoBundle looks for the script, as far as the role may.
func (x *examination) whyNoBundle(health broker.HealthScript) []broker.Cause {
	page, err := x.api.SuiteQL(x.ctx, "SELECT id FROM script WHERE LOWER(scriptid) = "+netsuite.QuoteLiteral(strings.ToLower(health.Script)), 1, 0)
	switch {
	case err != nil:
		return []broker.Cause{CauseBundleMissing, CauseBundleUnreleased}
	case len(page.Rows) == 0:
		return []broker.Cause{CauseBundleMissing}
	}
	return []broker.Cause{CauseBundleUnreleased}
}

func (x *examination) limits() {
	limits, err := x.api.GovernanceLimits(x.ctx)
	if err != nil {
		x.unknown("concurrency", "only an administrator may ask; see Setup > Integration > Integration Governance")
		return
	}
	x.ok("concurrency", fmt.Sprintf("%d requests at once in the account", limits.AccountConcurrencyLimit))
}

// leftovers of token-based authentication, as far as the role may see them.
func (x *examination) leftovers() {
	page, err := x.api.SuiteQL(x.ctx, "SELECT COUNT(*) AS n FROM oAuthToken WHERE BINACTIVE = 'F' AND BREVOKED = 'F'", 1, 0)
	if err != nil || len(page.Rows) == 0 {
		x.unknown("TBA", "the role may not see tokens of token-based authentication")
		return
	}
	if n := page.Rows[0].Get("n"); n != "0" {
		x.warn("TBA", n+" tokens of token-based authentication are in use", CauseTBA)
		return
	}
	x.ok("TBA", "no token of token-based authentication is in use")
}
