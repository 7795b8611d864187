package company

import "testing"

func TestRecall(t *testing.T) {
	var a actors
	looks := 0
	look := func() (Role, bool) { looks++; return Role{ID: 7, Name: "as it was"}, true }
	for range 3 {
		if r, ok := recall(&a, &a.roles, 7, look); !ok || r.Name != "as it was" {
			t.Fatalf("got %+v, %t", r, ok)
		}
	}
	if looks != 1 {
		t.Errorf("looked %d times, want once", looks)
	}
	a.forget()
	// A change while somebody looks: what he saw is his own affair, and is not remembered.
	if r, _ := recall(&a, &a.roles, 7, func() (Role, bool) { a.forget(); return Role{Name: "stale"}, true }); r.Name != "stale" {
		t.Errorf("got %+v", r)
	}
	if r, _ := recall(&a, &a.roles, 7, look); r.Name != "as it was" {
		t.Errorf("after the change: %+v, want a new look", r)
	}
	if _, ok := recall(&a, &a.employees, 1, func() (Employee, bool) { return Employee{}, false }); ok || len(a.employees) != 0 {
		t.Error("nobody was remembered")
	}
}
