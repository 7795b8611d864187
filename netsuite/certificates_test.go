package netsuite

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func newTestCertificate(t *testing.T, alg KeyAlgorithm) *x509.Certificate {
	t.Helper()
	cert, err := NewCertificate(testKeys()[alg], CertificateOptions{Now: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestNewCertificate(t *testing.T) {
	for alg := range testKeys() {
		cert := newTestCertificate(t, alg)
		if !cert.NotBefore.Equal(testNow.Add(-5*time.Minute)) || cert.NotAfter.Sub(cert.NotBefore) != 729*24*time.Hour || cert.Subject.CommonName == "" || cert.SerialNumber.Sign() != 1 {
			t.Errorf("%s: certificate %q is valid from %s to %s", alg, cert.Subject, cert.NotBefore, cert.NotAfter)
		}
		if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		sum := sha256.Sum256(cert.Raw)
		if id := CertificateID(cert); id != base64.RawURLEncoding.EncodeToString(sum[:]) || len(id) != 43 {
			t.Errorf("%s: ID = %q, want the thumbprint", alg, id)
		}
		again, err := ParseCertificate(EncodePEM(cert))
		if err != nil || !again.Equal(cert) {
			t.Errorf("%s: the PEM form reads as %v, %v", alg, again, err)
		}
	}
	cert, err := NewCertificate(testKeys()[P256], CertificateOptions{CommonName: "acme", Validity: 730 * 24 * time.Hour})
	if err != nil || cert.Subject.CommonName != "acme" || cert.NotAfter.Sub(cert.NotBefore) != 730*24*time.Hour || time.Since(cert.NotBefore) < 5*time.Minute {
		t.Errorf("certificate with options = %v, %v", cert, err)
	}
	if _, err := NewCertificate(hsm{testKeys()[RSA3072]}, CertificateOptions{}); err != nil {
		t.Errorf("with a foreign signer: %v", err)
	}
}

func TestNewCertificateRefuses(t *testing.T) {
	for name, o := range map[string]CertificateOptions{
		"over two years": {Validity: 730*24*time.Hour + time.Second},
		"negative":       {Validity: -time.Hour},
		"long name":      {CommonName: strings.Repeat("n", 65)},
		"name of lines":  {CommonName: "a\nb"},
	} {
		if cert, err := NewCertificate(testKeys()[P256], o); err == nil {
			t.Errorf("%s: certificate = %v, want an error", name, cert.Subject)
		}
	}
	if _, err := NewCertificate(nil, CertificateOptions{}); err == nil {
		t.Error("no key: want an error")
	}
	if _, err := NewCertificate(shortRSAKey(), CertificateOptions{}); err == nil {
		t.Error("RSA 2048: want an error")
	}
	if _, err := NewCertificate(failingKey{testKeys()[P256]}, CertificateOptions{}); err == nil {
		t.Error("key that fails: want an error")
	}
}

func testAPI(s Site) *API {
	return &API{Account: testAccount, Site: s, Token: NewSecret(testToken)}
}

const certificatesPath = "/services/rest/auth/oauth2/v1/clients/" + testClientID + "/certificates"

func TestListCertificates(t *testing.T) {
	element := `{"application":{"id":12,"name":"My app","url":"/x","application_id":"GUID"},"entity":{"id":7,"name":"Ann","url":"/e"},"role":{"id":1067,"name":"Sync","url":"/r"},
		"created":"2026-01-02T03:04:05Z","valid_from":"2026-01-02T03:04:05Z","valid_until":"2028-01-02T03:04:05Z","revoked":false,"certificate_id":"abc","algorithm":"EC"}`
	want := Certificate{
		ID: "abc", ApplicationID: "GUID", ApplicationName: "My app", Entity: 7, EntityName: "Ann", Role: 1067, RoleName: "Sync", Algorithm: "EC",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ValidFrom: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ValidUntil: time.Date(2028, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for name, body := range map[string]string{"array": "[" + element + "]", "items": `{"items":[` + element + `],"count":1}`} {
		site := startSite(t, reply(http.StatusOK, body))
		got, err := testAPI(site.Site).ListCertificates(t.Context(), testClientID)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: certificates = %+v, %v; want %+v", name, got, err, want)
		}
		if r := site.only(t); r.Method != "GET" || r.Path != certificatesPath || r.Host != site.host("suitetalk") || r.Header.Get("Authorization") != "Bearer "+testToken || r.Body != "" {
			t.Errorf("%s: request = %+v", name, r)
		}
	}
}

func TestListCertificatesReadsEveryForm(t *testing.T) {
	day := time.Date(2028, 11, 20, 0, 0, 0, 0, time.UTC)
	for form, want := range map[string]time.Time{
		`"2028-11-20"`: day, `"20/11/2028"`: day, `"20.11.2028"`: day, `"11/20/2028"`: day, `"2028-11-20T00:00:00.000Z"`: day, `"2028-11-20T02:00:00+0200"`: day,
		`"2028-11-20T02:00:00+02:00"`: day, `"2028-11-20 00:00:00"`: day, `"3/4/2028"`: time.Date(2028, 4, 3, 0, 0, 0, 0, time.UTC),
		`"soon"`: {}, `""`: {}, `null`: {}, `5`: {}, `{}`: {},
	} {
		site := startSite(t, reply(http.StatusOK, `[{"valid_until":`+form+`,"revoked":"T","certificate_id":"a","entity":{"id":"7"},"role":null,"new":[]}]`))
		got, err := testAPI(site.Site).ListCertificates(t.Context(), testClientID)
		if err != nil || len(got) != 1 || !got[0].ValidUntil.Equal(want) || !got[0].Revoked || got[0].Entity != 7 {
			t.Errorf("valid_until %s: certificates = %+v, %v; want %s", form, got, err, want)
		}
	}
	for name, tt := range map[string]struct {
		status int
		body   string
	}{"empty array": {http.StatusOK, "[]"}, "no content": {http.StatusNoContent, ""}} {
		site := startSite(t, reply(tt.status, tt.body))
		if got, err := testAPI(site.Site).ListCertificates(t.Context(), testClientID); err != nil || len(got) != 0 {
			t.Errorf("%s: certificates = %+v, %v; want none", name, got, err)
		}
	}
}

// An answer that is no list must not look like an empty one: somebody would upload again.
func TestRO07_ListCertificatesRefusesWhatIsNoList(t *testing.T) {
	for _, body := range []string{"", "null", "null text", "{}", `{"items":null}`, `"abc"`, `{"items":5}`, `[{"certificate_id":5}]`, `[{"revoked":"perhaps"}]`, `[{"role":{"id":"x"}}]`, "[", "<html>"} {
		site := startSite(t, reply(http.StatusOK, body))
		if got, err := testAPI(site.Site).ListCertificates(t.Context(), testClientID); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: certificates = %+v, %v; want ErrUnreadable", body, got, err)
		}
	}
	site := startSite(t, reply(http.StatusOK, "["+strings.Repeat(" ", maxAPIAnswer)))
	if _, err := testAPI(site.Site).ListCertificates(t.Context(), testClientID); !errors.Is(err, ErrTooLarge) {
		t.Errorf("huge list gave %v, want ErrTooLarge", err)
	}
}

func TestCertificateActive(t *testing.T) {
	for name, tt := range map[string]struct {
		c    Certificate
		want bool
	}{
		"valid":       {Certificate{ValidUntil: testNow.Add(time.Second)}, true},
		"at its end":  {Certificate{ValidUntil: testNow}, false},
		"revoked":     {Certificate{ValidUntil: testNow.Add(time.Hour), Revoked: true}, false},
		"unknown end": {Certificate{}, true},
	} {
		if got := tt.c.Active(testNow); got != tt.want {
			t.Errorf("%s: Active = %t", name, got)
		}
	}
}

func TestUploadCertificate(t *testing.T) {
	cert := newTestCertificate(t, P256)
	for name, handler := range map[string]http.HandlerFunc{
		"element":     reply(http.StatusOK, `{"certificate_id":"`+CertificateID(cert)+`"}`),
		"created":     reply(http.StatusCreated, `{}`),
		"empty":       reply(http.StatusOK, ""),
		"no content":  reply(http.StatusNoContent, ""),
		"plain text":  reply(http.StatusOK, "uploaded"),
		"other shape": reply(http.StatusOK, `{"certificate_id":5}`),
		"body cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"certif`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := startSite(t, handler)
			if err := testAPI(site.Site).UploadCertificate(t.Context(), testClientID, cert, 1067, -5); err != nil {
				t.Fatal(err)
			}
			got := site.only(t)
			want, err := json.Marshal(map[string]any{"fileContent": string(EncodePEM(cert)), "role": 1067, "entity": -5})
			if err != nil {
				t.Fatal(err)
			}
			if got.Method != "POST" || got.Path != certificatesPath || got.Header.Get("Content-Type") != "application/json" || !sameJSON(t, got.Body, string(want)) {
				t.Errorf("request = %+v, want body %s", got, want)
			}
		})
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func TestUploadCertificateUnderAnotherID(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, `{"certificate_id":"other"}`))
	err := testAPI(site.Site).UploadCertificate(t.Context(), testClientID, newTestCertificate(t, P256), 3, 7)
	if !errors.Is(err, ErrCertificateID) || IsTemporary(err) {
		t.Errorf("err = %v, want ErrCertificateID", err)
	}
}

func TestUploadCertificateErrors(t *testing.T) {
	cert := newTestCertificate(t, P256)
	list := func(n int, revoked bool, more string) string {
		elements := []string{}
		for i := range n {
			elements = append(elements, fmt.Sprintf(`{"certificate_id":"c%d","valid_until":"2999-01-01","revoked":%t}`, i, revoked))
		}
		if more != "" {
			elements = append(elements, more)
		}
		return "[" + strings.Join(elements, ",") + "]"
	}
	for _, tt := range []struct {
		name   string
		upload http.HandlerFunc
		list   http.HandlerFunc
		want   error // nil: an *Error of no kind
		calls  int
	}{
		{"sixth", reply(400, `{"o:errorDetails":[{"detail":"too many","o:errorCode":"INVALID_CONTENT"}]}`), reply(200, list(5, false, "")), ErrCertificateLimit, 2},
		{"sixth as plain text", reply(400, "limit"), reply(200, list(6, false, "")), ErrCertificateLimit, 2},
		{"four active", reply(400, "short key"), reply(200, list(4, false, "")), nil, 2},
		{"five revoked", reply(400, "short key"), reply(200, list(5, true, "")), nil, 2},
		{"the same again", reply(400, "duplicate"), reply(200, list(5, false, `{"certificate_id":"`+CertificateID(cert)+`"}`)), nil, 2},
		{"list refused", reply(400, "limit"), reply(403, ""), nil, 2},
		{"token expired", reply(401, `{"o:errorDetails":[{"detail":"Invalid login attempt.","o:errorCode":"INVALID_LOGIN"}]}`), nil, ErrLogin, 1},
		{"permission missing", reply(403, "no"), nil, ErrPermission, 1},
		{"unknown client", reply(404, ""), nil, ErrNotFound, 1},
		{"busy", reply(429, ""), nil, ErrTooManyRequests, 1},
		{"down", reply(503, "<html>"), nil, ErrUnavailable, 1},
		{"answer lost", cutConnection, nil, ErrResponseLost, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					tt.list(w, r)
					return
				}
				tt.upload(w, r)
			})
			err := testAPI(site.Site).UploadCertificate(t.Context(), testClientID, cert, 3, 7)
			var e *Error
			if !errors.As(err, &e) || e.Op != "certificate upload" || e.Hint == "" || tt.want == nil && e.Err != nil || !errors.Is(err, tt.want) && tt.want != nil {
				t.Errorf("err = %v (%v), want %v with a hint", err, errors.Unwrap(err), tt.want)
			}
			if got := len(site.requests()); got != tt.calls {
				t.Errorf("%d requests, want %d", got, tt.calls)
			}
		})
	}
}

// listing answers GET with the lists given, one after the other and the last again and again, and POST with upload.
func listing(upload http.HandlerFunc, lists ...string) http.HandlerFunc {
	gets := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			upload(w, r)
			return
		}
		reply(http.StatusOK, lists[min(gets, len(lists)-1)])(w, r)
		gets++
	}
}

func TestEnsureCertificate(t *testing.T) {
	cert := newTestCertificate(t, P256)
	element := func(id string, role int64, more string) string {
		return fmt.Sprintf(`{"certificate_id":%q,"role":{"id":%d,"name":"Sync"},"entity":{"id":7,"name":"Ann"},"valid_until":"2999-01-01"%s}`, id, role, more)
	}
	id := CertificateID(cert)
	own, other := element(id, 3, ""), element("other", 3, "")
	never := func(http.ResponseWriter, *http.Request) { t.Error("uploaded") }
	full := "[" + strings.Repeat(other+",", 4) + other + "]"
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		id      string // of the mapping returned; "" when err says why not
		err     error
		says    string
		calls   string
	}{
		{"listed already", listing(never, "["+other+","+own+"]"), id, nil, "", "GET"},
		{"listed without role and entity", listing(never, `[{"certificate_id":"`+id+`"}]`), id, nil, "", "GET"},
		{"listed though five are active", listing(never, "["+own+","+full[1:]), id, nil, "", "GET"},
		{"absent", listing(reply(200, ""), "["+other+"]", "["+other+","+own+"]"), id, nil, "", "GET POST GET"},
		{"answer lost, arrived", listing(cutConnection, "[]", "["+own+"]"), id, nil, "", "GET POST GET"},
		{"gateway error, arrived", listing(reply(504, "<html>"), "[]", "["+own+"]"), id, nil, "", "GET POST GET"},
		{"another process was faster", listing(reply(400, "duplicate"), "[]", "["+own+"]"), id, nil, "", "GET POST GET GET"},
		{"named otherwise", listing(reply(200, `{"certificate_id":"x1"}`), "["+other+"]", "["+other+","+element("x1", 3, "")+"]"), "x1", nil, "", "GET POST GET"},
		{"named otherwise, without a body", listing(reply(200, ""), "["+other+"]", "["+other+","+element("x1", 3, "")+"]"), "x1", nil, "", "GET POST GET"},
		{"two newcomers", listing(reply(200, ""), "[]", "["+other+","+element("x1", 3, "")+"]"), "", ErrUnreadable, "does not list", "GET POST GET"},
		{"accepted and not listed", listing(reply(200, ""), "[]"), "", ErrUnreadable, "does not list", "GET POST GET"},
		{"answer lost, a foreign newcomer", listing(cutConnection, "[]", "["+other+"]"), "", ErrResponseLost, "", "GET POST GET"},
		{"answer lost, not arrived", listing(cutConnection, "[]"), "", ErrResponseLost, "", "GET POST GET"},
		{"refused", listing(reply(403, ""), "[]"), "", ErrPermission, "", "GET POST"},
		{"busy", listing(reply(429, ""), "[]"), "", ErrTooManyRequests, "", "GET POST"},
		{"five active", listing(never, full), "", ErrCertificateLimit, "revoke one", "GET"},
		{"somebody took the fifth place", listing(reply(400, "limit"), "[]", full), "", ErrCertificateLimit, "revoke one", "GET POST GET GET"},
		{"mapped to another role", listing(never, "["+element(id, 4, "")+"]"), "", ErrCertificateMapping, "entity 7 Ann in role 4 Sync", "GET"},
		{"mapped to another role after a lost answer", listing(cutConnection, "[]", "["+element(id, 4, "")+"]"), "", ErrCertificateMapping, "role 4", "GET POST GET"},
		{"revoked", listing(never, "["+element(id, 3, `,"revoked":true`)+"]"), "", ErrCertificateEnded, id, "GET"},
		{"past its end", listing(never, "["+element(id, 3, `,"valid_until":"2020-01-01"`)+"]"), "", ErrCertificateEnded, id, "GET"},
		{"no list", listing(never, "{}"), "", ErrUnreadable, "", "GET"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startSite(t, tt.handler)
			got, err := testAPI(site.Site).EnsureCertificate(t.Context(), testClientID, cert, 3, 7)
			if got.ID != tt.id || !errors.Is(err, tt.err) || (err != nil) != (tt.err != nil) {
				t.Fatalf("mapping = %+v, %v; want ID %q, %v", got, err, tt.id, tt.err)
			}
			var e *Error
			if err != nil && (!errors.As(err, &e) || e.Hint == "" || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v should have a hint and say %q", err, tt.says)
			}
			var calls []string
			for _, r := range site.requests() {
				calls = append(calls, r.Method)
			}
			if got := strings.Join(calls, " "); got != tt.calls {
				t.Errorf("calls = %s, want %s", got, tt.calls)
			}
		})
	}
}

// The list after a lost answer fails as well: both are told.
func TestEnsureCertificateInTheDark(t *testing.T) {
	calls := 0
	site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			reply(http.StatusOK, "[]")(w, r)
			return
		}
		if r.Method == http.MethodGet {
			reply(http.StatusServiceUnavailable, "")(w, r)
			return
		}
		cutConnection(w, r)
	})
	_, err := testAPI(site.Site).EnsureCertificate(t.Context(), testClientID, newTestCertificate(t, P256), 3, 7)
	if !errors.Is(err, ErrResponseLost) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("err = %v, want both", err)
	}
	for name, cert := range map[string]*x509.Certificate{"nil": nil, "no key": {}} {
		if _, err := testAPI(site.Site).EnsureCertificate(t.Context(), testClientID, cert, 3, 7); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
	if got := len(site.requests()); got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
}

func FuzzReadCertificates(f *testing.F) {
	f.Add(`[{"application":{"id":12,"application_id":"GUID"},"entity":{"id":"7"},"role":{"id":3},"valid_until":"2.1.2028","revoked":"F","certificate_id":"a"}]`)
	f.Add(`{"items":[{"revoked":null,"created":5}]}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readCertificates([]byte(text))
		if (err == nil) != (list != nil) {
			t.Fatalf("%q gave %+v with %v", text, list, err)
		}
		for _, c := range list {
			if c.Active(testNow) && c.Revoked {
				t.Fatalf("%q is revoked and active", text)
			}
			if strings.ContainsAny(c.holder(), "\r\n") {
				t.Fatalf("%q is not one line", c.holder())
			}
		}
	})
}

func TestRevokeCertificate(t *testing.T) {
	for _, body := range []string{"", "{}", "revoked", `{"revoked":true}`} {
		site := startSite(t, reply(http.StatusOK, body))
		if err := testAPI(site.Site).RevokeCertificate(t.Context(), testClientID, "abc-_1"); err != nil {
			t.Fatalf("answer %q: %v", body, err)
		}
		if r := site.only(t); r.Method != "POST" || r.Path != certificatesPath+"/abc-_1/revoke" || r.Body != "{}" {
			t.Errorf("request = %+v", r)
		}
	}
	site := startSite(t, reply(http.StatusNotFound, ""))
	if err := testAPI(site.Site).RevokeCertificate(t.Context(), testClientID, "abc"); !errors.Is(err, ErrNotFound) {
		t.Errorf("err = %v, want ErrNotFound", err)
	}
}

func TestCertificateService(t *testing.T) {
	for service, host := range map[Service]string{"": "suitetalk", ServiceSuiteTalk: "suitetalk", ServiceRESTlets: "restlets", "restlets": "restlets"} {
		site := startSite(t, reply(http.StatusOK, "[]"))
		api := testAPI(site.Site)
		api.CertificateService = service
		if _, err := api.ListCertificates(t.Context(), testClientID); err != nil {
			t.Fatal(err)
		}
		if got := site.only(t).Host; got != site.host(host) {
			t.Errorf("service %q asked %s, want %s", service, got, site.host(host))
		}
	}
}

func TestCertificateCallsRefuseBadInput(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "[]"))
	api := testAPI(site.Site)
	cert := newTestCertificate(t, P256)
	var errs []error
	for _, id := range []string{"", "..", "a/b", "a?b", "a%2fb", "a b", "é", strings.Repeat("a", 129)} {
		_, listed := api.ListCertificates(t.Context(), id)
		errs = append(errs, listed, api.UploadCertificate(t.Context(), id, cert, 3, 7), api.RevokeCertificate(t.Context(), id, "abc"), api.RevokeCertificate(t.Context(), testClientID, id))
	}
	errs = append(errs, api.UploadCertificate(t.Context(), testClientID, nil, 3, 7), api.UploadCertificate(t.Context(), testClientID, &x509.Certificate{}, 3, 7))
	api.CertificateService = ServiceApp
	_, other := api.ListCertificates(t.Context(), testClientID)
	for _, token := range []string{"", "a b", "a\r\nX: y", "é"} {
		api := testAPI(site.Site)
		api.Token = NewSecret(token)
		_, err := api.ListCertificates(t.Context(), testClientID)
		errs = append(errs, err)
	}
	for i, err := range append(errs, other) {
		if err == nil {
			t.Errorf("call %d succeeded, want an error", i)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}
