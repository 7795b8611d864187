//go:build wycheproof

package vault

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// The cipher that seals, judged by the vectors of Project Wycheproof (https://github.com/C2SP/wycheproof, folder testvectors_v1).
func TestWycheproofXChaCha20Poly1305(t *testing.T) {
	folder := os.Getenv("WYCHEPROOF_VECTORS")
	if folder == "" {
		t.Fatal("set WYCHEPROOF_VECTORS to the folder testvectors_v1 of a checkout of https://github.com/C2SP/wycheproof")
	}
	content, err := os.ReadFile(filepath.Join(folder, "xchacha20_poly1305_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int `json:"numberOfTests"`
		TestGroups    []struct {
			Tests []vector `json:"tests"`
		} `json:"testGroups"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, group := range file.TestGroups {
		for _, v := range group.Tests {
			v.judge(t)
			ran++
		}
	}
	if ran == 0 || ran != file.NumberOfTests {
		t.Errorf("%d vectors ran, the file promises %d", ran, file.NumberOfTests)
	}
}

type vector struct {
	ID     int    `json:"tcId"`
	Key    hexed  `json:"key"`
	Nonce  hexed  `json:"iv"`
	Data   hexed  `json:"aad"`
	Plain  hexed  `json:"msg"`
	Cipher hexed  `json:"ct"`
	Tag    hexed  `json:"tag"`
	Result string `json:"result"`
}

func (v vector) judge(t *testing.T) {
	t.Helper()
	cipher, err := subtle.NewXChaCha20Poly1305(v.Key)
	if err != nil {
		t.Errorf("vector %d: %v", v.ID, err)
		return
	}
	plain, err := cipher.Decrypt(slices.Concat(v.Nonce, v.Cipher, v.Tag), v.Data)
	switch {
	case v.Result == "valid" && (err != nil || !bytes.Equal(plain, v.Plain)):
		t.Errorf("vector %d is valid, got %x, %v", v.ID, plain, err)
	case v.Result != "valid" && err == nil:
		t.Errorf("vector %d is %s, but opened", v.ID, v.Result)
	}
}

// hexed is bytes in hexadecimal.
type hexed []byte

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}
