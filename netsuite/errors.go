package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Error is what NetSuite refused, or what kept it from answering, with the next thing to try.
//
// Tell errors apart with errors.Is and the Err variables of this package, never by Detail, which is NetSuite's text and
// may be in any language.
type Error struct {
	Op         string        // what was tried: "certificate upload"
	Status     int           // HTTP status, 0 when no answer came
	Code       string        // NetSuite's or OAuth's own code, unchanged: "invalid_grant"; "" when there was none
	Detail     string        // NetSuite's own sentence, shortened, without control characters and without what was secret in the request
	Locator    string        // the part of the request that was refused: "body item.items[0].item", "path ...", "header Prefer", "parameter q"; "" when NetSuite named none
	Hint       string        // what to do about it
	RetryAfter time.Duration // what the Retry-After header asks for, 0 when there was none
	Err        error         // one of the Err variables, possibly with the cause beneath; nil when none fits
}

// Error returns one line: what was tried, what came back, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	switch {
	case e.Detail != "":
		b.WriteString(": " + e.Detail)
	case e.Code == "" && e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Conditions that callers branch on, for errors.Is.
var (
	// From the token and revoke endpoints, and from the redirect of the authorize endpoint (RFC 6749, H/subsect_161252460252).
	ErrInvalidRequest     = errors.New("invalid_request")
	ErrInvalidClient      = errors.New("invalid_client")
	ErrInvalidGrant       = errors.New("invalid_grant")
	ErrUnauthorizedClient = errors.New("unauthorized_client")
	ErrInvalidScope       = errors.New("invalid_scope")
	ErrAccessDenied       = errors.New("access_denied") // the person chose Deny or Back

	// From the APIs (H/section_156570709583, H/section_4634920277).
	ErrLogin           = errors.New("login refused")           // 401: the token is expired, revoked or of another account; NetSuite does not say which
	ErrPermission      = errors.New("permission missing")      // 403: the role lacks a permission, or a feature is off
	ErrUserRole        = errors.New("role refused")            // 400 USER_ERROR: the role may not use REST, or NetSuite disliked the input; Detail says which
	ErrNotFound        = errors.New("not found")               // 404
	ErrTooManyRequests = errors.New("too many requests")       // 429, or a concurrency limit under another status
	ErrCertificateID   = errors.New("certificate ID differs")  // uploaded, but NetSuite names it by another ID than its thumbprint
	ErrRedirect        = errors.New("redirect not followed")   // 3xx: wrong account or data centre; the token was not sent on
	ErrUnreadable      = errors.New("answer not understood")   // 2xx whose body is not what the call documents
	ErrTooLarge        = errors.New("answer larger than read") // the answer is beyond this package's limit

	// ErrToken: Verifier.Verify refused a token.
	ErrToken = errors.New("token refused")

	// ErrCertificateLimit: the integration has MaxActiveCertificates active certificates, so an upload was refused or not tried.
	ErrCertificateLimit = errors.New("certificate limit reached")
	// ErrCertificateMapping: the certificate is mapped to another role or entity.
	ErrCertificateMapping = errors.New("certificate mapped otherwise")
	// ErrCertificateEnded: the certificate is listed, but revoked or past its end.
	ErrCertificateEnded = errors.New("certificate revoked or expired")

	// ErrUnavailable: NetSuite answered 5xx, or nothing was sent because it could not be reached.
	ErrUnavailable = errors.New("unavailable")
	// ErrResponseLost: the request was sent and no whole answer came, so NetSuite may or may not have acted on it.
	ErrResponseLost = errors.New("response lost")
)

// IsTemporary reports whether waiting alone may help: NetSuite is unavailable or busy, or its answer was lost. It does not
// say that repeating is safe: after ErrResponseLost look first whether the effect is there.
func IsTemporary(err error) bool {
	if errors.Is(err, ErrConsentNeeded) {
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrTooManyRequests) || errors.Is(err, ErrResponseLost)
}

// oauthErrors are the error values of the token endpoint (H/subsect_161252460252) and of the redirect of the authorize
// endpoint (H/subsect_161252455245). Oracle gives invalid_request for a wrong grant type, others unsupported_grant_type.
var oauthErrors = map[string]error{
	"invalid_request":           ErrInvalidRequest,
	"unsupported_grant_type":    ErrInvalidRequest,
	"unsupported_response_type": ErrInvalidRequest,
	"invalid_client":            ErrInvalidClient,
	"invalid_grant":             ErrInvalidGrant,
	"unauthorized_client":       ErrUnauthorizedClient,
	"invalid_scope":             ErrInvalidScope,
	"access_denied":             ErrAccessDenied,
	"server_error":              ErrUnavailable,
	"temporarily_unavailable":   ErrUnavailable,
}

// apiErrors are the codes of REST and RESTlets that say more than their status.
var apiErrors = map[string]error{
	"INVALID_LOGIN":                   ErrLogin,
	"INVALID_LOGIN_ATTEMPT":           ErrLogin,
	"INVALID_LOGIN_CREDENTIALS":       ErrLogin,
	"INSUFFICIENT_PERMISSION":         ErrPermission,
	"USER_ERROR":                      ErrUserRole,
	"NONEXISTENT_ID":                  ErrNotFound,
	"SSS_INVALID_SCRIPTLET_ID":        ErrNotFound,
	"INVALID_LOGIN_INVALID_SCRIPT_ID": ErrNotFound,
	"CONCURRENCY_LIMIT_EXCEEDED":      ErrTooManyRequests,
	"SSS_REQUEST_LIMIT_EXCEEDED":      ErrTooManyRequests,
}

// face is the family of endpoints whose rules of refusal apply.
type face int

const (
	oauthFace face = iota
	apiFace
)

// kind finds the Err variable for a refusal. The status of an answer that cannot be used at all goes before its code, unless
// that says that the account is full.
func (f face) kind(status int, code string) error {
	switch {
	case status >= 300 && status < 400:
		return ErrRedirect
	case status == http.StatusTooManyRequests || f == apiFace && apiErrors[code] == ErrTooManyRequests:
		return ErrTooManyRequests
	case status >= 500:
		return ErrUnavailable
	}
	codes := apiErrors
	if f == oauthFace {
		codes = oauthErrors
	}
	if kind, ok := codes[code]; ok {
		return kind
	}
	if f == oauthFace {
		return nil
	}
	switch status {
	case http.StatusUnauthorized:
		return ErrLogin
	case http.StatusForbidden:
		return ErrPermission
	case http.StatusNotFound:
		return ErrNotFound
	}
	return nil
}

// hints for what no operation changes.
var hints = map[error]string{
	ErrInvalidRequest:     "a parameter is missing or malformed; check client ID, redirect URI and scopes against the integration record",
	ErrInvalidClient:      "the client ID or secret is wrong or was reset, or a public client sent a secret; compare them with the integration record",
	ErrInvalidGrant:       "the grant is invalid, expired or revoked; start the consent again",
	ErrUnauthorizedClient: "the integration record is blocked or this grant is off; see Setup > Integration > Manage Integrations",
	ErrInvalidScope:       "a scope is not ticked in the integration record, or mcp is mixed with others",
	ErrAccessDenied:       "the person declined; offer to start again",
	ErrLogin:              "the token is expired, revoked or of another account, or the role may not use this service; the reason stands only in Setup > Users/Roles > View Login Audit Trail",
	ErrPermission:         "the role lacks a permission or a feature is off; add the permission to the role, or enable the feature at Setup > Company > Enable Features",
	ErrUserRole:           "if the detail speaks of the role: add REST Web Services and Log in using OAuth 2.0 Access Tokens to its permissions",
	ErrNotFound:           "check the ID and the path; it may also belong to another account or release",
	ErrTooManyRequests:    "the account's concurrency limit is reached; wait and try again with growing pauses",
	ErrRedirect:           "redirects are never followed, because the token would travel with them; check the account ID",
	ErrUnavailable:        "NetSuite could not be reached or is down for a moment; nothing is wrong with the credentials, try again later",
	ErrResponseLost:       "the request was sent but its answer was lost; check whether it took effect before trying again",
	ErrConsentNeeded:      "the refresh token is expired, revoked or was already used; ask the person for consent again, and check that only one process refreshes",
	ErrCertificateLimit:   "the integration has 5 active certificates; revoke one that is no longer used",
}

// opHints say more for one operation.
var opHints = map[string]map[error]string{
	opExchange: {
		ErrInvalidGrant:   "the code was used, is too old, or belongs to another redirect URI or verifier; start the consent again",
		ErrInvalidRequest: "two client authentications, a missing code verifier or a wrong grant type; check whether the integration record is a public client",
	},
	opRefresh: {
		ErrInvalidGrant: "the refresh token is expired, revoked or was already used; ask for consent again, and check that only one process refreshes",
	},
	opM2M: {
		ErrInvalidGrant:   "the certificate is revoked, expired, of another account or not of this key, or its role or entity is inactive; list the certificates of the client and upload a new one",
		ErrInvalidClient:  "the certificate is revoked, expired, of another account or not of this key; list the certificates of the client and upload a new one",
		ErrInvalidRequest: "the assertion was not accepted; check the account ID and this machine's clock",
	},
	opCertificateUpload: {
		nil:           "NetSuite takes RSA keys of 3072 or 4096 bits and P-256, P-384 and P-521, and each certificate for one role and entity only; make a new key pair",
		ErrPermission: "the role needs Manage own OAuth 2.0 Client Credentials certificates, or OAuth 2.0 Authorized Applications Management, and the token the scope rest_webservices",
	},
	opLimits: {
		ErrPermission: "only an administrator may read the limits",
	},
	opServerTime: {
		ErrNotFound: "the account is on a release before 2025.2; use a SuiteQL query as the test",
	},
	opSuiteQL: {
		nil: "the query or its paging was refused; the detail names the column or table, which the role must be allowed to see",
	},
	opRecordRead:      recordHints,
	opRecordCreate:    recordHints,
	opRecordUpdate:    recordHints,
	opRecordUpsert:    recordHints,
	opRecordDelete:    recordHints,
	opRecordTransform: recordHints,
	opRecordBatch:     recordHints,
	opTask:            recordHints,
	opAsync: {
		nil: "the detail and the locator say what was refused; compare the request with the one that NetSuite takes without respond-async",
	},
	opRecordList: {
		nil: "the list or its filter was refused; the detail names the field or operator, and the role needs SuiteAnalytics Workbook",
	},
	opJob: {
		ErrNotFound: "NetSuite does not know the job or its result, or no longer; check the job ID and the account",
	},
	opRESTlet: {
		nil:         "the script refused or failed; its execution log in NetSuite says more",
		ErrLogin:    "the token needs the scope restlets, and the role must not be Web Services Only",
		ErrNotFound: "the script or deployment does not exist in this account; install the bundle and use script IDs, not numbers",
		ErrRedirect: "NetSuite answers so from the wrong data centre; check the account ID",
	},
}

// recordHints are those of calls that carry a record or its name.
var recordHints = map[error]string{
	nil:         "the detail and the locator say which field or value was refused; compare them with the record's schema",
	ErrNotFound: "no such record, or a record type that the role does not see; check both, and the account",
}

func hint(op string, kind error) string {
	if h, ok := opHints[op][kind]; ok {
		return h
	}
	if h, ok := hints[kind]; ok {
		return h
	}
	return "the reason may stand in Setup > Users/Roles > View Login Audit Trail"
}

// refusal makes the Error for an answer that is not a success.
func (r *request) refusal(a *answer) *Error {
	said := readRefusal(a.body)
	kind := r.face.kind(a.status, said.code)
	return &Error{
		Op: r.op, Status: a.status, Code: r.clean(said.code), Detail: r.clean(said.detail), Locator: r.clean(said.locator),
		Hint: hint(r.op, kind), RetryAfter: retryAfter(a.header), Err: kind,
	}
}

// refusal is what a body says of itself, in whichever form.
type refusal struct{ code, detail, locator string }

// readRefusal finds code and sentence in the forms of error that NetSuite has: the token endpoint's, REST's
// (H/section_156570709583), both of RESTlets (H/section_4634920277) and plain text, which the certificates endpoint sends.
func readRefusal(data []byte) refusal {
	var body struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
		Title       string          `json:"title"`
		Details     []errorDetail   `json:"o:errorDetails"`
	}
	if json.Unmarshal(data, &body) != nil {
		return readTextRefusal(string(data))
	}
	var code string
	switch {
	case len(body.Details) > 0:
		return body.Details[0].refusal()
	case len(body.Error) > 0 && json.Unmarshal(body.Error, &code) == nil:
		return refusal{code: code, detail: body.Description}
	case len(body.Error) > 0:
		return readScriptRefusal(body.Error)
	}
	return refusal{detail: body.Title}
}

// errorDetail is REST's. It has one of the last four at most.
type errorDetail struct {
	Detail    string `json:"detail"`
	Code      string `json:"o:errorCode"`
	Body      string `json:"o:errorPath"`
	Path      string `json:"o:urlPath"`
	Header    string `json:"o:errorHeader"`
	Parameter string `json:"o:errorQueryParam"`
}

func (d errorDetail) refusal() refusal {
	r := refusal{code: d.Code, detail: d.Detail}
	switch {
	case d.Body != "":
		r.locator = "body " + d.Body
	case d.Path != "":
		r.locator = "path " + d.Path
	case d.Header != "":
		r.locator = "header " + d.Header
	case d.Parameter != "":
		r.locator = "parameter " + d.Parameter
	}
	return r
}

// readScriptRefusal reads {"code","message"}; an error thrown by a script carries itself as JSON text inside message.
func readScriptRefusal(object json.RawMessage) refusal {
	var e struct{ Code, Message string }
	if json.Unmarshal(object, &e) != nil {
		return refusal{}
	}
	var thrown struct{ Name, Message string }
	if json.Unmarshal([]byte(e.Message), &thrown) == nil && thrown.Name != "" {
		return refusal{code: thrown.Name, detail: thrown.Message}
	}
	return refusal{code: e.Code, detail: e.Message}
}

// readTextRefusal reads RESTlets' two lines "error code: X" and "error message: Y", or takes the text as it is.
func readTextRefusal(text string) refusal {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "<") {
		return refusal{detail: "a web page instead of an answer"}
	}
	rest, found := strings.CutPrefix(text, "error code:")
	if !found {
		return refusal{detail: text}
	}
	code, detail, _ := strings.Cut(rest, "\n")
	detail = strings.TrimPrefix(strings.TrimSpace(detail), "error message:")
	return refusal{code: strings.TrimSpace(code), detail: strings.TrimSpace(detail)}
}

const (
	maxDetail    = 500 // characters of NetSuite's text in an error
	shortestMask = 8   // shorter values are no secrets, and masking them would garble the text
)

// clean makes text from outside fit for an error: without the request's own secrets, which a server may echo, without
// control characters, and short.
func (r *request) clean(text string) string {
	for _, s := range r.secrets {
		if v := s.Reveal(); len(v) >= shortestMask {
			text = strings.ReplaceAll(text, v, redacted)
		}
	}
	return oneLine(text, maxDetail)
}

// oneLine replaces what cannot be printed by a space and cuts the text to limit characters.
func oneLine(text string, limit int) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(text, " "))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

const maxRetryAfter = 24 * time.Hour

// retryAfter reads both forms of RFC 9110 section 10.2.3. A date is taken against the answer's own Date header, so that
// this machine's clock does not matter.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if until, err := http.ParseTime(value); err == nil {
		if now, err := http.ParseTime(h.Get("Date")); err == nil {
			wait = until.Sub(now)
		}
	}
	return min(max(wait, 0), maxRetryAfter)
}
