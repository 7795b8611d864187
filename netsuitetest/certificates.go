package netsuitetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// maxActive is how many certificates of one integration record may be active in one account, since 2026.1
// (H/section_158921905537).
const maxActive = 5

// certificate is one mapping of a certificate to (integration, entity, role). Only revoked changes, under the
// account's mutex.
type certificate struct {
	id, clientID                   string
	entity, role                   int64
	created, validFrom, validUntil time.Time
	algorithm                      string // "RSA" or "EC"; the wire values are a guess
	public                         crypto.PublicKey
	thumbprint                     [32]byte
	revoked                        bool
}

// Certificate is a certificate mapping, as tests want to see it.
type Certificate struct {
	ID, ClientID                   string
	Entity, Role                   int64
	Created, ValidFrom, ValidUntil time.Time
	Revoked                        bool
	Algorithm                      string
}

// Certificates are all mappings of the account, revoked ones included, oldest first.
func (a *Account) Certificates() []Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Certificate, 0, len(a.certificates))
	for _, c := range a.certificates {
		out = append(out, Certificate{
			ID: c.id, ClientID: c.clientID, Entity: c.entity, Role: c.role, Created: c.created,
			ValidFrom: c.validFrom, ValidUntil: c.validUntil, Revoked: c.revoked, Algorithm: c.algorithm,
		})
	}
	return out
}

// ActiveCertificates counts the client's certificates that are neither revoked nor expired.
func (a *Account) ActiveCertificates(clientID string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.active(clientID, a.s.clock.Now(), false)
}

// active needs mu.
func (a *Account) active(clientID string, now time.Time, expiredToo bool) int {
	n := 0
	for _, c := range a.certificates {
		if c.clientID == clientID && !c.revoked && (expiredToo || now.Before(c.validUntil)) {
			n++
		}
	}
	return n
}

// RevokeCertificate revokes a mapping, as the M2M Setup page does.
func (a *Account) RevokeCertificate(id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.certificates, func(c *certificate) bool { return c.id == id })
	switch {
	case i < 0:
		return errors.New("no certificate with this ID")
	case a.certificates[i].revoked:
		return errors.New("the certificate is revoked already")
	}
	a.certificates[i].revoked = true
	if a.s.settings().RevokeKillsM2MTokens {
		for _, t := range a.tokens {
			if t.certificate == id {
				t.revoked = true
			}
		}
	}
	return nil
}

// AddForeignCertificates maps n new certificates of a stranger to the client, for the first administrator. It
// keeps the limit of five active ones.
func (a *Account) AddForeignCertificates(clientID string, n int) error {
	i, ok := a.s.integration(clientID)
	if !ok {
		return fmt.Errorf("integration %q: no such record; add it first", clip(clientID))
	}
	a.install(i)
	people := a.data().Employees()
	admin := slices.IndexFunc(people, func(e Employee) bool { return slices.Contains(e.Roles, company.RoleAdministrator) })
	if admin < 0 {
		return errors.New("nobody holds the Administrator role; give it to an employee")
	}
	for range n {
		cert, err := strangersCertificate(a.s.clock.Now())
		if err != nil {
			return err
		}
		m, no := a.newMapping(cert, clientID, people[admin].ID, company.RoleAdministrator)
		if no == nil {
			no = a.addMapping(m)
		}
		if no != nil {
			return errors.New(no.rule)
		}
	}
	return nil
}

func strangersCertificate(now time.Time) (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "somebody else"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// certificate finds a mapping by certificate ID.
func (a *Account) certificate(id string) *certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.certificates {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (a *Account) isRevoked(c *certificate) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return c.revoked
}

// certificateJSON is an element of the list, as a live client decodes it with unknown fields forbidden.
type certificateJSON struct {
	Application   applicationJSON `json:"application"`
	Entity        referenceJSON   `json:"entity"`
	Role          referenceJSON   `json:"role"`
	Created       string          `json:"created"`
	ValidFrom     string          `json:"valid_from"`
	ValidUntil    string          `json:"valid_until"`
	Revoked       bool            `json:"revoked"`
	CertificateID string          `json:"certificate_id"`
	Algorithm     string          `json:"algorithm"`
}

type referenceJSON struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

type applicationJSON struct {
	referenceJSON
	ApplicationID string `json:"application_id"`
}

func (s *Server) certificateJSON(c *call, m *certificate) certificateJSON {
	a := c.account
	i, _ := s.integration(m.clientID)
	record, _ := a.record(m.clientID)
	entity, _ := a.data().Employee(m.entity)
	role, _ := a.data().Role(m.role)
	link := func(path string, id int64) string {
		return fmt.Sprintf("%s%s?id=%d", c.addr.base(serviceApp, a.linkAccount(), s.fallback.id), path, id)
	}
	date := func(t time.Time) string { return t.UTC().Format(s.settings().CertDateFormat) }
	return certificateJSON{
		Application: applicationJSON{referenceJSON{record.ID, i.Name, link("/app/common/integration/integrapp.nl", record.ID)}, i.ApplicationID},
		Entity:      referenceJSON{m.entity, entity.EntityID, link("/app/common/entity/employee.nl", m.entity)},
		Role:        referenceJSON{m.role, role.Name, link("/app/setup/role.nl", m.role)},
		Created:     date(m.created), ValidFrom: date(m.validFrom), ValidUntil: date(m.validUntil),
		Revoked: a.isRevoked(m), CertificateID: m.id, Algorithm: s.algorithmValue(m),
	}
}

// algorithmValue is what the wire says of the kind of key.
func (s *Server) algorithmValue(m *certificate) string {
	values := s.settings().CertAlgorithmValues
	if m.algorithm == "RSA" {
		return values[0]
	}
	return values[1]
}

// certificateCaller authenticates a caller of the certificates endpoint, whatever its grant, and finds the client
// named in the path (H/article_92130837826).
func (s *Server) certificateCaller(c *call) (*token, Integration, *refusal) {
	t, no := s.bearer(c, scopeREST)
	if no != nil {
		return nil, Integration{}, no
	}
	if !s.managesAll(c.account, t.role) && !c.account.data().Has(t.role, s.settings().ManageOwnPermission, 1) {
		return nil, Integration{}, refuse(http.StatusForbidden, "INSUFFICIENT_PERMISSION",
			"the role needs Manage own OAuth 2.0 Client Credentials certificates (H/article_92130837826)", "")
	}
	i, ok := s.integration(c.r.PathValue("client"))
	if !ok {
		return nil, Integration{}, refuse(http.StatusNotFound, "NONEXISTENT_ID", "unknown client ID", "")
	}
	return t, i, nil
}

// onCertificateHost answers where the certificates endpoint lives, which Oracle and a live client disagree about. The bare
// address has everything.
func (s *Server) onCertificateHost(h handler) handler {
	return func(c *call) {
		if only := s.settings().CertHosts; only != "both" && c.addr.service != serviceBare && c.addr.service != service(only) {
			c.broke("wrong service: the certificates endpoint lives on " + only + " (setting cert_hosts)")
			http.NotFound(c.w, c.r)
			return
		}
		h(c)
	}
}

// managesAll: administrators and holders of OAuth 2.0 Authorized Applications Management see every mapping.
func (s *Server) managesAll(a *Account, role int64) bool {
	return a.data().Has(role, "ADMI_MANAGE_OAUTH2", 1)
}

// mayTouch tells whether the token's owner may see, make or revoke a mapping of (entity, role). "Own" is the own
// entity in any role that it holds (a guess where Oracle is silent).
func (s *Server) mayTouch(a *Account, t *token, entity, role int64) bool {
	if s.managesAll(a, t.role) {
		return true
	}
	if entity != t.entity {
		return false
	}
	e, _ := a.data().Employee(entity)
	return role == t.role || (!s.settings().CertOwnRoleOnly && slices.Contains(e.Roles, role))
}

// listCertificates answers with an array: revoked mappings stay listed.
func (s *Server) listCertificates(c *call) {
	t, i, no := s.certificateCaller(c)
	if no != nil {
		s.refuseCertificate(c, no)
		return
	}
	c.account.mu.Lock()
	all := slices.Clone(c.account.certificates)
	c.account.mu.Unlock()
	list := []certificateJSON{}
	for _, m := range all {
		own := m.entity == t.entity || s.managesAll(c.account, t.role)
		if m.clientID == i.ClientID && own {
			list = append(list, s.certificateJSON(c, m))
		}
	}
	c.met("certificates listed with a token of scope rest_webservices (H/article_92130837826)")
	s.answerCertificate(c, http.StatusOK, list)
}

// uploadCertificate maps a certificate to (client, entity, role).
func (s *Server) uploadCertificate(c *call) {
	m, no := s.readUpload(c)
	if no == nil {
		c.entry.CertificateID = m.id
		no = c.account.addMapping(m)
	}
	if no != nil {
		s.refuseCertificate(c, no)
		return
	}
	c.met("certificate uploaded: key, validity, uniqueness and the limit of five in order (H/subsect_162755332391)")
	if s.settings().CertUploadBodyEmpty {
		s.answerCertificate(c, s.settings().CertUploadStatus, struct{}{})
		return
	}
	s.answerCertificate(c, s.settings().CertUploadStatus, s.certificateJSON(c, m))
}

const maxUpload = 64 << 10

// readUpload checks the caller and the body of an upload: {"fileContent": PEM, "role": integer, "entity": integer},
// all required.
func (s *Server) readUpload(c *call) (*certificate, *refusal) {
	t, i, no := s.certificateCaller(c)
	if no != nil {
		return nil, no
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, badUpload("Content-Type must be application/json")
	}
	var body struct {
		FileContent *string `json:"fileContent"`
		Role        *int64  `json:"role"`
		Entity      *int64  `json:"entity"`
	}
	d := json.NewDecoder(io.LimitReader(c.r.Body, maxUpload))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return nil, badUpload("the body must be a JSON object of fileContent (text), role and entity (integers)")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, badUpload("the body must end after the JSON object")
	}
	if body.FileContent == nil || body.Role == nil || body.Entity == nil {
		return nil, badUpload("fileContent, role and entity are required")
	}
	return s.checkUpload(c, t, i, *body.FileContent, *body.Entity, *body.Role)
}

func (s *Server) checkUpload(c *call, t *token, i Integration, file string, entity, role int64) (*certificate, *refusal) {
	cert, err := readCertificate(file)
	if err != nil {
		return nil, badUpload("fileContent: " + err.Error())
	}
	c.entry.Entity, c.entry.Role = entity, role
	a := c.account
	if _, ok := a.data().Employee(entity); !ok {
		return nil, badUpload("entity: does not exist")
	}
	if _, ok := a.data().Role(role); !ok {
		return nil, badUpload("role: does not exist")
	}
	if !s.mayTouch(a, t, entity, role) {
		return nil, refuse(http.StatusForbidden, "INSUFFICIENT_PERMISSION", "Manage own covers the token's own entity and the roles it holds (H/article_92130837826)", "")
	}
	if !i.ClientCredentials {
		return nil, badUpload("Client Credentials (Machine to Machine) Grant is not ticked in the record")
	}
	// An upload is a first use as well (guess): the record of the M2M client may be another than the consent's.
	if r := a.install(i); r.blocks(stageAPI, s.settings().ApprovalBlocks) {
		return nil, refuse(http.StatusForbidden, "INSUFFICIENT_PERMISSION", "the integration record is "+r.State+" (H/section_4429293934)", "IntegrationBlocked")
	}
	return a.newMapping(cert, i.ClientID, entity, role)
}

func badUpload(rule string) *refusal {
	return refuse(http.StatusBadRequest, "INVALID_CONTENT", rule, "")
}

// readCertificate takes exactly one certificate in PEM.
func readCertificate(file string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(file))
	switch {
	case block == nil || !strings.HasPrefix(strings.TrimSpace(file), "-----BEGIN "):
		return nil, errors.New("want a certificate in PEM form")
	case block.Type != "CERTIFICATE":
		return nil, errors.New("want a CERTIFICATE block, not " + clip(block.Type))
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("want one certificate and nothing after it")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("the certificate is no X.509")
	}
	return cert, nil
}

// newMapping checks key and validity (H/subsect_162755332391): longer than two years is shortened, not refused.
func (a *Account) newMapping(cert *x509.Certificate, clientID string, entity, role int64) (*certificate, *refusal) {
	public, algorithm, err := publicKey(cert, !a.s.settings().RefusePSSKeys)
	if err != nil {
		return nil, badUpload(err.Error())
	}
	now := a.s.clock.Now()
	until := cert.NotAfter
	if limit := cert.NotBefore.AddDate(2, 0, 0); until.After(limit) {
		until = limit
	}
	if !now.Before(until) {
		return nil, badUpload("the certificate has expired")
	}
	m := &certificate{
		clientID: clientID, entity: entity, role: role, created: now, validFrom: cert.NotBefore, validUntil: until,
		algorithm: algorithm, public: public, thumbprint: sha256.Sum256(cert.Raw),
	}
	// The ID is the SHA-256 thumbprint of the DER form: seen in one pair of a live client.
	m.id = b64(m.thumbprint[:])
	if a.s.settings().KidRandom {
		b := make([]byte, 32)
		_, _ = rand.Read(b)
		m.id = b64(b)
	}
	return m, nil
}

// addMapping keeps the mapping unless the certificate was used before or five are active.
func (a *Account) addMapping(m *certificate) *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.certificates {
		if c.thumbprint == m.thumbprint {
			return refuse(a.s.settings().CertDuplicateStatus, "INVALID_CONTENT",
				"the certificate was uploaded before: one certificate for one integration, entity and role (H/subsect_162755332391)", "")
		}
	}
	if a.active(m.clientID, a.s.clock.Now(), a.s.settings().CertExpiredCounts) >= maxActive {
		return refuse(a.s.settings().CertLimitStatus, "INVALID_CONTENT", "five certificates of this integration are active; revoke one (H/section_158921905537)", "")
	}
	a.certificates = append(a.certificates, m)
	return nil
}

// idRSAPSS is id-RSASSA-PSS (RFC 4055), whose keys crypto/x509 leaves unread.
var idRSAPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

// publicKey takes RSA of 3072 or 4096 bits and EC of P-256, P-384 or P-521, nothing else (H/subsect_162755332391).
func publicKey(cert *x509.Certificate, allowPSS bool) (key crypto.PublicKey, algorithm string, err error) {
	public := cert.PublicKey
	if public == nil && allowPSS {
		public = pssKey(cert.RawSubjectPublicKeyInfo)
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits != 3072 && bits != 4096 {
			return nil, "", fmt.Errorf("an RSA key must have 3072 or 4096 bits, not %d (H/subsect_162755332391)", bits)
		}
		return k, "RSA", nil
	case *ecdsa.PublicKey:
		if bits := k.Curve.Params().BitSize; bits != 256 && bits != 384 && bits != 521 {
			return nil, "", fmt.Errorf("an EC key must have 256, 384 or 521 bits, not %d (H/subsect_162755332391)", bits)
		}
		return k, "EC", nil
	}
	return nil, "", errors.New("the key must be RSA or EC (H/subsect_162755332391)")
}

func pssKey(spki []byte) crypto.PublicKey {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(spki, &info); err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(idRSAPSS) {
		return nil
	}
	key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		return nil
	}
	return key
}

// revokeCertificate revokes a mapping; a revoked one cannot be revoked again (guess).
func (s *Server) revokeCertificate(c *call) {
	t, i, no := s.certificateCaller(c)
	if no != nil {
		s.refuseCertificate(c, no)
		return
	}
	id := c.r.PathValue("certificate")
	c.entry.CertificateID = id
	m := c.account.certificate(id)
	switch {
	case m == nil || m.clientID != i.ClientID:
		no = refuse(http.StatusNotFound, "NONEXISTENT_ID", "this client has no certificate with this ID", "")
	case !s.mayTouch(c.account, t, m.entity, m.role):
		no = refuse(http.StatusForbidden, "INSUFFICIENT_PERMISSION", "Manage own covers the token's own entity (H/article_92130837826)", "")
	default:
		if err := c.account.RevokeCertificate(id); err != nil {
			no = badUpload(err.Error())
		}
	}
	if no != nil {
		s.refuseCertificate(c, no)
		return
	}
	c.entry.Entity, c.entry.Role = m.entity, m.role
	c.met("certificate revoked (H/article_0209112818)")
	if s.settings().CertRevokeBodyEmpty {
		s.answerCertificate(c, http.StatusOK, struct{}{})
		return
	}
	s.answerCertificate(c, http.StatusOK, s.certificateJSON(c, m))
}

func (s *Server) answerCertificate(c *call, status int, v any) {
	if s.settings().CertVendorType {
		c.jsonAs(status, "application/vnd.oracle.resource+json", v)
		return
	}
	c.json(status, v)
}

// refuseCertificate answers in the REST shape, or in plain text, which a live client met.
func (s *Server) refuseCertificate(c *call, no *refusal) {
	if !s.settings().CertErrorsPlainText {
		c.refuseREST(no)
		return
	}
	c.noteRefusal(no)
	c.text(no.status, no.rule)
}
