package profile

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/private"
	"github.com/suitekey/suitekey/netsuite"
)

// MasterKey seals and opens for a place.
type MasterKey interface {
	ID() string
	Seal(place broker.Place, plain []byte) (broker.Sealed, error)
	Open(place broker.Place, sealed broker.Sealed) ([]byte, error)
}

// Folder is where the profiles are. A struct literal works.
type Folder struct {
	Path string
	// Key returns the master key of this ID, or the one for new profiles when the ID is empty.
	Key func(id string) (MasterKey, error)
	// Hardware opens a key in a PKCS#11 token by its URI.
	Hardware func(ctx context.Context, uri string) (crypto.Signer, error)
	// Client makes the HTTP client for an account; nil means the site's own guarded one.
	Client func(netsuite.AccountID) *http.Client
	Now    func() time.Time // nil: time.Now
}

const (
	extension = ".json"
	maxFile   = 1 << 20
)

// List returns the profiles, by name. A file that cannot be read is an error that names it.
func (f Folder) List() ([]Profile, error) {
	names, err := f.Names()
	profiles := make([]Profile, 0, len(names))
	for _, name := range names {
		p, readErr := f.Read(name)
		if readErr != nil {
			return nil, readErr
		}
		profiles = append(profiles, p)
	}
	return profiles, err
}

// Names of the profiles.
func (f Folder) Names() ([]string, error) {
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		name, isProfile := strings.CutSuffix(entry.Name(), extension)
		if isProfile && nameForm.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

// Read returns a profile without opening its secrets. One that is not there is broker.ErrNotFound.
func (f Folder) Read(name string) (Profile, error) {
	if err := CheckName(name); err != nil {
		return Profile{}, err
	}
	data, err := private.Read(f.file(name), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Profile{}, broker.Errorf(broker.CodeNotFound, "there is no connection %q on this machine", name).WithCause(broker.ErrNotFound)
	case err != nil:
		return Profile{}, broker.Errorf(broker.CodeConfig, "connection %s: its file cannot be used", name).WithCause(err)
	}
	p, err := decode(data)
	if err != nil {
		return Profile{}, broker.Errorf(broker.CodeTampered, "connection %s: its file %s is damaged", name, f.file(name)).WithCause(err).
			WithDo("Restore the file, or remove it and connect again.")
	}
	p.Name = name
	return p, nil
}

func decode(data []byte) (Profile, error) {
	var p Profile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, err
	}
	if _, err := d.Token(); err != io.EOF {
		return p, errors.New("something stands behind the profile")
	}
	if p.Kind != broker.KindMachine && p.Kind != broker.KindUser {
		return p, errors.New("its kind must be machine or user")
	}
	_, err := netsuite.ParseAccountID(string(p.Account))
	if p.Account != "" && err != nil {
		return p, err
	}
	return p, nil
}

// Remove forgets a profile and its secrets. What NetSuite knows stays there.
func (f Folder) Remove(ctx context.Context, name string) error {
	unlock, err := f.lock(ctx, name)
	if err != nil {
		return err
	}
	if _, err = f.Read(name); err == nil {
		err = os.Remove(f.file(name))
	}
	return errors.Join(err, unlock())
}

func (f Folder) file(name string) string { return filepath.Join(f.Path, name+extension) }

// lock keeps other processes from changing a profile.
func (f Folder) lock(ctx context.Context, name string) (unlock func() error, err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return nil, broker.Errorf(broker.CodeConfig, "setting home: the folder of the connections cannot be made").WithCause(err)
	}
	unlock, err = private.Lock(ctx, filepath.Join(f.Path, name+".lock"))
	if err != nil && ctx.Err() == nil {
		err = broker.Errorf(broker.CodeConfig, "setting home: the folder of the connections cannot be written").WithCause(err)
	}
	return unlock, err
}

// seal puts the secrets into the profile and stores both at once.
func (f Folder) save(p *Profile, s secrets, key MasterKey) error {
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	p.SealedBy = key.ID()
	p.Sealed, err = key.Seal(place(*p), plain)
	clear(plain)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return private.Replace(f.file(p.Name), append(data, '\n'))
}

func (f Folder) unseal(p Profile) (secrets, MasterKey, error) {
	var s secrets
	key, err := f.Key(p.SealedBy)
	if err != nil {
		return s, nil, err
	}
	plain, err := key.Open(place(p), p.Sealed)
	if err != nil {
		return s, nil, err
	}
	defer clear(plain)
	return s, key, json.Unmarshal(plain, &s)
}

// place binds the secrets to the profile, its NetSuite and its account: a file that was renamed or sent elsewhere does not open.
func place(p Profile) broker.Place {
	return broker.Place{Table: "profiles", Column: "secrets", Row: p.Name, App: p.Emulator + " " + string(p.Account) + " " + p.ClientID}
}

func (f Folder) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}
