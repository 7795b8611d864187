package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	// LookEvery is how often we look for connections that are due.
	LookEvery = time.Minute
	// AtOnce is how many are probed at the same time by one process.
	AtOnce = 4
	// mostAtOnce bounds what one look finds.
	mostAtOnce = 500
)

// Due lists the connections that are to be probed now.
func (s *Service) Due(ctx context.Context) ([]string, error) {
	return s.Store.DueProbes(ctx, s.now(), mostAtOnce)
}

// Probe is Check for a connection that is due: one that somebody else has just looked at is left alone.
func (s *Service) Probe(ctx context.Context, connectionID string) error {
	h, err := s.health(ctx, connectionID)
	if err != nil || s.now().Before(h.ProbeAt) {
		return err
	}
	_, err = s.Check(ctx, connectionID)
	return err
}

// Check looks at a connection now: it gets a token if the last one has ended or is doubted, and makes the app's probe call. A
// failure of the connection is no error of Check: it is in the health that is returned.
func (s *Service) Check(ctx context.Context, connectionID string) (broker.Health, error) {
	conn, err := s.Store.Connection(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Health{}, broker.Errorf(broker.CodeNotFound, "there is no connection %q", connectionID).WithDo("suitekey connection list")
	}
	if err != nil {
		return broker.Health{}, err
	}
	if conn.State != broker.ConnectionConnected {
		return broker.Health{}, broker.Errorf(broker.CodeSetupState, "connection %s is %s, so there is nothing to check", conn.ID, conn.State)
	}
	before, err := s.health(ctx, conn.ID)
	if err != nil {
		return before, err
	}
	failure, err := s.try(ctx, conn)
	switch {
	case err != nil:
		return s.noted(ctx, before, err)
	case failure == nil:
		err = s.Works(ctx, conn.ID, broker.OpQuery)
	case ctx.Err() != nil:
		return before, ctx.Err()
	default:
		_, err = s.Failed(ctx, conn.ID, broker.OpQuery, failure)
	}
	if err != nil {
		return before, err
	}
	return s.again(ctx, conn)
}

// try gets a token and makes the probe call; failure is the call's. A token that is refused may have been lost with what it was made
// with, so another one is asked for: its refusal tells more.
func (s *Service) try(ctx context.Context, conn broker.Connection) (failure, err error) {
	token, err := s.Tokens.Renew(ctx, conn.ID, netsuite.Secret{})
	if err != nil {
		return nil, err
	}
	if failure = s.query(ctx, conn, token); !errors.Is(failure, netsuite.ErrLogin) {
		return failure, nil
	}
	if token, err = s.Tokens.Renew(ctx, conn.ID, token); err != nil {
		return nil, err
	}
	return s.query(ctx, conn, token), nil
}

// noted returns the health after a mint that failed. Package tokens told us of it; what it did not tell of was no fault of the
// connection.
func (s *Service) noted(ctx context.Context, before broker.Health, failure error) (broker.Health, error) {
	h, err := s.health(ctx, before.ConnectionID)
	if err == nil && h.Version == before.Version {
		err = failure
	}
	return h, err
}

// query makes the app's probe call.
func (s *Service) query(ctx context.Context, conn broker.Connection, token netsuite.Secret) error {
	app, err := s.Store.App(ctx, conn.App)
	if err != nil {
		return err
	}
	api := netsuite.API{Account: conn.Account, Site: s.Site, Token: token, HTTPClient: s.Client}
	if conn.Kind == broker.KindUser {
		_, err = api.SuiteQL(ctx, "SELECT 1 AS ok FROM dual", 1, 0) // the app's probe is for the bundle's role
		return err
	}
	_, err = api.SuiteQL(ctx, app.ProbeQuery(), 1, 0)
	if !errors.Is(err, netsuite.ErrPermission) {
		return err
	}
	// The server's time needs no permission (netsuite-api 1.5): where even that is refused, the feature is off.
	if _, timeErr := api.ServerTime(ctx); errors.Is(timeErr, netsuite.ErrPermission) {
		return errors.Join(errFeatureOff, err)
	}
	return err
}

var errFeatureOff = errors.New("REST Web Services are off")

// again makes the next routine look due, a day from now.
func (s *Service) again(ctx context.Context, conn broker.Connection) (broker.Health, error) {
	return s.change(ctx, conn, func(h *broker.Health) bool {
		if h.Cause != "" && h.Evidence.Op != broker.OpRotate {
			return false // the ladder has set the time
		}
		h.ProbeAt = s.now().Add(routine(h.ConnectionID))
		return true
	})
}
