package company

import "net/http"

// Limits are how many requests the account answers at once. The front keeps them; the zero value is a developer
// account's, the smallest that NetSuite sells (H/section_1504769959).
type Limits struct {
	Account     int
	Unallocated int  // what integrations without a share of their own share
	Integration int  // the caller's own share
	Allocated   bool // the caller has one
}

const smallestLimit = 5

// serveTime answers serverTime, the cheapest proof that a token works (H/article_0528010158).
func (c *Company) serveTime(w http.ResponseWriter, r *http.Request) (rule string) {
	if r.Method != http.MethodGet {
		return methodNotAllowed(w, http.MethodGet, "serverTime is read with GET (H/article_0528010158)")
	}
	writeJSON(w, http.StatusOK, resourceType, map[string]string{"serverTime": c.cfg.ServerTime().UTC().Format("2006-01-02T15:04:05.000Z")})
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
		refused := insufficientPermission("Only an administrator may read the governance limits.", administratorsOnly)
		refused.status = c.choices().LimitsStatus
		return refused.write(w)
	}
	writeJSON(w, http.StatusOK, resourceType, caller.Limits.answer(c.choices().LimitTypeKey))
	return administratorsOnly
}

// answer has the keys that three independent clients read.
func (l Limits) answer(typeKey string) map[string]any {
	if l == (Limits{}) {
		l = Limits{Account: smallestLimit, Unallocated: smallestLimit}
	}
	out := map[string]any{
		"accountConcurrencyLimit":            l.Account,
		"accountUnallocatedConcurrencyLimit": l.Unallocated,
		typeKey:                              "accountLimit",
	}
	if l.Allocated {
		out["integrationConcurrencyLimit"], out[typeKey] = l.Integration, "integrationSpecific"
	}
	return out
}
