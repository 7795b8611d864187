package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Exchange is one request and its answer. In the text form of .http files, which editors can send:
//
//	### A token by a client assertion
//	# source: H/section_162755359851
//	POST https://1234567.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token
//	Content-Type: application/x-www-form-urlencoded
//
//	grant_type=client_credentials&client_assertion={{assertion}}
//
//	HTTP/1.1 200 OK
//	Content-Type: application/json
//
//	{"access_token": "{{any}}"}
//
// A request may lack its answer, and an exchange its request.
type Exchange struct {
	Name  string            // of the file, without its ending
	Title string            // behind ###
	Notes map[string]string // lines "# name: value" ahead of the request

	Method, URL string // empty when there is no request
	Header      http.Header
	Body        string

	Status       int // 0 when there is no answer
	AnswerHeader http.Header
	AnswerBody   string
}

// Parse reads exchanges, each of which begins with a line "### title". The error names the title and the line.
func Parse(text string) ([]Exchange, error) {
	var all []Exchange
	for i, part := range strings.Split("\n"+strings.ReplaceAll(text, "\r\n", "\n"), "\n### ") {
		if i == 0 {
			if strings.TrimSpace(part) != "" {
				return nil, errors.New("something stands ahead of the first ###")
			}
			continue
		}
		x, err := parseExchange(part)
		if err != nil {
			return nil, fmt.Errorf("%.80q: %w", x.Title, err)
		}
		all = append(all, x)
	}
	return all, nil
}

func parseExchange(text string) (Exchange, error) {
	title, rest, _ := strings.Cut(text, "\n")
	x := Exchange{Title: strings.TrimSpace(title), Notes: map[string]string{}}
	rest, err := x.parseNotes(rest)
	if err != nil || strings.TrimSpace(rest) == "" {
		return x, err
	}
	request, answer := cutAnswer(rest)
	if strings.TrimSpace(request) != "" {
		err = x.parseRequest(request)
	}
	if err == nil && answer != "" {
		err = x.parseAnswer(answer)
	}
	return x, err
}

func (x *Exchange) parseNotes(text string) (rest string, err error) {
	for {
		line, after, _ := strings.Cut(text, "\n")
		note, isNote := strings.CutPrefix(line, "# ")
		if !isNote {
			return text, nil
		}
		name, value, found := strings.Cut(note, ":")
		if _, twice := x.Notes[name]; !found || twice {
			return "", fmt.Errorf("line %.80q: want a note of the form \"# name: value\", each name once", line)
		}
		x.Notes[name] = strings.TrimSpace(value)
		text = after
	}
}

const statusLine = "HTTP/1.1 "

// cutAnswer parts the text ahead of the status line.
func cutAnswer(text string) (request, answer string) {
	if strings.HasPrefix(text, statusLine) {
		return "", text
	}
	i := strings.Index(text, "\n"+statusLine)
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i+1:]
}

var methods = regexp.MustCompile(`^[A-Z]{3,10}$`)

func (x *Exchange) parseRequest(text string) error {
	first, rest, _ := strings.Cut(text, "\n")
	method, address, found := strings.Cut(strings.TrimSpace(first), " ")
	if !found || !methods.MatchString(method) || !strings.HasPrefix(address, "https://") {
		return fmt.Errorf("line %.80q: want a method and an https address", first)
	}
	x.Method, x.URL = method, address
	var err error
	x.Header, x.Body, err = parseMessage(rest)
	return err
}

func (x *Exchange) parseAnswer(text string) error {
	first, rest, _ := strings.Cut(text, "\n")
	code, _, _ := strings.Cut(strings.TrimPrefix(first, statusLine), " ")
	status, err := strconv.Atoi(code)
	if err != nil || status < 100 || status > 599 {
		return fmt.Errorf("line %.80q: want a status from 100 to 599", first)
	}
	x.Status = status
	x.AnswerHeader, x.AnswerBody, err = parseMessage(rest)
	return err
}

func parseMessage(text string) (http.Header, string, error) {
	header := http.Header{}
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if strings.TrimSpace(line) == "" {
			break
		}
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, "", fmt.Errorf("line %.80q: want a header of the form \"Name: value\"", line)
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, strings.TrimSpace(text), nil
}

var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// Fill returns the exchange with value(name) in the place of each {{name}}, in request and answer. In the query of the
// address and in a form it is written as a form value, in a JSON body as a part of a string. The first error of value ends
// the work.
func (x Exchange) Fill(value func(name string) (string, error)) (Exchange, error) {
	f := filler{value: value}
	address, query, asks := strings.Cut(x.URL, "?")
	x.URL = f.fill(address, url.PathEscape)
	if asks {
		x.URL += "?" + f.fill(query, url.QueryEscape)
	}
	x.Header, x.AnswerHeader = f.fillHeader(x.Header), f.fillHeader(x.AnswerHeader)
	x.Body = f.fill(x.Body, escapeFor(x.Header.Get("Content-Type"), x.Body))
	x.AnswerBody = f.fill(x.AnswerBody, escapeFor(x.AnswerHeader.Get("Content-Type"), x.AnswerBody))
	return x, f.err
}

type filler struct {
	value func(name string) (string, error)
	err   error
}

func (f *filler) fill(text string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		if f.err != nil {
			return ""
		}
		var v string
		v, f.err = f.value(strings.TrimSpace(found[2 : len(found)-2]))
		return escape(v)
	})
}

func (f *filler) fillHeader(h http.Header) http.Header {
	filled := http.Header{}
	for name, values := range h {
		for _, v := range values {
			filled.Add(name, f.fill(v, plain))
		}
	}
	return filled
}

func escapeFor(contentType, body string) func(string) string {
	switch {
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		return url.QueryEscape
	case strings.HasPrefix(body, "{") || strings.HasPrefix(body, "["):
		return inJSON
	}
	return plain
}

func plain(s string) string { return s }

func inJSON(s string) string {
	quoted, _ := json.Marshal(s) // a string always has a JSON form
	return string(quoted[1 : len(quoted)-1])
}
