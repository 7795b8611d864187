package netsuite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const maxSecretFile = 64 << 10

// WriteFile keeps the secret in a file that only its owner can read, in place of what is there. When it returns nil the file is
// on disk; at every moment the file holds either the old secret or the new one, whole.
func (s Secret) WriteFile(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("secret file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("secret file: %w", err)
		}
	}()
	if _, err = f.WriteString(s.Reveal()); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path)) // the new name itself
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// ReadSecretFile reads a secret of at most 64 KiB, without white space around it. A file that others can read is refused.
func ReadSecretFile(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, fmt.Errorf("secret file: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return Secret{}, fmt.Errorf("secret file %s of mode %s must be a plain file for its owner alone; chmod 600 it", path, mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	text := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return Secret{}, fmt.Errorf("secret file: %w", err)
	case len(data) > maxSecretFile:
		return Secret{}, fmt.Errorf("secret file %s is larger than 64 KiB", path)
	case text == "":
		return Secret{}, fmt.Errorf("secret file %s is empty", path)
	}
	return NewSecret(text), nil
}
