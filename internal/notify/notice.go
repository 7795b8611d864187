package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/suitekey/suitekey/internal/broker"
)

// notice is what people are told, in plain lines without markup.
type notice struct {
	title string
	lines []string
}

func (n notice) text() string { return strings.Join(append([]string{n.title}, n.lines...), "\n") }

// titles of alerts whose event has no cause, and of those that closes them.
var titles = map[broker.EventType]string{
	broker.EventConnectionDegraded:        "The connection does not work",
	broker.EventConnectionNeedsConsent:    "Somebody must consent again",
	broker.EventCertificateExpiring:       "The certificate ends soon",
	broker.EventCertificateRotationFailed: "The certificate could not be replaced",
	broker.EventClientSecretExpiring:      "A client secret ends soon",
	broker.EventConnectionRecovered:       "works again",
	broker.EventCertificateRotated:        "the certificate was replaced",
	broker.EventConnectionDisconnected:    "the connection was ended",
}

// noticeOf writes what a delivery tells.
func (s *Service) noticeOf(ctx context.Context, event broker.Event, v broker.Delivery) (notice, error) {
	var conn broker.Connection
	if event.ConnectionID != "" {
		var err error
		if conn, err = s.Store.Connection(ctx, event.ConnectionID); err != nil && !errors.Is(err, broker.ErrNotFound) {
			return notice{}, err
		}
	}
	if v.Closing {
		a, err := s.Store.Alert(ctx, v.AlertID)
		return closingNotice(event, conn, a), err
	}
	left, err := s.timeLeft(ctx, conn)
	if err != nil {
		return notice{}, err
	}
	var link string
	if needsConsent(event) && conn.State == broker.ConnectionConnected {
		if _, link, err = s.Links.RepairLink(ctx, conn.ID); err != nil {
			return notice{}, err
		}
	}
	return openingNotice(event, conn, left, link), nil
}

func needsConsent(e broker.Event) bool {
	return broker.Conditions[e.Cause].Relink || e.Type == broker.EventConnectionNeedsConsent
}

func openingNotice(e broker.Event, c broker.Connection, left, link string) notice {
	condition := broker.Conditions[e.Cause]
	what := cmp.Or(condition.Title, titles[e.Type])
	if e.Type == broker.EventCertificateRotationFailed && e.Cause != "" {
		what = titles[e.Type] + ": " + lowerFirst(condition.Title)
	}
	n := notice{title: whose(e, c) + ": " + what + "."}
	n.add(oneLine(e.Detail))
	n.add(left)
	if condition.Do != "" {
		n.add(whoActs[condition.Fault] + condition.Do)
	}
	if condition.Path != "" {
		n.add("Where: " + condition.Path)
	}
	if link != "" {
		n.add("The link for them: " + link)
	}
	n.add(reference(e))
	return n
}

// whoActs begins the sentence that says what to do.
var whoActs = map[broker.Fault]string{
	broker.FaultCustomer: "Their administrator must act. ",
	broker.FaultOperator: "Whoever runs suitekey must act. ",
	broker.FaultNobody:   "The cause lies with NetSuite. ",
}

func closingNotice(e broker.Event, c broker.Connection, a broker.Alert) notice {
	n := notice{title: whose(e, c) + ": " + titles[e.Type] + "."}
	was := cmp.Or(broker.Conditions[broker.Cause(a.Subject)].Title, titles[a.Opened])
	n.add(fmt.Sprintf("This closes the alert of %s: %s.", a.OpenedAt.UTC().Format(dayAndTime), was))
	n.add(reference(e))
	return n
}

const dayAndTime = "2006-01-02 15:04 MST"

// whose says which app, customer and account it is about.
func whose(e broker.Event, c broker.Connection) string {
	if c.ID == "" {
		return oneLine(e.App)
	}
	text := fmt.Sprintf("%s: %s (NetSuite account %s)", oneLine(e.App), cmp.Or(oneLine(c.Customer), c.ID), oneLine(c.Account.String()))
	if c.EndUser != "" {
		text += ", user " + oneLine(c.EndUser)
	}
	return text
}

// reference names the things for who looks further.
func reference(e broker.Event) string {
	var names []string
	if e.ConnectionID != "" {
		names = append(names, "connection "+e.ConnectionID)
	}
	if e.Object != "" && e.Object != e.ConnectionID {
		names = append(names, oneLine(e.Object))
	}
	return strings.Join(append(names, "event "+e.ID), ", ")
}

// timeLeft says how long the connection's certificate or consent still lasts; "" when nothing is known.
func (s *Service) timeLeft(ctx context.Context, c broker.Connection) (string, error) {
	what, end := "certificate", time.Time{}
	var err error
	switch {
	case c.Kind == broker.KindUser:
		var g broker.UserGrant
		g, err = s.Store.UserGrant(ctx, c.ID)
		what, end = "consent", g.ConsentBy
	case c.CertificateID != "":
		var certificate broker.Certificate
		certificate, err = s.Store.Certificate(ctx, c.CertificateID)
		end = certificate.ValidUntil
	}
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return "", err
	}
	return sentenceOf(what, end, s.now()), nil
}

func sentenceOf(what string, end, now time.Time) string {
	day := 24 * time.Hour
	left := end.Sub(now)
	switch {
	case end.IsZero():
		return ""
	case left <= 0:
		return fmt.Sprintf("The %s ended on %s.", what, end.UTC().Format(dayAndTime))
	case left < 2*day:
		return fmt.Sprintf("%d hours left: the %s ends on %s.", int(left.Hours()), what, end.UTC().Format(dayAndTime))
	}
	return fmt.Sprintf("%d days left: the %s ends on %s.", int(left/day), what, end.UTC().Format(dayAndTime))
}

func (n *notice) add(line string) {
	if line != "" {
		n.lines = append(n.lines, line)
	}
}

const longestValue = 300

// oneLine keeps a value from outside in its place: no line break, no control or direction character, and not endless (LO-02).
func oneLine(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text))
	if len(runes) > longestValue {
		return string(runes[:longestValue]) + "…"
	}
	return strings.TrimSpace(string(runes))
}

func lowerFirst(text string) string {
	if text == "" || strings.HasPrefix(text, "NetSuite") {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
