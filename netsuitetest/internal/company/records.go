package company

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// This file is the door of the record service: /services/rest/record/v1/<type>[/<id>[/<sublist>]]. It reads the
// address, asks for the permission and picks the operation.

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
	id      string     // internal id or eid:...; empty for the collection
	lines   bool       // the sublist is asked for, not the record
	becomes *transform // the record is the source of a transform
	target  *recordType
	role    Role
	baseURL string
	choices Choices
}

// address is the URL of a record.
func (call recordCall) address(id int64) string {
	return call.baseURL + recordPath + call.name + "/" + strconv.FormatInt(id, 10)
}

func (c *Company) serveRecord(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	switch parts, err := pathParts(r, recordPath); {
	case err != nil:
		return notFound(ruleRecordID).write(w)
	case prefers(r.Header, respondAsync):
		return c.submitJob(w, r, caller)
	case isCollection(r.Header):
		return synchronousBatch().write(w)
	case parts[0] == metadataCatalog:
		return c.serveMetadata(w, r, caller, parts[1:])
	default:
		return c.serveRecordOperation(w, r, caller, parts)
	}
}

func (c *Company) serveRecordOperation(w http.ResponseWriter, r *http.Request, caller Caller, parts []string) (rule string) {
	call, refused := c.recordCall(parts, caller)
	if refused == nil {
		refused = call.allowed(r.Method)
	}
	if refused != nil {
		return refused.write(w)
	}
	at := c.operations(call)
	do := at[r.Method]
	if do == nil {
		return methodNotAllowed(w, strings.Join(slices.Sorted(maps.Keys(at)), ", "), call.rule())
	}
	if err := do(w, r, call); err != nil {
		return asRefusal(err).write(w)
	}
	return call.rule()
}

func (call recordCall) rule() string {
	if call.becomes != nil {
		return ruleTransform
	}
	return ruleRecord
}

// operations are what the methods do at this address.
func (c *Company) operations(call recordCall) map[string]func(http.ResponseWriter, *http.Request, recordCall) error {
	type operations = map[string]func(http.ResponseWriter, *http.Request, recordCall) error
	var at operations
	switch {
	case call.becomes != nil:
		return operations{http.MethodPost: c.transformRecord}
	case call.lines:
		at = operations{http.MethodGet: c.getLines}
	case call.id == "":
		at = operations{http.MethodGet: c.listRecords, http.MethodPost: c.createRecord}
	case strings.HasPrefix(call.id, externalPrefix):
		at = operations{http.MethodGet: c.getRecord, http.MethodPut: c.upsertRecord, http.MethodPatch: c.changeRecord, http.MethodDelete: c.deleteRecord}
	default:
		at = operations{http.MethodGet: c.getRecord, http.MethodPatch: c.changeRecord, http.MethodDelete: c.deleteRecord}
	}
	if call.readOnly {
		at = operations{http.MethodGet: at[http.MethodGet]}
	}
	return at
}

// pathParts are the parts of the address behind prefix. They are unescaped one by one, since an external id can
// hold a slash.
func pathParts(r *http.Request, prefix string) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), prefix), "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		parts[i] = plain
	}
	return parts, nil
}

// recordCall reads the address: type, type/id, type/id/sublist or type/id/!transform/target.
func (c *Company) recordCall(parts []string, caller Caller) (recordCall, *refusal) {
	role, _ := c.Role(caller.Role)
	c.mu.RLock()
	defer c.mu.RUnlock()
	rt, ok := c.recordType(parts[0])
	if !ok {
		return recordCall{}, noRecordType(parts[0])
	}
	call := recordCall{recordType: rt, role: role, baseURL: caller.BaseURL, choices: c.choices()}
	if len(parts) > 1 {
		call.id = parts[1]
	}
	switch {
	case len(parts) == 1:
		return call, nil
	case call.id == "":
		return recordCall{}, notFound(ruleRecordID)
	case len(parts) == 2:
		return call, nil
	case len(parts) == 3 && rt.sublist != nil && parts[2] == rt.sublist.name:
		call.lines = true
		return call, nil
	case len(parts) == 4 && parts[2] == "!transform":
		return c.transformCall(call, parts[3])
	}
	return recordCall{}, notFound("a record has the sublists of its type only")
}

func noRecordType(name string) *refusal {
	return &refusal{
		status: http.StatusNotFound, code: "NONEXISTENT_ID", locator: []string{"o:urlPath", shorten(name)},
		detail: "Record type '" + shorten(name) + "' does not exist.", rule: ruleRecordType,
	}
}

func notFound(rule string) *refusal {
	return &refusal{
		status: http.StatusNotFound,
		detail: "The record instance does not exist. Provide a valid record instance ID.", rule: rule,
	}
}

// levelFor is the permission level that a method needs.
var levelFor = map[string]int{
	http.MethodGet: LevelView, http.MethodPost: LevelCreate, http.MethodPatch: LevelEdit, http.MethodPut: LevelEdit, http.MethodDelete: LevelFull,
}

func (call recordCall) allowed(method string) *refusal {
	if call.becomes == nil {
		return call.needs(call.role, levelFor[method])
	}
	if refused := call.needs(call.role, LevelView); refused != nil {
		return refused
	}
	return call.target.needs(call.role, LevelCreate)
}

// needs refuses a role that does not hold the type's permission at this level.
func (rt *recordType) needs(role Role, level int) *refusal {
	if role.hasAny(rt.permissions, level) {
		return nil
	}
	name := permissionNames[rt.permissions[0]]
	if name == "" {
		name = rt.permissions[0]
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

const externalPrefix = "eid:"

// find gives the internal id of the record that the address names.
func (call recordCall) find(ctx context.Context, q queryer) (int64, error) {
	condition, key := "id = ?", any(nil)
	if external, ok := strings.CutPrefix(call.id, externalPrefix); ok {
		if _, has := call.field("externalId"); !has {
			return 0, notFound(ruleRecordID)
		}
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
