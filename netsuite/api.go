package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// API is one account reached with one access token, of a consent or of client credentials. A literal is ready for use, by
// any number of goroutines. No call is repeated here: whether that is safe only the caller knows.
type API struct {
	Account AccountID
	Site    Site   // zero: netsuite.com
	Token   Secret // access token; its scope must cover the call

	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used

	// CertificateService is the host of the certificates endpoint: ServiceSuiteTalk (also the zero value) or
	// ServiceRESTlets ("restlets" will do).
	CertificateService Service
}

func (a *API) client() *http.Client { return clientFor(a.Site, a.Account, a.HTTPClient) }

// request makes a call to path on one of the account's hosts. A body that is not nil is sent as JSON.
func (a *API) request(op string, svc Service, method, path string, query url.Values, body any) (*request, error) {
	if !bearerForm.MatchString(a.Token.Reveal()) {
		return nil, fmt.Errorf("%s: the access token is empty or malformed; give Token.AccessToken", op)
	}
	u, err := a.Site.BaseURL(a.Account, svc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	u.Path, u.RawQuery = path, query.Encode()
	header := http.Header{
		"Authorization": {"Bearer " + a.Token.Reveal()},
		"Accept":        {"application/json, application/vnd.oracle.resource+json"},
	}
	r := &request{op: op, face: apiFace, method: method, url: u, header: header, limit: maxAPIAnswer, secrets: []Secret{a.Token}}
	if body == nil {
		return r, nil
	}
	if r.body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("%s: the body cannot be written as JSON: %w", op, withoutValue(err))
	}
	header.Set("Content-Type", "application/json")
	return r, nil
}

// withoutValue keeps the text of a caller's MarshalJSON out of errors: it may quote what it could not write.
func withoutValue(err error) error {
	var e *json.MarshalerError
	if errors.As(err, &e) {
		return fmt.Errorf("type %s failed to marshal itself", e.Type)
	}
	return err
}
