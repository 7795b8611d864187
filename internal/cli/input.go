package cli

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// readInput reads a file that a flag names, or stdin for "-".
func (e *env) readInput(name string, limit int64) ([]byte, error) {
	in := e.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, broker.Errorf(broker.CodeInvalid, "file %s: cannot be read", name).WithCause(reasonOf(err)).WithDo("Name a file that exists and that you may read, or - for stdin.")
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, broker.Errorf(broker.CodeInvalid, "file %s: cannot be read", name).WithCause(reasonOf(err))
	case int64(len(data)) > limit:
		return nil, broker.Errorf(broker.CodeTooLarge, "file %s: may have at most %d bytes", name, limit)
	case !utf8.Valid(data):
		return nil, broker.Errorf(broker.CodeInvalid, "file %s: must be text in UTF-8", name)
	}
	return data, nil
}

const longestSecret = 4096

// readSecretFile reads a secret from a file, or from stdin when its name is -.
func readSecretFile(name string, stdin io.Reader) (netsuite.Secret, error) {
	in := stdin
	if name != "-" {
		if openToAll(name) {
			return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "file %s: every user of this machine may use it", name).WithDo("Run: chmod 600 " + name)
		}
		file, err := os.Open(name)
		if err != nil {
			return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "file %s: cannot be read", name).WithCause(reasonOf(err)).WithDo("Name a file that exists and that you may read.")
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, longestSecret+1))
	text := strings.TrimSpace(string(data))
	if err != nil || text == "" || len(data) > longestSecret {
		return netsuite.Secret{}, broker.Errorf(broker.CodeInvalid, "file %s: must hold 1 to %d characters", name, longestSecret).WithCause(err).WithDo("Put the secret alone into the file.")
	}
	return netsuite.NewSecret(text), nil
}
