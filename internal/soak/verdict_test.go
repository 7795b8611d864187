package soak

import (
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuitetest"
)

// healthy is a connection in the middle of its certificate's life, in an account with a certificate of somebody else.
func healthy() sight {
	return sight{
		connection: "conn_1", now: start, signed: "new",
		ours: []netsuitetest.Certificate{
			{ID: "old", ValidFrom: start.Add(-700 * day), ValidUntil: start.Add(29 * day), Revoked: true},
			{ID: "new", ValidFrom: start.Add(-100 * day), ValidUntil: start.Add(629 * day)},
		},
		foreign: []netsuitetest.Certificate{{ID: "theirs", ValidFrom: start.Add(-day), ValidUntil: start.Add(day)}},
	}
}

func TestJudgeOfDays(t *testing.T) {
	tests := []struct {
		name  string
		edit  func(s *sight)
		wants string // part of the only finding; empty for none
	}{
		{"healthy", func(*sight) {}, ""},
		{"failed hand-out", func(s *sight) { s.failures = []failure{{what: "500"}} }, "a hand-out failed: 500"},
		{"told to come again on an ordinary day", func(s *sight) { s.failures = []failure{{"503", true}} }, "a hand-out failed: 503"},
		{"told to come again in an outage", func(s *sight) { s.outage, s.failures = true, []failure{{"503", true}} }, ""},
		{"refused in an outage", func(s *sight) { s.outage, s.failures = true, []failure{{what: "invalid_grant"}} }, "a hand-out failed: invalid_grant"},
		{"60 days left", func(s *sight) { s.ours[1].ValidUntil = start.Add(60 * day) }, ""},
		{"less than 60 days left", func(s *sight) { s.ours[1].ValidUntil = start.Add(60*day - time.Second) }, "NetSuite has mailed"},
		{"overlap", func(s *sight) { s.ours[0].Revoked = false }, ""},
		{"still signs with the old one in the overlap", func(s *sight) { s.ours[0].Revoked, s.signed = false, "old" }, "ends in 29.0 days"},
		{"signs with a revoked one", func(s *sight) { s.signed = "old" }, `signs with "old"`},
		{"signs with one that NetSuite never had", func(s *sight) { s.signed = "?" }, `signs with "?"`},
		{"not valid yet", func(s *sight) {
			s.ours = append(s.ours, netsuitetest.Certificate{ID: "next", ValidFrom: start.Add(time.Second), ValidUntil: start.Add(700 * day)})
			s.signed = "next"
		}, `signs with "next"`},
		{"five active", func(s *sight) { s.ours = append(s.ours, s.ours[1], s.ours[1], s.ours[1]) }, ""},
		{"six active", func(s *sight) { s.ours[0].Revoked = false; s.ours = append(s.ours, s.ours[1], s.ours[1], s.ours[1]) }, "6 certificates are active"},
		{"foreign one revoked", func(s *sight) { s.foreign[0].Revoked = true }, "the foreign certificate theirs was revoked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := healthy()
			tt.edit(&s)
			wantFinding(t, judgeDay(s), tt.wants)
		})
	}
	t.Run("no certificate works", func(t *testing.T) {
		s := healthy()
		s.ours[1].Revoked = true
		got := judgeDay(s)
		if len(got) != 2 || !strings.Contains(got[0], "no certificate of it works") {
			t.Errorf("findings %q, want that none works, and that it signs with what is not taken", got)
		}
	})
}

// rotatedOnce is a connection that was rotated once, and all is over.
func rotatedOnce() record {
	return record{
		connection: "conn_1", now: start, uploads: 1, ours: healthy().ours,
		known: map[string]broker.Certificate{
			"old": {ID: "old", State: broker.CertificateRevoked}, "new": {ID: "new", State: broker.CertificateActive},
		},
		events: []broker.Event{{Type: broker.EventConnectionRecovered, Object: "conn_1"}, {Type: broker.EventCertificateRotated, Object: "new"}},
	}
}

func TestJudgeOfTheEnd(t *testing.T) {
	tests := []struct {
		name  string
		edit  func(r *record)
		wants string
	}{
		{"once", func(*record) {}, ""},
		{"never told", func(r *record) { r.events = nil }, "told 0 times"},
		{"told twice", func(r *record) { r.events = append(r.events, r.events[1]) }, "told 2 times"},
		{"told of what NetSuite does not know", func(r *record) {
			r.events = append(r.events, broker.Event{Type: broker.EventCertificateRotated, Object: "?"})
		}, "a rotation to ? was told"},
		{"told of the first", func(r *record) {
			r.events = append(r.events, broker.Event{Type: broker.EventCertificateRotated, Object: "old"})
		}, "a rotation to old was told"},
		{"uploaded twice", func(r *record) { r.uploads = 2 }, "1 rotations at NetSuite took 2 uploads"},
		{"revoked here, active there", func(r *record) { r.ours[0].Revoked = false }, "certificate old is active at NetSuite and revoked here"},
		{"just replaced", func(r *record) {
			r.ours[0].Revoked = false
			r.known["old"] = broker.Certificate{ID: "old", State: broker.CertificateRetiring, UpdatedAt: start.Add(-day)}
		}, ""},
		{"replaced long ago", func(r *record) {
			r.ours[0].Revoked = false
			r.known["old"] = broker.Certificate{ID: "old", State: broker.CertificateRetiring, UpdatedAt: start.Add(-4 * day)}
		}, "certificate old is active at NetSuite and retiring here"},
		{"unknown here", func(r *record) { delete(r.known, "old"); r.ours[0].Revoked = false }, "certificate old is active at NetSuite and unknown here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rotatedOnce()
			tt.edit(&r)
			wantFinding(t, judgeEnd(r), tt.wants)
		})
	}
}

func wantFinding(t *testing.T, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("findings %q, want one with %q", got, want)
	}
}
