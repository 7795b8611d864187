package main

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/pkcs11"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// The token of these tests is SoftHSM2. The judges are the emulator's ledger, and pkcs11-tool of OpenSC.

const (
	module = "/usr/lib/softhsm/libsofthsm2.so"
	pinOK  = "canary-4711"
)

// TestMain lets the test binary act as the helper.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pkcs11.Helper {
		main()
	}
	os.Exit(m.Run())
}

// newToken makes a token called acme, and the helper's program.
func newToken(t *testing.T) (helper string) {
	t.Helper()
	folder := t.TempDir()
	config := filepath.Join(folder, "softhsm2.conf")
	tokens := filepath.Join(folder, "tokens")
	if err := errors.Join(os.Mkdir(tokens, 0o700), os.WriteFile(config, []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", config)
	t.Setenv("SUITEKEY_PKCS11_MODULE", module)
	pinFile := filepath.Join(folder, "pin")
	if err := os.WriteFile(pinFile, []byte(pinOK+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SUITEKEY_PKCS11_PIN_FILE", pinFile)
	command(t, "softhsm2-util", "--init-token", "--free", "--label", "acme", "--pin", pinOK, "--so-pin", "so-"+pinOK)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper = filepath.Join(folder, pkcs11.Helper)
	if err := os.Symlink(exe, helper); err != nil {
		t.Fatal(err)
	}
	return helper
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// helped runs the helper and returns what it printed.
func helped(t *testing.T, helper string, args ...string) (pkcs11.Answer, string, error) {
	t.Helper()
	cmd := exec.Command(helper, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var answer pkcs11.Answer
	_ = json.Unmarshal(out.Bytes(), &answer) // an answer that cannot be read stays empty
	return answer, out.String(), err
}

// A key is made in the token, its certificate is signed there and mapped, and assertions that the token signs get tokens from NetSuite.
func TestKeyInATokenSignsIn(t *testing.T) {
	helper := newToken(t)
	for kind, alg := range map[string]string{"P-256": "ES256", "P-384": "ES384", "RSA-3072": "PS256"} {
		t.Run(kind, func(t *testing.T) {
			uri := "pkcs11:token=acme;object=" + kind
			made, printed, err := helped(t, helper, "generate", "--key", kind, uri)
			if err != nil || made.PublicKey == "" || strings.Contains(printed, "PRIVATE") {
				t.Fatalf("generate: %v\n%s", err, printed)
			}
			key, err := pkcs11.Open(t.Context(), uri, helper)
			if err != nil {
				t.Fatal(err)
			}
			emulator, credentials := mapped(t, key)
			if _, err := credentials.API().ServerTime(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, entry := range emulator.Ledger().Entries() {
				if !entry.OK {
					t.Errorf("NetSuite refused %s %s: %s", entry.Method, entry.Path, entry.Rule)
				}
			}
			assertion, err := credentials.Assertion()
			if err != nil || !strings.Contains(headerOf(t, assertion), `"alg":"`+alg+`"`) {
				t.Errorf("assertion %s, %v; want %s", headerOf(t, assertion), err, alg)
			}
			// The token does not give the key away.
			objects := command(t, "pkcs11-tool", "--module", module, "--token-label", "acme", "--login", "--pin", pinOK, "--list-objects", "--type", "privkey", "--label", kind)
			if !strings.Contains(objects, "sensitive") || !strings.Contains(objects, "never extractable") {
				t.Errorf("the key is not kept in the token:\n%s", objects)
			}
		})
	}
}

func headerOf(t *testing.T, jwt string) string {
	t.Helper()
	header, _, _ := strings.Cut(jwt, ".")
	return decode(t, header)
}

// mapped is an account that knows the key's certificate.
func mapped(t *testing.T, key crypto.Signer) (*netsuitetest.Server, *netsuite.ClientCredentials) {
	t.Helper()
	emulator := netsuitetest.Start(t)
	account := emulator.Account("1234567")
	app, err := emulator.AddIntegration(netsuitetest.Integration{Name: "Acme", ClientCredentials: true, Scopes: []string{"rest_webservices"}})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := account.MapCertificate(app.ClientID, "admin@globex.example", "administrator", netsuite.EncodePEM(cert))
	if err != nil {
		t.Fatal(err)
	}
	site, err := netsuite.EmulatorSite(emulator.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return emulator, &netsuite.ClientCredentials{Account: "1234567", ClientID: app.ClientID, CertificateID: id, Key: key, Scopes: []string{"rest_webservices"}, Site: site}
}

func TestRefusals(t *testing.T) {
	helper := newToken(t)
	const uri = "pkcs11:token=acme;object=netsuite"
	if _, printed, err := helped(t, helper, "generate", uri); err != nil {
		t.Fatal(printed)
	}
	wrong := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(wrong, []byte("canary-wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(pinOK), 0o604); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		env  [2]string
		want string
	}{
		"no verb":           {[]string{"extract", uri}, [2]string{}, "there is no verb"},
		"no URI":            {[]string{"public"}, [2]string{}, "one URI is wanted"},
		"a PIN in argv":     {[]string{"public", uri + "?pin-value=" + pinOK}, [2]string{}, "must not hold the PIN"},
		"a key that exists": {[]string{"generate", uri}, [2]string{}, "never replaced"},
		"a bad kind":        {[]string{"generate", "--key", "RSA-2048", "pkcs11:token=acme;object=new"}, [2]string{}, "must be P-256"},
		"no such key":       {[]string{"public", "pkcs11:token=acme;object=none"}, [2]string{}, `has no key "none"`},
		"no such token":     {[]string{"public", "pkcs11:token=none;object=netsuite"}, [2]string{}, "no such token"},
		"no module":         {[]string{"public", uri}, [2]string{"SUITEKEY_PKCS11_MODULE", ""}, "library of the token is not named"},
		"a missing module":  {[]string{"public", uri + "?module-path=/nonexistent.so"}, [2]string{}, "is not there"},
		"a wrong PIN":       {[]string{"public", uri}, [2]string{"SUITEKEY_PKCS11_PIN_FILE", wrong}, "the PIN is wrong"},
		"an open PIN file":  {[]string{"public", uri}, [2]string{"SUITEKEY_PKCS11_PIN_FILE", open}, "chmod 600"},
		"no PIN":            {[]string{"public", uri}, [2]string{"SUITEKEY_PKCS11_PIN_FILE", ""}, "the PIN of the token is not given"},
		"no digest":         {[]string{"sign", "--scheme", "ecdsa", "--hash", "sha256", uri}, [2]string{}, "must be 32 bytes"},
		"a bad hash":        {[]string{"sign", "--scheme", "ecdsa", "--hash", "md5", uri}, [2]string{}, "flag -hash"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			answer, printed, err := helped(t, helper, tt.args...)
			if err == nil || !strings.Contains(answer.Error+" "+answer.Do, tt.want) || strings.Contains(printed, "canary") {
				t.Errorf("%v\n%s\nwant %q, and no PIN", err, printed, tt.want)
			}
		})
	}
	// One wrong PIN was one try: the token is not locked.
	if _, err := pkcs11.Open(t.Context(), uri, helper); err != nil {
		t.Error(err)
	}
	if key, err := pkcs11.Open(t.Context(), uri+"?module-path=/nonexistent.so", helper); err == nil {
		t.Errorf("%v was opened", key)
	}
}

func decode(t *testing.T, segment string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
