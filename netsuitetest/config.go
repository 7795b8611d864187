package netsuitetest

import (
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// Config is what an emulator starts with. The zero value is useful: a vendor account, a customer with a sandbox,
// the sample bundle, no integration records.
type Config struct {
	// Addr is where Start listens, "127.0.0.1:0" if empty.
	Addr string
	// AllowNonLoopback lets the emulator listen beyond loopback. Anyone who reaches it can log in as anyone: it
	// accepts every password.
	AllowNonLoopback bool
	// CAFile keeps the certificate authority of the proxy mode, see Server.CACertificate, over restarts: its certificate in PEM
	// form, and its key beside it, ending in .key. Both are made when they are not there. Empty = a new one in memory.
	CAFile string

	Settings     Settings
	Integrations []Integration
	Bundles      []Bundle        // on offer for installation; nil = AcmeBundle alone
	Scripts      []Script        // deployed in every account from the start, without a bundle
	Answers      []ScriptAnswer  // canned answers of scripts; see Server.AnswerScript
	Faults       []Fault         // troubles from the start; see Server.AddFault
	Accounts     []AccountConfig // nil = TSTDRV1000001 (vendor), 1234567 and 1234567_SB1

	Now    func() time.Time // base clock, nil = time.Now
	Logger *slog.Logger     // nil = silent
}

// AccountConfig is one NetSuite account.
type AccountConfig struct {
	ID string `yaml:"id"` // as NetSuite prints it: "1234567_SB1"
	// Kind completes an ID given without its suffix or prefix, "1234567", by what the settings rp_suffix and td_prefix say:
	// "release_preview" or "development". Empty = ID is whole. A development account answers 5 requests at once, always
	// (H/section_1504769959).
	Kind   string `yaml:"kind"`
	Name   string `yaml:"name"`   // company name on pages
	Vendor bool   `yaml:"vendor"` // owns integration records and bundles; never the default account
	// RequireApproval is the preference "Require Approval during Auto-Installation of Integration" (H/section_4431829430).
	RequireApproval bool `yaml:"require_approval"`
	// Features switched off or on at the start; the known ones are in Features and all are on by default.
	Features map[string]bool `yaml:"features"`
	// Rows of the seeded company; 0 = the default size.
	Customers   int `yaml:"customers"`
	Items       int `yaml:"items"`
	SalesOrders int `yaml:"sales_orders"`
	// Concurrency is how many requests the account answers at once, REST, SuiteQL and RESTlets together
	// (H/section_1500275531): 5 Standard, 15 Premium, 20 Enterprise and Ultimate, and 10 more for each SuiteCloud Plus
	// licence. 0 = 5; negative = no limit, which NetSuite does not have.
	Concurrency int `yaml:"concurrency"`
	// RateLimit is how many requests the account takes within RateWindow; 0 = no limit. See Account.SetRateLimit.
	RateLimit  int           `yaml:"rate_limit"`
	RateWindow time.Duration `yaml:"rate_window"`

	// What stands in the account at the start beside the seeded company. An account that has any of it is opened at the start.
	Bundles      []int64             `yaml:"bundles"` // installed, by the IDs of Config.Bundles
	Roles        []Role              `yaml:"roles"`
	Employees    []EmployeeConfig    `yaml:"employees"`
	Certificates []CertificateConfig `yaml:"certificates"`
	TBATokens    []TBAToken          `yaml:"tba_tokens"`
}

// EmployeeConfig is somebody in an account at the start. An e-mail address of the seeded company, such as
// integration@globex.example, stands for who has it: the roles are added to those held.
type EmployeeConfig struct {
	Email    string   `yaml:"email"`
	First    string   `yaml:"first"`
	Last     string   `yaml:"last"`
	NoAccess bool     `yaml:"no_access"` // cannot log in
	Roles    []string `yaml:"roles"`     // by script ID
}

// CertificateConfig is a certificate mapped for client credentials at the start, as an administrator would do it by hand.
type CertificateConfig struct {
	ClientID string `yaml:"client_id"` // of an integration record of Config.Integrations
	Employee string `yaml:"employee"`  // e-mail
	Role     string `yaml:"role"`      // script ID
	PEM      string `yaml:"pem"`       // the certificate; its key stays with the client
	File     string `yaml:"file"`      // the name of a file with it, in place of PEM; only in a seed file
}

// What a bundle brings into an account.
type (
	// Bundle is a SuiteBundle of a vendor: a role that nobody holds, scripts, custom record types.
	Bundle = company.Bundle
	// Role is a role with its permissions, by permission key and level 1 (View) to 4 (Full).
	Role = company.Role
	// Script is a script of a bundle with its deployments.
	Script = company.Script
	// Deployment is a script deployment.
	Deployment = company.Deployment
	// RecordType is a custom record type.
	RecordType = company.RecordType
	// Employee is a person, or an integration user, who can log in.
	Employee = company.Employee
)

// Features are the features of an account that the emulator knows, by NetSuite's script IDs.
var Features = []string{"OAUTH2", "RESTWEBSERVICES", "SERVERSIDESCRIPTING", "CUSTOMCODE"}

// featureNames are the labels of the features page.
var featureNames = map[string]string{
	"OAUTH2":              "OAuth 2.0",
	"RESTWEBSERVICES":     "REST Web Services",
	"SERVERSIDESCRIPTING": "Server SuiteScript",
	"CUSTOMCODE":          "Client SuiteScript",
}

const defaultVendor = "TSTDRV1000001"

// AcmeBundle is a sample bundle for demos and tests: role customrole_acme_sync, a health RESTlet
// (customscript_acme_health, customdeploy_acme_health) and the record type customrecord_acme.
func AcmeBundle() Bundle {
	return Bundle{
		ID: 123456, Name: "Acme Sync", Version: "1.4.0", SourceAccount: defaultVendor,
		Role: Role{
			ScriptID: "customrole_acme_sync", Name: "Acme Sync",
			Permissions: map[string]int{
				"ADMI_LOGIN_OAUTH2": 4, "ADMI_RESTWEBSERVICES": 4, "ADMI_MANAGE_OWN_OAUTH2_CERTS": 4, "REPO_ANALYTICS": 4,
				"LIST_CUSTJOB": 4, "LIST_ITEM": 1, "TRAN_SALESORD": 1, "LIST_CUSTRECORDENTRY": 4,
			},
		},
		Scripts: []Script{{
			ScriptID: "customscript_acme_health", Name: "Acme Health", Type: "RESTLET",
			Deployments: []Deployment{{
				ScriptID: "customdeploy_acme_health", Title: "Acme Health", Status: "RELEASED", Deployed: true, AllRoles: true,
			}},
		}},
		RecordTypes: []RecordType{{ScriptID: "customrecord_acme", Name: "Acme Settings", Fields: []string{"custrecord_acme_value"}}},
	}
}

func defaultAccounts() []AccountConfig {
	return []AccountConfig{
		{ID: defaultVendor, Name: "Acme Software (vendor)", Vendor: true},
		{ID: "1234567", Name: "Globex Corporation"},
		{ID: "1234567_SB1", Name: "Globex Corporation - Sandbox 1"},
	}
}

// accountIDs are letters and digits in groups parted by one underscore (hyphen in a host name); H/section_4609939018
// for the sandbox suffix, the rest inferred.
var accountIDs = newForm(`^[A-Z0-9]+(?:_[A-Z0-9]+)*$`)

// canonicalAccount turns either spelling of an account ID into the printed one.
func canonicalAccount(id string) string {
	return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(id)), "-", "_")
}

// hostLabel turns an account ID into its host form.
func hostLabel(id string) string {
	return strings.ReplaceAll(strings.ToLower(id), "_", "-")
}

func (c AccountConfig) check() error {
	if len(c.ID) > 63 || !accountIDs.MatchString(c.ID) {
		return fmt.Errorf("account ID %q: want letters and digits, groups parted by one underscore, at most 63 characters", c.ID)
	}
	for name := range maps.Keys(c.Features) {
		if featureNames[name] == "" {
			return fmt.Errorf("account %s: unknown feature %q, use one of %q", c.ID, name, Features)
		}
	}
	if err := checkRate(c.RateLimit, c.RateWindow); err != nil {
		return fmt.Errorf("account %s: %w", c.ID, err)
	}
	return nil
}

// withID completes and canonicalizes the account ID.
func (c AccountConfig) withID(settings *Settings) (AccountConfig, error) {
	c.ID = canonicalAccount(c.ID)
	switch c.Kind {
	case "":
	case "release_preview":
		c.ID += settings.ReleasePreviewSuffix
	case "development":
		c.ID = settings.DevelopmentPrefix + c.ID
		if c.Concurrency != 0 && c.Concurrency != smallestConcurrency {
			return c, fmt.Errorf("account %s: concurrency: a development account always has %d (H/section_1504769959); leave it out", c.ID, smallestConcurrency)
		}
	default:
		return c, fmt.Errorf("account %s: kind: unknown %q; %s", c.ID, clip(c.Kind), suggest(c.Kind, []string{"release_preview", "development"}))
	}
	return c, nil
}

// furnish puts into the account what stands there at the start.
func (a *Account) furnish() error {
	for _, id := range a.cfg.Bundles {
		if err := a.InstallBundle(id); err != nil {
			return err
		}
	}
	for _, r := range a.cfg.Roles {
		if _, err := a.data().AddRole(r); err != nil {
			return fmt.Errorf("role %q: %w", clip(r.ScriptID), err)
		}
	}
	for _, e := range a.cfg.Employees {
		if err := a.hire(e); err != nil {
			return err
		}
	}
	for _, c := range a.cfg.Certificates {
		if _, err := a.MapCertificate(c.ClientID, c.Employee, c.Role, []byte(c.PEM)); err != nil {
			return fmt.Errorf("certificate of %s: %w", clip(c.Employee), err)
		}
	}
	for _, t := range a.cfg.TBATokens {
		if _, err := a.AddTBAToken(t); err != nil {
			return err
		}
	}
	return nil
}

// hire adds an employee, if nobody has the e-mail, and assigns the roles.
func (a *Account) hire(e EmployeeConfig) error {
	if _, there := a.data().EmployeeByEmail(e.Email); !there {
		if _, err := a.AddEmployee(Employee{Email: e.Email, First: e.First, Last: e.Last, GiveAccess: !e.NoAccess}); err != nil {
			return err
		}
	}
	for _, role := range e.Roles {
		if err := a.AssignRole(e.Email, role); err != nil {
			return err
		}
	}
	return nil
}
