package netsuitetest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// The pages of users and roles. What may be seen with which permission is a guess: Oracle's list has none for roles.

// employeeRow is a person as the employee pages show them.
type employeeRow struct {
	Employee
	Held []Role
	Free []Role
}

func (s *Server) employeeRow(a *Account, e Employee) employeeRow {
	row := employeeRow{Employee: e}
	for _, r := range a.data().Roles() {
		if slices.Contains(e.Roles, r.ID) {
			row.Held = append(row.Held, r)
		} else if !r.Inactive {
			row.Free = append(row.Free, r)
		}
	}
	return row
}

func (s *Server) showEmployees(c *call) {
	if _, ok := s.signedIn(c, "LIST_EMPLOYEE"); ok {
		var rows []employeeRow
		for _, e := range c.account.data().Employees() {
			rows = append(rows, s.employeeRow(c.account, e))
		}
		c.met("employee list")
		s.page(c, http.StatusOK, "employees.html", "Employees", "employees", rows)
	}
}

// pageID is the id parameter of a page's URL.
func pageID(c *call) int64 {
	id, err := strconv.ParseInt(c.r.URL.Query().Get("id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (s *Server) showEmployee(c *call) {
	if _, ok := s.signedIn(c, "LIST_EMPLOYEE"); !ok {
		return
	}
	e, ok := c.account.data().Employee(pageID(c))
	if !ok {
		c.broke("no such employee")
		s.errorPage(c, http.StatusNotFound, "No such employee", "Choose one from the list of employees.", "")
		return
	}
	c.met("employee, tab Access")
	s.page(c, http.StatusOK, "employee.html", e.EntityID, "employee", s.employeeRow(c.account, e))
}

// changeEmployee gives or takes a role, or makes the employee inactive or active.
func (s *Server) changeEmployee(c *call) {
	id := pageID(c)
	s.change(c, "LIST_EMPLOYEE", fmt.Sprintf("%s?id=%d", employeePath, id), func(form url.Values) error {
		if inactive, ok := inactiveAction(form); ok {
			return c.account.data().SetEmployeeInactive(id, inactive)
		}
		role, err := strconv.ParseInt(form.Get("role"), 10, 64)
		if err != nil {
			return errors.New("role: choose one of the list")
		}
		switch form.Get("action") {
		case "assign":
			return c.account.data().AssignRole(id, role)
		case "remove":
			return c.account.data().UnassignRole(id, role)
		}
		return errors.New("action: want assign, remove, inactivate or activate")
	})
}

// inactiveAction reads the actions that employees and roles share.
func inactiveAction(form url.Values) (inactive, ok bool) {
	action := form.Get("action")
	return action == "inactivate", action == "inactivate" || action == "activate"
}

// roleRow is a role as the role pages show it.
type roleRow struct {
	Role
	Holders     []Employee
	Permissions []permissionRow
}

// permissionRow is a permission of a role.
type permissionRow struct{ ID, Name, Level string }

// permissionLevels are the names of the levels 1 to 4.
var permissionLevels = []string{"", "View", "Create", "Edit", "Full"}

func (a *Account) roleRow(r Role) roleRow {
	row := roleRow{Role: r}
	for _, e := range a.data().Employees() {
		if slices.Contains(e.Roles, r.ID) {
			row.Holders = append(row.Holders, e)
		}
	}
	for id, level := range r.Permissions {
		row.Permissions = append(row.Permissions, permissionRow{id, company.PermissionName(id), permissionLevels[level]})
	}
	slices.SortFunc(row.Permissions, func(a, b permissionRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return row
}

func (s *Server) showRoles(c *call) {
	if _, ok := s.signedIn(c, "LIST_EMPLOYEE"); ok {
		var rows []roleRow
		for _, r := range c.account.data().Roles() {
			rows = append(rows, c.account.roleRow(r))
		}
		c.met("role list")
		s.page(c, http.StatusOK, "roles.html", "Manage Roles", "roles", rows)
	}
}

func (s *Server) showRole(c *call) {
	if _, ok := s.signedIn(c, "LIST_EMPLOYEE"); !ok {
		return
	}
	r, ok := c.account.data().Role(pageID(c))
	if !ok {
		c.broke("no such role")
		s.errorPage(c, http.StatusNotFound, "No such role", "Choose one from the list of roles.", "")
		return
	}
	c.met("role with its permissions")
	s.page(c, http.StatusOK, "rolepermissions.html", r.Name, "rolepermissions", c.account.roleRow(r))
}

// changeRole makes a role inactive or active.
func (s *Server) changeRole(c *call) {
	id := pageID(c)
	s.change(c, "LIST_EMPLOYEE", fmt.Sprintf("%s?id=%d", rolePath, id), func(form url.Values) error {
		inactive, ok := inactiveAction(form)
		if !ok {
			return errors.New("action: want inactivate or activate")
		}
		return c.account.data().SetRoleInactive(id, inactive)
	})
}
