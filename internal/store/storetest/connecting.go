package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/netsuite"
)

// accountOf gives each connection of a test an account of its own.
func accountOf(connection string) netsuite.AccountID { return netsuite.AccountID("ACCT_" + connection) }

func testConnections(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	_, err := db.Connection(ctx, "con_1")
	wantErr(t, err, broker.ErrNotFound)

	c := broker.Connection{
		ID: "con_2", App: "acme", LinkID: "link", Customer: "Globex", Metadata: map[string]string{"tenant": "42"}, Account: "1234567",
		Kind: broker.KindMachine, State: broker.ConnectionPending, RoleID: 1066, RoleName: "Acme Sync", Entity: 34, EntityName: "Bot",
		CertificateID: "cert", ConcurrencyLimit: 15,
	}
	must(t, db.SaveConnection(ctx, &c))
	wantEqual(t, get(db.Connection(ctx, "con_2"))(t), c)
	wantEqual(t, get(db.ConnectionByAccount(ctx, "acme", "1234567"))(t), c)
	_, err = db.ConnectionByAccount(ctx, "other", "1234567")
	wantErr(t, err, broker.ErrNotFound)

	clock.Add(time.Minute)
	later := broker.Connection{ID: "con_1", App: "acme", Account: "7654321"}
	foreign := broker.Connection{ID: "con_3", App: "other", Account: "1234567"}
	must(t, db.SaveConnection(ctx, &later))
	must(t, db.SaveConnection(ctx, &foreign))
	wantEqual(t, get(db.Connections(ctx, "acme"))(t), []broker.Connection{c, later})
	wantEqual(t, get(db.Connections(ctx, ""))(t), []broker.Connection{c, later, foreign})

	c.State = broker.ConnectionConnected
	must(t, db.SaveConnection(ctx, &c))
	if !c.UpdatedAt.Equal(kept(start.Add(time.Minute))) || !c.CreatedAt.Equal(kept(start)) {
		t.Errorf("created %v, updated %v", c.CreatedAt, c.UpdatedAt)
	}
	wantEqual(t, get(db.Connection(ctx, "con_2"))(t), c)
}

// Each lookup by account finds that account alone; only the lookup by company finds its relatives, and no strangers.
func testTE04Families(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	byAccount := map[netsuite.AccountID]broker.Connection{}
	for _, account := range []netsuite.AccountID{"1234567", "1234567_SB1", "1234567_SB10", "1234567_RP", "1234567_SBX", "12345678_SB1", "234567", "1234567X"} {
		c := broker.Connection{ID: "con_" + account.HostLabel(), App: "acme", Account: account, Kind: broker.KindMachine, State: broker.ConnectionConnected}
		must(t, db.SaveConnection(ctx, &c))
		byAccount[account] = c
	}
	foreign := broker.Connection{ID: "con_foreign", App: "other", Account: "1234567_SB1", Kind: broker.KindMachine, State: broker.ConnectionConnected}
	must(t, db.SaveConnection(ctx, &foreign))

	for account, c := range byAccount {
		wantEqual(t, get(db.ConnectionByAccount(ctx, "acme", account))(t), c)
	}
	for _, other := range []netsuite.AccountID{"1234567-SB1", "1234567_sb1", "1234567_SB2", "1234567_SB", "1234567_", "1234567%", ""} {
		_, err := db.ConnectionByAccount(ctx, "acme", other)
		wantErr(t, err, broker.ErrNotFound)
	}
	family := []broker.Connection{byAccount["1234567"], byAccount["1234567_RP"], byAccount["1234567_SB1"], byAccount["1234567_SB10"]}
	wantEqual(t, get(db.ConnectionsOfCompany(ctx, "acme", "1234567"))(t), family)
	wantEqual(t, get(db.ConnectionsOfCompany(ctx, "", "1234567"))(t), append(family, foreign))
	wantEqual(t, get(db.ConnectionsOfCompany(ctx, "acme", "12345678"))(t), []broker.Connection{byAccount["12345678_SB1"]})
	for _, other := range []netsuite.AccountID{"1234567_SB1", "123456", "%", "'", "", "\x00"} {
		if found := get(db.ConnectionsOfCompany(ctx, "acme", other))(t); len(found) != 0 {
			t.Errorf("relatives of %q: %v", other, found)
		}
	}

	// The end of one leaves the others.
	gone := byAccount["1234567_SB1"]
	gone.State = broker.ConnectionDisconnected
	must(t, db.SaveConnection(ctx, &gone))
	_, err := db.ConnectionByAccount(ctx, "acme", "1234567_SB1")
	wantErr(t, err, broker.ErrNotFound)
	wantEqual(t, get(db.ConnectionByAccount(ctx, "acme", "1234567"))(t), byAccount["1234567"])
}

func testOneLiveConnection(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	won, lost := atOnce(t, 8, func(i int) error {
		return db.SaveConnection(ctx, &broker.Connection{ID: fmt.Sprint("con_", i), App: "acme", Account: "1234567", State: broker.ConnectionPending})
	})
	if won != 1 || lost != 7 {
		t.Fatalf("%d connections to one account were made and %d refused, want 1 and 7", won, lost)
	}
	live := get(db.ConnectionByAccount(ctx, "acme", "1234567"))(t)
	live.State = broker.ConnectionDisconnected
	must(t, db.SaveConnection(ctx, &live))
	_, err := db.ConnectionByAccount(ctx, "acme", "1234567")
	wantErr(t, err, broker.ErrNotFound)

	next := broker.Connection{ID: "con_next", App: "acme", Account: "1234567", State: broker.ConnectionConnected}
	must(t, db.SaveConnection(ctx, &next))
	wantEqual(t, get(db.ConnectionByAccount(ctx, "acme", "1234567"))(t), next)
	live.State = broker.ConnectionConnected
	wantErr(t, db.SaveConnection(ctx, &live), broker.ErrConflict)
}

func testCertificates(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	saveConnection(t, db, "con_1")
	saveConnection(t, db, "con_2")
	c := broker.Certificate{
		ID: "thumb-2", ConnectionID: "con_1", App: "acme", State: broker.CertificatePlanned,
		NetSuiteID: "thumb-1-listed", PEM: []byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"), Key: broker.Sealed{0, 0xfe}, NotBefore: kept(start), ValidUntil: kept(start.AddDate(2, 0, 0)),
	}
	must(t, db.SaveCertificate(ctx, &c))
	wantEqual(t, get(db.Certificate(ctx, "thumb-2"))(t), c)
	_, err := db.Certificate(ctx, "thumb-1")
	wantErr(t, err, broker.ErrNotFound)

	clock.Add(time.Minute)
	later := saveCertificate(t, db, "thumb-1", "con_1", broker.CertificateActive)
	other := saveCertificate(t, db, "thumb-3", "con_2", broker.CertificateActive)
	wantEqual(t, get(db.CertificatesOf(ctx, "con_1"))(t), []broker.Certificate{c, later})
	wantEqual(t, get(db.KnownCertificates(ctx, "acme"))(t), []broker.Certificate{c, later, other})
	wantEqual(t, get(db.KnownCertificates(ctx, "other"))(t), []broker.Certificate(nil))

	c.State, c.Key = broker.CertificateRevoked, nil
	must(t, db.SaveCertificate(ctx, &c))
	wantEqual(t, get(db.Certificate(ctx, "thumb-2"))(t), c)
	if err := db.SaveCertificate(ctx, &broker.Certificate{ID: "thumb-4", ConnectionID: "nowhere"}); err == nil {
		t.Error("a certificate of a connection that does not exist was stored")
	}
}

func testDueCertificates(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	saveConnection(t, db, "con_1")
	add := func(id string, state broker.CertificateState, from time.Time, life time.Duration) broker.Certificate {
		t.Helper()
		c := broker.Certificate{ID: id, ConnectionID: "con_1", App: "acme", State: state, NetSuiteID: id, NotBefore: kept(from), ValidUntil: kept(from.Add(life))}
		must(t, db.SaveCertificate(ctx, &c))
		return c
	}
	const year = 365 * 24 * time.Hour
	first := add("first", broker.CertificateActive, start, year)
	second := add("second", broker.CertificateActive, start, 2*year)
	add("retiring", broker.CertificateRetiring, start, year)
	young := add("young", broker.CertificateActive, start.Add(year), 2*year)
	wantEqual(t, get(db.ActiveCertificates(ctx))(t), []broker.Certificate{first, second, young})
	shortened := add("shortened", broker.CertificateActive, start.Add(2*year), 4*year)
	shortened.ValidUntil = kept(start.Add(3*year + time.Hour)) // NetSuite's word came with the upload
	must(t, db.SaveCertificate(ctx, &shortened))
	for _, tt := range []struct {
		at    time.Time
		limit int
		want  []broker.Certificate
	}{
		{start, 10, nil},
		{first.RotateAt().Add(-time.Second), 10, nil},
		{first.RotateAt(), 10, []broker.Certificate{first}},
		{second.RotateAt(), 10, []broker.Certificate{first, second}},
		{second.RotateAt(), 1, []broker.Certificate{first}},
		{shortened.RotateAt().Add(-time.Second), 3, []broker.Certificate{first, second, young}},
		{shortened.RotateAt(), 4, []broker.Certificate{first, second, young, shortened}},
	} {
		wantEqual(t, get(db.DueCertificates(ctx, "rotate", tt.at, tt.limit))(t), tt.want)
	}
}

func testActivateCertificate(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	connection := saveConnection(t, db, "con_1")
	saveConnection(t, db, "con_2")
	old := saveCertificate(t, db, "old", "con_1", broker.CertificateActive)
	revoked := saveCertificate(t, db, "revoked", "con_1", broker.CertificateRevoked)
	foreign := saveCertificate(t, db, "foreign", "con_2", broker.CertificateActive)
	fresh := saveCertificate(t, db, "fresh", "con_1", broker.CertificateTested)

	must(t, db.ActivateCertificate(ctx, &connection, &fresh))
	if connection.CertificateID != "fresh" || connection.State != broker.ConnectionConnected || fresh.State != broker.CertificateActive {
		t.Errorf("the records given do not show it: %+v, %+v", connection, fresh)
	}
	wantEqual(t, get(db.Connection(ctx, "con_1"))(t), connection)
	wantEqual(t, get(db.Certificate(ctx, "fresh"))(t), fresh)
	retiring := get(db.Certificate(ctx, "old"))(t)
	saveCertificate(t, db, "given up", "con_2", broker.CertificateRetiring) // its connection is still pending
	wantEqual(t, get(db.RetiringCertificates(ctx, "retire", start, retiring.UpdatedAt))(t), []broker.Certificate{retiring})
	wantEqual(t, get(db.RetiringCertificates(ctx, "retire", start, retiring.UpdatedAt.Add(-time.Millisecond)))(t), []broker.Certificate(nil))
	wantEqual(t, get(db.Certificate(ctx, "revoked"))(t), revoked)
	wantEqual(t, get(db.Certificate(ctx, "foreign"))(t), foreign)
	if got := get(db.Certificate(ctx, "old"))(t); got.State != broker.CertificateRetiring || got.Version != old.Version+1 {
		t.Errorf("the old certificate is %s with version %d, want retiring with version %d", got.State, got.Version, old.Version+1)
	}
}

func testActivateCertificateRefused(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	connection := saveConnection(t, db, "con_1")
	old := saveCertificate(t, db, "old", "con_1", broker.CertificateActive)
	fresh := saveCertificate(t, db, "fresh", "con_1", broker.CertificateTested)

	stale := fresh
	stale.Version = 9
	wantErr(t, db.ActivateCertificate(ctx, &connection, &stale), broker.ErrConflict)
	staleConnection := connection
	staleConnection.Version = 9
	wantErr(t, db.ActivateCertificate(ctx, &staleConnection, &fresh), broker.ErrConflict)
	foreign := saveConnection(t, db, "con_2")
	if err := db.ActivateCertificate(ctx, &foreign, &fresh); err == nil {
		t.Error("a certificate was activated for another connection")
	}
	if connection.State != broker.ConnectionPending || fresh.State != broker.CertificateTested {
		t.Error("a refusal changed the records given")
	}
	wantEqual(t, get(db.Connection(ctx, "con_1"))(t), connection)
	wantEqual(t, get(db.CertificatesOf(ctx, "con_1"))(t), []broker.Certificate{fresh, old})
}

func testAccessTokens(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	saveConnection(t, db, "con_1")
	_, err := db.AccessToken(ctx, "con_1")
	wantErr(t, err, broker.ErrNotFound)
	must(t, db.DeleteAccessToken(ctx, "con_1"))

	token := broker.AccessToken{ConnectionID: "con_1", CertificateID: "cert", Token: broker.Sealed{1, 0, 2}, MintedAt: kept(start), ExpiresAt: kept(start.Add(time.Hour))}
	must(t, db.SaveAccessToken(ctx, &token))
	wantEqual(t, get(db.AccessToken(ctx, "con_1"))(t), token)
	wantErr(t, db.SaveAccessToken(ctx, &broker.AccessToken{ConnectionID: "con_1"}), broker.ErrConflict)
	token.Token = broker.Sealed("newer")
	must(t, db.SaveAccessToken(ctx, &token))
	wantEqual(t, get(db.AccessToken(ctx, "con_1"))(t), token)

	must(t, db.DeleteAccessToken(ctx, "con_1"))
	_, err = db.AccessToken(ctx, "con_1")
	wantErr(t, err, broker.ErrNotFound)
	wantErr(t, db.SaveAccessToken(ctx, &token), broker.ErrConflict)
}

func testClients(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	for _, id := range []string{"con_1", "con_2", "con_3"} {
		saveConnection(t, db, id)
	}
	client := broker.Client{ID: "cli_2", App: "acme", Connections: []string{"con_1", "con_3"}, SecretHashes: []string{"a", "b"}}
	must(t, db.SaveClient(ctx, &client))
	wantEqual(t, get(db.Client(ctx, "cli_2"))(t), client)
	_, err := db.Client(ctx, "unknown")
	wantErr(t, err, broker.ErrNotFound)

	clock.Add(time.Second)
	bare := broker.Client{ID: "cli_1", App: "acme"}
	must(t, db.SaveClient(ctx, &bare))
	foreign := broker.Client{ID: "cli_3", App: "other", Connections: []string{"con_1"}}
	must(t, db.SaveClient(ctx, &foreign))
	wantEqual(t, get(db.Clients(ctx, "acme"))(t), []broker.Client{client, bare})
	wantEqual(t, get(db.Clients(ctx, ""))(t), []broker.Client{client, bare, foreign})

	client.Connections, client.SecretHashes, client.RevokedAt = []string{"con_2", "con_2"}, nil, kept(start)
	must(t, db.SaveClient(ctx, &client))
	client.Connections = []string{"con_2"}
	wantEqual(t, get(db.Client(ctx, "cli_2"))(t), client)

	refused := client
	refused.Connections = []string{"con_1", "nowhere"}
	if err := db.SaveClient(ctx, &refused); err == nil {
		t.Error("a client of a connection that does not exist was stored")
	}
	wantEqual(t, get(db.Client(ctx, "cli_2"))(t), client)
}
