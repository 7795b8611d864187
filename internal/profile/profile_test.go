package profile

import (
	"context"
	"crypto"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// The judge of these tests is the emulator: its ledger, and what it knows of certificates and permissions.

const (
	globex = netsuite.AccountID("1234567")
	admin  = "admin@globex.example"
	robot  = "integration@globex.example"
	acme   = "customrole_acme_sync"
	bundle = 123456
	atHome = "https://localhost:8765/callback"
)

type world struct {
	t       *testing.T
	server  *netsuitetest.Server
	account *netsuitetest.Account
	app     netsuitetest.Integration
	folder  Folder
	clock   time.Duration
	steps   []string
}

func newWorld(t *testing.T, edit func(*netsuitetest.Integration)) *world {
	t.Helper()
	w := &world{t: t, server: netsuitetest.Start(t)}
	w.account = w.server.Account(string(globex))
	app := netsuitetest.Integration{
		Name: "Acme Sync", RedirectURIs: []string{atHome}, Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, ClientCredentials: true, Public: true,
		RefreshHours: 48, RotationHours: 720,
	}
	if edit != nil {
		edit(&app)
	}
	w.app = must(w.server.AddIntegration(app))
	if err := errors.Join(w.account.InstallBundle(bundle), w.account.AssignRole(robot, acme)); err != nil {
		t.Fatal(err)
	}
	key := vault.NewMasterKey()
	w.folder = Folder{
		Path: filepath.Join(t.TempDir(), "connections"),
		Key:  func(string) (MasterKey, error) { return key, nil },
		Now:  func() time.Time { return time.Now().Add(w.clock) },
	}
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// allow is the administrator at NetSuite's pages.
func (w *world) allow(_ context.Context, address string) (url.Values, error) {
	return w.as(admin, "administrator", address)
}

func (w *world) as(email, role, address string) (url.Values, error) {
	back, err := w.account.Consent(address, email, role)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(back)
	return u.Query(), err
}

func (w *world) record() Record {
	return Record{ClientID: w.app.ClientID, ClientSecret: netsuite.NewSecret(w.app.ClientSecret), RedirectURI: atHome}
}

func (w *world) wanted() Connect {
	return Connect{
		Name: "acme", Account: globex, Emulator: w.server.Addr(), Consent: w.record(), ClientID: w.app.ClientID,
		Scopes: []string{"rest_webservices"}, Role: acme, Key: netsuite.P256,
	}
}

func (w *world) note(step, _ string) { w.steps = append(w.steps, step) }

func (w *world) connect() *Session {
	w.t.Helper()
	if _, err := w.folder.Connect(w.t.Context(), w.wanted(), w.allow, w.note); err != nil {
		w.t.Fatal(err)
	}
	return must(w.folder.Open("acme"))
}

// advance moves the clocks of the profile and of NetSuite.
func (w *world) advance(d time.Duration) {
	w.clock += d
	w.server.Clock().Advance(d)
}

func (w *world) count(pathEnd string) int {
	n := 0
	for _, e := range w.server.Ledger().Entries() {
		if e.Method == http.MethodPost && strings.HasSuffix(e.Path, pathEnd) {
			n++
		}
	}
	return n
}

// broken are the requests that NetSuite refused.
func (w *world) broken() (broken []string) {
	for _, e := range w.server.Ledger().Entries() {
		if !e.OK {
			broken = append(broken, e.Method+" "+e.Path+": "+e.Rule)
		}
	}
	return broken
}

// permissionsEnded wants that nobody can use a consent for setting up any more.
func (w *world) permissionsEnded() {
	w.t.Helper()
	for _, g := range w.account.Grants() {
		if g.ClientID == w.app.ClientID && g.State == "live" {
			w.t.Errorf("a permission for setting up was not ended: %+v", g)
		}
	}
}

func TestConnect(t *testing.T) {
	w := newWorld(t, nil)
	s := w.connect()
	if got, want := strings.Join(w.steps, " "), "consent role key upload test end"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	if page, err := s.API().SuiteQL(t.Context(), "SELECT id FROM customer ORDER BY id", 5, 0); err != nil || page.Count != 5 {
		t.Errorf("query: %v, %v", page, err)
	}
	if n := w.account.ActiveCertificates(w.app.ClientID); n != 1 {
		t.Errorf("%d active certificates, want 1", n)
	}
	w.permissionsEnded()
	if b := w.broken(); len(b) > 0 {
		t.Errorf("NetSuite refused %q", b)
	}
	// A second time it is there already.
	_, err := w.folder.Connect(t.Context(), w.wanted(), w.allow, w.note)
	if broker.CodeOf(err) != broker.CodeAlreadyConnected {
		t.Errorf("again: %v, want CodeAlreadyConnected", err)
	}
}

// What is refused leaves no certificate and no permission.
func TestConnectRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		edit   func(*world, *Connect)
		browse func(*world) Browse
		want   broker.Code
	}{
		"the administrator denies": {browse: func(*world) Browse {
			return func(_ context.Context, address string) (url.Values, error) {
				u := must(url.Parse(address))
				return url.Values{"error": {"access_denied"}, "state": {u.Query().Get("state")}}, nil
			}
		}},
		"another account": {edit: func(_ *world, o *Connect) { o.Account = "7654321" }, want: broker.CodeWrongAccount},
		"another state": {browse: func(w *world) Browse {
			return func(ctx context.Context, address string) (url.Values, error) {
				q, err := w.allow(ctx, address)
				q.Set("state", netsuite.NewState())
				return q, err
			}
		}, want: broker.CodeContinue},
		"half an address": {browse: func(*world) Browse {
			return func(context.Context, string) (url.Values, error) { return url.Values{"code": {"1"}}, nil }
		}, want: broker.CodeInvalid},
		"no role":             {edit: func(_ *world, o *Connect) { o.Role = "" }, want: broker.CodeInvalid},
		"unknown role":        {edit: func(_ *world, o *Connect) { o.Role = "customrole_other' OR 1=1 --" }, want: broker.CodeBundleMissing},
		"Administrator":       {edit: func(_ *world, o *Connect) { o.Role = "administrator" }, want: broker.CodeRoleTooStrong},
		"inactive role":       {edit: func(w *world, _ *Connect) { must(0, w.account.SetRoleInactive(acme, true)) }, want: broker.CodeBundleMissing},
		"held by nobody":      {edit: func(w *world, _ *Connect) { must(0, w.account.UnassignRole(robot, acme)) }, want: broker.CodeHolder},
		"held by several":     {edit: func(w *world, _ *Connect) { must(0, w.account.AssignRole(admin, acme)) }, want: broker.CodeHolder},
		"held by another":     {edit: func(_ *world, o *Connect) { o.Entity = 99999 }, want: broker.CodeHolder},
		"core administration": {edit: func(w *world, _ *Connect) { must(0, w.account.SetPermission(acme, "ADMI_KERNEL", 4)) }, want: broker.CodeRoleTooStrong},
		"malicious name":      {edit: func(_ *world, o *Connect) { o.Name = "../acme" }, want: broker.CodeInvalid},
		"a server's name":     {edit: func(_ *world, o *Connect) { o.Name = "co_abcdefghijklmnop" }, want: broker.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			o, browse := w.wanted(), Browse(w.allow)
			if tt.edit != nil {
				tt.edit(w, &o)
			}
			if tt.browse != nil {
				browse = tt.browse(w)
			}
			_, err := w.folder.Connect(t.Context(), o, browse, w.note)
			if err == nil || tt.want != "" && broker.CodeOf(err) != tt.want {
				t.Errorf("%v, want code %s", err, tt.want)
			}
			if n := w.account.ActiveCertificates(w.app.ClientID); n != 0 {
				t.Errorf("%d certificates were uploaded", n)
			}
			w.permissionsEnded()
			if _, err := w.folder.Open("acme"); err == nil {
				t.Error("there is a connection")
			}
		})
	}
}

// A first try of which nothing came keeps nobody from another one under the same name.
func TestConnectBeginsAnew(t *testing.T) {
	w := newWorld(t, nil)
	o := w.wanted()
	o.Consent.ClientID, o.ClientID = strings.Repeat("9", 64), strings.Repeat("9", 64)
	if _, err := w.folder.Connect(t.Context(), o, w.allow, w.note); err == nil {
		t.Fatal("an unknown client was connected")
	}
	w.connect()
	if _, err := w.folder.Connect(t.Context(), o, w.allow, w.note); broker.CodeOf(err) != broker.CodeConflict {
		t.Errorf("another client under the name of a connection: %v, want CodeConflict", err)
	}
}

// killed makes the NetSuite of a folder go away at the n-th outward call: before it leaves, or after NetSuite has answered.
type killed struct {
	base  http.RoundTripper
	at    int
	after bool
	calls int
	dead  bool
}

var errKilled = errors.New("killed")

func (k *killed) RoundTrip(r *http.Request) (*http.Response, error) {
	k.calls++
	if k.dead || k.calls == k.at && !k.after {
		k.dead = true
		return nil, errKilled
	}
	res, err := k.base.RoundTrip(r)
	if k.calls == k.at && err == nil {
		k.dead = true
		_ = res.Body.Close()
		return nil, errKilled
	}
	return res, err
}

// Whatever call connecting or rotating is broken off at, before or after NetSuite did it, the same command ends with one working
// certificate and no permission left.
func TestConnectAndRotateBrokenOffAnywhere(t *testing.T) {
	before := netsuite.DefaultGovernor
	t.Cleanup(func() { netsuite.DefaultGovernor = before })
	for _, job := range []string{"connect", "rotate"} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				w := newWorld(t, nil)
				if job == "rotate" {
					w.connect()
				}
				k := &killed{at: at, after: after, base: must(w.site()).Transport(globex)}
				w.folder.Client = func(netsuite.AccountID) *http.Client { return &http.Client{Transport: k} }
				netsuite.DefaultGovernor = &netsuite.Governor{Tries: 1} // the process has no time to try again
				err := w.do(job)
				netsuite.DefaultGovernor = &netsuite.Governor{} // of the next process
				if k.calls < at {
					if at < 6 {
						t.Fatalf("%s makes %d calls only", job, k.calls)
					}
					break
				}
				w.folder.Client = nil
				again := w.do(job)
				if job == "connect" && broker.CodeOf(again) == broker.CodeAlreadyConnected {
					again = nil
				}
				if again != nil {
					t.Fatalf("%s, killed at call %d (after: %v) with %v: again: %v", job, at, after, err, again)
				}
				s := must(w.folder.Open("acme"))
				if _, err := s.API().ServerTime(t.Context()); err != nil {
					t.Errorf("%s, killed at %d (after: %v): %v", job, at, after, err)
				}
				if n := w.account.ActiveCertificates(w.app.ClientID); n != 1 {
					t.Errorf("%s, killed at %d (after: %v): %d active certificates, want 1", job, at, after, n)
				}
				if err := s.settle(t.Context()); err != nil {
					t.Error(err)
				}
				w.permissionsEnded()
			}
		}
	}
}

func (w *world) site() (netsuite.Site, error) { return netsuite.EmulatorSite(w.server.Addr()) }

func (w *world) do(job string) error {
	if job == "connect" {
		_, err := w.folder.Connect(w.t.Context(), w.wanted(), w.allow, w.note)
		return err
	}
	s, err := w.folder.Open("acme")
	if err == nil {
		_, err = s.Rotate(w.t.Context(), netsuite.P256, "", 0, w.note)
	}
	return err
}

func TestRotate(t *testing.T) {
	w := newWorld(t, nil)
	old := w.connect()
	w.steps = nil
	r, err := old.Rotate(t.Context(), netsuite.P384, "", 100, w.note)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(w.steps, " "), "key upload test switch revoke"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	s := must(w.folder.Open("acme"))
	if r.Old == s.CertificateID || s.ValidUntil.After(time.Now().AddDate(0, 0, 101)) {
		t.Errorf("rotated %+v, want another certificate of 100 days", r)
	}
	w.advance(2 * time.Hour)
	if _, err := s.API().ServerTime(t.Context()); err != nil {
		t.Error(err)
	}
	if n := w.account.ActiveCertificates(w.app.ClientID); n != 1 {
		t.Errorf("%d active certificates, want 1", n)
	}
}

// Twenty processes that share a profile ask NetSuite once for each hour.
func TestTokensAreShared(t *testing.T) {
	w := newWorld(t, nil)
	w.connect()
	asked := w.count("/oauth2/v1/token")
	for hour := range 3 {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := must(w.folder.Open("acme")).Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := w.count("/oauth2/v1/token") - asked; n != hour {
			t.Errorf("hour %d: %d requests for a token, want %d", hour, n, hour)
		}
		w.advance(time.Hour)
	}
}

func TestLogin(t *testing.T) {
	for _, public := range []bool{true, false} {
		w := newWorld(t, func(i *netsuitetest.Integration) { i.Public = public })
		o := Login{Name: "me", Account: globex, Emulator: w.server.Addr(), Record: w.record(), Scopes: []string{"rest_webservices"}, RotationHours: 720}
		if _, err := w.folder.Login(t.Context(), o, w.allow); err != nil {
			t.Fatal(err)
		}
		for range 3 { // refreshes, by processes that come one after the other and at once
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					if _, err := must(w.folder.Open("me")).API().ServerTime(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			w.advance(time.Hour)
		}
		if n := w.count("/oauth2/v1/token"); n != 3 {
			t.Errorf("public %v: %d requests for a token, want the exchange and two refreshes", public, n)
		}
		if b := w.broken(); len(b) > 0 {
			t.Errorf("NetSuite refused %q", b)
		}
		if life, err := must(w.folder.Open("me")).Lifetime(); err != nil || life.ConsentBy.IsZero() {
			t.Errorf("lifetime %v, %v", life, err)
		}
		// Once more: the new consent takes the place of the old one, which is ended.
		if _, err := w.folder.Login(t.Context(), o, w.allow); err != nil {
			t.Fatal(err)
		}
		if _, err := must(w.folder.Open("me")).API().ServerTime(t.Context()); err != nil {
			t.Error(err)
		}
		open := 0
		for _, g := range w.account.Grants() {
			if g.ClientID == w.app.ClientID && g.State == "live" {
				open++
			}
		}
		if open != 1 {
			t.Errorf("public %v: %d consents are in force, want 1", public, open)
		}
	}
}

// A refresh whose answer was lost is never sent again; the person is asked.
func TestRO09_LoginWhoseRefreshWasLost(t *testing.T) {
	w := newWorld(t, nil)
	o := Login{Name: "me", Account: globex, Emulator: w.server.Addr(), Record: w.record(), Scopes: []string{"rest_webservices"}}
	if _, err := w.folder.Login(t.Context(), o, w.allow); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	k := &killed{at: 1, after: true, base: must(w.site()).Transport(globex)}
	w.folder.Client = func(netsuite.AccountID) *http.Client { return &http.Client{Transport: k} }
	for range 2 { // in the process that lost it, and in the next
		if _, err := must(w.folder.Open("me")).Token(t.Context()); broker.CodeOf(err) != broker.CodeBroken {
			t.Errorf("%v, want CodeBroken", err)
		}
	}
	if n := w.count("/oauth2/v1/token"); n != 2 {
		t.Errorf("%d requests for a token, want the exchange and one refresh", n)
	}
}

func TestFilesAreStrictAndSealed(t *testing.T) {
	w := newWorld(t, nil)
	w.connect()
	path := filepath.Join(w.folder.Path, "acme.json")
	whole := must(os.ReadFile(path))
	if info := must(os.Stat(path)); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	for _, secret := range []string{"PRIVATE KEY", "eyJ"} {
		if strings.Contains(string(whole), secret) {
			t.Errorf("the file shows a secret: %s", secret)
		}
	}
	replace := func(old, new string) []byte { return []byte(strings.Replace(string(whole), old, new, 1)) }
	for name, content := range map[string][]byte{
		"empty":             nil,
		"cut":               whole[:len(whole)/2],
		"huge":              make([]byte, 2<<20),
		"another file":      []byte("name: acme\n"),
		"unknown key":       replace(`"kind"`, `"kinds"`),
		"more behind":       append(append([]byte{}, whole...), "{}"...),
		"another account":   replace(`"1234567"`, `"7654321"`),
		"a bad account":     replace(`"1234567"`, `"evil.example/"`),
		"another client":    replace(w.app.ClientID, strings.Repeat("a", 64)),
		"another emulator":  replace(w.server.Addr(), "127.0.0.1:1"),
		"the real NetSuite": replace(`"emulator": "`+w.server.Addr()+`",`, ``),
		"a flipped bit":     replace(`"sealed": "`, `"sealed": "A`),
	} {
		must(0, os.WriteFile(path, content, 0o600))
		if _, err := w.folder.Open("acme"); err == nil {
			t.Errorf("%s: was opened", name)
		}
	}
	must(0, os.WriteFile(path, whole, 0o600))
	must(0, os.Rename(path, filepath.Join(w.folder.Path, "other.json")))
	if _, err := w.folder.Open("other"); broker.CodeOf(err) != broker.CodeTampered {
		t.Errorf("a renamed file: %v, want CodeTampered", err)
	}
	must(0, os.Chmod(filepath.Join(w.folder.Path, "other.json"), 0o644))
	if _, err := w.folder.Open("other"); broker.CodeOf(err) != broker.CodeConfig {
		t.Errorf("a file that others may read: %v, want CodeConfig", err)
	}
	if err := w.folder.Remove(t.Context(), "missing"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestKeyInAToken(t *testing.T) {
	w := newWorld(t, nil)
	key := must(netsuite.GenerateKey(netsuite.P256))
	w.folder.Hardware = func(_ context.Context, uri string) (crypto.Signer, error) {
		if uri != "pkcs11:token=acme;object=one" {
			return nil, fs.ErrNotExist
		}
		return key, nil
	}
	o := w.wanted()
	o.KeyURI = "pkcs11:token=acme;object=one"
	if _, err := w.folder.Connect(t.Context(), o, w.allow, w.note); err != nil {
		t.Fatal(err)
	}
	s := must(w.folder.Open("acme"))
	if s.secrets.Key != "" || s.KeyURI != o.KeyURI {
		t.Errorf("the profile keeps a key (%v) beside the token's %q", s.secrets.Key != "", s.KeyURI)
	}
	w.advance(time.Hour)
	if _, err := s.Token(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Rotate(t.Context(), netsuite.P256, "", 0, w.note); broker.CodeOf(err) != broker.CodeInvalid {
		t.Errorf("rotating without a new key: %v, want CodeInvalid", err)
	}
}
