package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// SMTP is the mail server that the operator names.
type SMTP struct {
	// Addr is host:port. At port 465 TLS comes first; elsewhere STARTTLS must be offered, except on this machine.
	Addr string
	// From is the sender.
	From string
	// User and Password sign in, when User is set.
	User     string
	Password netsuite.Secret
	// RootCAs are whom to trust; nil is the system's choice.
	RootCAs *x509.CertPool
}

// Check says which setting is wrong, the server's address or the sender, and why.
func (m SMTP) Check() (setting string, err error) {
	host, port, err := net.SplitHostPort(m.Addr)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || host == "" {
		return "smtp_addr", fmt.Errorf("must be host and port; got %.100q", m.Addr)
	}
	if err := checkMailAddress(m.From); err != nil {
		return "smtp_from", fmt.Errorf("must be an address as suitekey@acme.example; got %.100q", m.From)
	}
	return "", nil
}

// sendMail sends one message to all recipients of an endpoint. The message's ID is that of the delivery, so that a second copy is known.
func (s *Service) sendMail(ctx context.Context, e broker.Endpoint, messageID string, n notice) outcome {
	message, err := s.message(e, messageID, n)
	if err != nil {
		return failed(err)
	}
	client, err := s.SMTP.client(ctx)
	if err != nil {
		return failed(err)
	}
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return mailFailure(err)
	}
	return outcome{}
}

func (s *Service) message(e broker.Endpoint, messageID string, n notice) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := m.From(s.SMTP.From); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	if err := m.To(strings.Split(e.Target, ", ")...); err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	_, domain, _ := strings.Cut(s.SMTP.From, "@")
	m.SetMessageIDWithValue(messageID + "@" + domain)
	m.SetDateWithValue(s.now())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answering machine answers
	m.Subject("[suitekey] " + oneLine(n.title))
	m.SetBodyString(mail.TypeTextPlain, n.text()+"\n")
	return m, nil
}

func (m SMTP) client(ctx context.Context) (*mail.Client, error) {
	host, portText, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	options := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(10 * time.Second), mail.WithTLSPolicy(m.policy(host)),
		mail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: m.RootCAs}),
	}
	if port == 465 {
		options = append(options, mail.WithSSL())
	} else {
		options = append(options, mail.WithDialContextFunc(dialWhile(ctx)))
	}
	if m.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(m.Password.Reveal()))
	}
	return mail.NewClient(host, options...)
}

// dialWhile ends the connection with ctx: the library waits for a silent server without looking at it.
func dialWhile(ctx context.Context) mail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

// policy asks for TLS, because mails name customers and the password must not be read on the way; not on this machine, where
// relays often have no certificate.
func (m SMTP) policy(host string) mail.TLSPolicy {
	if address, err := netip.ParseAddr(host); host == "localhost" || err == nil && address.IsLoopback() {
		return mail.TLSOpportunistic
	}
	return mail.TLSMandatory
}

// mailFailure keeps the server's code. Its words may repeat anything.
func mailFailure(err error) outcome {
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() != 0 {
		return outcome{status: refused.ErrorCode(), err: fmt.Errorf("the mail server answered %d", refused.ErrorCode())}
	}
	return failed(err)
}
