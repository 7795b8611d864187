package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/strictyaml"
	"github.com/suitekey/suitekey/netsuite"
)

// The exit codes. Programs rely on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // cancelled, or wrong usage: flags, settings, files given
	exitConsent     = 4 // a person must log in or consent
	exitRefused     = 5 // refused by NetSuite
	exitNotFound    = 6
	exitLater       = 7 // try later: network, NetSuite out of service, a limit
	exitDifferences = 8 // differences found
)

// exitOfCode says how a command ends with an error that has a code. Codes that are missing end it by their cause, or with 1.
var exitOfCode = map[broker.Code]int{
	broker.CodeInvalid:     exitUsage,
	broker.CodeTooLarge:    exitUsage,
	broker.CodeAppInvalid:  exitUsage,
	broker.CodeConfig:      exitUsage,
	broker.CodeNoKey:       exitUsage,
	broker.CodeWrongKey:    exitUsage,
	broker.CodeWrongMode:   exitUsage,
	broker.CodeNotFound:    exitNotFound,
	broker.CodeLinkUnknown: exitNotFound,
	broker.CodeBroken:      exitConsent,
	broker.CodeSetupState:  exitConsent,
	broker.CodeTooMany:     exitLater,
	broker.CodeUnreachable: exitLater,
	broker.CodeDatabase:    exitLater,
}

// situation is what an error of NetSuite or of a store means for a command.
type situation struct {
	err  error
	exit int
	code broker.Code // of the page that explains it; "" when there is none
}

// situations are tried in order.
var situations = []situation{
	{netsuite.ErrUnavailable, exitLater, broker.CodeUnreachable},
	{netsuite.ErrResponseLost, exitLater, broker.CodeUnreachable},
	{netsuite.ErrTooManyRequests, exitLater, broker.CodeTooMany},
	{netsuite.ErrInvalidGrant, exitConsent, broker.CodeBroken},
	{netsuite.ErrLogin, exitConsent, broker.CodeBroken},
	{netsuite.ErrAccessDenied, exitConsent, broker.CodeDenied},
	{netsuite.ErrCertificateLimit, exitRefused, broker.CodeCertificateLimit},
	{netsuite.ErrPermission, exitRefused, ""},
	{netsuite.ErrUserRole, exitRefused, ""},
	{netsuite.ErrInvalidClient, exitRefused, ""},
	{netsuite.ErrUnauthorizedClient, exitRefused, ""},
	{netsuite.ErrInvalidScope, exitRefused, ""},
	{netsuite.ErrInvalidRequest, exitRefused, ""},
	{netsuite.ErrNotFound, exitNotFound, broker.CodeNotFound},
	{broker.ErrNotFound, exitNotFound, broker.CodeNotFound},
	{broker.ErrConflict, exitFailed, broker.CodeConflict},
	{context.Canceled, exitUsage, ""},
	{context.DeadlineExceeded, exitLater, ""},
}

// failure is an error as it is printed: what failed, why, what to do, and the code of the page that says more.
type failure struct {
	What  string      `json:"error"`
	Cause string      `json:"cause,omitempty"`
	Do    string      `json:"do,omitempty"`
	Code  broker.Code `json:"code,omitempty"`
}

// verdict ends a command whose result is printed with another exit code than 0: a check failed, differences were found.
type verdict struct {
	exit int
	why  []string
}

func (v *verdict) Error() string { return strings.Join(v.why, "; ") }

// finish prints the error of a command, if it has one, and returns the exit code.
func (e *env) finish(err error) int {
	if err == nil {
		return exitDone
	}
	var v *verdict
	if errors.As(err, &v) {
		for _, line := range v.why {
			e.say("%s", oneLine(line))
		}
		return v.exit
	}
	f, exit := describe(err)
	if e.json {
		_ = json.NewEncoder(e.stdout).Encode(f) // nothing is left to tell it to
		return exit
	}
	_, _ = fmt.Fprint(e.stderr, f.text())
	return exit
}

// text is the failure in two to four lines.
func (f failure) text() string {
	var b strings.Builder
	for _, line := range []struct{ label, text string }{{"error", f.What}, {"cause", f.Cause}, {"do", f.Do}, {"code", string(f.Code)}} {
		if line.text != "" {
			fmt.Fprintf(&b, "%s: %s\n", line.label, line.text)
		}
	}
	return b.String()
}

// describe finds words and exit code for an error. Who knows more speaks first: our own errors, then NetSuite's, then all others.
func describe(err error) (failure, int) {
	s := situationOf(err)
	var coded *broker.Error
	var refusal *netsuite.Error
	var f failure
	switch {
	case errors.As(err, &coded):
		f, s = describeCoded(coded), situation{exit: cmp.Or(exitOfCode[coded.Code], s.exit), code: coded.Code}
	case errors.As(err, &refusal):
		f = describeRefusal(refusal)
	case errors.Is(err, context.Canceled):
		f = failure{What: "cancelled", Do: "Run the command again to go on."}
	default:
		f = failure{What: err.Error()}
	}
	f.Code = s.code
	f.What, f.Cause, f.Do = oneLine(f.What), oneLine(f.Cause), oneLine(f.Do)
	return f, s.exit
}

func situationOf(err error) situation {
	for _, s := range situations {
		if errors.Is(err, s.err) {
			return s
		}
	}
	var said *netsuite.Error
	if errors.As(err, &said) && said.Status >= 400 && said.Status < 500 { // a refusal whose kind nobody named
		return situation{exit: exitRefused}
	}
	return situation{exit: exitFailed, code: broker.CodeInternal}
}

func describeCoded(e *broker.Error) failure {
	f := failure{What: cmp.Or(e.What, broker.Situations[e.Code].Title), Cause: e.Cause, Do: e.Remedy()}
	if f.Cause == "" && e.Err != nil {
		f.Cause = e.Err.Error()
	}
	return f
}

func describeRefusal(e *netsuite.Error) failure {
	cause := e.Detail
	if e.Status != 0 {
		cause = strings.TrimSpace(fmt.Sprintf("NetSuite answered HTTP %d %s", e.Status, e.Code))
		if e.Detail != "" {
			cause += ": " + e.Detail
		}
	}
	if cause == "" && e.Err != nil {
		cause = e.Err.Error()
	}
	return failure{What: e.Op + " failed", Cause: cause, Do: e.Hint}
}

// oneLine keeps text from breaking out of its line, or of the terminal's rules.
func oneLine(text string) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// typeUsageErrors gives what cobra refuses by itself, flags and arguments, the code of wrong usage and a remedy.
func typeUsageErrors(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return wrongUsage(cmd, err, "") })
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return wrongUsage(cmd, err, similarVerb(cmd, args))
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		typeUsageErrors(child)
	}
}

func wrongUsage(cmd *cobra.Command, err error, similar string) error {
	do := "See: " + cmd.CommandPath() + " --help"
	if similar != "" {
		do = "Did you mean: " + similar
	}
	return broker.Errorf(broker.CodeInvalid, "%v", err).WithDo(do)
}

// similarVerb is the command that was probably meant, when the first argument is none.
func similarVerb(cmd *cobra.Command, args []string) string {
	if !cmd.HasSubCommands() || len(args) == 0 {
		return ""
	}
	var known []string
	for _, child := range cmd.Commands() {
		known = append(known, child.Name())
	}
	if near := strictyaml.Nearest(args[0], known); near != "" {
		return cmd.CommandPath() + " " + near
	}
	return ""
}
