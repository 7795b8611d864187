package netsuitetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// seedFile is what a seed file can say.
type seedFile struct {
	Settings     seedSettings    `yaml:"settings"`
	Bundles      []Bundle        `yaml:"bundles"`
	Integrations []Integration   `yaml:"integrations"`
	Accounts     []AccountConfig `yaml:"accounts"`
	Scripts      []Script        `yaml:"scripts"`
	Answers      []seedAnswer    `yaml:"answers"`
	Faults       []seedFault     `yaml:"faults"`
}

// What the admin API takes as JSON is read in the same form.
type (
	seedAnswer any
	seedFault  any
)

// seedSettings are settings by name; the values may be written as YAML's own numbers, truth values and lists.
type seedSettings map[string]any

// seedSections put the sections of a seed file into the configuration, in this order.
var seedSections = []struct {
	name  string
	apply func(seedFile, *Config) error
}{
	{"settings", func(f seedFile, c *Config) error { return f.Settings.apply(&c.Settings) }},
	{"bundles", func(f seedFile, c *Config) error { c.Bundles = f.Bundles; return nil }},
	{"integrations", func(f seedFile, c *Config) error { c.Integrations = f.Integrations; return nil }},
	{"accounts", func(f seedFile, c *Config) (err error) {
		c.Accounts, err = withCertificateFiles(f.Accounts)
		return err
	}},
	{"scripts", func(f seedFile, c *Config) error { c.Scripts = f.Scripts; return nil }},
	{"answers", func(f seedFile, c *Config) (err error) {
		c.Answers, err = throughJSON[ScriptAnswer](f.Answers)
		return err
	}},
	{"faults", func(f seedFile, c *Config) (err error) { c.Faults, err = throughJSON[Fault](f.Faults); return err }},
}

// throughJSON reads entries as the admin API does.
func throughJSON[T, Entry any](entries []Entry) ([]T, error) {
	out := make([]T, len(entries))
	for i, entry := range entries {
		text, err := json.Marshal(entry)
		if err == nil {
			err = json.Unmarshal(text, &out[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// LoadSeed reads a seed file, YAML or JSON, into a Config for New or Start: settings, bundles on offer, integration records,
// accounts with what stands in them, scripts, canned answers and faults. examples/emulator-seed.yaml shows every section. A section left out keeps
// Config's default.
//
// An unknown key, a value of the wrong type, a key given twice, a setting or value that does not exist: each is an error that
// names line, key and the nearest known one. Aliases, anchors, tags and more than one document are refused. Names of
// certificate files count from the working directory. Whether the parts fit each other, New finds out.
func LoadSeed(r io.Reader) (Config, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSeed+1))
	switch {
	case err != nil:
		return Config{}, fmt.Errorf("seed: %w", err)
	case len(data) > maxSeed:
		return Config{}, fmt.Errorf("seed: larger than %d KiB", maxSeed>>10)
	}
	var file seedFile
	if err := decodeStrict(data, &file); err != nil {
		return Config{}, fmt.Errorf("seed: %w", err)
	}
	var cfg Config
	for _, section := range seedSections {
		if err := section.apply(file, &cfg); err != nil {
			return Config{}, fmt.Errorf("seed: %s: %w", section.name, err)
		}
	}
	return cfg, nil
}

// maxSeed bounds a seed file.
const maxSeed = 1 << 20

// apply sets the settings in the order of their names.
func (given seedSettings) apply(s *Settings) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		text, err := settingText(given[name])
		if err == nil {
			err = s.Set(name, text)
		} else {
			err = fmt.Errorf("setting %s: %w", name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settingText writes a value of YAML or JSON as Set takes it.
func settingText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case uint64, int64, int:
		return fmt.Sprint(v), nil
	case float64: // every number of JSON
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []any:
		list := make([]string, len(v))
		for i, element := range v {
			text, ok := element.(string)
			if !ok {
				return "", errors.New("want a list of words")
			}
			list[i] = text
		}
		return strings.Join(list, ","), nil
	}
	return "", errors.New("want a word, a number, a truth value or a list of words")
}

// withCertificateFiles reads the certificates that are in files.
func withCertificateFiles(accounts []AccountConfig) ([]AccountConfig, error) {
	for _, a := range accounts {
		for i := range a.Certificates {
			c := &a.Certificates[i]
			switch {
			case c.File == "":
				continue
			case c.PEM != "":
				return nil, fmt.Errorf("certificate of %s: pem and file; give one of them", clip(c.Employee))
			}
			pem, err := os.ReadFile(c.File)
			if err != nil {
				return nil, fmt.Errorf("certificate of %s: %w", clip(c.Employee), err)
			}
			c.PEM, c.File = string(pem), ""
		}
	}
	return accounts, nil
}
