// Package tokens hands out NetSuite access tokens to the clients of an app.
//
// Most callers want HandOut. It proves the client, finds the connection, takes a token from memory, from the sealed copy in
// the database or from NetSuite, writes the audit line, and only then gives the token away.
//
// It promises:
//
//   - a token is checked to name the connection's account, role and entity before it is kept or handed out (TE-03)
//   - one mint at a time per connection, over all processes that share the database, however many callers wait; one that took
//     longer than its lease changes nothing any more
//   - a new token is sealed and stored before anyone gets it, so a restart or another replica goes on with the same one
//   - no token leaves before its audit line is durable (LO-03)
//   - a withdrawn client or a changed connection is noticed within two seconds (TE-09)
//   - a connection that NetSuite refuses is asked for again only when its health says so, by all processes together (DO-02)
//
// It renews no certificate and knows no HTTP; package httpapi speaks RFC 6749 with the outside.
package tokens

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	// aheadLife is the life from which on a token in use is replaced ahead of need, in the background.
	aheadLife = 900 * time.Second
	// leastLife is how long a token must still live to be handed out (ux.md 4.1).
	leastLife = 300 * time.Second
	// lifeMargin is taken off the life that we tell, so that a client never uses a token in its last seconds.
	lifeMargin = 30 * time.Second
	// recentFor is how long clients and connections are believed without asking the database again.
	recentFor = broker.BelievedFor
	// restAfterFailure is how long a failed mint answers for the next callers.
	restAfterFailure = 30 * time.Second
)

type clientStore interface {
	Client(ctx context.Context, id string) (broker.Client, error)
	SaveClient(ctx context.Context, c *broker.Client) error
}

type connectionStore interface {
	App(ctx context.Context, name string) (broker.App, error)
	Connection(ctx context.Context, id string) (broker.Connection, error)
	ConnectionsOfUser(ctx context.Context, app, endUser string) ([]broker.Connection, error)
}

type tokenStore interface {
	AccessToken(ctx context.Context, connectionID string) (broker.AccessToken, error)
	SaveAccessToken(ctx context.Context, t *broker.AccessToken) error
	UserGrant(ctx context.Context, connectionID string) (broker.UserGrant, error)
	SaveUserGrant(ctx context.Context, g *broker.UserGrant, events ...broker.Event) error
	SaveRefreshed(ctx context.Context, g *broker.UserGrant, t *broker.AccessToken) error
}

type leaseStore interface {
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (broker.Lease, bool, error)
	ReleaseLease(ctx context.Context, l broker.Lease) error
}

type store interface {
	clientStore
	connectionStore
	tokenStore
	leaseStore
}

type vault interface {
	Seal(place broker.Place, plain []byte) (broker.Sealed, error)
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

// certificates asks NetSuite for a token with the key of a certificate.
type certificates interface {
	Obtain(ctx context.Context, account netsuite.AccountID, clientID string, scopes []string, certificateID string) (*netsuite.Token, error)
}

// health knows which connections do not work, for all processes.
type health interface {
	// Rests reports whether NetSuite is not to be asked for the connection now, and why.
	Rests(ctx context.Context, connectionID string) (broker.Health, bool, error)
	// Failed and Works tell how asking went. Failed returns an error that is not NetSuite's as it is.
	Failed(ctx context.Context, connectionID string, op broker.Op, failure error) (broker.Health, error)
	Works(ctx context.Context, connectionID string, op broker.Op) error
}

// consents refreshes user connections. Each call makes at most one request.
type consents interface {
	Refresh(ctx context.Context, app string, account netsuite.AccountID, refreshToken netsuite.Secret) (*netsuite.Token, error)
	Revoke(ctx context.Context, app string, account netsuite.AccountID, refreshToken netsuite.Secret) error
	Lifetime(ctx context.Context, app string, refreshToken netsuite.Secret) (netsuite.Lifetime, error)
}

type auditor interface {
	// Record returns nil only when the line is durable.
	Record(ctx context.Context, line broker.AuditLine) error
}

// Service hands out tokens. A struct literal works; use it by pointer, from any number of goroutines, and Close it in the end.
type Service struct {
	Store        store
	Vault        vault
	Certificates certificates
	Consents     consents
	Health       health
	Audit        auditor
	Site         netsuite.Site
	Now          func() time.Time // nil: time.Now
	Logger       *slog.Logger     // nil: silence
	// LeaseTTL is how long a connection's mint stays with a process that has died; 45 s when zero. It bounds a mint, too.
	LeaseTTL time.Duration
	// Current is an error while this process must not ask NetSuite for anything, because others may have given it up; what is in
	// memory is still handed out. Nil: it always may.
	Current func() error
	// Holder names this process in leases; a random name when empty. Two processes must not share one.
	Holder string

	clients     recent[*knownClient] // by client ID; unknown IDs are remembered as such
	connections recent[*binding]     // by connection ID
	resources   recent[string]       // base URL by connection ID: an account never changes
	held        recent[*heldToken]   // by connection ID
	persons     recent[[]string]     // connection IDs by app and end user
	failures    recent[failure]      // by connection ID
	wrongs      recent[struct{}]     // clients whose wrong secret was audited in the last minute

	comparisons atomic.Int64 // of client secrets
	strangers   strangers

	mu      sync.Mutex
	flights map[bound]*flight  // guarded by mu
	base    context.Context    // guarded by mu; parent of all flights, nil before the first
	stop    context.CancelFunc // guarded by mu; ends base
	closed  bool               // guarded by mu
	running sync.WaitGroup     // flights; Add only under mu while not closed
}

// Request asks for a token.
type Request struct {
	ClientID string
	Secret   netsuite.Secret
	// EndUser is the app's own name for the person whose connection is wanted; empty for a machine connection.
	EndUser string
	// Resource is the base URL of the connection; it may be empty for a client that has one connection only.
	Resource string
	// Scope is what the caller needs, separated by spaces; empty for whatever the connection has.
	Scope string
	// From is the caller's address, for the audit log.
	From string
}

// HandOut is a token for one connection.
type HandOut struct {
	AccessToken netsuite.Secret
	// ExpiresIn is the true rest of the token's life less 30 s; at least 270 s.
	ExpiresIn time.Duration
	// Scope is what the token carries, separated by spaces.
	Scope   string
	Account netsuite.AccountID
	// BaseURL is where the token is used: https://1234567.suitetalk.api.netsuite.com
	BaseURL      string
	ConnectionID string
}

// HandOut proves the client and gives it a token of one of its connections. Errors are a *Refusal, or the context's own when
// the caller went away. A refusal never tells whether a connection of somebody else exists (TE-01).
func (s *Service) HandOut(ctx context.Context, r Request) (HandOut, error) {
	now := s.now()
	client, err := s.authenticate(ctx, r, now)
	if err != nil {
		return HandOut{}, err
	}
	b, err := s.choose(ctx, client, r, now)
	if err != nil {
		return HandOut{}, s.refuse(ctx, client, b, r, err)
	}
	if err := b.carries(r.Scope); err != nil {
		return HandOut{}, s.refuse(ctx, client, b, r, err)
	}
	token, err := s.token(ctx, b, now)
	if err != nil {
		return HandOut{}, s.refuse(ctx, client, b, r, err)
	}
	if err := s.Audit.Record(ctx, s.line(now, broker.AuditTokenHandedOut, client, b, r, "ok")); err != nil {
		return HandOut{}, s.unaudited(ctx, client, err)
	}
	return b.handOut(token, s.now()), nil
}

func (b *binding) handOut(t *heldToken, now time.Time) HandOut {
	return HandOut{
		AccessToken: t.secret, ExpiresIn: t.expires.Sub(now) - lifeMargin, Scope: t.scope, Account: b.account, BaseURL: b.baseURL, ConnectionID: b.connection,
	}
}

// Forget drops what is remembered of a connection. Call it when the certificate was switched or the connection ended; other
// processes notice by themselves.
func (s *Service) Forget(connectionID string) {
	s.connections.drop(connectionID)
	s.held.drop(connectionID)
	s.failures.drop(connectionID)
}

// Close stops mints that are under way and waits for them. HandOut then gives what is in memory and nothing new.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	if s.stop != nil {
		s.stop()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *Service) line(at time.Time, event string, c *knownClient, b *binding, r Request, result string) broker.AuditLine {
	line := broker.AuditLine{At: at, Event: event, Actor: c.ID, From: r.From, App: c.App, Result: result}
	if b != nil {
		line.Object = b.connection
	}
	return line
}

// refuse audits a refusal of a proven client and returns it. A refusal stands even when its line cannot be stored.
func (s *Service) refuse(ctx context.Context, c *knownClient, b *binding, r Request, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // nobody is there to hear the answer
	}
	refusal := s.refusal(ctx, c.ID, err)
	line := s.line(s.now(), broker.AuditTokenRefused, c, b, r, string(refusal.Code()))
	line.Detail = string(refusal.Reason)
	if err := s.Audit.Record(ctx, line); err != nil {
		s.log().ErrorContext(ctx, "the refusal of a token was not audited", "client", c.ID, "err", err)
	}
	return refusal
}

func (s *Service) unaudited(ctx context.Context, c *knownClient, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.log().ErrorContext(ctx, "no token is handed out: the audit log cannot be written", "client", c.ID, "err", err)
	return unavailable(broker.Errorf(broker.CodeAudit, "audit_unavailable: the audit line could not be stored, so no token was handed out").WithCause(err), broker.ComeAgain)
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Service) log() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

func (s *Service) leaseTTL() time.Duration {
	if s.LeaseTTL == 0 {
		return 45 * time.Second
	}
	return s.LeaseTTL
}
