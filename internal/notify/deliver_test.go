package notify_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/netsuite"
)

func TestReceiverThatIsDownForTwoDays(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	w.hooks.status(http.StatusServiceUnavailable)
	var want []string
	for range 20 {
		want = append(want, w.happened(t, broker.EventCertificateRotated, "").ID)
	}
	w.pass(t, 48*time.Hour, 10*time.Minute)
	tried := w.hooks.took()
	if n := len(tried); n < 20*6 || n > 20*9 {
		t.Errorf("%d attempts in two days, want some for each of 20 events and no storm", n)
	}
	w.hooks.status(http.StatusOK)
	w.pass(t, 24*time.Hour+time.Hour, 10*time.Minute)
	var got []string
	for _, m := range w.hooks.took() {
		if !verified(t, made.Secret, m) {
			t.Error("a late message does not verify")
		}
		got = append(got, m.header.Get("webhook-id"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d messages came, want each of the %d events once", len(got), len(want))
	}
	w.pass(t, 24*time.Hour, time.Hour)
	if late := w.hooks.took(); len(late) != 0 {
		t.Errorf("%d messages came again", len(late))
	}
}

// An endpoint that lets every attempt hang does not hold up another one, and what waits for it is all sent in one round.
func TestOneThatHangsLeavesPlacesToOthers(t *testing.T) {
	w := newWorld(t)
	w.hook(t, "/hangs", string(broker.EventCertificateRotated))
	w.hook(t, "/quick", string(broker.EventConnectionRecovered))
	for range 40 {
		must(t, w.Dispatch(t.Context(), w.happened(t, broker.EventCertificateRotated, "").ID))
	}
	w.happened(t, broker.EventConnectionRecovered, "") // due after all the others
	release, quick := make(chan struct{}), make(chan struct{})
	w.hooks.answers(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/quick" {
			close(quick)
			return
		}
		<-release
	})
	done := make(chan error, 1)
	go func() { done <- w.RunOnce(t.Context()) }()
	select {
	case <-quick:
	case <-time.After(5 * time.Second): // less than an attempt may hang
		t.Error("the other endpoint waits for the one that hangs")
	}
	close(release)
	must(t, <-done)
	if got := w.hooks.took(); len(got) != 41 {
		t.Errorf("%d messages came, want 41", len(got))
	}
}

func TestGivenUpAfterThreeDaysAndReplayed(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	w.hooks.status(http.StatusInternalServerError)
	w.happened(t, broker.EventCertificateRotated, "")
	var last time.Time
	for range 90 * 6 {
		w.clock.Add(10 * time.Minute)
		w.work(t)
		if len(w.hooks.took()) > 0 {
			last = w.clock.Now()
		}
	}
	if after := last.Sub(begin); after < 64*time.Hour || after > 80*time.Hour {
		t.Errorf("the last attempt came after %s, want about three days", after)
	}
	v := w.delivery(t, made)
	if v.State != broker.DeliveryGivenUp || v.Attempts != 10 || v.Status != 500 || v.Error != "the endpoint answered 500" {
		t.Errorf("the delivery is %+v", v)
	}
	if listed, err := w.List(t.Context()); err != nil || len(listed) != 1 || listed[0].Backlog != (broker.Backlog{GivenUp: 1}) {
		t.Errorf("the list says %+v (%v), want one given up", listed, err)
	}
	if !strings.Contains(w.log.String(), "given up after three days") {
		t.Error("the log does not say that the delivery was given up")
	}

	w.hooks.status(http.StatusOK)
	n, err := w.ReplayGivenUp(t.Context(), made.Endpoint.ID, begin)
	must(t, err)
	w.work(t)
	if got := w.hooks.took(); n != 1 || len(got) != 1 || got[0].header.Get("webhook-id") != v.EventID {
		t.Errorf("%d deliveries were replayed and %d messages came, want one each, with the event's ID", n, len(got))
	}
	must(t, w.Replay(t.Context(), v.ID))
	wantCode(t, w.Replay(t.Context(), v.ID), broker.CodeConflict, "on its way")
	w.work(t)
	if got := w.hooks.took(); len(got) != 1 || w.delivery(t, made).State != broker.DeliveryDelivered {
		t.Errorf("%d messages came after the second replay, want 1", len(got))
	}
}

func TestGone(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	w.hooks.status(http.StatusGone)
	w.happened(t, broker.EventCertificateRotated, "")
	w.work(t)
	w.happened(t, broker.EventCertificateRotated, "")
	w.pass(t, 24*time.Hour, time.Hour)
	if got := w.hooks.took(); len(got) != 1 {
		t.Errorf("%d messages came to an endpoint that is gone, want 1", len(got))
	}
	v := w.delivery(t, made)
	e, err := w.db.Endpoint(t.Context(), made.Endpoint.ID)
	must(t, err)
	if v.State != broker.DeliveryGivenUp || e.DisabledAt.IsZero() {
		t.Errorf("the delivery is %s, the endpoint disabled at %v", v.State, e.DisabledAt)
	}
	wantCode(t, w.Replay(t.Context(), v.ID), broker.CodeConflict, "is gone")
	_, err = w.ReplayGivenUp(t.Context(), e.ID, begin)
	wantCode(t, err, broker.CodeConflict, "is gone")
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		header string
		least  time.Duration
		most   time.Duration
	}{
		{"3600", time.Hour, time.Hour},
		{begin.Add(2 * time.Hour).Format(http.TimeFormat), 2*time.Hour - 2*time.Second, 2 * time.Hour},
		{"2147483647", 24 * time.Hour, 24 * time.Hour},
		{begin.Add(-time.Hour).Format(http.TimeFormat), 4500 * time.Millisecond, 5500 * time.Millisecond},
		{"-5", 4500 * time.Millisecond, 5500 * time.Millisecond},
		{"99999999999999999999", 4500 * time.Millisecond, 5500 * time.Millisecond},
		{"soon", 4500 * time.Millisecond, 5500 * time.Millisecond},
	} {
		w := newWorld(t)
		made := w.hook(t, "/hook")
		w.hooks.answers(func(a http.ResponseWriter, _ *http.Request) {
			a.Header().Set("Retry-After", tt.header)
			a.WriteHeader(http.StatusTooManyRequests)
		})
		w.happened(t, broker.EventCertificateRotated, "")
		w.work(t)
		if pause := w.delivery(t, made).DueAt.Sub(w.clock.Now()); pause < tt.least-time.Millisecond || pause > tt.most {
			t.Errorf("Retry-After %q: tried again after %s, want %s to %s", tt.header, pause, tt.least, tt.most)
		}
	}
}

// Two replicas look at the same time: one dispatches, one sends.
func TestTwoWorkersMakeOneAttempt(t *testing.T) {
	w := newWorld(t)
	w.hook(t, "/hook")
	const events = 30
	for range events {
		w.happened(t, broker.EventCertificateRotated, "")
	}
	second := *w.Service
	var running sync.WaitGroup
	for _, s := range []*notify.Service{w.Service, &second} {
		running.Go(func() {
			for range 5 {
				if err := s.RunOnce(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	w.work(t)
	seen := map[string]int{}
	for _, m := range w.hooks.took() {
		seen[m.header.Get("webhook-id")]++
	}
	if len(seen) != events {
		t.Errorf("%d events came, want %d", len(seen), events)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %s came %d times", id, n)
		}
	}
}

// A process dies after it began an attempt: another one sends when the claim has run out, and not before.
func TestAttemptWhoseProcessDied(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	w.happened(t, broker.EventCertificateRotated, "")
	due, err := w.DueEvents(t.Context())
	must(t, err)
	must(t, w.Dispatch(t.Context(), due[0]))
	must(t, w.Dispatch(t.Context(), due[0])) // by another process: no error, no second delivery
	v := w.delivery(t, made)
	v.Attempts, v.DueAt = 1, w.clock.Now().Add(2*time.Minute) // the claim
	must(t, w.db.SaveDelivery(t.Context(), &v))

	must(t, w.Deliver(t.Context(), v.ID))
	w.pass(t, time.Minute, time.Minute)
	if got := w.hooks.took(); len(got) != 0 {
		t.Errorf("%d messages were sent while another process had the claim", len(got))
	}
	w.pass(t, time.Minute+time.Second, time.Minute)
	if got := w.hooks.took(); len(got) != 1 {
		t.Errorf("%d messages were sent after the claim had run out, want 1", len(got))
	}
}

// A server that is told to stop in the middle of an attempt does not know whether the message arrived, and leaves the claim.
func TestStoppedInTheMiddle(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	ctx, stop := context.WithCancel(t.Context())
	w.hooks.answers(func(_ http.ResponseWriter, r *http.Request) { stop(); <-r.Context().Done() })
	w.happened(t, broker.EventCertificateRotated, "")
	if err := w.RunOnce(ctx); err == nil {
		t.Error("a stopped attempt counts as done")
	}
	v := w.delivery(t, made)
	if v.State != broker.DeliveryPending || v.Attempts != 1 || v.Error != "" || !v.DueAt.After(w.clock.Now().Add(time.Minute)) {
		t.Errorf("the delivery is %+v", v)
	}
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	all := w.hook(t, "/all")
	typed := w.hook(t, "/typed", "certificate.rotated", "certificate.rotated", "client.secret_expiring")
	other := w.create(t, notify.EndpointRequest{Kind: broker.EndpointWebhook, App: "other", Address: netsuite.NewSecret(w.hooks.url + "/other")})
	w.happened(t, broker.EventCertificateRotated, "")
	w.happened(t, broker.EventOnboardingStep, "")
	w.work(t)
	count := map[string]int{}
	for _, m := range w.hooks.took() {
		count[m.path]++
	}
	if count["/all"] != 2 || count["/typed"] != 1 || count["/other"] != 0 {
		t.Errorf("messages by endpoint: %v", count)
	}
	if len(typed.Endpoint.Types) != 2 || len(all.Endpoint.Types) != 0 || other.Endpoint.App != "other" {
		t.Errorf("the endpoints are %+v, %+v, %+v", all.Endpoint, typed.Endpoint, other.Endpoint)
	}
	must(t, w.Remove(t.Context(), all.Endpoint.ID))
	wantCode(t, w.Remove(t.Context(), all.Endpoint.ID), broker.CodeNotFound, "there is no endpoint")
	w.happened(t, broker.EventCertificateRotated, "")
	w.work(t)
	if got := w.hooks.took(); len(got) != 1 || got[0].path != "/typed" {
		t.Errorf("%d messages after one endpoint was removed, want 1 to the other", len(got))
	}
}

// Whatever an endpoint answers, the attempt ends, and nothing of its words is kept.
func TestHostileAnswers(t *testing.T) {
	const word = "canary-answer"
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"a huge body": func(a http.ResponseWriter, _ *http.Request) {
			a.WriteHeader(http.StatusBadGateway)
			for range 1000 {
				if _, err := a.Write([]byte(strings.Repeat(word, 1000))); err != nil {
					return
				}
			}
		},
		"a body without end": func(a http.ResponseWriter, r *http.Request) {
			a.WriteHeader(http.StatusBadGateway)
			_, _ = a.Write([]byte(word))
			a.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"a huge head":    func(a http.ResponseWriter, _ *http.Request) { a.Header().Set("X-Huge", strings.Repeat(word, 100_000)) },
		"a redirect":     func(a http.ResponseWriter, r *http.Request) { http.Redirect(a, r, "/"+word, http.StatusFound) },
		"no HTTP at all": hijack("220 " + word + " ready\r\n"),
		"nothing":        hijack(""),
		"early end":      hijack("HTTP/1.1 200"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made := w.hook(t, "/hook")
			w.hooks.answers(answer)
			w.happened(t, broker.EventCertificateRotated, "")
			w.work(t)
			v := w.delivery(t, made)
			if v.State != broker.DeliveryPending || v.Error == "" {
				t.Errorf("the delivery is %+v", v)
			}
			if strings.Contains(v.Error+w.log.String(), word) {
				t.Errorf("the endpoint's words are kept: %s\n%s", v.Error, w.log.String())
			}
			if got := w.hooks.took(); len(got) != 1 {
				t.Errorf("%d requests, want 1", len(got))
			}
		})
	}
}

func hijack(text string) func(http.ResponseWriter, *http.Request) {
	return func(a http.ResponseWriter, _ *http.Request) {
		conn, _, err := a.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = conn.Write([]byte(text))
		_ = conn.Close()
	}
}

// An address that was public when it was stored, and is not any more, gets nothing.
func TestPX09_AddressThatTurnedPrivate(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	w.hooks.guard.Allow = nil
	w.happened(t, broker.EventCertificateRotated, "")
	w.work(t)
	if v := w.delivery(t, made); len(w.hooks.took()) != 0 || !strings.Contains(v.Error, "not allowed for outgoing messages") {
		t.Errorf("the delivery is %+v", v)
	}
}

// TestLO01_NoSecretOfEndpoints: secrets and URLs of endpoints, and personal data in webhooks, stand nowhere outside the vault.
func TestLO01_NoSecretOfEndpoints(t *testing.T) {
	w := newWorld(t)
	const canary = "canary-T0123"
	made := w.hook(t, "/hook?key="+canary)
	w.create(t, notify.EndpointRequest{Kind: broker.EndpointSlack, Address: netsuite.NewSecret(w.hooks.url + "/services/" + canary)})
	w.create(t, notify.EndpointRequest{Kind: broker.EndpointTeams, Address: netsuite.NewSecret(w.hooks.url + "/workflows/" + canary)})
	second, err := w.RotateSecret(t.Context(), made.Endpoint.ID)
	must(t, err)
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	w.work(t)
	for _, m := range w.hooks.took() {
		if m.path == "/hook" && strings.Contains(string(m.body), w.conn.Customer) {
			t.Errorf("a webhook names the customer: %s", m.body)
		}
	}
	// Failures of every kind, which all write to log and rows.
	w.hooks.answers(hijack("bad"))
	w.happened(t, broker.EventConnectionNeedsConsent, broker.CauseConsentEnded)
	w.work(t)
	w.hooks.guard.Allow = nil
	w.pass(t, 2*time.Hour, 10*time.Minute)

	texts := map[string]string{"the log": w.log.String()}
	files, err := filepath.Glob(filepath.Join(w.folder, "*"))
	must(t, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		must(t, err)
		texts[filepath.Base(name)] = string(data)
	}
	if len(files) < 2 {
		t.Errorf("the database is %d files, want it with its log", len(files))
	}
	for name, text := range texts {
		for _, secret := range []string{canary, made.Secret.Reveal(), second.Reveal(), strings.TrimPrefix(second.Reveal(), "whsec_")} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a secret", name)
			}
		}
	}
	if !strings.Contains(w.log.String(), "a delivery failed") {
		t.Error("nothing failed, so the log proves nothing")
	}
}

func TestBadEndpoints(t *testing.T) {
	w := newWorld(t)
	w.SMTP = notify.SMTP{Addr: "127.0.0.1:25", From: "suitekey@acme.example"}
	hook := func(address string) notify.EndpointRequest {
		return notify.EndpointRequest{Kind: broker.EndpointWebhook, Address: netsuite.NewSecret(address)}
	}
	mail := func(address string) notify.EndpointRequest {
		return notify.EndpointRequest{Kind: broker.EndpointEmail, Address: netsuite.NewSecret(address)}
	}
	for _, tt := range []struct {
		name string
		q    notify.EndpointRequest
		code broker.Code
		part string
	}{
		{"no kind", notify.EndpointRequest{Address: netsuite.NewSecret("https://a.example/")}, broker.CodeInvalid, "kind"},
		{"foreign kind", notify.EndpointRequest{Kind: "pager"}, broker.CodeInvalid, "kind"},
		{"no address", notify.EndpointRequest{Kind: broker.EndpointWebhook}, broker.CodeInvalid, "url"},
		{"http", hook("http://a.example/"), broker.CodeInvalid, "https"},
		{"private", hook("https://10.0.0.1/"), broker.CodeInvalid, "public internet"},
		{"metadata", hook("https://169.254.169.254/"), broker.CodeInvalid, "public internet"},
		{"user", hook("https://u:p@a.example/"), broker.CodeInvalid, "user"},
		{"not a URL", hook("https://a b/%zz\n"), broker.CodeInvalid, "url"},
		{"huge", hook("https://a.example/" + strings.Repeat("x", 1<<20)), broker.CodeInvalid, "2048"},
		{"app", notify.EndpointRequest{Kind: broker.EndpointWebhook, App: "nobody's", Address: netsuite.NewSecret("https://a.example/")}, broker.CodeNotFound, "app"},
		{"type", notify.EndpointRequest{Kind: broker.EndpointWebhook, Types: []string{"certificate.lost"}}, broker.CodeInvalid, "events"},
		{"no mail", mail(""), broker.CodeInvalid, "email"},
		{"display name", mail("Ops <ops@acme.example>"), broker.CodeInvalid, "email"},
		{"header", mail("ops@acme.example\r\nBcc: x@evil.example"), broker.CodeInvalid, "email"},
		{"quoted", mail(`"a b"@acme.example`), broker.CodeInvalid, "email"},
		{"empty entry", mail("ops@acme.example,"), broker.CodeInvalid, "email"},
		{"too many", mail(strings.TrimSuffix(strings.Repeat("a@b.example,", 11), ",")), broker.CodeInvalid, "at most 10"},
		{"huge mail", mail(strings.Repeat("a", 1000) + "@b.example"), broker.CodeInvalid, "email"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Create(t.Context(), tt.q)
			wantCode(t, err, tt.code, tt.part)
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("the error repeats %d characters of the input", len(err.Error()))
			}
		})
	}
	if all, err := w.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d endpoints were made of bad input (%v)", len(all), err)
	}

	w.SMTP = notify.SMTP{}
	_, err := w.Create(t.Context(), mail("ops@acme.example"))
	wantCode(t, err, broker.CodeConfig, "smtp_addr")
	slack := w.create(t, notify.EndpointRequest{Kind: broker.EndpointSlack, Address: netsuite.NewSecret("https://hooks.slack.com/services/x")})
	if slack.Endpoint.Target != "https://hooks.slack.com" || !slack.Secret.IsZero() {
		t.Errorf("a chat is shown as %q", slack.Endpoint.Target)
	}
	_, err = w.RotateSecret(t.Context(), slack.Endpoint.ID)
	wantCode(t, err, broker.CodeInvalid, "only webhooks")
	wantCode(t, w.EndRotation(t.Context(), slack.Endpoint.ID), broker.CodeInvalid, "only webhooks")
	for _, id := range []string{"", "ep_none", strings.Repeat("x", 10_000), "nul\x00", "'; DROP TABLE endpoints; --"} {
		_, err := w.RotateSecret(t.Context(), id)
		wantCode(t, err, broker.CodeNotFound, "endpoint")
		wantCode(t, w.Remove(t.Context(), id), broker.CodeNotFound, "endpoint")
		wantCode(t, w.Replay(t.Context(), id), broker.CodeNotFound, "delivery")
		_, err = w.Test(t.Context(), id)
		wantCode(t, err, broker.CodeNotFound, "endpoint")
		_, err = w.ReplayGivenUp(t.Context(), id, begin)
		wantCode(t, err, broker.CodeNotFound, "endpoint")
		if id != "" {
			_, err = w.Deliveries(t.Context(), id, 10)
			wantCode(t, err, broker.CodeNotFound, "endpoint")
		}
	}
	for _, limit := range []int{0, -1, 1001} {
		_, err := w.Deliveries(t.Context(), "", limit)
		wantCode(t, err, broker.CodeInvalid, "limit")
	}
}

func TestMostEndpoints(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		must(t, w.db.SaveEndpoint(t.Context(), &broker.Endpoint{ID: "ep_" + strconv.Itoa(i), Kind: broker.EndpointEmail}))
	}
	_, err := w.Create(t.Context(), notify.EndpointRequest{Kind: broker.EndpointWebhook, Address: netsuite.NewSecret("https://a.example/")})
	wantCode(t, err, broker.CodeInvalid, "100 endpoints")
}

func TestEveryActIsAudited(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	w.happened(t, broker.EventCertificateRotated, "")
	w.work(t)
	_, err := w.RotateSecret(t.Context(), made.Endpoint.ID)
	must(t, err)
	must(t, w.EndRotation(t.Context(), made.Endpoint.ID))
	_, err = w.Test(t.Context(), made.Endpoint.ID)
	must(t, err)
	must(t, w.Replay(t.Context(), w.delivery(t, made).ID))
	must(t, w.Remove(t.Context(), made.Endpoint.ID))
	groups, err := w.db.AuditGroups(t.Context(), 0, 100)
	must(t, err)
	var text strings.Builder
	for _, g := range groups {
		text.Write(g.Lines)
	}
	for _, event := range []string{
		"endpoint.created", "endpoint.secret_rotated", "endpoint.secret_rotation_ended", "endpoint.tested", "delivery.replayed", "endpoint.removed",
	} {
		if !strings.Contains(text.String(), `"event":"`+event+`"`) {
			t.Errorf("the audit log has no line %s:\n%s", event, text.String())
		}
	}
}
