package netsuite

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// NetSuite shortens a certificate that is valid longer than two years (H/subsect_162755332391).
const (
	day             = 24 * time.Hour
	maxValidity     = 730 * day
	defaultValidity = 729 * day
	clockAllowance  = 5 * time.Minute // the certificate begins this long ago, for clocks that are behind
	maxCommonName   = 64              // ub-common-name, RFC 5280 appendix A.1
)

// CertificateOptions are the choices for NewCertificate. The zero value is good.
type CertificateOptions struct {
	CommonName string           // for people who look at the certificate; "": "NetSuite client credentials"
	Validity   time.Duration    // from five minutes ago; 0: 729 days, at most 730
	Now        func() time.Time // nil: time.Now
}

// NewCertificate makes a self-signed certificate for key, to be uploaded to NetSuite.
func NewCertificate(key crypto.Signer, o CertificateOptions) (*x509.Certificate, error) {
	if key == nil {
		return nil, errKey
	}
	if err := CheckKey(key.Public()); err != nil {
		return nil, err
	}
	template, err := o.template()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func (o CertificateOptions) template() (*x509.Certificate, error) {
	name, validity := o.CommonName, o.Validity
	if name == "" {
		name = "NetSuite client credentials"
	}
	if validity == 0 {
		validity = defaultValidity
	}
	switch {
	case validity < 0 || validity > maxValidity:
		return nil, fmt.Errorf("certificate validity of %s must be above zero and at most 730 days, to which NetSuite shortens it", validity)
	case len(name) > maxCommonName || oneLine(name, maxCommonName) != name:
		return nil, fmt.Errorf("certificate name must be one line of at most %d bytes", maxCommonName)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	begin := timeNow(o.Now).Add(-clockAllowance)
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    begin,
		NotAfter:     begin.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

// CertificateID returns the ID under which NetSuite lists the certificate: the SHA-256 of its DER form in base64url, 43
// characters (the x5t#S256 of RFC 7515). It is known before the upload, so a lost answer can be settled by listing.
func CertificateID(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Certificate is a mapping as the certificates endpoint lists it: this certificate signs in as this entity in this role.
// What an answer leaves out, or gives in an unknown form, is zero.
type Certificate struct {
	ID                             string // the thumbprint; see CertificateID
	ApplicationID, ApplicationName string // of the integration record
	Entity, Role                   int64
	EntityName, RoleName           string
	Created, ValidFrom, ValidUntil time.Time // UTC
	Revoked                        bool
	Algorithm                      string // as NetSuite says it; the values are not documented
}

// Active reports whether the certificate counts against the five that an integration may have: neither revoked nor past
// its end. One whose end could not be read counts as active.
func (c Certificate) Active(now time.Time) bool {
	return !c.Revoked && (c.ValidUntil.IsZero() || now.Before(c.ValidUntil))
}

// ListCertificates returns the certificates of an integration record in this account that the token may see, revoked ones
// included, in NetSuite's order (H/article_11111634165).
func (a *API) ListCertificates(ctx context.Context, clientID string) ([]Certificate, error) {
	r, err := a.certificateRequest(opCertificateList, http.MethodGet, clientID, "", nil)
	if err != nil {
		return nil, err
	}
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return nil, err
	}
	if ans.status == http.StatusNoContent {
		return nil, nil
	}
	list, err := readCertificates(ans.body)
	if err != nil {
		return nil, r.unreadable(ans, "the answer is not a list of certificates: "+err.Error())
	}
	return list, nil
}

// EnsureCertificate makes NetSuite know cert for role and entity (internal IDs) of an integration record, and returns the mapping
// as it is listed. It is safe to repeat: it lists first and uploads only what is absent, and after an answer that was lost
// it lists again. Sign with the ID of the mapping, which is CertificateID(cert) as far as known.
//
// Errors beside those of ListCertificates and UploadCertificate: ErrCertificateMapping when the certificate is mapped to another
// role or entity, ErrCertificateEnded when it is listed as revoked or past its end, and ErrCertificateLimit, before anything
// is uploaded, when MaxActiveCertificates are active.
func (a *API) EnsureCertificate(ctx context.Context, clientID string, cert *x509.Certificate, role, entity int64) (Certificate, error) {
	if err := checkUpload(cert); err != nil {
		return Certificate{}, err
	}
	id := CertificateID(cert)
	before, err := a.ListCertificates(ctx, clientID)
	if err != nil {
		return Certificate{}, err
	}
	if c, found := findCertificate(before, id); found {
		return c.mappedTo(role, entity, timeNow(a.Now))
	}
	if countActive(before, timeNow(a.Now)) >= MaxActiveCertificates {
		return Certificate{}, &Error{Op: opCertificateUpload, Hint: hints[ErrCertificateLimit], Err: ErrCertificateLimit}
	}
	uploadErr := a.UploadCertificate(ctx, clientID, cert, role, entity)
	if !mayHaveArrived(uploadErr) {
		return Certificate{}, uploadErr
	}
	after, err := a.ListCertificates(ctx, clientID)
	if err != nil {
		return Certificate{}, errors.Join(uploadErr, err)
	}
	c, found := findCertificate(after, id)
	if !found && (uploadErr == nil || errors.Is(uploadErr, ErrCertificateID)) {
		c, found = newcomer(before, after, role, entity)
	}
	if !found {
		return Certificate{}, cmp.Or(uploadErr, errNotListed)
	}
	return c.mappedTo(role, entity, timeNow(a.Now))
}

var errNotListed error = &Error{
	Op: opCertificateUpload, Detail: "NetSuite accepted the certificate and does not list it", Hint: "list the certificates again in a moment", Err: ErrUnreadable,
}

// mayHaveArrived tells whether an upload that ended so may have taken effect. NetSuite answers 400 to what is listed already,
// such as by another process at the same time.
func mayHaveArrived(err error) bool {
	var e *Error
	if err == nil || errors.Is(err, ErrCertificateID) || errors.Is(err, ErrResponseLost) {
		return true
	}
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status >= http.StatusInternalServerError)
}

// newcomer is the one active mapping of role and entity that was not listed before: how an uploaded certificate is recognised
// should NetSuite not name it by its thumbprint. Two at once cannot be told apart.
func newcomer(before, after []Certificate, role, entity int64) (Certificate, bool) {
	var found []Certificate
	for _, c := range after {
		if _, old := findCertificate(before, c.ID); !old && !c.Revoked && c.Role == role && c.Entity == entity {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return Certificate{}, false
	}
	return found[0], true
}

// mappedTo returns the mapping if it is usable for role and entity. What the list leaves out is not held against it.
func (c Certificate) mappedTo(role, entity int64, now time.Time) (Certificate, error) {
	switch {
	case c.Role != 0 && c.Role != role || c.Entity != 0 && c.Entity != entity:
		return Certificate{}, &Error{
			Op: opCertificateUpload, Detail: fmt.Sprintf("the certificate %.50s is mapped to %s", c.ID, c.holder()),
			Hint: "NetSuite takes a certificate for one role and entity only; make a new key pair", Err: ErrCertificateMapping,
		}
	case !c.Active(now):
		return Certificate{}, &Error{
			Op: opCertificateUpload, Detail: fmt.Sprintf("the certificate %.50s is listed as revoked or past its end", c.ID),
			Hint: "NetSuite does not take it again; make a new key pair", Err: ErrCertificateEnded,
		}
	}
	return c, nil
}

func countActive(list []Certificate, now time.Time) int {
	active := 0
	for _, c := range list {
		if c.Active(now) {
			active++
		}
	}
	return active
}

func checkUpload(cert *x509.Certificate) error {
	if cert == nil {
		return errors.New("certificate upload: the certificate is nil; make one with NewCertificate")
	}
	if err := CheckKey(cert.PublicKey); err != nil {
		return fmt.Errorf("certificate upload: %w", err)
	}
	return nil
}

// UploadCertificate maps cert to role and entity (internal IDs) for an integration record (H/article_92130837826). It makes
// one request and does not need the answer's body; after ErrResponseLost, list and look for CertificateID(cert) before any
// second try. ErrCertificateLimit says that five certificates are active. ErrCertificateID says that the upload succeeded
// but NetSuite names the certificate in another way, found in the list. Most callers want EnsureCertificate.
func (a *API) UploadCertificate(ctx context.Context, clientID string, cert *x509.Certificate, role, entity int64) error {
	if err := checkUpload(cert); err != nil {
		return err
	}
	r, err := a.certificateRequest(opCertificateUpload, http.MethodPost, clientID, "", struct {
		Content string `json:"fileContent"`
		Role    int64  `json:"role"`
		Entity  int64  `json:"entity"`
	}{string(EncodePEM(cert)), role, entity})
	if err != nil {
		return err
	}
	ans, err := r.do(ctx, a.client())
	switch {
	case ans != nil && ans.ok():
		return r.compareID(ans, CertificateID(cert))
	case ans != nil && ans.status == http.StatusBadRequest:
		return a.explainLimit(ctx, clientID, CertificateID(cert), err)
	}
	return err
}

// compareID compares IDs where the answer has one. Its body may be empty, cut or anything else.
func (r *request) compareID(ans *answer, want string) error {
	var body struct {
		ID string `json:"certificate_id"`
	}
	if json.Unmarshal(ans.body, &body) != nil || body.ID == "" || body.ID == want {
		return nil
	}
	return &Error{
		Op: r.op, Status: ans.status, Err: ErrCertificateID,
		Detail: r.clean(fmt.Sprintf("NetSuite names the certificate %q, its thumbprint is %q", body.ID, want)),
		Hint:   "the upload succeeded; use the ID that NetSuite lists",
	}
}

// MaxActiveCertificates is how many certificates of one integration record may be active in an account, since 2026.1
// (H/section_158921905537).
const MaxActiveCertificates = 5

// explainLimit tells the sixth certificate from other refusals with 400. NetSuite's text is not documented, so the list
// decides.
func (a *API) explainLimit(ctx context.Context, clientID, certificateID string, refused error) error {
	var e *Error
	list, err := a.ListCertificates(ctx, clientID)
	if err != nil || !errors.As(refused, &e) {
		return refused
	}
	if _, duplicate := findCertificate(list, certificateID); duplicate || countActive(list, timeNow(a.Now)) < MaxActiveCertificates {
		return refused
	}
	limited := *e
	limited.Err, limited.Hint = ErrCertificateLimit, hints[ErrCertificateLimit]
	return &limited
}

// RevokeCertificate revokes a certificate of an integration record (H/article_0209112818). NetSuite refuses to revoke one
// that is revoked already; list first when that matters.
func (a *API) RevokeCertificate(ctx context.Context, clientID, certificateID string) error {
	if !certificateIDForm.MatchString(certificateID) {
		return errors.New("certificate revocation: certificate ID must be 1 to 128 letters, digits, _ or -; take it from ListCertificates")
	}
	r, err := a.certificateRequest(opCertificateRevoke, http.MethodPost, clientID, "/"+certificateID+"/revoke", struct{}{})
	if err != nil {
		return err
	}
	ans, err := r.do(ctx, a.client())
	if ans != nil && ans.ok() {
		return nil
	}
	return err
}

func (a *API) certificateRequest(op, method, clientID, rest string, body any) (*request, error) {
	if !clientIDForm.MatchString(clientID) {
		return nil, fmt.Errorf("%s: client ID must be 1 to 128 letters, digits, _ or -; copy it from the integration record", op)
	}
	service := a.CertificateService
	switch service {
	case "":
		service = ServiceSuiteTalk // what a live client uses; Oracle's samples have the other
	case "restlets":
		service = ServiceRESTlets
	case ServiceSuiteTalk, ServiceRESTlets:
	default:
		return nil, fmt.Errorf("%s: certificate service %.40q must be ServiceSuiteTalk or ServiceRESTlets", op, string(service))
	}
	return a.request(op, service, method, "/services/rest/auth/oauth2/v1/clients/"+clientID+"/certificates"+rest, nil, body)
}

// wireCertificate is an element of the list, as a live client has decoded it.
type wireCertificate struct {
	Application struct {
		ID   string `json:"application_id"`
		Name string `json:"name"`
	} `json:"application"`
	Entity     wireName    `json:"entity"`
	Role       wireName    `json:"role"`
	Created    lenientTime `json:"created"`
	ValidFrom  lenientTime `json:"valid_from"`
	ValidUntil lenientTime `json:"valid_until"`
	Revoked    lenientBool `json:"revoked"`
	ID         string      `json:"certificate_id"`
	Algorithm  string      `json:"algorithm"`
}

type wireName struct {
	ID   lenientInt `json:"id"`
	Name string     `json:"name"`
}

// readCertificates reads a bare array, which the live client has met, or one under "items" as elsewhere in NetSuite.
func readCertificates(body []byte) ([]Certificate, error) {
	var wire []wireCertificate
	if err := json.Unmarshal(body, &wire); err != nil {
		var wrapped struct {
			Items []wireCertificate `json:"items"`
		}
		if json.Unmarshal(body, &wrapped) != nil {
			return nil, err
		}
		wire = wrapped.Items
	}
	if wire == nil {
		return nil, errors.New("no array")
	}
	list := make([]Certificate, len(wire))
	for i, w := range wire {
		list[i] = Certificate{
			ID: w.ID, ApplicationID: w.Application.ID, ApplicationName: w.Application.Name,
			Entity: int64(w.Entity.ID), EntityName: w.Entity.Name, Role: int64(w.Role.ID), RoleName: w.Role.Name,
			Created: w.Created.Time, ValidFrom: w.ValidFrom.Time, ValidUntil: w.ValidUntil.Time,
			Revoked: bool(w.Revoked), Algorithm: w.Algorithm,
		}
	}
	return list, nil
}
