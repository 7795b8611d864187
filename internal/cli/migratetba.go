package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/migrate"
	"github.com/suitekey/suitekey/internal/profile"
	"github.com/suitekey/suitekey/internal/strictyaml"
	"github.com/suitekey/suitekey/netsuite"
)

const migrateTBAHelp = `Moves an integration from token-based authentication (TBA) to client credentials, in as many steps as it needs. Each time it is run it does
what comes next, and says what that was: it proves the old credential, says how to make the new connection, and then asks the same
questions with both. When both have seen the same for a day, it says that the old token can be revoked. It never writes to NetSuite.

  suitekey migrate-tba --file tba.yaml --connection acme
  suitekey migrate-tba --file tba.yaml --connection acme --query 'SELECT COUNT(*) AS n FROM customrecord_acme'

The file, which only its owner may read, holds what the old integration uses; the secrets may be in files of their own:

  account: "1234567"
  consumer_key: 9f3c…
  consumer_secret: …        or consumer_secret_file: …
  token_id: 77ab…
  token_secret: …           or token_secret_file: …

Once an hour by cron, until the exit code is 0; 8 means that differences were found, 7 that it must be compared again, 4 that there is no new
connection yet. From NetSuite 2027.1 no new TBA integration can be made; those that exist end with 2028.2.

Many accounts at once, in a file with a list of such entries, each with the name of its connection:

  suitekey migrate-tba report accounts.yaml
`

// tbaCredential is a credential as a file writes it.
type tbaCredential struct {
	Account            string `yaml:"account"`
	ConsumerKey        string `yaml:"consumer_key"`
	ConsumerSecret     string `yaml:"consumer_secret"`
	ConsumerSecretFile string `yaml:"consumer_secret_file"`
	TokenID            string `yaml:"token_id"`
	TokenSecret        string `yaml:"token_secret"`
	TokenSecretFile    string `yaml:"token_secret_file"`
	Connection         string `yaml:"connection"`
}

type migrateOptions struct {
	file     string
	queries  []string
	proveFor time.Duration
}

func newMigrateTBA(e *env) *cobra.Command {
	var o migrateOptions
	cmd := &cobra.Command{
		Use: "migrate-tba", Short: "Move from token-based authentication to OAuth 2.0", Long: migrateTBAHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, get map[string]foundSetting) error {
				credential, err := e.readTBA(o.file)
				if err != nil {
					return err
				}
				credential.Connection = cmp.Or(get["connection"].text, credential.Connection)
				return e.migrateOne(ctx, folder, get, credential, o)
			})
		},
	}
	cmd.Flags().StringVar(&o.file, "file", "", "`FILE` of the old credential")
	o.add(cmd)
	cmd.AddCommand(newMigrateReport(e))
	return cmd
}

func (o *migrateOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.queries, "query", nil, "`SQL` that the integration uses, to be compared instead of the usual tables; repeat it for more")
	cmd.Flags().DurationVar(&o.proveFor, "prove-for", migrate.Usual.Over, "`TIME` over which both must see the same")
	addConnectionFlags(cmd.Flags())
}

func (o migrateOptions) proof() (migrate.Proof, error) {
	if o.proveFor < time.Minute || o.proveFor > 365*24*time.Hour {
		return migrate.Proof{}, broker.Errorf(broker.CodeInvalid, "flag --prove-for: must be 1m to 8760h; got %s", o.proveFor)
	}
	return migrate.Proof{Comparisons: migrate.Usual.Comparisons, Over: o.proveFor}, nil
}

func (o migrateOptions) asked() []string {
	if len(o.queries) > 0 {
		return o.queries
	}
	var queries []string
	for _, table := range migrate.Tables {
		queries = append(queries, migrate.QueryOf(table))
	}
	return queries
}

// migration is what came of one account.
type migration struct {
	Account     string               `json:"account"`
	Connection  string               `json:"connection"`
	State       migrate.State        `json:"state"`
	Next        string               `json:"next"`
	Comparisons int                  `json:"comparisons"`
	Since       time.Time            `json:"since,omitzero"`
	Differences []migrate.Difference `json:"differences"`
	exit        int
}

// exitOfState: a program that runs the command again and again sees by the exit code how far it is.
var exitOfState = map[migrate.State]int{
	migrate.StateNoConnection: exitConsent, migrate.StateComparing: exitLater, migrate.StateDifferent: exitDifferences, migrate.StateProven: exitDone,
	migrate.StateTBABroken: exitRefused, migrate.StateNewBroken: exitFailed,
}

func (e *env) migrateOne(ctx context.Context, folder profile.Folder, get map[string]foundSetting, c tbaCredential, o migrateOptions) error {
	m, err := e.migrateStep(ctx, folder, get, c, o)
	if err != nil {
		return err
	}
	if err := e.print(m, "%s", m.text()); err != nil || exitOfState[m.State] == exitDone {
		return err
	}
	return &verdict{exit: exitOfState[m.State]}
}

// migrateStep does what comes next for one account.
func (e *env) migrateStep(ctx context.Context, folder profile.Folder, get map[string]foundSetting, c tbaCredential, o migrateOptions) (migration, error) {
	proof, err := o.proof()
	if err != nil {
		return migration{}, err
	}
	old, err := c.open(get["netsuite.emulator"])
	if err != nil {
		return migration{}, err
	}
	m := migration{Account: old.Account.String(), Connection: c.Connection, Differences: []migrate.Difference{}}
	if err := migrate.Prove(ctx, old.API()); err != nil {
		return m.refused(migrate.StateTBABroken, err, "Compare the four values with the old integration; if they are right, the token was revoked, or its role may not log in.")
	}
	e.say("The old credential works in account %s.", old.Account)
	if c.Connection == "" {
		return m, broker.Errorf(broker.CodeInvalid, "flag --connection: the name of the new connection is missing").WithDo("For example: --connection acme")
	}
	s, err := folder.Open(c.Connection)
	switch code := broker.CodeOf(err); {
	case errors.Is(err, broker.ErrNotFound) || code == broker.CodeSetupState:
		m.State, m.Next = migrate.StateNoConnection, connectLike(m)
		return m, nil
	case err != nil:
		return m, err
	case s.Account != old.Account:
		return m, broker.Errorf(broker.CodeWrongAccount, "connection %s is for account %s, the old credential for %s", s.Name, s.Account, old.Account).WithDo("Name the connection of the same account.")
	}
	return e.compareBoth(ctx, folder, old, s, m, proof, o.asked())
}

func connectLike(m migration) string {
	return fmt.Sprintf("suitekey connect --connection %s --account %s --client-id ID --role customrole_…  (a role with the permissions of the old token's; see suitekey connect --help)", m.Connection, m.Account)
}

func (e *env) compareBoth(ctx context.Context, folder profile.Folder, old *netsuite.TBA, s *profile.Session, m migration, proof migrate.Proof, queries []string) (migration, error) {
	token, err := s.Token(ctx)
	if err != nil {
		return m.refused(migrate.StateNewBroken, err, "See: suitekey doctor --connection "+s.Name)
	}
	claims, err := token.Claims()
	if err != nil {
		return m, err
	}
	c, err := migrate.Compare(ctx, old.API(), s.API(), queries, time.Now())
	if err != nil {
		return m, err
	}
	c.TokenAt = claims.IssuedAt.UTC()
	records := migrate.Folder{Path: filepath.Join(filepath.Dir(folder.Path), "migrations")}
	r, err := records.Update(ctx, migrate.Record{Account: s.Account, Connection: s.Name, TokenID: old.TokenID}, func(r *migrate.Record) { r.Add(c) })
	if err != nil {
		return m, err
	}
	m.State, m.Next = r.Verdict(proof)
	m.Comparisons, m.Since, m.Differences = len(r.Comparisons), r.Comparisons[0].At, c.Differences
	switch m.State {
	case migrate.StateProven:
		m.Next = "Revoke the old token at Setup > Users/Roles > Access Tokens, once nothing uses it any more: token ID " + shortened(old.TokenID)
	case migrate.StateDifferent:
		m.Next = "Mend the differences, or leave out by --query what the integration does not use; then run the command again."
	}
	return m, nil
}

// shortened is enough of an ID to find it by.
func shortened(id string) string { return id[:min(8, len(id))] + "…" }

// refused is a state that NetSuite's own words explain. What passes by itself is an error instead.
func (m migration) refused(state migrate.State, err error, do string) (migration, error) {
	if netsuite.IsTemporary(err) {
		return m, err
	}
	f, _ := describe(err)
	m.State, m.Next = state, strings.TrimSpace(do+" NetSuite said: "+cmp.Or(f.Cause, f.What))
	return m, nil
}

var stateWords = map[migrate.State]string{
	migrate.StateNoConnection: "the old credential works; there is no new connection yet", migrate.StateComparing: "both see the same so far",
	migrate.StateDifferent: "the two see different things", migrate.StateProven: "the new connection has proved itself; the old token can be revoked",
	migrate.StateTBABroken: "the old credential does not work", migrate.StateNewBroken: "the new connection does not work",
}

func (m migration) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "account %s, connection %s: %s\n", m.Account, cmp.Or(m.Connection, "-"), stateWords[m.State])
	if m.Comparisons > 0 {
		fmt.Fprintf(&b, "compared: %d times since %s\n", m.Comparisons, when(m.Since))
	}
	for _, d := range m.Differences {
		fmt.Fprintf(&b, "differs: %s: %s with the old, %s with the new\n  do: %s\n", oneLine(d.What), oneLine(d.Old), oneLine(d.New), oneLine(d.Do))
	}
	if m.Next != "" {
		fmt.Fprintf(&b, "next: %s\n", oneLine(m.Next))
	}
	return b.String()
}

const migrateReportHelp = `Does the next step for each account of a file, and prints where they all stand. One that fails does not keep the others from being looked
at. The exit code is 0 when all old tokens can be revoked.

  suitekey migrate-tba report accounts.yaml
  suitekey migrate-tba report accounts.yaml --json

  accounts:
    - {account: "1234567", connection: globex, consumer_key: 9f3c…, consumer_secret_file: globex.consumer, token_id: 77ab…, token_secret_file: globex.token}
    - …
`

func newMigrateReport(e *env) *cobra.Command {
	var o migrateOptions
	cmd := &cobra.Command{
		Use: "report FILE", Short: "Do the next step for many accounts, and say where they stand", Long: migrateReportHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withFolder(cmd, func(ctx context.Context, folder profile.Folder, get map[string]foundSetting) error {
				credentials, err := e.readTBAList(args[0])
				if err != nil {
					return err
				}
				if _, err := o.proof(); err != nil {
					return err
				}
				return e.reportMigrations(ctx, folder, get, credentials, o)
			})
		},
	}
	o.add(cmd)
	return cmd
}

func (e *env) reportMigrations(ctx context.Context, folder profile.Folder, get map[string]foundSetting, credentials []tbaCredential, o migrateOptions) error {
	rows := make([]migration, 0, len(credentials))
	exit := exitDone
	for _, c := range credentials {
		m, err := e.migrateStep(ctx, folder, get, c, o)
		m.exit = exitOfState[m.State]
		if err != nil {
			f, code := describe(err)
			m = migration{Account: c.Account, Connection: c.Connection, State: "error", Next: strings.TrimSpace(f.What + ": " + f.Cause + " " + f.Do), Differences: []migrate.Difference{}, exit: code}
		}
		if exit == exitDone {
			exit = m.exit
		}
		rows = append(rows, m)
	}
	err := printTable(e, rows, []string{"ACCOUNT", "CONNECTION", "STATE", "COMPARED", "SINCE", "DIFFERENCES", "NEXT"}, func(m migration) []any {
		return []any{m.Account, cmp.Or(m.Connection, "-"), m.State, m.Comparisons, when(m.Since), len(m.Differences), cmp.Or(oneLine(m.Next), "-")}
	})
	if err != nil || exit == exitDone {
		return err
	}
	return &verdict{exit: exit}
}

const largestTBAFile = 1 << 20

func (e *env) readTBA(file string) (tbaCredential, error) {
	var c tbaCredential
	if file == "" {
		return c, broker.Errorf(broker.CodeInvalid, "flag --file: the file of the old credential is missing").WithDo("See: suitekey migrate-tba --help")
	}
	err := e.readTBAFile(file, &c)
	return c, err
}

func (e *env) readTBAList(file string) ([]tbaCredential, error) {
	var list struct {
		Accounts []tbaCredential `yaml:"accounts"`
	}
	if err := e.readTBAFile(file, &list); err != nil {
		return nil, err
	}
	if len(list.Accounts) == 0 {
		return nil, broker.Errorf(broker.CodeInvalid, "file %s: accounts is empty", file).WithDo("See: suitekey migrate-tba report --help")
	}
	return list.Accounts, nil
}

func (e *env) readTBAFile(file string, into any) error {
	data, err := readOwn(file, largestTBAFile)
	if err != nil {
		return broker.Errorf(broker.CodeInvalid, "file %s: %v", file, err).WithDo("Name a file that exists and that only you may read.")
	}
	if err := strictyaml.Decode(file, data, into); err != nil {
		return broker.Errorf(broker.CodeInvalid, "%v", err).WithDo("See: suitekey migrate-tba --help")
	}
	return nil
}

// open makes the credential ready, with the secrets from their files.
func (c tbaCredential) open(emulator foundSetting) (*netsuite.TBA, error) {
	t := &netsuite.TBA{ConsumerKey: c.ConsumerKey, TokenID: c.TokenID}
	var errs [4]error
	t.Account, errs[0] = netsuite.ParseAccountID(c.Account)
	t.Site, errs[1] = parseSite(emulator)
	t.ConsumerSecret, errs[2] = eitherSecret("consumer_secret", c.ConsumerSecret, c.ConsumerSecretFile)
	t.TokenSecret, errs[3] = eitherSecret("token_secret", c.TokenSecret, c.TokenSecretFile)
	if errs[0] != nil {
		errs[0] = broker.Errorf(broker.CodeInvalid, "field account: %v", errs[0]).WithDo("Copy it from Setup > Company > Company Information > Account ID.")
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	for field, value := range map[string]string{"consumer_key": c.ConsumerKey, "token_id": c.TokenID} {
		if value == "" {
			return nil, broker.Errorf(broker.CodeInvalid, "field %s: it is missing", field).WithDo("Copy it from where the old integration keeps it.")
		}
	}
	return t, nil
}

func eitherSecret(field, value, file string) (netsuite.Secret, error) {
	switch {
	case value != "" && file != "":
		return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "fields %s and %s_file: only one may be given", field, field).WithDo("Remove one of them.")
	case file != "":
		return readSecretFile(file, os.Stdin)
	case value == "":
		return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "field %s: it is missing", field).WithDo("NetSuite shows it once only, so copy it from where the old integration keeps it.")
	}
	return netsuite.NewSecret(value), nil
}
