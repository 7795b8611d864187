package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/suitekey/suitekey/internal/broker"
)

// fail is the one place that turns an error into a page.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.failFor(w, r, broker.App{}, err)
}

// failFor is fail where the app is known: the page then bears its brand, and says whom to ask.
func (h *Handler) failFor(w http.ResponseWriter, r *http.Request, app broker.App, err error) {
	h.show(w, r, h.errorPage(r, app, h.judge(r, err)))
}

// failJSON answers a script or a download.
func (h *Handler) failJSON(w http.ResponseWriter, r *http.Request, err error) {
	e := h.judge(r, err)
	s := broker.Situations[e.Code]
	comeAgain(w, s.Status)
	h.writeJSON(w, s.Status, map[string]string{"code": string(e.Code), "title": s.Title, "remedy": e.Remedy(), "request_id": RequestID(r.Context())})
}

// comeAgain says when a server that is cut off from its database may be asked again.
func comeAgain(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(broker.ComeAgain.Seconds())))
	}
}

// judge finds the code of an error. Errors about ourselves are logged here, once, and shown with the request's number alone.
func (h *Handler) judge(r *http.Request, err error) *broker.Error {
	var e *broker.Error
	coded := errors.As(err, &e)
	if coded && broker.Situations[e.Code].Status != 0 && broker.Situations[e.Code].Status < 500 {
		return e
	}
	if isNotFound(err) {
		return &broker.Error{Code: broker.CodeNotFound}
	}
	if !errors.Is(err, context.Canceled) || r.Context().Err() == nil {
		h.cfg.Logger.Error("request failed", "route", r.Pattern, "code", broker.CodeOf(err), "request_id", RequestID(r.Context()), "err", err)
	}
	if coded && broker.Situations[e.Code].Status == http.StatusServiceUnavailable {
		return &broker.Error{Code: e.Code} // it passes by itself, and the page says so; the cause is in the log alone
	}
	return &broker.Error{Code: broker.CodeInternal}
}

func isNotFound(err error) bool { return errors.Is(err, broker.ErrNotFound) }

func (h *Handler) errorPage(r *http.Request, app broker.App, e *broker.Error) page {
	s := broker.Situations[e.Code]
	p := page{
		brand: brandOf(app), Mark: "stop", Heading: s.Title, Lead: s.Text, Note: e.Remedy(), Code: e.Code, httpStatus: s.Status,
	}
	switch e.Code {
	case broker.CodeLinkExpired, broker.CodeLinkRevoked, broker.CodeLinkUnknown:
		p.Actions = askAgain(p.brand)
	case broker.CodeInternal:
		p.Number = RequestID(r.Context())
	case broker.CodeInvalid:
		p.Detail = shorten(e.What, maxDetail)
	}
	if run := h.progressOf(r, e.Code); run != "" && len(p.Actions) == 0 {
		p.Actions = []action{{Label: "Open my progress", Main: true, Href: runPath(broker.Run{ID: run})}}
	}
	return p
}

// progressOf is the run that this browser can go back to: that of the address, else the one it worked on last. A run that
// has just been refused to this browser is not offered again.
func (h *Handler) progressOf(r *http.Request, code broker.Code) string {
	run, newest := r.PathValue("run"), h.cookies.newest(r)
	if run == "" || newest == "" {
		return newest
	}
	own := h.cookies.ofRun(r, run)[0] != "" && code != broker.CodeContinue
	if own {
		return run
	}
	if newest == run {
		return ""
	}
	return newest
}

func askAgain(b brand) []action {
	if b.Support == "" {
		return nil
	}
	return []action{{Label: "Contact " + b.Name, Main: true, Href: b.Support}}
}

// handleSituation is the page of one code, to which errors of the API and the command line refer.
func (h *Handler) handleSituation(w http.ResponseWriter, r *http.Request) {
	code := broker.Code(r.PathValue("code"))
	s, ok := broker.Situations[code]
	if !ok {
		h.handleNotFound(w, r)
		return
	}
	h.show(w, r, page{Heading: s.Title, Lead: s.Text, Note: s.Do, Code: code})
}

func (h *Handler) handleNotFound(w http.ResponseWriter, r *http.Request) {
	h.fail(w, r, &broker.Error{Code: broker.CodeNotFound})
}
