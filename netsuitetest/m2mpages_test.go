package netsuitetest_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/pem"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

const newMapping = "/app/setup/oauth2.0/m2mnew.nl"

// mappingForm is the form Create New of the M2M Setup page, filled in.
type mappingForm struct {
	entity, role, application string
	fileName, file            string
}

// goodMapping maps k for the integration user in the bundle's role.
func (w *world) goodMapping(k key) mappingForm {
	role, entity := w.ids(robot, acmeRole)
	return mappingForm{fmt.Sprint(entity), fmt.Sprint(role), w.public.ClientID, "acme.pem", k.pem}
}

// encode is the form as a browser sends it.
func (f mappingForm) encode(t *testing.T) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	m := multipart.NewWriter(&buf)
	for name, value := range map[string]string{"entity": f.entity, "role": f.role, "application": f.application} {
		if err := m.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := m.CreateFormFile("certificate", f.fileName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(part, f.file); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), buf.Bytes()
}

func (b *browser) upload(u, contentType string, body []byte) page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, u, bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return b.follow(b.do(req))
}

func (b *browser) sendMapping(u string, f mappingForm) page {
	b.t.Helper()
	contentType, body := f.encode(b.t)
	return b.upload(u, contentType, body)
}

// TestCreateMapping: a certificate mapped by hand is listed and gives tokens, and can be revoked.
func TestCreateMapping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.robotReady()
	k := w.newKey()
	b, p := w.enter(admin, newMapping)
	p = b.sendMapping(p.url.String(), w.goodMapping(k))
	checkPage(t, p, "m2m")
	for _, want := range []string{k.id, "Acme Integration", "Acme Sync", "The certificate is mapped"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the list lacks %q:\n%s", want, p.body)
		}
	}
	if tok := w.m2m(w.assertion(k).sign(t, k.private)); tok.status != 200 {
		t.Errorf("token with the mapped certificate: %d %s", tok.status, tok.Error)
	}
	e := w.srv.Ledger().Entries(func(e netsuitetest.Entry) bool { return e.Path == newMapping && e.Method == http.MethodPost })
	if len(e) != 1 || !e[0].OK || e[0].CertificateID != k.id || strings.Contains(fmt.Sprint(e[0].Params), "BEGIN") {
		t.Errorf("ledger: %+v", e)
	}
	b.submit(p, url.Values{"action": {"revoke"}})
	if tok := w.m2m(w.assertion(k).sign(t, k.private)); tok.status == 200 {
		t.Error("the certificate still gives tokens after Revoke")
	}
	if p := b.get(w.host("1234567", "app") + "/app/setup/oauth2.0/m2msetup.nl?created=" + url.QueryEscape(hostile)); strings.Contains(p.body, "is mapped") {
		t.Error("the list greets a certificate that is not there")
	}
}

func TestCreateMappingRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.robotReady()
	now := w.srv.Clock().Now()
	used, good := w.newKey(), w.goodMapping(w.newKey())
	b, p := w.enter(admin, newMapping)
	if got := b.sendMapping(p.url.String(), w.goodMapping(used)); got.step() != "m2m" {
		t.Fatalf("a good one: %q", got.step())
	}
	if err := w.account().AddForeignCertificates(w.public.ClientID, 4); err != nil {
		t.Fatal(err)
	}
	file := func(name, content string) mappingForm {
		f := good
		f.fileName, f.file = name, content
		return f
	}
	expired := newKey(t, ecKey(t, elliptic.P256()), now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	small := newKey(t, rsaKey(t, 2048), now.Add(-time.Hour), now.Add(time.Hour))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}))
	for _, tt := range []struct {
		name    string
		form    mappingForm
		field   string
		mention string
	}{
		{"no entity", mappingForm{"", good.role, good.application, good.fileName, good.file}, "entity", "choose one"},
		{"unknown entity", mappingForm{"99999", good.role, good.application, good.fileName, good.file}, "entity", "choose one"},
		{"hostile entity", mappingForm{hostile, hostile, hostile, hostile, hostile}, "entity", "choose one"},
		{"no role", mappingForm{good.entity, "", good.application, good.fileName, good.file}, "role", "choose one"},
		{"unknown role", mappingForm{good.entity, "99999", good.application, good.fileName, good.file}, "role", "choose one"},
		{"role of another", mappingForm{good.entity, "3", good.application, good.fileName, good.file}, "role", "does not hold Administrator"},
		{"no application", mappingForm{good.entity, good.role, "", good.fileName, good.file}, "application", "choose one"},
		{"application without the grant", mappingForm{good.entity, good.role, w.confidential.ClientID, good.fileName, good.file}, "application", "choose one"},
		{"no file", file("", ""), "certificate", "choose a file"},
		{"empty file", file("a.pem", ""), "certificate", "empty"},
		{"huge file", file("a.pem", strings.Repeat("A", 100_000)), "certificate", "64 KiB"},
		{"wrong ending", file("a.txt", good.file), "certificate", ".cer, .pem or .crt"},
		{"no ending", file("pem", good.file), "certificate", ".cer, .pem or .crt"},
		{"no PEM", file("a.cer", "\x30\x82\x01"), "certificate", "PEM"},
		{"private key", file("key.pem", private), "certificate", "PRIVATE KEY"},
		{"key and certificate", file("both.pem", good.file+private), "certificate", "nothing after it"},
		{"two certificates", file("two.pem", good.file+good.file), "certificate", "nothing after it"},
		{"hostile block", file("a.pem", "-----BEGIN "+hostile+"-----\nAA==\n-----END "+hostile+"-----\n"), "certificate", "CERTIFICATE block"},
		{"2048 bits", file("a.pem", small.pem), "certificate", "3072 or 4096"},
		{"expired", file("a.pem", expired.pem), "certificate", "expired"},
		{"used before", file("a.pem", used.pem), "certificate", "uploaded before"},
		{"sixth", good, "certificate", "five certificates"},
	} {
		got := b.sendMapping(p.url.String(), tt.form)
		checkHarmless(t, got)
		if got.status != 400 || got.step() != "m2mnew" || got.wrongAt() != tt.field || !strings.Contains(got.body, `id="`+tt.field+`-wrong"`) || !strings.Contains(got.body, tt.mention) {
			t.Errorf("%s: %d %q, complaint at %q, want 400, %q and %q:\n%s", tt.name, got.status, got.step(), got.wrongAt(), tt.field, tt.mention, got.body)
		}
		if e := w.last(); e.OK || strings.Contains(fmt.Sprint(e), "secret") {
			t.Errorf("%s: ledger %+v", tt.name, e)
		}
	}
	if got := w.account().ActiveCertificates(w.public.ClientID); got != 5 {
		t.Errorf("%d active certificates, want 5", got)
	}
}

func TestMalformedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.robotReady()
	b, p := w.enter(admin, newMapping)
	contentType, body := w.goodMapping(w.newKey()).encode(t)
	field := "--x\r\nContent-Disposition: form-data; name=\"entity\"\r\n\r\n%s\r\n"
	for name, tt := range map[string][2]string{
		"no multipart":     {"application/x-www-form-urlencoded", "entity=12"},
		"JSON":             {"application/json", "{}"},
		"no boundary":      {"multipart/form-data", string(body)},
		"another boundary": {"multipart/form-data; boundary=other", string(body)},
		"broken off":       {contentType, string(body[:len(body)-100])},
		"empty":            {contentType, ""},
		"many parts":       {"multipart/form-data; boundary=x", strings.Repeat(fmt.Sprintf(field, "1"), 50) + "--x--\r\n"},
		"huge field":       {"multipart/form-data; boundary=x", fmt.Sprintf(field, strings.Repeat("1", 10_000)) + "--x--\r\n"},
	} {
		if got := b.upload(p.url.String(), tt[0], []byte(tt[1])); got.status != 400 || got.step() != "error" {
			t.Errorf("%s: %d %q, want 400 error", name, got.status, got.step())
		}
	}
	if got := b.upload(p.url.String(), contentType, append(body, make([]byte, 17<<20)...)); got.status != 413 {
		t.Errorf("17 MiB: %d, want 413", got.status)
	}
	if got := len(w.account().Certificates()); got != 0 {
		t.Errorf("%d certificates, want none", got)
	}
}

// FuzzMappingForm: no upload breaks the page, none brings markup in, and none of them makes a mapping.
func FuzzMappingForm(f *testing.F) {
	for _, body := range []string{"", "--x--\r\n", "--x\r\nContent-Disposition: form-data; name=\"certificate\"; filename=\"a.pem\"\r\n\r\n-----BEGIN CERTIFICATE-----\r\n--x--\r\n", "--x\r\nContent-Disposition: form-data; name=\"entity\"\r\n\r\n" + hostile + "\r\n--x--\r\n"} {
		f.Add("multipart/form-data; boundary=x", body)
	}
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	cookies := enterByHand(f, srv)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+newMapping, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		srv.Handler().ServeHTTP(rec, r)
		if rec.Code != 400 || strings.Contains(rec.Body.String(), "<script>alert") {
			t.Errorf("%q: %d %s", body, rec.Code, rec.Body)
		}
	})
}

// enterByHand logs the administrator in through the handler alone.
func enterByHand(tb testing.TB, srv *netsuitetest.Server) []*http.Cookie {
	tb.Helper()
	form := url.Values{"email": {admin}, "password": {"x"}}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/app/login/secure/enterpriselogin.nl", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	srv.Handler().ServeHTTP(rec, r)
	cookies := rec.Result().Cookies()
	if len(cookies) == 0 {
		tb.Fatalf("log-in: %d %s", rec.Code, rec.Body)
	}
	return cookies
}
