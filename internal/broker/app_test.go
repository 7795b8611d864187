package broker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
)

// sound is a definition that breaks no rule.
func sound() broker.App {
	a := broker.App{
		Name:        "acme-sync",
		Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: strings.Repeat("a1", 32), Public: true}},
		Scopes:      []string{"rest_webservices"},
		Bundle:      broker.Bundle{ID: 123456, SourceAccount: "TSTDRV1000001"},
		Role:        broker.Role{ScriptID: "customrole_acme_sync"},
		ReturnURLs:  []string{"https://app.acme.example/connected"},
	}
	a.Complete()
	return a
}

func TestAppValidate(t *testing.T) {
	if err := sound().Validate(true); err != nil {
		t.Fatalf("a sound definition is refused: %v", err)
	}
	task := func(method, path string) broker.Task {
		return broker.Task{Name: "t", Request: broker.TaskRequest{Method: method, Path: path}}
	}
	for field, change := range map[string]func(*broker.App){
		"name":                                   func(a *broker.App) { a.Name = "Acme Sync" },
		"display_name":                           func(a *broker.App) { a.DisplayName = "Acme\x00Sync" },
		"integration.consent.client_id":          func(a *broker.App) { a.Integration.Consent.ClientID = "short" },
		"integration.consent.client_secret_file": func(a *broker.App) { a.Integration.Consent.Public = false },
		"integration.m2m.client_id":              func(a *broker.App) { a.Integration.M2M.ClientID = strings.Repeat("z", 64) },
		"integration.certificates_host":          func(a *broker.App) { a.Integration.CertificatesHost = "evil.example" },
		"scopes":                                 func(a *broker.App) { a.Scopes = []string{"restlets"} },
		"bundle.id":                              func(a *broker.App) { a.Bundle.ID = 0 },
		"bundle.source_account":                  func(a *broker.App) { a.Bundle.SourceAccount = "evil.example/" },
		"bundle.health.script":                   func(a *broker.App) { a.Bundle.Health.Script = "482" },
		"role.script_id":                         func(a *broker.App) { a.Role.ScriptID = "administrator" },
		"role.permissions":                       func(a *broker.App) { a.Role.Permissions = map[string]string{"'; DROP": "VIEW"} },
		"role.permissions.LIST_ITEM":             func(a *broker.App) { a.Role.Permissions = map[string]string{"LIST_ITEM": "ALL"} },
		"certificate.key":                        func(a *broker.App) { a.Certificate.Key = "RSA-2048" },
		"certificate.days":                       func(a *broker.App) { a.Certificate.Days = 731 },
		"tasks":                                  func(a *broker.App) { a.Tasks = make([]broker.Task, 21) },
		"tasks[0].request.method":                func(a *broker.App) { a.Tasks = []broker.Task{task("POST", "/services/rest/record/v1/x")} },
		"tasks[0].request.path": func(a *broker.App) {
			a.Tasks = []broker.Task{task("PUT", "/services/rest/record/../auth/oauth2/v1/token")}
		},
		"probe[0].suiteql": func(a *broker.App) { a.Probe = []broker.Probe{{SuiteQL: "DELETE FROM customer"}} },
		"return_urls[0]":   func(a *broker.App) { a.ReturnURLs = []string{"http://127.0.0.1:1/"} },
		"brand.accent":     func(a *broker.App) { a.Brand.Accent = "red;}" },
		"brand.support":    func(a *broker.App) { a.Brand.Support = "javascript:alert(1)" },
	} {
		t.Run(field, func(t *testing.T) {
			a := sound()
			change(&a)
			err := a.Validate(true)
			var coded *broker.Error
			if !errors.As(err, &coded) || coded.Code != broker.CodeAppInvalid || !strings.Contains(err.Error(), `"`+field+`"`) {
				t.Errorf("error = %v, want %s that names the field %q", err, broker.CodeAppInvalid, field)
			}
		})
	}
}

func TestEveryCodeHasASituation(t *testing.T) {
	for code, s := range broker.Situations {
		if s.Status == 0 || s.Title == "" || s.Text == "" || s.Do == "" {
			t.Errorf("%s lacks status, title, text or what to do: %+v", code, s)
		}
	}
}
