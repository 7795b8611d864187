package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/outbound"
)

// outcome is how an attempt ended. Without an error it arrived.
type outcome struct {
	status int
	err    error
	after  time.Duration // the endpoint asks to be left alone for so long
	gone   bool          // for good
}

func failed(err error) outcome { return outcome{err: err} }

// withoutURL takes the URL, which may be a secret, out of an error of package http.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// explain says in our own words what went wrong: an error of the network may repeat what the other side sent.
func (o outcome) explain() string {
	var (
		ours      *broker.Error
		timeout   net.Error
		name      *net.DNSError
		trust     *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		network   *net.OpError
	)
	switch {
	case o.err == nil:
		return ""
	case o.status != 0 || errors.Is(o.err, outbound.ErrRefused) || errors.As(o.err, &ours):
		return o.err.Error()
	case errors.Is(o.err, context.DeadlineExceeded) || errors.As(o.err, &timeout) && timeout.Timeout():
		return "no answer came in time"
	case errors.As(o.err, &name):
		return "the name of the host has no address"
	case errors.As(o.err, &trust) || errors.As(o.err, &authority):
		return "the certificate of the host is not valid for it"
	case errors.As(o.err, &network) && network.Op == "dial":
		return "nobody answers at the address"
	}
	return "the message could not be sent"
}
