package httpapi

import "net/http"

// handleRecordKeys gives the public keys that verify the records of disconnections (RFC 7517), to anybody.
func (a *API) handleRecordKeys(w http.ResponseWriter, r *http.Request) {
	keys, err := a.cfg.RecordKeys(r.Context())
	if err != nil {
		a.cfg.Logger.ErrorContext(r.Context(), "the keys of records cannot be read", "err", err)
		plainText(w, http.StatusServiceUnavailable, "the keys cannot be read at the moment\n")
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(keys)
}
