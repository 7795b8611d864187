package profile

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/account"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Connect describes a machine's connection: NetSuite is used without a person, by the Client Credentials Grant.
type Connect struct {
	Name     string
	Account  netsuite.AccountID // empty: the administrator chooses in NetSuite
	Emulator string
	// Consent is the record that the administrator consents to for setting up; ClientID that of the machine, often the same.
	Consent  Record
	ClientID string
	Scopes   []string
	// Role is a role by script ID, Entity the internal ID of the user that holds it; 0 when only one does.
	Role   string
	Entity int64
	// Key is the algorithm of a key that is made and sealed here; KeyURI names one in a PKCS#11 token instead.
	Key    netsuite.KeyAlgorithm
	KeyURI string
	Days   int // of the certificate; 0: as long as NetSuite takes
}

// Progress is told of each step when it is done.
type Progress func(step, detail string)

// Connect sets up a machine's connection: consent, role and user, key, upload, test. The consent is ended in any case. When it was
// broken off, the same call goes on where it was, with the same key.
func (f Folder) Connect(ctx context.Context, o Connect, browse Browse, done Progress) (_ Profile, err error) {
	s, err := f.draft(ctx, Profile{
		Name: o.Name, Kind: broker.KindMachine, Account: o.Account, Emulator: o.Emulator, ClientID: o.ClientID, Scopes: o.Scopes,
	})
	if err != nil {
		return Profile{}, err
	}
	if s.Connected() {
		return s.Profile, broker.Errorf(broker.CodeAlreadyConnected, "connection %s is there already", o.Name).
			WithDo("A new certificate: suitekey certs rotate --connection " + o.Name + ". Another connection: choose another name.")
	}
	if err := s.settle(ctx); err != nil { // of an earlier try
		return Profile{}, err
	}
	defer func() {
		if endErr := s.settle(ctx); endErr != nil {
			err = errors.Join(err, endErr)
		} else if err == nil {
			done("end", "the permission for setting up is ended")
		}
	}()
	got, err := s.consent(ctx, o.Consent, []string{"rest_webservices"}, o.Account, browse)
	if err != nil {
		return Profile{}, err
	}
	done("consent", fmt.Sprintf("account %s, by %s", got.who.Account, name(got.who.Person, got.who.Entity)))
	if err := s.actAs(ctx, o, got, done); err != nil {
		return Profile{}, err
	}
	next, err := s.plan(ctx, o)
	if err != nil {
		return Profile{}, err
	}
	done("key", "certificate "+next.id)
	if err := s.introduce(ctx, got.api, next, done); err != nil {
		return Profile{}, err
	}
	return s.Profile, nil
}

func name(text string, id int64) string {
	if text == "" {
		return fmt.Sprint(id)
	}
	return text
}

// actAs finds the role and the user that the connection will act as, and keeps them with the account.
func (s *Session) actAs(ctx context.Context, o Connect, got consented, done Progress) error {
	role, err := chooseRole(ctx, got.api, o.Role)
	if err != nil {
		return err
	}
	holders, err := account.Holders(ctx, got.api, role.ID)
	if err != nil {
		return err
	}
	holder, err := chooseHolder(role, holders, o.Entity)
	if err != nil {
		return err
	}
	done("role", fmt.Sprintf("%s (%s), held by %s", role.Name, role.ScriptID, holder.Name))
	return s.change(ctx, func() { s.Account, s.Role, s.Entity, s.Scopes = got.who.Account, role.ID, holder.Entity, o.Scopes })
}

func chooseRole(ctx context.Context, api *netsuite.API, scriptID string) (account.Role, error) {
	if scriptID == "" {
		return account.Role{}, whichRole(ctx, api)
	}
	role, found, err := account.RoleByScriptID(ctx, api, scriptID)
	switch {
	case err != nil:
		return role, err
	case !found:
		return role, broker.Errorf(broker.CodeBundleMissing, "role %.80q: there is none with this script ID in the account", scriptID).WithDo("Install the bundle that brings it, or see Setup > Users/Roles > Manage Roles.")
	case role.Inactive:
		return role, broker.Errorf(broker.CodeBundleMissing, "role %q is inactive", role.Name).WithDo("Make it active at Setup > Users/Roles > Manage Roles.")
	case role.ID == account.Administrator:
		return role, tooStrong(role) // ON-12
	}
	may, err := account.Permissions(ctx, api, role.ID)
	if _, kernel := may[account.Kernel]; err == nil && kernel {
		return role, tooStrong(role)
	}
	return role, err
}

func tooStrong(role account.Role) error {
	return broker.Errorf(broker.CodeRoleTooStrong, "role %q may do nearly everything, and whoever gets at this machine could then, too", role.Name).WithDo("Make a role with the permissions that are needed, and give its script ID with --role.")
}

// whichRole names the roles that could be meant.
func whichRole(ctx context.Context, api *netsuite.API) error {
	custom, err := account.CustomRoles(ctx, api)
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range custom[:min(len(custom), 10)] {
		ids = append(ids, r.ScriptID)
	}
	do := "Make a role with the permissions that are needed at Setup > Users/Roles > Manage Roles, then give its script ID with --role."
	if len(ids) > 0 {
		do = "Run the command again with --role and one of: " + strings.Join(ids, ", ")
	}
	return broker.Errorf(broker.CodeInvalid, "flag --role: the script ID of the role that the connection acts as is missing").WithDo(do)
}

func chooseHolder(role account.Role, holders []broker.Holder, entity int64) (broker.Holder, error) {
	var names []string
	for _, h := range holders {
		if h.Entity == entity || entity == 0 && len(holders) == 1 {
			return h, nil
		}
		names = append(names, fmt.Sprintf("%d (%s)", h.Entity, h.Name))
	}
	switch {
	case len(holders) == 0:
		return broker.Holder{}, broker.Errorf(broker.CodeHolder, "nobody holds the role %q", role.Name).WithDo("Give it to one user at Lists > Employees > Employees > (user) > Access > Roles, then run the command again.")
	case entity != 0:
		return broker.Holder{}, broker.Errorf(broker.CodeHolder, "flag --entity: %d does not hold the role %q", entity, role.Name).WithDo("It is held by: " + strings.Join(names, ", "))
	}
	return broker.Holder{}, broker.Errorf(broker.CodeHolder, "several users hold the role %q", role.Name).WithDo("Run the command again with --entity and one of: " + strings.Join(names, ", "))
}

// planned is a key whose certificate is being brought to NetSuite.
type planned struct {
	nextKey
	id     string
	cert   *x509.Certificate
	signer crypto.Signer
}

// plan makes the key and its certificate, and stores both before anything leaves; or takes those of an earlier try.
func (s *Session) plan(ctx context.Context, o Connect) (planned, error) {
	if s.secrets.Next == nil {
		next, err := s.make(ctx, o)
		if err != nil {
			return planned{}, err
		}
		if err := s.change(ctx, func() { s.secrets.Next = &next }); err != nil {
			return planned{}, err
		}
	}
	p := planned{nextKey: *s.secrets.Next}
	var err error
	if p.cert, err = netsuite.ParseCertificate([]byte(p.Certificate)); err != nil {
		return p, err
	}
	p.id = netsuite.CertificateID(p.cert)
	p.signer, err = s.folder.signer(ctx, p.Key, p.KeyURI)
	return p, err
}

func (s *Session) make(ctx context.Context, o Connect) (nextKey, error) {
	next := nextKey{KeyURI: o.KeyURI, Old: s.CertificateID}
	key, err := s.newKey(ctx, o, &next)
	if err != nil {
		return next, err
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{
		CommonName: "suitekey " + s.Name, Validity: time.Duration(o.Days) * 24 * time.Hour, Now: s.folder.now,
	})
	if err != nil {
		return next, err
	}
	next.Certificate = string(netsuite.EncodePEM(cert))
	return next, nil
}

func (s *Session) newKey(ctx context.Context, o Connect, next *nextKey) (crypto.Signer, error) {
	if o.KeyURI != "" {
		return s.folder.Hardware(ctx, o.KeyURI)
	}
	key, err := netsuite.GenerateKey(o.Key)
	if err != nil {
		return nil, err
	}
	pem, err := netsuite.EncodePrivateKeyPEM(key)
	next.Key = pem.Reveal()
	return key, err
}

// introduce makes NetSuite know the certificate, proves it by a token and a call, and only then lets the profile use it.
func (s *Session) introduce(ctx context.Context, api *netsuite.API, next planned, done Progress) error {
	mapping, err := api.EnsureCertificate(ctx, s.ClientID, next.cert, s.Role, s.Entity)
	if errors.Is(err, netsuite.ErrCertificateEnded) {
		err = errors.Join(err, s.change(ctx, func() { s.secrets.Next = nil })) // the next try makes a new key
	}
	if err != nil {
		return err
	}
	done("upload", "NetSuite knows it until "+mapping.ValidUntil.UTC().Format("2 January 2006"))
	c := &netsuite.ClientCredentials{
		Account: s.Account, ClientID: s.ClientID, CertificateID: mapping.ID, Key: next.signer, Scopes: s.Scopes, Site: s.site, HTTPClient: s.folder.Client, Now: s.folder.Now,
	}
	token, err := c.Token(ctx)
	if err == nil {
		err = prove(ctx, c.API())
	}
	if err != nil {
		return fmt.Errorf("test the new certificate: %w", err)
	}
	done("test", "a token and a call with the new key")
	s.tokens = nil // they are the old certificate's
	return s.change(ctx, func() {
		if next.Old != "" {
			s.secrets.Retiring = append(s.secrets.Retiring, next.Old)
		}
		s.CertificateID, s.Certificate, s.ValidUntil, s.KeyURI = mapping.ID, next.Certificate, mapping.ValidUntil, next.KeyURI
		s.secrets.Key, s.secrets.Token, s.secrets.Next = next.Key, keep(token), nil
	})
}

// prove makes one call. Releases before 2025.2 do not tell the time, and a token for RESTlets alone may not ask it.
func prove(ctx context.Context, api *netsuite.API) error {
	_, err := api.ServerTime(ctx)
	if errors.Is(err, netsuite.ErrNotFound) {
		_, err = api.SuiteQL(ctx, "SELECT 1 AS ok FROM dual", 1, 0)
	}
	return err
}
