package storetest

import (
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

	link := broker.Link{ID: "ol", TokenHash: "hash", App: "acme", Connects: broker.KindUser, EndUser: "ann", ConnectionID: "con_ann"}
	must(t, db.SaveLink(ctx, &link))
	wantEqual(t, get(db.Link(ctx, "ol"))(t), link)
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
	g := broker.UserGrant{
		ConnectionID: "con_1", App: "acme", Public: true, RefreshToken: broker.Sealed{1, 2}, SentAt: kept(start),
		RefreshBy: kept(start.Add(48 * time.Hour)), ConsentBy: kept(start.Add(168 * time.Hour)), AskedAt: kept(start),
	}
	must(t, db.SaveUserGrant(ctx, &g))
	wantEqual(t, get(db.UserGrant(ctx, "con_1"))(t), g)
	weekly := broker.UserGrant{ConnectionID: "con_2", App: "acme", RefreshBy: kept(start.Add(time.Hour)), ConsentBy: kept(start.Add(time.Hour))}
	must(t, db.SaveUserGrant(ctx, &weekly))

	wantEqual(t, get(db.UserGrantsEndingBefore(ctx, start.Add(2*time.Hour), 10))(t), []broker.UserGrant{weekly})
	wantEqual(t, get(db.UserGrantsEndingBefore(ctx, start.Add(50*time.Hour), 10))(t), []broker.UserGrant{weekly, g})
	wantEqual(t, get(db.LiveUserGrants(ctx))(t), []broker.UserGrant{weekly, g})
	weekly.EndedAt, weekly.RefreshToken = kept(start), nil
	must(t, db.SaveUserGrant(ctx, &weekly))
	wantEqual(t, get(db.UserGrantsEndingBefore(ctx, start.Add(50*time.Hour), 10))(t), []broker.UserGrant{g})
	wantEqual(t, get(db.LiveUserGrants(ctx))(t), []broker.UserGrant{g})

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
