package netsuitetest_test

import (
	"crypto"
	"crypto/elliptic"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
	"github.com/suitekey/suitekey/wire"
)

// This file makes the values of a stage: what stands in the place of a {{name}}.

// makers of values. Each is made in the state in which the emulator is at its first use.
var makers map[string]func(s *stage, words string) string

func init() {
	makers = map[string]func(s *stage, words string) string{
		"client_id":       func(s *stage, _ string) string { return s.public.ClientID },
		"confidential_id": func(s *stage, _ string) string { return s.confidential.ClientID },
		"secret":          func(s *stage, _ string) string { return s.confidential.ClientSecret },
		"basic": func(s *stage, _ string) string {
			return base64.StdEncoding.EncodeToString([]byte(basicOf(s.confidential)))
		},
		"basic_url": func(s *stage, _ string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(basicOf(s.confidential)))
		},
		"wrong_basic":   func(s *stage, _ string) string { return encodeBasic(s.confidential.ClientID, s.public.ClientID) },
		"public_basic":  func(s *stage, _ string) string { return encodeBasic(s.public.ClientID, "") },
		"public_secret": func(s *stage, _ string) string { return encodeBasic(s.public.ClientID, "secret") },
		"redirect_uri":  func(*stage, string) string { return callback },
		"state":         func(*stage, string) string { return goodState },
		"long":          func(_ *stage, words string) string { return strings.Repeat("x", atoi(words)) },
		"verifier":      func(*stage, string) string { return goodVerifier },
		"challenge":     func(*stage, string) string { return challenge(goodVerifier) },

		"code":                       func(s *stage, _ string) string { return s.code(s.public) },
		"confidential_code":          func(s *stage, _ string) string { return s.code(s.confidential) },
		"plain_code":                 (*stage).plainCode,
		"token":                      func(s *stage, _ string) string { return s.logged(s.public).Access },
		"refresh_token":              func(s *stage, _ string) string { return s.logged(s.public).Refresh },
		"confidential_refresh_token": func(s *stage, _ string) string { return s.logged(s.confidential).Refresh },
		"next_refresh_token":         (*stage).nextRefresh,
		"sandbox_token":              (*stage).sandboxToken,
		"token_of":                   (*stage).tokenOf,
		"warehouse_token":            func(s *stage, _ string) string { return s.tokenOf("interfaces@globex.example Warehouse Interface") },
		"portal_token":               (*stage).portalToken,
		"m2m_token":                  (*stage).machineToken,

		"role":              func(s *stage, _ string) string { return s.robot(func(role, _ int64) int64 { return role }) },
		"entity":            func(s *stage, _ string) string { return s.robot(func(_, entity int64) int64 { return entity }) },
		"certificate":       func(s *stage, words string) string { return s.key(words).pem },
		"certificate_id":    func(s *stage, words string) string { return s.mappedKey(words).id },
		"thumbprint":        func(s *stage, words string) string { return s.key(words).id },
		"assertion":         (*stage).signedAssertion,
		"session":           (*stage).sessionOf,
		"flow":              (*stage).flowOf,
		"job":               (*stage).jobID,
		"application_id":    func(s *stage, _ string) string { return s.public.ApplicationID },
		"two_years_of":      (*stage).twoYearsOf,
		"external_customer": (*stage).externalCustomer,
		"order":             (*stage).salesOrder,
	}
}

func encodeBasic(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // a row is wrong
	}
	return n
}

// logged is what the administrator's log-in has given to a client.
func (s *stage) logged(i netsuitetest.Integration) tokens {
	if _, done := s.logins[i.ClientID]; !done {
		s.logins[i.ClientID] = s.login(i)
	}
	return s.logins[i.ClientID]
}

// plainCode is a code of a request without PKCE.
func (s *stage) plainCode(string) string {
	q := with(authorizeQuery(s.confidential), "code_challenge", "", "code_challenge_method", "")
	return s.browser().consent(authorizeURL(s.host("1234567", "app"), q), admin, "", "Administrator", "allow").Get("code")
}

// nextRefresh spends the public client's refresh token and returns its successor.
func (s *stage) nextRefresh(string) string {
	tok := s.token(s.refreshForm(), "")
	if tok.Refresh == "" {
		s.t.Fatalf("refresh: %+v", tok)
	}
	return tok.Refresh
}

func (s *stage) sandboxToken(string) string {
	q := s.browser().consent(authorizeURL(s.host("1234567_SB1", "app"), authorizeQuery(s.public)), admin, "", "Administrator", "allow")
	return s.form(s.host("1234567_SB1", "suitetalk"), authPath+"/token", s.exchangeForm(s.public, q.Get("code")), "").Access
}

// tokenOf is the access token of an employee in a role: "sales@globex.example Sales Person".
func (s *stage) tokenOf(words string) string {
	email, role, _ := strings.Cut(words, " ")
	q := s.browser().consent(authorizeURL(s.host("1234567", "app"), authorizeQuery(s.public)), email, "", role, "allow")
	tok := s.token(s.exchangeForm(s.public, q.Get("code")), "")
	if tok.Access == "" {
		s.t.Fatalf("token of %s: %v, %+v", words, q, tok)
	}
	return tok.Access
}

func (s *stage) portalToken(string) string {
	if err := s.account().AssignRole("portal@globex.example", "customrole_portal"); err != nil {
		s.t.Fatal(err)
	}
	return s.tokenOf("portal@globex.example Portal")
}

// robot makes the integration user ready and returns one of its two numbers.
func (s *stage) robot(which func(role, entity int64) int64) string {
	if s.values["robot"] == "" {
		s.robotReady()
		s.values["robot"] = "ready"
	}
	return strconv.FormatInt(which(s.ids(robot, acmeRole)), 10)
}

func (s *stage) machineToken(words string) string {
	tok := s.m2m(s.must(strings.TrimSpace("assertion " + words)))
	if tok.Access == "" {
		s.t.Fatalf("token of the machine: %+v", tok)
	}
	return tok.Access
}

// key is a key pair with its certificate, by words: a kind (p256, p384, p521, p224, rsa2048, rsa3072, rsa4096) and a life
// (days=1200, ended); every other word only tells keys apart.
func (s *stage) key(words string) key {
	if k, known := s.keys[words]; known {
		return k
	}
	now := s.srv.Clock().Now()
	from, until := now.Add(-5*time.Minute), now.Add(729*24*time.Hour)
	var private crypto.Signer = ecKey(s.t, elliptic.P256())
	for word := range strings.FieldsSeq(words) {
		days, isLife := strings.CutPrefix(word, "days=")
		bits, isRSA := strings.CutPrefix(word, "rsa")
		curve := map[string]elliptic.Curve{"p224": elliptic.P224(), "p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()}[word]
		switch {
		case isLife:
			until = now.AddDate(0, 0, atoi(days))
		case isRSA:
			private = rsaKey(s.t, atoi(bits))
		case curve != nil:
			private = ecKey(s.t, curve)
		case word == "ended":
			from, until = now.AddDate(-1, 0, 0), now.Add(-time.Hour)
		}
	}
	s.keys[words] = newKey(s.t, private, from, until)
	return s.keys[words]
}

// mappedKey is a key whose certificate is mapped to the integration user.
func (s *stage) mappedKey(words string) key {
	k := s.key(words)
	if s.values["mapped "+words] == "" {
		s.must("role")
		if _, err := s.account().MapCertificate(s.public.ClientID, robot, acmeRole, []byte(k.pem)); err != nil {
			s.t.Fatal(err)
		}
		s.values["mapped "+words] = "yes"
	}
	return k
}

// signedAssertion is a client assertion of a mapped key, with changes: "alg=RS256", "exp=3601" (seconds from now), "scope=a,b",
// "-kid" takes a part away, "key=rsa3072" chooses the key, "with=p384" signs with another.
func (s *stage) signedAssertion(words string) string {
	name, signer := "", ""
	var changes []string
	for word := range strings.FieldsSeq(words) {
		switch part, value, _ := strings.Cut(word, "="); part {
		case "key":
			name = value
		case "with":
			signer = value
		default:
			changes = append(changes, word)
		}
	}
	k := s.mappedKey(name)
	a := s.assertion(k).with("claims", "aud", "https://1234567.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token")
	for _, change := range changes {
		a = s.change(a, change)
	}
	private := k.private
	if signer != "" {
		private = s.key(signer).private
	}
	return a.sign(s.t, private)
}

func (s *stage) change(a signed, word string) signed {
	if part, gone := strings.CutPrefix(word, "-"); gone {
		delete(a.header, part)
		delete(a.claims, part)
		return a
	}
	part, value, _ := strings.Cut(word, "=")
	now := s.srv.Clock().Now().Unix()
	switch part {
	case "alg", "typ", "kid":
		return a.with("header", part, value)
	case "iat", "exp":
		return a.with("claims", part, now+int64(atoi(value)))
	case "scope":
		return a.with("claims", part, strings.Split(value, ","))
	case "scopes": // as one string
		return a.with("claims", "scope", value)
	case "auds":
		return a.with("claims", "aud", strings.Split(value, ","))
	}
	return a.with("claims", part, value)
}

// sessionOf is the cookie of an employee who has logged in, the administrator unless another is named.
func (s *stage) sessionOf(email string) string {
	if email == "" {
		email = admin
	}
	b := s.browser()
	start := authorizeURL(s.host("1234567", "app"), authorizeQuery(s.public))
	b.submit(b.get(start), url.Values{"email": {email}, "password": {"any"}})
	u, err := url.Parse(start)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		return c.Name + "=" + c.Value
	}
	s.t.Fatalf("no session of %s", email)
	return ""
}

// flowOf is an authorization of the administrator that stands at the consent page.
func (s *stage) flowOf(string) string {
	x := wire.Exchange{
		Method: "GET", URL: "https" + strings.TrimPrefix(authorizeURL("http://1234567.app.netsuite.com", authorizeQuery(s.public)), "http"),
		Header: http.Header{"Cookie": {s.must("session")}},
	}
	m := hiddenField.FindStringSubmatch(s.send(x).body)
	if m == nil || m[1] != "flow" {
		s.t.Fatal("no consent page")
	}
	return m[2]
}

// jobID is the number of an asynchronous job.
func (s *stage) jobID(string) string {
	location := s.send(wire.Exchange{
		Method: http.MethodPost, URL: "https://1234567.suitetalk.api.netsuite.com/services/rest/record/v1/customer", Body: `{"companyName": "Initech"}`,
		Header: http.Header{
			"Authorization": {"Bearer " + s.must("token")}, "Content-Type": {"application/json"},
			"Prefer": {"respond-async"}, "X-Netsuite-Idempotency-Key": {"cac827ea-3543-4cda-add2-bae634326c27"},
		},
	}).header.Get("Location")
	return location[strings.LastIndex(location, "/")+1:]
}

// twoYearsOf is when a certificate ends that NetSuite has shortened.
func (s *stage) twoYearsOf(words string) string {
	return s.key(words).cert.NotBefore.AddDate(2, 0, 0).UTC().Format(time.RFC3339)
}

// externalCustomer is the external ID of a customer that was just made.
func (s *stage) externalCustomer(id string) string {
	s.written(s.call(http.MethodPut, s.host("1234567", "suitetalk")+"/services/rest/record/v1/customer/eid:"+id, s.must("token"), map[string]string{"companyName": "Initech"}))
	return id
}

// salesOrder is the number of a new sales order.
func (s *stage) salesOrder(string) string {
	return s.written(s.call(http.MethodPost, s.host("1234567", "suitetalk")+"/services/rest/record/v1/salesOrder", s.must("token"),
		`{"entity":{"id":"1001"},"item":{"items":[{"item":{"id":"203"},"quantity":2,"rate":10}]}}`))
}

func (s *stage) written(p page) (id string) {
	s.t.Helper()
	location := p.header.Get("Location")
	if p.status != http.StatusNoContent {
		s.t.Fatalf("record: %d %s", p.status, p.body)
	}
	return location[strings.LastIndex(location, "/")+1:]
}
