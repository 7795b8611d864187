package netsuite

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"time"
)

// verificationKey is a key of NetSuite's for signatures of its tokens.
type verificationKey struct {
	kid, alg string // alg "": for both algorithms
	public   *rsa.PublicKey
}

// keySet is what the keys endpoint publishes, as far as it is understood.
type keySet []verificationKey

// find returns the key for a token's header, or nil when none fits, or more than one, which would leave it to chance.
func (s keySet) find(kid, alg string) *rsa.PublicKey {
	var found *rsa.PublicKey
	for _, k := range s {
		if k.kid != kid || k.alg != "" && k.alg != alg {
			continue
		}
		if found != nil {
			return nil
		}
		found = k.public
	}
	return found
}

const (
	keysPath  = "/services/rest/auth/oauth2/v1/keys"
	maxKeySet = 1 << 20
	maxKeys   = 100 // NetSuite keeps the current key and those before it for as long as their tokens live
)

// readKeySet reads a JWK set. Keys that are not understood, or are for something else, are left out (RFC 7517 section 5); a set
// without any usable key is an error, so that it does not take the place of a good one.
func readKeySet(data []byte) (keySet, error) {
	var list []json.RawMessage
	if err := readObject(data, map[string]any{"keys": &list}); err != nil {
		return nil, err
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("more than %d keys", maxKeys)
	}
	var set keySet
	for _, jwk := range list {
		if k, err := readKey(jwk); err == nil {
			set = append(set, k)
		}
	}
	if set == nil {
		return nil, errors.New("no RSA key for signatures")
	}
	return set, nil
}

// readKey reads a JWK (RFC 7517 section 4, RFC 7518 section 6.3.1). A key is for one algorithm where it says so (RFC 8725
// section 3.1).
func readKey(jwk []byte) (verificationKey, error) {
	var k verificationKey
	var kty, use, n, e string
	var operations []string
	err := readObject(jwk, map[string]any{"kty": &kty, "kid": &k.kid, "use": &use, "alg": &k.alg, "key_ops": &operations, "n": &n, "e": &e})
	switch {
	case err != nil:
		return k, err
	case kty != "RSA", use != "" && use != "sig", operations != nil && !slices.Contains(operations, "verify"):
		return k, errors.New("not an RSA key for signatures")
	case k.alg != "" && k.alg != algRS256 && k.alg != algPS256:
		return k, errors.New("algorithm is neither RS256 nor PS256")
	case k.kid == "" || len(k.kid) > maxKeyID:
		return k, errors.New("no usable kid")
	}
	modulus, errN := decodeSegment(n)
	exponent, errE := decodeSegment(e)
	if err := errors.Join(errN, errE); err != nil {
		return k, err
	}
	k.public, err = verificationRSAKey(new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent))
	return k, err
}

// The least that RFC 7518 section 3.3 allows, and more than anybody uses, so that a signature costs no more than a millisecond.
const (
	minVerifyBits = 2048
	maxVerifyBits = 8192
)

// verificationRSAKey refuses keys that prove nothing, as FIPS 186-5 section A.1.1 does: short, even, or with an exponent of 65,536
// and less; with exponent 1 everything is a signature of itself.
func verificationRSAKey(n, e *big.Int) (*rsa.PublicKey, error) {
	switch bits := n.BitLen(); {
	case bits < minVerifyBits || bits > maxVerifyBits || n.Bit(0) == 0:
		return nil, errors.New("RSA modulus must be odd and have 2048 to 8192 bits")
	case !e.IsInt64() || e.Int64() <= 1<<16 || e.Int64() > math.MaxInt32 || e.Bit(0) == 0:
		return nil, errors.New("RSA exponent must be odd, above 65536 and below 2^31")
	}
	key := &rsa.PublicKey{N: n, E: int(e.Int64())}
	if fromInfineon(key) {
		return nil, errInfineon
	}
	return key, nil
}

var errInfineon = errors.New("RSA key was made by a chip with the flaw CVE-2017-15361, and its private key can be computed; make one with GenerateKey")

// infineonPrimes are small primes modulo which 65537 generates only part of the units.
var infineonPrimes = []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// fromInfineon recognises keys of the flawed RSA library of CVE-2017-15361 ("ROCA"): modulo small primes, their modulus is always
// a power of 65537. Of other keys, about one in two hundred million is.
func fromInfineon(key *rsa.PublicKey) bool {
	for _, p := range infineonPrimes {
		if !isPowerOf65537(new(big.Int).Mod(key.N, big.NewInt(p)).Int64(), p) {
			return false
		}
	}
	return true
}

func isPowerOf65537(residue, p int64) bool {
	power := int64(1)
	for range p {
		if power == residue {
			return true
		}
		power = power * 65537 % p
	}
	return false
}

const (
	// refetchPause lies between two fetches, so that tokens with invented key IDs do not turn into calls to NetSuite (TE-07).
	refetchPause = time.Minute
	// firstFetchPause is what takes its place while there are no keys at all: a good token could not be told from a bad one.
	firstFetchPause = 5 * time.Second
	// keysFresh is how long keys are used before the endpoint is asked whether NetSuite has withdrawn one. A key lives 90 days.
	keysFresh = time.Hour
	// keysTimeout ends a fetch, for which callers may be waiting.
	keysTimeout = 10 * time.Second
)

// keyCache holds the newest keys. At most one fetch is under way, shared by all who wait for it.
type keyCache struct {
	mu      sync.Mutex
	keys    keySet        // guarded by mu
	fetched time.Time     // guarded by mu; when keys came
	tried   time.Time     // guarded by mu; when the latest fetch began
	err     error         // guarded by mu; why the latest fetch failed, nil when it did not
	flight  chan struct{} // guarded by mu; closed when the fetch under way has ended, nil when there is none
}

var errUnknownKey = errors.New("unknown key")

// key finds the key for a token's header. A known one is used at once, whatever the state of the endpoint. For an unknown
// one the caller waits for a fetch where one is due; else it is refused without waiting.
func (v *Verifier) key(ctx context.Context, kid, alg string) (*rsa.PublicKey, error) {
	key, flight, err := v.look(ctx, kid, alg)
	if key != nil || flight == nil {
		return key, err
	}
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", opVerify, ctx.Err())
	case <-flight:
	}
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	return v.cache.find(kid, alg)
}

// look returns the key, or the flight to wait for, or why there is neither.
func (v *Verifier) look(ctx context.Context, kid, alg string) (*rsa.PublicKey, chan struct{}, error) {
	c := &v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	key, err := c.find(kid, alg)
	if c.flight == nil && c.due(timeNow(v.Now), key != nil) {
		c.tried, c.flight = timeNow(v.Now), make(chan struct{})
		// The fetch outlives a caller who gives up: were it ended with him, impatient callers could keep the keys from coming.
		go v.refresh(context.WithoutCancel(ctx))
	}
	return key, c.flight, err
}

// find needs mu. Without the key, the error is that of the latest fetch, should it have failed: then nobody knows whether
// the token is good.
func (c *keyCache) find(kid, alg string) (*rsa.PublicKey, error) {
	if key := c.keys.find(kid, alg); key != nil {
		return key, nil
	}
	if c.err != nil {
		return nil, c.err
	}
	return nil, errUnknownKey
}

// due needs mu. It tells whether to fetch: for an unknown key, or to learn whether a known one still stands.
func (c *keyCache) due(now time.Time, known bool) bool {
	pause := refetchPause
	if c.keys == nil {
		pause = firstFetchPause
	}
	if !c.tried.IsZero() && within(now, c.tried, pause) {
		return false
	}
	return !known || !within(now, c.fetched, keysFresh)
}

// within reports whether now is less than d after begin. A clock that was set back does not stop the time forever.
func within(now, begin time.Time, d time.Duration) bool {
	passed := now.Sub(begin)
	return passed >= 0 && passed < d
}

// refresh performs the flight. When it fails, the keys that are there go on working.
func (v *Verifier) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	keys, err := v.fetch(ctx)
	c := &v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err = err; err == nil {
		c.keys, c.fetched = keys, timeNow(v.Now)
	}
	close(c.flight)
	c.flight = nil
}

// fetch asks the account's own keys endpoint, without authentication.
func (v *Verifier) fetch(ctx context.Context) (keySet, error) {
	u, err := v.Site.BaseURL(v.Account, ServiceSuiteTalk)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", opKeys, err)
	}
	u.Path = keysPath
	r := &request{
		op: opKeys, face: oauthFace, method: http.MethodGet, url: u, limit: maxKeySet,
		header: http.Header{"Accept": {"application/json, application/jwk-set+json"}},
	}
	ans, err := r.do(ctx, clientFor(v.Site, v.Account, v.HTTPClient))
	if err != nil {
		return nil, err
	}
	keys, err := readKeySet(ans.body)
	if err != nil {
		return nil, r.unreadable(ans, "the answer is not a set of keys: "+err.Error())
	}
	return keys, nil
}
