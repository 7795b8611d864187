package notify

import (
	"context"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Attempt is how a test ended.
type Attempt struct {
	Delivered bool
	Status    int    // the answer's; zero when there was none
	Error     string // in one sentence
}

// Test sends a message that means nothing, now and once. Errors carry CodeNotFound.
func (s *Service) Test(ctx context.Context, id string) (Attempt, error) {
	e, err := s.endpoint(ctx, id)
	if err != nil {
		return Attempt{}, err
	}
	if err := s.record(ctx, broker.AuditEndpointTested, e, e.ID, ""); err != nil {
		return Attempt{}, err
	}
	event := broker.NewEvent(EventTest, s.now().Truncate(time.Millisecond), e.App, "", e.ID)
	ctx, stop := context.WithTimeout(ctx, attemptWithin)
	defer stop()
	var out outcome
	if e.Kind.ForPeople() {
		out = s.tell(ctx, e, event.ID, notice{title: "suitekey: this is a test.", lines: []string{"Alerts will arrive here.", reference(event)}})
	} else {
		out = s.sendWebhook(ctx, e, event)
	}
	return Attempt{out.err == nil, out.status, out.explain()}, nil
}

const mostDeliveries = 1000

// Deliveries lists the newest deliveries to an endpoint, or to all when the ID is empty, the newest first. Errors carry CodeNotFound
// or CodeInvalid.
func (s *Service) Deliveries(ctx context.Context, endpointID string, limit int) ([]broker.Delivery, error) {
	if limit < 1 || limit > mostDeliveries {
		return nil, broker.Errorf(broker.CodeInvalid, `field "limit": must be from 1 to %d; got %d`, mostDeliveries, limit)
	}
	if endpointID != "" {
		if _, err := s.endpoint(ctx, endpointID); err != nil {
			return nil, err
		}
	}
	return s.Store.DeliveriesTo(ctx, endpointID, limit)
}

// Replay sends a delivery again that has arrived or was given up, with all its attempts. Errors carry CodeNotFound, or CodeConflict
// for one that is on its way, or whose endpoint is gone.
func (s *Service) Replay(ctx context.Context, deliveryID string) error {
	v, err := s.Store.Delivery(ctx, deliveryID)
	if err != nil {
		return missing(err, "there is no delivery %.80q", deliveryID)
	}
	if v.State == broker.DeliveryPending {
		return broker.Errorf(broker.CodeConflict, "delivery %s is on its way", v.ID).WithDo("See: suitekey notify deliveries")
	}
	e, err := s.inUse(ctx, v.EndpointID)
	if err != nil {
		return err
	}
	return s.replay(ctx, e, v)
}

// ReplayGivenUp sends again what was given up since a moment, and says how many deliveries that are. Errors are those of Replay.
func (s *Service) ReplayGivenUp(ctx context.Context, endpointID string, since time.Time) (int, error) {
	e, err := s.inUse(ctx, endpointID)
	if err != nil {
		return 0, err
	}
	lost, err := s.Store.GivenUpDeliveries(ctx, endpointID, since)
	if err != nil {
		return 0, err
	}
	for n, v := range lost {
		if err := s.replay(ctx, e, v); err != nil {
			return n, err
		}
	}
	return len(lost), nil
}

func (s *Service) inUse(ctx context.Context, id string) (broker.Endpoint, error) {
	e, err := s.endpoint(ctx, id)
	if err == nil && !e.DisabledAt.IsZero() {
		err = broker.Errorf(broker.CodeConflict, "endpoint %s said that it is gone", id).WithDo("Remove it, and create it anew.")
	}
	return e, err
}

func (s *Service) replay(ctx context.Context, e broker.Endpoint, v broker.Delivery) error {
	if err := s.record(ctx, broker.AuditDeliveryReplayed, e, v.ID, e.ID); err != nil {
		return err
	}
	v.State, v.Attempts, v.DueAt, v.Status, v.Error = broker.DeliveryPending, 0, s.now(), 0, ""
	return s.Store.SaveDelivery(ctx, &v)
}
