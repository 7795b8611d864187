package netsuite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	suiteQLPath = "/services/rest/query/v1/suiteql"
	maxPageSize = 1000 // also NetSuite's default (H/section_156414087576)
	maxQuery    = 1 << 20
)

// Page is one page of a SuiteQL answer.
type Page struct {
	Rows    []Row
	Count   int // rows of this page, as NetSuite counts them
	Offset  int
	Total   int  // rows of the whole answer
	HasMore bool // the sign that another page follows; the next offset is Offset + limit

	// Account is the one whose host the answer's links name, "" when there are none.
	Account AccountID
}

// SuiteQL runs a query and returns the page of at most limit rows (1 to 1000; 0 means 1000) from offset, a multiple of
// limit (H/section_157909186990). Give the query a unique ORDER BY, or pages may repeat and miss rows. There are no bind
// parameters; see Bind. The token needs the scope rest_webservices. Query and Rows read all pages.
func (a *API) SuiteQL(ctx context.Context, query string, limit, offset int) (*Page, error) {
	if limit == 0 {
		limit = maxPageSize
	}
	r, ans, err := a.askSuiteQL(ctx, query, limit, offset, nil)
	if err != nil {
		return nil, err
	}
	return a.readSuiteQL(r, ans, limit)
}

// askSuiteQL gets a page without reading it. buffer is for the answer, or nil.
func (a *API) askSuiteQL(ctx context.Context, query string, limit, offset int, buffer []byte) (*request, *answer, error) {
	switch {
	case strings.TrimSpace(query) == "" || len(query) > maxQuery:
		return nil, nil, errEmptyQuery
	case limit < 1 || limit > maxPageSize:
		return nil, nil, fmt.Errorf("SuiteQL query: limit %d must be from 1 to %d", limit, maxPageSize)
	case offset < 0 || offset%limit != 0:
		return nil, nil, fmt.Errorf("SuiteQL query: offset %d must be a multiple of limit %d", offset, limit)
	}
	page := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	r, err := a.request(opSuiteQL, ServiceSuiteTalk, http.MethodPost, suiteQLPath, page, map[string]string{"q": query})
	if err != nil {
		return nil, nil, err
	}
	r.header.Set("Prefer", "transient") // required (H/section_0210123130)
	r.buffer = buffer
	ans, err := r.do(ctx, a.client())
	return r, ans, err
}

// readSuiteQL reads the page. It overwrites the answer's body.
func (a *API) readSuiteQL(r *request, ans *answer, limit int) (*Page, error) {
	p, err := a.readPage(ans.body, limit)
	if err != nil {
		return nil, r.unreadable(ans, err.Error())
	}
	return p, nil
}

var errEmptyQuery = errors.New("SuiteQL query: the query must not be empty nor larger than 1 MiB")

type link struct {
	Href string `json:"href"`
}

// UnmarshalJSON reads a page that was kept as NetSuite sent it, of at most 1000 rows. Account is left empty: only the call
// knows whose hosts count. The bytes are copied and not changed.
func (p *Page) UnmarshalJSON(body []byte) error {
	read, _, err := scanPage(bytes.Clone(body), maxPageSize)
	if err != nil {
		return err
	}
	*p = *read
	return nil
}

// readPage reads an answer of at most limit rows. It overwrites body.
func (a *API) readPage(body []byte, limit int) (*Page, error) {
	p, links, err := scanPage(body, limit)
	if err != nil {
		return nil, err
	}
	if p.Account, err = a.linkedAccount(links); err != nil {
		return nil, err
	}
	return p, nil
}

// linkedAccount reads the account from the hosts of the links, which must agree.
func (a *API) linkedAccount(links []link) (AccountID, error) {
	domain, _ := a.Site.domain(ServiceSuiteTalk)
	var found AccountID
	for _, l := range links {
		u, err := url.Parse(l.Href)
		if err != nil {
			continue
		}
		label, ok := strings.CutSuffix(u.Hostname(), "."+domain)
		if !ok {
			continue
		}
		account, err := ParseAccountID(label)
		if err != nil || found != "" && found != account {
			return "", errors.New("the links of the answer name different accounts")
		}
		found = account
	}
	return found, nil
}
