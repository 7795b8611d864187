package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/suitekey/suitekey/internal/broker"
)

// The migrations: one set for both engines, each file in a transaction of its own, never changed after a release.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrateAll brings our tables up to date, and then those of others. It must run under a lock that other processes honour.
func migrateAll(ctx context.Context, db *sql.DB, dialect goose.Dialect, name string, cfg Config) error {
	if err := migrate(ctx, db, dialect); err != nil || cfg.Migrate == nil {
		return err
	}
	return cfg.Migrate(ctx, db, name)
}

func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	}
	if have > want {
		return broker.Errorf(broker.CodeConfig, "setting \"database\": its tables have version %d, this program knows %d", have, want).
			WithDo("Start the newer suitekey that wrote it, or restore a backup.")
	}
	return nil
}
