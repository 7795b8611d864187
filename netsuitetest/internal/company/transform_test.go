package company

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestTransformOrderToInvoice(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	order := send(t, c, who, http.MethodGet, recordURL+"salesOrder/10001?expandSubResources=true", "").decode(t)
	a := send(t, c, who, http.MethodPost, recordURL+"salesOrder/10001/!transform/invoice", `{"memo":"May","otherRefNum":"PO-7"}`)
	location := a.header.Get("Location")
	if a.status != http.StatusNoContent || a.body != "" || !strings.HasPrefix(location, testBase+recordURL+"invoice/") || !strings.Contains(a.rule, "H/section_157901123882") {
		t.Fatalf("%d %q %s, rule %s", a.status, location, a.body, a.rule)
	}
	invoice := send(t, c, who, http.MethodGet, strings.TrimPrefix(location, testBase)+"?expandSubResources=true", "").decode(t)
	if fmt.Sprint(invoice["entity"]) != fmt.Sprint(order["entity"]) || invoice["total"] != order["total"] || invoice["memo"] != "May" || invoice["otherRefNum"] != "PO-7" {
		t.Errorf("order   %v\ninvoice %v", order, invoice)
	}
	lines := func(v map[string]any) string {
		item := v["item"].(map[string]any)
		delete(item, "links")
		return fmt.Sprint(item)
	}
	if lines(invoice) != lines(order) {
		t.Errorf("lines of the order   %v\nlines of the invoice %v", order["item"], invoice["item"])
	}
	if from := invoice["createdFrom"].(map[string]any); from["id"] != "10001" || from["refName"] != "SO10001" {
		t.Errorf("created from %v", from)
	}
	if status := invoice["status"].(map[string]any); status["refName"] != "Invoice : Open" {
		t.Errorf("status %v", status)
	}
	rows := rowsOf(t, c, "SELECT t.type, BUILTIN.DF(t.status) s, t.tranid, BUILTIN.DF(t.createdfrom) f FROM transaction t WHERE t.type = 'CustInvc'")
	if fmt.Sprint(rows) != fmt.Sprintf("[map[f:SO10001 s:Invoice : Open tranid:%v type:CustInvc]]", invoice["tranId"]) {
		t.Errorf("SuiteQL sees %v", rows)
	}
	// The order is billed, so it gives no second invoice, and it cannot go while the invoice is there.
	if order := send(t, c, who, http.MethodGet, recordURL+"salesOrder/10001", "").decode(t); order["orderStatus"].(map[string]any)["refName"] != "Sales Order : Billed" {
		t.Errorf("order afterwards %v", order["orderStatus"])
	}
	a = send(t, c, who, http.MethodPost, recordURL+"salesOrder/10001/!transform/invoice", "")
	if code, detail, _ := a.problem(t); a.status != http.StatusBadRequest || code != "USER_ERROR" || !strings.Contains(detail, "invalid reference 10001") {
		t.Errorf("second time: %d %s", a.status, a.body)
	}
	if a = send(t, c, who, http.MethodDelete, recordURL+"salesOrder/10001", ""); a.status != http.StatusBadRequest {
		t.Errorf("delete of the order: %d %s", a.status, a.body)
	}
}

func TestTransformLines(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	body := `{"item":{"items":[{"line":1,"quantity":1,"rate":3},{"item":{"id":"205"},"quantity":2,"rate":4}]}}`
	for query, want := range map[string]string{"": "3 8 3", "?replace=item": "3 8 2"} {
		order := send(t, c, who, http.MethodPost, recordURL+"salesOrder", `{"entity":{"id":"1001"},"item":{"items":[{"item":{"id":"203"}},{"item":{"id":"204"}}]}}`)
		target := strings.TrimPrefix(order.header.Get("Location"), testBase) + "/!transform/cashSale" + query
		sent := body
		if query != "" {
			sent = strings.Replace(body, `"line":1`, `"item":{"id":"203"}`, 1)
		}
		a := send(t, c, who, http.MethodPost, target, sent)
		sale := send(t, c, who, http.MethodGet, strings.TrimPrefix(a.header.Get("Location"), testBase)+"/item", "").decode(t)
		items := sale["items"].([]any)
		first, last := items[0].(map[string]any), items[len(items)-1].(map[string]any)
		if got := fmt.Sprint(first["amount"], last["amount"], len(items)); got != want {
			t.Errorf("%s: %s, want %s: %v", query, got, want, sale)
		}
	}
}

// TestTransformChain goes from a customer to the payment of the invoice.
func TestTransformChain(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	at := recordURL + "customer/eid:crm-2"
	for _, step := range []struct{ target, body string }{
		{"salesOrder", `{"item":{"items":[{"item":{"id":"203"},"quantity":2,"rate":10}]}}`},
		{"itemFulfillment", ""},
	} {
		a := send(t, c, who, http.MethodPost, at+"/!transform/"+step.target, step.body)
		if a.status != http.StatusNoContent {
			t.Fatalf("to %s: %d %s", step.target, a.status, a.body)
		}
		if step.target == "salesOrder" {
			at = strings.TrimPrefix(a.header.Get("Location"), testBase)
		}
	}
	for _, target := range []string{"invoice", "customerPayment"} {
		a := send(t, c, who, http.MethodPost, at+"/!transform/"+target, "")
		if a.status != http.StatusNoContent {
			t.Fatalf("to %s: %d %s", target, a.status, a.body)
		}
		at = strings.TrimPrefix(a.header.Get("Location"), testBase)
	}
	payment := send(t, c, who, http.MethodGet, at, "").decode(t)
	if payment["payment"] != 20.0 || payment["customer"].(map[string]any)["id"] != "1002" {
		t.Errorf("payment %v", payment)
	}
}

func TestTransformRefusals(t *testing.T) {
	t.Parallel()
	c := open(t)
	const count = "SELECT COUNT(*) n FROM transaction"
	before := fmt.Sprint(rowsOf(t, c, count))
	for _, tt := range []struct {
		name         string
		role         int64
		method, path string
		body         string
		status       int
		code, at     string
	}{
		{"no such target", 3, "POST", "salesOrder/10001/!transform/unicorn", "", 404, "NONEXISTENT_ID", "unicorn"},
		{"no such pair", 3, "POST", "salesOrder/10001/!transform/vendor", "", 404, "NONEXISTENT_ID", "vendor"},
		{"backwards", 3, "POST", "invoice/1/!transform/salesOrder", "", 404, "NONEXISTENT_ID", "salesOrder"},
		{"no such record", 3, "POST", "salesOrder/5/!transform/invoice", "", 404, "NONEXISTENT_ID", ""},
		{"record of another type", 3, "POST", "invoice/10001/!transform/creditMemo", "", 404, "NONEXISTENT_ID", ""},
		{"no id", 3, "POST", "salesOrder//!transform/invoice", "", 404, "NONEXISTENT_ID", ""},
		{"no target", 3, "POST", "salesOrder/10001/!transform", "", 404, "NONEXISTENT_ID", ""},
		{"other action", 3, "POST", "salesOrder/10001/!approve/invoice", "", 404, "NONEXISTENT_ID", ""},
		{"read", 3, "GET", "salesOrder/10001/!transform/invoice", "", 405, "METHOD_NOT_ALLOWED", ""},
		{"pending approval", 3, "POST", "salesOrder/10005/!transform/invoice", "", 400, "USER_ERROR", ""},
		{"unknown field", 3, "POST", "salesOrder/10001/!transform/invoice", `{"nope":1}`, 400, "INVALID_CONTENT", "nope"},
		{"no object", 3, "POST", "salesOrder/10001/!transform/invoice", `[]`, 400, "INVALID_CONTENT", ""},
		{"no lines", 3, "POST", "customer/1001/!transform/salesOrder", `{}`, 400, "INVALID_CONTENT", "item"},
		{"no amount", 3, "POST", "customer/1001/!transform/customerPayment", `{}`, 400, "INVALID_CONTENT", "payment"},
		{"bad line", 3, "POST", "salesOrder/10001/!transform/invoice", `{"item":{"items":[{"line":1,"quantity":"x"}]}}`, 400, "INVALID_CONTENT", "item.items[0].quantity"},
		{"replaced by nothing", 3, "POST", "salesOrder/10001/!transform/invoice?replace=item", "", 400, "INVALID_CONTENT", "item"},
		{"unknown parameter", 3, "POST", "salesOrder/10001/!transform/invoice?copy=1", "", 400, "INVALID_PARAMETER", "copy"},
		{"role without the target's permission", 6, "POST", "salesOrder/10001/!transform/invoice", "", 403, "INSUFFICIENT_PERMISSION", ""},
		{"role without the source's permission", 1001, "POST", "salesOrder/10001/!transform/invoice", "", 403, "INSUFFICIENT_PERMISSION", ""},
	} {
		a := send(t, c, caller(tt.role), tt.method, recordURL+tt.path, tt.body)
		if a.status != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, a.status, tt.status, a.body)
			continue
		}
		code, _, locator := a.problem(t)
		at := ""
		for _, v := range locator {
			at = v
		}
		if code != tt.code || at != tt.at {
			t.Errorf("%s: %s at %q, want %s at %q", tt.name, code, at, tt.code, tt.at)
		}
	}
	if after := fmt.Sprint(rowsOf(t, c, count)); after != before {
		t.Errorf("refused transforms left rows: %s, then %s", before, after)
	}
	if order := send(t, c, caller(3), http.MethodGet, recordURL+"salesOrder/10001", "").decode(t); order["orderStatus"].(map[string]any)["id"] != "B" {
		t.Errorf("a refused transform changed the order: %v", order["orderStatus"])
	}
}
