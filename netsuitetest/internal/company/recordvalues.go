package company

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file turns the JSON values of a record into those of the database.

// decodeObject reads exactly one JSON object and keeps numbers as they are written.
func decodeObject(content []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil || values == nil {
		return nil, invalidBody("it must be a JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, invalidBody("something follows the JSON object")
	}
	return values, nil
}

// fieldValue checks a value against the kind of its column.
func fieldValue(tx *sql.Tx, f field, c column, given any) (any, error) {
	switch {
	case given == nil:
		if f.required {
			return nil, invalidContent(f.name, "it must have a value")
		}
		return nil, nil
	case c.ref != nil && c.ref.words != nil:
		return codeValue(f, given)
	case c.ref != nil:
		return referenceValue(tx, f, c, given)
	case c.kind == boolean:
		b, ok := given.(bool)
		if !ok {
			return nil, invalidContent(f.name, "it must be true or false")
		}
		return flag(b), nil
	case c.kind == number:
		return numberValue(f, given)
	case c.kind == date:
		return dateValue(f, given)
	}
	return textValue(f, given)
}

func textValue(f field, given any) (any, error) {
	s, ok := given.(string)
	if !ok {
		return nil, invalidContent(f.name, "it must be a string")
	}
	if s == "" && f.required {
		return nil, invalidContent(f.name, "it must have a value")
	}
	return textOrNull(s), nil
}

func numberValue(f field, given any) (any, error) {
	if n, ok := given.(json.Number); ok {
		if v, err := n.Float64(); err == nil && math.Abs(v) < 1e15 {
			return whole(v), nil
		}
	}
	return nil, invalidContent(f.name, "it must be a number")
}

func dateValue(f field, given any) (any, error) {
	s, _ := given.(string)
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return nil, invalidContent(f.name, "it must be a date such as 2026-01-31")
	}
	return dayNumber(t), nil
}

// referenceValue reads {"id": "12"} and looks whether there is such a row. What is wrong with it is told of the field, as in
// Oracle's sample (H/section_156570709583).
func referenceValue(tx *sql.Tx, f field, c column, given any) (any, error) {
	object, ok := given.(map[string]any)
	if !ok {
		return nil, invalidContent(f.name, `it must be an object such as {"id": "1"}`)
	}
	id, err := strconv.ParseInt(idText(object["id"]), 10, 64)
	if err != nil {
		return nil, invalidContent(f.name, "its id must be an internal id")
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM "+quoteName(c.ref.table)+" WHERE id = ?", id).Scan(&n); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, invalidContent(f.name, "there is no "+c.ref.table+" "+strconv.FormatInt(id, 10))
	}
	return id, nil
}

// codeValue reads {"id": "B"} where a field has one of a few codes.
func codeValue(f field, given any) (any, error) {
	object, ok := given.(map[string]any)
	if !ok {
		return nil, invalidContent(f.name, `it must be an object such as {"id": "B"}`)
	}
	code, _ := object["id"].(string)
	if !slices.Contains(f.codes, code) {
		return nil, invalidContent(f.name, "its id must be one of "+strings.Join(f.codes, ", "))
	}
	return code, nil
}

func idText(id any) string {
	switch id := id.(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}
