// Package httpapi is the face of the server for machines: the token endpoint of RFC 6749 with its metadata, the finalising of
// session runs, and the two addresses that a load balancer asks.
//
// Most callers make it with New and Register it on a mux. Any OAuth 2.0 client that knows the client credentials grant takes
// tokens from it unchanged.
//
// It promises that secrets are read from the Authorization header or the body only, never from a query string; that an answer
// which may hold a token is never cached; and that a refused request changed nothing.
//
// It decides nothing itself: package tokens knows who gets which token, package onboard what finalising means.
package httpapi

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/netsuite"
)

type tokenService interface {
	HandOut(ctx context.Context, r tokens.Request) (tokens.HandOut, error)
}

type finaliser interface {
	Finalise(ctx context.Context, linkID, secret, code string) (runID string, account netsuite.AccountID, err error)
}

// Config is what the face works with.
type Config struct {
	Tokens    tokenService
	Finaliser finaliser
	// PublicURL is where the outside reaches this server, such as https://connect.acme.example
	PublicURL *url.URL
	// RecordKeys are the public keys of signed records, as a JSON Web Key Set.
	RecordKeys func(ctx context.Context) ([]byte, error)
	// Ready reports whether the database answers; nil means that there is nothing to wait for.
	Ready  func(ctx context.Context) error
	Logger *slog.Logger // nil: silence
}

// API serves the routes that Register adds. Make it with New.
type API struct {
	cfg      Config
	base     string // PublicURL without a slash at its end
	metadata []byte
}

// New completes the configuration.
func New(cfg Config) *API {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	base := strings.TrimRight(cfg.PublicURL.String(), "/")
	return &API{cfg: cfg, base: base, metadata: metadata(base)}
}
