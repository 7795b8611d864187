package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pgtest"
	"github.com/suitekey/suitekey/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func sqliteStore(t *testing.T) *store.DB {
	t.Helper()
	return openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "suitekey.db"))
}

func openVault(t *testing.T, keyring Keyring, master MasterKey) *Vault {
	t.Helper()
	v, err := Open(t.Context(), keyring, master, ModeLive)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantCode(t *testing.T, err error, want broker.Code) {
	t.Helper()
	var e *broker.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

// places that differ in one part each, and some that a careless joining of the parts would take for one another.
var places = []broker.Place{
	{Table: "certificates", Column: "private_key", Row: "thumb-1", App: "acme"},
	{Table: "grants", Column: "private_key", Row: "thumb-1", App: "acme"},
	{Table: "certificates", Column: "tokens", Row: "thumb-1", App: "acme"},
	{Table: "certificates", Column: "private_key", Row: "thumb-2", App: "acme"},
	{Table: "certificates", Column: "private_key", Row: "thumb-1", App: "globex"},
	{Table: "certificates", Column: "private_key", Row: "thumb-1"},
	{Table: "certificates", Column: "private_key", Row: "thumb-1acme"},
	{Table: "certificatesp", Column: "rivate_key", Row: "thumb-1", App: "acme"},
	{Table: "certificates", Column: "private_keythumb-1", Row: "acme"},
	{Table: "certificates", Column: "private_key", Row: "thumb-1\x00acme"},
	{Table: "keyring", Column: "check_value", Row: "thumb-1"},
}

// VA-01: a value that was moved to another table, column, row or app does not open.
func TestVA01_MovedValueDoesNotOpen(t *testing.T) {
	v := openVault(t, sqliteStore(t), NewMasterKey())
	for _, from := range places {
		sealed, err := v.Seal(from, []byte("private key of "+from.Row))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range places {
			plain, err := v.Open(to, sealed)
			if from == to {
				if err != nil || string(plain) != "private key of "+from.Row {
					t.Errorf("%+v does not open in its own place: %v", from, err)
				}
				continue
			}
			wantCode(t, err, broker.CodeTampered)
			if plain != nil {
				t.Errorf("%+v opened in %+v", from, to)
			}
		}
	}
}

// The same between two vaults, and for every pair of places that a generator thinks of.
func TestVA01_AssociatedDataIsUnambiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.StringMatching(`[ab\x00]{0,3}`), 1, 4)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if same := bytes.Equal(associated(a...), associated(b...)); same != slices.Equal(a, b) {
			t.Fatalf("associated(%q) and associated(%q): equal is %v", a, b, same)
		}
	})
}

func TestVA01_OtherVaultDoesNotOpen(t *testing.T) {
	master := NewMasterKey() // the same master key: the data keys are what differs
	first, second := openVault(t, sqliteStore(t), master), openVault(t, sqliteStore(t), master)
	sealed, err := first.Seal(places[0], []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.Open(places[0], sealed)
	wantCode(t, err, broker.CodeTampered)
}

// VA-02: flipped, cut, extended and foreign bytes give an error, no plain text and no panic.
func TestVA02_ChangedValueDoesNotOpen(t *testing.T) {
	v := openVault(t, sqliteStore(t), NewMasterKey())
	sealed, err := v.Seal(places[0], []byte("a private key"))
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, changed []byte) {
		t.Helper()
		plain, err := v.Open(places[0], changed)
		if plain != nil || broker.CodeOf(err) != broker.CodeTampered {
			t.Errorf("%s: %q, %v; want %s", what, plain, err, broker.CodeTampered)
		}
	}
	for i := range sealed {
		for bit := range 8 {
			changed := slices.Clone(sealed)
			changed[i] ^= 1 << bit
			refuse(fmt.Sprintf("bit %d of byte %d flipped", bit, i), changed)
		}
		refuse(fmt.Sprintf("cut to %d bytes", i), sealed[:i])
		refuse(fmt.Sprintf("first %d bytes missing", i+1), sealed[i+1:])
	}
	refuse("nothing", nil)
	refuse("a byte more", append(slices.Clone(sealed), 0))
	refuse("the clear text", []byte("a private key"))
	refuse("a megabyte of zeros", make([]byte, 1<<20))

	// The others go on.
	if plain, err := v.Open(places[0], sealed); err != nil || string(plain) != "a private key" {
		t.Errorf("the unchanged value: %q, %v", plain, err)
	}
}

func FuzzVA02_Open(f *testing.F) {
	master := NewMasterKey()
	v, err := Open(context.Background(), &memory{}, master, ModeLive)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := v.Seal(places[0], []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(sealed))
	f.Add([]byte{})
	f.Add([]byte(sealed[:5]))
	f.Fuzz(func(t *testing.T, changed []byte) {
		plain, err := v.Open(places[0], changed)
		if (err == nil) != bytes.Equal(changed, sealed) || (err != nil && plain != nil) {
			t.Errorf("%x opened as %q, %v", changed, plain, err)
		}
	})
}

// VA-03: wrong, missing and swapped keys are refused at start, by name, and write nothing.
func TestVA03_WrongKeyIsRefused(t *testing.T) {
	db := sqliteStore(t)
	right, wrong := NewMasterKey(), NewMasterKey()
	sealed, err := openVault(t, db, right).Seal(places[0], []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	before := keyringOf(t, db)

	_, err = Open(t.Context(), db, wrong, ModeLive)
	wantCode(t, err, broker.CodeWrongKey)
	if !strings.Contains(err.Error(), right.ID()) || !strings.Contains(err.Error(), wrong.ID()) {
		t.Errorf("the error names not both keys, %s and %s: %v", right.ID(), wrong.ID(), err)
	}
	_, err = Open(t.Context(), db, MasterKey{}, ModeLive)
	wantCode(t, err, broker.CodeNoKey)

	if after := keyringOf(t, db); len(after) != 1 || !bytes.Equal(after[0].Wrapped, before[0].Wrapped) {
		t.Error("a refusal changed the keyring")
	}
	if plain, err := openVault(t, db, right).Open(places[0], sealed); err != nil || string(plain) != "secret" {
		t.Errorf("with the right key: %q, %v", plain, err)
	}
}

func keyringOf(t *testing.T, db *store.DB) []broker.KeyringRow {
	t.Helper()
	rows, err := db.Keyring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A database whose keyring was lost gets no second population of secrets.
func TestVA03_NoNewKeyBesideSealedValues(t *testing.T) {
	db := sqliteStore(t)
	if err := db.SaveApp(t.Context(), &broker.App{Name: "acme", ClientSecret: broker.Sealed("sealed by a lost key")}); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), db, NewMasterKey(), ModeLive)
	wantCode(t, err, broker.CodeTampered)
}

// Servers that start at once on an empty database come to use one set of data keys, on both engines.
func TestVA03_TwoServersAtOnce(t *testing.T) {
	for engine, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "postgres": pgtest.Start(t)} {
		t.Run(engine, func(t *testing.T) {
			stores := []*store.DB{openStore(t, url), openStore(t, url)}
			master := NewMasterKey()
			vaults := make([]*Vault, 8)
			var all sync.WaitGroup
			for i := range vaults {
				all.Go(func() {
					var err error
					if vaults[i], err = Open(t.Context(), stores[i%2], master, ModeEmulator); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if t.Failed() {
				return
			}
			sealed, err := vaults[0].Seal(places[0], []byte("secret"))
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range vaults {
				if _, err := v.Open(places[0], sealed); err != nil {
					t.Errorf("server %d: %v", i, err)
				}
			}
			// A server with another key is refused.
			_, err = Open(t.Context(), stores[1], NewMasterKey(), ModeEmulator)
			wantCode(t, err, broker.CodeWrongKey)
		})
	}
}

// Two servers with different keys that find the keyring empty at the same moment: the second is refused.
func TestVA03_DifferentKeysAtOnce(t *testing.T) {
	keyring := &memory{}
	first, second := NewMasterKey(), NewMasterKey()
	keyring.beforeAdd = func() {
		keyring.beforeAdd = nil
		openVault(t, keyring, first)
	}
	_, err := Open(t.Context(), keyring, second, ModeLive)
	wantCode(t, err, broker.CodeWrongKey)
	if len(keyring.rows) != 1 {
		t.Errorf("%d rows were written, want 1", len(keyring.rows))
	}
}

func TestVA03_ChangedKeyringIsRefused(t *testing.T) {
	master := NewMasterKey()
	for name, change := range map[string]func(*broker.KeyringRow){
		"wrapped flipped":    func(r *broker.KeyringRow) { r.Wrapped[len(r.Wrapped)/2] ^= 1 },
		"wrapped cut":        func(r *broker.KeyringRow) { r.Wrapped = r.Wrapped[:10] },
		"wrapped empty":      func(r *broker.KeyringRow) { r.Wrapped = nil },
		"wrapped nonsense":   func(r *broker.KeyringRow) { r.Wrapped = bytes.Repeat([]byte{0xff}, 500) },
		"check flipped":      func(r *broker.KeyringRow) { r.Check[len(r.Check)-1] ^= 1 },
		"check empty":        func(r *broker.KeyringRow) { r.Check = nil },
		"mode was emulator":  func(r *broker.KeyringRow) { *r = makeRow(t, master, ModeEmulator); r.Mode = "live" },
		"check of other row": func(r *broker.KeyringRow) { r.Check = makeRow(t, master, ModeLive).Check },
	} {
		t.Run(name, func(t *testing.T) {
			row := makeRow(t, master, ModeLive)
			change(&row)
			_, err := Open(t.Context(), &memory{rows: []broker.KeyringRow{row}}, master, ModeLive)
			wantCode(t, err, broker.CodeTampered)
		})
	}
}

// makeRow makes a keyring row as a new vault does.
func makeRow(t *testing.T, master MasterKey, mode Mode) broker.KeyringRow {
	t.Helper()
	keyring := &memory{}
	if _, err := Open(t.Context(), keyring, master, mode); err != nil {
		t.Fatal(err)
	}
	return keyring.rows[0]
}

// Decision 12 of design.md.
func TestVaultBelongsToOneWorld(t *testing.T) {
	master := NewMasterKey()
	for made, other := range map[Mode]Mode{ModeLive: ModeEmulator, ModeEmulator: ModeLive} {
		db := sqliteStore(t)
		v, err := Open(t.Context(), db, master, made)
		if err != nil || v.Mode() != made || v.KeyID() != master.ID() {
			t.Fatalf("%s: %v", made, err)
		}
		_, err = Open(t.Context(), db, master, other)
		wantCode(t, err, broker.CodeWrongMode)
		_, err = Open(t.Context(), db, master, made)
		if err != nil {
			t.Errorf("%s after the refusal: %v", made, err)
		}
	}
	for _, mode := range []Mode{"", "Live", "production"} {
		keyring := &memory{}
		if _, err := Open(t.Context(), keyring, master, mode); err == nil || len(keyring.rows) > 0 {
			t.Errorf("mode %q was taken", mode)
		}
	}
}

func TestKeyringFailure(t *testing.T) {
	broken := errors.New("disk gone")
	for name, keyring := range map[string]*memory{"read": {readErr: broken}, "write": {addErr: broken}} {
		if _, err := Open(t.Context(), keyring, NewMasterKey(), ModeLive); !errors.Is(err, broken) {
			t.Errorf("%s: %v, want %v", name, err, broken)
		}
	}
	// A keyring that takes the row and then has none must not end in a panic or a vault.
	_, err := Open(t.Context(), &memory{forget: true}, NewMasterKey(), ModeLive)
	wantCode(t, err, broker.CodeTampered)
}

func TestSealNeedsAPlace(t *testing.T) {
	v := openVault(t, &memory{}, NewMasterKey())
	for _, place := range []broker.Place{{}, {Column: "c", Row: "r"}, {Table: "t", Row: "r"}, {Table: "t", Column: "c"}} {
		if sealed, err := v.Seal(place, []byte("s")); err == nil || sealed != nil {
			t.Errorf("sealed for the place %+v", place)
		}
	}
}

func TestSealedValueTellsNothing(t *testing.T) {
	v := openVault(t, &memory{}, NewMasterKey())
	for _, plain := range [][]byte{nil, {0}, []byte("hunter2 hunter2"), bytes.Repeat([]byte("x"), 1<<20)} {
		first, err := v.Seal(places[0], plain)
		if err != nil {
			t.Fatal(err)
		}
		second, err := v.Seal(places[0], plain)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(first, second) || (len(plain) > 1 && bytes.Contains(first, plain)) {
			t.Errorf("sealing %d bytes twice gives the same, or shows them", len(plain))
		}
		if got, err := v.Open(places[0], first); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes came back as %d, %v", len(plain), len(got), err)
		}
	}
}

// memory is a keyring without a database, for the moments that a database cannot be brought to.
type memory struct {
	rows            []broker.KeyringRow
	beforeAdd       func()
	forget          bool
	readErr, addErr error
}

func (m *memory) Keyring(context.Context) ([]broker.KeyringRow, error) {
	return slices.Clone(m.rows), m.readErr
}

func (m *memory) AddKeyring(_ context.Context, row *broker.KeyringRow) error {
	if m.beforeAdd != nil {
		m.beforeAdd()
	}
	if len(m.rows) > 0 {
		return broker.ErrConflict
	}
	if !m.forget && m.addErr == nil {
		m.rows = append(m.rows, *row)
	}
	return m.addErr
}
