package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// pauses before the attempts after the first: 72 hours in all, as Standard Webhooks advises. After the last one a delivery is given up.
var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	20*time.Hour + 25*time.Minute,
}

const (
	// claimFor is for how long an attempt belongs to the process that began it. It is longer than any attempt takes.
	claimFor      = 2 * time.Minute
	attemptWithin = 30 * time.Second
	// longestWait is the most that an endpoint may ask for by Retry-After.
	longestWait = 24 * time.Hour
	// openingFirst is how long the closing message of an alert waits for the attempt at the opening one.
	openingFirst = time.Minute

	// LookEvery is how often we look for what is to be told.
	LookEvery = 5 * time.Second
	AtOnce    = 16 // deliveries under way at the same time
	mostOfOne = 8  // of one endpoint in one look: less than AtOnce, so that others go on beside one that hangs
)

// DueDeliveries lists the IDs of deliveries whose next attempt is due.
func (s *Service) DueDeliveries(ctx context.Context) ([]string, error) {
	return s.Store.DueDeliveries(ctx, s.now(), mostOfOne, mostAtOnce)
}

// Deliver makes one attempt at a delivery that is due. It claims the delivery first, so that of two processes one alone sends. That
// the endpoint did not take it is no error here: it is stored, and tried again.
func (s *Service) Deliver(ctx context.Context, id string) error {
	v, err := s.Store.Delivery(ctx, id)
	if err != nil {
		return fmt.Errorf("delivery %s: %w", id, err)
	}
	if v.State != broker.DeliveryPending || s.now().Before(v.DueAt) {
		return nil
	}
	err = s.attempt(ctx, v)
	if errors.Is(err, broker.ErrConflict) {
		return nil // another process has it, or the endpoint was removed
	}
	return err
}

func (s *Service) attempt(ctx context.Context, v broker.Delivery) error {
	e, err := s.Store.Endpoint(ctx, v.EndpointID)
	if err != nil {
		return err
	}
	if !e.DisabledAt.IsZero() {
		v.State, v.Error = broker.DeliveryGivenUp, "the endpoint said that it is gone"
		return s.Store.SaveDelivery(ctx, &v)
	}
	event, err := s.Store.Event(ctx, v.EventID)
	if err != nil {
		return err
	}
	if settled, err := s.settleAlert(ctx, &v); settled || err != nil {
		return err
	}
	v.Attempts, v.DueAt, v.Status, v.Error = v.Attempts+1, s.now().Add(claimFor), 0, ""
	if err := s.Store.SaveDelivery(ctx, &v); err != nil {
		return err
	}
	out := s.send(ctx, e, event, v)
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping: nobody knows whether it arrived, so it is sent again when the claim has run out
	}
	return s.settle(ctx, e, v, out)
}

// settleAlert decides whether there is still something to tell of an alert; when not, or not yet, it stores so.
func (s *Service) settleAlert(ctx context.Context, v *broker.Delivery) (settled bool, err error) {
	if v.AlertID == "" {
		return false, nil
	}
	if v.Closing {
		return s.settleClosing(ctx, v)
	}
	a, err := s.Store.Alert(ctx, v.AlertID)
	unknown := v.Attempts > 0 && v.Error == "" // an attempt was begun, and its end never stored
	if err != nil || a.ClosedAt.IsZero() || unknown {
		return false, err
	}
	v.State = broker.DeliveryDropped
	return true, s.Store.SaveDelivery(ctx, v)
}

// settleClosing lets the end of an alert be told to those alone who were told of its beginning, and after it.
func (s *Service) settleClosing(ctx context.Context, v *broker.Delivery) (settled bool, err error) {
	all, err := s.Store.DeliveriesOfAlert(ctx, v.AlertID)
	if err != nil {
		return false, err
	}
	opening := broker.Delivery{State: broker.DeliveryDropped}
	for _, other := range all {
		if other.EndpointID == v.EndpointID && !other.Closing {
			opening = other
		}
	}
	switch opening.State {
	case broker.DeliveryDelivered:
		return false, nil
	case broker.DeliveryPending:
		v.DueAt = s.now().Add(openingFirst)
	default:
		v.State = broker.DeliveryDropped
	}
	return true, s.Store.SaveDelivery(ctx, v)
}

// send makes the attempt.
func (s *Service) send(ctx context.Context, e broker.Endpoint, event broker.Event, v broker.Delivery) outcome {
	ctx, stop := context.WithTimeout(ctx, attemptWithin)
	defer stop()
	if !e.Kind.ForPeople() {
		return s.sendWebhook(ctx, e, event)
	}
	n, err := s.noticeOf(ctx, event, v)
	if err != nil {
		return failed(err)
	}
	return s.tell(ctx, e, v.ID, n)
}

// tell sends a notice to people.
func (s *Service) tell(ctx context.Context, e broker.Endpoint, messageID string, n notice) outcome {
	switch e.Kind {
	case broker.EndpointEmail:
		return s.sendMail(ctx, e, messageID, n)
	case broker.EndpointSlack:
		return s.sendChat(ctx, e, slackMessage(n))
	case broker.EndpointTeams:
		return s.sendChat(ctx, e, teamsMessage(n))
	}
	return failed(fmt.Errorf("an endpoint of kind %q is nothing that people read", e.Kind))
}

// settle stores how an attempt ended.
func (s *Service) settle(ctx context.Context, e broker.Endpoint, v broker.Delivery, out outcome) error {
	v.Status, v.Error = out.status, out.explain()
	log := s.log().With("delivery", v.ID, "endpoint", e.ID, "event", v.EventID, "attempt", v.Attempts, "status", v.Status)
	switch {
	case out.err == nil:
		v.State = broker.DeliveryDelivered
	case out.gone:
		v.State = broker.DeliveryGivenUp
		log.ErrorContext(ctx, "an endpoint said that it is gone, and is not told any more", "reason", v.Error)
		if err := s.disable(ctx, e.ID); err != nil {
			return err
		}
	case v.Attempts > len(pauses):
		v.State = broker.DeliveryGivenUp
		log.ErrorContext(ctx, "a delivery was given up after three days", "reason", v.Error)
	default:
		pause := max(jittered(pauses[v.Attempts-1]), min(out.after, longestWait))
		v.DueAt = s.now().Add(pause)
		log.WarnContext(ctx, "a delivery failed, and is tried again", "again_in", pause, "reason", v.Error)
	}
	return s.Store.SaveDelivery(ctx, &v)
}

// jittered is a pause up to a tenth shorter or longer, so that what failed together does not come back together.
func jittered(pause time.Duration) time.Duration {
	return time.Duration(float64(pause) * (0.9 + 0.2*rand.Float64()))
}

// disable stops telling an endpoint. It is read again: its secret may have been changed meanwhile.
func (s *Service) disable(ctx context.Context, id string) error {
	e, err := s.Store.Endpoint(ctx, id)
	if err != nil || !e.DisabledAt.IsZero() {
		return err
	}
	e.DisabledAt = s.now()
	return s.Store.SaveEndpoint(ctx, &e)
}
