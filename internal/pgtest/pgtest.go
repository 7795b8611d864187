// Package pgtest gives tests a real PostgreSQL. Call [Start]: it returns the address of a fresh, empty database; [Copy] fills it with
// what another one holds. Tests that stop, pause or lose the server have one of their own: [StartServer].
//
// The first call of a test process makes a throw-away cluster in a temporary folder, reachable by a socket in that folder only. A
// small shell process watches the test process and removes the cluster when that ends, however it ends. When the environment
// variable SUITEKEY_TEST_POSTGRES holds the address of a server, its databases are made there instead.
//
// When PostgreSQL is missing the test fails; it is never skipped.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable with the address of a server to use.
const Variable = "SUITEKEY_TEST_POSTGRES"

// server is where databases are made.
type server struct {
	address string
	cluster *cluster // held, since the cluster ends with it; nil for a server of somebody else
}

// shared is the server of this test process.
var shared = sync.OnceValues(func() (server, error) {
	if address := os.Getenv(Variable); address != "" {
		return server{address: address}, nil
	}
	c, err := startCluster(nil)
	if err != nil {
		return server{}, err
	}
	return server{c.address("postgres"), c}, nil
})

// Start returns the address (postgres://...) of an empty database of its own, which is dropped when the test ends.
func Start(tb testing.TB) string {
	tb.Helper()
	return create(tb, "")
}

// Copy is Start with all that a database of this package holds. Nobody may be connected to that one.
func Copy(tb testing.TB, address string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	return create(tb, " TEMPLATE "+strings.TrimPrefix(u.Path, "/"))
}

func create(tb testing.TB, options string) string {
	tb.Helper()
	running, err := shared()
	if err != nil {
		tb.Fatalf("start PostgreSQL for this test: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := admin(running.address, "CREATE DATABASE "+name+options); err != nil {
		tb.Fatalf("make a database for this test: %v", err)
	}
	tb.Cleanup(func() {
		if err := admin(running.address, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("drop the database of this test: %v", err)
		}
	})
	address, err := withDatabase(running.address, name)
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

// admin runs one statement on the server.
func admin(server, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("%s must be an address such as postgres://user@host:5432/postgres", Variable)
	}
	u.Path = "/" + name
	return u.String(), nil
}
