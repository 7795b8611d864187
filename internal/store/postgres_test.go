package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/store/storetest"
)

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener { return opener(pgtest.Start(t)) })
}

func TestVA08_PostgresMustKeepWhatItAcknowledges(t *testing.T) {
	url := pgtest.Start(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{URL: url}); broker.CodeOf(err) != broker.CodeConfig {
		t.Errorf("synchronous_commit = off: %v, want %s", err, broker.CodeConfig)
	}
}

func TestPostgresThatIsNotThere(t *testing.T) {
	url := "postgres://user:hunter2@127.0.0.1:1/db?connect_timeout=2"
	_, err := store.Open(t.Context(), store.Config{URL: url})
	if err == nil {
		t.Fatal("opened a database on a closed port")
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error tells the password: %v", err)
	}
}
