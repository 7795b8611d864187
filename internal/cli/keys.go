package cli

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/vault"
)

const keysMasterHelp = `Makes a master key for the vault, in a file that only you can read. Keep a copy apart from the database: without the key,
what the vault holds is lost; with both, it is open.

  suitekey keys master --out master.key
`

func newKeys(e *env) *cobra.Command {
	var out string
	master := &cobra.Command{
		Use: "master", Short: "Make a master key", Long: keysMasterHelp, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return broker.Errorf(broker.CodeInvalid, "flag --out: name the file for the key").WithDo("suitekey keys master --out master.key")
			}
			key := vault.NewMasterKey()
			if err := writeNew(out, key.Reveal()+"\n"); err != nil {
				return err
			}
			return e.print(map[string]any{"file": out, "key_id": key.ID()}, "Made %s (key ID %s). Keep a copy apart from the database.\n", out, key.ID())
		},
	}
	master.Flags().StringVar(&out, "out", "", "`FILE` to make; an existing file is never overwritten")
	return group("keys", "Make keys", master, newKeysJWK(e))
}

// writeNew makes a file that only its owner can read. It never overwrites (CL-01).
func writeNew(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return broker.Errorf(broker.CodeConflict, "flag --out: %s exists, and a key is never overwritten", path).WithDo("Choose another name.")
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, content)
	return errors.Join(err, f.Sync(), f.Close())
}
