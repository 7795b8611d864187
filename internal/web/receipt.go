package web

import (
	"encoding/json"
	"net/http"

	"github.com/suitekey/suitekey/internal/broker"
)

// handleReceipt shows every call that was made with the set-up permission.
func (h *Handler) handleReceipt(w http.ResponseWriter, r *http.Request) {
	v, receipt, err := h.receipt(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.show(w, r, page{
		brand: brandOf(v.App), Customer: v.Link.Customer, Account: accountLine(v.Run.Account), Steps: progressAt(v.Link, stepOf(v)),
		Heading: "Every call we made",
		Lead:    "These are all requests to NetSuite that were made with your permission while you connected, in their order.",
		Body:    "receipt", Data: receiptBody{receipt, personal(v.Link)},
		Actions: []action{
			{Label: "Download as JSON", Main: true, Href: runPath(v.Run) + "/receipt.json"},
			{Label: "Back", Href: runPath(v.Run)},
		},
	})
}

// receiptBody is a receipt as its page shows it. A person's permission is not ended: the connection works with it.
type receiptBody struct {
	broker.Receipt
	Personal bool
}

// handleReceiptJSON is the same list as a file to keep.
func (h *Handler) handleReceiptJSON(w http.ResponseWriter, r *http.Request) {
	v, receipt, err := h.receipt(r)
	if err != nil {
		h.failJSON(w, r, err)
		return
	}
	body, err := json.MarshalIndent(receipt, "", "  ")
	if err != nil {
		h.failJSON(w, r, err)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="suitekey-receipt-`+fileName(v.Run.ID)+`.json"`)
	write(w, "application/json", append(body, '\n'))
}

func (h *Handler) receipt(r *http.Request) (broker.View, broker.Receipt, error) {
	v, secret, err := h.view(r)
	if err != nil {
		return v, broker.Receipt{}, err
	}
	receipt, err := h.cfg.Onboarding.Receipt(r.Context(), v.Run.ID, secret)
	if receipt.Calls == nil {
		receipt.Calls = []broker.Call{} // an empty list in the file, not null
	}
	return v, receipt, err
}

// fileName keeps what is safe in a quoted header value and on every file system.
func fileName(id string) string {
	safe := []byte(id)
	for i, c := range safe {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			safe[i] = '-'
		}
	}
	return string(safe)
}
