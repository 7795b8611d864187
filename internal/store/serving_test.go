package store_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
)

func TestOneProcessServesASQLiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suitekey.db")
	first, second := openSQLite(t, path), openSQLite(t, path)
	release, err := first.ServeAlone()
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.ServeAlone()
	var refused *broker.Error
	if !errors.As(err, &refused) || refused.Code != broker.CodeConfig || !strings.Contains(refused.What, path) || refused.Do == "" {
		t.Fatalf("a second serving process: %v, want %s with the path and a remedy", err, broker.CodeConfig)
	}
	if err := second.SaveLink(t.Context(), &broker.Link{ID: "link", TokenHash: "h"}); err != nil {
		t.Errorf("a command beside the serving process: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = second.ServeAlone()
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestManyProcessesServePostgres(t *testing.T) {
	url := pgtest.Start(t)
	for range 2 {
		release, err := opener(url)(t, store.Config{}).ServeAlone()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := release(); err != nil {
				t.Error(err)
			}
		})
	}
}
