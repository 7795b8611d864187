package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// person makes a connection of a person with a token at hand.
func (s *server) person(t *testing.T, name string, account netsuite.AccountID, entity int64) (connection, token string) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	conn := broker.Connection{
		ID: broker.NewID("co"), App: s.App.Name, Account: account, Kind: broker.KindUser, EndUser: name, Customer: "Globex Inc.",
		State: broker.ConnectionConnected, RoleID: 1000, Entity: entity,
	}
	if err := s.Store.SaveConnection(t.Context(), &conn); err != nil {
		t.Fatal(err)
	}
	grant := broker.UserGrant{ConnectionID: conn.ID, App: conn.App, Public: true, RefreshToken: broker.Sealed("sealed"), CreatedAt: now}
	grant.Begin(now, now.Add(48*time.Hour), now.Add(168*time.Hour))
	if err := s.Store.SaveUserGrant(t.Context(), &grant); err != nil {
		t.Fatal(err)
	}
	conn.CertificateID = grant.Consent() // what Hold writes beside the token
	token, err := s.Hold(t.Context(), conn, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return conn.ID, token
}

func (s *server) askFor(t *testing.T, id, secret string, form url.Values) answer {
	t.Helper()
	form.Set("grant_type", "client_credentials")
	return s.do(t, http.MethodPost, "/oauth2/token", http.Header{
		"Content-Type":  {"application/x-www-form-urlencoded"},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))},
	}, form.Encode())
}

// A person's token is given for the person's name alone, to a client with the right to it (TE-01, TE-02, TE-04).
func TestPersons(t *testing.T) {
	s := newServer(t, nil)
	_, ann := s.person(t, "ann", "1234567", 21)
	_, bob := s.person(t, "bob", "1234567", 22)
	_, bobSandbox := s.person(t, "bob", "1234567_SB1", 22)
	id, secret, err := s.Tokens.CreateUsersClient(t.Context(), s.App.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	base := func(account netsuite.AccountID) string {
		t.Helper()
		site, err := netsuite.EmulatorSite("127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		u, err := site.BaseURL(account, netsuite.ServiceSuiteTalk)
		if err != nil {
			t.Fatal(err)
		}
		return u.String()
	}
	for name, tt := range map[string]struct {
		form  url.Values
		token string
	}{
		"one account":           {url.Values{"end_user": {"ann"}}, ann},
		"one account, named":    {url.Values{"end_user": {"ann"}, "resource": {base("1234567")}}, ann},
		"two accounts, one":     {url.Values{"end_user": {"bob"}, "resource": {base("1234567")}}, bob},
		"two accounts, another": {url.Values{"end_user": {"bob"}, "resource": {base("1234567_SB1")}}, bobSandbox},
	} {
		a := s.askFor(t, id, secret.Reveal(), tt.form)
		var got tokenAnswer
		if err := json.Unmarshal([]byte(a.body), &got); a.status != http.StatusOK || err != nil || got.AccessToken != tt.token {
			t.Errorf("%s: got %d %.200s", name, a.status, a.body)
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the answer may be cached", name)
		}
	}
	for name, tt := range map[string]struct {
		form url.Values
		want string
	}{
		"nobody named":           {url.Values{}, "unauthorized_client"},
		"empty":                  {url.Values{"end_user": {""}}, "unauthorized_client"},
		"account alone":          {url.Values{"resource": {base("1234567")}}, "unauthorized_client"},
		"unknown":                {url.Values{"end_user": {"carl"}}, "invalid_grant"},
		"another spelling":       {url.Values{"end_user": {"Ann"}}, "invalid_grant"},
		"wildcard":               {url.Values{"end_user": {"%"}}, "invalid_grant"},
		"SQL":                    {url.Values{"end_user": {"ann'--"}}, "invalid_grant"},
		"two accounts, none":     {url.Values{"end_user": {"bob"}}, "invalid_request"},
		"two accounts, a third":  {url.Values{"end_user": {"bob"}, "resource": {base("7654321")}}, "invalid_request"},
		"account of another one": {url.Values{"end_user": {"ann"}, "resource": {base("1234567_SB1")}}, "invalid_request"},
		"control characters":     {url.Values{"end_user": {"ann\x00"}}, "invalid_request"},
		"line end":               {url.Values{"end_user": {"ann\n"}}, "invalid_request"},
		"space":                  {url.Values{"end_user": {"ann "}}, "invalid_request"},
		"not ASCII":              {url.Values{"end_user": {"änn"}}, "invalid_request"},
		"huge":                   {url.Values{"end_user": {strings.Repeat("a", 129)}}, "invalid_request"},
	} {
		a := s.askFor(t, id, secret.Reveal(), tt.form)
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, `"error":"`+tt.want+`"`) || strings.Contains(a.body, "access_token") {
			t.Errorf("%s: got %d %.300s, want %s", name, a.status, a.body, tt.want)
		}
	}
	// A client of the machine connection has no right to persons: for it, none of them exists.
	without := s.askFor(t, s.id, s.secret, url.Values{"end_user": {"ann"}})
	absent := s.askFor(t, id, secret.Reveal(), url.Values{"end_user": {"carl"}})
	if without.status != absent.status || without.body != absent.body || !reflect.DeepEqual(without.header["Content-Type"], absent.header["Content-Type"]) {
		t.Errorf("a client without the right gets %d %s, an unknown person %d %s", without.status, without.body, absent.status, absent.body)
	}
	twice := s.do(t, http.MethodPost, "/oauth2/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		"grant_type=client_credentials&end_user=ann&end_user=bob&client_id="+id+"&client_secret="+secret.Reveal())
	if twice.status != http.StatusBadRequest || strings.Contains(twice.body, "access_token") {
		t.Errorf("two persons in one request: got %d %.200s", twice.status, twice.body)
	}
}
