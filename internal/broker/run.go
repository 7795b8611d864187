package broker

import (
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

// Phase is where a run stands, told from its facts alone.
type Phase string

const (
	PhaseConsenting   Phase = "consenting"   // waits for the person on NetSuite's pages
	PhaseChecking     Phase = "checking"     // the consent came back; we look at the account
	PhaseUnconfirmed  Phase = "unconfirmed"  // session link: waits for the app's backend (ON-01)
	PhaseNeedsAction  Phase = "needs_action" // waits for a person; Problem says for what
	PhaseProvisioning Phase = "provisioning" // key, certificate, upload
	PhaseTesting      Phase = "testing"      // token with the new key, one real call
	PhaseFinishing    Phase = "finishing"    // tasks, end of the grant
	PhaseConnected    Phase = "connected"
	PhaseCancelled    Phase = "cancelled"
	PhaseExpired      Phase = "expired"
	PhaseFailed       Phase = "failed"
)

// Run is one onboarding. Everything that its pages show and every decision of the dispatcher is a function of this record.
type Run struct {
	ID     string
	App    string
	LinkID string
	// ConnectionID is set from the key step on.
	ConnectionID string
	// GrantID is the consent that the run works with now; older ones are being revoked.
	GrantID string
	// BrowserHash is the hash of the cookie secret of the browser that gave the current consent.
	BrowserHash string
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// DueAt is when the background worker looks again; zero while only a person can help.
	DueAt time.Time

	Facts
}

// Facts are what a run has reached. Each is set once its effect is durable, and only then.
type Facts struct {
	// Account is proven: redirect, token and one API answer named it (ON-02).
	Account netsuite.AccountID `json:"account,omitempty"`
	BoundAt time.Time          `json:"bound_at,omitzero"`
	// AccountConfirmedAt: a person confirmed the account, or the link had pinned it.
	AccountConfirmedAt time.Time `json:"account_confirmed_at,omitzero"`
	// SetupRole and SetupEntity are who gave the consent.
	SetupRole   int64  `json:"setup_role,omitempty"`
	SetupEntity int64  `json:"setup_entity,omitempty"`
	SetupName   string `json:"setup_name,omitempty"`
	// SetupRoleName is empty when the role may not be looked up.
	SetupRoleName string `json:"setup_role_name,omitempty"`

	// FinaliseCode is the one-time code for the app's backend, sealed until the browser has carried it there; session links only.
	FinaliseCode     Sealed    `json:"finalise_code,omitempty"`
	FinaliseCodeHash string    `json:"finalise_code_hash,omitempty"`
	FinaliseBy       time.Time `json:"finalise_by,omitzero"`
	FinalisedAt      time.Time `json:"finalised_at,omitzero"`

	Checks         []Check   `json:"checks,omitempty"`
	ChecksPassedAt time.Time `json:"checks_passed_at,omitzero"`
	RoleID         int64     `json:"role_id,omitempty"`
	RoleName       string    `json:"role_name,omitempty"`
	Holders        []Holder  `json:"holders,omitempty"`
	// Entity is the chosen holder of the role.
	Entity     int64  `json:"entity,omitempty"`
	EntityName string `json:"entity_name,omitempty"`
	// ConcurrencyLimit of the account; only an administrator may read it, so it is noted during the consent. Zero: not known.
	ConcurrencyLimit int `json:"concurrency_limit,omitempty"`

	CertificateID string    `json:"certificate_id,omitempty"`
	RenewBefore   time.Time `json:"renew_before,omitzero"`
	UploadedAt    time.Time `json:"uploaded_at,omitzero"`
	TestedAt      time.Time `json:"tested_at,omitzero"`
	// TasksDone counts the app's tasks that are done, in their order.
	TasksDone   int       `json:"tasks_done,omitempty"`
	ActivatedAt time.Time `json:"activated_at,omitzero"`
	// GrantEndedAt is when NetSuite confirmed the end of the set-up permission.
	GrantEndedAt time.Time `json:"grant_ended_at,omitzero"`
	ConnectedAt  time.Time `json:"connected_at,omitzero"`
	// Ended is cancelled, expired or failed for a run that stopped without a connection.
	Ended Phase `json:"ended,omitempty"`

	// ConsentBy is when the person of a user connection must consent again.
	ConsentBy time.Time `json:"consent_by,omitzero"`

	// Told is the last phase that others were told of.
	Told Phase `json:"told,omitempty"`

	// Problem is why the run waits or stopped; nil while it goes on by itself.
	Problem *Problem `json:"problem,omitempty"`
	// Attempts counts failures in a row of the current step, for the growing pause.
	Attempts int `json:"attempts,omitempty"`
	// GrantExpiresAt is when the set-up permission runs out by itself.
	GrantExpiresAt time.Time `json:"grant_expires_at,omitzero"`
}

// Problem is a named situation (ux.md section 2) with what a person needs to mend it.
type Problem struct {
	Code Code `json:"code"`
	// Detail is one plain sentence with the particulars, safe to show.
	Detail string `json:"detail,omitempty"`
	// Found and Expected are account IDs, for SK-ONB-202.
	Found    netsuite.AccountID   `json:"found,omitempty"`
	Expected []netsuite.AccountID `json:"expected,omitempty"`
	// Role is the name of the role that cannot do set-up, for SK-ONB-203.
	Role string `json:"role,omitempty"`
	// Certificates are the active ones at NetSuite, for SK-ONB-208.
	Certificates []KnownCertificate `json:"certificates,omitempty"`
	// Path is where to click in NetSuite; URL opens that page.
	Path string `json:"path,omitempty"`
	URL  string `json:"url,omitempty"`
}

// KnownCertificate is a certificate at NetSuite as a person may choose it.
type KnownCertificate struct {
	ID         string    `json:"id"`
	EntityName string    `json:"entity_name"`
	RoleName   string    `json:"role_name"`
	ValidUntil time.Time `json:"valid_until"`
	// Ours is set when the certificate belongs to a connection of this server.
	Ours bool `json:"ours"`
}

// Check is one thing that must hold in the account.
type Check struct {
	ID    string     `json:"id"` // rest, integration, bundle, role, permissions, holder
	State CheckState `json:"state"`
	// Title says what must hold, or what to do: "Install the bundle “Acme Sync”".
	Title string `json:"title"`
	Code  Code   `json:"code,omitempty"`
	// Hint is one sentence; Path the menu path; URL opens the page in NetSuite.
	Hint string `json:"hint,omitempty"`
	Path string `json:"path,omitempty"`
	URL  string `json:"url,omitempty"`
}

// CheckState of one check.
type CheckState string

const (
	CheckOK      CheckState = "ok"
	CheckTodo    CheckState = "todo"
	CheckUnknown CheckState = "unknown" // we may not look; the test decides
	CheckWaiting CheckState = "waiting" // depends on an earlier check
)

// Holder is a user who holds the bundle's role.
type Holder struct {
	Entity int64  `json:"entity"`
	Name   string `json:"name"`
	Email  string `json:"email,omitempty"`
}

// Phase tells where the run stands.
func (r Run) Phase() Phase {
	switch {
	case r.Ended != "":
		return r.Ended
	case !r.ConnectedAt.IsZero():
		return PhaseConnected
	case r.Problem != nil:
		return PhaseNeedsAction
	case !r.TestedAt.IsZero():
		return PhaseFinishing
	case !r.UploadedAt.IsZero():
		return PhaseTesting
	case !r.ChecksPassedAt.IsZero() && r.Entity != 0:
		return PhaseProvisioning
	case r.FinaliseCodeHash != "" && r.FinalisedAt.IsZero():
		return PhaseUnconfirmed
	case !r.BoundAt.IsZero() && r.AccountConfirmedAt.IsZero():
		return PhaseNeedsAction
	case !r.BoundAt.IsZero(), !r.GrantExpiresAt.IsZero():
		return PhaseChecking
	}
	return PhaseConsenting
}

// Over reports that nothing will happen in the run any more.
func (r Run) Over() bool { return r.Ended != "" || !r.ConnectedAt.IsZero() }

// Grant is one consent of a person: asked for, redeemed, used, revoked. It never leaves the run that asked for it.
type Grant struct {
	ID     string
	RunID  string
	App    string
	Status GrantStatus
	// StateHash finds the grant when NetSuite redirects back; BrowserHash ties it to the browser that asked (ON-03).
	StateHash   string
	BrowserHash string
	// Host is the account whose log-in page was used; empty for system.netsuite.com.
	Host netsuite.AccountID
	// Account, Role and Entity are what the redirect claimed.
	Account netsuite.AccountID
	Role    int64
	Entity  int64
	// Sealed, and wiped when the grant has ended.
	Verifier Sealed
	Code     Sealed
	Tokens   Sealed
	// AskBefore ends the life of the state; AccessExpiresAt that of the access token.
	AskBefore       time.Time
	AccessExpiresAt time.Time
	CreatedAt       time.Time
	EndedAt         time.Time
	// DueAt is when the worker should revoke or try again.
	DueAt    time.Time
	Attempts int
	Version  int64
}

// GrantStatus of a grant.
type GrantStatus string

const (
	GrantAsked     GrantStatus = "asked"     // the browser is at NetSuite
	GrantRedeeming GrantStatus = "redeeming" // the code is ours and stored; the token call may or may not have happened
	GrantHeld      GrantStatus = "held"      // tokens are stored
	GrantEnding    GrantStatus = "ending"    // must be revoked
	GrantRevoked   GrantStatus = "revoked"   // NetSuite confirmed the end
	GrantKept      GrantStatus = "kept"      // became the consent behind a user connection, which holds its tokens now
	GrantVoid      GrantStatus = "void"      // never became tokens: denied, superseded, or refused by NetSuite
)

// Call is one line of the receipt: a request that was made to NetSuite with a grant.
type Call struct {
	RunID   string    `json:"-"`
	N       int64     `json:"n"`
	At      time.Time `json:"at"`
	Purpose string    `json:"purpose"`
	Method  string    `json:"method"`
	// URL without query.
	URL string `json:"url"`
	// Status is the HTTP status; zero when no answer came.
	Status int `json:"status"`
}
