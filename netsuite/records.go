package netsuite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const recordPath = "/services/rest/record/v1/"

var (
	recordTypeForm = newForm(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)
	internalIDForm = newForm(`^-?[0-9]{1,18}$`)
	externalIDForm = newForm(`^[^\x00-\x1f\x7f/\\%]{1,255}$`)
	fieldForm      = newForm(`^[A-Za-z][A-Za-z0-9_.]{0,199}$`)
)

// CreateRecord makes a record and returns its internal ID, which NetSuite gives in the Location header
// (H/section_1545141395). recordType is NetSuite's name such as "customer", "salesOrder" or "customrecord_acme"; fields is
// written as a JSON object. The request is sent exactly once: after ErrResponseLost look
// whether the record is there, and where that cannot be told use UpsertRecord or StartAsync, which may be repeated.
// ErrUnreadable says that the record was made and NetSuite did not say as what.
func (a *API) CreateRecord(ctx context.Context, recordType string, fields any) (id string, err error) {
	r, err := a.recordWrite(opRecordCreate, http.MethodPost, recordType, "", fields)
	if err != nil {
		return "", err
	}
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return "", err
	}
	return r.createdID(ans, recordType)
}

// RecordOptions chooses what a read returns. The zero value gives all fields of the record itself.
type RecordOptions struct {
	Fields             []string // names of the fields and sublists to return; nil: all
	ExpandSubResources bool     // return sublists and subrecords whole instead of as links. NetSuite then ignores Fields, so give one of the two
}

// Record reads one record as NetSuite's JSON (H/subsect_161278579295). recordType is NetSuite's name such as "customer" or
// "salesOrder"; id is an internal ID, or an external one written as "eid:NAME". o may be nil. ReadRecord decodes as well.
func (a *API) Record(ctx context.Context, recordType, id string, o *RecordOptions) (json.RawMessage, error) {
	r, ans, err := a.readRecord(ctx, recordType, id, o)
	if err != nil {
		return nil, err
	}
	if !json.Valid(ans.body) {
		return nil, r.unreadable(ans, "the answer is not JSON")
	}
	return ans.body, nil
}

// ReadRecord is Record with the answer read into a T by encoding/json. Select and enumeration fields are objects of id and refName, and
// date-times are ISO 8601 in UTC (H/section_157305090645). A record that does not fit T is ErrUnreadable.
func ReadRecord[T any](ctx context.Context, a *API, recordType, id string, o *RecordOptions) (T, error) {
	var record T
	r, ans, err := a.readRecord(ctx, recordType, id, o)
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(ans.body, &record); err != nil {
		var zero T
		return zero, r.unreadable(ans, misfit(err))
	}
	return record, nil
}

// misfit says which field does not fit, without the value.
func misfit(err error) string {
	var e *json.UnmarshalTypeError
	if errors.As(err, &e) {
		return fmt.Sprintf("field %q of the record does not fit the type %s", e.Field, e.Type)
	}
	return "the answer is not the JSON of such a record"
}

func (a *API) readRecord(ctx context.Context, recordType, id string, o *RecordOptions) (*request, *answer, error) {
	query, err := o.query()
	if err != nil {
		return nil, nil, err
	}
	r, err := a.recordRequest(opRecordRead, http.MethodGet, recordType, id, nil)
	if err != nil {
		return nil, nil, err
	}
	r.url.RawQuery = query.Encode()
	ans, err := r.do(ctx, a.client())
	return r, ans, err
}

func (o *RecordOptions) query() (url.Values, error) {
	q := url.Values{}
	switch {
	case o == nil:
		return q, nil
	case o.ExpandSubResources && len(o.Fields) > 0:
		return nil, errors.New("record read: fields are ignored by NetSuite when sub-resources are expanded; give one of the two")
	case o.ExpandSubResources:
		q.Set("expandSubResources", "true")
	case len(o.Fields) > 0:
		q.Set("fields", strings.Join(o.Fields, ","))
	}
	for _, name := range o.Fields {
		if !fieldForm.MatchString(name) {
			return nil, fmt.Errorf("record read: field %.40q must be one of NetSuite's names, such as companyName", name)
		}
	}
	return q, nil
}

// UpdateRecord changes the fields that are given and leaves the others (PATCH). id is an internal ID, or "eid:NAME". It may be repeated: the second time
// changes nothing more, unless lines are added to a sublist.
func (a *API) UpdateRecord(ctx context.Context, recordType, id string, fields any) error {
	if err := checkRecordID(opRecordUpdate, id); err != nil {
		return err
	}
	r, err := a.recordWrite(opRecordUpdate, http.MethodPatch, recordType, id, fields)
	if err != nil {
		return err
	}
	_, err = r.do(ctx, a.client())
	return err
}

// UpsertRecord creates the record with this external ID, or updates it, and returns its internal ID. fields is written as
// a JSON object. It may be repeated after ErrResponseLost: the second time updates what the first created.
func (a *API) UpsertRecord(ctx context.Context, recordType, externalID string, fields any) (id string, err error) {
	if !externalIDForm.MatchString(externalID) {
		return "", errors.New("record upsert: external ID must be 1 to 255 characters without slash, backslash, percent and control characters")
	}
	r, err := a.recordWrite(opRecordUpsert, http.MethodPut, recordType, "eid:"+externalID, fields)
	if err != nil {
		return "", err
	}
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return "", err
	}
	if id, ok := r.recordLocation(ans, recordType); ok && internalIDForm.MatchString(id) {
		return id, nil
	}
	return a.internalID(ctx, recordType, externalID)
}

// internalID looks up the record, for answers without a Location of the documented form.
func (a *API) internalID(ctx context.Context, recordType, externalID string) (string, error) {
	data, err := a.Record(ctx, recordType, "eid:"+externalID, nil)
	if err != nil {
		return "", err
	}
	var record struct {
		ID lenientInt `json:"id"`
	}
	if json.Unmarshal(data, &record) != nil || record.ID == 0 {
		return "", &Error{Op: opRecordUpsert, Status: http.StatusOK, Detail: "the record was written but its ID is not in the answer", Hint: "read it by its external ID", Err: ErrUnreadable}
	}
	return fmt.Sprint(int64(record.ID)), nil
}

// DeleteRecord deletes a record, given by internal ID or "eid:NAME". One that does not exist is ErrNotFound, so a repetition after ErrResponseLost that gives
// ErrNotFound has reached its end.
func (a *API) DeleteRecord(ctx context.Context, recordType, id string) error {
	r, err := a.recordRequest(opRecordDelete, http.MethodDelete, recordType, id, nil)
	if err != nil {
		return err
	}
	_, err = r.do(ctx, a.client())
	return err
}

// TransformRecord makes a record of type target out of another, such as an invoice out of a sales order, and returns the
// ID of the new one. fields are those to set otherwise than the transformation does; nil sets none. It is sent exactly
// once, like CreateRecord.
func (a *API) TransformRecord(ctx context.Context, recordType, id, target string, fields any) (newID string, err error) {
	if err := checkRecordID(opRecordTransform, id); err != nil {
		return "", err
	}
	if !recordTypeForm.MatchString(target) {
		return "", fmt.Errorf("record transformation: target %.40q must be one of NetSuite's names of record types, such as invoice", target)
	}
	if fields == nil {
		fields = struct{}{}
	}
	r, err := a.recordWrite(opRecordTransform, http.MethodPost, recordType, id, fields)
	if err != nil {
		return "", err
	}
	// Written as documented: escaped by net/url, the exclamation mark would become %21.
	action := "/!transform/" + target
	r.url.RawPath = r.url.EscapedPath() + action
	r.url.Path += action
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return "", err
	}
	return r.createdID(ans, target)
}

// recordWrite makes a request that carries fields. id is "" for a record that is to be created.
func (a *API) recordWrite(op, method, recordType, id string, fields any) (*request, error) {
	if fields == nil {
		return nil, fmt.Errorf("%s: fields are nil; give an object, which may be empty", op)
	}
	r, err := a.typeRequest(op, method, recordType, fields)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(r.body, []byte("{")) {
		return nil, fmt.Errorf("%s: fields must be written as a JSON object, such as a struct or a map", op)
	}
	if id != "" {
		r.url.Path += "/" + id
	}
	return r, nil
}

// recordRequest makes a request for one record that exists.
func (a *API) recordRequest(op, method, recordType, id string, body any) (*request, error) {
	if err := checkRecordID(op, id); err != nil {
		return nil, err
	}
	r, err := a.typeRequest(op, method, recordType, body)
	if err != nil {
		return nil, err
	}
	r.url.Path += "/" + id
	return r, nil
}

// typeRequest makes a request for a type of records.
func (a *API) typeRequest(op, method, recordType string, body any) (*request, error) {
	if err := checkRecordType(op, recordType); err != nil {
		return nil, err
	}
	return a.request(op, ServiceSuiteTalk, method, recordPath+recordType, nil, body)
}

func checkRecordType(op, recordType string) error {
	if !recordTypeForm.MatchString(recordType) {
		return fmt.Errorf("%s: record type %.40q must be one of NetSuite's names, such as salesOrder", op, recordType)
	}
	return nil
}

func checkRecordID(op, id string) error {
	external, isExternal := strings.CutPrefix(id, "eid:")
	if !internalIDForm.MatchString(id) && (!isExternal || !externalIDForm.MatchString(external)) {
		return fmt.Errorf("%s: id must be an internal ID, or eid: and an external ID without slash, backslash, percent and control characters", op)
	}
	return nil
}
