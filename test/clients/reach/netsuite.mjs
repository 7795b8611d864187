// What the two Node clients share: addresses, and the calls that follow a token. Against the emulator set HTTPS_PROXY and
// NODE_EXTRA_CA_CERTS, and let fetch heed the proxy: NODE_USE_ENV_PROXY=1 from Node 22.21 and 24.5 on, before that
// node --import ./proxy.mjs. Nothing here knows of it.
import { readFile } from 'node:fs/promises';

export const env = process.env;
const host = `${env.NETSUITE_ACCOUNT.toLowerCase().replaceAll('_', '-')}.suitetalk.api.netsuite.com`;
const auth = `https://${host}/services/rest/auth/oauth2/v1`;
export const tokenURL = `${auth}/token`;

/** Uploads the next certificate, and prints the answer to one SuiteQL query. */
export async function work(token) {
  await call(token, `${auth}/clients/${env.NETSUITE_CLIENT_ID}/certificates`, {
    fileContent: await readFile(env.NETSUITE_NEW_CERTIFICATE, 'utf8'), role: Number(env.NETSUITE_ROLE), entity: Number(env.NETSUITE_ENTITY),
  });
  const query = { q: 'SELECT id, companyname FROM customer ORDER BY id' };
  console.log(JSON.stringify(await call(token, `https://${host}/services/rest/query/v1/suiteql?limit=3`, query)));
}

async function call(token, url, body) {
  return read(await fetch(url, {
    method: 'POST', body: JSON.stringify(body),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Prefer: 'transient' },
  }));
}

/** The JSON of a good answer. */
export async function read(response) {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response.json();
}
