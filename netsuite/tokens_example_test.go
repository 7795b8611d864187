package netsuite_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// A program without a person: one literal, then the account's APIs, which sign in by themselves.
func ExampleClientCredentials() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	key, certificateID := emulator.mappedKey(admin, "administrator", netsuite.P256)

	credentials := &netsuite.ClientCredentials{
		Account:       "1234567",
		ClientID:      emulator.app.ClientID,
		CertificateID: certificateID,
		Key:           key, // in a program: netsuite.ParsePrivateKey, or the crypto.Signer of an HSM or a KMS
		Scopes:        []string{"rest_webservices"},
		Site:          emulator.site, // leave it out for netsuite.com
	}
	page, err := credentials.API().SuiteQL(ctx, "SELECT id FROM customer ORDER BY id", 10, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Count, "of", page.Total, "customers")
	// Output:
	// 10 of 40 customers
}

// The same token is given out until five minutes before its end.
func ExampleClientCredentials_Token() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	credentials := emulator.machine()

	token, err := credentials.Token(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := token.Claims()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.TokenType, token.AccessToken, token.ExpiresIn, claims.Account, claims.Scopes)

	emulator.Clock().Advance(54 * time.Minute)
	again, err := credentials.Token(ctx)
	fmt.Println("the same after 54 minutes:", again == token, err)
	emulator.Clock().Advance(2 * time.Minute)
	again, err = credentials.Token(ctx)
	fmt.Println("the same after 56 minutes:", again == token, err)
	// Output:
	// Bearer [redacted] 1h0m0s 1234567 [rest_webservices restlets]
	// the same after 54 minutes: true <nil>
	// the same after 56 minutes: false <nil>
}

// For whatever is built on golang.org/x/oauth2. Client takes better care of the account.
func ExampleClientCredentials_TokenSource() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	credentials := emulator.machine()

	ctx = context.WithValue(ctx, oauth2.HTTPClient, credentials.Site.HTTPClient(credentials.Account)) // goes to the account's hosts only
	client := oauth2.NewClient(ctx, credentials.TokenSource(ctx))
	resp, err := client.Get(emulator.url("/services/rest/system/v1/serverTime"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Status)
	// Output:
	// 200 OK
}

// An http.Client for requests of one's own. It signs in, keeps to the account's limits and never leaves its hosts.
func ExampleClientCredentials_Client() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	credentials := emulator.machine()

	base, err := credentials.Site.BaseURL(credentials.Account, netsuite.ServiceSuiteTalk)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := credentials.Client(ctx)
	resp, err := client.Get(base.String() + "/services/rest/record/v1/metadata-catalog?select=customer")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()
	fmt.Println(resp.Status)

	_, err = client.Get("https://elsewhere.example/")
	fmt.Println("refused:", errors.Is(err, netsuite.ErrHostRefused))
	// Output:
	// 200 OK
	// refused: true
}

// hsm stands for a device or a key service: what it needs is Public and Sign, the key never leaves it.
type hsm struct {
	key    crypto.Signer
	signed int
}

func (h *hsm) Public() crypto.PublicKey { return h.key.Public() }

func (h *hsm) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	h.signed++
	return h.key.Sign(random, digest, opts)
}

// Any crypto.Signer will do. Assertion shows what it signs; the other methods make their own.
func ExampleClientCredentials_Assertion() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	key, certificateID := emulator.mappedKey(admin, "administrator", netsuite.RSA3072)
	device := &hsm{key: key}

	credentials := &netsuite.ClientCredentials{
		Account: "1234567", ClientID: emulator.app.ClientID, CertificateID: certificateID, Key: device,
		Scopes: []string{"rest_webservices"}, Site: emulator.site,
	}
	assertion, err := credentials.Assertion()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(protectedHeader(assertion)["alg"], protectedHeader(assertion)["kid"] == certificateID)
	_, err = credentials.Token(ctx)
	fmt.Println(device.signed, "signatures", err)
	// Output:
	// PS256 true
	// 2 signatures <nil>
}

// NetSuite's clock against this machine's, for a warning before it does harm.
func ExampleClientCredentials_ClockOffset() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	emulator.SkewDate(4 * time.Minute)
	credentials := emulator.machine()

	if _, err := credentials.Token(ctx); err != nil { // assertions are corrected by up to five minutes
		fmt.Println(err)
		return
	}
	ahead, known := credentials.ClockOffset()
	if known && ahead.Abs() > 30*time.Second {
		fmt.Println("set this machine's clock: NetSuite's is ahead by", ahead.Round(time.Minute))
	}
	// Output:
	// set this machine's clock: NetSuite's is ahead by 4m0s
}

// A public client's refresh token changes with each refresh: the next one is stored before it is used, and this process alone
// refreshes.
func ExampleUserCredentials() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{Public: true}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	stored := emulator.consent(ctx).RefreshToken // in a program: netsuite.ReadSecretFile, or a database

	saved := 0
	user := &netsuite.UserCredentials{
		Grant: netsuite.CodeGrant{
			ClientID: emulator.app.ClientID, RedirectURI: "https://portal.acme.example/back",
			Scopes: []string{"rest_webservices", "restlets"}, Site: emulator.site,
		},
		Account: "1234567",
		Stored:  netsuite.Token{RefreshToken: stored},
		Save: func(_ context.Context, _, next *netsuite.Token) error {
			stored = next.RefreshToken // in a program: stored.WriteFile, or a transaction
			saved++
			return nil
		},
	}
	page, err := user.API().SuiteQL(ctx, "SELECT id FROM customer ORDER BY id", 1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Total, "customers, saved", saved, "token")
	// Output:
	// 40 customers, saved 1 token
}

// When no refresh helps any more, only the person can: send them through the consent again.
func ExampleUserCredentials_Token() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	user := &netsuite.UserCredentials{Grant: emulator.grant(), Account: "1234567", Stored: *emulator.consent(ctx)}

	emulator.Clock().Advance(8 * 24 * time.Hour) // a confidential client's refresh token lives seven days
	_, err := user.Token(ctx)
	if errors.Is(err, netsuite.ErrConsentNeeded) {
		fmt.Println("ask the person for consent")
	}
	// Output:
	// ask the person for consent
}

func ExampleUserCredentials_TokenSource() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	user := &netsuite.UserCredentials{Grant: emulator.grant(), Account: "1234567", Stored: *emulator.consent(ctx)}

	token, err := user.TokenSource(ctx).Token()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Type(), token.Valid(), "refresh token:", token.RefreshToken != "") // nothing else may use it
	// Output:
	// Bearer true refresh token: false
}

func ExampleUserCredentials_Client() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	user := &netsuite.UserCredentials{Grant: emulator.grant(), Account: "1234567", Stored: *emulator.consent(ctx)}

	resp, err := user.Client(ctx).Get(emulator.url("/services/rest/record/v1/customer/1001?fields=companyName"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Status)
	// Output:
	// 200 OK
}

// A person's consent, from the first address to the end.
func ExampleCodeGrant() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()

	grant := &netsuite.CodeGrant{
		ClientID:     emulator.app.ClientID,
		ClientSecret: netsuite.NewSecret(emulator.app.ClientSecret), // a public client leaves it out
		RedirectURI:  "https://portal.acme.example/back",
		Scopes:       []string{"rest_webservices"},
		Site:         emulator.site, // leave it out for netsuite.com
	}

	// Keep both with the person's session until NetSuite sends the browser back.
	state, verifier := netsuite.NewState(), netsuite.NewCodeVerifier()
	address, err := grant.AuthorizeURL("1234567", state, verifier, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	back := emulator.browse(address) // the person logs in and presses Allow

	callback, err := netsuite.ParseCallback(back.Query())
	switch {
	case err != nil:
		fmt.Println(err)
		return
	case callback.State != state:
		fmt.Println("not the consent that was begun here")
		return
	case callback.Err() != nil:
		fmt.Println(callback.Err())
		return
	}
	token, err := grant.Exchange(ctx, callback.Account, callback.Code, verifier)
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := token.Claims()
	if err != nil || claims.Account != callback.Account {
		fmt.Println("the token is not of the account that was chosen", err)
		return
	}
	fmt.Println("consented for", claims.Account, "as entity", claims.Entity, "in role", claims.Role)

	fmt.Println("ended:", grant.Revoke(ctx, callback.Account, token.RefreshToken))
	// Output:
	// consented for 1234567 as entity -5 in role 3
	// ended: <nil>
}

// What a wrong redirect URI leads to, found before a person meets it.
func ExampleCodeGrant_Probe() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()

	grant := emulator.grant()
	fmt.Println(grant.Probe(ctx, "1234567"))
	grant.RedirectURI += "/"
	err := grant.Probe(ctx, "1234567")
	fmt.Println("unknown:", errors.Is(err, netsuite.ErrUnauthorizedClient))
	// Output:
	// <nil>
	// unknown: true
}

// UserCredentials refreshes by itself. Who does it alone must store the refresh token that comes back.
func ExampleCodeGrant_Refresh() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{Public: true}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	grant, first := emulator.grant(), emulator.consent(ctx)

	next, err := grant.Refresh(ctx, "1234567", first.RefreshToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a new refresh token:", !next.RefreshToken.Equal(first.RefreshToken))
	_, err = grant.Refresh(ctx, "1234567", first.RefreshToken)
	fmt.Println("the old one is spent:", errors.Is(err, netsuite.ErrInvalidGrant))
	// Output:
	// a new refresh token: true
	// the old one is spent: true
}

// When must the next refresh come, and when is the person needed again?
func ExampleCodeGrant_Lifetime() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{Public: true}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	emulator.Clock().Set(time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC))

	grant := emulator.grant()
	grant.TokenRotationMaximum = 168 * time.Hour // as the integration record says
	life, err := grant.Lifetime(emulator.consent(ctx).RefreshToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("refresh by", life.RefreshBy.Format(time.DateOnly))
	fmt.Println("consent by", life.ConsentBy.Format(time.DateOnly))
	// Output:
	// refresh by 2026-11-26
	// consent by 2026-12-01
}

// That the person or NetSuite refused is told by Err.
func ExampleParseCallback() {
	query := url.Values{"state": {"C4g2hV0s0mE-fresh-random-state"}, "error": {"access_denied"}}
	callback, err := netsuite.ParseCallback(query)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(callback.Error, errors.Is(callback.Err(), netsuite.ErrAccessDenied))

	_, err = netsuite.ParseCallback(url.Values{"state": {"short"}, "code": {"c"}})
	fmt.Println(err)
	// Output:
	// access_denied true
	// callback parameter state must be 22 to 1024 printable ASCII characters; start the consent again
}

// A service that is handed NetSuite's access tokens by its callers.
func ExampleVerifier() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	token := emulator.consent(ctx)
	verifier := &netsuite.Verifier{Account: "1234567", ClientID: emulator.app.ClientID, Site: emulator.site}

	handler := func(r *http.Request, bearer netsuite.Secret) {
		claims, err := verifier.Verify(r.Context(), bearer, "rest_webservices")
		var refused *netsuite.Error
		switch {
		case errors.As(err, &refused) && errors.Is(err, netsuite.ErrToken):
			fmt.Println("401:", refused.Code)
		case err != nil:
			fmt.Println("503: the keys cannot be fetched")
		default:
			fmt.Println("200: entity", claims.Entity, "in role", claims.Role)
		}
	}
	request := must(http.NewRequestWithContext(ctx, http.MethodGet, "/orders", nil))
	handler(request, token.AccessToken)
	handler(request, token.RefreshToken)
	handler(request, netsuite.NewSecret("eyJhbGciOiJub25lIn0.e30."))
	// Output:
	// 200: entity -5 in role 3
	// 401: TokenRejected
	// 401: InvalidSignature
}

// What a token says of itself, unverified: for tokens that came straight from the token endpoint.
func ExampleReadClaims() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()

	claims, err := netsuite.ReadClaims(emulator.consent(ctx).RefreshToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Kind(), claims.Account, claims.Expiry.Sub(claims.IssuedAt))
	// Output:
	// refresh 1234567 168h0m0s
}

// Tokens that come from elsewhere, such as a suitekey server, with the same care for the account.
func ExampleProvidedTokens() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	elsewhere := emulator.machine()

	tokens := &netsuite.ProvidedTokens{
		Account: "1234567",
		Fetch:   func(ctx context.Context, _ *netsuite.Token) (*netsuite.Token, error) { return elsewhere.Token(ctx) },
		Site:    emulator.site, // leave it out for netsuite.com
	}
	page, err := tokens.API().SuiteQL(ctx, "SELECT id FROM customer ORDER BY id", 10, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Count, "of", page.Total, "customers")
	// Output:
	// 10 of 40 customers
}

// An ordinary HTTP client, whose requests carry the token.
func ExampleProvidedTokens_Client() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	elsewhere := emulator.machine()

	tokens := &netsuite.ProvidedTokens{
		Account: "1234567",
		Fetch:   func(ctx context.Context, _ *netsuite.Token) (*netsuite.Token, error) { return elsewhere.Token(ctx) },
		Site:    emulator.site, // leave it out for netsuite.com
	}
	base, err := emulator.site.BaseURL("1234567", netsuite.ServiceSuiteTalk)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := tokens.Client(ctx).Get(base.JoinPath("services/rest/system/v1/serverTime").String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// 200 OK
}
