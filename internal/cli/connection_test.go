package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

func TestFamiliesStandTogether(t *testing.T) {
	want := []netsuite.AccountID{"1234567", "1234567_SB1", "1234567_SB2", "1234567_SB10", "1234567_RP", "12345678", "7654321_SB1", "TSTDRV1000001"}
	connections := make([]broker.Connection, 0, len(want))
	for _, i := range []int{7, 4, 2, 0, 6, 3, 5, 1} {
		connections = append(connections, broker.Connection{Account: want[i]})
	}
	slices.SortStableFunc(connections, byFamily)
	got := make([]netsuite.AccountID, 0, len(want))
	for _, c := range connections {
		got = append(got, c.Account)
	}
	if !slices.Equal(got, want) {
		t.Errorf("in the order %v, want %v", got, want)
	}
}

// Names of roles and users come from the customer's NetSuite, and what is told of an event may: none of it may write to the terminal
// of who looks.
func TestLO02_ShownNamesStayInTheirLine(t *testing.T) {
	const hostile = "Bot\x1b[2J\x1b]0;owned\a\nstate          disconnected\r\u202e"
	d := connectionDetail{
		connectionRow: connectionRow{ID: "co_1", State: "connected", Entity: hostile, Role: hostile, Customer: hostile},
		Metadata:      map[string]string{hostile: hostile},
		Siblings:      []connectionRow{{ID: "co_2", State: "connected"}},
		Events:        []eventRow{{Type: "connection.degraded", Detail: hostile}},
	}
	for line := range strings.Lines(d.text()) {
		if strings.ContainsAny(line, "\x1b\a\r\u202e") || strings.HasPrefix(line, "state") && line != "state          connected\n" {
			t.Errorf("line %q", line)
		}
	}
}
