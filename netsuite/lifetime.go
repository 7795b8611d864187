package netsuite

import (
	"errors"
	"fmt"
	"time"
)

// Maximum Time For Token Rotation (In Hours) in the integration record of a public client (H/section_157771733782).
const (
	defaultTokenRotation = 168 * time.Hour
	minTokenRotation     = time.Hour
	maxTokenRotation     = 720 * time.Hour
)

// Lifetime says how long the grant of a person lasts.
type Lifetime struct {
	RefreshBy time.Time // a refresh must come before this, when the refresh token ends
	ConsentBy time.Time // no refresh helps beyond this: the person must consent again
}

// Lifetime reads from a refresh token when it ends and when a person will be needed again. A confidential client's lives
// seven days from the consent and is never renewed, so both are the same. A public client's is renewed with every refresh,
// until TokenRotationMaximum has passed since the first (H/section_158082518856). An access token made at the last moment
// still lives its hour. The token is read, not verified.
func (g *CodeGrant) Lifetime(refreshToken Secret) (Lifetime, error) {
	rotation := g.TokenRotationMaximum
	switch {
	case rotation == 0:
		rotation = defaultTokenRotation
	case rotation < minTokenRotation || rotation > maxTokenRotation:
		return Lifetime{}, fmt.Errorf("token rotation maximum of %s must be from 1 to 720 hours, as in the integration record, or 0 for NetSuite's default of 168", rotation)
	}
	claims, err := ReadClaims(refreshToken)
	if err != nil {
		return Lifetime{}, err
	}
	if claims.Expiry.IsZero() {
		return Lifetime{}, errors.New("token claim exp is missing; give the refresh token as NetSuite gave it")
	}
	if !g.public() {
		return Lifetime{claims.Expiry, claims.Expiry}, nil
	}
	first := claims.OriginalIssuedAt
	if first.IsZero() {
		first = claims.IssuedAt
	}
	end := first.Add(rotation)
	return Lifetime{RefreshBy: earlier(claims.Expiry, end), ConsentBy: end}, nil
}

func (g *CodeGrant) public() bool { return g.ClientSecret.IsZero() }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
