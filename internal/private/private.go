// Package private keeps files that belong to one user of the machine alone: it makes, replaces and locks them, and refuses those that
// others may read. What is in them is the caller's business.
//
// A file is made durable with its name (VA-08), and never seen half written.
package private

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrOpen says that other users may read or write a file.
var ErrOpen = errors.New("other users may read it")

// Create makes a file with this content. It never overwrites: a file that is there is fs.ErrExist (CL-01).
func Create(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close(), syncFolder(filepath.Dir(path)))
}

// Replace puts this content in the place of a file's, or makes the file. Whoever reads meanwhile gets the one or the other, and so
// does whoever reads after a crash.
func Replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// Read returns the content of a regular file of at most limit bytes. ErrOpen says that others may open it.
func Read(path string, limit int64) ([]byte, error) {
	return read(path, limit, func(info fs.FileInfo) error {
		if IsOpen(info) {
			return fmt.Errorf("%w (mode %04o); run: chmod 600 %s", ErrOpen, info.Mode().Perm(), path)
		}
		return nil
	})
}

// ReadShared is Read for a file that others may open.
func ReadShared(path string, limit int64) ([]byte, error) {
	return read(path, limit, func(fs.FileInfo) error { return nil })
}

func read(path string, limit int64, check func(fs.FileInfo) error) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // before opening: a named pipe would wait for a writer
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it must be a file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if err := check(info); err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it may have at most %d bytes", limit)}
	}
	return data, err
}
