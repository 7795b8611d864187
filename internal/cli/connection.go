package cli

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// connectionRow is a connection as the list has it. Family is the company's production account, which the company's sandboxes and
// Release Preview have in common; Environment tells them apart.
type connectionRow struct {
	ID            string    `json:"id"`
	App           string    `json:"app"`
	Customer      string    `json:"customer"`
	Family        string    `json:"family"`
	Environment   string    `json:"environment"`
	Account       string    `json:"account"`
	Kind          string    `json:"kind"`
	User          string    `json:"user,omitempty"`
	State         string    `json:"state"`
	Role          string    `json:"role"`
	Entity        string    `json:"entity"`
	CertificateID string    `json:"certificate_id"`
	ValidUntil    time.Time `json:"valid_until,omitzero"`
}

func newConnection(e *env) *cobra.Command {
	return group("connection", "Look at the connections, check and end them",
		newConnectionList(e), newConnectionShow(e), newConnectionCheck(e), newConnectionDisconnect(e), newConnectionRecord(e), newConnectionVerifyRecord(e))
}

const connectionListHelp = `Lists the connections. Production, sandboxes and Release Preview of one company stand together.

  suitekey connection list
  suitekey connection list --family 1234567
  suitekey connection list --app acme-sync --json
`

func newConnectionList(e *env) *cobra.Command {
	var name, family string
	cmd := &cobra.Command{
		Use: "list", Short: "List the connections", Long: connectionListHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			company, err := companyFlag(cmd, family)
			if err != nil {
				return err
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				rows, err := connectionRows(ctx, a, name, company)
				if err != nil {
					return err
				}
				head := []string{"ID", "APP", "CUSTOMER", "FAMILY", "ENVIRONMENT", "ACCOUNT", "STATE", "CERTIFICATE UNTIL"}
				return printTable(e, rows, head, func(r connectionRow) []any {
					return []any{r.ID, r.App, r.Customer, r.Family, r.Environment, r.Account, r.State, when(r.ValidUntil)}
				})
			})
		},
	}
	cmd.Flags().StringVar(&name, "app", "", "`NAME` of the app; all apps without it")
	cmd.Flags().StringVar(&family, "family", "", "`ACCOUNT` ID of any account of a company; all companies without it")
	addSettingsFlags(cmd.Flags())
	return cmd
}

// companyFlag reads --family; it is empty for a flag that was not given.
func companyFlag(cmd *cobra.Command, family string) (netsuite.AccountID, error) {
	if !cmd.Flags().Changed("family") {
		return "", nil
	}
	account, err := netsuite.ParseAccountID(family)
	if err != nil {
		return "", broker.Errorf(broker.CodeInvalid, "flag --family: %v", err).WithDo("Name an account of the company, for example 1234567.")
	}
	return account.Company(), nil
}

// connectionRows lists the connections of an app, or of all, to the accounts of a company, or to all; families together.
func connectionRows(ctx context.Context, a *app.App, name string, company netsuite.AccountID) ([]connectionRow, error) {
	var connections []broker.Connection
	var err error
	if company == "" {
		connections, err = a.Store.Connections(ctx, name)
	} else {
		connections, err = a.Store.ConnectionsOfCompany(ctx, name, company)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(connections, byFamily)
	rows := make([]connectionRow, 0, len(connections))
	for _, c := range connections {
		row := newConnectionRow(c)
		if c.CertificateID != "" {
			cert, err := a.Store.Certificate(ctx, c.CertificateID)
			if err != nil {
				return nil, err
			}
			row.ValidUntil = cert.ValidUntil
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func newConnectionRow(c broker.Connection) connectionRow {
	return connectionRow{
		ID: c.ID, App: c.App, Customer: c.Customer, Family: c.Account.Company().String(), Environment: c.Account.Describe(), Account: c.Account.String(),
		Kind: string(c.Kind), User: c.EndUser, State: string(c.State), Role: c.RoleName, Entity: c.EntityName, CertificateID: c.CertificateID,
	}
}

// byFamily puts the accounts of a company together: its own first, then sandboxes by number, then the others.
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
