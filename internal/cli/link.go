package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
)

func newLink(e *env) *cobra.Command {
	return group("link", "Invite a customer", newLinkCreate(e), newLinkList(e), newLinkRevoke(e))
}

const linkCreateHelp = `Makes a link for one customer. It is printed once; we keep only its hash.

  suitekey link create --app acme-sync --customer "Globex Inc." --expect 1234567

A sent link lives seven days, and its recipient may forward it. A session link is for a user who is signed in to the app: it
lives 15 minutes, and the app's backend must finalise the run with the secret that is printed here.

  suitekey link create --app acme-sync --customer "Globex Inc." --kind session --return-url https://app.acme.example/netsuite/connected

A link with --user connects one person, who allows the app to act as them; one with --repair gives a connection that needs it a
new consent, and keeps its ID, settings, history and clients.

  suitekey link create --app acme-sync --customer "Globex Inc." --user u_42
  suitekey link create --repair co_…

A link with --like connects another environment of a customer who is connected already, for example a sandbox: app, customer, person
and metadata are those of the connection.

  suitekey link create --like co_… --expect 1234567_SB1
`

func newLinkCreate(e *env) *cobra.Command {
	var (
		q            onboard.LinkRequest
		kind, repair string
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Make a link for one customer", Long: linkCreateHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Kind = broker.LinkKind(kind)
			if repair != "" && q.Like != "" {
				return broker.Errorf(broker.CodeInvalid, "flag --like: cannot be used with --repair").
					WithDo("Use --repair for the same account, or --like for another one of the company.")
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if repair != "" {
					link, url, err := a.Onboard.RepairLink(ctx, repair)
					if err != nil {
						return err
					}
					return e.printLink(onboard.NewLink{Link: link, URL: url})
				}
				made, err := a.Onboard.CreateLink(ctx, q)
				if err != nil {
					return err
				}
				return e.printLink(made)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.App, "app", "", "`NAME` of the app")
	f.StringVar(&q.Customer, "customer", "", "`NAME` of the customer, as the page shows it")
	f.StringSliceVar(&q.Expect, "expect", nil, "`ACCOUNT` ID that may be connected; without it the customer confirms the account")
	f.StringVar(&q.EndUser, "user", "", "your own `ID` of a person, whose own connection the link makes; without it the link connects the account")
	f.StringVar(&q.Like, "like", "", "`ID` of a connection to another account of the same company; app, customer, person and metadata are its own")
	f.StringVar(&repair, "repair", "", "`ID` of a connection that needs a new consent; app, customer and account are its own")
	f.StringVar(&kind, "kind", "sent", "`KIND`: sent or session")
	f.StringVar(&q.ReturnURL, "return-url", "", "`URL` of the app to go back to; one of its return_urls")
	f.StringToStringVar(&q.Metadata, "metadata", nil, "`KEY=VALUE` of your own, kept with the connection")
	addSettingsFlags(f)
	return cmd
}

func (e *env) printLink(made onboard.NewLink) error {
	out := map[string]any{
		"id": made.Link.ID, "url": made.URL, "kind": made.Link.Kind, "app": made.Link.App, "customer": made.Link.Customer,
		"expires_at": made.Link.ExpiresAt.UTC().Format(time.RFC3339), "status": "created",
	}
	if made.FinaliseSecret.IsZero() {
		return e.print(out, "%s\n", made.URL)
	}
	out["finalise_secret"] = made.FinaliseSecret.Reveal()
	return e.print(out, "%s\nlink ID: %s\nsecret for finalising: %s\n", made.URL, made.Link.ID, made.FinaliseSecret.Reveal())
}

type linkRow struct {
	ID        string    `json:"id"`
	App       string    `json:"app"`
	Kind      string    `json:"kind"`
	Customer  string    `json:"customer"`
	Status    string    `json:"status"`
	RunID     string    `json:"run,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

func newLinkList(e *env) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "list", Short: "List the links, with the state of their runs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				links, err := a.Store.Links(ctx, name)
				if err != nil {
					return err
				}
				rows := make([]linkRow, 0, len(links))
				for _, l := range links {
					status, err := linkStatus(ctx, a, l)
					if err != nil {
						return err
					}
					rows = append(rows, linkRow{l.ID, l.App, string(l.Kind), l.Customer, status, l.RunID, l.ExpiresAt})
				}
				return printTable(e, rows, []string{"ID", "APP", "KIND", "CUSTOMER", "STATUS", "EXPIRES"}, func(r linkRow) []any {
					return []any{r.ID, r.App, r.Kind, r.Customer, r.Status, when(r.ExpiresAt)}
				})
			})
		},
	}
	cmd.Flags().StringVar(&name, "app", "", "`NAME` of the app; all apps without it")
	addSettingsFlags(cmd.Flags())
	return cmd
}

func linkStatus(ctx context.Context, a *app.App, l broker.Link) (string, error) {
	switch {
	case !l.RevokedAt.IsZero():
		return "revoked", nil
	case l.RunID == "" && time.Now().After(l.ExpiresAt):
		return "expired", nil
	case l.RunID == "":
		return "created", nil
	}
	run, err := a.Store.Run(ctx, l.RunID)
	return string(run.Phase()), err
}

func newLinkRevoke(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Withdraw a link", Args: cobra.ExactArgs(1),
		Long: "Withdraws a link. A run that was started from it goes on.\n\n  suitekey link revoke ol_…\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.Onboard.RevokeLink(ctx, args[0]); err != nil {
					return err
				}
				return e.print(map[string]any{"id": args[0], "status": "revoked"}, "Withdrawn: %s\n", args[0])
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}
