package company

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// This file is the record service: /services/rest/record/v1/<type>[/<id>[/<sublist>]].

// maxRecord bounds the body of a record request; NetSuite takes 104 MB (H/chapter_161251386312).
const maxRecord = 1 << 20

const (
	ruleRecord       = "a record is read with GET, made with POST, changed with PATCH, upserted with PUT eid:, removed with DELETE (H/section_1545141395)"
	ruleRecordType   = "a record type must exist and be visible to the role (H/section_1540810174)"
	ruleRecordRights = "reading a record needs level View of its permission, making Create, changing Edit, removing Full"
	ruleRecordID     = "a record is addressed by its internal id or by eid:<external id> (H/section_1545141395)"
	ruleRecordBody   = "a field must exist and hold a value of its kind (H/section_156570709583)"
)

// recordCall is a request of the record service, as far as its address tells.
type recordCall struct {
	*recordType
	id      string // internal id or eid:...; empty for the collection
	lines   bool   // the sublist is asked for, not the record
	baseURL string
}

// address is the URL of a record.
func (call recordCall) address(id int64) string {
	return call.baseURL + recordPath + call.name + "/" + strconv.FormatInt(id, 10)
}

func (c *Company) serveRecord(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	role, _ := c.Role(caller.Role)
	call, refused := c.recordCall(r, caller)
	if refused == nil {
		refused = call.allowed(r.Method, role)
	}
	if refused != nil {
		return refused.write(w)
	}
	do, allow := c.operation(call, r.Method)
	if do == nil {
		return methodNotAllowed(w, allow, ruleRecord)
	}
	if err := do(w, r, call); err != nil {
		return asRefusal(err).write(w)
	}
	return ruleRecord
}

// operation picks what a method does at this address, or tells which methods are allowed.
func (c *Company) operation(call recordCall, method string) (do func(http.ResponseWriter, *http.Request, recordCall) error, allow string) {
	type operations = map[string]func(http.ResponseWriter, *http.Request, recordCall) error
	var at operations
	switch {
	case call.lines:
		at = operations{http.MethodGet: c.getLines}
	case call.id == "":
		at = operations{http.MethodGet: c.listRecords, http.MethodPost: c.createRecord}
	case strings.HasPrefix(call.id, "eid:"):
		at = operations{http.MethodGet: c.getRecord, http.MethodPut: c.upsertRecord, http.MethodPatch: c.changeRecord, http.MethodDelete: c.deleteRecord}
	default:
		at = operations{http.MethodGet: c.getRecord, http.MethodPatch: c.changeRecord, http.MethodDelete: c.deleteRecord}
	}
	if call.readOnly {
		at = operations{http.MethodGet: at[http.MethodGet]}
	}
	return at[method], strings.Join(slices.Sorted(maps.Keys(at)), ", ")
}

// recordCall reads the address. Its parts are unescaped one by one, since an external id can hold a slash.
func (c *Company) recordCall(r *http.Request, caller Caller) (recordCall, *refusal) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), recordPath), "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return recordCall{}, notFound(ruleRecordID)
		}
		parts[i] = plain
	}
	if prefers(r.Header, "respond-async") {
		return recordCall{}, &refusal{
			status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", "Prefer"},
			detail: "This emulator does not imitate asynchronous requests; leave out Prefer: respond-async.",
			rule:   "the emulator answers record requests synchronously",
		}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	rt, ok := c.recordType(parts[0])
	if !ok {
		return recordCall{}, &refusal{
			status: http.StatusNotFound, code: "NONEXISTENT_ID", locator: []string{"o:urlPath", shorten(parts[0])},
			detail: "Record type '" + shorten(parts[0]) + "' does not exist.", rule: ruleRecordType,
		}
	}
	call := recordCall{recordType: rt, baseURL: caller.BaseURL}
	switch {
	case len(parts) == 1:
		return call, nil
	case parts[1] == "" || len(parts) > 3:
		return recordCall{}, notFound(ruleRecordID)
	case len(parts) == 3 && (rt.sublist == nil || parts[2] != rt.sublist.name):
		return recordCall{}, notFound("a record has the sublists of its type only")
	}
	call.id, call.lines = parts[1], len(parts) == 3
	return call, nil
}

func notFound(rule string) *refusal {
	return &refusal{
		status: http.StatusNotFound, code: "NONEXISTENT_ID",
		detail: "The record instance does not exist. Provide a valid record instance ID.", rule: rule,
	}
}

// levelFor is the permission level that a method needs.
var levelFor = map[string]int{
	http.MethodGet: LevelView, http.MethodPost: LevelCreate, http.MethodPatch: LevelEdit, http.MethodPut: LevelEdit, http.MethodDelete: LevelFull,
}

func (call recordCall) allowed(method string, role Role) *refusal {
	if role.hasAny(call.permissions, levelFor[method]) {
		return nil
	}
	name := permissionNames[call.permissions[0]]
	if name == "" {
		name = call.permissions[0]
	}
	return insufficientPermission("Permission Violation: you need a higher level of the '"+name+"' permission to access this record.", ruleRecordRights)
}

// asRefusal is what to answer for an error of an operation.
func asRefusal(err error) *refusal {
	var refused *refusal
	if errors.As(err, &refused) {
		return refused
	}
	return &refusal{
		status: http.StatusInternalServerError, code: "UNEXPECTED_ERROR", detail: "An unexpected error occurred: " + err.Error(),
		rule: "an error of the emulator itself",
	}
}

// queryer is a transaction or a connection of readers.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// find gives the internal id of the record that the address names.
func (call recordCall) find(ctx context.Context, q queryer) (int64, error) {
	condition, key := "id = ?", any(nil)
	if external, ok := strings.CutPrefix(call.id, "eid:"); ok {
		condition, key = "externalid = ?", external
	} else if n, err := strconv.ParseInt(call.id, 10, 64); err == nil {
		key = n
	} else {
		return 0, notFound(ruleRecordID)
	}
	var id int64
	err := q.QueryRowContext(ctx, "SELECT id FROM "+quoteName(call.table)+" WHERE "+call.where(condition), key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, notFound(ruleRecordID)
	}
	return id, err
}

// Reading

func (c *Company) getRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	only, expand, err := readOptions(r.URL.RawQuery, call.recordType)
	if err != nil {
		return err
	}
	record, err := c.readRecord(r.Context(), call, only, expand)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, resourceType, record)
	return nil
}

// readRecord is a record in its JSON form; only nil means all fields.
func (c *Company) readRecord(ctx context.Context, call recordCall, only map[string]bool, expand bool) (map[string]any, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, err := call.find(ctx, c.read)
	if err != nil {
		return nil, err
	}
	rows, err := c.readRows(ctx, call, call.fields, call.table, "id = ?", id)
	if err != nil {
		return nil, err
	}
	record := rows[0]
	if only != nil {
		maps.DeleteFunc(record, func(name string, _ any) bool { return !only[name] })
	}
	record["id"] = strconv.FormatInt(id, 10)
	record["links"] = []link{{"self", call.address(id)}}
	if call.sublist != nil && only == nil {
		record[call.sublist.name], err = c.linesOf(ctx, call, id, expand)
	}
	return record, err
}

// readOptions reads fields and expandSubResources; expanding makes fields ignored, as connectors report.
func readOptions(rawQuery string, rt *recordType) (only map[string]bool, expand bool, err error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, false, invalidParameter("fields", "Invalid query parameter. The query string cannot be read.")
	}
	for name := range values {
		if name != "fields" && name != "expandSubResources" {
			return nil, false, invalidParameter(name, "Invalid query parameter name '"+shorten(name)+"'. Use fields and expandSubResources.")
		}
	}
	if given := values.Get("expandSubResources"); given != "" {
		if expand, err = strconv.ParseBool(given); err != nil {
			return nil, false, invalidParameter("expandSubResources", "Invalid value of query parameter 'expandSubResources'. Use true or false.")
		}
	}
	if given := values.Get("fields"); given != "" && !expand {
		only = map[string]bool{}
		for name := range strings.SplitSeq(given, ",") {
			if _, ok := rt.field(name); !ok && name != "id" {
				return nil, false, invalidParameter("fields", "Invalid value of query parameter 'fields'. The field '"+shorten(name)+"' does not exist.")
			}
			only[name] = true
		}
	}
	return only, expand, nil
}

func (c *Company) getLines(w http.ResponseWriter, r *http.Request, call recordCall) error {
	lines, err := c.readLines(r.Context(), call)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, collectionType, lines)
	return nil
}

func (c *Company) readLines(ctx context.Context, call recordCall) (map[string]any, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, err := call.find(ctx, c.read)
	if err != nil {
		return nil, err
	}
	return c.linesOf(ctx, call, id, true)
}

// linesOf is a sublist: a link to it, or the lines themselves.
func (c *Company) linesOf(ctx context.Context, call recordCall, id int64, expand bool) (map[string]any, error) {
	lt := call.sublist
	sublist := map[string]any{"links": []link{{"self", call.address(id) + "/" + lt.name}}}
	if !expand {
		return sublist, nil
	}
	items, err := c.readRows(ctx, call, lt.fields, lt.table, lt.only+" AND "+quoteName(lt.parent)+" = ?", id)
	if err != nil {
		return nil, err
	}
	sublist["items"], sublist["totalResults"] = items, len(items)
	return sublist, nil
}

// readRows reads fields of rows of a table in their JSON form. The caller holds mu.
func (c *Company) readRows(ctx context.Context, call recordCall, fields []field, table, where string, args ...any) ([]map[string]any, error) {
	t := c.tables[table]
	var selected []string
	for _, f := range fields {
		column, _ := t.column(f.column)
		selected = append(selected, "t."+quoteName(f.column), displaySQL(column))
	}
	rows, err := c.read.QueryContext(ctx, "SELECT "+strings.Join(selected, ", ")+" FROM "+quoteName(table)+" AS t WHERE "+where+" ORDER BY "+quoteName(t.key), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []map[string]any
	for rows.Next() {
		values := make([]any, len(selected))
		pointers := make([]any, len(selected))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		record := map[string]any{}
		for i, f := range fields {
			column, _ := t.column(f.column)
			if shown := call.show(f, column, values[2*i], values[2*i+1]); shown != nil {
				record[f.name] = shown
			}
		}
		found = append(found, record)
	}
	return found, rows.Err()
}

// displaySQL is the name behind a reference.
func displaySQL(c column) string {
	own := "t." + quoteName(c.name)
	switch {
	case c.ref == nil:
		return "NULL"
	case c.ref.words != nil:
		return wordsSQL(own, c.ref.words)
	}
	return "(SELECT df." + quoteName(c.ref.display) + " FROM " + quoteName(c.ref.table) + " AS df WHERE df.id = " + own + ")"
}

// show is a value in the record service's JSON form.
func (call recordCall) show(f field, c column, value, display any) any {
	switch {
	case value == nil:
		return nil
	case c.ref != nil:
		reference := map[string]any{"id": asText(value), "refName": display}
		if _, ok := standardRecordTypes[c.ref.table]; ok {
			reference["links"] = []link{{"self", call.baseURL + recordPath + c.ref.table + "/" + asText(value)}}
		}
		return reference
	case c.kind == boolean:
		return value == "T"
	case c.kind == date && f.moment:
		return asTime(value).Format("2006-01-02T15:04:05Z") // UTC (H/section_157305090645)
	case c.kind == date:
		return asTime(value).Format("2006-01-02")
	}
	return value
}

// listRecords gives links to the records of a type, a page of them (H/section_1208053111).
func (c *Company) listRecords(w http.ResponseWriter, r *http.Request, call recordCall) error {
	p, refused := pageOf(r.URL.RawQuery)
	if refused != nil {
		return refused
	}
	ids, total, err := c.recordIDs(r.Context(), call, p)
	if err != nil {
		return err
	}
	items := make([]map[string]any, len(ids))
	for i, id := range ids {
		items[i] = map[string]any{"id": strconv.FormatInt(id, 10), "links": []link{{"self", call.address(id)}}}
	}
	writeJSON(w, http.StatusOK, collectionType, map[string]any{
		"links": p.links(total, call.baseURL+recordPath+call.name), "count": len(items), "hasMore": p.offset+int64(len(items)) < total,
		"items": items, "offset": p.offset, "totalResults": total,
	})
	return nil
}

func (c *Company) recordIDs(ctx context.Context, call recordCall, p page) (ids []int64, total int64, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	from := " FROM " + quoteName(call.table) + " WHERE " + call.where("TRUE")
	if err := c.read.QueryRowContext(ctx, "SELECT count(*)"+from).Scan(&total); err != nil {
		return nil, 0, err
	}
	rows, err := c.read.QueryContext(ctx, "SELECT id"+from+" ORDER BY id LIMIT ? OFFSET ?", p.limit, p.offset)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, 0, err
		}
		ids = append(ids, id)
	}
	return ids, total, rows.Err()
}

// Writing. NetSuite answers a creation with 204, no body and Location (H/section_1545141395); that changes
// and upserts do the same is a guess.

func (c *Company) createRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	values, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		id, err = c.insertRecord(tx, call, values)
		return err
	})
	return noContent(w, call, id, err)
}

func (c *Company) changeRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	values, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		if id, err = call.find(context.Background(), tx); err != nil {
			return err
		}
		return c.updateRecord(tx, call, id, values)
	})
	return noContent(w, call, id, err)
}

// upsertRecord changes the record with this external id, or makes it. Sent twice it leaves one record.
func (c *Company) upsertRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	values, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	external := strings.TrimPrefix(call.id, "eid:")
	if external == "" {
		return notFound(ruleRecordID)
	}
	if given, ok := values["externalId"]; ok && given != external {
		return invalidContent("externalId", "it must be the external id of the address, or be left out")
	}
	values["externalId"] = external
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		var missing *refusal
		id, err = call.find(context.Background(), tx)
		if errors.As(err, &missing) {
			id, err = c.insertRecord(tx, call, values)
			return err
		}
		if err != nil {
			return err
		}
		return c.updateRecord(tx, call, id, values)
	})
	return noContent(w, call, id, err)
}

func noContent(w http.ResponseWriter, call recordCall, id int64, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Location", call.address(id))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Company) deleteRecord(w http.ResponseWriter, _ *http.Request, call recordCall) error {
	err := c.update(func(tx *sql.Tx) error {
		id, err := call.find(context.Background(), tx)
		if err != nil {
			return err
		}
		if err := c.mustBeUnused(tx, call.table, id); err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM "+quoteName(call.table)+" WHERE id = ?", id)
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// mustBeUnused refuses to remove what another row points at.
func (c *Company) mustBeUnused(tx *sql.Tx, table string, id int64) error {
	for _, t := range c.tables {
		for _, column := range t.columns {
			if column.ref == nil || column.ref.table != table {
				continue
			}
			var n int
			err := tx.QueryRow("SELECT count(*) FROM "+quoteName(t.name)+" WHERE "+quoteName(column.name)+" = ?", id).Scan(&n)
			if err != nil {
				return err
			}
			if n > 0 {
				return &refusal{
					status: http.StatusBadRequest, code: "USER_ERROR", detail: "This record cannot be deleted because it has dependent records.",
					rule: "a record that others refer to cannot be deleted (guess)",
				}
			}
		}
	}
	return nil
}

func (c *Company) insertRecord(tx *sql.Tx, call recordCall, values map[string]any) (int64, error) {
	for _, f := range call.fields {
		if f.required && values[f.name] == nil {
			return 0, invalidContent(f.name, "it must have a value")
		}
	}
	columns, bound, err := c.columnsOf(tx, call, 0, values)
	if err != nil {
		return 0, err
	}
	columns, bound = append(columns, quoteName(call.created), quoteName(call.modified)), append(bound, c.today(), c.today())
	done, err := tx.Exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)",
		quoteName(call.table), strings.Join(columns, ", "), strings.Repeat(", ?", len(columns)-1)), bound...)
	if err != nil {
		return 0, err
	}
	id, err := done.LastInsertId()
	if err != nil {
		return 0, err
	}
	return id, c.fillDefaults(tx, call, id)
}

// fillDefaults gives columns that the request left empty what the account would give them.
func (c *Company) fillDefaults(tx *sql.Tx, call recordCall, id int64) error {
	set := []string{}
	for _, f := range call.fields {
		column, _ := c.tables[call.table].column(f.column)
		name := quoteName(f.column)
		if value, ok := call.defaults[f.column]; ok {
			set = append(set, name+" = coalesce("+name+", "+value+")")
		} else if column.kind == boolean {
			set = append(set, name+" = coalesce("+name+", 'F')")
		}
	}
	_, err := tx.Exec("UPDATE "+quoteName(call.table)+" SET "+strings.Join(set, ", ")+" WHERE id = ?", id)
	return err
}

func (c *Company) updateRecord(tx *sql.Tx, call recordCall, id int64, values map[string]any) error {
	columns, bound, err := c.columnsOf(tx, call, id, values)
	if err != nil {
		return err
	}
	columns, bound = append(columns, quoteName(call.modified)), append(bound, c.today(), id)
	_, err = tx.Exec("UPDATE "+quoteName(call.table)+" SET "+strings.Join(columns, " = ?, ")+" = ? WHERE id = ?", bound...)
	return err
}

// columnsOf turns the fields of a body into columns and values, and refuses what does not fit. The id is
// that of the record to change, 0 for a new one.
func (c *Company) columnsOf(tx *sql.Tx, call recordCall, id int64, values map[string]any) (columns []string, bound []any, err error) {
	t := c.tables[call.table]
	if t == nil {
		return nil, nil, notFound(ruleRecordType)
	}
	for _, f := range call.fields {
		given, ok := values[f.name]
		if !ok {
			continue
		}
		column, _ := t.column(f.column)
		value, err := fieldValue(tx, f, column, given)
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(t.unique, f.column) {
			if err := mustBeUnique(tx, call, f, id, value); err != nil {
				return nil, nil, err
			}
		}
		columns, bound = append(columns, quoteName(f.column)), append(bound, value)
	}
	return columns, bound, nil
}

// mustBeUnique refuses an external id that another record has. Code and path are a guess.
func mustBeUnique(tx *sql.Tx, call recordCall, f field, id int64, value any) error {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM "+quoteName(call.table)+" WHERE "+quoteName(f.column)+" = ? AND id <> ?", value, id).Scan(&n)
	if err == nil && n > 0 {
		return invalidContent(f.name, "another record has this value already")
	}
	return err
}

func invalidContent(path, reason string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_CONTENT", locator: []string{"o:errorPath", path},
		detail: "Error while accessing a resource. Invalid content in the field '" + path + "': " + reason + ".", rule: ruleRecordBody,
	}
}

// invalidBody is content that is no record at all.
func invalidBody(reason string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_CONTENT",
		detail: "Invalid content in the request body: " + reason + ".", rule: ruleRecordBody,
	}
}

// readBody reads a JSON object with fields of the type.
func (call recordCall) readBody(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRecord))
	if err != nil {
		return nil, invalidBody(fmt.Sprintf("it cannot be read or is longer than %d bytes", maxRecord))
	}
	values, err := decodeObject(content)
	if err != nil {
		return nil, err
	}
	delete(values, "links") // a client may send back what it read
	for name := range values {
		f, ok := call.field(name)
		switch {
		case !ok:
			return nil, invalidContent(shorten(name), "the field does not exist in the record type "+call.name)
		case f.fixed:
			return nil, invalidContent(name, "the field is read only")
		}
	}
	return values, nil
}
