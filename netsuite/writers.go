package netsuite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// CSVOptions are the choices of WriteCSV. The zero value, and a nil pointer, are the defaults.
type CSVOptions struct {
	// Columns are the columns to write, in this order. Without them the columns of the first page are written, in its
	// order. NetSuite leaves out what is null, so a column whose values begin on a later page is not known then: it ends
	// the writing with an error that names it, for Columns.
	Columns []string

	// GuardFormulas puts an apostrophe before values that a spreadsheet would run as a formula: those that begin with
	// = + - @, a tab or a carriage return, and are not plain numbers. Set it for files that people open and that hold what
	// others typed; other programs read the apostrophe as part of the value.
	GuardFormulas bool
}

// WriteCSV writes rows as RFC 4180 has it, with a header, lines that end in CRLF, and quotes only where they are needed.
// A null is an empty field, and "" is a quoted one, as PostgreSQL reads them; in a file of one column both are quoted,
// because many programs pass over an empty line. The header is written before the first row, or without one when options
// name the columns. n is how many rows were written; after an error of w fewer may have arrived. The error is the rows'
// own, behind which all rows before it are written, or that of w, which ends the rows as well.
func WriteCSV(w io.Writer, rows iter.Seq2[Row, error], options *CSVOptions) (n int, err error) {
	var c csvWriter
	if options != nil {
		c.guard = options.GuardFormulas
		c.names = lowered(options.Columns)
		c.chosen = len(c.names) > 0
	}
	return writeLines(w, rows, c.begin(nil), c.row)
}

// WriteJSONLines writes each row as a JSON object in a line of its own, as Row.MarshalJSON does: values are strings, and
// columns that are null are left out. n is how many rows were written; after an error of w fewer may have arrived. The
// error is the rows' own, behind which all rows before it are written, or that of w, which ends the rows as well.
func WriteJSONLines(w io.Writer, rows iter.Seq2[Row, error]) (n int, err error) {
	return writeLines(w, rows, nil, func(line []byte, r Row) ([]byte, error) { return append(r.appendJSON(line), '\n'), nil })
}

const exportBuffer = 64 << 10

// writeLines writes what stands before all rows, and a line for each row.
func writeLines(w io.Writer, rows iter.Seq2[Row, error], before []byte, appendRow func([]byte, Row) ([]byte, error)) (n int, err error) {
	out := bufio.NewWriterSize(w, exportBuffer)
	line := before
	if _, err := out.Write(line); err != nil {
		return 0, err
	}
	for row, err := range rows {
		if err == nil {
			line, err = appendRow(line[:0], row)
		}
		if err != nil {
			return n, errors.Join(err, out.Flush())
		}
		if _, err := out.Write(line); err != nil {
			return n, err
		}
		n++
	}
	return n, out.Flush()
}

type csvWriter struct {
	guard   bool
	chosen  bool     // the caller named the columns
	begun   bool     // the header is written
	names   []string // of the header, lower case
	columns *columns // of the page whose slots are known
	slots   []int    // for each of names; -1 when the page does not have it
}

// begin appends the header if the columns are known before the first row.
func (c *csvWriter) begin(line []byte) []byte {
	if !c.chosen {
		return line
	}
	return c.header(line)
}

func (c *csvWriter) header(line []byte) []byte {
	c.begun = true
	for i, name := range c.names {
		line = c.field(comma(line, i), name, true)
	}
	return append(line, "\r\n"...)
}

func (c *csvWriter) row(line []byte, r Row) ([]byte, error) {
	if !c.begun {
		c.names = r.Columns()
		line = c.header(line)
	}
	if r.columns != c.columns || c.slots == nil {
		if err := c.turnTo(r); err != nil {
			return line, err
		}
	}
	for i, slot := range c.slots {
		text, ok := r.at(slot)
		line = c.field(comma(line, i), text, ok || len(c.slots) == 1)
	}
	return append(line, "\r\n"...), nil
}

// turnTo finds the columns of another page.
func (c *csvWriter) turnTo(r Row) error {
	c.columns, c.slots = r.columns, make([]int, 0, len(c.names))
	if !c.chosen {
		for _, name := range r.Columns() {
			if !slices.Contains(c.names, name) {
				return fmt.Errorf("CSV: the column %q is not in the header, because it was null in the whole first page; name the columns with CSVOptions.Columns", name)
			}
		}
	}
	for _, name := range c.names {
		c.slots = append(c.slots, r.slot(name))
	}
	return nil
}

func comma(line []byte, i int) []byte {
	if i > 0 {
		line = append(line, ',')
	}
	return line
}

// field appends one value. What is there and empty is quoted, to tell it from null.
func (c *csvWriter) field(line []byte, text string, there bool) []byte {
	guarded := c.guard && text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0 && !decimalForm.MatchString(text)
	quoted := guarded || there && text == "" || strings.ContainsAny(text, "\",\r\n") || text != "" && (text[0] == ' ' || text[len(text)-1] == ' ')
	if !quoted {
		return append(line, text...)
	}
	line = append(line, '"')
	if guarded {
		line = append(line, '\'')
	}
	for i := range len(text) {
		if text[i] == '"' {
			line = append(line, '"')
		}
		line = append(line, text[i])
	}
	return append(line, '"')
}

func lowered(names []string) []string {
	lower := make([]string, len(names))
	for i, name := range names {
		lower[i] = strings.ToLower(name)
	}
	return lower
}

func (r Row) appendJSON(out []byte) []byte {
	out = append(out, '{')
	empty := len(out)
	for name, text := range r.All() {
		if len(out) > empty {
			out = append(out, ',')
		}
		out = append(appendString(out, name), ':')
		out = appendString(out, text)
	}
	return append(out, '}')
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. The text is UTF-8, for a page is made so.
func appendString(out []byte, text string) []byte {
	out = append(out, '"')
	plain := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, text[plain:i]...)
		plain = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, '\\', 'n')
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(out, text[plain:]...), '"')
}
