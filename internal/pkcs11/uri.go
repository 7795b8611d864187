package pkcs11

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// URI names a key in a token (RFC 7512): pkcs11:token=acme;object=netsuite?module-path=/usr/lib/softhsm/libsofthsm2.so
type URI struct {
	Token, Serial string // of the token; one of both
	Object        string // label of the key
	ID            []byte // CKA_ID of the key
	Module        string // path of the module's library
	PINSource     string // path of a file
}

const longestURI = 2048

var errPIN = errors.New("it must not hold the PIN: other users of the machine can read a command line. Set SUITEKEY_PKCS11_PIN_FILE, or pin-source=file:/path")

// IsURI reports whether a text wants to be such a URI.
func IsURI(text string) bool { return strings.HasPrefix(strings.ToLower(text), "pkcs11:") }

// ParseURI reads a URI. It wants a token and an object or ID, and refuses attributes that are not understood, doubled, or a PIN.
func ParseURI(text string) (URI, error) {
	var u URI
	if err := u.parse(text); err != nil {
		return URI{}, fmt.Errorf("PKCS#11 URI: %w", err)
	}
	return u, nil
}

func (u *URI) parse(text string) error {
	if !IsURI(text) || len(text) > longestURI {
		return fmt.Errorf("it must begin with pkcs11: and have at most %d characters", longestURI)
	}
	path, query, _ := strings.Cut(text[len("pkcs11:"):], "?")
	seen := map[string]bool{}
	for _, part := range []struct{ text, separator string }{{path, ";"}, {query, "&"}} {
		if part.text == "" {
			continue
		}
		for attribute := range strings.SplitSeq(part.text, part.separator) {
			name, value, ok := strings.Cut(attribute, "=")
			if !ok || seen[name] {
				return fmt.Errorf("attribute %.40q must be NAME=VALUE, once", attribute)
			}
			seen[name] = true
			if err := u.set(name, value); err != nil {
				return err
			}
		}
	}
	return u.complete()
}

var filePath = regexp.MustCompile(`^/[^\x00-\x1f]+$`)

func (u *URI) set(name, escaped string) error {
	value, err := url.PathUnescape(escaped)
	if err != nil || value == "" || strings.ContainsFunc(value, isControl) && name != "id" {
		return fmt.Errorf("attribute %.40q must have a value, percent-encoded", name)
	}
	switch name {
	case "token":
		u.Token = value
	case "serial":
		u.Serial = value
	case "object":
		u.Object = value
	case "id":
		u.ID = []byte(value)
	case "type":
		if value != "private" {
			return fmt.Errorf("type must be private, or left out; got %.40q", value)
		}
	case "module-path":
		if u.Module = value; !filePath.MatchString(value) {
			return errors.New("module-path must be the whole path of a file")
		}
	case "pin-source":
		path, ok := strings.CutPrefix(value, "file:")
		if u.PINSource = path; !ok || !filePath.MatchString(path) {
			return errors.New("pin-source must be file: and the whole path of a file")
		}
	case "pin-value":
		return errPIN
	default:
		return fmt.Errorf("attribute %.40q is not understood; token, serial, object, id, module-path and pin-source are", name)
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func (u *URI) complete() error {
	switch {
	case (u.Token == "") == (u.Serial == ""):
		return errors.New("it must name the token, by token= or serial=")
	case u.Object == "" && len(u.ID) == 0:
		return errors.New("it must name the key, by object= or id=")
	case len(u.ID) > 64:
		return errors.New("id may have at most 64 bytes")
	}
	return nil
}

// Key names the key for people.
func (u URI) Key() string {
	if u.Object != "" {
		return u.Object
	}
	return hex.EncodeToString(u.ID)
}
