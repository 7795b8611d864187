package tokens_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/suitekey/suitekey/internal/audit"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/tokens/tokenstest"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Idle connections of netsuite's transports, which live as long as the process.
		goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// client makes credentials for connections.
func client(t *testing.T, e *tokenstest.Env, conns ...broker.Connection) tokens.Request {
	t.Helper()
	var ids []string
	for _, c := range conns {
		ids = append(ids, c.ID)
	}
	id, secret, err := e.Tokens.CreateClient(t.Context(), e.App.Name, ids)
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Request{ClientID: id, Secret: secret, From: "192.0.2.7"}
}

// wantRefusal checks reason and code of an error and returns the refusal.
func wantRefusal(t *testing.T, err error, reason tokens.Reason, code broker.Code) *tokens.Refusal {
	t.Helper()
	var refusal *tokens.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got error %v, want a refusal %s", err, reason)
	}
	if refusal.Reason != reason || refusal.Code() != code {
		t.Fatalf("got refusal %s (%s), want %s (%s): %v", refusal.Reason, refusal.Code(), reason, code, refusal)
	}
	return refusal
}

// lines reads the whole audit log.
func lines(t *testing.T, e *tokenstest.Env) []broker.AuditLine {
	t.Helper()
	if _, err := audit.Verify(t.Context(), e.Store); err != nil {
		t.Fatal(err)
	}
	var all []broker.AuditLine
	for _, group := range must(e.Store.AuditGroups(t.Context(), 0, 1_000_000))(t) {
		var some []broker.AuditLine
		if err := json.Unmarshal(group.Lines, &some); err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

func count(lines []broker.AuditLine, event string) (n int) {
	for _, l := range lines {
		if l.Event == event {
			n++
		}
	}
	return n
}

func TestHandOut(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)

	out, err := w.Tokens.HandOut(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if out.Account != "1234567" || out.ConnectionID != conn.ID || out.Scope != "rest_webservices restlets" {
		t.Errorf("got account %s, connection %s, scope %q", out.Account, out.ConnectionID, out.Scope)
	}
	if want := must(w.site.BaseURL("1234567", netsuite.ServiceSuiteTalk))(t).String(); out.BaseURL != want {
		t.Errorf("got base URL %s, want %s", out.BaseURL, want)
	}
	if out.ExpiresIn > time.Hour-30*time.Second || out.ExpiresIn < time.Hour-90*time.Second {
		t.Errorf("got a life of %s, want an hour less 30 s", out.ExpiresIn)
	}
	api := netsuite.API{Account: out.Account, Site: w.site, Token: out.AccessToken}
	if _, err := api.SuiteQL(t.Context(), "SELECT 1 AS ok FROM dual", 1, 0); err != nil {
		t.Errorf("the token does not work: %v", err)
	}
	again := must(w.Tokens.HandOut(t.Context(), ask))(t)
	if !again.AccessToken.Equal(out.AccessToken) || w.mints() != 1 {
		t.Errorf("the second hand-out took %d mints in all, want 1 and the same token", w.mints())
	}
	handed := slices.DeleteFunc(lines(t, w.Env), func(l broker.AuditLine) bool { return l.Event != broker.AuditTokenHandedOut })
	if len(handed) != 2 || handed[0].Actor != ask.ClientID || handed[0].Object != conn.ID || handed[0].From != "192.0.2.7" || handed[0].Result != "ok" {
		t.Errorf("got audit lines %+v, want two for client %s and connection %s", handed, ask.ClientID, conn.ID)
	}
}

func TestTE01_ForeignConnectionIsLikeNone(t *testing.T) {
	w := newWorld(t, accountNames(4)...)
	own1, own2, foreign, gone := w.connect("2000000"), w.connect("2000000_SB1"), w.connect("2000001"), w.connect("2000001_SB1")
	mine, single := client(t, w.Env, own1, own2), client(t, w.Env, own1)
	url := func(c broker.Connection) string {
		return must(w.site.BaseURL(c.Account, netsuite.ServiceSuiteTalk))(t).String()
	}
	absent := strings.Replace(url(gone), "2000001-sb1", "7777777", 1)
	for _, ask := range []tokens.Request{mine, single} {
		var answers []error
		for _, resource := range []string{url(foreign), url(gone), absent} {
			ask.Resource = resource
			_, err := w.Tokens.HandOut(t.Context(), ask)
			wantRefusal(t, err, tokens.InvalidRequest, broker.CodeInvalid)
			answers = append(answers, err)
		}
		if !reflect.DeepEqual(answers[0], answers[2]) || !reflect.DeepEqual(answers[1], answers[2]) {
			t.Errorf("foreign and absent connections are told apart: %v", answers)
		}
	}
	if w.mints() != 0 {
		t.Errorf("refusals made %d requests to NetSuite, want none", w.mints())
	}
	// Credentials of one client open nothing for the other.
	theirs := client(t, w.Env, foreign)
	theirs.ClientID = mine.ClientID
	_, err := w.Tokens.HandOut(t.Context(), theirs)
	wantRefusal(t, err, tokens.InvalidClient, broker.CodeInvalid)
}

func TestTE02_NoDefaultAmongSeveral(t *testing.T) {
	w := newWorld(t, accountNames(2)...)
	ask := client(t, w.Env, w.connect("2000000"), w.connect("2000000_SB1"))
	whole := must(w.site.BaseURL("2000000", netsuite.ServiceSuiteTalk))(t).String()
	for name, selector := range map[string]string{
		"missing": "", "space": " ", "half": whole[:len(whole)-3], "host only": strings.TrimPrefix(whole, "http://"), "account only": "2000000",
		"with slash": whole + "/", "with path": whole + "/services/rest", "upper case": strings.ToUpper(whole), "two": whole + " " + whole,
		"other scheme": "https" + strings.TrimPrefix(whole, "http"), "user": strings.Replace(whole, "://", "://x@", 1), "huge": strings.Repeat(whole, 1000),
	} {
		t.Run(name, func(t *testing.T) {
			before := len(w.srv.Ledger().Entries())
			ask.Resource = selector
			_, err := w.Tokens.HandOut(t.Context(), ask)
			wantRefusal(t, err, tokens.InvalidRequest, broker.CodeInvalid)
			if n := len(w.srv.Ledger().Entries()) - before; n != 0 {
				t.Errorf("the refusal made %d requests to NetSuite, want none", n)
			}
		})
	}
	ask.Resource = whole
	if out := must(w.Tokens.HandOut(t.Context(), ask))(t); out.Account != "2000000" {
		t.Errorf("got a token of %s, want 2000000", out.Account)
	}
}

// 64 callers of twenty accounts, with certificates being switched under them: every token names the account that was asked
// for, and NetSuite takes it there.
func TestTE03_NoTokenOfAnotherTenant(t *testing.T) {
	const accounts, callers, rounds = 20, 64, 40
	w := newWorld(t, accountNames(accounts)...)
	conns, asks := make([]broker.Connection, accounts), make([]tokens.Request, accounts)
	for i, name := range accountNames(accounts) {
		conns[i] = w.connect(name)
	}
	everything := client(t, w.Env, conns...)
	for i := range asks {
		asks[i] = client(t, w.Env, conns[i])
		if i%2 == 0 { // one client for many connections, and one for each
			asks[i] = everything
			asks[i].Resource = must(w.site.BaseURL(conns[i].Account, netsuite.ServiceSuiteTalk))(t).String()
		}
	}
	replicas := []*tokens.Service{w.Tokens, w.Replica("replica-2")}
	defer replicas[1].Close()
	var callersDone sync.WaitGroup
	for n := range callers {
		callersDone.Go(func() {
			for round := range rounds {
				i := (n*7 + round*3) % accounts
				out, err := replicas[n%2].HandOut(t.Context(), asks[i])
				if err != nil {
					t.Errorf("account %s: %v", conns[i].Account, err)
					return
				}
				claims, err := netsuite.ReadClaims(out.AccessToken)
				if err != nil || claims.Account != conns[i].Account || claims.Role != conns[i].RoleID || out.Account != conns[i].Account {
					t.Errorf("asked for %s, got a token of %s, told as %s (%v)", conns[i].Account, claims.Account, out.Account, err)
				}
			}
		})
	}
	for i := range 3 { // meanwhile
		api := &netsuite.API{Account: conns[i].Account, Site: w.site, Token: w.consent(conns[i].Account.String())}
		switched := conns[i]
		if err := w.rotate(&switched, api); err != nil {
			t.Errorf("rotate %s: %v", switched.Account, err)
		}
		w.Tokens.Forget(switched.ID)
	}
	callersDone.Wait()
	for i, conn := range conns {
		out := must(w.Tokens.HandOut(t.Context(), asks[i]))(t)
		api := netsuite.API{Account: conn.Account, Site: w.site, Token: out.AccessToken}
		if _, err := api.SuiteQL(t.Context(), "SELECT 1 AS ok FROM dual", 1, 0); err != nil {
			t.Errorf("NetSuite does not take the token of %s: %v", conn.Account, err)
		}
	}
	// A switch costs the new token; one more for each replica that was minting with the old certificate at that moment.
	if n := w.mints(); n > accounts+3*3 {
		t.Errorf("%d accounts with 3 rotations took %d mints", accounts, n)
	}
}

func TestTE03_MintedForAnotherAccount(t *testing.T) {
	w := newWorld(t, "1234567", "7654321")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)
	var log bytes.Buffer
	w.Tokens.Logger = slog.New(slog.NewTextHandler(&log, nil))
	w.srv.Account("1234567").TokenAccountOverride("7654321")
	_, err := w.Tokens.HandOut(t.Context(), ask)
	wantRefusal(t, err, tokens.ServerError, broker.CodeInternal)
	if !strings.Contains(log.String(), "7654321") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log does not name the other account:\n%s", &log)
	}
	if _, err := w.Store.AccessToken(t.Context(), conn.ID); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("the foreign token was stored (%v)", err)
	}
	w.srv.Account("1234567").TokenAccountOverride("")
	w.srv.Clock().Advance(31 * time.Second)
	if _, err := w.Tokens.HandOut(t.Context(), ask); err != nil {
		t.Errorf("the right token is not handed out afterwards: %v", err)
	}
}

func TestTE03_SealedForAnother(t *testing.T) {
	for name, token := range map[string]string{
		"account":     tokenstest.AccessToken("7654321", 1000, 12, []string{"rest_webservices", "restlets"}),
		"environment": tokenstest.AccessToken("1234567_SB1", 1000, 12, []string{"rest_webservices", "restlets"}),
		"role":        tokenstest.AccessToken("1234567", 3, 12, []string{"rest_webservices", "restlets"}),
		"entity":      tokenstest.AccessToken("1234567", 1000, -5, []string{"rest_webservices", "restlets"}),
		"no token":    "not a token",
		"empty":       "",
	} {
		t.Run(name, func(t *testing.T) {
			e := tokenstest.New(t, tokenstest.Config{})
			conn := must(e.Connect(t.Context(), "1234567", 1000, 12, nil))(t)
			row := broker.AccessToken{ConnectionID: conn.ID, CertificateID: conn.CertificateID, MintedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
			row.Token = must(e.Vault.Seal(broker.Place{Table: "access_tokens", Column: "token", Row: conn.ID, App: conn.App}, []byte(token)))(t)
			if err := e.Store.SaveAccessToken(t.Context(), &row); err != nil {
				t.Fatal(err)
			}
			out, err := e.Tokens.HandOut(t.Context(), client(t, e, conn))
			wantRefusal(t, err, tokens.ServerError, broker.CodeInternal)
			if !out.AccessToken.IsZero() {
				t.Error("a token came with the refusal")
			}
		})
	}
}

func TestTE04_EnvironmentIsPartOfTheAccount(t *testing.T) {
	e := tokenstest.New(t, tokenstest.Config{})
	site := must(netsuite.EmulatorSite("127.0.0.1:1"))(t)
	held := map[netsuite.AccountID]string{}
	var conns []broker.Connection
	for _, account := range []netsuite.AccountID{"1234567", "1234567_SB1", "1234567_SB2", "1234567_RP"} {
		conn := must(e.Connect(t.Context(), account, 1000, 12, nil))(t)
		held[account] = must(e.Hold(t.Context(), conn, time.Hour))(t)
		conns = append(conns, conn)
	}
	ask := client(t, e, conns...)
	for spelling, account := range map[string]netsuite.AccountID{
		"1234567": "1234567", "1234567_SB1": "1234567_SB1", "1234567-sb1": "1234567_SB1", "1234567_sb2": "1234567_SB2", "1234567-RP": "1234567_RP",
	} {
		t.Run(spelling, func(t *testing.T) {
			id := must(netsuite.ParseAccountID(spelling))(t)
			ask.Resource = must(site.BaseURL(id, netsuite.ServiceSuiteTalk))(t).String()
			out := must(e.Tokens.HandOut(t.Context(), ask))(t)
			if out.Account != account || out.AccessToken.Reveal() != held[account] {
				t.Errorf("got a token of %s, want of %s", out.Account, account)
			}
		})
	}
}

func TestTE09_WithdrawnClientIsNoticed(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	other := w.Replica("replica-2")
	defer other.Close()
	for _, s := range []*tokens.Service{w.Tokens, other} {
		if _, err := s.HandOut(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Tokens.RevokeClient(t.Context(), ask.ClientID); err != nil {
		t.Fatal(err)
	}
	_, err := w.Tokens.HandOut(t.Context(), ask)
	wantRefusal(t, err, tokens.InvalidClient, broker.CodeInvalid)
	w.srv.Clock().Advance(2 * time.Second)
	_, err = other.HandOut(t.Context(), ask)
	wantRefusal(t, err, tokens.InvalidClient, broker.CodeInvalid)
	if err := w.Tokens.RevokeClient(t.Context(), ask.ClientID); err != nil {
		t.Errorf("revoking again: %v", err)
	}
	if n := count(lines(t, w.Env), "client.revoked"); n != 1 {
		t.Errorf("got %d audit lines for one revocation", n)
	}
	if err := w.Tokens.RevokeClient(t.Context(), "cl_aaaaaaaaaaaaaaaa"); broker.CodeOf(err) != broker.CodeNotFound {
		t.Errorf("revoking an unknown client: got %v", err)
	}
}

func TestDisconnectedConnectionIsNoticed(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)
	if _, err := w.Tokens.HandOut(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	conn.State = broker.ConnectionDisconnected
	if err := w.Store.SaveConnection(t.Context(), &conn); err != nil {
		t.Fatal(err)
	}
	w.srv.Clock().Advance(2 * time.Second)
	_, err := w.Tokens.HandOut(t.Context(), ask)
	wantRefusal(t, err, tokens.InvalidGrant, broker.CodeSetupState)
}

func TestScope(t *testing.T) {
	e := tokenstest.New(t, tokenstest.Config{})
	conn := must(e.Connect(t.Context(), "1234567", 1000, 12, nil))(t)
	must(e.Hold(t.Context(), conn, time.Hour))(t)
	ask := client(t, e, conn)
	for scope, ok := range map[string]bool{
		"": true, " ": true, "restlets": true, "restlets rest_webservices": true, "suite_analytics": false, "restlets admin": false, "RESTLETS": false,
		strings.Repeat("x", 10_000): false,
	} {
		ask.Scope = scope
		out, err := e.Tokens.HandOut(t.Context(), ask)
		if !ok {
			wantRefusal(t, err, tokens.InvalidScope, broker.CodeInvalid)
		} else if err != nil || out.Scope != "rest_webservices restlets" {
			t.Errorf("scope %q: got %q, %v", scope, out.Scope, err)
		}
	}
}

func TestTwoHundredCallersOneMint(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() {
			if _, err := w.Tokens.HandOut(t.Context(), ask); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if n := w.mints(); n != 1 {
		t.Errorf("200 callers took %d mints, want 1", n)
	}
	if n := count(lines(t, w.Env), broker.AuditTokenHandedOut); n != 200 {
		t.Errorf("got %d audit lines for 200 hand-outs", n)
	}
}

// hold stops requests for tokens at NetSuite until the returned function is called; arrived is closed with the first one.
func (w *world) hold() (arrived chan struct{}, release func()) {
	arrived, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	remove := w.srv.Fault(netsuitetest.Fault{
		Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") },
		Kind:  netsuitetest.FaultBlock, Release: gate, OnMatch: func(*http.Request) { once.Do(func() { close(arrived) }) },
	})
	return arrived, sync.OnceFunc(func() { remove(); close(gate) })
}

func TestOneWaiterLeavesTheOthersStay(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	arrived, release := w.hold()
	defer release()
	impatient, leave := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := w.Tokens.HandOut(impatient, ask); first <- err }()
	<-arrived
	go func() { _, err := w.Tokens.HandOut(t.Context(), ask); second <- err }()
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the waiter that left got %v", err)
	}
	release()
	if err := <-second; err != nil {
		t.Errorf("the other waiter got %v", err)
	}
	if n := w.mints(); n != 1 {
		t.Errorf("got %d mints, want 1", n)
	}
}

func TestCloseEndsAMint(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	arrived, release := w.hold()
	defer release()
	waiting := make(chan error, 1)
	go func() { _, err := w.Tokens.HandOut(t.Context(), ask); waiting <- err }()
	<-arrived
	w.Tokens.Close()
	wantRefusal(t, <-waiting, tokens.Unavailable, broker.CodeInternal)
	_, err := w.Tokens.HandOut(t.Context(), ask)
	wantRefusal(t, err, tokens.Unavailable, broker.CodeInternal)
}

func TestRestartTakesTheSealedCopy(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	before := must(w.Tokens.HandOut(t.Context(), ask))(t)
	restarted := w.Replica("replica-1")
	defer restarted.Close()
	after := must(restarted.HandOut(t.Context(), ask))(t)
	if !after.AccessToken.Equal(before.AccessToken) || w.mints() != 1 {
		t.Errorf("after a restart there were %d mints, want 1 and the same token", w.mints())
	}
}

func TestTwoReplicasMintOnce(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	replicas := []*tokens.Service{w.Tokens, w.Replica("replica-2"), w.Replica("replica-3")}
	arrived, release := w.hold()
	defer release()
	var callers sync.WaitGroup
	for i := range 60 {
		callers.Go(func() {
			if _, err := replicas[i%3].HandOut(t.Context(), ask); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	release()
	callers.Wait()
	for _, r := range replicas[1:] {
		r.Close()
	}
	if n := w.mints(); n != 1 {
		t.Errorf("three replicas took %d mints, want 1", n)
	}
}

func TestWaitsForTheHolderOfTheLease(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)
	lease, ours, err := w.Store.AcquireLease(t.Context(), "mint/"+conn.ID, "a replica that is minting", time.Minute)
	if err != nil || !ours {
		t.Fatal(ours, err)
	}
	impatient, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	if _, err := w.Tokens.HandOut(impatient, ask); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller with a deadline got %v", err)
	}
	waiting := make(chan tokens.HandOut, 1)
	go func() { out, _ := w.Tokens.HandOut(t.Context(), ask); waiting <- out }()
	token := must(w.Hold(t.Context(), conn, time.Hour))(t) // the other replica has finished
	if out := <-waiting; out.AccessToken.Reveal() != token {
		t.Error("the waiter did not take the sealed copy of the other replica")
	}
	if w.mints() != 0 {
		t.Errorf("the waiter made %d mints, want none", w.mints())
	}
	if err := w.Store.ReleaseLease(t.Context(), lease); err != nil {
		t.Error("the lease was taken away from its holder:", err)
	}
}

func TestRestOfLife(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	first := must(w.Tokens.HandOut(t.Context(), ask))(t)
	w.srv.Clock().Advance(54 * time.Minute) // 6 minutes are left
	again := must(w.Tokens.HandOut(t.Context(), ask))(t)
	if !again.AccessToken.Equal(first.AccessToken) || again.ExpiresIn < 5*time.Minute || again.ExpiresIn > 6*time.Minute-30*time.Second {
		t.Errorf("with six minutes left: got a life of %s, want at most 5m30s of the same token", again.ExpiresIn)
	}
	w.srv.Clock().Advance(61 * time.Second) // less than 5 minutes are left
	third := must(w.Tokens.HandOut(t.Context(), ask))(t)
	if third.AccessToken.Equal(first.AccessToken) || third.ExpiresIn < 50*time.Minute || w.mints() != 2 {
		t.Errorf("a token in its last five minutes was handed out, or not renewed once: life %s, %d mints", third.ExpiresIn, w.mints())
	}
}

func TestDO02_BrokenConnectionIsNotHammered(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)
	if err := w.srv.Account("1234567").RevokeCertificate(conn.CertificateID); err != nil {
		t.Fatal(err)
	}
	storm := func() {
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				_, err := w.Tokens.HandOut(t.Context(), ask)
				refusal := new(tokens.Refusal)
				if !errors.As(err, &refusal) || refusal.Reason != tokens.InvalidGrant || refusal.Code() != broker.CodeBroken {
					t.Errorf("got %v, want invalid_grant with the repair", err)
				} else if !strings.Contains(refusal.Err.Remedy(), "repair link") {
					t.Errorf("the refusal does not say the repair: %q", refusal.Err.Remedy())
				}
			})
		}
		callers.Wait()
	}
	start := w.srv.Clock().Now()
	for w.srv.Clock().Now().Sub(start) < 58*time.Minute {
		storm()
		w.srv.Clock().Advance(time.Minute)
	}
	if n := w.mints(); n != 4 {
		t.Errorf("an hour of refused callers made %d requests, want one in each quarter of an hour", n)
	}
}

func TestDO02_OutageOfNetSuite(t *testing.T) {
	w := newWorld(t, "1234567", "7654321")
	cached, cold := client(t, w.Env, w.connect("1234567")), client(t, w.Env, w.connect("7654321"))
	before := must(w.Tokens.HandOut(t.Context(), cached))(t)
	heal := w.srv.Fault(netsuitetest.Fault{
		Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") },
		Kind:  netsuitetest.FaultStatus, Status: http.StatusServiceUnavailable, RetryAfter: "90",
	})
	for range 20 {
		_, err := w.Tokens.HandOut(t.Context(), cold)
		if refusal := wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable); refusal.RetryAfter < 80*time.Second || refusal.RetryAfter > 90*time.Second {
			t.Errorf("got Retry-After %s, want NetSuite's 90 s", refusal.RetryAfter)
		}
		if out, err := w.Tokens.HandOut(t.Context(), cached); err != nil || !out.AccessToken.Equal(before.AccessToken) {
			t.Fatalf("the cached token is not served during the outage: %v", err)
		}
	}
	if n := w.mints(); n > 2 {
		t.Errorf("the outage met %d requests, want at most one besides the first mint", n)
	}
	heal()
	w.srv.Clock().Advance(91 * time.Second)
	if _, err := w.Tokens.HandOut(t.Context(), cold); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestLostAnswerIsTemporary(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	w.srv.Fault(netsuitetest.Fault{
		Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") }, Times: 1, Kind: netsuitetest.FaultCutAfter,
	})
	_, err := w.Tokens.HandOut(t.Context(), ask)
	wantRefusal(t, err, tokens.Unavailable, broker.CodeUnreachable)
	w.srv.Clock().Advance(61 * time.Second)
	if _, err := w.Tokens.HandOut(t.Context(), ask); err != nil {
		t.Errorf("after the lost answer: %v", err)
	}
}

func TestForgetAfterASwitch(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)
	before := must(w.Tokens.HandOut(t.Context(), ask))(t)
	other := w.Replica("replica-2") // nobody tells it to forget
	defer other.Close()
	must(other.HandOut(t.Context(), ask))(t)
	api := &netsuite.API{Account: "1234567", Site: w.site, Token: w.consent("1234567")}
	if err := w.rotate(&conn, api); err != nil {
		t.Fatal(err)
	}
	w.Tokens.Forget(conn.ID)
	after := must(w.Tokens.HandOut(t.Context(), ask))(t)
	if after.AccessToken.Equal(before.AccessToken) {
		t.Error("the token of the old certificate was handed out after the switch")
	}
	w.srv.Clock().Advance(2 * time.Second)
	if out := must(other.HandOut(t.Context(), ask))(t); !out.AccessToken.Equal(after.AccessToken) {
		t.Error("the other replica still hands out the token of the old certificate after two seconds")
	}
	last := w.srv.Ledger().Entries(tokenRequest)
	if got := last[len(last)-1].CertificateID; got != conn.CertificateID {
		t.Errorf("the new token was asked for with certificate %s, want %s", got, conn.CertificateID)
	}
}

func TestLO03_NoTokenWithoutAuditLine(t *testing.T) {
	w := newWorld(t, "1234567")
	ask := client(t, w.Env, w.connect("1234567"))
	if _, err := w.Tokens.HandOut(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	deaf := w.Replica("replica-2")
	defer deaf.Close()
	broken := audit.New(fullDisk{}, nil)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- broken.Run(ctx) }()
	defer func() { end(); <-done }()
	deaf.Audit = broken
	before := count(lines(t, w.Env), broker.AuditTokenHandedOut)
	for range 20 {
		out, err := deaf.HandOut(t.Context(), ask)
		refusal := wantRefusal(t, err, tokens.Unavailable, broker.CodeAudit)
		if !out.AccessToken.IsZero() || refusal.RetryAfter == 0 || !strings.Contains(refusal.Error(), "audit_unavailable") {
			t.Fatalf("got a token or an unclear refusal: %v", refusal)
		}
	}
	if n := count(lines(t, w.Env), broker.AuditTokenHandedOut) - before; n != 0 {
		t.Errorf("%d hand-outs are in the log of the sound disk", n)
	}
}

// fullDisk is an audit store whose disk is full.
type fullDisk struct{}

func (fullDisk) AppendAudit(context.Context, *broker.AuditGroup) error {
	return errors.New("database or disk is full")
}

func (fullDisk) AuditHead(context.Context) (broker.AuditGroup, error) {
	return broker.AuditGroup{}, broker.ErrNotFound
}

func TestVA02_TamperedCopyIsNotUsed(t *testing.T) {
	e := tokenstest.New(t, tokenstest.Config{})
	conn, other := must(e.Connect(t.Context(), "1234567", 1000, 12, nil))(t), must(e.Connect(t.Context(), "7654321", 1000, 12, nil))(t)
	must(e.Hold(t.Context(), other, time.Hour))(t)
	moved := must(e.Store.AccessToken(t.Context(), other.ID))(t)
	moved.ConnectionID, moved.CertificateID, moved.Version = conn.ID, conn.CertificateID, 0
	if err := e.Store.SaveAccessToken(t.Context(), &moved); err != nil {
		t.Fatal(err)
	}
	_, err := e.Tokens.HandOut(t.Context(), client(t, e, conn))
	wantRefusal(t, err, tokens.ServerError, broker.CodeTampered)
	if _, err := e.Tokens.HandOut(t.Context(), client(t, e, other)); err != nil {
		t.Errorf("the other connection does not go on: %v", err)
	}
}

func TestScopeAddedToTheApp(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	w.App.Scopes = []string{"rest_webservices"}
	if err := w.Store.SaveApp(t.Context(), &w.App); err != nil {
		t.Fatal(err)
	}
	ask := client(t, w.Env, conn)
	if out := must(w.Tokens.HandOut(t.Context(), ask))(t); out.Scope != "rest_webservices" {
		t.Fatalf("got scope %q", out.Scope)
	}
	w.App.Scopes = []string{"rest_webservices", "restlets", "suite_analytics"} // the last is not for web services
	if err := w.Store.SaveApp(t.Context(), &w.App); err != nil {
		t.Fatal(err)
	}
	w.srv.Clock().Advance(2 * time.Second)
	ask.Scope = "restlets"
	if out := must(w.Tokens.HandOut(t.Context(), ask))(t); out.Scope != "rest_webservices restlets" || w.mints() != 2 {
		t.Errorf("got scope %q after %d mints, want a new token with both scopes", out.Scope, w.mints())
	}
}

func TestCreateClient(t *testing.T) {
	e := tokenstest.New(t, tokenstest.Config{})
	conn := must(e.Connect(t.Context(), "1234567", 1000, 12, nil))(t)
	other := broker.App{Name: "other-app", Integration: e.App.Integration, Scopes: e.App.Scopes}
	other.Complete()
	if err := e.Store.SaveApp(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	id, secret, err := e.Tokens.CreateClient(t.Context(), e.App.Name, []string{conn.ID})
	if err != nil {
		t.Fatal(err)
	}
	if form := regexp.MustCompile(`^[A-Za-z0-9_-]+$`); !form.MatchString(id) || !form.MatchString(secret.Reveal()) || !strings.HasPrefix(id, "cl_") || len(secret.Reveal()) != 43 {
		t.Errorf("got ID %q and a secret of %d characters, want cl_ and 32 bytes in A-Za-z0-9-_", id, len(secret.Reveal()))
	}
	stored := must(e.Store.Client(t.Context(), id))(t)
	if !reflect.DeepEqual(stored.SecretHashes, []string{broker.HashToken(secret.Reveal())}) || !reflect.DeepEqual(stored.Connections, []string{conn.ID}) {
		t.Errorf("stored %+v, want the hash of the secret and the connection", stored)
	}
	if n := count(lines(t, e), broker.AuditClientCreated); n != 1 {
		t.Errorf("got %d audit lines for one client", n)
	}
	for name, tc := range map[string]struct {
		app         string
		connections []string
		code        broker.Code
	}{
		"no app":              {"", []string{conn.ID}, broker.CodeNotFound},
		"unknown app":         {"nobody", []string{conn.ID}, broker.CodeNotFound},
		"no connection":       {e.App.Name, nil, broker.CodeInvalid},
		"empty connection":    {e.App.Name, []string{""}, broker.CodeNotFound},
		"unknown connection":  {e.App.Name, []string{"conn_none"}, broker.CodeNotFound},
		"foreign connection":  {"other-app", []string{conn.ID}, broker.CodeNotFound},
		"twice":               {e.App.Name, []string{conn.ID, conn.ID}, broker.CodeInvalid},
		"too many":            {e.App.Name, make([]string, 1001), broker.CodeInvalid},
		"hostile":             {e.App.Name, []string{"' OR 1=1 --"}, broker.CodeNotFound},
		"huge connection":     {e.App.Name, []string{strings.Repeat("x", 1<<20)}, broker.CodeNotFound},
		"one good, one wrong": {e.App.Name, []string{conn.ID, "conn_none"}, broker.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, secret, err := e.Tokens.CreateClient(t.Context(), tc.app, tc.connections)
			if broker.CodeOf(err) != tc.code || !secret.IsZero() {
				t.Errorf("got %v, want code %s and no secret", err, tc.code)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
		})
	}
	if n := len(must(e.Store.Clients(t.Context(), e.App.Name))(t)); n != 1 {
		t.Errorf("refusals left %d clients, want the one that was made", n)
	}
}

func TestRefusalsAreAudited(t *testing.T) {
	e := tokenstest.New(t, tokenstest.Config{})
	ask := client(t, e, must(e.Connect(t.Context(), "1234567", 1000, 12, nil))(t))
	for range 50 { // an outsider must not be able to fill the disk
		stranger, wrong := ask, ask
		stranger.ClientID, wrong.Secret = broker.NewID("cl"), netsuite.NewSecret("wrong")
		for _, r := range []tokens.Request{stranger, wrong} {
			_, err := e.Tokens.HandOut(t.Context(), r)
			wantRefusal(t, err, tokens.InvalidClient, broker.CodeInvalid)
		}
	}
	refused := slices.DeleteFunc(lines(t, e), func(l broker.AuditLine) bool { return l.Event != broker.AuditTokenRefused })
	if len(refused) != 1 || refused[0].Actor != ask.ClientID || refused[0].Detail != "invalid_client" {
		t.Errorf("100 failed proofs left the lines %+v, want one for the known client", refused)
	}
	ask.Scope = "admin"
	for range 3 {
		_, err := e.Tokens.HandOut(t.Context(), ask)
		wantRefusal(t, err, tokens.InvalidScope, broker.CodeInvalid)
	}
	if n := count(lines(t, e), broker.AuditTokenRefused); n != 4 {
		t.Errorf("got %d lines after three refusals of a proven client, want 4", n)
	}
}

func TestLO01_NoSecretInLogAndErrors(t *testing.T) {
	w := newWorld(t, "1234567")
	conn := w.connect("1234567")
	ask := client(t, w.Env, conn)
	var log bytes.Buffer
	w.Tokens.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	out := must(w.Tokens.HandOut(t.Context(), ask))(t)
	stranger, wrong := ask, ask
	stranger.ClientID, wrong.Secret = broker.NewID("cl"), netsuite.NewSecret("canary-in-a-wrong-secret")
	for _, r := range []tokens.Request{stranger, wrong} {
		_, err := w.Tokens.HandOut(t.Context(), r)
		log.WriteString(err.Error())
	}
	w.srv.Account("1234567").TokenAccountOverride("7654321")
	w.srv.Clock().Advance(time.Hour)
	_, err := w.Tokens.HandOut(t.Context(), ask)
	log.WriteString(err.Error())
	for _, group := range must(w.Store.AuditGroups(t.Context(), 0, 1000))(t) {
		log.Write(group.Lines)
	}
	for name, secret := range map[string]string{"client secret": ask.Secret.Reveal(), "wrong secret": wrong.Secret.Reveal(), "access token": out.AccessToken.Reveal()} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the %s is in the log", name)
		}
	}
}
