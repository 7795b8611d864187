package netsuite

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // only for the example of RFC 5849
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testConsumerSecret = "consumer/secret+with=signs"
	testTokenSecret    = "token secret~ü"
)

func testTBA(s Site) *TBA {
	return &TBA{
		Account: testAccount, ConsumerKey: "ckey", ConsumerSecret: NewSecret(testConsumerSecret), TokenID: "tid", TokenSecret: NewSecret(testTokenSecret),
		Site: s, Now: func() time.Time { return testNow },
	}
}

// The examples of RFC 5849, section 3.4.1.1 with a form as body, which is passed as further parameters here, and section 1.2.
func TestSignatureBaseOfTheRFC(t *testing.T) {
	address := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	got, err := signatureBase("post", address("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"), []parameter{
		{"oauth_consumer_key", "9djdj82h48djs9d2"},
		{"oauth_token", "kkk9d7dh3k39sjv7"},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131201"},
		{"oauth_nonce", "7d8f3e4a"},
		{"c2", ""},
		{"a3", "2 q"},
	})
	want := "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2" +
		"%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if err != nil || got != want {
		t.Errorf("base string = %s, %v\nwant %s", got, err, want)
	}

	photo, err := signatureBase("GET", address("http://photos.example.net/photos?file=vacation.jpg&size=original"), []parameter{
		{"oauth_consumer_key", "dpf43f3p2l4k3l03"},
		{"oauth_token", "nnch734d00sl2jdk"},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131202"},
		{"oauth_nonce", "chapoH"},
	})
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, signingKey(NewSecret("kd94hf93k423kf44"), NewSecret("pfkkdhi9sl3r4s00")))
	mac.Write([]byte(photo))
	if signature := base64.StdEncoding.EncodeToString(mac.Sum(nil)); signature != "MdpQcU8iPSUjWoN/UDMsK2sui9I=" {
		t.Errorf("signature = %s", signature)
	}

	for raw, want := range map[string]string{
		"http://EXAMPLE.COM:80/r%20v/X?id=123": "http://example.com/r%20v/X", "https://www.example.net:8080/?q=1": "https://www.example.net:8080/",
		"HTTPS://a.b:443": "https://a.b/", "http://a.b:443/x": "http://a.b:443/x", "https://a.b/a!b": "https://a.b/a!b",
	} {
		if got := baseURI(address(raw)); got != want {
			t.Errorf("baseURI(%s) = %s, want %s", raw, got, want)
		}
	}
	if got, err := signatureBase("GET", address("http://a.b/?x=%zz"), nil); err == nil {
		t.Errorf("a malformed query gave %s", got)
	}
}

func TestPercentEncode(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abcXYZ019-._~": "abcXYZ019-._~", " ": "%20", "+": "%2B", "%": "%25", "&=": "%26%3D", "!*'()": "%21%2A%27%28%29", "/?:@#[]": "%2F%3F%3A%40%23%5B%5D",
		"ü": "%C3%BC", "☃": "%E2%98%83", "\x00\n\xff": "%00%0A%FF",
	} {
		if got := percentEncode(in); got != want {
			t.Errorf("percentEncode(%q) = %s, want %s", in, got, want)
		}
	}
}

var headerPair = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// verifyTBA checks a request as a server does, from RFC 5849 and without the code under test. It returns the nonce.
func verifyTBA(r *http.Request) (nonce string, err error) {
	header, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		return "", fmt.Errorf("Authorization is %q", r.Header.Get("Authorization"))
	}
	given := map[string]string{}
	for _, pair := range headerPair.FindAllStringSubmatch(header, -1) {
		value, err := url.PathUnescape(pair[2])
		if err != nil {
			return "", err
		}
		if _, twice := given[pair[1]]; twice {
			return "", fmt.Errorf("%s is given twice", pair[1])
		}
		given[pair[1]] = value
	}
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for name, value := range given {
		if name != "realm" && name != "oauth_signature" {
			pairs = append(pairs, escape(name)+"\x00"+escape(value))
		}
	}
	for _, part := range strings.Split(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if part != "" {
			pairs = append(pairs, escape(name)+"\x00"+escape(value))
		}
		if err := errors.Join(errName, errValue); err != nil {
			return "", err
		}
	}
	sort.Strings(pairs) // with a separator below all characters: by name, then by value
	text := r.Method + "&" + escape("http://"+r.Host+r.URL.EscapedPath()) + "&" + escape(strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "="))
	mac := hmac.New(sha256.New, []byte(escape(testConsumerSecret)+"&"+escape(testTokenSecret)))
	_, _ = io.WriteString(mac, text)
	switch want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); {
	case given["oauth_signature"] != want:
		return "", fmt.Errorf("signature %q, want %q over %s", given["oauth_signature"], want, text)
	case given["realm"] != "1234567_SB1" || given["oauth_consumer_key"] != "ckey" || given["oauth_token"] != "tid" || given["oauth_version"] != "1.0" ||
		given["oauth_signature_method"] != "HMAC-SHA256" || given["oauth_timestamp"] != fmt.Sprint(testNow.Unix()) || len(given) != 8:
		return "", fmt.Errorf("header %s", header)
	}
	return given["oauth_nonce"], nil
}

// startTBA is an account that takes requests that are signed rightly, each nonce once.
func startTBA(t *testing.T, answer string) *fakeSite {
	t.Helper()
	var nonces sync.Map
	return startSite(t, func(w http.ResponseWriter, r *http.Request) {
		nonce, err := verifyTBA(r)
		_, again := nonces.LoadOrStore(nonce, true)
		if err != nil || len(nonce) < 16 || again {
			t.Errorf("%s %s: %v; nonce %q, seen before: %t", r.Method, r.URL, err, nonce, again)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, answer)
	})
}

func TestTBAReads(t *testing.T) {
	site := startTBA(t, `{"items":[{"tba_token_name":"old","id":"1"}],"count":1,"offset":0,"totalResults":1,"hasMore":false,"name":"x"}`)
	api := testTBA(site.Site).API()
	if _, err := api.SuiteQL(t.Context(), "SELECT * FROM oAuthToken WHERE BINACTIVE = 'F' AND BREVOKED = 'F'", 10, 20); err != nil {
		t.Error(err)
	}
	if _, err := api.Record(t.Context(), "customer", "eid:a b+ü", &RecordOptions{Fields: []string{"companyName", "email"}}); err != nil {
		t.Error(err)
	}
	if _, err := api.RESTlet(t.Context(), "GET", "customscript_a", "1", url.Values{"x y": {"1+1", "", "ä&="}, "x": {"z"}}, nil); err != nil {
		t.Error(err)
	}
	for _, err := range api.Records(t.Context(), "customer", `companyName IS "A & B (100%)"`) {
		if err != nil {
			t.Error(err)
		}
	}
	client := testTBA(site.Site).Client(t.Context())
	for _, tail := range []string{"/services/rest/record/v1/customer/%21x?a=%2B&a=+&b", "/app/site/hosting/restlet.nl?script=1&deploy=1&q=%C3%BC"} {
		for _, method := range []string{"GET", "HEAD"} {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+site.host("suitetalk")+tail, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: %+v, %v", method, tail, resp, err)
			}
			_ = resp.Body.Close()
		}
	}
	if got := site.requests(); len(got) != 8 {
		t.Errorf("server got %d requests, want 8", len(got))
	}
}

func TestTBARefusesToWrite(t *testing.T) {
	site := startTBA(t, "{}")
	api := testTBA(site.Site).API()
	for name, call := range map[string]func() error{
		"create":  func() error { _, err := api.CreateRecord(t.Context(), "customer", struct{}{}); return err },
		"update":  func() error { return api.UpdateRecord(t.Context(), "customer", "1", struct{}{}) },
		"upsert":  func() error { _, err := api.UpsertRecord(t.Context(), "customer", "A", struct{}{}); return err },
		"delete":  func() error { return api.DeleteRecord(t.Context(), "customer", "1") },
		"RESTlet": func() error { _, err := api.RESTlet(t.Context(), "POST", "a", "b", nil, struct{}{}); return err },
		"upsert 2": func() error {
			_, _, err := api.Do(t.Context(), "PUT", "/services/rest/record/v1/x/eid:1", struct{}{})
			return err
		},
		"post": func() error {
			_, _, err := api.Do(t.Context(), "POST", "/services/rest/query/v1/suiteql2", struct{}{})
			return err
		},
		"encoded": func() error {
			_, _, err := api.Do(t.Context(), "POST", "/services/rest/query/v1/%73uiteql", struct{}{})
			return err
		},
	} {
		err := call()
		var e *Error
		if !errors.Is(err, ErrReadOnly) || IsTemporary(err) || !errors.As(err, &e) || e.Hint != "nothing was sent" {
			t.Errorf("%s: err = %v, want ErrReadOnly that says that nothing was sent", name, err)
		}
	}
	form, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+site.host("suitetalk")+suiteQLPath, strings.NewReader("q=x"))
	if err != nil {
		t.Fatal(err)
	}
	form.Header.Set("Content-Type", "Application/X-WWW-Form-Urlencoded; charset=utf-8")
	if resp, err := testTBA(site.Site).Client(t.Context()).Do(form); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a form gave %+v, %v", resp, err)
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestTBARefusesBadInput(t *testing.T) {
	site := startTBA(t, "{}")
	for name, change := range map[string]func(*TBA){
		"no consumer key":      func(b *TBA) { b.ConsumerKey = "" },
		"consumer key of more": func(b *TBA) { b.ConsumerKey = `a", oauth_token="b` },
		"no token":             func(b *TBA) { b.TokenID = "" },
		"token of lines":       func(b *TBA) { b.TokenID = "a\r\nX: y" },
		"no consumer secret":   func(b *TBA) { b.ConsumerSecret = Secret{} },
		"no token secret":      func(b *TBA) { b.TokenSecret = Secret{} },
		"no account":           func(b *TBA) { b.Account = "" },
	} {
		tba := testTBA(site.Site)
		change(tba)
		_, err := tba.API().ServerTime(t.Context())
		if err == nil || errors.Is(err, ErrResponseLost) || strings.Contains(err.Error(), testTokenSecret) || strings.Contains(err.Error(), testConsumerSecret) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tt := range map[string]struct {
		ctx  context.Context
		host string
		want error
	}{
		"client that ended": {ended, site.host("suitetalk"), context.Canceled},
		"foreign host":      {t.Context(), "evil.example", ErrHostRefused},
		"another account":   {t.Context(), "7654321.suitetalk.localhost:" + site.port(), ErrHostRefused},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+tt.host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := testTBA(site.Site).Client(tt.ctx).Do(req); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %v", name, resp, err, tt.want)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
	if text := fmt.Sprintf("%v %+v %#v", *testTBA(Site{}), testTBA(Site{}), *testTBA(Site{})); strings.Contains(text, testTokenSecret) || strings.Contains(text, testConsumerSecret) {
		t.Errorf("a TBA prints its secrets: %s", text)
	}
}

func FuzzSignatureBase(f *testing.F) {
	f.Add("GET", "/x", "a=1&b=%20&a=+", "key")
	f.Add("POST", "/%2F", "=&&;", "=&")
	f.Fuzz(func(t *testing.T, method, path, query, value string) {
		u := &url.URL{Scheme: "https", Host: "a.example", Path: path, RawQuery: query}
		text, err := signatureBase(method, u, []parameter{{"oauth_token", value}})
		if err == nil && (strings.Count(text, "&") != 2 || !isVisible(text) || strings.ContainsAny(text, " \"")) {
			t.Errorf("base string of %q %q %q = %q", method, path, query, text)
		}
	})
}
