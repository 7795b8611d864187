package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/suitekey/suitekey/internal/broker"
)

const mostAtOnce = 500 // events or deliveries of one look

// DueEvents lists the IDs of events of which no deliveries were made yet.
func (s *Service) DueEvents(ctx context.Context) ([]string, error) {
	return s.Store.DueEvents(ctx, mostAtOnce)
}

// Dispatch makes the deliveries of an event, and opens and closes alerts by it, all in one transaction. One that another process
// has dispatched, or that must wait for an older one of its connection, is no error.
func (s *Service) Dispatch(ctx context.Context, eventID string) error {
	_, err := s.dispatch(ctx, eventID)
	return err
}

func (s *Service) dispatch(ctx context.Context, eventID string) (done bool, err error) {
	event, err := s.Store.Event(ctx, eventID)
	if err != nil {
		return false, fmt.Errorf("event %s: %w", eventID, err)
	}
	endpoints, err := s.Store.Endpoints(ctx)
	if err != nil {
		return false, err
	}
	endpoints = slices.DeleteFunc(endpoints, func(e broker.Endpoint) bool { return !e.Wants(event) })
	d := broker.Dispatch{EventID: event.ID}
	for _, e := range endpoints {
		if !e.Kind.ForPeople() {
			d.Deliveries = append(d.Deliveries, s.newDelivery(event, e.ID))
		}
	}
	if err := s.alert(ctx, &d, event, endpoints); err != nil {
		return false, err
	}
	err = s.Store.SaveDispatch(ctx, d)
	if errors.Is(err, broker.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

func (s *Service) newDelivery(event broker.Event, endpointID string) *broker.Delivery {
	return &broker.Delivery{
		ID: broker.NewID("dl"), EventID: event.ID, EndpointID: endpointID, State: broker.DeliveryPending, DueAt: s.now(), CreatedAt: s.now(),
	}
}
