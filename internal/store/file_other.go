//go:build !unix

package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"

	"github.com/suitekey/suitekey/internal/broker"
)

// migrating keeps two goroutines apart. Where there is no flock, only one process may open a SQLite file.
var migrating sync.Mutex

func lockFile(context.Context, string) (unlock func() error, err error) {
	migrating.Lock()
	return func() error { migrating.Unlock(); return nil }, nil
}

// claimed are the files that this process serves. Where there is no flock, only one process may open a SQLite file.
var claimed sync.Map

func claimFile(path string) (release func() error, taken bool, err error) {
	if _, taken = claimed.LoadOrStore(path, true); taken {
		return nil, true, nil
	}
	return func() error { claimed.Delete(path); return nil }, false, nil
}

// makePrivateFile makes the file when it is missing. Who may open it is up to the folder's access list: there are no modes.
func makePrivateFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		return file.Close()
	case errors.Is(err, fs.ErrExist):
		return nil
	}
	return broker.Errorf(broker.CodeConfig, "setting \"database\": the file cannot be made").WithCause(err)
}
