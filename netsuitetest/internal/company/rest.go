package company

import (
	"net/http"
	"strings"
)

// Caller is the bearer of an access token. The front has verified the token and its scopes, and that role
// and entity may log in.
type Caller struct {
	Role, Entity int64
	Integration  string                 // client ID of the integration record; jobs and idempotency keys are its own
	Features     func(name string) bool // is the account's feature on, "RESTWEBSERVICES"; nil = all are
	BaseURL      string                 // scheme://host of links and Location headers
	Limits       Limits                 // what governanceLimits tells this caller
}

func (caller Caller) feature(name string) bool {
	return caller.Features == nil || caller.Features(name)
}

// The REST services of an account that this package serves.
const (
	suiteQLPath = "/services/rest/query/v1/suiteql"
	recordPath  = "/services/rest/record/v1/"
	timePath    = "/services/rest/system/v1/serverTime"
	limitsPath  = "/services/rest/system/v1/governanceLimits"
)

// Content types of the answers (the type parameter is a guess; Oracle documents it for requests).
const (
	resourceType   = "application/vnd.oracle.resource+json; type=singular; charset=UTF-8"
	collectionType = "application/vnd.oracle.resource+json; type=collection; charset=UTF-8"
)

// ServeREST answers a request under /services/rest/{query,record,async,system}/ and returns, for the ledger, the
// documented rule that the request met or broke. The status tells which of the two.
func (c *Company) ServeREST(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	c.runJobs()
	if refused := c.mayUseREST(r.URL.Path, caller); refused != nil {
		return refused.write(w)
	}
	path := r.URL.Path
	switch {
	case path == suiteQLPath:
		return c.serveSuiteQL(w, r, caller)
	case path == timePath:
		return c.serveTime(w, r)
	case path == limitsPath:
		return c.serveLimits(w, r, caller)
	case strings.HasPrefix(path, recordPath):
		return c.serveRecord(w, r, caller)
	case strings.HasPrefix(path, asyncPath):
		return c.serveJob(w, r, caller)
	}
	WriteError(w, http.StatusNotFound, "NONEXISTENT_ID", "There is no REST service at this address.", "o:urlPath", path)
	return "REST services are at /services/rest/{query,record,async,system}/v1/ (H/section_1546938065)"
}

// mayUseREST is what every service asks first.
func (c *Company) mayUseREST(path string, caller Caller) *refusal {
	if !caller.feature("RESTWEBSERVICES") {
		// Guess: Oracle requires the feature (H/section_157771482304) but does not show the refusal.
		return insufficientPermission("The feature REST Web Services is not enabled in this account. An administrator enables it at Setup > Company > Enable Features > SuiteCloud.",
			"REST needs the feature REST Web Services (H/section_157771482304)")
	}
	// Any user may ask for the time, without a permission (H/article_0528010158).
	if path != timePath && !c.Has(caller.Role, "ADMI_RESTWEBSERVICES", LevelView) {
		return &refusal{
			status: http.StatusBadRequest, code: "USER_ERROR",
			detail: "Your current role does not have permission to perform this action.",
			rule:   "the role needs the permission REST Web Services (H/article_5085602973)",
		}
	}
	return nil
}
