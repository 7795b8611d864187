package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	maxBody  = 64 << 10
	maxValue = 200
)

// readForm reads a form of ours and refuses everything that no form of ours sends: another media type, fields in the
// address, unknown or repeated fields, and long values.
func readForm(w http.ResponseWriter, r *http.Request, allowed ...string) (url.Values, error) {
	if r.URL.RawQuery != "" {
		return nil, broker.Errorf(broker.CodeInvalid, "fields belong in the form, not in the address")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") != "" && (err != nil || media != "application/x-www-form-urlencoded") {
		return nil, broker.Errorf(broker.CodeInvalid, "header Content-Type: must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, broker.Errorf(broker.CodeTooLarge, "the form is larger than 64 KiB")
		}
		return nil, broker.Errorf(broker.CodeInvalid, "the form is not well formed")
	}
	for field, values := range r.PostForm {
		switch {
		case !slices.Contains(allowed, field):
			return nil, broker.Errorf(broker.CodeInvalid, "the form holds a field that this page does not have")
		case len(values) > 1:
			return nil, broker.Errorf(broker.CodeInvalid, "field %q: may be sent once", field)
		case len(values[0]) > maxValue || !utf8.ValidString(values[0]):
			return nil, broker.Errorf(broker.CodeInvalid, "field %q: must be at most %d characters of text", field, maxValue)
		}
	}
	return r.PostForm, nil
}
