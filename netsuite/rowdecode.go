package netsuite

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Decode sets the fields of the struct that v points to from the columns of the row. A field takes the column of its
// lower-cased name, or the one that its tag names; the tag "-" leaves it alone, and fields of embedded structs count as
// their own:
//
//	type invoice struct {
//		ID      int64
//		Number  string    `suiteql:"tranid"`
//		Date    time.Time `suiteql:"trandate,1/2/2006"` // behind the comma the layout of time.Parse; see Row.Time
//		Total   *float64  `suiteql:"foreigntotal"`      // nil when null
//		Posted  bool      `suiteql:"posting"`           // "T" or "F"
//	}
//
// Fields are strings, whole numbers, floats, bools, time.Time, types made of these, types with UnmarshalText, and pointers
// to one of them. A column that is null, and one that is not there, which NetSuite does not tell apart, sets a pointer to
// nil and all else to its zero value. Columns without a field are passed over. An error names the field's column and what
// its value is not.
func (r Row) Decode(v any) error {
	pointer := reflect.ValueOf(v)
	if pointer.Kind() != reflect.Pointer || pointer.IsNil() {
		return fmt.Errorf("row decoding: %T is not a pointer to a struct", v)
	}
	plan, err := planFor(pointer.Type().Elem())
	if err != nil {
		return err
	}
	return plan.decode(r, pointer.Elem())
}

// rowPlan are the fields of a struct.
type rowPlan []rowField

type rowField struct {
	column string
	index  []int
	set    setter
}

// setter sets a field from a value that is not null. The error says what the value is not.
type setter func(field reflect.Value, text string) error

func (p rowPlan) decode(r Row, into reflect.Value) error {
	for _, f := range p {
		field := into.FieldByIndex(f.index)
		text, ok := r.Lookup(f.column)
		if !ok {
			field.SetZero()
			continue
		}
		if err := f.set(field, text); err != nil {
			return fmt.Errorf("column %q: %.40q is not %w", f.column, text, err)
		}
	}
	return nil
}

var rowPlans sync.Map // reflect.Type to rowPlan

func planFor(t reflect.Type) (rowPlan, error) {
	if plan, ok := rowPlans.Load(t); ok {
		return plan.(rowPlan), nil
	}
	plan, err := newPlan(t)
	if err != nil {
		return nil, err
	}
	rowPlans.Store(t, plan)
	return plan, nil
}

func newPlan(t reflect.Type) (rowPlan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("row decoding: %s is not a struct", t)
	}
	var plan rowPlan
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("suiteql")
		if !f.IsExported() || tag == "-" || f.Anonymous && !tagged {
			continue
		}
		name, layout, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		set, err := setterFor(f.Type, layout)
		if err == nil && throughPointer(t, f.Index) {
			err = errors.New("an embedded pointer leads to it")
		}
		if err != nil {
			return nil, fmt.Errorf("row decoding: field %s of %s: %w", f.Name, t, err)
		}
		plan = append(plan, rowField{strings.ToLower(name), f.Index, set})
	}
	if plan == nil {
		return nil, fmt.Errorf("row decoding: %s has no exported field to decode into", t)
	}
	return plan, nil
}

// throughPointer reports whether a field belongs to a struct that is embedded by pointer, which may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

var (
	timeType        = reflect.TypeFor[time.Time]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func setterFor(t reflect.Type, layout string) (setter, error) {
	switch {
	case t == timeType:
		return timeSetter(layout), nil
	case t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer:
		return pointerSetter(t, layout)
	case layout != "":
		return nil, fmt.Errorf("the layout %q is for time.Time, not for %s", layout, t)
	case reflect.PointerTo(t).Implements(unmarshalerType):
		return setText, nil
	}
	switch t.Kind() {
	case reflect.String:
		return setString, nil
	case reflect.Bool:
		return setBool, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint, nil
	case reflect.Float32, reflect.Float64:
		return setFloat, nil
	}
	return nil, fmt.Errorf("type %s cannot hold a column; use string, a number, bool, time.Time, a type with UnmarshalText, or a pointer to one", t)
}

func timeSetter(layout string) setter {
	return func(field reflect.Value, text string) error {
		t, err := parseTime(text, layout)
		if err != nil {
			return errors.New(wantTime(layout))
		}
		field.Set(reflect.ValueOf(t))
		return nil
	}
}

func pointerSetter(t reflect.Type, layout string) (setter, error) {
	set, err := setterFor(t.Elem(), layout)
	if err != nil {
		return nil, err
	}
	return func(field reflect.Value, text string) error {
		fresh := reflect.New(t.Elem())
		if err := set(fresh.Elem(), text); err != nil {
			return err
		}
		field.Set(fresh)
		return nil
	}, nil
}

func setText(field reflect.Value, text string) error {
	field.SetZero()
	if err := field.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("a %s: %w", field.Type(), err)
	}
	return nil
}

func setString(field reflect.Value, text string) error {
	field.SetString(text)
	return nil
}

func setBool(field reflect.Value, text string) error {
	b, err := parseBool(text)
	if err != nil {
		return errors.New("either T or F")
	}
	field.SetBool(b)
	return nil
}

func setInt(field reflect.Value, text string) error {
	n, err := strconv.ParseInt(text, 10, field.Type().Bits())
	if err != nil {
		return fmt.Errorf("a whole number of %d bits", field.Type().Bits())
	}
	field.SetInt(n)
	return nil
}

func setUint(field reflect.Value, text string) error {
	n, err := strconv.ParseUint(text, 10, field.Type().Bits())
	if err != nil {
		return fmt.Errorf("a whole number of %d bits that is not negative", field.Type().Bits())
	}
	field.SetUint(n)
	return nil
}

func setFloat(field reflect.Value, text string) error {
	f, err := parseDecimal(text, field.Type().Bits())
	if err != nil {
		return fmt.Errorf("a number of %d bits", field.Type().Bits())
	}
	field.SetFloat(f)
	return nil
}
