//go:build unix

package private

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// IsOpen reports whether other users may open a file.
func IsOpen(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// again is how often a lock that somebody else holds is tried.
const again = 20 * time.Millisecond

// Lock waits until no other process, and no other goroutine, holds the lock of this name, or ctx ends. The file stays; the lock ends
// with the process.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	retry := time.NewTicker(again)
	defer retry.Stop()
	for {
		unlock, taken, err := TryLock(path)
		if err != nil || !taken {
			return unlock, err
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TryLock takes the lock, or says that somebody else has it.
func TryLock(path string) (unlock func() error, taken bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file.Close, false, nil // closing gives the lock back
	}
	if taken = errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR); taken {
		err = nil
	}
	return nil, taken, errors.Join(err, file.Close())
}

// syncFolder makes a new name durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
