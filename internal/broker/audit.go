package broker

import "time"

// AuditLine says who did what to what, from where, with which result. It never holds a secret.
type AuditLine struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Actor  string    `json:"actor"` // client ID, run ID, "operator", "system"
	From   string    `json:"from,omitempty"`
	App    string    `json:"app,omitempty"`
	Object string    `json:"object,omitempty"` // link, run, connection, certificate
	Result string    `json:"result"`           // ok, or a code
	Detail string    `json:"detail,omitempty"`
}

// The audit events, in one place.
const (
	AuditLinkCreated          = "link.created"
	AuditLinkRevoked          = "link.revoked"
	AuditRunStarted           = "run.started"
	AuditConsentGiven         = "consent.given"
	AuditConsentRefused       = "consent.refused"
	AuditAccountConfirmed     = "account.confirmed"
	AuditRunFinalised         = "run.finalised"
	AuditCertificateUpload    = "certificate.upload"
	AuditCertificateRevoke    = "certificate.revoke"
	AuditConnectionActive     = "connection.active"
	AuditGrantRevoked         = "grant.revoked"
	AuditClientCreated        = "client.created"
	AuditClientRevoked        = "client.revoked"
	AuditTokenHandedOut       = "token.handed_out"
	AuditTokenRefused         = "token.refused"
	AuditAppStored            = "app.stored"
	AuditCertificateRotated   = "certificate.rotated"
	AuditHealthChanged        = "connection.health"
	AuditDisconnected         = "connection.disconnected"
	AuditGrantRefreshed       = "grant.refreshed"
	AuditEndpointCreated      = "endpoint.created"
	AuditEndpointRemoved      = "endpoint.removed"
	AuditEndpointRotated      = "endpoint.secret_rotated"
	AuditEndpointRotationOver = "endpoint.secret_rotation_ended"
	AuditEndpointTested       = "endpoint.tested"
	AuditDeliveryReplayed     = "delivery.replayed"
)

// AuditGroup is how lines are stored: those that arrived together become one durable row, chained by hash.
type AuditGroup struct {
	Seq  int64
	At   time.Time
	Prev string // hash of the group before
	Hash string
	// Lines is a JSON array of AuditLine.
	Lines []byte
}
