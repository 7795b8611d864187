package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/suitekey/suitekey/internal/broker"
)

// handleCallback takes NetSuite's redirect and moves on to an address without code and state (ON-08).
func (h *Handler) handleCallback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	run, err := h.cfg.Onboarding.Callback(r.Context(), r.PathValue("app"), query, h.cookies.ofState(r, query.Get("state")))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	http.Redirect(w, r, runPath(broker.Run{ID: run}), http.StatusSeeOther)
}

const maxRunID = 64

// view is the run of the address, and the secret of this browser that opens it. Of several secrets for one run the
// service accepts that of the consent which counts.
func (h *Handler) view(r *http.Request) (v broker.View, secret string, err error) {
	id := r.PathValue("run")
	if len(id) > maxRunID {
		return v, "", &broker.Error{Code: broker.CodeContinue}
	}
	for _, secret = range h.cookies.ofRun(r, id) {
		v, err = h.cfg.Onboarding.View(r.Context(), id, secret)
		if err == nil || broker.CodeOf(err) != broker.CodeContinue {
			break
		}
	}
	return v, secret, err
}

// handleRun leads to where the run stands now.
func (h *Handler) handleRun(w http.ResponseWriter, r *http.Request) {
	v, _, err := h.view(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	http.Redirect(w, r, whereNow(v), http.StatusSeeOther)
}

// whereNow is the address of the present step. A run that the app's backend must confirm first goes to the app's registered
// return URL, with its one-time code (ON-01, ON-07).
func whereNow(v broker.View) string {
	if v.Run.Phase() == broker.PhaseUnconfirmed && v.ReturnTo != "" && registered(v.ReturnTo, v.App) {
		return v.ReturnTo
	}
	return runPath(v.Run) + "/" + stepOf(v).name
}

// handleStep shows a step, or leads to the present one: the address is only a view of the stored run (ON-10).
func (h *Handler) handleStep(s step) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, _, err := h.view(r)
		switch {
		case err != nil:
			h.fail(w, r, err)
		case whereNow(v) != runPath(v.Run)+"/"+s.name:
			http.Redirect(w, r, runPath(v.Run), http.StatusSeeOther)
		default:
			h.show(w, r, runPage(v, h.cfg.Now()))
		}
	}
}

// status is what the page's script asks for.
type status struct {
	Version     int64        `json:"version"`
	Step        string       `json:"step"`
	Phase       broker.Phase `json:"phase"`
	MinutesLeft int          `json:"minutes_left,omitempty"`
}

func (h *Handler) handleStatus(w http.ResponseWriter, r *http.Request) {
	v, _, err := h.view(r)
	if err != nil {
		h.failJSON(w, r, err)
		return
	}
	h.writeJSON(w, http.StatusOK, status{v.Run.Version, stepOf(v).name, v.Run.Phase(), minutesLeft(v.Run, h.cfg.Now())})
}

func (h *Handler) writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.cfg.Logger.Debug("answer not sent", "err", err) // the client has gone away
	}
}

// handleAction presses a button: it changes the run through the service, and leads back to the run.
func (h *Handler) handleAction(kind broker.ActionKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := readValue(w, r, kind)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		v, secret, err := h.view(r)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		out, err := h.cfg.Onboarding.Act(r.Context(), v.Run.ID, secret, broker.Action{Kind: kind, Value: value})
		switch {
		case err != nil && overtaken(kind, err):
			http.Redirect(w, r, runPath(v.Run), http.StatusSeeOther)
		case err != nil:
			h.failFor(w, r, v.App, err)
		case out.Departure != nil:
			h.depart(w, r, *out.Departure)
		case out.HandoverURL != "":
			h.showHandover(w, r, v, out)
		default:
			http.Redirect(w, r, runPath(v.Run), http.StatusSeeOther)
		}
	}
}

// overtaken: whoever presses "Check again" while the run has just gone on by itself wants to see the run.
func overtaken(kind broker.ActionKind, err error) bool {
	return (kind == broker.ActCheck || kind == broker.ActRetry) && broker.CodeOf(err) == broker.CodeWrongStep
}

// readValue reads the form of a button. Which values exist depends on the button; whether this one fits the run is the
// service's question.
func readValue(w http.ResponseWriter, r *http.Request, kind broker.ActionKind) (string, error) {
	switch kind {
	case broker.ActConsent, broker.ActAccount, broker.ActHolder, broker.ActCertificate:
	default:
		_, err := readForm(w, r)
		return "", err
	}
	form, err := readForm(w, r, "value")
	if err != nil {
		return "", err
	}
	value := form.Get("value")
	_, notNumber := strconv.ParseInt(value, 10, 64)
	switch {
	case kind == broker.ActConsent && value != "" && value != "other":
		return "", broker.Errorf(broker.CodeInvalid, "field \"value\": must be \"other\" or left out")
	case kind == broker.ActHolder && notNumber != nil:
		return "", broker.Errorf(broker.CodeInvalid, "field \"value\": choose one of the users on the page")
	case kind == broker.ActCertificate && value == "":
		return "", broker.Errorf(broker.CodeInvalid, "field \"value\": choose one of the certificates on the page")
	}
	return value, nil
}

// handleHandover explains what handing over means; the button makes the link.
func (h *Handler) handleHandover(w http.ResponseWriter, r *http.Request) {
	v, _, err := h.view(r)
	switch {
	case err != nil:
		h.fail(w, r, err)
	case v.Link.Kind != broker.LinkSent || personal(v.Link) || v.Run.Over():
		h.failFor(w, r, v.App, broker.Errorf(broker.CodeWrongStep, "this set-up cannot be handed over"))
	default:
		h.show(w, r, page{
			brand: brandOf(v.App), Customer: v.Link.Customer, Account: accountLine(v.Run.Account), Steps: progressAt(v.Link, stepOf(v)),
			Heading: "Let someone else go on",
			Lead:    "You get a link for them. Your progress is kept; they allow set-up themselves, and then go on where you stopped.",
			Note:    "The link shows the name of your company and lets its holder finish the set-up. It works until it is used or seven days have passed.",
			Actions: []action{
				{Label: "Make the link", Main: true, Post: runPath(v.Run) + "/handover"},
				{Label: "Back", Href: runPath(v.Run)},
			},
		})
	}
}

// showHandover answers the POST itself: the link is shown once and stored nowhere, so no address of ours can show it again.
func (h *Handler) showHandover(w http.ResponseWriter, r *http.Request, v broker.View, out broker.Outcome) {
	p := h.forwardPage(v.App, v.Link, out.HandoverURL, out.HandoverExpires)
	p.Steps, p.Heading = progressAt(v.Link, stepOf(v)), "Send this link on"
	p.Lead = fmt.Sprintf("Whoever opens it goes on with the set-up of %s where you stopped.", v.App.DisplayName)
	p.Note = "We show this link once. If it is lost, make another one."
	p.Actions = append(p.Actions, action{Label: "Back to my progress", Href: runPath(v.Run)})
	h.show(w, r, p)
}
