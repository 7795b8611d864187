package company

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const collectionBody = "application/vnd.oracle.resource+json; type=collection"

// batch sends items of one record type and gives the results.
func batch(tb testing.TB, c *Company, method, target, body string) (results []answer, progress any) {
	tb.Helper()
	who := caller(RoleAdministrator)
	job := submitted(tb, c, who, method, target, body, "Content-Type", collectionBody)
	tasks := send(tb, c, who, http.MethodGet, job+"/task", "").decode(tb)
	for _, item := range tasks["items"].([]any) {
		at := strings.TrimPrefix(href(item.(map[string]any), "self"), testBase)
		results = append(results, send(tb, c, who, http.MethodGet, at+"/result", ""))
	}
	return results, send(tb, c, who, http.MethodGet, job, "").decode(tb)["progress"]
}

func TestBatch(t *testing.T) {
	t.Parallel()
	c := open(t)
	names := func() string {
		return fmt.Sprint(rowsOf(t, c, "SELECT companyname n, email e FROM customer WHERE externalid LIKE 'b%' ORDER BY externalid"))
	}
	made, progress := batch(t, c, http.MethodPost, recordURL+"customer", `{"items":[
		{"companyName":"One","externalId":"b1"},{"companyName":"Two","externalId":"b2"},{"externalId":"b3"}]}`)
	if len(made) != 3 || made[0].status != 204 || made[1].status != 204 || made[2].status != 400 || progress != "failed" {
		t.Fatalf("made %v, %v", made, progress)
	}
	if code, _, locator := made[2].problem(t); code != "INVALID_CONTENT" || locator["o:errorPath"] != "companyName" {
		t.Errorf("third: %s", made[2].body)
	}
	if names() != "[map[n:One] map[n:Two]]" {
		t.Errorf("after POST %s", names())
	}
	location := made[0].header.Get("Location")
	id := location[strings.LastIndex(location, "/")+1:]
	// The internal id takes precedence, so that the external id beside it is a new value.
	changed, progress := batch(t, c, http.MethodPatch, recordURL+"customer", fmt.Sprintf(
		`{"items":[{"id":%q,"externalId":"b0","email":"one@x.example"},{"externalId":"b2","email":"two@x.example"}]}`, id))
	if len(changed) != 2 || changed[0].status != 204 || changed[1].status != 204 || progress != "succeeded" {
		t.Errorf("changed %v, %v", changed, progress)
	}
	if names() != "[map[e:one@x.example n:One] map[e:two@x.example n:Two]]" {
		t.Errorf("after PATCH %s", names())
	}
	upserted, _ := batch(t, c, http.MethodPut, recordURL+"customer", `{"items":[{"externalId":"b2","companyName":"Zwei"},{"externalId":"b/4 ü","companyName":"Vier"}]}`)
	if len(upserted) != 2 || upserted[0].status != 204 || upserted[1].status != 204 || names() != "[map[n:Vier] map[e:one@x.example n:One] map[e:two@x.example n:Zwei]]" {
		t.Errorf("upserted %v: %s", upserted, names())
	}
	gone, _ := batch(t, c, http.MethodDelete, recordURL+"customer", `{"items":[{"externalId":"b2"},{"id":"999999"},{"externalId":"b/4 ü"}]}`)
	if len(gone) != 3 || gone[0].status != 204 || gone[1].status != 404 || gone[2].status != 204 {
		t.Errorf("gone %v", gone)
	}
	job := submitted(t, c, caller(3), http.MethodDelete, recordURL+"customer?ids="+id+",999999", "")
	for n, want := range map[string]int{"1": 204, "2": 404} {
		if a := send(t, c, caller(3), http.MethodGet, job+"/task/"+n+"/result", ""); a.status != want {
			t.Errorf("ids: task %s: %d %s", n, a.status, a.body)
		}
	}
	if names() != "[]" {
		t.Errorf("after DELETE %s", names())
	}
}

// TestBatchItems: what is wrong with one record shows in its result alone.
func TestBatchItems(t *testing.T) {
	t.Parallel()
	c := open(t)
	for _, tt := range []struct {
		method, item string
		status       int
		code, at     string
	}{
		{"POST", `5`, 400, "INVALID_CONTENT", "items[1]"},
		{"POST", `null`, 400, "INVALID_CONTENT", "items[1]"},
		{"POST", `{"id":"1001","companyName":"X"}`, 400, "INVALID_CONTENT", "id"},
		{"PATCH", `{"email":"x"}`, 400, "INVALID_CONTENT", "items[1]"},
		{"PATCH", `{"id":{},"email":"x"}`, 400, "INVALID_CONTENT", "items[1]"},
		{"PATCH", `{"id":"../1001","email":"x"}`, 404, "NONEXISTENT_ID", ""},
		{"PATCH", `{"id":"1001?replace=item","email":"x"}`, 404, "NONEXISTENT_ID", ""},
		{"PUT", `{"id":"1001","companyName":"X"}`, 400, "INVALID_CONTENT", "items[1]"},
		{"PUT", `{"externalId":"","companyName":"X"}`, 400, "INVALID_CONTENT", "items[1]"},
		{"DELETE", `{"id":"1012"}`, 400, "USER_ERROR", ""},
		{"DELETE", `"1001"`, 400, "INVALID_CONTENT", "items[1]"},
	} {
		good := map[string]string{
			"POST": `{"companyName":"Good"}`, "PATCH": `{"id":1002,"email":"good@x.example"}`, "PUT": `{"externalId":"good","companyName":"Good"}`, "DELETE": `{"externalId":"gone"}`,
		}[tt.method]
		send(t, c, caller(3), http.MethodPut, recordURL+"customer/eid:gone", `{"companyName":"Gone"}`)
		results, _ := batch(t, c, tt.method, recordURL+"customer", `{"items":[`+good+`,`+tt.item+`]}`)
		if len(results) != 2 || results[0].status != 204 || results[1].status != tt.status {
			t.Errorf("%s %s: %v", tt.method, tt.item, results)
			continue
		}
		code, _, locator := results[1].problem(t)
		at := ""
		for _, v := range locator {
			at = v
		}
		if code != tt.code || at != tt.at {
			t.Errorf("%s %s: %s at %q, want %s at %q", tt.method, tt.item, code, at, tt.code, tt.at)
		}
	}
}

func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	c := open(t)
	const count = "SELECT COUNT(*) n FROM customer"
	before := fmt.Sprint(rowsOf(t, c, count))
	items := func(n int) string {
		return `{"items":[` + strings.TrimSuffix(strings.Repeat(`{"companyName":"X"},`, n), ",") + `]}`
	}
	for name, tt := range map[string]struct {
		method, target, body, prefer, contentType string
		code, at                                  string
	}{
		"synchronous":         {"POST", "customer", items(1), "", collectionBody, "INVALID_HEADER", "Prefer"},
		"transient":           {"POST", "customer", items(1), "transient", collectionBody, "INVALID_HEADER", "Prefer"},
		"101":                 {"POST", "customer", items(101), "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"none":                {"POST", "customer", items(0), "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"no items":            {"POST", "customer", `{}`, "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"items no array":      {"POST", "customer", `{"items":{}}`, "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"more than items":     {"POST", "customer", `{"items":[{}],"links":[]}`, "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"array":               {"POST", "customer", `[{}]`, "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"no body":             {"PATCH", "customer", ``, "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"read":                {"GET", "customer", ``, "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"one record":          {"PATCH", "customer/1001", items(1), "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"catalogue":           {"POST", "metadata-catalog", items(1), "respond-async", collectionBody, "INVALID_CONTENT", "items"},
		"101 ids":             {"DELETE", "customer?ids=1" + strings.Repeat(",1", 100), "", "respond-async", "", "INVALID_CONTENT", "items"},
		"ids, synchronous":    {"DELETE", "customer?ids=1001", "", "", "", "METHOD_NOT_ALLOWED", ""},
		"larger than allowed": {"POST", "customer", `{"items":[{"companyName":"` + strings.Repeat("x", maxRecord) + `"}]}`, "respond-async", collectionBody, "INVALID_CONTENT", ""},
	} {
		a := send(t, c, caller(RoleAdministrator), tt.method, recordURL+tt.target, tt.body, "Prefer", tt.prefer, "Content-Type", tt.contentType)
		code, _, locator := a.problem(t)
		at := ""
		for _, v := range locator {
			at = v
		}
		if code != tt.code || at != tt.at || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %.300s", name, a.status, a.body)
		}
	}
	if after := fmt.Sprint(rowsOf(t, c, count)); after != before {
		t.Errorf("refused batches left rows: %s, then %s", before, after)
	}
	// 100 is the most, and without the content type a batch is a record with an unknown field.
	if results, _ := batch(t, c, http.MethodPost, recordURL+"customer", items(100)); len(results) != 100 || results[99].status != 204 {
		t.Errorf("100 records: %d results", len(results))
	}
	job := submitted(t, c, caller(RoleAdministrator), http.MethodPost, recordURL+"customer", items(1))
	a := send(t, c, caller(RoleAdministrator), http.MethodGet, job+"/task/1/result", "")
	if _, _, locator := a.problem(t); a.status != 400 || locator["o:errorPath"] != "items" {
		t.Errorf("without content type: %d %s", a.status, a.body)
	}
}

// TestBatchHasOneKey: an idempotency key is the whole batch's.
func TestBatchHasOneKey(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	const body = `{"items":[{"companyName":"Keyed"},{"companyName":"Keyed"}]}`
	first := submitted(t, c, who, http.MethodPost, recordURL+"customer", body, "Content-Type", collectionBody, idempotencyHeader, testKey)
	a := send(t, c, who, http.MethodPost, recordURL+"customer", body, "Prefer", "respond-async", "Content-Type", collectionBody, idempotencyHeader, testKey)
	if a.status != http.StatusBadRequest || a.header.Get("Location") != first {
		t.Errorf("again: %d %s", a.status, a.body)
	}
	if n := rowsOf(t, c, "SELECT COUNT(*) n FROM customer WHERE companyname = 'Keyed'")[0]["n"]; n != "2" {
		t.Errorf("%v rows", n)
	}
}
