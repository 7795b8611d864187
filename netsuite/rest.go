package netsuite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const restPath = "/services/rest/"

var restMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Do makes a request that an app's definition declares, on the host of the REST services. path is absolute, under
// /services/rest/, and may have a query; paths under /services/rest/auth/ are refused, since there a token makes tokens and
// certificates, and so is every path that a server might read in another way than it looks. body is written as JSON, nil
// sends none. The answer is returned whatever its status; one that is not 2xx comes with an *Error as well.
func (a *API) Do(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	r, err := a.restRequest(opREST, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	ans, err := r.do(ctx, a.client())
	if ans == nil {
		return 0, nil, err
	}
	return ans.status, ans.body, err
}

// restRequest makes a call to a path that others wrote.
func (a *API) restRequest(op, method, path string, body any) (*request, error) {
	if !slices.Contains(restMethods, method) {
		return nil, fmt.Errorf("%s: method %.20q must be GET, POST, PUT, PATCH or DELETE", op, method)
	}
	u, err := parseRESTPath(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	r, err := a.request(op, ServiceSuiteTalk, method, u.Path, nil, body)
	if err != nil {
		return nil, err
	}
	r.url.RawPath, r.url.RawQuery = u.RawPath, u.RawQuery
	if u.Path == suiteQLPath {
		r.header.Set("Prefer", "transient") // required (H/section_0210123130)
	}
	return r, nil
}

var restServiceForm = newForm(`^[a-z]+$`)

// parseRESTPath reads path and query of a request that others wrote. It refuses rather than cleans: NetSuite's servers may
// decode, fold or strip what this one would not.
func parseRESTPath(raw string) (*url.URL, error) {
	rawPath, query, _ := strings.Cut(raw, "?")
	decoded, err := url.PathUnescape(rawPath)
	switch {
	case len(raw) > 4096:
		return nil, errors.New("path is longer than 4096 characters")
	case err != nil || !isVisible(raw) || strings.Contains(raw, "#") || strings.Contains(query, " "):
		return nil, errors.New("path must be printable ASCII, percent-encoded where needed, without fragment")
	case !isVisible(decoded) || strings.ContainsAny(decoded, `%\;`) || strings.Count(decoded, "/") != strings.Count(rawPath, "/"):
		return nil, errors.New("path must not hold, encoded or not, percent signs, backslashes, semicolons, control characters or encoded slashes")
	case !strings.HasPrefix(decoded, restPath):
		return nil, errors.New("path must begin with " + restPath)
	}
	segments := strings.Split(strings.TrimPrefix(decoded, restPath), "/")
	if service := segments[0]; !restServiceForm.MatchString(service) || service == "auth" {
		return nil, errors.New("path must name a service after " + restPath + " in lower case, such as record or query, and never auth")
	}
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return nil, errors.New("path must not have empty or dot segments")
		}
	}
	return &url.URL{Path: decoded, RawPath: rawPath, RawQuery: query}, nil
}
