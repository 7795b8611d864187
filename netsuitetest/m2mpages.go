package netsuitetest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup (H/section_162686838198).

// mappingRow is a certificate mapping as the page lists it.
type mappingRow struct {
	Certificate
	App, EntityName, RoleName string
	Expired                   bool
}

func (s *Server) mappingRows(a *Account) []mappingRow {
	var rows []mappingRow
	for _, m := range a.Certificates() {
		i, _ := s.integration(m.ClientID)
		e, _ := a.data().Employee(m.Entity)
		r, _ := a.data().Role(m.Role)
		rows = append(rows, mappingRow{m, i.Name, e.EntityID, r.Name, s.clock.Now().After(m.ValidUntil)})
	}
	return rows
}

// showMappings lists all mappings; the query's created names the one that the form has just made.
func (s *Server) showMappings(c *call) {
	if _, ok := s.signedIn(c, "ADMI_MANAGE_OAUTH2"); !ok {
		return
	}
	rows, created := s.mappingRows(c.account), c.r.URL.Query().Get("created")
	if !slices.ContainsFunc(rows, func(r mappingRow) bool { return r.ID == created }) {
		created = ""
	}
	c.met("certificate mappings")
	s.page(c, http.StatusOK, "m2m.html", "OAuth 2.0 Client Credentials (M2M) Setup", "m2m", struct {
		Rows    []mappingRow
		Created string
	}{rows, created})
}

func (s *Server) revokeMapping(c *call) {
	s.change(c, "ADMI_MANAGE_OAUTH2", m2mPath, func(form url.Values) error {
		return c.account.RevokeCertificate(form.Get("certificate"))
	})
}

func (s *Server) newMappingPage(c *call) {
	if _, ok := s.signedIn(c, "ADMI_MANAGE_OAUTH2"); ok {
		c.met("form of a new certificate mapping")
		s.mappingForm(c, http.StatusOK, formState{})
	}
}

func (s *Server) mappingForm(c *call, status int, form formState) {
	s.page(c, status, "m2mnew.html", "New certificate mapping", "m2mnew", struct {
		Form         formState
		Entities     []Employee
		Roles        []Role
		Applications []Integration
	}{form, c.account.mappable(), c.account.data().Roles(), s.m2mIntegrations()})
}

// mappable are the people whom a certificate can stand for.
func (a *Account) mappable() []Employee {
	return slices.DeleteFunc(a.data().Employees(), func(e Employee) bool { return e.Inactive || !e.GiveAccess })
}

// m2mIntegrations are the records with the box of the Client Credentials Grant. Those not used in the account yet are
// among them: a mapping is a first use as well (guess).
func (s *Server) m2mIntegrations() []Integration {
	return slices.DeleteFunc(s.allIntegrations(), func(i Integration) bool { return !i.ClientCredentials })
}

// createMapping maps an uploaded certificate, or shows the form again with what was wrong with it.
func (s *Server) createMapping(c *call) {
	if _, ok := s.signedIn(c, "ADMI_MANAGE_OAUTH2"); !ok {
		return
	}
	form, file, err := readUploadForm(c.r)
	if err != nil {
		c.broke(err.Error())
		s.errorPage(c, http.StatusBadRequest, "The form could not be read", "Go back and send it again.", "")
		return
	}
	c.entry.Params = redact(form)
	m, err := s.mapByForm(c.account, form, file)
	if err != nil {
		c.broke(err.Error())
		s.mappingForm(c, http.StatusBadRequest, formState{form, err})
		return
	}
	c.entry.ClientID, c.entry.CertificateID, c.entry.Entity, c.entry.Role = m.clientID, m.id, m.entity, m.role
	c.met("certificate mapped by an administrator: key, validity, uniqueness and the limit of five in order (H/subsect_162755332391)")
	c.redirect(m2mPath + "?" + url.Values{"created": {m.id}}.Encode())
}

// mapByForm checks the form field by field and keeps the mapping. Only roles that the entity holds are good: NetSuite's
// page offers no others (guess).
func (s *Server) mapByForm(a *Account, form url.Values, file uploadedFile) (*certificate, error) {
	entity, err := a.formEntity(form.Get("entity"))
	if err != nil {
		return nil, at("entity", err)
	}
	role, err := a.formRole(form.Get("role"), entity)
	if err != nil {
		return nil, at("role", err)
	}
	apps := s.m2mIntegrations()
	n := slices.IndexFunc(apps, func(i Integration) bool { return i.ClientID == form.Get("application") })
	if n < 0 {
		return nil, at("application", errors.New("application: choose one; the list has those with Client Credentials (Machine to Machine) Grant ticked"))
	}
	cert, err := file.certificate()
	if err != nil {
		return nil, at("certificate", err)
	}
	m, no := a.newMapping(cert, apps[n].ClientID, entity.ID, role)
	if no == nil {
		no = a.addMapping(m)
	}
	if no != nil {
		return nil, at("certificate", errors.New("certificate: "+no.rule))
	}
	a.install(apps[n])
	return m, nil
}

func (a *Account) formEntity(text string) (Employee, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	people := a.mappable()
	n := slices.IndexFunc(people, func(e Employee) bool { return e.ID == id })
	if err != nil || n < 0 {
		return Employee{}, errors.New("entity: choose one of the list, which has the active users with access")
	}
	return people[n], nil
}

func (a *Account) formRole(text string, holder Employee) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	role, known := a.data().Role(id)
	switch {
	case err != nil || !known:
		return 0, errors.New("role: choose one of the list")
	case !slices.Contains(holder.Roles, id):
		return 0, fmt.Errorf("role: %s does not hold %s; give it at Lists > Employees > Employees first", holder.EntityID, role.Name)
	}
	return id, nil
}

// uploadedFile is the file of an upload form, cut off after maxUpload and one byte.
type uploadedFile struct {
	name    string
	content []byte
}

// certificateNames are the endings that NetSuite takes (H/subsect_162755332391).
var certificateNames = []string{".cer", ".pem", ".crt"}

func (f uploadedFile) certificate() (*x509.Certificate, error) {
	switch {
	case len(f.content) == 0:
		return nil, errors.New("certificate: choose a file; the one sent is missing or empty")
	case len(f.content) > maxUpload:
		return nil, errors.New("certificate: the file is larger than 64 KiB; a certificate has a few KiB")
	case !slices.Contains(certificateNames, strings.ToLower(path.Ext(f.name))):
		return nil, errors.New("certificate: want a file named .cer, .pem or .crt (H/subsect_162755332391)")
	}
	cert, err := readCertificate(string(f.content))
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return cert, nil
}

// maxParts bounds the parts of an upload form; ours has four.
const maxParts = 10

// readUploadForm reads a form with one file (RFC 7578). Of several files the last counts.
func readUploadForm(r *http.Request) (url.Values, uploadedFile, error) {
	form, file := url.Values{}, uploadedFile{}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, file, errors.New("the form is no multipart/form-data")
	}
	for range maxParts {
		part, err := parts.NextPart()
		if err == io.EOF { // the closing boundary; an EOF before it comes wrapped
			return form, file, nil
		}
		if err != nil {
			return nil, file, errors.New("the form is malformed or broken off")
		}
		content, err := io.ReadAll(io.LimitReader(part, maxUpload+1))
		switch {
		case err != nil:
			return nil, file, errors.New("the form is malformed or broken off")
		case part.FormName() == "certificate":
			file = uploadedFile{part.FileName(), content}
		case len(content) > maxShown:
			return nil, file, errors.New("a field of the form is too large")
		default:
			form.Add(part.FormName(), string(content))
		}
	}
	return nil, file, fmt.Errorf("the form has more than %d parts", maxParts)
}
