// Takes a token from NetSuite's token endpoint with an assertion that oauth4webapi makes (private_key_jwt). NetSuite wants two
// things of its own: scope inside the assertion, and the token endpoint as audience.
import * as oauth from 'oauth4webapi';
import { webcrypto } from 'node:crypto';
import { answer, input } from './stdin.mjs';

const algorithms = {
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
};
const der = Buffer.from(input.key, 'base64'); // PKCS #8
const key = await webcrypto.subtle.importKey('pkcs8', der, algorithms[input.alg], false, ['sign']);
const authentication = oauth.PrivateKeyJwt({ key, kid: input.kid }, {
  [oauth.modifyAssertion](_header, payload) {
    payload.aud = input.token_url;
    payload.scope = input.scope;
  },
});
const server = { issuer: new URL(input.token_url).origin, token_endpoint: input.token_url };
const client = { client_id: input.client_id };
const response = await oauth.clientCredentialsGrantRequest(
  server, client, authentication, new URLSearchParams(), { [oauth.allowInsecureRequests]: true },
);
answer(await oauth.processClientCredentialsResponse(server, client, response));
