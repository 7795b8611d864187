package export

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteNeverOverwrites(t *testing.T) {
	folder := t.TempDir()
	if err := Write(folder, []File{{"a/b.txt", []byte("one")}}); err != nil {
		t.Fatal(err)
	}
	err := Write(folder, []File{{"a/a.txt", []byte("new")}, {"a/b.txt", []byte("two")}})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there: %v, want fs.ErrExist", err)
	}
	if got, err := os.ReadFile(filepath.Join(folder, "a/b.txt")); string(got) != "one" {
		t.Errorf("the file holds %q (%v), want what it held", got, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "a/a.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused export left a file: %v", err)
	}
}

func TestWriteStaysInItsFolder(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{"../out.txt", "/out.txt", "a/../../out.txt", ""} {
		if err := Write(filepath.Join(folder, "in"), []File{{path, nil}}); err == nil {
			t.Errorf("path %q was written", path)
		}
	}
}
