package bench

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/tokens/tokenstest"
	"github.com/suitekey/suitekey/netsuite"
)

// BenchmarkInUse reports, for 1,000 to 100,000 connections that are all in use: how often a hand-out must read the sealed token although
// this process has handed it out before, its time as a multiple of the time with 1,000 connections, and the heap for each connection.
// Database, vault and audit log cost nothing here; what is left is the service and what it remembers.
func BenchmarkInUse(b *testing.B) {
	var least float64
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			w := newCrowd(b, n)
			empty := heap()
			w.handOuts(b, n) // each is known from here on
			perConnection := float64(heap()-empty) / float64(n)
			w.reads.Store(0)
			begin, asked := time.Now(), 0
			for range max(leastRuns, b.N) {
				w.handOuts(b, n)
				asked += n
			}
			took := float64(time.Since(begin).Nanoseconds()) / float64(asked)
			if n == 1_000 {
				least = took
			}
			b.ReportMetric(0, "ns/op") // an operation here is a round
			b.ReportMetric(took/1000, "handout-µs")
			b.ReportMetric(took/least, "growth")
			b.ReportMetric(float64(w.reads.Load())/float64(asked), "reads/handout")
			b.ReportMetric(perConnection, "B/connection")
			runtime.KeepAlive(w)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one only queued
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// crowd is a token service with many connections, each with a client of its own and a token in the database.
type crowd struct {
	*tokens.Service
	reads    atomic.Int64 // of sealed tokens
	requests []tokens.Request
}

func newCrowd(b *testing.B, n int) *crowd {
	b.Helper()
	site, err := netsuite.EmulatorSite("127.0.0.1:1") // reserved; nothing listens
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	w := &crowd{}
	w.Service = &tokens.Service{
		Store: &crowdStore{reads: &w.reads, ends: now.Add(time.Hour)}, Vault: openVault{}, Audit: deafAudit{}, Site: site,
		Now: func() time.Time { return now },
	}
	b.Cleanup(w.Close)
	for i := range n {
		w.requests = append(w.requests, tokens.Request{ClientID: fmt.Sprintf("cl_%016d", i), Secret: netsuite.NewSecret("right")})
	}
	return w
}

// handOuts asks for the token of each connection once.
func (w *crowd) handOuts(b *testing.B, n int) {
	b.Helper()
	for _, r := range w.requests[:n] {
		if _, err := w.HandOut(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// crowdStore holds any number of clients and connections, made up as they are asked for.
type crowdStore struct {
	*store.DB
	reads *atomic.Int64
	ends  time.Time
}

func (s *crowdStore) Client(_ context.Context, id string) (broker.Client, error) {
	return broker.Client{
		ID: strings.Clone(id), App: "acme-sync", SecretHashes: []string{broker.HashToken("right")},
		Connections: []string{"conn_" + id[3:]},
	}, nil
}

func (s *crowdStore) App(context.Context, string) (broker.App, error) {
	a := broker.App{Name: "acme-sync", Scopes: []string{"rest_webservices", "restlets"}}
	a.Integration.Consent.ClientID = strings.Repeat("c0", 32)
	return a, nil
}

func (s *crowdStore) Connection(_ context.Context, id string) (broker.Connection, error) {
	return broker.Connection{
		ID: strings.Clone(id), App: "acme-sync", Account: accountOf(id), Kind: broker.KindMachine, State: broker.ConnectionConnected,
		RoleID: 1000, Entity: 12, CertificateID: "cert_" + id,
	}, nil
}

func (s *crowdStore) AccessToken(_ context.Context, id string) (broker.AccessToken, error) {
	s.reads.Add(1)
	token := tokenstest.AccessToken(accountOf(id), 1000, 12, []string{"rest_webservices", "restlets"})
	return broker.AccessToken{ConnectionID: id, CertificateID: "cert_" + id, Token: broker.Sealed(token), ExpiresAt: s.ends, Version: 1}, nil
}

func accountOf(connection string) netsuite.AccountID {
	return netsuite.AccountID("1" + connection[len(connection)-6:])
}

// openVault seals nothing.
type openVault struct{}

func (openVault) Seal(_ broker.Place, plain []byte) (broker.Sealed, error) { return plain, nil }

func (openVault) Open(_ broker.Place, sealed broker.Sealed) ([]byte, error) { return sealed, nil }

// deafAudit takes every line and keeps none.
type deafAudit struct{}

func (deafAudit) Record(context.Context, broker.AuditLine) error { return nil }
