package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
)

func testEndpoints(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	hook := broker.Endpoint{
		ID: "ep_1", Kind: broker.EndpointWebhook, App: "acme", Types: []broker.EventType{broker.EventCertificateRotated}, Target: "https://a.example/",
		URL: broker.Sealed{1}, Secret: broker.Sealed{2}, OldSecret: broker.Sealed{3}, OldUntil: kept(start.Add(time.Hour)), DisabledAt: kept(start),
	}
	must(t, db.SaveEndpoint(ctx, &hook))
	clock.Add(time.Second)
	mail := broker.Endpoint{ID: "ep_2", Kind: broker.EndpointEmail, Target: "ops@acme.example"}
	must(t, db.SaveEndpoint(ctx, &mail))
	wantEqual(t, get(db.Endpoint(ctx, "ep_1"))(t), hook)
	wantEqual(t, get(db.Endpoints(ctx))(t), []broker.Endpoint{hook, mail})
	_, err := db.Endpoint(ctx, "ep_x")
	wantErr(t, err, broker.ErrNotFound)

	stale := hook
	hook.OldSecret, hook.OldUntil, hook.DisabledAt = nil, time.Time{}, time.Time{}
	must(t, db.SaveEndpoint(ctx, &hook))
	wantErr(t, db.SaveEndpoint(ctx, &stale), broker.ErrConflict)
	wantErr(t, db.SaveEndpoint(ctx, &broker.Endpoint{ID: "ep_1"}), broker.ErrConflict)

	// What was on its way goes with the endpoint.
	saveEvent(t, db, "ev_1", "con_1", start)
	pending := broker.Delivery{ID: "dl_1", EventID: "ev_1", EndpointID: "ep_1", State: broker.DeliveryPending, DueAt: kept(start)}
	elsewhere := broker.Delivery{ID: "dl_2", EventID: "ev_1", EndpointID: "ep_2", State: broker.DeliveryPending, DueAt: kept(start)}
	must(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1", Deliveries: []*broker.Delivery{&pending, &elsewhere}}))
	wantErr(t, db.RemoveEndpoint(ctx, stale), broker.ErrConflict)
	must(t, db.RemoveEndpoint(ctx, hook))
	wantErr(t, db.RemoveEndpoint(ctx, hook), broker.ErrConflict)
	wantEqual(t, get(db.Endpoints(ctx))(t), []broker.Endpoint{mail})
	if got := get(db.Delivery(ctx, "dl_1"))(t); got.State != broker.DeliveryDropped {
		t.Errorf("a delivery to a removed endpoint is %s, want dropped", got.State)
	}
	wantErr(t, db.SaveDelivery(ctx, &pending), broker.ErrConflict)
	wantEqual(t, get(db.Delivery(ctx, "dl_2"))(t), elsewhere)
}

func saveEvent(t *testing.T, db *store.DB, id, connection string, at time.Time) broker.Event {
	t.Helper()
	e := broker.Event{ID: id, Type: broker.EventConnectionDegraded, At: kept(at), App: "acme", ConnectionID: connection, Object: connection}
	must(t, db.SaveEvents(t.Context(), e))
	return e
}

func testDispatch(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	// Two connections, and two events that are about none.
	saveEvent(t, db, "ev_2", "con_1", start.Add(time.Second))
	saveEvent(t, db, "ev_1", "con_1", start)
	saveEvent(t, db, "ev_1b", "con_1", start)
	saveEvent(t, db, "ev_3", "con_2", start.Add(2*time.Second))
	saveEvent(t, db, "ev_4", "", start.Add(3*time.Second))
	saveEvent(t, db, "ev_5", "", start.Add(4*time.Second))
	wantEqual(t, get(db.DueEvents(ctx, 10))(t), []string{"ev_1", "ev_3", "ev_4", "ev_5"})
	wantEqual(t, get(db.DueEvents(ctx, 2))(t), []string{"ev_1", "ev_3"})
	wantErr(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_2"}), broker.ErrConflict)
	wantErr(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_x"}), broker.ErrConflict)

	alert := broker.Alert{
		ID: "al_1", App: "acme", ConnectionID: "con_1", Subject: "throttled", Opened: broker.EventConnectionDegraded,
		OpenedAt: kept(start), TellAt: kept(start.Add(time.Minute)),
	}
	delivery := broker.Delivery{
		ID: "dl_1", EventID: "ev_1", EndpointID: "ep_1", AlertID: "al_1", Closing: true, State: broker.DeliveryPending, Attempts: 3,
		DueAt: kept(start.Add(time.Minute)), Status: 503, Error: "the endpoint answered 503",
	}
	must(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1", Alerts: []*broker.Alert{&alert}, Deliveries: []*broker.Delivery{&delivery}}))
	wantEqual(t, get(db.Alert(ctx, "al_1"))(t), alert)
	wantEqual(t, get(db.OpenAlerts(ctx, "acme", "con_1"))(t), []broker.Alert{alert})
	wantEqual(t, get(db.Delivery(ctx, "dl_1"))(t), delivery)
	wantEqual(t, get(db.DeliveriesOfAlert(ctx, "al_1"))(t), []broker.Delivery{delivery})
	wantEqual(t, get(db.DueEvents(ctx, 10))(t), []string{"ev_1b", "ev_3", "ev_4", "ev_5"})
	wantErr(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1"}), broker.ErrConflict)

	// All or nothing: a second open alert, a stale delivery or a second delivery of one event takes the event back with it.
	second := alert
	second.ID, second.Version = "al_2", 0
	wantErr(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1b", Alerts: []*broker.Alert{&second}}), broker.ErrConflict)
	stale := delivery
	stale.Version--
	third := broker.Delivery{ID: "dl_3", EventID: "ev_1b", EndpointID: "ep_1", State: broker.DeliveryPending}
	wantErr(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1b", Deliveries: []*broker.Delivery{&third, &stale}}), broker.ErrConflict)
	again := broker.Delivery{ID: "dl_4", EventID: "ev_1b", EndpointID: "ep_1", State: broker.DeliveryPending}
	wantErr(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1b", Deliveries: []*broker.Delivery{&third, &again}}), broker.ErrConflict)
	_, err := db.Delivery(ctx, "dl_3")
	wantErr(t, err, broker.ErrNotFound)
	if third.Version != 0 {
		t.Errorf("version is %d after a refusal, want 0", third.Version)
	}
	wantEqual(t, get(db.DueEvents(ctx, 1))(t), []string{"ev_1b"})

	alert.ClosedAt = kept(start.Add(time.Hour))
	must(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: "ev_1b", Alerts: []*broker.Alert{&alert, &second}}))
	wantEqual(t, get(db.OpenAlerts(ctx, "acme", "con_1"))(t), []broker.Alert{second})
	if found := get(db.OpenAlerts(ctx, "other", "con_1"))(t); len(found) != 0 {
		t.Errorf("alerts of another app: %v", found)
	}
}

func testDispatchAtOnce(t *testing.T, opener Opener) {
	first, second := open(t, opener), open(t, opener)
	saveEvent(t, first, "ev_1", "con_1", start)
	won, lost := atOnce(t, 12, func(i int) error {
		mine := broker.Delivery{ID: fmt.Sprint("dl_", i), EventID: "ev_1", EndpointID: "ep_1", State: broker.DeliveryPending}
		return []*store.DB{first, second}[i%2].SaveDispatch(t.Context(), broker.Dispatch{EventID: "ev_1", Deliveries: []*broker.Delivery{&mine}})
	})
	if won != 1 || lost != 11 {
		t.Errorf("%d dispatchers of one event won and %d lost, want 1 and 11", won, lost)
	}
	if made := get(first.DeliveriesTo(t.Context(), "", 100))(t); len(made) != 1 {
		t.Errorf("%d deliveries were made, want 1", len(made))
	}
}

func testDeliveries(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	var all []broker.Delivery
	for i, state := range []broker.DeliveryState{broker.DeliveryPending, broker.DeliveryPending, broker.DeliveryGivenUp, broker.DeliveryDelivered} {
		event := saveEvent(t, db, fmt.Sprint("ev_", i), "", start)
		v := broker.Delivery{
			ID: fmt.Sprint("dl_", i), EventID: event.ID, EndpointID: "ep_1", State: state, DueAt: kept(start.Add(time.Duration(10-i) * time.Minute)),
		}
		must(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: event.ID, Deliveries: []*broker.Delivery{&v}}))
		all = append(all, v)
		clock.Add(time.Minute)
	}
	wantEqual(t, get(db.DueDeliveries(ctx, start.Add(time.Hour), 10, 10))(t), []string{"dl_1", "dl_0"})
	wantEqual(t, get(db.DueDeliveries(ctx, start.Add(time.Hour), 10, 1))(t), []string{"dl_1"})
	wantEqual(t, get(db.DueDeliveries(ctx, start.Add(9*time.Minute), 10, 10))(t), []string{"dl_1"})
	wantEqual(t, get(db.DueDeliveries(ctx, start.Add(time.Hour), 1, 10))(t), []string{"dl_1"})
	wantEqual(t, get(db.Backlogs(ctx))(t), map[string]broker.Backlog{"ep_1": {Pending: 2, GivenUp: 1}})
	wantEqual(t, get(db.DeliveriesTo(ctx, "ep_1", 2))(t), []broker.Delivery{all[3], all[2]})
	wantEqual(t, get(db.DeliveriesTo(ctx, "", 10))(t), []broker.Delivery{all[3], all[2], all[1], all[0]})
	wantEqual(t, get(db.GivenUpDeliveries(ctx, "ep_1", start))(t), []broker.Delivery{all[2]})
	if found := get(db.GivenUpDeliveries(ctx, "ep_1", clock.Now()))(t); len(found) != 0 {
		t.Errorf("given up later than asked for: %v", found)
	}
	if found := get(db.DeliveriesTo(ctx, "ep_2", 10))(t); len(found) != 0 {
		t.Errorf("deliveries to another endpoint: %v", found)
	}
	if found := get(db.DeliveriesOfAlert(ctx, ""))(t); len(found) != 0 {
		t.Errorf("webhooks tell of no alert: %v", found)
	}

	// Of two endpoints, the one with much to take leaves a place to the other.
	late := saveEvent(t, db, "ev_late", "", start)
	other := broker.Delivery{ID: "dl_other", EventID: late.ID, EndpointID: "ep_2", State: broker.DeliveryPending, DueAt: kept(start.Add(30 * time.Minute))}
	must(t, db.SaveDispatch(ctx, broker.Dispatch{EventID: late.ID, Deliveries: []*broker.Delivery{&other}}))
	wantEqual(t, get(db.DueDeliveries(ctx, start.Add(time.Hour), 1, 2))(t), []string{"dl_1", "dl_other"})

	// A claim is a save: of many, one wins.
	won, lost := atOnce(t, 8, func(int) error {
		mine := all[0]
		mine.Attempts++
		return db.SaveDelivery(t.Context(), &mine)
	})
	if won != 1 || lost != 7 {
		t.Errorf("%d claims won and %d lost, want 1 and 7", won, lost)
	}
}
