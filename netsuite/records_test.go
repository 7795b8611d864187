package netsuite

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// located answers as NetSuite does after a record was written.
func located(value string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(value, "HOST", "http://"+r.Host))
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestCreateRecord(t *testing.T) {
	for location, want := range map[string]string{
		"HOST/services/rest/record/v1/salesOrder/647":                                  "647",
		"/services/rest/record/v1/salesOrder/647":                                      "647",
		"/services/rest/record/v1/salesorder/647/":                                     "647",
		"HOST/services/rest/record/v1/SALESORDER/-5?x=1#y":                             "-5",
		"/services/rest/record/v1/salesOrder/A%20B":                                    "A B",
		"/services/rest/record/v1/salesOrder/eid:SO-1":                                 "eid:SO-1",
		"https://1234567-sb1.suitetalk.localhost/services/rest/record/v1/salesOrder/8": "8",
	} {
		site := startSite(t, located(location))
		id, err := testAPI(site.Site).CreateRecord(t.Context(), "salesOrder", map[string]any{"entity": map[string]string{"id": "7"}})
		if err != nil || id != want {
			t.Errorf("Location %s: id = %q, %v; want %q", location, id, err, want)
		}
		got := site.only(t)
		if got.Method != "POST" || got.Host != site.host("suitetalk") || got.Path != "/services/rest/record/v1/salesOrder" || got.Query != "" ||
			got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Prefer") != "" || got.Body != `{"entity":{"id":"7"}}` {
			t.Errorf("request = %+v", got)
		}
	}
}

// locations that name no record of the type asked for on the account's own host.
var badLocations = []string{
	"", "/", "nonsense", "://", "http://%zz/", "/services/rest/record/v1/customer/647", "/services/rest/record/v1/salesOrder", "/services/rest/record/v1/salesOrder/",
	"/services/rest/record/v1/salesOrder/6/item/1", "/services/rest/record/v1/salesOrder/6%2F7", "/services/rest/record/v1/salesOrder/a%00b", "/services/rest/record/v1/salesOrder/%",
	"https://evil.example/services/rest/record/v1/salesOrder/647", "//evil.example/services/rest/record/v1/salesOrder/647", `\\evil.example\services`,
	"https://7654321.suitetalk.localhost/services/rest/record/v1/salesOrder/647", "http://u:p@1234567-sb1.suitetalk.localhost/services/rest/record/v1/salesOrder/647",
	"mailto:x@example.com", "/x/services/rest/record/v1/salesOrder/647", "/services/rest/record/v1/salesOrder/" + strings.Repeat("1", 2048), "/services/rest/async/v1/job/7",
}

func TestCreateRecordWithoutAnUsableLocation(t *testing.T) {
	for _, location := range badLocations {
		site := startSite(t, located(location))
		id, err := testAPI(site.Site).CreateRecord(t.Context(), "salesOrder", struct{}{})
		var e *Error
		if id != "" || !errors.Is(err, ErrUnreadable) || !errors.As(err, &e) || !strings.Contains(e.Hint, "look for the record") {
			t.Errorf("Location %.60q: %q, %v; want ErrUnreadable that says to look first", location, id, err)
		}
		site.only(t)
	}
}

func TestCreateAndTransformAreSentOnce(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"cut": cutConnection, "unavailable": reply(503, ""), "busy": reply(429, ""), "login": reply(401, ""), "moved": located("/elsewhere"),
	} {
		for call, send := range map[string]func(*API) error{
			"create": func(a *API) error { _, err := a.CreateRecord(t.Context(), "invoice", struct{}{}); return err },
			"transform": func(a *API) error {
				_, err := a.TransformRecord(t.Context(), "salesOrder", "7", "invoice", nil)
				return err
			},
		} {
			site := startSite(t, handler)
			if err := send(testAPI(site.Site)); err == nil || name == "cut" && !errors.Is(err, ErrResponseLost) {
				t.Errorf("%s, %s: err = %v", call, name, err)
			}
			site.only(t)
		}
	}
}

func TestRecord(t *testing.T) {
	for id, path := range map[string]string{
		"42": "/services/rest/record/v1/salesOrder/42", "-5": "/services/rest/record/v1/salesOrder/-5", "eid:A-1": "/services/rest/record/v1/salesOrder/eid:A-1",
		"eid:a b?c#d": "/services/rest/record/v1/salesOrder/eid:a%20b%3Fc%23d", "eid:..": "/services/rest/record/v1/salesOrder/eid:..",
	} {
		site := startSite(t, reply(http.StatusOK, `{"id":"42"}`))
		got, err := testAPI(site.Site).Record(t.Context(), "salesOrder", id, nil)
		if err != nil || string(got) != `{"id":"42"}` {
			t.Errorf("%s: record = %s, %v", id, got, err)
		}
		if r := site.only(t); r.Method != "GET" || r.Path != path || r.Query != "" {
			t.Errorf("%s: request = %+v, want path %s", id, r, path)
		}
	}
	site := startSite(t, reply(http.StatusOK, "<html>"))
	if got, err := testAPI(site.Site).Record(t.Context(), "customer", "1", nil); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a page reads as %s, %v; want ErrUnreadable", got, err)
	}
}

func TestRecordOptions(t *testing.T) {
	for query, o := range map[string]*RecordOptions{
		"":                                 {},
		"fields=companyName%2Cemail":       {Fields: []string{"companyName", "email"}},
		"fields=custentity_a%2Citem.items": {Fields: []string{"custentity_a", "item.items"}},
		"expandSubResources=true":          {ExpandSubResources: true},
	} {
		site := startSite(t, reply(http.StatusOK, `{}`))
		if _, err := testAPI(site.Site).Record(t.Context(), "customer", "1", o); err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if got := site.only(t).Query; got != query {
			t.Errorf("query = %s, want %s", got, query)
		}
	}
	site := startSite(t, reply(http.StatusOK, `{}`))
	for name, o := range map[string]*RecordOptions{
		"both": {Fields: []string{"email"}, ExpandSubResources: true}, "empty field": {Fields: []string{"email", ""}}, "two in one": {Fields: []string{"a,b"}},
		"query": {Fields: []string{"a&limit=1"}}, "huge": {Fields: []string{strings.Repeat("a", 201)}},
	} {
		if got, err := testAPI(site.Site).Record(t.Context(), "customer", "1", o); err == nil {
			t.Errorf("%s: record = %s, want an error", name, got)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestReadRecord(t *testing.T) {
	type customer struct {
		ID       string
		Name     string `json:"companyName"`
		Category struct{ ID, RefName string }
	}
	site := startSite(t, reply(http.StatusOK, `{"links":[],"id":"7","companyName":"Acme","category":{"id":"3","refName":"Retail"}}`))
	got, err := ReadRecord[customer](t.Context(), testAPI(site.Site), "customer", "7", &RecordOptions{Fields: []string{"companyName", "category"}})
	want := customer{ID: "7", Name: "Acme"}
	want.Category.ID, want.Category.RefName = "3", "Retail"
	if err != nil || got != want {
		t.Errorf("ReadRecord = %+v, %v; want %+v", got, err, want)
	}
	if r := site.only(t); r.Query != "fields=companyName%2Ccategory" {
		t.Errorf("request = %+v", r)
	}
	for body, detail := range map[string]string{
		`{"companyName":12345}`: `field "companyName"`, "<html>": "not the JSON", `{"category":"hush"}`: `field "Category"`, "": "not the JSON",
	} {
		site := startSite(t, reply(http.StatusOK, body))
		got, err := ReadRecord[customer](t.Context(), testAPI(site.Site), "customer", "7", nil)
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), detail) || strings.Contains(err.Error(), "hush") || got != (customer{}) {
			t.Errorf("%s reads as %+v, %v; want ErrUnreadable with %s", body, got, err, detail)
		}
	}
}

func TestUpdateAndDeleteRecord(t *testing.T) {
	site := startSite(t, reply(http.StatusNoContent, ""))
	api := testAPI(site.Site)
	if err := api.UpdateRecord(t.Context(), "customer", "7", map[string]string{"email": "a@example.com"}); err != nil {
		t.Error(err)
	}
	if err := api.DeleteRecord(t.Context(), "customer", "eid:A 1"); err != nil {
		t.Error(err)
	}
	got := site.requests()
	if r := got[0]; r.Method != "PATCH" || r.Path != "/services/rest/record/v1/customer/7" || r.Body != `{"email":"a@example.com"}` {
		t.Errorf("update = %+v", r)
	}
	if r := got[1]; r.Method != "DELETE" || r.Path != "/services/rest/record/v1/customer/eid:A%201" || r.Body != "" || r.Header.Get("Content-Type") != "" {
		t.Errorf("deletion = %+v", r)
	}
	gone := startSite(t, reply(http.StatusNotFound, `{"o:errorDetails":[{"detail":"none","o:errorCode":"NONEXISTENT_ID","o:urlPath":"7"}]}`))
	requireError(t, testAPI(gone.Site).DeleteRecord(t.Context(), "customer", "7"), "record deletion", 404, "NONEXISTENT_ID", ErrNotFound)
	requireError(t, testAPI(gone.Site).UpdateRecord(t.Context(), "customer", "7", struct{}{}), "record update", 404, "NONEXISTENT_ID", ErrNotFound)
}

func TestUpsertRecord(t *testing.T) {
	lookup := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			reply(http.StatusOK, `{"id":"647"}`)(w, r)
			return
		}
		located("https://evil.example/services/rest/record/v1/customer/1")(w, r)
	}
	for name, tt := range map[string]struct {
		handler  http.HandlerFunc
		requests int
	}{
		"location":                      {located("HOST/services/rest/record/v1/customer/647"), 1},
		"location with slash":           {located("/services/rest/record/v1/customer/647/"), 1},
		"foreign location, then a read": {lookup, 2},
	} {
		site := startSite(t, tt.handler)
		id, err := testAPI(site.Site).UpsertRecord(t.Context(), "customer", "A 1", map[string]string{"companyName": "Acme"})
		if err != nil || id != "647" || len(site.requests()) != tt.requests {
			t.Errorf("%s: id = %q, %v after %d requests; want 647 after %d", name, id, err, len(site.requests()), tt.requests)
		}
		if r := site.requests()[0]; r.Method != "PUT" || r.Path != "/services/rest/record/v1/customer/eid:A%201" || r.Body != `{"companyName":"Acme"}` {
			t.Errorf("%s: request = %+v", name, r)
		}
	}
	site := startSite(t, reply(http.StatusOK, `{}`))
	if id, err := testAPI(site.Site).UpsertRecord(t.Context(), "customer", "A", struct{}{}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("without any ID: %q, %v; want ErrUnreadable", id, err)
	}
	site = startSite(t, reply(http.StatusBadRequest, `{"o:errorDetails":[{"detail":"bad","o:errorCode":"INVALID_CONTENT"}]}`))
	if id, err := testAPI(site.Site).UpsertRecord(t.Context(), "customer", "A", struct{}{}); err == nil || id != "" {
		t.Errorf("refused: %q, %v; want an error", id, err)
	}
	site.only(t)
}

func TestTransformRecord(t *testing.T) {
	site := startSite(t, located("/services/rest/record/v1/invoice/900"))
	api := testAPI(site.Site)
	for _, tt := range []struct {
		id, path string
		fields   any
		body     string
	}{
		{"7", "/services/rest/record/v1/salesOrder/7/!transform/invoice", nil, "{}"},
		{"eid:a b", "/services/rest/record/v1/salesOrder/eid:a%20b/!transform/invoice", map[string]string{"memo": "x"}, `{"memo":"x"}`},
	} {
		id, err := api.TransformRecord(t.Context(), "salesOrder", tt.id, "invoice", tt.fields)
		if err != nil || id != "900" {
			t.Errorf("%s: id = %q, %v; want 900", tt.id, id, err)
		}
		all := site.requests()
		if r := all[len(all)-1]; r.Method != "POST" || r.Path != tt.path || r.Body != tt.body {
			t.Errorf("%s: request = %+v", tt.id, r)
		}
	}
	if id, err := api.TransformRecord(t.Context(), "salesOrder", "7", "cashSale", nil); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a Location of another type gave %q, %v; want ErrUnreadable", id, err)
	}
}

func TestRecordCallsRefuse(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, "{}"))
	api := testAPI(site.Site)
	byID := map[string]func(recordType, id string) error{
		"Record":       func(rt, id string) error { _, err := api.Record(t.Context(), rt, id, nil); return err },
		"UpdateRecord": func(rt, id string) error { return api.UpdateRecord(t.Context(), rt, id, struct{}{}) },
		"DeleteRecord": func(rt, id string) error { return api.DeleteRecord(t.Context(), rt, id) },
		"TransformRecord": func(rt, id string) error {
			_, err := api.TransformRecord(t.Context(), rt, id, "invoice", nil)
			return err
		},
	}
	for name, call := range byID {
		for _, id := range []string{"", "..", "1/2", "a", "1e3", "eid:", "eid:a/b", `eid:a\b`, "eid:a%2fb", "eid:a\nb", "eid:" + strings.Repeat("a", 256), strings.Repeat("1", 19)} {
			if err := call("customer", id); err == nil {
				t.Errorf("%s(%q) has no error", name, id)
			}
		}
	}
	byID["CreateRecord"] = func(rt, _ string) error { _, err := api.CreateRecord(t.Context(), rt, struct{}{}); return err }
	byID["TransformRecord to"] = func(rt, _ string) error {
		_, err := api.TransformRecord(t.Context(), "customer", "1", rt, nil)
		return err
	}
	byID["UpsertRecord"] = func(rt, _ string) error { _, err := api.UpsertRecord(t.Context(), rt, "A", struct{}{}); return err }
	byID["RecordSchema"] = func(rt, _ string) error { _, err := api.RecordSchema(t.Context(), rt); return err }
	byID["OpenAPI"] = func(rt, _ string) error { _, err := api.OpenAPI(t.Context(), "customer", rt); return err }
	byID["MetadataCatalog"] = func(rt, _ string) error { _, err := api.MetadataCatalog(t.Context(), rt); return err }
	for name, call := range byID {
		for _, recordType := range []string{"", "..", "a/b", "a?b", "a,b", "1a", "é", strings.Repeat("a", 101), "metadata-catalog"} {
			if err := call(recordType, "1"); err == nil {
				t.Errorf("%s of type %q has no error", name, recordType)
			}
		}
	}
	for _, id := range []string{"", "a/b", "a%b", "a\x00"} {
		if got, err := api.UpsertRecord(t.Context(), "customer", id, struct{}{}); err == nil {
			t.Errorf("UpsertRecord(%q) = %s, want an error", id, got)
		}
	}
	for _, fields := range []any{nil, []int{1}, "text", 5, map[string]string(nil), (*struct{})(nil), func() {}} {
		_, create := api.CreateRecord(t.Context(), "customer", fields)
		_, upsert := api.UpsertRecord(t.Context(), "customer", "A", fields)
		update := api.UpdateRecord(t.Context(), "customer", "1", fields)
		if create == nil || upsert == nil || update == nil {
			t.Errorf("fields %#v gave %v, %v, %v; want errors", fields, create, upsert, update)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestRefusedFieldIsNamed(t *testing.T) {
	for locator, want := range map[string]string{
		`"o:errorPath":"item.items[0].item"`: "body item.items[0].item", `"o:urlPath":"customer/99"`: "path customer/99", `"o:errorHeader":"Accept-Language"`: "header Accept-Language",
		`"o:errorQueryParam":"q"`: "parameter q", `"o:errorPath":""`: "", `"x":1`: "", `"o:errorPath":"a\u001b[2J\nb"`: "body a [2J b",
	} {
		site := startSite(t, reply(400, `{"title":"Bad Request","status":400,"o:errorDetails":[{"detail":"bad","o:errorCode":"INVALID_CONTENT",`+locator+`}]}`))
		_, err := testAPI(site.Site).CreateRecord(t.Context(), "customer", struct{}{})
		if e := requireError(t, err, "record creation", 400, "INVALID_CONTENT", nil); e.Locator != want {
			t.Errorf("%s: locator = %q, want %q", locator, e.Locator, want)
		}
	}
}

func FuzzLocation(f *testing.F) {
	for _, location := range badLocations {
		f.Add(location)
	}
	f.Add("/services/rest/record/v1/salesOrder/647")
	f.Fuzz(func(t *testing.T, value string) {
		api := testAPI(Site{})
		r, err := api.typeRequest(opRecordCreate, http.MethodPost, "salesOrder", struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		ans := &answer{header: http.Header{"Location": {value}}}
		if id, err := r.createdID(ans, "salesOrder"); (err == nil) == (id == "") || strings.ContainsAny(id, "/\\%\x00\n") {
			t.Errorf("Location %q gave %q, %v", value, id, err)
		}
		if id, ok := r.location(ans, jobPath); ok && strings.HasPrefix(value, "https://evil.example/") {
			t.Errorf("Location %q of a foreign host was read as %q", value, id)
		}
	})
}

func FuzzRecordList(f *testing.F) {
	f.Add(`{"items":[{"id":"7","links":[]},{"id":8}],"hasMore":false}`)
	f.Add(`{"items":[],"hasMore":"T"}`)
	f.Fuzz(func(t *testing.T, body string) {
		ids, more, err := readRecordPage([]byte(body))
		if err != nil && (ids != nil || more) || err == nil && more && len(ids) == 0 {
			t.Errorf("%q reads as %v, %t, %v", body, ids, more, err)
		}
		for _, id := range ids {
			if id == "" {
				t.Errorf("%q gives an empty ID", body)
			}
		}
	})
}

// pagedList is a list of n records whose IDs are 1 to n, answered in pages.
func pagedList(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var limit, offset int
		if _, err := fmt.Sscan(r.URL.Query().Get("limit")+" "+r.URL.Query().Get("offset"), &limit, &offset); err != nil || offset%limit != 0 || limit > 1000 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var items []string
		for id := offset + 1; id <= min(offset+limit, n); id++ {
			items = append(items, fmt.Sprintf(`{"links":[],"id":"%d"}`, id))
		}
		_, _ = fmt.Fprintf(w, `{"links":[],"count":%d,"hasMore":%t,"items":[%s],"offset":%d,"totalResults":%d}`, len(items), offset+limit < n, strings.Join(items, ","), offset, n)
	}
}

func TestRecords(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 1001, 2500} {
		site := startSite(t, pagedList(n))
		want := 0
		for id, err := range testAPI(site.Site).Records(t.Context(), "customer", `companyName START_WITH "A & B"`) {
			want++
			if err != nil || id != fmt.Sprint(want) {
				t.Fatalf("of %d: id = %q, %v; want %d", n, id, err, want)
			}
		}
		if want != n {
			t.Errorf("of %d came %d", n, want)
		}
		for i, r := range site.requests() {
			if r.Method != "GET" || r.Path != "/services/rest/record/v1/customer" || r.Query != fmt.Sprintf("limit=1000&offset=%d&q=companyName+START_WITH+%%22A+%%26+B%%22", 1000*i) {
				t.Errorf("request %d = %+v", i, r)
			}
		}
	}
}

func TestRecordsEndsWithTheLoopAndWithAnError(t *testing.T) {
	site := startSite(t, pagedList(5000))
	for id, err := range testAPI(site.Site).Records(t.Context(), "customer", "") {
		if err != nil {
			t.Fatal(err)
		}
		if id == "1001" {
			break
		}
	}
	if got := site.requests(); len(got) != 2 || got[0].Query != "limit=1000&offset=0" {
		t.Errorf("server got %+v, want two pages without q", got)
	}
	for name, handler := range map[string]http.HandlerFunc{
		"refused":     reply(400, `{"o:errorDetails":[{"detail":"bad","o:errorCode":"INVALID_PARAMETER","o:errorQueryParam":"q"}]}`),
		"no page":     reply(200, `{}`),
		"no ID":       reply(200, `{"items":[{"links":[]}],"hasMore":false}`),
		"without end": reply(200, `{"items":[],"hasMore":true}`),
		"half a page": reply(200, `{"items":[{"id":"1"}`),
		"second lost": second(pagedList(1500), cutConnection),
	} {
		site := startSite(t, handler)
		failures := 0
		for id, err := range testAPI(site.Site).Records(t.Context(), "customer", "email EMPTY") {
			if err != nil {
				failures++
				if id != "" {
					t.Errorf("%s: an error beside id %q", name, id)
				}
			}
		}
		if failures != 1 {
			t.Errorf("%s: %d errors, want one that ends the loop", name, failures)
		}
	}
}

// second answers the first page by one handler and later ones by another.
func second(first, later http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("offset") == "0" {
			first(w, r)
			return
		}
		later(w, r)
	}
}

func TestRecordsRefuses(t *testing.T) {
	site := startSite(t, pagedList(1))
	for _, q := range []string{"a\nb", "a\x00", "\xff", strings.Repeat("a", maxFilter+1)} {
		for id, err := range testAPI(site.Site).Records(t.Context(), "customer", q) {
			if err == nil {
				t.Errorf("q %.20q gave %s", q, id)
			}
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestQuoteFilter(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "Acme": `"Acme"`, "A & B": `"A & B"`, "O'Neil": `"O'Neil"`, `a) OR (b IS T`: `"a) OR (b IS T"`, "Größe": `"Größe"`, "1/31/2026": `"1/31/2026"`,
	} {
		if got, err := QuoteFilter(in); err != nil || got != want {
			t.Errorf("QuoteFilter(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`"`, `a" OR "b`, `back\slash`, "a\nb", "a\x00b", "\xff", "\u202e", "\u2028"} {
		if got, err := QuoteFilter(in); err == nil {
			t.Errorf("QuoteFilter(%q) = %s, want an error", in, got)
		}
	}
}

func FuzzQuoteFilter(f *testing.F) {
	f.Add("Acme")
	f.Add(`a" OR "1" IS "1`)
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := QuoteFilter(s)
		if err == nil && (quoted != `"`+s+`"` || strings.ContainsAny(s, "\"\\\n\r\x00")) {
			t.Errorf("QuoteFilter(%q) = %s", s, quoted)
		}
	})
}
