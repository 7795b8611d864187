package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// API is one account's services. Most callers get one from ClientCredentials.API or UserCredentials.API, which signs in and
// takes care of the account by itself. A literal with a Token makes each call once, with that token and at once. Either is
// ready for use, by any number of goroutines.
type API struct {
	Account AccountID
	Site    Site   // zero: netsuite.com
	Token   Secret // access token, whose scope must cover the call; zero: HTTPClient signs in

	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used

	// CertificateService is the host of the certificates endpoint: ServiceSuiteTalk (also the zero value) or
	// ServiceRESTlets ("restlets" will do).
	CertificateService Service
}

func (a *API) client() *http.Client { return clientFor(a.Site, a.Account, a.HTTPClient) }

// request makes a call to path on one of the account's hosts. A body that is not nil is sent as JSON.
func (a *API) request(op string, svc Service, method, path string, query url.Values, body any) (*request, error) {
	signsIn := a.Token.IsZero() && a.HTTPClient != nil
	if !signsIn && !bearerForm.MatchString(a.Token.Reveal()) {
		return nil, fmt.Errorf("%s: the access token is empty or malformed; give Token.AccessToken", op)
	}
	u, err := a.Site.BaseURL(a.Account, svc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	u.Path, u.RawQuery = path, query.Encode()
	header := http.Header{"Accept": {"application/json, application/vnd.oracle.resource+json"}}
	if !signsIn {
		header.Set("Authorization", "Bearer "+a.Token.Reveal())
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
