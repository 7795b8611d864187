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
	// connectWithin bounds the connecting to one host, of which a URL may name several. It is shorter than answerWithin, so that a
	// call which meets a silent host still comes to the next one. connect_timeout in the URL overrides it.
	connectWithin = 2 * time.Second
	// renewAfter ends connections in time that would otherwise stay with a server which has become a standby.
	renewAfter = 5 * time.Minute
)

func openPostgres(ctx context.Context, cfg Config) (engine, error) {
	config, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return engine{}, invalidURL("is not an address of PostgreSQL") // the cause could repeat a password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "suitekey"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWithin
	}
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // a standby would refuse all that we write
	}
	db, work := openPostgresPool(config, postgresConnections), openPostgresPool(config, postgresWorkConnections)
	p := pool{DB: db, patience: answerWithin, away: postgresAway}
	e := engine{writer: p, reader: p, work: work, dialect: DialectPostgres, uniqueViolation: postgresUniqueViolation}
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
	db.SetConnMaxLifetime(renewAfter)
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

// postgresAway recognises a server that ends its sessions, starts, has no place for another session, or takes no writes because it is
// a standby (appendix A of PostgreSQL's manual), and one that could not be reached at all.
func postgresAway(err error) bool {
	var unreached *pgconn.ConnectError
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		class := e.Code[:min(2, len(e.Code))]
		return class == "08" || class == "57" || e.Code == "53300" || e.Code == "25006" // connection_exception, operator_intervention, too_many_connections, read_only_sql_transaction
	case errors.As(err, &unreached):
		return true
	}
	return false
}
