package notify

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

const icalTime = "20060102T150405Z"

var icalSummary = map[EntryKind]string{
	EntryRotation:       "Certificate is replaced (by itself)",
	EntryCertificateEnd: "Certificate ends",
	EntryConsentEnd:     "Consent ends",
}

// ICalendar writes the entries as RFC 5545 has it. The UID of an entry stays the same as long as the thing is the same, so that a
// calendar that reads it again moves the entry.
func ICalendar(entries []Entry) []byte {
	var w icalWriter
	w.line("BEGIN", "VCALENDAR")
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//suitekey//expiry calendar//EN")
	w.line("METHOD", "PUBLISH")
	for _, e := range entries {
		w.entry(e)
	}
	w.line("END", "VCALENDAR")
	return w.Bytes()
}

type icalWriter struct{ bytes.Buffer }

func (w *icalWriter) entry(e Entry) {
	w.line("BEGIN", "VEVENT")
	w.line("UID", icalText(fmt.Sprintf("%s-%s@suitekey", e.Kind, cmp.Or(e.Object, e.ConnectionID))))
	w.line("DTSTAMP", e.UpdatedAt.UTC().Format(icalTime)) // with METHOD: when this version was made (section 3.8.7.2)
	w.line("DTSTART", e.At.UTC().Format(icalTime))
	w.line("SUMMARY", icalText(fmt.Sprintf("%s: %s: %s", icalSummary[e.Kind], e.App, oneLine(e.Customer))))
	w.line("DESCRIPTION", icalText(fmt.Sprintf("NetSuite account %s\nconnection %s\n%s", e.Account, e.ConnectionID, e.Object)))
	w.line("TRANSP", "TRANSPARENT")
	w.line("END", "VEVENT")
}

// icalText escapes text (section 3.3.11).
func icalText(text string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r", "", "\n", `\n`).Replace(text)
}

const icalOctets = 75

// line folds at 75 octets without the line break, and never inside a letter (section 3.1).
func (w *icalWriter) line(name, value string) {
	room := icalOctets
	for _, r := range name + ":" + value {
		if n := utf8.RuneLen(r); n > room {
			w.WriteString("\r\n ")
			room = icalOctets - 1 - n
		} else {
			room -= n
		}
		w.WriteRune(r)
	}
	w.WriteString("\r\n")
}
