// Package web serves the pages of the onboarding wizard: what a customer's administrator sees between a link and a
// working connection. The texts and screens are those of ux.md section 2.
//
// Most callers need New, which wires the pages to an Onboarding, and Handler.Register, which adds all routes to a mux.
// Theme computes the colours of an app; package storybook shows every screen from canned runs.
//
// Promised: a page is a function of the stored run alone, so reload, second tab and another replica show the same; all
// forms work with scripts off; an answer is never cached, framed or followed by a foreign address; a link's token appears
// in no log line.
//
// Not here: what a button does and whether it may (internal/onboard), and the endpoints for machines (internal/httpapi).
package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Onboarding is what the pages ask of the service.
type Onboarding interface {
	// Open looks at a link without spending it. Errors: SK-ONB-101, 102, 104. Connection is set when the link's run is connected.
	Open(ctx context.Context, token string) (broker.Invitation, error)
	// Start begins or takes up the run of the link and returns where the browser goes, with a new cookie secret. reconnect
	// says that the person chose Reconnect on the page SK-ONB-103.
	Start(ctx context.Context, token string, reconnect bool) (broker.Departure, error)
	// Callback takes NetSuite's redirect. browser is the cookie secret, empty if there is none. Every refusal has a code.
	Callback(ctx context.Context, app string, query url.Values, browser string) (runID string, err error)
	// View is the stored run for the browser that it belongs to; SK-ONB-401 for unknown and foreign runs alike.
	View(ctx context.Context, runID, browser string) (broker.View, error)
	// Act does what a button asks; SK-ONB-402 when the step is not possible now.
	Act(ctx context.Context, runID, browser string, a broker.Action) (broker.Outcome, error)
	// Receipt lists every call that was made with the set-up permission.
	Receipt(ctx context.Context, runID, browser string) (broker.Receipt, error)
	// Brand is an app's name, logo and accent.
	Brand(ctx context.Context, app string) (broker.App, error)
}

// Config of the pages.
type Config struct {
	// Onboarding does the work. Required.
	Onboarding Onboarding
	// PublicURL is the address under which browsers reach the server: https, or http on this machine. Required.
	PublicURL *url.URL
	// FormAction holds further CSP form-action sources: NetSuite's pages, to which our forms lead by a redirect.
	FormAction []string
	// Logger gets one line per request and every internal error; nil means silence.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Dev reads templates and static files from internal/web below the working directory, at every request.
	Dev bool
	// Emulator shows on every page that the other side is an emulator.
	Emulator bool
}

// Handler answers for the wizard's pages. Get one from New.
type Handler struct {
	cfg     Config
	files   fs.FS
	parsed  *template.Template
	assets  assets
	cookies cookies
	csrf    *http.CrossOriginProtection
	limits  *limiter
}

// New checks the configuration and reads templates and static files. The error names the setting that breaks a rule.
func New(cfg Config) (*Handler, error) {
	if cfg.Onboarding == nil {
		return nil, errors.New("web: setting Onboarding is missing")
	}
	if err := checkPublicURL(cfg.PublicURL); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Handler{
		cfg: cfg, files: sourceFiles(cfg.Dev), cookies: cookies{secure: cfg.PublicURL.Scheme == "https"},
		csrf: http.NewCrossOriginProtection(), limits: newLimiter(cfg.Now),
	}
	if err := h.csrf.AddTrustedOrigin(cfg.PublicURL.Scheme + "://" + cfg.PublicURL.Host); err != nil {
		return nil, fmt.Errorf("web: setting PublicURL: %w", err)
	}
	var err error
	if h.assets, err = readAssets(h.files); err != nil {
		return nil, err
	}
	h.parsed, err = h.parseTemplates()
	return h, err
}

func checkPublicURL(u *url.URL) error {
	switch {
	case u == nil:
		return errors.New("web: setting PublicURL is missing; give the address under which browsers reach the server")
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.User != nil:
		return fmt.Errorf("web: setting PublicURL must be an https address (or http on this machine) without user; got %s", u.Redacted())
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("web: setting PublicURL must have no path, query or fragment; got %s", u.Redacted())
	}
	return nil
}
