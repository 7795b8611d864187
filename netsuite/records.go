package netsuite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	recordPath = "/services/rest/record/v1/"
	restPath   = "/services/rest/"
)

var (
	recordTypeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)
	internalIDForm = regexp.MustCompile(`^-?[0-9]{1,18}$`)
	externalIDForm = regexp.MustCompile(`^[^\x00-\x1f\x7f/\\%]{1,255}$`)
)

// Record reads one record as NetSuite's JSON (H/subsect_161278579295). recordType is NetSuite's name such as "customer" or
// "salesOrder"; id is an internal ID, or an external one written as "eid:NAME".
func (a *API) Record(ctx context.Context, recordType, id string) (json.RawMessage, error) {
	external, isExternal := strings.CutPrefix(id, "eid:")
	if !internalIDForm.MatchString(id) && (!isExternal || !externalIDForm.MatchString(external)) {
		return nil, errors.New("record read: id must be an internal ID, or eid: and an external ID without slash, backslash, percent and control characters")
	}
	r, err := a.recordRequest(opRecordRead, http.MethodGet, recordType, id, nil)
	if err != nil {
		return nil, err
	}
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return nil, err
	}
	if !json.Valid(ans.body) {
		return nil, r.unreadable(ans, "the answer is not JSON")
	}
	return ans.body, nil
}

// UpsertRecord creates the record with this external ID, or updates it, and returns its internal ID. fields is written as
// a JSON object. It may be repeated after ErrResponseLost: the second time updates what the first created.
func (a *API) UpsertRecord(ctx context.Context, recordType, externalID string, fields any) (id string, err error) {
	if !externalIDForm.MatchString(externalID) {
		return "", errors.New("record upsert: external ID must be 1 to 255 characters without slash, backslash, percent and control characters")
	}
	if fields == nil {
		return "", errors.New("record upsert: fields are nil; give an object, which may be empty")
	}
	r, err := a.recordRequest(opRecordUpsert, http.MethodPut, recordType, "eid:"+externalID, fields)
	if err != nil {
		return "", err
	}
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return "", err
	}
	if id := path.Base(ans.header.Get("Location")); internalIDForm.MatchString(id) {
		return id, nil
	}
	return a.internalID(ctx, recordType, externalID)
}

// internalID looks up the record, for answers without a Location of the documented form.
func (a *API) internalID(ctx context.Context, recordType, externalID string) (string, error) {
	data, err := a.Record(ctx, recordType, "eid:"+externalID)
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

func (a *API) recordRequest(op, method, recordType, id string, body any) (*request, error) {
	if !recordTypeForm.MatchString(recordType) {
		return nil, fmt.Errorf("%s: record type %.40q must be one of NetSuite's names, such as salesOrder", op, recordType)
	}
	return a.request(op, ServiceSuiteTalk, method, recordPath+recordType+"/"+id, nil, body)
}

var restMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Do makes a request that an app's definition declares, on the host of the REST services. path is absolute, under
// /services/rest/, and may have a query; paths under /services/rest/auth/ are refused, since there a token makes tokens and
// certificates, and so is every path that a server might read in another way than it looks. body is written as JSON, nil
// sends none. The answer is returned whatever its status; one that is not 2xx comes with an *Error as well.
func (a *API) Do(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	if !slices.Contains(restMethods, method) {
		return 0, nil, fmt.Errorf("REST request: method %.20q must be GET, POST, PUT, PATCH or DELETE", method)
	}
	u, err := parseRESTPath(path)
	if err != nil {
		return 0, nil, fmt.Errorf("REST request: %w", err)
	}
	r, err := a.request(opREST, ServiceSuiteTalk, method, u.Path, nil, body)
	if err != nil {
		return 0, nil, err
	}
	r.url.RawPath, r.url.RawQuery = u.RawPath, u.RawQuery
	if u.Path == suiteQLPath {
		r.header.Set("Prefer", "transient") // required (H/section_0210123130)
	}
	ans, err := r.do(ctx, a.client())
	if ans == nil {
		return 0, nil, err
	}
	return ans.status, ans.body, err
}

var restServiceForm = regexp.MustCompile(`^[a-z]+$`)

// parseRESTPath reads path and query of a request that others wrote. It refuses rather than cleans: NetSuite's servers may
// decode, fold or strip what this one would not.
func parseRESTPath(raw string) (*url.URL, error) {
	rawPath, query, _ := strings.Cut(raw, "?")
	decoded, err := url.PathUnescape(rawPath)
	switch {
	case len(raw) > 4096:
		return nil, errors.New("path is longer than 4096 characters")
	case err != nil || !isVisible(raw) || strings.Contains(raw, "#") || strings.Contains(query, " "):
		return nil, errors.New("path must be printable ASCII, percent-encoded where needed, without fragment")
	case !isVisible(decoded) || strings.ContainsAny(decoded, `%\;`) || strings.Count(decoded, "/") != strings.Count(rawPath, "/"):
		return nil, errors.New("path must not hold, encoded or not, percent signs, backslashes, semicolons, control characters or encoded slashes")
	case !strings.HasPrefix(decoded, restPath):
		return nil, errors.New("path must begin with " + restPath)
	}
	segments := strings.Split(strings.TrimPrefix(decoded, restPath), "/")
	if service := segments[0]; !restServiceForm.MatchString(service) || service == "auth" {
		return nil, errors.New("path must name a service after " + restPath + " in lower case, such as record or query, and never auth")
	}
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return nil, errors.New("path must not have empty or dot segments")
		}
	}
	return &url.URL{Path: decoded, RawPath: rawPath, RawQuery: query}, nil
}
