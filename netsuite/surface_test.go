package netsuite

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
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
