package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// This file measures what connections cost that nobody uses at the moment: at the start, in memory, and when the server looks for
// what is due.

const (
	kindMany = "many" // a whole server on a database that was made before

	masterKeyVariable = "SUITEKEY_BENCH_KEY"
)

// BenchmarkConnections reports for 1,000, 10,000 and 100,000 connections: the time from the start of a server to the first answer of its
// token endpoint, the heap for each connection beyond a server with one, and what it takes to find what is due. Each growth is against
// 1,000 connections in the same run, and the last size has a hundred times as many.
func BenchmarkConnections(b *testing.B) {
	key := vault.NewMasterKey()
	one := measureMany(b, seedMany(b, key, 1), key, 1)
	var least many
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			m := measureMany(b, seedMany(b, key, n), key, max(leastRuns, b.N))
			if n == 1_000 {
				least = m
			}
			b.ReportMetric(0, "ns/op") // an operation here is a start
			b.ReportMetric(m.start, "start-ms")
			b.ReportMetric(m.start/least.start, "start-growth")
			b.ReportMetric((m.heap-one.heap)/float64(n), "idle-B/connection")
			for scan, ms := range m.scans {
				b.ReportMetric(ms, scan+"-ms")
				b.ReportMetric(ms/least.scans[scan], scan+"-growth")
			}
		})
	}
}

// many is what a server needs that has many connections.
type many struct {
	start float64            // ms
	heap  float64            // bytes, after a collection
	scans map[string]float64 // ms by name
}

func measureMany(b *testing.B, dir string, key vault.MasterKey, rounds int) many {
	b.Helper()
	var starts, heaps []float64
	scans := map[string][]float64{}
	for range rounds {
		begin := time.Now()
		p := startMany(b, dir, key)
		p.firstAnswer(b)
		starts = append(starts, time.Since(begin).Seconds()*1000)
		c := p.cost(b)
		heaps = append(heaps, float64(c.Heap))
		for name, took := range c.Scans {
			scans[name] = append(scans[name], took.Seconds()*1000)
		}
		p.end(b)
	}
	m := many{start: median(starts), heap: median(heaps), scans: map[string]float64{}}
	for name, all := range scans {
		m.scans[name] = median(all)
	}
	return m
}

// manyProcess is a server that can be ended before the benchmark is.
type manyProcess struct {
	*process
	cmd   *exec.Cmd
	input io.Closer
}

func startMany(b *testing.B, dir string, key vault.MasterKey) *manyProcess {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+kindMany, "SUITEKEY_BENCH_DIR="+dir, masterKeyVariable+"="+key.Reveal())
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &manyProcess{&process{pid: cmd.Process.Pid}, cmd, input}
	if err := json.NewDecoder(output).Decode(&p.hello); err != nil {
		b.Fatalf("the server did not start: %v", err)
	}
	return p
}

// firstAnswer is a refusal: what else the token endpoint does is NetSuite's time, or a hand-out's, which has a benchmark of its own.
func (p *manyProcess) firstAnswer(b *testing.B) {
	b.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+p.Addr+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("cl_0000000000000000", "wrong")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		b.Fatalf("a stranger got %s", res.Status)
	}
}

func (p *manyProcess) cost(b *testing.B) (c cost) {
	b.Helper()
	res, err := http.Get("http://" + p.Control)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%s, %v", res.Status, err)
	}
	return c
}

func (p *manyProcess) end(b *testing.B) {
	b.Helper()
	_ = p.input.Close()
	if err := p.cmd.Wait(); err != nil {
		b.Fatalf("the server ended with %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// cost is what the server tells of itself.
type cost struct {
	Heap  uint64
	Scans map[string]time.Duration
}

// runMany is that server.
func runMany(_ string, input io.Reader, output io.Writer) (err error) {
	key, err := vault.ParseMasterKey(os.Getenv(masterKeyVariable))
	if err != nil {
		return err
	}
	cfg, err := manyConfig(os.Getenv("SUITEKEY_BENCH_DIR"), key)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	server, err := app.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, ln) }()
	meter, control, err := serve(costOf(server))
	if err != nil {
		return err
	}
	defer meter.Close()
	if err := json.NewEncoder(output).Encode(hello{Addr: ln.Addr().String(), Control: control}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, input)
	stop()
	return errors.Join(err, <-served)
}

// costOf looks for what is due, as the background work does, and then counts what is left in memory.
func costOf(server *app.App) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := cost{Scans: map[string]time.Duration{}}
		now := time.Now()
		for name, scan := range map[string]func() (int, error){
			"due-certificates": func() (int, error) {
				found, err := server.Store.DueCertificates(r.Context(), "rotate", now, 500)
				return len(found), err
			},
			"retiring": func() (int, error) {
				found, err := server.Store.RetiringCertificates(r.Context(), "retire", now, now)
				return len(found), err
			},
			"due-grants": func() (int, error) {
				found, err := server.Store.DueUserGrants(r.Context(), now, 500)
				return len(found), err
			},
			"due-probes": func() (int, error) {
				found, err := server.Store.DueProbes(r.Context(), now, 500)
				return len(found), err
			},
		} {
			began := time.Now()
			n, err := scan()
			c.Scans[name] = time.Since(began)
			if err != nil || n != 0 {
				http.Error(w, fmt.Sprintf("%s found %d, %v", name, n, err), http.StatusInternalServerError)
				return
			}
		}
		runtime.GC()
		runtime.GC() // what the first one only queued
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.Heap = m.HeapAlloc
		_ = json.NewEncoder(w).Encode(c)
	}
}

func manyConfig(dir string, key vault.MasterKey) (app.Config, error) {
	site, err := netsuite.EmulatorSite("127.0.0.1:1") // reserved; nothing listens
	return app.Config{
		Database: "sqlite:" + filepath.Join(dir, "suitekey.db"), MasterKey: key, Site: site, PublicURL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"},
	}, err
}

// seedMany makes a database with n connections of all ages, and returns its folder. One is made by the services; the others are copies of
// its rows, whose sealed keys open in nobody's hands, but nobody opens them.
func seedMany(b *testing.B, key vault.MasterKey, n int) string {
	b.Helper()
	dir := b.TempDir()
	cfg, err := manyConfig(dir, key)
	if err != nil {
		b.Fatal(err)
	}
	template, err := seedOne(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "suitekey.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, t := range copies(n) {
		if err := copyRow(b.Context(), db, t, template, n); err != nil {
			b.Fatalf("table %s: %v", t.table, err)
		}
	}
	return dir
}

func seedOne(ctx context.Context, cfg app.Config) (id string, err error) {
	server, err := app.Open(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	definition := broker.App{
		Name: "acme-sync", Integration: broker.Integration{Consent: broker.ConsentClient{ClientID: strings.Repeat("c0", 32), Public: true}},
		Scopes: []string{"rest_webservices"}, Bundle: broker.Bundle{ID: 123456, SourceAccount: "TSTDRV1000001"},
		Role: broker.Role{ScriptID: "customrole_acme_sync"},
	}
	definition.Complete()
	if err := server.Onboard.StoreApp(ctx, definition, onboard.AppSecrets{}); err != nil {
		return "", err
	}
	conn := broker.Connection{ID: broker.NewID("conn"), App: definition.Name, Account: "1234567", Kind: broker.KindMachine, Customer: "Globex Corporation", State: broker.ConnectionPending, RoleID: 1000, Entity: 12}
	if err := server.Store.SaveConnection(ctx, &conn); err != nil {
		return "", err
	}
	certificate, err := server.Rotate.Certificates.Plan(ctx, definition, conn)
	if err != nil {
		return "", err
	}
	if err := server.Rotate.Certificates.Activate(ctx, &conn, certificate.ID); err != nil {
		return "", err
	}
	health := broker.Health{ConnectionID: conn.ID, App: conn.App, State: broker.HealthOK, Since: time.Now()}
	grant := broker.UserGrant{
		ConnectionID: conn.ID, App: conn.App, RefreshToken: broker.Sealed(strings.Repeat("t", 1200)),
		RefreshBy: time.Now().Add(48 * time.Hour), ConsentBy: time.Now().Add(168 * time.Hour),
	}
	return conn.ID, errors.Join(server.Store.SaveHealth(ctx, &health), server.Store.SaveUserGrant(ctx, &grant))
}

// rowCopy says what is different in the i-th copy of a row; i counts from 1.
type rowCopy struct {
	table string
	key   string            // the column by which the template is found
	edits map[string]string // SQL by column
	every int               // a copy for each so many
}

// copies are of certificates that were born over the last 480 days, so that none is due, as at most moments.
func copies(n int) []rowCopy {
	const id = `'conn_' || printf('%016d', i)`
	age := fmt.Sprintf(`(i * (480 * 86400000) / %d)`, n)
	return []rowCopy{
		{"connections", "id", map[string]string{"id": id, "account": `printf('A%08d', i)`, "certificate_id": `'cert_' || printf('%038d', i)`}, 1},
		{"certificates", "connection_id", map[string]string{
			"id": `'cert_' || printf('%038d', i)`, "netsuite_id": `'cert_' || printf('%038d', i)`, "connection_id": id,
			"not_before": "t.not_before - " + age, "valid_until": "t.valid_until - " + age, "rotate_at": "t.rotate_at - " + age,
		}, 1},
		{"health", "connection_id", map[string]string{"connection_id": id}, 1},
		{"user_grants", "connection_id", map[string]string{"connection_id": id}, 10},
	}
}

func copyRow(ctx context.Context, db *sql.DB, c rowCopy, template string, n int) error {
	rows, err := db.QueryContext(ctx, `SELECT name FROM pragma_table_info($1)`, c.table)
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns, values []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		columns = append(columns, name)
		value := c.edits[name]
		if value == "" {
			value = "t." + name
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO %s (%s) SELECT %s FROM n, %s AS t WHERE t.%s = $2 AND i %% %d = 0`,
		c.table, strings.Join(columns, ", "), strings.Join(values, ", "), c.table, c.key, c.every), n, template)
	return err
}
