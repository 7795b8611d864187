package netsuite

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const systemPath = "/services/rest/system/v1/"

// ServerTime returns NetSuite's clock. Any user may ask, so it is the cheapest test of a token (H/article_0528010158). An
// account on a release before 2025.2 answers ErrNotFound.
func (a *API) ServerTime(ctx context.Context) (time.Time, error) {
	var body struct {
		ServerTime time.Time `json:"serverTime"`
	}
	r, ans, err := a.system(ctx, opServerTime, "serverTime")
	if err != nil {
		return time.Time{}, err
	}
	if json.Unmarshal(ans.body, &body) != nil || body.ServerTime.IsZero() {
		return time.Time{}, r.unreadable(ans, "the answer holds no serverTime")
	}
	return body.ServerTime.UTC(), nil
}

// GovernanceLimits says how many requests may run at once. A limit that NetSuite leaves out is 0.
type GovernanceLimits struct {
	AccountConcurrencyLimit     int
	UnallocatedConcurrencyLimit int
	IntegrationConcurrencyLimit int    // only with type integrationSpecific
	LimitType                   string // integrationSpecific, accountLimit or internal
}

// GovernanceLimits returns the account's limits. Only an administrator may ask (H/article_0625010817).
func (a *API) GovernanceLimits(ctx context.Context) (GovernanceLimits, error) {
	r, ans, err := a.system(ctx, opLimits, "governanceLimits")
	if err != nil {
		return GovernanceLimits{}, err
	}
	// Independent clients have met the same figures under different names.
	var body struct {
		Account              *lenientInt `json:"accountConcurrencyLimit"`
		Unallocated          lenientInt  `json:"unallocatedConcurrencyLimit"`
		AccountUnallocated   lenientInt  `json:"accountUnallocatedConcurrencyLimit"`
		Integration          lenientInt  `json:"integrationConcurrencyLimit"`
		Type                 string      `json:"type"`
		LimitType            string      `json:"limitType"`
		IntegrationLimitType string      `json:"integrationLimitType"`
	}
	if json.Unmarshal(ans.body, &body) != nil || body.Account == nil {
		return GovernanceLimits{}, r.unreadable(ans, "the answer holds no accountConcurrencyLimit")
	}
	return GovernanceLimits{
		AccountConcurrencyLimit:     int(*body.Account),
		UnallocatedConcurrencyLimit: int(max(body.Unallocated, body.AccountUnallocated)),
		IntegrationConcurrencyLimit: int(body.Integration),
		LimitType:                   cmp.Or(body.IntegrationLimitType, body.LimitType, body.Type),
	}, nil
}

func (a *API) system(ctx context.Context, op, name string) (*request, *answer, error) {
	r, err := a.request(op, ServiceSuiteTalk, http.MethodGet, systemPath+name, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	ans, err := r.do(ctx, a.client())
	return r, ans, err
}
