package netsuite

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// netSuiteClock takes an assertion as NetSuite does: not from more than five minutes ahead, not past its end. Its answers carry
// its time.
func netSuiteClock(t *testing.T, now time.Time, offset time.Duration) *scripted {
	return &scripted{answer: func(_ int, r *http.Request) (*http.Response, error) {
		there := now.Add(offset)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		issued, ends := assertionTimes(t, form.Get("client_assertion"))
		resp := tokenResponse("a.b.c")
		if issued.After(there.Add(5*time.Minute)) || !ends.After(there) {
			resp = response(http.StatusBadRequest, `{"error":"invalid_request"}`)
		}
		resp.Header.Set("Date", there.UTC().Format(http.TimeFormat))
		return resp, nil
	}}
}

func assertionTimes(t *testing.T, jwt string) (issued, ends time.Time) {
	t.Helper()
	claims := unverifiedAssertion(t, jwt)
	return time.Unix(claims.IssuedAt, 0), time.Unix(claims.Expiry, 0)
}

func TestRO12_ClockIsCorrectedUpToFiveMinutes(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead    time.Duration // NetSuite's clock
		requests int           // 0: refused as a wrong clock
	}{
		"right":                {0, 1},
		"10 s behind":          {10 * time.Second, 1},
		"10 s ahead":           {-10 * time.Second, 1},
		"4 min behind":         {4 * time.Minute, 1},
		"4 min 50 s behind":    {4*time.Minute + 50*time.Second, 2},
		"4 min ahead":          {-4 * time.Minute, 1},
		"2 h behind":           {2 * time.Hour, 0},
		"2 h ahead":            {-2 * time.Hour, 0},
		"5 min 1 s behind":     {5*time.Minute + 2*time.Second, 0},
		"a year in the future": {-365 * 24 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			door := netSuiteClock(t, testNow, tt.ahead)
			c := door.credentials(t)
			c.Now = func() time.Time { return testNow }
			if _, known := c.ClockOffset(); known {
				t.Error("the offset is known before the first answer")
			}
			token, err := c.Token(t.Context())
			if offset, known := c.ClockOffset(); !known || (offset-tt.ahead).Abs() > time.Second {
				t.Errorf("ClockOffset = %s, %t; want %s", offset, known, tt.ahead)
			}
			if tt.requests > 0 {
				if err != nil || token == nil || door.count() != tt.requests {
					t.Errorf("Token = %v, %v after %d requests; want one after %d", token, err, door.count(), tt.requests)
				}
				return
			}
			if !errors.Is(err, ErrClock) || !errors.Is(err, ErrInvalidRequest) || IsTemporary(err) || !strings.Contains(err.Error(), "NTP") || door.count() != 1 {
				t.Errorf("err = %v after %d requests; want ErrClock that says what to do", err, door.count())
			}
		})
	}
}

// Once known, the offset is in every assertion.
func TestRO12_LaterAssertionsAreCorrected(t *testing.T) {
	ahead := 4 * time.Minute
	now := testNow
	door := netSuiteClock(t, testNow, ahead)
	c := door.credentials(t)
	c.Now = func() time.Time { return now }
	if _, err := c.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	jwt, err := c.Assertion()
	if err != nil {
		t.Fatal(err)
	}
	if issued, _ := assertionTimes(t, jwt); (issued.Sub(testNow) - ahead + assertionBackdate).Abs() > time.Second {
		t.Errorf("iat is %s after this machine's time, want NetSuite's time less half a minute", issued.Sub(testNow))
	}
}

func TestAPIClockOffset(t *testing.T) {
	site := startSite(t, reply(http.StatusOK, `{"serverTime":"2026-11-24T12:03:00.000Z"}`))
	api := &API{Account: testAccount, Site: site.Site, Token: NewSecret(testToken), Now: func() time.Time { return testNow }}
	got, err := api.ClockOffset(t.Context())
	if err != nil || got != 3*time.Minute {
		t.Errorf("ClockOffset = %s, %v; want 3m", got, err)
	}
	old := startSite(t, reply(http.StatusNotFound, ""))
	api.Site = old.Site
	if _, err := api.ClockOffset(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("err = %v, want ErrNotFound", err)
	}
}
