package cli

import (
	"bytes"
	"strings"
	"testing"
)

// NetSuite sets fields one after the other, and a field may depend on one before it: the body goes out as it was written.
func TestFieldsGoAsTheyWereWritten(t *testing.T) {
	for in, want := range map[string]string{
		`{"entity": {"id": 7}, "customForm": 1, "a": 1}`: `{"entity": {"id": 7}, "customForm": 1, "a": 1}`,
		" {\"total\": 12345678901234567890.10}\n":        `{"total": 12345678901234567890.10}`,
		`{}`: `{}`,
	} {
		got, err := (&env{stdin: strings.NewReader(in)}).fields("-")
		if err != nil || string(got) != want {
			t.Errorf("fields of %s: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", " ", "null", "[]", "1", `"x"`, `{"a":1} {"b":2}`, `{"a":1}x`, `{"a":`, `{a:1}`, "\xff{}", `{"a":1,}`} {
		if got, err := (&env{stdin: strings.NewReader(in)}).fields("-"); err == nil {
			t.Errorf("fields of %q: %s, want an error", in, got)
		}
	}
}

// Values may hold commas, equals signs, and come more than once.
func TestRESTletParams(t *testing.T) {
	got, err := restletParams([]string{"ids=1,2,3", "where=a=b", "tag=x", "tag=y", "empty="})
	if want := "empty=&ids=1%2C2%2C3&tag=x&tag=y&where=a%3Db"; err != nil || got.Encode() != want {
		t.Errorf("%s, %v; want %s", got.Encode(), err, want)
	}
	for _, bad := range []string{"", "x", "=x"} {
		if _, err := restletParams([]string{bad}); err == nil || !strings.Contains(err.Error(), "--param") {
			t.Errorf("%q: %v, want an error of --param", bad, err)
		}
	}
}

// What somebody typed into NetSuite, or a script answers, must not write to the terminal.
func TestLO02_AnswersDoNotMoveTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"{\n  \"name\": \"Müller 漢字 🙂\"\n}\n":   "{\n  \"name\": \"Müller 漢字 🙂\"\n}\n",
		"{\"name\": \"\u009b31mred\u202ecba\"}": `{"name": "\u009b31mred\u202ecba"}`,
		"plain \x1b]0;title\x07 text\r\n":       "plain \\u001b]0;title\\u0007 text\\u000d\n",
		"\U000e0041":                            `\udb40\udc41`,
		"\xff":                                  `\ufffd`,
		"a\tb":                                  "a\tb",
	} {
		if got := shown([]byte(in)); !bytes.Equal(got, []byte(want)) {
			t.Errorf("shown(%q) = %q, want %q", in, got, want)
		}
	}
}
