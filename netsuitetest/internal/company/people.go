package company

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// RoleAdministrator is the internal id of the Administrator role in every account.
const RoleAdministrator = 3

// Permission levels as rolepermissions.permlevel shows them.
const (
	LevelView   = 1
	LevelCreate = 2
	LevelEdit   = 3
	LevelFull   = 4
)

// Employee is a row of the employee table.
type Employee struct {
	ID                           int64 // internal id; Oracle's samples show -5 for the first administrator
	EntityID, First, Last, Email string
	GiveAccess, Inactive         bool
	Roles                        []int64 // internal ids of the roles held, ascending
	AuthID                       string  // log-in identity; not visible to SuiteQL
}

// Role is a row of the role table with its rolepermissions.
type Role struct {
	ID              int64          `yaml:"id"`
	ScriptID        string         `yaml:"script_id"`
	Name            string         `yaml:"name"`
	Inactive        bool           `yaml:"inactive"`
	Permissions     map[string]int `yaml:"permissions"`       // permission script id (permkey) to level 1 (View) .. 4 (Full)
	WebServicesOnly bool           `yaml:"web_services_only"` // such a role is refused by RESTlets (H/chapter_1529417663)
	FullAccess      bool           `yaml:"full_access"`       // holds every permission, as Administrator does
}

// permissionNames are the names that NetSuite's pages show for permission script ids.
var permissionNames = map[string]string{
	"ADMI_LOGIN_OAUTH2":            "Log in using OAuth 2.0 Access Tokens",
	"ADMI_LOGIN_OAUTH":             "Log in using Access Tokens",
	"ADMI_MANAGE_OWN_OAUTH2_CERTS": "Manage own OAuth 2.0 Client Credentials certificates",
	"ADMI_MANAGE_OAUTH_TOKENS":     "Access Token Management",
	"ADMI_MANAGE_OAUTH2":           "OAuth 2.0 Authorized Applications Management",
	"ADMI_RESTWEBSERVICES":         "REST Web Services",
	"REPO_ANALYTICS":               "SuiteAnalytics Workbook",
	"ADMI_CUSTOMSCRIPT":            "SuiteScript",
	"ADMI_SS_SCHEDULING":           "SuiteScript Scheduling",
	"ADMI_RECORDS_CATALOG":         "Records Catalog",
	"ADMI_INTEGRAPP":               "Integration Application",
	"ADMI_AUDITLOGIN":              "View Login Audit Trail",
	"ADMI_MCP_SERVER":              "MCP Server Connection",
	"LIST_CUSTJOB":                 "Customers",
	"LIST_VENDOR":                  "Vendors",
	"LIST_ITEM":                    "Items",
	"LIST_EMPLOYEE":                "Employees",
	"LIST_CURRENCY":                "Currency",
	"LIST_SUBSIDIARY":              "Subsidiaries",
	"LIST_CUSTRECORDENTRY":         "Custom Record Entries",
	"LIST_CONTACT":                 "Contacts",
	"LIST_ACCOUNT":                 "Accounts",
	"TRAN_SALESORD":                "Sales Order",
	"TRAN_CUSTINVC":                "Invoice",
	"TRAN_CASHSALE":                "Cash Sale",
	"TRAN_CUSTCRED":                "Credit Memo",
	"TRAN_CUSTPYMT":                "Customer Payment",
	"TRAN_ITEMSHIP":                "Item Fulfillment",
	"TRAN_JOURNAL":                 "Make Journal Entry",
}

// PermissionName is the name that NetSuite's pages show for a permission's script id, the id itself where it is not known.
func PermissionName(id string) string {
	return cmp.Or(permissionNames[strings.ToUpper(id)], id)
}

const employeeColumns = `id, entityid, firstname, lastname, email, giveaccess, isinactive, rolesforsearch, authid`

// EmployeeByEmail finds the employee with this e-mail address in any letter case. Of several, those who
// have access and are active come first.
func (c *Company) EmployeeByEmail(email string) (Employee, bool) {
	return one(c.employees(`WHERE lower(email) = lower(?) ORDER BY isinactive, giveaccess DESC, id LIMIT 1`, email))
}

// Employee finds an employee by internal id.
func (c *Company) Employee(id int64) (Employee, bool) {
	return recall(&c.actors, &c.actors.employees, id, func() (Employee, bool) { return one(c.employees(`WHERE id = ?`, id)) })
}

// Employees lists all employees by internal id.
func (c *Company) Employees() []Employee {
	all, err := c.employees(`ORDER BY id`)
	if err != nil {
		return nil
	}
	return all
}

// Role finds a role by internal id.
func (c *Company) Role(id int64) (Role, bool) {
	return recall(&c.actors, &c.actors.roles, id, func() (Role, bool) { return one(c.roles(`WHERE id = ?`, id)) })
}

// RoleByScriptID finds a role by script id in any letter case.
func (c *Company) RoleByScriptID(scriptID string) (Role, bool) {
	return one(c.roles(`WHERE lower(scriptid) = lower(?)`, scriptID))
}

// Roles lists all roles by internal id.
func (c *Company) Roles() []Role {
	all, err := c.roles(`ORDER BY id`)
	if err != nil {
		return nil
	}
	return all
}

// one is the first of found. A closed company has nobody, which is what its callers want to hear.
func one[T any](found []T, err error) (T, bool) {
	var zero T
	if err != nil || len(found) == 0 {
		return zero, false
	}
	return found[0], true
}

func (c *Company) employees(where string, args ...any) ([]Employee, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	rows, err := c.read.QueryContext(context.Background(), `SELECT `+employeeColumns+` FROM employee `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Employee
	for rows.Next() {
		var e Employee
		var access, inactive string
		var roles, first, last, email, auth sql.NullString
		if err := rows.Scan(&e.ID, &e.EntityID, &first, &last, &email, &access, &inactive, &roles, &auth); err != nil {
			return nil, err
		}
		e.First, e.Last, e.Email, e.AuthID = first.String, last.String, email.String, auth.String
		e.GiveAccess, e.Inactive, e.Roles = access == "T", inactive == "T", parseRoles(roles.String)
		found = append(found, e)
	}
	return found, rows.Err()
}

func (c *Company) roles(where string, args ...any) ([]Role, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	rows, err := c.read.QueryContext(context.Background(),
		`SELECT id, scriptid, name, isinactive, iswebserviceonlyrole, fullaccess FROM role `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Role
	for rows.Next() {
		var r Role
		var inactive, webOnly, full string
		if err := rows.Scan(&r.ID, &r.ScriptID, &r.Name, &inactive, &webOnly, &full); err != nil {
			return nil, err
		}
		r.Inactive, r.WebServicesOnly, r.FullAccess = inactive == "T", webOnly == "T", full == "T"
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Permissions, err = c.permissions(found[i].ID); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// permissions reads a role's permissions; the caller holds mu.
func (c *Company) permissions(role int64) (map[string]int, error) {
	rows, err := c.read.QueryContext(context.Background(), `SELECT permkey, permlevel FROM rolepermissions WHERE role = ?`, role)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	levels := map[string]int{}
	for rows.Next() {
		var key string
		var level int
		if err := rows.Scan(&key, &level); err != nil {
			return nil, err
		}
		levels[key] = level
	}
	return levels, rows.Err()
}

// Has tells whether the role holds the permission at this level (1 View, 2 Create, 3 Edit, 4 Full) or a
// higher one. The letter case of the permission does not matter. Administrator has everything.
func (c *Company) Has(roleID int64, permission string, level int) bool {
	r, ok := c.Role(roleID)
	return ok && r.has(permission, level)
}

func (r Role) has(permission string, level int) bool {
	if r.ID == RoleAdministrator || r.FullAccess {
		return true
	}
	for key, held := range r.Permissions {
		if strings.EqualFold(key, permission) {
			return held >= level
		}
	}
	return false
}

// hasAny tells whether the role holds one of the permissions, or there is none to hold.
func (r Role) hasAny(permissions []string, level int) bool {
	return len(permissions) == 0 || slices.ContainsFunc(permissions, func(p string) bool { return r.has(p, level) })
}

// AddEmployee adds an employee and returns the internal id, a new one if e.ID is 0. The e-mail address
// must be free and every role must exist.
func (c *Company) AddEmployee(e Employee) (int64, error) {
	if e.Email == "" || !strings.Contains(e.Email, "@") {
		return 0, fmt.Errorf("employee e-mail %q: must be an address such as ada@globex.example", e.Email)
	}
	if e.EntityID == "" {
		e.EntityID = strings.TrimSpace(e.First + " " + e.Last)
	}
	if e.EntityID == "" {
		return 0, errors.New("employee entity id: must not be empty; give a name")
	}
	err := c.update(func(tx *sql.Tx) error {
		if err := checkNewEmployee(tx, e); err != nil {
			return err
		}
		id := any(e.ID)
		if e.ID == 0 {
			id = nil
		}
		done, err := tx.Exec(`INSERT INTO employee (id, entityid, firstname, lastname, email, giveaccess, isinactive, rolesforsearch, authid)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, e.EntityID, textOrNull(e.First), textOrNull(e.Last), e.Email,
			flag(e.GiveAccess), flag(e.Inactive), textOrNull(formatRoles(e.Roles)), textOrNull(e.AuthID))
		if err != nil {
			return err
		}
		e.ID, err = done.LastInsertId()
		return err
	})
	if err != nil {
		return 0, err
	}
	return e.ID, nil
}

func checkNewEmployee(tx *sql.Tx, e Employee) error {
	var taken int
	if err := tx.QueryRow(`SELECT count(*) FROM employee WHERE lower(email) = lower(?) OR id = ?`, e.Email, e.ID).Scan(&taken); err != nil {
		return err
	}
	if taken > 0 {
		return fmt.Errorf("employee %d %s: the id or the e-mail is taken; choose another", e.ID, e.Email)
	}
	for _, role := range e.Roles {
		if err := mustExist(tx, "role", role); err != nil {
			return err
		}
	}
	return nil
}

// AddRole adds a role and returns the internal id, a new one if r.ID is 0. Nobody holds it yet.
func (c *Company) AddRole(r Role) (id int64, err error) {
	if err := (Bundle{ID: 1, Role: r}).validate(); err != nil || r.ScriptID == "" {
		return 0, errors.Join(err, missingScriptID(r))
	}
	err = c.update(func(tx *sql.Tx) error {
		if err := insertRole(tx, r); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT id FROM role WHERE scriptid = ?`, r.ScriptID).Scan(&id)
	})
	return id, err
}

func missingScriptID(r Role) error {
	if r.ScriptID != "" {
		return nil
	}
	return errors.New("role script id: must not be empty; give one such as customrole_sync")
}

// AssignRole lets the employee hold the role. A role already held stays held.
func (c *Company) AssignRole(employeeID, roleID int64) error {
	return c.changeRoles(employeeID, roleID, func(held []int64) []int64 {
		if slices.Contains(held, roleID) {
			return held
		}
		return append(held, roleID)
	})
}

// UnassignRole takes the role from the employee. A role not held is no error.
func (c *Company) UnassignRole(employeeID, roleID int64) error {
	return c.changeRoles(employeeID, roleID, func(held []int64) []int64 {
		return slices.DeleteFunc(held, func(r int64) bool { return r == roleID })
	})
}

func (c *Company) changeRoles(employeeID, roleID int64, change func([]int64) []int64) error {
	return c.update(func(tx *sql.Tx) error {
		if err := mustExist(tx, "role", roleID); err != nil {
			return err
		}
		if err := mustExist(tx, "employee", employeeID); err != nil {
			return err
		}
		var held sql.NullString
		if err := tx.QueryRow(`SELECT rolesforsearch FROM employee WHERE id = ?`, employeeID).Scan(&held); err != nil {
			return err
		}
		roles := formatRoles(change(parseRoles(held.String)))
		_, err := tx.Exec(`UPDATE employee SET rolesforsearch = ? WHERE id = ?`, textOrNull(roles), employeeID)
		return err
	})
}

// SetPermission gives the role a permission at a level (1 View, 2 Create, 3 Edit, 4 Full), or takes it away at level 0.
func (c *Company) SetPermission(roleID int64, permission string, level int) error {
	if level < 0 || level > 4 || permission == "" {
		return errors.New("permission: must be a permission ID and a level from 0 (none) to 4 (Full)")
	}
	return c.update(func(tx *sql.Tx) error {
		if err := mustExist(tx, "role", roleID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM rolepermissions WHERE role = ? AND upper(permkey) = upper(?)`, roleID, permission); err != nil || level == 0 {
			return err
		}
		return insertPermissions(tx, Role{ID: roleID, Permissions: map[string]int{permission: level}})
	})
}

// SetRoleInactive switches a role off or on.
func (c *Company) SetRoleInactive(roleID int64, inactive bool) error {
	return c.setInactive("role", roleID, inactive)
}

// SetEmployeeInactive switches an employee off or on.
func (c *Company) SetEmployeeInactive(id int64, inactive bool) error {
	return c.setInactive("employee", id, inactive)
}

func (c *Company) setInactive(table string, id int64, inactive bool) error {
	return c.update(func(tx *sql.Tx) error {
		if err := mustExist(tx, table, id); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE `+table+` SET isinactive = ? WHERE id = ?`, flag(inactive), id)
		return err
	})
}

func mustExist(tx *sql.Tx, table string, id int64) error {
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM `+table+` WHERE id = ?`, id).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%s %d: does not exist; choose one of the account", table, id)
	}
	return nil
}

// parseRoles and formatRoles are the form of employee.rolesforsearch, such as "1, 3" (H/section_0210124841).
func parseRoles(list string) []int64 {
	var roles []int64
	for part := range strings.SplitSeq(list, ",") {
		if id, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64); err == nil {
			roles = append(roles, id)
		}
	}
	return roles
}

func formatRoles(roles []int64) string {
	sorted := slices.Clone(roles)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	parts := make([]string, 0, len(sorted))
	for _, id := range slices.Compact(sorted) {
		parts = append(parts, strconv.FormatInt(id, 10))
	}
	return strings.Join(parts, ", ")
}

// flag is how NetSuite's tables show a check box.
func flag(b bool) string {
	if b {
		return "T"
	}
	return "F"
}

// textOrNull keeps empty text as NULL, which is what it is in NetSuite's database.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
