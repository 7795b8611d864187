package broker

import "time"

// EventType names what happened, for those who are told (ux.md 4.2).
type EventType string

const (
	EventOnboardingStep      EventType = "onboarding.step"
	EventOnboardingCompleted EventType = "onboarding.completed"
	EventOnboardingExited    EventType = "onboarding.exited"
	EventLinkExpired         EventType = "onboarding.link_expired"

	EventConnectionDegraded     EventType = "connection.degraded"
	EventConnectionRecovered    EventType = "connection.recovered"
	EventConnectionNeedsConsent EventType = "connection.needs_consent"
	EventConnectionDisconnected EventType = "connection.disconnected"

	EventCertificateExpiring       EventType = "certificate.expiring"
	EventCertificateRotated        EventType = "certificate.rotated"
	EventCertificateRotationFailed EventType = "certificate.rotation_failed"
	EventClientSecretExpiring      EventType = "client.secret_expiring"
)

// EventTypes are all of them, in the order of the documentation.
var EventTypes = []EventType{
	EventOnboardingStep, EventOnboardingCompleted, EventOnboardingExited, EventLinkExpired,
	EventConnectionDegraded, EventConnectionRecovered, EventConnectionNeedsConsent, EventConnectionDisconnected,
	EventCertificateExpiring, EventCertificateRotated, EventCertificateRotationFailed, EventClientSecretExpiring,
}

// Event is one fact that somebody outside may want to know. It is stored in the transaction that makes it true, and never
// holds a secret.
type Event struct {
	ID   string
	Type EventType
	At   time.Time
	App  string
	// ConnectionID is empty for what happened before there was a connection.
	ConnectionID string
	// Object is what the event is about: the ID of a connection, link, run, certificate or client.
	Object string
	// Cause is set for health and rotation events.
	Cause Cause
	// Detail is one sentence for people; empty where the type says enough.
	Detail string
}

// NewEvent makes an event of now.
func NewEvent(kind EventType, at time.Time, app, connectionID, object string) Event {
	return Event{ID: NewID("ev"), Type: kind, At: at, App: app, ConnectionID: connectionID, Object: object}
}
