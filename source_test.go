package suitekey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/suitekey/suitekey"

// source is one parsed Go file of the module.
type source struct {
	path   string // with slashes, from the module's root: "internal/store/runs.go"
	syntax *ast.File
	fset   *token.FileSet
}

// folder of the file; "." for the module's root.
func (s source) folder() string { return path.Dir(s.path) }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) line(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// parseSource parses one file; text nil reads it from disk.
func parseSource(tb testing.TB, name string, text any) source {
	tb.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, filepath.FromSlash(name), text, parser.SkipObjectResolution)
	if err != nil {
		tb.Fatal(err)
	}
	return source{name, file, fset}
}

// sources parses every Go file of the module, whatever its build tags.
func sources(tb testing.TB) []source {
	tb.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".go"):
			all = append(all, parseSource(tb, filepath.ToSlash(name), nil))
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if len(all) < 20 {
		tb.Fatalf("found %d Go files; the walk does not see the module", len(all))
	}
	return all
}

// imports are the import paths of a file.
func (s source) imports() []string {
	paths := make([]string, 0, len(s.syntax.Imports))
	for _, spec := range s.syntax.Imports {
		p, _ := strconv.Unquote(spec.Path.Value) // the parser accepted it
		paths = append(paths, p)
	}
	return paths
}

// nameOf is the identifier under which a file knows an imported package; "" when it does not import it.
func (s source) nameOf(importPath string) string {
	for i, p := range s.imports() {
		if p != importPath {
			continue
		}
		if name := s.syntax.Imports[i].Name; name != nil {
			return name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// selected returns the selector when n is name.X of the package known as name.
func selected(n ast.Node, name string) (*ast.SelectorExpr, bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || name == "" {
		return nil, false
	}
	x, ok := sel.X.(*ast.Ident)
	return sel, ok && x.Name == name
}
