package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// test makes a token with the new key and one real call with it. Only this proves the connection.
func test(ctx context.Context, w *work) (outcome, error) {
	conn, err := w.candidate(ctx)
	if err != nil {
		return pause, err
	}
	err = w.s.Certificates.Prove(ctx, w.App, conn, w.Run.CertificateID)
	switch {
	case err == nil:
		w.Run.TestedAt = w.s.Now()
		return goOn, nil
	case temporary(err):
		return pause, err
	case errors.Is(err, netsuite.ErrUnauthorizedClient):
		return pause, &problem{Problem: *w.notApproved(), watch: true}
	}
	p := stop(broker.CodeTestFailed, sentence(err))
	p.Path = "Setup > Users/Roles > User Management > View Login Audit Trail, column Detail"
	if w.Run.Attempts < quietAttempts {
		p.watch = true // a mapping that is seconds old may not have reached all of NetSuite
	}
	return pause, p
}
