package company

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// This file is the SuiteQL service: POST /services/rest/query/v1/suiteql.

const (
	maxPage  = 1000   // rows of a page, also the default (H/section_156414087576)
	maxPages = 1000   // pages of a result (H/section_156414087576)
	maxRows  = 100000 // rows that can be fetched without SuiteAnalytics Connect (H/section_157909186990)

	// maxStatement bounds the request's body. NetSuite takes 104 MB (H/chapter_161251386312), which no
	// statement needs.
	maxStatement = 1 << 20

	// maxColumns bounds the columns of an answer: a row is made by one function, and SQLite limits arguments.
	maxColumns = 100
)

const ruleSuiteQL = "SuiteQL: POST with Prefer: transient and {\"q\": ...}, at most 1000 rows a page (H/section_157909186990)"

func (c *Company) serveSuiteQL(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	if r.Method != http.MethodPost {
		// Guess: Oracle only says that queries are sent with POST.
		return refuseGet(w, c.choices().GetStatus)
	}
	role, _ := c.Role(caller.Role)
	choices := c.choices()
	p, refused := suiteQLRequest(w, r, role, choices)
	if refused != nil {
		return refused.write(w)
	}
	found, refused := c.runQuery(r.Context(), p, role)
	if refused != nil {
		return refused.write(w)
	}
	body, err := found.answer(p, caller.BaseURL, choices.NullColumns)
	if err != nil {
		return asRefusal(err).write(w)
	}
	w.Header().Set("Content-Type", collectionType)
	_, _ = w.Write(body) // the caller may have hung up; there is nobody left to tell
	return ruleSuiteQL
}

// refuseGet answers another method than POST.
func refuseGet(w http.ResponseWriter, status int) (rule string) {
	const postOnly = "SuiteQL is queried with POST (H/section_157909186990)"
	if status == http.StatusMethodNotAllowed {
		return methodNotAllowed(w, http.MethodPost, postOnly)
	}
	WriteError(w, status, "INVALID_REQUEST", "This method is not allowed here; use POST.")
	return postOnly
}

// page is what a request asks for.
type page struct {
	statement     string
	limit, offset int64
	asked         bool // the request named limit or offset
}

func suiteQLRequest(w http.ResponseWriter, r *http.Request, role Role, choices Choices) (page, *refusal) {
	if !prefers(r.Header, "transient") && !choices.PreferOptional {
		// That it is required is Oracle's word, what happens without it a guess.
		return page{}, &refusal{
			status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", "Prefer"},
			detail: "Invalid header value. The header Prefer must be 'transient' for SuiteQL.",
			rule:   "SuiteQL needs the header Prefer: transient (H/section_0210123130)",
		}
	}
	if !role.has("REPO_ANALYTICS", LevelView) {
		return page{}, insufficientPermission("Permission Violation: you need the 'SuiteAnalytics Workbook' permission to access this page.",
			"SuiteQL needs the permission SuiteAnalytics Workbook (H/article_5085602973)")
	}
	p, refused := pageOf(r.URL.RawQuery, choices.ClampLimit)
	if refused != nil {
		return page{}, refused
	}
	p.statement, refused = statementOf(http.MaxBytesReader(w, r.Body, maxStatement))
	return p, refused
}

// prefers reads the Prefer header (RFC 7240, section 2).
func prefers(h http.Header, preference string) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("Prefer"), ","), ",") {
		name, _, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), preference) {
			return true
		}
	}
	return false
}

func invalidParameter(name, detail string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_PARAMETER", detail: detail, locator: []string{"o:errorQueryParam", name},
		rule: "limit is 1 to 1000, offset a multiple of it, of at most 1000 pages and 100,000 rows (H/section_156414087576)",
	}
}

// pageOf reads limit and offset. The limits are Oracle's, the form of the refusal is a guess.
func pageOf(rawQuery string, clampLimit bool) (page, *refusal) {
	p := page{limit: maxPage}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return p, invalidParameter("limit", "Invalid query parameter. The query string cannot be read.")
	}
	for name, given := range values {
		if name != "limit" && name != "offset" {
			return p, invalidParameter(name, "Invalid query parameter name '"+shorten(name)+"'. Use limit and offset.")
		}
		n, err := strconv.ParseInt(given[0], 10, 64)
		if err != nil || n < 0 || len(given) > 1 {
			return p, invalidParameter(name, "Invalid value of query parameter '"+name+"'. It must be given once and be a whole number, not negative.")
		}
		p.asked = true
		if name == "limit" {
			p.limit = n
		} else {
			p.offset = n
		}
	}
	if clampLimit {
		p.limit = min(p.limit, maxPage)
	}
	switch {
	case p.limit < 1 || p.limit > maxPage:
		return p, invalidParameter("limit", "Invalid value of query parameter 'limit'. It must be from 1 to 1000.")
	case p.offset%p.limit != 0:
		return p, invalidParameter("offset", "Invalid value of query parameter 'offset'. It must be divisible by the page size of "+strconv.FormatInt(p.limit, 10)+".")
	case p.offset >= maxRows:
		return p, invalidParameter("offset", "Invalid value of query parameter 'offset'. Only the first 100,000 rows of a result can be fetched.")
	case p.offset/p.limit >= maxPages:
		return p, invalidParameter("offset", "Invalid value of query parameter 'offset'. Only the first 1000 pages of a result can be fetched; use a larger limit.")
	}
	return p, nil
}

// statementOf reads {"q": "..."}. Other members, bind parameters among them, are refused (a guess).
func statementOf(body io.Reader) (string, *refusal) {
	invalid := func(detail string) *refusal {
		return &refusal{
			status: http.StatusBadRequest, code: "INVALID_CONTENT", detail: detail, locator: []string{"o:errorPath", "q"},
			rule: "the body of a SuiteQL request is {\"q\": \"<statement>\"} (H/section_157909186990)",
		}
	}
	var content struct {
		Q *string `json:"q"`
	}
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&content)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", invalid(fmt.Sprintf("Invalid content in the request body. The statement is longer than %d bytes.", maxStatement))
	case err != nil:
		return "", invalid("Invalid content in the request body. It must be a JSON object with the one member 'q', the statement.")
	case content.Q == nil || strings.TrimSpace(*content.Q) == "":
		return "", invalid("Invalid content in the request body. The member 'q' must be a statement.")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return "", invalid("Invalid content in the request body. Something follows the JSON object.")
	}
	return *content.Q, nil
}

// result is a page of rows.
type result struct {
	columns []column
	rows    []byte // a JSON array of arrays: strings, numbers and null
	total   int64
}

// runQuery answers a statement with the rights of a role.
func (c *Company) runQuery(ctx context.Context, p page, role Role) (result, *refusal) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.QueryTimeout)
	defer cancel()
	c.mu.RLock()
	defer c.mu.RUnlock()
	t := &translator{now: c.today(), hideEmpty: c.choices().HiddenTablesEmpty, lookup: func(name string) (*table, bool) {
		t := c.tables[name]
		return t, t != nil && role.hasAny(t.permissions, LevelView)
	}}
	statement, err := t.translate(p.statement)
	if err == nil && len(statement.columns) > maxColumns {
		err = syntaxf("the result has more than %d columns", maxColumns)
	}
	if err != nil {
		return result{}, invalidQuery(err)
	}
	found, err := c.fetch(ctx, statement, p)
	if ctx.Err() != nil {
		// Guess: what NetSuite answers at its limit of 15 minutes is not documented.
		return result{}, &refusal{
			status: http.StatusInternalServerError, code: "UNEXPECTED_ERROR", detail: "The query took too long and was ended.",
			rule: "a request ends after a time (H/subsect_1559222360)",
		}
	}
	if err != nil {
		return result{}, invalidQuery(err)
	}
	return found, nil
}

// fetch runs a translated statement. The rows come as one JSON text, so that SQLite does all of its work in
// the one step that a context can interrupt.
func (c *Company) fetch(ctx context.Context, t translated, p page) (result, error) {
	found := result{columns: t.columns}
	var err error
	if found.total, err = c.total(ctx, t); err != nil {
		return result{}, err
	}
	var shown []string
	for _, column := range t.columns {
		name := quoteName(column.name)
		if column.kind == date {
			name = "oracle_date_to_char(" + name + ", " + quoteText(accountDateFormat) + ")"
		}
		shown = append(shown, name)
	}
	limit := min(p.limit, maxRows-p.offset)
	err = c.read.QueryRowContext(ctx, "SELECT json_group_array(json_array("+strings.Join(shown, ", ")+")) FROM ("+t.page(limit, p.offset)+")").Scan(&found.rows)
	return found, err
}

// invalidQuery is the refusal of a statement: what NetSuite says begins so and names the unknown identifier.
func invalidQuery(err error) *refusal {
	reason := err.Error()
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		reason = "Invalid or unsupported search: " + reason + "."
	}
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_PARAMETER",
		detail: "Invalid search query. Detailed unprocessed description follows. Search error occurred: " + reason,
		rule:   "a SuiteQL statement is one SELECT over records that exist and that the role may see (H/section_157909186990)",
	}
}

// link is an element of links.
type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// collectionHead and collectionTail are what stands before and behind the items of an answer.
type collectionHead struct {
	Links   []link `json:"links"`
	Count   int    `json:"count"`
	HasMore bool   `json:"hasMore"`
}

type collectionTail struct {
	Offset       int64 `json:"offset"`
	TotalResults int64 `json:"totalResults"`
}

// answer is the page in NetSuite's form (H/section_0210123130). It is put together from texts, since a page of a
// large result is most of what an account is asked for.
func (found result) answer(p page, baseURL string, nulls bool) ([]byte, error) {
	items, count := itemsText(found.rows, found.columns, nulls)
	reachable := min(found.total, maxRows)
	head, err := json.Marshal(collectionHead{
		Links: p.links(reachable, baseURL+suiteQLPath), Count: count, HasMore: p.offset+int64(count) < reachable,
	})
	if err != nil {
		return nil, err
	}
	tail, err := json.Marshal(collectionTail{Offset: p.offset, TotalResults: found.total})
	return slices.Concat(head[:len(head)-1], []byte(`,"items":[`), items, []byte("],"), tail[1:], []byte("\n")), err
}

// links lead to the other pages, in the order of Oracle's sample (H/section_0210124841). A single page has
// no link but to itself.
func (p page) links(total int64, address string) []link {
	at := func(rel string, offset int64) link {
		return link{rel, fmt.Sprintf("%s?limit=%d&offset=%d", address, p.limit, offset)}
	}
	var links []link
	if p.offset > 0 {
		links = append(links, at("previous", p.offset-p.limit), at("first", 0))
	}
	if p.offset+p.limit < total {
		links = append(links, at("next", p.offset+p.limit), at("last", (total-1)/p.limit*p.limit))
	}
	if links == nil && !p.asked {
		return []link{{"self", address}}
	}
	return append(links, at("self", p.offset))
}
