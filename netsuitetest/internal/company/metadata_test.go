package company

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// catalogNames are the names of the types that the catalogue shows.
func catalogNames(tb testing.TB, c *Company, who Caller, query string) []string {
	tb.Helper()
	a := send(tb, c, who, http.MethodGet, recordURL+"metadata-catalog"+query, "")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		tb.Fatalf("%d %s", a.status, a.body)
	}
	var list struct{ Items []catalogEntry }
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Name)
		want := testBase + recordURL + "metadata-catalog/" + item.Name
		forms := map[string]string{}
		for _, l := range item.Links {
			if l.MediaType != "" {
				forms[l.MediaType] = l.Rel + " " + l.Href
			} else if l.Rel != "describes" || l.Href != testBase+recordURL+item.Name {
				tb.Errorf("link %v", l)
			}
		}
		if forms[linksType] != "canonical "+want || forms[openAPIType] != "alternate "+want || forms[schemaType] != "alternate "+want {
			tb.Errorf("links of %s: %v", item.Name, item.Links)
		}
	}
	return names
}

func TestMetadataCatalogIsTheRolesOwn(t *testing.T) {
	t.Parallel()
	c := open(t)
	must(t, c.InstallBundle(testBundle()))
	all := catalogNames(t, c, caller(RoleAdministrator), "")
	if !slices.IsSorted(all) || len(all) != len(standardRecordTypes)+1 || !slices.Contains(all, "salesorder") || !slices.Contains(all, "customrecord_acme_log") {
		t.Errorf("administrator sees %v", all)
	}
	if got := catalogNames(t, c, caller(1001), ""); !slices.Equal(got, []string{"inventoryitem", "noninventorysaleitem", "servicesaleitem"}) {
		t.Errorf("warehouse sees %v", got)
	}
	if got := catalogNames(t, c, caller(3), "?select=salesorder,customer,salesOrder"); !slices.Equal(got, []string{"salesorder", "customer"}) {
		t.Errorf("selected %v", got)
	}
}

func TestMetadataSchema(t *testing.T) {
	t.Parallel()
	c := open(t)
	must(t, c.InstallBundle(testBundle()))
	who := caller(RoleAdministrator)
	get := func(name string) map[string]any {
		a := send(t, c, who, http.MethodGet, recordURL+"metadata-catalog/"+name, "", "Accept", schemaType)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != schemaType {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		return a.decode(t)
	}
	at := func(v map[string]any, path ...string) any {
		for _, name := range path[:len(path)-1] {
			v, _ = v[name].(map[string]any)
		}
		return v[path[len(path)-1]]
	}
	order := get("salesOrder")
	for path, want := range map[string]any{
		"$schema":                                "https://json-schema.org/draft-06/hyper-schema#",
		"type":                                   "object",
		"properties.entity.type":                 "object",
		"properties.entity.properties.id.type":   "string",
		"properties.tranDate.format":             "date",
		"properties.createdDate.format":          "date-time",
		"properties.createdDate.readOnly":        true,
		"properties.total.type":                  "number",
		"properties.otherRefNum.title":           "Other Ref Num",
		"properties.memo.nullable":               true,
		"properties.entity.nullable":             nil,
		"properties.item.properties.items.type":  "array",
		"properties.item.properties.links.title": "Links",
	} {
		if got := at(order, strings.Split(path, ".")...); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if line := at(order, "properties", "item", "properties", "items", "items", "properties", "quantity", "type"); line != "number" {
		t.Errorf("quantity of a line: %v", line)
	}
	if codes := at(order, "properties", "orderStatus", "properties", "id", "enum"); !slices.Equal(codes.([]any), []any{"A", "B", "F", "G", "H"}) {
		t.Errorf("codes of the status: %v", codes)
	}
	if required := order["required"].([]any); !slices.Equal(required, []any{"entity"}) {
		t.Errorf("required %v", required)
	}
	custom := get("CUSTOMRECORD_acme_log")
	if at(custom, "properties", "custrecord_acme_level", "x-ns-custom-field") != true || !slices.Contains(custom["x-ns-filterable"].([]any), any("custrecord_acme_level")) {
		t.Errorf("custom record %v", custom)
	}
	if at(get("customer"), "properties", "isInactive", "type") != "boolean" {
		t.Error("a check box is no boolean")
	}
}

// TestSchemaTellsTheTruth: a field stands in the schema exactly if the record service reads it and filters by it.
func TestSchemaTellsTheTruth(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	for _, target := range []string{"customer/1004", "vendor/501", "contact/6004", "employee/11", "inventoryItem/203", "salesOrder/10001"} {
		name, _, _ := strings.Cut(target, "/")
		described := send(t, c, who, http.MethodGet, recordURL+"metadata-catalog/"+name, "", "Accept", schemaType).decode(t)
		properties := described["properties"].(map[string]any)
		for field := range send(t, c, who, http.MethodGet, recordURL+target, "").decode(t) {
			if properties[field] == nil {
				t.Errorf("%s has %s, which its schema lacks", target, field)
			}
		}
		for _, field := range described["x-ns-filterable"].([]any) {
			if a := send(t, c, who, http.MethodGet, recordURL+name+"?limit=1&q="+field.(string)+"+EMPTY_NOT", ""); a.status != http.StatusOK {
				t.Errorf("%s is filterable by %v, but: %s", name, field, a.body)
			}
		}
	}
}

func TestMetadataOpenAPI(t *testing.T) {
	t.Parallel()
	c := open(t)
	a := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"metadata-catalog?select=customer,salesorder,employee,invoice", "", "Accept", "application/swagger+json")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != openAPIType {
		t.Fatalf("%d %s", a.status, a.body)
	}
	v := a.decode(t)
	if !strings.HasPrefix(v["openapi"].(string), "3.0") || v["servers"].([]any)[0].(map[string]any)["url"] != testBase+"/services/rest/record/v1" {
		t.Errorf("%v %v", v["openapi"], v["servers"])
	}
	paths := v["paths"].(map[string]any)
	for path, want := range map[string]string{
		"/customer": "get post", "/customer/{id}": "delete get patch", "/customer/eid:{externalId}": "delete get patch put",
		"/employee": "get", "/employee/{id}": "get", "/salesorder/{id}/item": "get", "/salesorder/{id}/!transform/invoice": "post",
	} {
		methods, ok := paths[path].(map[string]any)
		var got []string
		for method := range methods {
			got = append(got, method)
		}
		slices.Sort(got)
		if !ok || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
	if paths["/employee/eid:{externalId}"] != nil || paths["/vendor"] != nil {
		t.Error("paths that were not asked for, or that there are not")
	}
	// Every reference leads somewhere.
	schemas := v["components"].(map[string]any)["schemas"].(map[string]any)
	for _, part := range strings.Split(a.body, `"$ref":"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		name, _, _ = strings.Cut(name, "/")
		if schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
	seller := send(t, c, caller(6), http.MethodGet, recordURL+"metadata-catalog?select=salesorder", "", "Accept", openAPIType)
	if seller.status != http.StatusOK || strings.Contains(seller.body, "!transform") {
		t.Errorf("a role without invoices sees %d %s", seller.status, seller.body)
	}
	one := send(t, c, caller(RoleAdministrator), http.MethodGet, recordURL+"metadata-catalog/vendor", "", "Accept", openAPIType).decode(t)
	if one["paths"].(map[string]any)["/vendor/{id}"] == nil {
		t.Errorf("one type: %v", one["paths"])
	}
}

func TestMetadataRefusals(t *testing.T) {
	t.Parallel()
	c := open(t)
	for name, tt := range map[string]struct {
		role                   int64
		method, target, accept string
		status                 int
		code, at               string
	}{
		"unknown type":          {3, "GET", "/unicorn", "", 404, "NONEXISTENT_ID", "unicorn"},
		"empty type":            {3, "GET", "/", "", 404, "NONEXISTENT_ID", ""},
		"table":                 {3, "GET", "/rolepermissions", "", 404, "NONEXISTENT_ID", "rolepermissions"},
		"type of another role":  {1001, "GET", "/customer", schemaType, 404, "NONEXISTENT_ID", "customer"},
		"too deep":              {3, "GET", "/customer/item", "", 404, "NONEXISTENT_ID", "item"},
		"unknown selected":      {3, "GET", "?select=customer,unicorn", "", 400, "INVALID_PARAMETER", "select"},
		"selected of another":   {1001, "GET", "?select=customer", openAPIType, 400, "INVALID_PARAMETER", "select"},
		"nothing selected":      {3, "GET", "?select=", "", 400, "INVALID_PARAMETER", "select"},
		"unknown parameter":     {3, "GET", "?limit=5", "", 400, "INVALID_PARAMETER", "limit"},
		"other form":            {3, "GET", "/customer", "text/html", 400, "INVALID_HEADER", "Accept"},
		"broken Accept":         {3, "GET", "/customer", ";;", 400, "INVALID_HEADER", "Accept"},
		"schema of all":         {3, "GET", "", schemaType, 400, "INVALID_HEADER", "Accept"},
		"write":                 {3, "POST", "", "", 405, "METHOD_NOT_ALLOWED", ""},
		"role without REST use": {1002, "GET", "", "", 400, "USER_ERROR", ""},
	} {
		a := send(t, c, caller(tt.role), tt.method, recordURL+"metadata-catalog"+tt.target, "", "Accept", tt.accept)
		if a.status != tt.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		code, _, locator := a.problem(t)
		at := ""
		for _, v := range locator {
			at = v
		}
		if code != tt.code || at != tt.at {
			t.Errorf("%s: %s at %q", name, code, at)
		}
	}
	for _, accept := range []string{"*/*", "text/html, application/*;q=0.5", "application/json; charset=utf-8"} {
		if a := send(t, c, caller(3), http.MethodGet, recordURL+"metadata-catalog/customer", "", "Accept", accept); a.status != http.StatusOK || a.header.Get("Content-Type") != linksType {
			t.Errorf("%s: %d %s", accept, a.status, a.body)
		}
	}
}
