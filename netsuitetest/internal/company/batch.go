package company

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// This file takes batches apart: up to 100 records of one type in one asynchronous request (H/article_0127092747).

// maxBatch is the most records of a batch.
const maxBatch = 100

const ruleBatch = "a batch is {\"items\": [...]} of 1 to 100 records of one type, sent to the type with Prefer: respond-async and type=collection (H/article_0127092747)"

// isCollection tells whether the body is a collection.
func isCollection(h http.Header) bool {
	_, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && parameters["type"] == "collection"
}

// isBatch tells whether a request is a batch. One that deletes may name the records in the query, without a body,
// as was seen in the field.
func isBatch(r *http.Request) bool {
	return isCollection(r.Header) || r.Method == http.MethodDelete && r.URL.Query().Has("ids")
}

func invalidBatch(reason string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_CONTENT", locator: []string{"o:errorPath", "items"},
		detail: "Invalid content in the request body: " + reason + ".", rule: ruleBatch,
	}
}

func synchronousBatch() *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", "Prefer"},
		detail: "Invalid header value. The header Prefer must be 'respond-async' for a batch.", rule: ruleBatch,
	}
}

// batchTasks makes a task of each record. What is wrong with one record shows in its own result.
func batchTasks(whole task, r *http.Request) ([]*task, *refusal) {
	parts, err := pathParts(r, recordPath)
	if err != nil || len(parts) != 1 || parts[0] == metadataCatalog {
		return nil, invalidBatch("a batch is sent to the address of a record type")
	}
	items, refused := batchItems(whole.body, r)
	if refused != nil {
		return nil, refused
	}
	if len(items) == 0 || len(items) > maxBatch {
		return nil, invalidBatch(fmt.Sprintf("a batch holds 1 to %d records, this one has %d", maxBatch, len(items)))
	}
	var tasks []*task
	for i, item := range items {
		tasks = append(tasks, itemTask(whole, r.URL.EscapedPath(), i, item))
	}
	return tasks, nil
}

// batchItems reads the items of a body, or the parameter ids of a DELETE.
func batchItems(body []byte, r *http.Request) ([]any, *refusal) {
	if ids := r.URL.Query().Get("ids"); ids != "" && r.Method == http.MethodDelete {
		var items []any
		for id := range strings.SplitSeq(ids, ",") {
			items = append(items, map[string]any{"id": id})
		}
		return items, nil
	}
	if _, ok := itemAddress[r.Method]; !ok {
		return nil, invalidBatch("a batch is sent with POST, PATCH, PUT or DELETE")
	}
	object, err := decodeObject(body)
	if err != nil {
		return nil, invalidBatch(`it must be an object such as {"items": [...]}`)
	}
	items, ok := object["items"].([]any)
	if !ok || len(object) > 1 {
		return nil, invalidBatch(`it must be an object with the one member items, an array`)
	}
	return items, nil
}

// itemAddress says how a record of a batch is named: the part of the address behind the type. What names the
// record goes out of the item, but for an external id that stands beside an internal one, which is then a field.
var itemAddress = map[string]func(item map[string]any) (part string, ok bool){
	http.MethodPost:   func(map[string]any) (string, bool) { return "", true },
	http.MethodPatch:  anyID,
	http.MethodDelete: anyID,
	http.MethodPut:    externalID, // upserts know external ids only
}

// anyID is the internal id, which takes precedence, or the external one.
func anyID(item map[string]any) (string, bool) {
	id := idText(item["id"])
	if id == "" {
		return externalID(item)
	}
	delete(item, "id")
	return "/" + url.PathEscape(id), true
}

func externalID(item map[string]any) (string, bool) {
	id, ok := item["externalId"].(string)
	return "/" + externalPrefix + url.PathEscape(id), ok && id != ""
}

// itemTask is the request that would do the same with one record.
func itemTask(whole task, path string, i int, given any) *task {
	t := &task{method: whole.method, header: whole.header.Clone()}
	at := fmt.Sprintf("items[%d]", i)
	item, ok := given.(map[string]any)
	if !ok {
		t.refused = invalidContent(at, "it must be an object")
		return t
	}
	part, ok := itemAddress[whole.method](item)
	if !ok {
		t.refused = invalidContent(at, "it must name its record by id or externalId, and for PUT by externalId")
		t.refused.rule = ruleBatch
		return t
	}
	t.target = path + part
	if whole.method == http.MethodDelete {
		return t
	}
	body, err := json.Marshal(item)
	if err != nil {
		t.refused = asRefusal(err)
	}
	t.body = body
	return t
}
