package company

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file writes records. NetSuite answers a creation with 204, no body and Location (H/section_1545141395);
// that changes and upserts do the same is a guess.

func (c *Company) createRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	given, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		id, err = c.insertRecord(tx, call.recordType, given)
		return err
	})
	return answerWritten(w, call, http.StatusNoContent, id, err)
}

func (c *Company) changeRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	given, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		if id, err = call.find(context.Background(), tx); err != nil {
			return err
		}
		return c.updateRecord(tx, call.recordType, id, given)
	})
	return answerWritten(w, call, call.choices.WriteStatus, id, err)
}

// upsertRecord changes the record with this external id, or makes it. Sent twice it leaves one record.
func (c *Company) upsertRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	given, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	external := strings.TrimPrefix(call.id, externalPrefix)
	if external == "" {
		return notFound(ruleRecordID)
	}
	if other, ok := given.fields["externalId"]; ok && other != external {
		return invalidContent("externalId", "it must be the external id of the address, or be left out")
	}
	given.fields["externalId"] = external
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		var missing *refusal
		id, err = call.find(context.Background(), tx)
		if errors.As(err, &missing) {
			id, err = c.insertRecord(tx, call.recordType, given)
			return err
		}
		if err != nil {
			return err
		}
		return c.updateRecord(tx, call.recordType, id, given)
	})
	return answerWritten(w, call, call.choices.WriteStatus, id, err)
}

// answerWritten answers with the address of the record and no body.
func answerWritten(w http.ResponseWriter, call recordCall, status int, id int64, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Location", call.address(id))
	w.WriteHeader(status)
	return nil
}

func (c *Company) deleteRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	if _, err := call.replaced(r.URL.RawQuery); err != nil {
		return err
	}
	err := c.update(func(tx *sql.Tx) error {
		id, err := call.find(context.Background(), tx)
		if err != nil {
			return err
		}
		if call.sublist != nil {
			if _, err := tx.Exec("DELETE FROM "+quoteName(call.sublist.table)+" WHERE "+quoteName(call.sublist.parent)+" = ?", id); err != nil {
				return err
			}
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

func (c *Company) insertRecord(tx *sql.Tx, rt *recordType, given recordBody) (int64, error) {
	for _, f := range rt.fields {
		if f.required && given.fields[f.name] == nil {
			return 0, invalidContent(f.name, "it must have a value")
		}
	}
	set, err := c.columnsOf(tx, rt, 0, given.fields)
	if err != nil {
		return 0, err
	}
	id, err := c.insertRow(tx, rt, set)
	if err != nil {
		return 0, err
	}
	return id, c.settle(tx, rt, id, given)
}

// insertRow makes the row of a new record.
func (c *Company) insertRow(tx *sql.Tx, rt *recordType, set columnValues) (int64, error) {
	for _, name := range slices.Sorted(maps.Keys(rt.constants)) {
		set.add(name, rt.constants[name])
	}
	set.add(rt.created, c.today())
	set.add(rt.modified, c.today())
	return set.insert(tx, rt.table)
}

func (c *Company) updateRecord(tx *sql.Tx, rt *recordType, id int64, given recordBody) error {
	set, err := c.columnsOf(tx, rt, id, given.fields)
	if err != nil {
		return err
	}
	set.add(rt.modified, c.today())
	if err := set.update(tx, rt.table, "id", id); err != nil {
		return err
	}
	return c.settle(tx, rt, id, given)
}

// settle writes the lines of a record whose own row is written, and works out what follows from both.
func (c *Company) settle(tx *sql.Tx, rt *recordType, id int64, given recordBody) error {
	if err := c.fillDefaults(tx, rt.table, "id", id, rt.fields, rt.defaults); err != nil {
		return err
	}
	if err := c.writeLines(tx, rt.sublist, id, given); err != nil {
		return err
	}
	for _, statement := range rt.settled {
		if _, err := tx.Exec(statement, id); err != nil {
			return err
		}
	}
	if rt.balanced == "" {
		return nil
	}
	var balanced bool
	if err := tx.QueryRow("SELECT "+rt.balanced, id).Scan(&balanced); err != nil {
		return err
	}
	if !balanced {
		return &refusal{
			status: http.StatusBadRequest, code: "USER_ERROR", detail: "The " + rt.name + " cannot be saved: " + rt.unbalanced + ".",
			rule: "a record must be in balance (guess)",
		}
	}
	return nil
}

// fillDefaults gives columns that the request left empty what the account would give them.
func (c *Company) fillDefaults(tx *sql.Tx, table, key string, id int64, fields []field, defaults map[string]string) error {
	var set []string
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		set = append(set, quoteName(name)+" = coalesce("+quoteName(name)+", "+defaults[name]+")")
	}
	for _, f := range fields {
		column, _ := c.tables[table].column(f.column)
		if _, given := defaults[f.column]; !given && column.kind == boolean {
			set = append(set, quoteName(f.column)+" = coalesce("+quoteName(f.column)+", 'F')")
		}
	}
	if set == nil {
		return nil
	}
	_, err := tx.Exec("UPDATE "+quoteName(table)+" SET "+strings.Join(set, ", ")+" WHERE "+quoteName(key)+" = ?", id)
	return err
}

// columnValues are the columns of one row and what they get.
type columnValues struct {
	names []string
	bound []any
}

func (set *columnValues) add(name string, value any) {
	set.names, set.bound = append(set.names, quoteName(name)), append(set.bound, value)
}

func (set *columnValues) insert(tx *sql.Tx, table string) (int64, error) {
	done, err := tx.Exec("INSERT INTO "+quoteName(table)+" ("+strings.Join(set.names, ", ")+") VALUES (?"+strings.Repeat(", ?", len(set.names)-1)+")", set.bound...)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

func (set *columnValues) update(tx *sql.Tx, table, key string, id int64) error {
	if len(set.names) == 0 {
		return nil
	}
	_, err := tx.Exec("UPDATE "+quoteName(table)+" SET "+strings.Join(set.names, " = ?, ")+" = ? WHERE "+quoteName(key)+" = ?", append(set.bound, id)...)
	return err
}

// columnsOf turns the fields of a body into columns and values, and refuses what does not fit. The id is
// that of the record to change, 0 for a new one.
func (c *Company) columnsOf(tx *sql.Tx, rt *recordType, id int64, values map[string]any) (set columnValues, err error) {
	t := c.tables[rt.table]
	if t == nil {
		return set, notFound(ruleRecordType) // a bundle took the type away meanwhile
	}
	for _, f := range rt.fields {
		given, ok := values[f.name]
		if !ok {
			continue
		}
		column, _ := t.column(f.column)
		value, err := fieldValue(tx, f, column, given)
		if err != nil {
			return set, err
		}
		if slices.Contains(t.unique, f.column) {
			if err := mustBeUnique(tx, rt, f, id, value); err != nil {
				return set, err
			}
		}
		set.add(f.column, value)
	}
	return set, nil
}

// mustBeUnique refuses an external id that another record has, also one of another type in the same table, such
// as another kind of transaction. Code and path are a guess.
func mustBeUnique(tx *sql.Tx, rt *recordType, f field, id int64, value any) error {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM "+quoteName(rt.table)+" WHERE "+quoteName(f.column)+" = ? AND id <> ?", value, id).Scan(&n)
	if err == nil && n > 0 {
		return invalidContent(f.name, "another record has this value already")
	}
	return err
}

// Lines

// writeLines makes the lines of a body, or changes those that a body names by their number. With replace the
// lines there were are gone first (H/section_157901123882 names the parameter's use for transforms).
func (c *Company) writeLines(tx *sql.Tx, lt *sublist, record int64, given recordBody) error {
	if lt == nil {
		return nil
	}
	if given.replace {
		if _, err := tx.Exec("DELETE FROM "+quoteName(lt.table)+" WHERE "+lt.only+" AND "+quoteName(lt.parent)+" = ?", record); err != nil {
			return err
		}
	}
	for i, line := range given.lines {
		if err := c.writeLine(tx, lt, record, fmt.Sprintf("%s.items[%d].", lt.name, i), line); err != nil {
			return err
		}
	}
	if !lt.required {
		return nil
	}
	var n int
	err := tx.QueryRow("SELECT count(*) FROM "+quoteName(lt.table)+" WHERE "+lt.only+" AND "+quoteName(lt.parent)+" = ?", record).Scan(&n)
	if err == nil && n == 0 {
		return invalidContent(lt.name, "the record must have at least one line")
	}
	return err
}

func (c *Company) writeLine(tx *sql.Tx, lt *sublist, record int64, path string, values map[string]any) error {
	key, err := c.lineKey(tx, lt, record, path, values)
	if err != nil {
		return err
	}
	set, err := c.lineColumns(tx, lt, path, values, key == 0)
	if err != nil {
		return err
	}
	if key == 0 {
		if key, err = c.insertLine(tx, lt, record, set); err != nil {
			return err
		}
	} else if err := set.update(tx, lt.table, c.tables[lt.table].key, key); err != nil {
		return err
	}
	return c.fillDefaults(tx, lt.table, c.tables[lt.table].key, key, lt.fields, lt.defaults)
}

// lineKey finds the row of the line that values name by its number; 0 means a new line.
func (c *Company) lineKey(tx *sql.Tx, lt *sublist, record int64, path string, values map[string]any) (key int64, err error) {
	given := values["line"]
	if given == nil {
		return 0, nil
	}
	number, ok := given.(json.Number)
	if !ok {
		return 0, invalidContent(path+"line", "it must be the number of a line")
	}
	err = tx.QueryRow("SELECT "+quoteName(c.tables[lt.table].key)+" FROM "+quoteName(lt.table)+" WHERE "+lt.only+
		" AND "+quoteName(lt.parent)+" = ? AND "+quoteName(lt.number)+" = ?", record, number.String()).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return key, err
}

// lineColumns turns the fields of a line into columns and values.
func (c *Company) lineColumns(tx *sql.Tx, lt *sublist, path string, values map[string]any, isNew bool) (set columnValues, err error) {
	for _, f := range lt.fields {
		given, ok := values[f.name]
		again := slices.ContainsFunc(f.derived, func(name string) bool { _, changed := values[name]; return changed })
		named := f
		named.name = path + f.name
		switch {
		case isNew && f.required && given == nil:
			return set, invalidContent(named.name, "it must have a value")
		case f.column == lt.number:
			continue // the record counts its lines
		case ok:
			column, _ := c.tables[lt.table].column(f.column)
			value, err := fieldValue(tx, named, column, given)
			if err != nil {
				return set, err
			}
			set.add(f.column, value)
		case again:
			set.add(f.column, nil)
		}
	}
	return set, nil
}

func (c *Company) insertLine(tx *sql.Tx, lt *sublist, record int64, set columnValues) (int64, error) {
	var number int64
	err := tx.QueryRow("SELECT coalesce(max("+quoteName(lt.number)+"), 0) + 1 FROM "+quoteName(lt.table)+" WHERE "+quoteName(lt.parent)+" = ?", record).Scan(&number)
	if err != nil {
		return 0, err
	}
	set.add(lt.parent, record)
	set.add(lt.number, number)
	for _, name := range slices.Sorted(maps.Keys(lt.constants)) {
		set.add(name, lt.constants[name])
	}
	if _, has := c.tables[lt.table].column("id"); has {
		set.add("id", number)
	}
	return set.insert(tx, lt.table)
}

// Refusals

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

// replaced reads the query parameter replace, the name of a sublist whose lines the body replaces.
func (call recordCall) replaced(rawQuery string) (bool, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return false, invalidParameter("replace", "Invalid query parameter. The query string cannot be read.")
	}
	for name := range values {
		if name != "replace" {
			return false, invalidParameter(name, "Invalid query parameter name '"+shorten(name)+"'. Use replace, with the name of a sublist.")
		}
	}
	name := values.Get("replace")
	into := call.written()
	if name != "" && (into.sublist == nil || name != into.sublist.name) {
		return false, invalidParameter("replace", "Invalid value of query parameter 'replace'. The sublist '"+shorten(name)+"' does not exist.")
	}
	return name != "", nil
}
