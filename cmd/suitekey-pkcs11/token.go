package main

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/ThalesGroup/crypto11"

	"github.com/suitekey/suitekey/internal/pkcs11"
)

// token is a token that somebody is logged in to.
type token struct{ *crypto11.Context }

// open logs in, once: a token that sees a wrong PIN a few times locks itself.
func open(u pkcs11.URI, getenv func(string) string) (*token, error) {
	config := &crypto11.Config{Path: u.Module, TokenLabel: u.Token, TokenSerial: u.Serial}
	if config.Path == "" {
		config.Path = getenv("SUITEKEY_PKCS11_MODULE")
	}
	if config.Path == "" {
		return nil, &pkcs11.Error{What: "the library of the token is not named", Do: "set SUITEKEY_PKCS11_MODULE to the whole path of its .so, such as /usr/lib/softhsm/libsofthsm2.so"}
	}
	if _, err := os.Stat(config.Path); err != nil {
		return nil, &pkcs11.Error{What: fmt.Sprintf("the library of the token %s is not there", config.Path), Do: "install it, or correct module-path or SUITEKEY_PKCS11_MODULE"}
	}
	var err error
	if config.Pin, err = pin(u, getenv); err != nil {
		return nil, err
	}
	ctx, err := crypto11.Configure(config)
	if err != nil {
		return nil, explain(err)
	}
	return &token{ctx}, nil
}

const longestPIN = 256

// pin comes from a file or the environment, never from a command line (CL-01).
func pin(u pkcs11.URI, getenv func(string) string) (string, error) {
	file := u.PINSource
	if file == "" {
		file = getenv("SUITEKEY_PKCS11_PIN_FILE")
	}
	text := getenv("SUITEKEY_PKCS11_PIN")
	if file != "" {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > longestPIN {
			return "", &pkcs11.Error{What: fmt.Sprintf("the file of the PIN %s cannot be read", file)}
		}
		if info.Mode().Perm()&0o007 != 0 {
			return "", &pkcs11.Error{What: fmt.Sprintf("the file of the PIN %s can be used by every user of this machine", file), Do: "run: chmod 600 " + file}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return "", &pkcs11.Error{What: fmt.Sprintf("the file of the PIN %s cannot be read", file)}
		}
		text = string(data)
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return "", &pkcs11.Error{What: "the PIN of the token is not given", Do: "set SUITEKEY_PKCS11_PIN_FILE to a file that holds it"}
	}
	return text, nil
}

// explain puts the commonest of the token's numbers into words.
func explain(err error) error {
	text := err.Error()
	for _, known := range []struct{ sign, what, do string }{
		{"CKR_PIN_INCORRECT", "the PIN is wrong", "look before you try again: a token locks itself after a few wrong ones"},
		{"CKR_PIN_LOCKED", "the token is locked: the PIN was wrong too often", "unlock it with its security officer's PIN"},
		{"could not find PKCS#11 token", "there is no such token", "see its label with: pkcs11-tool --module … --list-token-slots"},
	} {
		if strings.Contains(text, known.sign) {
			return &pkcs11.Error{What: known.what, Do: known.do}
		}
	}
	return fmt.Errorf("the token cannot be opened: %w", err)
}

func label(u pkcs11.URI) []byte {
	if u.Object == "" {
		return nil
	}
	return []byte(u.Object)
}

func (t *token) find(u pkcs11.URI) (crypto.Signer, error) {
	keys, err := t.FindKeyPairs(u.ID, label(u))
	switch {
	case err != nil:
		return nil, fmt.Errorf("look for the key in the token: %w", err)
	case len(keys) == 0:
		return nil, &pkcs11.Error{What: fmt.Sprintf("the token has no key %q", u.Key()), Do: "make it with: suitekey-pkcs11 generate"}
	case len(keys) > 1:
		return nil, &pkcs11.Error{What: fmt.Sprintf("the token has %d keys %q", len(keys), u.Key()), Do: "name one by id= in the URI"}
	}
	return keys[0], nil
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

var rsaBits = map[string]int{"RSA-3072": 3072, "RSA-4096": 4096}

// generate makes a key that the token does not give away. An object of the same name is never replaced.
func (t *token) generate(u pkcs11.URI, kind string) (crypto.Signer, error) {
	if u.Object == "" {
		return nil, &pkcs11.Error{What: "a new key needs a name", Do: "name it in the URI by object="}
	}
	existing, err := t.FindKeyPairs(nil, label(u))
	if err != nil {
		return nil, fmt.Errorf("look for the key in the token: %w", err)
	}
	if len(existing) > 0 {
		return nil, &pkcs11.Error{What: fmt.Sprintf("the token has a key %q already, and a key is never replaced", u.Object), Do: "choose another name"}
	}
	id := u.ID
	if len(id) == 0 {
		id = make([]byte, 16)
		_, _ = rand.Read(id) // never fails (crypto/rand)
	}
	if curve, known := curves[kind]; known {
		return t.GenerateECDSAKeyPairWithLabel(id, label(u), curve)
	}
	if bits, known := rsaBits[kind]; known {
		return t.GenerateRSAKeyPairWithLabel(id, label(u), bits)
	}
	return nil, &pkcs11.Error{What: fmt.Sprintf("flag -key: must be P-256, P-384, P-521, RSA-3072 or RSA-4096; got %.40q", kind)}
}
