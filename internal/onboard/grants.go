package onboard

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// grantTokens is what a grant's sealed column holds. It exists in clear only between opening and use.
type grantTokens struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
}

func (w *work) tokens() (grantTokens, error) {
	var t grantTokens
	plain, err := w.s.open(w.Run, "grants", "tokens", w.Grant.ID, w.Grant.Tokens)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal([]byte(plain), &t)
}

// keep stores the tokens of a redeemed code at once, apart from the run: a token that exists at NetSuite must be
// revocable by us whatever happens next.
func (w *work) keep(ctx context.Context, token *netsuite.Token) error {
	plain, err := json.Marshal(grantTokens{Access: token.AccessToken.Reveal(), Refresh: token.RefreshToken.Reveal()})
	if err != nil {
		return err
	}
	g := &w.Grant
	if g.Tokens, err = w.s.seal(w.Run, "grants", "tokens", g.ID, string(plain)); err != nil {
		return err
	}
	g.Status, g.Code, g.Verifier = broker.GrantHeld, nil, nil
	g.AccessExpiresAt = token.Expiry
	g.DueAt = token.Expiry
	g.Attempts = 0
	return w.insist(context.WithoutCancel(ctx), g)
}

// insist stores a grant's tokens even when somebody changed its row meanwhile, because a newer consent took its place: the
// tokens are then due to be revoked at once.
func (w *work) insist(ctx context.Context, g *broker.Grant) error {
	err := w.s.Store.SaveGrant(ctx, g)
	for errors.Is(err, broker.ErrConflict) {
		stored, readErr := w.s.Store.Grant(ctx, g.ID)
		if readErr != nil {
			return readErr
		}
		g.Version, g.Status, g.DueAt, g.EndedAt = stored.Version, broker.GrantEnding, w.s.Now(), time.Time{}
		err = w.s.Store.SaveGrant(ctx, g)
	}
	return err
}

// void ends a grant that never became tokens.
func (s *Service) void(ctx context.Context, g *broker.Grant) error {
	g.Status, g.EndedAt, g.DueAt = broker.GrantVoid, s.Now(), time.Time{}
	g.Code, g.Verifier, g.Tokens = nil, nil, nil
	return s.Store.SaveGrant(ctx, g)
}

// revoke ends the grant at NetSuite and wipes it. What NetSuite no longer knows has ended too.
func (w *work) revoke(ctx context.Context) error {
	g := &w.Grant
	if g.Status == broker.GrantRevoked || g.Status == broker.GrantVoid || g.Status == broker.GrantKept {
		return nil
	}
	tokens, err := w.tokens()
	if err != nil {
		return err
	}
	cg, err := w.s.Consents.CodeGrant(w.App, w.Link.Connects, w.recorded("end the set-up permission"))
	if err != nil {
		return err
	}
	err = cg.Revoke(ctx, g.Account, netsuite.NewSecret(tokens.Refresh))
	if err != nil && !errors.Is(err, netsuite.ErrInvalidGrant) && !errors.Is(err, netsuite.ErrInvalidRequest) {
		return err
	}
	if err := w.s.audit(ctx, broker.AuditGrantRevoked, w.Run, "ok", g.ID); err != nil {
		return err
	}
	g.Status, g.EndedAt, g.DueAt, g.Tokens = broker.GrantRevoked, w.s.Now(), time.Time{}, nil
	return w.s.Store.SaveGrant(context.WithoutCancel(ctx), g)
}

// supersede lets the older permissions of the run be ended, now that its present one has taken their place. It belongs to the
// steps that take up the present one, not to NetSuite's redirect: a step is repeated when the process dies in its midst.
func (s *Service) supersede(ctx context.Context, r broker.Run) error {
	grants, err := s.Store.GrantsOfRun(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if g.ID == r.GrantID {
			continue
		}
		if err := s.endSoon(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// endSoon makes a permission due to be ended, if it is or may become one.
func (s *Service) endSoon(ctx context.Context, g broker.Grant) error {
	for g.Status == broker.GrantHeld || g.Status == broker.GrantRedeeming {
		if g.Status == broker.GrantHeld {
			g.Status = broker.GrantEnding
		}
		g.DueAt = s.Now()
		err := s.Store.SaveGrant(ctx, &g)
		if !errors.Is(err, broker.ErrConflict) {
			return err
		}
		if g, err = s.Store.Grant(ctx, g.ID); err != nil {
			return err
		}
	}
	return nil
}

// longestGrant is how long a refresh token can live: 720 hours on a public client. After that there is nothing to revoke.
const longestGrant = 720 * time.Hour

// endDueGrant ends a grant that no step will end: one that was superseded, ran out of time, or was never answered.
func (s *Service) endDueGrant(ctx context.Context, id string) {
	lease, ours, err := s.Store.AcquireLease(ctx, "grant/"+id, s.newHolder(), s.LeaseTTL)
	if err == nil && ours {
		err = errors.Join(s.endGrant(ctx, id), s.release(ctx, lease))
	}
	if err != nil && ctx.Err() == nil {
		s.Logger.Warn("a set-up permission could not be ended yet; we try again", "grant", id, "err", err)
	}
}

func (s *Service) endGrant(ctx context.Context, id string) error {
	g, err := s.Store.Grant(ctx, id)
	if err != nil {
		return err
	}
	w, err := s.load(ctx, g.RunID)
	if err != nil {
		return err
	}
	w.Grant = g
	switch {
	case g.DueAt.IsZero() || g.DueAt.After(s.Now()):
		return nil
	case g.Status == broker.GrantAsked:
		return s.void(ctx, &w.Grant)
	case w.owns(g):
		return s.remind(ctx, w.Run)
	case g.Status == broker.GrantRedeeming:
		if err = w.redeem(ctx); err == nil {
			err = w.revoke(ctx)
		} else if w.Grant.Status == broker.GrantVoid {
			return nil // NetSuite took back the code: nothing is left to end
		}
	default:
		err = w.revoke(ctx)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if s.Now().Sub(g.CreatedAt) > longestGrant {
		return s.void(ctx, &w.Grant)
	}
	w.Grant.Attempts++
	w.Grant.DueAt = s.Now().Add(pauseAfter(time.Second, w.Grant.Attempts, 5*time.Minute))
	return errors.Join(err, s.Store.SaveGrant(ctx, &w.Grant))
}

// owns tells that the run's own steps will redeem or end the grant, so that nobody else may.
func (w *work) owns(g broker.Grant) bool {
	return w.Run.GrantID == g.ID && (!w.Run.Over() || w.Run.GrantEndedAt.IsZero())
}

// remind makes a run that waits for a person look at its permission, which has run out of time.
func (s *Service) remind(ctx context.Context, r broker.Run) error {
	if !r.DueAt.IsZero() {
		return nil
	}
	_, err := s.change(ctx, r.ID, func(r *broker.Run) error {
		r.DueAt = s.Now()
		return nil
	})
	s.kick(r.ID)
	return err
}
