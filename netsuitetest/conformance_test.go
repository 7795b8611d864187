package netsuitetest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/wire"
)

// This file is the conformance suite: one row for each rule of the reference papers, in testdata/conformance by topic. A row
// is an exchange in the form of the package wire. Its title is the rule. Its notes are
//
//	source, mark   where the rule stands, and how good that is: the marks of wire, R for an RFC, ? where nobody knows
//	setting        the field of Settings that decides, where nobody knows
//	settings       the settings under which the row holds, as JSON
//	given          steps that make the state, as in stage_test.go
//	trail          what the Login Audit Trail says of the request
//	header, payload  instead of a request: the token whose header or payload is the answer
//	not imitated   the reason; what the emulator then answers must not be what the row expects
//
// In the answer * stands for any text, "~" begins a regular expression, an empty header is one that must be absent, and a JSON
// body must have the members that are written, null meaning absent. An array must have the elements that are written and no
// others, unless it ends with "...".

// The page that lists the rows, and the place in the README that lists what is not imitated.
const (
	conformancePage = "../docs/emulator-conformance.md"
	readme          = "README.md"
)

// topic is one file of rows.
type topic struct {
	name, title, papers string
	rows                []wire.Exchange
}

func readTopics(t *testing.T) []topic {
	t.Helper()
	names, err := filepath.Glob("testdata/conformance/*.http")
	if err != nil || len(names) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	var all []topic
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := wire.Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, topic{strings.TrimSuffix(filepath.Base(name), ".http"), rows[0].Title, rows[0].Notes["group"], rows[1:]})
	}
	return all
}

// TestConformance plays every row against an emulator of its own.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, topic := range readTopics(t) {
		for i, row := range topic.rows {
			t.Run(fmt.Sprintf("%s/%d %s", topic.name, i+1, row.Title), func(t *testing.T) {
				t.Parallel()
				checkNotes(t, row)
				if row.Status == 0 {
					return
				}
				complaints, answer := judge(newStage(t, row.Notes["settings"]), row)
				switch why := row.Notes["not imitated"]; {
				case why != "" && complaints == nil:
					t.Errorf("imitated by now: remove the note %q and run with -update", why)
				case why == "" && complaints != nil:
					t.Errorf("source %s: %s\nanswer %d %v\n%.2000s", row.Notes["source"], strings.Join(complaints, "; "), answer.status, answer.header, answer.body)
				}
			})
		}
	}
}

func checkNotes(t *testing.T, row wire.Exchange) {
	t.Helper()
	known := []string{"source", "mark", "setting", "settings", "given", "trail", "header", "payload", "not imitated"}
	for note := range row.Notes {
		if !slices.Contains(known, note) {
			t.Errorf("unknown note %q", note)
		}
	}
	if row.Notes["source"] == "" || !strings.Contains("OWCTIR?", row.Notes["mark"]) || len(row.Notes["mark"]) != 1 {
		t.Errorf("a row needs a source and a mark: %v", row.Notes)
	}
	if row.Status == 0 && row.Notes["not imitated"] == "" {
		t.Error("a row needs an answer, or the reason why it is not imitated")
	}
}

// judge sends the row's request and says what is wrong with the answer.
func judge(s *stage, row wire.Exchange) (complaints []string, answer page) {
	s.t.Helper()
	filled, answer := s.answerOf(row)
	if answer.status != row.Status {
		complaints = append(complaints, fmt.Sprintf("status %d, want %d", answer.status, row.Status))
	}
	for name := range filled.AnswerHeader {
		if got, want := answer.header.Get(name), filled.AnswerHeader.Get(name); !like(got, want) {
			complaints = append(complaints, fmt.Sprintf("%s %q, want %q", name, got, want))
		}
	}
	complaints = append(complaints, unlikeBody(answer.body, filled.AnswerBody)...)
	if want, named := row.Notes["trail"]; named && s.last().AuditDetail != want {
		complaints = append(complaints, fmt.Sprintf("the trail says %q, want %q", s.last().AuditDetail, want))
	}
	return complaints, answer
}

// answerOf is the answer of the emulator, or the part of a token that the row names.
func (s *stage) answerOf(row wire.Exchange) (wire.Exchange, page) {
	s.t.Helper()
	for i, part := range []string{"header", "payload"} {
		name := row.Notes[part]
		if name == "" {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(s.must(name), ".")[i])
		if err != nil {
			s.t.Fatal(err)
		}
		filled, err := row.Fill(s.value)
		if err != nil {
			s.t.Fatal(err)
		}
		return filled, page{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: withLife(s.t, raw)}
	}
	return s.play(row)
}

// withLife adds to a token's payload how long it lives, for rows about that.
func withLife(t *testing.T, payload []byte) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	if exp, ok := members["exp"].(float64); ok {
		members["exp - iat"] = exp - members["iat"].(float64)
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// like compares a text with what is written in a row.
func like(got, want string) bool {
	if pattern, isRegexp := strings.CutPrefix(want, "~"); isRegexp {
		return regexp.MustCompile(pattern).MatchString(got)
	}
	parts := strings.Split(want, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$").MatchString(got)
}

// unlikeBody compares a body with the one of a row: JSON by members, other text line by line.
func unlikeBody(got, want string) (complaints []string) {
	var wanted, given any
	switch {
	case want == "":
		return nil
	case json.Unmarshal([]byte(want), &wanted) != nil:
		for line := range strings.SplitSeq(want, "\n") {
			if !strings.Contains(got, line) {
				complaints = append(complaints, fmt.Sprintf("the body does not contain %q", line))
			}
		}
		return complaints
	case json.Unmarshal([]byte(got), &given) != nil:
		return []string{"the body is no JSON"}
	}
	return unlike("$", given, wanted)
}

func unlike(at string, got, want any) (complaints []string) {
	switch want := want.(type) {
	case map[string]any:
		members, isObject := got.(map[string]any)
		if !isObject {
			return []string{at + " is no object"}
		}
		for name, value := range want {
			complaints = append(complaints, unlike(at+"."+name, members[name], value)...)
		}
	case []any:
		elements, isArray := got.([]any)
		more := len(want) > 0 && want[len(want)-1] == "..."
		if more {
			want = want[:len(want)-1]
		}
		if !isArray || len(elements) < len(want) || len(elements) > len(want) && !more {
			return []string{fmt.Sprintf("%s has %d elements, want %d", at, len(elements), len(want))}
		}
		for i, value := range want {
			complaints = append(complaints, unlike(fmt.Sprintf("%s[%d]", at, i), elements[i], value)...)
		}
	case string:
		text, isText := got.(string)
		if want == "*" && got != nil || isText && like(text, want) {
			return nil
		}
		return []string{fmt.Sprintf("%s is %v, want %q", at, got, want)}
	default:
		if !reflect.DeepEqual(got, want) {
			return []string{fmt.Sprintf("%s is %v, want %v", at, got, want)}
		}
	}
	return complaints
}

// TestUnlikeBody: the suite sees what is wrong.
func TestUnlikeBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, got, want string
		complaints      int
	}{
		{"nothing is expected", "anything", "", 0},
		{"members beside", `{"a":1,"b":2}`, `{"a":1}`, 0},
		{"another value", `{"a":1}`, `{"a":2}`, 1},
		{"another kind", `{"a":"1"}`, `{"a":1}`, 1},
		{"absent and not expected", `{}`, `{"a":null}`, 0},
		{"there and not expected", `{"a":""}`, `{"a":null}`, 1},
		{"anything", `{"a":[1]}`, `{"a":"*"}`, 0},
		{"anything but nothing", `{}`, `{"a":"*"}`, 1},
		{"a part", `{"a":"x of y"}`, `{"a":"*of*"}`, 0},
		{"a part is missing", `{"a":"x"}`, `{"a":"*of*"}`, 1},
		{"a form", `{"a":"12"}`, `{"a":"~^\\d+$"}`, 0},
		{"another form", `{"a":"1x"}`, `{"a":"~^\\d+$"}`, 1},
		{"an element too much", `{"a":[1,2]}`, `{"a":[1]}`, 1},
		{"elements beside", `{"a":[1,2]}`, `{"a":[1,"..."]}`, 0},
		{"an element missing", `{"a":[]}`, `{"a":[1,"..."]}`, 1},
		{"no array", `{"a":{}}`, `{"a":[]}`, 1},
		{"no object", `[]`, `{}`, 1},
		{"no JSON", `no`, `{}`, 1},
		{"lines", "one two\nthree", "two\nthree", 0},
		{"a line missing", "one two", "two\nthree", 1},
	} {
		if got := unlikeBody(tt.got, tt.want); len(got) != tt.complaints {
			t.Errorf("%s: %q, want %d complaints", tt.name, got, tt.complaints)
		}
	}
}

// TestConformancePage holds the page and the README to the rows.
func TestConformancePage(t *testing.T) {
	t.Parallel()
	topics := readTopics(t)
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), notImitatedBegin)
	_, after, closed := strings.Cut(rest, notImitatedEnd)
	if !found || !closed {
		t.Fatalf("%s has lost the marks of its generated part", readme)
	}
	for name, want := range map[string]string{
		conformancePage: pageOf(topics),
		readme:          before + notImitatedBegin + notImitated(topics) + notImitatedEnd + after,
	} {
		if *update {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s does not show the rows of testdata/conformance (%v); run: go test ./netsuitetest -run ConformancePage -update", name, err)
		}
	}
}

const (
	notImitatedBegin = "<!-- not imitated: begin -->\n"
	notImitatedEnd   = "<!-- not imitated: end -->\n"
)

func notImitated(topics []topic) string {
	var b strings.Builder
	for _, topic := range topics {
		for _, row := range topic.rows {
			if why := row.Notes["not imitated"]; why != "" {
				fmt.Fprintf(&b, "- %s: %s (%s)\n", row.Title, why, row.Notes["source"])
			}
		}
	}
	return b.String()
}

const pageHead = `# What the emulator holds clients to

Each line is a rule of NetSuite, with the page that says it, and is checked against the emulator over HTTP by a client that knows nothing of it.
The requests and answers stand in full in [testdata/conformance](../netsuitetest/testdata/conformance), in a form that editors can send.
This page is made from them: ` + "`go test ./netsuitetest -run ConformancePage -update`" + `.

` + "`H/x`" + ` is ` + "`https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/x.html`" + `. The mark says how good the source is: **O** Oracle's help or blog,
**W** seen on the wire, **C** public clients' code, **T** third-party text, **I** inference, **R** an RFC, **?** not known: a setting decides.
In an answer ` + "`*`" + ` is any text, ` + "`~`" + ` begins a form, ` + "`null`" + ` is a member that must be absent, and members beside those written do not matter.
A rule that begins with … goes on from the one before it.
`

func pageOf(topics []topic) string {
	var b strings.Builder
	b.WriteString(pageHead)
	imitated, absent := 0, 0
	for _, topic := range topics {
		for _, row := range topic.rows {
			if row.Notes["not imitated"] == "" {
				imitated++
			} else {
				absent++
			}
		}
	}
	fmt.Fprintf(&b, "\n%d rules are imitated, %d are not.\n", imitated, absent)
	for _, topic := range topics {
		fmt.Fprintf(&b, "\n## %s\n\n| Rule | Source | | Request | Answer |\n|---|---|---|---|---|\n", topic.title)
		for _, row := range topic.rows {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(row.Title), cell(row.Notes["source"]), row.Notes["mark"], requestCell(row), answerCell(row))
		}
	}
	return b.String()
}

func requestCell(row wire.Exchange) string {
	var parts []string
	switch {
	case row.Method != "":
		address, _, _ := strings.Cut(row.URL, "?")
		parts = append(parts, code(row.Method+" "+strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "1234567.")))
	case row.Notes["header"] != "":
		parts = append(parts, "header of "+code(row.Notes["header"]))
	case row.Notes["payload"] != "":
		parts = append(parts, "payload of "+code(row.Notes["payload"]))
	}
	if given := row.Notes["given"]; given != "" {
		parts = append(parts, "given "+code(given))
	}
	if settings := row.Notes["settings"]; settings != "" {
		parts = append(parts, code(settings))
	}
	return strings.Join(parts, ", ")
}

func answerCell(row wire.Exchange) string {
	if why := row.Notes["not imitated"]; why != "" {
		return "**not imitated**: " + cell(why)
	}
	parts := []string{fmt.Sprint(row.Status)}
	for _, name := range []string{"Location", "WWW-Authenticate"} {
		if value := row.AnswerHeader.Get(name); value != "" {
			parts = append(parts, code(name+": "+value))
		}
	}
	if row.AnswerBody != "" {
		parts = append(parts, code(strings.ReplaceAll(row.AnswerBody, "\n", " ")))
	}
	if trail := row.Notes["trail"]; trail != "" {
		parts = append(parts, "trail "+code(trail))
	}
	if setting := row.Notes["setting"]; setting != "" {
		parts = append(parts, "setting "+code(setting))
	}
	return strings.Join(parts, ", ")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func code(text string) string {
	const longest = 160
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return "`" + cell(strings.ReplaceAll(text, "`", "'")) + "`"
}
