package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
)

// handleToken is the token endpoint (RFC 6749 section 4.4, ux.md 4.1).
func (a *API) handleToken(w http.ResponseWriter, r *http.Request) {
	request, refusal := readTokenRequest(w, r)
	if refusal != nil {
		a.refuseToken(w, refusal)
		return
	}
	out, err := a.cfg.Tokens.HandOut(r.Context(), request)
	if err != nil {
		a.failToken(w, r, err)
		return
	}
	answerToken(w, out)
}

// handleTokenGet keeps credentials out of query strings: only POST is known (RFC 6749 section 3.2).
func (a *API) handleTokenGet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	a.writeTokenError(w, http.StatusMethodNotAllowed, invalidRequest("the token endpoint takes POST only"))
}

// Values of headers that every answer shares. Nothing may append to them in place.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
)

// answerToken writes the 200 answer. It is on the path of every hand-out, so the JSON is written without reflection.
func answerToken(w http.ResponseWriter, out tokens.HandOut) {
	// Room for the fixed text and for NetSuite's tokens of about 1,200 characters.
	buffer := make([]byte, 0, 2048)
	buffer = append(buffer, `{"access_token":`...)
	buffer = appendJSON(buffer, out.AccessToken.Reveal())
	buffer = append(buffer, `,"token_type":"Bearer","expires_in":`...)
	buffer = strconv.AppendInt(buffer, int64(out.ExpiresIn/time.Second), 10)
	buffer = append(buffer, `,"scope":`...)
	buffer = appendJSON(buffer, out.Scope)
	buffer = append(buffer, `,"netsuite_account":`...)
	buffer = appendJSON(buffer, string(out.Account))
	buffer = append(buffer, `,"netsuite_base_url":`...)
	buffer = appendJSON(buffer, out.BaseURL)
	buffer = append(buffer, '}', '\n')
	writeUncached(w, http.StatusOK, buffer)
}

// writeUncached writes JSON that no cache may keep (RFC 6749 section 5.1).
func writeUncached(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Cache-Control"] = noStore
	header["Pragma"] = noCache
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone; there is nobody to tell
}

// failToken answers what the service refused.
func (a *API) failToken(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *tokens.Refusal
	switch {
	case errors.As(err, &refusal):
		a.refuseToken(w, refusal)
	case r.Context().Err() != nil:
		// The client has gone.
	default:
		a.cfg.Logger.ErrorContext(r.Context(), "the token request failed", "err", err)
		a.refuseToken(w, &tokens.Refusal{Reason: tokens.ServerError, Err: &broker.Error{Code: broker.CodeInternal}})
	}
}

// tokenStatus by reason; 400 for all others (RFC 6749 section 5.2).
var tokenStatus = map[tokens.Reason]int{
	tokens.InvalidClient: http.StatusUnauthorized,
	tokens.Unavailable:   http.StatusServiceUnavailable,
	tokens.ServerError:   http.StatusInternalServerError,
}

func (a *API) refuseToken(w http.ResponseWriter, refusal *tokens.Refusal) {
	status := tokenStatus[refusal.Reason]
	switch {
	case refusal.Code() == broker.CodeTooLarge:
		status = http.StatusRequestEntityTooLarge
	case status == 0:
		status = http.StatusBadRequest
	}
	a.writeTokenError(w, status, refusal)
}

// writeTokenError is the one place that writes errors of the token endpoint.
func (a *API) writeTokenError(w http.ResponseWriter, status int, refusal *tokens.Refusal) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="suitekey"`)
	}
	if refusal.RetryAfter > 0 {
		seconds := (refusal.RetryAfter + time.Second - 1) / time.Second // rounded up, so that it is never too early
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	body := appendJSON([]byte(`{"error":`), string(refusal.Reason))
	body = appendJSON(append(body, `,"error_description":`...), describe(refusal.Err))
	body = appendJSON(append(body, `,"error_uri":`...), a.errorURL(refusal.Code()))
	writeUncached(w, status, append(body, '}', '\n'))
}

// describe says what happened and what to do, in the characters that error_description may have (RFC 6749 section 5.2).
func describe(e *broker.Error) string {
	what := e.What // the cause is for the log
	if what == "" {
		what = broker.Situations[e.Code].Title
	}
	text := []byte(what + ". " + e.Remedy())
	for i, c := range text {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			text[i] = '\''
		}
	}
	return string(text)
}

func (a *API) errorURL(code broker.Code) string { return a.base + "/errors/" + string(code) }
