package tokens

import (
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// An unknown client costs the comparison that a wrong secret costs. The comparisons are counted, since a clock would flake.
func TestTE10_UnknownClientCostsTheSameWork(t *testing.T) {
	s := &Service{Store: oneClient{}, Audit: deafAudit{}}
	for name, id := range map[string]string{
		"known":                 "cl_" + strings.Repeat("a", 16),
		"unknown":               "cl_" + strings.Repeat("b", 16),
		"unknown, asked before": "cl_" + strings.Repeat("b", 16),
		"malformed":             "' OR 1=1 --",
		"empty":                 "",
		"huge":                  strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			before := s.comparisons.Load()
			_, err := s.HandOut(t.Context(), Request{ClientID: id, Secret: netsuite.NewSecret("wrong")})
			if err != error(errClient) {
				t.Errorf("got %v, want the one answer for clients", err)
			}
			if n := s.comparisons.Load() - before; n != 1 {
				t.Errorf("got %d comparisons, want 1", n)
			}
		})
	}
}

// Nobody knows a secret that the dummy comparison takes, and if somebody did, it would open nothing.
func TestTE10_DummyOpensNothing(t *testing.T) {
	s := &Service{Store: oneClient{}, Audit: deafAudit{}}
	matching := *nobody
	matching.hashes = oneClientHash("canary")
	now := time.Now()
	id := "cl_" + strings.Repeat("c", 16)
	s.clients.put(id, &matching, now, now.Add(time.Minute))
	if _, err := s.HandOut(t.Context(), Request{ClientID: id, Secret: netsuite.NewSecret("canary")}); err != error(errClient) {
		t.Errorf("got %v, want the refusal of unknown clients", err)
	}
}

func TestCodesOfRefusalsAreDocumented(t *testing.T) {
	for _, refusal := range []*Refusal{errClient, errSelector, errNoConnection, errNotReady, errForeign} {
		if broker.Situations[refusal.Code()].Title == "" || refusal.Err.Remedy() == "" {
			t.Errorf("%v has no page or no remedy", refusal)
		}
	}
}
