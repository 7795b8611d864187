package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Reason is the error name of a refusal (RFC 6749 section 5.2).
type Reason string

// The reasons. The last two are of RFC 6749 section 4.1.2.1; token endpoints use them in the same sense.
const (
	InvalidRequest     Reason = "invalid_request"
	InvalidClient      Reason = "invalid_client"
	InvalidGrant       Reason = "invalid_grant"
	InvalidScope       Reason = "invalid_scope"
	UnauthorizedClient Reason = "unauthorized_client"
	Unavailable        Reason = "temporarily_unavailable"
	ServerError        Reason = "server_error"
)

// Refusal says why no token was handed out. Its text is fit for the caller.
type Refusal struct {
	Reason Reason
	// RetryAfter is when asking again may help; zero when time alone does not.
	RetryAfter time.Duration
	// Err carries code, text and remedy.
	Err *broker.Error
}

// Error returns what is refused and why.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Err.Error() }

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// Code of the refusal.
func (r *Refusal) Code() broker.Code { return r.Err.Code }

// One answer for an unknown client, a withdrawn one and a wrong secret (R10).
var errClient = &Refusal{Reason: InvalidClient, Err: broker.Errorf(broker.CodeInvalid, "client ID or secret is not valid").
	WithDo("Check both; a secret is shown once, when the client is made.")}

// One answer for a selector that is missing, half, unknown or somebody else's (TE-01, TE-02).
var errSelector = &Refusal{Reason: InvalidRequest, Err: broker.Errorf(broker.CodeInvalid, "resource does not name a connection of this client").
	WithDo("Send resource=<netsuite_base_url> of one of its connections.")}

var errNoConnection = &Refusal{Reason: UnauthorizedClient, Err: broker.Errorf(broker.CodeSetupState, "this client has no connection").
	WithDo("Make a client for a connection.")}

var errNotReady = &Refusal{Reason: InvalidGrant, Err: broker.Errorf(broker.CodeSetupState, "the connection is not ready: its set-up is not finished, or it was disconnected")}

var errForeign = &Refusal{Reason: ServerError, Err: broker.Errorf(broker.CodeInternal, "the token is not for this connection; it was not handed out").
	WithDo("Look into the server's log.")}

var errShutdown = unavailable(broker.Errorf(broker.CodeInternal, "the server is shutting down"), broker.ComeAgain)

func unavailable(err *broker.Error, retry time.Duration) *Refusal {
	return &Refusal{Reason: Unavailable, RetryAfter: retry, Err: err}
}

// refusal gives every error its answer. What has no refusal yet is ours and is logged here, once, with its cause.
func (s *Service) refusal(ctx context.Context, client string, err error) *Refusal {
	var known *Refusal
	if errors.As(err, &known) {
		return known
	}
	s.log().ErrorContext(ctx, "no token can be handed out", "client", client, "err", err)
	switch code := broker.CodeOf(err); code {
	case broker.CodeTampered:
		return &Refusal{Reason: ServerError, Err: broker.Errorf(code, "a stored secret of the connection does not open; it was not used")}
	case broker.CodeDatabase:
		return unavailable(broker.Errorf(code, "the database does not answer, so no token can be handed out"), broker.ComeAgain)
	default:
		return unavailable(broker.Errorf(broker.CodeInternal, "the token could not be read or made"), broker.ComeAgain)
	}
}
