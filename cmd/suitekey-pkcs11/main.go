// Command suitekey-pkcs11 makes keys in a PKCS#11 token and signs with them. The suitekey command runs it for connections whose key is
// named by a pkcs11: URI (package internal/pkcs11); a person needs it to make the key.
//
// It is a module of its own because it is built with C, and suitekey is not.
package main

import (
	"bufio"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/suitekey/suitekey/internal/pkcs11"
)

const usage = `Makes keys in a PKCS#11 token, and signs with them for suitekey. The keys never leave the token.

  suitekey-pkcs11 generate --key P-256 'pkcs11:token=acme;object=netsuite'
  suitekey-pkcs11 public 'pkcs11:token=acme;object=netsuite'
  suitekey connect --connection acme --key-uri 'pkcs11:token=acme;object=netsuite' …

Keys are P-256, P-384, P-521, RSA-3072 and RSA-4096. The library of the token is named by module-path in the URI or SUITEKEY_PKCS11_MODULE,
its PIN by SUITEKEY_PKCS11_PIN, SUITEKEY_PKCS11_PIN_FILE, or pin-source=file:/path in the URI. Answers are JSON.
`

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		_, _ = io.WriteString(stderr, usage)
		return 2
	}
	answer, err := do(args[0], args[1:], getenv, stdin)
	if err != nil {
		answer = refusal(err)
	}
	if encodeErr := json.NewEncoder(stdout).Encode(answer); encodeErr != nil || err != nil {
		return 1
	}
	return 0
}

func refusal(err error) pkcs11.Answer {
	var known *pkcs11.Error
	if errors.As(err, &known) {
		return pkcs11.Answer{Error: known.What, Do: known.Do}
	}
	return pkcs11.Answer{Error: err.Error()}
}

// options are those of all verbs.
type options struct {
	uri               pkcs11.URI
	key, scheme, hash string
}

func do(verb string, args []string, getenv func(string) string, stdin io.Reader) (pkcs11.Answer, error) {
	o, err := parse(verb, args)
	if err != nil {
		return pkcs11.Answer{}, err
	}
	t, err := open(o.uri, getenv)
	if err != nil {
		return pkcs11.Answer{}, err
	}
	defer t.Close()
	switch verb {
	case "generate":
		key, err := t.generate(o.uri, o.key)
		if err != nil {
			return pkcs11.Answer{}, err
		}
		return public(key)
	case "public":
		key, err := t.find(o.uri)
		if err != nil {
			return pkcs11.Answer{}, err
		}
		return public(key)
	}
	return sign(t, o, stdin)
}

func parse(verb string, args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	switch verb {
	case "generate":
		flags.StringVar(&o.key, "key", "P-256", "")
	case "sign":
		flags.StringVar(&o.scheme, "scheme", "", "")
		flags.StringVar(&o.hash, "hash", "", "")
	case "public":
	default:
		return o, &pkcs11.Error{What: fmt.Sprintf("there is no verb %.40q", verb), Do: "generate, public and sign are"}
	}
	if err := flags.Parse(args); err != nil {
		return o, &pkcs11.Error{What: err.Error(), Do: "see: suitekey-pkcs11 --help"}
	}
	if flags.NArg() != 1 {
		return o, &pkcs11.Error{What: "one URI is wanted behind the flags", Do: "for example: suitekey-pkcs11 public 'pkcs11:token=acme;object=netsuite'"}
	}
	var err error
	o.uri, err = pkcs11.ParseURI(flags.Arg(0))
	return o, err
}

func public(key crypto.Signer) (pkcs11.Answer, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return pkcs11.Answer{}, fmt.Errorf("the key in the token is of a kind that cannot be used: %w", err)
	}
	return pkcs11.Answer{PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, nil
}

// longestDigest is that of SHA-512 in base64, with a line's end.
const longestDigest = 90

func sign(t *token, o options, stdin io.Reader) (pkcs11.Answer, error) {
	hash, known := pkcs11.Hashes[o.hash]
	if !known {
		return pkcs11.Answer{}, &pkcs11.Error{What: fmt.Sprintf("flag -hash: must be sha256, sha384 or sha512; got %.40q", o.hash)}
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, longestDigest)).ReadString('\n')
	if err != nil && err != io.EOF {
		return pkcs11.Answer{}, err
	}
	digest, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil || len(digest) != hash.Size() {
		return pkcs11.Answer{}, &pkcs11.Error{What: fmt.Sprintf("the digest must be %d bytes in base64 on stdin", hash.Size())}
	}
	key, err := t.find(o.uri)
	if err != nil {
		return pkcs11.Answer{}, err
	}
	var opts crypto.SignerOpts = hash
	switch o.scheme {
	case pkcs11.SchemePSS:
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	case pkcs11.SchemeECDSA, pkcs11.SchemePKCS1:
	default:
		return pkcs11.Answer{}, &pkcs11.Error{What: fmt.Sprintf("flag -scheme: must be ecdsa, pss or pkcs1; got %.40q", o.scheme)}
	}
	signature, err := key.Sign(nil, digest, opts)
	if err != nil {
		return pkcs11.Answer{}, fmt.Errorf("the token does not sign: %w", err)
	}
	return pkcs11.Answer{Signature: base64.StdEncoding.EncodeToString(signature)}, nil
}
