package notify_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/notify"
	"github.com/suitekey/suitekey/netsuite"
)

// mailbox is a mail server that keeps what it gets.
type mailbox struct {
	smtp notify.SMTP

	mu   sync.Mutex
	got  []letter
	fail error // of every message, when set
	user string
}

type letter struct {
	from string
	to   []string
	data string
}

func newMailbox(t *testing.T, withTLS bool) *mailbox {
	t.Helper()
	b := &mailbox{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }))
	server.Domain = "mail.example"
	server.AllowInsecureAuth = !withTLS
	b.smtp = notify.SMTP{From: "suitekey@acme.example"}
	if withTLS {
		certified := httptest.NewUnstartedServer(nil) // for its certificate of 127.0.0.1 alone
		certified.StartTLS()
		t.Cleanup(certified.Close)
		server.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}
		b.smtp.RootCAs = x509.NewCertPool()
		b.smtp.RootCAs.AddCert(certified.Certificate())
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b.smtp.Addr = ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("the mail server ended with %v", err)
		}
	})
	return b
}

func (b *mailbox) took() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

func (b *mailbox) fails(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

type session struct {
	box *mailbox
	letter
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "postman" || password != "canary-smtp" {
			return smtp.ErrAuthFailed
		}
		s.box.mu.Lock()
		defer s.box.mu.Unlock()
		s.box.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = append(s.to, to); return nil }

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if s.box.fail != nil {
		return s.box.fail
	}
	if err != nil {
		return err
	}
	s.data = string(data)
	s.box.got = append(s.box.got, s.letter)
	return nil
}

func (s *session) Reset()        { s.letter = letter{} }
func (s *session) Logout() error { return nil }

// mailWorld is a world whose alerts go to two mail addresses.
func mailWorld(t *testing.T, b *mailbox) (*world, notify.NewEndpoint) {
	t.Helper()
	w := newWorld(t)
	w.SMTP = b.smtp
	return w, w.create(t, notify.EndpointRequest{Kind: broker.EndpointEmail, Address: netsuite.NewSecret("ops@acme.example, oncall@acme.example")})
}

func TestMail(t *testing.T) {
	b := newMailbox(t, true)
	b.smtp.User, b.smtp.Password = "postman", netsuite.NewSecret("canary-smtp")
	w, made := mailWorld(t, b)
	w.happened(t, broker.EventConnectionNeedsConsent, broker.CauseSandboxRefreshed)
	w.work(t)
	got := b.took()
	if len(got) != 1 {
		t.Fatalf("%d mails came, want 1\n%s", len(got), w.log.String())
	}
	if got[0].from != "suitekey@acme.example" || strings.Join(got[0].to, " ") != "ops@acme.example oncall@acme.example" || b.user != "postman" {
		t.Errorf("the envelope is from %q to %q, signed in as %q", got[0].from, got[0].to, b.user)
	}
	m, err := mail.ReadMessage(strings.NewReader(got[0].data))
	must(t, err)
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Message-Id": "<" + w.delivery(t, made).ID + "@acme.example>", "Content-Type": "text/plain; charset=UTF-8",
		"Date": begin.Add(time.Millisecond).Format(time.RFC1123Z),
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	text := strings.ReplaceAll(got[0].data, "=\r\n", "")
	for _, part := range []string{"The sandbox was refreshed", "Globex Inc.", "1234567-co_1", "Their administrator must act.", "The link for them: https://connect.acme.example/c/for-co_1"} {
		if !strings.Contains(text, part) {
			t.Errorf("the mail does not say %q:\n%s", part, text)
		}
	}
	attempt, err := w.Test(t.Context(), made.Endpoint.ID)
	must(t, err)
	if !attempt.Delivered || len(b.took()) != 1 {
		t.Errorf("the test ended with %+v", attempt)
	}
}

// TestLO02_NoHeaderByAName: a name with line breaks makes no header and no second message.
func TestLO02_NoHeaderByAName(t *testing.T) {
	b := newMailbox(t, false)
	for i, name := range hostile {
		w := newWorld(t)
		w.SMTP = b.smtp
		w.create(t, notify.EndpointRequest{Kind: broker.EndpointEmail, Address: netsuite.NewSecret("ops@acme.example")})
		w.conn = w.connect(t, "co_h", "acme", strings.ReplaceAll(name, "\x00", ""))
		w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
		w.work(t)
		got := b.took()
		if len(got) != 1 || len(got[0].to) != 1 {
			t.Fatalf("name %d: the mails are %+v\n%s", i, got, w.log.String())
		}
		m, err := mail.ReadMessage(strings.NewReader(got[0].data))
		must(t, err)
		known := map[string]bool{
			"Received": true, "Date": true, "From": true, "To": true, "Subject": true, "Message-Id": true, "Mime-Version": true, "Auto-Submitted": true,
			"Content-Type": true, "Content-Transfer-Encoding": true,
		}
		for name := range m.Header {
			if !known[name] {
				t.Errorf("name %d made the header %s", i, name)
			}
		}
	}
}

func TestMailServerThatRefuses(t *testing.T) {
	b := newMailbox(t, false)
	w, made := mailWorld(t, b)
	b.fails(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "canary-words of the server"})
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	w.work(t)
	v := w.delivery(t, made)
	if v.State != broker.DeliveryPending || v.Status != 451 || v.Error != "the mail server answered 451" || strings.Contains(w.log.String(), "canary-words") {
		t.Errorf("the delivery is %+v\n%s", v, w.log.String())
	}
	b.fails(nil)
	w.pass(t, 10*time.Second, 10*time.Second)
	if got := b.took(); len(got) != 1 {
		t.Errorf("%d mails came in the end, want 1", len(got))
	}
}

// A server elsewhere that offers no STARTTLS gets nothing: the mail names customers.
func TestMailNeedsTLS(t *testing.T) {
	b := newMailbox(t, false)
	w, made := mailWorld(t, b)
	_, port, err := net.SplitHostPort(b.smtp.Addr)
	must(t, err)
	// A name that is not known to be this machine, though it is.
	w.SMTP.Addr = net.JoinHostPort("localhost.", port)
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	w.work(t)
	if got := b.took(); len(got) != 0 || w.delivery(t, made).State != broker.DeliveryPending {
		t.Errorf("%d mails went without TLS", len(got))
	}
}

func TestMailServerThatIsNotTrusted(t *testing.T) {
	b := newMailbox(t, true)
	w, made := mailWorld(t, b)
	w.SMTP.RootCAs = x509.NewCertPool()
	w.SMTP.User, w.SMTP.Password = "postman", netsuite.NewSecret("canary-smtp")
	w.happened(t, broker.EventConnectionDegraded, broker.CauseRoleLost)
	w.work(t)
	if v := w.delivery(t, made); len(b.took()) != 0 || v.State != broker.DeliveryPending || v.Error == "" {
		t.Errorf("the delivery is %+v", v)
	}
	w.SMTP.RootCAs, w.SMTP.Password = b.smtp.RootCAs, netsuite.NewSecret("wrong")
	w.pass(t, 10*time.Second, 10*time.Second)
	if v := w.delivery(t, made); len(b.took()) != 0 || v.Attempts != 2 || strings.Contains(w.log.String()+v.Error, "canary-smtp") {
		t.Errorf("with a wrong password the delivery is %+v", v)
	}
}

// A server that accepts the connection and says nothing does not keep suitekey from stopping.
func TestSilentMailServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	w := newWorld(t)
	w.SMTP = notify.SMTP{Addr: ln.Addr().String(), From: "suitekey@acme.example"}
	made := w.create(t, notify.EndpointRequest{Kind: broker.EndpointEmail, Address: netsuite.NewSecret("ops@acme.example")})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			stop() // the server is told to stop while it waits for the greeting
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	began := time.Now()
	attempt, err := w.Test(ctx, made.Endpoint.ID)
	must(t, err)
	if took := time.Since(began); attempt.Delivered || attempt.Error == "" || ctx.Err() == nil || took > 8*time.Second {
		t.Errorf("the attempt ended after %s with %+v", took, attempt)
	}
}

func TestSMTPCheck(t *testing.T) {
	good := notify.SMTP{Addr: "mail.acme.example:587", From: "suitekey@acme.example"}
	if setting, err := good.Check(); setting != "" || err != nil {
		t.Errorf("good settings: %s %v", setting, err)
	}
	for _, tt := range []struct{ addr, from, part string }{
		{"mail.acme.example", good.From, "smtp_addr"},
		{":587", good.From, "smtp_addr"},
		{"mail:0", good.From, "smtp_addr"},
		{"mail:99999", good.From, "smtp_addr"},
		{good.Addr, "", "smtp_from"},
		{good.Addr, "Suitekey <suitekey@acme.example>", "smtp_from"},
		{good.Addr, "a@b\r\nBcc: c@d", "smtp_from"},
	} {
		if setting, err := (notify.SMTP{Addr: tt.addr, From: tt.from}).Check(); err == nil || setting != tt.part {
			t.Errorf("Check(%q, %q) = %s, %v, want %s", tt.addr, tt.from, setting, err, tt.part)
		}
	}
}
