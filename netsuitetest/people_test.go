package netsuitetest_test

import (
	"crypto/elliptic"
	"net/url"
	"strings"
	"testing"
)

func TestConsent(t *testing.T) {
	w := newWorld(t)
	address := authorizeURL(w.host("1234567", "app"), authorizeQuery(w.public))
	account := w.srv.Account("1234567")
	redirect, err := account.Consent(address, admin, "administrator")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(redirect)
	if err != nil || !strings.HasPrefix(redirect, callback) || u.Query().Get("code") == "" || u.Query().Get("role") != "3" || u.Query().Get("company") != "1234567" {
		t.Errorf("redirect = %s, %v; want the callback with code, role and company", redirect, err)
	}
	for _, tt := range []struct{ name, address, email, role, want string }{
		{"nobody", address, "nobody@globex.example", "administrator", "nobody has this e-mail"},
		{"role not held", address, sales, "administrator", "does not hold it"},
		{"no such role", address, admin, "customrole_none", "no such script ID"},
		{"unknown client", strings.Replace(address, w.public.ClientID, strings.Repeat("0", 64), 1), admin, "administrator", "unknown client ID"},
		{"not an address", "http://[", admin, "administrator", "address of the authorize request"},
	} {
		if redirect, err := account.Consent(tt.address, tt.email, tt.role); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s gave %q, %v; want %q", tt.name, redirect, err, tt.want)
		}
	}
	query := authorizeQuery(w.public)
	query.Set("scope", "suite_analytics")
	refused, err := account.Consent(authorizeURL(w.host("1234567", "app"), query), admin, "administrator")
	if err != nil || !strings.Contains(refused, "error=invalid_scope") {
		t.Errorf("a scope not ticked gave %q, %v; want the redirect with invalid_scope", refused, err)
	}
}

func TestMapCertificate(t *testing.T) {
	w := newWorld(t)
	account := w.srv.Account("1234567")
	now := w.srv.Clock().Now()
	k := newKey(t, ecKey(t, elliptic.P256()), now, now.AddDate(1, 0, 0))
	id, err := account.MapCertificate(w.public.ClientID, admin, "administrator", []byte(k.pem))
	if err != nil || id != k.id {
		t.Fatalf("MapCertificate = %q, %v; want %q", id, err, k.id)
	}
	for _, tt := range []struct{ name, client, email, role, pem, want string }{
		{"again", w.public.ClientID, admin, "administrator", k.pem, "uploaded before"},
		{"unknown client", strings.Repeat("0", 64), admin, "administrator", k.pem, "no such integration record"},
		{"nobody", w.public.ClientID, "x", "administrator", k.pem, "nobody has this e-mail"},
		{"grant not ticked", w.confidential.ClientID, admin, "administrator", k.pem, "Client Credentials"},
		{"no certificate", w.public.ClientID, admin, "administrator", "", "PEM"},
	} {
		if id, err := account.MapCertificate(tt.client, tt.email, tt.role, []byte(tt.pem)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s gave %q, %v; want %q", tt.name, id, err, tt.want)
		}
	}
}
