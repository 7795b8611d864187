package netsuitetest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestStateKnowsEveryField: whoever adds a field to what an emulator remembers has to say here whether a snapshot holds it.
func TestStateKnowsEveryField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of    reflect.Type
		saved string
		not   string // what a snapshot leaves out: what is configured, runs, or is a lock
	}{
		{
			reflect.TypeFor[Server](), "clock accounts current integrations flows skew",
			"cfg ledger log faults routes order fallback inFlight world start changing mu addr restlets suitelets answers authority",
		},
		{
			reflect.TypeFor[Account](), "id keys governor company features approval records nextRecord certificates codes grants tokens seenJTI consents " +
				"sessions tickets installing trail lastMilli tba nonces apiAccount redirectCompany tokenAccount",
			"s vendor cfg opening closed mu",
		},
		{reflect.TypeFor[grant](), "id clientID scopes entity role public started end refreshUntil accessUntil revoked session", ""},
		{reflect.TypeFor[code](), "clientID redirectURI challenge scopes entity role issued nonce session loggedIn used grant", ""},
		{reflect.TypeFor[token](), "kind id clientID scopes entity role expires grant certificate revoked spent", ""},
		{reflect.TypeFor[certificate](), "id clientID entity role created validFrom validUntil algorithm public thumbprint revoked", ""},
		{reflect.TypeFor[session](), "id email entity role started", ""},
		{reflect.TypeFor[flow](), "id clientID redirectURI state challenge nonce scopes prompt created account email session fresh chosen role code", ""},
		{reflect.TypeFor[tbaToken](), "TBAToken row entity role revoked", ""},
		{reflect.TypeFor[signingKey](), "kid private born", ""},
		{reflect.TypeFor[governor](), "limit allocated rate window", "mu running total recent"},
		{reflect.TypeFor[Clock](), "from at speed", "base mu"},
	} {
		known := slices.Concat(strings.Fields(tt.saved), strings.Fields(tt.not))
		for i := range tt.of.NumField() {
			if name := tt.of.Field(i).Name; !slices.Contains(known, name) {
				t.Errorf("%s.%s: does a snapshot hold it? add it to state.go and to this list, or to what is left out", tt.of.Name(), name)
			}
		}
		if len(known) != tt.of.NumField() {
			t.Errorf("%s has %d fields, the list %d", tt.of.Name(), tt.of.NumField(), len(known))
		}
	}
}
