package netsuite_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

const usedTokens = "SELECT TBA_App_Name AS app, BUILTIN.DF(Role_Name) AS role FROM oAuthToken WHERE BINACTIVE = 'F' AND BREVOKED = 'F' ORDER BY id"

func TestEmulator_TBAReads(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	api := e.tba(admin, "administrator").API()
	var apps []string
	for row, err := range api.Query(t.Context(), netsuite.Query{SQL: usedTokens}) {
		if err != nil {
			t.Fatal(err)
		}
		apps = append(apps, row.String())
	}
	if len(apps) != 1 || apps[0] != `{"app":"Legacy Integration","role":"Administrator"}` {
		t.Errorf("tokens in use: %v", apps)
	}
	c, err := netsuite.ReadRecord[customer](t.Context(), api, "customer", "eid:crm-2", fields("companyName"))
	if err != nil || c.CompanyName != "Cedar Dental 2" {
		t.Errorf("a record: %+v, %v", c, err)
	}
	if err := drain(api.Records(t.Context(), "customer", `companyName CONTAIN "Books" AND email END_WITH "~1.example"`)); err != nil {
		t.Errorf("a list whose query has to be encoded: %v", err)
	}
	e.installBundle()
	if _, err := api.RESTlet(t.Context(), http.MethodGet, healthScript, healthDeploy, map[string][]string{"q": {"a b", "ü&="}}, nil); err != nil {
		t.Errorf("a RESTlet: %v", err)
	}
	if refused := e.Ledger().Count(func(l netsuitetest.Entry) bool { return !l.OK }); refused != 0 {
		t.Errorf("%d requests were refused", refused)
	}
}

// What might write is refused before anything leaves.
func TestEmulator_TBADoesNotWrite(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	api, ctx := e.tba(admin, "administrator").API(), t.Context()
	cert := must(netsuite.NewCertificate(must(netsuite.GenerateKey(netsuite.P256)), netsuite.CertificateOptions{}))
	object := map[string]string{"companyName": "Hollow"}
	for name, write := range map[string]func() error{
		"create":    func() error { _, err := api.CreateRecord(ctx, "customer", object); return err },
		"update":    func() error { return api.UpdateRecord(ctx, "customer", "1001", object) },
		"upsert":    func() error { _, err := api.UpsertRecord(ctx, "customer", "x", object); return err },
		"delete":    func() error { return api.DeleteRecord(ctx, "customer", "1001") },
		"transform": func() error { _, err := api.TransformRecord(ctx, "salesOrder", "10001", "invoice", nil); return err },
		"job":       func() error { _, err := api.StartAsync(ctx, http.MethodPost, customersAt, object, ""); return err },
		"batch":     func() error { _, err := api.CreateRecords(ctx, "customer", []any{object}, ""); return err },
		"deletions": func() error { _, err := api.DeleteRecords(ctx, "customer", []string{"1001"}, ""); return err },
		"RESTlet": func() error {
			_, err := api.RESTlet(ctx, http.MethodPut, healthScript, healthDeploy, nil, object)
			return err
		},
		"anything": func() error { _, _, err := api.Do(ctx, http.MethodPatch, customersAt+"/1001", object); return err },
		"upload":   func() error { return api.UploadCertificate(ctx, e.app.ClientID, cert, 3, -5) },
		"revoke":   func() error { return api.RevokeCertificate(ctx, e.app.ClientID, "x") },
	} {
		err := write()
		if !errors.Is(err, netsuite.ErrReadOnly) || netsuite.IsTemporary(err) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
	if sent := e.Ledger().Count(func(netsuitetest.Entry) bool { return true }); sent != 0 {
		t.Errorf("%d requests left", sent)
	}
}

func TestEmulator_TBARefusals(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	for name, tt := range map[string]struct {
		change func(*netsuite.TBA)
		trail  string
	}{
		"token secret":      {func(c *netsuite.TBA) { c.TokenSecret = netsuite.NewSecret("wrong-secret") }, "InvalidSignature"},
		"consumer secret":   {func(c *netsuite.TBA) { c.ConsumerSecret = netsuite.NewSecret("wrong-secret") }, "InvalidSignature"},
		"token":             {func(c *netsuite.TBA) { c.TokenID = "0123456789abcdef" }, "TokenRejected"},
		"another's key":     {func(c *netsuite.TBA) { c.ConsumerKey = e.tba(admin, "administrator").ConsumerKey }, "UnknownConsumer"},
		"clock":             {func(c *netsuite.TBA) { c.Now = func() time.Time { return e.Clock().Now().Add(time.Hour) } }, "InvalidTimestamp"},
		"revoked":           {func(c *netsuite.TBA) { must(0, e.account.RevokeTBAToken(c.TokenID)) }, "TokenRejected"},
		"user who has left": {func(*netsuite.TBA) { must(0, e.account.SetEmployeeInactive(admin, true)) }, "EntityOrRoleDisabled"},
	} {
		c := e.tba(admin, "administrator")
		tt.change(c)
		_, err := c.API().SuiteQL(t.Context(), usedTokens, 10, 0)
		if !errors.Is(err, netsuite.ErrLogin) || strings.Contains(err.Error(), "wrong-secret") || strings.Contains(err.Error(), c.TokenID) {
			t.Errorf("%s: %v, want ErrLogin without the secret", name, err)
		}
		if got := lastAudit(e); got != tt.trail {
			t.Errorf("%s: the audit trail says %q, want %s", name, got, tt.trail)
		}
		must(0, e.account.SetEmployeeInactive(admin, false))
	}
}

// From 2027.1 no new token can be made, and those that exist go on.
func TestEmulator_TBAGoesOnAfter2027(t *testing.T) {
	e := startEmulator(t, netsuitetest.Integration{}, netsuitetest.Settings{})
	old := e.tba(admin, "administrator")
	if err := e.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set("release", "2027.1") }); err != nil {
		t.Fatal(err)
	}
	if _, err := e.account.AddTBAToken(netsuitetest.TBAToken{User: admin, Role: "administrator"}); err == nil {
		t.Error("a new token was made")
	}
	page, err := old.API().SuiteQL(t.Context(), usedTokens, 10, 0)
	if err != nil || page.Total != 1 {
		t.Errorf("the old token: %+v, %v", page, err)
	}
}
