package netsuitetest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// What people do on NetSuite's pages, for tests that need the result and no browser. Every rule of the pages holds.

// Consent opens the address of an authorize request, logs the employee in, chooses the role and presses Allow. It returns the
// address to which NetSuite sends the browser then, with a code; a request that NetSuite refuses by a redirect gives
// that address, any other refusal is an error.
func (a *Account) Consent(authorizeURL, email, roleScriptID string) (redirect string, err error) {
	r, err := http.NewRequest(http.MethodGet, authorizeURL, nil)
	if err != nil {
		return "", fmt.Errorf("address of the authorize request: %w", err)
	}
	c := a.s.newCall(r)
	defer c.finish()
	c.account = a // also for a request to the system host: the person chooses this company
	c.entry.Account = a.id
	f, no := a.s.readAuthorization(c)
	f.account = a
	if no == nil {
		if err := a.logIn(f, email, roleScriptID); err != nil {
			c.broke(err.Error())
			return "", err
		}
		a.s.keepFlow(f)
		a.s.grantCode(c, f)
	} else {
		a.s.refuseAuthorization(c, f, no)
	}
	if to := c.w.Header().Get("Location"); to != "" {
		return to, nil
	}
	return "", errors.New(c.entry.Rule)
}

// logIn puts the person and the chosen role into the flow.
func (a *Account) logIn(f *flow, email, roleScriptID string) error {
	_, role, err := a.employeeAndRole(email, roleScriptID)
	if err != nil {
		return err
	}
	if f.session, err = a.openSession(email); err != nil {
		return fmt.Errorf("log-in of %s: %w", clip(email), err)
	}
	i, _ := a.s.integration(f.clientID)
	a.install(i)
	if !slices.ContainsFunc(a.s.eligible(a, f), func(r company.Role) bool { return r.ID == role.ID }) {
		return fmt.Errorf("role %s: the employee does not hold it, or it may not log in using OAuth 2.0 access tokens", clip(roleScriptID))
	}
	f.role = role.ID
	return nil
}

// MapCertificate uploads a certificate in PEM form for an integration record, an employee and a role, as an administrator
// does at Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup (H/section_162686838198),
// and returns the certificate ID.
func (a *Account) MapCertificate(clientID, email, roleScriptID string, certificate []byte) (id string, err error) {
	e, role, err := a.employeeAndRole(email, roleScriptID)
	if err != nil {
		return "", err
	}
	i, known := a.s.integration(clientID)
	switch {
	case !known:
		return "", fmt.Errorf("client ID %q: no such integration record", clip(clientID))
	case !i.ClientCredentials:
		return "", errors.New("integration record: Client Credentials (Machine to Machine) Grant is not ticked")
	}
	cert, err := readCertificate(string(certificate))
	if err != nil {
		return "", fmt.Errorf("certificate: %w", err)
	}
	a.install(i)
	m, no := a.newMapping(cert, clientID, e.ID, role.ID)
	if no == nil {
		no = a.addMapping(m)
	}
	if no != nil {
		return "", errors.New(no.rule)
	}
	return m.id, nil
}
