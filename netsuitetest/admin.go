package netsuitetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// adminPrefix is where the emulator's own face lives, on the bare address only.
const adminPrefix = "/_emulator/"

// adminRoutes let tests in other processes do what the Go methods do. Everything is JSON, except the pages of faceRoutes.
func (s *Server) adminRoutes(on func(pattern string, h handler)) {
	s.faceRoutes(on)
	on("GET /_emulator/healthz", s.healthz)
	on("GET /_emulator/ca.pem", s.caPEM)
	on("GET /_emulator/ledger.json", s.ledgerJSON)
	on("POST /_emulator/clock", adminPost(s.setClock))
	on("POST /_emulator/skew", adminPost(s.postSkew))
	s.stateRoutes(on)
	on("POST /_emulator/integrations", s.postIntegration)
	s.faultRoutes(on)
	s.scriptRoutes(on)
	const account = "/_emulator/accounts/{id}/"
	on("GET "+account+"grants.json", onAccount(func(c *call, a *Account) { c.json(http.StatusOK, a.Grants()) }))
	on("GET "+account+"certificates.json", onAccount(func(c *call, a *Account) { c.json(http.StatusOK, a.Certificates()) }))
	on("GET "+account+"trail.json", onAccount(func(c *call, a *Account) { c.json(http.StatusOK, a.LoginAuditTrail()) }))
	on("POST "+account+"certificates", onAccount(postCertificate))
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

// caPEM is the certificate of the proxy mode's authority; it is no secret.
func (s *Server) caPEM(c *call) {
	c.met("the emulator's own face")
	c.w.Header().Set("Content-Type", "application/x-pem-file")
	c.write(string(s.authority.pem()))
}

// postCertificate maps a certificate as an administrator does on the M2M Setup page. It answers with what a client is told then:
// the certificate ID, and the internal IDs with which the client can upload the next certificate by itself.
func postCertificate(c *call, a *Account) {
	var in struct {
		clientJSON
		Employee, Role string // e-mail, script ID
		Certificate    string // PEM
	}
	err := readJSON(c, &in)
	var id string
	if err == nil {
		id, err = a.MapCertificate(in.ClientID, in.Employee, in.Role, []byte(in.Certificate))
	}
	if err != nil {
		c.adminError(http.StatusBadRequest, err)
		return
	}
	c.met("the emulator's own face")
	m := a.certificate(id)
	c.json(http.StatusOK, map[string]any{"certificate_id": m.id, "role": m.role, "entity": m.entity})
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

func (s *Server) ledgerJSON(c *call) {
	entries := s.ledger.Entries(readLedgerQuery(c.r.URL.Query()).match)
	if entries == nil {
		entries = []Entry{}
	}
	c.met("the emulator's own face")
	c.json(http.StatusOK, entries)
}
