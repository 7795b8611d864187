package cli

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
)

// exports are the command lines of all exports.
var exports = map[string][]string{
	"postman via direct": {"export", "postman", "--via", "direct"},
	"postman via broker": {"export", "postman", "--via", "broker", "--server", "https://connect.acme.example"},
	"suitecloud-ci":      {"export", "suitecloud-ci"},
	"sdf":                {"export", "sdf", "--app", "../../examples/acme-sync.yaml", "--suitelet", "--allow-address", "203.0.113.7"},
}

// secretForms are what a secret looks like, whoever it belongs to: a key in PEM or as a JWK, a token, credentials in an address or a
// header.
var secretForms = []*regexp.Regexp{
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{16}`),
	regexp.MustCompile(`"(d|dp|dq|qi|p|q)"\s*:\s*"[A-Za-z0-9_-]{20,}"`),
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.`),
	regexp.MustCompile(`(Basic|Bearer) [A-Za-z0-9+/_=-]{16,}`),
	regexp.MustCompile(`://[^/\s"]+:[^/\s"]+@`),
}

// TestEX01_ExportsHoldNoSecret makes every export where secrets are at hand, in the environment and in files beside it, and finds none
// of them in what it made.
func TestEX01_ExportsHoldNoSecret(t *testing.T) {
	for name, args := range exports {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			canaries, getenv := secretsAtHand(t, folder)
			out := filepath.Join(folder, "out")
			var stdout, stderr strings.Builder
			if exit := Run(t.Context(), append(args, "--out", out), getenv, strings.NewReader(""), &stdout, &stderr); exit != exitDone {
				t.Fatalf("exit code %d\n%s", exit, stderr.String())
			}
			made := filesBelow(t, out)
			made["stdout"], made["stderr"] = stdout.String(), stderr.String()
			if len(made) < 4 {
				t.Fatalf("only %d files were made", len(made)-2)
			}
			for path, text := range made {
				for what, canary := range canaries {
					if strings.Contains(text, canary) {
						t.Errorf("%s holds the %s", path, what)
					}
				}
				for _, form := range secretForms {
					if found := form.FindString(text); found != "" {
						t.Errorf("%s holds what looks like a secret: %.24s…", path, found)
					}
				}
			}
			checkSecretVariables(t, made)
		})
	}
}

// secretsAtHand are secrets in files and in the environment.
func secretsAtHand(t *testing.T, folder string) (canaries map[string]string, getenv func(string) string) {
	t.Helper()
	key, err := netsuite.GenerateKey(netsuite.P256)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := netsuite.EncodePrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(folder, "acme.key")
	if err := os.WriteFile(keyFile, []byte(pem.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"SUITEKEY_ACCOUNT": "1234567", "SUITEKEY_CLIENT_ID": strings.Repeat("a1", 32), "SUITEKEY_CERTIFICATE_ID": "a-certificate_ID", "SUITEKEY_SERVER_CLIENT_ID": "cl_1",
		"SUITEKEY_KEY_FILE": keyFile, "SUITEKEY_SERVER_CLIENT_SECRET": "canary-client-secret-5f1e", "SUITEKEY_MASTER_KEY": "canary-master-key-77aa",
	}
	canaries = map[string]string{
		"private key": strings.Split(pem.Reveal(), "\n")[1], "client secret": environment["SUITEKEY_SERVER_CLIENT_SECRET"], "master key": environment["SUITEKEY_MASTER_KEY"],
	}
	return canaries, func(name string) string { return environment[name] }
}

func filesBelow(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkSecretVariables: what a Postman environment keeps secret is empty, and what is named like a secret is kept so.
func checkSecretVariables(t *testing.T, files map[string]string) {
	t.Helper()
	for path, text := range files {
		if !strings.HasSuffix(path, ".postman_environment.json") {
			continue
		}
		var environment struct {
			Values []struct{ Key, Value, Type string }
		}
		if err := json.Unmarshal([]byte(text), &environment); err != nil {
			t.Fatal(err)
		}
		secrets := 0
		for _, v := range environment.Values {
			named := regexp.MustCompile(`secret|private|^access_token$`).MatchString(v.Key)
			if named != (v.Type == "secret") || named && v.Value != "" {
				t.Errorf("%s: variable %s of type %s has %d characters", path, v.Key, v.Type, len(v.Value))
			}
			if named {
				secrets++
			}
		}
		if secrets != 2 {
			t.Errorf("%s has %d secret variables, want 2", path, secrets)
		}
	}
}

// That the scan can find something.
func TestSecretFormsAreSeen(t *testing.T) {
	for _, text := range []string{
		"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49", `"d": "Y2FuYXJ5LWNhbmFyeS1jYW5hcnk"`, "eyJhbGciOiJFUzI1NiJ9.e30.x", "Authorization: Basic dXNlcjpwYXNzd29yZA==", "https://user:password@connect.acme.example",
	} {
		seen := false
		for _, form := range secretForms {
			seen = seen || form.MatchString(text)
		}
		if !seen {
			t.Errorf("nothing sees the secret in %q", text)
		}
	}
}
