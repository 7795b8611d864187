package strictyaml

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// place is where in the file a value stands: the path of its key, and how deep that is.
type place struct {
	path  string
	depth int
}

func (p place) key(name string) place {
	if p.path != "" {
		name = p.path + "." + name
	}
	return place{name, p.depth + 1}
}

func (p place) item(i int) place { return place{fmt.Sprintf("%s[%d]", p.path, i), p.depth + 1} }

// decode sets the target to the value of a node.
func (d *decoder) decode(at place, n ast.Node, into reflect.Value) error {
	if at.depth > maxDepth {
		return d.refuse(lineOf(n), at.path, "values nest more than %d levels deep", maxDepth)
	}
	if _, null := n.(*ast.NullNode); null && into.Kind() != reflect.Interface {
		return d.refuse(lineOf(n), at.path, "has no value; give one, or remove the key")
	}
	switch into.Kind() {
	case reflect.Pointer: // a section that may be left out as a whole
		fresh := reflect.New(into.Type().Elem())
		err := d.decode(at, n, fresh.Elem())
		into.Set(fresh)
		return err
	case reflect.Struct:
		return d.decodeStruct(at, n, into)
	case reflect.Map:
		return d.decodeMap(at, n, into)
	case reflect.Slice:
		return d.decodeSlice(at, n, into)
	case reflect.Interface:
		return d.decodeAny(at, n, into)
	}
	return d.decodeScalar(at, n, into)
}

func (d *decoder) decodeStruct(at place, n ast.Node, into reflect.Value) error {
	fields := fieldsOf(into.Type())
	return d.eachKey(at, n, func(e entry) error {
		index, known := fields[e.key]
		if !known {
			return d.refuse(e.line, at.key(e.key).path, "unknown key; %s", suggestion(e.key, fields))
		}
		return d.decode(at.key(e.key), e.value, into.Field(index))
	})
}

func (d *decoder) decodeMap(at place, n ast.Node, into reflect.Value) error {
	fresh := reflect.MakeMap(into.Type())
	err := d.eachKey(at, n, func(e entry) error {
		value := reflect.New(into.Type().Elem()).Elem()
		if err := d.decode(at.key(e.key), e.value, value); err != nil {
			return err
		}
		fresh.SetMapIndex(reflect.ValueOf(e.key).Convert(into.Type().Key()), value)
		return nil
	})
	if err == nil {
		into.Set(fresh)
	}
	return err
}

func (d *decoder) decodeSlice(at place, n ast.Node, into reflect.Value) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return d.wrongType(at, n, "a list")
	}
	fresh := reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values))
	for i, item := range list.Values {
		if err := d.decode(at.item(i), item, fresh.Index(i)); err != nil {
			return err
		}
	}
	into.Set(fresh)
	return nil
}

// decodeAny takes what the file says: text, number, truth value, nothing, list or keys.
func (d *decoder) decodeAny(at place, n ast.Node, into reflect.Value) error {
	var value reflect.Value
	switch n := n.(type) {
	case *ast.NullNode:
		into.SetZero()
		return nil
	case *ast.IntegerNode:
		value = reflect.ValueOf(n.Value)
	case *ast.FloatNode:
		value = reflect.ValueOf(n.Value)
	case *ast.BoolNode:
		value = reflect.ValueOf(n.Value)
	default:
		value = reflect.New(openType(n)).Elem()
		if err := d.decode(at, n, value); err != nil {
			return err
		}
	}
	into.Set(value)
	return nil
}

func openType(n ast.Node) reflect.Type {
	switch n.(type) {
	case *ast.SequenceNode:
		return reflect.TypeFor[[]any]()
	case *ast.MappingNode, *ast.MappingValueNode:
		return reflect.TypeFor[map[string]any]()
	}
	return reflect.TypeFor[string]()
}

func (d *decoder) decodeScalar(at place, n ast.Node, into reflect.Value) error {
	switch kind := into.Kind(); kind {
	case reflect.String:
		text, ok := textOf(n)
		if !ok {
			return d.wrongType(at, n, "text (in quotes, when it looks like a number or a truth value)")
		}
		into.SetString(text)
	case reflect.Bool:
		truth, ok := n.(*ast.BoolNode)
		if !ok {
			return d.wrongType(at, n, "true or false")
		}
		into.SetBool(truth.Value)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number, ok := integerOf(n)
		if !ok || into.OverflowInt(number) {
			return d.wrongType(at, n, "a whole number")
		}
		into.SetInt(number)
	default:
		panic(fmt.Sprintf("strictyaml: a field of kind %s cannot be read from a file", kind))
	}
	return nil
}

func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

func integerOf(n ast.Node) (int64, bool) {
	number, ok := n.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	switch v := number.Value.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= 1<<63-1
	}
	return 0, false
}

func (d *decoder) wrongType(at place, n ast.Node, want string) error {
	return d.refuse(lineOf(n), at.path, "must be %s; got %s", want, kindOf(n))
}

// kindOf names what stands in the file without repeating it: it may be a secret in the wrong place.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "a truth value"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	}
	return "something else"
}

// entry is one key with its value.
type entry struct {
	key   string
	line  int
	value ast.Node
}

// eachKey visits the keys of a node in their order, and refuses nodes without keys, keys that are not text, and keys given twice.
func (d *decoder) eachKey(at place, n ast.Node, visit func(entry) error) error {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return d.wrongType(at, n, "keys with values")
	}
	seen := make(map[string]int, len(pairs))
	for _, pair := range pairs {
		key, ok := textOf(pair.Key)
		line := lineOf(pair.Key)
		if !ok {
			return d.refuse(line, at.path, "a key must be text; put it in quotes")
		}
		if first, twice := seen[key]; twice {
			return d.refuse(line, at.key(key).path, "stands twice; the first one is on line %d", first)
		}
		seen[key] = line
		if err := visit(entry{key, line, pair.Value}); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf maps the keys of a struct to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		if key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); key != "" && key != "-" {
			fields[key] = i
		}
	}
	return fields
}
