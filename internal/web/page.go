package web

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/suitekey/suitekey/internal/broker"
)

// page is everything that the one layout shows: heading, lead, body block, actions, and what stands around them.
type page struct {
	brand    brand
	Customer string
	Steps    []progress
	// Account is the proven or expected account, for the line above the heading.
	Account string
	// Mark is a picture above the heading: done, wait, ask or stop; none when empty.
	Mark    string
	Heading string
	Lead    string
	// Body names the template of the body block; Data is its input.
	Body string
	Data any
	// Detail is one sentence with particulars, mostly NetSuite's own words.
	Detail  string
	Actions []action
	Note    string
	// Minutes are left of the set-up permission; zero when there is none.
	Minutes int
	// Personal: the page is of a person's connection, for which nothing is set up.
	Personal bool
	// Cancel is where "Stop set-up" posts to.
	Cancel string
	Code   broker.Code
	Number string // of the request, on pages about our own errors
	// Status and Version let the script ask whether the run has moved on. Announce is what it then says.
	Status   string
	Version  int64
	Announce string
	// Refresh reloads the page every three seconds where there is no script.
	Refresh bool

	httpStatus int
	leadsTo    []string
}

// action is a button or a link below the body. Exactly one of Href, Post and Submit is set.
type action struct {
	Label  string
	Main   bool
	Href   string
	Post   string // a form of its own, with Value in Field when set
	Field  string // "value" when empty
	Value  string
	Submit string // sends the body's form with this ID
}

// brand is what the customer sees of the app.
type brand struct {
	Name, Initial    string
	Theme, Logo      string
	Support, Privacy string
}

func brandOf(app broker.App) brand {
	if app.Name == "" {
		return brand{}
	}
	b := brand{
		Name: app.DisplayName, Initial: initial(app.DisplayName),
		Theme:   "/brand/" + url.PathEscape(app.Name) + ".css?v=" + contentHash([]byte(Theme(app.Brand.Accent))),
		Support: webURL(app.Brand.Support), Privacy: webURL(app.Brand.Privacy),
	}
	if hasLogo(app) {
		b.Logo = "/brand/" + url.PathEscape(app.Name) + "/logo?v=" + contentHash(app.Logo)
	}
	return b
}

func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "·"
}

// webURL keeps an address that a browser may be led to, and nothing else: https, or http on this machine (ON-09).
func webURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(raw, "\\\r\n\t") {
		return ""
	}
	name := u.Hostname()
	local := name == "localhost" || name == "127.0.0.1" || name == "::1" || strings.HasSuffix(name, ".localhost")
	if u.Scheme == "https" || u.Scheme == "http" && local {
		return u.String()
	}
	return ""
}

// show writes the page. It is rendered whole before the first byte leaves, so that a failure can still be answered.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, p page) {
	var body bytes.Buffer
	if err := h.execute(&body, p); err != nil {
		h.cfg.Logger.Error("page not rendered", "route", r.Pattern, "request_id", RequestID(r.Context()), "err", err)
		http.Error(w, "Something went wrong on our side. Number: "+RequestID(r.Context()), http.StatusInternalServerError)
		return
	}
	if len(p.leadsTo) > 0 {
		w.Header().Set("Content-Security-Policy", h.contentPolicy(p.leadsTo...))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	comeAgain(w, p.httpStatus)
	if p.httpStatus != 0 {
		w.WriteHeader(p.httpStatus)
	}
	_, _ = body.WriteTo(w) // a client that has gone away is no error of ours
}

// layout is the input of templates/page.html.
type layout struct {
	page
	Brand    brand
	Assets   map[string]string
	Emulator bool
}

func (h *Handler) execute(to *bytes.Buffer, p page) error {
	parsed := h.parsed
	if h.cfg.Dev {
		var err error
		if parsed, err = h.parseTemplates(); err != nil {
			return err
		}
	}
	return parsed.ExecuteTemplate(to, "page.html", layout{page: p, Brand: p.brand, Assets: h.assets.address, Emulator: h.cfg.Emulator})
}

func (h *Handler) parseTemplates() (*template.Template, error) {
	t := template.New("")
	t.Funcs(template.FuncMap{
		// section renders the body block by name. Its result is HTML that the same templates have escaped.
		"section": func(name string, data any) (template.HTML, error) {
			var out bytes.Buffer
			err := t.ExecuteTemplate(&out, name, data)
			return template.HTML(out.String()), err
		},
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"minute": minute,
		"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
		"second": func(t time.Time) string { return t.UTC().Format("15:04:05 MST") },
		"minutes": func(n int) string {
			if n == 1 {
				return "1 minute"
			}
			return strconv.Itoa(n) + " minutes"
		},
	})
	return t.ParseFS(h.files, "templates/*.html")
}

// minute is a moment for people, with its zone. The page's script shows the browser's own zone instead.
func minute(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") }

// shorten keeps a text that others wrote to what a page has room for (ON-09).
func shorten(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes]) + "…"
}
