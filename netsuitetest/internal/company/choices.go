package company

import (
	"cmp"
	"net/http"
	"time"
)

// Choices decide what Oracle's pages leave open. The zero value is the default. They are asked for anew by every request, so
// that they can change while the company is open.
type Choices struct {
	// HiddenTablesEmpty answers a table that the role may not see with zero rows in place of an error.
	// Which of the two NetSuite does is not documented, and clients have to stand both.
	HiddenTablesEmpty bool

	// NullColumns shows columns without a value as null in the rows of SuiteQL, in place of leaving them out.
	NullColumns bool

	PreferOptional bool // SuiteQL without Prefer: transient is answered
	ClampLimit     bool // a limit above the largest page counts as the largest page
	GetStatus      int  // GET on SuiteQL; 0 = 405

	// AsyncDelay is how long an asynchronous request waits, on the account's clock, before it is carried out; 0
	// means not at all.
	AsyncDelay      time.Duration
	IdempotencyLife time.Duration // how long a key is remembered; 0 = 24 hours

	// LimitTypeKey is the JSON key under which governanceLimits reports the kind of limit: both
	// "integrationLimitType" (the default) and "type" were seen in the field.
	LimitTypeKey string
	LimitsStatus int // governanceLimits for others than administrators; 0 = 403

	WriteStatus            int    // a changed, upserted or transformed record; 0 = 204
	PropertyNameValidation string // unknown fields when the header is absent: Error ("" too), Warning or Ignore
	LowerRecordTypeIDs     bool   // script IDs of custom record types installed from now on are in lower case

	Errors ErrorForm
}

// ErrorForm is what is open about error bodies.
type ErrorForm struct {
	ForbiddenRFC2616  bool   // the type of a 403 is a link to RFC 2616, as recorded by a live client; else to RFC 9110
	MissingRecordCode string // of a missing record; "" = NONEXISTENT_ID
}

// choices are those in force, with defaults.
func (c *Company) choices() Choices {
	var now Choices
	if c.cfg.Choices != nil {
		now = c.cfg.Choices()
	}
	now.GetStatus = cmp.Or(now.GetStatus, http.StatusMethodNotAllowed)
	now.IdempotencyLife = cmp.Or(now.IdempotencyLife, 24*time.Hour)
	now.LimitTypeKey = cmp.Or(now.LimitTypeKey, "integrationLimitType")
	now.LimitsStatus = cmp.Or(now.LimitsStatus, http.StatusForbidden)
	now.WriteStatus = cmp.Or(now.WriteStatus, http.StatusNoContent)
	return now
}

// errorForm is that of the answer: a ResponseWriter with a method ErrorForm decides it.
func errorForm(w http.ResponseWriter) ErrorForm {
	if chooser, ok := w.(interface{ ErrorForm() ErrorForm }); ok {
		return chooser.ErrorForm()
	}
	return ErrorForm{}
}
