package netsuite

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	testKeyID  = "c.1234567_SB1.2026-11-01_00-00-00"
	otherKeyID = "c.1234567_SB1.2026-12-01_00-00-00"
)

func encodeSegment(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// issuer signs tokens as NetSuite does, and all that NetSuite would not.
type issuer struct {
	kid, alg string
	key      *rsa.PrivateKey
}

// netsuiteKeys are made once; verification starts at 2048 bits.
var netsuiteKeys = sync.OnceValue(func() []issuer {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return []issuer{{testKeyID, algRS256, shortRSAKey()}, {otherKeyID, algPS256, other}}
})

func (i issuer) jwk() map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "kid": i.kid, "alg": i.alg,
		"n": encodeSegment(i.key.N.Bytes()), "e": encodeSegment(big.NewInt(int64(i.key.E)).Bytes()),
	}
}

// header is the one that NetSuite writes.
func (i issuer) header() map[string]any {
	return map[string]any{"kid": i.kid, "typ": "JWT", "alg": i.alg}
}

// sign signs whatever header and payload say, by the issuer's own algorithm.
func (i issuer) sign(header, payload any) Secret {
	signed := encodeSegment(asJSON(header)) + "." + encodeSegment(asJSON(payload))
	return NewSecret(signed + "." + encodeSegment(i.signature(signed)))
}

func (i issuer) signature(signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	opts := crypto.SignerOpts(crypto.SHA256)
	if i.alg == algPS256 {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	signature, err := i.key.Sign(rand.Reader, sum[:], opts)
	if err != nil {
		panic(err)
	}
	return signature
}

// asJSON writes a value as JSON; text is taken as it is.
func asJSON(value any) []byte {
	if text, ok := value.(string); ok {
		return []byte(text)
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

// goodClaims are those of an access token issued ten minutes before testNow; changes replace members, nil removes one.
func goodClaims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": netsuiteIssuer, "sub": "3;-5", "aud": []string{"1D2C3B4A-0000-4000-8000-00000000ABCD;1234567_SB1", testClientID},
		"scope": []string{"restlets", "rest_webservices"}, "oit": testNow.Unix() - 600, "iat": testNow.Unix() - 600, "exp": testNow.Unix() + 3000,
		"jti": "1234567_SB1.a-c.null.1700003600000",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// keysOf is the answer of the keys endpoint.
func keysOf(keys ...map[string]any) string {
	return string(asJSON(map[string]any{"keys": keys}))
}

func publishedKeys() string {
	keys := netsuiteKeys()
	return keysOf(keys[0].jwk(), keys[1].jwk())
}

// newVerifier reads its keys from body.
func newVerifier(body string) (*Verifier, *scripted) {
	door := &scripted{answer: func(int, *http.Request) (*http.Response, error) { return response(http.StatusOK, body), nil }}
	return door.verifier(), door
}

func (s *scripted) verifier() *Verifier {
	return &Verifier{
		Account: testAccount, ClientID: testClientID, Now: func() time.Time { return testNow },
		HTTPClient: func(AccountID) *http.Client { return &http.Client{Transport: s} },
	}
}

// mustRefuse checks the form of a refusal.
func mustRefuse(t *testing.T, name string, v *Verifier, token Secret, code string, scopes ...string) {
	t.Helper()
	c, err := v.Verify(t.Context(), token, scopes...)
	var e *Error
	switch {
	case !errors.Is(err, ErrToken) || !errors.As(err, &e) || c.Account != "" || c.Role != 0:
		t.Errorf("%s: claims = %+v, %v; want ErrToken", name, c, err)
	case e.Op != "token verification" || e.Code != code || e.Hint == "" || e.Detail == "" || e.Status != 0 || IsTemporary(err):
		t.Errorf("%s: error = %#v, want code %q, detail and hint", name, e, code)
	case len(err.Error()) > 500 || len(token.Reveal()) > 20 && strings.Contains(err.Error(), token.Reveal()):
		t.Errorf("%s: error is long or shows the token: %.600s", name, err)
	}
}

func TestVerify(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, publishedKeys()))
	v := &Verifier{Account: "1234567-sb1", ClientID: testClientID, Site: site.Site, Now: func() time.Time { return testNow }}
	for _, i := range netsuiteKeys() {
		c, err := v.Verify(t.Context(), i.sign(i.header(), goodClaims(nil)), "rest_webservices", "restlets")
		if err != nil || c.Account != testAccount || c.ClientID != testClientID || c.Role != 3 || c.Entity != -5 || len(c.Scopes) != 2 || c.Kind() != "m2m" {
			t.Errorf("%s: claims = %+v, %v", i.alg, c, err)
		}
	}
	if r := site.only(t); r.Method != "GET" || r.Path != "/services/rest/auth/oauth2/v1/keys" || r.Query != "" || r.Host != site.host("suitetalk") || r.Header.Get("Authorization") != "" || r.Body != "" {
		t.Errorf("request = %+v, want one GET without authentication", r)
	}
}

func TestVerifyAccepts(t *testing.T) {
	i := netsuiteKeys()[0]
	for name, tt := range map[string]struct {
		claims map[string]any
		change func(*Verifier)
	}{
		"any client":            {map[string]any{"aud": []string{"GUID;1234567_SB1", "another"}}, func(v *Verifier) { v.ClientID = "" }},
		"other order":           {map[string]any{"aud": []string{testClientID, "GUID;1234567_SB1"}}, nil},
		"commas as documented":  {map[string]any{"aud": "GUID;1234567_SB1," + testClientID, "scope": "restlets,rest_webservices"}, nil},
		"access of a consent":   {map[string]any{"jti": "1234567_SB1.a-a.0b9e_1700003600000.1700003600000"}, nil},
		"ended less a minute":   {map[string]any{"exp": testNow.Unix() - 59}, nil},
		"begins in a minute":    {map[string]any{"iat": testNow.Unix() + 60}, nil},
		"no oit, more members":  {map[string]any{"oit": nil, "new": map[string]any{"iss": "inner"}}, nil},
		"times as strings":      {map[string]any{"exp": fmt.Sprint(testNow.Unix() + 9)}, nil},
		"now is the real clock": {map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Unix() + 3600}, func(v *Verifier) { v.Now = nil }},
	} {
		v, _ := newVerifier(publishedKeys())
		if tt.change != nil {
			tt.change(v)
		}
		if _, err := v.Verify(t.Context(), i.sign(i.header(), goodClaims(tt.claims)), "restlets"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, header := range map[string]map[string]any{
		"no typ":          {"kid": i.kid, "alg": i.alg},
		"typ in lower":    {"kid": i.kid, "alg": i.alg, "typ": "jwt"},
		"unknown members": {"kid": i.kid, "alg": i.alg, "new": []int{1}},
	} {
		v, _ := newVerifier(publishedKeys())
		if _, err := v.Verify(t.Context(), i.sign(header, goodClaims(nil))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyRefusesClaims(t *testing.T) {
	i := netsuiteKeys()[0]
	for name, tt := range map[string]struct {
		claims map[string]any
		code   string
	}{
		"other issuer":           {map[string]any{"iss": "https://system.netsuite.com.evil.example"}, "InvalidSignature"},
		"issuer with a slash":    {map[string]any{"iss": "https://system.netsuite.com/"}, "InvalidSignature"},
		"issuer in capitals":     {map[string]any{"iss": "HTTPS://SYSTEM.NETSUITE.COM"}, "InvalidSignature"},
		"no issuer":              {map[string]any{"iss": nil}, "InvalidSignature"},
		"member ISS":             {map[string]any{"iss": nil, "ISS": netsuiteIssuer}, "InvalidSignature"},
		"production account":     {map[string]any{"aud": []string{"GUID;1234567", testClientID}}, ""},
		"no account":             {map[string]any{"aud": []string{testClientID}}, ""},
		"two accounts":           {map[string]any{"aud": []string{"GUID;1234567_SB1", "GUID;1234567", testClientID}}, ""},
		"ID token's audience":    {map[string]any{"aud": testClientID}, ""},
		"other client":           {map[string]any{"aud": []string{"GUID;1234567_SB1", "another"}}, "InvalidIntegration"},
		"no client":              {map[string]any{"aud": []string{"GUID;1234567_SB1"}}, "InvalidIntegration"},
		"ended a minute ago":     {map[string]any{"exp": testNow.Unix() - 60}, "AccessTokenExpired"},
		"no end":                 {map[string]any{"exp": nil}, ""},
		"negative end":           {map[string]any{"exp": -1}, ""},
		"end beyond all numbers": {map[string]any{"exp": json.RawMessage("1e99")}, ""},
		"no begin":               {map[string]any{"iat": nil}, ""},
		"begins later":           {map[string]any{"iat": testNow.Unix() + 61}, ""},
		"scope missing":          {map[string]any{"scope": []string{"restlets"}}, "ScopeMismatched"},
		"scope begins alike":     {map[string]any{"scope": []string{"rest_webservices2", "rest"}}, "ScopeMismatched"},
		"no scope":               {map[string]any{"scope": nil}, "ScopeMismatched"},
		"Oracle's old form":      {map[string]any{"sub": "1234567;0;3;7;N", "aud": []string{testClientID, "app:GUID"}}, ""},
		"audience of numbers":    {map[string]any{"aud": []int{1}}, ""},
	} {
		v, _ := newVerifier(publishedKeys())
		mustRefuse(t, name, v, i.sign(i.header(), goodClaims(tt.claims)), tt.code, "rest_webservices")
	}
	for name, payload := range map[string]string{
		"empty": "", "text": "hello", "array": "[]", "null": "null", "two objects": "{}{}", "cut": `{"iss":`, "deep": `{"x":` + strings.Repeat("[", 9000),
		"issuer twice":  strings.Replace(string(asJSON(goodClaims(nil))), `{`, `{"iss":"x",`, 1),
		"not UTF-8":     strings.Replace(string(asJSON(goodClaims(nil))), `null`, "\xff", 1),
		"many members":  strings.Replace(string(asJSON(goodClaims(nil))), `{`, `{`+manyMembers(maxMembers), 1),
		"trailing text": string(asJSON(goodClaims(nil))) + "x",
	} {
		v, _ := newVerifier(publishedKeys())
		mustRefuse(t, name, v, i.sign(i.header(), payload), "")
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, `"m%d":0,`, k)
	}
	return b.String()
}

// TestTE06_ForgedTokens: every way in which a token might choose how it is verified.
func TestTE06_ForgedTokens(t *testing.T) {
	own, foreign := netsuiteKeys()[0], issuer{testKeyID, algRS256, testKeys()[RSA3072].(*rsa.PrivateKey)}
	with := func(changes map[string]any) map[string]any {
		h := own.header()
		maps.Copy(h, changes)
		maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
		return h
	}
	good := own.sign(own.header(), goodClaims(nil)).Reveal()
	parts := strings.Split(good, ".")
	forged := map[string]Secret{
		"alg none":               unsigned(map[string]any{"alg": "none", "kid": testKeyID}, nil),
		"alg None":               unsigned(map[string]any{"alg": "None", "kid": testKeyID}, []byte("x")),
		"alg empty":              unsigned(map[string]any{"alg": "", "kid": testKeyID}, nil),
		"no alg":                 unsigned(map[string]any{"kid": testKeyID}, nil),
		"alg a number":           unsigned(map[string]any{"alg": 256, "kid": testKeyID}, nil),
		"no signature":           unsigned(own.header(), nil),
		"ES256":                  es256(),
		"RS384":                  rs384(own.key),
		"signed by a stranger":   foreign.sign(foreign.header(), goodClaims(nil)),
		"stranger's jwk":         foreign.sign(with(map[string]any{"jwk": foreign.jwk()}), goodClaims(nil)),
		"stranger's jwk alone":   foreign.sign(with(map[string]any{"jwk": foreign.jwk(), "kid": nil}), goodClaims(nil)),
		"stranger's jku":         foreign.sign(with(map[string]any{"jku": "https://evil.example/keys", "kid": "evil"}), goodClaims(nil)),
		"stranger's x5u":         foreign.sign(with(map[string]any{"x5u": "https://evil.example/cert", "kid": "evil"}), goodClaims(nil)),
		"stranger's x5c":         foreign.sign(with(map[string]any{"x5c": []string{"MIIB"}}), goodClaims(nil)),
		"RS256 said to be PS256": own.sign(with(map[string]any{"alg": algPS256}), goodClaims(nil)),
		"kid a path":             own.sign(with(map[string]any{"kid": "../../../../dev/null"}), goodClaims(nil)),
		"kid an SQL query":       own.sign(with(map[string]any{"kid": "x' UNION SELECT 'key'--"}), goodClaims(nil)),
		"kid a URL":              own.sign(with(map[string]any{"kid": "https://evil.example/key"}), goodClaims(nil)),
		"kid with line break":    own.sign(with(map[string]any{"kid": testKeyID + "\n"}), goodClaims(nil)),
		"kid huge":               own.sign(with(map[string]any{"kid": strings.Repeat("k", 4000)}), goodClaims(nil)),
		"kid a list":             own.sign(with(map[string]any{"kid": []string{testKeyID}}), goodClaims(nil)),
		"no kid":                 own.sign(with(map[string]any{"kid": nil}), goodClaims(nil)),
		"crit":                   own.sign(with(map[string]any{"crit": []string{"exp"}}), goodClaims(nil)),
		"empty crit":             own.sign(with(map[string]any{"crit": []string{}}), goodClaims(nil)),
		"b64":                    own.sign(with(map[string]any{"b64": false}), goodClaims(nil)),
		"other typ":              own.sign(with(map[string]any{"typ": "dpop+jwt"}), goodClaims(nil)),
		"header twice":           own.sign(`{"alg":"none","alg":"RS256","kid":"`+testKeyID+`"}`, goodClaims(nil)),
		"header no object":       own.sign(`"RS256"`, goodClaims(nil)),
		"header with tail":       own.sign(`{"alg":"RS256","kid":"`+testKeyID+`"}{}`, goodClaims(nil)),
		"JSON form":              NewSecret(`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`),
		"payload changed":        NewSecret(parts[0] + "." + encodeSegment(asJSON(goodClaims(map[string]any{"sub": "3;4"}))) + "." + parts[2]),
		"signature cut":          NewSecret(good[:len(good)-4]),
		"signature padded":       NewSecret(good + "=="),
		"line break within":      NewSecret(good[:len(good)-9] + "\n" + good[len(good)-9:]),
		"stray bits":             NewSecret(withStrayBits(good)),
		"ordinary base64":        NewSecret(parts[0] + "." + parts[1] + "." + base64.StdEncoding.EncodeToString(own.signature(parts[0]+"."+parts[1]))),
		"white space around":     NewSecret(" " + good),
		"Bearer before":          NewSecret("Bearer " + good),
		"four parts":             NewSecret(good + "."),
		"two parts":              NewSecret(parts[0] + "." + parts[1]),
		"empty":                  {},
		"not UTF-8":              NewSecret("\xff.\xff.\xff"),
		"over 16 KiB":            own.sign(own.header(), goodClaims(map[string]any{"x": strings.Repeat("x", maxJWT)})),
	}
	for name, token := range hs256WithPublicKey(own.key) {
		forged[name] = token
	}
	for name, token := range forged {
		v, door := newVerifier(keysOf(own.jwk()))
		mustRefuse(t, name, v, token, "InvalidSignature")
		if door.count() > 1 {
			t.Errorf("%s: %d requests, want at most the one for the keys", name, door.count())
		}
	}
	v, _ := newVerifier(keysOf(own.jwk()))
	if _, err := v.Verify(t.Context(), NewSecret(good)); err != nil {
		t.Errorf("the good token: %v", err)
	}
}

func unsigned(header map[string]any, signature []byte) Secret {
	return NewSecret(encodeSegment(asJSON(header)) + "." + encodeSegment(asJSON(goodClaims(nil))) + "." + encodeSegment(signature))
}

// hs256WithPublicKey takes the public key, in each form in which it is known to everybody, for the secret of an HMAC.
func hs256WithPublicKey(key *rsa.PrivateKey) map[string]Secret {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	tokens := map[string]Secret{}
	for name, secret := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), "DER": spki, "modulus": key.N.Bytes(), "base64": []byte(encodeSegment(key.N.Bytes())),
	} {
		for _, alg := range []string{"HS256", algRS256} {
			signed := encodeSegment(asJSON(map[string]any{"alg": alg, "kid": testKeyID})) + "." + encodeSegment(asJSON(goodClaims(nil)))
			mac := hmac.New(sha256.New, secret)
			_, _ = io.WriteString(mac, signed)
			tokens["HMAC with "+name+" as "+alg] = NewSecret(signed + "." + encodeSegment(mac.Sum(nil)))
		}
	}
	return tokens
}

func es256() Secret {
	token, err := signJWT(testKeys()[P256], testKeyID, asJSON(goodClaims(nil)))
	if err != nil {
		panic(err)
	}
	return NewSecret(token)
}

func rs384(key *rsa.PrivateKey) Secret {
	signed := encodeSegment([]byte(`{"alg":"RS384","kid":"`+testKeyID+`"}`)) + "." + encodeSegment(asJSON(goodClaims(nil)))
	sum := sha512.Sum384([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA384, sum[:])
	if err != nil {
		panic(err)
	}
	return NewSecret(signed + "." + encodeSegment(signature))
}

// withStrayBits changes bits of the last character that encode nothing: 256 bytes leave four of them.
func withStrayBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}

// A million dots, and a huge token, cost nothing: they are counted where they lie (CVE-2025-30204).
func TestTE06_AMillionDots(t *testing.T) {
	v, door := newVerifier(publishedKeys())
	for name, token := range map[string]Secret{
		"dots": NewSecret(strings.Repeat(".", 1_000_000)), "letters": NewSecret(strings.Repeat("A", 100_000_000)), "parts": NewSecret(strings.Repeat("e30.", 1_000_000)),
	} {
		mustRefuse(t, name, v, token, "InvalidSignature")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := v.Verify(t.Context(), token)
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; err == nil || allocated > 64<<10 {
			t.Errorf("%s: %d bytes allocated (%v), want a few", name, allocated, err)
		}
	}
	if door.count() != 0 {
		t.Errorf("%d requests, want none", door.count())
	}
}

// TestTE08_CrossUse: of all that NetSuite or we sign, access tokens alone pass as access tokens.
func TestTE08_CrossUse(t *testing.T) {
	i := netsuiteKeys()[0]
	for id, want := range map[string]string{
		"1234567_SB1.a-a.0b9e_1700003600000.1700003600000": "access of a consent",
		"1234567_SB1.a-c.null.1700003600000":               "access of client credentials",
		"1234567_SB1.a-x.1":                                "access of another grant",
		"1234567_SB1.r-a.0b9e_1700003600000.0":             "",
		"1234567_SB1.r-c.1":                                "",
		"1234567_SB1.r.0b9e_1700003600000.0":               "",
		"1234567_SB1.i-a.1":                                "",
		"a-a.1234567_SB1":                                  "",
		"1234567_SB1":                                      "",
		"1234567_SB1..a-a":                                 "",
		"":                                                 "",
	} {
		v, _ := newVerifier(publishedKeys())
		token := i.sign(i.header(), goodClaims(map[string]any{"jti": id}))
		if want == "" {
			mustRefuse(t, "jti "+id, v, token, "TokenRejected", "rest_webservices")
			continue
		}
		if _, err := v.Verify(t.Context(), token, "rest_webservices"); err != nil {
			t.Errorf("jti %s: %v, want it to pass as %s", id, err, want)
		}
	}
	assertion, err := testCredentials(testKeys()[RSA3072]).Assertion()
	if err != nil {
		t.Fatal(err)
	}
	v, _ := newVerifier(publishedKeys())
	mustRefuse(t, "our own client assertion", v, NewSecret(assertion), "InvalidSignature")
	mustRefuse(t, "ID token", v, i.sign(i.header(), map[string]any{
		"iss": netsuiteIssuer, "sub": "3;-5", "aud": testClientID, "iat": testNow.Unix(), "exp": testNow.Unix() + 3600, "nonce": "n",
	}), "")
}

func TestVerifyNeedsAnAccount(t *testing.T) {
	v, door := newVerifier(publishedKeys())
	v.Account = "x@evil"
	if _, err := v.Verify(t.Context(), NewSecret("a.b.c")); err == nil || errors.Is(err, ErrToken) || door.count() != 0 {
		t.Errorf("err = %v after %d requests, want an error about the account alone", err, door.count())
	}
}

func TestVerifyWithoutKeys(t *testing.T) {
	i := netsuiteKeys()[0]
	token := i.sign(i.header(), goodClaims(nil))
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"down": {reply(http.StatusServiceUnavailable, "<html>"), ErrUnavailable},
		"busy": {reply(http.StatusTooManyRequests, ""), ErrTooManyRequests},
		"cut":  {cutConnection, ErrResponseLost},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		}, ErrRedirect},
		"empty":             {reply(http.StatusOK, ""), ErrUnreadable},
		"web page":          {reply(http.StatusOK, "<html>"), ErrUnreadable},
		"no array":          {reply(http.StatusOK, `{"keys":null}`), ErrUnreadable},
		"array alone":       {reply(http.StatusOK, `[]`), ErrUnreadable},
		"no key":            {reply(http.StatusOK, `{"keys":[]}`), ErrUnreadable},
		"keys twice":        {reply(http.StatusOK, `{"keys":[],"keys":[]}`), ErrUnreadable},
		"only foreign keys": {reply(http.StatusOK, `{"keys":[{"kty":"EC","kid":"c"},5,{"kty":"oct","k":"AA","kid":"`+testKeyID+`"}]}`), ErrUnreadable},
		"too many keys":     {reply(http.StatusOK, `{"keys":[`+strings.Repeat(`{},`, maxKeys)+`{}]}`), ErrUnreadable},
		"huge":              {reply(http.StatusOK, strings.Repeat(" ", maxKeySet+1)), ErrTooLarge},
	} {
		site := startSite(t, tt.answer)
		v := &Verifier{Account: testAccount, Site: site.Site, Now: func() time.Time { return testNow }}
		for range 3 { // the second and third within the pause
			if c, err := v.Verify(t.Context(), token); !errors.Is(err, tt.want) || errors.Is(err, ErrToken) || c.Account != "" {
				t.Errorf("%s: claims = %+v, %v; want %v", name, c, err, tt.want)
			}
		}
		if got := len(site.requests()); got != 1 {
			t.Errorf("%s: %d requests, want 1", name, got)
		}
	}
}

func TestReadKeySet(t *testing.T) {
	base := netsuiteKeys()[0]
	with := func(changes map[string]any) map[string]any {
		k := base.jwk()
		maps.Copy(k, changes)
		maps.DeleteFunc(k, func(_ string, v any) bool { return v == nil })
		return k
	}
	for name, tt := range map[string]struct {
		key  map[string]any
		algs string // for which the key is found
	}{
		"RS256":                    {with(nil), "RS256"},
		"PS256":                    {with(map[string]any{"alg": "PS256"}), "PS256"},
		"no alg":                   {with(map[string]any{"alg": nil}), "RS256 PS256"},
		"no use":                   {with(map[string]any{"use": nil}), "RS256"},
		"verify among key_ops":     {with(map[string]any{"key_ops": []string{"sign", "verify"}}), "RS256"},
		"further members":          {with(map[string]any{"x5c": []string{"MIIB"}, "exp": 5}), "RS256"},
		"alg RS512":                {with(map[string]any{"alg": "RS512"}), ""},
		"alg RSA-OAEP":             {with(map[string]any{"alg": "RSA-OAEP"}), ""},
		"use enc":                  {with(map[string]any{"use": "enc"}), ""},
		"key_ops encrypt":          {with(map[string]any{"key_ops": []string{"encrypt"}}), ""},
		"no key_ops":               {with(map[string]any{"key_ops": []string{}}), ""},
		"kty EC":                   {with(map[string]any{"kty": "EC"}), ""},
		"kty rsa":                  {with(map[string]any{"kty": "rsa"}), ""},
		"no kid":                   {with(map[string]any{"kid": nil}), ""},
		"no n":                     {with(map[string]any{"n": nil}), ""},
		"n with padding":           {with(map[string]any{"n": base.jwk()["n"].(string) + "=="}), ""},
		"n of 1024 bits":           {with(map[string]any{"n": encodeSegment(base.key.Primes[0].Bytes())}), ""},
		"n even":                   {with(map[string]any{"n": encodeSegment(new(big.Int).Lsh(base.key.N, 1).Bytes())}), ""},
		"n of 16384 bits":          {with(map[string]any{"n": encodeSegment(new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 16383), 0, 1).Bytes())}), ""},
		"no e":                     {with(map[string]any{"e": nil}), ""},
		"e of 1":                   {with(map[string]any{"e": "AQ"}), ""},
		"e of 3":                   {with(map[string]any{"e": "Aw"}), ""},
		"e even":                   {with(map[string]any{"e": "AQAC"}), ""},
		"e of 33 bits":             {with(map[string]any{"e": "AQAAAAE"}), ""},
		"e huge":                   {with(map[string]any{"e": base.jwk()["n"]}), ""},
		"e a number":               {with(map[string]any{"e": 65537}), ""},
		"modulus of a flawed chip": {with(map[string]any{"n": encodeSegment(infineonModulus(2048).Bytes())}), ""},
	} {
		set, err := readKeySet([]byte(keysOf(tt.key)))
		if (err == nil) != (tt.algs != "") {
			t.Errorf("%s: key set = %v, %v; want a key for %q", name, set, err, tt.algs)
		}
		for _, alg := range []string{algRS256, algPS256} {
			if found := set.find(testKeyID, alg) != nil; found != slices.Contains(strings.Fields(tt.algs), alg) {
				t.Errorf("%s: key for %q found: %t", name, alg, found)
			}
		}
	}
}

// infineonModulus has the fingerprint of the flaw: a power of 65537 modulo all the primes at once. It has bits bits and is odd.
func infineonModulus(bits uint) *big.Int {
	product := big.NewInt(2)
	for _, p := range infineonPrimes {
		product.Mul(product, big.NewInt(p))
	}
	multiple := new(big.Int).Lsh(big.NewInt(1), bits-1)
	multiple.Add(multiple, product).Sub(multiple, new(big.Int).Mod(multiple, product))
	return multiple.Add(multiple, new(big.Int).Exp(big.NewInt(65537), big.NewInt(12345), product))
}

// Two keys of one name leave it to chance which is meant; one for each algorithm does not.
func TestKeyNamedTwice(t *testing.T) {
	a, b := netsuiteKeys()[0], netsuiteKeys()[1]
	b.kid = a.kid
	v, _ := newVerifier(keysOf(a.jwk(), b.jwk()))
	for _, i := range []issuer{a, b} {
		if _, err := v.Verify(t.Context(), i.sign(i.header(), goodClaims(nil))); err != nil {
			t.Errorf("%s: %v", i.alg, err)
		}
	}
	b.alg = a.alg
	v, _ = newVerifier(keysOf(a.jwk(), b.jwk()))
	mustRefuse(t, "same name and algorithm", v, a.sign(a.header(), goodClaims(nil)), "InvalidSignature")
}

// TestTE07_KidFlood: ten thousand unknown keys within a minute make one fetch, and leave nothing behind.
func TestTE07_KidFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, door := newVerifier(publishedKeys())
		v.Now = nil // synctest's clock
		i := netsuiteKeys()[0]
		flood := func() {
			for n := range 10_000 {
				token := unsigned(map[string]any{"alg": algRS256, "kid": fmt.Sprintf("c.%d", n)}, []byte("x"))
				if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrToken) {
					t.Fatalf("unknown key: %v, want ErrToken", err)
				}
			}
		}
		for minute := range 3 {
			flood()
			if got := door.count(); got != minute+1 {
				t.Fatalf("minute %d: %d fetches, want %d", minute, got, minute+1)
			}
			if n := len(v.cache.keys); n != 2 {
				t.Fatalf("%d keys are kept, want the two published", n)
			}
			now := time.Now()
			if _, err := v.Verify(t.Context(), i.sign(i.header(), goodClaims(map[string]any{"iat": now.Unix(), "exp": now.Unix() + 3600}))); err != nil {
				t.Fatalf("a good token during the flood: %v", err)
			}
			<-time.After(time.Minute)
		}
	})
}

// TestTE07_ImpatientFlood: callers who give up do not make more fetches, nor do they end the one under way.
func TestTE07_ImpatientFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(_ int, r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(5 * time.Second):
				return response(http.StatusOK, publishedKeys()), nil
			}
		}}
		v := door.verifier()
		i := netsuiteKeys()[0]
		token := i.sign(i.header(), goodClaims(nil))
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if _, err := v.Verify(ctx, token); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrToken) {
				t.Errorf("caller who gives up: %v, want its context's error", err)
			}
			cancel()
		}
		if _, err := v.Verify(t.Context(), token); err != nil || door.count() != 1 {
			t.Errorf("patient caller: %v after %d fetches, want a good token after one", err, door.count())
		}
	})
}

func TestVerifyIsSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(int, *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return response(http.StatusOK, publishedKeys()), nil
		}}
		v := door.verifier()
		i := netsuiteKeys()[0]
		token := i.sign(i.header(), goodClaims(nil))
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := door.count(); got != 1 {
			t.Errorf("%d fetches, want 1", got)
		}
	})
}

// The key is rolled over: the token of the new key makes one fetch, and the old one stays good while it is published.
func TestVerifyAfterKeyRollover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, fresh := netsuiteKeys()[0], netsuiteKeys()[1]
		published := keysOf(old.jwk())
		door := &scripted{answer: func(int, *http.Request) (*http.Response, error) { return response(http.StatusOK, published), nil }}
		v := door.verifier()
		v.Now = nil
		check := func(i issuer, code string, fetches int) {
			t.Helper()
			now := time.Now()
			token := i.sign(i.header(), goodClaims(map[string]any{"iat": now.Unix(), "exp": now.Unix() + 3600}))
			if code == "" {
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			} else {
				mustRefuse(t, "token of "+i.kid, v, token, code)
			}
			synctest.Wait()
			if got := door.count(); got != fetches {
				t.Errorf("%d fetches, want %d", got, fetches)
			}
		}
		check(old, "", 1)
		published = keysOf(old.jwk(), fresh.jwk())
		check(fresh, "InvalidSignature", 1) // fetched within this minute
		<-time.After(time.Minute)
		check(fresh, "", 2)
		check(old, "", 2)
		published = keysOf(fresh.jwk()) // withdrawn: noticed within the hour, by the first caller after it
		<-time.After(59 * time.Minute)
		check(old, "", 2)
		<-time.After(time.Minute)
		check(fresh, "", 3)
		check(old, "InvalidSignature", 3)
	})
}

// While the keys endpoint is down, known keys go on working; an unknown one is neither good nor bad.
func TestVerifyWhileKeysAreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, unknown := netsuiteKeys()[0], netsuiteKeys()[1]
		door := &scripted{answer: func(call int, _ *http.Request) (*http.Response, error) {
			if call == 1 {
				return response(http.StatusOK, keysOf(known.jwk())), nil
			}
			return response(http.StatusInternalServerError, ""), nil
		}}
		v := door.verifier()
		v.Now = nil
		token := func(i issuer) Secret {
			now := time.Now()
			return i.sign(i.header(), goodClaims(map[string]any{"iat": now.Unix(), "exp": now.Unix() + 3600}))
		}
		for hour := range 48 {
			if _, err := v.Verify(t.Context(), token(known)); err != nil {
				t.Fatalf("hour %d: %v", hour, err)
			}
			<-time.After(time.Hour)
		}
		if _, err := v.Verify(t.Context(), token(unknown)); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrToken) {
			t.Errorf("unknown key: %v, want ErrUnavailable", err)
		}
		if _, err := v.Verify(t.Context(), token(known)); err != nil {
			t.Errorf("known key afterwards: %v", err)
		}
	})
}

// A fetch that does not end is ended, and the next is tried soon while there are no keys.
func TestVerifyFirstFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &scripted{answer: func(call int, r *http.Request) (*http.Response, error) {
			if call == 1 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return response(http.StatusOK, publishedKeys()), nil
		}}
		v := door.verifier()
		i := netsuiteKeys()[0]
		v.Now = nil
		began := time.Now()
		token := i.sign(i.header(), goodClaims(map[string]any{"iat": began.Unix(), "exp": began.Unix() + 3600}))
		if _, err := v.Verify(t.Context(), token); !IsTemporary(err) || time.Since(began) != keysTimeout {
			t.Errorf("hanging endpoint: %v after %s, want a temporary error after %s", err, time.Since(began), keysTimeout)
		}
		if _, err := v.Verify(t.Context(), token); err != nil || door.count() != 2 {
			t.Errorf("afterwards: %v after %d fetches", err, door.count())
		}
	})
}

func TestClockSetBack(t *testing.T) {
	if !within(testNow, testNow, time.Minute) || within(testNow.Add(time.Minute), testNow, time.Minute) || within(testNow.Add(-time.Hour), testNow, time.Minute) {
		t.Error("within is wrong at an edge")
	}
}

// FuzzVerify looks for a token that passes and was not signed. What lies behind the signature is fuzzed without one.
func FuzzVerify(f *testing.F) {
	key, err := ParsePrivateKey(fromOpenSSL(f, "pss-key.pem")) // making one takes too long in each worker
	if err != nil {
		f.Fatal(err)
	}
	i := issuer{testKeyID, algRS256, key.(*rsa.PrivateKey)}
	signed := i.sign(i.header(), goodClaims(nil)).Reveal()
	v, _ := newVerifier(keysOf(i.jwk()))
	if _, err := v.Verify(f.Context(), NewSecret(signed)); err != nil {
		f.Fatal(err)
	}
	f.Add(signed, string(asJSON(i.header())), string(asJSON(goodClaims(nil))))
	f.Add("a.b.c", `{"alg":"RS256","alg":"none","kid":"`+testKeyID+`"}`, `{"iss":null,"aud":{},"exp":1e9}`)
	f.Fuzz(func(t *testing.T, text, header, payload string) {
		if c, err := v.Verify(t.Context(), NewSecret(text)); err == nil && text != signed || err != nil && (c.Account != "" || !errors.Is(err, ErrToken)) {
			t.Fatalf("%q passes as %+v with %v", text, c, err)
		}
		if alg, kid, err := readHeader([]byte(header)); err == nil && (alg != algRS256 && alg != algPS256 || kid == "" || len(kid) > maxKeyID) {
			t.Fatalf("%q is read as %q, %q", header, alg, kid)
		}
		c, err := parseClaims([]byte(payload))
		if err != nil || v.checkClaims(c, testAccount, []string{"restlets"}) != nil {
			return
		}
		if c.Issuer != netsuiteIssuer || c.Account != testAccount || c.ClientID != testClientID || !c.isAccess() || c.Expiry.Before(testNow.Add(-clockSkew)) || !slices.Contains(c.Scopes, "restlets") {
			t.Fatalf("%q passes as %+v", payload, c)
		}
	})
}

func FuzzReadKeySet(f *testing.F) {
	f.Add(publishedKeys())
	f.Add(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"},{},5]}`)
	f.Fuzz(func(t *testing.T, text string) {
		set, err := readKeySet([]byte(text))
		if (err == nil) != (len(set) > 0) {
			t.Fatalf("%q gave %d keys and %v", text, len(set), err)
		}
		for _, k := range set {
			if k.kid == "" || k.public.N.BitLen() < minVerifyBits || k.public.E <= 1<<16 {
				t.Fatalf("%q gave the key %+v", text, k)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, i := range netsuiteKeys() {
		b.Run(i.alg, func(b *testing.B) {
			v, _ := newVerifier(publishedKeys())
			token := i.sign(i.header(), goodClaims(nil))
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token, "restlets"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
