package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/suitekey/suitekey/internal/broker"
)

func decodeLine(t *testing.T, encoded []byte) broker.AuditLine {
	t.Helper()
	var line broker.AuditLine
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&line); err != nil {
		t.Fatalf("%s: %v", encoded, err)
	}
	return line
}

func TestLineIsWhatEncodingJSONReads(t *testing.T) {
	at := time.Date(2026, 11, 24, 20, 0, 0, 123456789, time.UTC)
	for _, line := range []broker.AuditLine{
		{At: at},
		{At: at, Event: "token.handed_out", Actor: "cli_1", From: "2001:db8::1", App: "acme", Object: "con_1", Result: "ok", Detail: "by hand"},
		{At: at, Event: `"`, Actor: `\`, From: `\"},{"event":"forged`, App: "</script>", Object: "\r\n\t", Result: "\x00\x1b[2J\x7f", Detail: "Ω 客户 😀 \u2028\u2029\u0085"},
	} {
		if diff := cmp.Diff(line, decodeLine(t, appendLine(nil, line))); diff != "" {
			t.Errorf("the line came back changed (-want +got):\n%s", diff)
		}
	}
}

func TestLineLeavesOutWhatEncodingJSONLeavesOut(t *testing.T) {
	line := broker.AuditLine{At: time.Unix(0, 0).UTC(), Event: "e", Actor: "a", Result: "ok"}
	want, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if got := appendLine(nil, line); string(got) != string(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// LO-02: nothing that a terminal or a line-based reader acts on stays as it is.
func TestLO02_ControlCharactersAreEscaped(t *testing.T) {
	var text strings.Builder
	for r := range rune(0x110) {
		text.WriteRune(r)
	}
	text.WriteString("\u2028\u2029\xff\xc3")
	encoded := appendLine(nil, broker.AuditLine{Detail: text.String()})
	for _, r := range string(encoded) {
		if r < 0x20 || (r >= 0x7f && r < 0xa0) || r == 0x2028 || r == 0x2029 {
			t.Errorf("%U stays as it is", r)
		}
	}
	if !utf8.Valid(encoded) {
		t.Error("the line is not UTF-8")
	}
	if got, want := decodeLine(t, encoded).Detail, strings.ToValidUTF8(strings.TrimSuffix(text.String(), "\xff\xc3"), "")+"\ufffd\ufffd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHugeTextIsCut(t *testing.T) {
	for name, text := range map[string]string{
		"letters": strings.Repeat("x", 1<<20), "two bytes": strings.Repeat("ä", 1<<20), "four bytes": "x" + strings.Repeat("😀", 1<<20),
		"broken": strings.Repeat("\x80", 1<<20), "quotes": strings.Repeat(`"`, 1<<20),
	} {
		encoded := appendLine(nil, broker.AuditLine{Detail: text})
		detail := decodeLine(t, encoded).Detail
		if len(encoded) > 10*maxText || !strings.HasSuffix(detail, "…") {
			t.Errorf("%s: the line has %d bytes, and the detail ends with %q", name, len(encoded), detail[len(detail)-3:])
		}
		if kept := strings.TrimSuffix(detail, "…"); name != "broken" && !strings.HasPrefix(text, kept) {
			t.Errorf("%s: the text was changed, not cut", name)
		}
	}
	exact := strings.Repeat("x", maxText)
	if got := decodeLine(t, appendLine(nil, broker.AuditLine{Detail: exact})).Detail; got != exact {
		t.Errorf("a text of %d bytes was cut to %d", maxText, len(got))
	}
}

func FuzzLine(f *testing.F) {
	f.Add("token.handed_out", "cli_1", `"},{"event":"forged`, "\xff\x00")
	f.Fuzz(func(t *testing.T, event, actor, from, detail string) {
		line := broker.AuditLine{At: time.Unix(1_800_000_000, 0).UTC(), Event: event, Actor: actor, From: from, Detail: detail}
		got := decodeLine(t, appendLine(nil, line))
		for _, field := range []struct{ name, got, want string }{
			{"event", got.Event, event}, {"actor", got.Actor, actor}, {"from", got.From, from}, {"detail", got.Detail, detail},
		} {
			if len(field.want) <= maxText && field.got != string([]rune(field.want)) {
				t.Errorf("%s came back as %q, was %q", field.name, field.got, field.want)
			}
		}
	})
}
