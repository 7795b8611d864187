package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
)

func testConnectionKinds(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	machine := broker.Connection{ID: "con_m", App: "acme", Account: "1234567", Kind: broker.KindMachine, State: broker.ConnectionConnected}
	ann := broker.Connection{ID: "con_ann", App: "acme", Account: "1234567", Kind: broker.KindUser, EndUser: "ann", State: broker.ConnectionConnected}
	bob := broker.Connection{ID: "con_bob", App: "acme", Account: "1234567", Kind: broker.KindUser, EndUser: "bob", State: broker.ConnectionPending}
	sandbox := broker.Connection{ID: "con_sb", App: "acme", Account: "1234567_SB1", Kind: broker.KindUser, EndUser: "ann", State: broker.ConnectionConnected}
	for _, c := range []*broker.Connection{&machine, &ann, &bob, &sandbox} {
		must(t, db.SaveConnection(ctx, c))
	}
	wantErr(t, db.SaveConnection(ctx, &broker.Connection{ID: "con_x", App: "acme", Account: "1234567", Kind: broker.KindUser, EndUser: "ann"}), broker.ErrConflict)
	wantEqual(t, get(db.ConnectionByAccount(ctx, "acme", "1234567"))(t), machine)
	wantEqual(t, get(db.ConnectionsOfUser(ctx, "acme", "ann"))(t), []broker.Connection{ann, sandbox})
	if found := get(db.ConnectionsOfUser(ctx, "acme", ""))(t); len(found) != 0 {
		t.Errorf("a machine connection is nobody's: %v", found)
	}

	link := broker.Link{ID: "ol", TokenHash: "hash", App: "acme", Connects: broker.KindUser, EndUser: "ann", ConnectionID: "con_ann", Token: broker.Sealed{7}}
	must(t, db.SaveLink(ctx, &link))
	wantEqual(t, get(db.Link(ctx, "ol"))(t), link)
	must(t, db.SaveLink(ctx, &broker.Link{ID: "ol_new", TokenHash: "hash2", App: "acme"}))
	wantEqual(t, get(db.LinksOfConnection(ctx, "con_ann"))(t), []broker.Link{link})
	late := broker.Link{ID: "ol_late", TokenHash: "hash3", App: "acme", ExpiresAt: kept(start)}
	must(t, db.SaveLink(ctx, &late))
	if early := get(db.ExpiredLinks(ctx, kept(start.Add(-time.Second)), 10))(t); slices.Contains(early, late.ID) {
		t.Error("expired before its time")
	}
	if due := get(db.ExpiredLinks(ctx, start, 10))(t); !slices.Contains(due, late.ID) {
		t.Errorf("expired links: %v", due)
	}
	late.ExpiryToldAt = kept(start)
	told := broker.NewEvent(broker.EventLinkExpired, kept(start), "acme", "", late.ID)
	must(t, db.SaveLink(ctx, &late, told))
	wantEqual(t, get(db.Link(ctx, late.ID))(t), late)
	wantEqual(t, get(db.Event(ctx, told.ID))(t), told)
	if due := get(db.ExpiredLinks(ctx, start, 10))(t); slices.Contains(due, late.ID) {
		t.Error("told twice")
	}
	if found := get(db.LinksOfConnection(ctx, ""))(t); len(found) != 0 {
		t.Errorf("a link for a new connection repairs none: %v", found)
	}
}

func testEvents(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	saveConnection(t, db, "con_1")
	early := broker.NewEvent(broker.EventConnectionDegraded, kept(start), "acme", "con_1", "con_1")
	early.Cause, early.Detail = broker.CauseThrottled, "NetSuite limits the requests"
	late := broker.NewEvent(broker.EventConnectionRecovered, kept(start.Add(time.Hour)), "acme", "con_1", "con_1")
	foreign := broker.NewEvent(broker.EventConnectionRecovered, kept(start), "acme", "con_2", "con_2")
	must(t, db.SaveEvents(ctx, late, early, foreign))
	wantEqual(t, get(db.EventsOf(ctx, "con_1", start.Add(-time.Hour)))(t), []broker.Event{early, late})
	wantEqual(t, get(db.EventsOf(ctx, "con_1", start.Add(time.Minute)))(t), []broker.Event{late})
	wantEqual(t, get(db.Event(ctx, early.ID))(t), early)

	// A change that is refused tells nothing.
	lost := broker.NewEvent(broker.EventConnectionDisconnected, kept(start), "acme", "con_1", "con_1")
	stale := get(db.Connection(ctx, "con_1"))(t)
	stale.Version--
	wantErr(t, db.SaveConnection(ctx, &stale, lost), broker.ErrConflict)
	_, err := db.Event(ctx, lost.ID)
	wantErr(t, err, broker.ErrNotFound)

	told := get(db.Connection(ctx, "con_1"))(t)
	must(t, db.SaveConnection(ctx, &told, lost))
	wantEqual(t, get(db.Event(ctx, lost.ID))(t), lost)
}

func testHealth(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	saveConnection(t, db, "con_1")
	saveConnection(t, db, "con_2")
	_, err := db.Health(ctx, "con_1")
	wantErr(t, err, broker.ErrNotFound)

	h := broker.Health{
		ConnectionID: "con_1", App: "acme", State: broker.HealthDegraded, Cause: broker.CauseThrottled, Since: kept(start), Failures: 2,
		ProbeAt:      kept(start.Add(time.Minute)),
		Evidence:     broker.Evidence{At: kept(start), Op: "token", Status: 429, Error: "x", Detail: "y"},
		RepairLinkID: "ol_1",
	}
	told := broker.NewEvent(broker.EventConnectionDegraded, kept(start), "acme", "con_1", "con_1")
	must(t, db.SaveHealth(ctx, &h, told))
	wantEqual(t, get(db.Health(ctx, "con_1"))(t), h)
	wantEqual(t, get(db.HealthOfApp(ctx, "acme"))(t), []broker.Health{h})
	wantEqual(t, get(db.HealthOfApp(ctx, ""))(t), []broker.Health{h})
	wantEqual(t, get(db.Event(ctx, told.ID))(t), told)

	stale := h
	h.Failures++
	must(t, db.SaveHealth(ctx, &h))
	again := broker.NewEvent(broker.EventConnectionDegraded, kept(start), "acme", "con_1", "con_1")
	wantErr(t, db.SaveHealth(ctx, &stale, again), broker.ErrConflict)
	_, err = db.Event(ctx, again.ID)
	wantErr(t, err, broker.ErrNotFound)

	// Only connected connections are probed.
	if due := get(db.DueProbes(ctx, start.Add(time.Hour), 10))(t); len(due) != 0 {
		t.Errorf("a pending connection is due: %v", due)
	}
	c := get(db.Connection(ctx, "con_1"))(t)
	c.State = broker.ConnectionConnected
	must(t, db.SaveConnection(ctx, &c))
	wantEqual(t, get(db.DueProbes(ctx, start.Add(time.Hour), 10))(t), []string{"con_1"})
	if due := get(db.DueProbes(ctx, start, 10))(t); len(due) != 0 {
		t.Errorf("due before its time: %v", due)
	}
	h.State, h.Cause, h.ProbeAt = broker.HealthOK, "", time.Time{}
	must(t, db.SaveHealth(ctx, &h))
	if due := get(db.DueProbes(ctx, start.Add(time.Hour), 10))(t); len(due) != 0 {
		t.Errorf("a healthy connection is due: %v", due)
	}
}

func testUserGrants(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	for _, id := range []string{"con_1", "con_2"} {
		saveConnection(t, db, id)
		c := get(db.Connection(ctx, id))(t)
		c.State = broker.ConnectionConnected
		must(t, db.SaveConnection(ctx, &c))
	}
	g := broker.UserGrant{ConnectionID: "con_1", App: "acme", Public: true, RefreshToken: broker.Sealed{1, 2}}
	g.Begin(kept(start), kept(start.Add(48*time.Hour)), kept(start.Add(168*time.Hour)))
	g.SentAt = kept(start)
	must(t, db.SaveUserGrant(ctx, &g))
	wantEqual(t, get(db.UserGrant(ctx, "con_1"))(t), g)
	weekly := broker.UserGrant{ConnectionID: "con_2", App: "acme"}
	weekly.Begin(kept(start), kept(start.Add(2*time.Hour)), kept(start.Add(2*time.Hour)))
	must(t, db.SaveUserGrant(ctx, &weekly))

	due := func(at time.Time) []string { return get(db.DueUserGrants(ctx, at, 10))(t) }
	if early := due(start.Add(59 * time.Minute)); len(early) != 0 {
		t.Errorf("due before its time: %v", early)
	}
	wantEqual(t, due(start.Add(time.Hour)), []string{"con_2"})
	wantEqual(t, due(start.Add(36*time.Hour)), []string{"con_2", "con_1"})
	weekly.AskedAt = kept(start.Add(time.Hour))
	must(t, db.SaveUserGrant(ctx, &weekly))
	wantEqual(t, due(start.Add(36*time.Hour)), []string{"con_1"})
	wantEqual(t, get(db.LiveUserGrants(ctx))(t), []broker.UserGrant{weekly, g})
	g.EndedAt, g.RefreshToken = kept(start), nil
	must(t, db.SaveUserGrant(ctx, &g))
	wantEqual(t, get(db.LiveUserGrants(ctx))(t), []broker.UserGrant{weekly})
	if ended := due(start.Add(1000 * time.Hour)); len(ended) != 0 {
		t.Errorf("an ended consent is due: %v", ended)
	}

	stale := g
	must(t, db.SaveUserGrant(ctx, &g))
	wantErr(t, db.SaveUserGrant(ctx, &stale), broker.ErrConflict)
}

func testSaveRefreshed(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	saveConnection(t, db, "con_1")
	g := broker.UserGrant{ConnectionID: "con_1", App: "acme", Public: true, RefreshToken: broker.Sealed{1}, SentAt: kept(start)}
	must(t, db.SaveUserGrant(ctx, &g))
	token := broker.AccessToken{ConnectionID: "con_1", Token: broker.Sealed{9}, MintedAt: kept(start), ExpiresAt: kept(start.Add(time.Hour))}

	g.RefreshToken, g.SentAt = broker.Sealed{2}, time.Time{}
	must(t, db.SaveRefreshed(ctx, &g, &token))
	wantEqual(t, get(db.UserGrant(ctx, "con_1"))(t), g)
	wantEqual(t, get(db.AccessToken(ctx, "con_1"))(t), token)

	// Either both rows change or none.
	fresh, old := g, token
	fresh.RefreshToken, old.Version = broker.Sealed{3}, token.Version-1
	wantErr(t, db.SaveRefreshed(ctx, &fresh, &old), broker.ErrConflict)
	wantEqual(t, get(db.UserGrant(ctx, "con_1"))(t), g)
	if err := db.SaveRefreshed(ctx, &g, &broker.AccessToken{ConnectionID: "con_2"}); err == nil {
		t.Error("a token of another connection was stored")
	}
}

func testDisconnect(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	c := saveConnection(t, db, "con_1")
	other := saveConnection(t, db, "con_2")
	saveCertificate(t, db, "active", c.ID, broker.CertificateActive)
	saveCertificate(t, db, "foreign", other.ID, broker.CertificateActive)
	g := broker.UserGrant{ConnectionID: c.ID, App: "acme", RefreshToken: broker.Sealed{1}, RefreshAt: kept(start), SentAt: kept(start)}
	must(t, db.SaveUserGrant(ctx, &g))
	must(t, db.SaveAccessToken(ctx, &broker.AccessToken{ConnectionID: c.ID, Token: broker.Sealed{1}}))
	_, err := db.Disconnection(ctx, c.ID)
	wantErr(t, err, broker.ErrNotFound)

	end := broker.Disconnection{ConnectionID: c.ID, App: "acme", AskedAt: kept(start), GiveUpAt: kept(start.Add(time.Hour)), DueAt: kept(start)}
	stale := c
	c.State = broker.ConnectionDisconnecting
	must(t, db.SaveDisconnection(ctx, &end, &c))
	wantEqual(t, get(db.Disconnection(ctx, c.ID))(t), end)
	wantEqual(t, get(db.DueDisconnections(ctx, start, 10))(t), []string{c.ID})
	again := end
	wantErr(t, db.SaveDisconnection(ctx, &again, &stale), broker.ErrConflict)

	end.EndedAt, end.DueAt, end.Record = kept(start), time.Time{}, "a.b.c"
	end.Acts = []broker.Revocation{{Kind: "certificate", ID: "active", Left: "click", ValidUntil: kept(start)}}
	told := broker.NewEvent(broker.EventConnectionDisconnected, kept(start), "acme", c.ID, c.ID)
	must(t, db.Disconnect(ctx, &end, &c, told))
	wantEqual(t, get(db.Disconnection(ctx, c.ID))(t), end)
	if c.State != broker.ConnectionDisconnected || get(db.Connection(ctx, c.ID))(t).State != broker.ConnectionDisconnected {
		t.Errorf("the connection is %s", c.State)
	}
	if wiped := get(db.Certificate(ctx, "active"))(t); wiped.Key != nil || wiped.State != broker.CertificateRevoked {
		t.Errorf("the key of %+v is not wiped", wiped)
	}
	if untouched := get(db.Certificate(ctx, "foreign"))(t); untouched.Key == nil || untouched.State != broker.CertificateActive {
		t.Errorf("another connection's certificate changed: %+v", untouched)
	}
	if wiped := get(db.UserGrant(ctx, c.ID))(t); wiped.RefreshToken != nil || wiped.EndedAt.IsZero() || !wiped.SentAt.IsZero() {
		t.Errorf("the consent %+v is not wiped", wiped)
	}
	late := broker.AccessToken{ConnectionID: c.ID, Token: broker.Sealed{2}}
	wantErr(t, db.SaveRefreshed(ctx, &g, &late), broker.ErrConflict)
	_, err = db.AccessToken(ctx, c.ID)
	wantErr(t, err, broker.ErrNotFound)
	wantEqual(t, get(db.Event(ctx, told.ID))(t), told)
	if due := get(db.DueDisconnections(ctx, start.Add(time.Hour), 10))(t); len(due) != 0 {
		t.Errorf("due after the end: %v", due)
	}
}

func testSigningKeys(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	won, lost := atOnce(t, 8, func(i int) error {
		return db.AddSigningKey(ctx, broker.SigningKey{ID: fmt.Sprint("key-", i), PrivateKey: broker.Sealed{byte(i + 1)}, CreatedAt: kept(start)})
	})
	if won != 1 || lost != 7 {
		t.Fatalf("%d first keys were stored and %d refused, want 1 and 7", won, lost)
	}
	if keys := get(db.SigningKeys(ctx))(t); len(keys) != 1 || len(keys[0].PrivateKey) != 1 || !keys[0].CreatedAt.Equal(kept(start)) {
		t.Errorf("stored keys %+v", keys)
	}
}
