package rotate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// tellAt is the failure in a row from which others hear of a rotation: one or two may pass by themselves.
const tellAt = 3

// warnAt are the times left at which an end is told once more, should every rotation fail until then. NetSuite itself mails the
// administrators at 60, 30 and 14 days.
var warnAt = []time.Duration{60 * day, 30 * day, 14 * day, 7 * day, 3 * day, day}

const day = 24 * time.Hour

// tell lets health class a rotation that failed, and tells others of it. rest holds the failures up to this one.
func (s *Service) tell(ctx context.Context, rest broker.Rest, failure error) error {
	op := broker.OpRotate
	if token := new(tokenError); errors.As(failure, &token) {
		op = broker.OpToken
	}
	health, err := s.Health.Failed(ctx, rest.Item, op, failure)
	if err != nil && !errors.Is(err, failure) {
		return err // an error that is not NetSuite's comes back as it was: it is in the log
	}
	conn, err := s.Store.Connection(ctx, rest.Item)
	if err != nil {
		return err
	}
	c, err := s.Store.Certificate(ctx, conn.CertificateID)
	if err != nil {
		return err
	}
	return s.Store.SaveEvents(ctx, s.news(conn, c, rest, health.Cause)...)
}

// news is what is told of a failure: the third one in a row, and the last ones before the end.
func (s *Service) news(conn broker.Connection, c broker.Certificate, rest broker.Rest, cause broker.Cause) (events []broker.Event) {
	now := s.now()
	left := c.ValidUntil.Sub(now)
	add := func(kind broker.EventType, detail string) {
		e := broker.NewEvent(kind, now, conn.App, conn.ID, c.ID)
		e.Cause, e.Detail = cause, detail
		events = append(events, e)
	}
	if rest.Failures == tellAt {
		add(broker.EventCertificateRotationFailed, fmt.Sprintf("The rotation failed %d times; %d days are left. %s", rest.Failures, int(left/day), broker.Conditions[cause].Title))
	}
	before := left + ladder[min(max(rest.Failures-2, 0), len(ladder)-1)] // at the attempt before this one
	for _, warn := range warnAt {
		if left <= warn && (before > warn || rest.Failures == 1) {
			add(broker.EventCertificateExpiring, fmt.Sprintf("The certificate ends on %s, and it could not be replaced yet.", c.ValidUntil.UTC().Format("2 January 2006 15:04 MST")))
			break
		}
	}
	return events
}
