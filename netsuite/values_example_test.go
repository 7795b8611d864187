package netsuite_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/suitekey/suitekey/netsuite"
)

// However it is printed or encoded, a secret stays one.
func ExampleSecret() {
	token := netsuite.Token{AccessToken: netsuite.NewSecret("eyJhbGciOi..."), TokenType: "Bearer"}
	fmt.Printf("%v %s %+q\n", token.AccessToken, token.AccessToken, token.AccessToken)
	data, err := json.Marshal(map[string]any{"token": token.AccessToken})
	fmt.Println(string(data), err)
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("refreshed", "token", token.AccessToken)

	fmt.Println(token.AccessToken.Reveal()) // the one way out
	fmt.Println(token.AccessToken.Equal(netsuite.NewSecret("guess")), token.RefreshToken.IsZero())
	// Output:
	// [redacted] [redacted] [redacted]
	// {"token":"[redacted]"} <nil>
	// level=INFO msg=refreshed token=[redacted]
	// eyJhbGciOi...
	// false true
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// A refresh token in a file that only its owner can read. The file always holds a whole one.
func ExampleSecret_WriteFile() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, "refresh-token")

	if err := netsuite.NewSecret("eyJhbGciOi...").WriteFile(file); err != nil {
		fmt.Println(err)
		return
	}
	stored, err := netsuite.ReadSecretFile(file)
	fmt.Println(stored, len(stored.Reveal()), err)

	_ = os.Chmod(file, 0o644)
	_, err = netsuite.ReadSecretFile(file)
	fmt.Println("readable by others:", err != nil)
	// Output:
	// [redacted] 13 <nil>
	// readable by others: true
}

// People write account IDs in both of NetSuite's spellings.
func ExampleParseAccountID() {
	for _, text := range []string{" 1234567-sb2 ", "TSTDRV1234567", "1234567.evil.example"} {
		account, err := netsuite.ParseAccountID(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(account, account.HostLabel(), account.Environment(), account.Describe(), account.Company())
	}
	// Output:
	// 1234567_SB2 1234567-sb2 Sandbox Sandbox 2 1234567
	// TSTDRV1234567 tstdrv1234567 Test Drive Test Drive TSTDRV1234567
	// account ID "1234567.evil.example" must be letters and digits in groups joined by _ or -, such as 1234567_SB1; copy it from Setup > Company > Company Information
}

// One setting decides between NetSuite and an emulator on this machine.
func ExampleParseSite() {
	for _, setting := range []string{"", "127.0.0.1:8790", "emulator.example:8790"} {
		site, err := netsuite.ParseSite(setting)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(site)
	}
	// Output:
	// netsuite.com
	// emulator at 127.0.0.1:8790
	// emulator address "emulator.example:8790" must be on this machine; use 127.0.0.1, [::1] or localhost
}

func ExampleEmulatorSite() {
	site, err := netsuite.EmulatorSite("localhost:8790")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(site, site.IsEmulator())
	// Output:
	// emulator at 127.0.0.1:8790 true
}

// The addresses of an account, and the only client that may go there.
func ExampleSite() {
	var site netsuite.Site // netsuite.com
	for _, service := range []netsuite.Service{netsuite.ServiceApp, netsuite.ServiceSuiteTalk, netsuite.ServiceRESTlets} {
		base, err := site.BaseURL("1234567_SB1", service)
		fmt.Println(base, err)
	}
	fmt.Println(site.SystemURL(), "form-action", site.FormActionSources())

	_, err := site.HTTPClient("1234567_SB1").Get("https://7654321.suitetalk.api.netsuite.com/")
	fmt.Println(err)
	// Output:
	// https://1234567-sb1.app.netsuite.com <nil>
	// https://1234567-sb1.suitetalk.api.netsuite.com <nil>
	// https://1234567-sb1.restlets.api.netsuite.com <nil>
	// https://system.netsuite.com form-action [https:]
	// Get "https://7654321.suitetalk.api.netsuite.com/": outbound request refused: host "7654321.suitetalk.api.netsuite.com" is not a host of account "1234567_SB1" at netsuite.com
}

// Bind quotes all values of a statement; this is for one.
func ExampleQuoteLiteral() {
	fmt.Println("SELECT id FROM customer WHERE companyname = " + netsuite.QuoteLiteral("O'Neil' OR '1'='1"))
	// Output:
	// SELECT id FROM customer WHERE companyname = 'O''Neil'' OR ''1''=''1'
}

// How NetSuite wants a quote inside a value of a filter is not documented, so none is let through.
func ExampleQuoteFilter() {
	for _, name := range []string{"O'Neil & Sons", `x" OR id GREATER "0`} {
		value, err := netsuite.QuoteFilter(name)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("companyName IS " + value)
	}
	// Output:
	// companyName IS "O'Neil & Sons"
	// filter value must be printable, without double quote and backslash; ask SuiteQL, which can hold them
}

// A public client's refresh token works once. Whether it may be sent again depends on how the refresh failed.
func ExampleMaySpendRefreshToken() {
	for _, failure := range []error{
		&netsuite.Error{Op: "token refresh", Err: netsuite.ErrResponseLost},
		&netsuite.Error{Op: "token refresh", Status: 502, Err: netsuite.ErrUnavailable},
		&netsuite.Error{Op: "token refresh", Status: 503, Err: netsuite.ErrUnavailable},
		&netsuite.Error{Op: "token refresh", Status: 400, Code: "invalid_grant", Err: netsuite.ErrInvalidGrant},
	} {
		fmt.Println(netsuite.MaySpendRefreshToken(failure), failure)
	}
	// Output:
	// true token refresh: response lost
	// true token refresh: HTTP 502: unavailable
	// false token refresh: HTTP 503: unavailable
	// false token refresh: HTTP 400 invalid_grant
}
