package netsuite

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TBA signs in to one account by token-based authentication, NetSuite's OAuth 1.0 (RFC 5849), to read only: so that an old
// integration can be inspected before it is moved to OAuth 2.0. New integrations should not be built on it, and from NetSuite
// 2027.1 no new ones can be made; what exists runs on until 2028.2 as it stands (H/section_158921905537).
//
// A literal is ready for use, by any number of goroutines. API is the door that most callers want.
type TBA struct {
	Account        AccountID
	ConsumerKey    string // of the integration record
	ConsumerSecret Secret
	TokenID        string // of the access token
	TokenSecret    Secret

	Site       Site                         // zero: netsuite.com
	HTTPClient func(AccountID) *http.Client // nil: Site.HTTPClient. Only its Transport and Timeout are used
	Now        func() time.Time             // nil: time.Now. NetSuite refuses a timestamp that is minutes off
}

// ErrReadOnly is returned by the client of a TBA for a request that might write. Nothing was sent.
var ErrReadOnly = errors.New("request refused: token-based authentication is for reading only")

// API returns the account for inspection, such as the list of tokens that are still in use:
//
//	SELECT * FROM oAuthToken WHERE BINACTIVE = 'F' AND BREVOKED = 'F'
//
// Its methods that write fail with ErrReadOnly.
func (t *TBA) API() *API {
	return &API{Account: t.Account, Site: t.Site, HTTPClient: func(AccountID) *http.Client { return t.Client(context.Background()) }}
}

// Client returns a client that signs each request and goes to the account's own hosts only. It sends GET, HEAD, and POST to
// SuiteQL; everything else is ErrReadOnly. What a RESTlet does on GET is its script's affair. Redirects are given back
// unfollowed. It stops for good when ctx ends.
func (t *TBA) Client(ctx context.Context) *http.Client {
	client := clientFor(t.Site, t.Account, t.HTTPClient)
	client.Transport = &tbaTransport{ctx: ctx, tba: t, door: t.Site.doorTo(t.Account), base: client.Transport}
	return client
}

func (t *TBA) check() error {
	switch {
	case !clientIDForm.MatchString(t.ConsumerKey):
		return errors.New("consumer key must be 1 to 128 letters, digits, _ or -; copy it from where the old integration keeps it")
	case !clientIDForm.MatchString(t.TokenID):
		return errors.New("token ID must be 1 to 128 letters, digits, _ or -; copy it from where the old integration keeps it")
	case t.ConsumerSecret.IsZero() || t.TokenSecret.IsZero():
		return errors.New("consumer secret and token secret must not be empty; NetSuite shows them once only, so copy them from where the old integration keeps them")
	}
	return nil
}

// tbaTransport signs. It looks at address and method first: nothing is signed that will not be sent.
type tbaTransport struct {
	ctx  context.Context // ends the client
	tba  *TBA
	door door
	base http.RoundTripper
}

func (t *tbaTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	authorization, err := t.authorization(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body, also on errors
		}
		return nil, &unsentError{err}
	}
	signed := r.Clone(r.Context())
	signed.Header.Set("Authorization", authorization)
	return t.base.RoundTrip(signed)
}

func (t *tbaTransport) authorization(r *http.Request) (string, error) {
	if err := t.door.admit(r); err != nil {
		return "", err
	}
	if err := t.ctx.Err(); err != nil {
		return "", err
	}
	if !reads(r) {
		return "", fmt.Errorf("%w: %.20s", ErrReadOnly, r.Method)
	}
	return t.tba.authorization(r, rand.Text())
}

// reads reports whether a request cannot write: SuiteQL has SELECT alone. A form as the body is refused too, since it would
// have to be signed (RFC 5849 section 3.4.1.3.1).
func reads(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPost:
		return r.URL.EscapedPath() == suiteQLPath && !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
	}
	return false
}

// authorization makes the header of RFC 5849 section 3.5.1, with the account ID as the realm.
func (t *TBA) authorization(r *http.Request, nonce string) (string, error) {
	if err := t.check(); err != nil {
		return "", err
	}
	account, err := ParseAccountID(string(t.Account))
	if err != nil {
		return "", err
	}
	protocol := []parameter{
		{"oauth_consumer_key", t.ConsumerKey},
		{"oauth_token", t.TokenID},
		{"oauth_signature_method", "HMAC-SHA256"}, // HMAC-SHA1 is not accepted any more
		{"oauth_timestamp", strconv.FormatInt(timeNow(t.Now).Unix(), 10)},
		{"oauth_nonce", nonce},
		{"oauth_version", "1.0"},
	}
	text, err := signatureBase(r.Method, r.URL, protocol)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, signingKey(t.ConsumerSecret, t.TokenSecret))
	mac.Write([]byte(text))
	signature := parameter{"oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))}

	header := "OAuth realm=\"" + string(account) + "\""
	for _, p := range append(protocol, signature) {
		header += ", " + p.name + "=\"" + percentEncode(p.value) + "\""
	}
	return header, nil
}

// signingKey is that of RFC 5849 section 3.4.2.
func signingKey(consumerSecret, tokenSecret Secret) []byte {
	return []byte(percentEncode(consumerSecret.Reveal()) + "&" + percentEncode(tokenSecret.Reveal()))
}

type parameter struct{ name, value string }

// signatureBase makes the signature base string of RFC 5849 section 3.4.1 out of the request's query and more parameters.
func signatureBase(method string, u *url.URL, more []parameter) (string, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errors.New("the query cannot be signed; percent-encode it")
	}
	all := slices.Clone(more)
	for name, values := range query {
		for _, value := range values {
			all = append(all, parameter{name, value})
		}
	}
	return percentEncode(strings.ToUpper(method)) + "&" + percentEncode(baseURI(u)) + "&" + percentEncode(normalize(all)), nil
}

// normalize encodes, sorts and joins parameters (RFC 5849 section 3.4.1.3.2).
func normalize(all []parameter) string {
	encoded := make([]parameter, len(all))
	for i, p := range all {
		encoded[i] = parameter{percentEncode(p.name), percentEncode(p.value)}
	}
	slices.SortFunc(encoded, func(a, b parameter) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	pairs := make([]string, len(encoded))
	for i, p := range encoded {
		pairs[i] = p.name + "=" + p.value
	}
	return strings.Join(pairs, "&")
}

// baseURI is that of RFC 5849 section 3.4.1.2: lower case, without the scheme's own port, query and fragment.
func baseURI(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host + cmp.Or(u.EscapedPath(), "/")
}

// percentEncode encodes all but the unreserved characters (RFC 5849 section 3.6), which net/url does not for every use.
func percentEncode(s string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
