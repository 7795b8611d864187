package httpapi

import (
	"encoding/json"
	"net/http"
)

// metadata describes the token endpoint (RFC 8414 section 2). There is no authorization endpoint, so there are no response types. The
// parameters that choose a connection are our own, so they are named under a name of our own.
func metadata(issuer string) []byte {
	body, _ := json.Marshal(struct {
		Issuer        string   `json:"issuer"`
		TokenEndpoint string   `json:"token_endpoint"`
		ResponseTypes []string `json:"response_types_supported"`
		GrantTypes    []string `json:"grant_types_supported"`
		AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
		Selectors     []string `json:"suitekey_token_parameters_supported"`
	}{
		Issuer: issuer, TokenEndpoint: issuer + "/oauth2/token",
		ResponseTypes: []string{}, GrantTypes: []string{grantType}, AuthMethods: []string{"client_secret_basic", "client_secret_post"},
		Selectors: []string{"resource", "end_user"},
	})
	return append(body, '\n')
}

func (a *API) handleMetadata(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(a.metadata)
}
