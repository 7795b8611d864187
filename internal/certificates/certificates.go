// Package certificates leads one connection's key through its life: planned, uploaded, tested, active, retired.
//
// Each method is one step. It may be repeated after a crash at any point: what NetSuite already knows is
// found by listing, since the certificate ID is known before anything leaves us (RO-01). Onboarding and rotation
// call the same steps in the same order; they differ only in whose token reaches the certificates endpoint.
//
// It promises that a private key is sealed and stored before its certificate leaves, that foreign certificates are never
// touched unless a person chose one by its ID, and that a sixth certificate is never tried (RO-03).
package certificates

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// activeLimit is how many active certificates NetSuite keeps per integration record since 2026.1 (H/section_158921905537).
const activeLimit = 5

type store interface {
	Certificate(ctx context.Context, id string) (broker.Certificate, error)
	CertificatesOf(ctx context.Context, connectionID string) ([]broker.Certificate, error)
	KnownCertificates(ctx context.Context, app string) ([]broker.Certificate, error)
	SaveCertificate(ctx context.Context, c *broker.Certificate) error
	ActivateCertificate(ctx context.Context, conn *broker.Connection, c *broker.Certificate, events ...broker.Event) error
	// CheckLease is broker.ErrLeaseLost when the lease that the context is bound to has gone to somebody else.
	CheckLease(ctx context.Context) error
}

type vault interface {
	Seal(place broker.Place, plain []byte) (broker.Sealed, error)
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

type auditor interface {
	Record(ctx context.Context, line broker.AuditLine) error
}

// Service holds what the steps need. A struct literal works; Now may be nil.
type Service struct {
	Store store
	Vault vault
	Audit auditor
	Site  netsuite.Site
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	Now    func() time.Time
}

// Plan returns the connection's certificate that is under way, or makes a key and a certificate and stores both. Two that plan at
// once get the same one (RO-04).
func (s *Service) Plan(ctx context.Context, app broker.App, conn broker.Connection) (broker.Certificate, error) {
	if c, found, err := s.planned(ctx, conn); found || err != nil {
		return c, err
	}
	c, err := s.make(app, conn)
	if err != nil {
		return broker.Certificate{}, err
	}
	err = s.Store.SaveCertificate(ctx, &c)
	if errors.Is(err, broker.ErrConflict) && !errors.Is(err, broker.ErrLeaseLost) {
		if other, found, readErr := s.planned(ctx, conn); found || readErr != nil {
			return other, readErr
		}
	}
	return c, err
}

// planned is the connection's certificate that is under way.
func (s *Service) planned(ctx context.Context, conn broker.Connection) (c broker.Certificate, found bool, err error) {
	known, err := s.Store.CertificatesOf(ctx, conn.ID)
	i := slices.IndexFunc(known, func(c broker.Certificate) bool { return underWay(c.State) })
	if err != nil || i < 0 {
		return broker.Certificate{}, false, err
	}
	return known[i], true, nil
}

func underWay(state broker.CertificateState) bool {
	switch state {
	case broker.CertificatePlanned, broker.CertificateUploading, broker.CertificateUploaded, broker.CertificateTested:
		return true
	}
	return false
}

func (s *Service) make(app broker.App, conn broker.Connection) (broker.Certificate, error) {
	key, err := netsuite.GenerateKey(app.KeyAlgorithm())
	if err != nil {
		return broker.Certificate{}, err
	}
	x, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{
		CommonName: "suitekey " + conn.ID,
		Validity:   time.Duration(app.Certificate.Days) * 24 * time.Hour,
		Now:        s.now,
	})
	if err != nil {
		return broker.Certificate{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return broker.Certificate{}, err
	}
	c := broker.Certificate{
		ID: netsuite.CertificateID(x), ConnectionID: conn.ID, App: app.Name, State: broker.CertificatePlanned,
		PEM: netsuite.EncodePEM(x), NotBefore: x.NotBefore, ValidUntil: x.NotAfter, CreatedAt: s.now(),
	}
	c.NetSuiteID = c.ID
	c.Key, err = s.Vault.Seal(keyPlace(c), der)
	clear(der)
	return c, err
}

func keyPlace(c broker.Certificate) broker.Place {
	return broker.Place{Table: "certificates", Column: "key", Row: c.ID, App: c.App}
}

// Signer opens the private key of a certificate.
func (s *Service) Signer(ctx context.Context, certificateID string) (crypto.Signer, error) {
	c, err := s.Store.Certificate(ctx, certificateID)
	if err != nil {
		return nil, err
	}
	der, err := s.Vault.Open(keyPlace(c), c.Key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("private key of certificate %s: %w", c.ID, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("private key of certificate %s cannot sign", c.ID)
	}
	return signer, nil
}

// Fits reports whether the stored private key is that of the certificate. A key that does not open is an error.
func (s *Service) Fits(ctx context.Context, certificateID string) (bool, error) {
	c, err := s.Store.Certificate(ctx, certificateID)
	if err != nil {
		return false, err
	}
	x, err := parse(c.PEM)
	if err != nil {
		return false, err
	}
	key, err := s.Signer(ctx, certificateID)
	if err != nil {
		return false, err
	}
	public, comparable := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return comparable && public.Equal(x.PublicKey), nil
}

// Upload makes NetSuite know the certificate for the connection's role and entity. The caller's api carries a token that
// may do so. It lists first, so that repeating it after a lost answer adds nothing.
// Errors: *broker.CertificateLimitError, broker.ErrCertificateRevoked, and what NetSuite refused.
func (s *Service) Upload(ctx context.Context, app broker.App, conn broker.Connection, id string, api *netsuite.API) (broker.Certificate, error) {
	c, err := s.Store.Certificate(ctx, id)
	if err != nil {
		return c, err
	}
	if left(c.State) {
		return c, broker.ErrCertificateRevoked // given up meanwhile, with its key
	}
	listed, err := api.ListCertificates(ctx, app.MachineClientID())
	if err != nil {
		return c, err
	}
	if found := find(listed, c.NetSuiteID); found != nil {
		return s.uploaded(ctx, c, *found)
	}
	if err := s.makeRoom(ctx, app, api, listed); err != nil {
		return c, err
	}
	c.State = broker.CertificateUploading
	if err := s.Store.SaveCertificate(ctx, &c); err != nil {
		return c, err
	}
	x, err := parse(c.PEM)
	if err != nil {
		return c, err
	}
	uploadErr := api.UploadCertificate(ctx, app.MachineClientID(), x, conn.RoleID, conn.Entity)
	switch {
	case errors.Is(uploadErr, netsuite.ErrCertificateID):
		uploadErr = nil // it arrived, under an ID that the list will tell
	case errors.Is(uploadErr, netsuite.ErrCertificateLimit):
		return c, s.full(ctx, app, api) // somebody was faster
	case uploadErr != nil && !netsuite.IsTemporary(uploadErr):
		return c, errors.Join(uploadErr, s.record(ctx, broker.AuditCertificateUpload, c, "refused"))
	}
	return s.settle(ctx, app, conn, c, api, listed, uploadErr)
}

// settle asks NetSuite what it knows after an upload, whatever the answer to it was.
func (s *Service) settle(ctx context.Context, app broker.App, conn broker.Connection, c broker.Certificate, api *netsuite.API, before []netsuite.Certificate, uploadErr error) (broker.Certificate, error) {
	after, err := api.ListCertificates(ctx, app.MachineClientID())
	if err != nil {
		return c, errors.Join(uploadErr, err)
	}
	found := find(after, c.NetSuiteID)
	if found == nil {
		found = newcomer(before, after, conn)
	}
	if found == nil {
		if uploadErr != nil {
			return c, uploadErr
		}
		return c, fmt.Errorf("certificate %s: NetSuite accepted the upload but does not list it", c.ID)
	}
	return s.uploaded(ctx, c, *found)
}

func (s *Service) uploaded(ctx context.Context, c broker.Certificate, found netsuite.Certificate) (broker.Certificate, error) {
	if found.Revoked {
		c.State, c.Key = broker.CertificateRevoked, nil
		return c, errors.Join(broker.ErrCertificateRevoked, s.Store.SaveCertificate(ctx, &c))
	}
	if c.State == broker.CertificateUploaded || c.State == broker.CertificateTested {
		return c, nil
	}
	c.State, c.NetSuiteID = broker.CertificateUploaded, found.ID
	if !found.ValidUntil.IsZero() {
		c.ValidUntil = found.ValidUntil // NetSuite shortens what is longer than two years; its word counts
	}
	if err := s.record(ctx, broker.AuditCertificateUpload, c, "ok"); err != nil {
		return c, err
	}
	return c, s.Store.SaveCertificate(ctx, &c)
}

func find(listed []netsuite.Certificate, id string) *netsuite.Certificate {
	for i := range listed {
		if listed[i].ID == id {
			return &listed[i]
		}
	}
	return nil
}

// newcomer is the one certificate of our role and entity that was not listed before the upload. It is how a certificate is
// recognised should NetSuite ever name it by something else than its thumbprint.
func newcomer(before, after []netsuite.Certificate, conn broker.Connection) *netsuite.Certificate {
	var found *netsuite.Certificate
	for i, c := range after {
		if c.Role != conn.RoleID || c.Entity != conn.Entity || c.Revoked || find(before, c.ID) != nil {
			continue
		}
		if found != nil {
			return nil // two at once: we cannot tell which is ours
		}
		found = &after[i]
	}
	return found
}

// makeRoom keeps the number of active certificates under NetSuite's five. It may revoke only what is ours and no longer used.
func (s *Service) makeRoom(ctx context.Context, app broker.App, api *netsuite.API, listed []netsuite.Certificate) error {
	known, err := s.ours(ctx, app)
	if err != nil {
		return err
	}
	var active []netsuite.Certificate
	for _, c := range listed {
		if !c.Active(s.now()) {
			continue
		}
		if own, ok := known[c.ID]; ok && left(own.State) {
			if err := s.revoke(ctx, app, own, api); err != nil {
				return err
			}
			continue
		}
		active = append(active, c)
	}
	if len(active) < activeLimit {
		return nil
	}
	return limit(active, known)
}

// full names the certificates that are in the way.
func (s *Service) full(ctx context.Context, app broker.App, api *netsuite.API) error {
	listed, err := api.ListCertificates(ctx, app.MachineClientID())
	if err != nil {
		return err
	}
	known, err := s.ours(ctx, app)
	if err != nil {
		return err
	}
	return limit(slices.DeleteFunc(listed, func(c netsuite.Certificate) bool { return !c.Active(s.now()) }), known)
}

func limit(active []netsuite.Certificate, known map[string]broker.Certificate) error {
	e := &broker.CertificateLimitError{}
	for _, c := range active {
		_, ours := known[c.ID]
		e.Active = append(e.Active, broker.KnownCertificate{ID: c.ID, EntityName: c.EntityName, RoleName: c.RoleName, ValidUntil: c.ValidUntil, Ours: ours})
	}
	return e
}

// ours are the app's certificates that we made, by the ID that NetSuite gives them.
func (s *Service) ours(ctx context.Context, app broker.App) (map[string]broker.Certificate, error) {
	all, err := s.Store.KnownCertificates(ctx, app.Name)
	known := make(map[string]broker.Certificate, len(all))
	for _, c := range all {
		known[c.NetSuiteID] = c
	}
	return known, err
}

// left tells that we gave a certificate up and NetSuite should not have it any more.
func left(state broker.CertificateState) bool {
	return state == broker.CertificateRetiring || state == broker.CertificateRevoked
}

// Obtain gets an access token from NetSuite with the certificate's key. Whom it is for is the caller's to check.
func (s *Service) Obtain(ctx context.Context, account netsuite.AccountID, clientID string, scopes []string, id string) (*netsuite.Token, error) {
	c, err := s.Store.Certificate(ctx, id)
	if err != nil {
		return nil, err
	}
	key, err := s.Signer(ctx, id)
	if err != nil {
		return nil, err
	}
	credentials := &netsuite.ClientCredentials{
		Account: account, ClientID: clientID, CertificateID: c.NetSuiteID, Key: key,
		Scopes: scopes, Site: s.Site, HTTPClient: s.Client, Now: s.Now,
	}
	return credentials.Token(ctx)
}

// Mint is Obtain for a connection. The token is checked to be for it before it is returned (TE-03).
func (s *Service) Mint(ctx context.Context, app broker.App, conn broker.Connection, id string) (*netsuite.Token, error) {
	token, err := s.Obtain(ctx, conn.Account, app.MachineClientID(), app.MachineScopes(), id)
	if err != nil {
		return nil, err
	}
	claims, err := token.Claims()
	if err != nil {
		return nil, fmt.Errorf("access token of connection %s: %w", conn.ID, err)
	}
	if claims.Account != conn.Account || claims.Role != conn.RoleID || claims.Entity != conn.Entity {
		return nil, fmt.Errorf("access token of connection %s is for account %s, role %d, entity %d instead of %s, %d, %d",
			conn.ID, claims.Account, claims.Role, claims.Entity, conn.Account, conn.RoleID, conn.Entity)
	}
	return token, nil
}

// Prove mints a token with the new key and makes one real call with it. Only this proves a connection.
func (s *Service) Prove(ctx context.Context, app broker.App, conn broker.Connection, id string) error {
	token, err := s.Mint(ctx, app, conn, id)
	if err != nil {
		return err
	}
	api := netsuite.API{Account: conn.Account, Site: s.Site, Token: token.AccessToken, HTTPClient: s.Client}
	if _, err := api.SuiteQL(ctx, app.ProbeQuery(), 1, 0); err != nil {
		return err
	}
	c, err := s.Store.Certificate(ctx, id)
	if err != nil || c.State == broker.CertificateTested || c.State == broker.CertificateActive {
		return err
	}
	c.State = broker.CertificateTested
	return s.Store.SaveCertificate(ctx, &c)
}

// Activate lets the connection sign with the certificate from now on; the one before it becomes retiring.
func (s *Service) Activate(ctx context.Context, conn *broker.Connection, id string) error {
	c, err := s.Store.Certificate(ctx, id)
	if err != nil || (c.State == broker.CertificateActive && conn.CertificateID == id && conn.State == broker.ConnectionConnected) {
		return err
	}
	// A replacement is told in the transaction that makes it true, so that it is told once, whatever crashes.
	var news []broker.Event
	if conn.CertificateID != "" && conn.CertificateID != id {
		news = append(news, broker.NewEvent(broker.EventCertificateRotated, s.now(), conn.App, conn.ID, c.ID))
	}
	// The line comes first: a crash between the two must not lose it.
	if err := s.Audit.Record(ctx, s.line(broker.AuditConnectionActive, conn.App, conn.ID, "ok")); err != nil {
		return err
	}
	conn.State = broker.ConnectionConnected
	return s.Store.ActivateCertificate(ctx, conn, &c, news...)
}

// Retire revokes at NetSuite what the connection no longer signs with, and wipes the keys.
func (s *Service) Retire(ctx context.Context, app broker.App, conn broker.Connection, api *netsuite.API) error {
	known, err := s.Store.CertificatesOf(ctx, conn.ID)
	if err != nil {
		return err
	}
	for _, c := range known {
		if c.State != broker.CertificateRetiring {
			continue
		}
		if err := s.revoke(ctx, app, c, api); err != nil {
			return err
		}
	}
	return nil
}

// Abandon gives up a certificate that is under way: it will be revoked wherever it may have arrived.
func (s *Service) Abandon(ctx context.Context, id string) error {
	c, err := s.Store.Certificate(ctx, id)
	if err != nil || !underWay(c.State) {
		return err
	}
	if c.State == broker.CertificatePlanned {
		c.State, c.Key = broker.CertificateRevoked, nil // it never left
	} else {
		c.State = broker.CertificateRetiring
	}
	return s.Store.SaveCertificate(ctx, &c)
}

// RevokeChosen revokes a certificate that a person chose by its ID on the page SK-ONB-208, ours or not.
func (s *Service) RevokeChosen(ctx context.Context, app broker.App, certificateID string, api *netsuite.API) error {
	if err := s.revokeRemote(ctx, app, certificateID, api); err != nil {
		return err
	}
	return s.Audit.Record(ctx, s.line(broker.AuditCertificateRevoke, app.Name, certificateID, "chosen by a person"))
}

func (s *Service) revoke(ctx context.Context, app broker.App, c broker.Certificate, api *netsuite.API) error {
	// A process that was away may have a list from before: what it takes for left over may be what the next one has just replaced.
	if err := s.Store.CheckLease(ctx); err != nil {
		return err
	}
	if err := s.revokeRemote(ctx, app, c.NetSuiteID, api); err != nil {
		return err
	}
	if err := s.record(ctx, broker.AuditCertificateRevoke, c, "ok"); err != nil {
		return err
	}
	if c.State == broker.CertificateRevoked {
		return nil
	}
	c.State, c.Key = broker.CertificateRevoked, nil
	return s.Store.SaveCertificate(ctx, &c)
}

// revokeRemote revokes and, when the answer says otherwise, believes the list: gone or revoked is done.
func (s *Service) revokeRemote(ctx context.Context, app broker.App, id string, api *netsuite.API) error {
	revokeErr := api.RevokeCertificate(ctx, app.MachineClientID(), id)
	if revokeErr == nil {
		return nil
	}
	listed, err := api.ListCertificates(ctx, app.MachineClientID())
	if err != nil {
		return errors.Join(revokeErr, err)
	}
	if found := find(listed, id); found != nil && found.Active(s.now()) {
		return revokeErr
	}
	return nil
}

func parse(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("stored certificate is not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// record notes what happened at NetSuite before the state is saved: a step whose line cannot be stored is repeated, and
// finds by listing that there is nothing left to do.
func (s *Service) record(ctx context.Context, event string, c broker.Certificate, result string) error {
	return s.Audit.Record(ctx, s.line(event, c.App, c.ID, result))
}

func (s *Service) line(event, app, object, result string) broker.AuditLine {
	return broker.AuditLine{At: s.now(), Event: event, Actor: "system", App: app, Object: object, Result: result}
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
