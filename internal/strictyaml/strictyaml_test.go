package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recipe has a field of each kind.
type recipe struct {
	Name    string            `yaml:"name"`
	Public  bool              `yaml:"public"`
	Days    int               `yaml:"days"`
	Small   int8              `yaml:"small"`
	Scopes  []string          `yaml:"scopes"`
	Levels  map[string]string `yaml:"levels"`
	Brand   brand             `yaml:"brand"`
	Tasks   []task            `yaml:"tasks"`
	Body    map[string]any    `yaml:"body"`
	Ignored string            `yaml:"-"`
	NoTag   string
}

type brand struct {
	Accent  string `yaml:"accent"`
	Support string `yaml:"support"`
}

type task struct {
	Method string `yaml:"method"`
	Path   string `yaml:"path"`
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name, text string
		want       recipe
	}{
		{"one key", "name: acme", recipe{Name: "acme"}},
		{"every kind", strings.Join([]string{
			"# a comment", "---", "name: Acme # and another", "public: true", "days: 0x10", "small: -3", "scopes: [rest, 'restlets']",
			"levels: {LIST: VIEW}", "brand:", "  accent: \"#0b6\"", "tasks:", "  - method: PUT", "    path: /a", "  - {path: /b, method: GET}",
		}, "\n"), recipe{
			Name: "Acme", Public: true, Days: 16, Small: -3, Scopes: []string{"rest", "restlets"}, Levels: map[string]string{"LIST": "VIEW"},
			Brand: brand{Accent: "#0b6"}, Tasks: []task{{"PUT", "/a"}, {"GET", "/b"}},
		}},
		{"values of any kind", "body: {text: a, number: 3, part: 1.5, yes: true, none: null, list: [1, x], keys: {deep: y}}", recipe{Body: map[string]any{
			"text": "a", "number": uint64(3), "part": 1.5, "yes": true, "none": nil, "list": []any{uint64(1), "x"}, "keys": map[string]any{"deep": "y"},
		}}},
		{"block text", "name: |\n  two\n  lines\n", recipe{Name: "two\nlines\n"}},
		{"folded text", "name: >-\n  one\n  line\n", recipe{Name: "one line"}},
		{"words that are truth values only in old YAML", "name: no\nscopes: [on, yes]", recipe{Name: "no", Scopes: []string{"on", "yes"}}},
		{"quoted numbers", `name: "0123"`, recipe{Name: "0123"}},
		{"empty text in quotes", `name: ""`, recipe{}},
		{"JSON", `{"name": "acme", "brand": {"accent": "#fff"}}`, recipe{Name: "acme", Brand: brand{Accent: "#fff"}}},
		{"Windows line ends", "name: acme\r\ndays: 3\r\n", recipe{Name: "acme", Days: 3}},
		{"letters of the world", "name: Größe – 大\n", recipe{Name: "Größe – 大"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got recipe
			if err := Decode("app.yaml", []byte(tt.text), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
		})
	}
}

func TestDecodeKeepsDefaults(t *testing.T) {
	got := recipe{Name: "before", Days: 7, Brand: brand{Accent: "#000", Support: "help"}}
	if err := Decode("app.yaml", []byte("name: after\nbrand: {accent: '#fff'}"), &got); err != nil {
		t.Fatal(err)
	}
	want := recipe{Name: "after", Days: 7, Brand: brand{Accent: "#fff", Support: "help"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // the error's beginning
	}{
		{"unknown key", "name: a\nscope: [x]", `app.yaml, line 2, key "scope": unknown key; did you mean "scopes"?`},
		{"unknown key below", "brand:\n  accent: x\n  suport: y", `app.yaml, line 3, key "brand.suport": unknown key; did you mean "support"? (the keys here are accent, support)`},
		{"unknown key in a list", "tasks:\n  - path: /a\n    methode: GET", `app.yaml, line 3, key "tasks[0].methode": unknown key; did you mean "method"?`},
		{"key like nothing", "zzzzzzzzzzzz: 1", `app.yaml, line 1, key "zzzzzzzzzzzz": unknown key; the keys here are body, brand,`},
		{"another case", "Name: a", `app.yaml, line 1, key "Name": unknown key; did you mean "name"?`},
		{"field without key", "NoTag: a", `app.yaml, line 1, key "NoTag": unknown key`},
		{"field kept out", "'-': a", `app.yaml, line 1, key "-": unknown key`},
		{"key twice", "name: a\ndays: 1\nname: b", `app.yaml, line 3`},
		{"key twice in flow", "brand: {accent: a, accent: b}", `app.yaml, line 1`},
		{"key twice in a map", "levels:\n  A: VIEW\n  A: FULL", `app.yaml, line 3`},
		{"key twice in other quotes", "name: a\n\"name\": b", `app.yaml, line 2`},
		{"number for text", "name: 12", `app.yaml, line 1, key "name": must be text (in quotes, when it looks like a number or a truth value); got a number`},
		{"hexadecimal that is a number", "name: 0x1f", `app.yaml, line 1, key "name": must be text`},
		{"truth value for text", "name: true", `app.yaml, line 1, key "name": must be text`},
		{"list for text", "name: [a]", `app.yaml, line 1, key "name": must be text (in quotes, when it looks like a number or a truth value); got a list`},
		{"text for a list", "scopes: rest", `app.yaml, line 1, key "scopes": must be a list; got text`},
		{"number in a list", "scopes:\n  - a\n  - 3", `app.yaml, line 3, key "scopes[1]": must be text`},
		{"text for keys", "brand: red", `app.yaml, line 1, key "brand": must be keys with values; got text`},
		{"text for truth", "public: 'true'", `app.yaml, line 1, key "public": must be true or false; got text`},
		{"text for number", "days: many", `app.yaml, line 1, key "days": must be a whole number; got text`},
		{"part of a number", "days: 1.5", `app.yaml, line 1, key "days": must be a whole number; got a number`},
		{"number too large", "days: 99999999999999999999", `app.yaml, line 1, key "days": must be a whole number`},
		{"number beyond its field", "small: 128", `app.yaml, line 1, key "small": must be a whole number`},
		{"no value", "name:\ndays: 1", `app.yaml, line 1, key "name": has no value; give one, or remove the key`},
		{"no value for keys", "brand:\n", `app.yaml, line 1, key "brand": has no value`},
		{"null", "scopes: [a, null]", `app.yaml, line 1, key "scopes[1]": has no value`},
		{"not a number in any", "body: {a: .nan}", `app.yaml, line 1, key "body.a": must be text`},
		{"number as key", "1: a", `app.yaml, line 1: a key must be text`},
		{"list as key", "? [a]\n: b", `app.yaml, line 2: this is not YAML`},
		{"list at the top", "- a", `app.yaml, line 1: must be keys with values; got a list`},
		{"text at the top", "hello", `app.yaml, line 1: must be keys with values; got text`},
		{"empty", "", `app.yaml: the file is empty`},
		{"comments only", "# nothing\n\n", `app.yaml: the file is empty`},
		{"a lone separator", "---\n", `app.yaml`},
		{"second document", "name: a\n---\nname: b", `app.yaml, line 3: a second document begins here`},
		{"alias", "name: &n a\nscopes: [*n]", `app.yaml, line 1: anchors (&) and aliases (*) are not allowed`},
		{"unknown alias", "name: *n", `app.yaml, line 1: anchors`},
		{"merge", "brand:\n  <<: {accent: a}", `app.yaml, line 2: merge keys`},
		{"tag", "name: !!binary aGk=", `app.yaml, line 1: tags`},
		{"directive", "%YAML 1.1\n---\nname: a", `app.yaml, line 1: directives (%)`},
		{"tab as indentation", "brand:\n\taccent: a", `app.yaml, line 2`},
		{"open bracket", "scopes: [a", `app.yaml, line 1: this is not YAML`},
		{"open quote", "name: \"a", `app.yaml, line 1: this is not YAML`},
		{"colon in text", "name: a: b", `app.yaml, line 1: this is not YAML`},
		{"NUL", "name: a\nd\x00ys: 1", `app.yaml, line 2: the file must be UTF-8 text`},
		{"escape sequence", "name: \x1b[2J", `app.yaml, line 1: the file must be UTF-8 text`},
		{"Latin-1", "name: caf\xe9", `app.yaml, line 1: the file must be UTF-8 text`},
		{"UTF-16", "\xff\xfen\x00", `app.yaml, line 1: the file must be UTF-8 text`},
		{"byte order mark", "\ufeffname: a", `app.yaml, line 1: the file must be UTF-8 text`},
		{"too large", "name: " + strings.Repeat("a", MaxSize), `app.yaml: the file has 262150 bytes; it may have at most 262144`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := recipe{Name: "before"}
			err := Decode("app.yaml", []byte(tt.text), &got)
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if diff := cmp.Diff(got, recipe{Name: "before"}); diff != "" {
				t.Errorf("a refused file changed the target:\n%s", diff)
			}
		})
	}
}

// A file is cheap to refuse, whatever it is: these take other readers minutes, gigabytes or the process.
func TestDecodeBombs(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("body:\n  a0: &a0 [x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	var steps strings.Builder
	for i := range 700 {
		steps.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	var wide strings.Builder
	wide.WriteString("levels:\n")
	for i := 0; wide.Len() < MaxSize-20; i++ {
		fmt.Fprintf(&wide, "  k%d: a\n", i)
	}
	full := func(piece string) string { return strings.Repeat(piece, MaxSize/len(piece)) }
	tests := []struct {
		name, text string
		accepted   bool
	}{
		{name: "billion laughs", text: laughs.String()},
		{name: "brackets", text: full("[")},
		{name: "braces", text: full("{a: ")},
		{name: "dashes", text: full("- ")},
		{name: "question marks", text: full("? ")},
		{name: "colons", text: full(": ")},
		{name: "quotes", text: full("'")},
		{name: "hashes", text: full("#\n")},
		{name: "pipes", text: full("|\n")},
		{name: "commas", text: "scopes: [" + full(",")[:1000] + "]"},
		{name: "steps", text: steps.String()},
		{name: "steps below a key of any kind", text: "body:\n " + strings.ReplaceAll(steps.String(), "\n", "\n ")},
		{name: "empty lines", text: full("\n")},
		{name: "spaces", text: full(" ")},
		{name: "separators", text: full("---\n")},
		{name: "long unknown key", text: full("k")[:MaxSize-3] + ": a"},
		{name: "many keys", text: wide.String(), accepted: true},
		{name: "long text", text: "name: " + full("a")[:MaxSize-6], accepted: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now()
			var got recipe
			err := Decode("app.yaml", []byte(tt.text), &got)
			if (err == nil) != tt.accepted {
				t.Errorf("accepted: got %v (%.200v), want %v", err == nil, err, tt.accepted)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// An error names the place, never the value: it may be a secret in the wrong line.
func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "c2VjcmV0LXZhbHVl"
	for _, text := range []string{
		"days: " + secret, "scopes: " + secret, "brand: " + secret, "name: [" + secret, "name: \"" + secret, "name: a: " + secret,
		"name:\n  - " + secret + "\n b: c", "- " + secret, secret, "name: '" + secret + "'\nbrand: x\n y: [",
	} {
		err := Decode("app.yaml", []byte(text), new(recipe))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got error %v, want one without the value", text, err)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "display_name", "scopes", "brand"}
	for word, want := range map[string]string{
		"name": "name", "nmae": "name", "Name": "name", "displayname": "display_name", "scope": "scopes", "bran": "brand",
		"x": "", "": "", "completely_else": "", strings.Repeat("name", 1000): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%.20q): got %q, want %q", word, got, want)
		}
	}
	if got := Nearest("name", nil); got != "" {
		t.Errorf("with nothing known: got %q", got)
	}
}

func TestDecodeIntoAnythingElsePanics(t *testing.T) {
	for name, into := range map[string]any{"nil": nil, "struct": recipe{}, "map": &map[string]any{}, "nil pointer": (*recipe)(nil)} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = Decode("app.yaml", []byte("name: a"), into)
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "name: a", "name: [", "a:\n - b\n - {c: d}", "tasks:\n  - method: PUT\n    path: |\n      x\n", "body: {a: [1, 2.5, null, true]}",
		"? a\n: b", "name: &a b\nscopes: [*a]", "---\nname: a\n...\n---\nb: c", "name: \"\\u0041\\x\"", "brand: {accent: '#fff', }", "!!str a: b", "<<: a", "%TAG ! !",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got recipe
		err := Decode("app.yaml", data, &got)
		if err == nil {
			return
		}
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "app.yaml") {
			t.Errorf("error without its file: %v", err)
		}
		if diff := cmp.Diff(got, recipe{}); diff != "" {
			t.Errorf("a refused file changed the target:\n%s", diff)
		}
	})
}
