package netsuitetest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// This file is what faults do. FaultKinds lists them.

// FaultKind is what happens to a request, or to the world before it. FaultKinds says what each does and needs.
type FaultKind string

// The request is watched, held up or cut.
const (
	FaultObserve   FaultKind = "observe"
	FaultDelay     FaultKind = "delay"
	FaultBlock     FaultKind = "block"
	FaultCutBefore FaultKind = "cut-before"
	FaultCutAfter  FaultKind = "cut-after"
	FaultCutBody   FaultKind = "cut-body"
)

// The request gets another answer.
const (
	FaultStatus          FaultKind = "status"
	FaultTooManyRequests FaultKind = "too-many-requests"
	FaultServerError     FaultKind = "server-error"
	FaultUnauthorized    FaultKind = "unauthorized"
	FaultInvalidGrant    FaultKind = "invalid-grant"
	FaultContentType     FaultKind = "content-type"
	FaultPlainText       FaultKind = "plain-text"
	FaultMaintenance     FaultKind = "maintenance"
	FaultWrongDataCentre FaultKind = "wrong-data-centre"
	FaultAccountGone     FaultKind = "account-gone"
)

// The browser comes back twice.
const (
	FaultDuplicateCallback FaultKind = "duplicate-callback"
	FaultSecondCode        FaultKind = "second-code"
)

// The world changes, and the request goes on in it.
const (
	FaultClockSkew          FaultKind = "clock-skew"
	FaultKeyRollover        FaultKind = "key-rollover"
	FaultCertificateRevoked FaultKind = "certificate-revoked"
	FaultRoleRemoved        FaultKind = "role-removed"
	FaultEntityDisabled     FaultKind = "entity-disabled"
	FaultIntegrationBlocked FaultKind = "integration-blocked"
	FaultSandboxRefresh     FaultKind = "sandbox-refresh"
)

// FaultKindInfo describes a kind.
type FaultKindInfo struct {
	Kind        FaultKind `json:"kind"`
	Description string    `json:"description"`
	Needs       []string  `json:"needs"`   // fields that must be set, by JSON name
	Takes       []string  `json:"takes"`   // fields that may be set
	State       bool      `json:"state"`   // a change of state, which acts once unless times says otherwise
	GoOnly      bool      `json:"go_only"` // needs a Go function or channel
}

// moment is when a fault strikes.
type moment int

const (
	atRequest  moment = iota // as the request begins
	atRedirect               // as the browser is sent back with a code
)

// faultKindRow is a kind with what it does. Kinds of other moments, and observers, do nothing here.
type faultKindRow struct {
	FaultKindInfo
	at           moment
	endpoint     string // the only endpoint that it is for
	needsAccount bool   // only requests to an account can meet it

	before func(a *activeFault, c *call) bool  // false when the effect must not happen
	after  func(a *activeFault, c *call)       // between the effect and the answer
	act    func(a *activeFault, c *call) error // the change of state
}

// beside tells whether the fault leaves the request alone.
func (k faultKindRow) beside() bool { return k.act != nil || k.Kind == FaultObserve }

func answerKind(kind FaultKind, description string, takes []string, before func(*activeFault, *call) bool) faultKindRow {
	return faultKindRow{FaultKindInfo: FaultKindInfo{Kind: kind, Description: description, Takes: takes}, before: before}
}

func stateKind(kind FaultKind, description string, needs, takes []string, act func(*activeFault, *call) error) faultKindRow {
	return faultKindRow{
		FaultKindInfo: FaultKindInfo{Kind: kind, Description: description, Needs: needs, Takes: append(takes, "after"), State: true},
		needsAccount:  true, act: act,
	}
}

func (k faultKindRow) needing(fields ...string) faultKindRow {
	k.Needs = fields
	return k
}

func (k faultKindRow) goOnly() faultKindRow {
	k.GoOnly = true
	return k
}

func (k faultKindRow) ofAccounts() faultKindRow {
	k.needsAccount = true
	return k
}

func (k faultKindRow) on(endpoint string) faultKindRow {
	k.endpoint = endpoint
	return k
}

func (k faultKindRow) then(after func(*activeFault, *call)) faultKindRow {
	k.after = after
	return k
}

func (k faultKindRow) atRedirect() faultKindRow {
	k.at, k.endpoint = atRedirect, "authorize"
	return k
}

// faultKinds is the one table of kinds.
var faultKinds = []faultKindRow{
	answerKind(FaultObserve, "Nothing happens, but `OnMatch` is called.", nil, nil).goOnly(),
	answerKind(FaultDelay, "The request waits for `delay`.", []string{"after"}, (*activeFault).holdBefore).needing("delay").then((*activeFault).holdAfter),
	answerKind(FaultBlock, "The request waits until `Release` is closed or the client gives up.", []string{"after"}, (*activeFault).holdBefore).goOnly().then((*activeFault).holdAfter),
	answerKind(FaultCutBefore, "The connection is dropped and nothing is done.", nil, func(_ *activeFault, c *call) bool {
		c.broke("fault: connection cut before the effect")
		c.cut = true
		return false
	}),
	answerKind(FaultCutAfter, "Everything is done, then the connection is dropped in place of an answer.", nil, nil).then(func(_ *activeFault, c *call) { c.cut = true }),
	answerKind(FaultCutBody, "Everything is done, then the connection is dropped in the middle of the answer's body.", nil, nil).then(func(_ *activeFault, c *call) { c.half = true }),

	answerKind(FaultStatus, "The answer is `status` with `body`; nothing is done.", []string{"body", "content_type", "retry_after"}, (*activeFault).answerStatus).needing("status"),
	answerKind(FaultTooManyRequests, "The request is refused as over the concurrency limit, in the form of its service: 429 of REST, 400 `SSS_REQUEST_LIMIT_EXCEEDED` of a RESTlet (H/bridgehead_1525252812); nothing is done.",
		[]string{"retry_after"}, func(a *activeFault, c *call) bool {
			return a.refuse(c, trouble{429, "CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED", "too_many_requests", limitDetail})
		}),
	answerKind(FaultServerError, "NetSuite itself fails with `status` (500), in the form of its service: `UNEXPECTED_ERROR` (H/section_156570709583); nothing is done.",
		[]string{"status", "retry_after"}, func(a *activeFault, c *call) bool {
			return a.refuse(c, trouble{cmp.Or(a.Status, 500), "UNEXPECTED_ERROR", "UNEXPECTED_ERROR", "server_error", "An unexpected error occurred. Error ID: emulator"})
		}),
	answerKind(FaultUnauthorized, "The token is refused with 401 although it may be good, as was reported under load; nothing is done.", nil, func(_ *activeFault, c *call) bool {
		c.s.refuseLogin(c, loginRefused("fault: the token is refused although it may be good", ""))
		return false
	}).ofAccounts(),
	answerKind(FaultInvalidGrant, "The token endpoint answers 400 `invalid_grant`; nothing is done. `grant` chooses the grant type.", nil, func(_ *activeFault, c *call) bool {
		c.s.refuseToken(c, invalidGrant("fault: refused although the grant may be good", ""))
		return false
	}).on("token").ofAccounts(),
	answerKind(FaultContentType, "Everything is done, but the answer is called `content_type` (`text/html`).", []string{"content_type"}, nil).then(func(a *activeFault, c *call) {
		c.w.Header().Set("Content-Type", cmp.Or(a.ContentType, "text/html"))
	}),
	answerKind(FaultPlainText, "The answer is `status` (500) with `body` as plain text where JSON is expected; nothing is done.", []string{"status", "body", "retry_after"}, func(a *activeFault, c *call) bool {
		c.broke("fault: an error as plain text")
		a.setRetryAfter(c)
		c.text(cmp.Or(a.Status, http.StatusInternalServerError), cmp.Or(a.Body, "Internal Server Error"))
		return false
	}),
	answerKind(FaultMaintenance, "The answer is 503 with an HTML page; nothing is done. `from` and `until` make it a window.", []string{"retry_after"}, func(a *activeFault, c *call) bool {
		c.broke("fault: maintenance window")
		a.setRetryAfter(c)
		c.s.errorPage(c, http.StatusServiceUnavailable, "Scheduled maintenance", "NetSuite is unavailable. Please try again later.", "")
		return false
	}),
	answerKind(FaultWrongDataCentre, "The answer is 302 to `location`, by default the same path on a host of another data centre (H/section_4634920277), where nobody lives; the ledger shows who follows.",
		[]string{"location"}, (*activeFault).sendElsewhere).ofAccounts(),
	answerKind(FaultAccountGone, "The account is no longer known on any host, nor to `datacenterurls`: 404. `cut-before` is nearest to a host name that no longer resolves.", nil, (*activeFault).forgetAccount).ofAccounts(),

	answerKind(FaultDuplicateCallback, "The consent stays open after the redirect: sent again (a second click, the back button), it redirects again with the same code and state.", nil, nil).atRedirect(),
	answerKind(FaultSecondCode, "As `duplicate-callback`, but the second redirect brings another code with the same state.", nil, nil).atRedirect(),

	stateKind(FaultClockSkew, "NetSuite's clock goes `skew` ahead of the emulator's, behind it if negative.", []string{"skew"}, nil, func(a *activeFault, c *call) error {
		c.s.SkewDate(a.Skew)
		return nil
	}),
	stateKind(FaultKeyRollover, "The account signs with a new key; with `no_overlap` the old keys are gone from the key set at once.", nil, []string{"no_overlap"}, func(a *activeFault, c *call) error {
		a.subject(c).RollKeys(!a.NoOverlap)
		return nil
	}),
	stateKind(FaultCertificateRevoked, "An administrator revokes the account's active certificates: all, those of `client_id`, or the one of `certificate_id`.", nil, []string{"client_id", "certificate_id"}, (*activeFault).revokeCertificates),
	stateKind(FaultRoleRemoved, "An administrator takes `role` (script ID) from `employee` (e-mail).", []string{"employee", "role"}, nil, func(a *activeFault, c *call) error {
		return a.subject(c).UnassignRole(a.Employee, a.Role)
	}),
	stateKind(FaultEntityDisabled, "An administrator makes `employee` (e-mail) inactive.", []string{"employee"}, nil, func(a *activeFault, c *call) error {
		return a.subject(c).SetEmployeeInactive(a.Employee, true)
	}),
	stateKind(FaultIntegrationBlocked, "An administrator blocks the integration record of `client_id` in the account.", []string{"client_id"}, nil, func(a *activeFault, c *call) error {
		return a.subject(c).BlockIntegration(a.ClientID)
	}),
	stateKind(FaultSandboxRefresh, "The sandbox is refreshed: certificate mappings, grants and tokens are gone (H/section_162686838198).", nil, nil, func(a *activeFault, c *call) error {
		a.subject(c).Refresh()
		return nil
	}),
}

// FaultKinds are all kinds of faults with their descriptions.
func FaultKinds() []FaultKindInfo {
	out := make([]FaultKindInfo, 0, len(faultKinds))
	for _, k := range faultKinds {
		info := k.FaultKindInfo
		info.Needs, info.Takes = append([]string{}, info.Needs...), append([]string{}, info.Takes...)
		out = append(out, info)
	}
	return out
}

func faultKind(kind FaultKind) (faultKindRow, bool) {
	i := slices.IndexFunc(faultKinds, func(k faultKindRow) bool { return k.Kind == kind })
	if i < 0 {
		return faultKindRow{}, false
	}
	return faultKinds[i], true
}

func kindNames() []FaultKind {
	var out []FaultKind
	for _, k := range faultKinds {
		out = append(out, k.Kind)
	}
	return out
}

// remoteKindNames are the kinds that another process can ask for.
func remoteKindNames() []FaultKind {
	return slices.DeleteFunc(kindNames(), func(kind FaultKind) bool {
		k, _ := faultKind(kind)
		return k.GoOnly
	})
}

// check tells whether the fault has the fields that its kind needs, and none that it does not read.
func (k faultKindRow) check(f Fault) error {
	set := map[string]bool{
		"after": f.After, "delay": f.Delay != 0, "status": f.Status != 0, "body": f.Body != "", "content_type": f.ContentType != "",
		"retry_after": f.RetryAfter != "", "location": f.Location != "", "skew": f.Skew != 0, "no_overlap": f.NoOverlap,
		"client_id": f.ClientID != "", "certificate_id": f.CertificateID != "", "employee": f.Employee != "", "role": f.Role != "",
	}
	for _, name := range k.Needs {
		if !set[name] {
			return fmt.Errorf("%s: required by kind %s", name, k.Kind)
		}
		delete(set, name)
	}
	for _, name := range k.Takes {
		delete(set, name)
	}
	var idle []string
	for name, given := range set {
		if given {
			idle = append(idle, name)
		}
	}
	slices.Sort(idle)
	switch {
	case len(idle) > 0:
		return fmt.Errorf("%s: kind %s does not read this; leave it out", strings.Join(idle, ", "), k.Kind)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d: want 200 to 599", f.Status)
	case k.endpoint != "" && f.Endpoint != "" && f.Endpoint != k.endpoint:
		return fmt.Errorf("endpoint %s: kind %s is for %s only", f.Endpoint, k.Kind, k.endpoint)
	}
	return nil
}

// before does what the faults do ahead of the effect; it returns false when the effect must not happen.
func (m *strike) before(c *call) bool {
	if m == nil {
		return true
	}
	m.act(c, false)
	return m.hit == nil || m.hit.kind.before == nil || m.hit.kind.before(m.hit, c)
}

// after does what the faults do between the effect and the answer.
func (m *strike) after(c *call) {
	if m == nil {
		return
	}
	if m.hit != nil && m.hit.kind.after != nil {
		m.hit.kind.after(m.hit, c)
	}
	m.act(c, true)
}

// act changes the state. What cannot be changed, such as a role that nobody holds, stands in the ledger and the log.
func (m *strike) act(c *call, after bool) {
	for _, a := range m.beside {
		if a.kind.act == nil || a.After != after {
			continue
		}
		if err := a.kind.act(a, c); err != nil {
			c.entry.Fault += " (failed: " + clip(err.Error()) + ")"
			c.s.log.Warn("fault changed nothing", "kind", string(a.Kind), "err", err)
		}
	}
}

// subject is the account whose state changes.
func (a *activeFault) subject(c *call) *Account { return c.s.accounts[c.aimedAt()] }

func (a *activeFault) holdBefore(c *call) bool {
	if a.After || a.wait(c.r) {
		return true
	}
	c.broke("fault: the client gave up before the effect")
	c.cut = true
	return false
}

func (a *activeFault) holdAfter(c *call) {
	if a.After {
		a.wait(c.r)
	}
}

// wait returns false when the client or the server went away first.
func (a *activeFault) wait(r *http.Request) bool {
	if a.Kind == FaultDelay {
		return hold(r, time.After(a.Delay), nil)
	}
	return hold(r, nil, a.Release)
}

// hold waits for one of the events; it returns false when the client or the server went away first.
func hold(r *http.Request, timer <-chan time.Time, release <-chan struct{}) bool {
	select {
	case <-timer:
		return true
	case <-release:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (a *activeFault) setRetryAfter(c *call) {
	if a.RetryAfter != "" {
		c.w.Header().Set("Retry-After", c.s.retryAfter(a.RetryAfter))
	}
}

func (a *activeFault) answerStatus(c *call) bool {
	a.setRetryAfter(c)
	if a.ContentType != "" {
		c.w.Header().Set("Content-Type", a.ContentType)
	}
	c.broke("fault: status " + http.StatusText(a.Status))
	c.w.WriteHeader(a.Status)
	c.write(a.Body)
	return false
}

// trouble is an error of NetSuite's own, in the codes of its services.
type trouble struct {
	status                      int
	rest, script, oauth, detail string
}

// refuse tells the trouble in the form of the service that was asked. OAuth's codes are guesses.
func (a *activeFault) refuse(c *call, t trouble) bool {
	a.setRetryAfter(c)
	rule := fmt.Sprintf("fault: %s", a.Kind)
	switch path := c.r.URL.Path; {
	case path == restletPath:
		if t.status == http.StatusTooManyRequests {
			t.status = http.StatusBadRequest
		}
		c.s.refuseRESTlet(c, refuse(t.status, t.script, rule, ""), t.detail)
	case path == authPrefix+"token" || path == authPrefix+"revoke":
		c.broke(rule)
		c.json(t.status, map[string]string{"error": t.oauth})
	case strings.HasPrefix(path, "/app/"):
		c.broke(rule)
		c.s.errorPage(c, t.status, "Notice", t.detail, t.script)
	default:
		c.broke(rule)
		company.WriteError(c.w, t.status, t.rest, t.detail)
	}
	return false
}

func (a *activeFault) sendElsewhere(c *call) bool {
	c.broke("fault: the account lives in another data centre (H/section_4634920277)")
	to := a.Location
	if to == "" {
		elsewhere := "http://another-data-centre.localhost" + c.addr.port
		if c.addr.form == formReal {
			elsewhere = "https://another-data-centre.netsuite.com"
		}
		to = elsewhere + c.r.URL.RequestURI()
	}
	c.w.Header().Set("Location", to)
	c.w.WriteHeader(http.StatusFound)
	return false
}

func (a *activeFault) forgetAccount(c *call) bool {
	c.broke("fault: no account " + c.aimedAt() + " lives here any more")
	if c.r.URL.Path == dataCenterPath {
		c.json(http.StatusNotFound, struct{}{})
		return false
	}
	c.text(http.StatusNotFound, "unknown account")
	return false
}

func (a *activeFault) revokeCertificates(c *call) error {
	on, revoked := a.subject(c), 0
	for _, m := range on.Certificates() {
		if m.Revoked || (a.ClientID != "" && m.ClientID != a.ClientID) || (a.CertificateID != "" && m.ID != a.CertificateID) {
			continue
		}
		if err := on.RevokeCertificate(m.ID); err != nil {
			return err
		}
		revoked++
	}
	if revoked == 0 {
		return errors.New("no active certificate fits")
	}
	return nil
}

// eventRoutes change an account's state at once, without waiting for a request.
func (s *Server) eventRoutes(on func(pattern string, h handler)) {
	const account = "POST /_emulator/accounts/{id}/"
	on(account+"roll-keys", knob(func(a *Account, in struct {
		NoOverlap bool `json:"no_overlap"`
	},
	) error {
		a.RollKeys(!in.NoOverlap)
		return nil
	}))
	on(account+"revoke-certificate", knob(func(a *Account, in struct {
		ID string `json:"certificate_id"`
	},
	) error {
		return a.RevokeCertificate(in.ID)
	}))
	on(account+"unassign-role", knob(func(a *Account, in struct{ Employee, Role string }) error {
		return a.UnassignRole(in.Employee, in.Role)
	}))
	on(account+"employee-inactive", knob(func(a *Account, in struct {
		Employee string
		Inactive bool
	},
	) error {
		return a.SetEmployeeInactive(in.Employee, in.Inactive)
	}))
	on(account+"rate-limit", knob(func(a *Account, in struct {
		Requests int
		Per      durationText
	},
	) error {
		return a.SetRateLimit(in.Requests, time.Duration(in.Per))
	}))
}
