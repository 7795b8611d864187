// Package notify tells people and programs what happened. Whoever knows a fact stores an event in the transaction of that fact; this
// package makes a delivery of it for each endpoint that wants it (dispatch.go), and sends each delivery until it has arrived
// (deliver.go). Programs get every event as a signed webhook (webhook.go). People get alerts: one for each cause, closed by
// recovery (alerts.go, notice.go), by mail (mail.go) or chat (chat.go). The calendar of what expires is here too (calendar.go).
//
// It promises that each event arrives at least once at an endpoint that is back within three days, and that no secret and no
// personal data leave in a webhook. It does not promise an order.
//
// It finds no facts itself, and shows no page.
package notify

import (
	"context"
	"log/slog"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/outbound"
)

type store interface {
	App(ctx context.Context, name string) (broker.App, error)
	Connection(ctx context.Context, id string) (broker.Connection, error)
	Connections(ctx context.Context, app string) ([]broker.Connection, error)
	Certificate(ctx context.Context, id string) (broker.Certificate, error)
	UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error)
	ActiveCertificates(ctx context.Context) ([]broker.Certificate, error)
	LiveUserGrants(ctx context.Context) ([]broker.UserGrant, error)

	Event(ctx context.Context, id string) (broker.Event, error)
	DueEvents(ctx context.Context, limit int) ([]string, error)
	SaveDispatch(ctx context.Context, dispatch broker.Dispatch) error

	Endpoint(ctx context.Context, id string) (broker.Endpoint, error)
	Endpoints(ctx context.Context) ([]broker.Endpoint, error)
	SaveEndpoint(ctx context.Context, endpoint *broker.Endpoint) error
	RemoveEndpoint(ctx context.Context, endpoint broker.Endpoint) error

	Delivery(ctx context.Context, id string) (broker.Delivery, error)
	DueDeliveries(ctx context.Context, now time.Time, perEndpoint, limit int) ([]string, error)
	Backlogs(ctx context.Context) (map[string]broker.Backlog, error)
	DeliveriesTo(ctx context.Context, endpointID string, limit int) ([]broker.Delivery, error)
	GivenUpDeliveries(ctx context.Context, endpointID string, since time.Time) ([]broker.Delivery, error)
	DeliveriesOfAlert(ctx context.Context, alertID string) ([]broker.Delivery, error)
	SaveDelivery(ctx context.Context, delivery *broker.Delivery) error

	Alert(ctx context.Context, id string) (broker.Alert, error)
	OpenAlerts(ctx context.Context, app, connectionID string) ([]broker.Alert, error)
}

type vault interface {
	Seal(place broker.Place, plain []byte) (broker.Sealed, error)
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

type auditor interface {
	// Record returns when the line is durable.
	Record(ctx context.Context, line broker.AuditLine) error
}

type links interface {
	// RepairLink returns the connection's link for a new consent, and makes one when there is none that still works.
	RepairLink(ctx context.Context, connectionID string) (broker.Link, string, error)
}

// Service tells. Its zero fields may stay so but for Store, Vault, Audit, Guard and Links.
type Service struct {
	Store store
	Vault vault
	Audit auditor
	// Guard is the way out for webhooks and chats.
	Guard *outbound.Guard
	// Links makes the link that an alert carries when a person must consent. Webhooks carry none.
	Links links
	// SMTP is the mail server; without an address no mail is sent, and no email endpoint can be made.
	SMTP   SMTP
	Now    func() time.Time
	Logger *slog.Logger
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Service) log() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// record notes what an operator does, before it takes effect.
func (s *Service) record(ctx context.Context, event string, e broker.Endpoint, object, detail string) error {
	return s.Audit.Record(ctx, broker.AuditLine{At: s.now(), Event: event, Actor: "operator", App: e.App, Object: object, Result: "ok", Detail: detail})
}
