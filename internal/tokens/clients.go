package tokens

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// maxConnections of one client.
const maxConnections = 1000

// knownClient is a client as a request needs it, or the answer that there is none.
type knownClient struct {
	broker.Client
	exists bool
	hashes [][sha256.Size]byte
	// byResource finds the connection that a base URL chooses; nil for a client with one connection.
	byResource map[string]string
}

var clientIDForm = regexp.MustCompile(`^cl_[A-Za-z0-9]{16}$`)

// authenticate finds the client and compares the secret. An unknown client costs the same work as a wrong secret, and both
// are remembered equally long, so that neither answer nor time tells them apart (R10, TE-10).
func (s *Service) authenticate(ctx context.Context, r Request, now time.Time) (*knownClient, error) {
	c, err := s.client(ctx, r.ClientID, now)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, s.refusal(ctx, r.ClientID, err)
	}
	proven := s.matches(c, r.Secret)
	if proven && c.exists && c.RevokedAt.IsZero() {
		return c, nil
	}
	if c.exists {
		s.auditWrong(ctx, c, r, now)
	} else {
		s.strangers.seen(ctx, s, now)
	}
	return nil, errClient
}

// matches compares with every hash of the client, in constant time.
func (s *Service) matches(c *knownClient, secret netsuite.Secret) bool {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	equal := 0
	for i := range c.hashes {
		equal |= subtle.ConstantTimeCompare(sum[:], c.hashes[i][:])
	}
	s.comparisons.Add(int64(len(c.hashes)))
	return equal == 1
}

// auditWrong notes a wrong secret, once a minute per client: client IDs are no secrets, and whoever knows one must not be
// able to fill the disk.
func (s *Service) auditWrong(ctx context.Context, c *knownClient, r Request, now time.Time) {
	if _, noted := s.wrongs.get(c.ID, now); noted {
		return
	}
	s.wrongs.put(c.ID, struct{}{}, now, now.Add(time.Minute))
	_ = s.refuse(ctx, c, nil, r, errClient)
}

// strangers counts requests with unknown client IDs. They are logged now and then and never audited: an outsider must not be
// able to fill the disk.
type strangers struct {
	count atomic.Int64
	quiet atomic.Int64 // Unix seconds before which nothing is logged
}

func (st *strangers) seen(ctx context.Context, s *Service, now time.Time) {
	count := st.count.Add(1)
	quiet := st.quiet.Load()
	if now.Unix() >= quiet && st.quiet.CompareAndSwap(quiet, now.Add(time.Minute).Unix()) {
		s.log().WarnContext(ctx, "token requests with an unknown client ID", "count", count)
	}
}

// client returns the client as it was at most two seconds ago.
func (s *Service) client(ctx context.Context, id string, now time.Time) (*knownClient, error) {
	if c, ok := s.clients.get(id, now); ok {
		return c, nil
	}
	if !clientIDForm.MatchString(id) {
		return nobody, nil
	}
	c, err := s.readClient(ctx, id, now)
	if err != nil {
		return nil, err
	}
	s.clients.put(id, c, now, now.Add(recentFor))
	return c, nil
}

func (s *Service) readClient(ctx context.Context, id string, now time.Time) (*knownClient, error) {
	stored, err := s.Store.Client(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		return nobody, nil
	}
	if err != nil {
		return nil, fmt.Errorf("client %s: %w", id, err)
	}
	c := &knownClient{Client: stored, exists: true}
	for _, text := range stored.SecretHashes {
		hash, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(hash) != sha256.Size {
			return nil, fmt.Errorf("client %s: a stored hash is not SHA-256 in base64url", id)
		}
		c.hashes = append(c.hashes, [sha256.Size]byte(hash))
	}
	if len(c.hashes) == 0 {
		c.hashes = nobody.hashes
	}
	c.byResource, err = s.selectors(ctx, stored.Connections, now)
	return c, err
}

// nobody stands for every unknown client. Its hash is of no secret.
var nobody = &knownClient{hashes: func() [][sha256.Size]byte {
	var hash [sha256.Size]byte
	rand.Read(hash[:])
	return [][sha256.Size]byte{hash}
}()}

// CreateClient makes credentials with which an app takes tokens of the named connections, at least one, all of that app.
// The secret is returned once; only its hash is stored. ID and secret consist of A-Z a-z 0-9 - _ only, so that clients which
// skip the percent-encoding of RFC 6749 section 2.3.1 still agree. Errors carry CodeInvalid or CodeNotFound.
func (s *Service) CreateClient(ctx context.Context, app string, connections []string) (id string, secret netsuite.Secret, err error) {
	return s.createClient(ctx, app, connections, false)
}

// CreateUsersClient is CreateClient for a portal: the client may also take tokens of all persons' connections of the app, each by the
// person's name. connections may be empty.
func (s *Service) CreateUsersClient(ctx context.Context, app string, connections []string) (id string, secret netsuite.Secret, err error) {
	return s.createClient(ctx, app, connections, true)
}

func (s *Service) createClient(ctx context.Context, app string, connections []string, users bool) (id string, secret netsuite.Secret, err error) {
	if err := s.checkConnections(ctx, app, connections, users); err != nil {
		return "", netsuite.Secret{}, err
	}
	token := broker.NewToken()
	c := broker.Client{
		ID: broker.NewID("cl"), App: app, Connections: slices.Clone(connections), Users: users,
		SecretHashes: []string{broker.HashToken(token)}, CreatedAt: s.now(),
	}
	if err := s.Store.SaveClient(ctx, &c); err != nil {
		return "", netsuite.Secret{}, fmt.Errorf("client of app %q: %w", app, err)
	}
	// A client whose line is not durable stays without anyone who knows its secret.
	if err := s.auditClient(ctx, broker.AuditClientCreated, c); err != nil {
		return "", netsuite.Secret{}, err
	}
	return c.ID, netsuite.NewSecret(token), nil
}

func (s *Service) checkConnections(ctx context.Context, app string, connections []string, users bool) error {
	if len(connections) == 0 && !users || len(connections) > maxConnections {
		return broker.Errorf(broker.CodeInvalid, `field "connections": must name 1 to %d connections, or none for a client of users; got %d`, maxConnections, len(connections))
	}
	if _, err := s.Store.App(ctx, app); err != nil {
		return missing(err, `field "app": there is no app %.80q`, app)
	}
	named := map[string]bool{}
	for _, id := range connections {
		if named[id] {
			return broker.Errorf(broker.CodeInvalid, `field "connections": %.80q is named twice`, id)
		}
		named[id] = true
		conn, err := s.Store.Connection(ctx, id)
		if err == nil && (conn.App != app || conn.Kind == broker.KindUser) {
			err = broker.ErrNotFound // the same answer as for one that does not exist (TE-01); persons are named by end_user
		}
		if err != nil {
			return missing(err, `field "connections": the app has no connection %.80q`, id)
		}
	}
	return nil
}

func missing(err error, format string, args ...any) error {
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Errorf(broker.CodeNotFound, format, args...)
	}
	return err
}

// RevokeClient withdraws a client: it gets no further token, from two seconds on anywhere. Tokens that it already has live on
// for up to an hour. Revoking it again changes nothing. Errors carry CodeNotFound.
func (s *Service) RevokeClient(ctx context.Context, id string) error {
	c, err := s.Store.Client(ctx, id)
	if err != nil {
		return missing(err, "there is no client %.80q", id)
	}
	if !c.RevokedAt.IsZero() {
		return nil
	}
	c.RevokedAt = s.now()
	if err := s.Store.SaveClient(ctx, &c); err != nil {
		return fmt.Errorf("client %s: %w", id, err)
	}
	s.clients.drop(id)
	return s.auditClient(ctx, broker.AuditClientRevoked, c)
}

func (s *Service) auditClient(ctx context.Context, event string, c broker.Client) error {
	return s.Audit.Record(ctx, broker.AuditLine{At: s.now(), Event: event, Actor: "operator", App: c.App, Object: c.ID, Result: "ok"})
}
