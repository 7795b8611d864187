package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCL01_SecretsStayOffCommandLines plays a session of one person: no program that is started on the way gets a secret as an argument,
// and no file that is made can be read by other users unless it is public.
func TestCL01_SecretsStayOffCommandLines(t *testing.T) {
	bin, folder := binaries(t), t.TempDir()
	seen := filepath.Join(t.TempDir(), "argv")
	// Whatever is started writes down its arguments first; the browser then does what a browser does.
	recorder := func(name, then string) {
		t.Helper()
		script := "#!/bin/sh\necho \"$0 $*\" >> " + seen + "\n" + then + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	recorder("recorded-browser", `exec "`+filepath.Join(bin, "browser")+`" "$@"`)
	recorder("program", `printf '%s' "$NETSUITE_ACCESS_TOKEN" > token.txt; chmod 600 token.txt`)
	recorder("suitekey-pkcs11", `echo '{"error":"no token here"}'; exit 1`)
	env := append(accountOfDocs(t, bin), "BROWSER="+filepath.Join(bin, "recorded-browser"), "SUITEKEY_PKCS11_PIN=canary-pin-8842")
	const session = `set -eu
suitekey keys master --out master.key
suitekey keys generate --out spare
suitekey connect --connection acme --account 1234567 --client-id $CLIENT_ID --role customrole_acme_sync
suitekey run --connection acme -- program with arguments
suitekey certs rotate --connection acme
suitekey login --connection me --account 1234567 --client-id $CLIENT_ID
suitekey doctor --connection acme --bundle help.zip --yes
suitekey doctor --connection acme --record answers
! suitekey token --account 1234567 --client-id $CLIENT_ID --certificate-id x --key-uri 'pkcs11:token=acme;object=x'
`
	cmd := exec.Command("sh", "-c", session)
	cmd.Dir, cmd.Env = folder, env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	argv, err := os.ReadFile(seen)
	for _, name := range []string{"recorded-browser", "program", "suitekey-pkcs11"} {
		if !strings.Contains(string(argv), "/"+name+" ") {
			t.Errorf("%s was not started: %q (%v)", name, argv, err)
		}
	}
	secrets := map[string]string{"PIN": "canary-pin-8842", "any token": "eyJ", "any key": "PRIVATE KEY"}
	for name, file := range map[string]string{"master key": "master.key", "token": "token.txt"} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil || len(text) < 20 {
			t.Fatalf("%s: %d bytes, %v", file, len(text), err)
		}
		secrets[name] = strings.TrimSpace(string(text))
	}
	for what, secret := range secrets {
		if strings.Contains(string(argv), secret) {
			t.Errorf("the %s was an argument:\n%s", what, argv)
		}
		if strings.Contains(out.String(), secret) {
			t.Errorf("the %s was printed:\n%s", what, out.String())
		}
	}
	checkModes(t, folder)
	checkModes(t, homeOf(env))
}

func homeOf(env []string) (home string) {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "HOME="); ok {
			home = value
		}
	}
	return home
}

// checkModes wants that nothing below a folder can be read by others.
func checkModes(t *testing.T, folder string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%s: %d files, %v", folder, files, err)
	}
}
