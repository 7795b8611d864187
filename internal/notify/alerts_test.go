package notify_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/netsuite"
)

// slack makes an endpoint for people.
func (w *world) slack(t *testing.T, path string, types ...string) notify.NewEndpoint {
	t.Helper()
	return w.create(t, notify.EndpointRequest{Kind: broker.EndpointSlack, Types: types, Address: netsuite.NewSecret(w.hooks.url + path)})
}

// told returns the texts that people got since it was asked last.
func (w *world) told(t *testing.T) []string {
	t.Helper()
	w.work(t)
	var texts []string
	for _, m := range w.hooks.took() {
		var body struct{ Text string }
		must(t, json.Unmarshal(m.body, &body))
		texts = append(texts, body.Text)
	}
	return texts
}

func wantTold(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: people were told %d times, want %d:\n%s", when, len(got), len(want), strings.Join(got, "\n--\n"))
		return
	}
	for i, part := range want {
		if !strings.Contains(got[i], part) {
			t.Errorf("%s: people were told\n%s\nwant it to contain %q", when, got[i], part)
		}
	}
}

func TestAlertText(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/x")
	event := broker.NewEvent(broker.EventCertificateRotationFailed, begin, "acme", w.conn.ID, w.conn.CertificateID)
	event.Cause, event.Detail = broker.CauseRoleLost, "rotation failed 3 times"
	must(t, w.db.SaveEvents(t.Context(), event))
	want := `acme: Globex Inc. (NetSuite account 1234567-co_1): The certificate could not be replaced: the user no longer holds the role, or one of them is inactive.
rotation failed 3 times
100 days left: the certificate ends on 2027-03-05 09:01 UTC.
Their administrator must act. Give the role back to the user, and make both active; we notice by ourselves.
Where: Lists &gt; Employees &gt; Employees &gt; (user) &gt; Access &gt; Roles
connection co_1, cert-co_1, event ` + event.ID
	if got := w.told(t); len(got) != 1 || got[0] != want {
		t.Errorf("people were told\n%q, want\n%q", got, want)
	}
}

// Only where a consent helps does the alert carry the link.
func TestRepairLinkIsCarried(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/x")
	w.happened(t, broker.EventConnectionNeedsConsent, broker.CauseSandboxRefreshed)
	wantTold(t, "with a link", w.told(t), "The link for them: https://connect.acme.example/c/for-co_1")
	w.happened(t, broker.EventConnectionRecovered, "")
	w.told(t)
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	if got := strings.Join(w.told(t), ""); !strings.Contains(got, "role") || strings.Contains(got, "/c/") {
		t.Errorf("an alert that needs no link: %q", got)
	}
}

func TestOneAlertForEachCause(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/x")
	for range 5 {
		w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	}
	w.happened(t, broker.EventCertificateRotationFailed, broker.CauseRoleLost)
	wantTold(t, "the same cause again and again", w.told(t), "no longer holds the role")
	w.happened(t, broker.EventConnectionDegraded, broker.CausePermissionLost)
	wantTold(t, "another cause", w.told(t), "no longer has a permission")
	w.happened(t, broker.EventConnectionRecovered, "")
	wantTold(t, "recovery", w.told(t), "works again", "works again")
	w.happened(t, broker.EventConnectionRecovered, "")
	wantTold(t, "a second recovery", w.told(t))
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	wantTold(t, "the first cause once more", w.told(t), "no longer holds the role")
	w.happened(t, broker.EventConnectionDisconnected, "")
	wantTold(t, "the end of the connection", w.told(t), "was ended")
	w.happened(t, broker.EventOnboardingStep, "")
	w.happened(t, broker.EventCertificateRotated, "")
	wantTold(t, "what is not for people", w.told(t))
}

func TestCauseThatPasses(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/x")
	w.happened(t, broker.EventConnectionDegraded, broker.CauseMaintenance)
	w.pass(t, 25*time.Minute, 5*time.Minute)
	w.happened(t, broker.EventConnectionRecovered, "")
	w.pass(t, 2*time.Hour, 5*time.Minute)
	wantTold(t, "maintenance of 25 minutes", w.told(t))

	w.happened(t, broker.EventConnectionDegraded, broker.CauseUnreachable)
	w.pass(t, 35*time.Minute, 5*time.Minute)
	wantTold(t, "an outage of 35 minutes", w.told(t), "NetSuite does not answer")
	w.happened(t, broker.EventConnectionRecovered, "")
	wantTold(t, "its end", w.told(t), "works again")

	// What began as an outage turns out to need a person: one alert, of what it is.
	w.happened(t, broker.EventConnectionDegraded, broker.CauseUnreachable)
	w.work(t)
	w.happened(t, broker.EventConnectionNeedsConsent, broker.CauseSandboxRefreshed)
	w.pass(t, 2*time.Hour, 5*time.Minute)
	wantTold(t, "a change of the cause", w.told(t), "sandbox was refreshed")
	w.happened(t, broker.EventConnectionRecovered, "")
	wantTold(t, "its end", w.told(t), "works again")
}

func TestCertificateAlerts(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/x")
	w.happened(t, broker.EventCertificateExpiring, "")
	w.happened(t, broker.EventCertificateRotationFailed, "")
	both := w.told(t)
	slices.Sort(both) // what leaves together arrives in any order
	wantTold(t, "trouble with the certificate", both, "could not be replaced", "ends soon")
	w.happened(t, broker.EventConnectionRecovered, "")
	wantTold(t, "recovery of the connection", w.told(t))
	w.happened(t, broker.EventCertificateRotated, "")
	wantTold(t, "rotation", w.told(t), "was replaced", "was replaced")

	secret := broker.NewEvent(broker.EventClientSecretExpiring, w.clock.Now(), "acme", "", "cl_1")
	second := broker.NewEvent(broker.EventClientSecretExpiring, w.clock.Now(), "acme", "", "cl_2")
	must(t, w.db.SaveEvents(t.Context(), secret, second))
	got := w.told(t)
	if len(got) != 2 || !strings.Contains(got[0]+got[1], "cl_1") || !strings.Contains(got[0]+got[1], "cl_2") {
		t.Errorf("two client secrets: people were told %q", got)
	}
}

// Who never heard of the beginning is not told of the end; who may have heard is.
func TestEndIsToldToThoseWhoWereTold(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/up")
	w.hooks.answers(func(a http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/services/down" {
			a.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w.slack(t, "/services/down")
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	w.pass(t, time.Hour, 10*time.Minute)
	w.happened(t, broker.EventConnectionRecovered, "")
	w.work(t)
	w.hooks.took()
	late := w.slack(t, "/services/late")
	w.hooks.answers(nil)
	w.pass(t, 72*time.Hour, time.Hour)
	for _, m := range w.hooks.took() {
		t.Errorf("%s was told: %s", m.path, m.body)
	}
	all, err := w.Deliveries(t.Context(), "", 10)
	must(t, err)
	states := map[broker.DeliveryState]int{}
	for _, v := range all {
		states[v.State]++
	}
	if states[broker.DeliveryDelivered] != 2 || states[broker.DeliveryDropped] != 2 || len(all) != 4 {
		t.Errorf("the deliveries are %v, want two delivered to one endpoint and two dropped for the other", states)
	}
	if found, err := w.Deliveries(t.Context(), late.Endpoint.ID, 10); err != nil || len(found) != 0 {
		t.Errorf("an endpoint that was made later has deliveries: %v (%v)", found, err)
	}
}

// The closing message waits while nobody knows whether the opening one arrived.
func TestEndComesAfterTheBeginning(t *testing.T) {
	w := newWorld(t)
	made := w.slack(t, "/services/x")
	opened := w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	must(t, w.Dispatch(t.Context(), opened.ID))
	v := w.delivery(t, made)
	v.Attempts, v.DueAt = 1, w.clock.Now().Add(2*time.Minute) // another process is sending it
	must(t, w.db.SaveDelivery(t.Context(), &v))
	w.happened(t, broker.EventConnectionRecovered, "")
	wantTold(t, "while the other process sends", w.told(t))
	w.pass(t, 4*time.Minute, time.Minute)
	wantTold(t, "after its claim has run out", w.told(t), "no longer holds the role", "works again")
}

// Two processes see two events of one connection in any order: the older one goes first.
func TestRecoveryFindsItsAlert(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/x")
	first := w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	second := w.happened(t, broker.EventConnectionRecovered, "")
	must(t, w.Dispatch(t.Context(), second.ID)) // waits
	must(t, w.Dispatch(t.Context(), first.ID))
	must(t, w.Dispatch(t.Context(), second.ID))
	open, err := w.db.OpenAlerts(t.Context(), "acme", "co_1")
	must(t, err)
	if len(open) != 0 {
		t.Errorf("%d alerts are open after the recovery", len(open))
	}
	wantTold(t, "a recovery before anybody was told", w.told(t))
}

func TestPeopleFilters(t *testing.T) {
	w := newWorld(t)
	w.slack(t, "/services/typed", "connection.needs_consent")
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	wantTold(t, "a type that nobody wants", w.told(t))
	w.slack(t, "/services/all")
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	wantTold(t, "the same, now that somebody wants it", w.told(t), "no longer holds the role")
}

// hostile values as they may stand in names and details.
var hostile = []string{
	"<!channel> <https://evil.example|Click>", "*bold* _it_ `code` [Click](https://evil.example)", "a\r\nBcc: x@evil.example\r\n\r\nbody",
	"line\u2028two\u2029three\x00\x1b[31m", "left\u202eright", "naïve Ωμέγα 客户 😀 & <b>", strings.Repeat("x", 5000), "=?utf-8?q?x?=\n.\r\n.",
}

// TestLO02_NoMarkupInChats: a customer's name is text in Slack and Teams, whatever it contains.
func TestLO02_NoMarkupInChats(t *testing.T) {
	for i, name := range hostile {
		w := newWorld(t)
		w.conn = w.connect(t, "co_h", "acme", strings.ReplaceAll(name, "\x00", ""))
		w.slack(t, "/slack")
		w.create(t, notify.EndpointRequest{Kind: broker.EndpointTeams, Address: netsuite.NewSecret(w.hooks.url + "/teams")})
		event := broker.NewEvent(broker.EventConnectionDegraded, w.clock.Now(), "acme", "co_h", "co_h")
		event.Cause, event.Detail = broker.CauseRoleLost, strings.ReplaceAll(name, "\x00", "")
		must(t, w.db.SaveEvents(t.Context(), event))
		w.work(t)
		got := w.hooks.took()
		if len(got) != 2 {
			t.Fatalf("name %d: %d messages came, want 2", i, len(got))
		}
		for _, m := range got {
			if len(m.body) > 5000 {
				t.Errorf("name %d made a message of %d bytes", i, len(m.body))
			}
			if m.path == "/slack" {
				checkSlack(t, m.body)
			} else {
				checkTeams(t, m.body)
			}
		}
	}
}

func checkSlack(t *testing.T, body []byte) {
	t.Helper()
	var sent map[string]any
	must(t, json.Unmarshal(body, &sent))
	text, _ := sent["text"].(string)
	if sent["mrkdwn"] != false || len(sent) != 2 || strings.ContainsAny(text, "<>\r\x00\x1b\u2028\u2029\u202e") {
		t.Errorf("Slack gets %s", body)
	}
	plain := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(text)
	if strings.Contains(plain, "&") {
		t.Errorf("Slack gets a bare &: %s", body)
	}
	if lines := strings.Count(text, "\n"); lines != 5 {
		t.Errorf("the message has %d line breaks, want 5: %q", lines, text)
	}
}

// checkTeams proves that all text stands in text runs, which have no markup.
func checkTeams(t *testing.T, body []byte) {
	t.Helper()
	var sent struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type, Version string
				Body          []struct {
					Type    string
					Inlines []struct{ Type, Text string }
				}
			}
		}
	}
	must(t, json.Unmarshal(body, &sent))
	if sent.Type != "message" || len(sent.Attachments) != 1 || sent.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		t.Fatalf("Teams gets %s", body)
	}
	card := sent.Attachments[0].Content
	if card.Type != "AdaptiveCard" || len(card.Body) != 6 {
		t.Errorf("the card is %+v", card)
	}
	for _, block := range card.Body {
		if block.Type != "RichTextBlock" || len(block.Inlines) != 1 || block.Inlines[0].Type != "TextRun" ||
			block.Inlines[0].Text == "" || strings.ContainsAny(block.Inlines[0].Text, "\r\n\x1b\u2028\u2029\u202e") {
			t.Errorf("a block of the card is %+v", block)
		}
	}
}
