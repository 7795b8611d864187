package audit

import (
	"time"
	"unicode/utf8"

	"github.com/suitekey/suitekey/internal/broker"
)

// maxText is how many bytes of one text are kept; a hostile header must not fill the disk.
const maxText = 1000

// appendLine encodes a line as package encoding/json would, without reflection: it is on the path of every hand-out.
func appendLine(b []byte, line broker.AuditLine) []byte {
	b = append(b, `{"at":"`...)
	b = line.At.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendField(b, "event", line.Event)
	b = appendField(b, "actor", line.Actor)
	b = appendOptional(b, "from", line.From)
	b = appendOptional(b, "app", line.App)
	b = appendOptional(b, "object", line.Object)
	b = appendField(b, "result", line.Result)
	b = appendOptional(b, "detail", line.Detail)
	return append(b, '}')
}

func appendOptional(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendField(b, name, text)
}

func appendField(b []byte, name, text string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':', '"')
	b = appendText(b, cut(text))
	return append(b, '"')
}

// cut shortens a text that is too long, between two characters.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > maxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// appendText escapes a text for JSON (RFC 8259 section 7). It also escapes what a terminal or a browser could act on (LO-02):
// all control characters, and the line separators of Unicode. Broken UTF-8 becomes U+FFFD.
func appendText(b []byte, text string) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			if c == '"' || c == '\\' {
				b = append(b, '\\', c)
			} else if c < 0x20 || c == 0x7f {
				b = appendEscape(b, rune(c))
			} else {
				b = append(b, c)
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if r < 0xa0 || r == 0x2028 || r == 0x2029 {
			b = appendEscape(b, r)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// appendEscape writes \u and four digits.
func appendEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
