package doctor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// What somebody else's program made is inspected here without asking anybody: a client assertion, the address that NetSuite sent a
// browser to, a bearer token. Nothing of it is repeated in the answer but what is no secret.

// longestJWT and the exact number of dots are checked before anything is split (TE-06).
const longestJWT = 16 << 10

var errNoJWT = errors.New("it must be a JWT: three parts of base64url with dots between, 16 KiB at most")

// readJWT returns the JSON objects of header and claims.
func readJWT(text string) (header, claims map[string]any, err error) {
	text = strings.TrimSpace(text)
	if len(text) > longestJWT || strings.Count(text, ".") != 2 {
		return nil, nil, errNoJWT
	}
	parts := strings.SplitN(text, ".", 3)
	for i, into := range []*map[string]any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[i], "="))
		if err != nil || json.Unmarshal(data, into) != nil || *into == nil {
			return nil, nil, errNoJWT
		}
	}
	return header, claims, nil
}

// foreign collects checks without asking anybody.
type foreign struct{ examination }

// InspectAssertion looks at a client assertion (netsuite-oauth2 3.2) as NetSuite would. account is the one that it is for; empty when that is
// not known.
func InspectAssertion(jwt string, account netsuite.AccountID, now time.Time) ([]Check, error) {
	header, claims, err := readJWT(jwt)
	if err != nil {
		return nil, err
	}
	x := &foreign{examination{Subject: Subject{Account: account, Now: func() time.Time { return now }}}}
	x.algorithm(header)
	x.names(header, claims)
	x.times(claims)
	x.audience(claims)
	x.scopes(claims)
	return x.checks, nil
}

var takenAlgorithms = []string{"PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func (x *foreign) algorithm(header map[string]any) {
	switch alg, typ := text(header, "alg"), text(header, "typ"); {
	case !slices.Contains(takenAlgorithms, alg):
		x.fail("algorithm", fmt.Sprintf("%.20q", alg), CauseAlgorithm)
	case typ != "" && !strings.EqualFold(typ, "JWT"):
		x.fail("algorithm", fmt.Sprintf("%s, with typ %.20q instead of JWT", alg, typ), CauseAssertionForm)
	default:
		x.ok("algorithm", alg)
	}
}

// thumbprintLength is that of a SHA-256 in base64url, as certificate IDs are seen.
const thumbprintLength = 43

func (x *foreign) names(header, claims map[string]any) {
	kid, iss := text(header, "kid"), text(claims, "iss")
	switch {
	case kid == "":
		x.fail("kid", "it is missing", CauseAssertionForm)
	case len(kid) != thumbprintLength:
		x.warn("kid", fmt.Sprintf("%d characters; certificate IDs have 43", len(kid)), CauseCertificateID)
	default:
		x.ok("kid", "it has the form of a certificate ID")
	}
	if iss == "" {
		x.fail("iss", "it is missing", CauseAssertionForm)
		return
	}
	x.ok("iss", fmt.Sprintf("%d characters", len(iss)))
}

// number reads a NumericDate (RFC 7519 section 2).
func number(claims map[string]any, name string) (time.Time, bool) {
	f, ok := claims[name].(float64)
	if !ok || math.IsNaN(f) || math.Abs(f) > 1e12 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

// NetSuite lets the clock of an assertion be ahead by this much.
const assertionAhead = 5 * time.Minute

func (x *foreign) times(claims map[string]any) {
	iat, hasIat := number(claims, "iat")
	exp, hasExp := number(claims, "exp")
	life := exp.Sub(iat)
	switch {
	case !hasIat || !hasExp:
		x.fail("times", "iat and exp must both be seconds since 1970", CauseAssertionForm)
	case life <= 0 || life > time.Hour:
		x.fail("times", fmt.Sprintf("exp is %d seconds behind iat", int64(life/time.Second)), CauseAssertionLife)
	case iat.After(x.now().Add(assertionAhead)):
		x.fail("times", "iat is of the future: "+date(iat), CauseAssertionTime)
	case exp.Before(x.now()):
		x.fail("times", "it was over on "+date(exp), CauseAssertionTime)
	default:
		x.ok("times", fmt.Sprintf("%d seconds", int64(life/time.Second)))
	}
}

const tokenPath = "/services/rest/auth/oauth2/v1/token"

func (x *foreign) audience(claims map[string]any) {
	aud := text(claims, "aud")
	if list, ok := claims["aud"].([]any); ok && len(list) == 1 {
		aud, _ = list[0].(string)
	}
	u, err := url.Parse(aud)
	if err != nil || aud == "" {
		x.fail("aud", "it is missing, or no address", CauseAudience)
		return
	}
	label, domain, _ := strings.Cut(u.Host, ".")
	account, accountErr := netsuite.ParseAccountID(label)
	switch {
	case u.Scheme != "https" || domain != "suitetalk.api.netsuite.com" && domain != "connect.api.netsuite.com" || u.Path != tokenPath:
		x.fail("aud", fmt.Sprintf("%.120q", u.Redacted()), CauseAudience)
	case accountErr != nil || label != account.HostLabel():
		x.fail("aud", fmt.Sprintf("%.60q is not how a host writes the account", label), CauseAudience)
	case x.Account != "" && account != x.Account:
		x.fail("aud", fmt.Sprintf("it is for account %s, and %s is meant", account, x.Account), CauseAudience)
	default:
		x.ok("aud", account.String())
	}
}

func (x *foreign) scopes(claims map[string]any) {
	var scopes []string
	switch v := claims["scope"].(type) {
	case []any:
		for _, one := range v {
			s, _ := one.(string)
			scopes = append(scopes, s)
		}
	case string:
		scopes = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
	}
	known := []string{"rest_webservices", "restlets", "suite_analytics"}
	unknown := slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(known, s) })
	if len(scopes) == 0 || unknown {
		x.fail("scope", fmt.Sprintf("%.80q", strings.Join(scopes, " ")), CauseAssertionScope)
		return
	}
	x.ok("scope", strings.Join(scopes, " "))
}

// InspectCallback explains the address that NetSuite sent a browser to (netsuite-oauth2 2.2).
func InspectCallback(address string, now time.Time) ([]Check, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.RawQuery == "" || len(address) > longestJWT {
		return nil, errors.New("it must be the whole address with its query, 16 KiB at most")
	}
	q := u.Query()
	x := &foreign{examination{Subject: Subject{Now: func() time.Time { return now }}}}
	x.state(q.Get("state"))
	causes := map[string]broker.Cause{"access_denied": CauseDenied, "invalid_scope": CauseScopeRefused}
	switch refused := q.Get("error"); {
	case refused != "":
		cause, known := causes[refused]
		if !known {
			cause = CauseCallback
		}
		x.fail("consent", fmt.Sprintf("error=%.40s", refused), cause)
	case q.Get("code") == "":
		x.fail("consent", "there is neither code nor error", CauseCallback)
	default:
		x.ok("consent", fmt.Sprintf("account %.40s, role %.12s, entity %.12s; the code can be exchanged once, within a minute", q.Get("company"), q.Get("role"), q.Get("entity")))
	}
	return x.checks, nil
}

func (x *foreign) state(state string) {
	if len(state) < 22 || len(state) > 1024 {
		x.fail("state", fmt.Sprintf("%d characters", len(state)), CauseState)
		return
	}
	x.ok("state", fmt.Sprintf("%d characters", len(state)))
}

// InspectToken looks at what is sent as the bearer, without proving who signed it. account is the one that is asked; empty when that is
// not known.
func InspectToken(jwt string, account netsuite.AccountID, now time.Time) ([]Check, error) {
	if _, _, err := readJWT(jwt); err != nil {
		return nil, err
	}
	x := &foreign{examination{Subject: Subject{Account: account, Now: func() time.Time { return now }}}}
	claims, err := netsuite.ReadClaims(netsuite.NewSecret(strings.TrimSpace(jwt)))
	switch {
	case err != nil: // a JWT, but none of NetSuite's: mostly the assertion itself
		x.fail("kind", "it is no token of NetSuite", CauseTokenKind)
		return x.checks, nil
	case strings.HasPrefix(claims.Kind(), "r"):
		x.fail("kind", "it is a refresh token", CauseTokenKind)
	default:
		x.ok("kind", "an access token of account "+claims.Account.String())
	}
	if account != "" && claims.Account != account {
		x.fail("account", fmt.Sprintf("it is for %s, and %s is asked", claims.Account, account), CauseTokenAccount)
	}
	if now.After(claims.Expiry) {
		x.fail("life", "it ended on "+date(claims.Expiry), CauseTokenExpired)
	} else {
		x.ok("life", "until "+date(claims.Expiry))
	}
	x.ok("scopes", strings.Join(claims.Scopes, ", "))
	return x.checks, nil
}
