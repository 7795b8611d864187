package doctor_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	robot = "integration@globex.example"
	role  = "customrole_acme_sync"
)

// world is one connected customer with a client that asks for tokens. The clocks of server and emulator move together.
type world struct {
	*apptest.Env
	t          *testing.T
	account    string
	connection string
	ask        tokens.Request
}

func connected(t *testing.T, account string) *world {
	t.Helper()
	e := apptest.Start(t, apptest.Config{Edit: func(a *broker.App) {
		a.Probe = []broker.Probe{{SuiteQL: "SELECT id FROM customer FETCH FIRST 1 ROWS ONLY"}}
	}})
	e.Prepare(t, account)
	link := e.Link(t, broker.LinkSent, account)
	person := e.Customer(t)
	person.Company = account
	if _, err := person.Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	w := &world{Env: e, t: t, account: account, connection: e.Connected(t, link).ConnectionID}
	id, secret, err := e.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{w.connection})
	if err != nil {
		t.Fatal(err)
	}
	w.ask = tokens.Request{ClientID: id, Secret: secret}
	return w
}

func (w *world) netsuite() *netsuitetest.Account { return w.Emulator.Account(w.account) }

func (w *world) advance(d time.Duration) {
	w.Clock.Advance(d)
	w.Emulator.Clock().Advance(d)
}

// live lets time go by: every minute a caller wants a token, and what is due is probed.
func (w *world) live(d time.Duration) {
	w.t.Helper()
	for range int(d / time.Minute) {
		w.advance(time.Minute)
		_, _ = w.App.Tokens.HandOut(w.t.Context(), w.ask) // the health tells
		w.probe()
	}
}

func (w *world) probe() {
	w.t.Helper()
	due, err := w.App.Doctor.Due(w.t.Context())
	for _, id := range due {
		err = errors.Join(err, w.App.Doctor.Probe(w.t.Context(), id))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) health() broker.Health {
	w.t.Helper()
	h, err := w.App.Store.Health(w.t.Context(), w.connection)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) events() (types []broker.EventType) {
	w.t.Helper()
	all, err := w.App.Store.EventsOf(w.t.Context(), w.connection, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		if strings.HasPrefix(string(e.Type), "connection.") {
			types = append(types, e.Type)
		}
	}
	return types
}

// calls counts the requests that reached NetSuite since the nth.
func (w *world) calls(since int) (n int) {
	for _, e := range w.Emulator.Ledger().Entries()[since:] {
		if strings.Contains(e.Path, "/services/") {
			n++
		}
	}
	return n
}

var tokenPath = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") }

// rows are all that may happen to a connection. Each is broken while its last token has little left; then two hours go by in which a
// caller asks every minute.
var rows = []struct {
	name    string
	account string
	break_  func(w *world) (mend func())
	cause   broker.Cause
	state   broker.HealthState
	told    broker.EventType
	// calls is the most that NetSuite may be asked in the two hours, by callers and probes together.
	calls int
	// heals tells that mending is noticed without a person on our side.
	heals bool
}{
	{
		"wrong key", apptest.Account, func(w *world) func() {
			w.swapKey()
			return nil
		}, broker.CauseWrongKey, broker.HealthNeedsConsent, broker.EventConnectionNeedsConsent, 9, false,
	},
	{
		"certificate revoked by hand", apptest.Account, func(w *world) func() {
			w.must(w.netsuite().RevokeCertificate(w.certificate().NetSuiteID))
			return nil
		}, broker.CauseCertificateRevoked, broker.HealthNeedsConsent, broker.EventConnectionNeedsConsent, 10, false,
	},
	{
		"sandbox refreshed", apptest.Sandbox, func(w *world) func() {
			w.netsuite().Refresh()
			return nil
		}, broker.CauseSandboxRefreshed, broker.HealthNeedsConsent, broker.EventConnectionNeedsConsent, 10, false,
	},
	{
		"role lost", apptest.Account, func(w *world) func() {
			w.must(w.netsuite().UnassignRole(robot, role))
			return func() { w.must(w.netsuite().AssignRole(robot, role)) }
		}, broker.CauseRoleLost, broker.HealthDegraded, broker.EventConnectionDegraded, 10, true,
	},
	{
		"entity disabled", apptest.Account, func(w *world) func() {
			w.must(w.netsuite().SetEmployeeInactive(robot, true))
			return func() { w.must(w.netsuite().SetEmployeeInactive(robot, false)) }
		}, broker.CauseRoleLost, broker.HealthDegraded, broker.EventConnectionDegraded, 10, true,
	},
	{
		"permission lost", apptest.Account, func(w *world) func() {
			w.must(w.netsuite().SetPermission(role, "LIST_CUSTJOB", 0))
			w.advance(24 * time.Hour) // the token works: the daily look notices
			return func() { w.must(w.netsuite().SetPermission(role, "LIST_CUSTJOB", 1)) }
		}, broker.CausePermissionLost, broker.HealthDegraded, broker.EventConnectionDegraded, 12, true,
	},
	{
		"feature off", apptest.Account, func(w *world) func() {
			w.must(w.netsuite().SetFeature("RESTWEBSERVICES", false))
			w.advance(24 * time.Hour)
			return func() { w.must(w.netsuite().SetFeature("RESTWEBSERVICES", true)) }
		}, broker.CauseFeatureOff, broker.HealthDegraded, broker.EventConnectionDegraded, 14, true,
	},
	{
		"integration blocked", apptest.Account, func(w *world) func() {
			w.must(w.netsuite().BlockIntegration(w.Client.ClientID))
			return func() { w.must(w.netsuite().ApproveIntegration(w.Client.ClientID)) }
		}, broker.CauseIntegrationBlocked, broker.HealthDegraded, broker.EventConnectionDegraded, 9, true,
	},
	{
		"account unknown", apptest.Account, func(w *world) func() {
			return w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultAccountGone, Account: w.account})
		}, broker.CauseAccountUnknown, broker.HealthDegraded, broker.EventConnectionDegraded, 9, true,
	},
	{
		"clock off", apptest.Account, func(w *world) func() {
			w.Clock.Advance(20 * time.Minute)
			return func() { w.Emulator.Clock().Advance(20 * time.Minute) }
		}, broker.CauseClock, broker.HealthDegraded, broker.EventConnectionDegraded, 9, true,
	},
	{
		"429", apptest.Account, func(w *world) func() {
			return w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultTooManyRequests, Match: tokenPath})
		}, broker.CauseThrottled, broker.HealthDegraded, broker.EventConnectionDegraded, 121, true,
	},
	{
		"maintenance", apptest.Account, func(w *world) func() {
			return w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Account: w.account})
		}, broker.CauseMaintenance, broker.HealthDegraded, broker.EventConnectionDegraded, 121, true,
	},
}

// TestHealthOfEverySetback also holds DO-02 and RO-06: how often NetSuite is asked.
func TestHealthOfEverySetback(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := connected(t, row.account)
			if _, err := w.App.Tokens.HandOut(t.Context(), w.ask); err != nil {
				t.Fatal(err)
			}
			w.advance(56 * time.Minute) // too little life to be handed out, but it lives
			mend := row.break_(w)
			before := len(w.Emulator.Ledger().Entries())
			w.live(2 * time.Hour)
			h := w.health()
			t.Logf("%s: %s, %d calls; evidence %+v", row.name, h.Cause, w.calls(before), h.Evidence)
			if h.Cause != row.cause || h.State != row.state {
				t.Errorf("health is %s for %s, want %s for %s", h.State, h.Cause, row.state, row.cause)
			}
			if told := w.events(); !slices.Equal(told, []broker.EventType{row.told}) {
				t.Errorf("told %v, want %s once", told, row.told)
			}
			if n := w.calls(before); n == 0 || n > row.calls {
				t.Errorf("NetSuite was asked %d times in two hours, want 1 to %d", n, row.calls)
			}
			if needs := row.state == broker.HealthNeedsConsent; needs != (h.RepairLinkID != "") {
				t.Errorf("repair link %q, want one only when a person must consent", h.RepairLinkID)
			}
			if !row.heals {
				w.repair(row.told)
				return
			}
			mend()
			w.live(7 * time.Hour)
			w.well(row.told)
		})
	}
}

// well checks that the connection works again, and that it was told.
func (w *world) well(told broker.EventType) {
	w.t.Helper()
	if h := w.health(); h.State != broker.HealthOK || h.Cause != "" {
		w.t.Errorf("after mending: %+v", h)
	}
	if _, err := w.App.Tokens.HandOut(w.t.Context(), w.ask); err != nil {
		w.t.Errorf("after mending: %v", err)
	}
	if got := w.events(); !slices.Equal(got, []broker.EventType{told, broker.EventConnectionRecovered}) {
		w.t.Errorf("told %v, want %s and its end", got, told)
	}
}

// repair follows the link that is ready; connection, client and settings stay.
func (w *world) repair(told broker.EventType) {
	w.t.Helper()
	link, url, err := w.App.Onboard.RepairLink(w.t.Context(), w.connection)
	w.must(err)
	if link.ID != w.health().RepairLinkID {
		w.t.Errorf("the link is %s, health named %s", link.ID, w.health().RepairLinkID)
	}
	person := w.Customer(w.t)
	person.Company = w.account
	if _, err := person.Consent(w.t.Context(), url); err != nil {
		w.t.Fatal(err)
	}
	var run broker.Run
	w.Eventually(w.t, "the end of the repair", func() bool {
		l, err := w.App.Store.Link(w.t.Context(), link.ID)
		w.must(err)
		run, err = w.App.Store.Run(w.t.Context(), l.RunID)
		w.must(err)
		return run.Phase() == broker.PhaseConnected
	}, func() any { return run })
	if run.ConnectionID != w.connection {
		w.t.Errorf("the repair made connection %s of %s", run.ConnectionID, w.connection)
	}
	w.App.Tokens.Forget(w.connection)
	w.well(told)
}

func (w *world) certificate() broker.Certificate {
	w.t.Helper()
	conn, err := w.App.Store.Connection(w.t.Context(), w.connection)
	w.must(err)
	c, err := w.App.Store.Certificate(w.t.Context(), conn.CertificateID)
	w.must(err)
	return c
}

// swapKey is what a backup that does not fit leaves: the certificate of the row is not that of its key.
func (w *world) swapKey() {
	w.t.Helper()
	other := connected(w.t, apptest.Account).certificate()
	mine := w.certificate()
	w.must(w.netsuite().RevokeCertificate(mine.NetSuiteID)) // so that NetSuite refuses, as it does for a wrong signature
	mine.PEM = other.PEM
	w.must(w.App.Store.SaveCertificate(w.t.Context(), &mine))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestCheckRefuses(t *testing.T) {
	w := connected(t, apptest.Account)
	for _, id := range []string{"", "co_none", "'; DROP TABLE health; --", strings.Repeat("x", 100_000)} {
		if _, err := w.App.Doctor.Check(t.Context(), id); broker.CodeOf(err) != broker.CodeNotFound {
			t.Errorf("%.40q: %v, want %s", id, err, broker.CodeNotFound)
		}
	}
}

// A failure that is ours says nothing about the connection.
func TestOwnFailuresAreNoHealth(t *testing.T) {
	w := connected(t, apptest.Account)
	before := w.health()
	ours := errors.New("the disk is full")
	if _, err := w.App.Doctor.Failed(t.Context(), w.connection, broker.OpToken, ours); !errors.Is(err, ours) {
		t.Errorf("got %v, want the error as it was", err)
	}
	if after := w.health(); after.Version != before.Version {
		t.Errorf("health changed to %+v", after)
	}
}
