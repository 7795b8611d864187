package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// maxToken is above the length of any token of ours; longer ones are not looked up.
const maxToken = 128

func (h *Handler) open(ctx context.Context, token string) (broker.Invitation, error) {
	if len(token) > maxToken {
		return broker.Invitation{}, &broker.Error{Code: broker.CodeLinkUnknown}
	}
	return h.cfg.Onboarding.Open(ctx, token)
}

// handleWelcome shows who asks for what. It spends nothing: mail scanners open links too.
func (h *Handler) handleWelcome(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	inv, err := h.open(r.Context(), token)
	switch {
	case err != nil:
		h.failFor(w, r, inv.App, err)
	case inv.Connection != nil:
		h.show(w, r, alreadyConnectedPage(inv, token, h.opens(r, inv.Run)))
	default:
		h.show(w, r, welcomePage(inv, token))
	}
}

// opens reports that this browser holds a secret for the run.
func (h *Handler) opens(r *http.Request, run *broker.Run) bool {
	return run != nil && h.cookies.ofRun(r, run.ID)[0] != ""
}

func linkPath(token string) string { return "/c/" + url.PathEscape(token) }

// welcome is the body of the first page.
type welcome struct {
	Role      string
	Forwarded bool // the run is under way; a person takes it up here
}

func welcomePage(inv broker.Invitation, token string) page {
	if personal(inv.Link) {
		return personalWelcomePage(inv, token)
	}
	if repairs(inv.Link) {
		return repairWelcomePage(inv, token)
	}
	app := inv.App.DisplayName
	p := page{
		brand: brandOf(inv.App), Customer: inv.Link.Customer, Account: expectedAccounts(inv.Link.Expect), Steps: progressAt(inv.Link, stepAllow),
		Heading: fmt.Sprintf("%s asks to connect to %s NetSuite", app, possessive(inv.Link.Customer)),
		Lead:    "About ten minutes; you can stop and come back. You sign in on NetSuite’s own pages, and we never see your password.",
		Note:    "You need to be a NetSuite administrator.",
		Body:    "welcome", Data: welcome{Role: roleName(inv), Forwarded: inv.Run != nil && !inv.Run.Over()},
		Actions: []action{{Label: "Continue to NetSuite", Main: true, Post: linkPath(token)}},
	}
	if inv.Link.Kind == broker.LinkSent {
		p.Note = "You need to be a NetSuite administrator. If you are not, send this page on; nothing is lost."
		p.Actions = append(p.Actions, action{Label: "Send to my administrator", Href: linkPath(token) + "/send"})
	}
	return p
}

// roleName is the role's name in the account once it is known; before that the bundle's role bears the app's name.
func roleName(inv broker.Invitation) string {
	if inv.Run != nil && inv.Run.RoleName != "" {
		return inv.Run.RoleName
	}
	return inv.App.DisplayName
}

func alreadyConnectedPage(inv broker.Invitation, token string, own bool) page {
	s, c := broker.Situations[broker.CodeAlreadyConnected], inv.Connection
	p := page{
		brand: brandOf(inv.App), Customer: inv.Link.Customer, Account: accountLine(c.Account),
		Mark: "done", Heading: s.Title, Lead: s.Text, Code: broker.CodeAlreadyConnected, httpStatus: s.Status,
		Note: "Reconnect only if something is wrong: it makes a new certificate and needs a NetSuite administrator.",
		Body: "connected",
		Data: connected{Entity: c.EntityName, Role: c.RoleName, At: c.CreatedAt},
	}
	if personal(inv.Link) {
		p.Note = "Reconnect only if something is wrong: NetSuite then asks you once more."
		p.Body, p.Data = "personal-connected", personalFacts{Name: c.EntityName, Role: c.RoleName, At: c.CreatedAt}
	}
	if own && inv.Run != nil {
		p.Actions = append(p.Actions, action{Label: "See the connection", Main: true, Href: runPath(*inv.Run)})
	}
	if inv.Link.Kind == broker.LinkSent {
		p.Actions = append(p.Actions, action{Label: "Reconnect", Main: !own, Post: linkPath(token), Field: "reconnect", Value: "1"})
	}
	return p
}

// handleStart begins the run and sends the browser to NetSuite. From here on no address holds the token (ON-13).
func (h *Handler) handleStart(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r, "reconnect")
	if err != nil {
		h.fail(w, r, err)
		return
	}
	reconnect := form.Get("reconnect")
	if reconnect != "" && reconnect != "1" {
		h.fail(w, r, broker.Errorf(broker.CodeInvalid, "field \"reconnect\": must be 1 or left out"))
		return
	}
	token := r.PathValue("token")
	if len(token) > maxToken {
		h.fail(w, r, &broker.Error{Code: broker.CodeLinkUnknown})
		return
	}
	departure, err := h.cfg.Onboarding.Start(r.Context(), token, reconnect == "1")
	switch {
	case broker.CodeOf(err) == broker.CodeAlreadyConnected && err != nil:
		http.Redirect(w, r, linkPath(token), http.StatusSeeOther)
	case err != nil:
		h.fail(w, r, err)
	default:
		h.depart(w, r, departure)
	}
}

// depart gives the browser its secret and sends it to NetSuite, with 303 so that no form goes along (ON-15).
func (h *Handler) depart(w http.ResponseWriter, r *http.Request, d broker.Departure) {
	to, err := url.Parse(d.URL)
	if err != nil || webURL(d.URL) == "" {
		h.fail(w, r, broker.Errorf(broker.CodeInternal, "NetSuite's page has no usable address"))
		return
	}
	h.cookies.add(w, r, d, to.Query().Get("state"))
	http.Redirect(w, r, d.URL, http.StatusSeeOther)
}

// forward is the body of the pages that hand a link on.
type forward struct {
	App, Link, Mail string
	Expires         time.Time
}

// handleForward shows the link of this page to be passed on, with a text ready to send.
func (h *Handler) handleForward(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	inv, err := h.open(r.Context(), token)
	switch {
	case err != nil:
		h.failFor(w, r, inv.App, err)
	case inv.Link.Kind != broker.LinkSent || personal(inv.Link):
		h.failFor(w, r, inv.App, broker.Errorf(broker.CodeWrongStep, "this link is for one person and cannot be passed on"))
	default:
		p := h.forwardPage(inv.App, inv.Link, h.publicURL(linkPath(token)), inv.Link.ExpiresAt)
		p.Actions = append(p.Actions, action{Label: "Back", Href: linkPath(token)})
		h.show(w, r, p)
	}
}

func (h *Handler) publicURL(path string) string {
	return strings.TrimSuffix(h.cfg.PublicURL.String(), "/") + path
}

func (h *Handler) forwardPage(app broker.App, link broker.Link, address string, expires time.Time) page {
	mail := mailto(app.DisplayName, link.Customer, address, expires)
	return page{
		brand: brandOf(app), Customer: link.Customer, Steps: progressAt(link, stepAllow),
		Heading: "Send this to your NetSuite administrator",
		Lead:    "Whoever opens the link can go on from here. It works in any browser, on any computer.",
		Body:    "forward", Data: forward{App: app.DisplayName, Link: address, Mail: mail, Expires: expires},
		Note:    "Send it only to a person who may decide about your NetSuite account.",
		Actions: []action{{Label: "Write an e-mail", Main: true, Href: mail}},
	}
}

// mailto is a letter that only lacks its recipient (RFC 6068: spaces and line ends are percent-encoded).
func mailto(app, customer, address string, expires time.Time) string {
	subject := "Please connect our NetSuite to " + app
	body := fmt.Sprintf("Hello,\r\n\r\n%s would like to connect to %s NetSuite, and this needs a NetSuite administrator. It takes about ten minutes:\r\n\r\n%s\r\n\r\n"+
		"You sign in on NetSuite's own pages. The permission for set-up is ended at the end, and you get a list of everything that was done. The link works until %s.\r\n",
		app, possessive(customer), address, minute(expires))
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return "mailto:?subject=" + escape(subject) + "&body=" + escape(body)
}
