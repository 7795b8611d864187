package company

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bundle is what a vendor ships: a role, scripts with their deployments, and custom record types.
type Bundle struct {
	ID            int64        `yaml:"id"`
	Name          string       `yaml:"name"`
	Version       string       `yaml:"version"`
	SourceAccount string       `yaml:"source_account"`
	Role          Role         `yaml:"role"` // Role.ID 0 takes the next free id; no script id means no role
	Scripts       []Script     `yaml:"scripts"`
	RecordTypes   []RecordType `yaml:"record_types"`
}

// Script is a row of the script table with its deployments.
type Script struct {
	ScriptID    string       `yaml:"script_id"`
	Name        string       `yaml:"name"`
	Type        string       `yaml:"type"` // such as RESTLET
	Deployments []Deployment `yaml:"deployments"`
}

// Deployment is a row of the scriptdeployment table.
type Deployment struct {
	ScriptID string   `yaml:"script_id"`
	Title    string   `yaml:"title"`
	Status   string   `yaml:"status"` // TESTING or RELEASED
	Deployed bool     `yaml:"deployed"`
	AllRoles bool     `yaml:"all_roles"`
	Roles    []string `yaml:"roles"` // script ids of the roles in the audience

	// WithoutLogin is the box Available Without Login of a Suitelet, OnlineFormUser that the external role Online Form
	// User is in the audience: anybody may open it only with both (H/bridgehead_1524084097).
	WithoutLogin   bool `yaml:"without_login"`
	OnlineFormUser bool `yaml:"online_form_user"`
}

// RecordType is a custom record type: a row of customrecordtype and a table of its own.
type RecordType struct {
	ScriptID string   `yaml:"script_id"`
	Name     string   `yaml:"name"`
	Fields   []string `yaml:"fields"` // custrecord_... script ids
}

// InstallBundle brings the bundle's role, scripts, deployments and record types into the account. The role
// is held by nobody. Installing the same version again changes nothing; what exists already under the same
// script id is refused, and then nothing is installed.
func (c *Company) InstallBundle(b Bundle) error {
	if err := b.validate(); err != nil {
		return fmt.Errorf("install bundle %d: %w", b.ID, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.bundles[b.ID]; ok {
		if have.Version == b.Version {
			return nil
		}
		return fmt.Errorf("install bundle %d: version %s is installed; uninstall it before version %s", b.ID, have.Version, b.Version)
	}
	tables := map[string]*table{}
	for _, rt := range b.RecordTypes {
		tables[strings.ToLower(rt.ScriptID)] = customRecordTable(rt)
	}
	err := c.updateLocked(func(tx *sql.Tx) error {
		if err := insertRole(tx, b.Role); err != nil {
			return err
		}
		for _, s := range b.Scripts {
			if err := insertScript(tx, s); err != nil {
				return err
			}
		}
		for _, rt := range b.RecordTypes {
			if err := insertRecordType(tx, rt, c.choices().LowerRecordTypeIDs); err != nil {
				return err
			}
		}
		return createTables(tx, tables)
	})
	if err != nil {
		return fmt.Errorf("install bundle %d: %w", b.ID, err)
	}
	maps.Copy(c.tables, tables)
	c.bundles[b.ID] = b
	return nil
}

func (b Bundle) validate() error {
	if b.ID <= 0 {
		return fmt.Errorf("id %d: must be positive", b.ID)
	}
	if b.Role.ScriptID != "" && !isScriptID(b.Role.ScriptID, "customrole") {
		return fmt.Errorf("role script id %q: must be customrole and lower-case letters, digits or _, at most 40 characters", b.Role.ScriptID)
	}
	for key, level := range b.Role.Permissions {
		if level < LevelView || level > LevelFull {
			return fmt.Errorf("permission %s level %d: must be 1 (View) to 4 (Full)", key, level)
		}
	}
	for _, s := range b.Scripts {
		if err := s.Validate(); err != nil {
			return err
		}
	}
	for _, rt := range b.RecordTypes {
		if err := rt.validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate tells what is wrong with the script ids and states, nil if nothing.
func (s Script) Validate() error {
	if !isScriptID(s.ScriptID, "customscript") {
		return fmt.Errorf("script id %q: must be customscript and lower-case letters, digits or _, at most 40 characters", s.ScriptID)
	}
	for _, d := range s.Deployments {
		if !isScriptID(d.ScriptID, "customdeploy") {
			return fmt.Errorf("deployment script id %q: must be customdeploy and lower-case letters, digits or _, at most 40 characters", d.ScriptID)
		}
		if err := checkStatus(d.Status); err != nil {
			return err
		}
	}
	return nil
}

func (rt RecordType) validate() error {
	if !isScriptID(rt.ScriptID, "customrecord") {
		return fmt.Errorf("record type script id %q: must be customrecord and lower-case letters, digits or _, at most 40 characters", rt.ScriptID)
	}
	seen := map[string]bool{}
	for _, f := range rt.Fields {
		if !isScriptID(f, "custrecord") || seen[f] {
			return fmt.Errorf("field %q of %s: must be custrecord and lower-case letters, digits or _, at most 40 characters, and appear once", f, rt.ScriptID)
		}
		seen[f] = true
	}
	return nil
}

func checkStatus(status string) error {
	if status != "TESTING" && status != "RELEASED" {
		return fmt.Errorf("deployment status %q: must be TESTING or RELEASED", status)
	}
	return nil
}

// isScriptID checks prefix, alphabet and length (40) of a custom object's script id.
func isScriptID(id, prefix string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && rest != "" && len(id) <= 40 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func insertRole(tx *sql.Tx, r Role) error {
	if r.ScriptID == "" {
		return nil
	}
	if err := mustBeFree(tx, "role", "scriptid", r.ScriptID); err != nil {
		return err
	}
	id := any(r.ID)
	if r.ID == 0 {
		id = nil
	}
	done, err := tx.Exec(`INSERT INTO role (id, scriptid, name, isinactive, iswebserviceonlyrole, fullaccess) VALUES (?, ?, ?, ?, ?, ?)`,
		id, r.ScriptID, r.Name, flag(r.Inactive), flag(r.WebServicesOnly), flag(r.FullAccess))
	if err != nil {
		return fmt.Errorf("role %s: %w", r.ScriptID, err)
	}
	if r.ID, err = done.LastInsertId(); err != nil {
		return err
	}
	return insertPermissions(tx, r)
}

func insertPermissions(tx *sql.Tx, r Role) error {
	for _, key := range slices.Sorted(maps.Keys(r.Permissions)) {
		name := permissionNames[key]
		if name == "" {
			name = key
		}
		// Every row of Oracle's sample has the restriction -1 (H/section_0210123130).
		_, err := tx.Exec(`INSERT INTO rolepermissions (role, permkey, name, permlevel, restriction) VALUES (?, ?, ?, ?, '-1')`, r.ID, key, name, r.Permissions[key])
		if err != nil {
			return fmt.Errorf("permission %s: %w", key, err)
		}
	}
	return nil
}

func insertScript(tx *sql.Tx, s Script) error {
	if err := mustBeFree(tx, "script", "scriptid", s.ScriptID); err != nil {
		return err
	}
	done, err := tx.Exec(`INSERT INTO script (scriptid, name, scripttype, isinactive) VALUES (?, ?, ?, 'F')`, s.ScriptID, s.Name, s.Type)
	if err != nil {
		return fmt.Errorf("script %s: %w", s.ScriptID, err)
	}
	id, err := done.LastInsertId()
	if err != nil {
		return err
	}
	for i, d := range s.Deployments {
		_, err := tx.Exec(`INSERT INTO scriptdeployment (script, deploynumber, scriptid, title, status, isdeployed, allroles, roles, withoutlogin, onlineformuser)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, i+1, d.ScriptID, d.Title, d.Status, flag(d.Deployed), flag(d.AllRoles), strings.Join(d.Roles, ","),
			flag(d.WithoutLogin), flag(d.OnlineFormUser))
		if err != nil {
			return fmt.Errorf("deployment %s: %w", d.ScriptID, err)
		}
	}
	_, err = tx.Exec(`UPDATE scriptdeployment SET primarykey = id WHERE script = ?`, id)
	return err
}

func insertRecordType(tx *sql.Tx, rt RecordType, lower bool) error {
	// The script ids of custom record types were seen in upper case, those of roles in lower case.
	id := strings.ToUpper(rt.ScriptID)
	if lower {
		id = strings.ToLower(id)
	}
	if err := mustBeFree(tx, "customrecordtype", "scriptid", id); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO customrecordtype (scriptid, name, isinactive) VALUES (?, ?, 'F')`, id, rt.Name)
	return err
}

func mustBeFree(tx *sql.Tx, table, column, value string) error {
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM `+table+` WHERE lower(`+column+`) = lower(?)`, value).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("%s %s: exists already in the account; remove it or choose another script id", table, value)
	}
	return nil
}

// UninstallBundle removes everything that the bundle brought, also from the employees who hold its role.
func (c *Company) UninstallBundle(id int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.bundles[id]
	if !ok {
		return fmt.Errorf("uninstall bundle %d: it is not installed", id)
	}
	err := c.updateLocked(func(tx *sql.Tx) error {
		return errors.Join(deleteRole(tx, b.Role.ScriptID), deleteScripts(tx, b.Scripts), deleteRecordTypes(tx, b.RecordTypes))
	})
	if err != nil {
		return fmt.Errorf("uninstall bundle %d: %w", id, err)
	}
	for _, rt := range b.RecordTypes {
		delete(c.tables, strings.ToLower(rt.ScriptID))
	}
	delete(c.bundles, id)
	return nil
}

func deleteRole(tx *sql.Tx, scriptID string) error {
	if scriptID == "" {
		return nil
	}
	var id int64
	if err := tx.QueryRow(`SELECT id FROM role WHERE scriptid = ?`, scriptID).Scan(&id); err != nil {
		return err
	}
	if err := unassignEverybody(tx, id); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM rolepermissions WHERE role = ?`, id); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM role WHERE id = ?`, id)
	return err
}

func unassignEverybody(tx *sql.Tx, role int64) error {
	held := map[int64]string{}
	rows, err := tx.Query(`SELECT id, rolesforsearch FROM employee WHERE rolesforsearch IS NOT NULL`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var list string
		if err := rows.Scan(&id, &list); err != nil {
			return err
		}
		held[id] = list
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for id, list := range held {
		rest := slices.DeleteFunc(parseRoles(list), func(r int64) bool { return r == role })
		if _, err := tx.Exec(`UPDATE employee SET rolesforsearch = ? WHERE id = ?`, textOrNull(formatRoles(rest)), id); err != nil {
			return err
		}
	}
	return nil
}

func deleteScripts(tx *sql.Tx, scripts []Script) error {
	for _, s := range scripts {
		if _, err := tx.Exec(`DELETE FROM scriptdeployment WHERE script IN (SELECT id FROM script WHERE scriptid = ?)`, s.ScriptID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM script WHERE scriptid = ?`, s.ScriptID); err != nil {
			return err
		}
	}
	return nil
}

func deleteRecordTypes(tx *sql.Tx, types []RecordType) error {
	for _, rt := range types {
		if _, err := tx.Exec(`DELETE FROM customrecordtype WHERE lower(scriptid) = lower(?)`, rt.ScriptID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DROP TABLE ` + quoteName(strings.ToLower(rt.ScriptID))); err != nil {
			return err
		}
	}
	return nil
}

// InstalledBundle tells whether the bundle is installed, and as what. Its role and deployments are shown as
// installed; later changes are in Role and Deployment.
func (c *Company) InstalledBundle(id int64) (Bundle, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, ok := c.bundles[id]
	return b, ok
}

// AddScript brings a script with its deployments into the account without a bundle. A script id that exists already is
// refused.
func (c *Company) AddScript(s Script) error {
	if err := s.Validate(); err != nil {
		return fmt.Errorf("add script: %w", err)
	}
	err := c.update(func(tx *sql.Tx) error { return insertScript(tx, s) })
	if err != nil {
		return fmt.Errorf("add script %s: %w", s.ScriptID, err)
	}
	return nil
}

// SetDeploymentStatus makes a deployment TESTING or RELEASED. Script and deploy are script ids or, for the
// script its internal id and for the deployment its number within the script.
func (c *Company) SetDeploymentStatus(script, deploy, status string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	return c.update(func(tx *sql.Tx) error {
		done, err := tx.Exec(`UPDATE scriptdeployment SET status = ? WHERE id IN (SELECT d.id `+deploymentByIDs+`)`,
			status, script, numeric(script), deploy, numeric(deploy))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return fmt.Errorf("script %s deployment %s: does not exist in the account", script, deploy)
	})
}

const deploymentByIDs = `FROM scriptdeployment d JOIN script s ON s.id = d.script
	WHERE (s.scriptid = lower(?) OR s.id = ?) AND (d.scriptid = lower(?) OR d.deploynumber = ?)`

// numeric is the number in a script= or deploy= parameter, or NULL where it holds a script id.
func numeric(id string) any {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	return n
}

// Deployment finds a script and one of its deployments as a RESTlet's URL names them: by script ids, or by
// the script's internal id and the deployment's number within the script. The script comes without its
// other deployments.
func (c *Company) Deployment(script, deploy string) (Script, Deployment, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var s Script
	var d Deployment
	var deployed, all, roles, open, form string
	err := c.read.QueryRowContext(context.Background(),
		`SELECT s.scriptid, s.name, s.scripttype, d.scriptid, d.title, d.status, d.isdeployed, d.allroles, d.roles, d.withoutlogin, d.onlineformuser `+deploymentByIDs,
		script, numeric(script), deploy, numeric(deploy)).
		Scan(&s.ScriptID, &s.Name, &s.Type, &d.ScriptID, &d.Title, &d.Status, &deployed, &all, &roles, &open, &form)
	if err != nil {
		return Script{}, Deployment{}, false
	}
	d.Deployed, d.AllRoles, d.WithoutLogin, d.OnlineFormUser = deployed == "T", all == "T", open == "T", form == "T"
	if roles != "" {
		d.Roles = strings.Split(roles, ",")
	}
	s.Deployments = []Deployment{d}
	return s, d, true
}
