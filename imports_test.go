package suitekey_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// room is a folder, with all that its files (tests apart) may import beside the standard library.
type room struct {
	ours    []string // folders of this module
	modules []string // other modules; a path below one of them counts as it
}

const (
	jose   = "github.com/go-jose/go-jose/v4"
	oauth2 = "golang.org/x/oauth2"
	sync   = "golang.org/x/sync"
	rate   = "golang.org/x/time"
	sqlite = "modernc.org/sqlite"
	pgx    = "github.com/jackc/pgx/v5"
	yaml   = "github.com/goccy/go-yaml"
	mail   = "github.com/wneessen/go-mail"
)

// rooms says who may import whom. What the user of a public package links is short on purpose. Services ask for what they need
// through small interfaces of their own, so none of them sees another, the store or the vault; only app knows all of them.
var rooms = map[string]room{
	".": {ours: []string{"netsuite"}, modules: []string{oauth2}},

	// Public. Client and emulator know nothing of each other, so that each catches the other's mistakes.
	"netsuite":                      {modules: []string{oauth2, jose}},
	"netsuitetest":                  {ours: []string{"netsuitetest/internal/company"}, modules: []string{jose, sqlite, yaml}},
	"netsuitetest/internal/company": {modules: []string{sqlite}},

	// Recorded exchanges, for the tests of client and emulator: it knows neither.
	"wire": {},

	// Words and what stands below the services.
	"internal/broker": {ours: []string{"netsuite"}},
	"internal/store":  {ours: []string{"internal/broker", "internal/private", "netsuite"}, modules: []string{sqlite, pgx, "github.com/pressly/goose/v3"}},
	"internal/vault":  {ours: []string{"internal/broker"}, modules: []string{"github.com/tink-crypto/tink-go/v2", "github.com/zalando/go-keyring"}},
	"internal/audit":  {ours: []string{"internal/broker"}},
	// The engine of background work is known here alone.
	"internal/jobs":       {modules: []string{"github.com/riverqueue/river"}},
	"internal/strictyaml": {modules: []string{yaml}},
	"internal/outbound":   {},
	"internal/private":    {},
	"internal/pkcs11":     {},
	"internal/export":     {ours: []string{"internal/broker", "netsuite"}},

	// Questions to an account, for several services.
	"internal/account": {ours: []string{"internal/broker", "netsuite"}},

	// Services.
	"internal/certificates": {ours: []string{"internal/broker", "netsuite"}},
	"internal/notify":       {ours: []string{"internal/broker", "internal/outbound", "netsuite"}, modules: []string{mail}},
	"internal/onboard":      {ours: []string{"internal/account", "internal/broker", "netsuite"}},
	"internal/rotate":       {ours: []string{"internal/broker", "netsuite"}},
	"internal/replica":      {ours: []string{"internal/broker"}},
	"internal/consents":     {ours: []string{"internal/broker", "netsuite"}},
	"internal/offboard":     {ours: []string{"internal/broker", "netsuite"}, modules: []string{jose}},
	"internal/doctor":       {ours: []string{"internal/account", "internal/broker", "netsuite"}},
	"internal/tokens":       {ours: []string{"internal/broker", "netsuite"}, modules: []string{sync, rate}},

	"internal/migrate": {ours: []string{"internal/broker", "internal/private", "netsuite"}},
	"internal/profile": {ours: []string{"internal/account", "internal/broker", "internal/private", "netsuite"}},

	// Faces.
	"internal/web":               {ours: []string{"internal/broker", "netsuite"}, modules: []string{rate}},
	"internal/web/storybook":     {ours: []string{"internal/web", "internal/broker", "netsuite"}},
	"internal/web/cmd/storybook": {ours: []string{"internal/web", "internal/web/storybook"}},
	"internal/httpapi":           {ours: []string{"internal/broker", "internal/tokens", "netsuite"}},
	"internal/app": {
		ours: []string{
			"internal/audit", "internal/broker", "internal/certificates", "internal/consents", "internal/doctor", "internal/httpapi", "internal/jobs", "internal/notify", "internal/offboard", "internal/onboard",
			"internal/outbound", "internal/replica", "internal/rotate", "internal/store", "internal/tokens", "internal/vault", "internal/web", "netsuite",
		},
		modules: []string{sync},
	},
	// The demo plays the vendor beside a whole server; the customer knows pages and forms only.
	"internal/customer": {modules: []string{"golang.org/x/net"}},
	"internal/demo": {
		ours:    []string{"internal/app", "internal/broker", "internal/customer", "internal/onboard", "internal/vault", "netsuite", "netsuitetest"},
		modules: []string{oauth2, sync},
	},
	"internal/cli": {
		ours: []string{
			"internal/app", "internal/audit", "internal/broker", "internal/demo", "internal/doctor", "internal/export", "internal/migrate", "internal/notify", "internal/offboard", "internal/onboard", "internal/outbound", "internal/pkcs11", "internal/private", "internal/profile", "internal/strictyaml", "internal/tokens",
			".", "internal/vault", "netsuite", "netsuitetest",
		},
		modules: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/cli/browser", "golang.org/x/term"},
	},
	"cmd/suitekey": {ours: []string{"internal/cli"}},
	// A module of its own, built with C.
	"cmd/suitekey-pkcs11": {ours: []string{"internal/pkcs11"}, modules: []string{"github.com/ThalesGroup/crypto11"}},

	// What a reader copies imports the library alone.
	"examples/machine-query":      {ours: []string{"netsuite"}},
	"examples/portal-user":        {ours: []string{"netsuite"}},
	"examples/rotate-certificate": {ours: []string{"netsuite"}},
	"examples/stream-csv":         {ours: []string{"netsuite"}},

	// A client that must know nothing of ours.
	"test/clients/reach": {},

	// For tests only: no room above names them.
	"internal/crash":  {}, // test files alone
	"internal/soak":   {}, // test files alone
	"internal/pgtest": {modules: []string{pgx}},
	"internal/apptest": {ours: []string{
		"internal/app", "internal/broker", "internal/customer", "internal/onboard", "internal/vault", "netsuite", "netsuitetest",
	}},
	"internal/store/storetest": {ours: []string{"internal/store", "internal/broker", "netsuite"}, modules: []string{"github.com/google/go-cmp"}},
	"internal/tokens/tokenstest": {ours: []string{
		"internal/audit", "internal/broker", "internal/certificates", "internal/consents", "internal/doctor", "internal/store", "internal/tokens", "internal/vault", "netsuite",
	}},
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, file := range sources(t) {
		for _, complaint := range badImports(file) {
			t.Error(complaint)
		}
	}
}

// badImports names each import of a file that the table does not allow. Tests may import what they like.
func badImports(file source) []string {
	if file.isTest() {
		return nil
	}
	r, known := rooms[file.folder()]
	if !known {
		return []string{fmt.Sprintf("%s: the folder %q is not in the table of rooms; add a line that says what it may import", file.path, file.folder())}
	}
	var complaints []string
	for _, imported := range file.imports() {
		if !r.allows(imported) {
			complaints = append(complaints, fmt.Sprintf("%s imports %s, which the table of rooms does not allow", file.path, imported))
		}
	}
	return complaints
}

func (r room) allows(imported string) bool {
	if imported == modulePath {
		return slices.Contains(r.ours, ".")
	}
	if ours, found := strings.CutPrefix(imported, modulePath+"/"); found {
		return slices.Contains(r.ours, ours)
	}
	if imported == "C" {
		return false // everything builds without cgo
	}
	if isStandard(imported) {
		return true
	}
	return slices.ContainsFunc(r.modules, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") })
}

// isStandard: paths of the standard library have no dot in their first element.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func TestBadImportsAreSeen(t *testing.T) {
	tests := []struct {
		name, path, imports string
		want                string // part of the complaint; "" for none
	}{
		{"client imports emulator", "netsuite/x.go", modulePath + "/netsuitetest", "netsuite/x.go imports"},
		{"emulator imports client", "netsuitetest/x.go", modulePath + "/netsuite", "netsuitetest/x.go imports"},
		{"company imports emulator", "netsuitetest/internal/company/x.go", modulePath + "/netsuitetest", "does not allow"},
		{"client links a database", "netsuite/x.go", sqlite, "modernc.org/sqlite"},
		{"client with its library", "netsuite/x.go", jose + "/jwt", ""},
		{"a module whose name only begins alike", "netsuite/x.go", jose + "extra", "does not allow"},
		{"service imports store", "internal/onboard/x.go", modulePath + "/internal/store", "internal/store"},
		{"service imports service", "internal/rotate/x.go", modulePath + "/internal/tokens", "internal/tokens"},
		{"pages import vault", "internal/web/x.go", modulePath + "/internal/vault", "internal/vault"},
		{"product imports test help", "internal/store/x.go", modulePath + "/internal/pgtest", "internal/pgtest"},
		{"cgo", "internal/vault/x.go", "C", "imports C"},
		{"standard library", "internal/broker/x.go", "net/http", ""},
		{"new folder", "internal/surprise/x.go", "fmt", `"internal/surprise" is not in the table`},
		{"tests are free", "netsuite/x_test.go", modulePath + "/netsuitetest", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(badImports(parseSource(t, tt.path, fmt.Sprintf("package x\n\nimport _ %q\n", tt.imports))), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
