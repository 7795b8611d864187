package netsuite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refresh-token")
	for _, text := range []string{"the first", "the second"} {
		if err := NewSecret(text).WriteFile(path); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadSecretFile(path); err != nil || got.Reveal() != text {
			t.Errorf("read %q, %v; want %q", got.Reveal(), err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s, %v; want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v; want the file alone", left, err)
	}
}

func TestSecretFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for want, path := range map[string]string{
		"no such file":       filepath.Join(dir, "none"),
		"is empty":           write("empty", " \n", 0o600),
		"larger than 64 KiB": write("large", strings.Repeat("x", maxSecretFile+1), 0o600),
		"chmod 600":          write("open", "secret", 0o644),
		"must be a plain":    dir,
	} {
		if got, err := ReadSecretFile(path); err == nil || !strings.Contains(err.Error(), want) || !got.IsZero() {
			t.Errorf("%s: %v, %v; want an error with %q", path, got, err, want)
		}
	}
	if err := NewSecret("x").WriteFile(filepath.Join(dir, "none", "file")); err == nil || strings.Contains(err.Error(), "x\"") {
		t.Errorf("WriteFile into no folder gave %v", err)
	}
	if err := NewSecret("x").WriteFile(dir); err == nil {
		t.Error("WriteFile took a folder for a file")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); err != nil || len(left) != 0 {
		t.Errorf("a failed write left %v", left)
	}
}
