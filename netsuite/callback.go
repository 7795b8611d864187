package netsuite

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Callback is what NetSuite put on the redirect URI. Every value is a claim of whoever sent the browser here until it has
// been checked: State against the flow, Account against the token's claims and an answer of the API.
type Callback struct {
	State            string
	Code             string
	Account          AccountID
	Role             int64 // internal ID
	Entity           int64 // internal ID, negative for some system users
	Error            string
	ErrorDescription string // for people: one line of at most 200 characters
	Issuer           string // RFC 9207; "" when absent
}

const (
	maxCode        = 4096
	maxIssuer      = 512
	maxDescription = 200
	maxNumber      = 19 // characters of an internal ID with its sign
)

var (
	errorCodeForm = newForm(`^[A-Za-z0-9_.-]{1,64}$`)
	codeForm      = newForm(`^[!-~]+$`)
	numberForm    = newForm(`^-?[0-9]+$`)
)

// ParseCallback reads the query of the redirect URI. A success has state, code, company, role and entity; an error has
// error and state. Parameters that are missing, doubled, too long or malformed are an error that names them; parameters
// that are not known are left alone (RFC 6749 section 4.1.2). That NetSuite or the person refused is no error here:
// Callback.Error is set, and Callback.Err explains it.
func ParseCallback(q url.Values) (Callback, error) {
	p := callbackParams{q: q}
	c := Callback{
		State:            p.text("state", maxState),
		Code:             p.text("code", maxCode),
		Account:          p.account("company"),
		Role:             p.number("role"),
		Entity:           p.number("entity"),
		Error:            p.text("error", 64),
		ErrorDescription: oneLine(p.one("error_description"), maxDescription-1),
		Issuer:           p.text("iss", maxIssuer),
	}
	p.check("state", validState(c.State), fmt.Sprintf("must be %d to %d printable ASCII characters", minState, maxState))
	if q.Has("error") {
		p.check("error", errorCodeForm.MatchString(c.Error), "must be an error code")
		p.check("code", c.Code == "", "must be absent beside error")
	} else {
		p.check("code", codeForm.MatchString(c.Code), "must be printable ASCII without spaces")
		p.need("company", "role", "entity")
	}
	if p.err != nil {
		return Callback{}, p.err
	}
	return c, nil
}

// Err returns nil for a success, else an *Error with what to do about Callback.Error, for errors.Is
// (H/subsect_161252455245).
func (c Callback) Err() error {
	if c.Error == "" {
		return nil
	}
	kind := oauthErrors[c.Error]
	return &Error{Op: opCallback, Code: c.Error, Detail: c.ErrorDescription, Err: kind, Hint: hint(opCallback, kind)}
}

// callbackParams reads parameters and keeps the first thing that is wrong.
type callbackParams struct {
	q   url.Values
	err error
}

func (p *callbackParams) check(name string, ok bool, rule string) {
	if !ok && p.err == nil {
		p.err = fmt.Errorf("callback parameter %s %s; start the consent again", name, rule)
	}
}

func (p *callbackParams) need(names ...string) {
	for _, name := range names {
		p.check(name, p.q.Get(name) != "", "is missing")
	}
}

func (p *callbackParams) one(name string) string {
	p.check(name, len(p.q[name]) <= 1, "is given more than once")
	return p.q.Get(name)
}

func (p *callbackParams) text(name string, limit int) string {
	value := p.one(name)
	p.check(name, len(value) <= limit, fmt.Sprintf("is longer than %d characters", limit))
	p.check(name, isVisible(value), "must be printable ASCII")
	return value
}

func (p *callbackParams) number(name string) int64 {
	value := p.text(name, maxNumber)
	if value == "" {
		return 0
	}
	number, err := strconv.ParseInt(value, 10, 64)
	p.check(name, err == nil && numberForm.MatchString(value), "must be a whole number")
	return number
}

func (p *callbackParams) account(name string) AccountID {
	value := p.text(name, maxAccountID)
	if value == "" {
		return ""
	}
	account, err := ParseAccountID(value)
	p.check(name, err == nil && strings.TrimSpace(value) == value, "must be an account ID")
	return account
}
