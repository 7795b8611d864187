package wire_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/wire"
)

func TestExamples(t *testing.T) {
	all, err := wire.Examples()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Errorf("%d examples; the folder is not read", len(all))
	}
	for _, x := range all {
		if x.Status == 0 || x.Title == "" || x.Notes["seen"] == "" {
			t.Errorf("%s: an example has a title, a status and the month in which its source was seen: %+v", x.Name, x)
		}
		// Real tokens and keys are long; nothing of an account may get in here.
		for word := range strings.FieldsFuncSeq(x.AnswerBody, func(r rune) bool { return strings.ContainsRune(" \n\"{}[],", r) }) {
			if strings.Count(word, ".") == 2 && len(word) > 60 && strings.HasPrefix(word, "eyJ") || strings.Contains(word, "BEGIN") {
				t.Errorf("%s: %.60s looks like a real token or key", x.Name, word)
			}
		}
	}
}

const sample = `### One
# source: H/x
# mark: O
POST https://1234567.suitetalk.api.netsuite.com/a/{{id}}?q={{text}}
X-Twice: 1
X-Twice: {{text}}
Content-Type: application/json

{"a": "{{text}}"}

HTTP/1.1 400 Conflict
Location: /b

{"b": 1}
### Two
# not imitated: because
`

func TestParse(t *testing.T) {
	got, err := wire.Parse(strings.ReplaceAll(sample, "\n", "\r\n"))
	if err != nil || len(got) != 2 {
		t.Fatalf("%d exchanges, %v", len(got), err)
	}
	one := wire.Exchange{
		Title: "One", Notes: map[string]string{"source": "H/x", "mark": "O"}, Method: "POST",
		URL:    "https://1234567.suitetalk.api.netsuite.com/a/{{id}}?q={{text}}",
		Header: map[string][]string{"X-Twice": {"1", "{{text}}"}, "Content-Type": {"application/json"}}, Body: `{"a": "{{text}}"}`,
		Status: 400, AnswerHeader: map[string][]string{"Location": {"/b"}}, AnswerBody: `{"b": 1}`,
	}
	if !reflect.DeepEqual(got[0], one) {
		t.Errorf("first:\n%+v, want\n%+v", got[0], one)
	}
	if got[1].Title != "Two" || got[1].Notes["not imitated"] != "because" || got[1].Method != "" || got[1].Status != 0 {
		t.Errorf("second: %+v", got[1])
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no title":         "GET https://x/\n",
		"note without :":   "### x\n# source\n",
		"note twice":       "### x\n# a: 1\n# a: 2\n",
		"no method":        "### x\nhttps://x/\n",
		"method in small":  "### x\nget https://x/\n",
		"plain http":       "### x\nGET http://x/\n",
		"header without :": "### x\nGET https://x/\nAccept\n",
		"header name":      "### x\nGET https://x/\nA b: c\n",
		"empty name":       "### x\nGET https://x/\n: c\n",
		"status in words":  "### x\nHTTP/1.1 OK\n",
		"status too large": "### x\nHTTP/1.1 600 Odd\n",
	} {
		if got, err := wire.Parse(text); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
}

func TestFill(t *testing.T) {
	exchanges, err := wire.Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"id": "a/b", "text": "a b&\"c\"\n"}
	got, err := exchanges[0].Fill(func(name string) (string, error) { return values[name], nil })
	if err != nil || got.URL != "https://1234567.suitetalk.api.netsuite.com/a/a%2Fb?q=a+b%26%22c%22%0A" || got.Header["X-Twice"][1] != values["text"] || got.Body != `{"a": "a b&\"c\"\n"}` && got.Body != `{"a": "a b\u0026\"c\"\n"}` {
		t.Errorf("%+v, %v", got, err)
	}
	unknown := errors.New("unknown")
	if _, err := exchanges[0].Fill(func(string) (string, error) { return "", unknown }); !errors.Is(err, unknown) {
		t.Errorf("error %v, want that of the value", err)
	}
}

func TestDifference(t *testing.T) {
	for _, tt := range []struct {
		name, got, recorded string
		abridged            bool
		want                string
	}{
		{"same keys, other values", `{"a":[{"b":1},{"c":null}],"d":"x"}`, `{"d":"","a":[{"b":2,"c":null}]}`, false, ""},
		{"another kind", `{"a":"3600"}`, `{"a":3600}`, false, "missing: $.a number\ntoo much: $.a string"},
		{"a key too much", `{"a":1,"b":true}`, `{"a":1}`, false, "too much: $.b boolean"},
		{"a key too much for an abridged record", `{"a":1,"b":true}`, `{"a":1}`, true, ""},
		{"a key missing", `{}`, `{"a":1}`, true, "missing: $.a number"},
		{"text for text", "no", "yes", false, ""},
		{"nothing for nothing", "", "", false, ""},
		{"nothing for text", "", "yes", true, `one body is empty: got "", recorded "yes"`},
		{"text for JSON", "no", "{}", true, `one body is no JSON: got "no", recorded "{}"`},
	} {
		if got := wire.Difference(tt.got, tt.recorded, tt.abridged); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// FuzzParse: whatever the text, parsing and filling end without a panic, and what is parsed has its parts.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("### \n# : \nGET https://\n\n\nHTTP/1.1 204")
	f.Fuzz(func(t *testing.T, text string) {
		exchanges, err := wire.Parse(text)
		for _, x := range exchanges {
			if err == nil && x.Method != "" && !strings.HasPrefix(x.URL, "https://") {
				t.Errorf("a request without an address: %+v", x)
			}
			if _, err := x.Fill(func(name string) (string, error) { return name, nil }); err != nil {
				t.Error(err)
			}
			_ = wire.Difference(x.Body, x.AnswerBody, false)
		}
	})
}
