package netsuite

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const (
	metadataPath      = recordPath + "metadata-catalog"
	maxMetadataAnswer = 64 << 20
)

// MetadataCatalog returns the names of the record types that the token's user may use in its role, or those of them that
// are asked for. The catalog is made for each user and role: a type that is missing may exist in the account
// (H/section_1540810174).
func (a *API) MetadataCatalog(ctx context.Context, recordTypes ...string) ([]string, error) {
	r, ans, err := a.metadata(ctx, "", "application/json", recordTypes)
	if err != nil {
		return nil, err
	}
	names, err := readCatalog(ans.body)
	if err != nil {
		return nil, r.unreadable(ans, err.Error())
	}
	return names, nil
}

func readCatalog(body []byte) ([]string, error) {
	var catalog struct {
		Items []struct {
			Name string `json:"name"`
		} `json:"items"`
	}
	if json.Unmarshal(body, &catalog) != nil || catalog.Items == nil {
		return nil, errors.New("the answer is not a catalog of record types")
	}
	names := make([]string, len(catalog.Items))
	for i, item := range catalog.Items {
		if !recordTypeForm.MatchString(item.Name) {
			return nil, errors.New("a record type of the catalog has no name")
		}
		names[i] = item.Name
	}
	return names, nil
}

// RecordSchema returns the JSON schema of a record type: the fields that the token's user may see in its role, custom ones
// included. Its list x-ns-filterable has those that Records can select by (H/section_1545126526).
func (a *API) RecordSchema(ctx context.Context, recordType string) (json.RawMessage, error) {
	if err := checkRecordType(opMetadata, recordType); err != nil {
		return nil, err
	}
	return a.metadataDocument(ctx, recordType, "application/schema+json", nil)
}

// OpenAPI returns the OpenAPI 3.0 document of record types, as far as the token's user may use them in its role
// (H/section_1545126526). At least one type must be named: the document of all is larger than is read here.
func (a *API) OpenAPI(ctx context.Context, recordTypes ...string) (json.RawMessage, error) {
	if len(recordTypes) == 0 {
		return nil, errors.New("metadata catalog: name at least one record type; the document of all is too large")
	}
	return a.metadataDocument(ctx, "", "application/swagger+json", recordTypes)
}

func (a *API) metadataDocument(ctx context.Context, recordType, accept string, selected []string) (json.RawMessage, error) {
	r, ans, err := a.metadata(ctx, recordType, accept, selected)
	if err != nil {
		return nil, err
	}
	var document map[string]json.RawMessage
	if json.Unmarshal(ans.body, &document) != nil || document == nil {
		return nil, r.unreadable(ans, "the answer is not a JSON document")
	}
	return ans.body, nil
}

func (a *API) metadata(ctx context.Context, recordType, accept string, selected []string) (*request, *answer, error) {
	for _, name := range selected {
		if err := checkRecordType(opMetadata, name); err != nil {
			return nil, nil, err
		}
	}
	path := metadataPath
	if recordType != "" {
		path += "/" + recordType
	}
	r, err := a.request(opMetadata, ServiceSuiteTalk, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	if len(selected) > 0 {
		r.url.RawQuery = url.Values{"select": {strings.Join(selected, ",")}}.Encode()
	}
	r.header.Set("Accept", accept)
	r.limit = maxMetadataAnswer
	ans, err := r.do(ctx, a.client())
	return r, ans, err
}
