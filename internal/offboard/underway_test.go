package offboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuitetest"
)

// A repair that was under way when the connection ended uploads nothing behind the end, and does not bring it back: the signed record
// would be false.
func TestDisconnectEndsARepairUnderWay(t *testing.T) {
	for name, fault := range map[string]netsuitetest.Fault{
		"before the upload":       {Kind: netsuitetest.FaultStatus, Path: "*/certificates", Method: http.MethodPost, Status: http.StatusServiceUnavailable, Body: "{}"},
		"before the test":         {Kind: netsuitetest.FaultStatus, Endpoint: "suiteql", Status: http.StatusServiceUnavailable, Body: "{}", Skip: 2},
		"after the upload's call": {Kind: netsuitetest.FaultCutAfter, Path: "*/certificates", Method: http.MethodPost, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := connected(t)
			link, url, err := w.App.Onboard.RepairLink(t.Context(), w.connection)
			w.must(err)
			met := make(chan struct{}, 100)
			fault.OnMatch = func(*http.Request) {
				select {
				case met <- struct{}{}:
				default:
				}
			}
			heal := w.Emulator.Fault(fault)
			_, err = w.Customer(t).Consent(t.Context(), url)
			w.must(err)
			<-met // the run has met the fault, and tries again by itself
			w.end(true)
			heal()
			stored := func() broker.Run {
				l, err := w.App.Store.Link(t.Context(), link.ID)
				w.must(err)
				r, err := w.App.Store.Run(t.Context(), l.RunID)
				w.must(err)
				return r
			}
			w.Eventually(t, "the end of the run", func() bool { return stored().Over() }, func() any { return stored() })
			conn, err := w.App.Store.Connection(t.Context(), w.connection)
			w.must(err)
			if conn.State != broker.ConnectionDisconnected || w.active() != 0 {
				t.Errorf("the connection is %s, and %d certificates are active at NetSuite; the run is %s, %+v", conn.State, w.active(), stored().Phase(), stored().Problem)
			}
			w.nothingLeft()
			w.GrantsEnded(t, apptest.Account)
		})
	}
}

// A person who follows the link while the connection is being ended does not bring it back.
func TestDisconnectingIsNotConsentedAnew(t *testing.T) {
	w := connected(t)
	w.connect(onboard.LinkRequest{EndUser: "u_42"})
	var err error
	w.ask = tokens.Request{EndUser: "u_42"}
	w.ask.ClientID, w.ask.Secret, err = w.App.Tokens.CreateUsersClient(t.Context(), apptest.AppName, nil)
	w.must(err)
	w.handOut()
	_, url, err := w.App.Onboard.RepairLink(t.Context(), w.connection)
	w.must(err)
	heal := w.Emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultMaintenance, Endpoint: "revoke", Times: 1})
	defer heal()
	if end := w.end(false); !end.EndedAt.IsZero() {
		t.Fatalf("the end is over while NetSuite is away: %+v", end)
	}
	if _, err := w.Customer(t).Consent(t.Context(), url); err == nil || !strings.Contains(err.Error(), "410") {
		t.Errorf("the link of a connection that is being ended: %v, want 410 Gone", err)
	}
	conn, err := w.App.Store.Connection(t.Context(), w.connection)
	if err != nil || conn.State != broker.ConnectionDisconnecting {
		t.Errorf("the connection is %s, %v", conn.State, err)
	}
	w.refused()
	w.Clock.Advance(time.Hour)
	w.must(w.App.WorkOnce(t.Context()))
	w.nothingLeft()
	w.GrantsEnded(t, apptest.Account)
}
