package web

import (
	"net/http"

	"github.com/suitekey/suitekey/internal/broker"
)

// Register adds every route of the wizard to the mux. All answers carry the headers of headers.go; every POST is checked
// for its origin.
func (h *Handler) Register(mux *http.ServeMux) {
	// The link: the only pages whose path holds a secret (ON-13).
	mux.Handle("GET /c/{token}", h.page(h.handleWelcome))
	mux.Handle("GET /c/{token}/send", h.page(h.handleForward))
	mux.Handle("POST /c/{token}", h.page(h.limited(h.handleStart)))

	// NetSuite's redirect.
	mux.Handle("GET /callback/{app}", h.page(h.limited(h.handleCallback)))

	// The run: every step has its own address, safe to reload.
	mux.Handle("GET /r/{run}", h.page(h.handleRun))
	for _, s := range steps {
		mux.Handle("GET /r/{run}/"+s.name, h.page(h.handleStep(s)))
	}
	mux.Handle("GET /r/{run}/status", h.page(h.handleStatus))
	mux.Handle("GET /r/{run}/send", h.page(h.handleHandover))
	mux.Handle("GET /r/{run}/receipt", h.page(h.handleReceipt))
	mux.Handle("GET /r/{run}/receipt.json", h.page(h.handleReceiptJSON))
	for _, kind := range actions {
		mux.Handle("POST /r/{run}/"+string(kind), h.page(h.handleAction(kind)))
	}

	// What the pages are made of, and what their codes mean.
	mux.Handle("GET /errors/{code}", h.page(h.handleSituation))
	mux.Handle("GET /brand/{file}", h.page(h.handleTheme))
	mux.Handle("GET /brand/{app}/logo", h.page(h.handleLogo))
	mux.Handle("GET /static/{file}", h.page(h.handleStatic))

	for _, below := range []string{"/c/", "/callback/", "/r/", "/errors/", "/brand/", "/static/"} {
		mux.Handle(below, h.page(h.handleNotFound))
	}
}

// actions are the buttons of a run's pages; each is a POST to its name.
var actions = []broker.ActionKind{
	broker.ActConsent, broker.ActCheck, broker.ActAccount, broker.ActHolder, broker.ActCertificate,
	broker.ActRetry, broker.ActCancel, broker.ActHandover,
}

// page is the middleware of every route: request ID, headers, origin check, access log.
func (h *Handler) page(next http.HandlerFunc) http.Handler {
	return h.identified(h.logged(h.guarded(next)))
}
