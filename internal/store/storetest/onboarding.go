package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/netsuite"
)

func testApps(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	_, err := db.App(ctx, "acme")
	wantErr(t, err, broker.ErrNotFound)
	wantEqual(t, get(db.Apps(ctx))(t), []broker.App(nil))

	app := broker.App{
		Name: "acme", DisplayName: "Acme Sync",
		Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: "c0ffee"}, CertificatesHost: "suitetalk"},
		Scopes:      []string{"rest_webservices"},
		Bundle:      broker.Bundle{ID: 123456, SourceAccount: "TSTDRV1000001"},
		Role:        broker.Role{ScriptID: "customrole_acme", Permissions: map[string]string{"LIST_CUSTJOB": "VIEW"}},
		Certificate: broker.CertificateSpec{Key: "P-256", Days: 729},
		Tasks:       []broker.Task{{Name: "main", Request: broker.TaskRequest{Method: "PUT", Path: "/services/rest/record/v1/x", Body: map[string]any{"name": "main"}}}},
		ReturnURLs:  []string{"https://app.acme.example/done"},

		ClientSecret: broker.Sealed{0, 1, 0xff}, Logo: []byte{0x89, 'P', 'N', 'G', 0}, LogoType: "image/png", CheckedAt: kept(start),
	}
	other := broker.App{Name: "zeta"}
	must(t, db.SaveApp(ctx, &other))
	must(t, db.SaveApp(ctx, &app))
	if app.Version != 1 {
		t.Errorf("version is %d, want 1", app.Version)
	}
	wantEqual(t, get(db.App(ctx, "acme"))(t), app)

	wantErr(t, db.SaveApp(ctx, &broker.App{Name: "acme"}), broker.ErrConflict)
	app.ClientSecret, app.Logo, app.CheckedAt = nil, nil, time.Time{}
	must(t, db.SaveApp(ctx, &app))
	wantEqual(t, get(db.App(ctx, "acme"))(t), app)
	wantEqual(t, get(db.Apps(ctx))(t), []broker.App{app, other})
}

func testLinks(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	link := broker.Link{
		ID: "link_1", TokenHash: "hash-1", App: "acme", Kind: broker.LinkSession, Customer: "Globex Inc.",
		Expect: []netsuite.AccountID{"1234567", "1234567_SB1"}, Metadata: map[string]string{"tenant": "42"},
		ReturnURL: "https://app.acme.example/done", FinaliseHash: "fin", ExpiresAt: kept(start.Add(time.Hour)),
	}
	must(t, db.SaveLink(ctx, &link))
	if link.Version != 1 || !link.CreatedAt.Equal(kept(start)) {
		t.Errorf("version %d and creation %v, want 1 and %v", link.Version, link.CreatedAt, kept(start))
	}
	wantEqual(t, get(db.Link(ctx, "link_1"))(t), link)
	wantEqual(t, get(db.LinkByTokenHash(ctx, "hash-1"))(t), link)

	clock.Add(time.Minute)
	bare := broker.Link{ID: "link_0", App: "acme"}
	must(t, db.SaveLink(ctx, &bare))
	clock.Add(time.Minute)
	foreign := broker.Link{ID: "link_2", App: "other"} // no token: not the same token
	must(t, db.SaveLink(ctx, &foreign))
	wantEqual(t, get(db.Links(ctx, "acme"))(t), []broker.Link{link, bare})
	wantEqual(t, get(db.Links(ctx, ""))(t), []broker.Link{link, bare, foreign})

	for _, hash := range []string{"", "unknown"} {
		_, err := db.LinkByTokenHash(ctx, hash)
		wantErr(t, err, broker.ErrNotFound)
	}
	same := broker.Link{ID: "link_3", TokenHash: "hash-1"}
	wantErr(t, db.SaveLink(ctx, &same), broker.ErrConflict)
	if same.Version != 0 || !same.CreatedAt.IsZero() {
		t.Errorf("a refused link was changed: %+v", same)
	}

	link.RunID, link.RevokedAt, link.Expect, link.Metadata = "run_1", kept(start.Add(2*time.Minute)), nil, nil
	must(t, db.SaveLink(ctx, &link))
	wantEqual(t, get(db.Link(ctx, "link_1"))(t), link)
}

func fullRun() broker.Run {
	return broker.Run{
		ID: "run_1", App: "acme", LinkID: "link_1", ConnectionID: "con_1", GrantID: "gra_1", BrowserHash: "browser", DueAt: kept(start),
		Facts: broker.Facts{
			Account: "1234567", BoundAt: start.UTC(), SetupRole: 3, SetupEntity: -5, FinaliseCode: broker.Sealed{1, 2, 0},
			Checks:  []broker.Check{{ID: "rest", State: broker.CheckOK, Title: "REST web services"}},
			Holders: []broker.Holder{{Entity: 9007199254740993, Name: "Ann"}},
			Problem: &broker.Problem{Code: broker.CodeHolder, Detail: "Choose one."}, Attempts: 2,
		},
	}
}

func testRuns(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	_, err := db.Run(ctx, "run_1")
	wantErr(t, err, broker.ErrNotFound)

	run := fullRun()
	must(t, db.SaveRun(ctx, &run, nil, nil))
	wantEqual(t, get(db.Run(ctx, "run_1"))(t), run)
	clock.Add(time.Minute)
	run.Problem, run.DueAt = nil, time.Time{}
	must(t, db.SaveRun(ctx, &run, nil, nil))
	if run.Version != 2 || !run.CreatedAt.Equal(kept(start)) || !run.UpdatedAt.Equal(kept(start.Add(time.Minute))) {
		t.Errorf("version %d, created %v, updated %v", run.Version, run.CreatedAt, run.UpdatedAt)
	}
	wantEqual(t, get(db.Run(ctx, "run_1"))(t), run)
}

func testSaveRunIsOneTransaction(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	link := broker.Link{ID: "link_1", TokenHash: "hash", App: "acme"}
	must(t, db.SaveLink(ctx, &link))
	run, grant := fullRun(), broker.Grant{ID: "gra_1", RunID: "run_1", StateHash: "state"}
	run.DueAt = time.Time{}

	stale := link
	stale.Version = 9
	wantErr(t, db.SaveRun(ctx, &run, &grant, &stale), broker.ErrConflict)
	if run.Version != 0 || grant.Version != 0 || stale.Version != 9 || !run.UpdatedAt.IsZero() {
		t.Errorf("a refused write changed the records: run %d, grant %d, link %d", run.Version, grant.Version, stale.Version)
	}
	_, err := db.Run(ctx, "run_1")
	wantErr(t, err, broker.ErrNotFound)
	_, err = db.Grant(ctx, "gra_1")
	wantErr(t, err, broker.ErrNotFound)

	link.RunID = "run_1"
	must(t, db.SaveRun(ctx, &run, &grant, &link))
	wantEqual(t, get(db.Run(ctx, "run_1"))(t), run)
	wantEqual(t, get(db.Grant(ctx, "gra_1"))(t), grant)
	wantEqual(t, get(db.Link(ctx, "link_1"))(t), link)
}

func testDueRuns(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	for i, due := range []time.Time{start.Add(2 * time.Second), start.Add(time.Second), {}, start.Add(3 * time.Second), start.Add(time.Hour)} {
		run := broker.Run{ID: fmt.Sprint("run_", i), DueAt: due}
		must(t, db.SaveRun(ctx, &run, nil, nil))
	}
	now := start.Add(3 * time.Second)
	wantEqual(t, get(db.DueRuns(ctx, now, 10))(t), []string{"run_1", "run_0", "run_3"})
	wantEqual(t, get(db.DueRuns(ctx, now, 2))(t), []string{"run_1", "run_0"})
	wantEqual(t, get(db.DueRuns(ctx, start, 10))(t), []string(nil))
}

func testGrants(t *testing.T, opener Opener) {
	clock := newClock()
	db, ctx := opener(t, store.Config{Now: clock.Now}), t.Context()
	saveRun(t, db, "run_1")
	saveRun(t, db, "run_2")
	grant := broker.Grant{
		ID: "gra_2", RunID: "run_1", App: "acme", Status: broker.GrantHeld, StateHash: "state-1", BrowserHash: "browser",
		Host: "1234567", Account: "1234567_SB1", Role: 1066, Entity: 34, Verifier: broker.Sealed{1}, Code: broker.Sealed{2, 0}, Tokens: broker.Sealed{0},
		AskBefore: kept(start), AccessExpiresAt: kept(start.Add(time.Hour)), DueAt: kept(start.Add(time.Minute)), Attempts: 3,
	}
	must(t, db.SaveGrant(ctx, &grant))
	wantEqual(t, get(db.Grant(ctx, "gra_2"))(t), grant)
	wantEqual(t, get(db.GrantByStateHash(ctx, "state-1"))(t), grant)
	for _, hash := range []string{"", "unknown"} {
		_, err := db.GrantByStateHash(ctx, hash)
		wantErr(t, err, broker.ErrNotFound)
	}
	wantErr(t, db.SaveGrant(ctx, &broker.Grant{ID: "gra_3", RunID: "run_2", StateHash: "state-1"}), broker.ErrConflict)

	clock.Add(time.Second)
	later := broker.Grant{ID: "gra_1", RunID: "run_1", DueAt: kept(start)}
	must(t, db.SaveGrant(ctx, &later))
	must(t, db.SaveGrant(ctx, &broker.Grant{ID: "gra_4", RunID: "run_2"}))
	wantEqual(t, get(db.GrantsOfRun(ctx, "run_1"))(t), []broker.Grant{grant, later})
	wantEqual(t, get(db.DueGrants(ctx, start.Add(time.Minute), 10))(t), []string{"gra_1", "gra_2"})
	wantEqual(t, get(db.DueGrants(ctx, start.Add(time.Second), 10))(t), []string{"gra_1"})

	grant.Status, grant.Verifier, grant.Code, grant.Tokens, grant.EndedAt, grant.DueAt = broker.GrantRevoked, nil, nil, nil, kept(start), time.Time{}
	must(t, db.SaveGrant(ctx, &grant))
	wantEqual(t, get(db.Grant(ctx, "gra_2"))(t), grant)
}

func testGrantNeedsItsRun(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	if err := db.SaveGrant(ctx, &broker.Grant{ID: "gra_1", RunID: "nowhere"}); err == nil {
		t.Error("a grant of a run that does not exist was stored")
	}
	_, err := db.Grant(ctx, "gra_1")
	wantErr(t, err, broker.ErrNotFound)
}

func testCalls(t *testing.T, opener Opener) {
	db, ctx := open(t, opener), t.Context()
	run := saveRun(t, db, "run_1")
	saveRun(t, db, "run_2")
	first := broker.Call{RunID: "run_1", Purpose: "upload", Method: "POST", URL: "https://1234567.suitetalk.api.netsuite.com/x"}
	second := broker.Call{RunID: "run_1", At: kept(start.Add(time.Second)), Method: "GET"}
	other := broker.Call{RunID: "run_2", Method: "GET"}
	for _, call := range []*broker.Call{&first, &second, &other} {
		must(t, db.BeginCall(ctx, call))
	}
	if first.N != 1 || second.N != 2 || other.N != 1 || !first.At.Equal(kept(start)) {
		t.Errorf("numbers %d, %d, %d and time %v, want 1, 2, 1 and %v", first.N, second.N, other.N, first.At, kept(start))
	}
	must(t, db.EndCall(ctx, "run_1", 2, 204))
	second.Status = 204
	wantEqual(t, get(db.Calls(ctx, "run_1"))(t), []broker.Call{first, second})

	wantErr(t, db.EndCall(ctx, "run_1", 3, 200), broker.ErrNotFound)
	wantErr(t, db.BeginCall(ctx, &broker.Call{RunID: "nowhere"}), broker.ErrNotFound)
	must(t, db.SaveRun(ctx, &run, nil, nil)) // calls leave the run's version alone
}

func testCallsAtOnce(t *testing.T, opener Opener) {
	db := open(t, opener)
	saveRun(t, db, "run_1")
	const calls = 20
	if began, _ := atOnce(t, calls, func(int) error { return db.BeginCall(t.Context(), &broker.Call{RunID: "run_1"}) }); began != calls {
		t.Errorf("%d calls began, want %d", began, calls)
	}
	for i, call := range get(db.Calls(t.Context(), "run_1"))(t) {
		if call.N != int64(i+1) {
			t.Errorf("call %d has number %d", i+1, call.N)
		}
	}
}
