package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/internal/private"
	"github.com/suitekey/suitekey/netsuite"
)

const doctorHelp = `Looks at a connection from outside, and says which side failed and who must click what: account, key, certificate, integration record, token,
clock, scopes, REST, queries, role and permissions, certificates, bundle, limits, leftovers of TBA. It changes nothing.

  suitekey doctor --connection acme
  suitekey doctor --connection acme --app acme-sync.yaml       compares role, permissions and bundle with what an app wants
  suitekey doctor --connection co_…                            of the server, beside its database

For somebody who helps: a file with the checks and NetSuite's answers, without secrets and names. What is in it is listed first.

  suitekey doctor --connection acme --bundle acme.zip
  suitekey doctor --connection acme --record answers           the answers alone, in a folder

What another program made, without asking anybody; - reads from stdin:

  suitekey doctor --assertion assertion.jwt --account 1234567_SB1
  suitekey doctor --callback address.txt
  suitekey doctor --bearer token.txt --account 1234567

The exit code is 0 when nothing failed, 1 when a check failed, and 7 when time alone may mend it.
`

type doctorOptions struct {
	app, bundle, record         string
	assertion, callback, bearer string
}

func newDoctor(e *env) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find out why a connection does not work", Long: doctorHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.assertion+o.callback+o.bearer != "" {
				return e.inspect(cmd, o)
			}
			expect, err := readExpectation(o.app)
			if err != nil {
				return err
			}
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				recorder := &doctor.Recorder{}
				s, err := subjectOf(ctx, t, recorder)
				if err != nil {
					return err
				}
				if expect != nil {
					s.Expect = expect
				}
				return e.examine(ctx, cmd, s, o, recorder)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.app, "app", "", "`FILE` of an app's definition, to compare the account with")
	f.StringVar(&o.bundle, "bundle", "", "`FILE` to make, .zip, for whoever helps; an existing one is never overwritten")
	f.StringVar(&o.record, "record", "", "`FOLDER` to write NetSuite's answers to, without secrets and names")
	f.StringVar(&o.assertion, "assertion", "", "`FILE` that holds a client assertion of another program, - for stdin")
	f.StringVar(&o.callback, "callback", "", "`FILE` that holds the address that NetSuite sent a browser to, - for stdin")
	f.StringVar(&o.bearer, "bearer", "", "`FILE` that holds what another program sends as its token, - for stdin")
	addConnectionFlags(f)
	return cmd
}

func readExpectation(file string) (*broker.App, error) {
	if file == "" {
		return nil, nil
	}
	app, _, err := readAppFile(file)
	return &app, err
}

// subjectOf describes a connection for the doctor. What it asks NetSuite is recorded.
func subjectOf(ctx context.Context, t *target, recorder *doctor.Recorder) (doctor.Subject, error) {
	client := recorder.Client(t.site)
	s := doctor.Subject{Name: t.name, Account: t.account, Site: t.site, ClientID: t.clientID, CertificateID: t.certificateID, HTTPClient: client, Fresh: t.token}
	var err error
	switch {
	case t.served != nil:
		err = t.served.describe(ctx, &s)
	case t.profile != nil && t.profile.Kind == broker.KindUser:
		s.Scopes, s.Consent = t.profile.Scopes, t.profile.Grant()
		s.Consent.HTTPClient = client
		s.Lifetime, err = t.profile.Lifetime()
	case t.profile != nil, t.credentials != nil:
		err = t.describe(ctx, &s, client)
	}
	return s, err
}

// describe adds what is known of a key on this machine.
func (t *target) describe(ctx context.Context, s *doctor.Subject, client func(netsuite.AccountID) *http.Client) error {
	c, err := t.machine(ctx)
	if err != nil {
		return err
	}
	c.HTTPClient, c.Governor = client, &netsuite.Governor{Tries: 1} // a doctor does not wait until it passes
	s.PublicKey, s.Scopes, s.Fresh = c.Key.Public(), c.Scopes, c.Token
	if t.profile != nil {
		s.Kept = t.profile.Kept()
		if t.profile.Certificate != "" {
			s.Certificate, err = netsuite.ParseCertificate([]byte(t.profile.Certificate))
		}
	}
	return err
}

// describe adds what the server's database knows.
func (d *served) describe(ctx context.Context, s *doctor.Subject) error {
	definition, err := d.app.Store.App(ctx, d.connection.App)
	if err != nil {
		return err
	}
	s.Expect, s.Served, s.Scopes = &definition, true, definition.Scopes
	if token, lives, err := d.app.Tokens.Living(ctx, d.connection.ID); err == nil && lives {
		s.Kept = &netsuite.Token{AccessToken: token}
	}
	if d.connection.CertificateID == "" {
		return nil
	}
	row, err := d.app.Store.Certificate(ctx, d.connection.CertificateID)
	if err != nil {
		return err
	}
	s.CertificateID = row.NetSuiteID
	if s.Certificate, err = netsuite.ParseCertificate(row.PEM); err != nil {
		return err
	}
	key, err := d.app.Certificates.Signer(ctx, row.ID)
	if err != nil {
		return err
	}
	s.PublicKey = key.Public()
	s.Fresh = func(ctx context.Context) (*netsuite.Token, error) {
		return d.app.Certificates.Mint(ctx, definition, d.connection, row.ID)
	}
	return nil
}

// examined is the report as programs read it.
type examined struct {
	Connection string         `json:"connection,omitempty"`
	Account    string         `json:"account,omitempty"`
	At         time.Time      `json:"at"`
	Checks     []doctor.Check `json:"checks"`
	Failed     int            `json:"failed"`
	Warnings   int            `json:"warnings"`
	OK         int            `json:"ok"`
}

func newExamined(name, account string, checks []doctor.Check) examined {
	x := examined{Connection: name, Account: account, At: time.Now().UTC().Truncate(time.Second), Checks: checks}
	for _, c := range checks {
		switch c.Status {
		case doctor.StatusFail:
			x.Failed++
		case doctor.StatusWarn:
			x.Warnings++
		case doctor.StatusOK:
			x.OK++
		}
	}
	return x
}

func (e *env) examine(ctx context.Context, cmd *cobra.Command, s doctor.Subject, o doctorOptions, recorder *doctor.Recorder) error {
	var report func(doctor.Check)
	if !e.json {
		report = func(c doctor.Check) { _, _ = fmt.Fprint(e.stdout, e.checkText(c)) }
	}
	x := newExamined(s.Name, s.Account.String(), doctor.Examine(ctx, s, report))
	if o.record != "" {
		if err := writeRecordings(o.record, recorder.Files()); err != nil {
			return err
		}
		e.say("%d exchanges are in %s.", len(recorder.Files()), o.record)
	}
	if o.bundle != "" {
		if err := e.writeBundle(cmd, o.bundle, x, recorder.Files()); err != nil {
			return err
		}
	}
	return e.conclude(x)
}

// conclude prints what is left to print, and gives the exit code.
func (e *env) conclude(x examined) error {
	if err := e.print(x, "%d failed, %s, %d ok\n", x.Failed, plural(x.Warnings, "warning"), x.OK); err != nil {
		return err
	}
	switch {
	case x.Failed == 0:
		return nil
	case x.passes():
		return &verdict{exit: exitLater}
	}
	return &verdict{exit: exitFailed}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// passes reports whether time alone may mend all that failed.
func (x examined) passes() bool {
	return !slices.ContainsFunc(x.Checks, func(c doctor.Check) bool {
		return c.Status == doctor.StatusFail && (len(c.Causes) == 0 || !broker.Conditions[c.Causes[0].Cause].Passes)
	})
}

// statusWords are the first column, with the colours of a terminal.
var statusWords = map[doctor.Status]struct{ word, colour string }{
	doctor.StatusOK: {"OK  ", "\x1b[32m"}, doctor.StatusWarn: {"WARN", "\x1b[33m"}, doctor.StatusFail: {"FAIL", "\x1b[31m"}, doctor.StatusUnknown: {"----", "\x1b[2m"},
}

// whose are the sides that a cause can lie on, for the reader of a command.
var whose = map[broker.Fault]string{broker.FaultNobody: "NetSuite", broker.FaultCustomer: "an administrator of the account", broker.FaultOperator: "you"}

func (e *env) checkText(c doctor.Check) string {
	var b strings.Builder
	s := statusWords[c.Status]
	word := s.word
	if e.coloured(e.stdout) {
		word = s.colour + s.word + "\x1b[0m"
	}
	fmt.Fprintf(&b, "%s  %-12s  %s\n", word, c.Name, oneLine(c.Detail))
	for i, f := range c.Causes {
		label := "likely"
		if i > 0 {
			label = "or"
		}
		fmt.Fprintf(&b, "      %-7s %s (%s)\n", label+":", f.Title, f.Cause)
		fmt.Fprintf(&b, "      %-7s %s: %s\n", "do:", whose[f.Fault], f.Do)
		if f.Path != "" {
			fmt.Fprintf(&b, "      %-7s %s\n", "where:", f.Path)
		}
	}
	return b.String()
}

const largestInspected = 64 << 10

// inspect looks at what another program made.
func (e *env) inspect(cmd *cobra.Command, o doctorOptions) error {
	given := 0
	for _, file := range []string{o.assertion, o.callback, o.bearer} {
		if file != "" {
			given++
		}
	}
	if given > 1 || o.bundle+o.record != "" {
		return broker.Errorf(broker.CodeInvalid, "--assertion, --callback and --bearer are given alone").WithDo("Run the command once for each.")
	}
	get, err := e.connectionSettings(cmd)
	if err != nil {
		return err
	}
	account, err := expectedAccount(get)
	if err != nil {
		return err
	}
	data, err := e.readInput(o.assertion+o.callback+o.bearer, largestInspected)
	if err != nil {
		return err
	}
	var checks []doctor.Check
	switch text := string(data); {
	case o.assertion != "":
		checks, err = doctor.InspectAssertion(text, account, time.Now())
	case o.callback != "":
		checks, err = doctor.InspectCallback(text, time.Now())
	default:
		checks, err = doctor.InspectToken(text, account, time.Now())
	}
	if err != nil {
		return broker.Errorf(broker.CodeInvalid, "file %s: %v", o.assertion+o.callback+o.bearer, err)
	}
	if !e.json {
		for _, c := range checks {
			_, _ = fmt.Fprint(e.stdout, e.checkText(c)) // conclude tells of errors
		}
	}
	return e.conclude(newExamined("", account.String(), checks))
}

func writeRecordings(folder string, files []doctor.Recording) error {
	for _, f := range files {
		err := errors.Join(os.MkdirAll(folder, 0o700), private.Create(filepath.Join(folder, f.Name), f.Content))
		if errors.Is(err, fs.ErrExist) {
			return broker.Errorf(broker.CodeConflict, "flag --record: %s exists", filepath.Join(folder, f.Name)).WithDo("Name a folder that is new or empty.")
		}
		if err != nil {
			return broker.Errorf(broker.CodeInvalid, "flag --record: %s cannot be written", folder).WithCause(reasonOf(err))
		}
	}
	return nil
}

// writeBundle lists what is in the file, asks, and writes it. Nothing in it is a secret; what it says of the account is shown before it
// leaves the machine.
func (e *env) writeBundle(cmd *cobra.Command, name string, x examined, recordings []doctor.Recording) error {
	contents, err := e.bundleContents(cmd, x, recordings)
	if err != nil {
		return err
	}
	e.say("%s will hold, without secrets and names of people:", name)
	for _, f := range contents {
		e.say("  %-28s %d bytes", f.Name, len(f.Content))
	}
	if err := e.confirm("Writing " + name); err != nil {
		return err
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, f := range contents {
		part, err := w.Create(f.Name)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.Content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	err = private.Create(name, archive.Bytes())
	if errors.Is(err, fs.ErrExist) {
		return broker.Errorf(broker.CodeConflict, "flag --bundle: %s exists, and is never overwritten", name).WithDo("Choose another name.")
	}
	return err
}

func (e *env) bundleContents(cmd *cobra.Command, x examined, recordings []doctor.Recording) ([]doctor.Recording, error) {
	found, err := findSettings(e.getenv, os.ReadFile, e.configFile, cmd.Flags())
	if err != nil {
		return nil, err
	}
	var contents []doctor.Recording
	for name, value := range map[string]any{"checks.json": x, "settings.json": found.rows(), "versions.json": versions()} {
		data, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return nil, err
		}
		contents = append(contents, doctor.Recording{Name: name, Content: append(data, '\n')})
	}
	slices.SortFunc(contents, func(a, b doctor.Recording) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range recordings {
		contents = append(contents, doctor.Recording{Name: "answers/" + r.Name, Content: r.Content})
	}
	return contents, nil
}

func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v["suitekey"] = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v["revision"] = s.Value
			}
		}
	}
	return v
}
