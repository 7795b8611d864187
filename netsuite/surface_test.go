package netsuite

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const surfaceFile = "testdata/surface.txt"

// What others build on is listed in a file, so that a change of it is seen by whoever reads the change.
func TestExportedSurface(t *testing.T) {
	got := exportedSurface(t)
	if *update {
		if err := os.WriteFile(surfaceFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(surfaceFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the exported names changed (-was +is); if that is meant: go test ./netsuite -run Surface -update\n%s", diff)
	}
}

// exportedSurface prints every exported declaration, one after the other in the order of the alphabet.
func exportedSurface(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var decls []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, decl := range file.Decls {
			decls = append(decls, printDecl(t, files, decl)...)
		}
	}
	slices.Sort(decls)
	return strings.Join(decls, "\n") + "\n"
}

// printDecl prints a function, or each type, constant and variable of a group.
func printDecl(t *testing.T, files *token.FileSet, decl ast.Decl) (out []string) {
	t.Helper()
	show := func(prefix string, node any) {
		var b bytes.Buffer
		if err := (&printer.Config{Mode: printer.UseSpaces, Tabwidth: 4}).Fprint(&b, files, node); err != nil {
			t.Fatal(err)
		}
		out = append(out, prefix+b.String())
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		d.Body = nil
		show("", d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				show("type ", s)
			case *ast.ValueSpec:
				s.Values = nil // a value is not what others build on
				show(d.Tok.String()+" ", s)
			}
		}
	}
	return out
}

// shownBy are names without an example of their own, each with the example that shows it.
var shownBy = map[string]string{
	"AccountID":               "ParseAccountID",
	"AccountID.Company":       "ParseAccountID",
	"AccountID.Describe":      "ParseAccountID",
	"AccountID.Environment":   "ParseAccountID",
	"AccountID.HostLabel":     "ParseAccountID",
	"Callback":                "ParseCallback",
	"Callback.Err":            "ParseCallback",
	"Cause":                   "Error_Causes",
	"Certificate":             "API_ListCertificates",
	"Certificate.Active":      "API_ListCertificates",
	"CertificateID":           "NewCertificate",
	"CertificateInfo":         "InspectCertificate",
	"CertificateMatchesKey":   "NewCertificate",
	"CertificateOptions":      "NewCertificate",
	"CertificateStatus":       "CompareCertificate",
	"Claims":                  "ReadClaims",
	"Claims.Kind":             "ReadClaims",
	"CSVOptions":              "WriteCSV",
	"DataCenterURLs":          "Site_DataCenterURLs",
	"EncodePEM":               "NewCertificate",
	"EncodePrivateKeyPEM":     "ParsePrivateKey",
	"Environment":             "ParseAccountID",
	"GovernanceLimits":        "API_GovernanceLimits",
	"GovernanceLimits.Usable": "Governor_SetLimit",
	"Job":                     "API_StartAsync",
	"JobState":                "API_StartAsync",
	"KeyAlgorithm":            "GenerateKey",
	"Lifetime":                "CodeGrant_Lifetime",
	"NameKey":                 "ParsePrivateKey",
	"NewCodeVerifier":         "CodeGrant",
	"NewSecret":               "Secret",
	"NewState":                "CodeGrant",
	"Outcome":                 "API_CreateRecords",
	"ParseKeyAlgorithm":       "GenerateKey",
	"Query":                   "API_Query",
	"ReadSecretFile":          "Secret_WriteFile",
	"RecordOptions":           "API_Record",
	"Row.Lookup":              "Page_UnmarshalJSON",
	"Service":                 "Site",
	"Site.IsEmulator":         "EmulatorSite",
	"Token":                   "ClientCredentials_Token",
	"Token.Claims":            "ClientCredentials_Token",
}

// unshown are names that nobody writes, each with who calls them or what to take.
var unshown = map[string]string{
	"AccountID.String":   "fmt",
	"Environment.String": "fmt",
	"Error.Error":        "fmt",
	"Error.Unwrap":       "errors.Is",
	"Row.MarshalJSON":    "encoding/json",
	"Row.String":         "fmt",
	"Secret.Format":      "fmt",
	"Secret.GobEncode":   "encoding/gob",
	"Secret.GoString":    "fmt",
	"Secret.LogValue":    "log/slog",
	"Secret.MarshalJSON": "encoding/json",
	"Secret.MarshalText": "encoding",
	"Secret.String":      "fmt",
	"Site.String":        "fmt",
	"Site.Transport":     "Site.HTTPClient, which is what most want",
}

// A name has an example of its own, or is used in one of its type's, or stands in one of the lists above.
func TestEveryExportedNameHasAnExample(t *testing.T) {
	shown := readExamples(t)
	for name, example := range shown {
		if example.Output == "" || example.Unordered {
			t.Errorf("Example%s has no output to be checked", name)
		}
	}
	names := exportedNames(t)
	for name, isType := range names {
		own := shown.of(name)
		by, listed := shownBy[name]
		switch {
		case own && (listed || unshown[name] != ""):
			t.Errorf("%s has an example by now; take it off the list", name)
		case listed && (shown[by] == nil || !isType && !shown.uses(by, name)): // a value of a type comes without its name
			t.Errorf("Example%s does not show %s", by, name)
		case !own && !listed && unshown[name] == "":
			t.Errorf("%s has no example", name)
		}
	}
	for _, list := range []map[string]string{shownBy, unshown} {
		for name := range list {
			if _, exported := names[name]; !exported {
				t.Errorf("%s is listed and not exported", name)
			}
		}
	}
}

var surfaceLine = regexp.MustCompile(`(?m)^(func|type) (?:\(\w+ \*?(\w+)\) )?(\w+)`)

// exportedNames are the functions, methods ("Type.Method") and types of the golden file, and which of them are types.
func exportedNames(t *testing.T) map[string]bool {
	t.Helper()
	surface, err := os.ReadFile(surfaceFile)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range surfaceLine.FindAllStringSubmatch(string(surface), -1) {
		switch receiver, name := m[2], m[3]; {
		case receiver == "":
			names[name] = m[1] == "type"
		case ast.IsExported(receiver):
			names[receiver+"."+name] = false
		}
	}
	return names
}

// examples by their names without the word Example.
type examples map[string]*doc.Example

func readExamples(t *testing.T) examples {
	t.Helper()
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := examples{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range doc.Examples(file) {
			shown[example.Name] = example
		}
	}
	return shown
}

// of reports whether a name has an example of its own, or is a method that an example of its type uses, or is a type one of
// whose methods has an example.
func (shown examples) of(name string) bool {
	receiver, _, isMethod := strings.Cut(name, ".")
	if shown[strings.ReplaceAll(name, ".", "_")] != nil {
		return true
	}
	for other := range shown {
		ofType := other == receiver || strings.HasPrefix(other, receiver+"_")
		if ofType && (!isMethod || shown.uses(other, name)) {
			return true
		}
	}
	return false
}

// uses reports whether the example's code calls the function or method.
func (shown examples) uses(example, name string) bool {
	if shown[example] == nil {
		return false
	}
	_, method, isMethod := strings.Cut(name, ".")
	if !isMethod {
		method = name
	}
	found := false
	ast.Inspect(shown[example].Code, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == method {
			operand, _ := selector.X.(*ast.Ident)
			ofPackage := operand != nil && operand.Name == "netsuite"
			found = found || ofPackage != isMethod
		}
		return true
	})
	return found
}
