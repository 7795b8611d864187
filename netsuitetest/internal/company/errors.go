package company

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// problemTypes are the type URLs of REST errors. Oracle's samples still print links to RFC 2616; answers
// of live accounts since 2024 carry these.
var problemTypes = map[int]string{
	http.StatusBadRequest:          "15.5.1",
	http.StatusUnauthorized:        "15.5.2",
	http.StatusForbidden:           "15.5.4",
	http.StatusNotFound:            "15.5.5",
	http.StatusMethodNotAllowed:    "15.5.6",
	http.StatusTooManyRequests:     "15.5",
	http.StatusInternalServerError: "15.6.1",
	http.StatusServiceUnavailable:  "15.6.4",
}

type problem struct {
	Type    string              `json:"type"`
	Title   string              `json:"title"`
	Status  int                 `json:"status"`
	Details []map[string]string `json:"o:errorDetails"`
}

// WriteError writes NetSuite's REST error body (H/section_156570709583): status, NetSuite's own code such as
// INVALID_LOGIN, and the sentence that explains it. A locator is a pair such as "o:errorHeader", "Prefer";
// NetSuite gives at most one.
func WriteError(w http.ResponseWriter, status int, code, detail string, locator ...string) {
	writeProblem(w, status, http.StatusText(status), code, detail, locator)
}

func writeProblem(w http.ResponseWriter, status int, title, code, detail string, locator []string) {
	form := errorForm(w)
	code = cmp.Or(code, form.MissingRecordCode, "NONEXISTENT_ID")
	section, ok := problemTypes[status]
	if !ok {
		section = fmt.Sprintf("15.%d", status/100)
	}
	what := map[string]string{"detail": detail, "o:errorCode": code}
	if len(locator) == 2 {
		what[locator[0]] = locator[1]
	}
	kind := "https://www.rfc-editor.org/rfc/rfc9110.html#section-" + section
	if status == http.StatusForbidden && form.ForbiddenRFC2616 {
		kind = "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.4"
	}
	writeJSON(w, status, "application/vnd.oracle.resource+json; type=error; charset=UTF-8", problem{
		Type:    kind,
		Title:   title,
		Status:  status,
		Details: []map[string]string{what},
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// The caller may have hung up; there is nobody left to tell.
	_ = encoder.Encode(body)
}

// refusal is a request that a rule forbids, ready to be written and to be noted in the ledger.
type refusal struct {
	status       int
	title        string // empty = the status in words
	code, detail string // no code = that of a missing record
	locator      []string
	rule         string // the rule that the request broke, with its source
}

func (r *refusal) Error() string { return r.detail }

func (r *refusal) write(w http.ResponseWriter) (rule string) {
	writeProblem(w, r.status, cmp.Or(r.title, http.StatusText(r.status)), r.code, r.detail, r.locator)
	return r.rule
}

func insufficientPermission(detail, rule string) *refusal {
	return &refusal{status: http.StatusForbidden, code: "INSUFFICIENT_PERMISSION", detail: detail, rule: rule}
}

func methodNotAllowed(w http.ResponseWriter, allow, rule string) string {
	w.Header().Set("Allow", allow)
	WriteError(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "This method is not allowed here; use "+allow+".")
	return rule
}
