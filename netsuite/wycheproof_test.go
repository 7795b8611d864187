//go:build wycheproof

package netsuite

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The verification of tokens, judged by the vectors of Project Wycheproof (https://github.com/C2SP/wycheproof, folder
// testvectors_v1). What this package does not do on purpose, it must refuse, whatever the verdict.

// wycheproofFile reads one file of vectors, with what it has in common with the others.
func wycheproofFile[Group any](t *testing.T, name string) (groups []Group, tests int) {
	t.Helper()
	folder := os.Getenv("WYCHEPROOF_VECTORS")
	if folder == "" {
		t.Fatal("set WYCHEPROOF_VECTORS to the folder testvectors_v1 of a checkout of https://github.com/C2SP/wycheproof")
	}
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int     `json:"numberOfTests"`
		TestGroups    []Group `json:"testGroups"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return file.TestGroups, file.NumberOfTests
}

// tally counts, so that a test without vectors, or without a good one, fails.
type tally struct{ ran, accepted int }

func (c tally) check(t *testing.T, name string, promised, accepted int) {
	t.Helper()
	if c.ran == 0 || c.ran != promised {
		t.Errorf("%s: %d vectors ran, the file promises %d", name, c.ran, promised)
	}
	if c.accepted < accepted {
		t.Errorf("%s: %d vectors were accepted, want at least %d", name, c.accepted, accepted)
	}
	t.Logf("%s: %d vectors, %d accepted", name, c.ran, c.accepted)
}

type joseGroup struct {
	Comment string          `json:"comment"`
	Public  json.RawMessage `json:"public"`
	Private json.RawMessage `json:"private"`
	Tests   []struct {
		ID     int        `json:"tcId"`
		JWS    serialized `json:"jws"`
		JWE    serialized `json:"jwe"`
		Result string     `json:"result"`
	} `json:"tests"`
}

// serialized is a token in compact form, or the text of one in JSON form (RFC 7515 section 7.2), which is refused.
type serialized string

func (s *serialized) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		*s = serialized(data)
		return nil
	}
	return json.Unmarshal(data, (*string)(s))
}

// keySet reads the group's key or keys as an answer of the keys endpoint. Symmetric groups have a private key only.
func (g joseGroup) keySet() keySet {
	text := g.Public
	if text == nil {
		text = g.Private
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil || set.Keys == nil {
		text = json.RawMessage(`{"keys":[` + string(text) + `]}`)
	}
	keys, err := readKeySet(text)
	if err != nil {
		return nil // no key that is understood: everything will be refused
	}
	return keys
}

// opens tells whether a verifier with these keys takes the token: form and header, key, signature.
func (s keySet) opens(t *testing.T, token string) bool {
	t.Helper()
	v := &Verifier{Account: testAccount, Now: func() time.Time { return testNow }}
	v.cache.keys, v.cache.fetched, v.cache.tried = s, testNow, testNow // so that nothing is fetched
	_, err := v.open(t.Context(), token)
	return err == nil
}

// headerAlgorithm is what the token itself says.
func headerAlgorithm(token string) string {
	first, _, _ := strings.Cut(token, ".")
	data, _ := decodeSegment(first)
	var header struct {
		Algorithm string `json:"alg"`
	}
	_ = json.Unmarshal(data, &header)
	return header.Algorithm
}

func TestTE06_WycheproofJOSE(t *testing.T) {
	for name, accepted := range map[string]int{
		"json_web_signature_test.json": 14, // RS256: 8, PS256: 6
		"json_web_key_test.json":       1,
		"json_web_crypto_test.json":    1,
	} {
		groups, promised := wycheproofFile[joseGroup](t, name)
		var count tally
		for _, g := range groups {
			keys := g.keySet()
			for _, v := range g.Tests {
				count.ran++
				token := string(v.JWS + v.JWE)
				alg := headerAlgorithm(token)
				want := v.Result == "valid" && v.JWE == "" && (alg == algRS256 || alg == algPS256)
				got := keys.opens(t, token)
				if got != want {
					t.Errorf("%s, vector %d (%s, %s, %s): accepted: %t", name, v.ID, g.Comment, alg, v.Result, got)
				}
				if got {
					count.accepted++
				}
			}
		}
		count.check(t, name, promised, accepted)
	}
}

type signatureVector struct {
	ID      int    `json:"tcId"`
	Message hexed  `json:"msg"`
	Sig     hexed  `json:"sig"`
	Result  string `json:"result"`
}

// hexed is bytes in hexadecimal.
type hexed []byte

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func TestTE06_WycheproofRSAPSS(t *testing.T) {
	type group struct {
		Key   hexed             `json:"publicKeyDer"`
		SHA   string            `json:"sha"`
		MGF   string            `json:"mgfSha"`
		Salt  int               `json:"sLen"`
		Tests []signatureVector `json:"tests"`
	}
	names := map[string]string{"SHA-256": "PS256", "SHA-384": "PS384", "SHA-512": "PS512"}
	for name, accepted := range map[string]int{
		"rsa_pss_2048_sha256_mgf1_32_test.json": 63, "rsa_pss_3072_sha256_mgf1_32_test.json": 63, "rsa_pss_4096_sha256_mgf1_32_test.json": 63,
		"rsa_pss_4096_sha384_mgf1_48_test.json": 0, "rsa_pss_4096_sha512_mgf1_64_test.json": 0, "rsa_pss_misc_test.json": 1,
	} {
		groups, promised := wycheproofFile[group](t, name)
		var count tally
		for _, g := range groups {
			key := publishedRSAKey(t, g.Key)
			ours := g.SHA == "SHA-256" && g.MGF == "SHA-256" && g.Salt == 32
			for _, v := range g.Tests {
				count.ran++
				got := verifySignature(algPS256, key, string(v.Message), v.Sig) == nil
				if want := ours && v.Result == "valid"; got != want {
					t.Errorf("%s, vector %d (%s, %s, salt %d, %s): accepted: %t", name, v.ID, g.SHA, g.MGF, g.Salt, v.Result, got)
				}
				if got {
					count.accepted++
				}
				for _, other := range []string{names[g.SHA], "ES256", ""} {
					if other != algPS256 && verifySignature(other, key, string(v.Message), v.Sig) == nil {
						t.Errorf("%s, vector %d is accepted as %q", name, v.ID, other)
					}
				}
			}
		}
		count.check(t, name, promised, accepted)
	}
}

// publishedRSAKey takes a key through the JWK set, as NetSuite's keys come.
func publishedRSAKey(t *testing.T, spki []byte) *rsa.PublicKey {
	t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		t.Fatal(err)
	}
	key := parsed.(*rsa.PublicKey)
	set, err := readKeySet([]byte(keysOf(map[string]any{
		"kty": "RSA", "kid": "k", "n": encodeSegment(key.N.Bytes()), "e": encodeSegment(big.NewInt(int64(key.E)).Bytes()),
	})))
	if err != nil {
		t.Fatal(err)
	}
	return set.find("k", algPS256)
}

// NetSuite signs nothing with elliptic curves, so the verifier takes neither such keys nor such signatures.
func TestTE06_WycheproofECDSAIsRefused(t *testing.T) {
	type group struct {
		JWK   json.RawMessage   `json:"publicKeyJwk"`
		Tests []signatureVector `json:"tests"`
	}
	for alg, name := range map[string]string{
		"ES256": "ecdsa_secp256r1_sha256_p1363_test.json", "ES384": "ecdsa_secp384r1_sha384_p1363_test.json", "ES512": "ecdsa_secp521r1_sha512_p1363_test.json",
	} {
		groups, promised := wycheproofFile[group](t, name)
		var count tally
		for _, g := range groups {
			// Some points have no JWK: those that are not on the curve.
			keys, err := readKeySet([]byte(`{"keys":[` + string(g.JWK) + `]}`))
			if err == nil {
				t.Errorf("%s: the key %s is taken as %v", name, g.JWK, keys)
			}
			for _, v := range g.Tests {
				count.ran++
				token := encodeSegment([]byte(`{"alg":"`+alg+`","kid":"k"}`)) + "." + encodeSegment(v.Message) + "." + encodeSegment(v.Sig)
				if keys.opens(t, token) || verifySignature(alg, publicKeyOf(netsuiteKeys()[0]), string(v.Message), v.Sig) == nil {
					t.Errorf("%s, vector %d (%s) is accepted", name, v.ID, v.Result)
				}
			}
		}
		count.check(t, name, promised, 0)
	}
}

func publicKeyOf(i issuer) *rsa.PublicKey { return &i.key.PublicKey }
