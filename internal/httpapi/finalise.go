package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	maxFinaliseBody = 4 << 10
	// maxSecret is more than any value that this server makes.
	maxSecret = 200
)

// handleFinalise lets an app's backend say that the run of a session link is its user's (ON-01).
func (a *API) handleFinalise(w http.ResponseWriter, r *http.Request) {
	secret, err := bearer(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	code, err := readCode(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	run, account, err := a.cfg.Finaliser.Finalise(r.Context(), r.PathValue("id"), secret, code)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	body := appendJSON([]byte(`{"run_url":`), a.base+"/r/"+run)
	body = appendJSON(append(body, `,"account":`...), account.String())
	writeUncached(w, http.StatusOK, append(body, '}', '\n'))
}

// bearer reads the finalise secret of the link.
func bearer(r *http.Request) (string, error) {
	header := r.Header["Authorization"]
	if len(header) == 1 {
		scheme, secret, _ := strings.Cut(header[0], " ")
		if strings.EqualFold(scheme, "Bearer") && secret != "" && len(secret) <= maxSecret {
			return secret, nil
		}
	}
	return "", broker.Errorf(broker.CodeInvalid, `header "Authorization": must be, once, Bearer and the finalise secret of the link`)
}

// readCode reads the body {"code":"..."} strictly: one object, one field, once.
func readCode(w http.ResponseWriter, r *http.Request) (string, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return "", broker.Errorf(broker.CodeInvalid, `header "Content-Type": must be application/json`)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFinaliseBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return "", broker.Errorf(broker.CodeTooLarge, "the body must have at most %d bytes", maxFinaliseBody)
	}
	if err != nil {
		return "", broker.Errorf(broker.CodeInvalid, "the body could not be read to its end")
	}
	return parseCode(string(body))
}

var errCodeBody = broker.Errorf(broker.CodeInvalid, `body: must be {"code":"..."} and nothing else`).
	WithDo("Send the code that the browser carried to the return URL.")

// parseCode walks the tokens itself, because the standard decoder lets the last of several equal names win.
func parseCode(body string) (string, error) {
	d := json.NewDecoder(strings.NewReader(body))
	var found [4]json.Token
	for i := range found {
		var err error
		if found[i], err = d.Token(); err != nil {
			return "", errCodeBody
		}
	}
	code, isText := found[2].(string)
	_, err := d.Token()
	if found[0] != json.Delim('{') || found[1] != "code" || !isText || found[3] != json.Delim('}') || !errors.Is(err, io.EOF) {
		return "", errCodeBody
	}
	if code == "" || len(code) > maxSecret {
		return "", broker.Errorf(broker.CodeInvalid, `field "code": must have 1 to %d characters`, maxSecret)
	}
	return code, nil
}
