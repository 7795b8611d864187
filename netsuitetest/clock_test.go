package netsuitetest_test

import (
	"crypto/elliptic"
	"math"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// base is a base clock that a test moves: real time is not waited for.
type base struct{ nanos atomic.Int64 }

func newBase() *base {
	b := &base{}
	b.nanos.Store(time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return b
}

func (b *base) now() time.Time          { return time.Unix(0, b.nanos.Load()) }
func (b *base) advance(d time.Duration) { b.nanos.Add(int64(d)) }

func TestClock(t *testing.T) {
	t.Parallel()
	b := newBase()
	srv := netsuitetest.Start(t, netsuitetest.Config{Now: b.now})
	clock := srv.Clock()
	start := clock.Now()
	passed := func(want time.Duration) {
		t.Helper()
		if got := clock.Now().Sub(start); got != want {
			t.Errorf("%s have passed, want %s", got, want)
		}
	}
	b.advance(time.Minute)
	passed(time.Minute)
	must(t, clock.Speed(60))
	passed(time.Minute) // a change of speed is no jump
	b.advance(time.Minute)
	passed(61 * time.Minute)
	clock.Advance(-time.Hour)
	passed(time.Minute)
	must(t, clock.Speed(0.5))
	b.advance(time.Minute)
	passed(90 * time.Second)
	clock.Freeze()
	b.advance(time.Hour)
	passed(90 * time.Second)
	clock.Advance(time.Second)
	clock.Set(clock.Now().Add(time.Second))
	passed(92 * time.Second)
	must(t, clock.Speed(1))
	b.advance(time.Second)
	passed(93 * time.Second)
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1), 1e9} {
		if err := clock.Speed(bad); err == nil {
			t.Errorf("speed %v was taken", bad)
		}
	}
	passed(93 * time.Second)
}

// TestEverythingAgesFaster: at 3600 times the speed, a second of real time ends an access token, two hours of which a
// refresh token, and a quarter of an hour the certificate.
func TestEverythingAgesFaster(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := &world{t: t, srv: netsuitetest.Start(t, netsuitetest.Config{Now: b.now, Accounts: smallAccounts()})}
	w.public = w.add(netsuitetest.Integration{
		Name: "Acme", CodeGrant: true, ClientCredentials: true, Public: true, RedirectURIs: []string{callback}, Scopes: []string{"rest_webservices", "restlets"},
		RefreshHours: 1, RotationHours: 2,
	})
	w.robotReady()
	k := newKey(t, ecKey(t, elliptic.P256()), b.now().Add(-time.Minute), b.now().AddDate(0, 1, 0))
	tok := w.login(w.public)
	w.mapped(tok.Access, k)
	must(t, w.srv.Clock().Speed(3600))
	timeAt := w.host("1234567", "suitetalk") + "/services/rest/system/v1/serverTime"
	if p := w.call(http.MethodGet, timeAt, tok.Access, nil); p.status != 200 {
		t.Fatalf("fresh: %d", p.status)
	}
	b.advance(time.Second)
	if p := w.call(http.MethodGet, timeAt, tok.Access, nil); p.status != 401 || w.last().AuditDetail != "AccessTokenExpired" {
		t.Errorf("access token after a second: %d", p.status)
	}
	if got := w.token(refreshForm(w.public, tok.Refresh), ""); got.Error != "invalid_grant" || w.last().AuditDetail != "RefreshTokenExpired" {
		t.Errorf("refresh token after a second: %q", got.Error)
	}
	must(t, w.srv.Clock().Speed(0))
	if got := w.m2m(w.assertion(k).sign(t, k.private)); got.status != 200 {
		t.Errorf("certificate in its month: %s", got.Error)
	}
	must(t, w.srv.Clock().Speed(3600))
	b.advance(15 * time.Minute)
	must(t, w.srv.Clock().Speed(0))
	if got := w.m2m(w.assertion(k).sign(t, k.private)); got.Error != "invalid_grant" || w.last().AuditDetail != "CertificateExpired" {
		t.Errorf("certificate after its month: %s", got.Error)
	}
}
