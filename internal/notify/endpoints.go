package notify

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	mostEndpoints  = 100
	mostRecipients = 10
	// rotateFor is how long the old secret signs beside the new one.
	rotateFor = 24 * time.Hour
)

// EndpointRequest is what an operator asks for.
type EndpointRequest struct {
	Kind broker.EndpointKind
	// App whose events are told; empty is all apps.
	App string
	// Types of events; none is all.
	Types []string
	// Address is the URL or, for email, 1 to 10 mail addresses with commas between them. The URL of a chat is a secret.
	Address netsuite.Secret
}

// NewEndpoint is an endpoint with what is shown once.
type NewEndpoint struct {
	Endpoint broker.Endpoint
	// Secret verifies webhooks; empty for the other kinds.
	Secret netsuite.Secret
}

// Create makes an endpoint. Errors carry CodeInvalid, CodeNotFound or CodeConfig.
func (s *Service) Create(ctx context.Context, q EndpointRequest) (NewEndpoint, error) {
	e := broker.Endpoint{ID: broker.NewID("ep"), Kind: q.Kind, App: q.App, CreatedAt: s.now()}
	if err := s.checkScope(ctx, &e, q.Types); err != nil {
		return NewEndpoint{}, err
	}
	if err := s.setAddress(&e, strings.TrimSpace(q.Address.Reveal())); err != nil {
		return NewEndpoint{}, err
	}
	made := NewEndpoint{}
	if e.Kind == broker.EndpointWebhook {
		made.Secret = newSecret()
		var err error
		if e.Secret, err = s.Vault.Seal(place(e, "secret"), []byte(made.Secret.Reveal())); err != nil {
			return NewEndpoint{}, err
		}
	}
	if err := s.record(ctx, broker.AuditEndpointCreated, e, e.ID, string(e.Kind)); err != nil {
		return NewEndpoint{}, err
	}
	if err := s.Store.SaveEndpoint(ctx, &e); err != nil {
		return NewEndpoint{}, err
	}
	made.Endpoint = e
	return made, nil
}

// checkScope sets and checks for whom the endpoint is and what it is told.
func (s *Service) checkScope(ctx context.Context, e *broker.Endpoint, types []string) error {
	for _, text := range types {
		kind := broker.EventType(text)
		if !slices.Contains(broker.EventTypes, kind) {
			return broker.Errorf(broker.CodeInvalid, `field "events": there is no type of event %.80q`, text).WithDo("The types are " + typeList() + ".")
		}
		if !slices.Contains(e.Types, kind) {
			e.Types = append(e.Types, kind)
		}
	}
	if e.App != "" {
		if _, err := s.Store.App(ctx, e.App); err != nil {
			return missing(err, `field "app": there is no app %.80q`, e.App)
		}
	}
	all, err := s.Store.Endpoints(ctx)
	if err == nil && len(all) >= mostEndpoints {
		err = broker.Errorf(broker.CodeInvalid, "there are %d endpoints already, the most there may be", len(all)).WithDo("Remove one: suitekey notify remove ID")
	}
	return err
}

func typeList() string {
	var names []string
	for _, kind := range broker.EventTypes {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

func (s *Service) setAddress(e *broker.Endpoint, address string) error {
	switch e.Kind {
	case broker.EndpointEmail:
		return s.setRecipients(e, address)
	case broker.EndpointWebhook, broker.EndpointSlack, broker.EndpointTeams:
		return s.setURL(e, address)
	}
	return broker.Errorf(broker.CodeInvalid, `field "kind": must be webhook, email, slack or teams; got %.40q`, string(e.Kind))
}

func (s *Service) setRecipients(e *broker.Endpoint, list string) error {
	if s.SMTP.Addr == "" {
		return broker.Errorf(broker.CodeConfig, "setting smtp_addr: must be set before mail can be sent").WithDo("Set smtp_addr and smtp_from.")
	}
	var recipients []string
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if err := checkMailAddress(text); err != nil {
			return err
		}
		recipients = append(recipients, text)
	}
	if len(recipients) > mostRecipients {
		return broker.Errorf(broker.CodeInvalid, `field "email": may name at most %d addresses; got %d`, mostRecipients, len(recipients))
	}
	e.Target = strings.Join(recipients, ", ")
	return nil
}

// checkMailAddress takes the plain form name@host alone: what a display name may hold is of no use here.
func checkMailAddress(text string) error {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > 254 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) {
		return broker.Errorf(broker.CodeInvalid, `field "email": %.80q is not an address as ops@acme.example`, text)
	}
	return nil
}

func (s *Service) setURL(e *broker.Endpoint, address string) error {
	u, err := s.Guard.Check(address)
	if err != nil {
		return broker.Errorf(broker.CodeInvalid, `field "url": %v`, err).
			WithDo("Use a public https address at port 443, or let the operator list it in the setting notify_allow.")
	}
	e.Target = shown(e.Kind, u)
	e.URL, err = s.Vault.Seal(place(*e, "url"), []byte(address))
	return err
}

// shown is a URL for people. Who knows the whole URL of a chat can write there; that of a webhook may carry a secret in its query.
func shown(kind broker.EndpointKind, u *url.URL) string {
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if kind == broker.EndpointWebhook {
		bare.Path = u.Path
	}
	return bare.String()
}

// ListedEndpoint is an endpoint with what it has not taken.
type ListedEndpoint struct {
	broker.Endpoint
	broker.Backlog
}

// List lists the endpoints, oldest first.
func (s *Service) List(ctx context.Context) ([]ListedEndpoint, error) {
	endpoints, err := s.Store.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	backlogs, err := s.Store.Backlogs(ctx)
	if err != nil {
		return nil, err
	}
	listed := make([]ListedEndpoint, 0, len(endpoints))
	for _, e := range endpoints {
		listed = append(listed, ListedEndpoint{e, backlogs[e.ID]})
	}
	return listed, nil
}

// Remove deletes an endpoint and what is on its way there. Errors carry CodeNotFound.
func (s *Service) Remove(ctx context.Context, id string) error {
	e, err := s.endpoint(ctx, id)
	if err != nil {
		return err
	}
	if err := s.record(ctx, broker.AuditEndpointRemoved, e, e.ID, ""); err != nil {
		return err
	}
	return s.Store.RemoveEndpoint(ctx, e)
}

// RotateSecret gives a webhook a new secret. Both sign for a day, or until EndRotation. Errors carry CodeNotFound, CodeInvalid, or
// CodeConflict while a rotation is under way: a third secret would take the first one from receivers that use it still.
func (s *Service) RotateSecret(ctx context.Context, id string) (netsuite.Secret, error) {
	e, err := s.webhook(ctx, id)
	if err != nil {
		return netsuite.Secret{}, err
	}
	if s.rotating(e) {
		return netsuite.Secret{}, broker.Errorf(broker.CodeConflict, "the secret of endpoint %s is being changed until %s", id, e.OldUntil.UTC().Format(time.RFC3339)).
			WithDo("End it first: suitekey notify rotate-secret " + id + " --end")
	}
	old, err := s.Vault.Open(place(e, "secret"), e.Secret)
	if err != nil {
		return netsuite.Secret{}, err
	}
	secret := newSecret()
	if e.OldSecret, err = s.Vault.Seal(place(e, "old_secret"), old); err != nil {
		return netsuite.Secret{}, err
	}
	if e.Secret, err = s.Vault.Seal(place(e, "secret"), []byte(secret.Reveal())); err != nil {
		return netsuite.Secret{}, err
	}
	e.OldUntil = s.now().Add(rotateFor)
	if err := s.record(ctx, broker.AuditEndpointRotated, e, e.ID, ""); err != nil {
		return netsuite.Secret{}, err
	}
	return secret, s.Store.SaveEndpoint(ctx, &e)
}

// EndRotation forgets the old secret at once. Without one it changes nothing. Errors carry CodeNotFound or CodeInvalid.
func (s *Service) EndRotation(ctx context.Context, id string) error {
	e, err := s.webhook(ctx, id)
	if err != nil || len(e.OldSecret) == 0 {
		return err
	}
	e.OldSecret, e.OldUntil = nil, time.Time{}
	if err := s.record(ctx, broker.AuditEndpointRotationOver, e, e.ID, ""); err != nil {
		return err
	}
	return s.Store.SaveEndpoint(ctx, &e)
}

func (s *Service) rotating(e broker.Endpoint) bool {
	return len(e.OldSecret) > 0 && s.now().Before(e.OldUntil)
}

func (s *Service) endpoint(ctx context.Context, id string) (broker.Endpoint, error) {
	e, err := s.Store.Endpoint(ctx, id)
	return e, missing(err, "there is no endpoint %.80q", id)
}

func (s *Service) webhook(ctx context.Context, id string) (broker.Endpoint, error) {
	e, err := s.endpoint(ctx, id)
	if err == nil && e.Kind != broker.EndpointWebhook {
		err = broker.Errorf(broker.CodeInvalid, "endpoint %s is of kind %s, and only webhooks have a secret", id, e.Kind)
	}
	return e, err
}

func missing(err error, format string, args ...any) error {
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Errorf(broker.CodeNotFound, format, args...)
	}
	return err
}

func place(e broker.Endpoint, column string) broker.Place {
	return broker.Place{Table: "endpoints", Column: column, Row: e.ID, App: e.App}
}

// newSecret makes a secret in the form of Standard Webhooks, which asks for 24 to 64 random bytes.
func newSecret() netsuite.Secret {
	b := make([]byte, 32)
	rand.Read(b)
	return netsuite.NewSecret(secretPrefix + base64.StdEncoding.EncodeToString(b))
}
