package suitekey_test

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The doors of the program: what reaches the network, the environment and the database is found in few places. Each place that
// may use a door stands here with its reason; a file, or a folder when it ends in a slash.
var (
	// Threat model R1: whatever goes to NetSuite passes one guarded transport, and whatever goes to addresses that somebody typed in
	// another one, so nothing else makes a client.
	mayMakeClients = map[string]string{
		"netsuite/transport.go":         "is the guarded transport",
		"internal/outbound/outbound.go": "is the guarded way to webhooks and chats, and never to NetSuite (PX-09)",
		"suitekey.go":                   "asks a suitekey server, never NetSuite",
		"internal/customer/browser.go":  "plays the customer's browser, not the product",
		"test/clients/reach/client.go":  "is a foreign client by Go's default transport",
	}
	mayReadEnvironment = map[string]string{
		"cmd/suitekey/main.go":               "hands arguments and environment to the command line",
		"internal/cli/":                      "is the command line",
		"internal/pkcs11/pkcs11.go":          "hands the helper its environment, without our other secrets",
		"cmd/suitekey-pkcs11/main.go":        "is a program of its own",
		"examples/":                          "are small programs of their own",
		"internal/pgtest/":                   "is for tests, which may name a server of their own",
		"internal/web/cmd/storybook/main.go": "is a command of its own, for people who change a page",
		"test/clients/reach/client.go":       "is a program of its own",
	}
	mayUseSQL = map[string]string{
		"internal/store/":                "contains all of the server's SQL",
		"internal/jobs/":                 "hands the store's pool to its engine, and writes no SQL",
		"netsuitetest/internal/company/": "is the emulator's own database",
		"internal/pgtest/":               "makes the databases of the tests",
	}
)

// use is a door used at a place.
type use struct{ what, line string }

func TestOnlyTheTransportMakesClients(t *testing.T) {
	checkDoor(t, httpClients, mayMakeClients, "send it through netsuite.Site.HTTPClient (threat model R1)")
}

func TestOnlyTheCommandLineReadsTheEnvironment(t *testing.T) {
	checkDoor(t, environmentReads, mayReadEnvironment, "take the value as a parameter")
}

func TestOnlyTheStoreContainsSQL(t *testing.T) {
	checkDoor(t, sqlImports, mayUseSQL, "add a method to package store")
}

// checkDoor fails for each use outside the places allowed, and for each place that does not use the door any more.
func checkDoor(t *testing.T, find func(source) []use, allowed map[string]string, instead string) {
	t.Helper()
	unused := maps.Clone(allowed)
	for _, file := range sources(t) {
		if file.isTest() {
			continue
		}
		for _, u := range find(file) {
			place := placeOf(file.path, allowed)
			if place == "" {
				t.Errorf("%s uses %s; %s", u.line, u.what, instead)
			}
			delete(unused, place)
		}
	}
	for _, place := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("%s is allowed a door that it does not use; remove its line", place)
	}
}

func placeOf(path string, allowed map[string]string) string {
	for place := range allowed {
		if path == place || strings.HasSuffix(place, "/") && strings.HasPrefix(path, place) {
			return place
		}
	}
	return ""
}

// httpClients finds what can send a request of its own: any http.Client or http.Transport that is more than the type of a
// pointer, and the shortcuts of package http.
func httpClients(file source) []use {
	var found []use
	name := file.nameOf("net/http")
	pointers := map[ast.Node]bool{}
	ast.Inspect(file.syntax, func(n ast.Node) bool {
		if star, ok := n.(*ast.StarExpr); ok {
			pointers[star.X] = true
		}
		sel, ok := selected(n, name)
		if !ok {
			return true
		}
		switch sel.Sel.Name {
		case "Client", "Transport":
			if pointers[sel] {
				return true
			}
		case "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm":
		default:
			return true
		}
		found = append(found, use{"http." + sel.Sel.Name, file.line(sel)})
		return true
	})
	return found
}

func environmentReads(file source) []use {
	var found []use
	doors := map[string][]string{"os": {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args"}, "syscall": {"Getenv", "Environ"}}
	ast.Inspect(file.syntax, func(n ast.Node) bool {
		for imported, names := range doors {
			if sel, ok := selected(n, file.nameOf(imported)); ok && slices.Contains(names, sel.Sel.Name) {
				found = append(found, use{imported + "." + sel.Sel.Name, file.line(sel)})
			}
		}
		return true
	})
	for i, imported := range file.imports() {
		if imported == "flag" {
			found = append(found, use{"package flag", file.line(file.syntax.Imports[i])})
		}
	}
	return found
}

func sqlImports(file source) []use {
	var found []use
	for i, imported := range file.imports() {
		if strings.HasPrefix(imported, "database/sql") || strings.HasPrefix(imported, sqlite) || strings.HasPrefix(imported, pgx) {
			found = append(found, use{imported, file.line(file.syntax.Imports[i])})
		}
	}
	return found
}

func TestDoorsAreSeen(t *testing.T) {
	tests := []struct {
		name, text string
		find       func(source) []use
		want       []string
	}{
		{"client literal", `import "net/http"; var c = &http.Client{}`, httpClients, []string{"http.Client"}},
		{"client by new", `import "net/http"; var c = new(http.Client)`, httpClients, []string{"http.Client"}},
		{"client variable", `import "net/http"; var c http.Client`, httpClients, []string{"http.Client"}},
		{"client under another name", `import web "net/http"; var c = web.Client{}`, httpClients, []string{"http.Client"}},
		{"shortcuts", `import "net/http"; var a, b = http.Get, http.DefaultClient`, httpClients, []string{"http.Get", "http.DefaultClient"}},
		{"pointer types and methods", `import "net/http"; func f(c *http.Client) error { _, err := c.Get(""); return err }`, httpClients, nil},
		{"another package named http", `import "example.com/http"; var c http.Client`, httpClients, nil},
		{"environment", `import "os"; var a, b = os.Getenv("A"), os.Args`, environmentReads, []string{"os.Getenv", "os.Args"}},
		{"flags", `import "flag"; var a = flag.String("a", "", "")`, environmentReads, []string{"package flag"}},
		{"files are no environment", `import "os"; var a, _ = os.ReadFile("a")`, environmentReads, nil},
		{"sql", `import ("database/sql"; "github.com/jackc/pgx/v5/pgconn")`, sqlImports, []string{"database/sql", pgx + "/pgconn"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, u := range tt.find(parseSource(t, "x/x.go", "package x; "+tt.text)) {
				got = append(got, u.what)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
