//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// lockFile waits until no other process, and no other goroutine, holds the lock. The file stays; the lock ends with the process.
func lockFile(ctx context.Context, path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, broker.Errorf(broker.CodeConfig, "setting \"database\": the folder cannot be written").WithCause(err)
	}
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file.Close, nil // closing gives the lock back
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another process that opens the database: %w", ctx.Err()), file.Close())
		}
	}
}

// claimFile takes the lock for as long as the process lives, or says that somebody else has it.
func claimFile(path string) (release func() error, taken bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, broker.Errorf(broker.CodeConfig, "setting \"database\": the folder cannot be written").WithCause(err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file.Close, false, nil
	}
	if taken = errors.Is(err, syscall.EWOULDBLOCK); taken {
		err = nil
	}
	return nil, taken, errors.Join(err, file.Close())
}

// makePrivateFile makes the file when it is missing, and refuses one that others may read or write (VA-10).
func makePrivateFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		return errors.Join(file.Close(), syncFolder(filepath.Dir(path)))
	case !errors.Is(err, fs.ErrExist):
		return broker.Errorf(broker.CodeConfig, "setting \"database\": the file cannot be made").WithCause(err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return broker.Errorf(broker.CodeConfig, "setting \"database\": the file cannot be read").WithCause(err)
	case !info.Mode().IsRegular():
		return broker.Errorf(broker.CodeConfig, "setting \"database\": %s is not a file", path)
	case info.Mode().Perm()&0o077 != 0:
		return broker.Errorf(broker.CodeConfig, "setting \"database\": %s has mode %04o, so other users may open it", path, info.Mode().Perm()).
			WithDo("Run: chmod 600 " + path)
	}
	return nil
}

// syncFolder makes a new name durable (VA-08).
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
