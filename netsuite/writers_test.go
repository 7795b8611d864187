package netsuite

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
)

// pagesOf yields the rows of pages of items, and then err if there is one.
func pagesOf(t *testing.T, err error, pages ...string) iter.Seq2[Row, error] {
	t.Helper()
	return func(yield func(Row, error) bool) {
		for _, items := range pages {
			for _, row := range mustScan(t, pageOf(items)).Rows {
				if !yield(row, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(Row{}, err)
		}
	}
}

func TestWriteCSV(t *testing.T) {
	for name, tt := range map[string]struct {
		pages   []string
		options *CSVOptions
		want    string
		rows    int
	}{
		"nothing":              {nil, nil, "", 0},
		"header alone":         {nil, &CSVOptions{Columns: []string{"ID", "name"}}, "id,name\r\n", 0},
		"rows":                 {[]string{`[{"id":"1","name":"a"},{"id":"2","name":"b"}]`}, nil, "id,name\r\n1,a\r\n2,b\r\n", 2},
		"quotes":               {[]string{`[{"a":"x,y","b":"say \"hi\"","c":"two\r\nlines","d":" edge ","e":"plain'"}]`}, nil, "a,b,c,d,e\r\n\"x,y\",\"say \"\"hi\"\"\",\"two\r\nlines\",\" edge \",plain'\r\n", 1},
		"null and empty":       {[]string{`[{"a":"","b":null,"c":"x"},{"c":"y"}]`}, nil, "a,b,c\r\n\"\",,x\r\n,,y\r\n", 2},
		"one column":           {[]string{`[{"a":"x"},{},{"a":""}]`}, nil, "a\r\nx\r\n\"\"\r\n\"\"\r\n", 3},
		"order of other pages": {[]string{`[{"a":"1","b":"2"}]`, `[{"b":"3","a":"4"},{"b":"5"}]`, `[{}]`}, nil, "a,b\r\n1,2\r\n4,3\r\n,5\r\n,\r\n", 4},
		"chosen columns":       {[]string{`[{"a":"1","b":"2"}]`, `[{"c":"3"}]`}, &CSVOptions{Columns: []string{"c", "A"}}, "c,a\r\n,1\r\n3,\r\n", 2},
		"formulas":             {[]string{`[{"a":"=1+1","b":"+x","c":"-5","d":"-x","e":"@x","f":"\tx","g":"-1.5","h":"x=1"}]`}, nil, "a,b,c,d,e,f,g,h\r\n=1+1,+x,-5,-x,@x,\tx,-1.5,x=1\r\n", 1},
		"formulas guarded":     {[]string{`[{"a":"=1+1","b":"+x","c":"-5","d":"-\"x","e":"@x","f":"\tx","g":"-1.5","h":"x=1"}]`}, &CSVOptions{GuardFormulas: true}, "a,b,c,d,e,f,g,h\r\n\"'=1+1\",\"'+x\",-5,\"'-\"\"x\",\"'@x\",\"'\tx\",-1.5,x=1\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			n, err := WriteCSV(&out, pagesOf(t, nil, tt.pages...), tt.options)
			if err != nil || n != tt.rows || out.String() != tt.want {
				t.Errorf("wrote %d rows, %v:\n%q\nwant %d:\n%q", n, err, out.String(), tt.rows, tt.want)
			}
		})
	}
}

func TestWriteCSVRefusesAColumnThatComesLater(t *testing.T) {
	var out strings.Builder
	n, err := WriteCSV(&out, pagesOf(t, nil, `[{"a":"1"}]`, `[{"a":"2","late":"x"}]`), nil)
	if err == nil || !strings.Contains(err.Error(), `"late"`) || !strings.Contains(err.Error(), "CSVOptions.Columns") || n != 1 || out.String() != "a\r\n1\r\n" {
		t.Errorf("wrote %d rows %q, %v; want one row and an error with the remedy", n, out.String(), err)
	}
}

func TestWriteJSONLines(t *testing.T) {
	var out strings.Builder
	n, err := WriteJSONLines(&out, pagesOf(t, nil, `[{"id":"1","text":"two\nlines","no":null}]`, `[{"x":"é"},{}]`))
	if want := "{\"id\":\"1\",\"text\":\"two\\nlines\"}\n{\"x\":\"é\"}\n{}\n"; err != nil || n != 3 || out.String() != want {
		t.Errorf("wrote %d rows, %v:\n%s\nwant:\n%s", n, err, out.String(), want)
	}
}

// full is a writer that takes some bytes and no more.
type full struct{ left int }

var errFull = errors.New("disk is full")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestWritersGiveOnErrors(t *testing.T) {
	broken := errors.New("broken off")
	var long []string
	for i := range 200 {
		long = append(long, fmt.Sprintf(`{"a":"%d%s"}`, i, strings.Repeat("x", 900)))
	}
	for name, write := range map[string]func(w *bytes.Buffer, f *full, rows iter.Seq2[Row, error]) (int, error){
		"CSV": func(w *bytes.Buffer, f *full, rows iter.Seq2[Row, error]) (int, error) {
			if f != nil {
				return WriteCSV(f, rows, nil)
			}
			return WriteCSV(w, rows, nil)
		},
		"JSON": func(w *bytes.Buffer, f *full, rows iter.Seq2[Row, error]) (int, error) {
			if f != nil {
				return WriteJSONLines(f, rows)
			}
			return WriteJSONLines(w, rows)
		},
	} {
		var out bytes.Buffer
		if n, err := write(&out, nil, pagesOf(t, broken, `[{"a":"1"}]`)); !errors.Is(err, broken) || n != 1 || !strings.Contains(out.String(), "1") {
			t.Errorf("%s: wrote %d rows %q, %v; want the row before the error", name, n, out.String(), err)
		}
		if n, err := write(nil, &full{}, pagesOf(t, nil, "["+strings.Join(long, ",")+"]")); !errors.Is(err, errFull) || n >= len(long) {
			t.Errorf("%s: wrote %d rows, %v; want the writer's error", name, n, err)
		}
		if _, err := write(nil, &full{}, pagesOf(t, nil, `[{"a":"1"}]`)); !errors.Is(err, errFull) {
			t.Errorf("%s: error = %v, want the writer's error of the last write", name, err)
		}
	}
}

// FuzzWriteCSV: what is written reads back as it was, by encoding/csv, which makes \n of \r\n.
func FuzzWriteCSV(f *testing.F) {
	f.Add("a", "b,\"c\"", "")
	f.Add("", " ", "\r\n")
	f.Add("=1", "\n", "\r")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		item, err := json.Marshal(map[string]string{"a": a, "b": b, "c": c})
		if err != nil {
			t.Fatal(err)
		}
		row := rowOf(t, string(item))
		var out bytes.Buffer
		if _, err := WriteCSV(&out, func(yield func(Row, error) bool) { yield(row, nil) }, nil); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(lines) != 2 {
			t.Fatalf("%q: %v, %v", item, lines, err)
		}
		want := []string{row.Get("a"), row.Get("b"), row.Get("c")}
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], "\r\n", "\n")
		}
		if !slices.Equal(lines[1], want) {
			t.Fatalf("%q came back as %q", want, lines[1])
		}
	})
}
