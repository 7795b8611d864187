package broker

import (
	"time"
)

// Health of a connection, apart from its life-cycle state: whether it works at this moment, and what stands in the way.
type Health struct {
	ConnectionID string
	App          string
	State        HealthState
	// Cause is why it does not work; empty while it does.
	Cause Cause
	// Since is when the state or the cause last changed.
	Since time.Time
	// Failures in a row with this cause.
	Failures int
	// ProbeAt is when we look again by ourselves: on the ladder of the cause, or once a day while all is well.
	ProbeAt time.Time
	// Evidence is what was seen last.
	Evidence Evidence
	// RepairLinkID is the link that was made for this cause; empty when no person is needed or none was made yet.
	RepairLinkID string
	UpdatedAt    time.Time
	Version      int64
}

// What passes by itself is asked about at most once a minute (DO-02), what a person must mend once in a quarter of an hour (RO-06).
const (
	PauseOutage  = time.Minute
	PauseRefusal = 15 * time.Minute
)

// AskAgain is the first moment at which somebody who needs the connection may ask NetSuite: a pause after its last answer, and not
// before a moment that NetSuite named. We by ourselves wait for ProbeAt, which moves away with every failure.
func (h Health) AskAgain() time.Time {
	pause := PauseRefusal
	if Conditions[h.Cause].Passes {
		pause = PauseOutage
	}
	again := h.Evidence.At.Add(max(pause, h.Evidence.Wait))
	if h.ProbeAt.Before(again) {
		return h.ProbeAt
	}
	return again
}

// HealthState is what an operator sees at a glance.
type HealthState string

const (
	HealthOK           HealthState = "ok"
	HealthDegraded     HealthState = "degraded"      // something fails; it may pass, or the operator can mend it
	HealthNeedsConsent HealthState = "needs_consent" // only a person of the customer can help, by the repair link
)

// Evidence is what NetSuite answered: enough to see why a failure was classed as it was, and no secret.
type Evidence struct {
	At time.Time `json:"at,omitzero"`
	// Op is what was tried.
	Op Op `json:"op,omitempty"`
	// Status is the HTTP status; zero when no answer came.
	Status int `json:"status,omitempty"`
	// Error is the OAuth error or NetSuite's code.
	Error string `json:"error,omitempty"`
	// Detail is one sentence.
	Detail string `json:"detail,omitempty"`
	// Wait is how long NetSuite asked us to wait, in nanoseconds.
	Wait time.Duration `json:"wait,omitempty"`
}

// Op is what is done with NetSuite for a connection. Each needs the ones before it.
type Op string

const (
	OpToken  Op = "token"
	OpQuery  Op = "query"
	OpRotate Op = "rotate"
)

var opRank = map[Op]int{OpToken: 1, OpQuery: 2, OpRotate: 3}

// Covers reports that the success of op disproves a failure of the other one.
func (op Op) Covers(other Op) bool { return opRank[op] >= opRank[other] }

// Cause is why a connection does not work.
type Cause string

const (
	CauseWrongKey           Cause = "wrong_key"           // the private key here is not that of the certificate
	CauseCertificateRevoked Cause = "certificate_revoked" // somebody revoked it at NetSuite
	CauseCertificateExpired Cause = "certificate_expired"
	CauseSandboxRefreshed   Cause = "sandbox_refreshed" // NetSuite forgot all mappings and grants of the account
	CauseRoleLost           Cause = "role_lost"         // the user no longer holds the role, or one of them is inactive
	CausePermissionLost     Cause = "permission_lost"   // the role no longer carries a permission
	CauseFeatureOff         Cause = "feature_off"
	CauseIntegrationBlocked Cause = "integration_blocked"
	CauseScopeLost          Cause = "scope_lost" // the integration record no longer has a scope
	CauseAccountUnknown     Cause = "account_unknown"
	CauseCredentialsRefused Cause = "credentials_refused" // refused, and NetSuite gives no way to tell why
	CauseClock              Cause = "clock"               // our clock and NetSuite's differ too much
	CauseThrottled          Cause = "throttled"           // 429
	CauseMaintenance        Cause = "maintenance"         // 503
	CauseUnreachable        Cause = "unreachable"         // no answer, or another 5xx
	CauseConsentEnded       Cause = "consent_ended"       // user connections: the refresh token has ended or was revoked
	CauseResponseLost       Cause = "response_lost"       // user connections: the next refresh token was lost on its way (RO-09)
	CauseRotationRefused    Cause = "rotation_refused"    // the role may not renew the certificate; the connection works until that ends
	CauseCertificateLimit   Cause = "certificate_limit"   // five others are active, so ours cannot be renewed
	CauseUnknown            Cause = "unknown"             // a refusal that is in no table
)

// Fault tells on whose side a cause lies.
type Fault string

const (
	FaultNobody   Fault = "netsuite" // an outage or a limit: time heals it
	FaultCustomer Fault = "customer" // somebody in the customer's account must click
	FaultOperator Fault = "operator" // whoever runs this server must act
)

// Condition is what a cause means everywhere: one table for health, alerts, the doctor and the documentation.
type Condition struct {
	Fault Fault
	// Passes tells that time alone may heal it.
	Passes bool
	// Relink tells that a new consent by the repair link is what helps.
	Relink bool
	// Title says what is wrong in a few words; Do what to do about it, for the one whose Fault it is.
	Title string
	Do    string
	// Path is where to click in NetSuite.
	Path string
}

// Conditions by cause.
var Conditions = map[Cause]Condition{
	CauseWrongKey:           {FaultOperator, false, true, "The stored private key does not belong to the certificate", "Restore the database from a backup that fits, or send the repair link.", ""},
	CauseCertificateRevoked: {FaultCustomer, false, true, "The certificate was revoked in NetSuite", "Ask whether that was meant. If not, send the repair link.", "Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup"},
	CauseCertificateExpired: {FaultOperator, false, true, "The certificate has expired", "Send the repair link.", ""},
	CauseSandboxRefreshed:   {FaultCustomer, false, true, "The sandbox was refreshed, so NetSuite forgot the certificate", "Send the repair link to an administrator of the sandbox.", ""},
	CauseRoleLost:           {FaultCustomer, false, false, "The user no longer holds the role, or one of them is inactive", "Give the role back to the user, and make both active; we notice by ourselves.", "Lists > Employees > Employees > (user) > Access > Roles"},
	CausePermissionLost:     {FaultCustomer, false, false, "The role no longer has a permission that the connection needs", "Add the permission to the role; we notice by ourselves.", "Setup > Users/Roles > Manage Roles"},
	CauseFeatureOff:         {FaultCustomer, false, false, "A NetSuite feature that the connection needs is off", "Turn on OAuth 2.0 and REST Web Services; we notice by ourselves.", "Setup > Company > Enable Features > SuiteCloud"},
	CauseIntegrationBlocked: {FaultCustomer, false, false, "The integration record is blocked, or OAuth 2.0 is off", "Set the integration's state to Enabled; we notice by ourselves.", "Setup > Integration > Manage Integrations"},
	CauseScopeLost:          {FaultOperator, false, false, "The integration record no longer has a scope that the app asks for", "Tick the scope in the integration record, or take it out of the app definition.", "Setup > Integration > Manage Integrations"},
	CauseAccountUnknown:     {FaultCustomer, false, false, "NetSuite knows no such account", "Ask whether the account was closed, or its sandbox removed; then disconnect it.", ""},
	CauseCredentialsRefused: {FaultCustomer, false, true, "NetSuite refused the certificate without saying why", "Look at the Login Audit Trail, column Detail. If nothing there can be mended, send the repair link.", "Setup > Users/Roles > User Management > View Login Audit Trail"},
	CauseClock:              {FaultOperator, false, false, "This server's clock is wrong", "Set the clock by NTP; we notice by ourselves.", ""},
	CauseThrottled:          {FaultNobody, true, false, "NetSuite limits the requests", "Nothing; we ask again more slowly.", ""},
	CauseMaintenance:        {FaultNobody, true, false, "NetSuite is under maintenance", "Nothing; we ask again by ourselves.", ""},
	CauseUnreachable:        {FaultNobody, true, false, "NetSuite does not answer", "Nothing; we ask again by ourselves. If it lasts, look at DNS, proxy and firewall.", ""},
	CauseConsentEnded:       {FaultCustomer, false, true, "The person's consent has ended", "Send the person the link.", ""},
	CauseResponseLost:       {FaultNobody, false, true, "An answer of NetSuite was lost, and the next refresh token with it", "Send the person the link.", ""},
	CauseRotationRefused:    {FaultCustomer, false, true, "The role may not renew its own certificate", "Add the permission Manage own OAuth 2.0 Client Credentials certificates to the role, or send the repair link before the certificate ends.", "Setup > Users/Roles > Manage Roles"},
	CauseCertificateLimit:   {FaultCustomer, false, false, "NetSuite keeps five other certificates, so ours cannot be renewed", "Revoke one that is not used; we notice by ourselves.", "Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup"},
	CauseUnknown:            {FaultOperator, false, false, "NetSuite refused for a reason that we do not know", "Look at the evidence, and at the Login Audit Trail.", "Setup > Users/Roles > User Management > View Login Audit Trail"},
}

// State is the health that a cause stands for.
func (c Cause) State() HealthState {
	switch {
	case c == "":
		return HealthOK
	case Conditions[c].Relink:
		return HealthNeedsConsent
	}
	return HealthDegraded
}
