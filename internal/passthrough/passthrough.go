// Package passthrough sends requests on to one NetSuite account and adds the token. Whoever sends them sees no token, and reaches the
// services that are allowed and nothing else: above all not the token and certificates endpoints, where a caller could make itself
// credentials of its own (threat model 6.3).
//
// Who may send is decided by the caller of this package, and so is auditing.
package passthrough

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Service is a part of NetSuite that can be allowed.
type Service string

const (
	Record  Service = "record"  // records, with their asynchronous jobs
	Query   Service = "query"   // SuiteQL
	System  Service = "system"  // time and limits
	RESTlet Service = "restlet" // scripts of the account
)

// Services are all that there are.
var Services = []Service{Record, Query, RESTlet, System}

// ParseServices reads a list with commas between.
func ParseServices(list string) ([]Service, error) {
	var services []Service
	for name := range strings.SplitSeq(list, ",") {
		s := Service(strings.TrimSpace(name))
		if !slices.Contains(Services, s) {
			return nil, fmt.Errorf("service %.40q is not known; record, query, restlet and system are", s)
		}
		services = append(services, s)
	}
	return services, nil
}

// Account is where requests go.
type Account struct {
	SuiteTalk, RESTlets *url.URL
	// Transport signs in.
	Transport http.RoundTripper
	Allow     []Service
}

// largestBody is what NetSuite takes in one request (H/chapter_161251386312).
const largestBody = 104_000_000

// Handler returns the way to the account.
func (a Account) Handler() http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: a.rewrite, Transport: answers{a}, ErrorHandler: failed, FlushInterval: -1}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := a.admit(r); refused != nil {
			refused.write(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, largestBody)
		if err := keepSmall(r); err != nil {
			Refuse(w, http.StatusBadRequest, "BODY_REFUSED", "the body ended before its end")
			return
		}
		proxy.ServeHTTP(finalAnswer{w}, r)
	})
}

// keptBody is how large a body may be to be kept until the answer is there.
const keptBody = 1 << 20

// keepSmall reads a small body before anything is asked. So the transport may send it again where that does no harm: a query whose token
// NetSuite has just refused, for one. A larger body flows.
func keepSmall(r *http.Request) error {
	start, err := io.ReadAll(io.LimitReader(r.Body, keptBody+1))
	if err != nil {
		return err
	}
	if len(start) > keptBody {
		r.Body = flow{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
		return nil
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(start)), nil }
	r.Body, _ = r.GetBody()                                      // it has no error
	r.ContentLength, r.TransferEncoding = int64(len(start)), nil // framed anew (PX-06)
	return nil
}

// flow reads on behind what was read already.
type flow struct {
	io.Reader
	io.Closer
}

// rewrite makes a fresh request of what the caller's may say (PX-05).
func (a Account) rewrite(r *httputil.ProxyRequest) {
	base := a.SuiteTalk
	if r.In.URL.Path == restletPath {
		base = a.RESTlets
	}
	r.Out.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: r.In.URL.Path, RawPath: r.In.URL.RawPath, RawQuery: r.In.URL.RawQuery}
	r.Out.Host = base.Host
	r.Out.Header = pick(r.In.Header, sentOn)
	r.Out.Header.Set("User-Agent", "suitekey")
	r.Out.Trailer = nil
}

const restletPath = "/app/site/hosting/restlet.nl"

// roots are the paths of each service, to the last slash that belongs to it.
var roots = map[Service][]string{
	Record: {"/services/rest/record/v1/", "/services/rest/async/v1/"}, Query: {"/services/rest/query/v1/suiteql"}, System: {"/services/rest/system/v1/"}, RESTlet: {restletPath},
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// admit says why a request does not go on, or nil. A path is parsed and refused, never cleaned (PX-02).
func (a Account) admit(r *http.Request) *refusal {
	switch {
	case r.URL.Scheme != "" || r.URL.Host != "" || r.URL.Opaque != "" || r.URL.User != nil:
		return &refusal{http.StatusBadRequest, "PATH_REFUSED", "the request line must hold a path"}
	case !slices.Contains(methods, r.Method):
		return &refusal{http.StatusMethodNotAllowed, "METHOD_REFUSED", "GET, POST, PUT, PATCH and DELETE are passed on"}
	case tricky(r.URL):
		return &refusal{http.StatusBadRequest, "PATH_REFUSED", "the path must be UTF-8 that can be printed, without empty and dot segments, encoded slashes, percent signs, backslashes and semicolons"}
	case !a.allowed(r.URL.Path):
		return &refusal{http.StatusForbidden, "NOT_ALLOWED", "this path is not allowed here"}
	case hasTwin(r.Header):
		return &refusal{http.StatusBadRequest, "HEADER_REFUSED", "names of headers must not have an underscore"}
	case r.ContentLength > largestBody:
		return &tooLarge
	}
	return nil
}

// tricky paths mean one thing here and perhaps another at NetSuite, whose servers may decode, fold or strip what this one would not:
// "..;" is a dot segment to some, and 0xC0 0xAE a dot.
func tricky(u *url.URL) bool {
	raw, path := u.EscapedPath(), u.Path
	if !utf8.ValidString(path) || strings.ContainsFunc(path, unprintable) || strings.ContainsAny(path, `%\;`) || strings.Count(path, "/") != strings.Count(raw, "/") {
		return true
	}
	segments := strings.Split(path, "/")[1:]
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return true
		}
	}
	return false
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// hasTwin finds names that some servers read as another: they take an underscore for a hyphen.
func hasTwin(header http.Header) bool {
	for name := range header {
		if strings.Contains(name, "_") {
			return true
		}
	}
	return false
}

func (a Account) allowed(path string) bool {
	for _, service := range a.Allow {
		for _, root := range roots[service] {
			if path == root || strings.HasSuffix(root, "/") && strings.HasPrefix(path, root) {
				return true
			}
		}
	}
	return false
}

// sentOn are the headers of a request that NetSuite gets; all others, the caller's own credentials among them, stay here (PX-05, PX-07).
var sentOn = []string{
	"Accept", "Accept-Language", "Content-Type", "Prefer", "X-Netsuite-Idempotency-Key", "X-Netsuite-Propertynamevalidation", "X-Netsuite-Propertyvaluevalidation",
}

// givenBack are the headers of an answer that the caller gets.
var givenBack = []string{"Content-Type", "Content-Length", "Date", "Etag", "Last-Modified", "Location", "Preference-Applied", "Retry-After"}

func pick(from http.Header, names []string) http.Header {
	picked := http.Header{}
	for _, name := range names {
		if values := from[name]; len(values) > 0 {
			picked[name] = slices.Clone(values)
		}
	}
	return picked
}

var errRedirect = errors.New("NetSuite answered with a redirect, which is not followed with a token")

// answers makes a fresh answer of what the caller may see of NetSuite's (PX-07). Trailers stay with the answer that came.
type answers struct{ Account }

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	came, err := a.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if came.StatusCode < 200 || came.StatusCode >= 300 && came.StatusCode < 400 {
		_ = came.Body.Close()
		return nil, errRedirect // a RESTlet in the wrong data centre, for one (PX-08)
	}
	return &http.Response{
		Status: came.Status, StatusCode: came.StatusCode, Proto: came.Proto, ProtoMajor: came.ProtoMajor, ProtoMinor: came.ProtoMinor,
		Header: a.shown(came.Header), Body: came.Body, ContentLength: came.ContentLength, Request: r,
	}, nil
}

// shown are the headers for the caller. Addresses of the account become paths here.
func (a Account) shown(came http.Header) http.Header {
	header := pick(came, givenBack)
	if at := header.Get("Location"); at != "" {
		u, err := url.Parse(at)
		if err != nil || u.Host != "" && u.Host != a.SuiteTalk.Host && u.Host != a.RESTlets.Host {
			header.Del("Location")
		} else {
			header.Set("Location", u.RequestURI())
		}
	}
	return header
}

// finalAnswer keeps back what comes before the answer: its headers would be NetSuite's own (PX-07).
type finalAnswer struct{ http.ResponseWriter }

func (w finalAnswer) WriteHeader(status int) {
	if status >= 200 {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap lets the proxy flush.
func (w finalAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func failed(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		tooLarge.write(w)
	case errors.Is(err, errRedirect):
		Refuse(w, http.StatusBadGateway, "REDIRECT_REFUSED", err.Error())
	case r.Context().Err() == nil:
		Refuse(w, http.StatusBadGateway, "UNREACHABLE", "NetSuite could not be asked: "+plain(err))
	}
}

// plain is an error without addresses.
func plain(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return err.Error()
}

// refusal is why a request does not go on.
type refusal struct {
	status       int
	code, detail string
}

var tooLarge = refusal{http.StatusRequestEntityTooLarge, "TOO_LARGE", "the body is larger than the 104 MB that NetSuite takes"}

func (r refusal) write(w http.ResponseWriter) { Refuse(w, r.status, r.code, r.detail) }

// Refuse answers in the form of NetSuite's own errors (H/section_156570709583), so that its clients find code and detail where they look
// for them. The code says by its beginning that it is ours.
func Refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the caller may be gone
		"title": http.StatusText(status), "status": status,
		"o:errorDetails": []any{map[string]string{"detail": detail, "o:errorCode": "SUITEKEY_" + code}},
	})
}
