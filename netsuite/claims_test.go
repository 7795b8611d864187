package netsuite

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"
)

// jwtWith makes the three parts of a JWT around a payload.
func jwtWith(payload string) Secret {
	return NewSecret("eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
}

const accessClaims = `{"sub":"3;-5","aud":["1D2C3B4A-0000-4000-8000-00000000ABCD;1234567_SB1","` + testClientID + `"],"scope":["restlets","rest_webservices"],
	"iss":"https://system.netsuite.com","oit":1700000000,"exp":1700007200,"iat":1700003600,"jti":"1234567_SB1.a-a.0b9e_1700003600000.1700003600000"}`

func TestReadClaims(t *testing.T) {
	token := Token{AccessToken: jwtWith(accessClaims)}
	got, err := token.Claims()
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != "https://system.netsuite.com" || got.Account != testAccount || got.ApplicationID != "1D2C3B4A-0000-4000-8000-00000000ABCD" || got.ClientID != testClientID ||
		got.Role != 3 || got.Entity != -5 || !slices.Equal(got.Scopes, []string{"restlets", "rest_webservices"}) || got.Kind() != "access" ||
		!got.Expiry.Equal(time.Unix(1700007200, 0)) || !got.IssuedAt.Equal(time.Unix(1700003600, 0)) || !got.OriginalIssuedAt.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("claims = %+v", got)
	}
}

func TestReadClaimsLeniently(t *testing.T) {
	for name, payload := range map[string]string{
		"commas as documented": `{"sub":"3;7","aud":"GUID;1234567,` + testClientID + `","scope":"restlets,rest_webservices"}`,
		"other order":          `{"sub":"3;7","aud":["` + testClientID + `","GUID;1234567"],"scope":"restlets rest_webservices"}`,
		"times as strings":     `{"sub":"3;7","aud":["GUID;1234567","` + testClientID + `"],"scope":["restlets","rest_webservices"],"exp":"1700007200","oit":null}`,
	} {
		got, err := ReadClaims(jwtWith(payload))
		if err != nil || got.Account != "1234567" || got.ClientID != testClientID || got.Role != 3 || got.Entity != 7 || len(got.Scopes) != 2 || !got.OriginalIssuedAt.IsZero() {
			t.Errorf("%s: claims = %+v, %v", name, got, err)
		}
	}
}

func TestKind(t *testing.T) {
	for id, want := range map[string]string{
		"1234567.a-a.uuid_1.1": "access", "1234567.a-c.null.1": "m2m", "1234567_SB1.r-a.uuid_1.0": "refresh", "1234567.r.uuid": "refresh",
		"": "", "a-a": "", "1234567.x-y.1": "", "...": "",
	} {
		if got := (Claims{ID: id}).Kind(); got != want {
			t.Errorf("Kind of %q = %q, want %q", id, got, want)
		}
	}
}

func TestReadClaimsRefuses(t *testing.T) {
	for name, token := range map[string]Secret{
		"empty":            {},
		"no dots":          NewSecret("abc"),
		"one dot":          NewSecret("a.b"),
		"three dots":       NewSecret("a.e30.c.d"),
		"only dots":        NewSecret(strings.Repeat(".", 1<<20)),
		"huge":             jwtWith(`{"sub":"3;7","x":"` + strings.Repeat("x", maxJWT) + `"}`),
		"padding":          NewSecret("a.e30=.c"),
		"not JSON":         jwtWith("hello"),
		"array":            jwtWith("[]"),
		"no claims":        jwtWith("{}"),
		"sub of one part":  jwtWith(`{"sub":"3","aud":["G;1234567","c"]}`),
		"sub of old form":  jwtWith(`{"sub":"1234567;0;3;7;N","aud":["c","app:GUID"]}`),
		"sub in words":     jwtWith(`{"sub":"admin;me","aud":["G;1234567","c"]}`),
		"sub a number":     jwtWith(`{"sub":3,"aud":["G;1234567","c"]}`),
		"no audience":      jwtWith(`{"sub":"3;7"}`),
		"no account":       jwtWith(`{"sub":"3;7","aud":["c"]}`),
		"two accounts":     jwtWith(`{"sub":"3;7","aud":["G;1234567","G;7654321"]}`),
		"two clients":      jwtWith(`{"sub":"3;7","aud":["G;1234567","c","d"]}`),
		"hostile account":  jwtWith(`{"sub":"3;7","aud":["G;x@evil","c"]}`),
		"audience of ints": jwtWith(`{"sub":"3;7","aud":[1]}`),
		"time in words":    jwtWith(`{"sub":"3;7","aud":["G;1234567","c"],"exp":"soon"}`),
		"deep":             jwtWith(strings.Repeat("[", 6000)),
	} {
		got, err := ReadClaims(token)
		if err == nil || got.Account != "" || got.Role != 0 {
			t.Errorf("%s: claims = %+v, %v; want an error", name, got, err)
		} else if text := token.Reveal(); len(text) > 20 && strings.Contains(err.Error(), text) {
			t.Errorf("%s: error shows the token", name)
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add(accessClaims)
	f.Add(`{"sub":"3;7","aud":"G;1,c","exp":"9"}`)
	f.Add(`{"sub":null,"aud":{},"scope":5}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, token := range []Secret{jwtWith(text), NewSecret(text)} {
			c, err := ReadClaims(token)
			if err != nil {
				continue
			}
			if again, err := ParseAccountID(string(c.Account)); err != nil || again != c.Account {
				t.Fatalf("%q gave the account %q", text, c.Account)
			}
			_ = c.Kind()
		}
	})
}
