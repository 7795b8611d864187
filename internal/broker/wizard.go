package broker

import "time"

// Invitation is what the welcome page shows of a link.
type Invitation struct {
	Link Link
	App  App
	// Run is the onboarding that the link already leads to; nil before the start.
	Run *Run
	// Cause is what is wrong with the connection that the link repairs; empty when nothing is known.
	Cause Cause
	// Connection is set when the link's run is connected.
	Connection *Connection
}

// Departure sends the browser to NetSuite.
type Departure struct {
	RunID string
	// Browser is the new cookie secret of this run.
	Browser string
	// URL is NetSuite's authorize page.
	URL string
}

// View is all that a run's pages show.
type View struct {
	Run  Run
	Link Link
	App  App
	// Calls counts the lines of the receipt.
	Calls int
	// Tasks are the names of the app's tasks, in order; Run.TasksDone of them are done.
	Tasks        []string
	ConnectionID string
	// ReturnTo is where the browser carries the one-time code of a session run; empty otherwise.
	ReturnTo string
	// BackTo is the app's page for "Back to …"; empty when the link named none.
	BackTo string
}

// ActionKind is what a button of the wizard asks.
type ActionKind string

const (
	ActConsent     ActionKind = "consent"     // go to NetSuite (again); Value "other" lets the person choose another account
	ActCheck       ActionKind = "check"       // look again now
	ActAccount     ActionKind = "account"     // yes, this account
	ActHolder      ActionKind = "holder"      // Value: entity ID
	ActCertificate ActionKind = "certificate" // Value: ID of the certificate to remove
	ActRetry       ActionKind = "retry"
	ActCancel      ActionKind = "cancel"
	ActHandover    ActionKind = "handover" // make a link for another person; sent links only
)

// Action is one button press.
type Action struct {
	Kind  ActionKind
	Value string
}

// Outcome of an action.
type Outcome struct {
	// Departure is set when the browser must go to NetSuite.
	Departure *Departure
	// HandoverURL is the new link, shown once.
	HandoverURL string
	// HandoverExpires is the end of its life.
	HandoverExpires time.Time
}

// Receipt lists every call that was made with the set-up permission.
type Receipt struct {
	App            string    `json:"app"`
	Customer       string    `json:"customer"`
	Account        string    `json:"account"`
	RunID          string    `json:"run"`
	Role           string    `json:"role"`
	Entity         string    `json:"entity"`
	CertificateID  string    `json:"certificate_id"`
	ConsentGivenAt time.Time `json:"consent_given_at,omitzero"`
	GrantEndedAt   time.Time `json:"grant_ended_at,omitzero"`
	Calls          []Call    `json:"calls"`
}
