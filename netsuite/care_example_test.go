package netsuite_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// One Governor for all connections of a program. Without one they share DefaultGovernor.
func ExampleGovernor() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	credentials := emulator.machine()
	credentials.Governor = &netsuite.Governor{Limit: 2, Tries: 6}
	api := credentials.API()

	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := api.SuiteQL(ctx, "SELECT id FROM customer ORDER BY id", 1, 0); err != nil {
				fmt.Println(err)
			}
		})
	}
	group.Wait()
	most := 0
	for _, entry := range emulator.Ledger().Entries() {
		most = max(most, entry.Running)
	}
	fmt.Println("never more than two at once:", most <= 2)
	// Output:
	// never more than two at once: true
}

// The limit that the administrator bought, less one for others.
func ExampleGovernor_SetLimit() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	if err := emulator.account.SetConcurrency(15); err != nil {
		fmt.Println(err)
		return
	}
	credentials := emulator.machine()
	credentials.Governor = new(netsuite.Governor)

	limits, err := emulator.administrator().GovernanceLimits(ctx) // once, while an administrator's token is at hand
	if err != nil {
		fmt.Println(err)
		return
	}
	credentials.Governor.SetLimit(credentials.Site, credentials.Account, limits.Usable())
	fmt.Println(limits.LimitType, limits.AccountConcurrencyLimit, limits.Usable())
	// Output:
	// accountLimit 15 14
}

// Only an administrator may ask.
func ExampleAPI_GovernanceLimits() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	if err := emulator.account.AllocateConcurrency(emulator.app.ClientID, 3); err != nil {
		fmt.Println(err)
		return
	}

	limits, err := emulator.administrator().GovernanceLimits(ctx)
	fmt.Println(limits.LimitType, limits.IntegrationConcurrencyLimit, "of", limits.AccountConcurrencyLimit, err)
	_, err = emulator.machine().API().GovernanceLimits(ctx)
	fmt.Println(errors.Is(err, netsuite.ErrPermission))
	// Output:
	// integrationSpecific 3 of 5 <nil>
	// true
}

// slots is a limit that processes could share: a lease in a database, a semaphore in Redis. Here it is a channel.
type slots chan struct{}

func (s slots) Acquire(ctx context.Context, _ netsuite.Site, _ netsuite.AccountID) (release func(), err error) {
	select {
	case s <- struct{}{}:
		return sync.OnceFunc(func() { <-s }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Two programs that call one account share its concurrency.
func ExampleLimiter() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()

	shared := make(slots, 4)
	for _, credentials := range []*netsuite.ClientCredentials{emulator.machine(), emulator.credentials(admin, "administrator", netsuite.P256)} {
		credentials.Governor = &netsuite.Governor{Limiter: shared}
		_, err := credentials.API().ServerTime(ctx)
		fmt.Println(len(shared), "slots in use,", err)
	}
	// Output:
	// 0 slots in use, <nil>
	// 0 slots in use, <nil>
}

// Tell errors apart by the Err variables; Code, Locator and Hint are for logs and people.
func ExampleError() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.administrator()

	_, err := api.CreateRecord(ctx, "customer", map[string]any{"companyName": "Hollow & Sons", "creditLimit": "much"})
	var refused *netsuite.Error
	switch {
	case errors.Is(err, netsuite.ErrPermission):
		fmt.Println("the role lacks a permission")
	case errors.As(err, &refused):
		fmt.Println(refused.Op, refused.Status, refused.Code, refused.Locator)
		fmt.Println("hint:", refused.Hint)
	}
	// Output:
	// record creation 400 INVALID_CONTENT body creditLimit
	// hint: the detail and the locator say which field or value was refused; compare them with the record's schema
}

// NetSuite's answer never says why a login was refused. These are the probable causes, with the name to look for in the
// account's Login Audit Trail.
func ExampleError_Causes() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := &netsuite.API{Account: "1234567", Site: emulator.site, Token: emulator.consent(ctx).AccessToken}
	emulator.Clock().Advance(2 * time.Hour)

	_, err := api.ServerTime(ctx)
	var refused *netsuite.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code)
		for _, cause := range refused.Causes()[:3] {
			fmt.Printf("- %s: %s (%s)\n", cause.Text, cause.Remedy, cause.AuditTrail)
		}
	}
	// Output:
	// 401 INVALID_LOGIN
	// - the access token has expired: fetch a new one; renew about 50 minutes after it was made (AccessTokenExpired)
	// - a refresh token or an assertion was sent as the access token: send Token.AccessToken (TokenRejected)
	// - the token is of another account than the host: see that account and token belong together (InvalidSignature)
}

// Waiting may help, and nothing is wrong with the credentials.
func ExampleIsTemporary() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.administrator()
	emulator.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultStatus, Status: http.StatusServiceUnavailable, RetryAfter: "300", Match: of(http.MethodGet, "/services/rest/system/v1/serverTime")})

	_, err := api.ServerTime(ctx)
	var e *netsuite.Error
	if netsuite.IsTemporary(err) && errors.As(err, &e) {
		fmt.Println("try again in", max(e.RetryAfter, time.Minute))
	}
	// Output:
	// try again in 5m0s
}

// The cheapest test of a connection.
func ExampleAPI_ServerTime() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	emulator.Clock().Set(time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC))
	api := emulator.machine().API()

	now, err := api.ServerTime(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("connected, at", now.Format("15:04"))
	// Output:
	// connected, at 12:00
}

func ExampleAPI_ClockOffset() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	emulator.SkewDate(-90 * time.Second)
	api := emulator.machine().API()

	ahead, err := api.ClockOffset(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if ahead.Abs() > 30*time.Second {
		fmt.Println("NetSuite's clock is ahead by", ahead.Round(10*time.Second))
	}
	// Output:
	// NetSuite's clock is ahead by -1m30s
}

// What still uses the old way, before it is moved to OAuth 2.0. It can only read.
func ExampleTBA() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	old, err := emulator.account.AddTBAToken(netsuitetest.TBAToken{User: admin, Role: "administrator", Application: "Webshop 2014"})
	if err != nil {
		fmt.Println(err)
		return
	}

	tba := &netsuite.TBA{
		Account:     "1234567",
		ConsumerKey: old.ConsumerKey, ConsumerSecret: netsuite.NewSecret(old.ConsumerSecret),
		TokenID: old.TokenID, TokenSecret: netsuite.NewSecret(old.TokenSecret),
		Site: emulator.site, // leave it out for netsuite.com
	}
	page, err := tba.API().SuiteQL(ctx, "SELECT TBA_App_Name AS app, BUILTIN.DF(Entity_Name) AS who FROM oAuthToken WHERE BINACTIVE = 'F' AND BREVOKED = 'F'", 100, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Rows)

	_, err = tba.API().CreateRecord(ctx, "customer", map[string]string{"companyName": "Hollow & Sons"})
	fmt.Println("reads only:", errors.Is(err, netsuite.ErrReadOnly))
	// Output:
	// [{"app":"Webshop 2014","who":"Ada Admin"}]
	// reads only: true
}

func ExampleTBA_Client() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	tba := emulator.tba(admin, "administrator")

	resp, err := tba.Client(ctx).Get(emulator.url("/services/rest/record/v1/customer/1001"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Status)
	// Output:
	// 200 OK
}
