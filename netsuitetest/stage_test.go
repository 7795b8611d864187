package netsuitetest_test

import (
	"crypto"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
	"github.com/suitekey/suitekey/wire"
)

// This file sets the scene for exchanges that are written down as text, in the folder wire and in testdata/conformance: it
// brings the emulator into the state that a row gives, puts real values in the place of {{names}}, and sends.

// stage is a world for exchanges, with the values that it has made.
type stage struct {
	*world
	values map[string]string
	keys   map[string]key
}

func newStage(t *testing.T, settings string) *stage {
	t.Helper()
	var s netsuitetest.Settings
	if settings != "" {
		d := json.NewDecoder(strings.NewReader(settings))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatalf("settings %s: %v", settings, err)
		}
	}
	return &stage{world: newWorld(t, s), values: map[string]string{}, keys: map[string]key{}}
}

// play sets the scene of an exchange, sends its request and returns it, filled, with the answer.
func (s *stage) play(x wire.Exchange) (wire.Exchange, page) {
	s.t.Helper()
	for step := range strings.SplitSeq(x.Notes["given"], ";") {
		if step = strings.TrimSpace(step); step != "" {
			s.give(step)
		}
	}
	filled, err := x.Fill(s.value)
	if err != nil {
		s.t.Fatal(err)
	}
	return filled, s.send(filled)
}

// send sends as a bare client: the names are NetSuite's, the connection is the emulator's.
func (s *stage) send(x wire.Exchange) page {
	s.t.Helper()
	req, err := http.NewRequest(x.Method, "http"+strings.TrimPrefix(x.URL, "https"), strings.NewReader(x.Body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = x.Header
	resp, err := s.client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header, string(body), req.URL}
}

// value is the value of a name, made at its first use. A name is a verb and words for it: "assertion alg=RS256".
func (s *stage) value(name string) (string, error) {
	if v, known := s.values[name]; known {
		return v, nil
	}
	verb, words, _ := strings.Cut(name, " ")
	create := makers[verb]
	if create == nil {
		return "", fmt.Errorf("{{%s}}: no such value; there are %v", name, slices.Sorted(maps.Keys(makers)))
	}
	s.values[name] = create(s, words)
	return s.values[name], nil
}

func (s *stage) must(name string) string {
	s.t.Helper()
	v, err := s.value(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

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

		"code":               func(s *stage, _ string) string { return s.code(s.public) },
		"confidential_code":  func(s *stage, _ string) string { return s.code(s.confidential) },
		"plain_code":         (*stage).plainCode,
		"tokens":             func(s *stage, _ string) string { return s.keep("", s.login(s.public)) },
		"confidential":       func(s *stage, _ string) string { return s.keep("confidential_", s.login(s.confidential)) },
		"token":              func(s *stage, _ string) string { s.must("tokens"); return s.values["access"] },
		"refresh_token":      func(s *stage, _ string) string { s.must("tokens"); return s.values["refresh"] },
		"confidential_token": func(s *stage, _ string) string { s.must("confidential"); return s.values["confidential_access"] },
		"confidential_refresh_token": func(s *stage, _ string) string {
			s.must("confidential")
			return s.values["confidential_refresh"]
		},
		"next_refresh_token": (*stage).nextRefresh,
		"sandbox_token":      (*stage).sandboxToken,
		"token_of":           (*stage).tokenOf,
		"warehouse_token":    func(s *stage, _ string) string { return s.tokenOf("interfaces@globex.example Warehouse Interface") },
		"portal_token":       (*stage).portalToken,
		"m2m_token":          (*stage).machineToken,

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

// keep remembers the tokens of an answer.
func (s *stage) keep(prefix string, tok tokens) string {
	s.values[prefix+"access"], s.values[prefix+"refresh"] = tok.Access, tok.Refresh
	return ""
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

// steps change the state of the emulator.
var steps map[string]func(s *stage, words []string) error

func init() {
	steps = map[string]func(s *stage, words []string) error{
		"make": func(s *stage, words []string) error {
			_, err := s.value(strings.Join(words, " "))
			return err
		},
		"advance": func(s *stage, words []string) error {
			d, err := time.ParseDuration(words[0])
			s.srv.Clock().Advance(d)
			return err
		},
		"policy": func(s *stage, words []string) error {
			return s.account().SetConsentPolicy(s.public.ClientID, strings.Join(words, " "))
		},
		"feature": func(s *stage, words []string) error { return s.account().SetFeature(words[0], words[1] == "on") },
		"state":   (*stage).setState,
		"approval": func(s *stage, _ []string) error {
			s.account().RequireApproval(true)
			return nil
		},
		"bundle": func(s *stage, _ []string) error {
			s.must("role")
			return nil
		},
		"role": func(s *stage, words []string) error {
			return s.account().SetRoleInactive(words[0], words[1] == "inactive")
		},
		"unassign": func(s *stage, _ []string) error {
			return s.account().UnassignRole(robot, acmeRole)
		},
		"employee": func(s *stage, words []string) error {
			return s.account().SetEmployeeInactive(words[0], words[1] == "inactive")
		},
		"revoked": func(s *stage, words []string) error {
			return s.account().RevokeCertificate(s.mappedKey(strings.Join(words, " ")).id)
		},
		"foreign": func(s *stage, words []string) error {
			return s.account().AddForeignCertificates(s.public.ClientID, atoi(words[0]))
		},
		"sandbox": func(s *stage, _ []string) error { s.account().Refresh(); return nil },
		"allocate": func(s *stage, words []string) error {
			return s.account().AllocateConcurrency(s.public.ClientID, atoi(words[0]))
		},
		"allocate_other": func(s *stage, words []string) error {
			return s.account().AllocateConcurrency(s.confidential.ClientID, atoi(words[0]))
		},
		"busy":    (*stage).busyWith,
		"spend":   (*stage).spend,
		"again":   (*stage).again,
		"refresh": (*stage).refreshConfidential,
		"rotate":  (*stage).rotate,
		"used":    (*stage).useAssertion,
		"look":    (*stage).lookAtKeys,
		"restlet": (*stage).restletDoes,
		"deployment": func(s *stage, words []string) error {
			return s.account().SetDeploymentStatus("customscript_acme_health", "customdeploy_acme_health", words[0])
		},
		"revoke":  (*stage).revokeToken,
		"consent": func(s *stage, _ []string) error { s.code(s.public); return nil },
	}
}

func (s *stage) give(step string) {
	s.t.Helper()
	words := strings.Fields(step)
	do := steps[words[0]]
	if do == nil {
		s.t.Fatalf("given %q: no such step; there are %v", step, slices.Sorted(maps.Keys(steps)))
	}
	if err := do(s, words[1:]); err != nil {
		s.t.Fatalf("given %q: %v", step, err)
	}
}

func (s *stage) setState(words []string) error {
	if words[0] != "Blocked" {
		return errors.New("the state is Blocked")
	}
	return s.account().BlockIntegration(s.public.ClientID)
}

// busyWith keeps so many requests under way until the test ends.
func (s *stage) busyWith(words []string) error {
	token := s.must("token")
	free := s.busy(atoi(words[0]), func() page { return s.suiteQL(token, anyRow) })
	s.t.Cleanup(free)
	return nil
}

// spend redeems a code, or uses up a refresh token.
func (s *stage) spend(words []string) error {
	switch words[0] {
	case "code":
		tok := s.token(s.exchangeForm(s.public, s.must("code")), "")
		s.values["token"], s.values["refresh_token"] = tok.Access, tok.Refresh
	case "refresh_token":
		s.must("next_refresh_token")
	default:
		return errors.New("spend what?")
	}
	return nil
}

// again presents a spent code or refresh token a second time, which is refused.
func (s *stage) again(words []string) error {
	form := s.exchangeForm(s.public, s.must("code"))
	if words[0] == "refresh_token" {
		form = s.refreshForm()
	}
	if got := s.token(form, ""); got.status != http.StatusBadRequest {
		return fmt.Errorf("status %d, want 400", got.status)
	}
	return nil
}

func (s *stage) refreshForm() url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.must("refresh_token")}, "client_id": {s.public.ClientID}}
}

func (s *stage) refreshConfidential([]string) error {
	got := s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.must("confidential_refresh_token")}}, basicOf(s.confidential))
	if got.status != http.StatusOK {
		return fmt.Errorf("status %d", got.status)
	}
	return nil
}

// rotate puts the successor in the place of the public client's refresh token.
func (s *stage) rotate([]string) error {
	s.values["refresh_token"] = s.nextRefresh("")
	return nil
}

func (s *stage) useAssertion(words []string) error {
	if got := s.m2m(s.must(strings.Join(words, " "))); got.status != http.StatusOK {
		return fmt.Errorf("status %d", got.status)
	}
	return nil
}

// lookAtKeys makes the account roll its key over when that is due.
func (s *stage) lookAtKeys([]string) error {
	s.call(http.MethodGet, s.host("1234567", "suitetalk")+authPath+"/keys", "", nil)
	return nil
}

func (s *stage) restletDoes(words []string) error {
	s.srv.HandleRESTlet("customscript_acme_health", func(c netsuitetest.RESTletCall) (any, error) {
		if words[0] == "throws" {
			return nil, errors.New("may not")
		}
		return map[string]string{"method": c.Method, "body": string(c.Body), "x": c.Params.Get("x")}, nil
	})
	return nil
}

// revokeToken revokes the grant of the public client.
func (s *stage) revokeToken([]string) error {
	got := s.form(s.host("1234567", "suitetalk"), authPath+"/revoke", url.Values{"token": {s.must("refresh_token")}, "client_id": {s.public.ClientID}}, "")
	if got.status != http.StatusOK {
		return fmt.Errorf("status %d", got.status)
	}
	return nil
}
