package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// maxDetail is how much of a sentence that NetSuite or a person wrote is shown (ON-09).
const maxDetail = 200

// problemPage shows why a run waits, and the one thing that ends it. The words come from broker.Situations; a screen of
// problemScreens adds the particulars.
func problemPage(p *page, v broker.View, problem broker.Problem) {
	s := broker.Situations[problem.Code]
	p.Code, p.Heading, p.Lead, p.Note = problem.Code, s.Title, s.Text, s.Do
	p.Detail = shorten(problem.Detail, maxDetail)
	screen, ok := problemScreens[problem.Code]
	if !ok {
		screen = retryScreen
	}
	screen(p, v, problem)
	if personal(v.Link) {
		personalProblem(p, v, problem)
	}
}

var problemScreens = map[broker.Code]func(*page, broker.View, broker.Problem){
	broker.CodeDenied:           deniedScreen,
	broker.CodeWrongAccount:     wrongAccountScreen,
	broker.CodeSetupRole:        setupRoleScreen,
	broker.CodeFeatureOff:       checksScreen,
	broker.CodeBundleMissing:    checksScreen,
	broker.CodeHolder:           holderScreen,
	broker.CodeNotApproved:      checksScreen,
	broker.CodeCertificateLimit: certificateScreen,
	broker.CodeUploadNeedsUser:  uploadUserScreen,
	broker.CodeConfirmAccount:   confirmScreen,
	broker.CodeRoleTooStrong:    strongRoleScreen,
	broker.CodeSetupTimeOver:    timeOverScreen,
	broker.CodeTestFailed:       testFailedScreen,
	broker.CodeUnreachable:      unreachableScreen,
	broker.CodeTaskFailed:       retryScreen,
	broker.CodeConsentFailed:    deniedScreen,
	broker.CodeOtherPerson:      otherPersonScreen,
	broker.CodeBeingEnded:       unreachableScreen,
}

func deniedScreen(p *page, v broker.View, _ broker.Problem) {
	p.Mark = "ask"
	p.Actions = append(p.Actions, consentAction(v, "Try again", ""))
	stayingActions(p, v, "Send to someone else")
}

// pair is a line of two account IDs side by side.
type pair struct{ Term, Account, Kind string }

func wrongAccountScreen(p *page, v broker.View, problem broker.Problem) {
	p.Mark, p.Account = "ask", ""
	p.Heading = wrongAccountHeading(v.App.DisplayName, problem)
	p.Lead = "Nothing was changed there, and its permission is not used."
	p.Note = "Log in to the expected account and choose it on NetSuite’s page. If you have no access to it, send this on."
	lines := []pair{{"You chose", problem.Found.String(), problem.Found.Describe()}}
	for _, a := range problem.Expected {
		lines = append(lines, pair{v.App.DisplayName + " expects", a.String(), a.Describe()})
	}
	p.Body, p.Data = "accounts", lines
	p.Actions = append(p.Actions, consentAction(v, "Choose another account", "other"))
	stayingActions(p, v, "Send to someone else")
}

// wrongAccountHeading names the two kinds of account where they differ, and else the IDs.
func wrongAccountHeading(app string, problem broker.Problem) string {
	found, wanted := problem.Found.Describe(), []string{}
	for _, a := range problem.Expected {
		if !slices.Contains(wanted, a.Describe()) {
			wanted = append(wanted, a.Describe())
		}
	}
	if slices.Contains(wanted, found) || len(wanted) == 0 {
		found, wanted = "account "+problem.Found.String(), nil
		for _, a := range problem.Expected {
			wanted = append(wanted, a.String())
		}
	}
	if len(wanted) == 0 {
		wanted = []string{"another one"}
	}
	return fmt.Sprintf("You chose %s, %s expects %s", found, app, strings.Join(wanted, " or "))
}

func setupRoleScreen(p *page, v broker.View, problem broker.Problem) {
	p.Mark = "ask"
	if problem.Role != "" {
		p.Heading = "The role " + quoted(problem.Role) + " may not do this"
	}
	p.Actions = append(p.Actions, consentAction(v, "Choose another role", ""))
	stayingActions(p, v, "Send to someone else")
}

// checkLine is one line of the check list.
type checkLine struct {
	ID, Title, Hint, Path, URL string
	State                      broker.CheckState
}

func checklist(v broker.View) []checkLine {
	var lines []checkLine
	for _, c := range v.Run.Checks {
		lines = append(lines, checkLine{c.ID, c.Title, shorten(c.Hint, maxDetail), c.Path, webURL(c.URL), c.State})
	}
	return lines
}

// checksScreen shows what is to be done in NetSuite, with the way to each place.
func checksScreen(p *page, v broker.View, problem broker.Problem) {
	lines := checklist(v)
	var todo []string
	for _, l := range lines {
		if l.State == broker.CheckTodo {
			todo = append(todo, l.Title)
		}
	}
	if len(todo) == 0 { // met outside of the checks
		lines = append(lines, checkLine{ID: "problem", Title: p.Heading, Hint: p.Detail, Path: problem.Path, URL: webURL(problem.URL), State: broker.CheckTodo})
		todo = []string{p.Heading}
	}
	switch {
	case len(todo) > 1:
		p.Heading = number(len(todo)) + " things to do in NetSuite"
		p.Lead = "This page notices by itself when they are done."
	default:
		p.Lead += " This page notices by itself when it is done."
	}
	p.Note, p.Detail = "", ""
	p.Body, p.Data = "checks", lines
	p.Announce = fmt.Sprintf("%s. To do: %s.", p.Heading, strings.Join(todo, "; "))
	p.Actions = append(p.Actions, action{Label: "Check again", Main: true, Post: runPath(v.Run) + "/check"})
	stayingActions(p, v, "I need someone else")
}

func number(n int) string {
	words := []string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// holderScreen asks which user the connection acts as, or where to give the role to one.
func holderScreen(p *page, v broker.View, problem broker.Problem) {
	p.Heading = "Who should " + v.App.DisplayName + " act as?"
	if len(v.Run.Holders) < 2 {
		checksScreen(p, v, problem)
		return
	}
	p.Lead = fmt.Sprintf("Several users hold the role %s. The connection signs in as one of them, with this role and nothing more.", quoted(v.Run.RoleName))
	p.Note = "A user that no person works with is best: it stays when people leave."
	p.Detail = ""
	p.Body, p.Data = "holders", choice{Action: runPath(v.Run) + "/holder", Holders: v.Run.Holders}
	p.Actions = append(p.Actions, action{Label: "Act as this user", Main: true, Submit: "choice"})
	stayingActions(p, v, "I need someone else")
}

// choice is a body with a form.
type choice struct {
	Action       string
	Holders      []broker.Holder
	Certificates []broker.KnownCertificate
}

func certificateScreen(p *page, v broker.View, problem broker.Problem) {
	p.Lead = "This integration already has five active ones, so ours cannot be added. None was touched."
	p.Note = "Whatever signs with the removed certificate stops working at once. If you are not sure, ask who added it."
	free := slices.ContainsFunc(problem.Certificates, func(c broker.KnownCertificate) bool { return !c.Ours })
	p.Detail = ""
	p.Body, p.Data = "certificates", choice{Action: runPath(v.Run) + "/certificate", Certificates: problem.Certificates}
	check := action{Label: "Check again", Post: runPath(v.Run) + "/check"}
	if free {
		p.Actions = append(p.Actions, action{Label: "Remove the chosen certificate", Main: true, Submit: "choice"})
	} else {
		check.Main = true
	}
	p.Actions = append(p.Actions, check)
	stayingActions(p, v, "I need someone else")
}

func uploadUserScreen(p *page, v broker.View, _ broker.Problem) {
	p.Mark = "ask"
	user := "that user"
	if v.Run.EntityName != "" {
		user = v.Run.EntityName
	}
	again := consentAction(v, "Choose another role", "")
	if v.Link.Kind == broker.LinkSent {
		p.Actions = append(p.Actions, action{Label: "Send link to " + user, Main: true, Href: runPath(v.Run) + "/send"})
		again.Main = false
	}
	p.Actions = append(p.Actions, again)
	p.Cancel = runPath(v.Run) + "/cancel"
}

func confirmScreen(p *page, v broker.View, _ broker.Problem) {
	p.Mark, p.Account = "ask", ""
	p.Lead = fmt.Sprintf("%s will be connected to this account. Nothing is written to NetSuite before you confirm.", v.App.DisplayName)
	p.Note = ""
	p.Body = "accounts"
	p.Data = []pair{{"Account", v.Run.Account.String(), v.Run.Account.Describe()}}
	other := consentAction(v, "Choose another account", "other")
	other.Main = false
	p.Actions = append(p.Actions, action{Label: "Yes, connect this account", Main: true, Post: runPath(v.Run) + "/account", Value: v.Run.Account.String()}, other)
	p.Cancel = runPath(v.Run) + "/cancel"
}

func strongRoleScreen(p *page, v broker.View, problem broker.Problem) {
	p.Mark = "stop"
	retryScreen(p, v, problem)
}

func timeOverScreen(p *page, v broker.View, _ broker.Problem) {
	p.Mark = "ask"
	p.Actions = append(p.Actions, consentAction(v, "Continue", ""))
	stayingActions(p, v, "Send to someone else")
}

func testFailedScreen(p *page, v broker.View, problem broker.Problem) {
	retryScreen(p, v, problem)
	p.Note = "Mend the cause that is named here, then try again."
}

// unreachableScreen needs nobody: the service looks again by itself.
func unreachableScreen(p *page, v broker.View, problem broker.Problem) {
	p.Mark, p.Refresh = "wait", true
	retryScreen(p, v, problem)
	p.Actions[0].Label = "Try now"
}

// retryScreen names the cause and the way to mend it; then the same step is tried again.
func retryScreen(p *page, v broker.View, problem broker.Problem) {
	if p.Mark == "" {
		p.Mark = "ask"
	}
	if problem.Path != "" || webURL(problem.URL) != "" {
		p.Body = "checks"
		p.Data = []checkLine{{ID: "problem", Title: "Mend it in NetSuite", Hint: p.Detail, Path: problem.Path, URL: webURL(problem.URL), State: broker.CheckTodo}}
		p.Detail = ""
	}
	p.Actions = append(p.Actions, action{Label: "Try again", Main: true, Post: runPath(v.Run) + "/retry"})
	stayingActions(p, v, "I need someone else")
}

// expectedAccounts is the line of the welcome page about the accounts that a link pins.
func expectedAccounts(accounts []netsuite.AccountID) string {
	var lines []string
	for _, a := range accounts {
		lines = append(lines, accountLine(a))
	}
	return strings.Join(lines, " or ")
}
