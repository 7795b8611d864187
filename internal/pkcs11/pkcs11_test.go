package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Signing with a real token is tested beside the helper, in cmd/suitekey-pkcs11.

const good = "pkcs11:token=acme;object=netsuite?module-path=/usr/lib/softhsm/libsofthsm2.so"

func TestParseURI(t *testing.T) {
	for _, tt := range []struct {
		text string
		want URI
	}{
		{good, URI{Token: "acme", Object: "netsuite", Module: "/usr/lib/softhsm/libsofthsm2.so"}},
		{"pkcs11:serial=a1;id=%01%ff", URI{Serial: "a1", ID: []byte{1, 0xff}}},
		{"PKCS11:token=My%20Token;object=a;type=private?pin-source=file:/run/pin", URI{Token: "My Token", Object: "a", PINSource: "/run/pin"}},
	} {
		got, err := ParseURI(tt.text)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "another scheme": "https://token", "nothing": "pkcs11:", "no token": "pkcs11:object=a", "no key": "pkcs11:token=a",
		"both": "pkcs11:token=a;serial=b;object=c", "twice": "pkcs11:token=a;token=b;object=c", "no value": "pkcs11:token=;object=a", "no equals": "pkcs11:token;object=a",
		"bad escape": "pkcs11:token=%zz;object=a", "control characters": "pkcs11:token=a%0ab;object=c", "unknown": "pkcs11:token=a;object=b;slot-id=1",
		"a PIN": "pkcs11:token=a;object=b?pin-value=1234", "relative module": "pkcs11:token=a;object=b?module-path=evil.so", "a PIN by command": "pkcs11:token=a;object=b?pin-source=|cmd",
		"a certificate": "pkcs11:token=a;object=b;type=cert", "huge": "pkcs11:token=" + strings.Repeat("a", longestURI), "long ID": "pkcs11:token=a;id=" + strings.Repeat("%01", 65),
	} {
		if got, err := ParseURI(text); err == nil || strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: %+v, %v; want an error that shows no PIN", name, got, err)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add(good)
	f.Add("pkcs11:token=a;id=%01?pin-source=file:/x&module-path=/y")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err == nil && (u.Token == "" && u.Serial == "" || u.Object == "" && len(u.ID) == 0 || u.Module != "" && !filepath.IsAbs(u.Module)) {
			t.Errorf("%q gave %+v", text, u)
		}
	})
}

// program is a helper that does not do what it should.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), Helper)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelpersThatMisbehave(t *testing.T) {
	for name, script := range map[string]string{
		"garbage": "echo hello", "nothing": "exit 0", "failing": "exit 3", "endless": "yes | head -c 1000000", "no key": `echo '{"public_key":"x"}'`,
		"another key": `printf '{"public_key":"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----\\n"}'`,
	} {
		if k, err := Open(t.Context(), good, program(t, script)); err == nil || k != nil {
			t.Errorf("%s: %v, %v; want an error", name, k, err)
		}
	}
	var refused *Error
	_, err := Open(t.Context(), good, program(t, `echo '{"error":"the PIN is wrong","do":"look"}'; exit 1`))
	if !errors.As(err, &refused) || refused.What != "the PIN is wrong" || refused.Do != "look" {
		t.Errorf("%v, want the helper's own words", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := Open(ctx, good, program(t, "exec sleep 60")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a helper that hangs: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Open(t.Context(), good, ""); !errors.Is(err, ErrNoHelper) {
		t.Errorf("no helper: %v, want ErrNoHelper", err)
	}
}

// The helper gets the PIN, and no other secret of ours.
func TestHelperGetsNoOtherSecrets(t *testing.T) {
	seen := filepath.Join(t.TempDir(), "env")
	t.Setenv("SUITEKEY_PKCS11_PIN", "canary-pin")
	t.Setenv("SUITEKEY_MASTER_KEY", "canary-master")
	t.Setenv("SUITEKEY_KEY", "canary-key")
	_, _ = Open(t.Context(), good, program(t, "env > "+seen)) // what it saw is what counts
	got, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(got), "canary-pin") || strings.Contains(string(got), "canary-master") || strings.Contains(string(got), "canary-key") {
		t.Errorf("the helper saw (%v):\n%s", err, got)
	}
}

func TestSignRefusesWhatNetSuiteDoesNotTake(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := make([]byte, 32)
	for name, tt := range map[string]struct {
		public crypto.PublicKey
		digest []byte
		opts   crypto.SignerOpts
	}{
		"SHA-1":        {ec.Public(), make([]byte, 20), crypto.SHA1},
		"a cut digest": {ec.Public(), digest[:31], crypto.SHA256},
		"a long salt":  {&rsa.PublicKey{}, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}},
	} {
		k := &Key{uri: good, helper: "/nonexistent", public: tt.public}
		if _, _, err := k.choose(tt.digest, tt.opts); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}
