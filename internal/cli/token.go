package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/netsuite"
)

const tokenHelp = `Prints an access token, alone, for $(…) and scripts. A connection on this machine keeps its token until five minutes before its end, so
that asking again is cheap.

  suitekey token --connection acme
  printf 'Authorization: Bearer %s' "$(suitekey token)" | curl -H @- https://1234567.suitetalk.api.netsuite.com/services/rest/system/v1/serverTime
  suitekey token --connection acme --json         with its end, its account and its address
  suitekey token --connection acme --explain      every step to a new token, with the secrets masked, and no token
  suitekey token --connection acme --verify       checks NetSuite's signature and what the token says

Without a file on this machine, as in a pipeline:

  SUITEKEY_ACCOUNT=1234567 SUITEKEY_CLIENT_ID=… SUITEKEY_CERTIFICATE_ID=… SUITEKEY_KEY_FILE=acme.key suitekey token

From a suitekey server, or beside its database:

  suitekey token --server https://connect.acme.example
  suitekey token --connection co_…
`

type tokenOptions struct {
	explain, verify bool
}

func newToken(e *env) *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use: "token", Short: "Print an access token", Long: tokenHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				if o.explain {
					return e.explainToken(ctx, t)
				}
				return e.printToken(ctx, t, o)
			})
		},
	}
	cmd.Flags().BoolVar(&o.explain, "explain", false, "show how a new token is got, and print none")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "check the token before it is printed: signature, account, life, scopes")
	addConnectionFlags(cmd.Flags())
	return cmd
}

type tokenRow struct {
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type"`
	ExpiresIn   int64     `json:"expires_in"`
	ExpiresAt   time.Time `json:"expires_at"`
	Account     string    `json:"netsuite_account"`
	BaseURL     string    `json:"netsuite_base_url"`
	Scope       string    `json:"scope,omitempty"`
}

func (e *env) printToken(ctx context.Context, t *target, o tokenOptions) error {
	token, err := t.token(ctx)
	if err != nil {
		return err
	}
	if o.verify {
		if err := e.verifyToken(ctx, t, token); err != nil {
			return err
		}
	}
	if !e.json {
		_, err := fmt.Fprintln(e.stdout, token.AccessToken.Reveal())
		return err
	}
	base, err := t.site.BaseURL(t.account, netsuite.ServiceSuiteTalk)
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(tokenRow{
		token.AccessToken.Reveal(), "Bearer", int64(time.Until(token.Expiry).Seconds()), token.Expiry.UTC().Truncate(time.Second), t.account.String(), base.String(), token.Scope,
	})
}

func (e *env) verifyToken(ctx context.Context, t *target, token *netsuite.Token) error {
	v := &netsuite.Verifier{Account: t.account, ClientID: t.clientID, Site: t.site}
	c, err := v.Verify(ctx, token.AccessToken)
	if err != nil {
		return err
	}
	e.say("verified: signed by NetSuite for account %s, role %d, entity %d, scopes %v, until %s", c.Account, c.Role, c.Entity, c.Scopes, when(c.Expiry))
	return nil
}
