package company

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const recordURL = "/services/rest/record/v1/"

func TestReadRecord(t *testing.T) {
	t.Parallel()
	c := open(t)
	a := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"customer/1002", "")
	v := a.decode(t)
	if a.status != http.StatusOK || v["id"] != "1002" || v["companyName"] != "Cedar Dental 2" || v["isInactive"] != false ||
		v["dateCreated"] != "2024-01-03T00:00:00Z" || v["externalId"] != "crm-2" || href(v, "self") != testBase+recordURL+"customer/1002" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if currency := v["currency"].(map[string]any); currency["id"] != "1" || currency["refName"] != "US Dollar" {
		t.Errorf("currency %v", currency)
	}
	byExternal := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"customer/eid:crm-2", "")
	if byExternal.body != a.body {
		t.Errorf("by external id %s\nby id %s", byExternal.body, a.body)
	}
	some := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"Customer/1002?fields=email,companyName", "").decode(t)
	delete(some, "links")
	if fmt.Sprint(some) != "map[companyName:Cedar Dental 2 email:office@customer2.example id:1002]" {
		t.Errorf("fields: %v", some)
	}
}

func TestReadSalesOrder(t *testing.T) {
	t.Parallel()
	c := open(t)
	v := send(t, c, caller(6), http.MethodGet, recordURL+"salesOrder/10001", "").decode(t)
	entity := v["entity"].(map[string]any)
	if v["tranDate"] != "2024-01-08" || v["createdDate"] != "2024-01-08T09:00:00Z" || href(entity, "self") == "" && entity["id"] == nil {
		t.Errorf("%v", v)
	}
	if status := v["orderStatus"].(map[string]any); status["id"] != "B" || status["refName"] != "Sales Order : Pending Fulfillment" {
		t.Errorf("status %v", status)
	}
	if sublist := v["item"].(map[string]any); href(sublist, "self") != testBase+recordURL+"salesOrder/10001/item" || sublist["items"] != nil {
		t.Errorf("sublist %v", sublist)
	}
	full := send(t, c, caller(6), http.MethodGet, recordURL+"salesOrder/10001?expandSubResources=true", "").decode(t)
	lines := full["item"].(map[string]any)
	total := 0.0
	for _, line := range lines["items"].([]any) {
		total += line.(map[string]any)["amount"].(float64)
	}
	if total != full["total"] || lines["totalResults"] != 2.0 {
		t.Errorf("lines of %v, order of %v: %v", total, full["total"], lines)
	}
	alone := send(t, c, caller(6), http.MethodGet, recordURL+"salesOrder/10001/item", "").decode(t)
	if fmt.Sprint(alone["items"]) != fmt.Sprint(lines["items"]) {
		t.Errorf("sublist alone: %v", alone)
	}
}

func TestListRecords(t *testing.T) {
	t.Parallel()
	c := open(t)
	v := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"customer?limit=30&offset=30", "").decode(t)
	items := v["items"].([]any)
	first := items[0].(map[string]any)
	if len(items) != 10 || v["totalResults"] != 40.0 || v["hasMore"] != false || first["id"] != "1031" || href(first, "self") != testBase+recordURL+"customer/1031" {
		t.Errorf("%v", v)
	}
}

func TestCreateChangeDelete(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	a := send(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"New & Co","creditLimit":1500.50,"salesRep":{"id":"11"},"isPerson":false,"links":[]}`)
	location := a.header.Get("Location")
	if a.status != http.StatusNoContent || a.body != "" || !strings.HasPrefix(location, testBase+recordURL+"customer/") {
		t.Fatalf("create: %d %q %q", a.status, a.body, location)
	}
	target := strings.TrimPrefix(location, testBase)
	v := send(t, c, who, http.MethodGet, target, "").decode(t)
	if v["entityId"] != "New & Co" || v["creditLimit"] != 1500.5 || v["dateCreated"] != "2026-03-14T15:09:26Z" || v["isInactive"] != false {
		t.Errorf("created %v", v)
	}
	rows := rowsOf(t, c, "SELECT companyname, creditlimit, BUILTIN.DF(salesrep) rep, BUILTIN.DF(subsidiary) s FROM customer WHERE companyname = 'New & Co'")
	if fmt.Sprint(rows) != "[map[companyname:New & Co creditlimit:1500.5 rep:Sam Sales s:Globex Corporation]]" {
		t.Errorf("SuiteQL sees %v", rows)
	}
	a = send(t, c, who, http.MethodPatch, target, `{"creditLimit":null,"isInactive":true,"email":"new@co.example"}`)
	if a.status != http.StatusNoContent || a.header.Get("Location") != location {
		t.Errorf("change: %d %s", a.status, a.body)
	}
	v = send(t, c, who, http.MethodGet, target, "").decode(t)
	if _, there := v["creditLimit"]; there || v["isInactive"] != true || v["email"] != "new@co.example" || v["companyName"] != "New & Co" {
		t.Errorf("changed %v", v)
	}
	if a = send(t, c, who, http.MethodDelete, target, ""); a.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	if a = send(t, c, who, http.MethodGet, target, ""); a.status != http.StatusNotFound {
		t.Errorf("after delete: %d %s", a.status, a.body)
	}
	if again := send(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"Next"}`); again.header.Get("Location") == location {
		t.Error("an internal id was given out twice")
	}
}

func TestUpsertTwiceIsOneRow(t *testing.T) {
	t.Parallel()
	c := open(t)
	const external = "crm/7 ü"
	target := recordURL + "customer/eid:" + url.PathEscape(external)
	first := send(t, c, caller(1000), http.MethodPut, target, `{"companyName":"Acme"}`)
	second := send(t, c, caller(1000), http.MethodPut, target, `{"companyName":"Acme Two","externalId":"crm/7 ü"}`)
	if first.status != http.StatusNoContent || second.status != http.StatusNoContent || first.header.Get("Location") != second.header.Get("Location") {
		t.Errorf("%d %q, then %d %q %s", first.status, first.header.Get("Location"), second.status, second.header.Get("Location"), second.body)
	}
	rows := rowsOf(t, c, "SELECT companyname FROM customer WHERE externalid = '"+external+"'")
	if fmt.Sprint(rows) != "[map[companyname:Acme Two]]" {
		t.Errorf("rows %v", rows)
	}
}

func TestCustomRecords(t *testing.T) {
	t.Parallel()
	c := open(t)
	must(t, c.InstallBundle(testBundle()))
	role, _ := c.RoleByScriptID("customrole_acme")
	who := caller(role.ID)
	target := recordURL + "customrecord_acme_log/eid:1"
	for range 2 {
		if a := send(t, c, who, http.MethodPut, target, `{"name":"first","custrecord_acme_level":"info"}`); a.status != http.StatusNoContent {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	v := send(t, c, who, http.MethodGet, target, "").decode(t)
	if v["custrecord_acme_level"] != "info" || v["created"] != "2026-03-14T15:09:26Z" {
		t.Errorf("record %v", v)
	}
	a := suiteQL(t, c, who, "SELECT name, custrecord_acme_level lv, isinactive FROM customrecord_acme_log")
	if fmt.Sprint(itemsOf(t, a)) != "[map[isinactive:F lv:info name:first]]" {
		t.Errorf("SuiteQL sees %s", a.body)
	}
	if a := send(t, c, caller(6), http.MethodGet, target, ""); a.status != http.StatusForbidden {
		t.Errorf("a role without the record's permission gets %d", a.status)
	}
	if a := send(t, c, who, http.MethodDelete, target, ""); a.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
}

func TestRecordRefusals(t *testing.T) {
	t.Parallel()
	c := open(t)
	admin := caller(RoleAdministrator)
	before := fmt.Sprint(rowsOf(t, c, "SELECT * FROM customer ORDER BY id"))
	tests := []struct {
		name           string
		who            Caller
		method, target string
		body           string
		status         int
		code, path     string // path = the locator's value
	}{
		{"no such type", admin, "GET", "unicorn/1", "", 404, "NONEXISTENT_ID", "unicorn"},
		{"no type", admin, "GET", "", "", 404, "NONEXISTENT_ID", ""},
		{"table that is no record", admin, "GET", "rolepermissions/1", "", 404, "NONEXISTENT_ID", "rolepermissions"},
		{"no such id", admin, "GET", "customer/999999", "", 404, "NONEXISTENT_ID", ""},
		{"id in words", admin, "GET", "customer/abc", "", 404, "NONEXISTENT_ID", ""},
		{"id with SQL", admin, "GET", "customer/1%20OR%201=1", "", 404, "NONEXISTENT_ID", ""},
		{"huge id", admin, "GET", "customer/" + strings.Repeat("9", 400), "", 404, "NONEXISTENT_ID", ""},
		{"no such external id", admin, "GET", "customer/eid:none", "", 404, "NONEXISTENT_ID", ""},
		{"empty id", admin, "GET", "customer/", "", 404, "NONEXISTENT_ID", ""},
		{"unknown sublist", admin, "GET", "customer/1001/item", "", 404, "NONEXISTENT_ID", ""},
		{"too deep", admin, "GET", "salesOrder/10001/item/1", "", 404, "NONEXISTENT_ID", ""},
		{"unknown option", admin, "GET", "customer/1001?select=x", "", 400, "INVALID_PARAMETER", "select"},
		{"unknown field asked", admin, "GET", "customer/1001?fields=email,nope", "", 400, "INVALID_PARAMETER", "fields"},
		{"expand maybe", admin, "GET", "customer/1001?expandSubResources=maybe", "", 400, "INVALID_PARAMETER", "expandSubResources"},
		{"unknown parameter of a list", admin, "GET", "customer?order=id", "", 400, "INVALID_PARAMETER", "order"},
		{"offset off the page", admin, "GET", "customer?limit=10&offset=5", "", 400, "INVALID_PARAMETER", "offset"},
		{"unknown parameter of a change", admin, "PATCH", "customer/1001?fields=email", `{"email":"x"}`, 400, "INVALID_PARAMETER", "fields"},
		{"unknown sublist to replace", admin, "PATCH", "customer/1001?replace=item", `{"email":"x"}`, 400, "INVALID_PARAMETER", "replace"},
		{"unknown parameter of a removal", admin, "DELETE", "customer/1001?force=1", "", 400, "INVALID_PARAMETER", "force"},
		{"put by id", admin, "PUT", "customer/1001", `{"companyName":"X"}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"put on the collection", admin, "PUT", "customer", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"post on a record", admin, "POST", "customer/1001", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"read-only type", admin, "POST", "employee", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"read-only record", admin, "DELETE", "employee/11", "", 405, "METHOD_NOT_ALLOWED", ""},
		{"sublist changed", admin, "POST", "salesOrder/10001/item", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"no body", admin, "POST", "customer", "", 400, "INVALID_CONTENT", ""},
		{"array", admin, "POST", "customer", "[]", 400, "INVALID_CONTENT", ""},
		{"null", admin, "POST", "customer", "null", 400, "INVALID_CONTENT", ""},
		{"two objects", admin, "POST", "customer", `{"companyName":"X"}{}`, 400, "INVALID_CONTENT", ""},
		{"form", admin, "POST", "customer", "companyName=X", 400, "INVALID_CONTENT", ""},
		{"huge body", admin, "POST", "customer", `{"companyName":"` + strings.Repeat("x", maxRecord) + `"}`, 400, "INVALID_CONTENT", ""},
		{"required missing", admin, "POST", "customer", `{"email":"x@y.example"}`, 400, "INVALID_CONTENT", "companyName"},
		{"required emptied", admin, "PATCH", "customer/1001", `{"companyName":""}`, 400, "INVALID_CONTENT", "companyName"},
		{"required nulled", admin, "PATCH", "customer/1001", `{"companyName":null}`, 400, "INVALID_CONTENT", "companyName"},
		{"unknown field", admin, "PATCH", "customer/1001", `{"companyname":"X"}`, 400, "INVALID_CONTENT", "companyname"},
		{"id in the body", admin, "PATCH", "customer/1001", `{"id":"5"}`, 400, "INVALID_CONTENT", "id"},
		{"read-only field", admin, "PATCH", "customer/1001", `{"dateCreated":"2020-01-01T00:00:00Z"}`, 400, "INVALID_CONTENT", "dateCreated"},
		{"text of wrong kind", admin, "PATCH", "customer/1001", `{"email":5}`, 400, "INVALID_CONTENT", "email"},
		{"number of wrong kind", admin, "PATCH", "customer/1001", `{"creditLimit":"5"}`, 400, "INVALID_CONTENT", "creditLimit"},
		{"number too large", admin, "PATCH", "customer/1001", `{"creditLimit":1e400}`, 400, "INVALID_CONTENT", "creditLimit"},
		{"check box of wrong kind", admin, "PATCH", "customer/1001", `{"isInactive":"T"}`, 400, "INVALID_CONTENT", "isInactive"},
		{"reference of wrong kind", admin, "PATCH", "customer/1001", `{"currency":"1"}`, 400, "INVALID_CONTENT", "currency"},
		{"reference without id", admin, "PATCH", "customer/1001", `{"currency":{"refName":"Euro"}}`, 400, "INVALID_CONTENT", "currency"},
		{"reference to nothing", admin, "PATCH", "customer/1001", `{"currency":{"id":"99"}}`, 400, "INVALID_CONTENT", "currency"},
		{"external id where there is none", admin, "GET", "employee/eid:x", "", 404, "NONEXISTENT_ID", ""},
		{"order without lines", admin, "POST", "salesOrder", `{"entity":{"id":"1001"}}`, 400, "INVALID_CONTENT", "item"},
		{"order with empty lines", admin, "POST", "salesOrder", `{"entity":{"id":"1001"},"item":{"items":[]}}`, 400, "INVALID_CONTENT", "item"},
		{"lines without items", admin, "POST", "salesOrder", `{"entity":{"id":"1001"},"item":[]}`, 400, "INVALID_CONTENT", "item"},
		{"line that is no object", admin, "POST", "salesOrder", `{"entity":{"id":"1001"},"item":{"items":[5]}}`, 400, "INVALID_CONTENT", "item.items[0]"},
		{"line without item", admin, "POST", "salesOrder", `{"entity":{"id":"1001"},"item":{"items":[{"quantity":1}]}}`, 400, "INVALID_CONTENT", "item.items[0].item"},
		{"unknown item", admin, "POST", "salesOrder", `{"entity":{"id":"1001"},"item":{"items":[{"item":{"id":"203"}},{"item":{"id":"9"}}]}}`, 400, "INVALID_CONTENT", "item.items[1].item"},
		{"unknown field of a line", admin, "PATCH", "salesOrder/10001", `{"item":{"items":[{"item":{"id":"203"},"price":1}]}}`, 400, "INVALID_CONTENT", "item.items[0].price"},
		{"quantity of wrong kind", admin, "PATCH", "salesOrder/10001", `{"item":{"items":[{"line":1,"quantity":"two"}]}}`, 400, "INVALID_CONTENT", "item.items[0].quantity"},
		{"line in words", admin, "PATCH", "salesOrder/10001", `{"item":{"items":[{"line":"first","quantity":1}]}}`, 400, "INVALID_CONTENT", "item.items[0].line"},
		{"status as text", admin, "PATCH", "salesOrder/10001", `{"orderStatus":"A"}`, 400, "INVALID_CONTENT", "orderStatus"},
		{"status of another type", admin, "PATCH", "salesOrder/10001", `{"orderStatus":{"id":"CustInvc:A"}}`, 400, "INVALID_CONTENT", "orderStatus"},
		{"total given", admin, "PATCH", "salesOrder/10001", `{"total":1}`, 400, "INVALID_CONTENT", "total"},
		{"status that there is not", admin, "PATCH", "salesOrder/10001", `{"orderStatus":{"id":"Z"}}`, 400, "INVALID_CONTENT", "orderStatus"},
		{"journal out of balance", admin, "POST", "journalEntry", `{"line":{"items":[{"account":{"id":"1"},"debit":5},{"account":{"id":"4"},"credit":4}]}}`, 400, "USER_ERROR", ""},
		{"external id taken", admin, "PATCH", "customer/1001", `{"externalId":"crm-2"}`, 400, "INVALID_CONTENT", "externalId"},
		{"external id taken by a new one", admin, "POST", "customer", `{"companyName":"X","externalId":"crm-2"}`, 400, "INVALID_CONTENT", "externalId"},
		{"external id other than the address", admin, "PUT", "customer/eid:a", `{"companyName":"X","externalId":"b"}`, 400, "INVALID_CONTENT", "externalId"},
		{"empty external id", admin, "PUT", "customer/eid:", `{"companyName":"X"}`, 404, "NONEXISTENT_ID", ""},
		{"upsert without what a new one needs", admin, "PUT", "customer/eid:new", `{}`, 400, "INVALID_CONTENT", "companyName"},
		{"second field bad, first not kept", admin, "PATCH", "customer/1001", `{"companyName":"Kept?","email":[]}`, 400, "INVALID_CONTENT", "email"},
		{"change of nobody", admin, "PATCH", "customer/999999", `{"email":"x"}`, 404, "NONEXISTENT_ID", ""},
		{"delete of nobody", admin, "DELETE", "customer/999999", "", 404, "NONEXISTENT_ID", ""},
		{"delete of a customer with orders", admin, "DELETE", "customer/1012", "", 400, "USER_ERROR", ""},
		{"role without View", caller(6), "GET", "vendor/501", "", 403, "INSUFFICIENT_PERMISSION", ""},
		{"role without Full", caller(6), "DELETE", "customer/1001", "", 403, "INSUFFICIENT_PERMISSION", ""},
		{"role that may only view", caller(1001), "POST", "customer", `{"companyName":"X"}`, 403, "INSUFFICIENT_PERMISSION", ""},
		{"role without REST", caller(1002), "GET", "customer/1001", "", 400, "USER_ERROR", ""},
	}
	for _, tt := range tests {
		a := send(t, c, tt.who, tt.method, recordURL+tt.target, tt.body)
		if a.status != tt.status {
			t.Errorf("%s: status %d, want %d: %.300s", tt.name, a.status, tt.status, a.body)
			continue
		}
		code, _, locator := a.problem(t)
		at := ""
		for _, v := range locator {
			at = v
		}
		if code != tt.code || at != tt.path {
			t.Errorf("%s: code %s at %q, want %s at %q", tt.name, code, at, tt.code, tt.path)
		}
	}
	if after := fmt.Sprint(rowsOf(t, c, "SELECT * FROM customer ORDER BY id")); after != before {
		t.Error("a refused request changed a customer")
	}
}

func TestSalesOrderLines(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	a := send(t, c, who, http.MethodPost, recordURL+"salesOrder", `{"entity":{"id":"1005"},"externalId":"shop-1","item":{"items":[
		{"item":{"id":"203"},"quantity":2,"rate":10},{"item":{"id":"204"},"quantity":3,"amount":7.5},{"item":{"id":"201"}}]}}`)
	if a.status != http.StatusNoContent {
		t.Fatalf("create: %d %s", a.status, a.body)
	}
	target := strings.TrimPrefix(a.header.Get("Location"), testBase)
	const lines = "SELECT l.linesequencenumber n, l.quantity q, l.rate r, l.netamount a, l.mainline m FROM transactionline l JOIN transaction t ON t.id = l.transaction WHERE t.externalid = 'shop-1' ORDER BY l.linesequencenumber"
	cost := rowsOf(t, c, "SELECT cost * 2 c FROM item WHERE id = 201")[0]["c"]
	got := fmt.Sprint(rowsOf(t, c, lines))
	if !strings.Contains(got, "map[a:20 m:F n:1 q:2 r:10] map[a:7.5 m:F n:2 q:3") || !strings.Contains(got, fmt.Sprintf("map[a:%v m:F n:3 q:1 r:%v]", cost, cost)) {
		t.Errorf("lines %s, cost %v", got, cost)
	}
	send(t, c, who, http.MethodPatch, target, `{"item":{"items":[{"line":1,"quantity":5},{"item":{"id":"202"},"quantity":1,"rate":1}]}}`)
	if got := fmt.Sprint(rowsOf(t, c, lines)); !strings.Contains(got, "map[a:50 m:F n:1 q:5 r:10]") || !strings.Contains(got, "map[a:1 m:F n:4 q:1 r:1]") {
		t.Errorf("after a change %s", got)
	}
	send(t, c, who, http.MethodPatch, target+"?replace=item", `{"item":{"items":[{"item":{"id":"203"},"quantity":4,"rate":2.5}]}}`)
	v := send(t, c, who, http.MethodGet, target+"?expandSubResources=true", "").decode(t)
	item := v["item"].(map[string]any)
	if v["total"] != 10.0 || item["totalResults"] != 1.0 || !strings.HasPrefix(v["tranId"].(string), "SO") || v["tranDate"] != "2026-03-14" {
		t.Errorf("after a replacement %v", v)
	}
	if status := v["orderStatus"].(map[string]any); status["refName"] != "Sales Order : Pending Fulfillment" {
		t.Errorf("status %v", status)
	}
	if a := send(t, c, who, http.MethodPatch, target, `{"orderStatus":{"id":"A"}}`); a.status != http.StatusNoContent {
		t.Errorf("status: %d %s", a.status, a.body)
	}
	if a := send(t, c, who, http.MethodPost, target+"/!transform/invoice", ""); a.status != http.StatusBadRequest {
		t.Errorf("an order that waits for approval is billed: %d", a.status)
	}
	only := send(t, c, who, http.MethodGet, target+"?fields=total,item", "").decode(t)
	if only["total"] != 10.0 || only["item"] == nil || only["tranId"] != nil {
		t.Errorf("fields: %v", only)
	}
	if a := send(t, c, who, http.MethodDelete, target, ""); a.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	if rows := rowsOf(t, c, lines); len(rows) != 0 {
		t.Errorf("lines left behind: %v", rows)
	}
}

// TestEveryTypeIsOfItsTable: what is declared of a type stands in the catalogue of tables.
func TestEveryTypeIsOfItsTable(t *testing.T) {
	t.Parallel()
	tables := standardCatalogue()
	for name, rt := range standardRecordTypes {
		for _, f := range rt.fields {
			column, ok := tables[rt.table].column(f.column)
			if !ok {
				t.Errorf("%s.%s: no column %s in %s", name, f.name, f.column, rt.table)
			}
			if hasCodes := column.ref != nil && column.ref.words != nil; hasCodes != (f.codes != nil) {
				t.Errorf("%s.%s: codes %v", name, f.name, f.codes)
			}
			for _, code := range f.codes {
				if column.ref.words[code] == "" || !strings.Contains(rt.defaults["status"], code) && len(f.codes) == 1 {
					t.Errorf("%s.%s: code %s", name, f.name, code)
				}
			}
		}
		if rt.sublist == nil {
			continue
		}
		for _, f := range rt.sublist.fields {
			if _, ok := tables[rt.sublist.table].column(f.column); !ok {
				t.Errorf("%s.%s.%s: no column %s in %s", name, rt.sublist.name, f.name, f.column, rt.sublist.table)
			}
		}
	}
	for _, tr := range transforms {
		if standardRecordTypes[strings.ToLower(tr.from)] == nil || standardRecordTypes[strings.ToLower(tr.to)] == nil {
			t.Errorf("transform %s to %s: no such type", tr.from, tr.to)
		}
	}
}

func TestCreateEveryType(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	const lines = `"item":{"items":[{"item":{"id":"203"},"quantity":2}]}`
	for name, body := range map[string]string{
		"customer":             `{"companyName":"New"}`,
		"vendor":               `{"companyName":"New"}`,
		"contact":              `{"firstName":"Ann","lastName":"New","company":{"id":"1004"}}`,
		"inventoryItem":        `{"itemId":"NEW-1","cost":2.5}`,
		"nonInventorySaleItem": `{"itemId":"NEW-2"}`,
		"serviceSaleItem":      `{"itemId":"NEW-3"}`,
		"salesOrder":           `{"entity":{"id":"1004"},` + lines + `}`,
		"invoice":              `{"entity":{"id":"1004"},` + lines + `}`,
		"cashSale":             `{"entity":{"id":"1004"},` + lines + `}`,
		"creditMemo":           `{"entity":{"id":"1004"},` + lines + `}`,
		"itemFulfillment":      `{"entity":{"id":"1004"},` + lines + `}`,
		"customerPayment":      `{"customer":{"id":"1004"},"payment":12.5}`,
		"journalEntry":         `{"memo":"accrual","line":{"items":[{"account":{"id":"6"},"debit":5},{"account":{"id":"1"},"credit":5,"memo":"bank"}]}}`,
	} {
		a := send(t, c, who, http.MethodPost, recordURL+name, body)
		location := a.header.Get("Location")
		if a.status != http.StatusNoContent || !strings.HasPrefix(location, testBase+recordURL+name+"/") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		target := strings.TrimPrefix(location, testBase)
		v := send(t, c, who, http.MethodGet, target+"?expandSubResources=true", "").decode(t)
		if href(v, "self") != location {
			t.Errorf("%s: %v", name, v)
		}
		if list := send(t, c, who, http.MethodGet, recordURL+name+"?q=id+EQUAL+"+v["id"].(string), "").decode(t); list["count"] != 1.0 {
			t.Errorf("%s: the list has %v", name, list)
		}
		if a := send(t, c, who, http.MethodDelete, target, ""); a.status != http.StatusNoContent {
			t.Errorf("%s: delete: %d %s", name, a.status, a.body)
		}
	}
}

func TestReadOnlyTypes(t *testing.T) {
	t.Parallel()
	c := open(t)
	for target, want := range map[string]string{
		"employee/11": "Sam Sales", "account/1": "1000 Checking", "currency/4": "Euro", "subsidiary/2": "Globex Corporation Europe", "contact/6004": "buyer1004@customer.example",
	} {
		if a := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+target, ""); a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}

func TestUnknownFieldsCanBeIgnored(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	const body = `{"email":"kept@x.example","nonsense":5}`
	for header, want := range map[string]int{"": 400, "Error": 400, "warning": 204, "Ignore": 204, "maybe": 400} {
		a := send(t, c, who, http.MethodPatch, recordURL+"customer/1001", body, propertyNameHeader, header)
		if a.status != want {
			t.Errorf("%q: %d %s", header, a.status, a.body)
		}
	}
	if _, _, locator := send(t, c, who, http.MethodPatch, recordURL+"customer/1001", body, propertyNameHeader, "maybe").problem(t); locator["o:errorHeader"] != propertyNameHeader {
		t.Errorf("locator %v", locator)
	}
}

func TestMethodNotAllowedNamesTheMethods(t *testing.T) {
	t.Parallel()
	c := open(t)
	for target, want := range map[string]string{
		recordURL + "customer": "GET, POST", recordURL + "customer/1": "DELETE, GET, PATCH", recordURL + "customer/eid:1": "DELETE, GET, PATCH, PUT",
		recordURL + "salesOrder/1": "DELETE, GET, PATCH", recordURL + "employee/11": "GET",
		recordURL + "salesOrder/1/!transform/invoice": "POST", asyncPath + "1": "GET", recordURL + "metadata-catalog": "GET", suiteQLPath: "POST", timePath: "GET",
	} {
		if a := send(t, c, caller(3), http.MethodTrace, target, ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != want {
			t.Errorf("%s: %d, Allow %q, want %q", target, a.status, a.header.Get("Allow"), want)
		}
	}
}

// FuzzRecordBody: whatever the body, the answer is a record made or a refusal, and a refusal leaves nothing.
func FuzzRecordBody(f *testing.F) {
	for _, body := range []string{
		`{"entity":{"id":"1001"},"item":{"items":[{"item":{"id":"203"},"quantity":2,"rate":1.5},{"line":1,"amount":3}]}}`,
		`{"entity":{"id":1001},"item":{"items":[{"item":{"id":"203"},"line":1e3}]},"orderStatus":{"id":"A"},"tranDate":"2026-01-31"}`,
		`{"entity":null,"item":null}`, `{"item":{"items":[[]]}}`, `{"entity":{"id":"1001"},"externalId":"\u0000","item":{"items":[{"item":{"id":"203"}}]}}`, `[`, ``, `{}{}`,
	} {
		f.Add([]byte(body), "salesOrder")
		f.Add([]byte(body), "journalEntry")
	}
	f.Add([]byte(`{"line":{"items":[{"account":{"id":"1"},"debit":1e14},{"account":{"id":"4"},"credit":100000000000000}]}}`), "journalEntry")
	c := open(f)
	who := caller(RoleAdministrator)
	count := func(t *testing.T) (n int) {
		t.Helper()
		if err := c.read.QueryRow(`SELECT (SELECT count(*) FROM "transaction") + (SELECT count(*) FROM transactionline) + (SELECT count(*) FROM transactionaccountingline)`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	f.Fuzz(func(t *testing.T, body []byte, recordType string) {
		before := count(t)
		a := send(t, c, who, http.MethodPost, recordURL+url.PathEscape(recordType), string(body))
		switch a.status {
		case http.StatusNoContent:
			if d := send(t, c, who, http.MethodDelete, strings.TrimPrefix(a.header.Get("Location"), testBase), ""); d.status != http.StatusNoContent {
				t.Errorf("made, but not removed: %d %s", d.status, d.body)
			}
		case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
			a.problem(t)
		default:
			t.Errorf("%s %q: %d %s", recordType, body, a.status, a.body)
		}
		if after := count(t); after != before {
			t.Errorf("%s %q: %d rows, before %d", recordType, body, after, before)
		}
	})
}
