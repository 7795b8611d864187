package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyWithin bounds the question to the database; a load balancer does not wait longer.
const readyWithin = 5 * time.Second

// handleLive answers while the process serves at all.
func (a *API) handleLive(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "ok\n") }

// handleReady answers 200 while the database does. NetSuite does not count: without it, cached tokens are still handed out.
func (a *API) handleReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if a.cfg.Ready != nil {
		if err := a.cfg.Ready(ctx); err != nil {
			a.cfg.Logger.ErrorContext(r.Context(), "the server is not ready", "err", err)
			plainText(w, http.StatusServiceUnavailable, "the database does not answer\n")
			return
		}
	}
	plainText(w, http.StatusOK, "ok\n")
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header()["Cache-Control"] = noStore
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
