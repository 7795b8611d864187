package doctor_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/doctor"
)

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

var inspected = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// jwt is unsigned: what is inspected is what it says.
func jwt(header, claims map[string]any) string {
	part := func(m map[string]any) string {
		data, _ := json.Marshal(m) // of texts and numbers
		return base64.RawURLEncoding.EncodeToString(data)
	}
	return part(header) + "." + part(claims) + ".canary-signature"
}

const tokenURL = "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token"

// assertion is one that NetSuite takes, with something changed.
func assertion(header, claims map[string]any) func() ([]doctor.Check, error) {
	h := map[string]any{"alg": "PS256", "typ": "JWT", "kid": strings.Repeat("k", 43)}
	c := map[string]any{
		"iss": strings.Repeat("1", 64), "scope": []string{"rest_webservices"}, "aud": tokenURL, "iat": inspected.Unix(), "exp": inspected.Unix() + 300,
	}
	for _, change := range []struct{ into, by map[string]any }{{h, header}, {c, claims}} {
		for name, value := range change.by {
			if value == nil {
				delete(change.into, name)
			} else {
				change.into[name] = value
			}
		}
	}
	return func() ([]doctor.Check, error) { return doctor.InspectAssertion(jwt(h, c), "1234567_SB1", inspected) }
}

func callback(address string) func() ([]doctor.Check, error) {
	return func() ([]doctor.Check, error) { return doctor.InspectCallback(address, inspected) }
}

// bearer is a token as NetSuite makes them, with something changed.
func bearer(claims map[string]any) func() ([]doctor.Check, error) {
	c := map[string]any{
		"sub": "1067;7", "aud": []string{"2A68E95E-C95A-4F7D-A697-72716C9D06B8;1234567", "1111"}, "scope": []string{"rest_webservices"}, "iss": "https://system.netsuite.com",
		"oit": inspected.Unix(), "iat": inspected.Unix(), "exp": inspected.Unix() + 3600, "jti": "1234567.a-c.null.1795591771621",
	}
	for name, value := range claims {
		c[name] = value
	}
	return func() ([]doctor.Check, error) {
		return doctor.InspectToken(jwt(map[string]any{"alg": "RS256", "kid": "c.1234567.2026-11-25_07-29-31", "typ": "JWT"}, c), "1234567", inspected)
	}
}

const back = "https://portal.acme.example/back?state=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&"

// foreignSetups are what other programs do wrong (netsuite-oauth2 7.3).
var foreignSetups = []struct {
	name    string
	inspect func() ([]doctor.Check, error)
	want    []string
}{
	{"a good assertion", assertion(nil, nil), nil},
	{"an audience in a list", assertion(nil, map[string]any{"aud": []string{tokenURL}}), nil},
	{"RS256", assertion(map[string]any{"alg": "RS256"}, nil), []string{"fail algorithm: assertion_algorithm"}},
	{"none", assertion(map[string]any{"alg": "none"}, nil), []string{"fail algorithm: assertion_algorithm"}},
	{"no kid", assertion(map[string]any{"kid": nil}, nil), []string{"fail kid: assertion_form"}},
	{"a number for kid", assertion(map[string]any{"kid": "1234567"}, nil), []string{"warn kid: certificate_id"}},
	{"no iss", assertion(nil, map[string]any{"iss": nil}), []string{"fail iss: assertion_form"}},
	{"two hours", assertion(nil, map[string]any{"exp": inspected.Unix() + 7200}), []string{"fail times: assertion_life"}},
	{"milliseconds", assertion(nil, map[string]any{"iat": inspected.UnixMilli(), "exp": inspected.UnixMilli() + 300}), []string{"fail times: assertion_form"}},
	{"of the future", assertion(nil, map[string]any{"iat": inspected.Unix() + 600, "exp": inspected.Unix() + 900}), []string{"fail times: assertion_time"}},
	{"over", assertion(nil, map[string]any{"iat": inspected.Unix() - 900, "exp": inspected.Unix() - 600}), []string{"fail times: assertion_time"}},
	{"an underscore in the host", assertion(nil, map[string]any{"aud": strings.Replace(tokenURL, "-sb1", "_SB1", 1)}), []string{"fail aud: assertion_audience"}},
	{"production instead of the sandbox", assertion(nil, map[string]any{"aud": strings.Replace(tokenURL, "-sb1", "", 1)}), []string{"fail aud: assertion_audience"}},
	{"the authorize page", assertion(nil, map[string]any{"aud": "https://1234567-sb1.app.netsuite.com/app/login/oauth2/authorize.nl"}), []string{"fail aud: assertion_audience"}},
	{"no scope", assertion(nil, map[string]any{"scope": nil}), []string{"fail scope: assertion_scope"}},
	{"mcp", assertion(nil, map[string]any{"scope": []string{"rest_webservices", "mcp"}}), []string{"fail scope: assertion_scope"}},

	{"a good redirect", callback(back + "role=3&entity=7&company=1234567&code=abc"), nil},
	{"denied", callback(back + "error=access_denied"), []string{"fail consent: consent_denied"}},
	{"a scope that is off", callback(back + "error=invalid_scope"), []string{"fail consent: consent_scope"}},
	{"a request that was wrong", callback(back + "error=unsupported_response_type"), []string{"fail consent: consent_refused"}},
	{"a short state", callback("https://portal.acme.example/back?state=abc&error=invalid_request"), []string{"fail state: consent_state", "fail consent: consent_refused"}},

	{"a good token", bearer(nil), nil},
	{"an old token", bearer(map[string]any{"iat": inspected.Unix() - 7200, "exp": inspected.Unix() - 3600}), []string{"fail life: token_expired"}},
	{"a refresh token", bearer(map[string]any{"jti": "1234567.r-a.uuid_1.0"}), []string{"fail kind: token_kind"}},
	{"a token of the sandbox", bearer(map[string]any{"aud": []string{"2A68E95E-C95A-4F7D-A697-72716C9D06B8;1234567_SB1", "1111"}}), []string{"fail account: token_account"}},
	{"the assertion as the token", func() ([]doctor.Check, error) {
		return doctor.InspectToken(jwt(map[string]any{"alg": "PS256"}, map[string]any{"iss": "x", "aud": tokenURL}), "", inspected)
	}, []string{"fail kind: token_kind"}},
}

func TestForeignSetups(t *testing.T) {
	for _, tt := range foreignSetups {
		checks, err := tt.inspect()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := complaints(checks); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		for _, c := range checks {
			if strings.Contains(c.Detail, "canary") || strings.Contains(c.Detail, "eyJ") {
				t.Errorf("%s: check %s repeats what it was given: %s", tt.name, c.Name, c.Detail)
			}
		}
	}
}

// What is no JWT and no address is refused before it is taken apart.
func TestForeignInputIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "words": "not a token", "dots": strings.Repeat(".", 1<<20), "two parts": "e30.e30", "huge": "e30.e30." + strings.Repeat("a", 1<<20),
		"no JSON": "YQ.YQ.YQ", "a list": "W10.W10.x", "null": "bnVsbA.bnVsbA.x",
	} {
		if checks, err := doctor.InspectAssertion(text, "", inspected); err == nil {
			t.Errorf("assertion, %s: %v", name, checks)
		}
		if checks, err := doctor.InspectToken(text, "", inspected); err == nil {
			t.Errorf("token, %s: %v", name, checks)
		}
	}
	for name, text := range map[string]string{"empty": "", "no query": "https://a/b", "control characters": "https://a/\x00?x=1", "huge": "https://a/?x=" + strings.Repeat("a", 1<<20)} {
		if checks, err := doctor.InspectCallback(text, inspected); err == nil {
			t.Errorf("callback, %s: %v", name, checks)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(jwt(map[string]any{"alg": "PS256"}, map[string]any{"exp": 1}))
	f.Add("https://a/?state=x&error=access_denied")
	f.Fuzz(func(t *testing.T, text string) {
		for _, inspect := range []func() ([]doctor.Check, error){
			func() ([]doctor.Check, error) { return doctor.InspectAssertion(text, "1234567", inspected) },
			func() ([]doctor.Check, error) { return doctor.InspectToken(text, "1234567", inspected) },
			func() ([]doctor.Check, error) { return doctor.InspectCallback(text, inspected) },
		} {
			if checks, err := inspect(); err == nil && len(checks) == 0 {
				t.Errorf("%q: neither a check nor an error", text)
			}
		}
	})
}
