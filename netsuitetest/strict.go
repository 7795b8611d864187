package netsuitetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	yamltoken "github.com/goccy/go-yaml/token"
)

// This file reads YAML that people write by hand, and JSON, which is YAML too: it means exactly what it says, or is refused.

// decodeStrict reads the one document of data into the struct that into points to.
func decodeStrict(data []byte, into any) error {
	if !utf8.Valid(data) || bytes.ContainsFunc(data, unreadable) {
		return errors.New("want UTF-8 text without control characters and byte order mark; save the file as such")
	}
	tokens := lexer.Tokenize(string(data))
	for _, t := range tokens {
		switch t.Type {
		case yamltoken.AnchorType, yamltoken.AliasType, yamltoken.TagType, yamltoken.MergeKeyType, yamltoken.DirectiveType:
			return fmt.Errorf("line %d: %s: anchors, aliases, tags and directives are not read; write the value out", t.Position.Line, clip(t.Value))
		}
	}
	if err := boundDepth(tokens); err != nil {
		return err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return withLine(err)
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return errors.New("empty; give at least one section")
	case len(file.Docs) > 1:
		return errors.New("more than one document; keep one")
	}
	root := file.Docs[0].Body
	if err := checkKeys("", root, reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	return withLine(yaml.NodeToValue(root, into, yaml.Strict()))
}

func unreadable(r rune) bool { return r == '\uFEFF' || r < ' ' && r != '\n' && r != '\r' && r != '\t' }

// maxNesting is how deep values nest, since parsing them is recursive.
const maxNesting = 32

func boundDepth(tokens yamltoken.Tokens) error {
	brackets, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case yamltoken.MappingStartType, yamltoken.SequenceStartType:
			brackets++
		case yamltoken.MappingEndType, yamltoken.SequenceEndType:
			brackets--
		case yamltoken.SequenceEntryType, yamltoken.MappingKeyType:
			inLine++
		}
		if brackets+inLine > maxNesting {
			return fmt.Errorf("line %d: values nest more than %d levels deep", line, maxNesting)
		}
	}
	return nil
}

// withLine puts an error of the YAML library into one line.
func withLine(err error) error {
	if err == nil {
		return nil
	}
	var known yaml.Error
	if !errors.As(err, &known) || known.GetToken() == nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return errors.New(clip(first))
	}
	at := known.GetToken()
	return fmt.Errorf("line %d: %s", at.Position.Line, clip(known.GetMessage()))
}

// checkKeys refuses keys that the type does not know, or that stand twice.
func checkKeys(path string, node ast.Node, t reflect.Type) error {
	switch t {
	case reflect.TypeFor[seedAnswer]():
		return checkEntry[ScriptAnswer](path, node)
	case reflect.TypeFor[seedFault]():
		return checkEntry[Fault](path, node)
	}
	switch n := node.(type) {
	case *ast.SequenceNode:
		if t.Kind() != reflect.Slice {
			return fmt.Errorf("line %d: %s: must not be a list", lineOf(n), path)
		}
		for i, element := range n.Values {
			if err := checkKeys(fmt.Sprintf("%s[%d]", path, i), element, t.Elem()); err != nil {
				return err
			}
		}
	case *ast.MappingNode:
		return checkPairs(path, n.Values, t)
	case *ast.MappingValueNode:
		return checkPairs(path, []*ast.MappingValueNode{n}, t)
	case *ast.NullNode:
		return fmt.Errorf("line %d: %s: has no value; give one, or remove the key", lineOf(n), path)
	default:
		if t.Kind() == reflect.Struct || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			return fmt.Errorf("line %d: %s: want %s", lineOf(n), path, wanted(t))
		}
	}
	return nil
}

func wanted(t reflect.Type) string {
	if t.Kind() == reflect.Slice {
		return "a list"
	}
	return "keys with values"
}

func lineOf(n ast.Node) int { return n.GetToken().Position.Line }

func checkPairs(path string, pairs []*ast.MappingValueNode, t reflect.Type) error {
	known := keysOf(t)
	var seen []string
	for _, pair := range pairs {
		text, ok := pair.Key.(*ast.StringNode)
		if !ok {
			return fmt.Errorf("line %d: %s: a key must be text; put it in quotes", lineOf(pair.Key), path)
		}
		key := text.Value
		at := strings.TrimPrefix(path+"."+clip(key), ".")
		switch {
		case t.Kind() != reflect.Struct && t.Kind() != reflect.Map:
			return fmt.Errorf("line %d: %s: must not have keys", lineOf(pair.Key), path)
		case known != nil && !slices.Contains(known, key):
			return fmt.Errorf("line %d: %s: unknown key; %s", lineOf(pair.Key), at, suggest(key, known))
		case slices.Contains(seen, key):
			return fmt.Errorf("line %d: %s: stands twice", lineOf(pair.Key), at)
		}
		seen = append(seen, key)
		if err := checkValue(at, pair.Value, t, key); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(at string, value ast.Node, t reflect.Type, key string) error {
	if t == reflect.TypeFor[seedSettings]() {
		return checkSetting(key, value)
	}
	if t.Kind() == reflect.Map {
		return checkKeys(at, value, t.Elem())
	}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name == key {
			return checkKeys(at, value, t.Field(i).Type)
		}
	}
	return nil
}

// checkSetting tries a value, so that its line can be named.
func checkSetting(name string, value ast.Node) error {
	var given any
	if err := yaml.NodeToValue(value, &given); err != nil {
		return withLine(err)
	}
	if err := (seedSettings{name: given}).apply(new(Settings)); err != nil {
		return fmt.Errorf("line %d: %w", lineOf(value), err)
	}
	return nil
}

// checkEntry tries an entry that is read as JSON, so that its line can be named.
func checkEntry[T any](path string, entry ast.Node) error {
	var given any
	if err := yaml.NodeToValue(entry, &given); err != nil {
		return withLine(err)
	}
	if _, err := throughJSON[T]([]any{given}); err != nil {
		return fmt.Errorf("line %d: %s: %w", lineOf(entry), path, err)
	}
	return nil
}

// keysOf are the keys that a type knows; nil = any.
func keysOf(t reflect.Type) []string {
	var keys []string
	switch {
	case t == reflect.TypeFor[seedSettings]():
		for _, row := range settingsTable {
			keys = append(keys, row.Name)
		}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
				keys = append(keys, name)
			}
		}
	}
	return keys
}
