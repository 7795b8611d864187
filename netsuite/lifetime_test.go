package netsuite

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// refreshToken is an unsigned token with the claims that Lifetime reads.
func refreshToken(claims string) Secret {
	payload := `{"iss":"https://system.netsuite.com","sub":"3;7","aud":["GUID;1234567","` + testClientID + `"],"jti":"1234567.r-a.x"` + claims + `}`
	return NewSecret("e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
}

func TestLifetime(t *testing.T) {
	at := func(hours int) time.Time { return testNow.Add(time.Duration(hours) * time.Hour) }
	claims := func(iat, exp, oit int) string {
		return fmt.Sprintf(`,"iat":%d,"exp":%d,"oit":%d`, at(iat).Unix(), at(exp).Unix(), at(oit).Unix())
	}
	public, confidential := &CodeGrant{}, &CodeGrant{ClientSecret: NewSecret("x")}
	hour := &CodeGrant{TokenRotationMaximum: time.Hour}
	for _, tt := range []struct {
		name               string
		grant              *CodeGrant
		claims             string
		refreshBy, consent time.Time
	}{
		{"confidential: seven days, never renewed", confidential, claims(0, 168, 0), at(168), at(168)},
		{"public: the chain goes on for a week", public, claims(0, 48, 0), at(48), at(168)},
		{"public, late in the chain", public, claims(150, 198, 0), at(168), at(168)},
		{"public, own maximum", hour, claims(0, 1, 0), at(1), at(1)},
		{"public, no oit", public, fmt.Sprintf(`,"iat":%d,"exp":%d`, at(0).Unix(), at(48).Unix()), at(48), at(168)},
	} {
		got, err := tt.grant.Lifetime(refreshToken(tt.claims))
		if err != nil || !got.RefreshBy.Equal(tt.refreshBy) || !got.ConsentBy.Equal(tt.consent) {
			t.Errorf("%s: %+v, %v; want %s and %s", tt.name, got, err, tt.refreshBy, tt.consent)
		}
	}
	for want, tt := range map[string]struct {
		rotation time.Duration
		token    Secret
	}{
		"1 to 720 hours":       {721 * time.Hour, refreshToken(claims(0, 1, 0))},
		"exp is missing":       {0, refreshToken(`,"iat":1`)},
		"token is not a JWT":   {0, NewSecret("opaque")},
		"from 1 to 720 hours,": {-time.Hour, refreshToken(claims(0, 1, 0))},
	} {
		if got, err := (&CodeGrant{TokenRotationMaximum: tt.rotation}).Lifetime(tt.token); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Lifetime = %+v, %v; want an error with %q", got, err, want)
		}
	}
}
