package netsuitetest

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Setup > Users/Roles > User Management > View Login Audit Trail.

// auditName is a name of the trail's column Detail.
type auditName struct {
	Name, Meaning string
	Invented      bool // ours: Oracle's pages have no name for the case
}

// auditNames are NetSuite's names (H/subsect_158711892221, H/subsect_158711928134, H/subsect_161252550131,
// H/subsect_158324637123) and those that the emulator adds.
var auditNames = []auditName{
	{"AccessTokenExpired", "The access token is older than its hour.", false},
	{"AuthorizationCodeGrantRequired", "Authorization Code Grant is not ticked in the integration record.", false},
	{"ClientAuthenticationFailed", "The client ID or the client secret is wrong.", false},
	{"EntityOrRoleDisabled", "The entity, the contact or the role is gone, inactive, or no longer held.", false},
	{"IntegrationBlocked", "The integration record is Blocked, or Waiting for Approval.", false},
	{"InvalidIntegration", "No integration record has this application ID.", false},
	{"InvalidRedirectURI", "The redirect URI is not one of the integration record's.", false},
	{"InvalidScope", "The token's scope is empty.", false},
	{"InvalidSignature", "The signature does not fit the key, or the issuer is wrong.", false},
	{"InvalidState", "The parameter state is missing, or not 22 to 1024 printable ASCII characters.", false},
	{"RefreshTokenExpired", "The refresh token is at its end, spent, or revoked.", false},
	{"ScopeMismatched", "The integration record has no scope, or another than the token.", false},
	{"TokenRejected", "A refresh token was used as an access token, or the token is not known here.", false},
	{"UnknownIntegration", "No integration record has this client ID.", false},

	{"AccessTokenRevoked", "The access token was revoked.", true},
	{"CertificateExpired", "The certificate of the client assertion has expired.", true},
	{"CertificateRevoked", "The certificate of the client assertion was revoked.", true},
	{"ClientCredentialsGrantRequired", "Client Credentials (Machine to Machine) Grant is not ticked in the integration record.", true},
	{"InvalidRealm", "OAuth 1.0: the realm is another account.", true},
	{"InvalidTimestamp", "OAuth 1.0: the timestamp is too far from NetSuite's clock.", true},
	{"NonceUsed", "OAuth 1.0: the nonce was used before.", true},
	{"UnknownAlgorithm", "OAuth 1.0: the signature method is not HMAC-SHA256.", true},
	{"UnknownConsumer", "OAuth 1.0: no integration record has this consumer key.", true},
}

// auditMeaning says what a name of the column Detail means.
func auditMeaning(name string) string {
	i := slices.IndexFunc(auditNames, func(a auditName) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return auditNames[i].Meaning
}

// trailRow is a line of the trail with the names of what it speaks of.
type trailRow struct {
	AuditLine
	App, EntityName, RoleName, Meaning string
}

// trailQuery is what the page's form asks for; empty fields ask for everything.
type trailQuery struct{ User, App, Detail, Status string }

func readTrailQuery(q url.Values) trailQuery {
	return trailQuery{q.Get("user"), q.Get("app"), q.Get("detail"), q.Get("status")}
}

func (q trailQuery) match(line AuditLine) bool {
	return (q.User == "" || q.User == strconv.FormatInt(line.Entity, 10)) &&
		(q.App == "" || q.App == line.ClientID) &&
		(q.Detail == "" || q.Detail == line.Detail) &&
		(q.Status == "" || (q.Status == "Success") == line.OK)
}

// choice is an option of a filter.
type choice struct{ Value, Label string }

// trailShown is how many lines the page shows, newest first.
const trailShown = 200

// trailPage is the trail through its filter. The choices are those that occur in it.
type trailPage struct {
	Query             trailQuery
	Rows              []trailRow
	Found, Total      int
	Users, Apps       []choice
	Details, Statuses []string
	Names             []auditName
}

func (s *Server) showTrail(c *call) {
	if _, ok := s.signedIn(c, "ADMI_AUDITLOGIN"); !ok {
		return
	}
	c.met("login audit trail")
	s.page(c, http.StatusOK, "trail.html", "Login Audit Trail", "trail", s.trailPage(c.account, readTrailQuery(c.r.URL.Query())))
}

func (s *Server) trailPage(a *Account, q trailQuery) trailPage {
	lines := a.LoginAuditTrail()
	slices.Reverse(lines)
	p := trailPage{Query: q, Total: len(lines), Statuses: []string{"Success", "Failure"}, Names: auditNames}
	users, apps, details := map[string]string{}, map[string]string{}, map[string]bool{}
	for _, line := range lines {
		row := s.trailRow(a, line)
		users[strconv.FormatInt(line.Entity, 10)], apps[line.ClientID], details[line.Detail] = row.EntityName, row.App, true
		if !q.match(line) {
			continue
		}
		if p.Found++; p.Found <= trailShown {
			p.Rows = append(p.Rows, row)
		}
	}
	p.Users, p.Apps = choices(users), choices(apps)
	delete(details, "")
	p.Details = slices.Sorted(maps.Keys(details))
	return p
}

func (s *Server) trailRow(a *Account, line AuditLine) trailRow {
	i, _ := s.integration(line.ClientID)
	e, _ := a.data().Employee(line.Entity)
	r, _ := a.data().Role(line.Role)
	return trailRow{line, i.Name, e.EntityID, r.Name, auditMeaning(line.Detail)}
}

// choices are the named ones of the map, by name.
func choices(names map[string]string) []choice {
	var out []choice
	for value, label := range names {
		if label != "" {
			out = append(out, choice{value, label})
		}
	}
	slices.SortFunc(out, func(a, b choice) int { return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value)) })
	return out
}
