package netsuitetest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// call is one request on its way: the request, its address, the answer in the making, and its ledger entry.
type call struct {
	s       *Server
	r       *http.Request
	w       *answer
	addr    address
	body    []byte   // as received
	known   bool     // the Host header is one of ours
	account *Account // nil on system, rest and unknown hosts
	entry   Entry
	cut     bool // drop the connection instead of answering
	half    bool // drop it in the middle of the body
}

// handler answers one call. As an http.Handler it finds the call in the request's context.
type handler func(*call)

type callKey struct{}

func (h handler) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(callKey{}).(*call)
	c.r = r // the multiplexer has put the path values into this one
	h(c)
}

func (s *Server) newCall(r *http.Request) *call {
	c := &call{s: s, w: newAnswer(s.settings().errorForm())}
	c.addr, c.known = parseHost(r.Host, s.cfg.AllowNonLoopback)
	switch {
	case c.addr.account != "":
		c.account = s.accounts[c.addr.account]
	case c.known && c.addr.service == serviceBare:
		c.account = s.fallback
	}
	c.r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	c.entry = Entry{
		At: s.clock.Now(), Service: string(c.addr.service), Method: clip(r.Method), Path: clip(r.URL.Path),
		Params: redact(r.URL.Query()),
	}
	if c.account != nil {
		c.entry.Account = c.account.id
	}
	return c
}

// met notes the rule that the request kept.
func (c *call) met(rule string) { c.entry.OK, c.entry.Rule = true, rule }

// broke notes the rule that the request broke.
func (c *call) broke(rule string) { c.entry.OK, c.entry.Rule = false, rule }

// finish puts the entry into the ledger and the line into the log.
func (c *call) finish() {
	e := &c.entry
	if !c.cut {
		e.Status = c.w.status
	}
	e.Rule, e.ClientID, e.GrantType = clip(e.Rule), clip(e.ClientID), clip(e.GrantType)
	e.CertificateID, e.TokenID = clip(e.CertificateID), clip(e.TokenID)
	c.s.ledger.add(*e)
	c.s.log.LogAttrs(c.r.Context(), slog.LevelInfo, "request",
		slog.String("account", e.Account), slog.String("service", e.Service), slog.String("method", e.Method),
		slog.String("path", e.Path), slog.Int("status", e.Status), slog.Bool("ok", e.OK), slog.String("rule", e.Rule),
		slog.String("audit", e.AuditDetail))
}

func (c *call) text(status int, message string) {
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.WriteHeader(status)
	c.write(message + "\n")
}

func (c *call) json(status int, v any) { c.jsonAs(status, "application/json", v) }

func (c *call) jsonAs(status int, contentType string, v any) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(status)
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own types come here
	}
	c.write(string(body))
}

func (c *call) write(body string) { c.w.body.WriteString(body) }

// redirect sends a browser on: 303 after a form, 302 otherwise (RFC 9700 section 4.12).
func (c *call) redirect(to string) {
	status := http.StatusFound
	if c.r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	c.w.Header().Set("Location", to)
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.WriteHeader(status)
}

// answer keeps a response until the ledger has its entry.
type answer struct {
	header http.Header
	status int // 200 until WriteHeader
	wrote  bool
	body   bytes.Buffer
	errors company.ErrorForm
}

func newAnswer(errors company.ErrorForm) *answer {
	return &answer{header: http.Header{}, status: http.StatusOK, errors: errors}
}

// ErrorForm tells package company which form its errors have.
func (a *answer) ErrorForm() company.ErrorForm { return a.errors }

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.wrote = true
	return a.body.Write(p)
}

// answer sends what was kept.
func (c *call) answer(w http.ResponseWriter) {
	for name, values := range c.w.header {
		w.Header()[name] = values
	}
	w.Header().Set("Date", c.s.now().Format(http.TimeFormat))
	body := c.w.body.Bytes()
	if !c.half {
		w.WriteHeader(c.w.status)
		_, _ = w.Write(body) // a client that left has no ear for an error
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(c.w.status)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
