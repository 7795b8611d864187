package netsuite

import "strings"

const maxLocation = 2048

// location returns what follows prefix in the path of the answer's Location header, decoded. The header may be absolute or
// relative (RFC 9110 section 10.2.2). One that leads to another host is not read, and none is ever followed.
func (r *request) location(a *answer, prefix string) (string, bool) {
	raw := a.header.Get("Location")
	if raw == "" || len(raw) > maxLocation {
		return "", false
	}
	u, err := r.url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || !strings.EqualFold(u.Hostname(), r.url.Hostname()) {
		return "", false
	}
	rest, ok := strings.CutPrefix(u.Path, prefix)
	return strings.TrimSuffix(rest, "/"), ok
}

// recordLocation reads the ID of the record that Location names. The type may be spelled in another case than it was asked
// for.
func (r *request) recordLocation(a *answer, recordType string) (id string, ok bool) {
	rest, ok := r.location(a, recordPath)
	named, id, _ := strings.Cut(rest, "/")
	return id, ok && strings.EqualFold(named, recordType) && externalIDForm.MatchString(id)
}

// createdID is recordLocation for a request that makes a record each time it is sent.
func (r *request) createdID(a *answer, recordType string) (string, error) {
	id, ok := r.recordLocation(a, recordType)
	if !ok {
		return "", &Error{
			Op: r.op, Status: a.status, Err: ErrUnreadable,
			Detail: "NetSuite made the record, but the Location header of its answer does not name it",
			Hint:   "look for the record before making it again",
		}
	}
	return id, nil
}
