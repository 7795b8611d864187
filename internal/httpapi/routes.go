package httpapi

import "net/http"

// Register adds every route of this face to the mux.
func (a *API) Register(mux *http.ServeMux) {
	// Tokens (RFC 6749, RFC 8414).
	mux.HandleFunc("POST /oauth2/token", a.handleToken)
	mux.HandleFunc("GET /oauth2/token", a.handleTokenGet)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", a.handleMetadata)

	// For the backends of apps.
	mux.HandleFunc("POST /v1/onboarding-links/{id}/finalise", a.handleFinalise)

	// For whoever has a record of a disconnection and wants to prove it.
	mux.HandleFunc("GET /.well-known/suitekey-records.json", a.handleRecordKeys)

	// For load balancers.
	mux.HandleFunc("GET /livez", a.handleLive)
	mux.HandleFunc("GET /readyz", a.handleReady)
}
