package onboard

import (
	"context"
	"errors"
	"maps"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// alike completes a request for a link to a sandbox or another account of a company that is connected already: app, customer and
// person are those of the connection, and so is the metadata, to which the request may add. The accounts must be named and of the
// same company, so that nothing of one customer gets into another one's NetSuite (TE-04).
func (s *Service) alike(ctx context.Context, q LinkRequest) (LinkRequest, error) {
	if q.Like == "" {
		return q, nil
	}
	for _, given := range []struct{ field, value string }{{"app", q.App}, {"customer", q.Customer}, {"user", q.EndUser}} {
		if given.value != "" {
			return q, broker.Errorf(broker.CodeInvalid, "field %q: is that of the connection in \"like\"", given.field).WithDo("Leave it out.")
		}
	}
	conn, err := s.Store.Connection(ctx, q.Like)
	if errors.Is(err, broker.ErrNotFound) {
		return q, broker.Errorf(broker.CodeNotFound, "field \"like\": there is no connection %.80q", q.Like).WithDo("suitekey connection list")
	}
	if err != nil {
		return q, err
	}
	if err := relatives(conn, q.Expect); err != nil {
		return q, err
	}
	q.App, q.Customer, q.EndUser = conn.App, conn.Customer, conn.EndUser
	metadata := maps.Clone(conn.Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	maps.Copy(metadata, q.Metadata)
	q.Metadata = metadata
	return q, nil
}

// relatives refuses accounts that are not of the connection's company, and its own.
func relatives(conn broker.Connection, expect []string) error {
	company := conn.Account.Company()
	if len(expect) == 0 {
		return broker.Errorf(broker.CodeInvalid, "field \"expect\": must name the account, of the same company as %s", conn.Account).
			WithDo("Name it, for example " + company.String() + "_SB1.")
	}
	for _, raw := range expect {
		account, err := netsuite.ParseAccountID(raw)
		switch {
		case err != nil:
			return broker.Errorf(broker.CodeInvalid, "field \"expect\": %v", err)
		case account == conn.Account:
			return broker.Errorf(broker.CodeInvalid, "field \"expect\": %s is the account of connection %s itself", account, conn.ID).
				WithDo("Name another account of the company, or mend this one: suitekey link create --repair " + conn.ID)
		case account.Company() != company:
			return broker.Errorf(broker.CodeInvalid, "field \"expect\": %s is of the company %s, connection %s of %s", account, account.Company(), conn.ID, company).
				WithDo("Name an account of the same company, or make a link of its own with --app and --customer.")
		}
	}
	return nil
}
