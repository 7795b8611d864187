package netsuitetest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestAsyncDelay: a job moves with the emulator's clock, and belongs to the integration that sent it.
func TestAsyncDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, netsuitetest.Settings{AsyncDelay: 10 * time.Minute})
	tok, base := w.login(w.public), w.host("1234567", "suitetalk")
	const key = "7f3f8a52-32e7-4c4f-9f0e-1f6f9d7a4c11"
	submit := func(bearer string) page {
		return w.call(http.MethodPost, base+"/services/rest/record/v1/customer", bearer, map[string]string{"companyName": "Later Ltd"},
			"Prefer", "respond-async", "X-NetSuite-idempotency-key", key)
	}
	sent := submit(tok.Access)
	job := base + sent.header.Get("Location")
	if sent.status != http.StatusAccepted || !w.last().OK {
		t.Fatalf("%d %s", sent.status, sent.body)
	}
	progress := func() string {
		var v struct{ Progress string }
		if err := json.Unmarshal([]byte(w.call(http.MethodGet, job, tok.Access, nil).body), &v); err != nil {
			t.Fatal(err)
		}
		return v.Progress
	}
	if got := progress(); got != "pending" {
		t.Errorf("at first %s", got)
	}
	w.srv.Clock().Advance(6 * time.Minute)
	if got := progress(); got != "processing" {
		t.Errorf("after six minutes %s", got)
	}
	w.srv.Clock().Advance(4 * time.Minute)
	if got := progress(); got != "succeeded" {
		t.Errorf("after ten minutes %s", got)
	}
	if p := submit(tok.Access); p.status != 400 || p.restError(t) != "IDEMPOTENCY_ERROR" || base+p.header.Get("Location") != job || w.last().OK {
		t.Errorf("again: %d %s", p.status, p.body)
	}
	result := w.call(http.MethodGet, job+"/task/1/result", tok.Access, nil)
	if result.status != http.StatusNoContent || !strings.HasPrefix(result.header.Get("Location"), base+"/services/rest/record/v1/customer/") {
		t.Errorf("result: %d %v", result.status, result.header)
	}
	other := w.login(w.confidential)
	if p := w.call(http.MethodGet, job, other.Access, nil); p.status != 404 {
		t.Errorf("another integration sees %d %s", p.status, p.body)
	}
	if p := submit(other.Access); p.status != http.StatusAccepted {
		t.Errorf("another integration's key: %d %s", p.status, p.body)
	}
	if p := w.call(http.MethodGet, job, "", nil); p.status != 401 {
		t.Errorf("without a token: %d", p.status)
	}
}

func TestAsyncDelayIsNotNegative(t *testing.T) {
	t.Parallel()
	if _, err := netsuitetest.New(netsuitetest.Config{Settings: netsuitetest.Settings{AsyncDelay: -time.Second}}); err == nil || !strings.Contains(err.Error(), "AsyncDelay") {
		t.Errorf("got %v", err)
	}
}

// TestRecordsOfAnAccount: what is written as a record is found by filter, transform, catalogue and SuiteQL.
func TestRecordsOfAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok, records := w.login(w.public), w.host("1234567", "suitetalk")+"/services/rest/record/v1/"
	made := w.call(http.MethodPost, records+"customer", tok.Access, `{"companyName":"Say \"Hi\"","externalId":"hi"}`)
	if made.status != http.StatusNoContent {
		t.Fatalf("%d %s", made.status, made.body)
	}
	list := w.call(http.MethodGet, records+"customer?q="+url.QueryEscape(`companyName IS "say \"hi\""`), tok.Access, nil)
	if !strings.Contains(list.body, made.header.Get("Location")) {
		t.Errorf("filter: %d %s", list.status, list.body)
	}
	order := w.call(http.MethodPost, records+"customer/eid:hi/!transform/salesOrder", tok.Access,
		`{"item":{"items":[{"item":{"id":"203"},"quantity":2,"rate":10}]}}`)
	invoice := w.call(http.MethodPost, order.header.Get("Location")+"/!transform/invoice", tok.Access, nil)
	if invoice.status != http.StatusNoContent || w.last().Rule == "" {
		t.Fatalf("order %d %s, invoice %d %s", order.status, order.body, invoice.status, invoice.body)
	}
	found := w.suiteQL(tok.Access, "SELECT t.type, t.foreigntotal FROM transaction t JOIN customer c ON c.id = t.entity WHERE c.externalid = 'hi' ORDER BY t.id")
	if !strings.Contains(found.body, `"type":"SalesOrd","foreigntotal":"20"`) || !strings.Contains(found.body, `"type":"CustInvc","foreigntotal":"20"`) {
		t.Errorf("SuiteQL: %s", found.body)
	}
	if p := w.call(http.MethodGet, records+"metadata-catalog", tok.Access, nil); p.status != http.StatusOK || !strings.Contains(p.body, `"name":"invoice"`) {
		t.Errorf("catalogue: %d %s", p.status, p.body)
	}
}
