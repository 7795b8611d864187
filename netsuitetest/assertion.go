package netsuitetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // hashes of the assertion algorithms
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientCredentials answers grant_type=client_credentials (H/section_162755359851): three parameters, no secret.
// client_id may stand beside them if it equals the assertion's iss, as RFC 7521 section 4.2 allows.
func (s *Server) clientCredentials(c *call, form url.Values) (*tokenAnswer, *refusal) {
	switch {
	case !c.account.Feature("OAUTH2"):
		return nil, refuse(http.StatusBadRequest, "unauthorized_client", "the feature OAuth 2.0 is off in this account (guess)", "")
	case c.r.Header.Get("Authorization") != "" || form.Has("client_secret"):
		return nil, invalidRequest("two client authentications: the assertion is the only one (H/section_162755359851)")
	case form.Get("client_assertion_type") != assertionType:
		return nil, invalidRequest("client_assertion_type must be " + assertionType + " (H/section_162755359851)")
	case form.Get("client_assertion") == "":
		return nil, invalidRequest("client_assertion is required (H/section_162755359851)")
	}
	as, err := parseAssertion(form.Get("client_assertion"))
	if err != nil {
		return nil, invalidRequest("client assertion: " + err.Error())
	}
	c.entry.ClientID, c.entry.CertificateID = as.issuer, as.kid
	if form.Has("client_id") && form.Get("client_id") != as.issuer {
		return nil, invalidRequest("client_id differs from the assertion's iss (RFC 7521 section 4.2)")
	}
	cert, no := s.verifyAssertion(c, as)
	if no != nil {
		return nil, no
	}
	i, scopes, no := s.m2mClient(c, as)
	if no != nil {
		return nil, no
	}
	c.entry.Entity, c.entry.Role = cert.entity, cert.role
	if err := c.account.usable(cert.entity, cert.role); err != nil {
		return nil, invalidGrant(err.Error(), "EntityOrRoleDisabled")
	}
	now := s.clock.Now()
	out := s.answerFor(scopes)
	out.AccessToken = c.account.mint(token{
		kind: kindAccess, clientID: i.ClientID, scopes: scopes, entity: cert.entity, role: cert.role,
		expires: now.Add(accessLife), certificate: cert.id,
	}, i.ApplicationID, now)
	c.entry.TokenID = c.account.find(out.AccessToken).id
	c.met("client assertion signed " + as.alg + " by an active certificate of this account, aud, iat, exp and scope in order (H/section_162790605110)")
	return out, nil
}

// assertion is a parsed client assertion (H/section_162790605110).
type assertion struct {
	alg, kid, issuer, tokenID string
	audience                  []string
	scopes                    []string
	hasScope                  bool
	issued, expires           time.Time
	signed                    string
	signature                 []byte
}

// parseAssertion reads the three parts without believing them.
func parseAssertion(raw string) (*assertion, error) {
	if strings.Count(raw, ".") != 2 {
		return nil, errors.New("want three parts parted by dots")
	}
	head, rest, _ := strings.Cut(raw, ".")
	body, sig, _ := strings.Cut(rest, ".")
	var header struct {
		Typ  *string         `json:"typ"`
		Alg  string          `json:"alg"`
		Kid  string          `json:"kid"`
		Crit json.RawMessage `json:"crit"`
	}
	var claims struct {
		Iss   string          `json:"iss"`
		Aud   json.RawMessage `json:"aud"`
		Scope json.RawMessage `json:"scope"`
		Iat   *float64        `json:"iat"`
		Exp   *float64        `json:"exp"`
		JTI   json.RawMessage `json:"jti"`
	}
	if err := decodePart(head, &header); err != nil {
		return nil, errors.New("the header is no base64url JSON object")
	}
	if err := decodePart(body, &claims); err != nil {
		return nil, errors.New("the payload is no base64url JSON object of the documented claims")
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	switch {
	case err != nil || len(signature) == 0:
		return nil, errors.New("the signature is no base64url")
	case header.Typ != nil && *header.Typ != "JWT":
		return nil, errors.New("typ must be JWT")
	case header.Crit != nil:
		return nil, errors.New("crit is not understood (RFC 7515 section 4.1.11)")
	case header.Kid == "":
		return nil, errors.New("kid is required: the certificate ID")
	case claims.Iss == "":
		return nil, errors.New("iss is required: the client ID")
	case claims.Iat == nil || claims.Exp == nil:
		return nil, errors.New("iat and exp are required, as numbers")
	}
	audience, err := stringOrList(claims.Aud)
	if err != nil || len(audience) == 0 {
		return nil, errors.New("aud is required: the token endpoint's URL")
	}
	scopes, err := stringOrList(claims.Scope)
	if err != nil {
		return nil, errors.New("scope must be an array of strings or a string")
	}
	if len(scopes) == 1 {
		scopes = strings.FieldsFunc(scopes[0], func(r rune) bool { return r == ',' || r == ' ' })
	}
	return &assertion{
		alg: header.Alg, kid: header.Kid, issuer: claims.Iss, tokenID: string(claims.JTI), audience: audience,
		scopes: scopes, hasScope: len(scopes) > 0, issued: time.Unix(int64(*claims.Iat), 0), expires: time.Unix(int64(*claims.Exp), 0),
		signed: head + "." + body, signature: signature,
	}, nil
}

func decodePart(part string, into any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// stringOrList reads "a" or ["a", "b"]; absent is empty.
func stringOrList(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var list []string
	err := json.Unmarshal(raw, &list)
	return list, err
}

// verifyAssertion holds the assertion against the rules and finds the certificate that signed it.
func (s *Server) verifyAssertion(c *call, as *assertion) (*certificate, *refusal) {
	if !slices.Contains([]string{"PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}, as.alg) && (as.alg != "RS256" || !s.settings().AllowRS256) {
		return nil, invalidRequest("alg must be PS256, PS384, PS512, ES256, ES384 or ES512, not " + clip(as.alg) +
			" (H/section_162790605110; RS256 ended on 1 March 2025)")
	}
	cert := c.account.certificate(as.kid)
	if cert == nil {
		return nil, s.badKey(s.unknownKid(c.account, as.kid), "InvalidSignature")
	}
	now := s.clock.Now()
	switch {
	case cert.clientID != as.issuer:
		return nil, s.badKey("iss is not the client that the certificate is mapped to", "InvalidSignature")
	case c.account.isRevoked(cert):
		return nil, s.badKey("the certificate is revoked", "CertificateRevoked")
	case now.After(cert.validUntil) || now.Before(cert.validFrom):
		return nil, s.badKey("the certificate is expired or not yet valid", "CertificateExpired")
	}
	if err := verifySignature(as, cert.public); err != nil {
		return nil, s.badKey(err.Error(), "InvalidSignature")
	}
	return cert, s.checkTimes(c, as, s.now())
}

// badKey is the refusal of a key that does not fit; sources disagree about its code.
func (s *Server) badKey(rule, audit string) *refusal {
	if s.settings().M2MBadKeyError == "invalid_client" {
		return refuse(http.StatusUnauthorized, "invalid_client", rule, audit)
	}
	return invalidGrant(rule, audit)
}

// unknownKid says in the ledger whether the certificate lives in another account.
func (s *Server) unknownKid(here *Account, kid string) string {
	for _, a := range s.order {
		if a != here && a.certificate(kid) != nil {
			return "the certificate belongs to account " + a.id + ": mappings are per account (H/section_162686838198)"
		}
	}
	return "unknown certificate ID"
}

// checkTimes holds aud, iat, exp and jti against the rules. RFC 7523 section 3; lifetime from H/section_162790605110.
func (s *Server) checkTimes(c *call, as *assertion, now time.Time) *refusal {
	life := as.expires.Sub(as.issued)
	switch {
	case !slices.ContainsFunc(as.audience, func(aud string) bool { return slices.Contains(s.tokenURLs(c), aud) }):
		return invalidRequest("aud must be this account's token endpoint URL, exactly (H/section_162790605110)")
	case as.issued.After(now.Add(s.settings().AssertionSkew)):
		return invalidRequest("iat lies in the future: check the clock")
	case life < time.Second || life > time.Hour || (s.settings().AssertionLifeBelowHour && life == time.Hour):
		return invalidRequest("exp must be 1 to 3600 seconds after iat (H/section_162790605110)")
	case !now.Before(as.expires.Add(s.settings().AssertionExpiryGrace)):
		return invalidRequest("the assertion has expired")
	case s.settings().AssertionReplayCheck && !c.account.firstSeen(as, now):
		return invalidRequest("the assertion's jti was seen before (setting)")
	}
	return nil
}

// tokenURLs are the audiences that name this account's token endpoint: the real one, its connect.api twin
// (H/article_0907012935), and the URL under which the request came.
func (s *Server) tokenURLs(c *call) []string {
	path := "/services/rest/auth/oauth2/v1/token"
	label := hostLabel(c.account.id)
	return []string{
		"https://" + label + ".suitetalk.api.netsuite.com" + path,
		"https://" + label + ".connect.api.netsuite.com" + path,
		"http://" + label + ".suitetalk.localhost" + c.addr.port + path,
		c.addr.url() + path,
	}
}

// firstSeen remembers a jti until its assertion has expired.
func (a *Account) firstSeen(as *assertion, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for jti, until := range a.seenJTI {
		if now.After(until) {
			delete(a.seenJTI, jti)
		}
	}
	key := as.issuer + " " + as.tokenID
	if _, seen := a.seenJTI[key]; seen {
		return false
	}
	a.seenJTI[key] = as.expires
	return true
}

// m2mClient checks the record behind the assertion and the scope asked for.
func (s *Server) m2mClient(c *call, as *assertion) (Integration, []string, *refusal) {
	i, ok := s.integration(as.issuer)
	if !ok {
		return i, nil, s.badKey("unknown client ID", "InvalidIntegration")
	}
	if !i.ClientCredentials || (i.Public && s.settings().PublicRefusesClientCredentials) {
		return i, nil, refuse(http.StatusBadRequest, "unauthorized_client", "Client Credentials (Machine to Machine) Grant is not ticked in the record, or the record is a Public Client", "ClientCredentialsGrantRequired")
	}
	if r, ok := c.account.record(i.ClientID); ok && r.blocks(stageToken, s.settings().ApprovalBlocks) {
		return i, nil, refuse(http.StatusBadRequest, "unauthorized_client", "the integration record is "+r.State+" (H/section_4429293934)", "IntegrationBlocked")
	}
	scopes := as.scopes
	if !as.hasScope && s.settings().AssertionScopeFromRecord {
		scopes = i.Scopes
	}
	if len(scopes) == 0 || !subset(scopes, i.Scopes) || (slices.Contains(scopes, scopeMCP) && !s.settings().MCPByClientCredentials) {
		return i, nil, refuse(http.StatusBadRequest, "invalid_scope", "scope must name scopes of the record, as array or string (H/section_162790605110)", "ScopeMismatched")
	}
	return i, scopes, nil
}

// verifySignature checks a JWS signature (RFC 7518 sections 3.3 to 3.5); the algorithm must fit the key.
func verifySignature(as *assertion, public crypto.PublicKey) error {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[as.alg[2:]]
	h := hash.New()
	h.Write([]byte(as.signed))
	sum := h.Sum(nil)
	switch key := public.(type) {
	case *rsa.PublicKey:
		return verifyRSA(as, key, hash, sum)
	case *ecdsa.PublicKey:
		return verifyECDSA(as, key, sum)
	}
	return errors.New("the certificate's key is of another kind than alg")
}

func verifyRSA(as *assertion, key *rsa.PublicKey, hash crypto.Hash, sum []byte) error {
	var err error
	switch as.alg[:2] {
	case "PS":
		err = rsa.VerifyPSS(key, hash, sum, as.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
	case "RS":
		err = rsa.VerifyPKCS1v15(key, hash, sum, as.signature)
	default:
		return errors.New("alg " + as.alg + " does not fit an RSA certificate")
	}
	if err != nil {
		return errors.New("the signature does not verify with the certificate")
	}
	return nil
}

// verifyECDSA takes raw r||s of the curve's size, never DER, and binds the algorithm to the curve.
func verifyECDSA(as *assertion, key *ecdsa.PublicKey, sum []byte) error {
	curve := map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}[as.alg]
	size := (key.Curve.Params().BitSize + 7) / 8
	switch {
	case curve != key.Curve.Params().BitSize:
		return errors.New("alg " + as.alg + " does not fit the certificate's curve")
	case len(as.signature) != 2*size:
		return errors.New("an ECDSA signature is r and s side by side, not DER (RFC 7518 section 3.4)")
	}
	r, t := new(big.Int).SetBytes(as.signature[:size]), new(big.Int).SetBytes(as.signature[size:])
	if !ecdsa.Verify(key, sum, r, t) {
		return errors.New("the signature does not verify with the certificate")
	}
	return nil
}
