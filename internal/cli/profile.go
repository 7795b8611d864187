package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/profile"
)

func newProfile(e *env) *cobra.Command {
	return group("profile", "The connections on this machine", newProfileList(e), newProfileShow(e), newProfileRemove(e))
}

func newProfileList(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the connections on this machine", Args: cobra.NoArgs,
		Long: "Lists the connections on this machine; those of a server are listed by suitekey connection list.\n\n  suitekey profile list\n",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, _ map[string]foundSetting) error {
				profiles, err := folder.List()
				if err != nil {
					return err
				}
				rows := make([]profileRow, 0, len(profiles))
				for _, p := range profiles {
					rows = append(rows, profileRowOf(p))
				}
				return printTable(e, rows, []string{"CONNECTION", "KIND", "ACCOUNT", "ENVIRONMENT", "CERTIFICATE ENDS"}, func(r profileRow) []any {
					if !r.Connected {
						return []any{r.Name, r.Kind, "-", "not finished", "-"}
					}
					return []any{r.Name, r.Kind, r.Account, r.Environment, when(r.ValidUntil)}
				})
			})
		},
	}
	addConnectionFlags(cmd.Flags())
	return cmd
}

func newProfileShow(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Print what a connection on this machine is made of", Args: cobra.ExactArgs(1),
		Long: "Prints what a connection on this machine is made of, without its secrets.\n\n  suitekey profile show acme\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, _ map[string]foundSetting) error {
				p, err := folder.Read(args[0])
				if errors.Is(err, broker.ErrNotFound) {
					return unknownConnection(folder, args[0])
				}
				if err != nil {
					return err
				}
				return e.printProfile(p, profileRowOf(p).text())
			})
		},
	}
	addConnectionFlags(cmd.Flags())
	return cmd
}

func (r profileRow) text() string {
	text := ""
	line := func(name, value string) {
		if value != "" && value != "-" && value != "0" {
			text += fmt.Sprintf("%-12s %s\n", name, oneLine(value))
		}
	}
	line("connection", r.Name)
	line("kind", r.Kind)
	line("account", r.Account+" ("+r.Environment+")")
	line("emulator", r.Emulator)
	line("client", r.ClientID)
	line("scopes", fmt.Sprint(r.Scopes))
	line("role", fmt.Sprint(r.Role))
	line("entity", fmt.Sprint(r.Entity))
	line("certificate", r.CertificateID)
	line("ends", when(r.ValidUntil))
	line("key", r.KeyURI)
	if !r.Connected {
		line("state", "not finished; go on with: suitekey connect --connection "+r.Name)
	}
	return text
}

func newProfileRemove(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Forget a connection on this machine", Args: cobra.ExactArgs(1),
		Long: "Forgets a connection on this machine, with its key. NetSuite still knows its certificate until you revoke it.\n\n" +
			"  suitekey certs revoke --connection acme --in-use --yes 5tSjwJ…\n  suitekey profile remove --yes acme\n",
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, _ map[string]foundSetting) error {
				if _, err := folder.Read(args[0]); errors.Is(err, broker.ErrNotFound) {
					return unknownConnection(folder, args[0])
				}
				if err := e.confirm("Forgetting " + args[0] + " with its key, for good"); err != nil {
					return err
				}
				if err := folder.Remove(ctx, args[0]); err != nil {
					return err
				}
				return e.print(map[string]any{"connection": args[0], "removed": true}, "Forgotten: %s\n", args[0])
			})
		},
	}
	addConnectionFlags(cmd.Flags())
	return cmd
}
