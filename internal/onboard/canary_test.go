package onboard_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/certificates"
	"github.com/suitekey/suitekey/internal/vault"
)

// TestLO01_Canary makes a whole run, a hand-out and some refusals, collects every secret that occurs in them, and looks for each
// of them wherever the server writes.
func TestLO01_Canary(t *testing.T) {
	printed := redirectOutput(t)
	seen := &canaries{byName: map[string][]byte{}}
	e := apptest.Start(t, apptest.Config{Ready: true, Outward: func(base http.RoundTripper) http.RoundTripper { return &tap{base, seen} }})
	link, session := e.Link(t, broker.LinkSent, apptest.Account), e.Link(t, broker.LinkSession, apptest.Account)
	p := newPerson(t, e)
	redirect := p.consent(link)
	pages := refusals(t, e, redirect, session.URL)
	p.open(redirect.String())
	r := e.Connected(t, link)
	id, secret, err := e.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{r.ConnectionID})
	if err != nil {
		t.Fatal(err)
	}

	seen.add("link token", token(link))
	seen.add("session link token", token(session))
	seen.add("finalise secret", session.FinaliseSecret.Reveal())
	seen.add("code", redirect.Query().Get("code"))
	seen.add("state", redirect.Query().Get("state"))
	seen.add("cookie secret", p.secret())
	seen.add("client secret", secret.Reveal())
	seen.add("token handed out", takeToken(t, e, id, secret.Reveal()))
	seen.add("master key", e.MasterKey.Reveal())
	seen.addKey(t, e, r.CertificateID)
	for _, name := range []string{"code_verifier", "refresh_token", "access_token", "client_assertion", "token", "bearer"} {
		if len(seen.byName[name]) < 16 {
			t.Fatalf("no %s was seen in the run, so this test shows little", name)
		}
	}

	places := map[string][]byte{"log": []byte(e.Log.String()), "error pages": pages, "standard output": printed()}
	for _, file := range databaseFiles(t, e.Folder) {
		if places[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for place, content := range places {
		for name, canary := range seen.byName {
			if bytes.Contains(content, canary) {
				t.Errorf("%s: holds the %s", place, name)
			}
		}
	}
}

func databaseFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files in the database's folder (%v), want the database and its log", len(files), err)
	}
	return files
}

// redirectOutput sends what the process prints into a file until the test has ended.
func redirectOutput(t *testing.T) (printed func() []byte) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	if err != nil {
		t.Fatal(err)
	}
	out, errOut := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	t.Cleanup(func() {
		os.Stdout, os.Stderr = out, errOut
		file.Close()
	})
	return func() []byte {
		content, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}

// refusals are the pages of requests that carry secrets and are refused.
func refusals(t *testing.T, e *apptest.Env, redirect *url.URL, link string) []byte {
	t.Helper()
	other := *redirect
	other.Path = "/callback/other-app"
	odd := *redirect
	odd.RawQuery += "&iss=https%3A%2F%2Fevil.example"
	late := *redirect
	late.RawQuery += "&error=server_error"
	var all []byte
	for _, address := range []string{redirect.String(), other.String(), odd.String(), late.String(), link + "x", link + "/x", e.Home.String() + "/r/run_1?" + redirect.RawQuery} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := newPerson(t, e).HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode < 400 {
			t.Fatalf("%s answered %s (%v), want a refusal", req.URL.Path, res.Status, err)
		}
		all = append(all, body...)
	}
	return all
}

// takeToken is what an app does.
func takeToken(t *testing.T, e *apptest.Env, id, secret string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.Home.JoinPath("oauth2", "token").String(), strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	res, err := e.Customer(t).HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.AccessToken == "" {
		t.Fatalf("the token endpoint answered %s without a token (%v)", res.Status, err)
	}
	return body.AccessToken
}

// canaries are secrets by what they are; of several of a kind each gets a number.
type canaries struct {
	mu     sync.Mutex
	byName map[string][]byte // guarded by mu
}

func (c *canaries) add(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; c.byName[name] != nil && string(c.byName[name]) != value; name += "'" {
	}
	c.byName[name] = []byte(value)
}

// addKey adds the private key of a certificate, as bytes and as text.
func (c *canaries) addKey(t *testing.T, e *apptest.Env, certificate string) {
	t.Helper()
	v, err := vault.Open(t.Context(), e.App.Store, e.MasterKey, vault.ModeEmulator)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := (&certificates.Service{Store: e.App.Store, Vault: v}).Signer(t.Context(), certificate)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := signer.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T, want ECDSA", signer)
	}
	raw, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c.add("private key", string(raw))
	c.add("private key in base64url", base64.RawURLEncoding.EncodeToString(raw))
}

// tap notes the secrets of every request to NetSuite and of every answer.
type tap struct {
	base http.RoundTripper
	seen *canaries
}

func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	if bearer, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok {
		t.seen.add("bearer", bearer)
	}
	if req.Body != nil && req.GetBody != nil {
		if err := t.noteForm(req); err != nil {
			return nil, err
		}
	}
	res, err := t.base.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/token") {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	var answer map[string]any
	if err == nil && json.Unmarshal(body, &answer) == nil {
		for _, name := range []string{"access_token", "refresh_token"} {
			if value, ok := answer[name].(string); ok {
				t.seen.add(name, value)
			}
		}
	}
	return res, err
}

func (t *tap) noteForm(req *http.Request) error {
	body, err := req.GetBody()
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil // not a form
	}
	for _, name := range []string{"code_verifier", "client_assertion", "token", "refresh_token"} {
		if form.Get(name) != "" {
			t.seen.add(name, form.Get(name))
		}
	}
	return nil
}
