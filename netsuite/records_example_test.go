package netsuite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// customer is what a program knows of NetSuite's customers. Fields are named as the metadata catalog names them.
type customer struct {
	CompanyName string `json:"companyName,omitempty"`
	Email       string `json:"email,omitempty"`
	ExternalID  string `json:"externalId,omitempty"`
}

// It is sent exactly once. Where a lost answer must not matter, use UpsertRecord.
func ExampleAPI_CreateRecord() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	id, err := api.CreateRecord(ctx, "customer", customer{CompanyName: "Hollow & Sons", Email: "ap@hollow.example"})
	switch {
	case errors.Is(err, netsuite.ErrResponseLost):
		fmt.Println("it may be there: look before it is made again")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("customer", id)
	}
	// Output:
	// customer 1005
}

// NetSuite's own JSON. References are objects of id and refName, sublists come whole when they are asked for.
func ExampleAPI_Record() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	data, err := api.Record(ctx, "salesOrder", "10001", &netsuite.RecordOptions{ExpandSubResources: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	var order struct {
		TranID string
		Entity struct{ RefName string }
		Item   struct {
			Items []struct{ Quantity, Amount float64 }
		}
	}
	if err := json.Unmarshal(data, &order); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(order.TranID, order.Entity.RefName, order.Item.Items)
	// Output:
	// SO10001 CUST0004 [{6 261} {11 1089}]
}

// Read into a type of one's own, with no more fields than it needs.
func ExampleReadRecord() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	c, err := netsuite.ReadRecord[customer](ctx, api, "customer", "eid:crm-2", &netsuite.RecordOptions{Fields: []string{"companyName", "email"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.CompanyName, c.Email)

	_, err = netsuite.ReadRecord[customer](ctx, api, "customer", "999", nil)
	fmt.Println(errors.Is(err, netsuite.ErrNotFound))
	// Output:
	// Cedar Dental 2 office@customer2.example
	// true
}

// A list holds IDs alone; SuiteQL reads whole rows in one go.
func ExampleAPI_Records() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	api := emulator.administrator()

	beginning, err := netsuite.QuoteFilter("Alder")
	if err != nil {
		fmt.Println(err)
		return
	}
	for id, err := range api.Records(ctx, "customer", "companyName START_WITH "+beginning+" AND isInactive IS false") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(id)
	}
	// Output:
	// 1007
	// 1014
	// 1021
	// 1028
	// 1035
}

// Other fields stay as they are.
func ExampleAPI_UpdateRecord() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	err := api.UpdateRecord(ctx, "customer", "1002", customer{Email: "accounts@cedar.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := netsuite.ReadRecord[customer](ctx, api, "customer", "1002", nil)
	fmt.Println(c.CompanyName, c.Email, err)
	// Output:
	// Cedar Dental 2 accounts@cedar.example <nil>
}

// The external ID is the caller's own key, so the same call may be made again after whatever happened.
func ExampleAPI_UpsertRecord() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	for _, email := range []string{"ap@hollow.example", "invoices@hollow.example"} {
		id, err := api.UpsertRecord(ctx, "customer", "shop-4711", customer{CompanyName: "Hollow & Sons", Email: email})
		fmt.Println(id, err)
	}
	// Output:
	// 1005 <nil>
	// 1005 <nil>
}

func ExampleAPI_DeleteRecord() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	id, err := api.CreateRecord(ctx, "customer", customer{CompanyName: "Hollow & Sons"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(api.DeleteRecord(ctx, "customer", id))
	err = api.DeleteRecord(ctx, "customer", id)
	fmt.Println("is gone:", errors.Is(err, netsuite.ErrNotFound))
	// Output:
	// <nil>
	// is gone: true
}

// The invoice of a sales order, with its lines.
func ExampleAPI_TransformRecord() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	invoice, err := api.TransformRecord(ctx, "salesOrder", "10001", "invoice", map[string]string{"memo": "first half"})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := api.SuiteQL(ctx, "SELECT type, memo, BUILTIN.DF(createdfrom) AS source FROM transaction WHERE id = "+invoice, 1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Rows)
	// Output:
	// [{"type":"CustInvc","memo":"first half","source":"SO10001"}]
}

// A request that NetSuite works on later. The key makes it safe to repeat: one key, one job.
func ExampleAPI_StartAsync() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	const key = "cac827ea-3543-4cda-add2-bae634326c27" // stored with the order, before the first try
	var job *netsuite.Job
	for range 2 {
		var err error
		job, err = api.StartAsync(ctx, http.MethodPost, "/services/rest/record/v1/customer", customer{CompanyName: "Hollow & Sons"}, key)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("job", job.ID)
	}
	done, err := api.WaitJob(ctx, job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	outcomes, err := api.JobOutcomes(ctx, done.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done.State, "customer", outcomes[0].ID, outcomes[0].Err)
	// Output:
	// job 1
	// job 1
	// succeeded customer 1005 <nil>
}

// How far has it come? Pending, by the emulator's clock.
func ExampleAPI_Job() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{AsyncDelay: time.Hour}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	started, err := api.StartAsync(ctx, http.MethodDelete, "/services/rest/record/v1/customer/1001", nil, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := api.Job(ctx, started.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.State, job.Completed)
	// Output:
	// pending false
}

// Up to a hundred records for one request. Each has an outcome of its own.
func ExampleAPI_CreateRecords() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	job, err := api.CreateRecords(ctx, "customer", []any{
		customer{CompanyName: "Hollow & Sons"}, customer{Email: "nameless@example.com"}, customer{CompanyName: "Iris Ltd"},
	}, "")
	if err == nil {
		job, err = api.WaitJob(ctx, job.ID)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	outcomes, err := api.JobOutcomes(ctx, job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range outcomes {
		var refused *netsuite.Error
		if errors.As(o.Err, &refused) {
			fmt.Println(o.Task, refused.Code, refused.Locator)
			continue
		}
		fmt.Println(o.Task, "customer", o.ID)
	}
	// Output:
	// 1 customer 1005
	// 2 INVALID_CONTENT body companyName
	// 3 customer 1006
}

// outcomes waits for a job and tells what became of its records.
func outcomes(ctx context.Context, api *netsuite.API, job *netsuite.Job, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := api.WaitJob(ctx, job.ID); err != nil {
		fmt.Println(err)
		return
	}
	all, err := api.JobOutcomes(ctx, job.ID)
	for _, o := range all {
		fmt.Println(o.Task, o.Err)
	}
	if err != nil {
		fmt.Println(err)
	}
}

// Each record names itself by id or externalId.
func ExampleAPI_UpdateRecords() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	job, err := api.UpdateRecords(ctx, "customer", []any{
		map[string]any{"id": "1001", "isInactive": true},
		map[string]any{"externalId": "crm-2", "isInactive": true},
	}, "")
	outcomes(ctx, api, job, err)
	// Output:
	// 1 <nil>
	// 2 <nil>
}

func ExampleAPI_UpsertRecords() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	job, err := api.UpsertRecords(ctx, "customer", []any{
		customer{ExternalID: "crm-2", Email: "office@cedar.example"},
		customer{ExternalID: "shop-4711", CompanyName: "Hollow & Sons"},
	}, "")
	outcomes(ctx, api, job, err)
	// Output:
	// 1 <nil>
	// 2 <nil>
}

func ExampleAPI_DeleteRecords() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	id, err := api.CreateRecord(ctx, "customer", customer{CompanyName: "Hollow & Sons"})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := api.DeleteRecords(ctx, "customer", []string{id}, "")
	outcomes(ctx, api, job, err)
	// Output:
	// 1 <nil>
}

// What the role may see, and no more.
func ExampleAPI_MetadataCatalog() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.machine().API()

	names, err := api.MetadataCatalog(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(names)
	// Output:
	// [customer customrecord_acme inventoryitem noninventorysaleitem salesorder servicesaleitem]
}

// The fields of a type, with those by which Records can select.
func ExampleAPI_RecordSchema() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.machine().API()

	data, err := api.RecordSchema(ctx, "customer")
	if err != nil {
		fmt.Println(err)
		return
	}
	var schema struct {
		Properties map[string]struct{ Type string }
		Filterable []string `json:"x-ns-filterable"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schema.Properties["companyName"].Type, schema.Properties["isInactive"].Type, slices.Contains(schema.Filterable, "email"))
	// Output:
	// string boolean true
}

// For programs that make clients or forms out of OpenAPI documents.
func ExampleAPI_OpenAPI() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.machine().API()

	data, err := api.OpenAPI(ctx, "customer")
	if err != nil {
		fmt.Println(err)
		return
	}
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(data, &document); err != nil {
		fmt.Println(err)
		return
	}
	_, creates := document.Paths["/customer"]["post"]
	fmt.Println(document.OpenAPI, creates)
	// Output:
	// 3.0.1 true
}

// Scripts have IDs that are the same in every account; the numbers in a RESTlet's address are not.
func ExampleAPI_RESTlet() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	api := emulator.machine().API()
	emulator.HandleRESTlet("customscript_acme_health", func(call netsuitetest.RESTletCall) (any, error) {
		return map[string]any{"method": call.Method, "month": call.Params.Get("month")}, nil
	})

	answer, err := api.RESTlet(ctx, http.MethodGet, "customscript_acme_health", "customdeploy_acme_health", url.Values{"month": {"2026-11"}}, nil)
	fmt.Println(string(answer), err)

	_, err = api.RESTlet(ctx, http.MethodGet, "customscript_acme_health", "customdeploy_gone", nil, nil)
	fmt.Println("installed:", !errors.Is(err, netsuite.ErrNotFound))
	// Output:
	// {"method":"GET","month":"2026-11"} <nil>
	// installed: false
}

// Whatever else the REST services have.
func ExampleAPI_Do() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	status, answer, err := api.Do(ctx, http.MethodGet, "/services/rest/record/v1/salesOrder/10001/item", nil)
	fmt.Println(status, strings.Contains(string(answer), `"items"`), err)
	// Output:
	// 200 true <nil>
}
