package store

import (
	"errors"
	"io/fs"
	"os"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/private"
)

// makePrivateFile makes the database's file when it is missing, and refuses one that others may read or write (VA-10).
func makePrivateFile(path string) error {
	err := private.Create(path, nil)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrExist):
		return broker.Errorf(broker.CodeConfig, "setting \"database\": the file cannot be made").WithCause(err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return broker.Errorf(broker.CodeConfig, "setting \"database\": the file cannot be read").WithCause(err)
	case !info.Mode().IsRegular():
		return broker.Errorf(broker.CodeConfig, "setting \"database\": %s is not a file", path)
	case private.IsOpen(info):
		return broker.Errorf(broker.CodeConfig, "setting \"database\": %s has mode %04o, so other users may open it", path, info.Mode().Perm()).
			WithDo("Run: chmod 600 " + path)
	}
	return nil
}

// badFolder is the error of a lock beside the database's file.
func badFolder(err error) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) {
		return err
	}
	return broker.Errorf(broker.CodeConfig, "setting \"database\": the folder cannot be written").WithCause(err)
}
