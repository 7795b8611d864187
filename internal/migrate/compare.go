package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

// Tables are looked at when nobody says what the integration reads. Those that neither may see count as alike.
var Tables = []string{"customer", "vendor", "employee", "contact", "item", "transaction", "subsidiary", "account", "currency", "department", "location"}

// QueryOf is the look at a table.
func QueryOf(table string) string { return "SELECT COUNT(*) AS n FROM " + table }

// Prove makes one call with the old credential. An error is NetSuite's own.
func Prove(ctx context.Context, old *netsuite.API) error {
	_, err := old.ServerTime(ctx)
	if errors.Is(err, netsuite.ErrNotFound) { // before 2025.2
		_, err = old.SuiteQL(ctx, "SELECT 1 AS ok FROM dual", 1, 0)
	}
	return err
}

// Compare asks the same of both, and notes what differs. An error means that a comparison could not be made: NetSuite does not answer,
// or one of the two cannot sign in.
func Compare(ctx context.Context, old, now *netsuite.API, queries []string, at time.Time) (Comparison, error) {
	c := Comparison{At: at.UTC(), Differences: []Difference{}}
	types, err := recordTypes(ctx, old, now)
	if err != nil {
		return c, err
	}
	c.Differences = append(c.Differences, types...)
	for _, q := range queries {
		d, err := compareQuery(ctx, old, now, q)
		if err != nil {
			return c, err
		}
		c.Differences = append(c.Differences, d...)
	}
	return c, nil
}

// recordTypes compares which record types each may use: the catalog is made for the role (H/section_1540810174).
func recordTypes(ctx context.Context, old, now *netsuite.API) ([]Difference, error) {
	before, oldErr := old.MetadataCatalog(ctx)
	after, newErr := now.MetadataCatalog(ctx)
	if err := cannotTell(oldErr, newErr); err != nil {
		return nil, err
	}
	if oldErr != nil || newErr != nil {
		return compareErrors("list of record types", oldErr, newErr), nil
	}
	var lost []string
	for _, name := range before {
		if !slices.Contains(after, name) {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 {
		return nil, nil // what the new role may do beside is the doctor's affair
	}
	const most = 20
	names := strings.Join(lost[:min(len(lost), most)], ", ")
	if len(lost) > most {
		names += fmt.Sprintf(" and %d more", len(lost)-most)
	}
	return []Difference{{
		What: "record types", Old: fmt.Sprint(len(before)), New: fmt.Sprint(len(after)), Do: "If the integration uses them, add their permissions to the new role: " + names,
	}}, nil
}

// compareQuery asks the new one before and after the old one: rows that come and go meanwhile are no difference.
func compareQuery(ctx context.Context, old, now *netsuite.API, query string) ([]Difference, error) {
	first, newErr := ask(ctx, now, query)
	before, oldErr := ask(ctx, old, query)
	if err := cannotTell(oldErr, newErr); err != nil {
		return nil, err
	}
	if oldErr != nil || newErr != nil {
		return compareErrors(query, oldErr, newErr), nil
	}
	if first == before {
		return nil, nil
	}
	second, err := ask(ctx, now, query)
	if err != nil {
		return nil, err
	}
	if second == before || first != second { // it changes by itself
		return nil, nil
	}
	return []Difference{{What: query, Old: before, New: second, Do: "The new role sees other rows: compare its restrictions and subsidiaries with those of the old one."}}, nil
}

// ask returns the first page of an answer as text.
func ask(ctx context.Context, api *netsuite.API, query string) (string, error) {
	page, err := api.SuiteQL(ctx, query, 1000, 0)
	if err != nil {
		return "", err
	}
	if page.Count == 1 && len(page.Rows[0].Columns()) == 1 {
		return page.Rows[0].Get(page.Rows[0].Columns()[0]), nil
	}
	var text strings.Builder
	for _, row := range page.Rows {
		fmt.Fprintln(&text, row)
	}
	return fmt.Sprintf("%d rows, %s", page.Total, digest(text.String())), nil
}

// cannotTell is an error that says nothing of what a role may do.
func cannotTell(old, now error) error {
	for _, one := range []struct {
		whose string
		err   error
	}{{"token-based authentication", old}, {"new connection", now}} {
		if one.err != nil && !ofTheRole(one.err) {
			return fmt.Errorf("%s: %w", one.whose, one.err)
		}
	}
	return nil
}

// ofTheRole reports whether NetSuite refused for want of a permission: a hidden table is answered like one that is not there.
func ofTheRole(err error) bool {
	var e *netsuite.Error
	return errors.As(err, &e) && (errors.Is(err, netsuite.ErrPermission) || errors.Is(err, netsuite.ErrUserRole) || e.Code == "INVALID_PARAMETER")
}

func compareErrors(what string, old, now error) []Difference {
	switch {
	case old != nil && now != nil:
		return nil // neither may: the integration did not use it
	case old != nil:
		return nil // the new role may more, which is the doctor's affair
	}
	return []Difference{{What: what, Old: "answered", New: codeOf(now), Do: "Add the permission for it to the new role at Setup > Users/Roles > Manage Roles."}}
}

func codeOf(err error) string {
	var e *netsuite.Error
	if errors.As(err, &e) && e.Code != "" {
		return e.Code
	}
	return "refused"
}
