package netsuitetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// adminPrefix is where the emulator's own face lives, on the bare address only.
const adminPrefix = "/_emulator/"

// adminRoutes let tests in other processes do what the Go methods do. Everything is JSON, except the two pages.
func (s *Server) adminRoutes(on func(pattern string, h handler)) {
	on("GET /_emulator/{$}", s.adminIndex)
	on("GET /_emulator/healthz", s.healthz)
	on("GET /_emulator/ledger", s.ledgerPage)
	on("GET /_emulator/ledger.json", s.ledgerJSON)
	on("POST /_emulator/clock", adminPost(s.setClock))
	on("POST /_emulator/skew", adminPost(s.postSkew))
	s.stateRoutes(on)
	on("POST /_emulator/integrations", s.postIntegration)
	on("POST /_emulator/faults", adminPost(s.postFault))
	on("DELETE /_emulator/faults", func(c *call) {
		s.faults.clear()
		c.done()
	})
	const account = "/_emulator/accounts/{id}/"
	on("GET "+account+"grants.json", onAccount(func(c *call, a *Account) { c.json(http.StatusOK, a.Grants()) }))
	on("GET "+account+"certificates.json", onAccount(func(c *call, a *Account) { c.json(http.StatusOK, a.Certificates()) }))
	on("GET "+account+"trail.json", onAccount(func(c *call, a *Account) { c.json(http.StatusOK, a.LoginAuditTrail()) }))
	on("POST "+account+"bundles", knob(func(a *Account, in struct{ ID int64 }) error { return a.InstallBundle(in.ID) }))
	on("POST "+account+"deployments", knob(func(a *Account, in struct{ Script, Deploy, Status string }) error {
		return a.SetDeploymentStatus(in.Script, in.Deploy, in.Status)
	}))
	on("POST "+account+"roles", knob(func(a *Account, in struct{ Employee, Role string }) error {
		return a.AssignRole(in.Employee, in.Role)
	}))
	on("POST "+account+"features", knob(func(a *Account, in struct {
		Name string
		On   bool
	},
	) error {
		return a.SetFeature(in.Name, in.On)
	}))
	on("POST "+account+"require-approval", knob(func(a *Account, in struct{ On bool }) error {
		a.RequireApproval(in.On)
		return nil
	}))
	on("POST "+account+"approve", knob(func(a *Account, in clientJSON) error { return a.ApproveIntegration(in.ClientID) }))
	on("POST "+account+"block", knob(func(a *Account, in clientJSON) error { return a.BlockIntegration(in.ClientID) }))
	on("POST "+account+"foreign-certificates", knob(func(a *Account, in struct {
		clientJSON
		Count int
	},
	) error {
		return a.AddForeignCertificates(in.ClientID, in.Count)
	}))
	on("POST "+account+"refresh", knob(func(a *Account, _ struct{}) error {
		a.Refresh()
		return nil
	}))
	on("POST "+account+"override", knob(setOverrides))
	on("POST "+account+"concurrency", knob(func(a *Account, in struct{ Limit int }) error { return a.SetConcurrency(in.Limit) }))
	on("POST "+account+"allocate", knob(func(a *Account, in struct {
		clientJSON
		Limit int
	},
	) error {
		return a.AllocateConcurrency(in.ClientID, in.Limit)
	}))
	on("POST "+account+"tba-tokens", onAccount(postTBAToken))
	on("POST "+account+"revoke-tba-token", knob(func(a *Account, in tbaJSON) error { return a.RevokeTBAToken(in.TokenID) }))
}

type tbaJSON struct {
	TokenID string `json:"token_id"`
}

type clientJSON struct {
	ClientID string `json:"client_id"`
}

// setOverrides sets all three; absent ends the override.
func setOverrides(a *Account, in struct {
	API             string `json:"api"`
	RedirectCompany string `json:"redirect_company"`
	Token           string `json:"token"`
},
) error {
	a.APIAccountOverride(in.API)
	a.RedirectCompanyOverride(in.RedirectCompany)
	a.TokenAccountOverride(in.Token)
	return nil
}

func (c *call) done() {
	c.met("the emulator's own face")
	c.json(http.StatusOK, map[string]bool{"ok": true})
}

func (c *call) adminError(status int, err error) {
	c.broke(err.Error())
	c.json(status, map[string]string{"error": err.Error()})
}

// readJSON reads one JSON object with known fields only.
func readJSON(c *call, into any) error {
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errors.New("content type: want application/json")
	}
	d := json.NewDecoder(io.LimitReader(c.r.Body, maxForm))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body: want one JSON object of the documented fields: %w", err)
	}
	return nil
}

// adminPost is a handler that reads a JSON object and does something with it.
func adminPost[T any](do func(T) error) handler {
	return func(c *call) {
		var in T
		err := readJSON(c, &in)
		if err == nil {
			err = do(in)
		}
		if err != nil {
			c.adminError(http.StatusBadRequest, err)
			return
		}
		c.done()
	}
}

// onAccount finds the account of the path.
func onAccount(do func(*call, *Account)) handler {
	return func(c *call) {
		a := c.s.Account(c.r.PathValue("id"))
		if a == nil {
			c.adminError(http.StatusNotFound, errors.New("account: no such account"))
			return
		}
		c.met("the emulator's own face")
		do(c, a)
	}
}

// knob is adminPost for an account.
func knob[T any](do func(*Account, T) error) handler {
	return onAccount(func(c *call, a *Account) {
		adminPost(func(in T) error { return do(a, in) })(c)
	})
}

func (s *Server) healthz(c *call) {
	c.met("healthy")
	c.json(http.StatusOK, map[string]any{"ok": true, "now": s.clock.Now()})
}

// setClock moves the clock: {"advance":"2h"} or {"set":"2026-11-24T12:00:00Z"}; or sets its speed, alone or beside one of
// these: {"speed":60}, 0 freezes it.
func (s *Server) setClock(in struct {
	Advance string
	Set     time.Time
	Speed   *float64
},
) error {
	moves := in.Advance != "" || !in.Set.IsZero()
	if in.Advance != "" && !in.Set.IsZero() || !moves && in.Speed == nil {
		return errors.New(`clock: want either "advance" with a duration such as 2h or "set" with a time, or "speed" with a number, or one of both`)
	}
	d, err := time.ParseDuration(cmp.Or(in.Advance, "0s"))
	if err != nil {
		return errors.New("clock: advance: want a duration such as 2h or 90m")
	}
	if in.Speed != nil {
		if err := s.clock.Speed(*in.Speed); err != nil {
			return err
		}
	}
	if in.Set.IsZero() {
		s.clock.Advance(d)
	} else {
		s.clock.Set(in.Set)
	}
	return nil
}

// postSkew puts NetSuite's clock ahead: {"by":"-5m"}.
func (s *Server) postSkew(in struct{ By string }) error {
	d, err := time.ParseDuration(in.By)
	if err != nil {
		return errors.New("skew: by: want a duration such as 5m or -90s; 0s ends it")
	}
	s.SkewDate(d)
	return nil
}

// postTBAToken adds a token and answers with it, its secrets included.
func postTBAToken(c *call, a *Account) {
	var in TBAToken
	err := readJSON(c, &in)
	if err == nil {
		in, err = a.AddTBAToken(in)
	}
	if err != nil {
		c.adminError(http.StatusBadRequest, err)
		return
	}
	c.json(http.StatusOK, in)
}

// postIntegration adds a record and answers with it, its secret included: the only time it is shown.
func (s *Server) postIntegration(c *call) {
	var in Integration
	err := readJSON(c, &in)
	if err == nil {
		in, err = s.AddIntegration(in)
	}
	if err != nil {
		c.adminError(http.StatusBadRequest, err)
		return
	}
	c.met("the emulator's own face")
	c.json(http.StatusOK, in)
}

// faultJSON is a fault from another process; blocking needs a channel and is for Go only.
type faultJSON struct {
	Kind        FaultKind `json:"kind"`
	Skip        int       `json:"skip"`
	Times       int       `json:"times"`
	Method      string    `json:"method"`  // "" = every method
	Path        string    `json:"path"`    // part of the path
	Account     string    `json:"account"` // "" = every account
	Status      int       `json:"status"`
	Body        string    `json:"body"`
	RetryAfter  string    `json:"retry_after"`
	ContentType string    `json:"content_type"`
	DelayMS     int64     `json:"delay_ms"`
	After       bool      `json:"after"`
}

// remoteFaults are the kinds that another process can inject.
var remoteFaults = []FaultKind{
	FaultDelay, FaultCutBefore, FaultCutAfter, FaultCutBody, FaultStatus, FaultUnauthorized, FaultContentType,
}

func (s *Server) postFault(in faultJSON) error {
	switch {
	case !slices.Contains(remoteFaults, in.Kind):
		return fmt.Errorf("kind: want one of %q", remoteFaults)
	case in.Kind == FaultStatus && (in.Status < 200 || in.Status > 599):
		return errors.New("status: want 200 to 599")
	case in.Skip < 0 || in.Times < 0 || in.DelayMS < 0:
		return errors.New("skip, times and delay_ms: must not be negative")
	}
	account := canonicalAccount(in.Account)
	s.Fault(Fault{
		Kind: in.Kind, Skip: in.Skip, Times: in.Times, Status: in.Status, Body: in.Body, RetryAfter: in.RetryAfter, ContentType: in.ContentType,
		Delay: time.Duration(in.DelayMS) * time.Millisecond, After: in.After,
		Match: func(r *http.Request) bool {
			addr, _ := parseHost(r.Host, true)
			return (in.Method == "" || r.Method == in.Method) && strings.Contains(r.URL.Path, in.Path) &&
				(account == "" || addr.account == account || (addr.service == serviceBare && s.fallback.id == account))
		},
	})
	return nil
}

// ledgerFilter reads the query of the ledger's page and JSON: account, ok (true or false), path (a part of it), all
// (also the emulator's own face).
func (s *Server) ledgerFilter(c *call) func(Entry) bool {
	q := c.r.URL.Query()
	account := canonicalAccount(q.Get("account"))
	ok, err := strconv.ParseBool(q.Get("ok"))
	return func(e Entry) bool {
		return (account == "" || e.Account == account) && (err != nil || e.OK == ok) && strings.Contains(e.Path, q.Get("path")) &&
			(q.Get("all") != "" || (!strings.HasPrefix(e.Path, adminPrefix) && e.Path != "/emulator.css"))
	}
}

func (s *Server) ledgerJSON(c *call) {
	entries := s.ledger.Entries(s.ledgerFilter(c))
	if entries == nil {
		entries = []Entry{}
	}
	c.met("the emulator's own face")
	c.json(http.StatusOK, entries)
}

// ledgerShown is how many entries the ledger's page shows, newest first.
const ledgerShown = 300

func (s *Server) ledgerPage(c *call) {
	entries := s.ledger.Entries(s.ledgerFilter(c))
	slices.Reverse(entries)
	q := c.r.URL.Query()
	c.met("the emulator's own face")
	s.page(c, http.StatusOK, "ledger.html", "Ledger", "ledger", struct {
		Accounts    []*Account
		Account, OK string
		Entries     []Entry
		Total       int
	}{s.order, canonicalAccount(q.Get("account")), q.Get("ok"), entries[:min(len(entries), ledgerShown)], len(entries)})
}

// indexRow is an account on the emulator's start page.
type indexRow struct {
	*Account
	App, SuiteTalk, RESTlets string
	Default                  bool
}

func (s *Server) adminIndex(c *call) {
	var rows []indexRow
	twins := c.addr
	twins.form = formTwin
	for _, a := range s.order {
		rows = append(rows, indexRow{
			Account: a, App: twins.base(serviceApp, a.id, ""), SuiteTalk: twins.base(serviceSuiteTalk, a.id, ""),
			RESTlets: twins.base(serviceRESTlets, a.id, ""), Default: a == s.fallback,
		})
	}
	c.met("the emulator's own face")
	s.page(c, http.StatusOK, "index.html", "NetSuite emulator", "index", struct {
		Now      time.Time
		Accounts []indexRow
	}{s.clock.Now(), rows})
}
