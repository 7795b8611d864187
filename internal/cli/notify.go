package cli

import (
	"cmp"
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/netsuite"
)

func newNotify(e *env) *cobra.Command {
	return group(
		"notify", "Tell programs and people what happens",
		newNotifyCreate(e), newNotifyList(e), newNotifyRemove(e), newNotifyRotate(e), newNotifyTest(e), newNotifyDeliveries(e), newNotifyReplay(e),
	)
}

const notifyCreateHelp = `Makes an endpoint: where somebody is told what happens. Programs get every event, people get alerts.

  suitekey notify create --app acme-sync --webhook https://app.acme.example/hooks/suitekey
  suitekey notify create --email ops@acme.example,oncall@acme.example
  suitekey notify create --slack-url-file slack.url
  suitekey notify create --teams-url-file - --events connection.needs_consent

A webhook's secret is printed once. The URL of a chat is itself a secret, so it comes from a file, or from stdin as -; so does
that of a webhook when it has a query: --webhook-url-file.
`

// notifyFlags are what create is told.
type notifyFlags struct {
	app, webhook, webhookFile, email, slackFile, teamsFile string
	events                                                 []string
}

func newNotifyCreate(e *env) *cobra.Command {
	var flags notifyFlags
	cmd := &cobra.Command{
		Use: "create", Short: "Make an endpoint", Long: notifyCreateHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := flags.request(e.stdin)
			if err != nil {
				return err
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				made, err := a.Notify.Create(ctx, q)
				if err != nil {
					return err
				}
				return e.printEndpoint(made)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.app, "app", "", "`NAME` of the app; all apps without it")
	f.StringSliceVar(&flags.events, "events", nil, "`TYPE` of event, as certificate.rotated; may be repeated; all without it")
	f.StringVar(&flags.webhook, "webhook", "", "`URL` that events are sent to")
	f.StringVar(&flags.webhookFile, "webhook-url-file", "", "`FILE` that holds the URL, when it has a secret in it")
	f.StringVar(&flags.email, "email", "", "mail `ADDRESS`, or several with commas")
	f.StringVar(&flags.slackFile, "slack-url-file", "", "`FILE` that holds the URL of an incoming webhook of Slack")
	f.StringVar(&flags.teamsFile, "teams-url-file", "", "`FILE` that holds the URL of a workflow of Teams")
	addSettingsFlags(f)
	return cmd
}

// request finds the one kind that was asked for, and reads what comes by file.
func (f notifyFlags) request(stdin io.Reader) (notify.EndpointRequest, error) {
	q := notify.EndpointRequest{App: f.app, Types: f.events}
	if strings.ContainsRune(f.webhook, '?') {
		return q, broker.Errorf(broker.CodeInvalid, "flag --webhook: must have no query, which may hold a secret: other users of this machine can read it").
			WithDo("Put the URL into a file, and name it with --webhook-url-file.")
	}
	asked := 0
	for _, one := range []struct {
		kind   broker.EndpointKind
		value  string
		inFile bool
	}{
		{broker.EndpointWebhook, f.webhook, false},
		{broker.EndpointWebhook, f.webhookFile, true},
		{broker.EndpointEmail, f.email, false},
		{broker.EndpointSlack, f.slackFile, true},
		{broker.EndpointTeams, f.teamsFile, true},
	} {
		if one.value == "" {
			continue
		}
		asked++
		q.Kind, q.Address = one.kind, netsuite.NewSecret(one.value)
		if one.inFile {
			var err error
			if q.Address, err = readSecretFile(one.value, stdin); err != nil {
				return q, err
			}
		}
	}
	if asked != 1 {
		return q, broker.Errorf(broker.CodeInvalid, "one of --webhook, --webhook-url-file, --email, --slack-url-file and --teams-url-file must be given; got %d", asked).
			WithDo("For example: suitekey notify create --email ops@acme.example")
	}
	return q, nil
}

func (e *env) printEndpoint(made notify.NewEndpoint) error {
	out := map[string]any{"id": made.Endpoint.ID, "kind": made.Endpoint.Kind, "target": made.Endpoint.Target}
	if made.Secret.IsZero() {
		return e.print(out, "%s\nNext: suitekey notify test %s\n", made.Endpoint.ID, made.Endpoint.ID)
	}
	out["secret"] = made.Secret.Reveal()
	return e.print(out, "%s\nsecret: %s\nNext: suitekey notify test %s\n", made.Endpoint.ID, made.Secret.Reveal(), made.Endpoint.ID)
}

type endpointRow struct {
	ID            string              `json:"id"`
	Kind          broker.EndpointKind `json:"kind"`
	App           string              `json:"app,omitempty"`
	Events        []broker.EventType  `json:"events,omitempty"`
	Target        string              `json:"target"`
	State         string              `json:"state"`
	Pending       int                 `json:"pending"`
	GivenUp       int                 `json:"given_up"`
	RotatingUntil time.Time           `json:"rotating_until,omitzero"`
	CreatedAt     time.Time           `json:"created_at"`
}

func newNotifyList(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the endpoints", Long: "List the endpoints.\n\n  suitekey notify list\n", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				all, err := a.Notify.List(ctx)
				if err != nil {
					return err
				}
				rows := make([]endpointRow, 0, len(all))
				for _, one := range all {
					state := "in use"
					if !one.DisabledAt.IsZero() {
						state = "gone"
					}
					rows = append(rows, endpointRow{one.ID, one.Kind, one.App, one.Types, one.Target, state, one.Pending, one.GivenUp, one.OldUntil, one.CreatedAt})
				}
				return printTable(e, rows, []string{"ID", "KIND", "APP", "TARGET", "STATE", "PENDING", "GIVEN UP", "CREATED"}, func(r endpointRow) []any {
					return []any{r.ID, r.Kind, cmp.Or(r.App, "all"), r.Target, r.State, r.Pending, r.GivenUp, when(r.CreatedAt)}
				})
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

func newNotifyRemove(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove ID", Short: "Delete an endpoint with its secrets", Args: cobra.ExactArgs(1),
		Long: "Deletes an endpoint with its secrets. What was on its way there is dropped.\n\n  suitekey notify remove ep_…\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if err := a.Notify.Remove(ctx, args[0]); err != nil {
					return err
				}
				return e.print(map[string]any{"id": args[0], "status": "removed"}, "Removed: %s\n", args[0])
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

const notifyRotateHelp = `Gives a webhook a new secret, which is printed once. For a day messages bear two signatures, by the old and by the new secret.

  suitekey notify rotate-secret ep_…
  suitekey notify rotate-secret ep_… --end      forget the old secret now
`

func newNotifyRotate(e *env) *cobra.Command {
	var end bool
	cmd := &cobra.Command{
		Use: "rotate-secret ID", Short: "Give a webhook a new secret", Long: notifyRotateHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if end {
					if err := a.Notify.EndRotation(ctx, args[0]); err != nil {
						return err
					}
					return e.print(map[string]any{"id": args[0], "status": "ended"}, "Only the new secret signs now: %s\n", args[0])
				}
				secret, err := a.Notify.RotateSecret(ctx, args[0])
				if err != nil {
					return err
				}
				return e.print(map[string]any{"id": args[0], "secret": secret.Reveal()}, "secret: %s\nThe old one signs beside it for a day.\n", secret.Reveal())
			})
		},
	}
	cmd.Flags().BoolVar(&end, "end", false, "forget the old secret now")
	addSettingsFlags(cmd.Flags())
	return cmd
}

func newNotifyTest(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "test ID", Short: "Send a message that means nothing", Args: cobra.ExactArgs(1),
		Long: "Sends a message that means nothing, now and once. A webhook gets an event of type webhook.test.\n\n  suitekey notify test ep_…\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				done, err := a.Notify.Test(ctx, args[0])
				if err != nil {
					return err
				}
				if !done.Delivered {
					return broker.Errorf(broker.CodeUndelivered, "the test did not arrive: %s", done.Error)
				}
				return e.print(map[string]any{"id": args[0], "delivered": true, "status": done.Status}, "It arrived.\n")
			})
		},
	}
	addSettingsFlags(cmd.Flags())
	return cmd
}

type deliveryRow struct {
	ID       string               `json:"id"`
	Event    string               `json:"event"`
	Endpoint string               `json:"endpoint"`
	State    broker.DeliveryState `json:"state"`
	Attempts int                  `json:"attempts"`
	Status   int                  `json:"status,omitempty"`
	Error    string               `json:"error,omitempty"`
	NextAt   time.Time            `json:"next_at,omitzero"`
	Created  time.Time            `json:"created_at"`
}

const notifyDeliveriesHelp = `Lists the newest deliveries, to all endpoints or to one, with what the last attempt met.

  suitekey notify deliveries
  suitekey notify deliveries ep_… --limit 200
`

func newNotifyDeliveries(e *env) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "deliveries [ID]", Short: "List what was sent, or waits", Long: notifyDeliveriesHelp, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				all, err := a.Notify.Deliveries(ctx, strings.Join(args, ""), limit)
				if err != nil {
					return err
				}
				rows := make([]deliveryRow, 0, len(all))
				for _, v := range all {
					r := deliveryRow{v.ID, v.EventID, v.EndpointID, v.State, v.Attempts, v.Status, v.Error, time.Time{}, v.CreatedAt}
					if v.State == broker.DeliveryPending {
						r.NextAt = v.DueAt
					}
					rows = append(rows, r)
				}
				return printTable(e, rows, []string{"ID", "EVENT", "ENDPOINT", "STATE", "ATTEMPTS", "NEXT", "LAST"}, func(r deliveryRow) []any {
					return []any{r.ID, r.Event, r.Endpoint, r.State, r.Attempts, when(r.NextAt), cmp.Or(r.Error, "-")}
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "`NUMBER` of deliveries to list")
	addSettingsFlags(cmd.Flags())
	return cmd
}

const notifyReplayHelp = `Sends a delivery again, or all that were given up. The running server does it within seconds.

  suitekey notify replay dl_…
  suitekey notify replay --endpoint ep_… --since 2026-11-20T00:00:00Z
`

func newNotifyReplay(e *env) *cobra.Command {
	var endpoint, since string
	cmd := &cobra.Command{
		Use: "replay [DELIVERY]", Short: "Send again", Long: notifyReplayHelp, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (endpoint != "") {
				return broker.Errorf(broker.CodeInvalid, "one delivery or --endpoint must be given").WithDo("See: suitekey notify replay --help")
			}
			return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
				if len(args) == 1 {
					if err := a.Notify.Replay(ctx, args[0]); err != nil {
						return err
					}
					return e.print(map[string]any{"replayed": 1}, "It is sent again: %s\n", args[0])
				}
				from, err := parseSince(since)
				if err != nil {
					return err
				}
				n, err := a.Notify.ReplayGivenUp(ctx, endpoint, from)
				if err != nil {
					return err
				}
				return e.print(map[string]any{"replayed": n}, "Deliveries that are sent again: %d\n", n)
			})
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "`ID` of the endpoint whose given up deliveries are sent again")
	cmd.Flags().StringVar(&since, "since", "", "`TIME` from which on they were made, as 2026-11-20T00:00:00Z; all without it")
	addSettingsFlags(cmd.Flags())
	return cmd
}

func parseSince(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, broker.Errorf(broker.CodeInvalid, "flag --since: must be a time as 2026-11-20T00:00:00Z; got %.40q", text)
	}
	return at, nil
}
