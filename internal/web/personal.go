package web

import (
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// The pages of a link for one person, whom the app then acts as: the short form of the wizard. Nothing is set up in NetSuite, so
// there is nothing to check, to hand over or to end.

func personal(link broker.Link) bool { return link.Connects == broker.KindUser }

// personalWelcome is the body of a person's first page.
type personalWelcome struct {
	App   string
	Lasts string
}

func personalWelcomePage(inv broker.Invitation, token string) page {
	app := inv.App.DisplayName
	return page{
		brand: brandOf(inv.App), Customer: inv.Link.Customer, Account: expectedAccounts(inv.Link.Expect), Steps: progressAt(inv.Link, stepAllow),
		Heading: app + " wants to act as you in NetSuite",
		Lead:    "About one minute. You sign in on NetSuite’s own pages, and we never see your password.",
		Note:    "This link is for you alone: whoever follows it lets " + app + " act as them.",
		Body:    "personal-welcome", Data: personalWelcome{App: app, Lasts: lasts(inv.App)},
		Actions: []action{{Label: "Continue to NetSuite", Main: true, Post: linkPath(token)}},
	}
}

// lasts is how long a person's consent lasts at the most, in words.
func lasts(app broker.App) string {
	hours := 7 * 24 // fixed for confidential clients (netsuite-oauth2 2.4)
	if u := app.Integration.User; u != nil && u.Public && u.RotationHours > 0 {
		hours = u.RotationHours
	}
	switch {
	case hours == 1:
		return "1 hour"
	case hours%24 != 0 || hours < 48:
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d days", hours/24)
}

// personalFacts is the body of a person's last page.
type personalFacts struct {
	Name, Role    string
	At, ConsentBy time.Time
}

// personalRunPage changes what a run's page says to what is true for a person.
func personalRunPage(p *page, v broker.View) {
	p.Personal, p.Minutes = true, 0
	app := v.App.DisplayName
	switch phase := v.Run.Phase(); {
	case v.Run.Ended != "":
		personalEnded(p, v)
	case phase == broker.PhaseConnected:
		p.Lead = fmt.Sprintf("%s can act as you in %s NetSuite, with the role you chose and nothing more.", app, possessive(v.Link.Customer))
		p.Body, p.Data = "personal-connected", personalFacts{v.Run.EntityName, v.Run.RoleName, v.Run.ConnectedAt, v.Run.ConsentBy}
	case phase == broker.PhaseConsenting:
		p.Heading = "Allow it in NetSuite"
	case phase == broker.PhaseChecking:
		p.Heading, p.Body = "We finish the connection", ""
	case phase == broker.PhaseUnconfirmed:
		p.Lead = app + " confirms from its side that it was you who asked. It cannot act as you before that. The page goes on by itself."
	}
}

func personalEnded(p *page, v broker.View) {
	const ended = "We end the permission, and nothing is done in your name."
	switch {
	case v.Run.Problem != nil:
	case v.Run.Ended == broker.PhaseCancelled:
		p.Heading = "Stopped"
		p.Lead = "As you asked. " + ended
	default:
		p.Heading = "This has run out of time"
		p.Lead = "It was not finished in time. " + ended
	}
}

// personalProblem is what a situation is called when nothing is set up; those that are not here read the same for everybody.
func personalProblem(p *page, v broker.View, problem broker.Problem) {
	app := v.App.DisplayName
	switch problem.Code {
	case broker.CodeDenied:
		p.Lead = "You did not allow it in NetSuite, so " + app + " cannot act as you."
		p.Note = "Try again if that was not meant."
	case broker.CodeSetupRole:
		p.Lead = "The role that you chose lacks a permission that " + app + " needs. Nothing was changed."
		p.Note = "Choose another role. If you have no other, ask your NetSuite administrator for the permission."
	case broker.CodeConfirmAccount:
		p.Lead = app + " will act as you in this account."
	case broker.CodeSetupTimeOver:
		p.Heading, p.Lead = "The permission ran out before we were done", "We ended it, and nothing was done in your name."
		p.Note = "Allow it once more to go on."
	case broker.CodeWrongAccount:
		p.Note = "Log in to the expected account and choose it on NetSuite’s page."
	}
}

// otherPersonScreen: a connection stays that of the person who consented first.
func otherPersonScreen(p *page, v broker.View, _ broker.Problem) {
	p.Mark = "ask"
	p.Actions = append(p.Actions, consentAction(v, "Sign in as the first person", "other"))
	stayingActions(p, v, "")
}
