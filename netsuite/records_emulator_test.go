package netsuite_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const (
	recordsAt   = "/services/rest/record/v1/"
	customersAt = recordsAt + "customer"
	asyncKey    = "cac827ea-3543-4cda-add2-bae634326c27"
)

// named counts the customers of a name, by the account's own books.
func named(t *testing.T, api *netsuite.API, name string) int {
	t.Helper()
	count, err := ask(t, api, "SELECT COUNT(*) AS n FROM customer WHERE companyname = "+netsuite.QuoteLiteral(name)).Int("n")
	if err != nil {
		t.Fatal(err)
	}
	return int(count)
}

// TestEmulator_RecordLife: made, read, found, changed and deleted; the account's books say the same at every step.
func TestEmulator_RecordLife(t *testing.T) {
	api := administrator(t, 4)
	ctx := t.Context()
	id, err := api.CreateRecord(ctx, "customer", map[string]any{"companyName": "Hollow", "externalId": "h-1", "creditLimit": 2500.5, "subsidiary": map[string]string{"id": "2"}})
	if err != nil || id != "1005" {
		t.Fatalf("CreateRecord = %q, %v; want 1005", id, err)
	}
	type full struct {
		ID          string
		CompanyName string
		CreditLimit float64
		Email       *string
		Subsidiary  *struct{ ID, RefName string }
		DateCreated string
	}
	got, err := netsuite.ReadRecord[full](ctx, api, "customer", id, nil)
	if err != nil || got.ID != id || got.CompanyName != "Hollow" || got.CreditLimit != 2500.5 || got.Subsidiary.ID != "2" || got.Subsidiary.RefName == "" || !strings.HasSuffix(got.DateCreated, "Z") {
		t.Errorf("read back %+v, %v", got, err)
	}
	some, err := netsuite.ReadRecord[full](ctx, api, "customer", "eid:h-1", &netsuite.RecordOptions{Fields: []string{"companyName"}})
	if err != nil || some.ID != id || some.CompanyName != "Hollow" || some.CreditLimit != 0 || some.Subsidiary != nil {
		t.Errorf("by external ID, one field: %+v, %v", some, err)
	}
	if err := api.UpdateRecord(ctx, "customer", "eid:h-1", map[string]any{"email": "ap@hollow.example"}); err != nil {
		t.Error(err)
	}
	if row := ask(t, api, "SELECT companyname, email, creditlimit FROM customer WHERE id = "+id).String(); row != `{"companyname":"Hollow","email":"ap@hollow.example","creditlimit":"2500.5"}` {
		t.Errorf("after the change: %s", row)
	}
	var found []string
	for id, err := range api.Records(ctx, "customer", `companyName IS "Hollow" OR email END_WITH "@customer3.example"`) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, id)
	}
	if !slices.Equal(found, []string{"1003", "1005"}) {
		t.Errorf("list with q: %v", found)
	}
	if err := api.DeleteRecord(ctx, "customer", id); err != nil {
		t.Error(err)
	}
	if _, err := api.Record(ctx, "customer", id, nil); !errors.Is(err, netsuite.ErrNotFound) {
		t.Errorf("read after deletion: %v, want ErrNotFound", err)
	}
	if err := api.DeleteRecord(ctx, "customer", id); !errors.Is(err, netsuite.ErrNotFound) {
		t.Errorf("second deletion: %v, want ErrNotFound", err)
	}
	if n := named(t, api, "Hollow"); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// A list of several pages has every record once.
func TestEmulator_RecordsOfSeveralPages(t *testing.T) {
	const customers = 2100
	api := administrator(t, customers)
	next := 1001
	for id, err := range api.Records(t.Context(), "customer", "") {
		if err != nil || id != strconv.Itoa(next) {
			t.Fatalf("got %q, %v; want %d", id, err, next)
		}
		next++
	}
	if next != 1001+customers {
		t.Errorf("the list ended at %d", next-1)
	}
}

func TestEmulator_UpsertTwiceIsOneRecord(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	api := e.administrator()
	for name, fault := range map[string]netsuitetest.FaultKind{"plain": netsuitetest.FaultObserve, "answer cut": netsuitetest.FaultCutAfter, "body cut": netsuitetest.FaultCutBody} {
		t.Run(name, func(t *testing.T) {
			external := "shop 4711, " + name
			path := customersAt + "/eid:" + external
			t.Cleanup(e.Fault(netsuitetest.Fault{Kind: fault, Match: of(http.MethodPut, path), Times: 1}))
			var ids []string
			for _, email := range []string{"a@hollow.example", "b@hollow.example"} {
				id, err := api.UpsertRecord(t.Context(), "customer", external, map[string]string{"companyName": name, "email": email})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
			}
			row := ask(t, api, "SELECT COUNT(*) AS n, MAX(id) AS id, MAX(email) AS email FROM customer WHERE externalid = "+netsuite.QuoteLiteral(external)).String()
			if want := fmt.Sprintf(`{"n":"1","id":%q,"email":"b@hollow.example"}`, ids[0]); ids[0] != ids[1] || row != want {
				t.Errorf("IDs %v, the account has %s; want %s", ids, row, want)
			}
		})
	}
}

func TestEmulator_TransformOrderToInvoice(t *testing.T) {
	api := administrator(t, 4)
	ctx := t.Context()
	order, err := api.TransformRecord(ctx, "customer", "eid:crm-2", "salesOrder", map[string]any{
		"item": map[string]any{"items": []any{map[string]any{"item": map[string]string{"id": "203"}, "quantity": 2, "rate": 10}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	invoice, err := api.TransformRecord(ctx, "salesOrder", order, "invoice", nil)
	if err != nil || invoice == order {
		t.Fatalf("invoice %q of order %q, %v", invoice, order, err)
	}
	read, err := netsuite.ReadRecord[struct {
		CreatedFrom struct{ ID string }
		Item        struct {
			Items []struct{ Quantity, Amount float64 }
		}
	}](ctx, api, "invoice", invoice, &netsuite.RecordOptions{ExpandSubResources: true})
	if err != nil || read.CreatedFrom.ID != order || len(read.Item.Items) != 1 || read.Item.Items[0].Amount != 20 {
		t.Errorf("invoice = %+v, %v", read, err)
	}
	plain, err := netsuite.ReadRecord[struct{ Item struct{ Items []any } }](ctx, api, "invoice", invoice, nil)
	if err != nil || plain.Item.Items != nil {
		t.Errorf("unexpanded: %+v, %v; want a link in place of the lines", plain, err)
	}
	if row := ask(t, api, "SELECT type, foreigntotal FROM transaction WHERE id = "+invoice).String(); row != `{"type":"CustInvc","foreigntotal":"20"}` {
		t.Errorf("the account has %s", row)
	}
	var refused *netsuite.Error
	if _, err := api.TransformRecord(ctx, "salesOrder", order, "invoice", nil); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Errorf("an order that is billed: %v, want a refusal", err)
	}
	if _, err := api.TransformRecord(ctx, "salesOrder", order, "vendor", nil); !errors.Is(err, netsuite.ErrNotFound) {
		t.Errorf("no such transformation: %v, want ErrNotFound", err)
	}
}

// TestEmulator_LostAnswerOfACreation: whether NetSuite made the record or not, nobody heard. The request is not sent again.
func TestEmulator_LostAnswerOfACreation(t *testing.T) {
	for kind, want := range map[netsuitetest.FaultKind]int{netsuitetest.FaultCutAfter: 1, netsuitetest.FaultCutBefore: 0} {
		t.Run(string(kind), func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
			api := e.administrator()
			e.Fault(netsuitetest.Fault{Kind: kind, Match: of(http.MethodPost, customersAt), Times: 1})
			id, err := api.CreateRecord(t.Context(), "customer", map[string]string{"companyName": "Hollow"})
			if id != "" || !errors.Is(err, netsuite.ErrResponseLost) || !netsuite.IsTemporary(err) {
				t.Errorf("CreateRecord = %q, %v; want ErrResponseLost", id, err)
			}
			if sent := e.calls(http.MethodPost, customersAt); sent != 1 {
				t.Errorf("sent %d times, want once", sent)
			}
			if n := named(t, api, "Hollow"); n != want {
				t.Errorf("%d records, want %d", n, want)
			}
		})
	}
}

// TestEmulator_AsyncIsSafeToRepeat: the answer to the start is lost, by the client's own repetition or the caller's the first job
// is found.
func TestEmulator_AsyncIsSafeToRepeat(t *testing.T) {
	for name, times := range map[string]int{"repeated by itself": 1, "repeated by the caller": 4} {
		t.Run(name, func(t *testing.T) {
			e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
			credentials := e.credentials(admin, "administrator", netsuite.P256)
			if times > 1 {
				credentials.Governor = &netsuite.Governor{Tries: 1}
			}
			api := credentials.API()
			e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter, Match: of(http.MethodPost, customersAt), Times: times})
			start := func() (*netsuite.Job, error) {
				return api.StartAsync(t.Context(), http.MethodPost, customersAt, map[string]string{"companyName": "Hollow"}, asyncKey)
			}
			job, err := start()
			for lost := 1; err != nil; lost++ {
				if !errors.Is(err, netsuite.ErrResponseLost) || job.Key != asyncKey || lost > times {
					t.Fatalf("start %d: %+v, %v; want ErrResponseLost and the key", lost, job, err)
				}
				job, err = start()
			}
			first, err := api.WaitJob(t.Context(), job.ID)
			if err != nil || first.State != netsuite.JobSucceeded || !first.Completed {
				t.Fatalf("WaitJob = %+v, %v", first, err)
			}
			again, err := start()
			if err != nil || again.ID != job.ID {
				t.Errorf("once more: %+v, %v; want job %s", again, err, job.ID)
			}
			outcomes, err := api.JobOutcomes(t.Context(), job.ID)
			if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil || outcomes[0].ID != "1041" {
				t.Errorf("outcomes = %+v, %v; want customer 1041", outcomes, err)
			}
			if n := named(t, api, "Hollow"); n != 1 {
				t.Errorf("%d records, want one", n)
			}
			if sent := e.calls(http.MethodPost, customersAt); sent != times+2 {
				t.Errorf("sent %d times, want %d", sent, times+2)
			}
		})
	}
}

// Each method as a job: its outcome is the answer that the request would have had at once.
func TestEmulator_OutcomesOfJobs(t *testing.T) {
	api := administrator(t, 4)
	for _, tt := range []struct {
		method, path string
		body         any
		state        netsuite.JobState
		id           string
		kind         error
	}{
		{http.MethodGet, "customer/1001?fields=companyName", nil, netsuite.JobSucceeded, "1001", nil},
		{http.MethodPut, "customer/eid:x1", map[string]string{"companyName": "X"}, netsuite.JobSucceeded, "1005", nil},
		{http.MethodPatch, "customer/1001", map[string]string{"email": "x@x.example"}, netsuite.JobSucceeded, "1001", nil},
		{http.MethodDelete, "customer/1005", nil, netsuite.JobSucceeded, "", nil},
		{http.MethodDelete, "customer/1005", nil, netsuite.JobFailed, "", netsuite.ErrNotFound},
	} {
		job, err := api.StartAsync(t.Context(), tt.method, recordsAt+tt.path, tt.body, "")
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		done, err := api.WaitJob(t.Context(), job.ID)
		if err != nil || done.State != tt.state {
			t.Errorf("%s %s: %+v, %v; want %s", tt.method, tt.path, done, err, tt.state)
		}
		outcomes, err := api.JobOutcomes(t.Context(), job.ID)
		if err != nil || len(outcomes) != 1 || !errors.Is(outcomes[0].Err, tt.kind) || outcomes[0].ID != tt.id {
			t.Errorf("%s %s: outcomes %+v, %v; want ID %q, error %v", tt.method, tt.path, outcomes, err, tt.id, tt.kind)
		}
	}
	for _, id := range []string{"999", "x"} {
		if _, err := api.Job(t.Context(), id); !errors.Is(err, netsuite.ErrNotFound) {
			t.Errorf("job %s: %v, want ErrNotFound", id, err)
		}
	}
}

func TestEmulator_BatchOfAHundred(t *testing.T) {
	const bad = 41
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	api := e.administrator()
	records := make([]any, netsuite.MaxBatch)
	for i := range records {
		records[i] = map[string]any{"companyName": "Batch", "externalId": fmt.Sprintf("b-%d", i)}
	}
	records[bad] = map[string]any{"companyName": "Batch", "currency": map[string]string{"id": "99"}}
	e.Fault(netsuitetest.Fault{Kind: netsuitetest.FaultCutAfter, Match: of(http.MethodPost, customersAt), Times: 1})
	job, err := api.CreateRecords(t.Context(), "customer", records, asyncKey)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := api.WaitJob(t.Context(), job.ID); err != nil || done.State != netsuite.JobFailed {
		t.Errorf("job = %+v, %v; want failed, for one of its tasks", done, err)
	}
	outcomes, err := api.JobOutcomes(t.Context(), job.ID)
	if err != nil || len(outcomes) != netsuite.MaxBatch {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	for i, o := range outcomes {
		if i == bad {
			var refused *netsuite.Error
			if !errors.As(o.Err, &refused) || refused.Code != "INVALID_CONTENT" || refused.Locator != "body currency" {
				t.Errorf("the bad one: %+v, %v", o, o.Err)
			}
			continue
		}
		external := ask(t, api, "SELECT externalid FROM customer WHERE id = "+o.ID).Get("externalid")
		if o.Err != nil || external != fmt.Sprintf("b-%d", i) {
			t.Errorf("outcome %d: %+v is %q", i, o, external)
		}
	}
	if n := named(t, api, "Batch"); n != netsuite.MaxBatch-1 {
		t.Errorf("%d records, want all but one", n)
	}

	before := len(e.Ledger().Entries())
	if _, err := api.CreateRecords(t.Context(), "customer", append(records, records[0]), ""); err == nil || !strings.Contains(err.Error(), "100") {
		t.Errorf("101 records: %v, want a refusal that says the limit", err)
	}
	if sent := len(e.Ledger().Entries()) - before; sent != 0 {
		t.Errorf("101 records were sent in %d requests", sent)
	}
}

// The other batches name their records.
func TestEmulator_BatchesOfAllKinds(t *testing.T) {
	api := administrator(t, 4)
	ctx := t.Context()
	wait := func(job *netsuite.Job, err error) []netsuite.Outcome {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := api.WaitJob(ctx, job.ID); err != nil {
			t.Fatal(err)
		}
		outcomes, err := api.JobOutcomes(ctx, job.ID)
		if err != nil {
			t.Fatal(err)
		}
		return outcomes
	}
	made := wait(api.UpsertRecords(ctx, "customer", []any{
		map[string]string{"externalId": "crm-2", "email": "new@cedar.example"}, map[string]string{"externalId": "n-1", "companyName": "N"},
	}, ""))
	if len(made) != 2 || made[0].ID != "1002" || made[1].ID != "1005" {
		t.Errorf("upsert: %+v", made)
	}
	changed := wait(api.UpdateRecords(ctx, "customer", []any{
		map[string]any{"id": "1001", "isInactive": true}, map[string]any{"externalId": "n-1", "isInactive": true}, map[string]any{"id": "77", "isInactive": true},
	}, ""))
	if len(changed) != 3 || changed[0].Err != nil || changed[1].Err != nil || !errors.Is(changed[2].Err, netsuite.ErrNotFound) {
		t.Errorf("update: %+v", changed)
	}
	gone := wait(api.DeleteRecords(ctx, "customer", []string{"1005", "1005"}, ""))
	if len(gone) != 2 || gone[0].Err != nil || !errors.Is(gone[1].Err, netsuite.ErrNotFound) {
		t.Errorf("deletion: %+v", gone)
	}
	row := ask(t, api, "SELECT COUNT(*) AS n, SUM(CASE WHEN isinactive = 'T' THEN 1 ELSE 0 END) AS i FROM customer").String()
	if row != `{"n":"4","i":"1"}` {
		t.Errorf("the account has %s", row)
	}
}

// The catalogue is the role's, in all three forms.
func TestEmulator_MetadataOfARole(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	boss, machine := e.administrator(), e.machine().API()
	ctx := t.Context()
	all, err := boss.MetadataCatalog(ctx)
	if err != nil || !slices.Contains(all, "invoice") {
		t.Errorf("administrator: %v, %v", all, err)
	}
	few, err := machine.MetadataCatalog(ctx)
	if err != nil || slices.Contains(few, "invoice") || !slices.Contains(few, "customrecord_acme") || len(few) >= len(all) {
		t.Errorf("the bundle's role: %v, %v", few, err)
	}
	selected, err := machine.MetadataCatalog(ctx, "customer", "salesOrder")
	if err != nil || len(selected) != 2 {
		t.Errorf("select: %v, %v", selected, err)
	}
	if _, err := machine.RecordSchema(ctx, "invoice"); !errors.Is(err, netsuite.ErrNotFound) {
		t.Errorf("schema of a hidden type: %v, want ErrNotFound", err)
	}
	var refused *netsuite.Error
	if _, err := machine.OpenAPI(ctx, "customer", "invoice"); !errors.As(err, &refused) || refused.Locator != "parameter select" {
		t.Errorf("OpenAPI of a hidden type: %v, want a refusal of the parameter", err)
	}
	for _, api := range []*netsuite.API{boss, machine} {
		schema, err := api.RecordSchema(ctx, "customrecord_acme")
		if err != nil || !strings.Contains(string(schema), "custrecord_acme_value") {
			t.Errorf("schema: %.200s, %v", schema, err)
		}
	}
	document, err := boss.OpenAPI(ctx, "invoice")
	if err != nil || !json.Valid(document) || !strings.Contains(string(document), `"/invoice"`) {
		t.Errorf("OpenAPI: %.200s, %v", document, err)
	}
}

// What NetSuite refuses says where, and what to do.
func TestEmulator_RefusedRecords(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	boss, machine, ctx := e.administrator(), e.machine().API(), t.Context()
	line := func(item string) map[string]any {
		return map[string]any{"entity": map[string]string{"id": "1001"}, "item": map[string]any{"items": []any{map[string]any{"item": map[string]string{"id": item}}}}}
	}
	for name, tt := range map[string]struct {
		call    func() error
		status  int
		code    string
		locator string
		kind    error
		causes  bool
	}{
		"a field that is missing": {func() error { _, err := boss.CreateRecord(ctx, "customer", struct{}{}); return err }, 400, "INVALID_CONTENT", "body companyName", nil, false},
		"a field that is unknown": {func() error {
			return boss.UpdateRecord(ctx, "customer", "1001", map[string]int{"shoeSize": 44})
		}, 400, "INVALID_CONTENT", "body shoeSize", nil, false},
		"a line":              {func() error { _, err := boss.CreateRecord(ctx, "salesOrder", line("9999")); return err }, 400, "INVALID_CONTENT", "body item.items[0].item", nil, false},
		"a type":              {func() error { _, err := boss.Record(ctx, "unicorn", "1", nil); return err }, 404, "NONEXISTENT_ID", "path unicorn", netsuite.ErrNotFound, false},
		"a filter":            {func() error { return drain(boss.Records(ctx, "customer", "shoeSize EQUAL 44")) }, 400, "INVALID_PARAMETER", "parameter q", nil, false},
		"a field to read":     {func() error { _, err := boss.Record(ctx, "customer", "1001", fields("shoeSize")); return err }, 400, "INVALID_PARAMETER", "parameter fields", nil, false},
		"a permission":        {func() error { _, err := machine.CreateRecord(ctx, "salesOrder", line("203")); return err }, 403, "INSUFFICIENT_PERMISSION", "", netsuite.ErrPermission, true},
		"a type without view": {func() error { _, err := machine.Record(ctx, "vendor", "501", nil); return err }, 403, "INSUFFICIENT_PERMISSION", "", netsuite.ErrPermission, true},
	} {
		var e *netsuite.Error
		err := tt.call()
		if !errors.As(err, &e) || e.Status != tt.status || e.Code != tt.code || e.Locator != tt.locator || tt.kind != nil && !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v at %q; want %d %s at %q", name, err, e.Locator, tt.status, tt.code, tt.locator)
			continue
		}
		if e.Hint == "" || e.Detail == "" || (len(e.Causes()) > 0) != tt.causes {
			t.Errorf("%s: hint %q, detail %q, causes %v", name, e.Hint, e.Detail, e.Causes())
		}
	}
}

func fields(names ...string) *netsuite.RecordOptions { return &netsuite.RecordOptions{Fields: names} }

// drain reads to the end or the first error.
func drain[T any](items func(func(T, error) bool)) error {
	for _, err := range items {
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	healthScript = "customscript_acme_health"
	healthDeploy = "customdeploy_acme_health"
)

func TestEmulator_RESTletMethods(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	api, ctx := e.machine().API(), t.Context()
	role, entity := e.holder()
	e.HandleRESTlet(healthScript, func(call netsuitetest.RESTletCall) (any, error) {
		if call.Params.Get("mood") == "bad" {
			return nil, errors.New("no stock left")
		}
		return fmt.Sprintf("%s %s %s %t", call.Method, call.Params.Encode(), call.Body, call.Role == role && call.Entity == entity), nil
	})
	params := url.Values{"q": {"a b&c", "ü"}}
	for method, body := range map[string]any{http.MethodGet: nil, http.MethodDelete: nil, http.MethodPost: map[string]int{"n": 1}, http.MethodPut: []string{"x"}} {
		text := ""
		if body != nil {
			text = string(must(json.Marshal(body)))
		}
		answer, err := api.RESTlet(ctx, method, healthScript, healthDeploy, params, body)
		var got string
		if err != nil || json.Unmarshal(answer, &got) != nil || got != fmt.Sprintf("%s %s %s true", method, params.Encode(), text) {
			t.Errorf("%s: %s, %v", method, answer, err)
		}
	}
	var thrown *netsuite.Error
	if _, err := api.RESTlet(ctx, http.MethodPost, healthScript, healthDeploy, url.Values{"mood": {"bad"}}, struct{}{}); !errors.As(err, &thrown) || thrown.Status != 400 || thrown.Code != "UNEXPECTED_ERROR" || thrown.Detail != "no stock left" {
		t.Errorf("a script that throws: %v", err)
	}
	if n := e.Ledger().Count(func(l netsuitetest.Entry) bool { return l.Service == "restlets" }); n != 5 {
		t.Errorf("%d calls at the RESTlet host, want 5", n)
	}
}

func TestEmulator_RefusedRESTlets(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	machine, ctx := e.machine(), t.Context()
	narrow := e.credentials(admin, "administrator", netsuite.P256)
	narrow.Scopes = []string{"rest_webservices"}
	warehouse := e.credentials("interfaces@globex.example", "customrole_warehouse_interface", netsuite.P256)
	asText := func(r *http.Request) bool { // as an old script that refuses in two lines of text
		return r.URL.Query().Get("form") == "text"
	}
	e.Fault(netsuitetest.Fault{
		Kind: netsuitetest.FaultStatus, Status: 400, ContentType: "text/plain", Match: asText,
		Body: "error code: SSS_MISSING_REQD_ARGUMENT\nerror message: month",
	})
	refused := func(name string, c *netsuite.ClientCredentials, script, deploy string, params url.Values, status int, code string, kind error) *netsuite.Error {
		t.Helper()
		var e *netsuite.Error
		_, err := c.API().RESTlet(ctx, http.MethodGet, script, deploy, params, nil)
		if !errors.As(err, &e) || e.Status != status || e.Code != code || kind != nil && !errors.Is(err, kind) {
			t.Fatalf("%s: %v, want %d %s", name, err, status, code)
		}
		return e
	}
	refused("unknown script", machine, "customscript_gone", healthDeploy, nil, 404, "SSS_INVALID_SCRIPTLET_ID", netsuite.ErrNotFound)
	refused("unknown deployment", machine, healthScript, "customdeploy_gone", nil, 404, "SSS_INVALID_SCRIPTLET_ID", netsuite.ErrNotFound)
	text := refused("error in text", machine, healthScript, healthDeploy, url.Values{"form": {"text"}}, 400, "SSS_MISSING_REQD_ARGUMENT", nil)
	if text.Detail != "month" {
		t.Errorf("detail %q of the text", text.Detail)
	}
	scope := refused("no scope", narrow, healthScript, healthDeploy, nil, 401, "INVALID_LOGIN_ATTEMPT", netsuite.ErrLogin)
	if c := scope.Causes()[0]; c.AuditTrail != "ScopeMismatched" || lastAudit(e) != c.AuditTrail {
		t.Errorf("first cause %+v, the audit trail says %s", c, lastAudit(e))
	}
	only := refused("Web Services Only", warehouse, healthScript, healthDeploy, nil, 401, "INVALID_LOGIN_CREDENTIALS", netsuite.ErrLogin)
	if !slices.ContainsFunc(only.Causes(), func(c netsuite.Cause) bool { return strings.Contains(c.Text, "web services only") }) {
		t.Errorf("causes %+v, want Web Services Only among them", only.Causes())
	}
	if err := e.account.SetDeploymentStatus(healthScript, healthDeploy, "TESTING"); err != nil {
		t.Fatal(err)
	}
	refused("not released", machine, healthScript, healthDeploy, nil, 404, "SSS_INVALID_SCRIPTLET_ID", netsuite.ErrNotFound)
}

// lastAudit is the Detail of the newest line in the Login Audit Trail.
func lastAudit(e *emulator) string {
	trail := e.account.LoginAuditTrail()
	if len(trail) == 0 {
		return ""
	}
	return trail[len(trail)-1].Detail
}
