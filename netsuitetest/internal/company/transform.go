package company

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// This file makes records of others: POST /services/rest/record/v1/salesOrder/<id>/!transform/invoice.

const ruleTransform = "a record becomes another with POST <type>/<id>/!transform/<target>, where SuiteScript's record.transform knows the pair (H/section_157901123882)"

// transformCall completes a call whose address ends in !transform and a target. The caller holds mu.
func (c *Company) transformCall(call recordCall, target string) (recordCall, *refusal) {
	into, ok := c.recordType(target)
	if !ok {
		return recordCall{}, noRecordType(target)
	}
	i := slices.IndexFunc(transforms, func(t transform) bool { return t.from == call.name && t.to == into.name })
	if i < 0 {
		return recordCall{}, &refusal{
			status: http.StatusNotFound, code: "NONEXISTENT_ID", locator: []string{"o:urlPath", shorten(target)},
			detail: "A " + call.name + " cannot be transformed into a " + into.name + ".", rule: ruleTransform,
		}
	}
	call.becomes, call.target = &transforms[i], into
	return call, nil
}

// transformRecord answers 204 and, as for a creation, Location. The body, which may be empty, holds fields of the
// new record.
func (c *Company) transformRecord(w http.ResponseWriter, r *http.Request, call recordCall) error {
	into := recordCall{recordType: call.target, baseURL: call.baseURL}
	given, err := call.readBody(w, r)
	if err != nil {
		return err
	}
	var id int64
	err = c.update(func(tx *sql.Tx) error {
		source, err := call.find(context.Background(), tx)
		if err != nil {
			return err
		}
		id, err = c.transformRow(tx, call, source, given)
		return err
	})
	return answerWritten(w, into, call.choices.WriteStatus, id, err)
}

func (c *Company) transformRow(tx *sql.Tx, call recordCall, source int64, given recordBody) (int64, error) {
	if err := call.becomes.mustBeReady(tx, call, source); err != nil {
		return 0, err
	}
	set, err := call.becomes.carry(tx, call.table, source)
	if err != nil {
		return 0, err
	}
	for _, f := range call.target.fields {
		if f.required && call.becomes.carried[f.column] == "" && given.fields[f.name] == nil {
			return 0, invalidContent(f.name, "it must have a value")
		}
	}
	id, err := c.insertRow(tx, call.target, set)
	if err != nil {
		return 0, err
	}
	if call.becomes.lines && !given.replace {
		if err := copyLines(tx, call.sublist, call.target.sublist, source, id); err != nil {
			return 0, err
		}
	}
	if err := c.updateRecord(tx, call.target, id, given); err != nil {
		return 0, err
	}
	if call.becomes.then == "" {
		return id, nil
	}
	_, err = tx.Exec("UPDATE "+quoteName(call.table)+" SET "+call.becomes.then+" WHERE id = ?", source)
	return id, err
}

// mustBeReady refuses a source in the wrong state, with the words that SuiteScript has for it (a guess).
func (t *transform) mustBeReady(tx *sql.Tx, call recordCall, source int64) error {
	if t.ready == "" {
		return nil
	}
	var ready bool
	err := tx.QueryRow("SELECT coalesce("+t.ready+", FALSE) FROM "+quoteName(call.table)+" WHERE id = ?", source).Scan(&ready)
	if err == nil && !ready {
		return &refusal{
			status: http.StatusBadRequest, code: "USER_ERROR",
			detail: "You can not initialize " + t.to + ": invalid reference " + call.id + ". Its status does not permit the transformation.",
			rule:   "a record is transformed in the states that NetSuite's pages permit (guess)",
		}
	}
	return err
}

// carry reads what the new record takes from the source.
func (t *transform) carry(tx *sql.Tx, table string, source int64) (set columnValues, err error) {
	names := slices.Sorted(maps.Keys(t.carried))
	values := make([]any, len(names))
	pointers := make([]any, len(names))
	var from []string
	for i, name := range names {
		from = append(from, t.carried[name])
		pointers[i] = &values[i]
	}
	err = tx.QueryRow("SELECT "+strings.Join(from, ", ")+" FROM "+quoteName(table)+" WHERE id = ?", source).Scan(pointers...)
	if errors.Is(err, sql.ErrNoRows) {
		return set, notFound(ruleRecordID)
	}
	for i, name := range names {
		set.add(name, values[i])
	}
	return set, err
}

// copyLines gives the new record the lines of the source, with the columns that both kinds of lines have.
func copyLines(tx *sql.Tx, from, to *sublist, source, id int64) error {
	columns := []string{quoteName(to.number)}
	values := slices.Clone(columns)
	for _, f := range to.fields {
		if i := slices.IndexFunc(from.fields, func(other field) bool { return other.column == f.column }); i >= 0 && f.column != to.number {
			columns, values = append(columns, quoteName(f.column)), append(values, quoteName(f.column))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(to.constants)) {
		columns, values = append(columns, quoteName(name)), append(values, quoteText(to.constants[name]))
	}
	_, err := tx.Exec("INSERT INTO "+quoteName(to.table)+" (id, "+quoteName(to.parent)+", "+strings.Join(columns, ", ")+") SELECT "+quoteName(to.number)+", ?, "+
		strings.Join(values, ", ")+" FROM "+quoteName(from.table)+" WHERE "+from.only+" AND "+quoteName(from.parent)+" = ? ORDER BY "+quoteName(from.number), id, source)
	return err
}
