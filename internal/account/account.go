// Package account asks a NetSuite account about itself: which account it is, who is asking, which roles there are, who holds one and
// what it may do. Whoever connects an account, or examines a connection, asks here.
//
// Errors are NetSuite's own. A table that the role may not see is ErrHidden, which is no proof that a thing is not there.
package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Administrator is the internal ID of the standard role of that name in every account.
const Administrator = 3

// Kernel is Core Administration: a role that carries it may do nearly everything (ON-12).
const Kernel = "ADMI_KERNEL"

// Hidden reports that NetSuite did not like a statement: a table or column is unknown, or hidden from the role.
func Hidden(err error) bool {
	var e *netsuite.Error
	return errors.As(err, &e) && e.Code == "INVALID_PARAMETER"
}

// Identity is who makes a call, and where.
type Identity struct {
	Account          netsuite.AccountID // as the API answers
	Person, RoleName string             // empty when they may not be looked up
	Role, Entity     int64
}

// Identify makes a call that names the account, and learns who the token's entity and role are. A person who may not be looked up
// stays a number.
func Identify(ctx context.Context, api *netsuite.API, claims netsuite.Claims) (Identity, error) {
	page, err := api.SuiteQL(ctx, fmt.Sprintf("SELECT e.entityid, e.firstname, e.lastname, r.name AS rolename FROM employee e LEFT JOIN role r ON r.id = %d WHERE e.id = %d", claims.Role, claims.Entity), 1, 0)
	if Hidden(err) {
		page, err = api.SuiteQL(ctx, "SELECT 1 AS ok FROM dual", 1, 0)
	}
	if err != nil {
		return Identity{}, err
	}
	who := Identity{Account: page.Account, Role: claims.Role, Entity: claims.Entity}
	if len(page.Rows) > 0 {
		who.Person, who.RoleName = personName(page.Rows[0]), page.Rows[0].Get("rolename")
	}
	return who, nil
}

func personName(row netsuite.Row) string {
	if full := strings.TrimSpace(row.Get("firstname") + " " + row.Get("lastname")); full != "" {
		return full
	}
	return row.Get("entityid")
}

// Role is a role of the account.
type Role struct {
	ID             int64
	ScriptID, Name string
	Inactive       bool
}

// RoleByScriptID finds a role, whatever the case of its script ID (netsuite-api 4.2); false when there is none.
func RoleByScriptID(ctx context.Context, api *netsuite.API, scriptID string) (Role, bool, error) {
	return oneRole(ctx, api, "LOWER(scriptid) = "+netsuite.QuoteLiteral(strings.ToLower(scriptID)))
}

// RoleByID finds a role by its internal ID; false when there is none.
func RoleByID(ctx context.Context, api *netsuite.API, id int64) (Role, bool, error) {
	return oneRole(ctx, api, fmt.Sprintf("id = %d", id))
}

func oneRole(ctx context.Context, api *netsuite.API, where string) (Role, bool, error) {
	roles, err := roles(ctx, api, " WHERE "+where)
	if err != nil || len(roles) == 0 {
		return Role{}, false, err
	}
	return roles[0], true, nil
}

// CustomRoles lists the active roles that are not NetSuite's own.
func CustomRoles(ctx context.Context, api *netsuite.API) ([]Role, error) {
	all, err := roles(ctx, api, "")
	return slices.DeleteFunc(all, func(r Role) bool { return r.Inactive || !strings.HasPrefix(strings.ToLower(r.ScriptID), "customrole") }), err
}

func roles(ctx context.Context, api *netsuite.API, where string) ([]Role, error) {
	page, err := api.SuiteQL(ctx, "SELECT id, scriptid, name, isinactive FROM role"+where+" ORDER BY id", 1000, 0)
	if err != nil {
		return nil, err
	}
	var found []Role
	for _, row := range page.Rows {
		id, err := strconv.ParseInt(row.Get("id"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("NetSuite's answer about the role %.80q could not be read", row.Get("scriptid"))
		}
		found = append(found, Role{id, row.Get("scriptid"), row.Get("name"), row.Get("isinactive") == "T"})
	}
	return found, nil
}

// Permissions are what a role may do: levels from 1 (view) to 4 (full) by permission, in capitals (OH/section_0210123130).
func Permissions(ctx context.Context, api *netsuite.API, roleID int64) (map[string]int, error) {
	page, err := api.SuiteQL(ctx, fmt.Sprintf("SELECT permkey, permlevel FROM rolepermissions WHERE role = %d", roleID), 1000, 0)
	if err != nil {
		return nil, err
	}
	has := map[string]int{}
	for _, row := range page.Rows {
		has[strings.ToUpper(row.Get("permkey"))], _ = strconv.Atoi(row.Get("permlevel"))
	}
	return has, nil
}

// Holders are the users who may log in and hold a role.
func Holders(ctx context.Context, api *netsuite.API, roleID int64) ([]broker.Holder, error) {
	role := strconv.FormatInt(roleID, 10)
	// rolesforsearch is text such as "1, 3" (netsuite-api 4.3): LIKE narrows, the exact match is made here.
	page, err := api.SuiteQL(ctx, "SELECT id, entityid, firstname, lastname, email, rolesforsearch FROM employee WHERE giveaccess = 'T' AND isinactive = 'F' AND rolesforsearch LIKE '%"+role+"%' ORDER BY id", 1000, 0)
	if err != nil {
		return nil, err
	}
	var holders []broker.Holder
	for _, row := range page.Rows {
		held := strings.FieldsFunc(row.Get("rolesforsearch"), func(r rune) bool { return r == ',' || r == ' ' })
		id, err := strconv.ParseInt(row.Get("id"), 10, 64)
		if err == nil && slices.Contains(held, role) {
			holders = append(holders, broker.Holder{Entity: id, Name: personName(row), Email: row.Get("email")})
		}
	}
	return holders, nil
}
