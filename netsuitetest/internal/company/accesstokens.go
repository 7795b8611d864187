package company

import (
	"database/sql"
	"fmt"
	"slices"
)

// This file lists the access tokens of token-based authentication, as SuiteQL shows them to an auditor. The tokens
// themselves live with the front.

// accessTokens is the table oAuthToken. The columns are those of published queries
// (timdietrich.me/blog/netsuite-suiteql-access-token-queries); that TBA_App_Name is the name itself, and the permission,
// Access Token Management, are guesses.
func accessTokens() *table {
	return &table{
		name: "oauthtoken", key: "id", permissions: []string{"ADMI_MANAGE_OAUTH_TOKENS"},
		columns: slices.Concat(columns(number, "id"), columns(text, "tba_token_name tba_app_name"), columns(boolean, "binactive brevoked"),
			columns(date, "dcreated"), []column{
				refers("entity_name", "employee", "entityid"), refers("role_name", "role", "name"), refers("createdby", "employee", "entityid"),
			}),
	}
}

// AccessToken is a row of oAuthToken.
type AccessToken struct {
	Name, Application string
	Entity, Role      int64
}

// administrator is the employee who makes what nobody in particular made.
const administrator = -5

// AddAccessToken lists a new token and returns its internal id.
func (c *Company) AddAccessToken(t AccessToken) (id int64, err error) {
	err = c.update(func(tx *sql.Tx) error {
		done, err := tx.Exec(`INSERT INTO oauthtoken (tba_token_name, tba_app_name, entity_name, role_name, dcreated, createdby, binactive, brevoked)
			VALUES (?, ?, ?, ?, ?, ?, 'F', 'F')`, t.Name, t.Application, t.Entity, t.Role, c.today(), administrator)
		if err != nil {
			return err
		}
		id, err = done.LastInsertId()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("access token %q: %w", t.Name, err)
	}
	return id, nil
}

// RevokeAccessToken marks a listed token as revoked; it stays in the list.
func (c *Company) RevokeAccessToken(id int64) error {
	return c.update(func(tx *sql.Tx) error {
		if err := mustExist(tx, "oauthtoken", id); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE oauthtoken SET brevoked = 'T' WHERE id = ?`, id)
		return err
	})
}
