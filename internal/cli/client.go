package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
)

func newClient(e *env) *cobra.Command {
	return group("client", "Credentials with which an app takes access tokens", newClientCreate(e), newClientList(e), newClientRevoke(e))
}

const clientCreateHelp = `Makes a client ID and secret for the token endpoint. The secret is printed once; we keep only its hash.

  suitekey client create --app acme-sync --connection co_…
  curl -u ID:SECRET -d grant_type=client_credentials http://127.0.0.1:8780/oauth2/token

For a portal, whose users each have a connection of their own:

  suitekey client create --app acme-sync --users
  curl -u ID:SECRET -d grant_type=client_credentials -d end_user=u_42 http://127.0.0.1:8780/oauth2/token

With both flags, the connection is chosen by resource, the person by end_user; without either, no token is given.
`

func newClientCreate(e *env) *cobra.Command {
	var (
		name        string
		connections []string
		users       bool
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Make a client ID and secret", Long: clientCreateHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !users && len(connections) == 0 {
				return broker.Errorf(broker.CodeInvalid, "flag --connection: the client's connections are missing").
					WithDo("Give --connection co_… as suitekey connection list shows it, or --users for a portal.")
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				create := a.Tokens.CreateClient
				if users {
					create = a.Tokens.CreateUsersClient
				}
				id, secret, err := create(ctx, name, connections)
				if err != nil {
					return err
				}
				out := map[string]any{"client_id": id, "client_secret": secret.Reveal()}
				return e.print(out, "client_id      %s\nclient_secret  %s\n", id, secret.Reveal())
			})
		},
	}
	cmd.Flags().StringVar(&name, "app", "", "`NAME` of the app")
	cmd.Flags().StringSliceVar(&connections, "connection", nil, "`ID` of a connection whose tokens the client may take; may be repeated")
	cmd.Flags().BoolVar(&users, "users", false, "the client may take tokens of all persons' connections of the app, each by end_user")
	addSettingsFlags(cmd.Flags())
	return cmd
}

type clientRow struct {
	ID          string    `json:"client_id"`
	App         string    `json:"app"`
	Connections []string  `json:"connections"`
	Users       bool      `json:"users"`
	CreatedAt   time.Time `json:"created_at"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

func newClientList(e *env) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "list", Short: "List the clients", Long: "List the clients.\n\n  suitekey client list --app acme-sync\n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				clients, err := a.Store.Clients(ctx, name)
				if err != nil {
					return err
				}
				rows := make([]clientRow, 0, len(clients))
				for _, c := range clients {
					rows = append(rows, clientRow{c.ID, c.App, c.Connections, c.Users, c.CreatedAt, c.RevokedAt})
				}
				return printTable(e, rows, []string{"CLIENT ID", "APP", "CONNECTIONS", "USERS", "CREATED", "REVOKED"}, func(r clientRow) []any {
					return []any{r.ID, r.App, r.Connections, r.Users, when(r.CreatedAt), when(r.RevokedAt)}
				})
			})
		},
	}
	cmd.Flags().StringVar(&name, "app", "", "`NAME` of the app; all apps without it")
	addSettingsFlags(cmd.Flags())
	return cmd
}

func newClientRevoke(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Withdraw a client", Args: cobra.ExactArgs(1),
		Long: "Withdraws a client. It stops the next token; one that was already handed out lives up to an hour.\n\n  suitekey client revoke cl_…\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.Tokens.RevokeClient(ctx, args[0]); err != nil {
					return err
				}
				return e.print(map[string]any{"client_id": args[0], "status": "revoked"}, "Withdrawn: %s\n", args[0])
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}
