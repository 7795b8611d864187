package web

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// runPage is the page of a stored run. It is a pure function: the same run gives the same page in every tab.
func runPage(v broker.View, now time.Time) page {
	p := page{
		brand: brandOf(v.App), Customer: v.Link.Customer, Account: accountLine(v.Run.Account),
		Steps: progressAt(v.Link, stepOf(v)), Minutes: minutesLeft(v.Run, now),
		leadsTo: returnOrigins(v.App),
	}
	if !v.Run.Over() {
		p.Status, p.Version = runPath(v.Run)+"/status", v.Run.Version
	}
	switch phase := v.Run.Phase(); {
	case v.Run.Ended != "":
		endedPage(&p, v)
	case phase == broker.PhaseConnected:
		connectedPage(&p, v)
	case v.Run.Problem != nil:
		problemPage(&p, v, *v.Run.Problem)
	case phase == broker.PhaseNeedsAction: // the account is known, and nobody has confirmed it
		problemPage(&p, v, broker.Problem{Code: broker.CodeConfirmAccount})
	case phase == broker.PhaseConsenting:
		allowPage(&p, v)
	case phase == broker.PhaseChecking:
		checkingPage(&p, v)
	case phase == broker.PhaseUnconfirmed:
		unconfirmedPage(&p, v)
	default:
		connectingPage(&p, v)
	}
	if personal(v.Link) {
		personalRunPage(&p, v)
	}
	if p.Announce == "" {
		p.Announce = p.Heading
	}
	return p
}

func runPath(run broker.Run) string { return "/r/" + url.PathEscape(run.ID) }

// accountLine is an account as pages name it: "1234567_SB1 · Sandbox 1".
func accountLine(account netsuite.AccountID) string {
	if account == "" {
		return ""
	}
	return account.String() + " · " + account.Describe()
}

// returnOrigins are where a form of a run's page may lead in the end: the app's own registered pages.
func returnOrigins(app broker.App) []string {
	var origins []string
	for _, raw := range app.ReturnURLs {
		if u, err := url.Parse(raw); err == nil && webURL(raw) != "" {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	return origins
}

func allowPage(p *page, v broker.View) {
	p.Heading = "Allow set-up in NetSuite"
	p.Lead = "NetSuite has not sent your answer yet. If you closed its page, or came back without answering, open it again. Nothing was changed."
	p.Actions = append(p.Actions, consentAction(v, "Continue to NetSuite", ""))
	stayingActions(p, v, "Send to someone else")
}

func checkingPage(p *page, v broker.View) {
	p.Mark, p.Refresh = "wait", true
	p.Heading = "We look at your account"
	p.Lead = "This takes a few seconds. The page goes on by itself."
	if len(v.Run.Checks) > 0 {
		p.Body, p.Data = "checks", checklist(v)
	}
	p.Cancel = runPath(v.Run) + "/cancel"
}

func unconfirmedPage(p *page, v broker.View) {
	p.Mark, p.Refresh = "wait", true
	p.Heading = "Waiting for " + v.App.DisplayName
	p.Lead = v.App.DisplayName + " confirms from its side that it was you who asked. Nothing is written to your NetSuite before that. The page goes on by itself."
	if !v.Run.FinaliseBy.IsZero() {
		p.Note = "If no answer comes by " + minute(v.Run.FinaliseBy) + ", we end the permission and nothing was changed."
	}
	backAction(p, v, true)
	p.Cancel = runPath(v.Run) + "/cancel"
}

// task is one line of the Connect page.
type task struct {
	Title, State string // State: done, now or next
}

func connectingPage(p *page, v broker.View) {
	p.Mark, p.Refresh = "wait", true
	p.Heading = "We create the connection"
	p.Lead = "This takes a few seconds and needs nothing from you. You may close the page; it goes on by itself."
	tasks := machineTasks(v)
	p.Body, p.Data = "tasks", tasks
	for _, t := range tasks {
		if t.State == "now" {
			p.Announce = t.Title
		}
	}
}

func machineTasks(v broker.View) []task {
	run := v.Run
	type fact struct {
		title string
		done  bool
	}
	facts := []fact{
		{"Make a key for this connection alone", run.CertificateID != ""},
		{"Add its certificate in NetSuite", !run.UploadedAt.IsZero()},
		{"Test it with one real call", !run.TestedAt.IsZero()},
	}
	for i, name := range v.Tasks {
		facts = append(facts, fact{"Set up " + v.App.DisplayName + ": " + name, i < run.TasksDone})
	}
	facts = append(facts, fact{"End the set-up permission", !run.GrantEndedAt.IsZero()})

	var tasks []task
	current := "now"
	for _, f := range facts {
		if f.done {
			tasks = append(tasks, task{f.title, "done"})
			continue
		}
		tasks = append(tasks, task{f.title, current})
		current = "next"
	}
	return tasks
}

// connected is the body of the last page.
type connected struct {
	Entity, Role             string
	EndedAt, RenewBefore, At time.Time
}

func connectedPage(p *page, v broker.View) {
	p.Mark, p.Heading = "done", "Connected"
	p.Lead = fmt.Sprintf("%s works with %s NetSuite as the role %s. We tested it with a real call.", v.App.DisplayName, possessive(v.Link.Customer), quoted(v.Run.RoleName))
	p.Body = "connected"
	p.Data = connected{
		Entity: v.Run.EntityName, Role: v.Run.RoleName,
		EndedAt: v.Run.GrantEndedAt, RenewBefore: v.Run.RenewBefore, At: v.Run.ConnectedAt,
	}
	backAction(p, v, true)
	p.Actions = append(p.Actions, receiptAction(v))
	p.Actions[0].Main = true
}

// endedPage is for a run that stopped without a connection.
func endedPage(p *page, v broker.View) {
	p.Mark = "stop"
	switch v.Run.Ended {
	case broker.PhaseCancelled:
		p.Heading = "Set-up was stopped"
		p.Lead = "As you asked. We end the set-up permission; nothing more is done in your NetSuite."
	case broker.PhaseExpired:
		p.Heading = "This set-up has run out of time"
		p.Lead = "It was not finished in time, so we ended the set-up permission. Nothing more is done in your NetSuite."
	default:
		p.Heading = "Set-up could not be finished"
		p.Lead = "We ended the set-up permission. Nothing more is done in your NetSuite."
	}
	if problem := v.Run.Problem; problem != nil {
		s := broker.Situations[problem.Code]
		p.Heading, p.Lead, p.Code, p.Detail = s.Title, s.Text, problem.Code, shorten(problem.Detail, maxDetail)
	}
	if v.Link.Kind == broker.LinkSession {
		p.Note = "To begin again, go back to " + v.App.DisplayName + " and start there."
	} else {
		p.Note = "To begin again, open the link from your message once more."
	}
	backAction(p, v, true)
	if v.Calls > 0 {
		p.Actions = append(p.Actions, receiptAction(v))
	}
	if len(p.Actions) > 0 {
		p.Actions[0].Main = true
	}
}

func consentAction(v broker.View, label, value string) action {
	return action{Label: label, Main: true, Post: runPath(v.Run) + "/consent", Value: value}
}

func receiptAction(v broker.View) action {
	label := "See the " + strconv.Itoa(v.Calls) + " calls we made"
	if v.Calls == 1 {
		label = "See the one call we made"
	}
	return action{Label: label, Href: runPath(v.Run) + "/receipt"}
}

func backAction(p *page, v broker.View, main bool) {
	if to := webURL(v.BackTo); to != "" && registered(v.BackTo, v.App) {
		p.Actions = append(p.Actions, action{Label: "Back to " + v.App.DisplayName, Main: main, Href: to})
	}
}

// stayingActions are offered wherever a person may leave the rest to somebody else, or stop. A link for a signed-in user
// of the app, or for one person, cannot be passed on (ON-01).
func stayingActions(p *page, v broker.View, label string) {
	if v.Link.Kind == broker.LinkSent && !personal(v.Link) {
		p.Actions = append(p.Actions, action{Label: label, Href: runPath(v.Run) + "/send"})
	}
	if v.Run.ActivatedAt.IsZero() {
		p.Cancel = runPath(v.Run) + "/cancel"
	}
}

// registered reports that an address is one of the app's return URLs, apart from its query (ON-07).
func registered(address string, app broker.App) bool {
	u, err := url.Parse(address)
	if err != nil || webURL(address) == "" {
		return false
	}
	for _, raw := range app.ReturnURLs {
		if known, err := url.Parse(raw); err == nil && known.Scheme == u.Scheme && known.Host == u.Host && known.EscapedPath() == u.EscapedPath() {
			return true
		}
	}
	return false
}

func possessive(name string) string {
	if name == "" {
		return "your"
	}
	return name + "’s"
}

func quoted(name string) string { return "“" + name + "”" }
