package onboard

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// LinkRequest is what an operator or an app's backend asks for.
type LinkRequest struct {
	App       string
	Kind      broker.LinkKind // empty: sent
	Customer  string          // the customer's name, 1 to 80 characters
	Expect    []string        // NetSuite account IDs that may be connected; empty: a person confirms the account
	EndUser   string          // the app's own name for the person, for a user connection; empty: a machine connection
	ReturnURL string          // one of the app's return_urls; required for a session link
	Metadata  map[string]string
}

// NewLink is a link with what is shown once.
type NewLink struct {
	Link broker.Link
	URL  string
	// FinaliseSecret lets the app's backend finalise the run of a session link.
	FinaliseSecret netsuite.Secret
}

// CreateLink makes a link for one customer.
func (s *Service) CreateLink(ctx context.Context, q LinkRequest) (NewLink, error) {
	app, err := s.App(ctx, q.App)
	if err != nil {
		return NewLink{}, err
	}
	if app.CheckedAt.IsZero() {
		return NewLink{}, broker.Errorf(broker.CodeAppUnproven, "app %q has not been checked against NetSuite", q.App).WithDo("suitekey app check " + q.App)
	}
	link, err := s.newLink(app, q)
	if err != nil {
		return NewLink{}, err
	}
	return s.issue(ctx, link)
}

// LikeLink makes a link for another environment of a connected company: app, customer and metadata are those of the connection. expect
// names the account, which must be of the same company (TE-04).
func (s *Service) LikeLink(ctx context.Context, connectionID, expect string) (NewLink, error) {
	conn, err := s.Store.Connection(ctx, connectionID)
	if errors.Is(err, broker.ErrNotFound) {
		return NewLink{}, broker.Errorf(broker.CodeNotFound, "there is no connection %.80q", connectionID).WithDo("suitekey connection list")
	}
	if err != nil {
		return NewLink{}, err
	}
	account, err := netsuite.ParseAccountID(expect)
	switch {
	case err != nil:
		return NewLink{}, broker.Errorf(broker.CodeInvalid, "field \"expect\": %v", err)
	case account == conn.Account:
		return NewLink{}, broker.Errorf(broker.CodeInvalid, "field \"expect\": account %s has this connection already", account).WithDo("suitekey link create --repair " + conn.ID)
	case account.Company() != conn.Account.Company():
		return NewLink{}, broker.Errorf(broker.CodeInvalid, "field \"expect\": account %s is not of the same company as %s", account, conn.Account).
			WithDo("Make a link of its own: suitekey link create --app " + conn.App + " --customer NAME --expect " + account.String())
	}
	return s.CreateLink(ctx, LinkRequest{App: conn.App, Customer: conn.Customer, Expect: []string{expect}, EndUser: conn.EndUser, Metadata: conn.Metadata})
}

func (s *Service) newLink(app broker.App, q LinkRequest) (broker.Link, error) {
	if q.Kind == "" {
		q.Kind = broker.LinkSent
	}
	link := broker.Link{
		ID: broker.NewID("ol"), App: app.Name, Kind: q.Kind, Customer: strings.TrimSpace(q.Customer),
		ReturnURL: q.ReturnURL, Metadata: q.Metadata, Connects: broker.KindMachine,
	}
	if q.EndUser != "" {
		link.Connects, link.EndUser = broker.KindUser, q.EndUser
	}
	for _, raw := range q.Expect {
		account, err := netsuite.ParseAccountID(raw)
		if err != nil {
			return link, broker.Errorf(broker.CodeInvalid, "field \"expect\": %v", err)
		}
		link.Expect = append(link.Expect, account)
	}
	switch {
	case link.Kind != broker.LinkSent && link.Kind != broker.LinkSession:
		return link, broker.Errorf(broker.CodeInvalid, "field \"kind\": must be sent or session; got %q", link.Kind)
	case link.Customer == "" || len(link.Customer) > 80 || strings.ContainsFunc(link.Customer, isControl):
		return link, broker.Errorf(broker.CodeInvalid, "field \"customer\": must be the customer's name, 1 to 80 printable characters")
	case link.Connects == broker.KindUser && app.Integration.User == nil:
		return link, broker.Errorf(broker.CodeInvalid, "field \"user\": app %s has no user connections, since its definition lacks integration.user", app.Name).
			WithDo("Name the integration record that persons consent to, then: suitekey app check " + app.Name)
	case link.Connects == broker.KindUser && !broker.ValidEndUser(link.EndUser):
		return link, broker.Errorf(broker.CodeInvalid, "field \"user\": must be the app's own ID of the person, 1 to 128 printable ASCII characters without spaces")
	case len(link.Expect) > 10:
		return link, broker.Errorf(broker.CodeInvalid, "field \"expect\": may hold at most 10 accounts; got %d", len(link.Expect))
	case link.Kind == broker.LinkSession && link.ReturnURL == "":
		return link, broker.Errorf(broker.CodeInvalid, "field \"return_url\": a session link needs it; the app's backend confirms the connection there")
	case link.ReturnURL != "" && !slices.Contains(app.ReturnURLs, link.ReturnURL):
		return link, broker.Errorf(broker.CodeInvalid, "field \"return_url\": must be one of the app's return_urls, character by character").WithDo("Add it to the app definition, or use one that is there.")
	}
	if n := metadataSize(link.Metadata); n > 4096 {
		return link, broker.Errorf(broker.CodeInvalid, "field \"metadata\": may hold 4,096 characters; got %d", n)
	}
	return link, nil
}

func isControl(r rune) bool {
	return r < 0x20 || r == 0x7f || r == 0x2028 || r == 0x2029 || r == 0xfffd
}

func metadataSize(m map[string]string) int {
	n := 0
	for k, v := range m {
		n += len(k) + len(v)
	}
	return n
}

// issue gives a link its token and stores it.
func (s *Service) issue(ctx context.Context, link broker.Link) (NewLink, error) {
	token := broker.NewToken()
	link.TokenHash = broker.HashToken(token)
	link.CreatedAt = s.Now()
	link.ExpiresAt = link.CreatedAt.Add(link.Kind.Lifetime())
	out := NewLink{URL: s.PublicURL.JoinPath("c", token).String()}
	if link.ConnectionID != "" {
		var err error
		if link.Token, err = s.Vault.Seal(linkPlace(link), []byte(token)); err != nil {
			return NewLink{}, err
		}
	}
	if link.Kind == broker.LinkSession {
		secret := broker.NewToken()
		link.FinaliseHash = broker.HashToken(secret)
		out.FinaliseSecret = netsuite.NewSecret(secret)
	}
	line := broker.AuditLine{At: s.Now(), Event: broker.AuditLinkCreated, Actor: "operator", App: link.App, Object: link.ID, Result: "ok", Detail: string(link.Kind)}
	if err := s.Audit.Record(ctx, line); err != nil {
		return NewLink{}, err
	}
	if err := s.Store.SaveLink(ctx, &link); err != nil {
		return NewLink{}, err
	}
	out.Link = link
	return out, nil
}

// RevokeLink withdraws a link. A run that was started from it goes on.
func (s *Service) RevokeLink(ctx context.Context, id string) error {
	link, err := s.Store.Link(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		return broker.Errorf(broker.CodeNotFound, "there is no link %q", id)
	}
	if err != nil || !link.RevokedAt.IsZero() {
		return err
	}
	link.RevokedAt = s.Now()
	line := broker.AuditLine{At: s.Now(), Event: broker.AuditLinkRevoked, Actor: "operator", App: link.App, Object: link.ID, Result: "ok"}
	if err := s.Audit.Record(ctx, line); err != nil {
		return err
	}
	return s.Store.SaveLink(ctx, &link)
}

// Open looks at a link without spending it, so that a mail scanner may do so too.
func (s *Service) Open(ctx context.Context, token string) (broker.Invitation, error) {
	link, err := s.link(ctx, token)
	if err != nil && link.App == "" {
		return broker.Invitation{}, err
	}
	inv := broker.Invitation{Link: link}
	if err != nil {
		// A link that is over still says who sent it.
		app, appErr := s.Store.App(ctx, link.App)
		inv.App = app
		return inv, errors.Join(err, appErr)
	}
	if inv.App, err = s.Store.App(ctx, link.App); err != nil {
		return inv, err
	}
	if link.ConnectionID != "" {
		h, err := s.Store.Health(ctx, link.ConnectionID)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return inv, err
		}
		inv.Cause = h.Cause
	}
	if link.RunID == "" {
		return inv, nil
	}
	run, err := s.Store.Run(ctx, link.RunID)
	if err != nil {
		return inv, err
	}
	inv.Run = &run
	if run.Phase() == broker.PhaseConnected {
		conn, err := s.Store.Connection(ctx, run.ConnectionID)
		if err != nil {
			return inv, err
		}
		inv.Connection = &conn
	}
	return inv, nil
}

// link finds a live link by its token. A link whose run is under way outlives its date: progress is kept.
func (s *Service) link(ctx context.Context, token string) (broker.Link, error) {
	if len(token) != 43 {
		return broker.Link{}, &broker.Error{Code: broker.CodeLinkUnknown}
	}
	link, err := s.Store.LinkByTokenHash(ctx, broker.HashToken(token))
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return link, &broker.Error{Code: broker.CodeLinkUnknown}
	case err != nil:
		return link, err
	case !link.RevokedAt.IsZero():
		return link, &broker.Error{Code: broker.CodeLinkRevoked}
	case link.RunID == "" && s.Now().After(link.ExpiresAt):
		return link, &broker.Error{Code: broker.CodeLinkExpired}
	}
	return link, s.revives(ctx, link)
}

// revives refuses a link that would bring back what somebody has ended: a disconnected connection that it repairs, or that it made.
func (s *Service) revives(ctx context.Context, link broker.Link) error {
	connection := link.ConnectionID
	if connection == "" && link.RunID != "" {
		run, err := s.Store.Run(ctx, link.RunID)
		if err != nil {
			return err
		}
		if run.Phase() == broker.PhaseConnected {
			connection = run.ConnectionID
		}
	}
	if connection == "" {
		return nil
	}
	conn, err := s.Store.Connection(ctx, connection)
	if err == nil && conn.State != broker.ConnectionConnected {
		return &broker.Error{Code: broker.CodeLinkRevoked}
	}
	return err
}

// Finalise is the app's backend saying, from its own signed-in session, that the run of a session link is its user's (ON-01).
// secret came with the link; code was carried by the browser.
func (s *Service) Finalise(ctx context.Context, linkID, secret, code string) (string, netsuite.AccountID, error) {
	refused := broker.Errorf(broker.CodeNotFound, "no run waits for this link, secret and code").WithDo("Finalise once, within ten minutes, with the code from the return URL.")
	link, err := s.Store.Link(ctx, linkID)
	if errors.Is(err, broker.ErrNotFound) || (err == nil && (link.RunID == "" || !equalHash(secret, link.FinaliseHash))) {
		return "", "", refused
	}
	if err != nil {
		return "", "", err
	}
	var account netsuite.AccountID
	_, err = s.change(ctx, link.RunID, func(r *broker.Run) error {
		account = r.Account
		if !equalHash(code, r.FinaliseCodeHash) || !r.FinalisedAt.IsZero() || r.Over() || s.Now().After(r.FinaliseBy) {
			return refused
		}
		if err := s.audit(ctx, broker.AuditRunFinalised, *r, "ok", r.Account.String()); err != nil {
			return err
		}
		r.FinalisedAt, r.FinaliseCode, r.DueAt = s.Now(), nil, s.Now()
		return nil
	})
	if err != nil {
		return "", "", err
	}
	s.kick(link.RunID)
	return link.RunID, account, nil
}

// equalHash compares a presented secret with a stored hash in constant time; an empty hash never matches.
func equalHash(secret, hash string) bool {
	return hash != "" && subtle.ConstantTimeCompare([]byte(broker.HashToken(secret)), []byte(hash)) == 1
}

// change applies a person's or an app's wish to a run by compare-and-swap, reading again when a step got in between.
func (s *Service) change(ctx context.Context, runID string, apply func(*broker.Run) error) (broker.Run, error) {
	for {
		r, err := s.Store.Run(ctx, runID)
		if err != nil {
			return r, err
		}
		if err := apply(&r); err != nil {
			return r, err
		}
		r.UpdatedAt = s.Now()
		if err := s.Store.SaveRun(ctx, &r, nil, nil); !errors.Is(err, broker.ErrConflict) {
			return r, err
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
	}
}

// pauseAfter grows with the attempts: base, then half as much again each time, at most limit.
func pauseAfter(base time.Duration, attempts int, limit time.Duration) time.Duration {
	d := base
	for range attempts {
		if d = d * 3 / 2; d >= limit {
			return limit
		}
	}
	return d
}
