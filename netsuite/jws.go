package netsuite

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// NetSuite signs its tokens RS256, though Oracle's page says PS256 (H/section_158255317571). Both are accepted, nothing else.
const (
	algRS256 = "RS256"
	algPS256 = "PS256"
)

const (
	maxJWT     = 16 << 10 // NetSuite's tokens have about 1,200 characters
	maxKeyID   = 200      // NetSuite's have about 35
	maxMembers = 64       // of a header or payload; NetSuite's have ten at most
)

var errNotJWT = errors.New("token is not a JWT: three parts of base64url, at most 16 KiB; use the access or refresh token as NetSuite gave it")

// signedToken is a JWT in the compact form of RFC 7515 section 7.1, taken apart; nothing of it is verified.
type signedToken struct {
	alg, kid  string
	signed    string // what the signature is made over
	payload   []byte
	signature []byte
}

// splitJWT counts size and dots before anything is allocated for the parts (as CVE-2025-30204 teaches).
func splitJWT(text string) (header, payload, signature string, err error) {
	if len(text) > maxJWT || strings.Count(text, ".") != 2 {
		return "", "", "", errNotJWT
	}
	header, rest, _ := strings.Cut(text, ".")
	payload, signature, _ = strings.Cut(rest, ".")
	return header, payload, signature, nil
}

// decodeSegment reads base64url without padding, line breaks or stray bits (RFC 7515 section 2), so that no two texts mean the same.
func decodeSegment(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // encoding/base64 skips these
		return nil, errNotJWT
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errNotJWT
	}
	return data, nil
}

func parseJWT(text string) (signedToken, error) {
	header, payload, signature, err := splitJWT(text)
	if err != nil {
		return signedToken{}, err
	}
	t := signedToken{signed: text[:len(header)+1+len(payload)]}
	head, errHead := decodeSegment(header)
	t.payload, err = decodeSegment(payload)
	var errSignature error
	t.signature, errSignature = decodeSegment(signature)
	if err := errors.Join(errHead, err, errSignature); err != nil {
		return signedToken{}, errNotJWT
	}
	t.alg, t.kid, err = readHeader(head)
	return t, err
}

// readHeader takes from the JOSE header which key and algorithm are meant. Where a header says to find a key (jku, jwk, x5u,
// x5c) is never looked at. An extension that must be understood is none of ours (RFC 7515 section 4.1.11), and an
// unencoded payload is one (RFC 7797).
func readHeader(data []byte) (alg, kid string, err error) {
	var typ string
	var crit, b64 json.RawMessage
	if err := readObject(data, map[string]any{"alg": &alg, "kid": &kid, "typ": &typ, "crit": &crit, "b64": &b64}); err != nil {
		return "", "", fmt.Errorf("token header: %w", err)
	}
	switch {
	case crit != nil || b64 != nil:
		return "", "", errors.New("token header demands an extension (crit or b64); NetSuite's tokens have none")
	case typ != "" && !strings.EqualFold(typ, "JWT"):
		return "", "", fmt.Errorf("token header has the type %.40q, must be JWT", typ)
	case alg != algRS256 && alg != algPS256:
		return "", "", fmt.Errorf("token header has the algorithm %.40q, must be RS256 or PS256", alg)
	case kid == "" || len(kid) > maxKeyID:
		return "", "", errors.New("token header names no key; its kid must have 1 to 200 characters")
	}
	return alg, kid, nil
}

// readObject reads the members of one JSON object that fields names, by their exact names, and skips the others. A member
// that occurs twice is an error: readers that disagree on which one counts are how forged tokens get in (RFC 8725 section 2.4).
func readObject(data []byte, fields map[string]any) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return errNotObject
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		switch {
		case err != nil || !ok:
			return errNotObject
		case seen[name]:
			return fmt.Errorf("member %.40q occurs twice", name)
		case len(seen) == maxMembers:
			return fmt.Errorf("more than %d members", maxMembers)
		}
		seen[name] = true
		into, wanted := fields[name]
		if !wanted {
			into = new(json.RawMessage)
		}
		if d.Decode(into) != nil {
			return fmt.Errorf("member %.40q has an unknown form", name)
		}
	}
	if _, err := d.Token(); err != nil {
		return errNotObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errNotObject
	}
	return nil
}

var errNotObject = errors.New("not one JSON object")

var errSignature = errors.New("signature does not fit")

// verifySignature checks a signature with a key that is known to be for alg. PSS salts are as long as the hash (RFC 7518
// section 3.5).
func verifySignature(alg string, key *rsa.PublicKey, signed string, signature []byte) error {
	sum := sha256.Sum256([]byte(signed))
	var err error
	switch alg {
	case algRS256:
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	case algPS256:
		err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	default:
		err = errSignature
	}
	if err != nil {
		return errSignature
	}
	return nil
}
