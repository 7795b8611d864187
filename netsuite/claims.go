package netsuite

import (
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

// ReadClaims reads the claims of an access or refresh token WITHOUT verifying its signature. Use it on tokens that came
// straight from the token endpoint, to learn which account they are for; a stranger's token goes to [Verifier.Verify].
// Errors do not contain the token.
func ReadClaims(jwt Secret) (Claims, error) {
	_, payload, _, err := splitJWT(jwt.Reveal())
	if err != nil {
		return Claims{}, err
	}
	data, err := decodeSegment(payload)
	if err != nil {
		return Claims{}, err
	}
	return parseClaims(data)
}

// parseClaims reads a payload (H/section_158255317571).
func parseClaims(payload []byte) (Claims, error) {
	var c Claims
	var subject string
	var audience, scopes lenientStrings
	var issued, expiry, original lenientInt
	err := readObject(payload, map[string]any{
		"iss": &c.Issuer, "sub": &subject, "aud": &audience, "scope": &scopes,
		"iat": &issued, "exp": &expiry, "oit": &original, "jti": &c.ID,
	})
	if err != nil {
		return Claims{}, fmt.Errorf("token claims are not NetSuite's: %w", err)
	}
	c.Scopes, c.IssuedAt, c.Expiry, c.OriginalIssuedAt = scopes, epoch(issued), epoch(expiry), epoch(original)
	if c.Role, c.Entity, err = readSubject(subject); err != nil {
		return Claims{}, err
	}
	if err := c.readAudience(audience); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// Kind tells "access" (of a consent), "m2m" (of client credentials) and "refresh" apart by the form of the token's ID
// ("ACCT.a-a.…", "ACCT.a-c.…", "ACCT.r-a.…"), or gives "". It is a hint seen on the wire, nothing to rely on for security.
func (c Claims) Kind() string {
	switch c.mark() {
	case "a-a":
		return "access"
	case "a-c":
		return "m2m"
	case "r-a", "r":
		return "refresh"
	}
	return ""
}

// mark is the part of the token's ID that tells its kind.
func (c Claims) mark() string {
	_, rest, _ := strings.Cut(c.ID, ".")
	mark, _, _ := strings.Cut(rest, ".")
	return mark
}

// isAccess reports whether the ID marks an access token, of whatever grant: "a" and then what it was made from.
func (c Claims) isAccess() bool { return c.mark() == "a" || strings.HasPrefix(c.mark(), "a-") }

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
