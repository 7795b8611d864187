package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
)

type connectionRow struct {
	ID            string    `json:"id"`
	App           string    `json:"app"`
	Customer      string    `json:"customer"`
	Account       string    `json:"account"`
	State         string    `json:"state"`
	Role          string    `json:"role"`
	Entity        string    `json:"entity"`
	CertificateID string    `json:"certificate_id"`
	ValidUntil    time.Time `json:"valid_until,omitzero"`
}

func newConnection(e *env) *cobra.Command {
	var name string
	list := &cobra.Command{
		Use: "list", Short: "List the connections", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				rows, err := connectionRows(ctx, a, name)
				if err != nil {
					return err
				}
				return printTable(e, rows, []string{"ID", "APP", "CUSTOMER", "ACCOUNT", "STATE", "CERTIFICATE UNTIL"}, func(r connectionRow) []any {
					return []any{r.ID, r.App, r.Customer, r.Account, r.State, when(r.ValidUntil)}
				})
			})
		},
	}
	list.Flags().StringVar(&name, "app", "", "`NAME` of the app; all apps without it")
	addSettingsFlags(list.Flags())
	return group("connection", "Look at the connections, check and end them", list, newConnectionCheck(e), newConnectionDisconnect(e), newConnectionRecord(e), newConnectionVerifyRecord(e))
}

func connectionRows(ctx context.Context, a *app.App, name string) ([]connectionRow, error) {
	connections, err := a.Store.Connections(ctx, name)
	if err != nil {
		return nil, err
	}
	rows := make([]connectionRow, 0, len(connections))
	for _, c := range connections {
		row := connectionRow{
			ID: c.ID, App: c.App, Customer: c.Customer, Account: c.Account.String(), State: string(c.State),
			Role: c.RoleName, Entity: c.EntityName, CertificateID: c.CertificateID,
		}
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
