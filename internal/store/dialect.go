package store

import (
	"context"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

// openEngine chooses by the scheme. The URL may hold a password, so no error repeats it.
func openEngine(ctx context.Context, url string) (engine, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch {
	case scheme == "sqlite":
		return openSQLite(ctx, rest)
	case (scheme == "postgres" || scheme == "postgresql") && strings.HasPrefix(rest, "//"):
		return openPostgres(ctx, url)
	}
	return engine{}, invalidURL("must begin with sqlite: or postgres://")
}

func invalidURL(rule string) error {
	return broker.Errorf(broker.CodeConfig, "setting \"database\": %s", rule).
		WithDo("Write sqlite:/path/to/suitekey.db or postgres://user@host:5432/name.")
}
