package store

import (
	"context"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

// The dialects.
const (
	DialectSQLite   = "sqlite"
	DialectPostgres = "postgres"
)

// openEngine chooses by the scheme. The URL may hold a password, so no error repeats it.
func openEngine(ctx context.Context, cfg Config) (engine, error) {
	scheme, rest, _ := strings.Cut(cfg.URL, ":")
	switch {
	case scheme == "sqlite":
		return openSQLite(ctx, rest, cfg)
	case (scheme == "postgres" || scheme == "postgresql") && strings.HasPrefix(rest, "//"):
		return openPostgres(ctx, cfg)
	}
	return engine{}, invalidURL("must begin with sqlite: or postgres://")
}

func invalidURL(rule string) error {
	return broker.Errorf(broker.CodeConfig, "setting \"database\": %s", rule).
		WithDo("Write sqlite:/path/to/suitekey.db or postgres://user@host:5432/name.")
}
