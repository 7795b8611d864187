package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/export"
)

func newExport(e *env) *cobra.Command {
	return group("export", "Make files for other programs",
		newExportPostman(e),
		newExportSDF(e),
		newExportSuiteCloud(e),
	)
}

// writeExport writes an export's files below a folder and lists them.
func (e *env) writeExport(folder string, files []export.File) error {
	if folder == "" {
		return broker.Errorf(broker.CodeInvalid, "flag --out: name the folder for the files")
	}
	err := export.Write(folder, files)
	if errors.Is(err, fs.ErrExist) {
		return broker.Errorf(broker.CodeConflict, "flag --out: %v, and an export never overwrites", err).WithDo("Name a folder that is new or empty.")
	}
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(files))
	text := ""
	for _, f := range files {
		paths = append(paths, f.Path)
		text += fmt.Sprintf("%s/%s\n", folder, f.Path)
	}
	return e.print(map[string]any{"folder": folder, "files": paths}, "%s", text)
}
