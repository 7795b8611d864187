package netsuitetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"time"
)

// signingKeys are the keys with which an account signs its tokens: one current key, rolled over every 90 days,
// and old ones for 8 days more (seed of the 90 days: a third party citing Oracle; the 8 days are a guess that
// outlives every refresh token of a confidential client).
type signingKeys struct {
	account  string
	settings func() *Settings

	mu   sync.Mutex
	keys []signingKey // guarded by mu; the newest last
}

type signingKey struct {
	kid     string
	private *quickKey
	born    time.Time
}

// current returns the key to sign with at now, made on demand.
func (k *signingKeys) current(now time.Time) signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.roll(now)
}

// roll needs mu.
func (k *signingKeys) roll(now time.Time) signingKey {
	if n := len(k.keys); n > 0 && now.Before(k.keys[n-1].born.Add(k.settings().KeyLife)) {
		return k.keys[n-1]
	}
	return k.add(now)
}

// add needs mu. Key IDs tell the second of birth; a second key of the same second takes the next one's.
func (k *signingKeys) add(now time.Time) signingKey {
	stamp := now
	kid := func() string { return fmt.Sprintf("c.%s.%s", k.account, stamp.Format("2006-01-02_15-04-05")) }
	for slices.ContainsFunc(k.keys, func(old signingKey) bool { return old.kid == kid() }) {
		stamp = stamp.Add(time.Second)
	}
	key := signingKey{kid: kid(), private: newQuickKey(), born: now}
	k.keys = append(k.keys, key)
	return key
}

// RollKeys gives the account a new signing key, now. With overlap the old ones stay in the key set as long as after every
// rollover; without, they are gone from it at once. Tokens that they have signed go on to be taken by the API.
func (a *Account) RollKeys(overlap bool) {
	now := a.s.clock.Now()
	k := a.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roll(now)
	key := k.add(now)
	if !overlap {
		k.keys = []signingKey{key}
	}
}

// published are the keys of the key set at now.
func (k *signingKeys) published(now time.Time) []signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roll(now)
	var out []signingKey
	for i, key := range k.keys {
		retired := i+1 < len(k.keys) && !now.Before(k.keys[i+1].born.Add(k.settings().KeyOverlap))
		if !retired {
			out = append(out, key)
		}
	}
	return out
}

// keys is the JWK set of the account, without authentication. The field set is the standard one; a raw answer
// was not seen.
func (s *Server) keys(c *call) {
	set := []map[string]any{}
	for _, key := range c.account.keys.published(s.clock.Now()) {
		set = append(set, key.jwk(s.settings()))
	}
	c.met("public keys of the account's tokens, for anybody")
	c.json(http.StatusOK, map[string]any{"keys": set})
}

// jwk is the public key with the members that the settings want (RFC 7517 section 4, RFC 7518 section 6.3.1).
func (key signingKey) jwk(settings *Settings) map[string]any {
	public := key.private.PublicKey
	all := map[string]any{
		"kty": "RSA", "kid": key.kid, "use": "sig", "alg": settings.ServerAlgorithm, "key_ops": []string{"verify"},
		"n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes()),
	}
	maps.DeleteFunc(all, func(name string, _ any) bool { return !slices.Contains(settings.JWKSFields, name) })
	return all
}

// sign makes a JWT of NetSuite's form. Tokens seen in the field were RS256, though Oracle's page says PS256
// (H/section_158255317571).
func (k *signingKeys) sign(now time.Time, claims any) string {
	key := k.current(now)
	header := fmt.Sprintf(`{"kid":%q,"typ":"JWT","alg":%q}`, key.kid, k.settings().ServerAlgorithm)
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // only tokenClaims comes here
	}
	signed := b64([]byte(header)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	if k.settings().ServerAlgorithm == "PS256" {
		signature = key.private.signPSS(sum[:])
	} else {
		signature = key.private.signPKCS1v15(sum[:])
	}
	return signed + "." + b64(signature)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
