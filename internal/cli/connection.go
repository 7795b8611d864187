package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

type connectionRow struct {
	ID            string    `json:"id"`
	App           string    `json:"app"`
	Customer      string    `json:"customer"`
	Family        string    `json:"family"`
	Environment   string    `json:"environment"`
	Account       string    `json:"account"`
	Kind          string    `json:"kind"`
	EndUser       string    `json:"end_user,omitempty"`
	State         string    `json:"state"`
	Health        string    `json:"health"`
	Cause         string    `json:"cause,omitempty"`
	Role          string    `json:"role"`
	Entity        string    `json:"entity"`
	CertificateID string    `json:"certificate_id,omitempty"`
	ValidUntil    time.Time `json:"valid_until,omitzero"`
	RotateAt      time.Time `json:"rotate_at,omitzero"`
	RefreshBy     time.Time `json:"refresh_by,omitzero"`
	ConsentBy     time.Time `json:"consent_by,omitzero"`
}

// ends is when what the connection lives on ends.
func (r connectionRow) ends() time.Time {
	if r.Kind == string(broker.KindUser) {
		return r.ConsentBy
	}
	return r.ValidUntil
}

const connectionListHelp = `Lists the connections. Production, sandboxes and Release Preview of one company stand together: they are one family, and each has
connections of its own.

  suitekey connection list
  suitekey connection list --family 1234567
`

func newConnection(e *env) *cobra.Command {
	return group("connection", "Look at the connections, check and end them",
		newConnectionList(e), newConnectionShow(e), newConnectionCheck(e), newConnectionDisconnect(e), newConnectionRecord(e), newConnectionVerifyRecord(e))
}

func newConnectionList(e *env) *cobra.Command {
	var name, family string
	list := &cobra.Command{
		Use: "list", Short: "List the connections, by company", Long: connectionListHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var of netsuite.AccountID
			if family != "" {
				account, err := netsuite.ParseAccountID(family)
				if err != nil {
					return broker.Errorf(broker.CodeInvalid, "flag --family: %v", err)
				}
				of = account.Company()
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				rows, err := connectionRows(ctx, a, name, of)
				if err != nil {
					return err
				}
				return printTable(e, rows, []string{"ID", "CUSTOMER", "ENVIRONMENT", "ACCOUNT", "APP", "KIND", "STATE", "HEALTH", "ENDS"}, func(r connectionRow) []any {
					return []any{r.ID, r.Customer, r.Environment, r.Account, r.App, strings.TrimSpace(r.Kind + " " + r.EndUser), r.State, r.Health, when(r.ends())}
				})
			})
		},
	}
	list.Flags().StringVar(&name, "app", "", "`NAME` of the app; all apps without it")
	list.Flags().StringVar(&family, "family", "", "`ACCOUNT` of a company, in any of its environments")
	addSettingsFlags(list.Flags())
	return list
}

// connectionRows are the connections of an app and a company; empty ones mean all. Companies stand together, production first.
func connectionRows(ctx context.Context, a *app.App, name string, family netsuite.AccountID) ([]connectionRow, error) {
	connections, err := connectionsOf(ctx, a, name, family)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(connections, byFamily)
	return rowsOf(ctx, a, connections)
}

func connectionsOf(ctx context.Context, a *app.App, name string, family netsuite.AccountID) ([]broker.Connection, error) {
	if family == "" {
		return a.Store.Connections(ctx, name)
	}
	return a.Store.ConnectionsOfCompany(ctx, name, family)
}

func rowsOf(ctx context.Context, a *app.App, connections []broker.Connection) ([]connectionRow, error) {
	rows := make([]connectionRow, 0, len(connections))
	for _, c := range connections {
		row, err := connectionRowOf(ctx, a, c)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// byFamily puts a company's accounts together: production first, then sandboxes by number, then the others.
func byFamily(a, b broker.Connection) int {
	return cmp.Or(
		cmp.Compare(a.Account.Company(), b.Account.Company()),
		cmp.Compare(distance(a.Account), distance(b.Account)),
		cmp.Compare(len(a.Account), len(b.Account)), // SB2 before SB10
		cmp.Compare(a.Account, b.Account),
	)
}

func distance(account netsuite.AccountID) int {
	switch {
	case account == account.Company():
		return 0
	case account.Environment() == netsuite.Sandbox:
		return 1
	}
	return 2
}

func connectionRowOf(ctx context.Context, a *app.App, c broker.Connection) (connectionRow, error) {
	row := connectionRow{
		ID: c.ID, App: c.App, Customer: c.Customer, Family: c.Account.Company().String(), Environment: c.Account.Describe(), Account: c.Account.String(),
		Kind: string(c.Kind), EndUser: c.EndUser, State: string(c.State), Health: string(broker.HealthOK), Role: c.RoleName, Entity: c.EntityName,
		CertificateID: c.CertificateID,
	}
	h, err := a.Store.Health(ctx, c.ID)
	switch {
	case err == nil:
		row.Health, row.Cause = string(h.State), string(h.Cause)
	case !errors.Is(err, broker.ErrNotFound):
		return row, err
	}
	if c.CertificateID != "" {
		cert, err := a.Store.Certificate(ctx, c.CertificateID)
		if err != nil {
			return row, err
		}
		row.ValidUntil = cert.ValidUntil
		if c.State == broker.ConnectionConnected {
			row.RotateAt = cert.RotateAt()
		}
	}
	g, err := a.Store.UserGrant(ctx, c.ID)
	if err == nil {
		row.RefreshBy, row.ConsentBy = g.RefreshBy, g.ConsentBy
	} else if !errors.Is(err, broker.ErrNotFound) {
		return row, err
	}
	return row, nil
}

const connectionShowHelp = `Prints one connection in full: its state and health, when what it lives on ends, who may take its tokens, the other environments of
its company, and what happened last.

  suitekey connection show co_…
`

// recentEvents is how far back show looks, and how many events it prints.
const (
	recentEvents = 90 * 24 * time.Hour
	mostEvents   = 20
)

type eventRow struct {
	At     time.Time `json:"at"`
	Type   string    `json:"type"`
	Cause  string    `json:"cause,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

func newConnectionShow(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Print one connection in full", Long: connectionShowHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				conn, err := a.Store.Connection(ctx, args[0])
				if errors.Is(err, broker.ErrNotFound) {
					return broker.Errorf(broker.CodeNotFound, "there is no connection %.80q", args[0]).WithDo("suitekey connection list")
				}
				if err != nil {
					return err
				}
				return e.showConnection(ctx, a, conn)
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func (e *env) showConnection(ctx context.Context, a *app.App, conn broker.Connection) error {
	d := connectionDetail{Metadata: conn.Metadata}
	for _, read := range []func() error{
		func() (err error) { d.connectionRow, err = connectionRowOf(ctx, a, conn); return err },
		func() (err error) { d.BaseURL, err = baseURL(a, conn); return err },
		func() (err error) { d.healthRow, err = healthOf(ctx, a, conn); return err },
		func() (err error) { d.Clients, err = clientsOf(ctx, a, conn); return err },
		func() (err error) { d.Siblings, err = siblings(ctx, a, conn); return err },
		func() (err error) { d.Events, err = eventsOf(ctx, a, conn); return err },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return e.print(d, "%s", d.text())
}

func baseURL(a *app.App, conn broker.Connection) (string, error) {
	base, err := a.Tokens.Site.BaseURL(conn.Account, netsuite.ServiceSuiteTalk)
	if err != nil {
		return "", err
	}
	return base.String(), nil
}

// healthRow is what there is to say of a connection that does not work.
type healthRow struct {
	Since  time.Time `json:"health_since,omitzero"`
	Title  string    `json:"title,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
	Path   string    `json:"path,omitempty"`
}

func healthOf(ctx context.Context, a *app.App, conn broker.Connection) (healthRow, error) {
	h, err := a.Store.Health(ctx, conn.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return healthRow{}, err
	}
	c := broker.Conditions[h.Cause]
	return healthRow{h.Since, c.Title, c.Do, c.Path}, nil
}

// eventsOf are the last events, oldest first.
func eventsOf(ctx context.Context, a *app.App, conn broker.Connection) ([]eventRow, error) {
	happened, err := a.Store.EventsOf(ctx, conn.ID, time.Now().Add(-recentEvents))
	if err != nil {
		return nil, err
	}
	events := make([]eventRow, 0, mostEvents)
	for _, x := range happened[max(0, len(happened)-mostEvents):] {
		events = append(events, eventRow{x.At, string(x.Type), string(x.Cause), x.Detail})
	}
	return events, nil
}

// siblings are the same in the company's other accounts: the app's own connections there, or those of the same person.
func siblings(ctx context.Context, a *app.App, conn broker.Connection) ([]connectionRow, error) {
	family, err := a.Store.ConnectionsOfCompany(ctx, conn.App, conn.Account.Company())
	if err != nil {
		return nil, err
	}
	family = slices.DeleteFunc(family, func(c broker.Connection) bool {
		return c.Account == conn.Account || c.Kind != conn.Kind || c.EndUser != conn.EndUser
	})
	slices.SortStableFunc(family, byFamily)
	return rowsOf(ctx, a, family)
}

// clientsOf are those that may take tokens of the connection.
func clientsOf(ctx context.Context, a *app.App, conn broker.Connection) ([]string, error) {
	clients, err := a.Store.Clients(ctx, conn.App)
	ids := []string{}
	for _, c := range clients {
		named := slices.Contains(c.Connections, conn.ID)
		if c.RevokedAt.IsZero() && (named || c.Users && conn.Kind == broker.KindUser) {
			ids = append(ids, c.ID)
		}
	}
	return ids, err
}

// connectionDetail is a connection in full.
type connectionDetail struct {
	connectionRow
	healthRow
	// BaseURL is what a client with several connections sends as resource.
	BaseURL  string            `json:"netsuite_base_url"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Clients  []string          `json:"clients"`
	Siblings []connectionRow   `json:"siblings"`
	Events   []eventRow        `json:"events"`
}

// text is the connection for people. Names of roles and users are NetSuite's: they must not write to the terminal (LO-02).
func (r connectionDetail) text() string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" && value != "-" {
			fmt.Fprintf(&b, "%-14s %s\n", name, oneLine(value))
		}
	}
	line("connection", r.ID)
	line("customer", r.Customer)
	line("app", r.App)
	line("account", r.Account+" ("+r.Environment+")")
	line("base URL", r.BaseURL)
	line("kind", strings.TrimSpace(r.Kind+" "+r.EndUser))
	line("acts as", strings.Trim(r.Entity+", role "+r.Role, ", "))
	line("state", r.State)
	line("health", strings.TrimSpace(r.Health+" "+r.Cause))
	line("since", when(r.Since))
	line("problem", r.Title)
	line("remedy", r.Remedy)
	line("in NetSuite", r.Path)
	line("certificate", r.CertificateID)
	line("refresh by", when(r.RefreshBy))
	line("ends", when(r.ends()))
	line("renewed", when(r.RotateAt))
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		line("metadata", key+"="+r.Metadata[key])
	}
	for _, id := range r.Clients {
		line("client", id)
	}
	for _, s := range r.Siblings {
		line("also", fmt.Sprintf("%s  %s (%s), %s, %s", s.ID, s.Account, s.Environment, s.State, s.Health))
	}
	for _, x := range r.Events {
		line("event", strings.TrimSpace(when(x.At)+"  "+x.Type+"  "+x.Cause+" "+x.Detail))
	}
	return b.String()
}
