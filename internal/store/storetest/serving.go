package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
)

func testLeases(t *testing.T, opener Opener) {
	clock := newClock()
	cfg := store.Config{Now: clock.Now}
	db, replica, ctx := opener(t, cfg), opener(t, cfg), t.Context()
	acquire := func(db *store.DB, holder string) (broker.Lease, bool) {
		t.Helper()
		lease, ok, err := db.AcquireLease(ctx, "rotate:con_1", holder, time.Minute)
		must(t, err)
		return lease, ok
	}

	a, ok := acquire(db, "a")
	if want := (broker.Lease{Name: "rotate:con_1", Holder: "a", Fence: 1, Until: kept(start.Add(time.Minute))}); !ok || a != want {
		t.Fatalf("first lease is %+v, %v; want %+v", a, ok, want)
	}
	if b, ok := acquire(replica, "b"); ok || b != (broker.Lease{}) {
		t.Errorf("a lease that is held was taken: %+v", b)
	}
	clock.Add(30 * time.Second)
	if again, ok := acquire(db, "a"); !ok || again.Fence != 1 || !again.Until.Equal(kept(start.Add(90*time.Second))) {
		t.Errorf("extended lease is %+v, %v", again, ok)
	}
	clock.Add(time.Minute)
	b, ok := acquire(replica, "b")
	if !ok || b.Fence != 2 {
		t.Errorf("lease after the end is %+v, %v; want fence 2", b, ok)
	}
	wantErr(t, db.ReleaseLease(ctx, a), broker.ErrConflict)
	if _, ok := acquire(db, "a"); ok {
		t.Error("a late release gave somebody else's lease away")
	}
	must(t, replica.ReleaseLease(ctx, b))
	if a, ok = acquire(db, "a"); !ok || a.Fence != 3 {
		t.Errorf("lease after a release is %+v, %v; want fence 3", a, ok)
	}
	must(t, db.ReleaseLease(ctx, a))
	if a, ok = acquire(db, "a"); !ok || a.Fence != 4 {
		t.Errorf("lease taken again is %+v, %v; want fence 4", a, ok)
	}
	for _, bad := range []struct {
		name, holder string
		ttl          time.Duration
	}{{"", "a", time.Minute}, {"x", "", time.Minute}, {"x", "a", 0}, {"x", "a", -time.Minute}} {
		if _, ok, err := db.AcquireLease(ctx, bad.name, bad.holder, bad.ttl); ok || err == nil {
			t.Errorf("AcquireLease(%q, %q, %v) = %v, %v; want an error", bad.name, bad.holder, bad.ttl, ok, err)
		}
	}
}

func testLeaseAtOnce(t *testing.T, opener Opener) {
	db := open(t, opener)
	taken, refused := atOnce(t, 16, func(i int) error {
		_, ok, err := db.AcquireLease(t.Context(), "lease", fmt.Sprint("holder-", i), time.Minute)
		if err == nil && !ok {
			return broker.ErrConflict
		}
		return err
	})
	if taken != 1 || refused != 15 {
		t.Errorf("%d holders took one lease and %d did not, want 1 and 15", taken, refused)
	}
}

func testAudit(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	_, err := db.AuditHead(ctx)
	wantErr(t, err, broker.ErrNotFound)
	groups := []broker.AuditGroup{
		{Seq: 1, At: kept(start), Hash: "h1", Lines: []byte(`[{"event":"a"}]`)},
		{Seq: 2, At: kept(start), Prev: "h1", Hash: "h2", Lines: []byte(`[{"event":"ü\u0000"}]`)},
		{Seq: 3, At: kept(start), Prev: "h2", Hash: "h3", Lines: []byte(`[]`)},
	}
	for i := range groups {
		must(t, db.AppendAudit(ctx, &groups[i]))
	}
	wantEqual(t, get(db.AuditHead(ctx))(t), groups[2])
	wantEqual(t, get(db.AuditGroups(ctx, 0, 100))(t), groups)
	wantEqual(t, get(db.AuditGroups(ctx, 1, 1))(t), groups[1:2])
	wantEqual(t, get(db.AuditGroups(ctx, 3, 100))(t), []broker.AuditGroup(nil))

	wantErr(t, db.AppendAudit(ctx, &broker.AuditGroup{Seq: 3, Prev: "other", Hash: "x"}), broker.ErrConflict)
	wantErr(t, db.AppendAudit(ctx, &broker.AuditGroup{Seq: 4, Prev: "h2", Hash: "x"}), broker.ErrConflict)
	wantEqual(t, get(db.AuditGroups(ctx, 0, 100))(t), groups)
}

func testAuditAtOnce(t *testing.T, opener Opener) {
	first, second := open(t, opener), open(t, opener)
	won, lost := atOnce(t, 10, func(i int) error {
		group := broker.AuditGroup{Seq: 1, Hash: fmt.Sprint(i), Lines: []byte("[]")}
		return []*store.DB{first, second}[i%2].AppendAudit(t.Context(), &group)
	})
	if won != 1 || lost != 9 {
		t.Errorf("%d first groups were stored and %d refused, want 1 and 9", won, lost)
	}
}

func testKeyring(t *testing.T, opener Opener) {
	db, replica, ctx := open(t, opener), open(t, opener), t.Context()
	wantEqual(t, get(db.Keyring(ctx))(t), []broker.KeyringRow(nil))
	won, lost := atOnce(t, 6, func(i int) error {
		row := broker.KeyringRow{N: 1, MasterKeyID: "abc", Mode: "live", Wrapped: []byte{0, 1}, Check: broker.Sealed{2}}
		return []*store.DB{db, replica}[i%2].AddKeyring(ctx, &row)
	})
	if won != 1 || lost != 5 {
		t.Errorf("%d first rows were stored and %d refused, want 1 and 5", won, lost)
	}
	second := broker.KeyringRow{N: 2, MasterKeyID: "def", Mode: "live", Wrapped: []byte{3}, Check: broker.Sealed{4}}
	must(t, db.AddKeyring(ctx, &second))
	wantEqual(t, get(replica.Keyring(ctx))(t), []broker.KeyringRow{
		{N: 1, MasterKeyID: "abc", Mode: "live", Wrapped: []byte{0, 1}, Check: broker.Sealed{2}, CreatedAt: kept(start)}, second,
	})
}

// A database that holds sealed values but no keyring has lost its keys; making new ones would hide that (VA-03).
func testKeyringRefusedBesideData(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	refuse := func(what string) {
		t.Helper()
		if err := db.AddKeyring(ctx, &broker.KeyringRow{N: 1}); broker.CodeOf(err) != broker.CodeTampered {
			t.Errorf("a first keyring row beside %s: %v, want %s", what, err, broker.CodeTampered)
		}
		wantEqual(t, get(db.Keyring(ctx))(t), []broker.KeyringRow(nil))
	}

	app := broker.App{Name: "acme", ClientSecret: broker.Sealed("s")}
	must(t, db.SaveApp(ctx, &app))
	refuse("a client secret")
	app.ClientSecret = nil
	must(t, db.SaveApp(ctx, &app))

	saveRun(t, db, "run_1")
	grant := broker.Grant{ID: "gra_1", RunID: "run_1", Verifier: broker.Sealed("v")}
	must(t, db.SaveGrant(ctx, &grant))
	refuse("a verifier")
	grant.Verifier = nil
	must(t, db.SaveGrant(ctx, &grant))

	saveConnection(t, db, "con_1")
	certificate := saveCertificate(t, db, "cert", "con_1", broker.CertificatePlanned)
	refuse("a private key")
	certificate.Key = nil
	must(t, db.SaveCertificate(ctx, &certificate))

	must(t, db.SaveAccessToken(ctx, &broker.AccessToken{ConnectionID: "con_1", Token: broker.Sealed("t")}))
	refuse("an access token")
	must(t, db.DeleteAccessToken(ctx, "con_1"))

	for column, endpoint := range map[string]broker.Endpoint{
		"url": {URL: broker.Sealed("u")}, "secret": {Secret: broker.Sealed("s")}, "old secret": {OldSecret: broker.Sealed("o")},
	} {
		endpoint.ID = "ep_1"
		must(t, db.SaveEndpoint(ctx, &endpoint))
		refuse("the " + column + " of an endpoint")
		must(t, db.RemoveEndpoint(ctx, endpoint))
	}
	must(t, db.AddKeyring(ctx, &broker.KeyringRow{N: 1}))
}
