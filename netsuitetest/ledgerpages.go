package netsuitetest

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The ledger as pages: a list with a search, and a page for each entry.

// ledgerQuery is what the ledger's page and its JSON are asked for; empty fields ask for everything.
type ledgerQuery struct {
	Text    string // words that must all occur in the entry, in any letter case
	Account string
	Path    string // a part of it
	OK      string // true or false: rules met or broken
	All     bool   // also the emulator's own face
	Before  int    // entries older than this one; 0 = from the newest
}

// maxWords bounds the work of a search.
const maxWords = 10

func readLedgerQuery(q url.Values) ledgerQuery {
	before, err := strconv.Atoi(q.Get("before"))
	if err != nil || before < 0 {
		before = 0
	}
	return ledgerQuery{
		Text: clip(q.Get("q")), Account: canonicalAccount(q.Get("account")), Path: q.Get("path"), OK: q.Get("ok"),
		All: q.Get("all") != "", Before: before,
	}
}

// match tells whether the entry is asked for. Before is the page's affair.
func (q ledgerQuery) match(e Entry) bool {
	ok, err := strconv.ParseBool(q.OK)
	return (q.Account == "" || e.Account == q.Account) && (err != nil || e.OK == ok) && strings.Contains(e.Path, q.Path) &&
		(q.All || (!strings.HasPrefix(e.Path, adminPrefix) && e.Path != stylesheetPath)) && q.matchText(e)
}

func (q ledgerQuery) matchText(e Entry) bool {
	words := strings.Fields(strings.ToLower(q.Text))
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join(append([]string{
		e.Account, e.Service, e.Method, e.Path, e.Rule, strconv.Itoa(e.Status), e.ClientID, e.GrantType, e.CertificateID,
		e.TokenID, e.AuditDetail, e.Fault,
	}, slices.Concat(slices.Collect(maps.Keys(e.Params)), slices.Collect(maps.Values(e.Params)))...), "\n"))
	return !slices.ContainsFunc(words[:min(len(words), maxWords)], func(w string) bool { return !strings.Contains(text, w) })
}

// link is the page of the same query from another entry on, 0 = the newest.
func (q ledgerQuery) link(before int) string {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("q", q.Text)
	set("account", q.Account)
	set("path", q.Path)
	set("ok", q.OK)
	if q.All {
		v.Set("all", "1")
	}
	if before > 0 {
		v.Set("before", strconv.Itoa(before))
	}
	return ledgerPath + "?" + v.Encode()
}

const (
	ledgerPath     = adminPrefix + "ledger"
	stylesheetPath = "/emulator.css"
)

// ledgerShown is how many entries a page shows, newest first.
const ledgerShown = 50

func (s *Server) ledgerPage(c *call) {
	q := readLedgerQuery(c.r.URL.Query())
	all := s.ledger.Entries(q.match)
	slices.Reverse(all)
	rest := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return q.Before > 0 && e.N >= q.Before })
	shown := rest[:min(len(rest), ledgerShown)]
	c.met("the emulator's own face")
	if c.wantsJSON() {
		c.json(http.StatusOK, append([]Entry{}, shown...))
		return
	}
	var next string
	if len(rest) > len(shown) {
		next = q.link(shown[len(shown)-1].N)
	}
	s.page(c, http.StatusOK, "ledger.html", "Ledger", "ledger", struct {
		Query         ledgerQuery
		Accounts      []*Account
		Entries       []Entry
		Total         int
		Older, Newest string
	}{q, s.order, shown, len(all), next, q.link(0)})
}

// wantsJSON: a page with ?json in its address answers with its data.
func (c *call) wantsJSON() bool { return c.r.URL.Query().Has("json") }

// ledgerEntryPage is one entry with all that is known of it.
func (s *Server) ledgerEntryPage(c *call) {
	n, err := strconv.Atoi(c.r.PathValue("n"))
	e, ok := s.ledger.find(n)
	if err != nil || !ok {
		c.broke("no such ledger entry")
		s.errorPage(c, http.StatusNotFound, "No such entry", "The ledger has no entry with this number, or has it no more: the oldest go first.", "")
		return
	}
	c.met("the emulator's own face")
	if c.wantsJSON() {
		c.json(http.StatusOK, e)
		return
	}
	s.page(c, http.StatusOK, "entry.html", "Ledger entry "+strconv.Itoa(e.N), "entry", s.entryPage(e))
}

// entryPage is an entry with the names of what it speaks of.
type entryPage struct {
	Entry
	App, EntityName, RoleName, Meaning string
	Older, Newer                       int // neighbours in the ledger; 0 = none
}

func (s *Server) entryPage(e Entry) entryPage {
	p := entryPage{Entry: e, Meaning: auditMeaning(e.AuditDetail)}
	i, _ := s.integration(e.ClientID)
	p.App = i.Name
	if a := s.Account(e.Account); a != nil && (e.Entity != 0 || e.Role != 0) {
		person, _ := a.data().Employee(e.Entity)
		role, _ := a.data().Role(e.Role)
		p.EntityName, p.RoleName = person.EntityID, role.Name
	}
	if _, ok := s.ledger.find(e.N - 1); ok {
		p.Older = e.N - 1
	}
	if _, ok := s.ledger.find(e.N + 1); ok {
		p.Newer = e.N + 1
	}
	return p
}

// source is a page that a rule cites.
type source struct{ Label, URL string }

var (
	oraclePage = regexp.MustCompile(`\bH/([a-z]+_[A-Za-z0-9]+)`)
	rfcSection = regexp.MustCompile(`\bRFC ([0-9]+)(?: section ([0-9]+(?:\.[0-9]+)*))?`)
)

// ruleSources are the pages that a rule cites, with their addresses.
func ruleSources(rule string) []source {
	var found []source
	for _, m := range oraclePage.FindAllStringSubmatch(rule, -1) {
		found = append(found, source{"Oracle's page " + m[1], "https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/" + m[1] + ".html"})
	}
	for _, m := range rfcSection.FindAllStringSubmatch(rule, -1) {
		address := "https://www.rfc-editor.org/rfc/rfc" + m[1]
		if m[2] != "" {
			address += "#section-" + m[2]
		}
		found = append(found, source{m[0], address})
	}
	return found
}
