package tokens

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// heldToken is a checked token.
type heldToken struct {
	bound
	secret  netsuite.Secret
	expires time.Time
	scope   string // what the token itself says it carries
}

// failure is a mint that did not work, remembered so that a storm of callers is not passed on (DO-02).
type failure struct {
	bound
	refusal *Refusal
	until   time.Time
}

// flight is one search for a token that any number of callers wait for. token and err are set before done is closed.
type flight struct {
	done  chan struct{}
	token *heldToken
	err   error
}

// token returns the connection's token: from memory, or by one flight that all callers share. A token in use is replaced ahead of
// need, while it is still handed out; one that nobody asks for is not.
func (s *Service) token(ctx context.Context, b *binding, now time.Time) (*heldToken, error) {
	if t, ok := s.held.get(b.connection, now); ok && t.bound == b.bound {
		if t.expires.Sub(now) < aheadLife {
			_, _ = s.join(b, now, aheadLife) // nobody waits for it, and health tells what it met
		}
		return t, nil
	}
	f, err := s.join(b, now, leastLife)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join returns the flight that is under way, or starts one for a token with at least this life. A flight goes on when its callers
// have left: what it gets is good for the next ones.
func (s *Service) join(b *binding, now time.Time, life time.Duration) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[b.bound]; f != nil {
		return f, nil
	}
	if past, ok := s.failures.get(b.connection, now); ok && past.bound == b.bound {
		again := *past.refusal
		again.RetryAfter = past.until.Sub(now)
		return nil, &again
	}
	if s.closed {
		return nil, errShutdown
	}
	if s.base == nil {
		s.base, s.stop = context.WithCancel(context.Background())
		s.flights = map[bound]*flight{}
	}
	f := &flight{done: make(chan struct{})}
	s.flights[b.bound] = f
	base := s.base
	s.running.Go(func() { s.fly(base, b.bound, life, f) })
	return f, nil
}

func (s *Service) fly(base context.Context, key bound, life time.Duration, f *flight) {
	// Another process may have its turn, or die in it, before it is ours.
	ctx, cancel := context.WithTimeout(base, askWithin+s.leaseTTL())
	defer cancel()
	f.token, f.err = s.obtain(ctx, key.connection, life)
	if f.token != nil {
		s.held.put(key.connection, f.token, s.now(), f.token.expires.Add(-leastLife))
	}
	s.mu.Lock()
	delete(s.flights, key)
	s.mu.Unlock()
	close(f.done)
}

// obtain finds a token outside this process's memory.
func (s *Service) obtain(ctx context.Context, connection string, life time.Duration) (*heldToken, error) {
	b, _, t, err := s.look(ctx, connection, life)
	if t != nil || err != nil {
		return t, err
	}
	return s.mintInTurn(ctx, b, life)
}

// look reads the connection and its sealed copy, which counts if it has at least this life left. It does not trust what the callers saw, which may be two seconds old.
func (s *Service) look(ctx context.Context, connection string, life time.Duration) (*binding, broker.AccessToken, *heldToken, error) {
	b, err := s.readConnection(ctx, connection)
	if err != nil {
		return nil, broker.AccessToken{}, nil, err
	}
	if b.state != broker.ConnectionConnected {
		return nil, broker.AccessToken{}, nil, errNotReady
	}
	row, t, err := s.stored(ctx, b, life)
	return b, row, t, err
}

// leasePoll is how often a waiting process looks whether the other one has finished.
const leasePoll = 100 * time.Millisecond

// mintInTurn mints under the connection's lease. While another process holds it, its sealed copy is what we wait for.
func (s *Service) mintInTurn(ctx context.Context, b *binding, life time.Duration) (*heldToken, error) {
	ticker := time.NewTicker(leasePoll)
	defer ticker.Stop()
	for {
		// Each flight has a name of its own: a lease is extended for its holder, and a process may have two flights, one of them
		// for what the connection was before a change.
		lease, ours, err := s.Store.AcquireLease(ctx, broker.MintLease(b.connection), s.holder()+"/"+broker.NewID("mint"), s.leaseTTL())
		if err != nil {
			return nil, fmt.Errorf("lease for the mint of connection %s: %w", b.connection, err)
		}
		if ours {
			t, err := s.mintAlone(ctx, lease, b.connection, life)
			if !broker.IsConflict(err) {
				return t, err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, unavailable(broker.Errorf(broker.CodeUnreachable, "another process is still waiting for NetSuite"), restAfterFailure)
		}
		if _, t, err := s.stored(ctx, b, life); t != nil || err != nil {
			return t, err
		}
	}
}

// askWithin bounds one asking of NetSuite, however slow it answers.
const askWithin = 2 * time.Minute

// mintAlone looks once more, since the holder before us may have succeeded, and mints. The lease is extended while NetSuite has not
// answered; when the process was paused and somebody else has taken it, the token is not kept and the error is broker.ErrLeaseLost.
func (s *Service) mintAlone(ctx context.Context, lease broker.Lease, connection string, life time.Duration) (*heldToken, error) {
	ctx, done := s.holding(ctx, lease)
	defer done()
	for {
		b, row, t, err := s.look(ctx, connection, life)
		if t != nil || err != nil {
			return t, err
		}
		if err := errors.Join(s.current(), s.awake(ctx, b)); err != nil {
			return nil, err
		}
		t, again, err := s.mintNow(ctx, b, row)
		if !again {
			return t, err
		}
	}
}

// mintNow asks NetSuite, keeps what it gives, and tells health how it went. again is set when the connection became another one
// meanwhile, so that the refusal says nothing.
func (s *Service) mintNow(ctx context.Context, b *binding, row broker.AccessToken) (t *heldToken, again bool, err error) {
	ask := s.mint
	if b.kind == broker.KindUser {
		ask = s.refresh
	}
	t, err = ask(ctx, b, row)
	switch {
	case err == nil:
		return t, false, s.Health.Works(context.WithoutCancel(ctx), b.connection, broker.OpToken)
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, false, errShutdown // whatever the cut request looked like, NetSuite has not refused
	case broker.IsConflict(err):
		return nil, false, err // another process was faster; nothing is wrong with the connection
	case s.changed(ctx, b):
		return nil, true, nil
	}
	return nil, false, s.remember(ctx, b, err)
}

// changed tells that a connection is not what it was when its mint began. A process that was away meanwhile may have signed with
// a certificate that was replaced and revoked: that refusal says nothing about the connection (RO-02).
func (s *Service) changed(ctx context.Context, b *binding) bool {
	now, err := s.readConnection(ctx, b.connection)
	return err == nil && now.bound != b.bound
}

// current is an error while this process must not act outward.
func (s *Service) current() error {
	if s.Current == nil {
		return nil
	}
	err := s.Current()
	var coded *broker.Error
	if errors.As(err, &coded) {
		return unavailable(coded, broker.ComeAgain)
	}
	return err
}

// awake refuses for a connection that NetSuite has refused, or failed, a short while ago.
func (s *Service) awake(ctx context.Context, b *binding) error {
	h, rests, err := s.Health.Rests(ctx, b.connection)
	if err != nil || !rests {
		return err
	}
	return s.put(b, refusalFor(h, h.AskAgain().Sub(s.now())))
}

// holding binds what is written to the lease, and extends the lease until done is called, which gives it back. A process that lives
// keeps its turn, however slow NetSuite is; one that died loses it soon.
func (s *Service) holding(ctx context.Context, lease broker.Lease) (_ context.Context, done func()) {
	bound, cancel := context.WithTimeout(broker.UnderLease(ctx, lease), askWithin)
	var beat sync.WaitGroup
	beat.Go(func() {
		ticker := time.NewTicker(s.leaseTTL() / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// A failure is noticed by the write that follows.
				_, _, _ = s.Store.AcquireLease(bound, lease.Name, lease.Holder, s.leaseTTL())
			case <-bound.Done():
				return
			}
		}
	})
	return bound, func() {
		cancel()
		beat.Wait()
		s.release(ctx, lease)
	}
}

// releaseWithin bounds the giving back of a lease, which also happens while the server shuts down.
const releaseWithin = 5 * time.Second

func (s *Service) release(ctx context.Context, lease broker.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	if err := s.Store.ReleaseLease(ctx, lease); err != nil && !errors.Is(err, broker.ErrConflict) {
		s.log().WarnContext(ctx, "a lease was not given back; it ends by itself", "lease", lease.Name, "err", err)
	}
}

// mint asks NetSuite for a token, checks whom it is for, and keeps it.
func (s *Service) mint(ctx context.Context, b *binding, row broker.AccessToken) (*heldToken, error) {
	token, err := s.Certificates.Obtain(ctx, b.account, b.client, strings.Fields(b.scope), b.certificate)
	if err != nil {
		return nil, err
	}
	t, err := s.checked(ctx, b, token.AccessToken, token.Expiry)
	if err != nil {
		return nil, err
	}
	return s.keep(ctx, b, row, t)
}

// checked makes sure that a token, minted or unsealed, is for this connection and no other (TE-03).
func (s *Service) checked(ctx context.Context, b *binding, secret netsuite.Secret, expires time.Time) (*heldToken, error) {
	claims, err := netsuite.ReadClaims(secret)
	if err != nil {
		s.log().ErrorContext(ctx, "an access token cannot be read; it is not handed out", "connection", b.connection, "err", err)
		return nil, errForeign
	}
	if claims.Account != b.account || claims.Role != b.role || claims.Entity != b.entity {
		s.log().ErrorContext(ctx, "an access token is for another account, role or entity; it is not handed out", "connection", b.connection,
			"account", b.account, "role", b.role, "entity", b.entity,
			"token_account", claims.Account, "token_role", claims.Role, "token_entity", claims.Entity)
		return nil, errForeign
	}
	scope := strings.Join(claims.Scopes, " ")
	if scope == "" {
		scope = b.scope
	}
	return &heldToken{bound: b.bound, secret: secret, expires: expires, scope: scope}, nil
}

// keep stores the token sealed, before anyone gets it. When another process has stored one meanwhile, that one counts.
func (s *Service) keep(ctx context.Context, b *binding, row broker.AccessToken, t *heldToken) (*heldToken, error) {
	if t.expires.Sub(s.now()) < leastLife {
		return nil, s.remember(ctx, b, unavailable(broker.Errorf(broker.CodeUnreachable, "NetSuite gave a token that ends too soon to be handed out"), restAfterFailure))
	}
	sealed, err := s.Vault.Seal(b.place(), []byte(t.secret.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("token of connection %s: %w", b.connection, err)
	}
	row.ConnectionID, row.CertificateID, row.Token = b.connection, b.certificate, sealed
	row.MintedAt, row.ExpiresAt = s.now(), t.expires
	// A save whose outcome is unknown is safe to repeat: it is a conflict once the first has happened, and what is there is read.
	err = s.insist(ctx, b, func(ctx context.Context) error { return s.Store.SaveAccessToken(ctx, &row) })
	if errors.Is(err, broker.ErrConflict) && !errors.Is(err, broker.ErrLeaseLost) {
		_, other, err := s.stored(ctx, b, leastLife)
		if other == nil && err == nil {
			err = fmt.Errorf("token of connection %s: %w", b.connection, broker.ErrConflict)
		}
		return other, err
	}
	if err != nil {
		return nil, fmt.Errorf("token of connection %s: %w", b.connection, err)
	}
	return t, nil
}

// stored returns the row of the sealed copy, and the token when it has at least this life left. A copy that does not open, or names another
// connection, is an error: somebody changed the database (R6).
func (s *Service) stored(ctx context.Context, b *binding, life time.Duration) (broker.AccessToken, *heldToken, error) {
	row, err := s.Store.AccessToken(ctx, b.connection)
	if errors.Is(err, broker.ErrNotFound) {
		return broker.AccessToken{}, nil, nil
	}
	if err != nil {
		return row, nil, fmt.Errorf("sealed token of connection %s: %w", b.connection, err)
	}
	if row.CertificateID != b.certificate || row.ExpiresAt.Sub(s.now()) < life {
		return row, nil, nil
	}
	plain, err := s.Vault.Open(b.place(), row.Token)
	if err != nil {
		return row, nil, fmt.Errorf("sealed token of connection %s: %w", b.connection, err)
	}
	t, err := s.checked(ctx, b, netsuite.NewSecret(string(plain)), row.ExpiresAt)
	if err != nil || !covers(t.scope, b.scope) {
		return row, nil, err
	}
	return row, t, nil
}

// covers is false for a token that was minted before the app got another scope.
func covers(has, wanted string) bool {
	scopes := strings.Fields(has)
	return !slices.ContainsFunc(strings.Fields(wanted), func(scope string) bool { return !slices.Contains(scopes, scope) })
}

func (b *binding) place() broker.Place {
	return broker.AccessTokenPlace(b.app, b.connection)
}

// remember tells health of a failed mint, and makes of what it says the answer for the next half minute.
func (s *Service) remember(ctx context.Context, b *binding, err error) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return s.put(b, refusal)
	}
	// The mint's own time may be over; what was learned from it is kept.
	h, err := s.Health.Failed(context.WithoutCancel(ctx), b.connection, broker.OpToken, err)
	if err != nil {
		return err // ours, not NetSuite's
	}
	s.log().WarnContext(ctx, "a token could not be obtained", "connection", b.connection, "account", b.account, "cause", h.Cause, "status", h.Evidence.Status, "error", h.Evidence.Error)
	return s.put(b, refusalFor(h, h.AskAgain().Sub(s.now())))
}

// put keeps a refusal for callers that come within the next half minute.
func (s *Service) put(b *binding, refusal *Refusal) error {
	now := s.now()
	until := now.Add(max(restAfterFailure, refusal.RetryAfter))
	s.failures.put(b.connection, failure{b.bound, refusal, until}, now, until)
	return refusal
}

// refusalFor is what callers are told of a connection that does not work. NetSuite's own text is not passed on (LO-01).
func refusalFor(h broker.Health, wait time.Duration) *Refusal {
	c := broker.Conditions[h.Cause]
	if c.Passes {
		return unavailable(broker.Errorf(broker.CodeUnreachable, "NetSuite gives no token at the moment: %s", lower(c.Title)), max(wait, restAfterFailure))
	}
	said := h.Evidence.Error
	if said == "" {
		said = fmt.Sprintf("status %d", h.Evidence.Status)
	}
	return &Refusal{Reason: InvalidGrant, Err: broker.Errorf(broker.CodeBroken, "%s (NetSuite answered %s)", lower(c.Title), said).WithDo(c.Do)}
}

// lower begins a sentence as errors do, unless it begins with a name.
func lower(s string) string {
	if strings.HasPrefix(s, "NetSuite") {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// holder names this process in leases.
func (s *Service) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Holder == "" {
		s.Holder = broker.NewID("holder")
	}
	return s.Holder
}
