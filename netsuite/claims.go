package netsuite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Claims is what one of NetSuite's tokens says of itself (H/section_158255317571).
type Claims struct {
	Issuer           string
	Account          AccountID
	ApplicationID    string // GUID of the integration record
	ClientID         string
	Role, Entity     int64
	Scopes           []string
	IssuedAt, Expiry time.Time
	OriginalIssuedAt time.Time // of the first token of the chain; zero when absent
	ID               string
}

// NetSuite's tokens have about 1,200 characters.
const maxJWT = 16 << 10

var errNotJWT = errors.New("token is not a JWT: three parts of base64url, at most 16 KiB; use the access or refresh token as NetSuite gave it")

// ReadClaims reads the claims of an access or refresh token WITHOUT verifying its signature. Use it on tokens that came
// straight from the token endpoint, to learn which account they are for; never to decide whether a stranger's token is
// good. Errors do not contain the token.
func ReadClaims(jwt Secret) (Claims, error) {
	text := jwt.Reveal()
	// Size and dots are counted before anything is allocated for the parts (as CVE-2025-30204 teaches).
	if len(text) > maxJWT || strings.Count(text, ".") != 2 {
		return Claims{}, errNotJWT
	}
	_, rest, _ := strings.Cut(text, ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return Claims{}, errNotJWT
	}
	var wire struct {
		Issuer   string         `json:"iss"`
		Subject  string         `json:"sub"`
		Audience lenientStrings `json:"aud"`
		Scope    lenientStrings `json:"scope"`
		IssuedAt lenientInt     `json:"iat"`
		Expiry   lenientInt     `json:"exp"`
		Original lenientInt     `json:"oit"`
		ID       string         `json:"jti"`
	}
	if json.Unmarshal(data, &wire) != nil {
		return Claims{}, errors.New("token claims are not NetSuite's: a claim has an unknown form")
	}
	c := Claims{
		Issuer: wire.Issuer, Scopes: wire.Scope, ID: wire.ID,
		IssuedAt: epoch(wire.IssuedAt), Expiry: epoch(wire.Expiry), OriginalIssuedAt: epoch(wire.Original),
	}
	if c.Role, c.Entity, err = readSubject(wire.Subject); err != nil {
		return Claims{}, err
	}
	if err := c.readAudience(wire.Audience); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// Kind tells "access" (of a consent), "m2m" (of client credentials) and "refresh" apart by the form of the token's ID
// ("ACCT.a-a.…", "ACCT.a-c.…", "ACCT.r-a.…"), or gives "". It is a hint seen on the wire, nothing to rely on for security.
func (c Claims) Kind() string {
	_, rest, _ := strings.Cut(c.ID, ".")
	mark, _, _ := strings.Cut(rest, ".")
	switch mark {
	case "a-a":
		return "access"
	case "a-c":
		return "m2m"
	case "r-a", "r":
		return "refresh"
	}
	return ""
}

// readSubject reads "<role>;<entity>".
func readSubject(sub string) (role, entity int64, err error) {
	first, second, found := strings.Cut(sub, ";")
	role, errRole := strconv.ParseInt(first, 10, 64)
	entity, errEntity := strconv.ParseInt(second, 10, 64)
	if !found || errRole != nil || errEntity != nil {
		return 0, 0, fmt.Errorf("token claim sub %.60q must be role;entity", sub)
	}
	return role, entity, nil
}

// readAudience reads "<application GUID>;<account>" and the client ID, in either order, once each.
func (c *Claims) readAudience(aud []string) error {
	for _, a := range aud {
		application, account, pair := strings.Cut(a, ";")
		switch {
		case pair && c.Account == "":
			id, err := ParseAccountID(account)
			if err != nil {
				return fmt.Errorf("token claim aud: %w", err)
			}
			c.ApplicationID, c.Account = application, id
		case !pair && c.ClientID == "":
			c.ClientID = a
		default:
			return errors.New("token claim aud must name one account and one client")
		}
	}
	if c.Account == "" {
		return errors.New("token claim aud names no account")
	}
	return nil
}

func epoch(seconds lenientInt) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
