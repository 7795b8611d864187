package web

import (
	"fmt"

	"github.com/suitekey/suitekey/internal/broker"
)

// repair is the body of the first page of a link that mends a connection.
type repair struct {
	App, Role string
	// Happened is what we know of the cause; empty when nothing is wrong any more.
	Happened  string
	Forwarded bool
}

// repairs reports that a link mends the connection of an account: the wizard in its repair form.
func repairs(link broker.Link) bool { return link.ConnectionID != "" && !personal(link) }

func repairWelcomePage(inv broker.Invitation, token string) page {
	app := inv.App.DisplayName
	p := page{
		brand: brandOf(inv.App), Customer: inv.Link.Customer, Account: expectedAccounts(inv.Link.Expect), Steps: progressAt(inv.Link, stepAllow),
		Heading: fmt.Sprintf("%s needs a NetSuite administrator once more", app),
		Lead:    fmt.Sprintf("About five minutes. The connection to %s NetSuite, its settings and its history stay as they are; it only gets a new certificate.", possessive(inv.Link.Customer)),
		Note:    "You need to be a NetSuite administrator. If you are not, send this page on; nothing is lost.",
		Body:    "repair", Data: repair{app, roleName(inv), broker.Conditions[inv.Cause].Title, inv.Run != nil && !inv.Run.Over()},
		Actions: []action{
			{Label: "Continue to NetSuite", Main: true, Post: linkPath(token)},
			{Label: "Send to my administrator", Href: linkPath(token) + "/send"},
		},
	}
	return p
}
