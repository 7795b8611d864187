package cli

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/private"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

func newKeys(e *env) *cobra.Command {
	return group("keys", "Make keys", newKeysGenerate(e), newKeysJWK(e), newKeysMaster(e))
}

const keysMasterHelp = `Makes a master key for the vault, in a file that only you can read. Keep a copy apart from the database: without the key,
what the vault holds is lost; with both, it is open.

  suitekey keys master --out master.key
`

func newKeysMaster(e *env) *cobra.Command {
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
	return master
}

const keysGenerateHelp = `Makes a private key, in a file that only you can read, and a certificate for it, to be uploaded to NetSuite. Neither is printed, and an
existing file is never overwritten.

  suitekey keys generate --out acme              acme.key and acme.pem: P-256, signs ES256
  suitekey keys generate --out acme --alg ps256  RSA of 3072 bits, signs PS256
`

const keyAlgorithmHelp = "`ALGORITHM` of the key: p256, p384, p521 (or es256, es384, es512), rsa3072 (or ps256), rsa4096"

// algorithmNames are the names of signatures, as many know them rather than the keys.
var algorithmNames = map[string]netsuite.KeyAlgorithm{
	"es256": netsuite.P256, "es384": netsuite.P384, "es512": netsuite.P521, "ps256": netsuite.RSA3072,
	"p256": netsuite.P256, "p384": netsuite.P384, "p521": netsuite.P521, "rsa3072": netsuite.RSA3072, "rsa4096": netsuite.RSA4096,
}

func parseKeyAlgorithm(text string) (netsuite.KeyAlgorithm, error) {
	name := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(text))
	if alg, known := algorithmNames[name]; known {
		return alg, nil
	}
	e := broker.Errorf(broker.CodeInvalid, "flag --alg: must be p256, p384, p521, rsa3072 or rsa4096; got %.40q", text).WithDo("Leave it out for p256.")
	if strings.HasPrefix(name, "rs") && !strings.HasPrefix(name, "rsa") {
		e = e.WithDo("NetSuite takes no RS256 since March 2025. Leave it out for p256, or take ps256.")
	}
	return "", e
}

type generated struct {
	Key           string    `json:"key"`
	Certificate   string    `json:"certificate"`
	CertificateID string    `json:"certificate_id"`
	Kind          string    `json:"kind"`
	ValidUntil    time.Time `json:"valid_until"`
}

func newKeysGenerate(e *env) *cobra.Command {
	var out, alg, name string
	var days int
	cmd := &cobra.Command{
		Use: "generate", Short: "Make a key and its certificate", Long: keysGenerateHelp, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			key, err := parseKeyAlgorithm(alg)
			if err != nil {
				return err
			}
			switch {
			case out == "":
				return broker.Errorf(broker.CodeInvalid, "flag --out: name the files, without an ending").WithDo("suitekey keys generate --out acme")
			case days < 0 || days > longestCertificate:
				return broker.Errorf(broker.CodeInvalid, "flag --days: must be 1 to %d; got %d", longestCertificate, days).WithDo("Leave it out for as long as NetSuite takes.")
			}
			made, err := generate(out, key, name, days)
			if err != nil {
				return err
			}
			return e.print(made, "%s  private key, %s; only you can read it\n%s  certificate %s, valid until %s\nNext: suitekey certs upload %s, or in NetSuite at Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup\n",
				made.Key, made.Kind, made.Certificate, made.CertificateID, when(made.ValidUntil), made.Certificate)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`NAME` of the files to make, .key and .pem")
	cmd.Flags().StringVar(&alg, "alg", "p256", keyAlgorithmHelp)
	cmd.Flags().StringVar(&name, "name", "", "`NAME` in the certificate; NetSuite does not look at it")
	cmd.Flags().IntVar(&days, "days", 0, "`DAYS` that the certificate lives; 0 for as long as NetSuite takes, which is two years")
	return cmd
}

// longestCertificate is in days: NetSuite shortens what is longer than two years.
const longestCertificate = 730

func generate(out string, alg netsuite.KeyAlgorithm, name string, days int) (generated, error) {
	key, err := netsuite.GenerateKey(alg)
	if err != nil {
		return generated{}, err
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{CommonName: name, Validity: time.Duration(days) * 24 * time.Hour})
	if err != nil {
		return generated{}, err
	}
	pem, err := netsuite.EncodePrivateKeyPEM(key)
	if err != nil {
		return generated{}, err
	}
	made := generated{out + ".key", out + ".pem", netsuite.CertificateID(cert), netsuite.NameKey(key.Public()), cert.NotAfter}
	if err := writeNew(made.Key, pem.Reveal()); err != nil {
		return made, err
	}
	return made, writeNew(made.Certificate, string(netsuite.EncodePEM(cert)))
}

// writeNew makes a file that only its owner can read. It never overwrites (CL-01).
func writeNew(path, content string) error {
	err := private.Create(path, []byte(content))
	if errors.Is(err, fs.ErrExist) {
		return broker.Errorf(broker.CodeConflict, "flag --out: %s exists, and a key is never overwritten", path).WithDo("Choose another name.")
	}
	if err != nil {
		return broker.Errorf(broker.CodeInvalid, "flag --out: %s cannot be made", path).WithCause(reasonOf(err)).WithDo("Choose a folder that exists and that you may write to.")
	}
	return nil
}
