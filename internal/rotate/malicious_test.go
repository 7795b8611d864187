package rotate_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
)

// liar answers lists of certificates in NetSuite's place while body is set.
type liar struct {
	next http.RoundTripper
	mu   *sync.Mutex
	body *string // guarded by mu
}

func (l liar) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	body := *l.body
	l.mu.Unlock()
	if body == "" || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/certificates") {
		return l.next.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// element is one certificate of a list.
func element(id string, role, entity int64, revoked bool) string {
	return fmt.Sprintf(`{"certificate_id":%q,"role":{"id":%d,"name":"r"},"entity":{"id":%d,"name":"e"},"valid_from":"2026-01-01T00:00:00Z","valid_until":"2099-01-01T00:00:00Z","revoked":%t,"algorithm":"EC"}`, id, role, entity, revoked)
}

// TestRO07_LyingLists: whatever a list says, only certificates whose thumbprint is ours are revoked, the one that signs goes on
// signing, and what is held in memory is bounded.
func TestRO07_LyingLists(t *testing.T) {
	lie := liar{mu: new(sync.Mutex), body: new(string)}
	say := func(body string) {
		lie.mu.Lock()
		defer lie.mu.Unlock()
		*lie.body = body
	}
	e := apptest.Start(t, apptest.Config{Ready: true, Outward: func(next http.RoundTripper) http.RoundTripper { return liar{next, lie.mu, lie.body} }})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	if _, err := e.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	w := &world{Env: e, t: t, connection: e.Connected(t, link).ConnectionID}
	conn, err := w.App.Store.Connection(t.Context(), w.connection)
	if err != nil {
		t.Fatal(err)
	}
	signing := w.active().NetSuiteID
	foreign := strings.Repeat("F", 43)
	five := make([]string, 5)
	for i := range five {
		five[i] = element(fmt.Sprintf("%043d", i), conn.RoleID, conn.Entity, false)
	}
	lies := map[string]string{
		"no list": `{}`, "no JSON": `<html>`, "cut": `[{"certificate_id":"`, "null": `null`, "empty": `[]`,
		"huge":                       "[" + strings.Repeat(element(foreign, 1, 1, false)+",", 200_000) + element(foreign, 1, 1, false) + "]",
		"deep":                       strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"five foreign":               "[" + strings.Join(five, ",") + "]",
		"foreign, of our role":       "[" + element(foreign, conn.RoleID, conn.Entity, false) + "]",
		"ours, said to be revoked":   "[" + element(signing, conn.RoleID, conn.Entity, true) + "]",
		"ours, of another user":      "[" + element(signing, 3, -5, false) + "]",
		"ours, twice":                "[" + element(signing, conn.RoleID, conn.Entity, false) + "," + element(signing, conn.RoleID, conn.Entity, false) + "]",
		"an ID that is a path":       "[" + element("../../clients/x", conn.RoleID, conn.Entity, false) + "]",
		"numbers where words belong": `[{"certificate_id":7,"revoked":"yes","role":[],"entity":{"id":"x"}}]`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		garbled := []byte("[" + element(signing, conn.RoleID, conn.Entity, false) + "," + element(foreign, conn.RoleID, conn.Entity, i%2 == 0) + "]")
		for range 1 + random.IntN(8) {
			garbled[random.IntN(len(garbled))] = byte(random.IntN(256))
		}
		lies[fmt.Sprint("garbled ", i)] = string(garbled)
	}
	for name, body := range lies {
		say(body)
		_, _ = w.App.Rotate.Rotate(t.Context(), w.connection) // it may fail; what counts is what it did
		say("")
		if revoked := w.revokedForeign(t); len(revoked) != 0 {
			t.Fatalf("%s: revoked what is not ours: %v", name, revoked)
		}
		signs := w.active().NetSuiteID
		good := false
		for _, c := range w.Emulator.Account(apptest.Account).Certificates() {
			good = good || (c.ID == signs && !c.Revoked)
		}
		if !good {
			t.Fatalf("%s: the connection signs with %s, which NetSuite does not take", name, signs)
		}
	}
	if _, err := w.App.Rotate.Rotate(t.Context(), w.connection); err != nil {
		t.Errorf("after the lies: %v", err)
	}
}

// revokedForeign are the certificates that a revocation named, and that we never made.
func (w *world) revokedForeign(t *testing.T) (foreign []string) {
	t.Helper()
	known, err := w.App.Store.KnownCertificates(t.Context(), apptest.AppName)
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, c := range known {
		ours[c.ID] = true // the thumbprint, whatever NetSuite calls it
	}
	for _, e := range w.Emulator.Ledger().Entries() {
		if id, found := strings.CutSuffix(e.Path, "/revoke"); found && e.Method == http.MethodPost && strings.Contains(id, "/certificates/") {
			if id = id[strings.LastIndex(id, "/")+1:]; !ours[id] {
				foreign = append(foreign, id)
			}
		}
	}
	return foreign
}
