package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuitetest"
)

// shBlock is a block of commands in a page. Blocks in another language are there to be read.
var shBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")

// commandsOf are the commands of a page, in their order, as one script.
func commandsOf(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, block := range shBlock.FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[1])
	}
	return script.String()
}

// TestDocs runs every command of the pages for one person with one account, as it stands there, beside an emulator of NetSuite.
func TestDocs(t *testing.T) {
	for page, more := range map[string]func(t *testing.T, bin, folder string) []string{
		"command-line.md": nil, "json.md": nil, "migrate-tba.md": nil, "doctor.md": nil, "hardware-keys.md": softToken,
		"export-sdf.md": nil, "export-postman.md": besideServer, "export-suitecloud-ci.md": suiteCloudProject, "recipes/cron.md": reportScript,
	} {
		t.Run(page, func(t *testing.T) {
			script := commandsOf(t, page)
			if n := strings.Count(script, "suitekey "); n < 2 {
				t.Fatalf("%s has %d commands", page, n)
			}
			cmd := exec.Command("bash", "-c", script)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			bin := binaries(t)
			cmd.Dir, cmd.Env = t.TempDir(), accountOfDocs(t, bin)
			if more != nil {
				cmd.Env = append(cmd.Env, more(t, bin, cmd.Dir)...)
			}
			cmd.WaitDelay = 10 * time.Second
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v\n%s", page, err, out.String())
			}
		})
	}
}

// accountOfDocs is an account with what the pages say it needs, and the variables under which the pages know it.
func accountOfDocs(t *testing.T, bin string) []string {
	t.Helper()
	callback, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	redirect := "http://" + callback + "/callback"
	emulator := netsuitetest.Start(t, netsuitetest.Config{Settings: netsuitetest.Settings{AllowHTTPLoopbackRedirects: true}, Accounts: []netsuitetest.AccountConfig{{
		ID: "1234567", Name: "Globex Corporation", Customers: 50, Bundles: []int64{123456},
		Roles: []netsuitetest.Role{{ScriptID: "customrole_legacy", Name: "Legacy", Permissions: map[string]int{"ADMI_LOGIN_OAUTH": 4, "ADMI_RESTWEBSERVICES": 4, "REPO_ANALYTICS": 4, "LIST_CUSTJOB": 1}}},
		Employees: []netsuitetest.EmployeeConfig{
			{Email: "robot@globex.example", First: "Robot", Last: "Globex", Roles: []string{"customrole_acme_sync", "customrole_legacy"}},
		},
		TBATokens: []netsuitetest.TBAToken{{
			ConsumerKey: strings.Repeat("a", 64), ConsumerSecret: strings.Repeat("b", 64), TokenID: strings.Repeat("c", 64), TokenSecret: strings.Repeat("d", 64),
			User: "robot@globex.example", Role: "customrole_legacy",
		}},
	}}})
	app, err := emulator.AddIntegration(netsuitetest.Integration{
		Name: "Acme Sync", RedirectURIs: []string{redirect}, Scopes: []string{"rest_webservices", "restlets"}, CodeGrant: true, ClientCredentials: true, Public: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	master := filepath.Join(home, "master.key")
	if err := os.WriteFile(master, []byte(vault.NewMasterKey().Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home, "SUITEKEY_MASTER_KEY_FILE=" + master, "BROWSER=" + filepath.Join(bin, "browser"), "COMPANY=1234567", "CALLBACK=" + callback,
		"SUITEKEY_REDIRECT_URI=" + redirect, "SUITEKEY_NETSUITE_EMULATOR=" + emulator.Addr(), "CLIENT_ID=" + app.ClientID,
		"CONSUMER_KEY=" + strings.Repeat("a", 64), "CONSUMER_SECRET=" + strings.Repeat("b", 64), "TOKEN_ID=" + strings.Repeat("c", 64), "TOKEN_SECRET=" + strings.Repeat("d", 64),
	}
}

// softToken builds the helper, makes a PKCS#11 token called acme, and returns the variables that lead to it.
func softToken(t *testing.T, bin, _ string) []string {
	t.Helper()
	const module = "/usr/lib/softhsm/libsofthsm2.so"
	folder := t.TempDir()
	config, pin := filepath.Join(folder, "softhsm2.conf"), filepath.Join(folder, "pin")
	for path, content := range map[string]string{config: "directories.tokendir = " + folder + "\n", pin: "4711\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"SOFTHSM2_CONF=" + config, "SUITEKEY_PKCS11_MODULE=" + module, "SUITEKEY_PKCS11_PIN_FILE=" + pin}
	for _, args := range [][]string{
		{"go", "build", "-C", "../suitekey-pkcs11", "-o", filepath.Join(bin, "suitekey-pkcs11"), "."},
		{"softhsm2-util", "--init-token", "--free", "--label", "acme", "--pin", "4711", "--so-pin", "47114711"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), append(env, "CGO_ENABLED=1")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	return env
}

// binaries is a folder with the programs of this package's TestMain: the test binary acts as the command of its name.
func binaries(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, name := range []string{"suitekey", "browser"} {
		if err := os.Symlink(exe, filepath.Join(bin, name)); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", name, err))
		}
	}
	return bin
}
