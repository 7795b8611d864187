// NetSuite by fetch and jsrsasign, with a PS256 assertion.
import { readFile } from 'node:fs/promises';
import jsrsasign from 'jsrsasign';
import { env, read, tokenURL, work } from './netsuite.mjs';

const key = jsrsasign.KEYUTIL.getKey(await readFile(env.NETSUITE_KEY_FILE, 'utf8'));
const now = Math.floor(Date.now() / 1000);
const header = { typ: 'JWT', alg: 'PS256', kid: env.NETSUITE_CERTIFICATE_ID };
const claims = { iss: env.NETSUITE_CLIENT_ID, scope: ['rest_webservices'], aud: tokenURL, iat: now, exp: now + 300 };
const answer = await read(await fetch(tokenURL, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: jsrsasign.KJUR.jws.JWS.sign(header.alg, JSON.stringify(header), JSON.stringify(claims), key),
  }),
}));
await work(answer.access_token);
