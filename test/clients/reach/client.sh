#!/usr/bin/env bash
# NetSuite by curl and openssl: a token by a PS256 assertion, the upload of the next certificate, one SuiteQL query.
# Against the emulator set HTTPS_PROXY and CURL_CA_BUNDLE; nothing here knows of it.
set -euo pipefail

host=$(tr 'A-Z_' 'a-z-' <<<"$NETSUITE_ACCOUNT").suitetalk.api.netsuite.com
auth=https://$host/services/rest/auth/oauth2/v1

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

assertion() {
	local now input
	now=$(date +%s)
	input=$(printf '{"typ":"JWT","alg":"PS256","kid":"%s"}' "$NETSUITE_CERTIFICATE_ID" | base64url)
	input+=.$(printf '{"iss":"%s","scope":["rest_webservices"],"aud":"%s/token","iat":%d,"exp":%d}' \
		"$NETSUITE_CLIENT_ID" "$auth" "$now" $((now + 300)) | base64url)
	printf '%s.%s' "$input" "$(printf %s "$input" | openssl dgst -sha256 -sign "$NETSUITE_KEY_FILE" \
		-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -binary | base64url)"
}

# The assertion and the token go to curl by standard input and by a file, so that no process list shows them.
token=$(assertion | curl --silent --show-error --fail-with-body "$auth/token" \
	--data grant_type=client_credentials \
	--data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
	--data-urlencode client_assertion@- | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')

call() { curl --silent --show-error --fail-with-body --header @<(printf 'Authorization: Bearer %s' "$token") "$@"; }

pem=$(awk '{ printf "%s\\n", $0 }' "$NETSUITE_NEW_CERTIFICATE") # one line, as JSON wants it
call "$auth/clients/$NETSUITE_CLIENT_ID/certificates" --header 'Content-Type: application/json' \
	--data "{\"fileContent\":\"$pem\",\"role\":$NETSUITE_ROLE,\"entity\":$NETSUITE_ENTITY}" >/dev/null

call "https://$host/services/rest/query/v1/suiteql?limit=3" --header 'Content-Type: application/json' --header 'Prefer: transient' \
	--data '{"q":"SELECT id, companyname FROM customer ORDER BY id"}'
