package netsuite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// MaxBatch is how many records one batch may hold (H/article_0127092747).
const MaxBatch = 100

const collectionType = "application/vnd.oracle.resource+json; type=collection"

// CreateRecords makes up to MaxBatch records of one type as a job (H/article_0127092747): one request counts against the
// concurrency limit instead of a hundred. Each record is written as a JSON object. Some may fail while others succeed; see
// JobOutcomes. It is safe to repeat with the same key, as StartAsync says.
func (a *API) CreateRecords(ctx context.Context, recordType string, records []any, key string) (*Job, error) {
	return a.batchWrite(ctx, http.MethodPost, recordType, records, key)
}

// UpdateRecords changes up to MaxBatch records as a job. Each names itself by a member id, or else externalId. See
// CreateRecords.
func (a *API) UpdateRecords(ctx context.Context, recordType string, records []any, key string) (*Job, error) {
	return a.batchWrite(ctx, http.MethodPatch, recordType, records, key)
}

// UpsertRecords creates or updates up to MaxBatch records as a job. Each names itself by a member externalId. See
// CreateRecords.
func (a *API) UpsertRecords(ctx context.Context, recordType string, records []any, key string) (*Job, error) {
	return a.batchWrite(ctx, http.MethodPut, recordType, records, key)
}

// DeleteRecords deletes up to MaxBatch records, given by internal ID, as a job. See CreateRecords. The IDs go in the query,
// since Oracle names a body for the other three only.
func (a *API) DeleteRecords(ctx context.Context, recordType string, ids []string, key string) (*Job, error) {
	if err := checkBatch(len(ids)); err != nil {
		return nil, err
	}
	for i, id := range ids {
		if !internalIDForm.MatchString(id) {
			return nil, fmt.Errorf("record batch: id %d of %d must be an internal ID", i+1, len(ids))
		}
	}
	r, err := a.typeRequest(opRecordBatch, http.MethodDelete, recordType, nil)
	if err != nil {
		return nil, err
	}
	r.url.RawQuery = url.Values{"ids": {strings.Join(ids, ",")}}.Encode()
	return a.startJob(ctx, r, key)
}

func (a *API) batchWrite(ctx context.Context, method, recordType string, records []any, key string) (*Job, error) {
	if err := checkBatch(len(records)); err != nil {
		return nil, err
	}
	items := make([]json.RawMessage, len(records))
	for i, record := range records {
		item, err := batchItem(method, record)
		if err != nil {
			return nil, fmt.Errorf("record batch: record %d of %d %w", i+1, len(records), err)
		}
		items[i] = item
	}
	r, err := a.typeRequest(opRecordBatch, method, recordType, map[string]any{"items": items})
	if err != nil {
		return nil, err
	}
	r.header.Set("Content-Type", collectionType)
	return a.startJob(ctx, r, key)
}

func checkBatch(n int) error {
	switch {
	case n == 0:
		return fmt.Errorf("record batch: no records are given; give 1 to %d", MaxBatch)
	case n > MaxBatch:
		return fmt.Errorf("record batch: %d records are more than the %d that NetSuite takes; send several batches, each with its own key", n, MaxBatch)
	}
	return nil
}

// batchItem writes one record and sees that it names itself where it must.
func batchItem(method string, record any) (json.RawMessage, error) {
	item, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("cannot be written as JSON: %w", withoutValue(err))
	}
	var name struct {
		ID         *json.RawMessage `json:"id"`
		ExternalID *json.RawMessage `json:"externalId"`
	}
	switch {
	case item[0] != '{' || json.Unmarshal(item, &name) != nil:
		return nil, errors.New("must be written as a JSON object, such as a struct or a map")
	case method == http.MethodPatch && name.ID == nil && name.ExternalID == nil:
		return nil, errors.New("names none to update; give it an id or an externalId")
	case method == http.MethodPut && name.ExternalID == nil:
		return nil, errors.New("has no externalId, the only name that an upsert takes")
	}
	return item, nil
}
