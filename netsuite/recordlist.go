package netsuite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The whole address must pass every server on the way; RFC 9110 section 4.1 recommends 8000 octets.
const maxFilter = 4000

// Records yields the internal IDs of all records of a type, or of those that q selects; a list holds no more than the IDs
// (H/section_1208053111). Pages of 1000 are fetched as the loop goes on. An error ends the loop, with an ID of "". Records
// that are made or deleted meanwhile may be missed or come twice.
//
// q is "" or conditions of field, operator and value, joined by AND and OR with parentheses, over body fields alone
// (H/section_1545222128):
//
//	companyName START_WITH "Acme" AND (dateCreated AFTER "1/1/2026" OR email EMPTY)
//
// Operators by type of field, nearly all with a form in _NOT: any EMPTY; boolean IS; numbers ANY_OF, BETWEEN, EQUAL,
// GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL, WITHIN; text CONTAIN, IS, START_WITH, END_WITH; dates AFTER, BEFORE, ON,
// ON_OR_AFTER, ON_OR_BEFORE. Text is written by QuoteFilter. The role needs SuiteAnalytics Workbook.
func (a *API) Records(ctx context.Context, recordType, q string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for offset := 0; ; offset += maxPageSize {
			ids, more, err := a.recordPage(ctx, recordType, q, offset)
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

func (a *API) recordPage(ctx context.Context, recordType, q string, offset int) (ids []string, more bool, err error) {
	if len(q) > maxFilter || !isPrintable(q) {
		return nil, false, fmt.Errorf("record list: q must be at most %d bytes of printable text; ask SuiteQL for what is longer", maxFilter)
	}
	r, err := a.typeRequest(opRecordList, http.MethodGet, recordType, nil)
	if err != nil {
		return nil, false, err
	}
	query := url.Values{"limit": {strconv.Itoa(maxPageSize)}, "offset": {strconv.Itoa(offset)}}
	if q != "" {
		query.Set("q", q)
	}
	r.url.RawQuery = query.Encode()
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return nil, false, err
	}
	if ids, more, err = readRecordPage(ans.body); err != nil {
		return nil, false, r.unreadable(ans, err.Error())
	}
	return ids, more, nil
}

// readRecordPage reads the IDs of a page. hasMore, not the links, says whether another follows.
func readRecordPage(body []byte) (ids []string, more bool, err error) {
	var page struct {
		Items []struct {
			ID lenientText `json:"id"`
		} `json:"items"`
		HasMore *lenientBool `json:"hasMore"`
	}
	if json.Unmarshal(body, &page) != nil || page.HasMore == nil {
		return nil, false, errors.New("the answer is not a page of a list")
	}
	if len(page.Items) == 0 && bool(*page.HasMore) {
		return nil, false, errors.New("the page is empty and yet not the last") // or the loop would have no end
	}
	for _, item := range page.Items {
		if item.ID == "" {
			return nil, false, errors.New("an item of the list has no ID")
		}
		ids = append(ids, string(item.ID))
	}
	return ids, bool(*page.HasMore), nil
}

// QuoteFilter returns s as a value for Records, in double quotes. How a quote inside a value is written is not documented
// (H/section_1545222128), so text that holds a double quote, a backslash or what cannot be printed is refused rather than
// sent in a form that might end the value early: ask SuiteQL for it, with QuoteLiteral.
func QuoteFilter(s string) (string, error) {
	if strings.ContainsAny(s, `"\`) || !isPrintable(s) {
		return "", errors.New("filter value must be printable, without double quote and backslash; ask SuiteQL, which can hold them")
	}
	return `"` + s + `"`, nil
}

// isPrintable reports whether s is UTF-8 text on one line.
func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
