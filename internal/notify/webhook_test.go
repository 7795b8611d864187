package notify_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// verified asks the library of Standard Webhooks, which knows nothing of our code.
func verified(t *testing.T, secret netsuite.Secret, m message) bool {
	t.Helper()
	judge, err := standardwebhooks.NewWebhook(secret.Reveal())
	must(t, err)
	return judge.VerifyIgnoringTimestamp(m.body, m.header) == nil // the tests' clock stands elsewhere
}

func TestWebhook(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook?token=x")
	event := w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	w.work(t)
	got := w.hooks.took()
	if len(got) != 1 {
		t.Fatalf("%d messages came, want 1", len(got))
	}
	m := got[0]
	if !verified(t, made.Secret, m) {
		t.Errorf("the signature does not verify: %v", m.header)
	}
	m.body = append(m.body, ' ')
	if verified(t, made.Secret, m) {
		t.Error("the signature verifies another body")
	}
	m.body = m.body[:len(m.body)-1]
	want := `{"type":"connection.degraded","timestamp":"2026-11-25T09:00:00Z","data":{"id":"co_1","app":"acme","connection":"co_1","cause":"role_lost"}}`
	if string(m.body) != want {
		t.Errorf("body is\n%s, want\n%s", m.body, want)
	}
	for name, want := range map[string]string{
		"webhook-id": event.ID, "webhook-timestamp": strconv.FormatInt(w.clock.Now().Unix(), 10), "content-type": "application/json", "user-agent": "suitekey",
	} {
		if got := m.header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(made.Secret.Reveal(), "whsec_"))
	if err != nil || len(key) != 32 {
		t.Errorf("the secret has %d bytes (%v), want 32 after whsec_", len(key), err)
	}
	if made.Endpoint.Target != w.hooks.url+"/hook" {
		t.Errorf("the address is shown as %q", made.Endpoint.Target)
	}
}

// The judge's own clock: what leaves now is neither too old nor too new for it.
func TestWebhookInTime(t *testing.T) {
	w := newWorld(t)
	w.Now = time.Now
	made := w.hook(t, "/hook")
	attempt, err := w.Test(t.Context(), made.Endpoint.ID)
	must(t, err)
	if !attempt.Delivered || attempt.Status != http.StatusNoContent {
		t.Errorf("the test ended with %+v", attempt)
	}
	judge, err := standardwebhooks.NewWebhook(made.Secret.Reveal())
	must(t, err)
	m := w.hooks.took()[0]
	must(t, judge.Verify(m.body, m.header))
	if !strings.Contains(string(m.body), `"type":"webhook.test"`) {
		t.Errorf("body is %s", m.body)
	}
}

func TestTwoSecretsWhileOneIsChanged(t *testing.T) {
	w := newWorld(t)
	made := w.hook(t, "/hook")
	id := made.Endpoint.ID
	next := func() message {
		t.Helper()
		w.happened(t, broker.EventCertificateRotated, "")
		w.work(t)
		return w.hooks.took()[0]
	}
	check := func(when string, m message, old, now netsuite.Secret, wantOld bool) {
		t.Helper()
		if !verified(t, now, m) || verified(t, old, m) != wantOld {
			t.Errorf("%s: new secret verifies %v, old one %v, want true and %v", when, verified(t, now, m), verified(t, old, m), wantOld)
		}
	}
	second, err := w.RotateSecret(t.Context(), id)
	must(t, err)
	m := next()
	check("while the secret is changed", m, made.Secret, second, true)
	if n := len(strings.Split(m.header.Get("webhook-signature"), " ")); n != 2 {
		t.Errorf("%d signatures, want 2", n)
	}
	_, err = w.RotateSecret(t.Context(), id)
	wantCode(t, err, broker.CodeConflict, "is being changed")
	w.clock.Add(24 * time.Hour)
	check("a day later", next(), made.Secret, second, false)

	third, err := w.RotateSecret(t.Context(), id)
	must(t, err)
	must(t, w.EndRotation(t.Context(), id))
	must(t, w.EndRotation(t.Context(), id))
	check("after the end by command", next(), second, third, false)
	e, err := w.db.Endpoint(t.Context(), id)
	must(t, err)
	if len(e.OldSecret) != 0 {
		t.Error("the old secret is still stored")
	}
}
