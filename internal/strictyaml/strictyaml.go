// Package strictyaml reads YAML files that people write by hand and that decide where secrets go. A file means exactly what it
// says, or it is refused.
//
// Decode is the whole of it. It promises that each key of the file is a field of the target, that each value has the field's type
// without any conversion, that no key stands twice, and that a refusal names file, line, key and the nearest known key, and leaves
// the target as it was. Aliases, anchors, tags, merge keys and several documents in a file are refused: settings need none of them.
//
// Not here: rules about values. A field that may be left out, or must look like an address, is the business of its owner.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxSize of a file in bytes.
const MaxSize = 256 << 10

// maxDepth bounds how deep values nest, since reading them is recursive.
const maxDepth = 32

// Error says why a file was refused.
type Error struct {
	// File is the name given to Decode.
	File string
	// Line counts from 1; zero when the whole file is meant.
	Line int
	// Key is the path of the key, such as "tasks[0].request.method"; empty when none is meant.
	Key string
	// Rule is what was broken, and how to mend it.
	Rule string
}

// Error returns file, line, key and rule in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ", line %d", e.Line)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, ", key %q", e.Key)
	}
	b.WriteString(": " + e.Rule)
	return b.String()
}

// Decode reads data, the content of the file called name, into the struct that into points to. Keys are the fields' yaml tags;
// fields may be structs, slices, maps by string, strings, bools, integers and any. Fields whose keys are missing stay as they
// are. Every refusal is an *Error and changes nothing.
func Decode(name string, data []byte, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("strictyaml: Decode into %T, want a pointer to a struct", into))
	}
	d := &decoder{file: name}
	root, err := d.parse(data)
	if err != nil {
		return err
	}
	fresh := reflect.New(target.Elem().Type()).Elem()
	fresh.Set(target.Elem())
	if err := d.decode(place{}, root, fresh); err != nil {
		return err
	}
	target.Elem().Set(fresh)
	return nil
}

type decoder struct{ file string }

func (d *decoder) refuse(line int, key, rule string, args ...any) error {
	return &Error{File: d.file, Line: line, Key: cut(key), Rule: fmt.Sprintf(rule, args...)}
}

// cut shortens a key, so that a huge one does not flood the error.
func cut(key string) string {
	const longest = 120
	if r := []rune(key); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return key
}

// parse returns the value of the only document.
func (d *decoder) parse(data []byte) (ast.Node, error) {
	if err := d.checkBytes(data); err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(string(data))
	if err := d.checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, d.syntaxError(err)
	}
	var root ast.Node
	for _, document := range file.Docs {
		switch {
		case document.Body == nil:
		case root != nil:
			return nil, d.refuse(lineOf(document.Body), "", "a second document begins here; keep one document in a file")
		default:
			root = document.Body
		}
	}
	if root == nil {
		return nil, d.refuse(0, "", "the file is empty")
	}
	return root, nil
}

func (d *decoder) checkBytes(data []byte) error {
	if len(data) > MaxSize {
		return d.refuse(0, "", "the file has %d bytes; it may have at most %d", len(data), MaxSize)
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r == '\uFEFF' || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return d.refuse(1+bytes.Count(data[:i], []byte("\n")), "", "the file must be UTF-8 text without control characters and byte order mark; save it as such")
		}
		i += size
	}
	return nil
}

// checkTokens refuses what no settings file needs before the recursive parser sees it.
func (d *decoder) checkTokens(tokens token.Tokens) error {
	flow, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.AliasType, token.AnchorType:
			return d.refuse(line, "", "anchors (&) and aliases (*) are not allowed; write the value out, or put it in quotes when it is text")
		case token.TagType:
			return d.refuse(line, "", "tags (!) are not allowed; put the value in quotes when it is text")
		case token.MergeKeyType:
			return d.refuse(line, "", "merge keys (<<) are not allowed; write the keys out")
		case token.DirectiveType:
			return d.refuse(line, "", "directives (%%) are not allowed; remove the line")
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			inLine++
		}
		if flow+inLine > maxDepth {
			return d.refuse(line, "", "values nest more than %d levels deep", maxDepth)
		}
	}
	return nil
}

// syntaxError keeps the parser's sentence, without its excerpt of the file, which may hold a secret.
func (d *decoder) syntaxError(err error) error {
	var e yaml.Error
	if !errors.As(err, &e) {
		return d.refuse(0, "", "this is not YAML")
	}
	line := 0
	if t := e.GetToken(); t != nil && t.Position != nil {
		line = t.Position.Line
	}
	return d.refuse(line, "", "this is not YAML: %s", e.GetMessage())
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}
