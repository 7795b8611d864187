package cli

import (
	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/export"
	"github.com/suitekey/suitekey/internal/private"
	"github.com/suitekey/suitekey/netsuite"
)

const keysJWKHelp = `Writes a private key as a JSON Web Key, for programs that take no PEM. The Postman collection "via direct" is one; it signs with
P-256 and RSA keys.

  suitekey keys jwk --in acme.key --out acme.jwk

The key goes from file to file and is never printed. The new file can be read by you alone; delete it when its content is where it
belongs.
`

func newKeysJWK(e *env) *cobra.Command {
	var in, out string
	cmd := &cobra.Command{
		Use: "jwk", Short: "Write a private key as a JSON Web Key", Long: keysJWKHelp, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			const example = "suitekey keys jwk --in acme.key --out acme.jwk"
			switch {
			case in == "":
				return broker.Errorf(broker.CodeInvalid, "flag --in: name the file of the private key").WithDo(example)
			case out == "":
				return broker.Errorf(broker.CodeInvalid, "flag --out: name the file for the JSON Web Key").WithDo(example)
			}
			jwk, err := readJWK(in)
			if err != nil {
				return err
			}
			if err := writeNew(out, jwk.Reveal()+"\n"); err != nil {
				return err
			}
			return e.print(map[string]any{"file": out}, "Made %s. Whoever has it can sign with the key; delete it when its content is where it belongs.\n", out)
		},
	}
	cmd.Flags().StringVar(&in, "in", "", "`FILE` of the private key, PEM or DER, not encrypted")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to make; an existing file is never overwritten")
	return cmd
}

func readJWK(path string) (netsuite.Secret, error) {
	text, err := private.Read(path, longestKeyFile)
	if err != nil {
		return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "flag --in: %s cannot be read", path).WithCause(reasonOf(err)).WithDo("Name the file of a private key that only you may read.")
	}
	key, err := netsuite.ParsePrivateKey(text)
	if err != nil {
		return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "flag --in: %s is of no use", path).WithCause(err).WithDo("Make a key with: suitekey keys generate --out acme")
	}
	return export.JWK(key)
}

const longestKeyFile = 64 << 10
