package netsuitetest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The pages of integration records: Setup > Integration > Manage Integrations (H/section_157771733782).

// integrationRow is an integration record as one account sees it.
type integrationRow struct {
	record
	Integration Integration
	Own         bool // this account made it; elsewhere name, grants and scopes cannot be changed
}

// ScopeNames are the record's scopes by the names of their boxes.
func (r integrationRow) ScopeNames() []string {
	var names []string
	for _, scope := range scopeBoxes {
		if slices.Contains(r.Integration.Scopes, scope.Value) {
			names = append(names, scope.Name)
		}
	}
	return names
}

// GrantNames are the record's grants by the names of their boxes.
func (r integrationRow) GrantNames() []string {
	var names []string
	if r.Integration.CodeGrant {
		names = append(names, "Authorization Code Grant")
	}
	if r.Integration.ClientCredentials {
		names = append(names, "Client Credentials (Machine to Machine) Grant")
	}
	return names
}

// scopeBoxes are the boxes of an integration record's scopes.
var scopeBoxes = []struct{ Value, Name string }{
	{scopeRESTlets, "RESTlets"},
	{scopeREST, "REST Web Services"},
	{scopeAnalytics, "SuiteAnalytics Connect"},
	{scopeMCP, "NetSuite AI Connector Service"},
}

var consentPolicies = []string{policyAlways, policyFirst, policyNever}

// integrationRows are the account's integration records by internal ID. Its own are there from the start, those of
// others since their first use here (H/section_4431829430).
func (s *Server) integrationRows(a *Account) []integrationRow {
	var rows []integrationRow
	for _, i := range s.allIntegrations() {
		r, here := a.record(i.ClientID)
		own := i.OwnerAccount == a.id
		if own && !here {
			r, here = a.install(i), true
		}
		if here {
			rows = append(rows, integrationRow{r, i, own})
		}
	}
	slices.SortFunc(rows, func(a, b integrationRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

// allIntegrations are the integration records of all vendors, by name.
func (s *Server) allIntegrations() []Integration {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Integration, 0, len(s.integrations))
	for _, i := range s.integrations {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b Integration) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ClientID, b.ClientID))
	})
	return all
}

func (s *Server) showIntegrations(c *call) {
	if _, ok := s.signedIn(c, "ADMI_INTEGRAPP"); !ok {
		return
	}
	c.account.mu.Lock()
	approval := c.account.approval
	c.account.mu.Unlock()
	c.met("integration records")
	s.page(c, http.StatusOK, "integrations.html", "Manage Integrations", "integrations", struct {
		Rows     []integrationRow
		Approval bool
	}{s.integrationRows(c.account), approval})
}

// changeIntegrations sets a record's state, or the approval preference.
func (s *Server) changeIntegrations(c *call) {
	s.change(c, "ADMI_INTEGRAPP", integrationsPath, func(form url.Values) error {
		switch form.Get("action") {
		case "enable":
			return c.account.ApproveIntegration(form.Get("client_id"))
		case "block":
			return c.account.BlockIntegration(form.Get("client_id"))
		case "approval-on", "approval-off":
			c.account.RequireApproval(form.Get("action") == "approval-on")
			return nil
		}
		return errors.New("action: want enable, block, approval-on or approval-off")
	})
}

// requestedIntegration is the record that the page's URL names.
func (s *Server) requestedIntegration(c *call) (integrationRow, bool) {
	rows, id := s.integrationRows(c.account), pageID(c)
	i := slices.IndexFunc(rows, func(r integrationRow) bool { return r.ID == id })
	if i < 0 {
		return integrationRow{}, false
	}
	return rows[i], true
}

// integrationPage is one record; Secret is shown once, after it was made.
type integrationPage struct {
	integrationRow
	Policies     []string
	New          bool
	Secret       string
	Certificates int // active ones
	Most         int // that may be active
}

func (s *Server) showIntegration(c *call) {
	if _, ok := s.signedIn(c, "ADMI_INTEGRAPP"); !ok {
		return
	}
	row, ok := s.requestedIntegration(c)
	if !ok {
		c.broke("no such integration record in this account")
		s.errorPage(c, http.StatusNotFound, "No such integration record", "Choose one from the list of integrations.", "")
		return
	}
	c.met("integration record")
	s.integrationPage(c, integrationPage{integrationRow: row})
}

func (s *Server) integrationPage(c *call, p integrationPage) {
	p.Policies, p.Certificates, p.Most = consentPolicies, c.account.ActiveCertificates(p.ClientID), maxActive
	s.page(c, http.StatusOK, "integration.html", p.Integration.Name, "integration", p)
}

// changeIntegration sets what is the account's own: state and consent policy (H/section_157771733782).
func (s *Server) changeIntegration(c *call) {
	back := fmt.Sprintf("%s?id=%d", integrationPath, pageID(c))
	s.change(c, "ADMI_INTEGRAPP", back, func(form url.Values) error {
		row, ok := s.requestedIntegration(c)
		if !ok {
			return errors.New("integration record: none with this ID in this account; choose one of the list")
		}
		switch form.Get("action") {
		case "enable":
			return c.account.ApproveIntegration(row.ClientID)
		case "block":
			return c.account.BlockIntegration(row.ClientID)
		case "policy":
			return c.account.SetConsentPolicy(row.ClientID, form.Get("policy"))
		}
		return errors.New("action: want enable, block or policy")
	})
}

func (s *Server) newIntegration(c *call) {
	if _, ok := s.signedIn(c, "ADMI_INTEGRAPP"); ok {
		c.met("form of a new integration record")
		s.integrationForm(c, http.StatusOK, formState{Values: url.Values{
			"code_grant": {"T"}, "refresh": {"48"}, "rotation": {"168"}, "policy": {policyAlways},
		}})
	}
}

func (s *Server) integrationForm(c *call, status int, form formState) {
	s.page(c, status, "newintegration.html", "New integration", "newintegration", struct {
		Form     formState
		Scopes   any
		Policies []string
	}{form, scopeBoxes, consentPolicies})
}

// createIntegration makes a record of this account. The answer to the form shows its credentials, which no page shows
// again, as NetSuite has it.
func (s *Server) createIntegration(c *call) {
	if _, ok := s.signedIn(c, "ADMI_INTEGRAPP"); !ok {
		return
	}
	form, ok := s.pageForm(c)
	if !ok {
		return
	}
	i, err := readIntegration(form)
	if err == nil {
		i.OwnerAccount = c.account.id
		i, err = s.AddIntegration(i)
	}
	if err != nil {
		c.broke(err.Error())
		s.integrationForm(c, http.StatusBadRequest, formState{form, err})
		return
	}
	c.met("integration record created: https or a custom scheme, scopes, hours (H/section_157771733782)")
	s.integrationPage(c, integrationPage{
		integrationRow: integrationRow{c.account.install(i), i, true}, New: true, Secret: i.ClientSecret,
	})
}

// readIntegration reads the form; AddIntegration checks what it says. Grants that are not ticked take their fields with
// them.
func readIntegration(form url.Values) (Integration, error) {
	i := Integration{
		Name: strings.TrimSpace(form.Get("name")), CodeGrant: form.Has("code_grant"), ClientCredentials: form.Has("m2m"),
		Public: form.Has("public"), Scopes: form["scope"], ConsentPolicy: form.Get("policy"),
	}
	for line := range strings.Lines(form.Get("redirect")) {
		if uri := strings.TrimSpace(line); uri != "" {
			i.RedirectURIs = append(i.RedirectURIs, uri)
		}
	}
	var err error
	if i.RefreshHours, err = readHours(form.Get("refresh")); err != nil {
		return i, at("refresh", fmt.Errorf("refresh token validity: %w", err))
	}
	if i.RotationHours, err = readHours(form.Get("rotation")); err != nil {
		return i, at("rotation", fmt.Errorf("maximum time for token rotation: %w", err))
	}
	return i, nil
}

// readHours reads 1 to 720 hours; nothing is NetSuite's default.
func readHours(text string) (int, error) {
	if strings.TrimSpace(text) == "" {
		return 0, nil
	}
	hours, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || hours < 1 || hours > 720 {
		return 0, errors.New("want a whole number of hours, 1 to 720 (H/section_157771733782)")
	}
	return hours, nil
}
