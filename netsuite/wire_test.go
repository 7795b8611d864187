package netsuite

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/wire"
)

// wireClient is the client that meets recorded answers.
type wireClient struct {
	t    *testing.T
	site Site
	x    wire.Exchange
}

// wireCalls are the client's calls by the note "call" of an example. What a call returns is printed for the comparison.
var wireCalls = map[string]func(c wireClient) (any, error){
	"callback": func(c wireClient) (any, error) {
		u, err := url.Parse(c.x.AnswerHeader.Get("Location"))
		if err != nil {
			return nil, err
		}
		back, err := ParseCallback(u.Query())
		return back, errors.Join(err, back.Err())
	},
	"exchange": func(c wireClient) (any, error) {
		return said(c.grant().Exchange(c.t.Context(), testAccount, "code", NewCodeVerifier()))
	},
	"refresh": func(c wireClient) (any, error) {
		return said(c.grant().Refresh(c.t.Context(), testAccount, NewSecret("aGVhZGVy.b2xk.c2lnbmF0dXJl")))
	},
	"client credentials": func(c wireClient) (any, error) {
		credentials := testCredentials(testKeys()[P256])
		credentials.Site, credentials.Now = c.site, nil
		return said(credentials.Token(c.t.Context()))
	},
	"revoke": func(c wireClient) (any, error) {
		return "revoked", c.grant().Revoke(c.t.Context(), testAccount, NewSecret("aGVhZGVy.b2xk.c2lnbmF0dXJl"))
	},
	"keys": func(c wireClient) (any, error) {
		keys, err := readKeySet([]byte(c.x.AnswerBody))
		if err != nil {
			return nil, err
		}
		return fmt.Sprintf("%d, the first %s %s of %d bits", len(keys), keys[0].kid, keys[0].alg, keys[0].public.N.BitLen()), nil
	},
	"claims": func(c wireClient) (any, error) {
		claims, err := ReadClaims(NewSecret("e30." + encodeSegment([]byte(c.x.AnswerBody)) + ".c2lnbmF0dXJl"))
		return fmt.Sprintf("%s, %+v", claims.Kind(), claims), err
	},

	"list certificates": func(c wireClient) (any, error) { return testAPI(c.site).ListCertificates(c.t.Context(), testClientID) },
	"upload certificate": func(c wireClient) (any, error) {
		cert, err := NewCertificate(testKeys()[P256], CertificateOptions{})
		if err != nil {
			return nil, err
		}
		err = testAPI(c.site).UploadCertificate(c.t.Context(), testClientID, cert, 1067, 7)
		if errors.Is(err, ErrCertificateID) {
			return "uploaded, and NetSuite told the ID of a certificate", nil // the recorded one is not ours
		}
		return "uploaded", err
	},
	"revoke certificate": func(c wireClient) (any, error) {
		return "revoked", testAPI(c.site).RevokeCertificate(c.t.Context(), testClientID, "qzMrWpkBt7NaOgm1_XCcu0Tl8N2dcYSHkoTLiZ4MYZ4")
	},

	"suiteql": func(c wireClient) (any, error) {
		page, err := testAPI(c.site).SuiteQL(c.t.Context(), "SELECT id FROM customer ORDER BY id", 0, 0)
		if err != nil {
			return nil, err
		}
		return fmt.Sprintf("%v offset %d of %d, more %v", page.Rows, page.Offset, page.Total, page.HasMore), nil
	},
	"create record": func(c wireClient) (any, error) {
		return testAPI(c.site).CreateRecord(c.t.Context(), "customer", map[string]string{"companyName": "Initech"})
	},
	"read record": func(c wireClient) (any, error) {
		type customer struct {
			CompanyName string
			IsInactive  bool
			Currency    struct{ ID, RefName string }
		}
		return ReadRecord[customer](c.t.Context(), testAPI(c.site), "customer", "1001", nil)
	},
	"list records": func(c wireClient) (any, error) {
		var ids []string
		for id, err := range testAPI(c.site).Records(c.t.Context(), "customer", "") {
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		return ids, nil
	},
	"start job": func(c wireClient) (any, error) {
		const key = "cac827ea-3543-4cda-add2-bae634326c27"
		job, err := testAPI(c.site).StartAsync(c.t.Context(), http.MethodPost, "/services/rest/record/v1/customer", map[string]string{}, key)
		if err != nil {
			return nil, err
		}
		return *job, nil
	},
	"job": func(c wireClient) (any, error) {
		job, err := testAPI(c.site).Job(c.t.Context(), "1")
		if err != nil {
			return nil, err
		}
		return *job, nil
	},
	"server time":       func(c wireClient) (any, error) { return testAPI(c.site).ServerTime(c.t.Context()) },
	"governance limits": func(c wireClient) (any, error) { return testAPI(c.site).GovernanceLimits(c.t.Context()) },
	"restlet": func(c wireClient) (any, error) {
		return testAPI(c.site).RESTlet(c.t.Context(), http.MethodGet, "customscript_x", "customdeploy_x", nil, nil)
	},
	"metadata catalog": func(c wireClient) (any, error) { return testAPI(c.site).MetadataCatalog(c.t.Context()) },
	"record schema": func(c wireClient) (any, error) {
		schema, err := testAPI(c.site).RecordSchema(c.t.Context(), "customer")
		return fmt.Sprint(len(schema) > 0), err
	},
}

func (c wireClient) grant() *CodeGrant {
	return &CodeGrant{ClientID: testClientID, RedirectURI: "https://app.acme.example/callback", Scopes: []string{"rest_webservices"}, Site: c.site}
}

// said is what a token answer says, without the moment of its arrival.
func said(token *Token, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", token.TokenType, token.ExpiresIn, token.AccessToken.Reveal(), token.RefreshToken.Reveal())), nil
}

// The client builds hosts by their rule and does not ask for them (netsuite/site.go).
const callNotMade = "data center URLs"

// wireResults is what the client makes of each recorded answer; for a refusal the kind, the code and the locator.
var wireResults = map[string]string{
	"async-job":                     "{ID:1 Key: State:pending Completed:false}",
	"async-repeated":                "{ID:123456 Key:cac827ea-3543-4cda-add2-bae634326c27 State:pending Completed:false}",
	"async-start":                   "{ID:123456 Key:cac827ea-3543-4cda-add2-bae634326c27 State:pending Completed:false}",
	"callback-consent":              "{State:0123456789abcdefghijklmnopqrstuv Code:6f0e1d2c3b4a59687786958493a2b1c06f0e1d2c3b4a59687786958493a2b1c0 Account:1234567 Role:3 Entity:-5 Error: ErrorDescription: Issuer:}",
	"callback-refused":              "invalid_scope | 0 invalid_scope",
	"certificate-refused-text":      "<nil> | 400",
	"certificate-revoke":            "revoked",
	"certificate-upload":            "uploaded",
	"certificate-upload-element":    "uploaded, and NetSuite told the ID of a certificate",
	"certificates-list":             "[{ID:qzMrWpkBt7NaOgm1_XCcu0Tl8N2dcYSHkoTLiZ4MYZ4 ApplicationID:0F8FAD5B-D9CB-469F-A165-70867728950E ApplicationName:Acme Sync Entity:7 Role:1067 EntityName:Acme Integration RoleName:Acme Sync Created:2026-03-02 09:00:00 UTC ValidFrom:2026-03-02 08:55:00 UTC ValidUntil:2028-02-29 08:55:00 UTC Revoked:false Algorithm:EC}]",
	"certificates-list-dates":       "[{ID:qzMrWpkBt7NaOgm1_XCcu0Tl8N2dcYSHkoTLiZ4MYZ4 ApplicationID:0F8FAD5B-D9CB-469F-A165-70867728950E ApplicationName:Acme Sync Entity:7 Role:1067 EntityName:Acme Integration RoleName:Acme Sync Created:2026-03-02 00:00:00 UTC ValidFrom:2026-03-02 00:00:00 UTC ValidUntil:2028-02-29 00:00:00 UTC Revoked:true Algorithm:RSA}]",
	"claims-client-credentials":     "m2m, {Issuer:https://system.netsuite.com Account:1234567 ApplicationID:0F8FAD5B-D9CB-469F-A165-70867728950E ClientID:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef Role:1067 Entity:12 Scopes:[rest_webservices restlets] IssuedAt:2026-11-18 11:06:40 UTC Expiry:2026-11-18 12:06:40 UTC OriginalIssuedAt:2026-11-18 11:06:40 UTC ID:1234567.a-c.null.1795000000000}",
	"claims-code-flow":              "access, {Issuer:https://system.netsuite.com Account:1234567 ApplicationID:0F8FAD5B-D9CB-469F-A165-70867728950E ClientID:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef Role:3 Entity:-5 Scopes:[rest_webservices restlets] IssuedAt:2026-11-18 11:06:40 UTC Expiry:2026-11-18 12:06:40 UTC OriginalIssuedAt:2026-11-18 11:06:40 UTC ID:1234567.a-a.7c9e6679-7425-40de-944b-e07fc1f90ae7_1795000000000.1795000000001}",
	"claims-refresh":                "refresh, {Issuer:https://system.netsuite.com Account:1234567 ApplicationID:0F8FAD5B-D9CB-469F-A165-70867728950E ClientID:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef Role:3 Entity:-5 Scopes:[rest_webservices] IssuedAt:2026-11-18 11:06:40 UTC Expiry:2026-11-25 11:06:40 UTC OriginalIssuedAt:2026-11-18 11:06:40 UTC ID:1234567.r-a.7c9e6679-7425-40de-944b-e07fc1f90ae7_1795000000000.0}",
	"governance-limits-account":     "{AccountConcurrencyLimit:5 UnallocatedConcurrencyLimit:3 IntegrationConcurrencyLimit:0 LimitType:accountLimit}",
	"governance-limits-integration": "{AccountConcurrencyLimit:5 UnallocatedConcurrencyLimit:3 IntegrationConcurrencyLimit:2 LimitType:integrationSpecific}",
	"governance-limits-type":        "{AccountConcurrencyLimit:5 UnallocatedConcurrencyLimit:3 IntegrationConcurrencyLimit:0 LimitType:accountLimit}",
	"keys":                          "1, the first c.1234567.2026-10-01_08-00-00 RS256 of 2048 bits",
	"metadata-catalog":              "[customer]",
	"metadata-schema":               "true",
	"record-create":                 "647",
	"record-invalid-content":        "<nil> | 400 INVALID_CONTENT body item.items[0].item",
	"record-list":                   "[107 41]",
	"record-not-found":              "not found | 404 NONEXISTENT_ID",
	"record-read":                   "{CompanyName:Birch Cycles 1 IsInactive:false Currency:{ID:1 RefName:US Dollar}}",
	"rest-concurrency":              "too many requests | 429 CONCURRENCY_LIMIT_EXCEEDED",
	"rest-insufficient-permission":  "permission missing | 403 INSUFFICIENT_PERMISSION",
	"rest-invalid-header":           "<nil> | 400 INVALID_HEADER header Prefer",
	"rest-invalid-login":            "login refused | 401 INVALID_LOGIN",
	"rest-user-error":               "role refused | 400 USER_ERROR",
	"restlet-concurrency":           "too many requests | 400 SSS_REQUEST_LIMIT_EXCEEDED",
	"restlet-invalid-login":         "login refused | 401 INVALID_LOGIN_ATTEMPT",
	"restlet-invalid-login-text":    "login refused | 401 INVALID_LOGIN_ATTEMPT",
	"restlet-not-found":             "not found | 404 SSS_INVALID_SCRIPTLET_ID",
	"restlet-thrown":                "<nil> | 400 UNEXPECTED_ERROR",
	"revoke":                        "revoked",
	"server-time":                   "2025-03-26T16:21:00Z",
	"suiteql-middle-page":           `[{"name":"Sales Order","permkey":"TRAN_SALESORD","permlevel":"1","restriction":"-1","role":"1000"} {"name":"Items","permkey":"LIST_ITEM","permlevel":"4","restriction":"-1","role":"1000"}] offset 2 of 9, more true`,
	"suiteql-single-page":           `[{"id":"-5","email":"admin@globex.example","isinactive":"F"}] offset 0 of 1, more false`,
	"suiteql-unknown-column":        "<nil> | 400 INVALID_PARAMETER",
	"token-client-credentials":      "Bearer 1h0m0s aGVhZGVy.YWNjZXNz.c2lnbmF0dXJl",
	"token-code":                    "Bearer 1h0m0s aGVhZGVy.YWNjZXNz.c2lnbmF0dXJl aGVhZGVy.cmVmcmVzaA.c2lnbmF0dXJl",
	"token-code-number":             "Bearer 1h0m0s aGVhZGVy.YWNjZXNz.c2lnbmF0dXJl aGVhZGVy.cmVmcmVzaA.c2lnbmF0dXJl",
	"token-invalid-client":          "invalid_client | 401 invalid_client",
	"token-invalid-grant":           "invalid_grant | 400 invalid_grant",
	"token-invalid-request":         "invalid_request | 400 invalid_request",
	"token-invalid-scope":           "invalid_scope | 400 invalid_scope",
	"token-refresh-confidential":    "Bearer 1h0m0s aGVhZGVy.YWNjZXNz.c2lnbmF0dXJl aGVhZGVy.b2xk.c2lnbmF0dXJl",
	"token-refresh-public":          "Bearer 1h0m0s aGVhZGVy.YWNjZXNz.c2lnbmF0dXJl aGVhZGVy.bmV3.c2lnbmF0dXJl",
	"token-unauthorized-client":     "unauthorized_client | 400 unauthorized_client",
}

// TestWireExamples: every recorded answer is read into the documented result.
func TestWireExamples(t *testing.T) {
	examples, err := wire.Examples()
	if err != nil {
		t.Fatal(err)
	}
	left := maps.Clone(wireResults)
	for _, x := range examples {
		if x.Notes["call"] == callNotMade {
			continue
		}
		delete(left, x.Name)
		t.Run(x.Name, func(t *testing.T) {
			want, known := wireResults[x.Name]
			call := wireCalls[x.Notes["call"]]
			if !known || call == nil {
				t.Fatalf("wire/examples/%s.http, source %s: say what the client makes of it, and of the call %q", x.Name, x.Notes["source"], x.Notes["call"])
			}
			site := startSite(t, func(w http.ResponseWriter, r *http.Request) {
				here := strings.NewReplacer("https://1234567.suitetalk.api.netsuite.com", "http://"+r.Host)
				for name := range x.AnswerHeader {
					w.Header().Set(name, here.Replace(x.AnswerHeader.Get(name)))
				}
				w.WriteHeader(x.Status)
				_, _ = here.WriteString(w, x.AnswerBody)
			})
			v, err := call(wireClient{t, site.Site, x})
			if got := shown(v, err); got != want {
				t.Errorf("wire/examples/%s.http, source %s:\ngot  %s\nwant %s", x.Name, x.Notes["source"], got, want)
			}
		})
	}
	for name := range left {
		t.Errorf("wireResults has %s, for which there is no example", name)
	}
}

func shown(v any, err error) string {
	var refused *Error
	switch {
	case errors.As(err, &refused):
		return strings.TrimRight(fmt.Sprintf("%v | %d %s %s", refused.Err, refused.Status, refused.Code, refused.Locator), " ")
	case err != nil:
		return err.Error()
	}
	if at, isTime := v.(time.Time); isTime {
		return at.Format(time.RFC3339Nano)
	}
	return strings.ReplaceAll(fmt.Sprintf("%+v", v), "+0000 UTC", "UTC")
}
