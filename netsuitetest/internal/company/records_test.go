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
		{"filter", admin, "GET", "customer?q=email+IS+x", "", 400, "INVALID_PARAMETER", "q"},
		{"put by id", admin, "PUT", "customer/1001", `{"companyName":"X"}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"put on the collection", admin, "PUT", "customer", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"post on a record", admin, "POST", "customer/1001", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
		{"read-only type", admin, "POST", "salesOrder", `{}`, 405, "METHOD_NOT_ALLOWED", ""},
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
		{"reference without id", admin, "PATCH", "customer/1001", `{"currency":{"refName":"Euro"}}`, 400, "INVALID_CONTENT", "currency.id"},
		{"reference to nothing", admin, "PATCH", "customer/1001", `{"currency":{"id":"99"}}`, 400, "INVALID_CONTENT", "currency.id"},
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

func TestAsynchronousRecordsAreRefused(t *testing.T) {
	t.Parallel()
	c := open(t)
	a := send(t, c, caller(3), http.MethodPost, recordURL+"customer", `{"companyName":"X"}`, "Prefer", "respond-async")
	if code, _, locator := a.problem(t); code != "INVALID_HEADER" || locator["o:errorHeader"] != "Prefer" {
		t.Errorf("%s", a.body)
	}
}

func TestMethodNotAllowedNamesTheMethods(t *testing.T) {
	t.Parallel()
	c := open(t)
	for target, want := range map[string]string{
		recordURL + "customer": "GET, POST", recordURL + "customer/1": "DELETE, GET, PATCH", recordURL + "customer/eid:1": "DELETE, GET, PATCH, PUT",
		recordURL + "salesOrder/1": "GET", suiteQLPath: "POST", timePath: "GET",
	} {
		if a := send(t, c, caller(3), http.MethodTrace, target, ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != want {
			t.Errorf("%s: %d, Allow %q, want %q", target, a.status, a.header.Get("Allow"), want)
		}
	}
}
