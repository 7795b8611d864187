package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
)

// A process that lost its lease while it was away changes nothing, whatever it wants to save.
func testUnderLease(t *testing.T, opener Opener) {
	clock := newClock()
	cfg := store.Config{Now: clock.Now}
	slow, fast, ctx := opener(t, cfg), opener(t, cfg), t.Context()
	connection := saveConnection(t, fast, "con_1")
	certificate := saveCertificate(t, fast, "cert", "con_1", broker.CertificateTested)
	lease, ours, err := slow.AcquireLease(ctx, "rotate/con_1", "slow", time.Minute)
	if must(t, err); !ours {
		t.Fatal("a new lease was not taken")
	}
	under := broker.UnderLease(ctx, lease)
	must(t, slow.SaveCertificate(under, &certificate))
	clock.Add(2 * time.Minute)
	must(t, slow.SaveCertificate(under, &certificate)) // it ran out, but nobody else has it

	next, ours, err := fast.AcquireLease(ctx, "rotate/con_1", "fast", time.Minute)
	if must(t, err); !ours {
		t.Fatal("a lease that ran out was not taken")
	}
	for name, save := range map[string]func() error{
		"certificate": func() error { return slow.SaveCertificate(under, &certificate) },
		"activation":  func() error { return slow.ActivateCertificate(under, &connection, &certificate) },
		"connection":  func() error { return slow.SaveConnection(under, &connection) },
		"token": func() error {
			return slow.SaveAccessToken(under, &broker.AccessToken{ConnectionID: "con_1", Token: broker.Sealed("late")})
		},
		"nothing": func() error { return slow.CheckLease(under) },
		"rest":    func() error { return slow.SaveRest(under, broker.Rest{Work: "rotate", Item: "con_1", Failures: 1}) },
		"another lease": func() error {
			_, _, err := slow.AcquireLease(under, "other", "slow", time.Minute)
			return err
		},
	} {
		if err := save(); !errors.Is(err, broker.ErrLeaseLost) || !errors.Is(err, broker.ErrConflict) {
			t.Errorf("%s saved under a lost lease: %v, want %v", name, err, broker.ErrLeaseLost)
		}
	}
	wantEqual(t, get(fast.Certificate(ctx, "cert"))(t), certificate)
	wantEqual(t, get(fast.Connection(ctx, "con_1"))(t), connection)
	_, err = fast.AccessToken(ctx, "con_1")
	wantErr(t, err, broker.ErrNotFound)
	_, err = fast.Rest(ctx, "rotate", "con_1")
	wantErr(t, err, broker.ErrNotFound)

	must(t, fast.CheckLease(ctx))
	must(t, fast.CheckLease(broker.UnderLease(ctx, next)))
	must(t, fast.ActivateCertificate(broker.UnderLease(ctx, next), &connection, &certificate))
	must(t, fast.ReleaseLease(broker.UnderLease(ctx, next), next))
	wantErr(t, fast.SaveConnection(broker.UnderLease(ctx, next), &connection), broker.ErrLeaseLost) // given back
}

// A write under a lease and another process that takes the lease never both come first.
func testUnderLeaseAtOnce(t *testing.T, opener Opener) {
	clock := newClock()
	cfg := store.Config{Now: clock.Now}
	slow, fast, ctx := opener(t, cfg), opener(t, cfg), t.Context()
	certificate := func() broker.Certificate {
		saveConnection(t, fast, "con_1")
		return saveCertificate(t, fast, "cert", "con_1", broker.CertificateTested)
	}()
	for i := range 20 {
		lease, _, err := slow.AcquireLease(ctx, "rotate/con_1", fmt.Sprint("slow-", i), time.Minute)
		must(t, err)
		clock.Add(2 * time.Minute)
		mine, version := certificate, int64(0)
		atOnce(t, 2, func(which int) error {
			if which == 0 {
				return slow.SaveCertificate(broker.UnderLease(ctx, lease), &mine)
			}
			next, ours, err := fast.AcquireLease(ctx, "rotate/con_1", fmt.Sprint("fast-", i), time.Minute)
			if err != nil || !ours {
				return errors.Join(err, fmt.Errorf("taken: %t", ours))
			}
			read, err := fast.Certificate(ctx, "cert")
			version = read.Version
			return errors.Join(err, fast.ReleaseLease(ctx, next))
		})
		if now := get(fast.Certificate(ctx, "cert"))(t); now.Version != version {
			t.Fatalf("the new holder read version %d, and then the old one saved version %d", version, now.Version)
		}
		certificate = get(fast.Certificate(ctx, "cert"))(t)
	}
}

func testRests(t *testing.T, opener Opener) {
	db, replica, ctx := open(t, opener), open(t, opener), t.Context()
	_, err := db.Rest(ctx, "rotate", "con_1")
	wantErr(t, err, broker.ErrNotFound)
	rest := broker.Rest{Work: "rotate", Item: "con_1", Failures: 1, Until: kept(start.Add(time.Hour))}
	must(t, db.SaveRest(ctx, rest))
	wantEqual(t, get(replica.Rest(ctx, "rotate", "con_1"))(t), rest)
	_, err = replica.Rest(ctx, "retire", "con_1")
	wantErr(t, err, broker.ErrNotFound)

	rest.Failures, rest.Until = 2, kept(start.Add(6*time.Hour))
	must(t, replica.SaveRest(ctx, rest))
	wantEqual(t, get(db.Rest(ctx, "rotate", "con_1"))(t), rest)
	must(t, db.DeleteRest(ctx, "rotate", "con_1"))
	must(t, db.DeleteRest(ctx, "rotate", "con_1"))
	_, err = db.Rest(ctx, "rotate", "con_1")
	wantErr(t, err, broker.ErrNotFound)
}

// What rests is not due, and does not take the place of what is.
func testRestingIsNotDue(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	const year = 365 * 24 * time.Hour
	for i, id := range []string{"con_1", "con_2"} {
		saveConnection(t, db, id)
		c := broker.Certificate{
			ID: "cert of " + id, ConnectionID: id, App: "acme", State: broker.CertificateActive,
			NotBefore: kept(start), ValidUntil: kept(start.Add(year + time.Duration(i)*time.Hour)),
		}
		must(t, db.SaveCertificate(ctx, &c))
		next := saveCertificate(t, db, "next of "+id, id, broker.CertificateTested)
		connection := get(db.Connection(ctx, id))(t)
		must(t, db.ActivateCertificate(ctx, &connection, &next)) // makes the one before retiring
		c = broker.Certificate{
			ID: "due of " + id, ConnectionID: id, App: "acme", State: broker.CertificateActive,
			NotBefore: kept(start), ValidUntil: kept(start.Add(year + time.Duration(i)*time.Hour)),
		}
		must(t, db.SaveCertificate(ctx, &c))
	}
	now := start.Add(year)
	due := func(limit int) (ids []string) {
		for _, c := range get(db.DueCertificates(ctx, "rotate", now, limit))(t) {
			if c.ConnectionID != "" && c.NotBefore.Equal(kept(start)) {
				ids = append(ids, c.ConnectionID)
			}
		}
		return ids
	}
	replaced := func() (ids []string) {
		for _, c := range get(db.RetiringCertificates(ctx, "retire", now, now))(t) {
			ids = append(ids, c.ConnectionID)
		}
		return ids
	}
	rest := func(work string, until time.Time) {
		must(t, db.SaveRest(ctx, broker.Rest{Work: work, Item: "con_1", Failures: 1, Until: until}))
	}
	wantEqual(t, due(10), []string{"con_1", "con_2"})
	wantEqual(t, replaced(), []string{"con_1", "con_2"})
	rest("rotate", now.Add(time.Second))
	wantEqual(t, due(10), []string{"con_2"})
	wantEqual(t, replaced(), []string{"con_1", "con_2"})
	rest("retire", now.Add(time.Second))
	wantEqual(t, replaced(), []string{"con_2"})
	rest("rotate", now)
	wantEqual(t, due(10), []string{"con_1", "con_2"})
}

func testReplicas(t *testing.T, opener Opener) {
	clock := newClock()
	cfg := store.Config{Now: clock.Now}
	db, ctx := opener(t, cfg), t.Context()
	connection, other := saveConnection(t, db, "con_1"), saveConnection(t, db, "con_2")
	beat := func(id string, actsOn int64) int64 {
		t.Helper()
		return get(db.Beat(ctx, broker.Replica{ID: id, StartedAt: kept(start), ActsOn: actsOn}))(t)
	}
	activate := func(connection *broker.Connection, id string) {
		t.Helper()
		c := saveCertificate(t, db, id, connection.ID, broker.CertificateTested)
		must(t, db.ActivateCertificate(ctx, connection, &c))
	}
	unaware := func(connection string) (ids []string) {
		t.Helper()
		for _, r := range get(db.UnawareReplicas(ctx, connection, time.Minute))(t) {
			ids = append(ids, r.ID)
		}
		return ids
	}

	activate(&connection, "before")
	activate(&other, "before that") // replace nothing
	if n := beat("a", 0); n != 0 {
		t.Errorf("%d switches before the first one", n)
	}
	wantEqual(t, get(db.Replicas(ctx))(t), []broker.Replica{{ID: "a", StartedAt: kept(start), SeenAt: kept(start)}})
	wantEqual(t, unaware("con_1"), []string(nil)) // nothing to be aware of
	activate(&connection, "first")
	activate(&other, "second")
	if n := beat("b", 1); n != 2 {
		t.Errorf("%d switches, want 2", n)
	}
	wantEqual(t, unaware("con_1"), []string{"a"})
	wantEqual(t, unaware("con_2"), []string{"a", "b"})
	beat("a", 2)
	wantEqual(t, unaware("con_1"), []string(nil))
	wantEqual(t, unaware("con_2"), []string{"b"})
	activate(&connection, "third")
	wantEqual(t, unaware("con_1"), []string{"a", "b"})

	clock.Add(time.Minute)
	beat("b", 1)
	wantEqual(t, unaware("con_1"), []string{"a", "b"})
	clock.Add(time.Millisecond)
	wantEqual(t, unaware("con_1"), []string{"b"}) // the other was not seen within a minute
	must(t, db.RemoveReplica(ctx, "b"))
	must(t, db.RemoveReplica(ctx, "b"))
	wantEqual(t, unaware("con_1"), []string(nil))

	clock.Add(25 * time.Hour)
	beat("c", 3)
	if all := get(db.Replicas(ctx))(t); len(all) != 1 || all[0].ID != "c" {
		t.Errorf("a day later the replicas are %+v, want c alone", all)
	}
}

// The numbers of switches grow in the order of the commits, so a replica that read one has seen all before it.
func testSwitchesAtOnce(t *testing.T, opener Opener) {
	first, second, ctx := open(t, opener), open(t, opener), t.Context()
	const n = 10
	switched, lost := atOnce(t, n, func(i int) error {
		db := []*store.DB{first, second}[i%2]
		connection := saveConnection(t, db, fmt.Sprint("con_", i))
		saveCertificate(t, db, fmt.Sprint("old_", i), connection.ID, broker.CertificateActive)
		c := saveCertificate(t, db, fmt.Sprint("cert_", i), connection.ID, broker.CertificateTested)
		return db.ActivateCertificate(ctx, &connection, &c)
	})
	if got := get(first.Beat(ctx, broker.Replica{ID: "a", ActsOn: n - 1}))(t); switched != n || lost != 0 || got != n {
		t.Errorf("%d switches at once: %d done, %d refused, %d counted", n, switched, lost, got)
	}
	behind := 0
	for i := range n {
		behind += len(get(first.UnawareReplicas(ctx, fmt.Sprint("con_", i), time.Minute))(t))
	}
	if behind != 1 {
		t.Errorf("a replica that knows all switches but the last lacks %d of them", behind)
	}
}

// Tables of others are made under the same lock as ours, each time, and a failure of theirs is one of opening.
func testTablesOfOthers(t *testing.T, opener Opener) {
	running, calls := 0, 0
	cfg := store.Config{Migrate: func(ctx context.Context, db *sql.DB, dialect string) error {
		running, calls = running+1, calls+1
		defer func() { running-- }()
		if running > 1 {
			t.Error("two processes migrate at once")
		}
		if dialect != store.DialectSQLite && dialect != store.DialectPostgres {
			t.Errorf("dialect %q", dialect)
		}
		_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS of_others (id BIGINT)`)
		return err
	}}
	atOnce(t, 4, func(int) error {
		pool, _ := opener(t, cfg).WorkPool()
		_, err := pool.ExecContext(t.Context(), `INSERT INTO of_others (id) VALUES (1)`)
		return err
	})
	if calls != 4 {
		t.Errorf("their tables were looked after %d times, want 4", calls)
	}
}
