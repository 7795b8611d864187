package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/suitekey/suitekey/internal/broker"
)

const postgresConnections = 10

func openPostgres(ctx context.Context, url string) (engine, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return engine{}, invalidURL("is not an address of PostgreSQL") // the cause could repeat a password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "suitekey"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := preparePostgres(ctx, db); err != nil {
		return engine{}, errors.Join(err, db.Close())
	}
	return engine{writer: db, reader: db, uniqueViolation: postgresUniqueViolation}, nil
}

func preparePostgres(ctx context.Context, db *sql.DB) error {
	var commit string
	if err := db.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&commit); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if commit == "off" {
		return broker.Errorf(broker.CodeConfig, "setting \"database\": synchronous_commit is off, so PostgreSQL may lose what it acknowledged").
			WithDo("Run: ALTER DATABASE name SET synchronous_commit = on")
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120)) // seconds, attempts
	if err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectPostgres, goose.WithSessionLocker(locker))
}

func postgresUniqueViolation(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "23505" // unique_violation
}
