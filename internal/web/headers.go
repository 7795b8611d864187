package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

type requestIDKey struct{}

// RequestID is the number under which a request is logged; empty outside of a request of ours.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func (h *Handler) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, broker.NewID("req"))))
	})
}

// logged writes one line per request. It names the route, never the path: a path may hold a link's token (ON-13).
func (h *Handler) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := h.cfg.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		h.cfg.Logger.Info("request answered", "route", r.Pattern, "status", seen.status,
			"ms", h.cfg.Now().Sub(begin).Milliseconds(), "request_id", RequestID(r.Context()))
	})
}

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and http.MaxBytesReader reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// guarded sets the headers of every answer and refuses requests that another site's page sent.
func (h *Handler) guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.setHeaders(w.Header())
		// Under Referrer-Policy no-referrer browsers send "Origin: null" with our own forms too; Sec-Fetch-Site tells them apart.
		if err := h.csrf.Check(r); err != nil {
			h.fail(w, r, broker.Errorf(broker.CodeContinue, "the form was sent by another site").WithCause(err))
			return
		}
		next(w, r)
	})
}

func (h *Handler) setHeaders(header http.Header) {
	header.Set("Content-Security-Policy", h.contentPolicy())
	header.Set("Referrer-Policy", "no-referrer") // ON-08
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if h.cookies.secure {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// contentPolicy allows our own files only: no inline script, no inline style, no frame (ON-09). Browsers apply form-action
// to the redirects after a form as well, so it lists where ours may lead.
func (h *Handler) contentPolicy(leadsTo ...string) string {
	targets := slices.Concat([]string{"'self'"}, h.cfg.FormAction, leadsTo)
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action " + strings.Join(targets, " ") + "; frame-ancestors 'none'; base-uri 'none'"
}

// cache lets browsers keep an answer for good when its address names its content, and else asks them to look again.
func cache(header http.Header, named bool) {
	if !named {
		header.Set("Cache-Control", "no-cache")
		return
	}
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
}
