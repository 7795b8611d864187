package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// This file is what differs for user connections: they are chosen by the person's name, and their tokens come from a refresh token,
// which a public client may use once.

// One answer for a client without the right to user connections, a person who is unknown, and one without a connection (TE-01).
var errPerson = &Refusal{Reason: InvalidGrant, Err: broker.Errorf(broker.CodeSetupState, "end_user names nobody with a connection of this client's app").
	WithDo("Send the person a link: suitekey link create --user ID.")}

// A person with connections to several accounts: none of them is the default (TE-02).
var errUserSelector = &Refusal{Reason: InvalidRequest, Err: broker.Errorf(broker.CodeInvalid, "resource does not name one of this person's connections").
	WithDo("Send resource=<netsuite_base_url> of the account that is meant.")}

var errEndUser = &Refusal{Reason: InvalidRequest, Err: broker.Errorf(broker.CodeInvalid, "end_user must be 1 to 128 printable ASCII characters without spaces")}

// chooseUser finds the one user connection that the request is about.
func (s *Service) chooseUser(ctx context.Context, c *knownClient, r Request, now time.Time) (*binding, error) {
	switch {
	case !broker.ValidEndUser(r.EndUser):
		return nil, errEndUser
	case !c.Users:
		return nil, errPerson
	}
	ids, err := s.connectionsOf(ctx, c.App, r.EndUser, now)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, errPerson
	}
	if len(ids) == 1 && r.Resource == "" {
		return s.personal(ctx, c, ids[0], now)
	}
	for _, id := range ids {
		b, err := s.personal(ctx, c, id, now)
		refused := new(Refusal)
		switch {
		case b != nil && b.baseURL == r.Resource:
			return b, err
		case err != nil && !errors.As(err, &refused): // what is refused for one account says nothing about the others
			return nil, err
		}
	}
	return nil, errUserSelector
}

// connectionsOf are the IDs of a person's connections as they were at most two seconds ago.
func (s *Service) connectionsOf(ctx context.Context, app, endUser string, now time.Time) ([]string, error) {
	key := app + " " + endUser // neither holds a space
	if ids, ok := s.persons.get(key, now); ok {
		return ids, nil
	}
	found, err := s.Store.ConnectionsOfUser(ctx, app, endUser)
	if err != nil {
		return nil, fmt.Errorf("user connections of app %q: %w", app, err)
	}
	var ids []string
	for _, conn := range found {
		ids = append(ids, conn.ID)
	}
	if len(ids) > 0 { // a person who has just connected is not told otherwise; only a proven client of the app can ask so
		s.persons.put(key, ids, now, now.Add(recentFor))
	}
	return ids, nil
}

func (s *Service) personal(ctx context.Context, c *knownClient, id string, now time.Time) (*binding, error) {
	b, err := s.connection(ctx, id, now)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return nil, errPerson
	case err != nil:
		return nil, err
	case b.app != c.App || b.kind != broker.KindUser:
		return nil, errPerson
	case b.state != broker.ConnectionConnected:
		return b, errNotReady
	}
	return b, nil
}

// settleAfter is how long a refresh token that was sent may wait for its answer before the answer counts as lost. No request of ours
// takes that long.
const settleAfter = 3 * time.Minute

// refresh gets the next access token of a user connection. A public client's refresh token is marked before it leaves, and the next
// one is stored in the transaction that takes the mark away (RO-09); so it is never sent twice, whoever dies in between (RO-10).
func (s *Service) refresh(ctx context.Context, b *binding, row broker.AccessToken) (*heldToken, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The mark keeps others away, and what NetSuite gives is kept whoever holds the lease now. Nor does a stop of this process cut
	// what has begun: a cut answer is a lost consent.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(broker.WithoutLease(ctx)), askWithin)
	defer cancel()
	g, err := s.Store.UserGrant(ctx, b.connection)
	if err != nil {
		return nil, fmt.Errorf("consent of connection %s: %w", b.connection, err)
	}
	if err := s.sendable(ctx, b, &g); err != nil {
		return nil, err
	}
	plain, err := s.Vault.Open(broker.RefreshTokenPlace(b.app, b.connection), g.RefreshToken)
	if err != nil {
		return nil, fmt.Errorf("refresh token of connection %s: %w", b.connection, err)
	}
	if g.Public {
		g.SentAt = s.now().UTC().Truncate(time.Millisecond) // as it is stored
		if err := s.Store.SaveUserGrant(ctx, &g); err != nil {
			return nil, fmt.Errorf("consent of connection %s: %w", b.connection, err)
		}
	}
	token, err := s.Consents.Refresh(ctx, b.app, b.account, netsuite.NewSecret(string(plain)))
	ctx = context.WithoutCancel(ctx) // the time of the request may be over
	if err != nil {
		return nil, s.unrefreshed(ctx, b, g, err)
	}
	t, err := s.keepRefreshed(ctx, b, g, row, token)
	if overtaken := s.overtaken(ctx, b, g, token.RefreshToken); overtaken != nil {
		return nil, overtaken
	}
	return t, err
}

// sendable tells why a refresh token must not be sent.
func (s *Service) sendable(ctx context.Context, b *binding, g *broker.UserGrant) error {
	now := s.now()
	switch {
	case g.Consent() != b.certificate:
		return renewedMeanwhile(b)
	case !g.EndedAt.IsZero():
		return s.ended(ctx, b)
	case !g.SentAt.IsZero() && now.Sub(g.SentAt) < settleAfter:
		return unavailable(broker.Errorf(broker.CodeUnreachable, "another process is still waiting for NetSuite"), restAfterFailure)
	case !g.SentAt.IsZero():
		return s.end(ctx, b, *g, broker.ErrResponseLost)
	case !now.Before(g.RefreshBy):
		return s.end(ctx, b, *g, broker.ErrConsentEnded)
	}
	return nil
}

func renewedMeanwhile(b *binding) error {
	return broker.Errorf(broker.CodeConflict, "the consent of connection %s was renewed meanwhile", b.connection).WithDo("Ask again.")
}

// ended is why the consent ended, as health knows it.
func (s *Service) ended(ctx context.Context, b *binding) error {
	h, _, err := s.Health.Rests(ctx, b.connection)
	switch {
	case err != nil:
		return err
	case h.Cause == broker.CauseResponseLost:
		return broker.ErrResponseLost
	}
	return broker.ErrConsentEnded
}

// end notes that no refresh helps any more, and returns why. The mark of an open answer stays: it may still come (keepRefreshed).
func (s *Service) end(ctx context.Context, b *binding, g broker.UserGrant, why error) error {
	g.EndedAt, g.RefreshToken = s.now(), nil
	err := s.Store.SaveUserGrant(ctx, &g)
	if errors.Is(err, broker.ErrConflict) {
		return renewedMeanwhile(b)
	}
	if err != nil {
		return fmt.Errorf("consent of connection %s: %w", b.connection, err)
	}
	return why
}

// unrefreshed settles a refresh that brought nothing.
func (s *Service) unrefreshed(ctx context.Context, b *binding, g broker.UserGrant, failure error) error {
	switch {
	case errors.Is(failure, netsuite.ErrInvalidGrant):
		// Before the consent counts as ended, the row is read again: a save that finds another version is refused (RO-08).
		return s.end(ctx, b, g, broker.ErrConsentEnded)
	case g.Public && netsuite.MaySpendRefreshToken(failure):
		return s.end(ctx, b, g, broker.ErrResponseLost)
	case g.Public:
		g.SentAt = time.Time{} // NetSuite has not taken it: it may be sent again
		if err := s.Store.SaveUserGrant(ctx, &g); err != nil {
			return fmt.Errorf("consent of connection %s: %w", b.connection, err)
		}
	}
	return failure
}

// keepRefreshed stores what a refresh brought, before anyone gets it. Should somebody have given the answer up meanwhile, it is
// stored all the same: the next refresh token is in it.
func (s *Service) keepRefreshed(ctx context.Context, b *binding, g broker.UserGrant, row broker.AccessToken, token *netsuite.Token) (*heldToken, error) {
	sent := g.SentAt
	if err := s.renewed(ctx, b, &g, token.RefreshToken); err != nil {
		return nil, err
	}
	t, err := s.checked(ctx, b, token.AccessToken, token.Expiry)
	if err != nil {
		return nil, errors.Join(err, s.Store.SaveUserGrant(ctx, &g)) // the access token is not for us, the chain goes on
	}
	row.ConnectionID, row.CertificateID, row.MintedAt, row.ExpiresAt = b.connection, b.certificate, s.now(), t.expires
	if row.Token, err = s.Vault.Seal(b.place(), []byte(t.secret.Reveal())); err != nil {
		return nil, fmt.Errorf("token of connection %s: %w", b.connection, err)
	}
	return t, s.insist(ctx, b, func(ctx context.Context) error { return s.saveRefreshed(ctx, b, sent, &g, &row) })
}

// overtaken looks, after what a refresh brought was stored or could not be, whether it is still the connection's. When the person has
// consented anew meanwhile, or the connection is being ended, it is not: whoever did that knows the spent refresh token alone, so the
// next one, which nobody else has, is ended here.
func (s *Service) overtaken(ctx context.Context, b *binding, g broker.UserGrant, next netsuite.Secret) error {
	now, err := s.readConnection(ctx, b.connection)
	if err != nil || (now.state == broker.ConnectionConnected && now.certificate == g.Consent()) {
		return err
	}
	if g.Public && !next.IsZero() {
		s.giveBack(ctx, b, next)
	}
	if now.state != broker.ConnectionConnected {
		return errNotReady
	}
	return renewedMeanwhile(b)
}

// giveBack ends a consent at NetSuite that is no longer ours. One that cannot be reached now ends by itself.
func (s *Service) giveBack(ctx context.Context, b *binding, refreshToken netsuite.Secret) {
	line := broker.AuditLine{At: s.now(), Event: broker.AuditGrantRevoked, Actor: "system", App: b.app, Object: b.connection, Result: "ok"}
	err := s.Audit.Record(ctx, line)
	if err = errors.Join(err, s.Consents.Revoke(ctx, b.app, b.account, refreshToken)); err != nil {
		s.log().WarnContext(ctx, "a consent that was replaced could not be ended at NetSuite; it ends by itself", "connection", b.connection, "err", err)
	}
}

// saveRefreshed stores what a refresh brought, over changes of the rows that do not concern it.
func (s *Service) saveRefreshed(ctx context.Context, b *binding, sent time.Time, g *broker.UserGrant, row *broker.AccessToken) error {
	for {
		err := s.Store.SaveRefreshed(ctx, g, row)
		if !errors.Is(err, broker.ErrConflict) {
			return err
		}
		if err := s.catchUp(ctx, b, sent, g, row); err != nil {
			return err
		}
	}
}

// catchUp takes over the versions of rows that somebody changed meanwhile. It is broker.CodeConflict when the consent that was
// refreshed is no longer the one that counts.
func (s *Service) catchUp(ctx context.Context, b *binding, sent time.Time, g *broker.UserGrant, row *broker.AccessToken) error {
	stored, err := s.Store.UserGrant(ctx, b.connection)
	if err != nil {
		return err
	}
	if !stored.SentAt.Equal(sent) || sent.IsZero() || stored.Consent() != g.Consent() {
		return renewedMeanwhile(b)
	}
	latest, err := s.Store.AccessToken(ctx, b.connection)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	g.Version, row.Version = stored.Version, latest.Version
	return nil
}

// renewed puts the next refresh token into the grant. A confidential client's stays the same.
func (s *Service) renewed(ctx context.Context, b *binding, g *broker.UserGrant, next netsuite.Secret) error {
	g.SentAt, g.EndedAt = time.Time{}, time.Time{}
	if !g.Public || next.IsZero() {
		return nil
	}
	life, err := s.Consents.Lifetime(ctx, b.app, next)
	if err != nil {
		return err
	}
	if g.RefreshToken, err = s.Vault.Seal(broker.RefreshTokenPlace(b.app, b.connection), []byte(next.Reveal())); err != nil {
		return fmt.Errorf("refresh token of connection %s: %w", b.connection, err)
	}
	g.Refreshed(s.now(), life.RefreshBy)
	return nil
}
