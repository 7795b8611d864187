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

const (
	postgresConnections     = 10
	postgresWorkConnections = 5
)

func openPostgres(ctx context.Context, cfg Config) (engine, error) {
	config, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return engine{}, invalidURL("is not an address of PostgreSQL") // the cause could repeat a password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "suitekey"
	}
	db, work := openPostgresPool(config, postgresConnections), openPostgresPool(config, postgresWorkConnections)
	e := engine{writer: db, reader: db, work: work, dialect: DialectPostgres, uniqueViolation: postgresUniqueViolation}
	if err := preparePostgres(ctx, db, cfg); err != nil {
		return engine{}, errors.Join(err, e.close())
	}
	return e, nil
}

// openPostgresPool connects when the pool is used first.
func openPostgresPool(config *pgx.ConnConfig, connections int) *sql.DB {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

func preparePostgres(ctx context.Context, db *sql.DB, cfg Config) (err error) {
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
	// The lock is ours and not goose's own, so that it covers the tables of others, too.
	session, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if err := locker.SessionLock(ctx, session); err != nil {
		return fmt.Errorf("wait for another process that opens the database: %w", err)
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), session)) }()
	return migrateAll(ctx, db, goose.DialectPostgres, DialectPostgres, cfg)
}

func postgresUniqueViolation(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "23505" // unique_violation
}
