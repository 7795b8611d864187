package netsuite

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestMetadata(t *testing.T) {
	const catalog = `{"links":[],"items":[{"name":"customer","links":[{"rel":"canonical","href":"x","mediaType":"application/json"}]},{"name":"customrecord_acme","links":[]}]}`
	site := startSite(t, reply(http.StatusOK, catalog))
	api := testAPI(site.Site)
	for i, tt := range []struct{ path, query, accept string }{
		{"/services/rest/record/v1/metadata-catalog", "", "application/json"},
		{"/services/rest/record/v1/metadata-catalog", "select=customer%2CsalesOrder", "application/json"},
		{"/services/rest/record/v1/metadata-catalog/salesOrder", "", "application/schema+json"},
		{"/services/rest/record/v1/metadata-catalog", "select=customer%2CsalesOrder", "application/swagger+json"},
	} {
		switch tt.accept {
		case "application/json":
			var types []string
			if tt.query != "" {
				types = []string{"customer", "salesOrder"}
			}
			if names, err := api.MetadataCatalog(t.Context(), types...); err != nil || !slices.Equal(names, []string{"customer", "customrecord_acme"}) {
				t.Errorf("catalog = %q, %v", names, err)
			}
		case "application/schema+json":
			if schema, err := api.RecordSchema(t.Context(), "salesOrder"); err != nil || string(schema) != catalog {
				t.Errorf("schema = %s, %v", schema, err)
			}
		default:
			if document, err := api.OpenAPI(t.Context(), "customer", "salesOrder"); err != nil || string(document) != catalog {
				t.Errorf("document = %s, %v", document, err)
			}
		}
		if r := site.requests()[i]; r.Method != "GET" || r.Path != tt.path || r.Query != tt.query || r.Header.Get("Accept") != tt.accept {
			t.Errorf("request = %+v, want %+v", r, tt)
		}
	}
}

func TestMetadataThatCannotBeRead(t *testing.T) {
	for _, body := range []string{"", "{}", "<html>", `{"items":[{}]}`, `{"items":[{"name":"a/../b"}]}`, `{"items":{}}`, `{"items":[{"name":5}]}`} {
		site := startSite(t, reply(http.StatusOK, body))
		if names, err := testAPI(site.Site).MetadataCatalog(t.Context()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q reads as %q, %v; want ErrUnreadable", body, names, err)
		}
	}
	for _, body := range []string{"", "[]", "null", "<html>", `"x"`} {
		site := startSite(t, reply(http.StatusOK, body))
		_, schema := testAPI(site.Site).RecordSchema(t.Context(), "customer")
		_, document := testAPI(site.Site).OpenAPI(t.Context(), "customer")
		if !errors.Is(schema, ErrUnreadable) || !errors.Is(document, ErrUnreadable) {
			t.Errorf("%q reads with %v, %v; want ErrUnreadable", body, schema, document)
		}
	}
	site := startSite(t, reply(http.StatusOK, `{"items":[]}`))
	if names, err := testAPI(site.Site).MetadataCatalog(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("an empty catalog reads as %q, %v", names, err)
	}
	if document, err := testAPI(site.Site).OpenAPI(t.Context()); err == nil {
		t.Errorf("OpenAPI of all = %s, want an error", document)
	}
	site.only(t)
	hidden := startSite(t, reply(http.StatusNotFound, `{"o:errorDetails":[{"detail":"none","o:errorCode":"NONEXISTENT_ID"}]}`))
	_, err := testAPI(hidden.Site).RecordSchema(t.Context(), "vendor")
	requireError(t, err, "metadata catalog", 404, "NONEXISTENT_ID", ErrNotFound)
}

func FuzzCatalog(f *testing.F) {
	f.Add(`{"items":[{"name":"customer"}]}`)
	f.Add(`{"items":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		names, err := readCatalog([]byte(body))
		if err != nil && names != nil {
			t.Errorf("%q reads as %q, %v", body, names, err)
		}
		for _, name := range names {
			if !recordTypeForm.MatchString(name) {
				t.Errorf("%q gives type %q", body, name)
			}
		}
	})
}

func TestLanguage(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "{}"))
	api := testAPI(site.Site)
	for _, language := range []string{"", "en", "de-DE", "zh-Hans-CN"} {
		api.Language = language
		if _, err := api.RESTlet(t.Context(), "GET", "a", "b", nil, nil); err != nil {
			t.Errorf("language %q: %v", language, err)
		}
		all := site.requests()
		if got := strings.Join(all[len(all)-1].Header.Values("Accept-Language"), "|"); got != language {
			t.Errorf("Accept-Language = %q, want %q", got, language)
		}
	}
	for _, language := range []string{"e n", "en\r\nX: y", "en,de", "en;q=1", "*", "englishlanguage", "-en", "é", strings.Repeat("en-", 20) + "us"} {
		api.Language = language
		if _, err := api.ServerTime(t.Context()); err == nil || !strings.Contains(err.Error(), "language") {
			t.Errorf("language %q gave %v, want an error that names it", language, err)
		}
	}
	if got := site.requests(); len(got) != 4 {
		t.Errorf("server got %d requests, want 4", len(got))
	}
}

func TestTokenOrClient(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, `{"serverTime":"2025-03-26T16:21:00.000Z"}`))
	for name, tt := range map[string]struct {
		api API
		ok  bool
	}{
		"neither":         {API{}, false},
		"client alone":    {API{HTTPClient: site.HTTPClient}, true},
		"token alone":     {API{Token: NewSecret(testToken)}, true},
		"malformed token": {API{Token: NewSecret("a b"), HTTPClient: site.HTTPClient}, false},
	} {
		before := len(site.requests())
		tt.api.Account, tt.api.Site = testAccount, site.Site
		if _, err := tt.api.ServerTime(t.Context()); (err == nil) != tt.ok {
			t.Errorf("%s: err = %v", name, err)
		}
		sent := site.requests()[before:]
		if (len(sent) == 1) != tt.ok || tt.ok && sent[0].Header.Get("Authorization") != "" && tt.api.Token.IsZero() {
			t.Errorf("%s: sent %+v", name, sent)
		}
	}
}
