package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// API is one account's services. Most callers get one from ClientCredentials.API or UserCredentials.API, which signs in and
// takes care of the account by itself. A literal with a Token makes each call once, with that token and at once. Either is
// ready for use, by any number of goroutines.
type API struct {
	Account AccountID
	Site    Site   // zero: netsuite.com
	Token   Secret // access token, whose scope must cover the call; zero: HTTPClient signs in by itself

	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now

	// Language is sent as Accept-Language: "en", "en-US". NetSuite refuses with INVALID_HEADER a user whose own language is
	// not the company's until the company's is asked for. "" sends none.
	Language string

	// CertificateService is the host of the certificates endpoint: ServiceSuiteTalk (also the zero value) or
	// ServiceRESTlets ("restlets" will do).
	CertificateService Service
}

func (a *API) client() *http.Client { return clientFor(a.Site, a.Account, a.HTTPClient) }

// maxUpload is what NetSuite takes in one request (H/chapter_161251386312), with MB read as the smaller of its meanings.
const maxUpload = 104_000_000

var languageForm = newForm(`^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}$`) // RFC 5646 section 2.1, roughly

// request makes a call to path on one of the account's hosts. A body that is not nil is sent as JSON.
func (a *API) request(op string, svc Service, method, path string, query url.Values, body any) (*request, error) {
	header, err := a.header()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	u, err := a.Site.BaseURL(a.Account, svc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	u.Path, u.RawQuery = path, query.Encode()
	r := &request{op: op, face: apiFace, method: method, url: u, header: header, limit: maxAPIAnswer, secrets: []Secret{a.Token}}
	if body == nil {
		return r, nil
	}
	if r.body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("%s: the body cannot be written as JSON: %w", op, withoutValue(err))
	}
	if len(r.body) > maxUpload {
		return nil, fmt.Errorf("%s: the body of %d bytes is larger than the 104 MB that NetSuite takes; send less at once", op, len(r.body))
	}
	header.Set("Content-Type", "application/json")
	return r, nil
}

// header makes the headers that every call has.
func (a *API) header() (http.Header, error) {
	h := http.Header{"Accept": {"application/json, application/vnd.oracle.resource+json"}}
	switch {
	case a.Token.IsZero() && a.HTTPClient == nil:
		return nil, errors.New("the access token is empty; give Token.AccessToken, or an HTTPClient that signs in by itself")
	case a.Token.IsZero():
	case !bearerForm.MatchString(a.Token.Reveal()):
		return nil, errors.New("the access token is malformed; give Token.AccessToken")
	default:
		h.Set("Authorization", "Bearer "+a.Token.Reveal())
	}
	if a.Language == "" {
		return h, nil
	}
	if !languageForm.MatchString(a.Language) {
		return nil, fmt.Errorf("language %.40q must be one tag, such as en or en-US", a.Language)
	}
	h.Set("Accept-Language", a.Language)
	return h, nil
}

// withoutValue keeps the text of a caller's MarshalJSON out of errors: it may quote what it could not write.
func withoutValue(err error) error {
	var e *json.MarshalerError
	if errors.As(err, &e) {
		return fmt.Errorf("type %s failed to marshal itself", e.Type)
	}
	return err
}
