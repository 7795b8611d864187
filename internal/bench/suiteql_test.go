package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/bytedance/sonic"
	goccy "github.com/goccy/go-json"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// This file measures SuiteQL: the decoding of a page against other JSON libraries, and the reading of a long answer against
// the time that the emulator, in a process of its own, takes to make it.

const (
	kindEmulator = "emulator" // an emulated account of streamed customers
	streamed     = 250_000
	early        = 50_000 // rows after which memory must not grow any more

	globex   = netsuite.AccountID("1234567")
	allOf    = "SELECT id, entityid, companyname, email, phone, creditlimit, isinactive, externalid, datecreated, lastmodifieddate, subsidiary, currency, salesrep FROM customer"
	pageRows = 1000
)

// runEmulator serves an emulated account, and tells its address and an administrator's access token.
func runEmulator(_ string, input io.Reader, output io.Writer) error {
	emulator, err := netsuitetest.New(netsuitetest.Config{
		Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true},
		Accounts: []netsuitetest.AccountConfig{{ID: string(globex), Name: "Globex Corporation", Customers: streamed, SalesOrders: 1}},
	})
	if err != nil {
		return err
	}
	return serveEmulator(emulator, input, output, func(addr string) (netsuite.Secret, error) {
		return consent(context.Background(), emulator, addr)
	})
}

// serveEmulator serves until the input ends, and tells the address and what secret gives.
func serveEmulator(emulator *netsuitetest.Server, input io.Reader, output io.Writer, secret func(addr string) (netsuite.Secret, error)) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- emulator.Serve(ctx, ln) }()
	defer func() {
		stop()
		<-served
		_ = emulator.Close()
	}()
	s, err := secret(ln.Addr().String())
	if err != nil {
		return err
	}
	if err := json.NewEncoder(output).Encode(hello{Addr: ln.Addr().String(), Secret: s.Reveal()}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, input)
	return err
}

// consent gives an administrator's token.
func consent(ctx context.Context, emulator *netsuitetest.Server, addr string) (netsuite.Secret, error) {
	const back = "https://acme.example/back"
	client, err := emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", CodeGrant: true, Public: true, RedirectURIs: []string{back}, Scopes: []string{"rest_webservices"},
	})
	if err != nil {
		return netsuite.Secret{}, err
	}
	site, err := netsuite.EmulatorSite(addr)
	if err != nil {
		return netsuite.Secret{}, err
	}
	grant := netsuite.CodeGrant{ClientID: client.ClientID, RedirectURI: back, Scopes: client.Scopes, Site: site}
	verifier := netsuite.NewCodeVerifier()
	begin, err := grant.AuthorizeURL(globex, netsuite.NewState(), verifier, "")
	if err != nil {
		return netsuite.Secret{}, err
	}
	redirect, err := emulator.Account(string(globex)).Consent(begin, "admin@globex.example", "administrator")
	if err != nil {
		return netsuite.Secret{}, err
	}
	u, err := url.Parse(redirect)
	if err != nil {
		return netsuite.Secret{}, err
	}
	token, err := grant.Exchange(ctx, globex, u.Query().Get("code"), verifier)
	if err != nil {
		return netsuite.Secret{}, err
	}
	return token.AccessToken, nil
}

// account is the emulated account seen by our client, with a note of what it sends.
type account struct {
	*netsuite.API
	sent []*sentPage
}

// sentPage is one request, to be sent again by a bare client.
type sentPage struct {
	url    string
	header http.Header
	body   []byte
}

func openAccount(tb testing.TB) *account {
	tb.Helper()
	p := start(tb, kindEmulator)
	site, err := netsuite.EmulatorSite(p.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	return &account{API: &netsuite.API{Account: globex, Site: site, Token: netsuite.NewSecret(p.Secret)}}
}

// record makes our client note its requests while f runs.
func (a *account) record(f func()) {
	a.sent = nil
	base := a.Site.Transport(globex)
	a.HTTPClient = func(netsuite.AccountID) *http.Client {
		return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			a.sent = append(a.sent, &sentPage{r.URL.String(), r.Header.Clone(), body})
			r.Body = io.NopCloser(bytes.NewReader(body))
			return base.RoundTrip(r)
		})}
	}
	f()
	a.HTTPClient = nil
}

// replay sends the recorded requests as a bare client, one after the other, and throws the answers away.
func (a *account) replay(tb testing.TB, client *http.Client, answers io.Writer) {
	tb.Helper()
	for _, p := range a.sent {
		req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, p.url, bytes.NewReader(p.body))
		if err != nil {
			tb.Fatal(err)
		}
		req.Header = p.header
		resp, err := client.Do(req)
		if err != nil {
			tb.Fatal(err)
		}
		_, err = io.Copy(answers, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			tb.Fatalf("got %s, %v", resp.Status, err)
		}
	}
}

// bareClient reaches the emulator by loopback, whatever name the URL has.
func bareClient(tb testing.TB, a *account) *http.Client {
	tb.Helper()
	u, err := url.Parse(a.sent[0].url)
	if err != nil {
		tb.Fatal(err)
	}
	t := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", u.Port()))
	}}
	tb.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// drain reads a stream, looks at one column of each row, and returns how many rows there were.
func drain(tb testing.TB, rows iter.Seq2[netsuite.Row, error]) int {
	tb.Helper()
	n := 0
	for row, err := range rows {
		if err != nil {
			tb.Fatal(err)
		}
		if row.Get("id") == "" {
			tb.Fatalf("row %d has no id: %s", n, row)
		}
		n++
	}
	return n
}

// BenchmarkStream reads 250,000 rows by key, in turns with a bare client that sends the same requests and throws the answers
// away, which is the emulator's own time. It reports the median of the ratios and our peaks of heap.
func BenchmarkStream(b *testing.B) {
	a := openAccount(b)
	var peaks heapPeaks
	q := netsuite.Query{SQL: allOf, Key: "id", Progress: peaks.look}
	a.record(func() { drain(b, a.Query(b.Context(), q)) })
	bare := bareClient(b, a)
	var ratios, ours, theirs []float64
	for range max(3, b.N) {
		runtime.GC()
		begin := time.Now()
		a.replay(b, bare, io.Discard)
		between := time.Now()
		if n := drain(b, a.Query(b.Context(), q)); n != streamed {
			b.Fatalf("read %d rows, want %d", n, streamed)
		}
		end := time.Now()
		theirs, ours = append(theirs, between.Sub(begin).Seconds()), append(ours, end.Sub(between).Seconds())
		ratios = append(ratios, end.Sub(between).Seconds()/between.Sub(begin).Seconds())
	}
	b.Logf("%d pages; wall-time ratio by round: %.3f", len(a.sent), ratios)
	b.ReportMetric(0, "ns/op") // an operation here is a round
	b.ReportMetric(median(ratios), "wall-ratio")
	b.ReportMetric(median(ours), "stream-s")
	b.ReportMetric(median(theirs), "emulator-s")
	b.ReportMetric(float64(peaks.early)/(1<<20), "peak-heap-50k-MiB")
	b.ReportMetric(float64(peaks.whole)/(1<<20), "peak-heap-250k-MiB")
}

// heapPeaks are the greatest sizes of the heap's objects, garbage included, up to so many rows.
type heapPeaks struct{ early, whole uint64 }

func (h *heapPeaks) look(rows, _ int) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	size := sample[0].Value.Uint64()
	if rows <= early {
		h.early = max(h.early, size)
	}
	h.whole = max(h.whole, size)
}

// decoders read the rows of a page; each returns their number.
var decoders = []struct {
	name   string
	decode func(page []byte) (rows int, err error)
}{
	{"netsuite.Page", func(page []byte) (int, error) {
		var p netsuite.Page
		err := p.UnmarshalJSON(page)
		return len(p.Rows), err
	}},
	{"encoding/json", intoMaps(json.Unmarshal)},
	{"goccy/go-json", intoMaps(goccy.Unmarshal)},
	{"sonic", intoMaps(sonic.Unmarshal)},
	{"sonic-fastest", intoMaps(sonic.ConfigFastest.Unmarshal)},
}

// intoMaps is what a client without row types does.
func intoMaps(unmarshal func([]byte, any) error) func([]byte) (int, error) {
	return func(page []byte) (int, error) {
		var p struct {
			Items        []map[string]any
			HasMore      bool
			TotalResults int
		}
		err := unmarshal(page, &p)
		return len(p.Items), err
	}
}

// BenchmarkDecodePage decodes one recorded page of 1,000 rows, all libraries in turns. The ratios are how many times slower
// than ours each is, in the same run.
func BenchmarkDecodePage(b *testing.B) {
	page := recordedPage(b)
	const perTurn = 50
	costs := make([][]float64, len(decoders)) // seconds per page, by turn
	for range max(9, b.N/perTurn) {
		for i, d := range decoders {
			runtime.GC()
			begin := time.Now()
			for range perTurn {
				if n, err := d.decode(page); err != nil || n != pageRows {
					b.Fatalf("%s: %d rows, %v", d.name, n, err)
				}
			}
			costs[i] = append(costs[i], time.Since(begin).Seconds()/perTurn)
		}
	}
	ours := median(costs[0])
	b.ReportMetric(0, "ns/op") // an operation here is a turn
	for i, d := range decoders {
		allocs := testing.AllocsPerRun(5, func() { _, _ = d.decode(page) })
		b.ReportMetric(float64(len(page))/median(costs[i])/1e6, d.name+"-MB/s")
		b.ReportMetric(allocs/pageRows, d.name+"-allocs/row")
		if i > 0 {
			b.ReportMetric(median(costs[i])/ours, d.name+"-ratio")
		}
	}
}

// recordedPage is the emulator's answer to the first page.
func recordedPage(tb testing.TB) []byte {
	tb.Helper()
	a := openAccount(tb)
	a.record(func() {
		if _, err := a.SuiteQL(tb.Context(), allOf+" ORDER BY id", pageRows, 0); err != nil {
			tb.Fatal(err)
		}
	})
	var page bytes.Buffer
	a.replay(tb, bareClient(tb, a), &page)
	return page.Bytes()
}

// The comparison is fair only while all decoders read the same rows.
func TestDecodersReadAlike(t *testing.T) {
	var items []string
	for i := range 10 {
		items = append(items, fmt.Sprintf(`{"links":[],"id":"%d","name":"O\u2019Neil"}`, i))
	}
	page := []byte(`{"links":[],"count":10,"hasMore":false,"items":[` + strings.Join(items, ",") + `],"offset":0,"totalResults":10}`)
	for _, d := range decoders {
		if n, err := d.decode(page); err != nil || n != len(items) {
			t.Errorf("%s: %d rows, %v", d.name, n, err)
		}
		if _, err := d.decode(page[:len(page)-1]); err == nil {
			t.Errorf("%s: a page without its end was taken", d.name)
		}
	}
}
