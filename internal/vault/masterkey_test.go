package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
)

func TestParseMasterKey(t *testing.T) {
	key := NewMasterKey()
	raw := key.key[:]
	for name, text := range map[string]string{
		"as revealed":      key.Reveal(),
		"standard":         base64.StdEncoding.EncodeToString(raw),
		"standard raw":     base64.RawStdEncoding.EncodeToString(raw),
		"url":              base64.URLEncoding.EncodeToString(raw),
		"url raw":          base64.RawURLEncoding.EncodeToString(raw),
		"with white space": " \t\r\n" + key.Reveal() + "\n",
	} {
		if got, err := ParseMasterKey(text); err != nil || got != key {
			t.Errorf("%s: another key, or %v", name, err)
		}
	}
}

func TestParseMasterKeyRefuses(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32))
	for name, test := range map[string]struct {
		text string
		code broker.Code
	}{
		"empty":                {"", broker.CodeNoKey},
		"white space":          {" \n\t", broker.CodeNoKey},
		"31 bytes":             {base64.StdEncoding.EncodeToString(make([]byte, 31)), broker.CodeConfig},
		"33 bytes":             {base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 33)), broker.CodeConfig},
		"zeros":                {base64.StdEncoding.EncodeToString(make([]byte, 32)), broker.CodeConfig},
		"one character cut":    {good[:42], broker.CodeConfig},
		"padding twice":        {good + "=", broker.CodeConfig},
		"line break inside":    {good[:20] + "\n" + good[20:], broker.CodeConfig},
		"space inside":         {good[:20] + " " + good[20:], broker.CodeConfig},
		"not base64":           {strings.Repeat("ä", 22), broker.CodeConfig},
		"hexadecimal":          {strings.Repeat("0a", 32), broker.CodeConfig},
		"a pass phrase":        {"correct horse battery staple", broker.CodeConfig},
		"unused bits":          {good[:42] + "t", broker.CodeConfig},
		"NUL":                  {"\x00" + good, broker.CodeConfig},
		"a private key (huge)": {strings.Repeat(good, 100_000), broker.CodeConfig},
	} {
		key, err := ParseMasterKey(test.text)
		wantCode(t, err, test.code)
		if key != (MasterKey{}) {
			t.Errorf("%s: a key came with the refusal", name)
		}
		if text := strings.TrimSpace(test.text); len(text) > 20 && strings.Contains(err.Error(), text[:20]) {
			t.Errorf("%s: the error repeats the text: %v", name, err)
		}
	}
}

func TestMasterKeyDoesNotPrintItself(t *testing.T) {
	key := NewMasterKey()
	holder := struct {
		Key MasterKey
		Ptr *MasterKey
	}{key, &key}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("start", "key", key, "ptr", &key, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "key", key, "holder", holder)
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed := string(text) + log.String() + fmt.Sprint(key, &key, holder) + fmt.Errorf("cause: %v", key).Error()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%c", "%U", "%8.3f"} {
		printed += fmt.Sprintf(verb, key) + fmt.Sprintf(verb, holder)
	}
	for _, secret := range []string{
		key.Reveal(), base64.StdEncoding.EncodeToString(key.key[:]), fmt.Sprintf("%x", key.key[:8]), fmt.Sprintf("%X", key.key[:8]),
		strings.Trim(fmt.Sprint(key.key[:4]), "[]"), strings.Trim(fmt.Sprintf("%#v", key.key[:4]), "[]byte{}"),
	} {
		if strings.Contains(printed, secret) {
			t.Errorf("the key was printed in the form %q", secret)
		}
	}
	var encoded bytes.Buffer
	if err := gob.NewEncoder(&encoded).Encode(key); err == nil && bytes.Contains(encoded.Bytes(), key.key[:]) {
		t.Error("gob tells the key")
	}
}

func TestMasterKeyID(t *testing.T) {
	key, err := ParseMasterKey("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE") // 32 times 0x01
	if err != nil {
		t.Fatal(err)
	}
	// printf '\001%.0s' $(seq 32) | sha256sum
	if got, want := key.ID(), "72cd6e8422c4"; got != want {
		t.Errorf("ID is %s, want %s", got, want)
	}
	if first, second := NewMasterKey(), NewMasterKey(); first.ID() == second.ID() {
		t.Error("two new keys have one ID")
	}
}

func TestMasterKeySealsForOnePlace(t *testing.T) {
	key, place := NewMasterKey(), broker.Place{Table: "profiles", Column: "secrets", Row: "acme"}
	sealed, err := key.Seal(place, []byte("canary"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.Open(place, sealed); string(got) != "canary" || err != nil {
		t.Errorf("opened %q, %v", got, err)
	}
	elsewhere := place
	elsewhere.Row = "globex"
	for name, open := range map[string]func() ([]byte, error){
		"another place": func() ([]byte, error) { return key.Open(elsewhere, sealed) },
		"another key":   func() ([]byte, error) { return NewMasterKey().Open(place, sealed) },
		"cut":           func() ([]byte, error) { return key.Open(place, sealed[:len(sealed)-1]) },
		"empty":         func() ([]byte, error) { return key.Open(place, nil) },
	} {
		if got, err := open(); broker.CodeOf(err) != broker.CodeTampered || got != nil {
			t.Errorf("%s: %q, %v; want CodeTampered", name, got, err)
		}
	}
	if _, err := (MasterKey{}).Seal(place, nil); broker.CodeOf(err) != broker.CodeNoKey {
		t.Errorf("no key: %v, want CodeNoKey", err)
	}
}
