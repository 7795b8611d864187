// NetSuite by fetch and oauth4webapi, with an ES256 assertion.
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as oauth from 'oauth4webapi';
import { env, tokenURL, work } from './netsuite.mjs';

const der = createPrivateKey(await readFile(env.NETSUITE_KEY_FILE)).export({ type: 'pkcs8', format: 'der' });
const key = await crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
const authentication = oauth.PrivateKeyJwt({ key, kid: env.NETSUITE_CERTIFICATE_ID }, {
  [oauth.modifyAssertion](_header, claims) { // NetSuite wants the token endpoint as audience, and the scope in here
    claims.aud = tokenURL;
    claims.scope = ['rest_webservices'];
  },
});
const server = { issuer: new URL(tokenURL).origin, token_endpoint: tokenURL };
const client = { client_id: env.NETSUITE_CLIENT_ID };
const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, new URLSearchParams());
await work((await oauth.processClientCredentialsResponse(server, client, response)).access_token);
