package company

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// This file reads records: one, its sublist, and the list of a type.

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
	if call.sublist != nil && (only == nil || only[call.sublist.name]) {
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
			_, ok := rt.field(name)
			if !ok && name != "id" && (rt.sublist == nil || name != rt.sublist.name) {
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
	p, q, err := listOptions(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ids, total, err := c.recordIDs(r.Context(), call, p, q)
	if err != nil {
		return err
	}
	items := make([]map[string]any, len(ids))
	for i, id := range ids {
		items[i] = map[string]any{"id": strconv.FormatInt(id, 10), "links": []link{{"self", call.address(id)}}}
	}
	writeJSON(w, http.StatusOK, collectionType, map[string]any{
		"links": withQuery(p.links(min(total, maxRows), call.baseURL+recordPath+call.name), q),
		"count": len(items), "hasMore": p.offset+int64(len(items)) < min(total, maxRows),
		"items": items, "offset": p.offset, "totalResults": total,
	})
	return nil
}

// listOptions reads limit, offset and q, which is empty when it is not given.
func listOptions(rawQuery string) (p page, q string, err error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return page{}, "", invalidParameter("q", "Invalid query parameter. The query string cannot be read.")
	}
	if given, ok := values["q"]; ok {
		if len(given) > 1 || strings.TrimSpace(given[0]) == "" {
			return page{}, "", invalidFilter("it must be given once and hold a condition")
		}
		q = given[0]
		delete(values, "q")
		rawQuery = values.Encode()
	}
	p, refused := pageOf(rawQuery, false)
	if refused != nil {
		return page{}, "", refused
	}
	return p, q, nil
}

// withQuery keeps the filter in the links to other pages.
func withQuery(links []link, q string) []link {
	if q == "" {
		return links
	}
	for i, l := range links {
		mark := "?"
		if strings.Contains(l.Href, mark) {
			mark = "&"
		}
		links[i].Href += mark + "q=" + url.QueryEscape(q)
	}
	return links
}

func (c *Company) recordIDs(ctx context.Context, call recordCall, p page, q string) (ids []int64, total int64, err error) {
	if q != "" && !call.role.has("REPO_ANALYTICS", LevelView) {
		return nil, 0, insufficientPermission("Permission Violation: you need the 'SuiteAnalytics Workbook' permission to filter records.",
			"filtering with q needs the permission SuiteAnalytics Workbook (H/article_5085602973)")
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	condition, bound := "TRUE", []any(nil)
	if q != "" {
		if condition, bound, err = compileFilter(q, call.recordType, c.tables[call.table]); err != nil {
			return nil, 0, err
		}
	}
	from := " FROM " + quoteName(call.table) + " WHERE " + call.where(condition)
	if err := c.read.QueryRowContext(ctx, "SELECT count(*)"+from, bound...).Scan(&total); err != nil {
		return nil, 0, err
	}
	rows, err := c.read.QueryContext(ctx, "SELECT id"+from+" ORDER BY id LIMIT ? OFFSET ?", append(bound, min(p.limit, maxRows-p.offset), p.offset)...)
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
