package notify_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
)

func TestCalendar(t *testing.T) {
	w := newWorld(t)
	w.connect(t, "co_2", "other", "Initech")
	ended := w.connect(t, "co_3", "acme", "Umbrella")
	ended.State = broker.ConnectionDisconnected
	must(t, w.db.SaveConnection(t.Context(), &ended))
	ann := broker.Connection{ID: "co_ann", App: "acme", Customer: "Globex Inc.", Account: "1234567", Kind: broker.KindUser, EndUser: "ann", State: broker.ConnectionConnected}
	must(t, w.db.SaveConnection(t.Context(), &ann))
	must(t, w.db.SaveUserGrant(t.Context(), &broker.UserGrant{ConnectionID: "co_ann", App: "acme", ConsentBy: begin.Add(time.Hour)}))

	all, err := w.Calendar(t.Context(), "")
	must(t, err)
	ours, err := w.Calendar(t.Context(), "acme")
	must(t, err)
	if len(all) != 5 || len(ours) != 3 {
		t.Fatalf("%d entries in all and %d of the app, want 5 and 3:\n%+v", len(all), len(ours), all)
	}
	certificate, err := w.db.Certificate(t.Context(), "cert-co_1")
	must(t, err)
	for i, want := range []struct {
		kind notify.EntryKind
		at   time.Time
	}{
		{notify.EntryRotation, certificate.RotateAt()},
		{notify.EntryConsentEnd, begin.Add(time.Hour)},
		{notify.EntryCertificateEnd, certificate.ValidUntil},
	} {
		if ours[i].Kind != want.kind || !ours[i].At.Equal(want.at) || ours[i].Customer != "Globex Inc." {
			t.Errorf("entry %d is %+v, want %s at %s", i, ours[i], want.kind, want.at)
		}
	}
	for _, app := range []string{"nobody's", "nul\x00", strings.Repeat("x", 10_000)} {
		_, err := w.Calendar(t.Context(), app)
		wantCode(t, err, broker.CodeNotFound, "app")
	}
}

// TestICalendar: the judge is a parser that knows nothing of our code.
func TestICalendar(t *testing.T) {
	w := newWorld(t)
	for i, name := range hostile {
		w.connect(t, "co_h"+string(rune('a'+i)), "acme", strings.ReplaceAll(name, "\x00", "")+`; comma, back\slash`)
	}
	entries, err := w.Calendar(t.Context(), "")
	must(t, err)
	text := notify.ICalendar(entries)
	for line := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 75 || !utf8.Valid(line) || bytes.ContainsAny(line, "\r\n") {
			t.Errorf("a line of %d octets: %q", len(line), line)
		}
	}
	parsed, err := ical.NewDecoder(bytes.NewReader(text)).Decode()
	must(t, err)
	var again bytes.Buffer
	must(t, ical.NewEncoder(&again).Encode(parsed)) // checks that each component has the properties that it must have
	events := parsed.Events()
	if len(events) != len(entries) || len(entries) != 2*(len(hostile)+1) {
		t.Fatalf("%d events of %d entries", len(events), len(entries))
	}
	seen := map[string]bool{}
	for i, e := range events {
		uid, err := e.Props.Text(ical.PropUID)
		must(t, err)
		at, err := e.DateTimeStart(nil)
		must(t, err)
		summary, err := e.Props.Text(ical.PropSummary)
		must(t, err)
		if seen[uid] || !at.Equal(entries[i].At.Truncate(time.Second)) || at.Location() != time.UTC || !strings.Contains(summary, entries[i].App) {
			t.Errorf("event %d is %q at %s: %q, of %+v", i, uid, at, summary, entries[i])
		}
		seen[uid] = true
		if len(e.Children) != 0 {
			t.Errorf("event %d has an alarm", i)
		}
	}
	summary, err := events[len(events)-1].Props.Text(ical.PropSummary)
	must(t, err)
	if strings.Contains(summary, "\n") {
		t.Errorf("a name breaks its line: %q", summary)
	}
	again2, err := w.Calendar(t.Context(), "")
	must(t, err)
	if !bytes.Equal(notify.ICalendar(again2), text) {
		t.Error("the calendar read twice is not the same")
	}
	if _, err := ical.NewDecoder(bytes.NewReader(notify.ICalendar(nil))).Decode(); err != nil {
		t.Errorf("an empty calendar: %v", err)
	}
}
