package broker

import (
	"slices"
	"time"
)

// EndpointKind is how somebody is told.
type EndpointKind string

const (
	EndpointWebhook EndpointKind = "webhook" // a program: every event, signed
	EndpointEmail   EndpointKind = "email"   // the others are for people: alerts alone
	EndpointSlack   EndpointKind = "slack"
	EndpointTeams   EndpointKind = "teams"
)

// ForPeople tells whether alerts go there instead of events.
func (k EndpointKind) ForPeople() bool { return k != EndpointWebhook }

// Endpoint is where somebody is told what happened.
type Endpoint struct {
	ID   string
	Kind EndpointKind
	// App whose events are told; empty is all apps.
	App string
	// Types of events that are told; empty is all.
	Types []EventType
	// Target is the address as it may be shown: mail addresses, or a URL without what is secret in it.
	Target string
	// URL is sealed; empty for email.
	URL Sealed
	// Secret signs webhooks. OldSecret signs beside it until OldUntil. Both are sealed.
	Secret    Sealed
	OldSecret Sealed
	OldUntil  time.Time
	// DisabledAt is when the endpoint answered that it is gone for good; zero while it is in use.
	DisabledAt time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Version    int64
}

// Wants reports whether the endpoint is to be told of an event.
func (e Endpoint) Wants(event Event) bool {
	return e.DisabledAt.IsZero() && (e.App == "" || e.App == event.App) && (len(e.Types) == 0 || slices.Contains(e.Types, event.Type))
}

// DeliveryState of a delivery.
type DeliveryState string

const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryGivenUp   DeliveryState = "given_up" // after three days, or because the endpoint is gone
	DeliveryDropped   DeliveryState = "dropped"  // there was nothing to tell any more
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID         string
	EventID    string
	EndpointID string
	// AlertID is set for people: the alert that is opened or, when Closing, closed.
	AlertID string
	Closing bool
	State   DeliveryState
	// Attempts counts those that were begun; DueAt is the next one's time.
	Attempts int
	DueAt    time.Time
	// Status is the last answer's; zero when there was none. Error says in one sentence what went wrong.
	Status    int
	Error     string
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// Backlog is what an endpoint has not taken.
type Backlog struct {
	Pending int
	GivenUp int
}

// Alert is one cause that people were, or will be, told of; at most one is open for each connection and subject.
type Alert struct {
	ID           string
	App          string
	ConnectionID string
	// Subject is what the alert is about: a cause, or the type of event when it has none.
	Subject string
	// Opened is the type of the event that opened it.
	Opened   EventType
	OpenedAt time.Time
	// TellAt is when people are told, if it is still open then.
	TellAt   time.Time
	ClosedAt time.Time
	Version  int64
}

// Dispatch is what becomes of one event: stored all together, or not at all.
type Dispatch struct {
	EventID    string
	Alerts     []*Alert
	Deliveries []*Delivery
}
