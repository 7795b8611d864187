// Command reach talks to NetSuite by Go's standard library alone: a token by an ES256 assertion, the upload of the next
// certificate, one SuiteQL query. Against the emulator set HTTPS_PROXY and SSL_CERT_FILE; nothing here knows of it.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	host := strings.ReplaceAll(strings.ToLower(os.Getenv("NETSUITE_ACCOUNT")), "_", "-") + ".suitetalk.api.netsuite.com"
	auth := "https://" + host + "/services/rest/auth/oauth2/v1"

	var token struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {assertion(auth + "/token")},
	}
	body := post(auth+"/token", "", "application/x-www-form-urlencoded", form.Encode())
	check(json.Unmarshal(body, &token))

	post(auth+"/clients/"+os.Getenv("NETSUITE_CLIENT_ID")+"/certificates", token.AccessToken, "application/json", encode(map[string]any{
		"fileContent": string(must(os.ReadFile(os.Getenv("NETSUITE_NEW_CERTIFICATE")))),
		"role":        must(strconv.Atoi(os.Getenv("NETSUITE_ROLE"))), "entity": must(strconv.Atoi(os.Getenv("NETSUITE_ENTITY"))),
	}))
	query := map[string]string{"q": "SELECT id, companyname FROM customer ORDER BY id"}
	fmt.Printf("%s\n", post("https://"+host+"/services/rest/query/v1/suiteql?limit=3", token.AccessToken, "application/json", encode(query)))
}

// assertion is signed by the P-256 key of NETSUITE_KEY_FILE (RFC 7515, RFC 7518 section 3.4).
func assertion(audience string) string {
	block, _ := pem.Decode(must(os.ReadFile(os.Getenv("NETSUITE_KEY_FILE"))))
	key := must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*ecdsa.PrivateKey)
	now := time.Now().Unix()
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64([]byte(encode(map[string]string{"typ": "JWT", "alg": "ES256", "kid": os.Getenv("NETSUITE_CERTIFICATE_ID")}))) + "." + b64([]byte(encode(map[string]any{
		"iss": os.Getenv("NETSUITE_CLIENT_ID"), "scope": []string{"rest_webservices"}, "aud": audience, "iat": now, "exp": now + 300,
	})))
	digest := crypto.SHA256.New()
	digest.Write([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest.Sum(nil))
	check(err)
	signature := make([]byte, 2*sha256.Size)
	r.FillBytes(signature[:sha256.Size])
	s.FillBytes(signature[sha256.Size:])
	return signed + "." + b64(signature)
}

func post(address, bearer, contentType, body string) []byte {
	req := must(http.NewRequest(http.MethodPost, address, strings.NewReader(body)))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Prefer", "transient")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res := must(http.DefaultClient.Do(req)) // whose transport heeds HTTPS_PROXY
	defer res.Body.Close()
	answer := must(io.ReadAll(res.Body))
	if res.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s %s", req.URL.Path, res.Status, answer)
	}
	return answer
}

func encode(v any) string { return string(must(json.Marshal(v))) }

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
