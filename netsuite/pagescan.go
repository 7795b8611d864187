package netsuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads the JSON of a page (H/section_0210123130). A page is a thousand rows of a dozen short strings, and a
// general decoder spends its time on making a map and a string for each of them. Here the values are moved to the front of
// the answer's own bytes, which become the one text that the rows point into.

// maxColumns is what an Oracle view can have.
const maxColumns = 1000

// pageScanner reads one page. Its methods that return ok have read nothing useful when it is false: the page is then not
// one.
type pageScanner struct {
	data    []byte
	at      int // the next byte to read
	kept    int // end of the values that were moved to the front; never beyond at
	maxRows int

	page    *Page
	links   []link
	hasMore *lenientBool

	columns *columns
	wire    []string // names by slot as they were sent
	values  []value  // of all rows
	ends    []int    // for each row the end of its values
	row     int      // where the values of the current row begin
	last    int      // slot of the column that was read last in the current row, -1 at its beginning
}

// scanPage reads a page of at most maxRows rows. It overwrites body.
func scanPage(body []byte, maxRows int) (*Page, []link, error) {
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	s := pageScanner{data: body, maxRows: maxRows, page: new(Page), columns: &columns{slots: map[string]int{}}}
	if !s.members(s.member) || s.peek() != 0 || s.at < len(s.data) || s.hasMore == nil {
		return nil, nil, errors.New("the answer is not a page of a query")
	}
	s.page.HasMore = bool(*s.hasMore)
	s.page.Rows = s.rows()
	return s.page, s.links, nil
}

func (s *pageScanner) rows() []Row {
	text := string(s.data[:s.kept])
	rows := make([]Row, len(s.ends))
	start := 0
	for i, end := range s.ends {
		rows[i] = Row{s.columns, text, s.values[start:end:end]}
		start = end
	}
	return rows
}

// member reads one member of the page. Those that are not known are passed.
func (s *pageScanner) member(name []byte) bool {
	if string(name) == "items" {
		return s.items()
	}
	raw, ok := s.raw()
	if !ok {
		return false
	}
	var into any
	switch string(name) {
	case "links":
		into = &s.links
	case "count":
		into = (*wireInt)(&s.page.Count)
	case "offset":
		into = (*wireInt)(&s.page.Offset)
	case "totalResults":
		into = (*wireInt)(&s.page.Total)
	case "hasMore":
		into = &s.hasMore
	default:
		return true
	}
	return json.Unmarshal(raw, into) == nil
}

// wireInt is an int that is read as lenientInt does.
type wireInt int

func (n *wireInt) UnmarshalJSON(data []byte) error {
	var read lenientInt
	if err := read.UnmarshalJSON(data); err != nil {
		return err
	}
	if int64(int(read)) != int64(read) {
		return errors.New("the number is too large")
	}
	*n = wireInt(read)
	return nil
}

func (s *pageScanner) items() bool {
	s.values, s.ends = s.values[:0], s.ends[:0]
	if s.peek() != '[' {
		raw, ok := s.raw()
		return ok && string(raw) == "null"
	}
	s.at++
	if s.accept(']') {
		return true
	}
	for begin := s.at; ; {
		s.row, s.last = len(s.values), -1
		if len(s.ends) == s.maxRows || !s.members(s.cell) {
			return false
		}
		s.ends = append(s.ends, len(s.values))
		if len(s.ends) == 1 {
			s.makeRoom((len(s.data) - begin) / (s.at - begin))
		}
		if s.accept(']') {
			return true
		}
		if !s.accept(',') {
			return false
		}
	}
}

// makeRoom takes the first row for a measure of the others, so that the slices of a page are made once.
func (s *pageScanner) makeRoom(rows int) {
	rows = min(rows, s.maxRows)
	s.ends = slices.Grow(s.ends, rows)
	s.values = slices.Grow(s.values, rows*len(s.values))
}

// cell reads the value of one column of the current row.
func (s *pageScanner) cell(name []byte) bool {
	if string(name) == "links" && s.peek() == '[' { // each item's own, not a column
		_, ok := s.raw()
		return ok
	}
	slot, ok := s.slot(name)
	if !ok {
		return false
	}
	for len(s.values) <= s.row+slot {
		s.values = append(s.values, value{})
	}
	s.last = slot
	start := s.kept
	if s.peek() == '"' {
		text, escaped, ok := s.quoted()
		if !ok || !s.keep(text, escaped) {
			return false
		}
	} else {
		raw, ok := s.raw()
		switch {
		case !ok:
			return false
		case string(raw) == "null":
			s.values[s.row+slot] = value{}
			return true
		}
		s.keep(raw, false)
	}
	s.values[s.row+slot] = value{uint32(start), uint32(s.kept-start) + 1}
	return true
}

// keep moves text behind the values kept before. There is room: what was kept is never longer than what was read for it.
func (s *pageScanner) keep(text []byte, escaped bool) bool {
	if !escaped {
		s.kept += copy(s.data[s.kept:], text)
		return true
	}
	size, ok := unescape(s.data[s.kept:], text)
	s.kept += size
	return ok
}

// slot finds the place of a column, or gives it one. Rows mostly have the same columns in the same order, so the one after
// the last is tried first.
func (s *pageScanner) slot(name []byte) (slot int, ok bool) {
	if next := s.last + 1; next < len(s.wire) && s.wire[next] == string(name) {
		return next, true
	}
	if slot, ok := s.columns.slots[string(name)]; ok {
		return slot, true
	}
	return s.addColumn(string(name))
}

// addColumn puts a new column behind the one before it in its row, which is the statement's order unless columns of
// neighbouring places are never in one row.
func (s *pageScanner) addColumn(sent string) (slot int, ok bool) {
	name := strings.ToLower(sent)
	if slot, ok = s.columns.slots[name]; !ok {
		slot = len(s.wire)
		s.wire = append(s.wire, sent)
		place := slices.Index(s.columns.order, s.last) + 1
		s.columns.names = slices.Insert(s.columns.names, place, name)
		s.columns.order = slices.Insert(s.columns.order, place, slot)
		s.columns.slots[name] = slot
	}
	if name != sent {
		s.columns.slots[sent] = slot
	}
	return slot, len(s.columns.slots) <= 2*maxColumns && slot < maxColumns
}

// members reads an object and calls member behind each name, to read the value.
func (s *pageScanner) members(member func(name []byte) bool) bool {
	if !s.accept('{') {
		return false
	}
	if s.accept('}') {
		return true
	}
	for {
		if s.peek() != '"' {
			return false
		}
		name, escaped, ok := s.quoted()
		if ok && escaped {
			var size int
			size, ok = unescape(name, name)
			name = name[:size]
		}
		if !ok || !s.accept(':') || !member(name) {
			return false
		}
		if s.accept('}') {
			return true
		}
		if !s.accept(',') {
			return false
		}
	}
}

// peek passes white space and returns the byte behind it, 0 at the end.
func (s *pageScanner) peek() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *pageScanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// quoted reads a string whose quote is next. Escapes are found and not yet checked.
func (s *pageScanner) quoted() (text []byte, escaped, ok bool) {
	start := s.at + 1
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			return s.data[start:i], escaped, true
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// raw reads any value as it stands.
func (s *pageScanner) raw() (text []byte, ok bool) {
	c := s.peek()
	start, depth := s.at, 0
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '"':
			if _, _, ok := s.quoted(); !ok {
				return nil, false
			}
			s.at-- // to the closing quote
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.checked(start)
			}
		}
		if depth < 0 { // the bracket closes what the value stands in
			return s.checked(start)
		}
		s.at++
		if depth == 0 && (c == '{' || c == '[' || c == '"') {
			return s.checked(start)
		}
	}
	return nil, false
}

func (s *pageScanner) checked(start int) (text []byte, ok bool) {
	text = s.data[start:s.at]
	return text, string(text) == "[]" || json.Valid(text)
}

// unescape writes the string that text stands for to the front of into, which may be text itself or lie before it: the
// result is never longer. As encoding/json does, it makes U+FFFD of half a surrogate pair.
func unescape(into, text []byte) (size int, ok bool) {
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			into[size] = text[i]
			size++
			i++
			continue
		}
		if i+1 == len(text) {
			return size, false
		}
		if text[i+1] == 'u' {
			r, read := hexRune(text[i:])
			if read == 0 {
				return size, false
			}
			i += read
			size += utf8.EncodeRune(into[size:], r)
			continue
		}
		c := shortEscapes[text[i+1]]
		if c == 0 {
			return size, false
		}
		into[size] = c
		size++
		i += 2
	}
	return size, true
}

var shortEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// hexRune reads \uXXXX, or a surrogate pair of two of them, and returns how many bytes that were; 0 when it is malformed.
func hexRune(text []byte) (r rune, read int) {
	r, ok := hexUnit(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hexUnit(text[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != unicode.ReplacementChar {
			return pair, 12
		}
	}
	return unicode.ReplacementChar, 6
}

func hexUnit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}
