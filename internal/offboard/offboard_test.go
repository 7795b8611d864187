package offboard_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/offboard"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuitetest"
)

type world struct {
	*apptest.Env
	t          *testing.T
	connection string
	ask        tokens.Request
}

func connected(t *testing.T) *world {
	t.Helper()
	w := &world{Env: apptest.Start(t, apptest.Config{Ready: true, Users: true}), t: t}
	w.connect(onboard.LinkRequest{})
	var err error
	w.ask.ClientID, w.ask.Secret, err = w.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{w.connection})
	w.must(err)
	w.handOut()
	return w
}

func (w *world) connect(q onboard.LinkRequest) {
	w.t.Helper()
	q.App, q.Customer, q.Expect = apptest.AppName, "Globex Inc.", []string{apptest.Account}
	link, err := w.App.Onboard.CreateLink(w.t.Context(), q)
	w.must(err)
	_, err = w.Customer(w.t).Consent(w.t.Context(), link.URL)
	w.must(err)
	w.connection = w.Connected(w.t, link).ConnectionID
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) handOut() {
	w.t.Helper()
	_, err := w.App.Tokens.HandOut(w.t.Context(), w.ask)
	w.must(err)
}

func (w *world) end(now bool) broker.Disconnection {
	w.t.Helper()
	end, err := w.App.Offboard.Disconnect(w.t.Context(), w.connection, "operator", now)
	w.must(err)
	return end
}

// nothingLeft checks what is stored of the connection: no secret, and no way to a token.
func (w *world) nothingLeft() {
	w.t.Helper()
	certificates, err := w.App.Store.CertificatesOf(w.t.Context(), w.connection)
	w.must(err)
	for _, c := range certificates {
		if len(c.Key) != 0 {
			w.t.Errorf("the key of certificate %s is still there", c.ID)
		}
	}
	if _, err := w.App.Store.AccessToken(w.t.Context(), w.connection); !errors.Is(err, broker.ErrNotFound) {
		w.t.Errorf("the access token: %v", err)
	}
	w.refused()
}

func (w *world) refused() {
	w.t.Helper()
	refusal := new(tokens.Refusal)
	if _, err := w.App.Tokens.HandOut(w.t.Context(), w.ask); !errors.As(err, &refusal) || refusal.Reason != tokens.InvalidGrant {
		w.t.Errorf("a hand-out after the end: %v", err)
	}
}

func (w *world) active() (n int) {
	for _, c := range w.Emulator.Account(apptest.Account).Certificates() {
		if !c.Revoked {
			n++
		}
	}
	return n
}

func (w *world) record(end broker.Disconnection) offboard.Record {
	w.t.Helper()
	keys, err := w.App.Offboard.Keys(w.t.Context())
	w.must(err)
	r, err := offboard.Verify(end.Record, keys)
	w.must(err)
	return r
}

func TestDisconnect(t *testing.T) {
	w := connected(t)
	_, err := w.App.Rotate.Rotate(t.Context(), w.connection)
	w.must(err)
	end := w.end(false)
	if n := w.active(); n != 0 {
		t.Errorf("%d certificates are active at NetSuite", n)
	}
	w.nothingLeft()
	r := w.record(end)
	if len(r.Credentials) != 1 || r.Credentials[0].RevokedAt.IsZero() || r.Credentials[0].Left != "" || r.Connection != w.connection || r.Account != apptest.Account {
		t.Errorf("record %+v", r)
	}
	events, err := w.App.Store.EventsOf(t.Context(), w.connection, time.Time{})
	w.must(err)
	if last := events[len(events)-1]; last.Type != broker.EventConnectionDisconnected {
		t.Errorf("told %+v", last)
	}
	// Once more changes nothing, and asks nothing.
	before := len(w.Emulator.Ledger().Entries())
	if again := w.end(true); again.Record != end.Record || len(w.Emulator.Ledger().Entries()) != before {
		t.Error("ending it again did something")
	}
	// The account can be connected anew.
	old := w.connection
	w.connect(onboard.LinkRequest{})
	if w.connection == old {
		t.Error("the old connection came back")
	}
}

func TestDisconnectUser(t *testing.T) {
	w := &world{Env: apptest.Start(t, apptest.Config{Users: true}), t: t}
	w.connect(onboard.LinkRequest{EndUser: "u_42"})
	var err error
	w.ask.ClientID, w.ask.Secret, err = w.App.Tokens.CreateUsersClient(t.Context(), apptest.AppName, nil)
	w.must(err)
	w.ask.EndUser = "u_42"
	w.handOut()
	end := w.end(false)
	w.GrantsEnded(t, apptest.Account)
	g, err := w.App.Store.UserGrant(t.Context(), w.connection)
	if err != nil || len(g.RefreshToken) != 0 {
		t.Errorf("the refresh token is still there (%v)", err)
	}
	w.refused()
	if r := w.record(end); len(r.Credentials) != 1 || r.Credentials[0].Kind != "consent" || r.Credentials[0].RevokedAt.IsZero() {
		t.Errorf("record %+v", r)
	}
}

// NetSuite is away: nothing is handed out from the first moment, and the end comes when NetSuite is back.
func TestDisconnectWhileNetSuiteIsAway(t *testing.T) {
	w := connected(t)
	back := w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Account: apptest.Account})
	if end := w.end(false); !end.EndedAt.IsZero() || end.Record != "" || end.Acts[0].Problem == "" {
		t.Errorf("it ended without NetSuite: %+v", end)
	}
	w.refused()
	before := len(w.Emulator.Ledger().Entries())
	for range 120 { // two hours
		w.Clock.Advance(time.Minute)
		w.Emulator.Clock().Advance(time.Minute)
		w.must(w.App.WorkOnce(t.Context()))
	}
	if asked := len(w.Emulator.Ledger().Entries()) - before; asked == 0 || asked > 10 {
		t.Errorf("NetSuite was asked %d times in two hours of maintenance", asked)
	}
	back()
	for range 7 * 60 {
		w.Clock.Advance(time.Minute)
		w.Emulator.Clock().Advance(time.Minute)
	}
	w.must(w.App.WorkOnce(t.Context()))
	end, err := w.App.Offboard.Record(t.Context(), w.connection)
	w.must(err)
	if end.EndedAt.IsZero() || w.active() != 0 {
		t.Errorf("NetSuite is back, but: %+v", end)
	}
	w.nothingLeft()
}

// What NetSuite does not revoke is named with the way to it: after a week, at once by wish, and at once when it refuses.
func TestDisconnectSaysWhatIsLeft(t *testing.T) {
	week := func(w *world) broker.Disconnection {
		w.end(false)
		w.Clock.Advance(8 * 24 * time.Hour)
		w.must(w.App.WorkOnce(w.t.Context()))
		end, err := w.App.Offboard.Record(w.t.Context(), w.connection)
		w.must(err)
		return end
	}
	for name, c := range map[string]struct {
		fault func(w *world)
		end   func(w *world) broker.Disconnection
	}{
		"away for a week": {func(w *world) {
			w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Account: apptest.Account})
		}, week},
		"away, at once": {func(w *world) {
			w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Account: apptest.Account})
		}, func(w *world) broker.Disconnection { return w.end(true) }},
		"refused": {func(w *world) { w.must(w.Emulator.Account(apptest.Account).BlockIntegration(w.Client.ClientID)) }, func(w *world) broker.Disconnection { return w.end(false) }},
		"right lost": {func(w *world) {
			w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Status: http.StatusForbidden, Path: "/certificates"})
		}, func(w *world) broker.Disconnection { return w.end(false) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := connected(t)
			c.fault(w)
			end := c.end(w)
			w.nothingLeft()
			r := w.record(end)
			if len(r.Credentials) != 1 || !r.Credentials[0].RevokedAt.IsZero() || r.Credentials[0].Problem == "" ||
				!strings.Contains(r.Credentials[0].Left, "OAuth 2.0 Client Credentials (M2M) Setup") || !strings.Contains(r.Credentials[0].Left, r.Credentials[0].ID) {
				t.Errorf("record %+v", r)
			}
		})
	}
}

func TestDisconnectRefuses(t *testing.T) {
	w := connected(t)
	for _, id := range []string{"", "co_none", "'; DROP TABLE connections; --", strings.Repeat("x", 100_000)} {
		if _, err := w.App.Offboard.Disconnect(t.Context(), id, "operator", true); broker.CodeOf(err) != broker.CodeNotFound {
			t.Errorf("%.30q: %v", id, err)
		}
		if _, err := w.App.Offboard.Record(t.Context(), id); broker.CodeOf(err) != broker.CodeNotFound {
			t.Errorf("record of %.30q: %v", id, err)
		}
	}
	w.handOut()
}

func TestVerifyRefuses(t *testing.T) {
	w := connected(t)
	end := w.end(true)
	keys, err := w.App.Offboard.Keys(t.Context())
	w.must(err)
	parts := strings.Split(end.Record, ".")
	encode := base64.RawURLEncoding.EncodeToString
	foreignKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	sign := func(kid, kind string, key any, alg jose.SignatureAlgorithm) string {
		options := (&jose.SignerOptions{}).WithHeader("kid", kid)
		if kind != "" {
			options = options.WithType(jose.ContentType(kind))
		}
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
		w.must(err)
		signed, err := s.Sign([]byte(`{"connection":"co_x"}`))
		w.must(err)
		text, err := signed.CompactSerialize()
		w.must(err)
		return text
	}
	var set jose.JSONWebKeySet
	w.must(json.Unmarshal(keys, &set))
	ours := set.Keys[0].KeyID
	for name, record := range map[string]string{
		"empty": "", "text": "hello", "huge": strings.Repeat("a", 2<<20), "dots": strings.Repeat(".", 100_000),
		"tampered":     parts[0] + "." + encode([]byte(`{"connection":"co_other"}`)) + "." + parts[2],
		"no signature": parts[0] + "." + parts[1] + ".",
		"alg none":     encode([]byte(`{"alg":"none","kid":"`+ours+`"}`)) + "." + parts[1] + ".",
		"foreign key":  sign("foreign", "suitekey-record+jwt", foreignKey, jose.ES256), "foreign key, our name": sign(ours, "suitekey-record+jwt", foreignKey, jose.ES256),
		"public key as a secret": sign(ours, "suitekey-record+jwt", keys, jose.HS256), "another type": sign(ours, "JWT", foreignKey, jose.ES256),
	} {
		if _, err := offboard.Verify(record, keys); broker.CodeOf(err) != broker.CodeInvalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if _, err := offboard.Verify(end.Record, []byte("{")); broker.CodeOf(err) != broker.CodeInvalid {
		t.Errorf("a broken key set: %v", err)
	}
}

// Node.js, which shares no code with us, finds the record genuine by the keys at their public address.
func TestRecordIsVerifiedByNode(t *testing.T) {
	w := connected(t)
	end := w.end(false)
	res, err := http.Get(w.Home.JoinPath(".well-known/suitekey-records.json").String())
	w.must(err)
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "application/jwk-set+json" {
		t.Fatalf("%s %s", res.Status, kind)
	}
	var set json.RawMessage
	w.must(json.NewDecoder(res.Body).Decode(&set))
	folder := t.TempDir()
	w.must(os.WriteFile(filepath.Join(folder, "keys.json"), set, 0o600))
	w.must(os.WriteFile(filepath.Join(folder, "record.jws"), []byte(end.Record), 0o600))
	script := `
const crypto = require('node:crypto'), fs = require('node:fs');
const [head, body, sig] = fs.readFileSync('record.jws', 'utf8').trim().split('.');
const kid = JSON.parse(Buffer.from(head, 'base64url')).kid;
const jwk = JSON.parse(fs.readFileSync('keys.json')).keys.find(k => k.kid === kid);
const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
const good = crypto.verify('sha256', Buffer.from(head + '.' + body), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(sig, 'base64url'));
process.stdout.write(good + ' ' + JSON.parse(Buffer.from(body, 'base64url')).connection);`
	node := exec.Command("node", "-e", script)
	node.Dir = folder
	out, err := node.CombinedOutput()
	if err != nil || string(out) != "true "+w.connection {
		t.Errorf("node says %q, %v", out, err)
	}
}
