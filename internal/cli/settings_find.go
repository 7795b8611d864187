package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pkcs11"
	"github.com/suitekey/suitekey/internal/strictyaml"
)

// configVariable names the settings file, like the flag --config.
const configVariable = "SUITEKEY_CONFIG"

// testVariables are read by tests, which may run commands.
const testVariables = "SUITEKEY_TEST_"

// defaultFile is read where there is one.
const defaultFile = "suitekey.yaml"

// foundSetting is a value with its source.
type foundSetting struct {
	setting
	text   string
	source string // "default", "environment SUITEKEY_ADDR", …; "" when nothing sets it
	rank   int    // of the source
}

type foundSettings []foundSetting

// The sources, in rising order.
const (
	rankUnset = iota
	rankDefault
	rankFile
	rankEnvironment
	rankFlag
)

func findSettings(getenv func(string) string, readFile func(string) ([]byte, error), file string, flags *pflag.FlagSet) (foundSettings, error) {
	if err := checkVariables(os.Environ(), getenv); err != nil {
		return nil, err
	}
	raw, file, err := readSettingsFile(getenv, readFile, file)
	if err != nil {
		return nil, err
	}
	sources := settingSources{getenv: getenv, file: file, raw: raw, flags: flags}
	var found foundSettings
	for _, s := range settingsTable {
		f, err := sources.resolve(s, readFile)
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// checkVariables refuses SUITEKEY_ variables that nothing reads: a misspelt one would be ignored silently. names are NAME=VALUE;
// one counts if getenv knows it.
func checkVariables(names []string, getenv func(string) string) error {
	known := []string{configVariable}
	for _, s := range settingsOf() {
		known = append(known, s.variable())
	}
	known = append(known, pkcs11.Variables...)
	for _, pair := range names {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SUITEKEY_") || strings.HasPrefix(name, testVariables) || slices.Contains(known, name) || getenv(name) == "" {
			continue
		}
		do := "Remove it; the variables are " + strings.Join(known, ", ") + "."
		near := strictyaml.Nearest(name, known)
		if plain, twin := strings.CutSuffix(name, "_FILE"); twin && slices.Contains(known, plain) {
			near = plain // a setting that has no twin
		}
		if near != "" {
			do = "Did you mean " + near + "?"
		}
		return badSetting("environment variable "+name, "is not a setting").WithDo(do)
	}
	return nil
}

// readSettingsFile returns the file's values and its name; "" for both when there is none.
func readSettingsFile(getenv func(string) string, readFile func(string) ([]byte, error), file string) (rawSettings, string, error) {
	var raw rawSettings
	asked := cmp.Or(file, getenv(configVariable))
	name := cmp.Or(asked, defaultFile)
	data, err := readFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && asked == "":
		return raw, "", nil
	case err != nil:
		return raw, "", badSetting("settings file "+name, "cannot be read").WithCause(reasonOf(err)).WithDo("Name a file that exists and that you may read with --config.")
	}
	if err := strictyaml.Decode(name, data, &raw); err != nil {
		return raw, "", broker.Errorf(broker.CodeConfig, "%v", err).WithDo("Correct the named line; suitekey config explain shows the settings in use.")
	}
	return raw, name, nil
}

// settingSources are what may set a setting.
type settingSources struct {
	getenv func(string) string
	file   string
	raw    rawSettings
	flags  *pflag.FlagSet
}

// resolve finds the value of a setting, and reads the file that its twin names.
func (o settingSources) resolve(s setting, readFile func(string) ([]byte, error)) (foundSetting, error) {
	f := o.find(s)
	if s.file == nil {
		return f, o.checkFlag(f)
	}
	twin := o.find(s.twin())
	switch {
	case twin.rank > f.rank:
		return o.readTwin(f, twin, readFile)
	case twin.rank == f.rank && twin.rank != rankUnset:
		return f, badSetting("setting "+s.key, "is set twice: by %s and by %s", f.source, twin.source).WithDo("Remove one of them.")
	}
	return f, o.checkFlag(f)
}

func (o settingSources) find(s setting) foundSetting {
	if o.flags != nil && !s.secret && o.flags.Changed(s.flag()) {
		return foundSetting{s, o.flags.Lookup(s.flag()).Value.String(), "flag --" + s.flag(), rankFlag}
	}
	if v := o.getenv(s.variable()); v != "" {
		return foundSetting{s, v, "environment " + s.variable(), rankEnvironment}
	}
	if v := *s.value(&o.raw); v != "" {
		return foundSetting{s, v, "file " + o.file, rankFile}
	}
	if s.fallback != "" {
		return foundSetting{s, s.fallback, "default", rankDefault}
	}
	return foundSetting{setting: s}
}

// checkFlag refuses a password on the command line, which every user of the machine can read.
func (o settingSources) checkFlag(f foundSetting) error {
	if f.rank == rankFlag && f.shown(f.text) != f.text {
		return badSetting("flag --"+f.flag(), "must not hold a password: other users of this machine can read it").
			WithDo("Set " + f.variable() + " or " + f.twin().variable() + " instead.")
	}
	return nil
}

// readTwin takes the value from the file that the twin names. A relative name in the settings file counts from that file.
func (o settingSources) readTwin(f, twin foundSetting, readFile func(string) ([]byte, error)) (foundSetting, error) {
	name := twin.text
	if twin.rank == rankFile && !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(o.file), name)
	}
	data, err := readFile(name)
	if err != nil {
		return f, badSetting(twin.source, "names %s, which cannot be read", name).WithCause(reasonOf(err)).WithDo("Name a file that exists and that you may read.")
	}
	if f.secret && openToAll(name) {
		return f, badSetting(twin.source, "names %s, which every user of this machine may use", name).WithDo("Run: chmod 600 " + name)
	}
	text := strings.TrimSpace(string(data))
	if text == "" || len(text) > 4096 {
		return f, badSetting(twin.source, "names %s, which must hold 1 to 4096 characters; it has %d", name, len(text)).WithDo("Name the file that holds " + f.key + ".")
	}
	return foundSetting{f.setting, text, twin.source + " (" + name + ")", twin.rank}, nil
}

// openToAll reports whether users who are neither owner nor in the group may use a file (CL-01). The group is left to the operator:
// orchestrators hand secrets to a process through its group.
func openToAll(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().Perm()&0o007 != 0
}

// reasonOf is the cause of a file error without the path, which the message names already.
func reasonOf(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func badSetting(what, rule string, args ...any) *broker.Error {
	return broker.Errorf(broker.CodeConfig, "%s: %s", what, fmt.Sprintf(rule, args...))
}

// byKey gives each value by its setting.
func (found foundSettings) byKey() map[string]foundSetting {
	get := make(map[string]foundSetting, len(found))
	for _, f := range found {
		get[f.key] = f
	}
	return get
}

// refuse makes the error for a value; it names the source, so that the reader knows where to correct it.
func (f foundSetting) refuse(rule string, args ...any) *broker.Error {
	return badSetting(fmt.Sprintf("setting %s (%s)", f.key, f.source), rule, args...)
}
