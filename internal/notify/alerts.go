package notify

import (
	"context"
	"slices"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// passesWithin is how long a cause that passes by itself may last before people are told.
const passesWithin = 30 * time.Minute

// alert adds to a dispatch what the event means for people: alerts that it closes, and the one that it opens.
func (s *Service) alert(ctx context.Context, d *broker.Dispatch, event broker.Event, endpoints []broker.Endpoint) error {
	subject := subjectOf(event)
	if subject == "" && !mayClose(event.Type) {
		return nil
	}
	open, err := s.Store.OpenAlerts(ctx, event.App, event.ConnectionID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if closes(event, a) || s.replaces(event, a) {
			if err := s.closeAlert(ctx, d, event, a); err != nil {
				return err
			}
		}
	}
	known := slices.ContainsFunc(open, func(a broker.Alert) bool { return a.Subject == subject })
	if subject != "" && !known {
		s.openAlert(d, event, subject, endpoints)
	}
	return nil
}

// subjectOf is what an event alerts people about; empty when it is not for them. A cause is one subject whoever meets it.
func subjectOf(e broker.Event) string {
	switch e.Type {
	case broker.EventConnectionDegraded, broker.EventConnectionNeedsConsent, broker.EventCertificateRotationFailed, broker.EventCertificateExpiring:
		if e.Cause != "" {
			return string(e.Cause)
		}
		return string(e.Type)
	case broker.EventClientSecretExpiring:
		return string(e.Type) + " " + e.Object
	}
	return ""
}

func mayClose(kind broker.EventType) bool {
	return kind == broker.EventConnectionRecovered || kind == broker.EventCertificateRotated || kind == broker.EventConnectionDisconnected
}

// closes tells whether an event ends what an alert is about.
func closes(e broker.Event, a broker.Alert) bool {
	_, ofHealth := broker.Conditions[broker.Cause(a.Subject)]
	switch e.Type {
	case broker.EventConnectionRecovered:
		return ofHealth || a.Opened == broker.EventConnectionDegraded || a.Opened == broker.EventConnectionNeedsConsent
	case broker.EventCertificateRotated:
		return a.Opened == broker.EventCertificateRotationFailed || a.Opened == broker.EventCertificateExpiring
	case broker.EventConnectionDisconnected:
		return true
	}
	return false
}

// replaces tells whether health has got another cause before people were told of the one that would have passed.
func (s *Service) replaces(e broker.Event, a broker.Alert) bool {
	ofHealth := e.Type == broker.EventConnectionDegraded || e.Type == broker.EventConnectionNeedsConsent
	return ofHealth && a.Subject != subjectOf(e) && s.now().Before(a.TellAt)
}

// openAlert opens an alert when there is somebody to tell.
func (s *Service) openAlert(d *broker.Dispatch, event broker.Event, subject string, endpoints []broker.Endpoint) {
	a := &broker.Alert{
		ID: broker.NewID("al"), App: event.App, ConnectionID: event.ConnectionID, Subject: subject,
		Opened: event.Type, OpenedAt: event.At, TellAt: event.At,
	}
	if broker.Conditions[event.Cause].Passes {
		a.TellAt = event.At.Add(passesWithin)
	}
	told := false
	for _, e := range endpoints {
		if !e.Kind.ForPeople() {
			continue
		}
		v := s.newDelivery(event, e.ID)
		v.AlertID, v.DueAt = a.ID, a.TellAt
		d.Deliveries = append(d.Deliveries, v)
		told = true
	}
	if told {
		d.Alerts = append(d.Alerts, a)
	}
}

// closeAlert closes an alert, and tells so those who were told of it, or may have been. Whom no attempt has reached hears nothing.
func (s *Service) closeAlert(ctx context.Context, d *broker.Dispatch, event broker.Event, a broker.Alert) error {
	deliveries, err := s.Store.DeliveriesOfAlert(ctx, a.ID)
	if err != nil {
		return err
	}
	a.ClosedAt = event.At
	d.Alerts = append(d.Alerts, &a)
	for _, v := range deliveries {
		switch {
		case v.State == broker.DeliveryPending && v.Attempts == 0:
			v.State = broker.DeliveryDropped
			d.Deliveries = append(d.Deliveries, &v)
		case v.State == broker.DeliveryPending || v.State == broker.DeliveryDelivered:
			closing := s.newDelivery(event, v.EndpointID)
			closing.AlertID, closing.Closing = a.ID, true
			d.Deliveries = append(d.Deliveries, closing)
		}
	}
	return nil
}
