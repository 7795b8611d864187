package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/internal/migrate"
	"github.com/suitekey/suitekey/internal/offboard"
)

// printsNoJSON are the commands whose output is not JSON, with what it is.
var printsNoJSON = map[string]string{
	"serve": "the server's log, by setting log_format", "run": "what the program prints", "completion": "a script for a shell",
}

// TestJSONIsDocumented compares docs/json.md with the code: who reads the page must find every command and every member, and no command
// that is not there.
func TestJSONIsDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for member, where := range printedMembers(t) {
		if !strings.Contains(page, "`"+member+"`") {
			t.Errorf("member %q of %s is not in docs/json.md", member, where)
		}
	}
	documented := documentedCommands(page)
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			walk(child)
		}
		path := strings.TrimPrefix(cmd.CommandPath(), "suitekey ")
		if !cmd.HasSubCommands() && cmd.IsAvailableCommand() && !documented[path] && printsNoJSON[path] == "" {
			t.Errorf("%s is not in docs/json.md", path)
		}
		delete(documented, path)
	}
	root := newRoot(&env{})
	walk(root)
	for name := range documented {
		t.Errorf("docs/json.md names %q, which is no command", name)
	}
}

// documentedCommands are the names in the first columns of the tables of commands.
func documentedCommands(page string) map[string]bool {
	_, page, _ = strings.Cut(page, "## Connections")
	names := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`[^|]+"+`) \|`).FindAllStringSubmatch(page, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			command, _, _ := strings.Cut(name[1], " --")
			names[command] = true
		}
	}
	return names
}

// printedMembers are the members of all that commands print as JSON, each with where it stands: the tags and literal maps of this
// package, and the types of others that are printed as they are.
func printedMembers(t *testing.T) map[string]string {
	t.Helper()
	members := map[string]string{}
	for _, value := range []any{broker.AuditLine{}, broker.Revocation{}, broker.Evidence{}, doctor.Check{}, doctor.Finding{}, migrate.Difference{}, offboard.Record{}} {
		of := reflect.TypeOf(value)
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			members[name] = of.String()
		}
	}
	files := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, name := range membersOf(n) {
				members[name] = files.Position(n.Pos()).String()
			}
			return true
		})
	}
	return members
}

// membersOf are the JSON tag of a field, or the keys of a map[string]any.
func membersOf(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.Field:
		if n.Tag == nil {
			return nil
		}
		text, _ := strconv.Unquote(n.Tag.Value)
		name, _, _ := strings.Cut(reflect.StructTag(text).Get("json"), ",")
		if name != "" && name != "-" {
			return []string{name}
		}
	case *ast.CompositeLit:
		if of, is := n.Type.(*ast.MapType); !is || !isAny(of.Value) {
			return nil
		}
		var names []string
		for _, element := range n.Elts {
			if key, is := element.(*ast.KeyValueExpr).Key.(*ast.BasicLit); is {
				name, _ := strconv.Unquote(key.Value)
				names = append(names, name)
			}
		}
		return names
	}
	return nil
}

func isAny(of ast.Expr) bool {
	name, is := of.(*ast.Ident)
	return is && name.Name == "any"
}
