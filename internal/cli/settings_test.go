package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/vault"
)

// world is environment and files for a test.
type world struct {
	env   map[string]string
	files map[string]string
	flags []string
}

func (w world) getenv(name string) string { return w.env[name] }

func (w world) readFile(name string) ([]byte, error) {
	text, ok := w.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

func (w world) flagSet(t *testing.T) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	addSettingsFlags(flags)
	if err := flags.Parse(w.flags); err != nil {
		t.Fatal(err)
	}
	return flags
}

func (w world) load(t *testing.T, file string) (settings, error) {
	t.Helper()
	return loadConfig(w.getenv, w.readFile, file, w.flagSet(t))
}

const emulatorFile = "netsuite: {emulator: '127.0.0.1:8790'}\n"

func TestDefaults(t *testing.T) {
	s, err := world{env: map[string]string{"SUITEKEY_NETSUITE_EMULATOR": "localhost:8790"}}.load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s.Database, s.Addr, s.PublicURL, s.Site), "sqlite:suitekey.db127.0.0.1:8780http://127.0.0.1:8780emulator at 127.0.0.1:8790"; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got %s, want %s", got, want)
	}
	if s.LogFormat != "text" && s.LogFormat != "json" {
		t.Errorf("log format: got %q, want text or json", s.LogFormat)
	}
}

func TestSourcesRise(t *testing.T) {
	file := emulatorFile + "addr: 127.0.0.1:1001\n"
	tests := []struct {
		name string
		w    world
		want string
	}{
		{"file over default", world{files: map[string]string{"suitekey.yaml": file}}, "127.0.0.1:1001"},
		{"environment over file", world{files: map[string]string{"suitekey.yaml": file}, env: map[string]string{"SUITEKEY_ADDR": "127.0.0.1:1002"}}, "127.0.0.1:1002"},
		{"flag over environment", world{
			files: map[string]string{"suitekey.yaml": file}, env: map[string]string{"SUITEKEY_ADDR": "127.0.0.1:1002"}, flags: []string{"--addr", "127.0.0.1:1003"},
		}, "127.0.0.1:1003"},
		{"another file by variable", world{
			files: map[string]string{"suitekey.yaml": file, "other.yaml": emulatorFile + "addr: 127.0.0.1:1004"}, env: map[string]string{"SUITEKEY_CONFIG": "other.yaml"},
		}, "127.0.0.1:1004"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tt.w.load(t, "")
			if err != nil {
				t.Fatal(err)
			}
			if s.Addr != tt.want {
				t.Errorf("got %s, want %s", s.Addr, tt.want)
			}
		})
	}
}

func TestLiveServer(t *testing.T) {
	s, err := world{files: map[string]string{"a.yaml": "public_url: https://connect.acme.example/\naddr: ':8780'\nlog_format: json"}}.load(t, "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.PublicURL, " ", s.Site, " ", s.LogFormat); got != "https://connect.acme.example netsuite.com json" {
		t.Errorf("got %s", got)
	}
}

func TestMasterKey(t *testing.T) {
	key := vault.NewMasterKey()
	text := key.Reveal()
	tests := []struct {
		name string
		w    world
	}{
		{"in the file", world{files: map[string]string{"d/s.yaml": emulatorFile + "master_key: '" + text + "'"}}},
		{"in a file beside the file", world{files: map[string]string{"d/s.yaml": emulatorFile + "master_key_file: m.key", "d/m.key": text + "\n"}}},
		{"in a file named whole", world{files: map[string]string{"d/s.yaml": emulatorFile + "master_key_file: /run/m.key", "/run/m.key": text}}},
		{"in the environment", world{files: map[string]string{"d/s.yaml": emulatorFile}, env: map[string]string{"SUITEKEY_MASTER_KEY": text}}},
		{"in a file of the environment", world{files: map[string]string{"d/s.yaml": emulatorFile + "master_key: old", "m.key": text}, env: map[string]string{"SUITEKEY_MASTER_KEY_FILE": "m.key"}}},
		{"in a file of a flag", world{
			files: map[string]string{"d/s.yaml": emulatorFile, "m.key": text}, env: map[string]string{"SUITEKEY_MASTER_KEY": "old"}, flags: []string{"--master-key-file=m.key"},
		}},
		{"environment over a file of the file", world{files: map[string]string{"d/s.yaml": emulatorFile + "master_key_file: missing"}, env: map[string]string{"SUITEKEY_MASTER_KEY": text}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tt.w.load(t, "d/s.yaml")
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := s.appConfig(slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if cfg.MasterKey != key {
				t.Errorf("got key %s, want %s", cfg.MasterKey.ID(), key.ID())
			}
			if printed := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(printed, text) {
				t.Error("the settings print the key")
			}
		})
	}
}

func TestMasterKeyOpenToAllIsRefused(t *testing.T) {
	for mode, accepted := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o444: false, 0o602: false, 0o644: false} {
		path := filepath.Join(t.TempDir(), "m.key")
		if err := os.WriteFile(path, []byte(vault.NewMasterKey().Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		getenv := world{env: map[string]string{"SUITEKEY_NETSUITE_EMULATOR": "127.0.0.1:8790", "SUITEKEY_MASTER_KEY_FILE": path}}.getenv
		_, err := loadConfig(getenv, os.ReadFile, "", nil)
		if (err == nil) != accepted || err != nil && !strings.Contains(err.Error(), "every user of this machine") {
			t.Errorf("mode %04o: got %v, want accepted %v", mode, err, accepted)
		}
	}
}

func TestAppConfigNeedsTheMasterKey(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		want broker.Code
	}{
		"none":  {emulatorFile, broker.CodeNoKey},
		"wrong": {emulatorFile + "master_key: too-short", broker.CodeConfig},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := world{files: map[string]string{"suitekey.yaml": tt.file}}.load(t, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.appConfig(nil); broker.CodeOf(err) != tt.want || strings.Contains(err.Error(), "too-short") {
				t.Errorf("got %v, want code %s and no value", err, tt.want)
			}
		})
	}
}

func TestBadSettings(t *testing.T) {
	file := func(text string) world { return world{files: map[string]string{"suitekey.yaml": text}} }
	env := func(name, value string) world {
		return world{env: map[string]string{"SUITEKEY_NETSUITE_EMULATOR": "127.0.0.1:8790", name: value}}
	}
	tests := []struct {
		name string
		w    world
		file string
		want string // part of the error
	}{
		{name: "file missing", file: "missing.yaml", want: "settings file missing.yaml: cannot be read"},
		{name: "file of the variable missing", w: env("SUITEKEY_CONFIG", "gone.yaml"), want: "settings file gone.yaml: cannot be read"},
		{name: "unknown key", w: file("databse: x"), want: `suitekey.yaml, line 1, key "databse": unknown key; did you mean "database"?`},
		{name: "number for text", w: file("addr: 8780"), want: `key "addr": must be text`},
		{name: "empty file", w: file(""), want: "the file is empty"},
		{name: "binary file", w: file("\x00\x01"), want: "must be UTF-8 text"},
		{name: "huge file", w: file(strings.Repeat("# x\n", 100_000)), want: "it may have at most"},
		{name: "live without public URL", w: world{}, want: "setting public_url: must be set: NetSuite redirects people to it"},
		{name: "live with http", w: file("public_url: http://connect.acme.example"), want: "setting public_url (file suitekey.yaml): must begin with https://"},
		{name: "live with http on this machine", w: file("public_url: http://127.0.0.1:8780"), want: "must begin with https://"},
		{name: "emulator with http elsewhere", w: env("SUITEKEY_PUBLIC_URL", "http://connect.acme.example"), want: "must begin with https://, or name this machine"},
		{name: "emulator without public URL on all addresses", w: env("SUITEKEY_ADDR", ":8780"), want: "must be set when addr does not name this machine"},
		{name: "emulator without public URL on any port", w: env("SUITEKEY_ADDR", "127.0.0.1:0"), want: "must be set when addr does not name this machine"},
		{name: "public URL with path", w: env("SUITEKEY_PUBLIC_URL", "https://a.example/x"), want: "must be scheme and host alone"},
		{name: "public URL with query", w: env("SUITEKEY_PUBLIC_URL", "https://a.example?x"), want: "must be scheme and host alone"},
		{name: "public URL with empty query", w: env("SUITEKEY_PUBLIC_URL", "https://a.example?"), want: "must be scheme and host alone"},
		{name: "public URL with fragment", w: env("SUITEKEY_PUBLIC_URL", "https://a.example#"), want: "must be scheme and host alone"},
		{name: "public URL with user", w: env("SUITEKEY_PUBLIC_URL", "https://u:p@a.example"), want: "must be scheme and host alone"},
		{name: "public URL without host", w: env("SUITEKEY_PUBLIC_URL", "https://:443"), want: "must be scheme and host alone"},
		{name: "public URL of another scheme", w: env("SUITEKEY_PUBLIC_URL", "javascript://a.example"), want: "must begin with https://"},
		{name: "public URL of nothing like it", w: env("SUITEKEY_PUBLIC_URL", "connect"), want: "must be scheme and host alone"},
		{name: "public URL, huge", w: env("SUITEKEY_PUBLIC_URL", "https://a.example/"+strings.Repeat("x", 100_000)), want: "must be scheme and host alone"},
		{name: "addr without port", w: env("SUITEKEY_ADDR", "127.0.0.1"), want: "setting addr (environment SUITEKEY_ADDR): must be host and port"},
		{name: "addr with a name for the port", w: env("SUITEKEY_ADDR", "127.0.0.1:http"), want: "must be host and port"},
		{name: "addr with a port too large", w: env("SUITEKEY_ADDR", "127.0.0.1:65536"), want: "must be host and port"},
		{name: "addr with a signed port", w: env("SUITEKEY_ADDR", "127.0.0.1:+80"), want: "must be host and port"},
		{name: "emulator elsewhere", w: env("SUITEKEY_NETSUITE_EMULATOR", "10.0.0.1:8790"), want: "setting netsuite.emulator (environment SUITEKEY_NETSUITE_EMULATOR)"},
		{name: "emulator as URL", w: env("SUITEKEY_NETSUITE_EMULATOR", "http://127.0.0.1:8790"), want: "setting netsuite.emulator"},
		{name: "emulator is NetSuite", w: env("SUITEKEY_NETSUITE_EMULATOR", "system.netsuite.com:443"), want: "setting netsuite.emulator"},
		{name: "database of another engine", w: env("SUITEKEY_DATABASE", "mysql://a/b"), want: "setting database (environment SUITEKEY_DATABASE): must be sqlite:PATH or postgres://"},
		{name: "database without path", w: env("SUITEKEY_DATABASE", "sqlite:"), want: "must be sqlite:PATH"},
		{name: "database with parameters", w: env("SUITEKEY_DATABASE", "sqlite:a.db?_pragma=synchronous(OFF)"), want: "must be sqlite:PATH"},
		{name: "log format", w: env("SUITEKEY_LOG_FORMAT", "xml"), want: "setting log_format (environment SUITEKEY_LOG_FORMAT): must be text, json or auto"},
		{name: "password by flag", w: world{flags: []string{"--database=postgres://u:hunter2@h/d"}}, want: "flag --database: must not hold a password"},
		{name: "password parameter by flag", w: world{flags: []string{"--database=postgres://u@h/d?password=hunter2"}}, want: "flag --database: must not hold a password"},
		{name: "key twice in the file", w: file(emulatorFile + "master_key: a\nmaster_key_file: b"), want: "setting master_key: is set twice: by file suitekey.yaml and by file suitekey.yaml"},
		{name: "key twice in the environment", w: world{env: map[string]string{"SUITEKEY_MASTER_KEY": "a", "SUITEKEY_MASTER_KEY_FILE": "b"}}, want: "is set twice: by environment SUITEKEY_MASTER_KEY and by environment SUITEKEY_MASTER_KEY_FILE"},
		{name: "key file missing", w: env("SUITEKEY_MASTER_KEY_FILE", "gone.key"), want: "environment SUITEKEY_MASTER_KEY_FILE: names gone.key, which cannot be read"},
		{name: "key file empty", w: world{env: map[string]string{"SUITEKEY_MASTER_KEY_FILE": "k"}, files: map[string]string{"k": " \n"}}, want: "must hold 1 to 4096 characters"},
		{name: "key file huge", w: world{env: map[string]string{"SUITEKEY_MASTER_KEY_FILE": "k"}, files: map[string]string{"k": strings.Repeat("x", 5000)}}, want: "must hold 1 to 4096 characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.w.load(t, tt.file)
			var e *broker.Error
			if !errors.As(err, &e) || e.Code != broker.CodeConfig || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %s with code %s", err, tt.want, broker.CodeConfig)
			}
			if e.Do == "" {
				t.Error("the error says nothing to do")
			}
			if strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 1000 {
				t.Errorf("the error holds a password or is huge: %.1000s", err)
			}
		})
	}
}

// The table knows every key of the file, once, and gives each setting a help text.
func TestSettingsTable(t *testing.T) {
	var raw rawSettings
	fields := map[*string]string{}
	collect(reflect.ValueOf(&raw).Elem(), "", fields)
	for _, s := range settingsOf() {
		key, ok := fields[s.value(&raw)]
		if !ok || key != s.key || s.help == "" {
			t.Errorf("setting %q is the field of key %q, help %q", s.key, key, s.help)
		}
		delete(fields, s.value(&raw))
	}
	for _, key := range fields {
		t.Errorf("key %q of the file is not in the table", key)
	}
}

// collect maps each string field of a struct to its path of yaml keys.
func collect(v reflect.Value, prefix string, into map[*string]string) {
	for i := range v.NumField() {
		key := prefix + v.Type().Field(i).Tag.Get("yaml")
		if v.Field(i).Kind() == reflect.Struct {
			collect(v.Field(i), key+".", into)
			continue
		}
		into[v.Field(i).Addr().Interface().(*string)] = key
	}
}

func TestSecretsHaveNoFlag(t *testing.T) {
	flags := world{}.flagSet(t)
	if flags.Lookup("master-key") != nil {
		t.Error("--master-key exists; every user of the machine could read it")
	}
	for _, name := range []string{"database", "addr", "public-url", "master-key-file", "netsuite-emulator", "log-format"} {
		if flags.Lookup(name) == nil {
			t.Errorf("--%s is missing", name)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	tests := []struct {
		name, variable string
		want           string // what to do; "" accepts
	}{
		{"misspelt", "SUITEKEY_DATABSE", "Did you mean SUITEKEY_DATABASE?"},
		{"misspelt twin", "SUITEKEY_MASTERKEY_FILE", "Did you mean SUITEKEY_MASTER_KEY_FILE?"},
		{"twin of what has none", "SUITEKEY_ADDR_FILE", "Did you mean SUITEKEY_ADDR?"},
		{"like nothing", "SUITEKEY_" + strings.Repeat("Z", 60), "Remove it; the variables are SUITEKEY_CONFIG, SUITEKEY_DATABASE,"},
		{"known", "SUITEKEY_ADDR", ""},
		{"the tests' own", "SUITEKEY_TEST_POSTGRES", ""},
		{"somebody else's", "SUITEKEYS", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := world{env: map[string]string{tt.variable: "value"}}
			err := checkVariables([]string{"PATH=/bin", tt.variable + "=value"}, set.getenv)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			var e *broker.Error
			if !errors.As(err, &e) || e.Code != broker.CodeConfig || !strings.Contains(err.Error(), tt.variable) || !strings.HasPrefix(e.Do, tt.want) {
				t.Errorf("got %+v, want %s", e, tt.want)
			}
		})
	}
}

func TestLoadConfigReadsTheNamesOfVariables(t *testing.T) {
	t.Setenv("SUITEKEY_DATABSE", "value")
	_, err := world{env: map[string]string{"SUITEKEY_DATABSE": "value"}}.load(t, "")
	if err == nil || !strings.Contains(err.Error(), "SUITEKEY_DATABSE") {
		t.Errorf("got %v, want an error that names the variable", err)
	}
}

func TestExplain(t *testing.T) {
	w := world{
		files: map[string]string{"suitekey.yaml": emulatorFile, "m.key": "the-key-itself"},
		env:   map[string]string{"SUITEKEY_MASTER_KEY_FILE": "m.key", "SUITEKEY_DATABASE": "postgres://me:hunter2@db/suitekey?sslmode=require"},
		flags: []string{"--addr", "127.0.0.1:9000"},
	}
	found, err := findSettings(w.getenv, w.readFile, "", w.flagSet(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := found.explain(&env{stdout: &out, json: true}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), "the-key-itself") {
		t.Errorf("a secret is printed:\n%s", out.String())
	}
	var rows []settingRow
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Setting] = r.Value + " | " + r.Source
	}
	want := map[string]string{
		"database":          "postgres://me:xxxxx@db/suitekey?sslmode=require | environment SUITEKEY_DATABASE",
		"addr":              "127.0.0.1:9000 | flag --addr",
		"public_url":        " | ",
		"master_key":        "[redacted] | environment SUITEKEY_MASTER_KEY_FILE (m.key)",
		"netsuite.emulator": "127.0.0.1:8790 | file suitekey.yaml",
		"log_format":        "auto | default",
		"notify_allow":      " | ",
		"smtp_addr":         " | ",
		"smtp_from":         " | ",
		"smtp_user":         " | ",
		"smtp_password":     " | ",

		"connection": " | ", "home": " | ", "account": " | ", "client_id": " | ", "certificate_id": " | ", "key": " | ", "key_uri": " | ", "redirect_uri": defaultRedirectURI + " | default",
		"scopes": "rest_webservices | default", "server": " | ", "server_client_id": " | ", "server_client_secret": " | ",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	out.Reset()
	if err := found.explain(&env{stdout: &out}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "public_url            -") || !strings.Contains(out.String(), "not set") {
		t.Errorf("the table does not show what is not set:\n%s", out.String())
	}
}

// config explain shows the table even when a value is bad: that is when it is needed.
func TestConfigExplainCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	tests := []struct {
		name  string
		env   map[string]string
		files string // suitekey.yaml
		code  broker.Code
		want  string // part of stdout
	}{
		{name: "good", files: emulatorFile, want: "127.0.0.1:8790"},
		{name: "bad value", files: emulatorFile, env: map[string]string{"SUITEKEY_ADDR": "nowhere"}, code: broker.CodeConfig, want: "environment SUITEKEY_ADDR"},
		{name: "bad file", files: "adr: x", code: broker.CodeConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile("suitekey.yaml", []byte(tt.files), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout bytes.Buffer
			cmd := newConfig(&env{getenv: world{env: tt.env}.getenv, stdout: &stdout})
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs([]string{"explain"})
			err := cmd.Execute()
			if (err != nil) != (tt.code != "") || err != nil && broker.CodeOf(err) != tt.code {
				t.Errorf("got error %v, want code %q", err, tt.code)
			}
			if !strings.Contains(stdout.String(), tt.want) {
				t.Errorf("got:\n%s\nwant %q in it", &stdout, tt.want)
			}
		})
	}
}

func TestDatabases(t *testing.T) {
	for _, address := range []string{"sqlite:/var/lib/suitekey.db", "postgres://u@h:5432/d?sslmode=verify-full", "postgresql:///d?host=/run/postgresql"} {
		s, err := world{files: map[string]string{"suitekey.yaml": emulatorFile}, flags: []string{"--database=" + address}}.load(t, "")
		if err != nil || s.Database != address {
			t.Errorf("%s: got %q, %v", address, s.Database, err)
		}
	}
}

func TestWithoutPassword(t *testing.T) {
	for address, want := range map[string]string{
		"sqlite:/var/suitekey.db":                     "sqlite:/var/suitekey.db",
		"postgres://me@db/suitekey":                   "postgres://me@db/suitekey",
		"postgres://me:pw@db/suitekey":                "postgres://me:xxxxx@db/suitekey",
		"postgres:///d?host=/run&PassWord=pw&user=me": "postgres:///d?PassWord=xxxxx&host=%2Frun&user=me",
		"postgres://h/d?sslpassword=pw":               "postgres://h/d?sslpassword=xxxxx",
		"host=db password=pw":                         "[redacted]",
		"postgres:me:pw":                              "[redacted]",
		"postgres://me:p%w@db":                        "[redacted]",
	} {
		if got := withoutPassword(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func TestTellingSettings(t *testing.T) {
	const mail = emulatorFile + "smtp_addr: mail.acme.example:587\nsmtp_from: suitekey@acme.example\n"
	s, err := world{
		files: map[string]string{"d/s.yaml": mail + "notify_allow: 'hooks.internal, 10.1.0.0/16'\nsmtp_user: postman\nsmtp_password_file: p", "d/p": "canary-smtp\n"},
	}.load(t, "d/s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s.SMTP.Addr != "mail.acme.example:587" || s.SMTP.User != "postman" || s.SMTP.Password.Reveal() != "canary-smtp" || len(s.NotifyAllow) != 2 {
		t.Errorf("got %+v", s)
	}
	if printed := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(printed, "canary-smtp") {
		t.Error("the settings print the password")
	}
	for _, tt := range []struct{ file, part string }{
		{emulatorFile + "notify_allow: 'http://hooks.internal'", "setting notify_allow"},
		{emulatorFile + "notify_allow: '10.0.0.1/8'", "setting notify_allow"},
		{emulatorFile + "smtp_addr: mail.acme.example\nsmtp_from: a@b.example", "setting smtp_addr"},
		{emulatorFile + "smtp_addr: mail.acme.example:25", "smtp_from"},
		{emulatorFile + "smtp_addr: mail.acme.example:25\nsmtp_from: 'A <a@b.example>'", "setting smtp_from"},
		{emulatorFile + "smtp_from: a@b.example", "smtp_addr is not"},
		{emulatorFile + "smtp_password: canary-smtp", "smtp_addr is not"},
		{mail + "smtp_user: postman", "smtp_password"},
		{mail + "smtp_password: canary-smtp", "smtp_user"},
	} {
		_, err := world{files: map[string]string{"suitekey.yaml": tt.file}}.load(t, "")
		if broker.CodeOf(err) != broker.CodeConfig || !strings.Contains(err.Error(), tt.part) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want %s with %q", tt.file, err, broker.CodeConfig, tt.part)
		}
	}
}
