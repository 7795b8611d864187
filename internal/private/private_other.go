//go:build !unix

package private

import (
	"context"
	"io/fs"
	"sync"
)

// IsOpen is false: who may open a file is up to the folder's access list, there are no modes.
func IsOpen(fs.FileInfo) bool { return false }

// held are the locks of this process: where there is no flock, only one process may use what they guard.
var (
	mu   sync.Mutex
	held = map[string]chan struct{}{} // guarded by mu; closed when the lock is given back
)

// Lock waits until no other goroutine holds the lock of this name, or ctx ends.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	for {
		unlock, taken, err := TryLock(path)
		if err != nil || !taken {
			return unlock, err
		}
		mu.Lock()
		free := held[path]
		mu.Unlock()
		if free == nil {
			continue
		}
		select {
		case <-free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TryLock takes the lock, or says that somebody else has it.
func TryLock(path string) (unlock func() error, taken bool, err error) {
	mu.Lock()
	defer mu.Unlock()
	if held[path] != nil {
		return nil, true, nil
	}
	held[path] = make(chan struct{})
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		close(held[path])
		delete(held, path)
		return nil
	}, false, nil
}

func syncFolder(string) error { return nil }
