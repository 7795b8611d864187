package netsuite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/oauth2"
)

// UserCredentials signs in as a person who has consented, by the refresh token of that consent (H/section_158082518856). A
// literal is ready for use, by any number of goroutines; do not copy it after that. Client is the door that most callers want.
//
// A public client's refresh token can be used once, and each refresh brings the next. So it is never sent twice from here:
// when the answer to a refresh is lost, the next one is lost with it, and every further call says ErrConsentNeeded. For the
// same reason one process alone may hold a refresh token; replicas need a lease around it, which the suitekey server has.
type UserCredentials struct {
	Grant   CodeGrant // the integration record that the person consented to
	Account AccountID

	// Stored is what Exchange gave, or what Save stored last. Its RefreshToken is needed; an AccessToken that has not ended is
	// used.
	Stored Token

	// Save stores the token that takes the place of old, for good, before it is used. Until it succeeds nobody gets the token,
	// and the next call tries it again. Needed for a public client, whose old refresh token is spent by then; nil will do for
	// a confidential client, whose refresh token stays the same.
	Save func(ctx context.Context, old, new *Token) error

	// Spend, when set, is called before a public client's refresh token is sent. Store that it is spent: a process that finds
	// such a mark after a crash asks for consent instead of sending it again. An error keeps the token unsent.
	Spend func(ctx context.Context, old *Token) error

	Governor *Governor // nil: DefaultGovernor

	source  source
	unsaved *Token // only touched by the flight; obtained, but not saved yet
	ended   *Error // only touched by the flight; why no refresh helps any more
}

// ErrConsentNeeded: the refresh token has ended, was revoked or used elsewhere, or the next one was lost. Only the person can
// help, by a new consent.
var ErrConsentNeeded = errors.New("consent needed")

// Token returns the current access token, or gets the next when it has less than five minutes to live. One of several callers
// makes the request, and each waits only as long as its own ctx. ErrConsentNeeded says that the person must consent again.
func (u *UserCredentials) Token(ctx context.Context) (*Token, error) { return u.signIn().token(ctx) }

// TokenSource returns Token for anything built on golang.org/x/oauth2. Fetching stops for good when ctx ends.
func (u *UserCredentials) TokenSource(ctx context.Context) oauth2.TokenSource {
	return &oauth2Source{ctx, u.Token}
}

// Client returns a client that adds the bearer token and takes care of the account; see ClientCredentials.Client.
func (u *UserCredentials) Client(ctx context.Context) *http.Client { return u.signIn().client(ctx) }

// API returns the account's APIs, called as this person; see ClientCredentials.API.
func (u *UserCredentials) API() *API { return u.signIn().api() }

func (u *UserCredentials) signIn() *signIn {
	return &signIn{
		account: u.Account, site: u.Grant.Site, httpClient: u.Grant.HTTPClient, now: u.Grant.Now,
		governor: u.Governor, source: &u.source, stored: &u.Stored, fetch: u.refresh,
	}
}

// refresh gets the token after old. Only one runs at a time.
func (u *UserCredentials) refresh(ctx context.Context, old *Token) (*Token, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	if u.ended != nil {
		return nil, u.ended
	}
	if u.unsaved == nil {
		next, err := u.redeem(ctx, old)
		if err != nil {
			return nil, err
		}
		u.unsaved = next
	}
	if u.Save != nil {
		if err := u.Save(ctx, old, u.unsaved); err != nil {
			return nil, fmt.Errorf("token refresh: the new token could not be saved, and is not used before: %w", err)
		}
	}
	next := u.unsaved
	u.unsaved = nil
	return next, nil
}

func (u *UserCredentials) check() error {
	switch {
	case u.Stored.RefreshToken.IsZero():
		return errors.New("user credentials: Stored.RefreshToken is empty; give what Exchange returned or Save stored")
	case u.Grant.public() && u.Save == nil:
		return errors.New("user credentials: Save is nil; a public client's refresh token changes with every refresh and must be stored")
	}
	return nil
}

// redeem sends the refresh token, once.
func (u *UserCredentials) redeem(ctx context.Context, old *Token) (*Token, error) {
	if u.Grant.public() && u.Spend != nil {
		if err := u.Spend(ctx, old); err != nil {
			return nil, fmt.Errorf("token refresh: the refresh token could not be marked as spent, and was not sent: %w", err)
		}
	}
	next, err := u.Grant.Refresh(ctx, u.Account, old.RefreshToken)
	if u.over(err) {
		u.ended = consentNeeded(err)
		return nil, u.ended
	}
	return next, err
}

// over reports whether the refresh token is of no use any more: NetSuite says so, or it may have given the next one away.
func (u *UserCredentials) over(err error) bool {
	if errors.Is(err, ErrInvalidGrant) {
		return true
	}
	return u.Grant.public() && err != nil && MaySpendRefreshToken(err)
}

// Answers which say that the request was not carried out: refused for what it is, or not taken on at all.
var notCarriedOut = []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}

// MaySpendRefreshToken reports whether a Refresh of a public client that failed with err may have used up the refresh token all
// the same: the answer was lost or not understood, or NetSuite broke down over it. Whoever holds such a token must not send it
// again. It is false for a refusal: that tells its own story, such as ErrInvalidGrant.
func MaySpendRefreshToken(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false // refused here, before anything was sent
	}
	switch {
	case errors.Is(err, ErrResponseLost), errors.Is(err, ErrUnreadable), errors.Is(err, ErrTooLarge):
		return true
	case e.Status >= 500:
		return !slices.Contains(notCarriedOut, e.Status)
	}
	return false
}

func consentNeeded(cause error) *Error {
	e := &Error{Op: opRefresh, Hint: hints[ErrConsentNeeded], Err: fmt.Errorf("%w: %w", ErrConsentNeeded, cause)}
	var said *Error
	if errors.As(cause, &said) {
		e.Status, e.Code, e.Detail = said.Status, said.Code, said.Detail
	}
	if !errors.Is(cause, ErrInvalidGrant) {
		e.Hint = "the answer to the refresh was lost, and with it the next refresh token of this public client; ask the person for consent again"
	}
	return e
}
