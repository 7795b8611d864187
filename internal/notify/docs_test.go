package notify_test

import (
	"os"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
)

// Every type of event stands in the table of the documentation, in the order of the words.
func TestEveryEventTypeIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	must(t, err)
	var rows []string
	for line := range strings.Lines(string(text)) {
		if name, isRow := strings.CutPrefix(line, "| `"); isRow {
			name, _, _ = strings.Cut(name, "`")
			rows = append(rows, name)
		}
	}
	want := []string{}
	for _, kind := range append(broker.EventTypes[:len(broker.EventTypes):len(broker.EventTypes)], notify.EventTest) {
		want = append(want, string(kind))
	}
	if got := strings.Join(rows, " "); got != strings.Join(want, " ") {
		t.Errorf("the table has the types\n%s, want\n%s", got, strings.Join(want, " "))
	}
}
