// Package pkcs11 signs with keys in PKCS#11 tokens: smart cards, HSMs. The keys never leave them.
//
// PKCS#11 is a C interface, and everything else here builds without C. So a helper program of its own, suitekey-pkcs11, speaks with the
// token, as step-kms-plugin does for step; this package runs it, once for each signature, of which a connection needs one an hour.
// Helper and package share the form of the URI and of the answers.
package pkcs11

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Helper is the name of the helper program.
const Helper = "suitekey-pkcs11"

// Variables are what the helper reads from its environment, beside what the token's own library reads.
var Variables = []string{"SUITEKEY_PKCS11_PIN", "SUITEKEY_PKCS11_PIN_FILE", "SUITEKEY_PKCS11_MODULE"}

// ErrNoHelper says that the helper program is not installed.
var ErrNoHelper = errors.New("the program " + Helper + " is not installed; it is beside suitekey in a release, or: go install github.com/suitekey/suitekey/cmd/suitekey-pkcs11@latest")

// Schemes of signatures, as the helper's command line has them.
const (
	SchemeECDSA = "ecdsa"
	SchemePSS   = "pss"   // salt as long as the hash (RFC 7518 section 3.5)
	SchemePKCS1 = "pkcs1" // for a certificate's own signature
)

// Hashes by their names on the helper's command line.
var Hashes = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}

// Answer is the helper's one line of JSON.
type Answer struct {
	PublicKey string `json:"public_key,omitempty"` // SPKI, PEM
	Signature string `json:"signature,omitempty"`  // base64
	Error     string `json:"error,omitempty"`
	Do        string `json:"do,omitempty"`
}

const (
	within        = 30 * time.Second
	longestAnswer = 64 << 10
)

// Key is a private key in a token. It is a crypto.Signer.
type Key struct {
	uri, helper string
	public      crypto.PublicKey
}

// Open finds a key by its URI. helper is the path of the helper program; empty finds it beside this program or in PATH.
func Open(ctx context.Context, uri, helper string) (*Key, error) {
	if _, err := ParseURI(uri); err != nil {
		return nil, err
	}
	helper, err := find(helper)
	if err != nil {
		return nil, err
	}
	answer, err := ask(ctx, helper, "", "public", uri)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode([]byte(answer.PublicKey))
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New(Helper + " gave no public key")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New(Helper + " gave a public key that cannot be read")
	}
	return &Key{uri, helper, public}, nil
}

// Public is the public key.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign lets the token sign a digest, as crypto.Signer has it. The token's own random numbers are used.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	scheme, hash, err := k.choose(digest, opts)
	if err != nil {
		return nil, err
	}
	// crypto.Signer knows no context; the time is bounded in ask.
	answer, err := ask(context.Background(), k.helper, base64.StdEncoding.EncodeToString(digest)+"\n", "sign", "--scheme", scheme, "--hash", hash, k.uri)
	if err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(answer.Signature)
	if err != nil || len(signature) == 0 {
		return nil, errors.New(Helper + " gave no signature")
	}
	return signature, nil
}

func (k *Key) choose(digest []byte, opts crypto.SignerOpts) (scheme, hash string, err error) {
	for name, h := range Hashes {
		if h == opts.HashFunc() && len(digest) == h.Size() {
			hash = name
		}
	}
	pss, isPSS := opts.(*rsa.PSSOptions)
	_, isEC := k.public.(*ecdsa.PublicKey)
	switch {
	case hash == "":
		return "", "", fmt.Errorf("a key in a token signs digests of SHA-256, SHA-384 and SHA-512; got %d bytes of %v", len(digest), opts.HashFunc())
	case isEC:
		return SchemeECDSA, hash, nil
	case isPSS && pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != opts.HashFunc().Size():
		return "", "", errors.New("a key in a token signs PSS with a salt as long as the hash only")
	case isPSS:
		return SchemePSS, hash, nil
	}
	return SchemePKCS1, hash, nil
}

func find(helper string) (string, error) {
	if helper != "" {
		return helper, nil
	}
	if exe, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(exe), Helper); isProgram(beside) {
			return beside, nil
		}
	}
	path, err := exec.LookPath(Helper)
	if err != nil {
		return "", ErrNoHelper
	}
	return path, nil
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// ask runs the helper. Its answer is bounded in time and size; its stderr belongs to the token's library and is dropped.
func ask(ctx context.Context, helper, stdin string, args ...string) (Answer, error) {
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	cmd := exec.CommandContext(ctx, helper, args...)
	cmd.Env = childEnvironment(os.Environ())
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second
	out := &bounded{limit: longestAnswer}
	cmd.Stdout = out
	runErr := cmd.Run()
	var answer Answer
	switch {
	case ctx.Err() != nil:
		return answer, fmt.Errorf("%s did not answer: %w", Helper, ctx.Err())
	case out.over || json.Unmarshal(out.buf.Bytes(), &answer) != nil:
		if runErr != nil {
			return answer, fmt.Errorf("%s failed: %w", Helper, runErr)
		}
		return answer, errors.New(Helper + " gave an answer that cannot be read")
	case answer.Error != "":
		return answer, &Error{answer.Error, answer.Do}
	case runErr != nil:
		return answer, fmt.Errorf("%s failed: %w", Helper, runErr)
	}
	return answer, nil
}

// Error is what the token or the helper refused.
type Error struct{ What, Do string }

func (e *Error) Error() string {
	if e.Do == "" {
		return e.What
	}
	return e.What + " (" + e.Do + ")"
}

// childEnvironment leaves our own secrets out: the token's library is foreign code, and needs none but the PIN.
func childEnvironment(all []string) []string {
	var kept []string
	for _, pair := range all {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SUITEKEY_") || strings.HasPrefix(name, "SUITEKEY_PKCS11_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// bounded keeps the first bytes and drops the rest.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.buf.Len(); len(p) > room {
		b.over = true
		b.buf.Write(p[:room])
		return len(p), nil
	}
	return b.buf.Write(p)
}
