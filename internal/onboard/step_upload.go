package onboard

import (
	"context"
	"errors"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// upload lets NetSuite know the certificate for the bundle's role and the chosen user.
func upload(ctx context.Context, w *work) (outcome, error) {
	conn, err := w.candidate(ctx)
	if err != nil {
		return pause, err
	}
	api, err := w.api("add the connection's certificate")
	if err != nil {
		return pause, err
	}
	c, err := w.s.Certificates.Upload(ctx, w.App, conn, w.Run.CertificateID, api)
	var limit *broker.CertificateLimitError
	switch {
	case errors.As(err, &limit):
		p := stop(broker.CodeCertificateLimit, "")
		p.Certificates = limit.Active
		return pause, p
	case errors.Is(err, broker.ErrCertificateRevoked):
		w.Run.CertificateID = "" // somebody revoked it meanwhile: a new key is made
		return goOn, nil
	case errors.Is(err, netsuite.ErrPermission):
		return pause, stop(broker.CodeUploadNeedsUser, sentence(err))
	case err != nil:
		return pause, err
	}
	w.Run.UploadedAt, w.Run.RenewBefore = w.s.Now(), c.RenewBefore()
	return goOn, nil
}
