package company

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// This file reads the body of a record request: an object with fields of the type, and the lines of its sublist.

// maxRecord bounds the body of a record request. NetSuite takes 104 MB (H/chapter_161251386312); the emulator
// keeps bodies in memory and takes less.
const maxRecord = 8 << 20

// recordBody is what a request wants to be written.
type recordBody struct {
	fields  map[string]any
	lines   []map[string]any
	replace bool // the lines take the place of those there are
}

// readBody reads a body with fields of the record type.
func (call recordCall) readBody(w http.ResponseWriter, r *http.Request) (recordBody, error) {
	replace, err := call.replaced(r.URL.RawQuery)
	if err != nil {
		return recordBody{}, err
	}
	unknown, err := unknownFields(r.Header, call.choices.PropertyNameValidation)
	if err != nil {
		return recordBody{}, err
	}
	content, err := readContent(w, r)
	if err != nil {
		return recordBody{}, err
	}
	if call.becomes != nil && len(bytes.TrimSpace(content)) == 0 {
		content = []byte("{}") // a transform needs no body
	}
	values, err := decodeObject(content)
	if err != nil {
		return recordBody{}, err
	}
	body, err := call.written().body(values, unknown)
	body.replace = replace
	return body, err
}

// written is the type of the record that the request writes.
func (call recordCall) written() *recordType {
	if call.becomes != nil {
		return call.target
	}
	return call.recordType
}

// readContent reads the bytes of a body, no more than maxRecord.
func readContent(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRecord))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refused := invalidBody(fmt.Sprintf("it is longer than %d bytes, the limit of this emulator", maxRecord))
		refused.rule = "NetSuite takes bodies up to 104 MB, this emulator less (H/chapter_161251386312)"
		return nil, refused
	case err != nil:
		return nil, invalidBody("it breaks off")
	}
	return content, nil
}

// body sorts the members of an object into fields and lines.
func (rt *recordType) body(values map[string]any, unknown fieldPolicy) (recordBody, error) {
	body := recordBody{fields: values}
	delete(values, "links") // a client may send back what it read
	if rt.sublist != nil {
		if given, ok := values[rt.sublist.name]; ok {
			lines, err := rt.sublist.read(given, unknown)
			if err != nil {
				return recordBody{}, err
			}
			body.lines = lines
			delete(values, rt.sublist.name)
		}
	}
	return body, unknown.check(values, rt.fields, "", "the record type "+rt.name)
}

// read reads {"items": [{...}, ...]}.
func (lt *sublist) read(given any, unknown fieldPolicy) ([]map[string]any, error) {
	object, _ := given.(map[string]any)
	items, ok := object["items"].([]any)
	if !ok {
		return nil, invalidContent(lt.name, `it must be an object such as {"items": [...]}`)
	}
	var lines []map[string]any
	for i, item := range items {
		path := fmt.Sprintf("%s.items[%d]", lt.name, i)
		line, ok := item.(map[string]any)
		if !ok {
			return nil, invalidContent(path, "it must be an object")
		}
		delete(line, "links")
		if err := unknown.check(line, lt.fields, path+".", "the sublist "+lt.name); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// fieldPolicy says what becomes of fields that do not exist: Error, Warning or Ignore.
type fieldPolicy string

const propertyNameHeader = "X-NetSuite-PropertyNameValidation"

// unknownFields reads the header that switches the check of names off. The values are those that clients use; a
// warning has no form in an answer here (guesses).
func unknownFields(h http.Header, ifAbsent string) (fieldPolicy, error) {
	given := cmp.Or(h.Get(propertyNameHeader), ifAbsent)
	if i := slices.IndexFunc([]string{"", "Error", "Warning", "Ignore"}, func(v string) bool { return strings.EqualFold(v, given) }); i < 0 {
		return "", &refusal{
			status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", propertyNameHeader},
			detail: "Invalid header value. The header " + propertyNameHeader + " must be Error, Warning or Ignore.",
			rule:   propertyNameHeader + " is Error, Warning or Ignore (guess)",
		}
	}
	return fieldPolicy(strings.ToLower(given)), nil
}

// check refuses fields that do not exist, or drops them, and refuses those that a request cannot set.
func (unknown fieldPolicy) check(values map[string]any, fields []field, path, of string) error {
	for name := range values {
		f, ok := fieldOf(fields, name)
		switch {
		case !ok && (unknown == "warning" || unknown == "ignore"):
			delete(values, name)
		case !ok:
			return invalidContent(path+shorten(name), "the field does not exist in "+of)
		case f.fixed:
			return invalidContent(path+name, "the field is read only")
		}
	}
	return nil
}
