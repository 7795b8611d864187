package httpapi

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	// maxForm is far beyond the few hundred bytes of a token request.
	maxForm = 16 << 10
	// grantType is the only grant of this endpoint.
	grantType = "client_credentials"
)

// Refusals of requests that say nothing about a client.
func invalidRequest(format string, args ...any) *tokens.Refusal {
	return &tokens.Refusal{Reason: tokens.InvalidRequest, Err: broker.Errorf(broker.CodeInvalid, format, args...)}
}

func invalidClient(text string) *tokens.Refusal {
	return &tokens.Refusal{Reason: tokens.InvalidClient, Err: broker.Errorf(broker.CodeInvalid, "%s", text).
		WithDo("Send client ID and secret with HTTP Basic, or as client_id and client_secret in the body.")}
}

// tokenForm holds the parameters that this endpoint knows. Empty ones count as left out (RFC 6749 section 3.2).
type tokenForm struct {
	grantType, clientID, clientSecret, scope, resource, endUser string
}

// readTokenRequest reads credentials and parameters. It never says more than that the form of the request is wrong.
func readTokenRequest(w http.ResponseWriter, r *http.Request) (tokens.Request, *tokens.Refusal) {
	if r.URL.RawQuery != "" {
		return tokens.Request{}, invalidRequest("the query string must be empty: parameters belong in the body, where no log keeps them")
	}
	form, refusal := readTokenForm(w, r)
	if refusal != nil {
		return tokens.Request{}, refusal
	}
	switch form.grantType {
	case grantType:
	case "":
		return tokens.Request{}, invalidRequest("grant_type is missing; send grant_type=%s", grantType)
	default:
		return tokens.Request{}, &tokens.Refusal{Reason: "unsupported_grant_type", Err: broker.Errorf(broker.CodeInvalid, "grant_type must be %s", grantType)}
	}
	id, secret, refusal := credentials(r, form)
	if refusal != nil {
		return tokens.Request{}, refusal
	}
	return tokens.Request{
		ClientID: id, Secret: netsuite.NewSecret(secret), Resource: form.resource, EndUser: form.endUser, Scope: form.scope, From: remoteHost(r.RemoteAddr),
	}, nil
}

func readTokenForm(w http.ResponseWriter, r *http.Request) (tokenForm, *tokens.Refusal) {
	if !isForm(r.Header["Content-Type"]) || len(r.Header["Content-Encoding"]) > 0 {
		return tokenForm{}, invalidRequest("Content-Type must be application/x-www-form-urlencoded, in UTF-8 and not compressed")
	}
	body, err := readBody(w, r)
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return tokenForm{}, &tokens.Refusal{Reason: tokens.InvalidRequest, Err: broker.Errorf(broker.CodeTooLarge, "the body must have at most %d bytes", maxForm)}
		}
		return tokenForm{}, invalidRequest("the body could not be read to its end")
	}
	return parseTokenForm(body)
}

func isForm(contentType []string) bool {
	const form = "application/x-www-form-urlencoded"
	if len(contentType) != 1 {
		return false
	}
	if contentType[0] == form {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType[0])
	charset := params["charset"]
	return err == nil && media == form && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// readBody reads at most maxForm bytes. The usual short body of known length is read without a growing buffer.
func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if n := r.ContentLength; n >= 0 && n <= 512 {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return string(body), err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	return string(body), err
}

// parseTokenForm splits the body. A parameter that comes twice is refused, known or not (RFC 6749 section 3.2), so that no two
// readers of one request can see different things.
func parseTokenForm(body string) (tokenForm, *tokens.Refusal) {
	var form tokenForm
	seen := make([]string, 0, 8) // few: unknown parameters are ignored, but a client has no reason to send many
	for body != "" {
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		if pair == "" {
			continue
		}
		name, value, err := unescapePair(pair)
		if err != nil {
			return form, invalidRequest("the body is not valid application/x-www-form-urlencoded")
		}
		for _, before := range seen {
			if before == name {
				return form, invalidRequest("a parameter is sent twice: %s", shown(name))
			}
		}
		if len(seen) == maxParameters {
			return form, invalidRequest("the body must have at most %d parameters", maxParameters)
		}
		seen = append(seen, name)
		form.set(name, value)
	}
	return form, nil
}

// maxParameters bounds the search for parameters sent twice.
const maxParameters = 50

func (f *tokenForm) set(name, value string) {
	switch name {
	case "grant_type":
		f.grantType = value
	case "client_id":
		f.clientID = value
	case "client_secret":
		f.clientSecret = value
	case "scope":
		f.scope = value
	case "resource":
		f.resource = value
	case "end_user":
		f.endUser = value
	}
}

func unescapePair(pair string) (name, value string, err error) {
	name, value, _ = strings.Cut(pair, "=")
	if name, err = unescape(name); err != nil {
		return "", "", err
	}
	value, err = unescape(value)
	return name, value, err
}

func unescape(s string) (string, error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// shown cuts a name that a stranger chose.
func shown(name string) string {
	if len(name) > 40 {
		return name[:40] + "..."
	}
	return name
}

// credentials come with HTTP Basic or in the body, never in both ways (RFC 6749 section 2.3). A client_id in the body that
// repeats the one of the header is no second way, since it proves nothing.
func credentials(r *http.Request, form tokenForm) (id, secret string, refusal *tokens.Refusal) {
	header := r.Header["Authorization"]
	switch {
	case len(header) > 1:
		return "", "", invalidRequest("there is more than one Authorization header")
	case len(header) == 0 && (form.clientID == "" || form.clientSecret == ""):
		return "", "", invalidClient("client ID or secret is missing")
	case len(header) == 0:
		return form.clientID, form.clientSecret, nil
	case form.clientSecret != "":
		return "", "", invalidRequest("credentials are sent in two ways; send them in the header or in the body")
	}
	id, secret, ok := r.BasicAuth()
	if !ok {
		return "", "", invalidClient("the Authorization header is not HTTP Basic with client ID and secret")
	}
	id, secret = plain(id), plain(secret)
	if form.clientID != "" && form.clientID != id {
		return "", "", invalidRequest("client_id differs between header and body")
	}
	return id, secret, nil
}

// plain undoes the encoding of RFC 6749 section 2.3.1, which many clients leave out. Our IDs and secrets have no character that
// the encoding changes, so what does not decode is taken as it is, and will not match.
func plain(s string) string {
	decoded, err := unescape(s)
	if err != nil {
		return s
	}
	return decoded
}

// remoteHost is the address without its port.
func remoteHost(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
