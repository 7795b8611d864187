package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/suitekey/suitekey/internal/broker"
)

// problem is an error answer of /v1 (RFC 9457, ux.md 4.2).
type problem struct {
	Type      string      `json:"type"`
	Title     string      `json:"title"`
	Status    int         `json:"status"`
	Detail    string      `json:"detail"`
	Code      broker.Code `json:"code"`
	Remedy    string      `json:"remedy"`
	RequestID string      `json:"request_id"`
}

// fail is the one place that turns an error into an answer of /v1. What has no code is ours: it is logged, and the answer
// holds only the number under which it is found in the log.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	id := broker.NewID("req")
	e := new(broker.Error)
	if !errors.As(err, &e) || broker.Situations[e.Code].Status < http.StatusBadRequest {
		e = &broker.Error{Code: broker.CodeInternal} // also for the situations of the wizard, which are no errors of a request
	}
	situation := broker.Situations[e.Code]
	if situation.Status >= http.StatusInternalServerError {
		a.cfg.Logger.ErrorContext(r.Context(), "a request failed", "request_id", id, "route", r.Pattern, "code", e.Code, "err", err)
	}
	detail := e.What
	if detail == "" {
		detail = situation.Text
	}
	body, _ := json.Marshal(problem{
		Type: a.errorURL(e.Code), Title: situation.Title, Status: situation.Status, Detail: detail,
		Code: e.Code, Remedy: e.Remedy(), RequestID: id,
	})
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header()["Cache-Control"] = noStore
	if situation.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(broker.ComeAgain.Seconds())))
	}
	w.WriteHeader(situation.Status)
	_, _ = w.Write(append(body, '\n'))
}
