package doctor

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Subject is one connection that is examined from outside: a server's, or one that somebody has on a machine of his own.
type Subject struct {
	Name     string
	Account  netsuite.AccountID
	Site     netsuite.Site
	ClientID string // of the integration record; empty when it is not known
	Scopes   []string

	// A machine's. The local certificate and the public key are nil when they are elsewhere.
	CertificateID string
	Certificate   *x509.Certificate
	PublicKey     crypto.PublicKey
	// Fresh gets a new token with the key, and nothing that was kept. Nil: this connection gives tokens, and no way to a new one.
	Fresh func(context.Context) (*netsuite.Token, error)
	// Kept is a token that was got earlier, if there is one. While NetSuite refuses a new one it may still tell why.
	Kept *netsuite.Token

	// Consent is the integration record that a person consents to; nil when none is known.
	Consent *netsuite.CodeGrant
	// Lifetime is until when a person's consent can be refreshed; zero for a machine.
	Lifetime netsuite.Lifetime

	// Expect is what an app's definition wants of the account; nil when there is none to compare with.
	Expect *broker.App
	// Served tells that a suitekey server looks after the connection, so that a repair link can be sent.
	Served bool

	HTTPClient func(netsuite.AccountID) *http.Client // nil: the site's own
	Now        func() time.Time                      // nil: time.Now
}

// Status is how a check went.
type Status string

const (
	StatusOK      Status = "ok"
	StatusWarn    Status = "warn"
	StatusFail    Status = "fail"
	StatusUnknown Status = "unknown" // it cannot be told from outside
)

// Check is one rung of the ladder.
type Check struct {
	Name   string `json:"check"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	// Causes are what probably led to a failure or warning, the likeliest first.
	Causes []Finding `json:"causes,omitempty"`
	// HTTP and Code are what NetSuite answered.
	HTTP int    `json:"http,omitempty"`
	Code string `json:"code,omitempty"`
}

// Finding is a cause with what it means for this connection.
type Finding struct {
	Cause broker.Cause `json:"cause"`
	Fault broker.Fault `json:"fault"`
	Title string       `json:"title"`
	Do    string       `json:"do"`
	Path  string       `json:"path,omitempty"`
}

// Examine goes up the ladder: account, key and certificate, token, clock, scopes, REST, queries, role, permissions, certificates, bundle,
// limits, leftovers. report is called with each check when it is done. What an earlier rung makes useless is left out.
func Examine(ctx context.Context, s Subject, report func(Check)) []Check {
	x := &examination{ctx: ctx, Subject: s, report: report}
	x.run()
	return x.checks
}

// examination is one that is under way.
type examination struct {
	Subject
	ctx    context.Context
	report func(Check)
	checks []Check

	token  *netsuite.Token // the one that works, or nil
	claims netsuite.Claims
	api    *netsuite.API
}

func (x *examination) run() {
	x.account()
	x.key()
	x.certificate()
	x.consentRecord()
	x.lifetime()
	if !x.newToken() {
		return
	}
	x.verify()
	if !x.rest() {
		return
	}
	if x.queries() {
		x.role()
		x.leftovers()
	}
	x.certificates()
	x.bundle()
	x.limits()
}

// done notes a check and tells of it.
func (x *examination) done(c Check) {
	x.checks = append(x.checks, c)
	if x.report != nil {
		x.report(c)
	}
}

func (x *examination) ok(name, detail string) {
	x.done(Check{Name: name, Status: StatusOK, Detail: detail})
}

func (x *examination) unknown(name, detail string) {
	x.done(Check{Name: name, Status: StatusUnknown, Detail: detail})
}

func (x *examination) warn(name, detail string, causes ...broker.Cause) {
	x.done(Check{Name: name, Status: StatusWarn, Detail: detail, Causes: x.findings(causes)})
}

func (x *examination) fail(name, detail string, causes ...broker.Cause) {
	x.done(Check{Name: name, Status: StatusFail, Detail: detail, Causes: x.findings(causes)})
}

// refused notes what NetSuite answered.
func (x *examination) refused(name string, err error, causes ...broker.Cause) {
	c := Check{Name: name, Status: StatusFail, Detail: err.Error(), Causes: x.findings(causes)}
	var said *netsuite.Error
	if errors.As(err, &said) {
		c.HTTP, c.Code, c.Detail = said.Status, said.Code, answerOf(said)
	}
	x.done(c)
}

func (x *examination) findings(causes []broker.Cause) []Finding {
	found := make([]Finding, 0, len(causes))
	for _, cause := range causes {
		c := conditionOf(cause, x.Served)
		found = append(found, Finding{cause, c.Fault, c.Title, c.Do, c.Path})
	}
	return found
}

func (x *examination) now() time.Time {
	if x.Now == nil {
		return time.Now()
	}
	return x.Now()
}
