package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/suitekey/suitekey/internal/broker"
)

// errUnstorable: PostgreSQL keeps no text with a NUL or with broken UTF-8, so the store takes none on either engine.
var errUnstorable = errors.New("text must be UTF-8 without NUL characters; remove them")

// asJSON binds a value as JSON text.
type asJSON struct{ value any }

// bind turns arguments into what both drivers keep alike: times into milliseconds, no bytes into empty ones.
func bind(args []any) ([]any, error) {
	bound := make([]any, len(args))
	for i, arg := range args {
		var err error
		if bound[i], err = bindOne(arg); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

func bindOne(arg any) (any, error) {
	switch v := arg.(type) {
	case time.Time:
		return millis(v), nil
	case asJSON:
		text, err := json.Marshal(v.value)
		return string(text), err
	case []byte:
		return keepBytes(v), nil
	case broker.Sealed:
		return keepBytes(v), nil
	}
	if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
		return keepText(v.String())
	}
	return arg, nil
}

func keepText(s string) (string, error) {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", errUnstorable
	}
	return s, nil
}

func keepBytes(b []byte) []byte {
	if b == nil {
		return []byte{} // nil would be NULL
	}
	return b
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// moment scans a time.
type moment struct{ into *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(value any) error {
	ms, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time must be a whole number of milliseconds, got %T", value)
	}
	*m.into = fromMillis(ms)
	return nil
}

// fromJSON scans JSON text. Numbers that end in an untyped field stay as written.
type fromJSON struct{ into any }

// Scan implements sql.Scanner.
func (j fromJSON) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("JSON must be text, got %T", value)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(j.into)
}

// raw scans bytes; empty ones become nil.
type raw struct{ into *[]byte }

// Scan implements sql.Scanner.
func (r raw) Scan(value any) error {
	switch v := value.(type) {
	case []byte:
		*r.into = bytes.Clone(v)
	case string:
		*r.into = []byte(v)
	default:
		return fmt.Errorf("bytes must be bytes, got %T", value)
	}
	if len(*r.into) == 0 {
		*r.into = nil
	}
	return nil
}

func sealed(s *broker.Sealed) raw { return raw{(*[]byte)(s)} }

// querier is a pool or a transaction.
type querier interface {
	within(ctx context.Context, do func(context.Context) error) error
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner is the current row.
type scanner interface{ Scan(into ...any) error }

// list reads all rows of a query.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (found []T, err error) {
	bound, err := bind(args)
	if errors.Is(err, errUnstorable) {
		return nil, nil // what cannot be kept is not there
	}
	if err != nil {
		return nil, err
	}
	err = q.within(ctx, func(ctx context.Context) error {
		found, err = readAll(ctx, q, scan, query, bound)
		return err
	})
	return found, err
}

func readAll[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args []any) (found []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		record, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, record)
	}
	return found, rows.Err()
}

// one reads the only row of a query.
func one[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	found, err := list(ctx, q, scan, query, args...)
	if err == nil && len(found) == 0 {
		err = broker.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

func scanText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

func scanNumber(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}
