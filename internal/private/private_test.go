package private

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestCreateNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want fs.ErrExist", err)
	}
	wantFile(t, path, "first")
}

func TestReplaceIsWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profile")
	for _, content := range []string{"first", "second"} {
		if err := Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, content)
	}
	if err := Replace(filepath.Join(path, "below"), nil); err == nil {
		t.Error("a file below a file was made")
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Join(filepath.Dir(path), "folder"), nil); err == nil {
		t.Error("a folder was replaced")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 {
		t.Errorf("the folder holds %v (%v), want the file and the folder alone", left, err)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := Read(path, 100)
	if err != nil || string(got) != want {
		t.Errorf("the file holds %q (%v), want %q", got, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestReadRefuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, size int, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, make([]byte, size), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path string
		want error
	}{
		"missing":            {filepath.Join(folder, "none"), fs.ErrNotExist},
		"readable by others": {write("others", 1, 0o604), ErrOpen},
		"group":              {write("group", 1, 0o640), ErrOpen},
		"too large":          {write("large", 11, 0o600), nil},
		"a pipe":             {pipe, nil},
		"a folder":           {folder, nil},
	} {
		data, err := Read(tt.path, 10)
		if err == nil || data != nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %q, %v; want an error (%v)", name, data, err, tt.want)
		}
	}
}

func TestLockLetsOneIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, overlaps atomic.Int32 // the race detector knows nothing of flock
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			unlock, err := Lock(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if inside.Add(1) > 1 {
				overlaps.Add(1)
			}
			runtime.Gosched()
			inside.Add(-1)
			if err := unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := overlaps.Load(); n > 0 {
		t.Errorf("%d times two were inside at once", n)
	}
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, taken, err := TryLock(path); !taken || err != nil {
		t.Errorf("a held lock: taken %v, %v", taken, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := Lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a held lock: %v, want the context's error", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
