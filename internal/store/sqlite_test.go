package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/store"
	"github.com/suitekey/suitekey/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		return opener("sqlite:" + filepath.Join(t.TempDir(), "suitekey.db"))
	})
}

func opener(url string) storetest.Opener {
	return func(t *testing.T, cfg store.Config) *store.DB {
		t.Helper()
		cfg.URL = url
		db, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Error(err) // not Fatal: a test may open from many goroutines
			panic(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return db
	}
}

func openSQLite(t *testing.T, path string) *store.DB {
	t.Helper()
	return opener("sqlite:"+path)(t, store.Config{})
}

func TestOpenRefusesURL(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, url := range []string{
		"", "suitekey.db", "/var/lib/suitekey.db", "sqlite:", "sqlite", "sqlite::memory:", "sqlite:///var/lib/x.db", "sqlite://x.db", "SQLITE:x.db",
		"mysql://root:hunter2@localhost/x", "postgres:", "postgres:x", "postgres://user:hunter2@host:port/db", "postgres://%zz:hunter2@h/db",
		"postgres://u:hunter2@h/db?sslmode=hunter2", "file:x.db", "sqlite:x\x00.db",
	} {
		db, err := store.Open(t.Context(), store.Config{URL: url})
		if db != nil || broker.CodeOf(err) != broker.CodeConfig {
			t.Errorf("Open(%q): %v, want %s", url, err, broker.CodeConfig)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): the error tells the password: %v", url, err)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("refusals left files: %v, %v", left, err)
	}
}

// VA-10 for the database file.
func TestVA10_FileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suitekey.db")
	db := openSQLite(t, path)
	if err := db.SaveLink(t.Context(), &broker.Link{ID: "link", TokenHash: "h"}); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", info.Name(), info.Mode().Perm())
		}
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660, 0o606, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + path}); broker.CodeOf(err) != broker.CodeConfig {
			t.Errorf("mode %04o: %v, want %s", mode, err, broker.CodeConfig)
		}
	}
}

func TestOpenRefusesPath(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a folder": folder, "no folder": filepath.Join(folder, "missing", "x.db"), "another file": text,
	} {
		if db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + path}); err == nil {
			t.Errorf("%s was opened as a database", name)
			_ = db.Close()
		}
	}
}

func TestSQLitePathWithSpecialCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory#c%20d&é.db")
	openSQLite(t, path)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// Another process's view: what was acknowledged is in the file at once, and the pragmas are those that keep it.
func TestVA08_AcknowledgedIsInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suitekey.db")
	db := openSQLite(t, path)
	if err := db.AppendAudit(t.Context(), &broker.AuditGroup{Seq: 1, Hash: "h", Lines: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	// A copy of file and log is what a killed process leaves.
	left := filepath.Join(t.TempDir(), "left.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	head, err := openSQLite(t, left).AuditHead(t.Context())
	if err != nil || head.Hash != "h" {
		t.Errorf("the copy has the head %q, %v; want h", head.Hash, err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suitekey.db")
	openSQLite(t, path)
	raw, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + path}); broker.CodeOf(err) != broker.CodeConfig {
		t.Errorf("a database of a newer program: %v, want %s", err, broker.CodeConfig)
	}
}

func TestOpenWaitsForTheLockAsLongAsItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suitekey.db")
	openSQLite(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Open(ctx, store.Config{URL: "sqlite:" + path}); err == nil {
		t.Error("Open went on after its context had ended")
	}
}

func BenchmarkAppendAudit(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{URL: "sqlite:" + filepath.Join(b.TempDir(), "suitekey.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	group := broker.AuditGroup{Lines: []byte(`[{"event":"token.handed_out"}]`)}
	for b.Loop() {
		group.Seq++
		group.Prev, group.Hash = group.Hash, strconv.FormatInt(group.Seq, 10)
		if err := db.AppendAudit(b.Context(), &group); err != nil {
			b.Fatal(err)
		}
	}
}
