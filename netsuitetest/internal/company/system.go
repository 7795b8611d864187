package company

import "net/http"

// accountConcurrency is the limit of a developer account and the smallest that NetSuite sells
// (H/section_1504769959).
const accountConcurrency = 5

// serveTime answers serverTime, the cheapest proof that a token works (H/article_0528010158).
func (c *Company) serveTime(w http.ResponseWriter, r *http.Request) (rule string) {
	if r.Method != http.MethodGet {
		return methodNotAllowed(w, http.MethodGet, "serverTime is read with GET (H/article_0528010158)")
	}
	writeJSON(w, http.StatusOK, resourceType, map[string]string{"serverTime": c.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z")})
	return "any user may read serverTime (H/article_0528010158)"
}

// serveLimits answers governanceLimits, for administrators only (H/article_0625010817). That others get a
// 403, and the keys of the answer, are guesses from three independent clients.
func (c *Company) serveLimits(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	const administratorsOnly = "governanceLimits answers administrators only (H/article_0625010817)"
	if r.Method != http.MethodGet {
		return methodNotAllowed(w, http.MethodGet, "governanceLimits is read with GET (H/article_0625010817)")
	}
	if caller.Role != RoleAdministrator {
		return insufficientPermission("Only an administrator may read the governance limits.", administratorsOnly).write(w)
	}
	writeJSON(w, http.StatusOK, resourceType, map[string]any{
		"accountConcurrencyLimit":            accountConcurrency,
		"accountUnallocatedConcurrencyLimit": accountConcurrency,
		c.cfg.LimitTypeKey:                   "accountLimit",
	})
	return administratorsOnly
}
