package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// rule names the cause of a failure from NetSuite's answer alone.
type rule struct {
	op    broker.Op // empty: any
	holds func(*netsuite.Error) bool
	cause broker.Cause
}

func is(kinds ...error) func(*netsuite.Error) bool {
	return func(e *netsuite.Error) bool {
		for _, kind := range kinds {
			if errors.Is(e, kind) {
				return true
			}
		}
		return false
	}
}

func status(codes ...int) func(*netsuite.Error) bool {
	return func(e *netsuite.Error) bool {
		for _, code := range codes {
			if e.Status == code {
				return true
			}
		}
		return false
	}
}

// noSuchHost: NetSuite's names exist for accounts that exist.
func noSuchHost(e *netsuite.Error) bool {
	var dns *net.DNSError
	return errors.As(e, &dns) && dns.IsNotFound
}

// rules are read from above; the first that holds counts.
var rules = []rule{
	{"", is(netsuite.ErrClock), broker.CauseClock},
	{"", noSuchHost, broker.CauseAccountUnknown},
	{"", is(netsuite.ErrTooManyRequests), broker.CauseThrottled},
	{"", status(http.StatusServiceUnavailable), broker.CauseMaintenance},
	{"", netsuiteIsAway, broker.CauseUnreachable},

	{broker.OpToken, is(netsuite.ErrConsentNeeded), broker.CauseConsentEnded},
	{broker.OpToken, is(netsuite.ErrUnauthorizedClient), broker.CauseIntegrationBlocked},
	{broker.OpToken, is(netsuite.ErrInvalidScope), broker.CauseScopeLost},
	{broker.OpToken, is(netsuite.ErrInvalidGrant, netsuite.ErrInvalidClient), broker.CauseCredentialsRefused},
	// No account, no token endpoint: an unknown account ID leads to a page, not to an OAuth error.
	{broker.OpToken, status(http.StatusNotFound), broker.CauseAccountUnknown},

	{broker.OpRotate, is(netsuite.ErrPermission, netsuite.ErrUserRole), broker.CauseRotationRefused},
	{broker.OpRotate, is(netsuite.ErrCertificateLimit), broker.CauseCertificateLimit},

	{broker.OpQuery, is(netsuite.ErrPermission, netsuite.ErrUserRole), broker.CausePermissionLost},
	{broker.OpQuery, hiddenTable, broker.CausePermissionLost},
	{"", is(netsuite.ErrLogin), broker.CauseRoleLost},
}

func netsuiteIsAway(e *netsuite.Error) bool { return netsuite.IsTemporary(e) }

// hiddenTable: SuiteQL answers for a table that the role may not see as it does for one that does not exist.
func hiddenTable(e *netsuite.Error) bool { return e.Code == "INVALID_PARAMETER" }

// classify names the cause of a failure, and what was seen of it. It is empty for an error that is not NetSuite's: the database is
// away, the vault refuses, somebody stopped us.
func classify(op broker.Op, failure error) (broker.Cause, broker.Evidence) {
	var limit *broker.CertificateLimitError
	if errors.As(failure, &limit) {
		return broker.CauseCertificateLimit, broker.Evidence{Op: op, Detail: limit.Error()}
	}
	switch {
	case errors.Is(failure, broker.ErrConsentEnded):
		return broker.CauseConsentEnded, broker.Evidence{Op: op}
	case errors.Is(failure, broker.ErrResponseLost):
		return broker.CauseResponseLost, broker.Evidence{Op: op}
	}
	var said *netsuite.Error
	if !errors.As(failure, &said) {
		if errors.Is(failure, context.DeadlineExceeded) {
			return broker.CauseUnreachable, broker.Evidence{Op: op, Detail: "no answer in time"}
		}
		return "", broker.Evidence{}
	}
	evidence := broker.Evidence{Op: op, Status: said.Status, Error: said.Code, Wait: min(said.RetryAfter, longestWait)}
	if errors.Is(failure, errFeatureOff) {
		return broker.CauseFeatureOff, evidence
	}
	for _, r := range rules {
		if (r.op == "" || r.op == op) && r.holds(said) {
			return r.cause, evidence
		}
	}
	return broker.CauseUnknown, evidence
}

// longestWait bounds what NetSuite, or something between here and there, may ask of us.
const longestWait = time.Hour
