package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/httpapi"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/tokens/tokenstest"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// This file measures what tokens cost that must be fetched from NetSuite, which is the emulator in this process: the CPU counted is that of
// the server alone.

const (
	kindMints = "mints" // hand-outs, some of which mint

	mintSpecVariable = "SUITEKEY_BENCH_MINTS"
	mintConnections  = 8

	heldPerRound  = 20_000 // hand-outs
	mintsPerRound = 320
	mixedPerRound = 10_000 // hand-outs, one in a hundred of which mints
)

// BenchmarkMint reports, by the algorithm of the connections' keys: the CPU of a mint beyond that of a hand-out from memory, in ms and
// as a multiple of the hand-out; the CPU that an hour takes in which 100,000 connections mint once; and the CPU of a hand-out while one
// connection in a hundred refreshes each second, as a multiple of a hand-out at rest, when each connection is asked once a second.
func BenchmarkMint(b *testing.B) {
	for _, alg := range []netsuite.KeyAlgorithm{netsuite.P256, netsuite.RSA3072, netsuite.RSA4096} {
		b.Run(string(alg), func(b *testing.B) {
			p := startMints(b, alg)
			p.everyNth(b, 0)
			p.load(b, heldPerRound/5) // warm
			var mints, multiples, mixed []float64
			for range max(leastRuns, b.N) {
				held := p.cpuPerRequest(b, 0, heldPerRound)
				mint := p.cpuPerRequest(b, 1, mintsPerRound) - held
				mints, multiples = append(mints, mint), append(multiples, mint/held)
				mixed = append(mixed, p.cpuPerRequest(b, 100, mixedPerRound)/held)
			}
			b.Logf("refresh ratio by round: %.2f", mixed)
			b.ReportMetric(0, "ns/op") // an operation here is a round
			b.ReportMetric(median(mints), "mint-cpu-ms")
			b.ReportMetric(median(multiples), "mint/handout")
			b.ReportMetric(median(mints)*100_000/float64(time.Hour/time.Millisecond), "cpu-h/100k-mints")
			b.ReportMetric(median(mixed), "refresh-1%-ratio")
		})
	}
}

// mintSpec is what that server is made of.
type mintSpec struct {
	Emulator, ClientID string
	Algorithm          string
	Role, Entity       int64
	Accounts           []string
}

func startMints(b *testing.B, alg netsuite.KeyAlgorithm) *process {
	b.Helper()
	spec := mintSpec{Algorithm: string(alg)}
	var accounts []netsuitetest.AccountConfig
	for i := range mintConnections {
		id := strconv.Itoa(3_000_000 + i)
		accounts = append(accounts, netsuitetest.AccountConfig{ID: id, Name: "Customer " + id, Customers: 1, Items: 1, SalesOrders: 1})
		spec.Accounts = append(spec.Accounts, id)
	}
	emulator := netsuitetest.Start(b, netsuitetest.Config{Accounts: accounts})
	client, err := emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", OwnerAccount: spec.Accounts[0], ClientCredentials: true, Scopes: []string{"rest_webservices"},
	})
	if err != nil {
		b.Fatal(err)
	}
	spec.Emulator, spec.ClientID = emulator.Addr(), client.ClientID
	first := emulator.Account(spec.Accounts[0])
	for _, e := range first.Employees() {
		if e.Email == administrator {
			spec.Entity = e.ID
		}
	}
	for _, r := range first.Roles() {
		if r.ScriptID == administratorRole {
			spec.Role = r.ID
		}
	}
	text, err := json.Marshal(spec)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+kindMints, "SUITEKEY_BENCH_DIR="+b.TempDir(), mintSpecVariable+"="+string(text))
	p := launch(b, kindMints, cmd)
	p.callers = len(p.Clients)
	for _, c := range p.Clients {
		p.ClientID, p.Secret = c.ID, c.Secret
		p.request = p.tokenRequest()
		p.conns = append(p.conns, p.dial(b))
	}
	return p
}

// The seeded company's administrator.
const (
	administrator     = "admin@globex.example"
	administratorRole = "administrator"
)

// everyNth lets each n-th hand-out find that the token has come to its end; 0 = none.
func (p *process) everyNth(b *testing.B, n int) {
	b.Helper()
	res, err := http.Post(fmt.Sprintf("http://%s/?every=%d", p.Control, n), "", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b.Fatal(res.Status)
	}
}

// cpuPerRequest returns the server's CPU in milliseconds.
func (p *process) cpuPerRequest(b *testing.B, every, requests int) float64 {
	b.Helper()
	p.everyNth(b, every)
	before := p.usage(b)
	p.load(b, requests)
	return float64(p.usage(b).CPU-before.CPU) / float64(time.Millisecond) / float64(requests)
}

// runMints is that server.
func runMints(_ string, input io.Reader, output io.Writer) error {
	var spec mintSpec
	if err := json.Unmarshal([]byte(os.Getenv(mintSpecVariable)), &spec); err != nil {
		return err
	}
	site, err := netsuite.EmulatorSite(spec.Emulator)
	if err != nil {
		return err
	}
	definition := broker.App{Scopes: []string{"rest_webservices"}, Certificate: broker.CertificateSpec{Key: spec.Algorithm}}
	definition.Integration.Consent.ClientID = spec.ClientID
	ctx := context.Background()
	env, err := tokenstest.Open(ctx, os.Getenv("SUITEKEY_BENCH_DIR"), tokenstest.Config{Site: site, App: definition})
	if err != nil {
		return err
	}
	defer env.Close()
	ageing := &ageing{DB: env.Store, old: map[string]bool{}, tokens: env.Tokens, connections: map[string]string{}}
	env.Tokens.Store = ageing
	var h hello
	for _, account := range spec.Accounts {
		conn, err := env.Connect(ctx, netsuite.AccountID(account), spec.Role, spec.Entity, func(c broker.Certificate) error { return spec.mapCertificate(account, c) })
		if err != nil {
			return err
		}
		id, secret, err := env.Tokens.CreateClient(ctx, env.App.Name, []string{conn.ID})
		if err != nil {
			return err
		}
		ageing.connections[id] = conn.ID
		h.Clients = append(h.Clients, clientPair{id, secret.Reveal()})
	}
	mux := http.NewServeMux()
	httpapi.New(httpapi.Config{Tokens: env.Tokens, PublicURL: &url.URL{Scheme: "https", Host: "connect.acme.example"}}).Register(mux)
	served, addr, err := serve(ageing.handler(mux))
	if err != nil {
		return err
	}
	defer served.Close()
	show := meter(env)
	meter, control, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			show(w, r)
			return
		}
		n, err := strconv.ParseInt(r.FormValue("every"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ageing.every.Store(n)
	}))
	if err != nil {
		return err
	}
	defer meter.Close()
	h.Addr, h.Control = addr, control
	if err := json.NewEncoder(output).Encode(h); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, input)
	return err
}

// mapCertificate shows a certificate to the emulator, as an administrator does.
func (s mintSpec) mapCertificate(account string, c broker.Certificate) error {
	body, err := json.Marshal(map[string]string{
		"client_id": s.ClientID, "employee": administrator, "role": administratorRole, "certificate": string(c.PEM),
	})
	if err != nil {
		return err
	}
	res, err := http.Post("http://"+s.Emulator+"/_emulator/accounts/"+account+"/certificates", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(res.Body)
		return fmt.Errorf("the emulator says %s %s %w", res.Status, text, err)
	}
	return nil
}

// ageing is a store whose tokens come to their end when the benchmark wants it.
type ageing struct {
	*store.DB
	tokens      *tokens.Service
	connections map[string]string // by client ID
	every, seen atomic.Int64

	mu  sync.Mutex
	old map[string]bool // guarded by mu; by connection
}

// handler ends the token of a request's connection before every n-th request.
func (a *ageing) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := a.every.Load(); n > 0 && a.seen.Add(1)%n == 0 {
			client, _, _ := r.BasicAuth()
			id := a.connections[client]
			a.mu.Lock()
			a.old[id] = true
			a.mu.Unlock()
			a.tokens.Forget(id)
		}
		next.ServeHTTP(w, r)
	})
}

func (a *ageing) AccessToken(ctx context.Context, connectionID string) (broker.AccessToken, error) {
	row, err := a.DB.AccessToken(ctx, connectionID)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.old[connectionID] {
		row.ExpiresAt = time.Time{}
	}
	return row, err
}

func (a *ageing) SaveAccessToken(ctx context.Context, t *broker.AccessToken) error {
	a.mu.Lock()
	delete(a.old, t.ConnectionID)
	a.mu.Unlock()
	return a.DB.SaveAccessToken(ctx, t)
}
