package export

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/suitekey/suitekey/netsuite"
)

func TestSuiteCloudFiles(t *testing.T) {
	files, err := SuiteCloud(SuiteCloudOptions{Account: "1234567_SB1", Project: "netsuite/acme"})
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "suitecloud-ci", files)
	for _, f := range files {
		if left := regexp.MustCompile(`@[A-Z_]+@`).Find(f.Content); left != nil {
			t.Errorf("%s: nobody has filled in %s", f.Path, left)
		}
	}
}

func TestSuiteCloudRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		o    SuiteCloudOptions
		want string
	}{
		"no account":           {SuiteCloudOptions{}, "account ID is empty"},
		"account is a host":    {SuiteCloudOptions{Account: "evil.example/"}, "account ID"},
		"certificate is a job": {SuiteCloudOptions{Account: "1234567", CertificateID: "${{ secrets.X }}"}, "certificate ID"},
		"auth ID is a command": {SuiteCloudOptions{Account: "1234567", AuthID: "ci; rm -r ."}, "auth ID"},
		"project elsewhere":    {SuiteCloudOptions{Account: "1234567", Project: "../other"}, "project"},
		"project from root":    {SuiteCloudOptions{Account: "1234567", Project: "/etc"}, "project"},
		"project upwards":      {SuiteCloudOptions{Account: "1234567", Project: "a/../b"}, "project"},
		"project is YAML":      {SuiteCloudOptions{Account: "1234567", Project: "a\"\n      run: x"}, "project"},
		"branch is an option":  {SuiteCloudOptions{Account: "1234567", Branch: "main\"]"}, "branch"},
	} {
		if files, err := SuiteCloud(tt.o); err == nil || files != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d files, %v; want it refused with %q", name, len(files), err, tt.want)
		}
	}
}

// suiteCloudWorkflow is what the tests need of the workflow.
type suiteCloudWorkflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		If, Environment string
		Steps           []struct {
			Name, Uses, Run string
			Env             map[string]string
		}
	}
}

func readWorkflow(t *testing.T, o SuiteCloudOptions) (suiteCloudWorkflow, string) {
	t.Helper()
	files, err := SuiteCloud(o)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(files, func(f File) bool { return f.Path == ".github/workflows/suitecloud.yml" })
	var w suiteCloudWorkflow
	if err := yaml.Unmarshal(files[i].Content, &w); err != nil {
		t.Fatal(err)
	}
	return w, string(files[i].Content)
}

// TestSuiteCloudWorkflow: actions have a version, secrets reach the one step that needs them by its environment, and no expression of
// GitHub stands in a command, where what it brings would be run.
func TestSuiteCloudWorkflow(t *testing.T) {
	w, text := readWorkflow(t, SuiteCloudOptions{Account: "1234567"})
	job := w.Jobs["suitecloud"]
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" || job.Environment == "" || !strings.Contains(job.If, "head.repo.full_name == github.repository") {
		t.Errorf("permissions %v, environment %q, if %q", w.Permissions, job.Environment, job.If)
	}
	version := regexp.MustCompile(`^actions/[a-z-]+@v[0-9]+$`)
	for _, step := range job.Steps {
		if step.Uses != "" && !version.MatchString(step.Uses) {
			t.Errorf("action %q has no version", step.Uses)
		}
		if strings.Contains(step.Run, "${{") {
			t.Errorf("step %q runs an expression: %s", step.Name, step.Run)
		}
	}
	last := job.Steps[len(job.Steps)-1]
	if strings.Count(text, "secrets.NETSUITE") != 1 || last.Env["NETSUITE_PRIVATE_KEY"] != "${{ secrets.NETSUITE_PRIVATE_KEY }}" {
		t.Errorf("the secret is used %d times, and the last step has %q", strings.Count(text, "secrets.NETSUITE"), last.Env["NETSUITE_PRIVATE_KEY"])
	}
	if last.Env["NETSUITE_ACCOUNT"] != "1234567" || last.Env["NETSUITE_CERTIFICATE_ID"] != "${{ vars.NETSUITE_CERTIFICATE_ID }}" {
		t.Errorf("environment %q", last.Env)
	}
	if w, _ = readWorkflow(t, SuiteCloudOptions{Account: "1234567", CertificateID: "-abc_1"}); w.Jobs["suitecloud"].Steps[4].Env["NETSUITE_CERTIFICATE_ID"] != "-abc_1" {
		t.Errorf("certificate ID %q, want the one given", w.Jobs["suitecloud"].Steps[4].Env)
	}
}

// standIn plays the SuiteCloud CLI: it notes its arguments, its environment and what it was given as a key, and makes the credentials
// file as the CLI does.
const standIn = `#!/bin/bash
set -eu
n=$(($(ls "$RECORD" | wc -l) + 1))
mkdir "$RECORD/$n"
printf '%s\n' "$@" >"$RECORD/$n/argv"
env >"$RECORD/$n/env"
pwd >"$RECORD/$n/folder"
if [ "$1" = account:setup:ci ]; then
	key=$(printf '%s\n' "$@" | grep -A1 '^--privatekeypath$' | tail -1)
	cat "$key" >"$RECORD/$n/key"
	stat -c %a "$key" >"$RECORD/$n/mode"
	mkdir -p "$HOME/.suitecloud-sdk"
	echo sealed >"$HOME/.suitecloud-sdk/credentials_ci.p12"
fi
[ "$1" != "${FAIL_AT:-}" ] || exit 9
`

// pipeline is a machine with the exported script and the stand-in.
type pipeline struct {
	home, record, temp string
	env                []string
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{home: t.TempDir(), record: t.TempDir(), temp: t.TempDir()}
	files, err := SuiteCloud(SuiteCloudOptions{Account: "1234567"})
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(p.home, "repo"), files); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(p.home, "bin")
	for path, content := range map[string]string{
		filepath.Join(bin, "suitecloud"): standIn, filepath.Join(p.home, "repo", "project dir", "suitecloud.config.js"): "module.exports = {};\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.env = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + p.home, "TMPDIR=" + p.temp, "RECORD=" + p.record,
		"NETSUITE_ACCOUNT=1234567_SB1", "NETSUITE_CERTIFICATE_ID=-abc_1", "SUITECLOUD_AUTH_ID=acme-ci", "SUITECLOUD_PROJECT=project dir",
	}
	return p
}

// run runs the script; what stands later in the environment counts.
func (p *pipeline) run(args, env []string) (string, error) {
	cmd := exec.Command("bash", append([]string{"suitecloud-ci.sh"}, args...)...)
	cmd.Dir, cmd.Env = filepath.Join(p.home, "repo"), append(slices.Clone(p.env), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *pipeline) recorded(t *testing.T, call int, what string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.record, fmt.Sprint(call), what))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

func rsaPEM(t *testing.T) string {
	t.Helper()
	key, err := netsuite.GenerateKey(netsuite.RSA3072)
	if err != nil {
		t.Fatal(err)
	}
	text, err := netsuite.EncodePrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text.Reveal())
}

// TestSuiteCloudScript: the key reaches the CLI by a file of its own and in no other way; set-up has the passkey alone, the tasks have
// SUITECLOUD_CI as well; and nothing stays behind.
func TestSuiteCloudScript(t *testing.T) {
	key := rsaPEM(t)
	for name, tt := range map[string]struct {
		task string
		env  func(folder string) []string
		want []string // the calls of the CLI
	}{
		"validate, key in the environment": {"validate", func(string) []string { return []string{"NETSUITE_PRIVATE_KEY=" + key} }, []string{"account:setup:ci", "project:validate"}},
		"deploy, key in a file": {"deploy", func(folder string) []string {
			path := filepath.Join(folder, "the key.pem")
			if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"NETSUITE_PRIVATE_KEY_FILE=" + path, "SUITECLOUD_FALLBACK_PASSKEY=old", "SUITECLOUD_CI=1"}
		}, []string{"account:setup:ci", "project:validate", "project:deploy"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipeline(t)
			if out, err := p.run([]string{tt.task}, tt.env(t.TempDir())); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var calls, passkeys []string
			for n := range tt.want {
				argv, env := strings.Split(p.recorded(t, n+1, "argv"), "\n"), "\n"+p.recorded(t, n+1, "env")+"\n"
				calls = append(calls, argv[0])
				passkey := regexp.MustCompile(`\nSUITECLOUD_CI_PASSKEY=([A-Za-z0-9]{32,100})\n`).FindStringSubmatch(env)
				if passkey == nil {
					t.Fatalf("call %d has no passkey", n+1)
				}
				passkeys = append(passkeys, passkey[1])
				if ci := strings.Contains(env, "\nSUITECLOUD_CI=1\n"); ci != (n > 0) || strings.Contains(env, "FALLBACK") {
					t.Errorf("call %d: SUITECLOUD_CI is set: %t; environment%s", n+1, ci, env)
				}
				if secret := strings.Split(key, "\n")[1]; strings.Contains(env, secret) || strings.Contains(strings.Join(argv, " "), secret) || strings.Contains(strings.Join(argv, " "), passkey[1]) {
					t.Errorf("call %d has the key in its arguments or its environment, or the passkey in its arguments", n+1)
				}
				if folder := p.recorded(t, n+1, "folder"); filepath.Base(folder) != "project dir" {
					t.Errorf("call %d runs in %s", n+1, folder)
				}
			}
			if entries, err := os.ReadDir(p.record); err != nil || len(entries) != len(tt.want) || !slices.Equal(calls, tt.want) || len(slices.Compact(passkeys)) != 1 {
				t.Errorf("calls %q of %d, passkeys %d; want %q with one passkey", calls, len(entries), len(slices.Compact(passkeys)), tt.want)
			}
			argv := p.recorded(t, 1, "argv")
			if want := "account:setup:ci\n--account\n1234567_SB1\n--authid\nacme-ci\n--certificateid\n-abc_1\n--privatekeypath\n/"; !strings.HasPrefix(argv, want) {
				t.Errorf("set-up by\n%s\nwant\n%s…", argv, want)
			}
			if p.recorded(t, 1, "key") != key || p.recorded(t, 1, "mode") != "600" {
				t.Errorf("the file with the key has mode %s, or another key", p.recorded(t, 1, "mode"))
			}
			p.checkNothingLeft(t)
		})
	}
}

func (p *pipeline) checkNothingLeft(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(p.temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(p.home, ".suitecloud-sdk", "credentials_ci.p12")); !os.IsNotExist(err) {
		t.Errorf("the credentials file: %v, want it gone", err)
	}
}

// A passkey of the caller's own opens a credentials file that stays.
func TestSuiteCloudScriptOwnPasskey(t *testing.T) {
	p := newPipeline(t)
	env := []string{"NETSUITE_PRIVATE_KEY=" + rsaPEM(t), "SUITECLOUD_CI_PASSKEY=" + strings.Repeat("a1", 20)}
	for range 2 {
		if out, err := p.run([]string{"validate"}, env); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(p.home, ".suitecloud-sdk", "credentials_ci.p12")); err != nil {
		t.Error(err)
	}
	if out, err := p.run([]string{"validate"}, env[:1]); err == nil || !strings.Contains(out, "has a passkey already") {
		t.Errorf("without the passkey: %v, %s; want it refused", err, out)
	}
}

func TestSuiteCloudScriptRefusals(t *testing.T) {
	key := "NETSUITE_PRIVATE_KEY=-----BEGIN PRIVATE KEY-----\nQUFB\n-----END PRIVATE KEY-----"
	for name, tt := range map[string]struct {
		args, env []string
		want      string
		calls     int
	}{
		"no task":            {nil, []string{key}, "validate or deploy", 0},
		"two tasks":          {[]string{"validate", "deploy"}, []string{key}, "validate or deploy", 0},
		"unknown task":       {[]string{"destroy"}, []string{key}, "validate or deploy", 0},
		"no account":         {[]string{"deploy"}, []string{key, "NETSUITE_ACCOUNT="}, "NETSUITE_ACCOUNT", 0},
		"account is options": {[]string{"deploy"}, []string{key, "NETSUITE_ACCOUNT=1 --domain evil.example"}, "NETSUITE_ACCOUNT", 0},
		"no certificate":     {[]string{"deploy"}, []string{key, "NETSUITE_CERTIFICATE_ID="}, "NETSUITE_CERTIFICATE_ID", 0},
		"strange auth ID":    {[]string{"deploy"}, []string{key, "SUITECLOUD_AUTH_ID=a b"}, "SUITECLOUD_AUTH_ID", 0},
		"no key":             {[]string{"deploy"}, nil, "set NETSUITE_PRIVATE_KEY_FILE or NETSUITE_PRIVATE_KEY", 0},
		"key is no key":      {[]string{"deploy"}, []string{"NETSUITE_PRIVATE_KEY=canary"}, "must be a PEM file", 0},
		"missing key file":   {[]string{"deploy"}, []string{"NETSUITE_PRIVATE_KEY_FILE=/missing/key.pem"}, "missing", 0},
		"short passkey":      {[]string{"deploy"}, []string{key, "SUITECLOUD_CI_PASSKEY=canary"}, "32 to 100", 0},
		"no project":         {[]string{"deploy"}, []string{key, "SUITECLOUD_PROJECT=."}, "suitecloud.config.js", 0},
		"set-up fails":       {[]string{"deploy"}, []string{key, "FAIL_AT=account:setup:ci"}, "", 1},
		"validation fails":   {[]string{"deploy"}, []string{key, "FAIL_AT=project:validate"}, "", 2},
		"deployment fails":   {[]string{"deploy"}, []string{key, "FAIL_AT=project:deploy"}, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipeline(t)
			out, err := p.run(tt.args, tt.env)
			if err == nil || !strings.Contains(out, tt.want) || strings.Contains(out, "canary") || strings.Contains(out, "QUFB") {
				t.Errorf("%v, %q; want it refused with %q and without a secret", err, out, tt.want)
			}
			calls, err := os.ReadDir(p.record)
			if err != nil || len(calls) != tt.calls {
				t.Errorf("%d calls of the CLI (%v), want %d", len(calls), err, tt.calls)
			}
			p.checkNothingLeft(t)
		})
	}
}

// TestShellScripts: every shell script that we export or show is one that bash reads and shellcheck finds nothing in.
func TestShellScripts(t *testing.T) {
	var scripts []string
	for _, root := range []string{".", "../../docs/recipes"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".sh" {
				scripts = append(scripts, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(scripts) == 0 {
		t.Fatal("there are no scripts")
	}
	for _, args := range [][]string{{"bash", "-n"}, {"shellcheck"}} {
		for _, path := range scripts {
			var said bytes.Buffer
			cmd := exec.Command(args[0], append(args[1:], path)...)
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Run(); err != nil {
				t.Errorf("%s %s: %v\n%s", args[0], path, err, said.String())
			}
		}
	}
}
