package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
)

// connectionDetail is all that there is to know of a connection, without secrets.
type connectionDetail struct {
	connectionRow
	Metadata         map[string]string  `json:"metadata,omitempty"`
	LinkID           string             `json:"link"`
	RoleID           int64              `json:"role_id"`
	EntityID         int64              `json:"entity_id"`
	ConcurrencyLimit int                `json:"concurrency_limit,omitempty"`
	CreatedAt        time.Time          `json:"created_at"`
	NextRotation     time.Time          `json:"next_rotation,omitzero"`
	Consent          *connectionConsent `json:"consent,omitempty"`
	Health           *connectionHealth  `json:"health"` // null: nobody has looked yet
	Clients          []string           `json:"clients"`
	Siblings         []connectionRow    `json:"siblings"`
	Events           []connectionEvent  `json:"events"`
}

// connectionConsent is how long a person's consent lasts.
type connectionConsent struct {
	GivenAt time.Time `json:"given_at"`
	EndsAt  time.Time `json:"ends_at"`
	AskedAt time.Time `json:"asked_at,omitzero"`
	EndedAt time.Time `json:"ended_at,omitzero"`
}

type connectionHealth struct {
	State  string    `json:"state"`
	Cause  string    `json:"cause,omitempty"`
	Since  time.Time `json:"since"`
	Title  string    `json:"title,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
}

type connectionEvent struct {
	At     time.Time `json:"at"`
	Type   string    `json:"type"`
	Cause  string    `json:"cause,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

const connectionShowHelp = `Prints all that there is to know of one connection: account and family, health, certificate and next rotation, clients, the
connections to other environments of the company, and what happened last. NetSuite is not asked; for that:

  suitekey connection show co_…
  suitekey connection check co_…
`

func newConnectionShow(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show one connection in full", Long: connectionShowHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				d, err := readDetail(ctx, a, args[0])
				if err != nil {
					return err
				}
				return e.print(d, "%s", d.text())
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func readDetail(ctx context.Context, a *app.App, id string) (connectionDetail, error) {
	c, err := a.Store.Connection(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		return connectionDetail{}, broker.Errorf(broker.CodeNotFound, "there is no connection %.80q", id).WithDo("suitekey connection list")
	}
	if err != nil {
		return connectionDetail{}, err
	}
	d := connectionDetail{
		connectionRow: newConnectionRow(c), Metadata: c.Metadata, LinkID: c.LinkID, RoleID: c.RoleID, EntityID: c.Entity,
		ConcurrencyLimit: c.ConcurrencyLimit, CreatedAt: c.CreatedAt,
	}
	for _, read := range []func(context.Context, *app.App, broker.Connection) error{
		d.readCertificate, d.readConsent, d.readHealth, d.readClients, d.readSiblings, d.readEvents,
	} {
		if err := read(ctx, a, c); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (d *connectionDetail) readCertificate(ctx context.Context, a *app.App, c broker.Connection) error {
	if c.CertificateID == "" {
		return nil
	}
	cert, err := a.Store.Certificate(ctx, c.CertificateID)
	if err != nil {
		return err
	}
	d.ValidUntil = cert.ValidUntil
	if c.State == broker.ConnectionConnected {
		d.NextRotation = cert.RotateAt()
	}
	return nil
}

func (d *connectionDetail) readConsent(ctx context.Context, a *app.App, c broker.Connection) error {
	g, err := a.Store.UserGrant(ctx, c.ID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil
	}
	d.Consent = &connectionConsent{GivenAt: g.CreatedAt, EndsAt: g.ConsentBy, AskedAt: g.AskedAt, EndedAt: g.EndedAt}
	return err
}

func (d *connectionDetail) readHealth(ctx context.Context, a *app.App, c broker.Connection) error {
	h, err := a.Store.Health(ctx, c.ID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil
	}
	condition := broker.Conditions[h.Cause] // empty while all is well
	d.Health = &connectionHealth{State: string(h.State), Cause: string(h.Cause), Since: h.Since, Title: condition.Title, Remedy: condition.Do}
	return err
}

// readClients finds who may take tokens of the connection.
func (d *connectionDetail) readClients(ctx context.Context, a *app.App, c broker.Connection) error {
	clients, err := a.Store.Clients(ctx, c.App)
	d.Clients = []string{}
	for _, client := range clients {
		named := slices.Contains(client.Connections, c.ID)
		if client.RevokedAt.IsZero() && (named || client.Users && c.Kind == broker.KindUser) {
			d.Clients = append(d.Clients, client.ID)
		}
	}
	return err
}

// readSiblings finds the same in the company's other accounts: the app's own connections there, or those of the same person.
func (d *connectionDetail) readSiblings(ctx context.Context, a *app.App, c broker.Connection) error {
	family, err := a.Store.ConnectionsOfCompany(ctx, c.App, c.Account.Company())
	slices.SortStableFunc(family, byFamily)
	d.Siblings = []connectionRow{}
	for _, other := range family {
		if other.Account != c.Account && other.Kind == c.Kind && other.EndUser == c.EndUser {
			d.Siblings = append(d.Siblings, newConnectionRow(other))
		}
	}
	return err
}

// lastEvents is how many events are shown.
const lastEvents = 10

func (d *connectionDetail) readEvents(ctx context.Context, a *app.App, c broker.Connection) error {
	events, err := a.Store.EventsOf(ctx, c.ID, time.Time{})
	d.Events = []connectionEvent{}
	for _, event := range events[max(0, len(events)-lastEvents):] {
		d.Events = append(d.Events, connectionEvent{event.At, string(event.Type), string(event.Cause), event.Detail})
	}
	return err
}

// text is the connection for people: one fact a line.
func (d connectionDetail) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, fact := range slices.Concat(d.facts(), d.relations()) {
		fmt.Fprintf(w, "%s\t%s\n", fact.label, oneLine(fact.text))
	}
	_ = w.Flush() // into memory
	return b.String()
}

type fact struct{ label, text string }

func (d connectionDetail) facts() []fact {
	facts := []fact{
		{"connection", d.ID},
		{"customer", d.Customer},
		{"app", d.App},
		{"account", fmt.Sprintf("%s (%s of %s)", d.Account, d.Environment, d.Family)},
		{"kind", strings.TrimSpace(d.Kind + " " + d.User)},
		{"state", d.State},
		{"health", d.Health.text()},
		{"role", fmt.Sprintf("%s (%d)", d.Role, d.RoleID)},
		{"entity", fmt.Sprintf("%s (%d)", d.Entity, d.EntityID)},
	}
	if d.CertificateID != "" {
		facts = append(facts, fact{"certificate", d.CertificateID}, fact{"valid until", when(d.ValidUntil)}, fact{"next rotation", when(d.NextRotation)})
	}
	if c := d.Consent; c != nil {
		facts = append(facts, fact{"consent", "given " + when(c.GivenAt) + ", ends " + when(c.EndsAt)})
	}
	return append(facts, fact{"connected", when(d.CreatedAt)})
}

// relations are the facts of which there may be several.
func (d connectionDetail) relations() (facts []fact) {
	for _, key := range slices.Sorted(maps.Keys(d.Metadata)) {
		facts = append(facts, fact{"metadata", key + "=" + d.Metadata[key]})
	}
	for _, id := range d.Clients {
		facts = append(facts, fact{"client", id})
	}
	for _, s := range d.Siblings {
		facts = append(facts, fact{"sibling", fmt.Sprintf("%s  %s (%s), %s", s.ID, s.Account, s.Environment, s.State)})
	}
	for _, event := range d.Events {
		facts = append(facts, fact{"event", strings.TrimSpace(fmt.Sprintf("%s  %s %s %s", when(event.At), event.Type, event.Cause, event.Detail))})
	}
	return facts
}

func (h *connectionHealth) text() string {
	switch {
	case h == nil:
		return "not looked at yet"
	case h.Cause == "":
		return h.State
	}
	return fmt.Sprintf("%s since %s: %s. %s", h.State, when(h.Since), h.Title, h.Remedy)
}
