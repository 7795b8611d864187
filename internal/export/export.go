// Package export makes files for other programs from what suitekey knows: a collection for Postman, a SuiteCloud project, the
// set-up of a pipeline. Each kind of export is a function that returns files; it reads nothing and reaches nothing.
//
// No export holds a secret (EX-01): where one is needed, the file has a placeholder, and its reader is told where it comes from.
package export

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// File is one file of an export.
type File struct {
	// Path is relative, with slashes: "src/Objects/customrole_acme_sync.xml".
	Path    string
	Content []byte
}

// Write makes the files below a folder, with the folders on the way. It never overwrites: when one of the files is there already,
// nothing is written, and the error names it and is fs.ErrExist.
func Write(folder string, files []File) error {
	for _, f := range files {
		path, err := place(folder, f)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return cmp.Or(err, fmt.Errorf("%s: %w", path, fs.ErrExist))
		}
	}
	for _, f := range slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) }) {
		if err := write(folder, f); err != nil {
			return err
		}
	}
	return nil
}

func place(folder string, f File) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return "", fmt.Errorf("the export names a file outside its folder: %q", f.Path)
	}
	return filepath.Join(folder, filepath.FromSlash(f.Path)), nil
}

func write(folder string, f File) error {
	path, err := place(folder, f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Content)
	return errors.Join(err, file.Close())
}
