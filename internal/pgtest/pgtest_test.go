package pgtest

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const childVariable = "PGTEST_CHILD"

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestDatabasesAreApart(t *testing.T) {
	first, second := connect(t, Start(t)), connect(t, Start(t))
	if _, err := first.Exec(t.Context(), "CREATE TABLE only_here (x BIGINT)"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Exec(t.Context(), "SELECT x FROM only_here"); err == nil {
		t.Error("the second database sees a table of the first one")
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var address string
	t.Run("inner", func(t *testing.T) { address = Start(t) })
	if conn, err := pgx.Connect(t.Context(), address); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database is still there after the end of its test")
	}
}

func TestServerByVariable(t *testing.T) {
	for _, bad := range []string{"localhost", "http://localhost/x", "://"} {
		if got, err := withDatabase(bad, "db"); err == nil || !strings.Contains(err.Error(), Variable) {
			t.Errorf("withDatabase(%q) = %q, %v; want an error that names %s", bad, got, err, Variable)
		}
	}
	got, err := withDatabase("postgres://u:p@h:5432/postgres?sslmode=disable", "db")
	if want := "postgres://u:p@h:5432/db?sslmode=disable"; err != nil || got != want {
		t.Errorf("withDatabase = %q, %v; want %q", got, err, want)
	}
}

// TestChild is the process that TestServerEndsWithItsProcess kills; alone it does nothing.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	address := Start(t)
	_, _ = os.Stdout.WriteString("\nCLUSTER " + address + "\n")
	<-t.Context().Done() // until killed
}

func TestServerEndsWithItsProcess(t *testing.T) {
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childVariable+"=1", Variable+"=")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	address := ""
	for lines := bufio.NewScanner(output); address == "" && lines.Scan(); {
		address, _ = strings.CutPrefix(lines.Text(), "CLUSTER ")
		if address == lines.Text() {
			address = ""
		}
	}
	if address == "" {
		t.Fatal("the child ended without a cluster")
	}
	conn := connect(t, address)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := conn.WaitForNotification(ctx); err == nil || ctx.Err() != nil {
		t.Fatalf("the server goes on after its process was killed: %v", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	waitUntilGone(ctx, t, u.Query().Get("host"))
}

func waitUntilGone(ctx context.Context, t *testing.T, folder string) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("the folder %s is still there", folder)
		}
	}
}
