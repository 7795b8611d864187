package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const queryHelp = `Asks NetSuite by SuiteQL and prints every row of the answer, page after page, as it comes.

  suitekey query 'SELECT id, companyname FROM customer ORDER BY id'
  suitekey query --connection acme --csv 'SELECT id, companyname FROM customer ORDER BY id' > customers.csv
  suitekey query --connection acme --jsonl --file customers.sql
  echo 'SELECT 1 AS ok FROM dual' | suitekey query --json --file -

More than 100,000 rows, or rows that change meanwhile, need a column that is unique, mostly the internal ID:

  suitekey query --key id --csv 'SELECT id, tranid, total FROM transaction' > transactions.csv

Values are put in safely by --param, one for each question mark:

  suitekey query --param "O'Brien" 'SELECT id FROM customer WHERE companyname = ?'
`

type queryOptions struct {
	csv, jsonLines, guard bool
	file, key             string
	textKey               bool
	pageSize, limit       int
	params                []string
}

func newQuery(e *env) *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use: "query [SQL]", Short: "Ask by SuiteQL", Long: queryHelp, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := e.readQuery(o, args)
			if err != nil {
				return err
			}
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				return e.printQuery(ctx, t.api, q, o)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.csv, "csv", false, "print CSV (RFC 4180)")
	f.BoolVar(&o.jsonLines, "jsonl", false, "print a JSON object in each line")
	f.BoolVar(&o.guard, "guard-formulas", false, "with --csv, for files that people open in a spreadsheet: values cannot be formulas")
	f.StringVar(&o.file, "file", "", "`FILE` that holds the statement, - for stdin")
	f.StringVar(&o.key, "key", "", "`COLUMN` that is unique, by which any number of rows is read")
	f.BoolVar(&o.textKey, "text-key", false, "the key is text")
	f.IntVar(&o.pageSize, "page-size", 1000, "`ROWS` of a page, 1 to 1000")
	f.IntVar(&o.limit, "limit", 0, "`ROWS` to print at most; 0 prints all")
	f.StringArrayVar(&o.params, "param", nil, "`VALUE` for the next question mark of the statement; repeat it for more")
	addConnectionFlags(f)
	return cmd
}

const longestQuery = 1 << 20

func (e *env) readQuery(o queryOptions, args []string) (netsuite.Query, error) {
	var q netsuite.Query
	if err := o.check(e.json, args); err != nil {
		return q, err
	}
	text, err := e.statement(o, args)
	if err != nil {
		return q, err
	}
	if text = strings.TrimSuffix(strings.TrimSpace(text), ";"); text == "" {
		return q, broker.Errorf(broker.CodeInvalid, "the statement is empty").WithDo("For example: suitekey query 'SELECT id FROM customer ORDER BY id'")
	}
	params := make([]any, len(o.params))
	for i, p := range o.params {
		params[i] = p
	}
	if len(params) > 0 {
		if text, err = netsuite.Bind(text, params...); err != nil {
			return q, broker.Errorf(broker.CodeInvalid, "flag --param: %v", err).WithDo("Give one --param for each question mark of the statement.")
		}
	}
	return netsuite.Query{SQL: text, Key: o.key, TextKey: o.textKey, PageSize: o.pageSize}, nil
}

func (o queryOptions) check(json bool, args []string) error {
	forms := 0
	for _, asked := range []bool{o.csv, o.jsonLines, json} {
		if asked {
			forms++
		}
	}
	switch {
	case forms > 1:
		return broker.Errorf(broker.CodeInvalid, "one of --csv, --jsonl and --json at most")
	case o.guard && !o.csv:
		return broker.Errorf(broker.CodeInvalid, "flag --guard-formulas: it is for --csv")
	case len(args) == 1 && o.file != "":
		return broker.Errorf(broker.CodeInvalid, "the statement is given twice, as an argument and by --file")
	case len(args) == 0 && o.file == "":
		return broker.Errorf(broker.CodeInvalid, "the statement is missing").WithDo("For example: suitekey query 'SELECT id FROM customer ORDER BY id'")
	case o.pageSize < 1 || o.pageSize > 1000:
		return broker.Errorf(broker.CodeInvalid, "flag --page-size: must be 1 to 1000; got %d", o.pageSize)
	case o.limit < 0:
		return broker.Errorf(broker.CodeInvalid, "flag --limit: must not be negative; got %d", o.limit)
	}
	return nil
}

func (e *env) statement(o queryOptions, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	data, err := e.readInput(o.file, longestQuery)
	return string(data), err
}

func (e *env) printQuery(ctx context.Context, api *netsuite.API, q netsuite.Query, o queryOptions) error {
	progress := e.progress()
	q.Progress = progress.pages
	rows := api.Query(ctx, q)
	if o.limit > 0 {
		rows = first(rows, o.limit)
	}
	began := time.Now()
	n, err := e.writeRows(rows, o)
	progress.clear()
	if err == nil && terminal(e.stdout) {
		e.say("%d rows in %s", n, time.Since(began).Round(10*time.Millisecond))
	}
	return err
}

func (e *env) writeRows(rows iter.Seq2[netsuite.Row, error], o queryOptions) (int, error) {
	switch {
	case o.csv:
		return netsuite.WriteCSV(e.stdout, rows, &netsuite.CSVOptions{GuardFormulas: o.guard})
	case o.jsonLines:
		return netsuite.WriteJSONLines(e.stdout, rows)
	case e.json:
		return writeJSONArray(e.stdout, rows)
	}
	return writeRowTable(e.stdout, rows)
}

func first(rows iter.Seq2[netsuite.Row, error], limit int) iter.Seq2[netsuite.Row, error] {
	return func(yield func(netsuite.Row, error) bool) {
		left := limit
		for row, err := range rows {
			if !yield(row, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// writeJSONArray writes rows as they come, in one array. After an error the array stays open: what was cut off must not look whole.
func writeJSONArray(w io.Writer, rows iter.Seq2[netsuite.Row, error]) (n int, err error) {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString("[") // Flush tells of errors
	for row, err := range rows {
		if err != nil {
			return n, errors.Join(err, out.Flush())
		}
		data, err := json.Marshal(row)
		if err != nil {
			return n, err
		}
		if n > 0 {
			_, _ = out.WriteString(",\n")
		}
		if _, err := out.Write(data); err != nil {
			return n, err
		}
		n++
	}
	_, _ = out.WriteString("]\n")
	return n, out.Flush()
}

// widthRows is how many rows the widths of a table's columns are taken from: a table streams, too.
const widthRows = 200

// widest is how wide a column gets.
const widest = 60

// writeRowTable writes rows in columns for people.
func writeRowTable(w io.Writer, rows iter.Seq2[netsuite.Row, error]) (n int, err error) {
	t := rowTable{out: bufio.NewWriter(w)}
	for row, err := range rows {
		if err != nil {
			return n, errors.Join(err, t.end())
		}
		t.add(row)
		n++
	}
	return n, t.end()
}

type rowTable struct {
	out     *bufio.Writer
	waiting []netsuite.Row // until the widths are known
	columns []string
	widths  []int
}

func (t *rowTable) add(row netsuite.Row) {
	if t.columns == nil {
		t.waiting = append(t.waiting, row)
		if len(t.waiting) == widthRows {
			t.begin()
		}
		return
	}
	t.line(row)
}

// begin writes the head and the rows that were held back.
func (t *rowTable) begin() {
	for _, row := range t.waiting {
		for _, name := range row.Columns() {
			if !slices.Contains(t.columns, name) { // NetSuite leaves out what is null
				t.columns = append(t.columns, name)
			}
		}
	}
	head := make([]string, len(t.columns))
	t.widths = make([]int, len(t.columns))
	for i, name := range t.columns {
		head[i] = strings.ToUpper(name)
		t.widths[i] = utf8.RuneCountInString(name)
		for _, row := range t.waiting {
			t.widths[i] = min(widest, max(t.widths[i], utf8.RuneCountInString(cell(row, name))))
		}
	}
	t.write(head)
	for _, row := range t.waiting {
		t.line(row)
	}
	t.waiting = nil
}

func (t *rowTable) line(row netsuite.Row) {
	cells := make([]string, len(t.columns))
	for i, name := range t.columns {
		cells[i] = cell(row, name)
	}
	t.write(cells)
}

func (t *rowTable) write(cells []string) {
	var line strings.Builder
	for i, text := range cells {
		if i > 0 {
			line.WriteString("  ")
		}
		fmt.Fprintf(&line, "%-*s", t.widths[i], text)
	}
	_, _ = fmt.Fprintln(t.out, strings.TrimRight(line.String(), " ")) // Flush tells of errors
}

func (t *rowTable) end() error {
	if t.columns == nil && len(t.waiting) > 0 {
		t.begin()
	}
	return t.out.Flush()
}

// cell is a value in one line: what somebody typed into NetSuite must not write to the terminal (LO-02).
func cell(row netsuite.Row, name string) string {
	text := oneLine(row.Get(name))
	if runes := []rune(text); len(runes) > widest {
		return string(runes[:widest-1]) + "…"
	}
	return text
}
