"""NetSuite by Python's standard library and the openssl command: a token by an ES256 assertion, the upload of the next
certificate, one SuiteQL query. Against the emulator set HTTPS_PROXY and SSL_CERT_FILE; nothing here knows of it."""

import base64
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request

env = os.environ
host = env["NETSUITE_ACCOUNT"].lower().replace("_", "-") + ".suitetalk.api.netsuite.com"
auth = f"https://{host}/services/rest/auth/oauth2/v1"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_es256(data: bytes) -> bytes:
    """openssl gives SEQUENCE {r, s} in DER; RFC 7518 section 3.4 wants r and s of 32 bytes each."""
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", env["NETSUITE_KEY_FILE"]],
                         input=data, stdout=subprocess.PIPE, check=True).stdout
    r_end = 4 + der[3]
    r, s = der[4:r_end], der[r_end + 2:]
    return b"".join(int.from_bytes(n, "big").to_bytes(32, "big") for n in (r, s))


def assertion() -> str:
    now = int(time.time())
    header = {"typ": "JWT", "alg": "ES256", "kid": env["NETSUITE_CERTIFICATE_ID"]}
    claims = {"iss": env["NETSUITE_CLIENT_ID"], "scope": ["rest_webservices"], "aud": auth + "/token", "iat": now, "exp": now + 300}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return signed + "." + base64url(sign_es256(signed.encode()))


def post(url: str, body: bytes, **headers: str) -> dict:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


token = post(auth + "/token", urllib.parse.urlencode({
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": assertion(),
}).encode())["access_token"]
headers = {"Authorization": "Bearer " + token, "Content_Type": "application/json"}

with open(env["NETSUITE_NEW_CERTIFICATE"]) as file:
    certificate = {"fileContent": file.read(), "role": int(env["NETSUITE_ROLE"]), "entity": int(env["NETSUITE_ENTITY"])}
post(f"{auth}/clients/{env['NETSUITE_CLIENT_ID']}/certificates", json.dumps(certificate).encode(), **headers)

query = {"q": "SELECT id, companyname FROM customer ORDER BY id"}
print(json.dumps(post(f"https://{host}/services/rest/query/v1/suiteql?limit=3", json.dumps(query).encode(), Prefer="transient", **headers)))
