package tokens

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// bound is everything that a token stands for. A token is used only while its bound equals the connection's, so that no
// change of account, integration record, role, certificate or scope leaves an old token behind (TE-03, TE-04).
type bound struct {
	connection   string
	app          string
	account      netsuite.AccountID
	role, entity int64
	certificate  string // or the consent of a user connection
	client       string // client ID of the integration record
	scope        string // separated by spaces
}

// binding is a connection as a request needs it.
type binding struct {
	bound
	kind    broker.ConnectionKind
	state   broker.ConnectionState
	baseURL string
}

// resourceFor is how long a base URL is believed: the account of a connection never changes.
const resourceFor = time.Hour

// selectors maps base URLs to connections, for a client that has several.
func (s *Service) selectors(ctx context.Context, connections []string, now time.Time) (map[string]string, error) {
	if len(connections) < 2 {
		return nil, nil
	}
	byResource := make(map[string]string, len(connections))
	for _, id := range connections {
		resource, err := s.resource(ctx, id, now)
		if errors.Is(err, broker.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		byResource[resource] = id
	}
	return byResource, nil
}

func (s *Service) resource(ctx context.Context, id string, now time.Time) (string, error) {
	if resource, ok := s.resources.get(id, now); ok {
		return resource, nil
	}
	b, err := s.connection(ctx, id, now)
	if err != nil {
		return "", err
	}
	s.resources.put(id, b.baseURL, now, now.Add(resourceFor))
	return b.baseURL, nil
}

// choose finds the one connection that the request is about. There is no default among several (TE-02), and what belongs to
// somebody else is answered like what does not exist (TE-01).
func (s *Service) choose(ctx context.Context, c *knownClient, r Request, now time.Time) (*binding, error) {
	if r.EndUser != "" {
		return s.chooseUser(ctx, c, r, now)
	}
	resource := r.Resource
	var id string
	switch {
	case len(c.Connections) == 0:
		return nil, errNoConnection
	case c.Users && resource == "":
		return nil, errSelector // a person who was left out is no wish for the machine (TE-02)
	case len(c.Connections) == 1:
		id = c.Connections[0]
	default:
		id = c.byResource[resource]
	}
	if id == "" {
		return nil, errSelector
	}
	b, err := s.connection(ctx, id, now)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, errNotReady
	}
	if err != nil {
		return nil, err
	}
	switch {
	case b.app != c.App:
		return nil, errNotReady // a row of another app is no row for this client (R3)
	case b.kind == broker.KindUser:
		return nil, errNotReady // a person's token is never given without naming the person (TE-02)
	case resource != "" && resource != b.baseURL:
		return nil, errSelector
	case b.state != broker.ConnectionConnected:
		return b, errNotReady
	}
	return b, nil
}

// connection returns the connection as it was at most two seconds ago.
func (s *Service) connection(ctx context.Context, id string, now time.Time) (*binding, error) {
	if b, ok := s.connections.get(id, now); ok {
		return b, nil
	}
	b, err := s.readConnection(ctx, id)
	if err != nil {
		return nil, err
	}
	s.connections.put(id, b, now, now.Add(recentFor))
	return b, nil
}

func (s *Service) readConnection(ctx context.Context, id string) (*binding, error) {
	conn, err := s.Store.Connection(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", id, err)
	}
	app, err := s.Store.App(ctx, conn.App)
	if err != nil {
		return nil, fmt.Errorf("app %q of connection %s: %w", conn.App, id, err)
	}
	base, err := s.Site.BaseURL(conn.Account, netsuite.ServiceSuiteTalk)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", id, err)
	}
	of := bound{
		connection: conn.ID, app: conn.App, account: conn.Account, role: conn.RoleID, entity: conn.Entity,
		certificate: conn.CertificateID, client: app.MachineClientID(), scope: strings.Join(app.MachineScopes(), " "),
	}
	if conn.Kind == broker.KindUser {
		g, err := s.Store.UserGrant(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("consent of connection %s: %w", id, err)
		}
		of.certificate, of.client, of.scope = g.Consent(), app.ConsentClientID(broker.KindUser), strings.Join(app.Scopes, " ")
	}
	return &binding{
		bound: of, kind: conn.Kind, state: conn.State, baseURL: base.String(),
	}, nil
}

// carries refuses a scope that the connection does not have.
func (b *binding) carries(asked string) error {
	if asked == "" {
		return nil
	}
	has := strings.Fields(b.scope)
	for _, scope := range strings.Fields(asked) {
		if !slices.Contains(has, scope) {
			return &Refusal{Reason: InvalidScope, Err: broker.Errorf(broker.CodeInvalid, "scope asks for more than this connection has, which is: %s", b.scope).
				WithDo("Leave scope out, or ask for less.")}
		}
	}
	return nil
}
