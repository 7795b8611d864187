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

A sandbox of a customer who is connected already:

  suitekey link create --like co_… --expect 1234567_SB1
`

func newLinkCreate(e *env) *cobra.Command {
	var (
		q                  onboard.LinkRequest
		kind, repair, like string
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Make a link for one customer", Long: linkCreateHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Kind = broker.LinkKind(kind)
			if err := takenOver(cmd); err != nil {
				return err
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if cmd.Flags().Changed("like") {
					if len(q.Expect) != 1 {
						return broker.Errorf(broker.CodeInvalid, "--like needs --expect with one account of the same company")
					}
					made, err := a.Onboard.LikeLink(ctx, like, q.Expect[0])
					if err != nil {
						return err
					}
					return e.printLink(made)
				}
				if cmd.Flags().Changed("repair") {
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
	f.StringVar(&repair, "repair", "", "`ID` of a connection that needs a new consent; app, customer and account are its own")
	f.StringVar(&like, "like", "", "`ID` of a connection to another environment of the same company; app, customer and metadata are taken over")
	f.StringVar(&kind, "kind", "sent", "`KIND`: sent or session")
	f.StringVar(&q.ReturnURL, "return-url", "", "`URL` of the app to go back to; one of its return_urls")
	f.StringToStringVar(&q.Metadata, "metadata", nil, "`KEY=VALUE` of your own, kept with the connection")
	addSettingsFlags(f)
	return cmd
}

// takenOver refuses what a link with --like or --repair takes from its connection: a flag that is passed over in silence could give
// a link that anybody may forward to somebody who asked for a session.
func takenOver(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	for _, from := range []string{"like", "repair"} {
		if !given(from) {
			continue
		}
		for _, flag := range []string{"app", "customer", "user", "kind", "return-url", "metadata", "expect", "repair"} {
			if given(flag) && flag != from && !(from == "like" && flag == "expect") {
				return broker.Errorf(broker.CodeInvalid, "flag --%s: cannot be used with --%s", flag, from).WithDo("Leave it out: a link with --" + from + " takes everything else from the connection.")
			}
		}
	}
	return nil
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
		Use: "list", Short: "List the links, with the state of their runs", Long: "List the links, with the state of their runs.\n\n  suitekey link list --app acme-sync\n", Args: cobra.NoArgs,
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
