// Package passthrough sends requests on to one NetSuite account and adds the token. Whoever sends them sees no token, and reaches the
// services that are allowed and nothing else: above all not the token and certificates endpoints, where a caller could make itself
// credentials of its own (threat model 6.3).
//
// Who may send is decided by the caller of this package, and so is auditing.
package passthrough

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
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
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			base := a.SuiteTalk
			if strings.HasPrefix(r.In.URL.Path, restletPath) {
				base = a.RESTlets
			}
			r.Out.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: r.In.URL.Path, RawPath: r.In.URL.RawPath, RawQuery: r.In.URL.RawQuery}
			r.Out.Host = base.Host
			r.Out.Header = pick(r.In.Header, sentOn)
		},
		Transport:      a.Transport,
		ModifyResponse: a.answer,
		ErrorHandler:   failed,
		FlushInterval:  -1,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, why := a.admit(r)
		if status != 0 {
			refuse(w, status, why)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, largestBody)
		proxy.ServeHTTP(w, r)
	})
}

const restletPath = "/app/site/hosting/restlet.nl"

// roots are the paths of each service, to the last slash that belongs to it.
var roots = map[Service][]string{
	Record: {"/services/rest/record/v1/", "/services/rest/async/v1/"}, Query: {"/services/rest/query/v1/suiteql"}, System: {"/services/rest/system/v1/"}, RESTlet: {restletPath},
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// admit says why a request does not go on, or 0. A path is parsed and refused, never cleaned (PX-02).
func (a Account) admit(r *http.Request) (status int, why string) {
	switch path := r.URL.Path; {
	case r.URL.Scheme != "" || r.URL.Host != "" || r.URL.Opaque != "" || r.URL.User != nil:
		return http.StatusBadRequest, "the request line must hold a path"
	case !slices.Contains(methods, r.Method):
		return http.StatusMethodNotAllowed, "GET, POST, PUT, PATCH and DELETE are passed on"
	case tricky(r.URL):
		return http.StatusBadRequest, "the path holds dots, slashes, backslashes or control characters where none belong"
	case !a.allowed(path):
		return http.StatusForbidden, "this path is not allowed here"
	}
	return 0, ""
}

// tricky paths mean one thing here and perhaps another at NetSuite.
func tricky(u *url.URL) bool {
	raw := strings.ToLower(u.EscapedPath())
	for _, sign := range []string{"%2e", "%2f", "%5c", "%25", "%00", "\\", "//", "/./", "/../", ";"} {
		if strings.Contains(raw, sign) {
			return true
		}
	}
	return strings.HasSuffix(raw, "/.") || strings.HasSuffix(raw, "/..") || strings.ContainsFunc(u.Path, func(r rune) bool { return r < 0x20 || r == 0x7f })
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

// answer lets through what belongs to the caller. Addresses of the account become paths here.
func (a Account) answer(r *http.Response) error {
	if r.StatusCode >= 300 && r.StatusCode < 400 {
		return errRedirect // a RESTlet in the wrong data centre, for one (PX-08)
	}
	header := pick(r.Header, givenBack)
	if at := header.Get("Location"); at != "" {
		u, err := url.Parse(at)
		if err != nil || u.Host != "" && u.Host != a.SuiteTalk.Host && u.Host != a.RESTlets.Host {
			header.Del("Location")
		} else {
			header.Set("Location", u.RequestURI())
		}
	}
	r.Header = header
	return nil
}

func failed(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "the body is larger than the 104 MB that NetSuite takes")
	case errors.Is(err, errRedirect):
		refuse(w, http.StatusBadGateway, err.Error())
	case r.Context().Err() == nil:
		refuse(w, http.StatusBadGateway, "NetSuite could not be asked: "+plain(err))
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

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": why}) // the caller may be gone
}
